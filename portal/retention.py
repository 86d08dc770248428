"""What is forgotten by itself, in batches: beat rings for it every hour.

    sessions            when they have run out
    idempotency keys    a day after their change: the promise of `apps.tenancy.api.idempotency`
    events              `WEFT_EVENTS_DAYS` after their operation was over; it stays, with its steps and its end

Nothing refers to any of these. Rows of networks, operations and the audit log are not touched.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models

from apps.kernel import clock
from apps.operations.models import Event
from apps.operations.state import AT_REST
from apps.tenancy.api.idempotency import KEPT
from apps.tenancy.models import IdempotencyKey

logger = logging.getLogger("weft.retention")

TASK = "portal.forget"
BATCH = 1000


@shared_task(name=TASK)
def forget() -> None:
    now = clock.now()
    events = Event.unscoped.filter(
        operation__phase__in=AT_REST, operation__finished_at__lt=now - timedelta(days=settings.EVENTS_DAYS)
    )
    _forget("sessions", Session.objects.filter(expire_date__lt=now))
    _forget("idempotency keys", IdempotencyKey.objects.filter(created_at__lt=now - KEPT))
    _forget("events", events)


def _forget(what: str, rows: models.QuerySet[Any, Any]) -> None:
    """Each batch is a transaction of its own, so nobody waits for long, and what is broken off is gone on with."""
    count = 0
    while batch := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        count += rows.model._default_manager.filter(pk__in=batch).delete()[0]
    if count:
        logger.info("forgot %d %s", count, what)
