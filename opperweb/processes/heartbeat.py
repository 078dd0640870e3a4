"""This process's sign of life: a row that a thread of its own touches as long as the process lives."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import Error, connection
from django.utils import timezone

from opperweb.ids import uuid7
from opperweb.processes.models import Process

logger = logging.getLogger(__name__)

_id = uuid7()
_pid = os.getpid()
_thread: threading.Thread | None = None
_stopping = threading.Event()


def start(kind: str) -> uuid.UUID:
    """Make this process's row, forget those of processes here that are gone, and begin to give signs of life."""
    global _thread
    forget_the_dead()
    _touch(kind)
    if _thread is None:
        _stopping.clear()
        _thread = threading.Thread(target=_beat, args=(kind,), name="heartbeat", daemon=True)
        _thread.start()
    return _own_id()


def stop() -> None:
    """Delete the row: the process ends of its own will."""
    global _thread
    _stopping.set()
    if _thread is not None:
        _thread.join(timeout=5)
        _thread = None
    try:
        Process.objects.filter(pk=_own_id()).delete()
    except Error as problem:
        logger.warning("the end of this process could not be recorded: %s", _first_line(problem))


def current_id() -> uuid.UUID:
    """Return the id of this process's row."""
    # A shell or a test has no thread that beats: it gives a sign of life when it asks.
    if _thread is None:
        _touch(Process.Kind.WEB)
    return _own_id()


def beating_id() -> uuid.UUID | None:
    """Return the id of this process's row without a look into the database; None where nothing beats."""
    return None if _thread is None else _own_id()


def is_first_worker() -> bool:
    """Tell whether this is the oldest living worker: the one that runs the periodic jobs."""
    first = Process.objects.alive().filter(kind=Process.Kind.WORKER).order_by("id").values_list("pk", flat=True).first()
    return first == _own_id()


def forget_the_dead() -> None:
    """Delete the rows of this machine's processes that are gone, at once instead of after a silence."""
    for process in Process.objects.filter(host=host()).exclude(pk=_own_id()):
        if not _is_running(process):
            process.delete()


def host() -> str:
    """Name this machine, and in a container the space its process numbers count in."""
    try:
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def _own_id() -> uuid.UUID:
    global _id, _pid
    # A fork is another process.
    if os.getpid() != _pid:
        _id, _pid = uuid7(), os.getpid()
    return _id


def _beat(kind: str) -> None:
    while not _stopping.wait(Process.BEAT.total_seconds()):
        try:
            _touch(kind)
        except Error as problem:
            logger.warning("no sign of life could be given: %s", _first_line(problem))
        finally:
            connection.close()


def _first_line(problem: Error) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]


def _touch(kind: str) -> None:
    Process.objects.update_or_create(
        pk=_own_id(),
        defaults={"seen_at": timezone.now()},
        create_defaults={
            "kind": kind,
            "host": host(),
            "pid": os.getpid(),
            "started_at": _started_at(os.getpid()) or timezone.now(),
            "seen_at": timezone.now(),
        },
    )


def _is_running(process: Process) -> bool:
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # A number is given out again: it is the same process only if it began when the row says.
    started_at = _started_at(process.pid)
    return started_at is None or abs(started_at - process.started_at) < timedelta(seconds=3)


def _started_at(pid: int) -> datetime | None:
    """Return when a process of this machine began; None where the system does not tell."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    age = uptime_s - ticks / os.sysconf("SC_CLK_TCK")
    return datetime.now(UTC) - timedelta(seconds=age)
