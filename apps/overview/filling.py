"""Pools that fill up, as events: three quarters are taken, or nine tenths. Ranges of VNIs are told by `vnis.findings`.

kind                    is so while
public-ips-filling      that much of a zone's public IPs is taken or rests
dnat-rules-filling      there are that many of the DNAT rules for which figures of SoftGates were published
nat-sessions-filling    that much of the table of sessions of a SoftGate is taken
ports-filling           that many of the leaves' ports are cabled or in use
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from apps.history.kinds import EventKind, Subject
from apps.history.models import Severity
from apps.history.services import Found, keep
from apps.kernel.svg.bar import FULL, NEARLY_FULL
from apps.mirror.models import Kind, Reading
from apps.overview import pools
from apps.overview.pools import PORTS, PUBLIC_IPS, RULES, Pool
from apps.softgates.queries import Node, fleets
from apps.zones.models import Zone

PUBLIC_IPS_FILLING = EventKind("public-ips-filling", "Public IPs run out")
RULES_FILLING = EventKind("dnat-rules-filling", "DNAT rules near the end of the figures")
SESSIONS_FILLING = EventKind("nat-sessions-filling", "Table of NAT sessions fills up")
PORTS_FILLING = EventKind("ports-filling", "Ports of the leaves run out")
KINDS = (PUBLIC_IPS_FILLING, RULES_FILLING, SESSIONS_FILLING, PORTS_FILLING)


def tell(zone: Zone) -> None:
    """Bring what fills up in a zone up to date. A pool whose list is stale tells nothing."""
    readings = {Kind(each.kind): each for each in Reading.objects.filter(zone=zone)}
    gates = fleets([zone])
    for kind, key, some, lists in (
        (PUBLIC_IPS_FILLING, PUBLIC_IPS, pools.public_ips([zone]), [Kind.CLOUDSTACK_ADDRESS]),
        (RULES_FILLING, RULES, pools.rules(gates), [Kind.NETRIS_DEVICE, Kind.NETRIS_NAT]),
        (PORTS_FILLING, PORTS, pools.ports([zone]), [Kind.NETRIS_DEVICE, Kind.NETRIS_PORT]),
    ):
        basis = [readings[each] for each in lists if each in readings]
        if len(basis) == len(lists):
            keep(zone, f"pools.{key}", _full(kind, some), basis=basis)
    nodes = {node.line.remote_id for fleet in gates for node in fleet.nodes}
    fresh = [(node, fill.value) for fleet in gates for node, fill in pools.fills(fleet) if not fill.is_stale]
    # What nobody has measured lately stays as it was told last, for as long as the inventory has it.
    unknown = {("device", each) for each in nodes - {node.line.remote_id for node, _ in fresh}}
    keep(zone, "pools.nat-sessions", list(_sessions(fresh)), unknown=unknown)


def _full(kind: EventKind, found: Iterable[Pool]) -> Iterator[Found]:
    for pool in found:
        if pool.level != "ok":
            subject = Subject(pool.key, pool.zone.slug, f"{pool.label} in {pool.zone}")
            words = f"{pool.percent} % of {pool.total:,} {pool.unit} are taken."
            yield Found(kind.key, subject, _severity(pool.percent), words, tenants=())


def _sessions(measured: Iterable[tuple[Node, float]]) -> Iterator[Found]:
    for node, percent in measured:
        if percent >= NEARLY_FULL:
            subject = Subject("device", node.line.remote_id, node.line.name)
            words = f"{percent:.0f} % of its table are taken: what finds no place there is not translated."
            yield Found(SESSIONS_FILLING.key, subject, _severity(percent), words)


def _severity(percent: float) -> Severity:
    return Severity.CRITICAL if percent >= FULL else Severity.WARNING
