"""Saying to open pages that something has changed. Nothing is carried but the word, and it may be lost."""

from __future__ import annotations

import logging
from uuid import UUID

import redis
from django.core.cache import cache

logger = logging.getLogger("weft.channels")


def tenant_channel(tenant_id: UUID) -> str:
    """Where the open pages of a tenant hear that they should look again."""
    return f"weft:tenant:{tenant_id}"


def publish(*channels: str) -> None:
    """Never raises: without Redis, pages look for themselves every few seconds."""
    try:
        client: redis.Redis = cache._cache.get_client(write=True)  # type: ignore[attr-defined]
        with client.pipeline(transaction=False) as pages:
            for channel in channels:
                pages.publish(channel, "changed")
            pages.execute()
    except redis.RedisError as error:
        logger.warning("open pages were not told: %s", error)
