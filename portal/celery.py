"""The Celery application. Its workers and beat tell that they do their work."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.signals import (
    beat_init,
    before_task_publish,
    heartbeat_sent,
    worker_init,
    worker_ready,
    worker_shutdown,
)

from portal import broker

if TYPE_CHECKING:
    from apps.health.pulse import Pulse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

broker.install()
app = Celery("weft", amqp=broker.Broker)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: Of this process, once it is known to be a worker or beat.
_pulse: Pulse | None = None


@worker_init.connect
@beat_init.connect
def check(**_kwargs: Any) -> None:
    from portal import startup

    startup.check()


@worker_ready.connect
@heartbeat_sent.connect
def a_worker_hears_the_broker(sender: Any = None, **_kwargs: Any) -> None:
    """One that sweeps does no other work: it is named `sweeps@...`."""
    name = str(getattr(getattr(sender, "eventer", sender), "hostname", ""))
    _tick("sweeps" if name.startswith("sweeps") else "worker")


@beat_init.connect
def beat_begins(sender: Any = None, **_kwargs: Any) -> None:
    before_task_publish.connect(beat_sends_something_off)
    atexit.register(_end)
    _tick("beat")


def beat_sends_something_off(**_kwargs: Any) -> None:
    _tick("beat")


@worker_shutdown.connect
def _end(**_kwargs: Any) -> None:
    if _pulse is not None:
        _pulse.end()


def _tick(kind: str) -> None:
    global _pulse
    if _pulse is None:
        from apps.health.models import Kind
        from apps.health.pulse import Pulse

        _pulse = Pulse(Kind(kind))
    _pulse.tick()
