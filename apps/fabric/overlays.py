"""What is laid over the map: for each device a figure, and whether it is one of those that are meant.

    overlay       each device says                              lit are
    health        how it stands
    links         how many of its ports with cables are up
    bgp           how many of its sessions with the internet are established
    utilisation   how busy its busiest port is
    vni           how many instances it runs in the network     hypervisors that carry the VNI
    tenant        how many instances it runs of the tenant      hypervisors that carry something of the tenant
    maintenance                                                 what is in maintenance mode

A hypervisor terminates a VNI when an instance with a NIC in its network runs there (its agent joins the EVPN then).
What else carries it, Netris tells nowhere: SoftGates and leaves are not lit.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from django.db.models import Count, Q, QuerySet

from apps.accounts.models import Account
from apps.fabric.layers import Topology, Weight
from apps.fabric.sights import Sight
from apps.instances.queries import owned_by
from apps.mirror import queries as mirror
from apps.mirror.models import Item, Kind
from apps.tenancy.models import Tenant
from apps.vnis.models import Claim, Holder, Ledger
from apps.zones.models import Zone

#: What is read for an overlay besides the lists that every map is drawn from.
LISTS: Mapping[str, Sequence[Kind]] = {
    "vni": (Kind.CLOUDSTACK_NETWORK, Kind.NETRIS_VNET, Kind.CLOUDSTACK_INSTANCE),
    "tenant": (Kind.CLOUDSTACK_INSTANCE,),
}
#: In the message of a port's check. Its wording is unverified (netris-api.md 3.3): any number after these words counts.
LOAD = re.compile(r"[rt]x utili[sz]ation\D{0,4}(\d{1,3})", re.IGNORECASE)


@dataclass(frozen=True)
class Laid:
    """`words` tell what is seen, or why nothing is."""

    topology: Topology
    words: str = ""


def laid(zone: Zone, whole: Topology, sight: Sight) -> Laid:
    """At most four queries."""
    if sight.fault:
        return Laid(whole, sight.fault)
    return _LAYING[sight.overlay](zone, replace(whole, overlay=sight.overlay), sight)


def stamped(state: str, zone: Zone, sight: Sight) -> str:
    """Another one when what an overlay is laid from besides lists has changed: the ledger is written after them."""
    if sight.overlay != "vni":
        return state
    written_at = Ledger.objects.filter(zone=zone).values_list("looked_at", flat=True).first()
    return f"{crc32(f'{state} {written_at}'.encode()):08x}"


def _health(_zone: Zone, whole: Topology, _sight: Sight) -> Laid:
    return Laid(whole)


def _links(_zone: Zone, whole: Topology, _sight: Sight) -> Laid:
    weights: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for link in whole.links:
        for end in (link.a, link.b):
            weights[end][link.status == "up"] += 1
    return Laid(_weighed(whole, {id_: Weight(count[True], count.total()) for id_, count in weights.items()}))


def _bgp(_zone: Zone, whole: Topology, _sight: Sight) -> Laid:
    weights: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for session in whole.sessions:
        for end in (session.router, session.device):
            weights[end][True] += session.up
            weights[end][False] += session.total - session.up
    return Laid(_weighed(whole, {id_: Weight(count[True], count.total()) for id_, count in weights.items()}))


def _utilisation(zone: Zone, whole: Topology, _sight: Sight) -> Laid:
    loads: dict[str, int] = {}
    for device, port, message in mirror.port_messages(zone):
        if found := LOAD.findall(message):
            loads[port if "@" in port else f"{port}@{device}"] = max(map(int, found))
    if not loads:
        return Laid(whole, "Netris tells of no port how busy it is.")
    names = {device.id: device.name for device in whole.devices}
    busiest: dict[str, int] = {}
    links = []
    for link in whole.links:
        known = []
        for end, port in ((link.a, link.a_port), (link.b, link.b_port)):
            load = loads.get(f"{port}@{names.get(end, '')}")
            if load is not None:
                known.append(load)
                busiest[end] = max(busiest.get(end, 0), load)
        links.append(replace(link, load=max(known, default=None)))
    weights = {id_: Weight(load, 100) for id_, load in busiest.items()}
    return Laid(_weighed(replace(whole, links=links), weights), "How busy a link is, by the busier of its ports.")


def _vni(zone: Zone, whole: Topology, sight: Sight) -> Laid:
    if sight.vni is None:
        return Laid(whole, "Give a VNI, to see which hypervisors carry it.")
    claims = list(Claim.unscoped.now().of_number(sight.vni).filter(zone=zone))
    networks = [claim for claim in claims if claim.kind == Holder.NETWORK]
    running = Item.objects.none()
    if networks:
        there = Q()
        for claim in networks:
            there |= Q(data__contains={"nic": [{"networkid": claim.holder}]})
        running = Item.objects.filter(there, zone=zone, kind=Kind.CLOUDSTACK_INSTANCE)
    lit, words = _footprint(whole, running)
    if networks:
        held = " and ".join(f"the network {claim.name}{claim.owner and f' of {claim.owner}'}" for claim in networks)
        return Laid(lit, f"VNI {sight.vni} is {held}: {words}")
    if claims:
        held = " and ".join(f"{claim.get_kind_display()} {claim.name}".strip() for claim in claims)
        return Laid(lit, f"VNI {sight.vni} has no network in CloudStack, so no instance is in it. Its holder: {held}.")
    return Laid(lit, f"No network has VNI {sight.vni} now.")


def _tenant(zone: Zone, whole: Topology, sight: Sight) -> Laid:
    if not sight.tenant:
        return Laid(whole, "Give a tenant's short name, to see which hypervisors run its instances.")
    tenant = Tenant.objects.filter(slug=sight.tenant).first()
    if tenant is None:
        return Laid(whole, f"There is no tenant with the short name “{sight.tenant}”.")
    lit, words = _footprint(whole, owned_by(Account.unscoped.filter(tenant=tenant, zone=zone)))
    return Laid(lit, f"{tenant}: {words}")


def _footprint(whole: Topology, instances: QuerySet[Item]) -> tuple[Topology, str]:
    """Lights the hosts that run these instances. CloudStack names them as Netris does, perhaps with a domain."""
    running = instances.filter(data__state="Running").order_by().values_list("data__hostname").annotate(Count("pk"))
    counts: Counter[str] = Counter()
    for host, count in running:
        counts[str(host or "").partition(".")[0].lower()] += count
    ids = {device.name.partition(".")[0].lower(): device.id for device in whole.devices}
    weights = {ids[host]: Weight(count, 1) for host, count in counts.items() if host in ids}
    total, elsewhere = counts.total(), sum(count for host, count in counts.items() if host not in ids)
    words = f"{total} running {'instance' if total == 1 else 'instances'} on {len(weights)} of the hypervisors."
    if elsewhere:
        words += f" {elsewhere} of them on hosts that Netris does not have under CloudStack's name."
    return _lit(whole, weights), words


def _maintenance(_zone: Zone, whole: Topology, _sight: Sight) -> Laid:
    there = {device.id: Weight(1, 1) for device in whole.devices if device.status == "maintenance"}
    words = (
        f"{len(there)} of {len(whole.devices)} devices are in maintenance." if there else "No device is in maintenance."
    )
    return Laid(_lit(whole, there), words)


def _weighed(whole: Topology, weights: Mapping[str, Weight]) -> Topology:
    return replace(whole, devices=[replace(each, weight=weights.get(each.id)) for each in whole.devices])


def _lit(whole: Topology, weights: Mapping[str, Weight]) -> Topology:
    devices = [replace(each, weight=weights.get(each.id), is_lit=each.id in weights) for each in whole.devices]
    return replace(whole, devices=devices)


_LAYING: Mapping[str, Callable[[Zone, Topology, Sight], Laid]] = {
    "health": _health,
    "links": _links,
    "bgp": _bgp,
    "utilisation": _utilisation,
    "vni": _vni,
    "tenant": _tenant,
    "maintenance": _maintenance,
}
