"""What an address answers that no view is for: the API's error body below its prefixes, a page elsewhere."""

from __future__ import annotations

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

from opperweb.api import errors

UNREAD = "The request cannot be read"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # The way out is a setting, and whoever set the server up is the first to come by another name.
    is_foreign = isinstance(exception, DisallowedHost)
    if errors.is_api(request):
        unread = "This server does not go by that host name; PUBLIC_URL sets it" if is_foreign else UNREAD
        return errors.response_of(errors.error_of(exception) or errors.ApiError(unread))
    return render(request, "400.html", {"is_foreign": is_foreign}, status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    reason = str(exception)
    if errors.is_api(request):
        return errors.response_of(errors.Forbidden(reason or None))
    return render(request, "403.html", {"exception": reason}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if errors.is_api(request):
        return errors.response_of(errors.NotFound(f"There is nothing at {request.path[:200]}"))
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if errors.is_api(request):
        return errors.unexpected(request)
    # Without context processors: the fault may be the database.
    return defaults.server_error(request)
