"""The settings of the tests: those of the product in a folder of their own, deaf to those of whoever runs them."""

import atexit
import os
import shutil
import tempfile

# A provider key of whoever runs them must never be used; DATABASE_URL and REDIS_URL say what to test on and are kept.
HEARD = {
    "HOST", "PORT", "PUBLIC_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "WEB_WORKERS", "WORKER_CONCURRENCY", "DEFAULT_MODEL",
    "EVALUATION_MODEL", "OPENAI_COMPATIBLE", "PROVIDER_TIMEOUT_S", "MAX_BODY_MB", "RETENTION_DAYS", "LOG_LEVEL",
    "LOG_FORMAT",
}  # fmt: skip
for name in list(os.environ):
    plain = name.removesuffix("_FILE")
    if plain in HEARD or plain.startswith(("BOOTSTRAP_", "OPENAI_", "ANTHROPIC_", "GEMINI_")):
        del os.environ[name]

os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="opperweb-tests-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

from opperweb.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
