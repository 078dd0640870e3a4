"""A limit for each of many steps."""

from __future__ import annotations

import asyncio

import pytest

from opperweb.watch import Watch

LONG, SHORT = 60.0, 0.01


def in_(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_a_step_that_takes_too_long_is_cut_off():
    watch = Watch()
    with pytest.raises(TimeoutError), watch.until(in_(SHORT)):
        await asyncio.Event().wait()
    # The task itself goes on as if nothing had been.
    await asyncio.sleep(0)
    watch.stop()


async def test_one_timer_serves_many_steps():
    watch, loop = Watch(), asyncio.get_running_loop()
    with watch.until(in_(LONG)):
        await asyncio.sleep(0)
    timer = watch._timer
    for _ in range(3):
        with watch.until(in_(LONG)):
            await asyncio.sleep(0)
    assert watch._timer is timer
    assert timer is not None
    assert timer.when() > loop.time()
    watch.stop()
    assert timer.cancelled()


async def test_a_step_that_must_be_quicker_than_the_one_before_is_cut_off_in_time():
    watch = Watch()
    with watch.until(in_(LONG)):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), watch.until(in_(SHORT)):
        await asyncio.Event().wait()
    watch.stop()


async def test_a_timer_that_rings_too_early_looks_again():
    watch = Watch()
    with watch.until(in_(SHORT)):
        await asyncio.sleep(0)
    # The timer of the step before rings in the middle of this one.
    reached = asyncio.Event()
    asyncio.get_running_loop().call_later(3 * SHORT, reached.set)
    with watch.until(in_(LONG)):
        await reached.wait()
    assert watch._timer is not None
    watch.stop()


async def test_nothing_is_cut_off_between_two_steps():
    watch = Watch()
    with watch.until(in_(SHORT)):
        await asyncio.sleep(0)
    rung = asyncio.Event()
    asyncio.get_running_loop().call_later(3 * SHORT, rung.set)
    await rung.wait()
    with watch.until(in_(LONG)):
        await asyncio.sleep(0)
    watch.stop()


async def test_whoever_is_stopped_is_stopped():
    watch, begun = Watch(), asyncio.Event()

    async def work() -> None:
        with watch.until(in_(LONG)):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    watch.stop()


async def test_what_goes_wrong_in_a_step_is_told_as_it_is():
    watch = Watch()
    with pytest.raises(ValueError, match="broken"), watch.until(in_(LONG)):
        raise ValueError("broken")
    watch.stop()
