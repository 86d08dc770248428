"""What web, worker and beat look at before they start: whether their addresses and keys are the right ones.

A wrong one ends the process with a sentence. A system that is only away does not: it may come back, and `/healthz` says
meanwhile what is missing.
"""

from __future__ import annotations

import logging
import sys

import psycopg
import redis
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from psycopg import sql

from apps.kernel.database import connect_aside
from apps.kernel.seal import SealedField

logger = logging.getLogger("weft.start")

CONNECT_SECONDS = 3


def check() -> None:
    """Ends the process when something is wrong. It asks without Django's connections, so any thread may call it."""
    if wrong := [sentence for sentence in (_database(), _broker()) if sentence]:
        sys.exit("\n".join(f"weft: {sentence}" for sentence in wrong))


def _database() -> str:
    try:
        with connect_aside(seconds=CONNECT_SECONDS) as own:
            return _sealed(own)
    except psycopg.OperationalError as error:
        said = str(error).strip().splitlines()[-1]
        if "FATAL:" in said and "starting up" not in said and "shutting down" not in said and "too many" not in said:
            reason = said.partition("FATAL:")[2].strip()
            return f"The database refuses what DATABASE_URL names ({reason}): correct its user, password or name."
        logger.warning("the database is away, and is waited for: %s", said)
    return ""


def _sealed(database: psycopg.Connection) -> str:
    """Whether the keys open what was sealed."""
    keys = MultiFernet([Fernet(key) for key in settings.SEAL_KEYS])
    for model in apps.get_models():
        for field in (field for field in model._meta.concrete_fields if isinstance(field, SealedField)):
            column, table = sql.Identifier(str(field.column)), sql.Identifier(model._meta.db_table)
            query = sql.SQL("SELECT {0} FROM {1} WHERE {0} IS NOT NULL").format(column, table)
            try:
                tokens = [str(row[0]) for row in database.execute(query)]
                for token in tokens:
                    keys.decrypt(token.encode())
            except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
                continue  # not migrated yet
            except InvalidToken:
                return (
                    f"WEFT_SEAL_KEYS cannot open what is sealed in {model._meta.db_table}.{field.column}: "
                    "add the key that it was sealed with to the end of the list."
                )
    return ""


def _broker() -> str:
    seconds = {"socket_timeout": CONNECT_SECONDS, "socket_connect_timeout": CONNECT_SECONDS}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **seconds) as client:
            client.ping()
    except (redis.AuthenticationError, redis.exceptions.AuthorizationError, redis.ResponseError) as error:
        return f"Redis refuses what REDIS_URL names ({error}): correct its user, password or database number."
    except (redis.RedisError, OSError) as error:
        logger.warning("Redis is away, and is waited for: %s", error)
    return ""
