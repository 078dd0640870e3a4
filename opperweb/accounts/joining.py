"""How people come into a project: by a link that an owner makes and hands over."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from opperweb.accounts.models import Invitation, Membership, Project, Role, User, digest_of, new_invitation_secret


class InvitationGone(Exception):
    """Somebody else has used the link, or its time is over."""


def invite(project: Project, role: Role, *, by: User) -> tuple[Invitation, str]:
    """Make an invitation and return it with its secret, which is nowhere kept."""
    secret = new_invitation_secret()
    invitation = Invitation.objects.create(
        project=project,
        role=role,
        digest=digest_of(secret),
        created_by=by,
        expires_at=timezone.now() + Invitation.VALID_FOR,
    )
    return invitation, secret


def find_invitation(secret: str) -> Invitation | None:
    """Return the invitation of this secret while it can be used."""
    invitations = Invitation.objects.select_related("project", "created_by")
    return invitations.filter(digest=digest_of(secret), accepted_at=None, expires_at__gt=timezone.now()).first()


@transaction.atomic
def accept(invitation: Invitation, user: User) -> Membership:
    """Make the person a member; who is one already keeps the role and leaves the link for another."""
    membership = Membership.objects.filter(project=invitation.project, user=user).first()
    if membership is not None:
        return membership
    now = timezone.now()
    free = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, expires_at__gt=now)
    if not free.update(accepted_at=now):
        raise InvitationGone
    return Membership.objects.create(project=invitation.project, user=user, role=invitation.role)
