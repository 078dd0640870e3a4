"""The settings as a whole, each time read by a Python of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READ = """
import json, sys
from opperweb import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


@pytest.fixture
def read(tmp_path):
    def run(*names, **environment):
        kept = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data")}
        done = subprocess.run(
            [sys.executable, "-c", READ, *names],
            env=kept | environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]

    return run


def test_with_nothing_set_it_listens_on_loopback_with_sqlite(read):
    found = read("PUBLIC_URL", "IS_POSTGRESQL", "ALLOWED_HOSTS", "DEFAULT_MODEL", "SESSION_COOKIE_SECURE")
    assert found == {
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "IS_POSTGRESQL": False,
        "ALLOWED_HOSTS": ["127.0.0.1", "[::1]", "localhost"],
        "DEFAULT_MODEL": "rehearsal/echo",
        "SESSION_COOKIE_SECURE": False,
    }


def test_the_public_address_decides_hosts_origins_and_cookies(read):
    found = read(
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        PUBLIC_URL="https://opper.example",
        HOST="0.0.0.0",
    )
    assert "opper.example" in found["ALLOWED_HOSTS"]
    assert "*" not in found["ALLOWED_HOSTS"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://opper.example"]
    assert found["SESSION_COOKIE_SECURE"]
    assert found["CSRF_COOKIE_SECURE"]


def test_secrets_are_made_once_and_readable_by_their_owner_alone(read, tmp_path):
    first, second = read("SECRET_KEY"), read("SECRET_KEY")
    assert first == second
    for name in ("secret_key", "encryption_keys"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0


def test_redis_is_broker_and_cache(read):
    found = read("CELERY_BROKER_URL", "CACHES", REDIS_URL="redis://127.0.0.1:6379/3")
    assert found["CELERY_BROKER_URL"] == "redis://127.0.0.1:6379/3"
    assert found["CACHES"]["default"]["LOCATION"] == "redis://127.0.0.1:6379/3"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PUBLIC_URL", "opper.example"),
        ("DATABASE_URL", "mysql://x/y"),
        ("REDIS_URL", "127.0.0.1"),
        ("ENCRYPTION_KEYS", "abc"),
        ("MAX_BODY_MB", "0"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("DEFAULT_MODEL", "gpt-4"),
        ("EVALUATION_MODEL", "nowhere/x"),
        ("OPENAI_COMPATIBLE", "nonsense"),
        ("PROVIDER_TIMEOUT_S", "soon"),
        ("RETENTION_DAYS", "-1"),
        ("WEB_WORKERS", "0"),
    ],
)
def test_nonsense_is_named(read, name, value):
    told = read("PORT", **{name: value})
    assert "BadSetting" in told
    assert name in told
