"""What a tenant is told of the network that its VPCs lie in: one line for each thing that its traffic needs.

vital          is about                                                    is as old as
hypervisors    those on which instances of the tenant's run                the inventory, or the list of instances
connections    the cables of these                                         the inventory and the links
gateways       the SoftGates of the zone: all of them carry its VPCs       the inventory
internet       their BGP sessions with the routers outside                 the sessions

Other tenants' hypervisors, and zones in which it has no VPC, are not looked at: what happens there is nowhere in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from apps.fabric import verdicts
from apps.fabric.inventory.queries import Surveys
from apps.fabric.models import Part, Survey, SurveyedDevice, SurveyedLink
from apps.instances import queries as instances
from apps.mirror.models import Kind, Reading
from apps.networks.models import Vpc
from apps.networks.vitals import Vital
from apps.softgates.queries import Fleet, Spare, fleets
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

KINDS = HYPERVISORS, CONNECTIONS, GATEWAYS, INTERNET = "hypervisors", "connections", "gateways", "internet"
#: Of ours, where a zone lets them be named.
NAMED = 5
#: Of a device: nobody hears of it, or Netris does not say how it is.
NOT_KNOWN = (verdicts.STALE, verdicts.UNKNOWN)
#: Planes that carry what instances send.
PLANES = ("underlay", "access")


def vitals(tenant: Tenant) -> list[Vital]:
    """Twelve queries; one for who has no VPC."""
    # One of each zone is enough, however many there are: PostgreSQL reads all of them for a join.
    one = Vpc.objects.of(tenant).live().filter(zone=OuterRef("pk")).order_by().values("pk")[:1]
    zones = list(Zone.objects.alias(one=Subquery(one)).exclude(one=None))
    if not zones:
        return []
    surveys = Surveys.read()
    listed = {each.zone_id: each for each in Reading.objects.filter(zone__in=zones, kind=Kind.CLOUDSTACK_INSTANCE)}
    hosts = _hosts(tenant, zones)
    devices = _devices(hosts)
    links = _links(devices)
    gates = {fleet.zone.pk: fleet for fleet in fleets(zones, is_counted=False)}
    found: list[Vital] = []
    for zone in zones:
        survey = surveys.of_zone.get(zone.pk) or Survey(zone=zone)
        here = [device for device in devices if device.zone_id == zone.pk]
        if many := len(hosts.get(zone.pk, ())):
            found.append(_hypervisors(zone, survey, listed.get(zone.pk), many, here))
        if cables := [link for link in links if link.zone_id == zone.pk]:
            found.append(_connections(zone, survey, here, cables))
        if fleet := gates.get(zone.pk):
            found += _outside(fleet)
    return found


def _hosts(tenant: Tenant, zones: Sequence[Zone]) -> Mapping[UUID, Collection[str]]:
    """CloudStack's ids of the hypervisors that run something of the tenant's, by zone. Two queries."""
    rows = instances.of(tenant).filter(zone__in=zones, data__has_key="hostid").order_by()
    found: defaultdict[UUID, set[str]] = defaultdict(set)
    for zone, host in rows.values_list("zone", "data__hostid").distinct():
        if host:
            found[zone].add(str(host))
    return found


def _devices(hosts: Mapping[UUID, Collection[str]]) -> list[SurveyedDevice]:
    wanted = Q(pk__in=())
    for zone, ids in hosts.items():
        wanted |= Q(zone=zone, host_id__in=ids)
    return list(SurveyedDevice.objects.filter(wanted).order_by("sort_key")) if hosts else []


def _links(devices: Iterable[SurveyedDevice]) -> list[SurveyedLink]:
    ids: defaultdict[UUID, list[str]] = defaultdict(list)
    for device in devices:
        ids[device.zone_id].append(device.remote_id)
    wanted = Q(pk__in=())
    for zone, some in ids.items():
        wanted |= Q(zone=zone, a_id__in=some) | Q(zone=zone, b_id__in=some)
    return list(SurveyedLink.objects.filter(wanted, plane__in=PLANES).order_by("sort_key")) if ids else []


def _hypervisors(
    zone: Zone, survey: Survey, listed: Reading | None, many: int, devices: Sequence[SurveyedDevice]
) -> Vital:
    down = [each for each in devices if each.status == verdicts.CRITICAL]
    unwell = [each for each in devices if each.status in (verdicts.WARNING, verdicts.MAINTENANCE)]
    unknown = many - sum(each.status not in NOT_KNOWN for each in devices)
    if down:
        status, words = "critical", f"{len(down)} of {many} that run your instances {_do(down, 'is', 'are')} down."
    elif unwell:
        status, words = (
            "warning",
            f"{len(unwell)} of {many} that run your instances {_do(unwell, 'needs', 'need')} a look.",
        )
    elif unknown:
        status, words = "unknown", f"Of {unknown} of {many} that run your instances nothing is known."
    else:
        status, words = "ok", f"{_all(many)} that run{_s(many)} your instances {'is' if many == 1 else 'are'} well."
    moments = [survey.read_at(Part.DEVICE), listed.read_at if listed else None]
    ends = [survey.fresh_until(Part.DEVICE), listed.read_at + listed.fresh_for if listed and listed.read_at else None]
    words += _names(zone, [each.name for each in down or unwell])
    return Vital(HYPERVISORS, "Hypervisors", zone, status, words, *_age(moments, ends))


def _connections(zone: Zone, survey: Survey, devices: Sequence[SurveyedDevice], links: Sequence[SurveyedLink]) -> Vital:
    """Worst is a hypervisor all of whose cables are down: nothing reaches it."""
    up = {link.pk for link in links if link.status in (verdicts.UP, verdicts.WARNING)}
    down = [link for link in links if link.status == verdicts.DOWN]
    # A tenant's instances may run on thousands of hypervisors: each cable is looked at once.
    statuses: defaultdict[str, set[str]] = defaultdict(set)
    for link in links:
        for end in (link.a_id, link.b_id):
            statuses[end].add(link.status)
    cut = [device for device in devices if statuses.get(device.remote_id) == {verdicts.DOWN}]
    if cut:
        status, words = "critical", f"{len(cut)} of these hypervisors {_do(cut, 'has', 'have')} no connection left."
    elif down:
        status = "warning"
        words = f"{len(down)} of {len(links)} cables {_do(down, 'is', 'are')} down; the others carry what went over it."
    elif len(up) < len(links):
        status, words = "unknown", f"Of {len(links) - len(up)} of {len(links)} cables nothing is known."
    elif bare := [device for device in devices if device.remote_id not in statuses]:
        status, words = "unknown", f"Of {len(bare)} of these hypervisors no cable is known."
    else:
        status, words = "ok", f"{_all(len(links))} of their cables {'is' if len(links) == 1 else 'are'} up."
    words += _names(zone, [each.name for each in cut or down])
    until = survey.fresh_until(Part.LINK)
    return Vital(CONNECTIONS, "Connections", zone, status, words, *_age([survey.read_at(Part.LINK)], [until]))


def _outside(fleet: Fleet) -> Iterator[Vital]:
    spares = [spare for spare in (fleet.general, fleet.snat) if spare.all]
    unwell = [node.line.name for spare in spares for node in spare.all if node.line.row.status != verdicts.OK]
    if spares:
        status = max((_of_spare(spare) for spare in spares), key=("ok", "unknown", "warning", "critical").index)
        of_all = [node.line.row.status for spare in spares for node in spare.all]
        unknown = sum(each in NOT_KNOWN for each in of_all)
        words = {
            "ok": _well(fleet),
            "unknown": f"Of {unknown} of {len(of_all)} gateways nothing is known.",
            "warning": "Only one gateway is left for what comes in, or for what goes out.",
            "critical": "No gateway works for what comes in, or for what goes out.",
        }[status] + _names(fleet.zone, unwell)
        age = _age([fleet.read_at], [fleet.survey.fresh_until(Part.DEVICE)])
        yield Vital(GATEWAYS, "Gateways", fleet.zone, status, words, *age)
    sessions = [each for node in fleet.nodes for each in node.sessions]
    if sessions:
        up = sum(each.row.status == verdicts.UP for each in sessions)
        unknown = sum(each.row.status == verdicts.UNKNOWN for each in sessions)
        if unknown and up + unknown == len(sessions):
            status, words = (
                "unknown",
                f"Of {unknown} of {len(sessions)} sessions with the routers outside nothing is known.",
            )
        else:
            status = "ok" if up == len(sessions) else "warning" if up or unknown else "critical"
            words = f"{up} of {len(sessions)} sessions with the routers outside are up."
        age = _age([fleet.survey.read_at(Part.SESSION)], [fleet.survey.fresh_until(Part.SESSION)])
        yield Vital(INTERNET, "Internet", fleet.zone, status, words, *age)


def _well(fleet: Fleet) -> str:
    """More than one is only said of a zone that has as many of each kind."""
    if min(len(fleet.general.all), len(fleet.snat.all)) > 1:
        return "What comes in and what goes out has more than one gateway."
    return "Every gateway works."


def _of_spare(spare: Spare) -> str:
    """By the last reading, whether that is stale or not: the vital says so itself."""
    well = sum(node.line.row.status in (verdicts.OK, verdicts.WARNING) for node in spare.all)
    if well > 1 or well == len(spare.all):
        return "ok"
    if any(node.line.row.status in NOT_KNOWN for node in spare.all):
        return "unknown"
    return "warning" if well else "critical"


def _age(moments: Sequence[datetime | None], ends: Sequence[datetime | None]) -> tuple[datetime | None, int]:
    """When the oldest was read, and for how many seconds all of them may be believed; None where one was not read."""
    read, until = [each for each in moments if each], [each for each in ends if each]
    if len(read) < len(moments) or len(until) < len(ends):
        return None, 0
    return min(read), max(int((min(until) - min(read)).total_seconds()), 0)


def _names(zone: Zone, names: Sequence[str]) -> str:
    """Nothing where the zone's devices are not for tenants."""
    if not zone.names_devices or not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f" ({', '.join(names[:NAMED])}{more})"


def _do(some: Collection[object], one: str, many: str) -> str:
    return one if len(some) == 1 else many


def _all(many: int) -> str:
    return "The one" if many == 1 else f"All {many}"


def _s(many: int) -> str:
    return "s" if many == 1 else ""
