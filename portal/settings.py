"""Settings for every environment. What differs between them is in `portal.env`; nothing here branches on it but TLS."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import django_stubs_ext

from portal.broker import broker_url
from portal.env import BadEnvironment, read_env

django_stubs_ext.monkeypatch()

try:
    ENV = read_env()
except BadEnvironment as bad:
    sys.exit(str(bad))
BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = ENV.secret_key.get_secret_value()
SEAL_KEYS = [key.strip() for key in ENV.seal_keys.get_secret_value().split(",") if key.strip()]
ALLOWED_HOSTS = ENV.allowed_hosts
DEBUG = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "netfields",
    "django_htmx",
    "django_filters",
    "template_partials",
    "lucide",
    "rest_framework",
    "drf_spectacular",
    "apps.kernel",
    "apps.tenancy",
    "apps.quotas",
    "apps.zones",
    "apps.operations",
    "apps.imports",
    "apps.mirror",
    "apps.history",
    "apps.accounts",
    "apps.networks",
    "apps.instances",
    "apps.addresses",
    "apps.acls",
    "apps.balancers",
    "apps.directconnect",
    "apps.peering",
    "apps.reachability",
    "apps.strays",
    "apps.health",
    "apps.vnis",
    "apps.softgates",
    "apps.inventory",
    "apps.ipam",
    "apps.sites",
    "apps.search",
    "apps.overview",
    "apps.fabric",
    "apps.demo",
]

MIDDLEWARE = [
    "apps.kernel.middleware.Compression",
    "apps.kernel.middleware.ContentSecurityPolicy",
    "apps.kernel.middleware.Parts",
    "apps.kernel.times.OwnTimeZone",
    "apps.kernel.middleware.WrongMethods",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.tenancy.middleware.TenantMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
APPEND_SLASH = True

LOADERS = ["apps.kernel.templating.Loader", "django.template.loaders.app_directories.Loader"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [("template_partials.loader.Loader", [("django.template.loaders.cached.Loader", LOADERS)])],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.navigation.shell",
            ],
        },
    }
]


#: How libpq finds out, over TCP, that the database's machine has vanished without a word: within a minute, where the
#: kernel alone would let a worker wait for a quarter of an hour or for two. Seconds; the last is in milliseconds.
VANISHED = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 40_000,
}


def _database(url: str) -> dict[str, object]:
    """`postgresql://user:password@host:port/name?option=value`; a host that starts with %2F is a socket directory."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition("@")[2].partition(":")
    options: dict[str, object] = {**VANISHED, **dict(parse_qsl(parts.query))}
    if ENV.db_pool:
        options["pool"] = {"min_size": 1, "max_size": ENV.db_pool, "timeout": 30}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(host),
        "PORT": port,
        "OPTIONS": options,
        # Each request under ASGI has a thread of its own: a session that outlived it would never be used again, and
        # would stay open until PostgreSQL has no room for another.
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # of what lies in the pool: PostgreSQL may have restarted meanwhile
        "ATOMIC_REQUESTS": False,
    }


DATABASES = {"default": _database(ENV.database_url.get_secret_value())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = ENV.redis_url.get_secret_value()
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# Sessions live in PostgreSQL: a flushed Redis logs nobody out.
SESSION_ENGINE = "apps.tenancy.sessions"
SESSION_COOKIE_AGE = int(timedelta(days=7).total_seconds())
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = ENV.https
CSRF_COOKIE_SECURE = ENV.https
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = ENV.https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.https else None
SECURE_HSTS_SECONDS = 31_536_000 if ENV.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = ENV.https
SECURE_HSTS_PRELOAD = ENV.https
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "apps.kernel.views.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 640 * 1024  # a whole sheet (`limits.DOCUMENTS`), whose signs a form sends as three bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = None  # the intake has counted them

AUTH_USER_MODEL = "tenancy.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
#: Seconds for which a link to set a new password is good.
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=24).total_seconds())
PASSWORD_HASHERS = ["apps.kernel.hashing.InTurns"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = ENV.time_zone
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = ENV.static_root
# What is collected has its digest in its name, so browsers keep it for good, and lies there compressed. What is served
# from where it is written, in tests, is neither.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if ENV.static_root
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = ENV.static_root is None
WHITENOISE_AUTOREFRESH = False
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.tenancy.api.authentication.TokenAuthentication",
        "apps.tenancy.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.tenancy.api.permissions.MayUse"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.kernel.api.pagination.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.kernel.api.problems.answer",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Weft",
    "DESCRIPTION": "Networks of a CloudStack cloud on a Netris-managed VXLAN/EVPN fabric.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PATH_CONVERTER_OVERRIDES": {"id": UUID},
    "ENUM_NAME_OVERRIDES": {
        "ReachabilityEnum": "apps.reachability.api.serializers.VERDICTS",
        "ProtocolEnum": "apps.addresses.models.Protocol.choices",
        "RuleActionEnum": "apps.acls.models.ACTIONS",
        "FindingEnum": "apps.networks.agreement.FINDINGS",
        "ProcessKindEnum": "apps.health.models.Kind.choices",
        "PresenceEnum": "apps.health.looks.THERE",
        "FreshnessEnum": "apps.health.looks.AGES",
        "ListKindEnum": "apps.mirror.models.Kind.choices",
        "StrayKindEnum": "apps.strays.models.KINDS",
        "RoleEnum": "apps.tenancy.models.Role.choices",
        "PurposeEnum": "apps.addresses.models.Purpose.choices",
        "DeviceRoleEnum": "apps.fabric.inventory.queries.DEVICE_ROLES",
        "NodeRoleEnum": "apps.fabric.api.topology.serializers.NODE_ROLES",
        "DeviceStatusEnum": "apps.fabric.layers.DEVICE_STATUSES",
        "LinkStatusEnum": "apps.fabric.layers.LINK_STATUSES",
        "SystemEnum": "apps.zones.models.System.choices",
        "SoftGateRoleEnum": "apps.softgates.queries.ROLES",
        "LevelEnum": "apps.overview.pools.LEVELS",
        "OrderStageEnum": "apps.directconnect.models.STAGES",
        "ConnectionLayerEnum": "apps.directconnect.api.interface_serializers.LAYERS",
        "ConnectionVerdictEnum": "apps.directconnect.api.interface_serializers.VERDICTS",
        "QuotaStageEnum": "apps.quotas.models.Stage.choices",
        "PartyEnum": "apps.directconnect.models.PARTIES",
        "PortKindEnum": "apps.directconnect.models.PortKind.choices",
        "StatusEnum": "apps.operations.api.serializers.STATUSES",
    },
}

OPERATION_LEASE = timedelta(seconds=ENV.lease_seconds)
ANSWER_AWAITED = timedelta(seconds=ENV.answer_seconds)
EVENTS_DAYS = ENV.events_days
GONE_DAYS = ENV.gone_days
AUDIT_DAYS = ENV.audit_days
REQUEST_HELD = timedelta(seconds=ENV.request_held_seconds)

CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
# A ring carries no work: the broker keeps none that a worker has heard, so none stands open when the broker goes away.
CELERY_TASK_ACKS_LATE = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"ack_emulation": False, "priority_steps": [0, 3, 6, 9]}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_IMPORTS = ["portal.retention"]
CELERY_TIMEZONE = "UTC"
# Sweeps have a queue, and processes, of their own: what people wait for never stands behind a long list.
CELERY_TASK_ROUTES = {"mirror.*": {"queue": "sweeps"}, "portal.forget": {"queue": "sweeps"}}
CELERY_BEAT_SCHEDULE = {
    "forget what is over": {"task": "portal.forget", "schedule": 3600.0},
    "sweep due operations": {"task": "operations.sweep", "schedule": ENV.sweep_seconds},
    "survey the fabrics": {"task": "mirror.survey", "schedule": 5.0, "options": {"expires": 5.0}},
    "look for strays": {"task": "mirror.strays", "schedule": 30.0, "options": {"expires": 30.0}},
    "take rules off whose time is over": {"task": "acls.expire", "schedule": 30.0, "options": {"expires": 30.0}},
    "compare lists of tiers": {"task": "mirror.acls", "schedule": 20.0, "options": {"expires": 20.0}},
    "compare NAT rules": {"task": "mirror.nat", "schedule": 20.0, "options": {"expires": 20.0}},
    "try connections": {"task": "zones.try", "schedule": 10.0, "options": {"expires": 10.0}},
    "put back what CloudStack took": {"task": "balancers.keep", "schedule": 10.0, "options": {"expires": 10.0}},
    "end peerings": {"task": "peering.keep", "schedule": 10.0, "options": {"expires": 10.0}},
    "keep orders of Direct Connect": {"task": "directconnect.keep", "schedule": 30.0, "options": {"expires": 30.0}},
    "write down who has which VNI": {"task": "mirror.vnis", "schedule": 20.0, "options": {"expires": 20.0}},
    "send imports": {"task": "imports.go_on", "schedule": 5.0, "options": {"expires": 5.0}},
    "look for pools that fill up": {"task": "mirror.pools", "schedule": 30.0, "options": {"expires": 30.0}},
    "collect readings": {"task": "mirror.collect", "schedule": 10.0, "options": {"expires": 10.0}},
    "make and drop partitions": {"task": "mirror.partitions", "schedule": 600.0, "options": {"expires": 600.0}},
    "refresh the mirror": {"task": "mirror.refresh", "schedule": 5.0, "options": {"expires": 5.0}},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENV.log_level},
    "loggers": {
        # httpx prints whole URLs, which can hold credentials.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
