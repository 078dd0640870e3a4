"""A project's address comes from its name and is its own."""

import pytest

from opperweb.accounts.founding import found


@pytest.mark.parametrize(
    ("name", "slug"), [("River Works", "river-works"), ("Acme", "acme-2"), ("new", "new-2"), ("惑星", "project")]
)
def test_the_address_is_made_from_the_name(alice, project, name, slug):
    made = found(name, owner=alice)
    assert (made.slug, made.name) == (slug, name)
    assert made.memberships.get().is_owner
