"""The settings of a function on its page: a plain name for every key that we know, JSON for the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from functions.pages.json_text import NotJson, object_of, text_of
from functions.task import WANTED, Configuration, InvalidConfiguration
from opperweb import json

OTHERS = "settings"
# Stands in a form that shows the settings: a box that is not ticked sends nothing.
PRESENT = "has-settings"


@dataclass(frozen=True)
class Setting:
    """A key of the configuration in people's words; `usual` is what an empty field stands for."""

    key: str
    label: Any
    kind: Literal["number", "switch", "choice", "text"]
    usual: Any = ""
    unit: Any = ""
    options: tuple[tuple[str, Any], ...] = ()


WANTED_LABELS = {
    "text": gettext_lazy("Text"),
    "image": gettext_lazy("Picture"),
    "audio": gettext_lazy("Sound"),
    "transcript": gettext_lazy("Transcript"),
}
SETTINGS = (
    Setting("invocation.few_shot.count", gettext_lazy("Examples in the prompt"), "number", "3"),
    Setting(
        "invocation.few_shot.embedding_model",
        gettext_lazy("Find examples by meaning"),
        "text",
        gettext_lazy("by words"),
    ),
    Setting("invocation.structured_generation.max_attempts", gettext_lazy("Attempts"), "number", "5"),
    Setting("invocation.cache.ttl", gettext_lazy("Reuse answers for"), "number", "0", gettext_lazy("s")),
    Setting("beta.invocation.input_validation.enabled", gettext_lazy("Check the input"), "switch"),
    Setting(
        "invocation.output.type",
        gettext_lazy("Answer"),
        "choice",
        options=(("", gettext_lazy("By model")), *((name, WANTED_LABELS[name]) for name in WANTED)),
    ),
)
BY_KEY = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Control:
    """A setting as a field of the form."""

    setting: Setting
    value: str
    error: str = ""
    is_changed: bool = False

    @property
    def name(self) -> str:
        return f"{OTHERS}.{self.setting.key}"

    @property
    def words(self) -> str:
        """What a page says that cannot change it."""
        if self.setting.kind == "switch":
            return _("Yes") if self.value else _("No")
        if self.setting.kind == "choice":
            return str(dict(self.setting.options).get(self.value, self.value))
        return f"{self.value or self.setting.usual} {self.setting.unit}".strip()


@dataclass(frozen=True)
class SettingsForm:
    """All settings: those with a field of their own, and the JSON of the others."""

    controls: tuple[Control, ...]
    others: str
    others_error: str = ""
    others_changed: bool = False


def label_of(key: str) -> str:
    return str(BY_KEY[key].label) if key in BY_KEY else key


def form_of(
    configuration: Mapping[str, Any], before: Mapping[str, Any], *, errors: Mapping[str, str], typed: Mapping[str, str]
) -> SettingsForm:
    """Return the form of a configuration; `typed` holds what was sent where it could not be read."""

    def control(setting: Setting) -> Control:
        name = f"{OTHERS}.{setting.key}"
        stored = configuration.get(setting.key)
        value = typed[name] if name in errors and name in typed else _shown(setting, stored)
        is_changed = name in errors or stored != before.get(setting.key)
        return Control(setting, value, errors.get(name, ""), is_changed)

    unknown = _unknown(configuration)
    others = typed.get(OTHERS, "") if OTHERS in errors else text_of(unknown) if unknown else ""
    return SettingsForm(
        tuple(map(control, SETTINGS)), others, errors.get(OTHERS, ""), OTHERS in errors or unknown != _unknown(before)
    )


def configuration_of(stored: Mapping[str, Any], sent: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the configuration that a form says, and what is wrong by the name of the field.

    What nobody touched stays as it is stored, also its place.
    """
    if PRESENT not in sent:
        return dict(stored), {}
    errors: dict[str, str] = {}
    found = _read_others(_unknown(stored), sent, errors)
    for setting in SETTINGS:
        name = f"{OTHERS}.{setting.key}"
        try:
            value = _read(setting, stored.get(setting.key), sent.get(name, "").strip())
            Configuration.from_dict({setting.key: value})
        except ValueError:
            errors[name] = _("Write a whole number.")
        except InvalidConfiguration as problem:
            errors[name] = sentence_of(problem)
        else:
            if value is not None or (setting.key in stored and stored[setting.key] is None):
                found[setting.key] = value
            continue
        if setting.key in stored:
            found[setting.key] = stored[setting.key]
    kept = {key: found[key] for key in stored if key in found}
    return {**kept, **found}, errors


def sentence_of(problem: InvalidConfiguration) -> str:
    """Return what is wrong with a setting without its key, for it stands below its name."""
    message = problem.message.removeprefix(f"{problem.path[0]} ")
    return f"{message[:1].upper()}{message[1:]}."


def _shown(setting: Setting, value: Any) -> str:
    if setting.kind == "switch":
        return "on" if value is True else ""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _read(setting: Setting, stored: Any, text: str) -> Any:
    """Return the value that was typed, None for none; raise ValueError for what is no number."""
    if text == _shown(setting, stored):
        return stored
    if setting.kind == "switch":
        return True if text else None
    if not text:
        return None
    return _whole(text) if setting.kind == "number" else text


def _whole(text: str) -> int:
    if len(text) > 30 or not text.isascii():
        raise ValueError("no whole number")
    return int(text)


def _unknown(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in configuration.items() if key not in BY_KEY}


def _read_others(unknown: dict[str, Any], sent: Mapping[str, str], errors: dict[str, str]) -> dict[str, Any]:
    try:
        found = object_of(sent.get(OTHERS, ""))
    except NotJson as problem:
        errors[OTHERS] = problem.message
        return unknown
    doubled = next((key for key in found if key in BY_KEY), None)
    if doubled is not None:
        errors[OTHERS] = _("%(key)s has a field of its own: %(label)s.") % {
            "key": doubled, "label": label_of(doubled)
        }  # fmt: skip
        return unknown
    return found
