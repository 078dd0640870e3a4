"""Keep what examples are found by up to date with them, and look words up in it.

The words of each example stand in a table of their own, the same for both databases. On it lies the full-text index:
an FTS5 table that triggers keep in step in SQLite, a GIN index in PostgreSQL. What goes with an example, or with its
function, goes from there too.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import connection

from functions.few_shot import embedding
from functions.few_shot.text import digest_of, text_of, words_of
from functions.models import DatasetExample, ExampleVector, ExampleWords, Function

ROWS_AT_ONCE = 500
TABLE = "functions_examplewords"
VECTOR = f"array_to_tsvector(string_to_array({TABLE}.words, ' '))"
SQLITE = (
    # The words are folded already: nothing but the spaces between them is looked at.
    f"CREATE VIRTUAL TABLE {TABLE}_fts USING fts5"
    f"(words, content='{TABLE}', content_rowid='example_id', tokenize='ascii', detail='none', columnsize=0)",
    f"CREATE TRIGGER {TABLE}_added AFTER INSERT ON {TABLE} BEGIN "
    f"INSERT INTO {TABLE}_fts (rowid, words) VALUES (new.example_id, new.words); END",
    f"CREATE TRIGGER {TABLE}_removed AFTER DELETE ON {TABLE} BEGIN "
    f"INSERT INTO {TABLE}_fts ({TABLE}_fts, rowid, words) VALUES ('delete', old.example_id, old.words); END",
    f"CREATE TRIGGER {TABLE}_changed AFTER UPDATE ON {TABLE} BEGIN "
    f"INSERT INTO {TABLE}_fts ({TABLE}_fts, rowid, words) VALUES ('delete', old.example_id, old.words); "
    f"INSERT INTO {TABLE}_fts (rowid, words) VALUES (new.example_id, new.words); END",
)
POSTGRESQL = (
    # Every search would read what waits to be put in order: so nothing waits.
    f"CREATE INDEX {TABLE}_found ON {TABLE} USING gin (({VECTOR})) WITH (fastupdate = off)",
)
# A word at a time, by a join: of many queries put together PostgreSQL thinks that they are worth another process.
POSTGRESQL_SEARCH = (
    "SELECT asked.place::int - 1, found.example_id FROM unnest(%s::text[]) WITH ORDINALITY AS asked (word, place), "
    f"LATERAL (SELECT example_id FROM {TABLE} WHERE {VECTOR} @@ asked.word::tsquery OFFSET 0) AS found"
)


def index_sql(vendor: str) -> Sequence[str]:
    """Return the statements that make the full-text index."""
    return SQLITE if vendor == "sqlite" else POSTGRESQL


def unindex_sql(vendor: str) -> Sequence[str]:
    """Return the statements that remove it."""
    if vendor != "sqlite":
        return (f"DROP INDEX {TABLE}_found",)
    triggers = (f"DROP TRIGGER {TABLE}_{name}" for name in ("added", "removed", "changed"))
    return (*triggers, f"DROP TABLE {TABLE}_fts")


def changed(function: Function, examples: Sequence[DatasetExample]) -> None:
    """Find these examples by what they say now; in the transaction that writes them."""
    for start in range(0, len(examples), ROWS_AT_ONCE):
        _index(function, examples[start : start + ROWS_AT_ONCE])
    if examples:
        embedding.embed_later(function)


def removed(function: Function, keys: Sequence[int]) -> None:
    """Find these examples no more; in the transaction that removes them.

    Their words and vectors would go with their rows anyway; nothing else is kept of them.
    """
    for start in range(0, len(keys), ROWS_AT_ONCE):
        some = keys[start : start + ROWS_AT_ONCE]
        ExampleWords.objects.filter(example_id__in=some).delete()
        ExampleVector.objects.filter(example_id__in=some).delete()


def marked(function_id: uuid.UUID, text: str) -> str:
    """Return the words of a text as they are kept for a function."""
    mark = mark_of(function_id)
    return " ".join(mark + word for word in words_of(text))


def mark_of(function_id: uuid.UUID) -> str:
    """Return what stands before each word of a function. Two may share it: it spares work and decides nothing."""
    return function_id.hex[-6:]


def examples_by_word(words: Sequence[str]) -> list[tuple[int, int]]:
    """Look marked words up: pairs of the place of a word in the list and the key of an example that it is in."""
    if not words:
        return []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            one = f"SELECT %s, rowid FROM {TABLE}_fts WHERE {TABLE}_fts MATCH %s"
            places = [value for place, word in enumerate(words) for value in (place, f'"{word}"')]
            cursor.execute(" UNION ALL ".join([one] * len(words)), places)
        else:
            cursor.execute(POSTGRESQL_SEARCH, [[f"'{word}'" for word in words]])
        return [(int(place), int(key)) for place, key in cursor.fetchall()]


def _index(function: Function, examples: Sequence[DatasetExample]) -> None:
    texts = [text_of(example.input) for example in examples]
    rows = [
        ExampleWords(example_id=example.key, words=marked(function.pk, text), digest=digest_of(text))
        for example, text in zip(examples, texts, strict=True)
    ]
    ExampleWords.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["example"], update_fields=["words", "digest"]
    )
    # A vector of other words would say how near something is that is no longer there.
    digests = {row.example_id: row.digest for row in rows}
    vectors = ExampleVector.objects.filter(example_id__in=digests).values_list("example_id", "digest")
    outdated = [key for key, digest in vectors if digests[key] != digest]
    if outdated:
        ExampleVector.objects.filter(example_id__in=outdated).delete()
