"""What people may type on the settings pages of providers, models and prices, and what is said when it does not fit."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from functions import model_names
from functions.completions.cost import KINDS
from functions.models import PriceRow, ProviderAccount
from functions.pages.presets import BY_KEY, PRESETS
from opperweb.accounts.forms import PageForm
from opperweb.providers_setting import REHEARSAL

PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}")
MOST_AT_ONCE = 1_000
KIND_LABELS = {
    "input": _("Input"),
    "cached": _("Input from cache"),
    "cached_audio": _("Audio from cache"),
    "cache_write": _("Written to cache, 5 minutes"),
    "cache_write_1h": _("Written to cache, 1 hour"),
    "input_audio": _("Audio in"),
    "input_image": _("Images in"),
    "output": _("Output"),
    "output_audio": _("Audio out"),
    "output_image": _("Images out"),
}


class SecretInput(forms.PasswordInput):
    """A secret that can be typed and is never sent back to the page."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=False)


class ProviderForm(PageForm):
    """An account at a vendor. What is left empty of a new one is that of the vendor chosen."""

    preset = forms.ChoiceField(label=_("Provider"), choices=[(each.key, each.label) for each in PRESETS])
    name = forms.CharField(
        label=_("Name"), max_length=60, required=False, help_text=_("What stands before the slash in a model's name.")
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=ProviderAccount.Kind.choices)
    base_url = forms.CharField(
        label=_("Base address"), max_length=500, required=False, help_text=_("Left empty: that of the provider chosen.")
    )
    secret = forms.CharField(
        label=_("Secret"),
        max_length=10_000,
        required=False,
        widget=SecretInput(),
        help_text=_("A local server needs none."),
    )
    most_at_once = forms.IntegerField(
        label=_("Requests at once"),
        required=False,
        min_value=1,
        max_value=MOST_AT_ONCE,
        help_text=_("From one process. Left empty: 256."),
    )

    def __init__(self, *args: Any, account: ProviderAccount, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        for name in ("preset", "name") if self.is_change else ("kind",):
            del self.fields[name]
        if self.is_change:
            self.fields["base_url"].required = True
            self.fields["base_url"].help_text = ""
            hint = _("Kept: ends in %(end)s. Left empty it stays.") % {"end": account.secret_hint}
            self.fields["secret"].help_text = hint if account.secret_hint else _("Left empty it stays as it is.")

    @property
    def is_change(self) -> bool:
        return not self.account._state.adding

    def clean_name(self) -> str:
        preset = BY_KEY.get(self.cleaned_data.get("preset", ""))
        name: str = self.cleaned_data["name"].strip() or (preset.key.partition("-")[0] if preset else "")
        if not PROVIDER_NAME.fullmatch(name):
            raise ValidationError(_("Small letters, digits, dots and dashes only. Try mistral-eu."))
        if name == REHEARSAL:
            raise ValidationError(_("rehearsal is built in. Choose another name."))
        if ProviderAccount.objects.filter(project=self.account.project, name=name).exists():
            raise ValidationError(_("There is a provider of this name. Choose another."))
        return name

    def clean_base_url(self) -> str:
        preset = BY_KEY.get(self.cleaned_data.get("preset", ""))
        base_url: str = self.cleaned_data["base_url"].strip().rstrip("/") or (preset.base_url if preset else "")
        if not base_url:
            raise ValidationError(_("An address is needed, such as http://127.0.0.1:8000/v1."))
        try:
            model_names.check_address(base_url)
        except model_names.NoServerThere as problem:
            raise ValidationError(f"{str(problem)[:1].upper()}{str(problem)[1:]}.") from None
        except ValueError:
            raise ValidationError(_("This is no address. Try https://host/v1, without a name or a password.")) from None
        return base_url

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"].strip()
        if not (secret.isascii() and secret.isprintable()):
            raise ValidationError(_("It holds characters that no API key has. Copy it again."))
        return secret

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        keeps_secret = self.is_change and bool(self.account.secret) and not given.get("secret")
        # A secret is sent to no other server than the one it was entered for.
        if keeps_secret and "base_url" in given and self._moves_to(given["base_url"]):
            self.add_error("secret", _("The address is another one now. Type the secret for it."))
        return given

    def _moves_to(self, base_url: str) -> bool:
        return model_names.origin_of(self.account.base_url) != model_names.origin_of(base_url)

    def changed(self) -> ProviderAccount:
        """Return the account with what was typed; a preset gives its kind."""
        given, account = self.cleaned_data, self.account
        account.base_url, account.most_at_once = given["base_url"], given["most_at_once"]
        account.name = given.get("name", account.name)
        account.kind = given["kind"] if self.is_change else BY_KEY[given["preset"]].kind
        account.secret = given["secret"] or account.secret
        return account


class ConfirmForm(PageForm):
    """The name once more, so that nothing else is deleted by a slip."""

    name = forms.CharField(label=_("Name"), max_length=255)

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        self.fields["name"].widget.attrs |= {"autocomplete": "off", "autofocus": True}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.expected.strip():
            raise ValidationError(_("This is not its name. Type %(name)s."), params={"name": self.expected})
        return name


class AliasForm(PageForm):
    name = forms.CharField(label=_("Name"), max_length=255, help_text=_("What your code writes in place of a model."))
    fallback_models = forms.CharField(
        label=_("Models, one a line"),
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=_("The first one is asked first; the others when those before them fail."),
    )
    description = forms.CharField(label=_("Description"), max_length=1000, required=False)

    def clean_fallback_models(self) -> list[str]:
        names = [line.strip() for line in self.cleaned_data["fallback_models"].splitlines() if line.strip()]
        if not 1 <= len(names) <= model_names.MOST_MODELS:
            raise ValidationError(_("1 to %(most)s models, one a line."), params={"most": model_names.MOST_MODELS})
        if any(len(name) > 255 for name in names):
            raise ValidationError(_("A model's name has at most 255 characters."))
        return names


class CustomModelForm(PageForm):
    name = forms.CharField(label=_("Name"), max_length=255, help_text=_("What your code writes."))
    identifier = forms.CharField(
        label=_("Model"), max_length=255, help_text=_("provider/name, such as openai/gpt-4.1-nano.")
    )
    api_base = forms.CharField(
        label=_("Base address"), max_length=500, required=False, help_text=_("Left empty: that of the provider.")
    )
    api_version = forms.CharField(label=_("API version"), max_length=60, required=False, help_text=_("For Azure."))
    api_key = forms.CharField(
        label=_("Secret"),
        max_length=10_000,
        required=False,
        widget=SecretInput(),
        help_text=_("Left empty: as it is, or the provider's for its own address."),
    )


class PriceForm(PageForm):
    """US dollars for a million tokens, by kind; what is left empty costs what the kind above it costs."""

    model = forms.CharField(label=_("Model"), max_length=255, help_text=_("provider/name, as the provider is asked."))
    valid_from = forms.DateTimeField(
        label=_("In force from"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
    )
    source = forms.CharField(label=_("Source"), max_length=120, required=False, help_text=_("Like openai.com/pricing."))

    def __init__(self, *args: Any, row: PriceRow, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        for kind in KINDS:
            self.fields[kind] = forms.DecimalField(
                label=KIND_LABELS[kind],
                required=False,
                min_value=Decimal(0),
                max_digits=18,
                decimal_places=8,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "input", "placeholder": "–"}),
            )

    @property
    def figures(self) -> list[forms.BoundField]:
        return [self[kind] for kind in KINDS]

    def clean_model(self) -> str:
        model: str = self.cleaned_data["model"].strip()
        provider, _slash, name = model.partition("/")
        if not provider or not name:
            raise ValidationError(_("Write it as provider/name, such as openai/gpt-4o-mini."))
        return model

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("input") is None and given.get("output") is None and not {"input", "output"} & set(self.errors):
            self.add_error("input", _("A price for input or for output is needed. Write 0 for one that costs nothing."))
        if "model" in given and "valid_from" in given and self._is_there(given["model"], given["valid_from"]):
            self.add_error("valid_from", _("There is a price from this time on. Change that one."))
        return given

    def _is_there(self, model: str, valid_from: datetime) -> bool:
        others = PriceRow.objects.filter(project=self.row.project).exclude(pk=self.row.pk)
        return others.filter(model=model, valid_from=valid_from).exists()

    def changed(self) -> PriceRow:
        for name in ("model", "valid_from", "source", *KINDS):
            setattr(self.row, name, self.cleaned_data[name])
        return self.row


class RepriceForm(PageForm):
    """Which calls are priced anew: from the start of one day to the end of another."""

    since = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), widget=forms.DateInput(attrs={"type": "date"}))
    model = forms.CharField(label=_("Model"), max_length=255, required=False, help_text=_("Left empty: every model."))

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if "since" in given and "until" in given and given["since"] > given["until"]:
            self.add_error("until", _("This is before the first day."))
        return given

    @property
    def times(self) -> tuple[datetime, datetime]:
        """The moments that the days stand for in the project's zone."""
        zone = timezone.get_current_timezone()
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        start = datetime.combine(since, datetime.min.time(), zone)
        end = datetime.combine(until, datetime.max.time(), zone)
        return start.astimezone(UTC), end.astimezone(UTC)
