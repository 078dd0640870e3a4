"""Which processes make up a running opperweb, and when it is ready."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connections

from opperweb.processes.models import Process
from opperweb.supervisor import Child, Supervisor

PATIENCE_S = 60.0


def run(listener: socket.socket, *, web: int, worker: bool, say: Callable[[str], None]) -> int:
    """Run so many web processes on this socket, and a worker if asked for, until a signal; return the exit status."""
    fd = listener.fileno()
    children = [Child("web", ["web", "--fd", str(fd)], fds=(fd,)) for _ in range(web)]
    if worker:
        children.insert(0, Child("worker", ["worker"]))

    def when_ready() -> None:
        say(f"opperweb is ready at {settings.PUBLIC_URL}")
        # From now on this process only watches the others.
        connections.close_all()

    return Supervisor(children).run(_is_ready, when_ready, patience_s=PATIENCE_S)


def _is_ready(supervisor: Supervisor) -> bool:
    """Tell whether the address answers and every child has given its first sign of life."""
    pids = {child.process.pid for child in supervisor.children if child.process is not None}
    try:
        alive = set(Process.objects.alive().filter(pid__in=pids).values_list("pid", flat=True))
    except Error:
        return False
    return len(alive) == len(supervisor.children) and _answers()


def _answers() -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)
    connection = http.client.HTTPConnection(host, settings.PORT, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
