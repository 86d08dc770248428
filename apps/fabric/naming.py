"""Names that a controller has once, given by operations that do not wait for each other."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from apps.kernel.locks import hold_name
from apps.operations.models import Operation
from apps.operations.services import busy
from apps.operations.state import Goal
from apps.zones.models import Zone


def claim_name(kinds: Collection[str], name: str, zone: Zone) -> None:
    """For an operation of one of these kinds that is to give this name to something of a zone's controller, in the
    transaction that starts it. Raises `Busy` while another one does so, or would give it back when it is undone."""
    hold_name(f"{min(kinds)}:{zone.controller_id}:{name}")
    live = Operation.unscoped.live().filter(kind__in=kinds, zone__netris_url=zone.netris_url)
    renames = Q(goal=Goal.CHANGED, wanted__has_key="name")
    gives = Q(goal=Goal.PRESENT, resource_name=name) | renames & (Q(wanted__name=name) | Q(resource_name=name))
    if holder := live.filter(gives).first():
        raise busy(None, holder)
