"""The Celery application, and the heartbeat by which /healthz knows that a worker is alive."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, heartbeat_sent, worker_init, worker_ready

from portal import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

broker.install()
app = Celery("weft", amqp=broker.Broker)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

HEARTBEAT_KEY = "weft:worker-seen"
HEARTBEAT_SECONDS = 15


@worker_ready.connect
@heartbeat_sent.connect
def note_worker(sender: Any = None, **_kwargs: Any) -> None:
    """A worker that can reach the broker says so; the note expires by itself when the worker dies. One that sweeps does
    no other work: it is named `sweeps@...`, and not noted here."""
    from django.core.cache import cache

    name = str(getattr(getattr(sender, "eventer", sender), "hostname", ""))
    if not name.startswith("sweeps"):
        cache.set(HEARTBEAT_KEY, True, timeout=HEARTBEAT_SECONDS)


@worker_init.connect
@beat_init.connect
def check(**_kwargs: Any) -> None:
    from portal import startup

    startup.check()
