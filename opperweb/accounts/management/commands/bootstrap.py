"""`manage.py bootstrap`: what `./run` does on the first start, where web and worker are started apart."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from opperweb import startup
from opperweb.accounts.bootstrapping import bootstrap


class Command(BaseCommand):
    help = "Make the first person, project and key where there are none, and print them once."

    def handle(self, *args: Any, **options: Any) -> None:
        startup.prepare()
        with startup.only_one():
            report = bootstrap()
        self.stdout.write(
            str(report) if report else "There is a person, a project and a key already; nothing was made."
        )
