"""A program's way in: the Bearer key of a request decides its project."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from opperweb.accounts.models import ApiKey, digest_of
from opperweb.accounts.recent_keys import recent_keys
from opperweb.accounts.refused_calls import note_refused
from opperweb.api.errors import Forbidden, Unauthorized
from opperweb.database import db

READING = ("GET", "HEAD", "OPTIONS")
# Ours have 67 characters; what is far longer is no key, and is not hashed.
LONGEST_SECRET = 1024
UNKNOWN = "The API key is not known, or was revoked"


async def authenticate(request: HttpRequest) -> ApiKey:
    """Return the living key of the request; refuse with 401 where there is none, with 403 what it may not do."""
    secret = secret_of(request)
    digest = digest_of(secret)
    key = recent_keys.get(digest)
    if key is None:
        key = await _looked_up(digest, secret, request.META.get("REMOTE_ADDR", ""))
    return _checked(request.method, key)


# Keys that are being looked up. Of hundreds of requests that come at once one asks for all of them.
_looking: dict[bytes, asyncio.Future[ApiKey | None]] = {}


async def _looked_up(digest: bytes, secret: str, address: str) -> ApiKey | None:
    if settings.DB_THREAD_SENSITIVE:
        # In a test: in its transaction, on its thread.
        return await db(_find, secret, address)
    looking = _looking.get(digest)
    if looking is None or looking.get_loop() is not asyncio.get_running_loop():
        looking = _looking[digest] = asyncio.ensure_future(_look_up(digest, secret, address))
    # One that leaves takes nobody with it.
    return await asyncio.shield(looking)


async def _look_up(digest: bytes, secret: str, address: str) -> ApiKey | None:
    try:
        key = await db(_find, secret, address)
        recent_keys.put(digest, key)
        return key
    finally:
        _looking.pop(digest, None)


class BearerAuthentication(BaseAuthentication):
    """The same for DRF's views: `request.auth` is the key, `request.auth.project` its project."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey]:
        return None, _checked(request.method, _find(secret_of(request), request.META.get("REMOTE_ADDR", "")))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def secret_of(request: HttpRequest | Request) -> str:
    """Return what stands behind `Bearer`, whatever the case of that word."""
    header: str = request.headers.get("Authorization", "")
    if not header:
        raise Unauthorized("No API key was given; send it as Authorization: Bearer KEY")
    scheme, _, secret = header.strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise Unauthorized("The Authorization header is not of the form: Bearer KEY")
    return secret


def _find(secret: str, address: str) -> ApiKey | None:
    key = ApiKey.objects.find(secret) if len(secret) <= LONGEST_SECRET else None
    if key is not None:
        key.touch()
    else:
        note_refused(address, secret, UNKNOWN)
    return key


def _checked(method: str | None, key: ApiKey | None) -> ApiKey:
    if key is None:
        raise Unauthorized(UNKNOWN)
    if key.rights == ApiKey.Rights.READ and method not in READING:
        raise Forbidden(f"The API key {key.name} may only read")
    return key


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """What the OpenAPI document says of it."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of the project."}
