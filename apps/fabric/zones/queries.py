"""What the platform's page of zones shows: whether both systems answer, and whether CloudStack's plugin works.

system      says of CloudStack and of Netris
up          it was read a moment ago
slow        Netris takes too long to answer: nothing is ordered
down        it does not answer; since when, and in its words why
stale       the last good reading is too old to go by, or there was none

plugin      says of CloudStack's own line to Netris, by what became of its orders
up          an order went through lately
suspected   an order failed as it would without a session; it is tried again
down        orders wait, one goes through at a time
away        its host is being reconnected
unknown     no order went through for so long that nothing can be said
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count

from apps.mirror.models import Kind, Reading
from apps.mirror.sweeps import SWEEPS
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.state import Phase
from apps.tenancy.actors import Platform
from apps.tenancy.models import Tenant
from apps.vnis.queries import VniPool, pools
from apps.zones.lint import warnings_of
from apps.zones.models import Plugin, Remote, System, Zone


@dataclass(frozen=True)
class SystemRow:
    """One of the zone's two systems."""

    system: System
    status: str
    text: str
    address: str
    read_at: datetime | None
    fresh_for: int

    @property
    def title(self) -> str:
        return str(self.system.label)


@dataclass(frozen=True)
class Sign:
    """An order that failed as it would without a session, and the tenant whose it was."""

    call: str
    text: str
    tenant: str
    operation: UUID
    at: datetime


@dataclass(frozen=True)
class ZoneRow:
    zone: Zone
    systems: Sequence[SystemRow]
    plugin: Plugin
    signs: Sequence[Sign]
    #: How many operations are held back.
    held: int
    #: The last attempt to reconnect the host.
    reconnect: Operation | None
    warnings: Sequence[str]
    vnis: VniPool

    @property
    def vni_status(self) -> str:
        """Below a tenth it warns: lost numbers never come back, and a pool that tiers came out of cannot be shrunk."""
        if self.vnis.is_stale:
            return "stale"
        if not self.vnis.free:
            return "critical"
        return "warning" if 10 * self.vnis.free < self.vnis.size else "ok"

    @property
    def vni_text(self) -> str:
        pool = self.vnis
        if pool.read_at is None:
            return ""
        return f"{pool.free:,} of {pool.size:,} are free; {pool.in_use:,} in use, {pool.lost:,} lost for good"

    @property
    def plugin_status(self) -> str:
        return "away" if self.is_reconnecting else self.plugin.status

    @property
    def proof_lasts(self) -> int:
        return int(Plugin.PROOF_LASTS.total_seconds())

    @property
    def is_reconnecting(self) -> bool:
        return self.reconnect is not None and not self.reconnect.is_settled

    @property
    def has_failed_to_reconnect(self) -> bool:
        return self.reconnect is not None and self.reconnect.phase == Phase.STUCK

    @property
    def is_proof_awaited(self) -> bool:
        """The host is back, and no order has told yet whether that has helped."""
        down_since, back_at = self.plugin.down_since, self.plugin.reconnected_at
        return self.plugin_status == "down" and bool(down_since and back_at and back_at > down_since)

    @property
    def why_not_reconnect(self) -> str | None:
        """What would be answered to whoever tried."""
        return None if self.reconnect is None or self.reconnect.is_at_rest else self.reconnect.in_the_way

    @property
    def needs_attention(self) -> bool:
        is_bad = any(row.status in ("down", "slow") for row in self.systems)
        return is_bad or self.has_failed_to_reconnect or self.plugin_status in ("down", "suspected")


def zone_rows(by: Platform, zones: Iterable[Zone] | None = None) -> list[ZoneRow]:
    """All zones, or these. Nine queries, however many zones."""
    wanted = list(Zone.objects.all() if zones is None else zones)
    remotes = {(remote.zone_id, remote.system): remote for remote in Remote.objects.filter(zone__in=wanted)}
    plugins = {plugin.zone_id: plugin for plugin in Plugin.objects.filter(zone__in=wanted)}
    readings: defaultdict[tuple[UUID, str], list[Reading]] = defaultdict(list)
    for reading in Reading.objects.filter(zone__in=wanted):
        readings[reading.zone_id, SWEEPS[Kind(reading.kind)].system].append(reading)
    across = Operation.objects.across(by).filter(zone__in=wanted)
    held = dict(across.running().exclude(hold="").order_by().values_list("zone").annotate(Count("pk")))
    attempts = across.filter(kind="reconnect").order_by("zone_id", "-created_at").distinct("zone_id")
    latest = {operation.zone_id: operation for operation in attempts}
    names = _tenants_of(plugins.values())
    vnis = pools(wanted)
    return [
        ZoneRow(
            zone,
            [_system(zone, system, remotes.get((zone.pk, system)), readings[zone.pk, system]) for system in System],
            plugin := plugins.get(zone.pk) or Plugin(zone=zone),
            _signs(plugin, names),
            held.get(zone.pk, 0),
            latest.get(zone.pk),
            warnings_of(zone),
            vnis[zone.pk],
        )
        for zone in wanted
    ]


class Pending(NamedTuple):
    """What goes on in a zone that is disabled: how many VPCs, and operations under way."""

    vpcs: int
    operations: int


def pending_of(zone: Zone, by: Platform) -> Pending:
    """Two queries."""
    vpcs = Vpc.objects.across(by).live().filter(zone=zone)
    return Pending(vpcs.count(), Operation.objects.across(by).running().filter(zone=zone).count())


def in_trouble() -> int:
    """How many zones hold orders back, or are about to. One query."""
    is_slow = Remote.objects.exclude(slow_since=None).values("zone")
    is_down = Remote.objects.exclude(down_since=None).values("zone")
    is_lost = Plugin.objects.exclude(suspected_at=None).values("zone")
    found = (
        Zone.objects.filter(pk__in=is_slow) | Zone.objects.filter(pk__in=is_down) | Zone.objects.filter(pk__in=is_lost)
    )
    return found.count()


def _system(zone: Zone, system: System, remote: Remote | None, readings: Sequence[Reading]) -> SystemRow:
    read = [each for each in readings if each.read_at]
    newest = max(read, key=lambda each: each.read_at.timestamp() if each.read_at else 0.0, default=None)
    status, text = "stale", "No list has been read lately." if newest else "No list has been read yet."
    if remote is not None and remote.down_since is not None:
        status, text = "down", remote.error
    elif remote is not None and remote.slow_since is not None:
        seconds = remote.slow_milliseconds / 1000
        status, text = "slow", f"{remote.slow_call} took {seconds:.1f} s. The plugin gives up on such calls."
    elif newest is not None and not newest.is_stale:
        status, text = "up", ""
    address = zone.cloudstack_url if system == System.CLOUDSTACK else zone.netris_url
    fresh_for = int(newest.fresh_for.total_seconds()) if newest else 0
    return SystemRow(system, status, text, address, newest.read_at if newest else None, fresh_for)


def _tenants_of(plugins: Iterable[Plugin]) -> dict[str, str]:
    ids = {each["tenant"] for plugin in plugins for each in plugin.evidence if each["tenant"]}
    return {str(pk): name for pk, name in Tenant.objects.filter(pk__in=ids).values_list("pk", "name")}


def _signs(plugin: Plugin, names: dict[str, str]) -> list[Sign]:
    return [
        Sign(
            each["call"],
            each["text"],
            names.get(each["tenant"], ""),
            UUID(each["operation"]),
            datetime.fromisoformat(each["at"]),
        )
        for each in reversed(plugin.evidence)
    ]
