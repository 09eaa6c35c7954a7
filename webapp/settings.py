"""Django's settings: one file, everything from the environment through one typed reader."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from webapp import addresses, logs
from webapp.data_directory import DataDirectory
from webapp.environment import Environment, read_env_file

BASE_DIR = Path(__file__).resolve().parent.parent

# Written back, so that child processes and libraries see the same values; the real environment wins.
for _name, _value in read_env_file(Path(os.environ.get("COUNTERSIGN_ENV_FILE", BASE_DIR / ".env"))).items():
    os.environ.setdefault(_name, _value)
ENVIRONMENT = Environment(os.environ)

# Where everything is kept
COUNTERSIGN_DATA = ENVIRONMENT.path(
    "COUNTERSIGN_DATA",
    BASE_DIR / "data",
    "Directory of the database, repositories, keys and sockets; a relative path counts from the project.",
    below=BASE_DIR,
)
DATA = DataDirectory(COUNTERSIGN_DATA)
DATA.create()
DATABASES = {
    "default": addresses.database(
        ENVIRONMENT.text(
            "DATABASE_URL", "", "postgresql://user:password@host:5432/name; empty: SQLite in the data directory."
        ),
        data=COUNTERSIGN_DATA,
    )
}
_redis_url = ENVIRONMENT.text(
    "REDIS_URL", "", "redis://, rediss:// or unix:// server; empty: `up` starts one of its own."
)
REDIS_URL = addresses.redis(_redis_url, socket=DATA.socket, password=DATA.secret("redis_password"))
REDIS_URL_IS_EXTERNAL = bool(_redis_url)
SECRET_KEY = ENVIRONMENT.text(
    "SECRET_KEY", "", "Signs sessions; empty: a random one, kept in the data directory."
) or DATA.secret("secret_key")

# What runs candidates
SANDBOX_MIN_LEVEL = ENVIRONMENT.number(
    "SANDBOX_MIN_LEVEL",
    3,
    "Weakest isolation (0 to 3) in which a candidate may be evaluated; docs/sandbox.md says what less than 3 gives up.",
    low=0,
    high=3,
)

# Language models
COUNTERSIGN_MODELS = ENVIRONMENT.text(
    "COUNTERSIGN_MODELS",
    "",
    "A TOML file of language models that runs may ask (docs/models.md); empty: those of the keys below, and those that "
    "administrators add on the Models page.",
)
MODEL_KEYS = {
    name: ENVIRONMENT.text(name, "", f"Key of {whose}: makes one of its models available; never shown or handed on.")
    for name, whose in (
        ("OPENAI_API_KEY", "OpenAI"),
        ("ANTHROPIC_API_KEY", "Anthropic"),
        ("GEMINI_API_KEY", "Google's Gemini"),
        ("XAI_API_KEY", "xAI"),
    )
}

COUNTERSIGN_AGENT_PATHS = ENVIRONMENT.items(
    "COUNTERSIGN_AGENT_PATHS",
    (),
    "Files and folders, separated by commas, of programs that may edit working copies, where they are seen read-only; "
    "empty: no such program is run. docs/agents.md says more.",
)

# Who may talk to the server
DEBUG = ENVIRONMENT.flag("DEBUG", False, "1 shows tracebacks in the browser: for developers, never on a network.")
ALLOWED_HOSTS = ENVIRONMENT.items(
    "ALLOWED_HOSTS",
    ("localhost", "127.0.0.1", "[::1]"),
    "Host names, separated by commas, under which people reach the server; `up --host` adds its own.",
)
CSRF_TRUSTED_ORIGINS = ENVIRONMENT.items(
    "CSRF_TRUSTED_ORIGINS",
    (),
    "Addresses such as https://countersign.example.org of a proxy in front of the server; "
    "forms and live pages are taken from there too.",
)
HTTPS = ENVIRONMENT.flag(
    "HTTPS", False, "1 when a proxy serves HTTPS: secure cookies, HSTS, X-Forwarded-Proto trusted."
)
TRUSTED_PROXIES = ENVIRONMENT.items(
    "TRUSTED_PROXIES",
    ("127.0.0.1", "::1"),
    "Addresses or networks of proxies, separated by commas, whose X-Forwarded-For names the person's own address; "
    "wrong passwords are counted by it.",
)
COUNTERSIGN_IMPORT_ROOTS = ENVIRONMENT.items(
    "COUNTERSIGN_IMPORT_ROOTS",
    (),
    "Directories, separated by commas, below which administrators may import from the server in the browser; "
    "empty: nowhere. `target add` reads any directory.",
)
OBSERVATIONS_KEY = ENVIRONMENT.text(
    "OBSERVATIONS_KEY",
    "",
    "Key of the Redis streams that feed targets, such as observations:{target}; empty: none is read.",
)
SESSION_DAYS = ENVIRONMENT.number("SESSION_DAYS", 14, "Days after which people sign in again.", low=1, high=365)

# What is written where
TIME_ZONE = ENVIRONMENT.text("TIME_ZONE", "UTC", "Time zone in which pages show times, such as Europe/Berlin.")
LOG_LEVEL = ENVIRONMENT.choice(
    "LOG_LEVEL", "INFO", "Least severity that is logged.", among=("DEBUG", "INFO", "WARNING", "ERROR")
)
LOG_FORMAT = ENVIRONMENT.choice(
    "LOG_FORMAT", "auto", "json, pretty, or auto: pretty on a terminal.", among=("auto", "json", "pretty")
)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "webapp.apps.CollectedFilesConfig",
    "csp",
    "django_htmx",
    "improvement",
    "webapp.apps.WebappConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webapp.static_storage.StaticFilesMiddleware",
    "webapp.middleware.ReadableTextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "webapp.middleware.DomainErrorsMiddleware",
]
ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
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
            ]
        },
    }
]
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True

# People
AUTH_USER_MODEL = "improvement.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
SESSION_COOKIE_AGE = SESSION_DAYS * 24 * 60 * 60
SESSION_COOKIE_NAME = "countersign_session"
CSRF_COOKIE_NAME = "countersign_csrf"

# What browsers are told
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],  # WebSockets of the same origin too
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
CSRF_FAILURE_VIEW = "webapp.views.errors.csrf_failed"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = DATA.static
STATICFILES_DIRS = [BASE_DIR / "static"]
_static_storage = "django.contrib.staticfiles.storage.StaticFilesStorage"
if not DEBUG:
    _static_storage = "webapp.static_storage.ManifestStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static_storage},
}

# Work: the database is the truth, messages only say that there is something to do
SEND_TASK = "webapp.celery.send_task"  # by name: only who sends something loads Celery
CELERY_BROKER_URL = addresses.broker(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A page does not wait for a server that is away: the clock enqueues again whatever is due.
CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 1, "interval_start": 0, "interval_step": 0.05, "interval_max": 0.05}
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_ROUTES = {
    "improvement.tasks.evaluate": {"queue": "evaluations"},
    "improvement.tasks.follow_stream": {"queue": "evaluations"},
    "improvement.tasks.advance_with_help": {"queue": "evaluations"},
    "improvement.tasks.test_model": {"queue": "evaluations"},
    "improvement.tasks.import_target": {"queue": "evaluations"},  # measures the champion
    "improvement.tasks.weigh_parameters": {"queue": "evaluations"},  # takes seconds
    "improvement.tasks.*": {"queue": "control"},
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "improvement.tasks.tick", "schedule": 2.0, "options": {"expires": 2.0, "queue": "control"}}
}

LOGGING = logs.configuration(
    level=LOG_LEVEL, pretty=LOG_FORMAT == "pretty" or (LOG_FORMAT == "auto" and sys.stderr.isatty())
)
logs.configure_structlog()
