"""Drawings of the fabric, each made once and kept for everybody until something is read that was not known before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from uuid import UUID
from zlib import crc32

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from apps.fabric import sketches
from apps.fabric.folds import Fold, folded, open_ones
from apps.fabric.layers import Device, Link, Topology
from apps.fabric.overlays import LISTS, Laid, laid, stamped
from apps.fabric.queries import Basis, tallies
from apps.fabric.rows import Picture
from apps.fabric.sights import Sight
from apps.fabric.sketches import Outline
from apps.fabric.topology import render_topology
from apps.zones.models import Zone

#: As many drawings are kept in each process.
KEPT = 64


@dataclass(frozen=True)
class Plan:
    """What all drawings of a zone are made of. `state` is what it was drawn from, `judged` what its verdicts are."""

    state: str
    judged: str
    #: The readings that are shown: the last ones that were judged.
    basis: Basis
    outline: Outline

    @cached_property
    def picture(self) -> Picture:
        """What is told beside the map. Rows are for the lists: a web process does not keep thousands of them."""
        basis, outline = self.basis, self.outline
        return Picture(
            basis.zone,
            basis.readings,
            [*basis.notices, *outline.notices],
            outline.causes,
            tallies=tallies(basis.zone, outline.counts, basis.readings) if outline.counts else (),
            topology=outline.folded,
            more_causes=outline.more_causes,
        )

    def over(self, basis: Basis) -> Basis:
        """What is known of all lists, with those that are drawn as they are shown."""
        return replace(basis, known=basis.known | self.basis.readings)

    @property
    def folds(self) -> Sequence[Fold]:
        return self.outline.folds

    @cached_property
    def whole(self) -> Topology:
        """Every device, cable and session: read when somebody opens something, or lays something over it."""
        return self.outline.whole or sketches.whole(self.basis)


@dataclass(frozen=True)
class Drawing:
    """`map` tells it apart from another drawing. `opened` are the folds that are open in it."""

    plan: Plan
    #: Of the overlay's lists as well.
    state: str
    #: As it is folded, before anything in it leads anywhere.
    laid: Laid | None
    topology: Topology | None
    svg: SafeString | str
    map: str
    opened: Sequence[Fold]


_lock = Lock()
_plans: dict[UUID, Plan] = {}
_drawings: dict[Sight, Drawing] = {}


def state_of(basis: Basis, plan: Plan, sight: Sight) -> str:
    """The same as long as the same drawing comes of it. One query for the overlay of a VNI."""
    return stamped(plan.over(basis).state(*LISTS.get(sight.overlay, ())), basis.zone, sight)


def drawing_of(zone: Zone, basis: Basis, sight: Sight) -> Drawing:
    """Without a query when what it is made of is kept, and the last readings were surveyed."""
    plan = plan_of(zone, basis)
    state = state_of(basis, plan, sight)
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
    if kept is not None and kept.judged == basis.judged:
        # What has not been read again is not judged anew.
        shown, outline = basis, kept.outline
    else:
        shown, outline = sketches.outline(basis)
        if kept is not None and kept.judged == shown.judged:
            outline = kept.outline
    if kept is None or kept.outline is not outline or kept.state != shown.state():
        kept = Plan(shown.state(), shown.judged, shown, outline)
        _plans[zone.pk] = kept
    return kept


def laid_of(zone: Zone, plan: Plan, sight: Sight) -> Laid | None:
    """The whole fabric with its overlay; None while it was never read."""
    return laid(zone, plan.whole, sight) if plan.outline.folded else None


def folded_of(zone: Zone, plan: Plan, sight: Sight) -> Laid | None:
    """The fabric with its overlay as it is folded. Without either nothing but the outline is read."""
    if plan.outline.folded is None or sight == Sight(sight.zone):
        return Laid(plan.outline.folded) if plan.outline.folded else None
    whole = laid(zone, plan.whole, sight)
    return replace(whole, topology=folded(whole.topology, plan.folds, sight.opened))


def _again(zone: Zone, plan: Plan, sight: Sight, state: str, kept: Drawing | None) -> Drawing:
    """Only drawn anew when something in it has changed."""
    laying, opened = folded_of(zone, plan, sight), open_ones(plan.folds, sight.opened)
    if laying is None:
        return Drawing(plan, state, None, None, "", "", ())
    if kept is not None and kept.laid == laying:
        return replace(kept, plan=plan, state=state, opened=opened)
    devices = [replace(one, url=_url_of_device(one, sight)) for one in laying.topology.devices]
    links = [replace(link, url=_url_of_link(link, sight)) for link in laying.topology.links]
    topology = replace(laying.topology, devices=devices, links=links)
    svg = render_topology(topology)
    return Drawing(plan, state, laying, topology, svg, f"{crc32(svg.encode()):08x}", opened)


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
