"""Lists of the inventory over all zones, narrowed as pages and the API ask for it. Each function says what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.db.models.fields.json import KT

from apps.fabric import roles, verdicts
from apps.fabric.layers import ROLES
from apps.fabric.models import (
    Owner,
    Part,
    Survey,
    Surveyed,
    SurveyedDevice,
    SurveyedLink,
    SurveyedPort,
    SurveyedSession,
    SurveyedSite,
    SurveyedSubnet,
)
from apps.fabric.rows import DeviceRow
from apps.kernel.named import containing
from apps.kernel.svg.status import look_of
from apps.kernel.words import counted
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.mirror.queries import Device, EBgp
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

S = TypeVar("S", bound=Surveyed)

#: By how a list may be sorted. What is wrong comes first, unless somebody asks otherwise.
WORST_FIRST = "status"
Sorts = Mapping[str, Sequence[Any]]
SORTS: Sorts = {
    "status": ("badness", "sort_key", "id"),
    "-status": ("-badness", "sort_key", "id"),
    "name": ("sort_key", "id"),
    "-name": ("-sort_key", "-id"),
}
SUBNET_SORTS: Sorts = {
    **SORTS,
    "prefix": ("sort_key", "id"),
    "-prefix": ("-sort_key", "-id"),
    "use": ("percent", "sort_key", "id"),
    "-use": (F("percent").desc(nulls_last=True), "sort_key", "id"),
}
DEVICE_SORTS: Sorts = {**SORTS, "role": ("role", "sort_key", "id"), "-role": ("-role", "sort_key", "id")}

STATUSES = {
    Part.DEVICE: ("critical", "warning", "stale", "unknown", "maintenance", "ok"),
    Part.LINK: ("down", "warning", "stale", "unknown", "up"),
    Part.PORT: ("down", "warning", "stale", "unknown", "up", "unused", "disabled"),
    Part.SUBNET: ("warning", "stale", "unknown", "ok"),
    Part.SESSION: ("down", "missing", "warning", "stale", "unknown", "disabled", "up"),
}
#: Of subnets; an allocation has none (netris-api.md 2.3).
PURPOSES = ("common", "loopback", "management", "load-balancer", "nat", "bgp", "inactive")
#: Of devices; a router of an ISP is none.
DEVICE_ROLES = tuple(role for role in ROLES if role != roles.ISP)
PLANES = ("underlay", "access", "management", "border")


@dataclass(frozen=True)
class Surveys:
    """When which zone was surveyed, by its id."""

    of_zone: Mapping[UUID, Survey]

    @classmethod
    def read(cls) -> Surveys:
        """One query."""
        return cls({each.zone_id: each for each in Survey.objects.select_related("zone").order_by("zone__name")})

    @property
    def zones(self) -> list[Zone]:
        return [survey.zone for survey in self.of_zone.values()]

    def fresh(self, part: Part) -> list[UUID]:
        return [zone for zone, survey in self.of_zone.items() if not survey.is_stale(part)]

    def in_status(self, part: Part, word: str) -> Q:
        """Where a verdict is too old, nothing is said but that it is stale."""
        fresh = Q(zone__in=self.fresh(part))
        if part == Part.SUBNET:
            fresh = Q(fresh, owner=Owner.PLATFORM) | ~Q(owner=Owner.PLATFORM) & Q(zone__in=self.fresh(Part.RANGE))
        return ~fresh | Q(status=word) if word == verdicts.STALE else fresh & Q(status=word)

    def readings(self, part: Part) -> list[Reading]:
        """How old what a list shows is, zone by zone."""
        if part == Part.SUBNET:
            return [Reading(survey, part, Reading(survey, Part.RANGE)) for survey in self.of_zone.values()]
        return [Reading(survey, part) for survey in self.of_zone.values()]


@dataclass(frozen=True)
class Reading:
    survey: Survey
    part: Part
    #: Of what stands in the same list and is read apart: tenants' own subnets.
    besides: Reading | None = None

    @property
    def zone(self) -> Zone:
        return self.survey.zone

    @property
    def read_at(self) -> datetime | None:
        return self.survey.read_at(self.part)

    @property
    def fresh_for(self) -> int:
        return int(self.survey.fresh_for(self.part).total_seconds())


def narrowed(
    rows: QuerySet[S], surveys: Surveys, *, words: str = "", zone: Zone | None = None, status: str = "", **exact: Any
) -> QuerySet[S]:
    """`exact` are columns; what is blank narrows nothing."""
    if words:
        rows = rows.filter(containing("search_key", words))
    if zone is not None:
        rows = rows.filter(zone=zone)
    if status:
        rows = rows.filter(surveys.in_status(rows.model.part, status))
    return rows.filter(**{column: value for column, value in exact.items() if value not in ("", None)})


def at_device(rows: QuerySet[SurveyedLink], remote_id: str) -> QuerySet[SurveyedLink]:
    """Links with an end at a device of the zone that they are narrowed to."""
    return rows.filter(Q(a_id=remote_id) | Q(b_id=remote_id))


def pairs() -> list[str]:
    """The pairs of leaves that something hangs on. One query."""
    found = SurveyedDevice.objects.exclude(pair="").order_by("pair").values_list("pair", flat=True).distinct()
    return list(found)


# --- what is shown of them --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line(Generic[S]):
    """A row with what may be said of it now, and what Netris sent of it (None when it lists it no longer)."""

    row: S
    survey: Survey
    sent: Any = None

    @property
    def status(self) -> str:
        return self.survey.word_of(self.row)

    @property
    def is_stale(self) -> bool:
        return self.survey.is_stale(self.row.told_by)

    @property
    def zone(self) -> Zone:
        return self.survey.zone

    @property
    def words(self) -> str:
        """For whoever hears the page."""
        return f"{self.row.name} is {look_of(self.status).words.lower()}"

    @property
    def read_at(self) -> datetime | None:
        return self.survey.read_at(self.row.told_by)

    @property
    def fresh_until(self) -> datetime | None:
        return self.survey.fresh_until(self.row.told_by)

    @property
    def fresh_for(self) -> int:
        return int(self.survey.fresh_for(self.row.told_by).total_seconds())

    def place(self, remote_id: str, name: str, port: str = "") -> Place:
        is_ours = bool(remote_id) and not remote_id.startswith("as-")
        return Place(SurveyedDevice.id_of(self.zone, remote_id) if is_ours else None, name, port)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


@dataclass(frozen=True)
class DeviceLine(Line[SurveyedDevice]):
    @cached_property
    def said(self) -> DeviceRow | None:
        if not isinstance(self.sent, Device):
            return None
        return DeviceRow(self.sent, self.row.role, self.status, self.row.because)


class Place(NamedTuple):
    """A device, or a port of one, where something ends. `id` is None for what the inventory does not have."""

    id: UUID | None
    name: str
    port: str = ""


@dataclass(frozen=True)
class LinkLine(Line[SurveyedLink]):
    @property
    def ends(self) -> tuple[Place, Place]:
        row = self.row
        return self.place(row.a_id, row.a_device, row.a_port), self.place(row.b_id, row.b_device, row.b_port)


@dataclass(frozen=True)
class PortLine(Line[SurveyedPort]):
    @property
    def home(self) -> Place:
        return self.place(self.row.device_id, self.row.device)

    @property
    def far_end(self) -> Place | None:
        row = self.row
        return self.place(row.far_device_id, row.far_device, row.far_port) if row.link_id else None

    @property
    def link_uuid(self) -> UUID | None:
        return SurveyedLink.id_of(self.zone, self.row.link_id) if self.row.link_id else None


@dataclass(frozen=True)
class SubnetLine(Line[SurveyedSubnet]):
    @property
    def parent(self) -> UUID | None:
        return SurveyedSubnet.id_of(self.zone, self.row.parent_id) if self.row.parent_id else None

    @property
    def tenant(self) -> Tenant | None:
        return self.row.vpc.tenant if self.row.vpc else None


@dataclass(frozen=True)
class SiteLine(Line[SurveyedSite]):
    devices: int = 0
    #: Zones that build in it.
    used_by: Sequence[Zone] = ()

    @property
    def words(self) -> str:
        return f"{self.row.name} has {counted(self.devices, 'device')}"


@dataclass(frozen=True)
class SessionLine(Line[SurveyedSession]):
    @property
    def home(self) -> Place:
        return self.place(self.row.device_id, self.row.device)

    @property
    def session(self) -> EBgp | None:
        return self.sent if isinstance(self.sent, EBgp) else None


def device_lines(rows: Iterable[SurveyedDevice], surveys: Surveys) -> list[DeviceLine]:
    """One query."""
    listed = list(rows)
    sent = _sent(Kind.NETRIS_DEVICE, listed)
    return [DeviceLine(row, surveys.of_zone[row.zone_id], sent.get((row.zone_id, row.remote_id))) for row in listed]


def session_lines(rows: Iterable[SurveyedSession], surveys: Surveys) -> list[SessionLine]:
    """One query."""
    listed = list(rows)
    sent = _sent(Kind.NETRIS_BGP, listed)
    return [SessionLine(row, surveys.of_zone[row.zone_id], sent.get((row.zone_id, row.remote_id))) for row in listed]


# What stands in its row whole: no query.


def link_lines(rows: Iterable[SurveyedLink], surveys: Surveys) -> list[LinkLine]:
    return [LinkLine(row, surveys.of_zone[row.zone_id]) for row in rows]


def port_lines(rows: Iterable[SurveyedPort], surveys: Surveys) -> list[PortLine]:
    return [PortLine(row, surveys.of_zone[row.zone_id]) for row in rows]


def subnet_lines(rows: Iterable[SurveyedSubnet], surveys: Surveys) -> list[SubnetLine]:
    return [SubnetLine(row, surveys.of_zone[row.zone_id]) for row in rows]


def site_lines(rows: Iterable[SurveyedSite], surveys: Surveys) -> list[SiteLine]:
    """Two queries. A device tells the name of its site."""
    listed = list(rows)
    of_site = KT("facts__Site")
    ours = SurveyedDevice.objects.filter(zone__in={row.zone_id for row in listed}).values("zone_id", site=of_site)
    devices = {(each["zone_id"], each["site"]): each["count"] for each in ours.annotate(count=Count("pk"))}
    users: defaultdict[tuple[str, str], list[Zone]] = defaultdict(list)
    for zone in Zone.objects.order_by("name"):
        users[zone.netris_url, zone.netris_site].append(zone)
    return [
        SiteLine(
            row,
            surveys.of_zone[row.zone_id],
            devices=devices.get((row.zone_id, row.name), 0),
            used_by=users[surveys.of_zone[row.zone_id].zone.netris_url, row.name],
        )
        for row in listed
    ]


def _sent(kind: Kind, rows: Sequence[Surveyed]) -> dict[tuple[UUID, str], Any]:
    return mirror.rows_by_id(kind, [(row.zone_id, row.remote_id) for row in rows])
