"""All jobs of a process share one event loop."""

import asyncio
import threading

import pytest

from opperweb import loop


def test_jobs_of_all_threads_meet_on_one_loop():
    loops = []

    async def note():
        loops.append(asyncio.get_running_loop())

    threads = [threading.Thread(target=lambda: loop.run(note())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loop.run(note())
    assert len(loops) == 4
    assert len(set(loops)) == 1


def test_what_a_job_raises_is_raised():
    async def fail():
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        loop.run(fail())


def test_a_running_job_can_be_told_to_stop_and_may_say_a_last_word():
    began, last_word, ended = threading.Event(), threading.Event(), []

    async def wait_for_ever():
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            last_word.set()
            raise

    def job():
        try:
            loop.run(wait_for_ever())
        except loop.Stopped:
            ended.append(True)

    thread = threading.Thread(target=job, daemon=True)
    thread.start()
    assert began.wait(5)
    assert loop.cancel_running() == 1
    thread.join(5)
    assert last_word.wait(5)
    assert ended == [True]
