"""./run demo: sample traces and functions in the first project; with --remove they are gone again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from functions import samples
from opperweb.accounts.models import Project


class Command(BaseCommand):
    help = "Load sample traces and functions into the first project, or remove them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true", help="remove the samples")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.order_by("created_at", "pk").first()
        if project is None:
            raise CommandError("There is no project yet; ./run makes the first one.")
        if options["remove"]:
            self.stdout.write(f"Removed {samples.remove(project)} sample traces and their functions from {project}.")
        else:
            self.stdout.write(f"Loaded {samples.load(project)} sample traces and their functions into {project}.")
