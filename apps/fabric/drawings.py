"""Drawings of the fabric, each made once and kept for everybody until something is read that was not known before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from uuid import UUID
from zlib import crc32

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from apps.fabric.folds import Fold, folded, folds_of, open_ones
from apps.fabric.layers import Device, Link, Topology
from apps.fabric.overlays import LISTS, Laid, laid
from apps.fabric.queries import Basis, picture_of
from apps.fabric.rows import Picture
from apps.fabric.sights import Sight
from apps.fabric.topology import render_topology
from apps.zones.models import Zone

#: As many silent devices are named above the map.
MOST_CAUSES = 5
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
    #: Of the overlay's lists as well.
    state: str
    laid: Laid | None
    #: As it is drawn: folded.
    topology: Topology | None
    svg: SafeString | str
    map: str
    opened: Sequence[Fold]


_lock = Lock()
_plans: dict[UUID, Plan] = {}
_drawings: dict[Sight, Drawing] = {}


def state_of(basis: Basis, sight: Sight) -> str:
    """The same as long as the same drawing comes of it."""
    return basis.state(*LISTS.get(sight.overlay, ()))


def drawing_of(zone: Zone, basis: Basis, sight: Sight) -> Drawing:
    """Without a query when what it is made of is kept."""
    state, plan = state_of(basis, sight), plan_of(zone, basis)
    with _lock:
        kept = _drawings.pop(sight, None)
    if kept is None or kept.state != state or kept.plan is not plan:
        kept = _again(zone, plan, sight, state, kept)
    with _lock:
        _drawings[sight] = kept
        while len(_drawings) > KEPT:
            del _drawings[next(iter(_drawings))]
    return kept


def plan_of(zone: Zone, basis: Basis) -> Plan:
    kept = _plans.get(zone.pk)
    if kept is None or kept.state != basis.state():
        picture = picture_of(zone, basis)
        folds = folds_of(picture.topology) if picture.topology else []
        # Rows are for the lists. A web process does not keep thousands of them, and a page does not tell them all.
        causes = sorted(picture.causes, key=lambda cause: -cause.weight)[:MOST_CAUSES]
        more = len(picture.causes) - len(causes)
        picture = replace(picture, devices=(), links=(), sessions=(), causes=causes, more_causes=more)
        kept = Plan(basis.state(), picture, folds)
        _plans[zone.pk] = kept
    return kept


def laid_of(zone: Zone, basis: Basis, sight: Sight) -> Laid | None:
    """The whole fabric with its overlay; None while it was never read."""
    whole = plan_of(zone, basis).picture.topology
    return laid(zone, whole, sight) if whole else None


def _again(zone: Zone, plan: Plan, sight: Sight, state: str, kept: Drawing | None) -> Drawing:
    """Only drawn anew when something in it has changed."""
    whole = plan.picture.topology
    if whole is None:
        return Drawing(plan, state, None, None, "", "", ())
    laying = laid(zone, whole, sight)
    if kept is not None and kept.laid == laying:
        return replace(kept, plan=plan, state=state, opened=open_ones(plan.folds, sight.opened))
    topology = folded(laying.topology, plan.folds, sight.opened)
    devices = [replace(one, url=_url_of_device(one, sight)) for one in topology.devices]
    links = [replace(link, url=_url_of_link(link, sight)) for link in topology.links]
    topology = replace(topology, devices=devices, links=links)
    svg = render_topology(topology)
    return Drawing(
        plan, state, laying, topology, svg, f"{crc32(svg.encode()):08x}", open_ones(plan.folds, sight.opened)
    )


def export_of(drawing: Drawing) -> SafeString:
    """The picture alone, for a file: no address in it leads anywhere from there."""
    topology = drawing.topology or Topology([], [])
    devices = [replace(one, url=None) for one in topology.devices]
    links = [replace(link, url=None) for link in topology.links]
    return render_topology(replace(topology, devices=devices, links=links))


def _url_of_device(device: Device, sight: Sight) -> str:
    """Its page; for a part of the map that can be opened the same map with it open."""
    if device.opens:
        return f"?{sight.opening(device.id).query}"
    if device.holds:
        return f"{reverse('fabric:device_list')}?{urlencode({'zone': sight.zone, 'role': 'hypervisor'})}"
    if device.role == "isp":
        return f"{reverse('fabric:session_list')}?{urlencode({'zone': sight.zone, 'q': device.name})}"
    return reverse("fabric:device_detail", args=[sight.zone, device.id])


def _url_of_link(link: Link, sight: Sight) -> str | None:
    return reverse("fabric:link_detail", args=[sight.zone, link.id]) if link.id else None
