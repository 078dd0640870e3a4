"""The edits that a table of fields takes, and what is said of one that cannot be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from functions.schemas.walk import Path


@dataclass(frozen=True)
class Change:
    """What a field is to be; None leaves a part as it is, and an empty text takes it away.

    `least` and `most` may be text as it was typed. `enum` holds the options of "one of".
    """

    path: Path
    name: str | None = None
    description: str | None = None
    kind: str | None = None
    is_nullable: bool | None = None
    is_required: bool | None = None
    enum: Sequence[Any] | None = None
    least: str | float | None = None
    most: str | float | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Add:
    """A new field, below the field at `path`, or at the root for an empty path."""

    path: Path
    name: str
    kind: str = "text"
    description: str = ""
    is_nullable: bool = False
    is_required: bool = True
    enum: Sequence[Any] | None = None


@dataclass(frozen=True)
class Remove:
    path: Path


@dataclass(frozen=True)
class Move:
    """A field to stand earlier (`by` below 0) or later among those beside it."""

    path: Path
    by: int


@dataclass(frozen=True)
class TableError:
    """An edit that cannot be made. `part` is the part of the field that is wrong: name, kind, enum, least …"""

    path: Path
    message: str
    part: str = ""


Edit: TypeAlias = Change | Add | Remove | Move
