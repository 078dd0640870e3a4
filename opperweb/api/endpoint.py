"""A plain async view of the API: find the key, read the body, call the handler, put the answer into JSON.

DRF's views do the same for everything that is not on the hot path. `endpoint` also carries a description of each
handler, so that the OpenAPI document lists both kinds.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import JSONParser
from rest_framework.views import APIView

from opperweb import json
from opperweb.accounts.authentication import authenticate
from opperweb.accounts.models import ApiKey
from opperweb.api import errors, idempotency

logger = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Description:
    """What the OpenAPI document says of one handler; serializers as drf-spectacular takes them."""

    summary: str
    tag: str
    request: Any = None
    responses: Any = None
    text: str = ""
    # Those of the query string; what stands in the path is known from the address.
    parameters: Sequence[OpenApiParameter] = ()


def described(
    summary: str,
    *,
    tag: str,
    request: Any = None,
    responses: Any = None,
    parameters: Sequence[OpenApiParameter] = (),
) -> Callable[[Handler], Handler]:
    """Describe a handler for the OpenAPI document; its docstring is the longer text."""

    def decorate(handler: Handler) -> Handler:
        text = (handler.__doc__ or "").strip()
        handler.description = Description(summary, tag, request, responses, text, parameters)  # type: ignore[attr-defined]
        return handler

    return decorate


def streaming(handler: Handler) -> Handler:
    """Mark a handler whose answer comes piece by piece: there is no first answer to return again."""
    handler.is_stream = True  # type: ignore[attr-defined]
    return handler


def endpoint(**handlers: Handler) -> Callable[..., Coroutine[Any, Any, HttpResponse]]:
    """Return the view of one address from its handlers by method: `endpoint(GET=read, DELETE=delete)`.

    A handler is `async (request, key, **values of the path) -> HttpResponse`; it raises ApiError to refuse.
    """

    async def view(request: HttpRequest, **path: Any) -> HttpResponse:
        handler = handlers.get(request.method or "")
        if handler is None:
            return method_not_allowed(request, handlers)
        try:
            key: ApiKey = await authenticate(request)
            repeated = idempotency.key_of(request)
            if repeated is None:
                response: HttpResponse = await handler(request, key, **path)
                return response
            if getattr(handler, "is_stream", False):
                raise errors.ApiError(f"A stream cannot be repeated; leave out {idempotency.HEADER}")
            return await idempotency.once(request, key, repeated, lambda: handler(request, key, **path))
        except Exception as problem:
            error = errors.error_of(problem)
            if error is not None:
                return errors.response_of(error)
            logger.exception("%s %s failed", request.method, request.path)
            return errors.unexpected(request)

    view.login_required = False  # type: ignore[attr-defined]
    view.cls = _description_view(handlers)  # type: ignore[attr-defined]
    view.initkwargs = {}  # type: ignore[attr-defined]
    return csrf_exempt(view)


def answer(value: Any, status: int = 200) -> HttpResponse:
    """Return JSON of any value, key order and big numbers kept."""
    return HttpResponse(json.dumps(value), content_type="application/json", status=status)


def method_not_allowed(request: HttpRequest, handlers: Mapping[str, Handler]) -> HttpResponse:
    allowed = ", ".join(sorted(handlers))
    return errors.response_of(
        errors.ApiError(
            f"{request.method} is not allowed here; {allowed} is",
            status=405,
            type="MethodNotAllowedError",
            message="The method is not allowed",
            headers={"Allow": allowed},
        )
    )


def _description_view(handlers: Mapping[str, Handler]) -> type[APIView]:
    """Return a view class that is never run: drf-spectacular reads it in place of the plain view."""
    methods: dict[str, Any] = {"parser_classes": [JSONParser]}
    for method, handler in handlers.items():
        about: Description = handler.description  # type: ignore[attr-defined]

        def stand_in(self: APIView, request: HttpRequest) -> None: ...

        stand_in.__name__ = method.lower()
        methods[method.lower()] = extend_schema(
            summary=about.summary,
            description=about.text,
            tags=[about.tag],
            parameters=list(about.parameters),
            request=about.request,
            responses=about.responses,
        )(stand_in)
    return type("Described", (APIView,), methods)
