"""Django's settings, all from the environment (docs/operating.md) with defaults that need none of it."""

import os
from pathlib import Path
from typing import Any

import dj_database_url

from config.home import keep_private, open_home, read_secret_key
from config.openapi import about

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = open_home(BASE_DIR)
SECRET_KEY = read_secret_key(HOME)
ENCRYPTION_KEY_FILE = HOME / "encryption_keys"  # unless QUARTERDECK_ENCRYPTION_KEYS
DEBUG = False
ALLOWED_HOSTS = ["*"]  # Links are built from the request and tokens are not cookies: any name of the server will do.

INSTALLED_APPS = [
    "accounts.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_standardized_errors",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "django_filters",
    "django_tasks",
    "django_tasks_db",
    "config",
    "accounts",
    "settings_params",
    "devices",
    "projects",
    "runs",
    "snapshots",
    "docs_mgmt",
]
MIDDLEWARE = [
    "config.api.request_id.RequestIdMiddleware",
    "config.api.throttle.RateLimitHeaders",
    "config.api.compression.JsonGZipMiddleware",  # outside of the tags, which name uncompressed bytes
    "config.api.caching.CachingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.content_policy.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
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
            ]
        },
    }
]

if not os.environ.get("DATABASE_URL"):
    keep_private(HOME / "db.sqlite3")  # SQLite gives its other files the modes of this one
DATABASES: dict[str, Any] = {"default": dj_database_url.config(default=f"sqlite:///{HOME / 'db.sqlite3'}")}
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["CONN_MAX_AGE"] = None  # a thread keeps its connection: opening one costs more than a query
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # deferred ones fail with "locked" as soon as two processes write
        "timeout": 8,  # seconds; below a third of a run's lease
        # FULL: an answered request survives a power cut, not only a killed process.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728;",
    }
else:
    options = DATABASES["default"].setdefault("OPTIONS", {})  # with what the address says after `?`, as `sslmode`
    wait_seconds = int(options.pop("pool_timeout", 10))
    options["pool"] = {
        "min_size": 0,
        "max_size": 8,
        "timeout": wait_seconds,
        # Tries to connect come 1, 2, 4, 8 … seconds apart, and begin anew after so long. With the pool's own five
        # minutes a database that was away for 16 seconds would be missed for 31.
        "reconnect_timeout": wait_seconds,
    }
_REDIS_URL = os.environ.get("REDIS_URL")
CACHES: dict[str, Any] = {
    # Exact in one process (it counts under a lock). Not the database's cache: its counters lose requests.
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
}
if _REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "config.api.counters.SharedCounters",
        "LOCATION": _REDIS_URL,
        "KEY_PREFIX": "quarterdeck",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},  # seconds; a request waits for no Redis
    }
RATELIMIT_FAIL_OPEN = True  # only for a counter that vanished: away counters are counted elsewhere
RATELIMIT_IP_META_KEY = "config.api.throttle.client_address"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TASKS: dict[str, Any] = {
    "default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", "runs", "index"]},
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MEDIA_ROOT = HOME / "blobs"
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.EndTokensOnChange"},
]
PARAM_READER = "settings_params.queries.read_param"
IDEMPOTENCY_MODEL = "accounts.IdempotencyRecord"
RUN_EXECUTOR = "runs.execution.executor.execute"
AGENT_CHECK = "runs.execution.agent_check.check_agent"
PROJECT_EVENTS = "runs.events.append_project_updated"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.ConsoleSessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["config.api.throttle.GroupThrottle"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasAbility"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.CamelCaseParser"],
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "config.openapi.schema.ApiSchema",
    "EXCEPTION_HANDLER": "config.api.exceptions.exception_handler",
    "DATETIME_FORMAT": None,  # our renderer writes times, with three decimals
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.negotiation.ContentNegotiation",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is 405: the schema describes the routes
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_FORMATTER_CLASS": "config.api.exceptions.ProblemFormatter",
    "NESTED_FIELD_SEPARATOR": "/",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Quarterdeck",
    "DESCRIPTION": about.DESCRIPTION,
    "TAGS": about.TAGS,
    "SERVERS": [{"url": "/", "description": "This server."}],
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DEFAULT_GENERATOR_CLASS": "config.openapi.schema.ApiGenerator",
    "SCHEMA_PATH_PREFIX": "/api",
    "COMPONENT_SPLIT_REQUEST": True,  # what may be sent differs from what is answered
    "ENUM_NAME_OVERRIDES": {
        "RunStatusEnum": "runs.models.Run.Status",
        "ReviewDecisionEnum": "runs.models.RunReview.Decision",
        "CommandStatusEnum": "runs.models.CommandExecution.Status",
        "CredentialKindEnum": "projects.models.ProjectCredential.Kind",
        "FileKindEnum": "runs.summary_shapes.KINDS",
        "McpServerKindEnum": "projects.models.McpServer.Kind",
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "CAMELIZE_NAMES": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "drf_spectacular.contrib.djangorestframework_camel_case.camelize_serializer_fields",
        "config.openapi.hooks.add_what_views_do_not_know",
    ],
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {"default-src": ["'self'"], "img-src": ["'self'", "data:"], "frame-ancestors": ["'none'"]}
}
# Which origins: the param api.cors_origins (config.api.cors). Tokens are sent in a header, never as a cookie.
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
CORS_ALLOW_HEADERS = [
    *("accept", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match"),
    *("last-event-id", "x-request-id"),
]
CORS_EXPOSE_HEADERS = [
    *("ETag", "Location", "X-Request-ID", "Retry-After", "RateLimit", "RateLimit-Policy", "Idempotency-Replayed"),
]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
IS_BEHIND_PROXY = os.environ.get("QUARTERDECK_BEHIND_PROXY") == "true"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_BEHIND_PROXY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_BEHIND_PROXY else None

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "config.api.request_id.RequestIdFilter"},
        # "Not ready yet" is an answer, not an error of the server.
        "not_503": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", 0) != 503,
        },
    },
    "formatters": {
        "line": {
            "()": "config.api.log_lines.LineFormatter",
            "format": "{asctime} {levelname} {name} [{request_id}] {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("QUARTERDECK_LOG_LEVEL", "INFO")},
    "loggers": {
        "django_tasks": {"level": "WARNING"},
        "django_tasks_db": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "watchfiles": {"level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["not_503"]},
    },
}
