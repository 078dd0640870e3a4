"""What an address answers that no view is for: the API's error body below its prefixes, a page elsewhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

from opperweb.api import errors


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if errors.is_api(request):
        return errors.response_of(errors.error_of(exception) or errors.ApiError("The request cannot be read"))
    return render(request, "400.html", status=400)


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
