"""Settings from the environment. A secret `NAME` may also be given as a file in `NAME_FILE`."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit


class BadSetting(Exception):
    """A setting makes no sense; the message is one line that names it and the way out."""


def secret(name: str, default: str = "") -> str:
    """Return the value of NAME, else what the file NAME_FILE holds, else the default."""
    value = os.environ.get(name, "").strip()
    path = os.environ.get(f"{name}_FILE", "").strip()
    if value or not path:
        return value or default
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadSetting(f"{name}_FILE: {path} cannot be read ({_reason(problem)})") from None


def text(name: str, default: str = "", *, choices: tuple[str, ...] = ()) -> str:
    value = os.environ.get(name, "").strip() or default
    if choices and value not in choices:
        raise BadSetting(f"{name} is {value!r}; it must be one of {', '.join(choices)}")
    return value


def boolean(name: str, *, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise BadSetting(f"{name} is {value!r}; it must be true or false")


def integer(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise BadSetting(f"{name} is {value!r}; it must be a whole number") from None
    if not least <= number <= most:
        raise BadSetting(f"{name} is {number}; it must be from {least} to {most}")
    return number


def url(name: str, default: str = "", *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """Return a URL without its trailing slash."""
    value = secret(name, default).rstrip("/")
    if not value:
        return ""
    check_url(name, value, schemes=schemes)
    return value


def check_url(name: str, value: str, *, schemes: tuple[str, ...] = ("http", "https")) -> None:
    # The value itself is not repeated: it may hold a password.
    complaint = f"{name} is no address of the form {schemes[0]}://host:port"
    try:
        parts = urlsplit(value)
        port_is_fine = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        raise BadSetting(complaint) from None
    if parts.scheme not in schemes or not port_is_fine or (not parts.hostname and "unix" not in parts.scheme):
        raise BadSetting(complaint)
    if re.search(r"\s", value):
        raise BadSetting(f"{name} has a space or a line break in it")


def redis(name: str) -> str:
    """Return redis://host:port/number."""
    value = url(name, schemes=("redis", "rediss", "unix"))
    parts = urlsplit(value)
    if parts.scheme != "unix" and not re.fullmatch(r"|/|/\d+", parts.path):
        raise BadSetting(
            f"{name}: what stands after the port must be the number of a database, as in redis://host:6379/0"
        )
    return value


def folder(name: str, default: str) -> Path:
    """Return a folder that exists and can be written, as an absolute path."""
    path = Path(text(name, default))
    try:
        path = path.expanduser().resolve()
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError) as problem:
        raise BadSetting(f"{name}: {path} cannot be made ({_reason(problem)}); name another folder") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise BadSetting(f"{name}: {path} cannot be written by this user; name another folder or change its owner")
    return path


def _reason(problem: Exception) -> str:
    return (isinstance(problem, OSError) and problem.strerror) or str(problem)


def database(name: str, default: dict[str, object]) -> dict[str, object]:
    """Return Django's settings for a database from postgres://user:password@host:port/name."""
    value = url(name, schemes=("postgres", "postgresql"))
    if not value:
        return default
    parts = urlsplit(value)
    if not parts.path.strip("/"):
        raise BadSetting(f"{name} names no database; the form is postgres://user:password@host:port/name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
    }
