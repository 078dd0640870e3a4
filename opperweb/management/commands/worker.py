"""`./run worker`: background work alone, with the periodic jobs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from opperweb import startup, supervisor, worker


class Command(BaseCommand):
    help = "Do background work and the periodic jobs."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--lifeline", type=int, help="end when the other end of this pipe is closed")

    def handle(self, *args: Any, lifeline: int | None = None, **options: Any) -> None:
        if lifeline is None:
            startup.prepare()
            self.stdout.write("opperweb worker is ready")
            self.stdout.flush()
        supervisor.follow(lifeline)
        status = worker.work()
        if status:
            raise SystemExit(status)
