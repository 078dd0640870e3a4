"""`./run`: everything in one process tree."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from opperweb import startup, tree
from opperweb.accounts.bootstrapping import bootstrap


class Command(BaseCommand):
    help = "Bring the database up to date, make the first user, then serve pages, API and background work."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        with startup.listen() as listener:
            startup.prepare()
            with startup.only_one():
                report = bootstrap()
            if report is not None:
                self.stdout.write(f"{report}\n")
                self.stdout.flush()
            status = tree.run(listener, web=settings.WEB_WORKERS, worker=True, say=self._say)
        if status:
            raise SystemExit(status)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
