"""The doorbell: tells workers that something is due, and open pages that something has changed. Both may be lost.

A ring carries no work: a worker that hears it takes whatever is due and fair (`engine.claim`). Losing Redis therefore
loses seconds, until `sweep` rings again.
"""

from __future__ import annotations

import logging
from uuid import UUID

import redis
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.kernel.channels import publish, tenant_channel

logger = logging.getLogger("weft.doorbell")

TASK = "operations.work"


def ring(*, after: float = 0.0, times: int = 1) -> None:
    """Ring now; `after` in seconds. Never raises: without a broker the sweep does it later."""
    for _ in range(times):
        try:
            current_app.send_task(TASK, countdown=after or None, retry=False, ignore_result=True)
        except (OperationalError, redis.RedisError, OSError) as error:
            logger.warning("the doorbell is out of order: %s", error)
            return


def ring_on_commit(*, after: float = 0.0) -> None:
    transaction.on_commit(lambda: ring(after=after))


def channel(operation_id: UUID) -> str:
    """The Redis channel on which an operation's page hears that it should look again."""
    return f"weft:operation:{operation_id}"


def tell(tenant_id: UUID | None, operation_id: UUID | None = None) -> None:
    """Tell the open pages of a tenant that something has changed, and those of one operation. Never raises."""
    heard = [channel(operation_id)] if operation_id is not None else []
    publish(*heard, *([tenant_channel(tenant_id)] if tenant_id is not None else []))
