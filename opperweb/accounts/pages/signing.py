"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from opperweb.accounts.forms import SignInForm
from opperweb.accounts.onward import onward
from opperweb.accounts.throttle import SignInThrottle


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(onward(request))
    form = SignInForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "next": onward(request)}
    if not form.is_valid():
        return render(request, "accounts/sign_in.html", context)
    email, password = form.cleaned_data["email"], form.cleaned_data["password"]
    throttle = SignInThrottle(request.META.get("REMOTE_ADDR", ""), email)
    wait_seconds = throttle.begin()
    if wait_seconds:
        return _wait(request, wait_seconds)
    user = authenticate(request, username=email, password=password)
    if user is None:
        # The same words whether the address is known or not.
        form.add_error(None, _("E-mail or password is not right."))
        return render(request, "accounts/sign_in.html", context)
    throttle.succeed()
    login(request, user)
    return redirect(onward(request))


def _wait(request: HttpRequest, seconds: int) -> HttpResponse:
    context = {"minutes": -(-seconds // 60), "next": onward(request)}
    response = render(request, "accounts/too_many_attempts.html", context, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("login")
