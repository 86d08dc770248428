"""What is known of a zone's inventory before somebody changes it. Each function says what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KT

from apps.fabric.models import Survey, SurveyedDevice, SurveyedLink, SurveyedPort, SurveyedSession
from apps.inventory.models import Device, Link
from apps.kernel.named import containing
from apps.kernel.words import counted
from apps.mirror import queries as mirror
from apps.mirror.models import Item, Kind, Reading
from apps.netris import wire
from apps.operations.models import Operation
from apps.operations.state import LIVE, Goal, Phase
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

#: So many free ports of a device are offered.
MOST_PORTS = 256


def sent(row: SurveyedDevice) -> wire.Device | None:
    """What Netris last sent of a device; None when it lists it no longer. One query."""
    found = mirror.rows_by_id(Kind.NETRIS_DEVICE, [(row.zone_id, row.remote_id)])
    return found.get((row.zone_id, row.remote_id))


def sent_port(row: SurveyedPort) -> wire.Port | None:
    """One query."""
    found = mirror.rows_by_id(Kind.NETRIS_PORT, [(row.zone_id, row.remote_id)])
    return found.get((row.zone_id, row.remote_id))


@dataclass(frozen=True)
class Home:
    """Where new devices belong, as Netris refers to it: the zone's site, and the tenant that owns the fabric."""

    site: dict[str, Any]
    tenant: dict[str, Any]


def home_of(zone: Zone) -> Home | None:
    """None while Netris' sites and VPCs were not read. Two queries."""
    sites = Item.objects.filter(zone=zone, kind=Kind.NETRIS_SITE, name=zone.netris_site)
    systems = Item.objects.filter(zone=zone, kind=Kind.NETRIS_VPC, data__is_system=True)
    site = sites.values_list("data__id", "data__name").first()
    owner = systems.values_list("data__admin_tenant__id", "data__admin_tenant__name").first()
    if site is None or owner is None:
        return None
    return Home({"id": site[0], "name": site[1]}, {"id": owner[0], "name": owner[1]})


def profiles(zone: Zone) -> list[dict[str, Any]]:
    """Those that some device of the zone has, the most used first. One query."""
    rows = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE).values_list(
        "data__profile__id", "data__profile__name"
    )
    count = Counter((number, name) for number, name in rows if number)
    return [{"id": number, "name": name} for (number, name), _ in count.most_common()]


@dataclass(frozen=True)
class Known:
    """A device as far as it matters for those that come after it. `remote_id` is blank of one that is being made."""

    remote_id: str
    name: str
    loopback: str
    management_address: str
    asn: int | None

    @classmethod
    def planned(cls, values: Mapping[str, Any], remote_id: str = "") -> Known:
        """One as it is to be."""
        asn = int(values["asn"]) if values["asn"].isdecimal() else None
        return cls(remote_id, values["name"], values["loopback"], values["management_address"], asn)


def known_devices(zone: Zone, by: Platform) -> list[Known]:
    """Those that are there, and those that are being made or changed, as they will be. Two queries."""
    columns = ("data__main_address", "data__mgmt_address", "data__asn")
    rows = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE).values_list("remote_id", "name", *columns)
    there = [Known(key, name, main or "", mgmt or "", asn) for key, name, main, mgmt, asn in rows]
    return there + [Known.planned(values, row.remote_id) for row, values in _coming(zone, by)]


def _coming(zone: Zone, by: Platform) -> list[tuple[Device, dict[str, Any]]]:
    """Devices that are being made or changed, each with its values as they are to be."""
    work = unseen(zone, by, "device").exclude(goal=Goal.ABSENT)
    wanted = work.filter(resource_id=OuterRef("pk")).order_by("-created_at").values("wanted")[:1]
    rows = Device.objects.filter(pk__in=work.values("resource_id")).annotate(wanted=Subquery(wanted))
    return [(row, row.values | row.wanted) for row in rows]


def unseen(zone: Zone, by: Platform, *kinds: str) -> QuerySet[Operation]:
    """Operations of which the zone's inventory may not show yet what they do: they are under way, or it was read before
    they were over. Those of all zones that have their networks from its Netris."""
    reads = ("devices_read_at", "links_read_at", "ports_read_at")
    survey = Survey.objects.filter(zone=zone)
    since = (Q(finished_at__gte=Subquery(survey.values(each))) for each in reads)
    over = Q(phase=Phase.SUCCEEDED) & reduce(or_, since)
    here = Q(zone__netris_url=zone.netris_url, tenant=None, kind__in=kinds)
    return Operation.objects.across(by).filter(Q(phase__in=LIVE) | over, here)


def of_role(zone: Zone, role: str) -> list[wire.Device]:
    """The last ten devices of this role by name, as Netris sent them. Two queries."""
    rows = SurveyedDevice.objects.filter(zone=zone, role=role).order_by("-sort_key", "-id")[:10]
    listed = list(rows.values_list("zone_id", "remote_id"))
    found = mirror.rows_by_id(Kind.NETRIS_DEVICE, listed)
    return [found[each] for each in listed if each in found]


def custom_texts(zone: Zone, role: str, by: Platform) -> list[str]:
    """The custom data of all devices of this role, and of all that are being made or changed. Two queries."""
    ids = SurveyedDevice.objects.filter(zone=zone, role=role).values("remote_id")
    rows = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE, remote_id__in=ids)
    coming = (values["custom_data"] for _, values in _coming(zone, by))
    texts = [*rows.values_list(KT("data__custom_data"), flat=True), *coming]
    return [text for text in texts if text]


# --- ports --------------------------------------------------------------------------------------------------------


def free_ports(zone: Zone, device: str, by: Platform) -> list[SurveyedPort]:
    """Ports of a device that nothing uses and that no link is being made at, in their order. Two queries."""
    ports = SurveyedPort.objects.filter(zone=zone, device=device, is_used=False, link_id="").order_by("sort_key", "id")
    taken = ports_being_linked(zone, by)
    return [port for port in ports[:MOST_PORTS] if port.name.lower() not in taken]


def found_free(zone: Zone, words: str, most: int) -> list[SurveyedPort]:
    """Ports of any device that nothing uses, by what people search them by. One query."""
    free = SurveyedPort.objects.filter(zone=zone, is_used=False, link_id="")
    if words:
        free = free.filter(containing("search_key", words))
    return list(free.order_by("sort_key", "id")[:most])


def ports_being_linked(zone: Zone, by: Platform) -> set[str]:
    """By their full names, in small letters. One query."""
    rows = Link.objects.filter(_at_work_on(unseen(zone, by, "device", "link")))
    return {name.lower() for pair in rows.values_list("local", "remote") for name in pair}


def _at_work_on(work: QuerySet[Operation]) -> Q:
    """The links that these operations are about, alone or with their device."""
    ids = work.values("resource_id")
    return Q(pk__in=ids) | Q(device__in=ids)


def links_coming(row: SurveyedDevice, by: Platform) -> list[str]:
    """The names of those that are being made to a device. One query."""
    work = unseen(row.zone, by, "device", "link").filter(goal=Goal.PRESENT)
    ends = Q(local__iendswith=f"@{row.name}") | Q(remote__iendswith=f"@{row.name}")
    return list(Link.objects.filter(ends, _at_work_on(work)).values_list("name", flat=True)[:100])


def links_going(zone: Zone, by: Platform) -> set[str]:
    """Netris' ids of those that are being deleted, or taken off the underlay. One query."""
    goes = Q(goal=Goal.ABSENT) | Q(goal=Goal.CHANGED, wanted__underlay=False)
    work = unseen(zone, by, "link").filter(goes).values("resource_id")
    return set(Link.objects.filter(pk__in=work).values_list("remote_id", flat=True))


def underlay_links(zone: Zone, by: Platform) -> Counter[str]:
    """How many links of the underlay each device has, by Netris' id of it; none that goes already. Two queries."""
    links = SurveyedLink.objects.filter(zone=zone, plane="underlay").exclude(remote_id__in=links_going(zone, by))
    return Counter(device for ends in links.values_list("a_id", "b_id") for device in ends)


def devices_going(zone: Zone, by: Platform) -> set[str]:
    """Netris' ids of those that are being deleted. One query."""
    work = unseen(zone, by, "device").filter(goal=Goal.ABSENT).values("resource_id")
    return set(Device.objects.filter(pk__in=work).values_list("remote_id", flat=True))


def ports_called(zone: Zone, names: Iterable[str]) -> dict[str, SurveyedPort]:
    """By their full names. One query."""
    return {port.name: port for port in SurveyedPort.objects.filter(zone=zone, name__in=list(names))}


# --- what hangs on a device ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Carries:
    """What a device has that keeps it from being deleted."""

    links: Sequence[str]
    coming: Sequence[str]
    sessions: int
    ports_in_use: int
    instances: int

    @property
    def reason(self) -> str | None:
        if self.instances:
            return (
                f"CloudStack runs {counted(self.instances, 'instance')} there. Move them to other hosts, and take the "
                "host out of CloudStack, before it is deleted."
            )
        if self.links:
            shown = ", ".join(self.links[:3]) + (f" and {len(self.links) - 3} more" if len(self.links) > 3 else "")
            return f"It has {counted(len(self.links), 'link')}: {shown}. Delete them first."
        if self.coming:
            return f"The link {self.coming[0]} is being made just now. Wait until that is over, and delete it first."
        if self.sessions:
            return f"{counted(self.sessions, 'BGP session')} end there. Delete them in Netris first."
        if self.ports_in_use:
            return (
                f"V-Nets or other services use {counted(self.ports_in_use, 'port')} of it. Free them in Netris first."
            )
        return None


def knows_what_runs(zone: Zone) -> bool:
    """Whether CloudStack's hosts and instances were read lately. One query."""
    kinds = (Kind.CLOUDSTACK_HOST, Kind.CLOUDSTACK_INSTANCE)
    found = list(Reading.objects.filter(zone=zone, kind__in=kinds))
    return len(found) == len(kinds) and not any(each.is_stale for each in found)


def carried(row: SurveyedDevice, by: Platform) -> Carries:
    """Four queries, and one for a host of CloudStack's."""
    links = SurveyedLink.objects.filter(Q(a_id=row.remote_id) | Q(b_id=row.remote_id), zone=row.zone)
    names = list(links.exclude(plane="border").order_by("sort_key", "id").values_list("name", flat=True)[:100])
    sessions = SurveyedSession.objects.filter(zone=row.zone, device_id=row.remote_id).exclude(status="missing").count()
    used = SurveyedPort.objects.filter(zone=row.zone, device_id=row.remote_id, is_used=True, link_id="").count()
    kind = Kind.CLOUDSTACK_INSTANCE
    here = Item.objects.filter(zone=row.zone, kind=kind, data__contains={"hostid": row.host_id})
    return Carries(names, links_coming(row, by), sessions, used, here.count() if row.host_id else 0)
