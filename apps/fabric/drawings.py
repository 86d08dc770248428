"""Drawings of the fabric, each made once and kept for everybody until something is read that was not known before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from uuid import UUID
from zlib import crc32

from django.utils.safestring import SafeString

from apps.fabric.folds import FITS, Fold, folded, folds_of, open_ones
from apps.fabric.layers import Topology
from apps.fabric.queries import Basis, picture_of
from apps.fabric.rows import Picture
from apps.fabric.sights import Sight
from apps.fabric.topology import render_topology
from apps.zones.models import Zone

#: As many drawings are kept in each process.
KEPT = 64


@dataclass(frozen=True)
class Plan:
    """What all drawings of a zone are made of. `state` is what it was drawn from."""

    state: str
    picture: Picture
    folds: Sequence[Fold]


@dataclass(frozen=True)
class Drawing:
    """`map` tells it apart from another drawing. `opened` are the folds that are open in it."""

    plan: Plan
    topology: Topology | None
    svg: SafeString | str
    map: str
    opened: Sequence[Fold]


_lock = Lock()
_plans: dict[UUID, Plan] = {}
_drawings: dict[Sight, Drawing] = {}


def drawing_of(zone: Zone, basis: Basis, sight: Sight) -> Drawing:
    """Without a query when what it is made of is kept."""
    plan = _plan_of(zone, basis)
    with _lock:
        kept = _drawings.pop(sight, None)
    if kept is None or kept.plan.picture.topology != plan.picture.topology:
        kept = _drawn(plan, sight)
    drawing = replace(kept, plan=plan)
    with _lock:
        _drawings[sight] = drawing
        while len(_drawings) > KEPT:
            del _drawings[next(iter(_drawings))]
    return drawing


def _plan_of(zone: Zone, basis: Basis) -> Plan:
    kept = _plans.get(zone.pk)
    if kept is None or kept.state != basis.state:
        picture = picture_of(zone, basis)
        folds = folds_of(picture.topology) if picture.topology else []
        if len(picture.devices) > FITS:
            picture = replace(picture, devices=(), links=(), sessions=())
        kept = Plan(basis.state, picture, folds)
        _plans[zone.pk] = kept
    return kept


def _drawn(plan: Plan, sight: Sight) -> Drawing:
    whole = plan.picture.topology
    if whole is None:
        return Drawing(plan, None, "", "", ())
    topology = folded(whole, plan.folds, sight.opened)
    devices = [replace(one, url=f"?{sight.opening(one.id).query}") if one.opens else one for one in topology.devices]
    svg = render_topology(replace(topology, devices=devices))
    return Drawing(plan, topology, svg, f"{crc32(svg.encode()):08x}", open_ones(plan.folds, sight.opened))
