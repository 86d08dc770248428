"""What the page of one SoftGate shows: all that Netris and its collector tell of it, and its place in its fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.fabric import verdicts
from apps.fabric.inventory.pages import CheckedPort, DevicePage, device_page
from apps.fabric.models import SurveyedDevice
from apps.history.charts import written
from apps.history.metrics import ERRORS, RX, TX
from apps.history.series import Latest, latest
from apps.kernel.words import counted
from apps.softgates.queries import GAUGES, GENERAL, SNAT, Gauge, Member, members
from apps.tenancy.actors import Platform

#: From where Netris calls its other checks a warning, and critical, unless somebody changed that (netris-api.md 3.3).
LIMITS = {
    "check_ratio": ("", "60"),
    "check_bgp": ("0 prefixes", "not established"),
    "check_bgp_underlay": ("", "loopbacks missing"),
    "check_topology": ("", "wired to another port"),
}


@dataclass(frozen=True)
class GatePort:
    """A port of the dataplane with what was measured there last. None where nobody has within the hour."""

    port: CheckedPort
    received: Latest | None
    sent: Latest | None
    errors: Latest | None

    @property
    def rates(self) -> list[tuple[str, str, bool]]:
        """Each rate in words, and whether it is too old to go by."""
        known = ((RX, self.received), (TX, self.sent), (ERRORS, self.errors))
        return [(metric.label, written(each.value, metric.unit), each.is_stale) for metric, each in known if each]

    @property
    def measured_at(self) -> datetime | None:
        """When the oldest of these was read."""
        return min((each.at for each in (self.received, self.sent, self.errors) if each), default=None)

    @property
    def fresh_for(self) -> int:
        known = [each.fresh_for for each in (self.received, self.sent, self.errors) if each]
        return int(min(known, default=timedelta()).total_seconds())


@dataclass(frozen=True)
class GatePage:
    device: DevicePage
    member: Member
    ports: Sequence[GatePort]

    @property
    def gauges(self) -> list[Gauge]:
        """Its checks with their limits: the node's own, then the others, the worst first."""
        others = [check for check in self.device.checks if check.name not in GAUGES]
        return [
            *self.member.node.gauges,
            *(Gauge(check.name, *LIMITS.get(check.name, ("", "")), check) for check in others),
        ]

    @property
    def sessions_words(self) -> str:
        """How it stands with the routers that it should have a session with."""
        sessions = self.member.node.sessions
        if self.member.node.line.is_stale:
            return "Not known: the last reading is too old."
        missing = sum(each.status == verdicts.MISSING for each in sessions)
        lacking = f"; {missing} that other SoftGates have {'is' if missing == 1 else 'are'} missing" if missing else ""
        return f"{self.member.node.sessions_up} of {len(sessions)} up{lacking}"

    @property
    def carries(self) -> list[tuple[str, str]]:
        """What it carries by its role, in words: which rules are on which SNAT node Netris does not tell."""
        fleet, role = self.member.fleet, self.member.node.role
        rules = fleet.rules
        if role == GENERAL:
            of_vpcs = f"of {counted(rules.dnat_vpcs, 'VPC')}"
            return [
                ("DNAT rules", f"{rules.dnat:,} {of_vpcs}: every one is on every General node"),
                ("Load balancers", f"{rules.balancers:,}: every one is on every General node"),
            ]
        if role == SNAT:
            share = -(-rules.snat_vpcs // max(fleet.snat.well, 1))
            return [
                (
                    "Source NAT",
                    f"about {share:,} of {rules.snat_vpcs:,} VPCs: Netris spreads them over the nodes that are well, "
                    "and does not tell which is where",
                )
            ]
        return []


def gate_page(row: SurveyedDevice, by: Platform) -> GatePage:
    """As many queries as the page of a device and the list of one zone's fleet, and two."""
    device = device_page(row, by)
    [member] = members([row])
    found = latest(row.zone, "device", [row.remote_id], (RX.key, TX.key, ERRORS.key))

    def rate(name: str, metric: str) -> Latest | None:
        return found.get((row.remote_id, name, metric))

    ports = [
        GatePort(port, *(rate(port.line.row.short_name, metric.key) for metric in (RX, TX, ERRORS)))
        for port in device.ports
    ]
    return GatePage(device, member, ports)
