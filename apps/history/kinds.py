"""What kinds of events there are, and what is known of their subjects: apps register their own in `ready`.

An event is something that is so for a while: it begins, is seen again, and ends. An open one of a kind that is marked
so is a finding: somebody has to do something about it, since it will not go by itself. A change, of a kind marked so,
happens at a moment: it ends as it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from apps.zones.models import Zone

#: Longest key of a kind of events, and of subjects.
KEY = 32


class Subject(NamedTuple):
    """What an event or a series is about: a device by its id in Netris, say. The same kind and id in a zone are the
    same thing."""

    kind: str
    id: str
    name: str


@dataclass(frozen=True)
class EventKind:
    """`label` stands in lists: "Device silent"."""

    key: str
    label: str
    is_finding: bool = False
    is_change: bool = False


_kinds: dict[str, EventKind] = {}
_pages: dict[str, Callable[[Zone, str], str]] = {}
_names: dict[str, Callable[[Zone, str], str | None]] = {}


def register(*kinds: EventKind) -> None:
    for kind in kinds:
        if not kind.key or len(kind.key) > KEY:
            raise ValueError(f"the key of a kind has 1 to {KEY} characters: {kind.key}")
        _kinds[kind.key] = kind


def register_page(subject_kind: str, url: Callable[[Zone, str], str]) -> None:
    """Where the things of a kind are shown: `url` is given their zone and their id."""
    _pages[subject_kind] = url


def register_name(subject_kind: str, name: Callable[[Zone, str], str | None]) -> None:
    """What the things of a kind are called now, by their zone and their id; None for one that is gone. A query at
    most."""
    _names[subject_kind] = name


def kinds(*, are_findings: bool = False) -> list[EventKind]:
    """All of them, or those of findings, by their labels."""
    found = (kind for kind in _kinds.values() if kind.is_finding or not are_findings)
    return sorted(found, key=lambda kind: kind.label)


def kind_of(key: str) -> EventKind:
    """One that no app registers any more is told by its key."""
    return _kinds.get(key) or EventKind(key, key.replace("-", " ").capitalize())


def name_of(zone: Zone, subject_kind: str, subject_id: str) -> str | None:
    """None where nobody tells."""
    name = _names.get(subject_kind)
    return name(zone, subject_id) if name else None


def page_of(zone: Zone, subject: Subject) -> str:
    """ "" where things of its kind have no page."""
    url = _pages.get(subject.kind)
    return url(zone, subject.id) if url else ""
