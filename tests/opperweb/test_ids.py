"""Our ids are UUIDs of version 7."""

from opperweb.ids import uuid7


def test_ids_are_of_version_7_and_do_not_repeat() -> None:
    ids = [uuid7() for _ in range(1000)]
    assert {id_.version for id_ in ids} == {7}
    assert {id_.variant for id_ in ids} == {"specified in RFC 4122"}
    assert len(set(ids)) == 1000


def test_ids_made_later_sort_later() -> None:
    first = uuid7()
    while uuid7().int >> 80 == first.int >> 80:
        pass
    assert uuid7() > first
