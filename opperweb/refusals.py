"""What is refused before any view sees it: paths and queries with a NUL in them, and bodies above MAX_BODY_MB."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from opperweb import json

API_PATHS = ("/v1/", "/v2/", "/v3/", "/api/")


def body_of_error(type_: str, message: str) -> str:
    """Return the JSON body of an error of the API."""
    return json.dumps(
        {
            "type": type_,
            "message": message,
            "detail": message,
            "error": {"code": type_, "message": message, "details": message},
        }
    )


def is_api(path: str) -> bool:
    return path.startswith(API_PATHS)


class RefusalMiddleware:
    """Answers 400 where a NUL stands in the address: no text column of PostgreSQL takes one."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        refusal = refusal_of(request)
        if refusal is None:
            return self.get_response(request)
        return _at_once(refusal) if self.is_async else refusal


async def _at_once(response: HttpResponse) -> HttpResponse:
    return response


def refusal_of(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a request whose address holds a NUL; None for every other."""
    query = request.META.get("QUERY_STRING", "")
    if "\0" not in request.path_info and "\0" not in query and "%00" not in query:
        return None
    message = "The address holds a NUL character."
    if is_api(request.path_info):
        body = body_of_error("BadRequestError", message)
        return HttpResponse(body, status=400, content_type="application/json")
    return HttpResponse(message, status=400, content_type="text/plain; charset=utf-8")
