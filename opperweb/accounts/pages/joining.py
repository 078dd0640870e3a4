"""The page behind an invitation's link."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from opperweb.accounts.forms import JoinForm
from opperweb.accounts.joining import InvitationGone, accept, find_invitation
from opperweb.accounts.models import Invitation, User


@login_not_required
@never_cache
@sensitive_variables("secret")
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    found = find_invitation(secret)
    if found is None:
        return _gone(request)
    try:
        if isinstance(request.user, User):
            return _for_member(request, found, request.user)
        return _for_newcomer(request, found)
    except InvitationGone:
        return _gone(request)


def _for_member(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    if request.method == "POST":
        return _enter(request, found, user)
    return render(request, "accounts/invitation.html", {"invitation": found})


def _for_newcomer(request: HttpRequest, found: Invitation) -> HttpResponse:
    form = JoinForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            # Who comes too late for the invitation gets no account either.
            with transaction.atomic():
                user = User.objects.create_user(given["email"], given["password"], name=given["name"])
                accept(found, user)
        except IntegrityError:
            form.add_error("email", _("This address has an account. Sign in with it instead."))
        else:
            login(request, user)
            return _enter(request, found, user)
    return render(request, "accounts/invitation.html", {"invitation": found, "form": form})


def _enter(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    membership = accept(found, user)
    role = membership.get_role_display()
    messages.success(request, _("You are in %(project)s: %(role)s") % {"project": found.project, "role": role})
    return redirect("traces:list", found.project.slug)


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/invitation_gone.html", status=404)
