"""Drawings of the fabric, each made once and kept for everybody until something is read that was not known before."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

from django.utils.safestring import SafeString

from apps.fabric.queries import Basis, picture_of
from apps.fabric.rows import Picture
from apps.fabric.topology import render_topology
from apps.zones.models import Zone


@dataclass(frozen=True)
class Drawing:
    """`state` is what it was drawn from; `map` tells map and links apart from those of another drawing."""

    state: str
    picture: Picture
    svg: SafeString | str
    map: str


#: One for each zone, in each process.
_kept: dict[UUID, Drawing] = {}


def drawing_of(zone: Zone, basis: Basis) -> Drawing:
    """Without a query when it is kept."""
    kept = _kept.get(zone.pk)
    if kept is None or kept.state != basis.state:
        picture = picture_of(zone, basis)
        svg = "" if picture.topology is None else render_topology(picture.topology)
        kept = Drawing(basis.state, picture, svg, f"{crc32(f'{svg}{picture.links}'.encode()):08x}")
        _kept[zone.pk] = kept
    return kept
