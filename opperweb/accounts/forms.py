"""What people may type on the pages of accounts and settings, and what is said when it does not fit."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from opperweb.accounts.models import ApiKey, Role, User

# Hashing a password takes time with its length.
LONGEST_PASSWORD = 1024


class PageForm(forms.Form):
    """A form whose fields wear the classes of static/css/form.css."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        for field in self.fields.values():
            field.widget.attrs["class"] = "select" if isinstance(field.widget, forms.Select) else "input"


class PasswordField(forms.CharField):
    def __init__(self, *, is_new: bool = False, **kwargs: Any) -> None:
        autocomplete = "new-password" if is_new else "current-password"
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(strip=False, max_length=LONGEST_PASSWORD, widget=widget, **kwargs)


class SignInForm(PageForm):
    # Not an EmailField: what is no address is simply not known.
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "inputmode": "email"}),
    )
    password = PasswordField(label=_("Password"))


def _time_zones() -> list[tuple[str, str]]:
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class ProjectForm(PageForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lazy(_time_zones, list)(),
        help_text=_("Times on the pages of this project are shown in it."),
    )


class NewProjectForm(ProjectForm):
    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Its address is made from the name and stays."))


class KeyForm(PageForm):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Where the key is used, like backend-staging."))
    rights = forms.ChoiceField(label=_("Rights"), choices=ApiKey.Rights.choices, initial=ApiKey.Rights.ALL)


class RevokeForm(PageForm):
    """The name once more, so that no other key is revoked by a slip."""

    name = forms.CharField(label=_("Name of the key"), max_length=80)

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key = key
        self.fields["name"].widget.attrs |= {"autocomplete": "off", "autofocus": True}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.key.name.strip():
            raise ValidationError(_("This is not its name. Type %(name)s."), params={"name": self.key.name})
        return name


class RoleForm(PageForm):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.READER)


class PersonForm(PageForm):
    name = forms.CharField(
        label=_("Name"), max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


class JoinForm(PageForm):
    """A new person's account."""

    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = PasswordField(label=_("Password"), is_new=True, help_text=_("At least 10 characters."))

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email=email).exists():
            raise ValidationError(_("This address has an account. Sign in with it instead."))
        return email

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if "password" in given:
            person = User(email=given.get("email", ""), name=given.get("name", ""))
            _check_password(self, "password", given["password"], person)
        return given


class PasswordForm(PageForm):
    """A new password for somebody who knows the old one."""

    old = PasswordField(label=_("Password now"))
    new = PasswordField(label=_("New password"), is_new=True, help_text=_("At least 10 characters."))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old(self) -> str:
        old: str = self.cleaned_data["old"]
        if not self.user.check_password(old):
            raise ValidationError(_("This is not your password."))
        return old

    def clean_new(self) -> str:
        new: str = self.cleaned_data["new"]
        validate_password(new, self.user)
        return new


def _check_password(form: forms.Form, field: str, password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as problem:
        form.add_error(field, problem)
