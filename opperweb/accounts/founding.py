"""Making a further project, with an address of its own."""

from __future__ import annotations

from itertools import chain, count

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from opperweb.accounts.models import Membership, Project, Role, User

# The page that makes projects lives at this address.
TAKEN = frozenset({"new"})


def found(name: str, *, owner: User, time_zone: str = "UTC") -> Project:
    """Make a project and its owner's place in it."""
    start = slugify(name)[:50].strip("-") or "project"
    for slug in chain([start], (f"{start}-{number}" for number in count(2))):
        if slug in TAKEN or Project.objects.filter(slug=slug).exists():
            continue
        try:
            with transaction.atomic():
                project = Project.objects.create(slug=slug, name=name, time_zone=time_zone)
                Membership.objects.create(project=project, user=owner, role=Role.OWNER)
                return project
        except IntegrityError:
            # Somebody took the address in between: the next one, then.
            continue
    raise AssertionError("numbers do not end")
