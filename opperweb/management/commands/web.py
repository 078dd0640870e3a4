"""`./run web`: pages and API alone; background work is another process's."""

from __future__ import annotations

import gc
import socket
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from opperweb import startup, supervisor, tree

# Of the 10 s that a stop may take: then running requests are cancelled and recorded as stopped.
GRACE_S = 6
COLLECTED_AFTER = 20_000


class Command(BaseCommand):
    help = "Serve pages and API."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, help="serve on this open socket, as one of several processes")
        parser.add_argument("--lifeline", type=int, help="end when the other end of this pipe is closed")

    def handle(self, *args: Any, fd: int | None = None, lifeline: int | None = None, **options: Any) -> None:
        if fd is not None:
            supervisor.follow(lifeline)
            serve(socket.socket(fileno=fd))
            return
        with startup.listen() as listener:
            startup.prepare()
            status = tree.run(listener, web=settings.WEB_WORKERS, worker=False, say=self._say)
        if status:
            raise SystemExit(status)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def serve(listener: socket.socket) -> None:
    """Serve until a signal comes."""
    # What the start has made stays: the collector need not look at it again, nor run for every 700 new objects.
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER, 20, 20)
    config = uvicorn.Config(
        "opperweb.asgi:application",
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
        backlog=2048,
    )
    uvicorn.Server(config).run(sockets=[listener])
