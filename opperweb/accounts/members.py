"""Changing who may do what in a project, which always keeps an owner."""

from __future__ import annotations

from django.db import transaction

from opperweb.accounts.models import Membership, Project, Role


class LastOwner(Exception):
    """A project without an owner could never be changed again."""


@transaction.atomic
def change_role(membership: Membership, role: Role) -> None:
    """Give a member another role; raise LastOwner if nobody would be left to own the project."""
    if role != Role.OWNER:
        _keep_an_owner(membership)
    Membership.objects.filter(pk=membership.pk).update(role=role)


@transaction.atomic
def remove(membership: Membership) -> None:
    """Take a member out of the project; raise LastOwner if nobody would be left to own it."""
    _keep_an_owner(membership)
    Membership.objects.filter(pk=membership.pk).delete()


def _keep_an_owner(membership: Membership) -> None:
    # Two owners who leave at the same moment must not both see the other one stay.
    Project.objects.select_for_update().get(pk=membership.project_id)
    owners = Membership.objects.filter(project=membership.project_id, role=Role.OWNER)
    if list(owners.values_list("pk", flat=True)) == [membership.pk]:
        raise LastOwner
