"""Opens both clients of a zone, and keeps them open: one pair per process and zone, shared by all its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx
from django.conf import settings
from django.db import connection

from apps import cloudstack, netris
from apps.cloudstack import CloudStack
from apps.cloudstack.auth import LIFETIME
from apps.kernel import clock
from apps.kernel.remote import Hooks
from apps.netris import Netris
from apps.zones import health, pace
from apps.zones.models import Zone
from apps.zones.turnstile import Turnstile


@dataclass(frozen=True)
class Clouds:
    """Both remotes of one zone, and the zone. An operation passes its turnstile before it orders anything."""

    zone: Zone
    cloudstack: CloudStack
    netris: Netris
    turnstile: Turnstile | None = None

    def close(self) -> None:
        self.cloudstack.close()
        self.netris.close()


OpenClouds = Callable[[Zone], Clouds]

_open: dict[tuple[UUID, str], Clouds] = {}
_lock = threading.Lock()


class TransactionOpenError(RuntimeError):
    """A remote was called with a database transaction open: row locks would be held for as long as it takes."""


class TooLateError(RuntimeError):
    """The lease has run out, so somebody else may be at work on the same thing: nothing was sent."""


_until: ContextVar[datetime | None] = ContextVar("until", default=None)


@contextmanager
def no_later_than(until: datetime | None) -> Iterator[None]:
    """No call leaves after `until`, by the database's clock. A worker may be stopped for hours between two lines of
    code; whoever has taken over its work must know when the last of its calls can have left."""
    token = _until.set(until)
    try:
        yield
    finally:
        _until.reset(token)


def refuse_too_late() -> None:
    until = _until.get()
    if until is not None and clock.now() >= until:
        raise TooLateError("the lease has run out")


def refuse_open_transaction() -> None:
    # Django's test case opens transactions of its own and marks them; they hold no lock that anyone waits for.
    if any(not block._from_testcase for block in connection.atomic_blocks):  # type: ignore[attr-defined]
        raise TransactionOpenError("commit before calling CloudStack or Netris")


def hooks_for(zone: Zone) -> Hooks:
    """What watches every call: no open transaction, none after the lease; each is charged to the zone's rate limit, and
    slow ones are noted."""

    def before(_system: str, _call: str) -> None:
        refuse_open_transaction()
        refuse_too_late()

    def after(system: str, call: str, _status: int | None, milliseconds: float) -> None:
        pace.charge(zone, system)
        health.note_pace(zone, system, call, milliseconds)

    return Hooks(before=before, after=after)


def connect(
    zone: Zone,
    hooks: Hooks,
    *,
    transports: tuple[httpx.BaseTransport | None, httpx.BaseTransport | None] = (None, None),
) -> Clouds:
    """New clients of both, over `transports` where they are given."""
    to_cloudstack, to_netris = transports
    return Clouds(
        zone,
        cloudstack.connect(
            zone.cloudstack_url,
            zone.cloudstack_api_key,
            zone.cloudstack_secret_key,
            transport=to_cloudstack,
            hooks=hooks,
            read_timeout=settings.ANSWER_AWAITED.total_seconds(),
            now=clock.now,
            # A third of the time for which a lost order is waited for is left for the clocks to differ. A shorter life
            # than a minute would end orders for that difference alone.
            order_lifetime=min(max(settings.REQUEST_HELD * 2 / 3, timedelta(minutes=1)), LIFETIME),
        ),
        netris.connect(zone.netris_url, zone.netris_user, zone.netris_password, transport=to_netris, hooks=hooks),
    )


def open_clouds(zone: Zone) -> Clouds:
    """The zone's clients. A changed zone (credentials, addresses) gets new ones; the old are closed when unused."""
    key = (zone.pk, zone.updated_at.isoformat())
    with _lock:
        clouds = _open.get(key)
        if clouds is None:
            clouds = _open[key] = connect(zone, hooks_for(zone))
        return clouds
