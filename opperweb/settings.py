"""Every setting, each read from the environment (see docs/deploying.md)."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from csp.constants import NONE, SELF

from opperweb import __version__, env, logging, providers_setting
from opperweb.secret_files import generated_secret

BASE_DIR = Path(__file__).resolve().parent.parent

# --- where things are ---------------------------------------------------------------------------------------------

HOST = env.text("HOST", "127.0.0.1").strip("[]")
PORT = env.integer("PORT", 8000, least=1, most=65535)
IS_LISTENING_EVERYWHERE = HOST in ("0.0.0.0", "::")
_own_host = "127.0.0.1" if IS_LISTENING_EVERYWHERE else f"[{HOST}]" if ":" in HOST else HOST
_given_public_url = env.url("PUBLIC_URL")
PUBLIC_URL = _given_public_url or f"http://{_own_host}:{PORT}"
DATA_DIR = env.folder("DATA_DIR", str(BASE_DIR / "data"))
REDIS_URL = env.redis("REDIS_URL")

# --- size ---------------------------------------------------------------------------------------------------------

WEB_WORKERS = env.integer("WEB_WORKERS", 1, least=1, most=256)
WORKER_CONCURRENCY = env.integer("WORKER_CONCURRENCY", 8, least=1, most=1024)
# Threads that async views and jobs reach the database on, in each process.
DB_THREADS = 8
# Tests run such work on their own thread, inside their own transaction.
DB_THREAD_SENSITIVE = False
MAX_BODY_MB = env.integer("MAX_BODY_MB", 32, least=1, most=4096)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_MB * 1024 * 1024
RETENTION_DAYS = env.integer("RETENTION_DAYS", 0, least=1, most=36500) or None

# --- language models ----------------------------------------------------------------------------------------------

PROVIDERS = providers_setting.providers()
# Hosts, or host:port, that results may be posted to although they are on this network.
WEBHOOK_ALLOWED_HOSTS = frozenset(env.text("WEBHOOK_ALLOWED_HOSTS").lower().replace(",", " ").split())
DEFAULT_MODEL = providers_setting.default_model("DEFAULT_MODEL", PROVIDERS)
EVALUATION_MODEL = env.text("EVALUATION_MODEL", DEFAULT_MODEL)
if EVALUATION_MODEL != "none":
    providers_setting.check_model("EVALUATION_MODEL", EVALUATION_MODEL, PROVIDERS)
PROVIDER_TIMEOUT_S = env.integer("PROVIDER_TIMEOUT_S", 120, least=1, most=3600)

# --- security -----------------------------------------------------------------------------------------------------

DEBUG = False
SECRET_KEY = env.secret("SECRET_KEY") or generated_secret(DATA_DIR, "secret_key")
ENCRYPTION_KEYS = [
    key.strip()
    for key in (env.secret("ENCRYPTION_KEYS") or generated_secret(DATA_DIR, "encryption_keys", fernet=True)).split(",")
]
for _key in ENCRYPTION_KEYS:
    try:
        Fernet(_key)
    except ValueError:
        raise env.BadSetting(
            "ENCRYPTION_KEYS: each key, separated by commas, is 32 random bytes in URL-safe base64 (44 characters)"
        ) from None

_public = urlsplit(PUBLIC_URL)
IS_HTTPS = _public.scheme == "https"
# Who listens on every address without saying how people reach it cannot know its names.
ALLOWED_HOSTS = (
    ["*"]
    if IS_LISTENING_EVERYWHERE and not _given_public_url
    else sorted({_public.hostname or "", _own_host, "localhost", "127.0.0.1", "[::1]"} - {""})
)
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
SESSION_COOKIE_NAME = "opperweb_session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_AGE = 30 * 24 * 3600
CSRF_COOKIE_NAME = "opperweb_csrf"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
if IS_HTTPS:
    # The proxy that ends TLS must set this header and drop it from what comes in (docs/deploying.md).
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "media-src": [SELF, "data:"],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

# --- the web ------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "opperweb",
    "opperweb.accounts",
    "opperweb.processes",
    "opperweb.api",
    "traces",
    "functions",
]
MIDDLEWARE = [
    "opperweb.refusals.RefusalMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "opperweb.static_files.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "opperweb.urls"
ASGI_APPLICATION = "opperweb.asgi.application"
# The API's addresses bear no trailing slash, and a redirect would lose the body of a POST.
APPEND_SLASH = False
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "opperweb.pages.context.frame",
            ],
            # opperweb.pages is no app, so its filters are named here: {% load display %}.
            "libraries": {"display": "opperweb.pages.display"},
        },
    }
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files are served from where they lie: no collectstatic, and nothing to forget after an upgrade.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 300

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["opperweb.accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["opperweb.api.body.Parser"],
    "DEFAULT_SCHEMA_CLASS": "opperweb.api.operations.Operation",
    "EXCEPTION_HANDLER": "opperweb.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "opperweb",
    "DESCRIPTION": "Task completions by language models, and traces of what happened.",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
}

# --- database -----------------------------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database(
        "DATABASE_URL",
        {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(DATA_DIR / "opperweb.sqlite3"),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;",
            },
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
        },
    )
}
IS_POSTGRESQL = DATABASES["default"]["ENGINE"].endswith("postgresql")
if IS_POSTGRESQL:
    # A process needs a connection for each thread of its pool, for each job, and some for pages.
    DATABASES["default"]["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": DB_THREADS + max(WORKER_CONCURRENCY, 12), "timeout": 20, "max_idle": 120},
        "connect_timeout": 10,
        "application_name": "opperweb",
    }
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "opperweb.cache.Cache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "opperweb",
        # Whoever signs in waits for no longer than this.
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}

# --- background work ----------------------------------------------------------------------------------------------

QUEUE_DIR = DATA_DIR / "queue"
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        # Longer than any job: a message whose job is still running must not be handed out a second time.
        "visibility_timeout": 3 * 3600,
        "unacked_restore_throttle": 1,
        "global_keyprefix": "opperweb:",
        "socket_timeout": 20,
        "socket_connect_timeout": 5,
    }
else:
    CELERY_BROKER_URL = "folder://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR),
        "data_folder_out": str(QUEUE_DIR),
        "control_folder": str(QUEUE_DIR / "control"),
        "polling_interval": 0.1,
    }
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "opperweb"
# The row of a job is there before its message: who cannot reach the broker gives up soon, the sweeper sends again.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker waits for its broker however long that is away.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "stop_orphans": {"task": "functions.jobs.stop_orphans_job", "schedule": 5.0},
    "send_lost": {"task": "functions.jobs.send_lost_job", "schedule": 15.0},
    "judge": {"task": "functions.jobs.send_due_evaluations_job", "schedule": 1.0},
    "tidy": {"task": "functions.jobs.tidy_job", "schedule": 600.0},
    "roll_up": {"task": "traces.jobs.roll_up_job", "schedule": 30.0},
    # It may take seconds, which the others must not wait for; one that no worker came to is not run beside the next.
    "delete_old": {
        "task": "traces.jobs.delete_old_job",
        "schedule": 60.0,
        "options": {"queue": CELERY_TASK_DEFAULT_QUEUE, "expires": 55.0},
    },
}

# --- language, time, logs -----------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

LOG_LEVEL = env.text("LOG_LEVEL", "info", choices=("debug", "info", "warning", "error"))
LOG_FORMAT = env.text("LOG_FORMAT", "text", choices=("text", "json"))
LOGGING = logging.config(LOG_LEVEL, LOG_FORMAT)
