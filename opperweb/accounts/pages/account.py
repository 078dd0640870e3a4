"""A person's own page: their name, their password, and how they like the pages."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from opperweb.accounts.forms import PasswordForm, PersonForm
from opperweb.accounts.models import User
from opperweb.accounts.onward import onward

A_YEAR = 365 * 24 * 3600
# Each preference is a cookie, so that the server draws the first page right; "" takes it away.
PREFERENCES = {
    "theme": {"system": "", "light": "light", "dark": "dark"},
    "keys": {"on": "", "off": "off"},
    "sidebar": {"full": "", "rail": "rail"},
}


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = PersonForm(request.POST if request.method == "POST" else None, initial={"name": user.name})
    if form.is_valid():
        user.name = form.cleaned_data["name"]
        user.save(update_fields=["name"])
        messages.success(request, _("Name saved"))
        return redirect("account")
    return _page(request, form, PasswordForm(user=user))


@sensitive_post_parameters("old", "new")
@require_POST
def password(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = PasswordForm(request.POST, user=user)
    if not form.is_valid():
        return _page(request, PersonForm(initial={"name": user.name}), form)
    user.set_password(form.cleaned_data["new"])
    user.save(update_fields=["password"])
    # Every other session of this person ends with the old password; this one goes on.
    update_session_auth_hash(request, user)
    messages.success(request, _("Password changed"))
    return redirect("account")


def _page(request: HttpRequest, person: PersonForm, password: PasswordForm) -> HttpResponse:
    return render(request, "accounts/account.html", {"name_form": person, "password_form": password})


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    response = redirect(onward(request))
    for name, values in PREFERENCES.items():
        value = values.get(request.POST.get(name, ""))
        if value:
            response.set_cookie(name, value, max_age=A_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
        elif value == "":
            response.delete_cookie(name, samesite="Lax")
    return response
