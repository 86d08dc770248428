"""Opens both clients of a zone, and keeps them open: one pair per process and zone, shared by all its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from apps import cloudstack, netris
from apps.cloudstack import CloudStack
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


def refuse_open_transaction() -> None:
    # Django's test case opens transactions of its own and marks them; they hold no lock that anyone waits for.
    if any(not block._from_testcase for block in connection.atomic_blocks):  # type: ignore[attr-defined]
        raise TransactionOpenError("commit before calling CloudStack or Netris")


def hooks_for(zone: Zone) -> Hooks:
    """What watches every call: no open transaction, each is charged to the zone's rate limit, slow ones are noted."""

    def before(_system: str, _call: str) -> None:
        refuse_open_transaction()

    def after(system: str, call: str, _status: int | None, milliseconds: float) -> None:
        pace.charge(zone, system)
        health.note_pace(zone, system, call, milliseconds)

    return Hooks(before=before, after=after)


def open_clouds(zone: Zone) -> Clouds:
    """The zone's clients. A changed zone (credentials, addresses) gets new ones; the old are closed when unused."""
    key = (zone.pk, zone.updated_at.isoformat())
    with _lock:
        clouds = _open.get(key)
        if clouds is None:
            hooks = hooks_for(zone)
            clouds = _open[key] = Clouds(
                zone,
                cloudstack.connect(
                    zone.cloudstack_url, zone.cloudstack_api_key, zone.cloudstack_secret_key, hooks=hooks
                ),
                netris.connect(zone.netris_url, zone.netris_user, zone.netris_password, hooks=hooks),
            )
        return clouds
