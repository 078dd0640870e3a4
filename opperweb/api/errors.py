"""Every error of the API has one body, and this is the only place where an exception becomes HTTP.

The body serves both generations of the SDK: `type`, `message` and `detail` for 1.x, `error` for 2.x.

    ApiError            a refusal with its status
    ├─ Unauthorized     401  no key, or one that is not known
    ├─ Forbidden        403  the key may not do this
    ├─ NotFound         404  not there, or another project's: the answer is the same
    ├─ Conflict         409  the name is taken
    ├─ TooLarge         413  more bytes than MAX_BODY_MB
    └─ Invalid          422  a field is wrong; `detail` lists where and why
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from opperweb import json

logger = logging.getLogger(__name__)

API_PREFIXES = ("/v1/", "/v2/", "/v3/", "/api/")


class ApiError(Exception):
    """A refusal: status, `type`, `message` and `detail` of the answer."""

    status: int = 400
    type: str = "BadRequestError"
    default_message: ClassVar[str] = "The request is invalid"

    def __init__(
        self,
        detail: Any = None,
        *,
        message: str = "",
        status: int = 0,
        type: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.detail = detail
        self.message = message or self.default_message
        self.status = status or self.status
        self.type = type or self.type
        self.headers = dict(headers or {})
        super().__init__(f"{self.status} {self.type}: {self.detail or self.message}")

    @property
    def body(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "message": self.message,
            "detail": self.detail,
            "error": {"code": self.type, "message": self.readable, "details": self.detail},
        }

    @property
    def readable(self) -> str:
        return self.detail if isinstance(self.detail, str) and self.detail else self.message


class Unauthorized(ApiError):
    status = 401
    type = "UnauthorizedError"
    default_message = "The request is unauthorized"

    def __init__(self, detail: Any = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(ApiError):
    status = 403
    type = "ForbiddenError"
    default_message = "The key may not do this"


class NotFound(ApiError):
    status = 404
    type = "NotFoundError"
    default_message = "The resource was not found"


class Conflict(ApiError):
    status = 409
    type = "ConflictError"
    default_message = "The resource already exists"


class TooLarge(ApiError):
    status = 413
    type = "RequestTooLargeError"
    default_message = "The request is too large"


class Invalid(ApiError):
    """`detail` is a list of {type, loc, msg, input}; `loc` leads from "body", "path" or "query" to the field."""

    status = 422
    type = "RequestValidationError"

    def __init__(self, problems: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(list(problems))

    @classmethod
    def at(cls, loc: Iterable[str | int], msg: str, *, value: Any = None, type: str = "value_error") -> Invalid:
        return cls([{"type": type, "loc": list(loc), "msg": msg, "input": shortened(value)}])

    @property
    def readable(self) -> str:
        return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in self.detail)


def shortened(value: Any) -> Any:
    """Return what an error repeats of a wrong value: scalars, cut; of anything else only its kind."""
    if isinstance(value, str):
        return value if len(value) <= 200 else value[:200] + "…"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return f"<{'object' if isinstance(value, Mapping) else 'list' if isinstance(value, (list, tuple)) else 'value'}>"


def value_at(value: Any, path: Iterable[str | int]) -> Any:
    """Return what stands at a place of a body; None where there is nothing."""
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(str(step))
        elif isinstance(value, (list, tuple)) and str(step).isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def response_of(error: ApiError) -> HttpResponse:
    response = HttpResponse(json.dumps(error.body), content_type="application/json", status=error.status)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


def error_of(problem: Exception) -> ApiError | None:
    """Return the refusal an exception stands for, or None if it is a fault of ours."""
    if isinstance(problem, ApiError):
        return problem
    if isinstance(problem, (Http404, exceptions.NotFound)):
        return NotFound()
    if isinstance(problem, RequestDataTooBig):
        return TooLarge("The request has more bytes than MAX_BODY_MB allows")
    if isinstance(problem, exceptions.ValidationError):
        return Invalid(problems_of(problem.detail, ["body"]))
    if isinstance(problem, exceptions.MethodNotAllowed):
        return ApiError(
            str(problem.detail), status=405, type="MethodNotAllowedError", message="The method is not allowed"
        )
    if isinstance(problem, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        return Unauthorized(str(problem.detail))
    if isinstance(problem, exceptions.APIException):
        return ApiError(str(problem.detail), status=problem.status_code)
    return None


def problems_of(detail: Any, loc: list[str | int], body: Any = None) -> list[dict[str, Any]]:
    """Return a serializer's errors on a body, however nested, as a flat list of {type, loc, msg, input}."""
    if isinstance(detail, Mapping):
        return [
            problem
            for key, value in detail.items()
            for problem in problems_of(value, loc if key == "non_field_errors" else [*loc, _index(key)], body)
        ]
    if isinstance(detail, (list, tuple)):
        nested = any(isinstance(item, Mapping) for item in detail)
        return [
            problem
            for number, item in enumerate(detail)
            if item
            for problem in problems_of(item, [*loc, number] if nested else loc, body)
        ]
    given = shortened(value_at(body, loc[1:])) if len(loc) > 1 else None
    return [{"type": _type_of(detail), "loc": loc, "msg": str(detail), "input": given}]


def _index(key: Any) -> str | int:
    return int(key) if isinstance(key, int) or str(key).isdigit() else str(key)


def _type_of(detail: Any) -> str:
    code = getattr(detail, "code", "")
    return "missing" if code == "required" else str(code or "value_error")


def exception_handler(problem: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer for DRF's views what `response_of` answers for the plain ones."""
    error = error_of(problem)
    if error is None:
        return None
    return Response(error.body, status=error.status, headers=error.headers)


def is_api(request: HttpRequest) -> bool:
    return f"{request.path}/".startswith(API_PREFIXES)


def unexpected(request: HttpRequest) -> HttpResponse:
    """Answer for a fault of ours: the log has the story, the caller gets the agreed shape."""
    return response_of(
        ApiError(
            "The server failed; its log tells why",
            status=500,
            type="InternalServerError",
            message="Internal server error",
        )
    )
