"""Paging by key, not by number: "older" and "newer" stay right while rows arrive, and page 1,000 costs what 1 does.

A cursor names the last row seen: its value in the order, and its key. Rows without a value come last, whichever way
the order runs. A cursor that makes no sense is the first page, never an error.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy

PAGE_SIZE = 50
M = TypeVar("M", bound=Model)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**63:
        raise ValueError("beyond what a column holds")
    return number


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > 15:
        raise ValueError("not a sum of money")
    return number


@dataclass(frozen=True)
class Order:
    """The order of a list: a field of its rows and how the field's values are read back out of a cursor."""

    field: str
    read: Callable[[str], Any]
    is_descending: bool = True
    may_be_null: bool = True

    @property
    def expressions(self) -> tuple[str | OrderBy, ...]:
        """What `order_by` takes."""
        return self._expressions(is_descending=self.is_descending, nulls_last=True)

    @property
    def backward(self) -> tuple[str | OrderBy, ...]:
        return self._expressions(is_descending=not self.is_descending, nulls_last=False)

    def _expressions(self, *, is_descending: bool, nulls_last: bool) -> tuple[str | OrderBy, ...]:
        key = "-pk" if is_descending else "pk"
        if not self.may_be_null:
            return (f"{'-' * is_descending}{self.field}", key)
        nulls = {"nulls_last": True} if nulls_last else {"nulls_first": True}
        value = F(self.field)
        return (value.desc(**nulls) if is_descending else value.asc(**nulls), key)

    @classmethod
    def by_time(cls, field: str, *, is_descending: bool = True) -> Order:
        return cls(field, _moment, is_descending, may_be_null=False)

    @classmethod
    def by_number(cls, field: str, *, is_descending: bool = True) -> Order:
        return cls(field, _finite, is_descending)

    @classmethod
    def by_count(cls, field: str, *, is_descending: bool = True) -> Order:
        return cls(field, _whole, is_descending)

    @classmethod
    def by_money(cls, field: str, *, is_descending: bool = True) -> Order:
        return cls(field, _decimal, is_descending)


@dataclass(frozen=True)
class Cursor:
    value: Any
    key: int

    def write(self) -> str:
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        text = json.dumps([None if value is None else str(value), self.key], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, order: Order) -> Cursor | None:
        if not text or len(text) > 200:
            return None
        try:
            value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if value is not None and not isinstance(value, str):
                return None
            if (
                not isinstance(key, int)
                or isinstance(key, bool)
                or abs(key) >= 2**63
                or (value is None and not order.may_be_null)
            ):
                return None
            return cls(None if value is None else order.read(value), key)
        except (ValueError, TypeError, OverflowError, InvalidOperation, RecursionError, binascii.Error):
            return None


@dataclass(frozen=True)
class Page(Generic[M]):
    """One page of a list, with the cursors of the pages beside it where there are any."""

    items: list[M]
    newer: str | None = None
    older: str | None = None


def page_of(rows: QuerySet[M], params: Mapping[str, str], order: Order, *, size: int = PAGE_SIZE) -> Page[M]:
    """Return the page that `after` or `before` in `params` asks for, in one query."""
    after = Cursor.read(params.get("after", ""), order)
    before = None if after else Cursor.read(params.get("before", ""), order)
    if before:
        found = list(_ordered(rows.filter(_beyond(order, before, forward=False)), order, forward=False)[: size + 1])
        items = found[:size][::-1]
        if not items:
            return page_of(rows, {}, order, size=size)
        return Page(
            items, newer=_cursor(items[0], order) if len(found) > size else None, older=_cursor(items[-1], order)
        )
    found = list(
        _ordered(rows.filter(_beyond(order, after, forward=True)) if after else rows, order, forward=True)[: size + 1]
    )
    items = found[:size]
    return Page(
        items,
        newer=_cursor(items[0], order) if after and items else None,
        older=_cursor(items[-1], order) if len(found) > size else None,
    )


@dataclass(frozen=True)
class Place(Generic[M]):
    """Where a row stands in a list, and its neighbours; numbers stop being counted at `most`."""

    number: int
    total: int
    previous: M | None
    next: M | None


def place_of(rows: QuerySet[M], row: M, order: Order, *, most: int) -> Place[M] | None:
    """Return the place of a row of `rows`, in five queries; None where it is not among them."""
    here = rows.filter(pk=row.pk).first()
    if here is None:
        return None
    cursor = Cursor(getattr(here, order.field), here.pk)
    before, after = (rows.filter(_beyond(order, cursor, forward=forward)) for forward in (False, True))
    number = before.order_by().values("pk")[:most].count() + 1
    total = number + after.order_by().values("pk")[: max(most - number, 0)].count()
    previous, next_ = _ordered(before, order, forward=False).first(), _ordered(after, order, forward=True).first()
    return Place(number, total, previous, next_)


def _cursor(row: Model, order: Order) -> str:
    return Cursor(getattr(row, order.field), row.pk).write()


def _ordered(rows: QuerySet[M], order: Order, *, forward: bool) -> QuerySet[M]:
    return rows.order_by(*order.expressions) if forward else rows.order_by(*order.backward)


def _beyond(order: Order, cursor: Cursor, *, forward: bool) -> Q:
    side = "lt" if order.is_descending is forward else "gt"
    same_value = Q(**{f"{order.field}__isnull": True} if cursor.value is None else {order.field: cursor.value})
    beside = same_value & Q(**{f"pk__{side}": cursor.key})
    if cursor.value is None:
        return beside if forward else beside | Q(**{f"{order.field}__isnull": False})
    beyond = beside | Q(**{f"{order.field}__{side}": cursor.value})
    if not order.may_be_null:
        # Says the same once more in a form that an index can begin with.
        return beyond & Q(**{f"{order.field}__{side}e": cursor.value})
    return beyond | Q(**{f"{order.field}__isnull": True}) if forward else beyond
