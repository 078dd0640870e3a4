"""An invitation lets one person in, once, within its time."""

import pytest
from django.utils import timezone

from opperweb.accounts.joining import InvitationGone, accept, find_invitation, invite
from opperweb.accounts.models import Invitation, Membership, Role


def test_an_invitation_makes_a_member_once(alice, charlie, bob, project, other_project):
    invitation, secret = invite(project, Role.EDITOR, by=alice)
    assert find_invitation(secret) == invitation
    assert accept(invitation, charlie).role == Role.EDITOR
    assert find_invitation(secret) is None
    bob.memberships.all().delete()
    with pytest.raises(InvitationGone):
        accept(invitation, bob)


def test_a_member_keeps_their_role_and_the_link_stays(alice, bob, project):
    invitation, secret = invite(project, Role.OWNER, by=alice)
    assert accept(invitation, bob).role == Role.READER
    assert find_invitation(secret) == invitation


def test_an_invitation_ends_with_its_time(alice, charlie, project):
    invitation, secret = invite(project, Role.READER, by=alice)
    Invitation.objects.update(expires_at=timezone.now())
    assert find_invitation(secret) is None
    with pytest.raises(InvitationGone):
        accept(invitation, charlie)
    assert not Membership.objects.filter(user=charlie, project=project).exists()
