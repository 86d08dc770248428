"""Do both systems agree? What CloudStack and Netris listed last of a VPC, beside what Weft knows it by.

finding     means
there       the list of that system has it, and the list is fresh
missing     a list that began after the last work on the VPC does not have it
unread      no list has been read since that work ended: nothing can be said yet
stale       the list is too old to go by
none        Weft knows no id there: it was never made, or it is being made
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.networks.models import Tier, Vpc
from apps.operations.provisioned import Status

FINDINGS = ("there", "missing", "unread", "stale", "none")
VERDICTS = ("agree", "differ", "stale", "unread")
#: CloudStack's word for a network in which no instance has run yet: it is made real when the first one starts.
ALLOCATED = "Allocated"


@dataclass(frozen=True)
class Finding:
    word: str

    @property
    def label(self) -> str:
        return {"there": "There", "missing": "Missing", "unread": "Not read yet", "stale": "There when last read"}.get(
            self.word, "Not made"
        )

    @property
    def status(self) -> str:
        """The word that the design language has for it."""
        return {"there": "ok", "missing": "critical"}.get(self.word, "unknown")


@dataclass(frozen=True)
class Line:
    type: Literal["vpc", "tier"]
    #: The id of the VPC or of the tier.
    pk: UUID
    name: str
    cloudstack: Finding
    netris: Finding
    #: Sleeps: CloudStack makes the ports of its V-Net when the first instance starts. None when that is not known.
    is_dormant: bool | None

    @property
    def what(self) -> str:
        return f"{'VPC' if self.type == 'vpc' else 'tier'} {self.name}"

    @property
    def is_missing(self) -> bool:
        return "missing" in (self.cloudstack.word, self.netris.word)


@dataclass(frozen=True)
class Source:
    """How far one system's lists may be believed: as far as the older of them."""

    read_at: datetime | None
    is_stale: bool
    error: str
    #: Seconds.
    fresh_for: int


@dataclass(frozen=True)
class Agreement:
    lines: Sequence[Line]
    cloudstack: Source
    netris: Source

    @property
    def dormant(self) -> frozenset[UUID]:
        """The ids of the tiers that sleep."""
        return frozenset(line.pk for line in self.lines if line.is_dormant)

    @property
    def is_stale(self) -> bool:
        return self.cloudstack.is_stale or self.netris.is_stale

    @property
    def missing(self) -> list[str]:
        """In words: "Netris lacks tier web"."""
        lacks = [f"CloudStack lacks {line.what}" for line in self.lines if line.cloudstack.word == "missing"]
        return lacks + [f"Netris lacks {line.what}" for line in self.lines if line.netris.word == "missing"]

    @property
    def missing_words(self) -> str:
        return f"{'; '.join(self.missing)}. Traffic may not pass there. Tell your provider if it stays so."

    def is_missing(self, pk: UUID) -> bool:
        return any(line.is_missing for line in self.lines if line.pk == pk)

    @property
    def is_proven(self) -> bool:
        return all(line.cloudstack.word == line.netris.word == "there" for line in self.lines)

    @property
    def verdict(self) -> str:
        if self.missing:
            return "differ"
        return "agree" if self.is_proven else "stale" if self.is_stale else "unread"


def agreement_of(vpc: Vpc, tiers: Sequence[Tier], *, settled_at: datetime | None) -> Agreement:
    """Five queries. `settled_at` is when the last work on the VPC ended; older lists prove nothing about it."""
    ready = [tier for tier in tiers if tier.status == Status.READY]
    asked: dict[Kind, list[object]] = {
        Kind.CLOUDSTACK_VPC: [vpc.cloudstack_id],
        Kind.NETRIS_VPC: [vpc.netris_id],
    }
    if ready:
        asked[Kind.CLOUDSTACK_NETWORK] = [tier.cloudstack_id for tier in ready]
        asked[Kind.NETRIS_VNET] = [tier.netris_id for tier in ready]
    found = {kind: mirror.presence(vpc.zone, kind, ids) for kind, ids in asked.items()}

    def seen(row: Vpc | Tier, cloudstack: Kind, netris: Kind) -> tuple[Finding, Finding]:
        in_cloudstack = _finding(row.cloudstack_id, found[cloudstack], settled_at)
        return in_cloudstack, _finding(row.netris_id, found[netris], settled_at)

    states = _states(ready) if ready and not found[Kind.CLOUDSTACK_NETWORK].is_stale else {}
    lines = [Line("vpc", vpc.pk, vpc.name, *seen(vpc, Kind.CLOUDSTACK_VPC, Kind.NETRIS_VPC), None)]
    for tier in ready:
        both, state = seen(tier, Kind.CLOUDSTACK_NETWORK, Kind.NETRIS_VNET), states.get(tier.pk)
        lines.append(Line("tier", tier.pk, tier.name, *both, None if state is None else state == ALLOCATED))
    return Agreement(
        lines,
        _source(found, Kind.CLOUDSTACK_VPC, Kind.CLOUDSTACK_NETWORK),
        _source(found, Kind.NETRIS_VPC, Kind.NETRIS_VNET),
    )


def _states(tiers: Sequence[Tier]) -> dict[UUID, str]:
    """CloudStack's word for each tier that it listed."""
    states = mirror.network_states([tier.cloudstack_id for tier in tiers if tier.cloudstack_id])
    return {tier.pk: states[key].state for tier in tiers if (key := str(tier.cloudstack_id)) in states}


def _finding(remote_id: object, found: mirror.Presence, settled_at: datetime | None) -> Finding:
    if remote_id is None:
        return Finding("none")
    if remote_id in found:
        return Finding("stale" if found.is_stale else "there")
    if found.read_at is None or (settled_at is not None and found.read_at <= settled_at):
        return Finding("unread")
    return Finding("missing")


def _source(found: Mapping[Kind, mirror.Presence], *kinds: Kind) -> Source:
    """Of those kinds that were asked for. One never read counts as the oldest."""
    asked = [kind for kind in kinds if kind in found]
    oldest = min(asked, key=lambda kind: at.timestamp() if (at := found[kind].read_at) else 0.0)
    presence = found[oldest]
    is_stale = any(found[kind].is_stale for kind in asked)
    return Source(presence.read_at, is_stale, presence.error, int(3 * oldest.interval.total_seconds()))
