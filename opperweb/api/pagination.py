"""Pages of the API: `offset` and `limit` in, `{"meta": {"total_count"}, "data": [...]}` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from opperweb.api.errors import Invalid

MAX_LIMIT = 100
# Beyond what a database can count to; PostgreSQL's bigint ends there.
MAX_OFFSET = 2**63 - 1 - MAX_LIMIT


# What `window_of` reads, for the OpenAPI document.
PAGING = (
    OpenApiParameter("offset", int, description="How many to pass over; 0 by default."),
    OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}; {MAX_LIMIT} by default."),
)


class Meta(serializers.Serializer[Any]):
    total_count = serializers.IntegerField(help_text="All of them, not only those of this page.")


def page_of(item: type[serializers.BaseSerializer[Any]]) -> type[serializers.Serializer[Any]]:
    """Return the shape of a page of these, for the OpenAPI document."""
    return type(f"{item.__name__}Page", (serializers.Serializer,), {"meta": Meta(), "data": item(many=True)})


class Page(LimitOffsetPagination):
    """Contract section 2: offset ≥ 0, limit 1 to 100, default 100; outside of that 422."""

    default_limit = MAX_LIMIT
    max_limit = MAX_LIMIT

    def get_limit(self, request: Request) -> int:
        return window_of(request.query_params).limit

    def get_offset(self, request: Request) -> int:
        return window_of(request.query_params).offset

    def get_paginated_response(self, data: Any) -> Response:
        return Response(page(self.count or 0, data))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        meta = {"type": "object", "properties": {"total_count": {"type": "integer"}}, "required": ["total_count"]}
        return {
            "type": "object",
            "required": ["meta", "data"],
            "properties": {"meta": meta, "data": schema},
        }


@dataclass(frozen=True)
class Window:
    """The part of a list that is asked for."""

    offset: int
    limit: int

    def of(self, rows: Any) -> list[Any]:
        return list(rows[self.offset : self.offset + self.limit])


def window_of(query: Mapping[str, Any]) -> Window:
    """Return the part of a list that a query string asks for; refuse numbers outside of the bounds."""
    return Window(
        offset=whole_number(query, "offset", default=0, least=0, most=MAX_OFFSET),
        limit=whole_number(query, "limit", default=MAX_LIMIT, least=1, most=MAX_LIMIT),
    )


def page(total_count: int, data: Any) -> dict[str, Any]:
    """Return a page as the API answers it."""
    return {"meta": {"total_count": total_count}, "data": data}


def whole_number(query: Mapping[str, Any], name: str, *, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None or text == "":
        return default
    try:
        number = int(text) if len(text) <= 20 and text.isascii() else None
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        # A bound that only a database knows would be no help.
        bounds = f", {least} or more" if most == MAX_OFFSET else f" from {least} to {most}"
        raise Invalid.at(["query", name], f"must be a whole number{bounds}", value=text)
    return number
