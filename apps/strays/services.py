"""Looking for strays, and what platform admins do about one."""

from __future__ import annotations

from django.db import transaction

from apps.kernel.errors import Refused
from apps.kernel.names import as_seen
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.strays import finder
from apps.strays.models import Stray
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones.models import Zone

TASK = "mirror.strays"


def look_everywhere() -> int:
    """Bring the strays of every zone up to date. Gives how many there are."""
    return sum(finder.look(zone) for zone in Zone.objects.filter(is_enabled=True))


@transaction.atomic(durable=True)
def remove(stray: Stray, *, confirmed: str, by: Platform) -> Operation:
    """Have it taken away, in the care that its system needs. Whoever asks types its name.

    Raises `Refused`, and `Busy` while its row is worked on."""
    stray = _held(stray)
    if reason := stray.why_not_remove:
        raise Refused("not-removable", reason)
    return _start(stray, "removal", Goal.ABSENT, confirmed, by)


@transaction.atomic(durable=True)
def adopt(stray: Stray, *, confirmed: str, by: Platform) -> Operation:
    """Let its row, which has lost its own, have it. Both remotes are asked first, and nothing is changed there."""
    stray = _held(stray)
    if stray.gone_at is not None or stray.why_not_adopt:
        raise Refused("not-adoptable", stray.why_not_adopt or "It is gone.")
    return _start(stray, "adoption", Goal.PRESENT, confirmed, by)


def _held(stray: Stray) -> Stray:
    return Stray.objects.select_for_update(of=("self",), no_key=True).select_related("zone").get(pk=stray.pk)


def _start(stray: Stray, kind: str, goal: Goal, confirmed: str, by: Platform) -> Operation:
    if as_seen(confirmed) != as_seen(stray.name):
        raise Refused("not-confirmed", f"This is not its name. Type {stray.name}.", "name")
    operation = operations.start(
        kind, stray, goal, tenant=None, zone=stray.zone, lock_key=stray.lock_key, is_alone=True, by=by.actor
    )
    facts = {"system": str(stray.system), "remote_id": stray.remote_id, **stray.facts}
    audit(by.actor, f"stray.{'remove' if goal is Goal.ABSENT else 'adopt'}", stray, tenant=None, new=facts)
    request_refresh(stray.zone, Kind(stray.kind))
    return operation
