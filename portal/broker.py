"""The line to the broker. What goes over it is a ring, never work: a lost one is rung again by beat.

So the broker forgets what a worker has heard (`ack_emulation` in the settings), and nothing that was not answered is
put back. Both also ends workers of Celery when the broker goes away: kombu does it on a channel that has lost its
connection. And a broker that was away for long is asked every few seconds, like one that was away for a moment.
"""

from __future__ import annotations

from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES, redis

SECONDS_BETWEEN_TRIES = 2


class Channel(redis.Channel):
    do_restore = False


class Transport(redis.Transport):
    Channel = Channel


class PersistentConnection(Connection):
    def ensure_connection(self, *args: Any, **options: Any) -> Connection:  # type: ignore[override]  # handed on
        return super().ensure_connection(
            *args, **{"interval_start": 0.2, "interval_max": SECONDS_BETWEEN_TRIES} | options
        )


class Broker(AMQP):
    Connection = PersistentConnection


def install() -> None:
    """Before any connection is made: the address of the broker names the transport."""
    for name in ("redis", "rediss"):
        TRANSPORT_ALIASES[name] = f"{__name__}:Transport"


def broker_url(redis_url: str) -> str:
    """Where Celery finds the Redis that Django finds at `redis_url`."""
    if not redis_url.startswith("unix://"):
        return redis_url
    return f"redis+socket://{redis_url.removeprefix('unix://')}".replace("?db=", "?virtual_host=")
