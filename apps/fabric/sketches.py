"""What maps of a zone are drawn from, kept by the survey that judged it. Who draws the fabric as it is folded reads no
device and no cable that is not seen.

Kept is what was made of certain readings. Until later ones are surveyed, which takes seconds, maps show those. Whoever
draws from others judges for itself: the survey does not come, or a list has grown stale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from apps.fabric.folds import Fold, folded, folds_of
from apps.fabric.layers import Device, Link, Session, Topology
from apps.fabric.models import Sketch, Survey
from apps.fabric.queries import KINDS, Basis, picture_of
from apps.fabric.rows import Cause, DeviceRow, Notice, Picture
from apps.mirror.queries import Device as Listed

#: As many silent devices are named above the map.
MOST_CAUSES = 5
#: How much older than the last reading a map may be.
PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True)
class Outline:
    """`folded` has all of its folds closed; None where the inventory was never read."""

    folded: Topology | None
    folds: Sequence[Fold]
    #: The silent devices with the most consequences, and how many there are besides.
    causes: Sequence[Cause]
    more_causes: int
    #: Devices, links, sessions by their statuses.
    counts: Sequence[Counter[str]]
    notices: Sequence[Notice]
    #: None where it is kept.
    whole: Topology | None


def outline_of(picture: Picture) -> Outline:
    """Of a picture with no notices but its own."""
    whole = picture.topology
    folds = folds_of(whole) if whole else []
    causes = sorted(picture.causes, key=lambda cause: -cause.weight)
    return Outline(
        folded(whole, folds) if whole else None,
        folds,
        causes[:MOST_CAUSES],
        max(len(causes) - MOST_CAUSES, 0),
        [tally.counts for tally in picture.tallies],
        picture.notices,
        whole,
    )


def keep(basis: Basis, outline: Outline) -> None:
    if outline.folded and outline.whole:
        values = {"state": basis.judged, "outline": _packed(outline), "whole": _rows_of(outline.whole)}
        Sketch.objects.update_or_create(zone=basis.zone, defaults=values)


def outline(basis: Basis) -> tuple[Basis, Outline]:
    """With the readings that it is of. One query where it is kept; four otherwise."""
    kept = Sketch.objects.filter(zone=basis.zone).select_related("zone__survey").defer("whole").first()
    if kept:
        for each in (basis, _before(basis, kept.zone.survey)):
            if each.judged == kept.state:
                return each, _unpacked(kept.outline)
    return basis, outline_of(picture_of(basis.zone, Basis(basis.zone, basis.known, [])))


def _before(basis: Basis, survey: Survey) -> Basis:
    """As it was surveyed last, while the next survey is about to come."""
    known = dict(basis.known)
    for kind in KINDS:
        was, now = survey.read[kind], known[kind].read_at
        if was and now and was < now <= was + PATIENCE:
            known[kind] = copy(known[kind])
            known[kind].read_at = was
    return replace(basis, known=known)


def whole(basis: Basis) -> Topology:
    """As many queries."""
    kept = Sketch.objects.filter(zone=basis.zone, state=basis.judged).values_list("whole", flat=True).first()
    return _topology_of(kept) if kept else picture_of(basis.zone, basis).topology or Topology([], [])


def _packed(outline: Outline) -> dict[str, Any]:
    return {
        "folded": _rows_of(outline.folded) if outline.folded else None,
        "folds": [_values(fold) for fold in outline.folds],
        "causes": [
            [
                cause.device.device.model_dump(mode="json", include={"id", "name", "last_seen"}),
                cause.links,
                cause.sessions,
            ]
            for cause in outline.causes
        ],
        "more_causes": outline.more_causes,
        "counts": outline.counts,
        "notices": [[notice.kind, notice.title, notice.text] for notice in outline.notices],
    }


def _unpacked(kept: dict[str, Any]) -> Outline:
    return Outline(
        _topology_of(kept["folded"]),
        [Fold(*values) for values in kept["folds"]],
        [
            Cause(DeviceRow(Listed.model_validate(device), role="", status=""), links, sessions)
            for device, links, sessions in kept["causes"]
        ],
        kept["more_causes"],
        [Counter(each) for each in kept["counts"]],
        [Notice(*values) for values in kept["notices"]],
        whole=None,
    )


def _rows_of(topology: Topology) -> list[Any]:
    parts = (topology.devices, topology.links, topology.sessions)
    return [topology.title, *([_values(each) for each in part] for part in parts)]


def _topology_of(kept: Sequence[Any]) -> Topology:
    title, devices, links, sessions = kept
    return Topology(
        [Device(*values) for values in devices],
        [Link(*values) for values in links],
        [Session(*values) for values in sessions],
        title,
    )


def _values(each: Device | Link | Session | Fold) -> list[Any]:
    """By place: names would be most of what there is. No overlay is kept, so all of them are plain."""
    return [getattr(each, field.name) for field in fields(each)]
