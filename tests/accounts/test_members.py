"""A project always keeps an owner."""

import pytest

from opperweb.accounts.members import LastOwner, change_role, remove
from opperweb.accounts.models import Membership, Role


def place(user, project) -> Membership:
    return Membership.objects.get(user=user, project=project)


def test_the_last_owner_can_neither_be_demoted_nor_removed(alice, bob, project):
    with pytest.raises(LastOwner):
        change_role(place(alice, project), Role.EDITOR)
    with pytest.raises(LastOwner):
        remove(place(alice, project))
    assert place(alice, project).role == Role.OWNER


def test_with_a_second_owner_the_first_may_go(alice, bob, project):
    change_role(place(bob, project), Role.OWNER)
    remove(place(alice, project))
    assert list(project.members.all()) == [bob]
