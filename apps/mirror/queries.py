"""Reading the mirror. Each function says how many queries it costs; none of them calls a remote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Func, JSONField, Max, OuterRef, Q, Subquery, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Greatest, JSONObject

from apps.kernel import clock
from apps.kernel.remote import Wire
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.sweeps import SWEEPS
from apps.netris.wire import Allocation, Block, Check, Device, EBgp, Link, Peering
from apps.zones.models import Zone

__all__ = [
    "UNREAD",
    "Applied",
    "Block",
    "Cable",
    "Check",
    "Device",
    "EBgp",
    "Hint",
    "Link",
    "NetworkState",
    "Peering",
    "Picture",
    "Places",
    "Seen",
    "Standing",
    "Told",
    "Wanted",
    "cables",
    "hint",
    "items",
    "network_states",
    "peerings",
    "pictures",
    "places",
    "port_messages",
    "readings",
    "standing",
    "vpc_sessions",
]


def items(zone: Zone, kind: Kind) -> list[Wire]:
    """The rows of a list as the client's types, by name. One query."""
    rows = Item.objects.filter(zone=zone, kind=kind).order_by("name", "remote_id")
    return [SWEEPS[kind].row_of(data) for data in rows.values_list("data", flat=True)]


def devices(zone: Zone) -> list[Device]:
    return [row for row in items(zone, Kind.NETRIS_DEVICE) if isinstance(row, Device)]


def _of_checks(which: str, field: str = "") -> Func:
    """What a JSON path finds among a device's checks."""
    path = Value(f"$.checks[*] ? ({which}){field}")
    return Func(F("data"), Cast(path, _JsonPath()), function="jsonb_path_query_array", output_field=JSONField())


class _JsonPath(TextField[str, str]):
    def db_type(self, connection: Any) -> str:
        return "jsonpath"


WELL = '@.status like_regex "^(ok|up|active|healthy|normal)$" flag "i"'


class Standing(NamedTuple):
    """A device without what says nothing of how it stands: of its checks those that are not well, and of its ports that
    are up the names."""

    device: Device
    ports_up: Sequence[str]


def standing(zone: Zone) -> list[Standing]:
    """The inventory at a tenth of what the whole of it takes, for a fabric of thousands. One query."""
    found = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE).order_by("name", "remote_id")
    rows = found.annotate(
        facts=Func(F("data"), template="(%(expressions)s - 'checks' - 'links')", output_field=JSONField()),
        failed=_of_checks(f"!({WELL})"),
        ports_up=_of_checks(f'@.name == "check_port" && {WELL}', ".port"),
    ).values_list("facts", "failed", "ports_up")
    return [Standing(Device.model_validate(facts | {"checks": failed}), up) for facts, failed, up in rows]


def last_seen(zone: Zone) -> list[tuple[str, datetime]]:
    """The name of each device of which Netris has ever heard, and when it was last. One query."""
    rows = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE).values_list("name", KT("data__last_seen"))
    return [(name, datetime.fromisoformat(at)) for name, at in rows if at]


def port_messages(zone: Zone) -> Iterator[tuple[str, str, str]]:
    """Device, port and message of each check of a port. One query."""
    rows = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE).annotate(
        of_ports=_of_checks('@.name == "check_port"')
    )
    for name, checks in rows.values_list("name", "of_ports"):
        for check in checks:
            yield name, check.get("port", ""), check.get("message", "")


class Cable(NamedTuple):
    """`local` and `remote` are ports by their full names (swp1@Leaf-1)."""

    id: str
    local: str
    remote: str
    underlay: bool


def cables(zone: Zone) -> list[Cable]:
    """The links, of which there are thousands. One query."""
    found = Item.objects.filter(zone=zone, kind=Kind.NETRIS_LINK).order_by("name", "remote_id")
    rows = found.values_list("remote_id", KT("data__local__name"), KT("data__remote__name"), KT("data__underlay"))
    return [Cable(id, local or "", remote or "", underlay == "true") for id, local, remote, underlay in rows]


def rows_by_id(kind: Kind, ids: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], Any]:
    """Rows of a list as the client's types, by zone and remote id. One query."""
    of_zone: dict[UUID, list[str]] = {}
    for zone_id, remote_id in ids:
        of_zone.setdefault(zone_id, []).append(remote_id)
    which = Q(pk__in=())
    for zone_id, wanted in of_zone.items():
        which |= Q(zone=zone_id, remote_id__in=wanted)
    found = Item.objects.filter(which, kind=kind)
    return {(item.zone_id, item.remote_id): SWEEPS[kind].row_of(item.data) for item in found}


class PortFacts(NamedTuple):
    """What of a port stands in lists. `name` is its full name (swp1@Leaf-1), `device_id` Netris' id."""

    id: str
    name: str
    device: str
    device_id: str
    short_name: str
    description: str
    status: str
    speed: str
    mtu: str
    is_admin_down: bool
    is_used: bool


def name_of(zone: Zone, kind: Kind, remote_id: str) -> str | None:
    """What a row of a list is called; None when it is listed no more."""
    named = Item.objects.filter(zone=zone, kind=kind, remote_id=remote_id).values_list("name", flat=True)
    return named.first()


def key_of(zone: Zone, kind: Kind, remote_id: str) -> str | None:
    """What a row of a list is joined on; None when it is listed no more."""
    return Item.objects.filter(zone=zone, kind=kind, remote_id=remote_id).values_list("key", flat=True).first()


def port_names(zone: Zone) -> list[tuple[str, str, datetime]]:
    """The id and the full name of each port, and when it was last written. One query."""
    found = Item.objects.filter(zone=zone, kind=Kind.NETRIS_PORT)
    return list(found.values_list("remote_id", "name", "changed_at"))


def ports(zone: Zone, ids: Iterable[str]) -> Iterator[PortFacts]:
    """One query."""
    fields = ("short_name", "description", "status", "speed", "mtu", "is_admin_down", "is_used")
    found = Item.objects.filter(zone=zone, kind=Kind.NETRIS_PORT, remote_id__in=list(ids))
    columns = [KT("data__switch__id"), *(KT(f"data__{field}") for field in fields)]
    for row in found.values_list("remote_id", "name", "key", *columns).iterator():
        *texts, is_admin_down, is_used = (value or "" for value in row)
        yield PortFacts._make([*texts, is_admin_down == "true", is_used == "true"])


def hosts_by_name(zone: Zone) -> dict[str, str]:
    """CloudStack's ids of the hypervisors of the zone, by their `host_name`. One query."""
    rows = Item.objects.filter(zone=zone, kind=Kind.CLOUDSTACK_HOST).values_list("remote_id", "name")
    return {host_name(name): remote_id for remote_id, name in rows if name}


def host_name(name: str) -> str:
    """A machine's name without its domain, which one system may know and the other not."""
    return name.lower().partition(".")[0]


def blocks(zone: Zone) -> list[Block]:
    return [row for row in items(zone, Kind.NETRIS_BLOCK) if isinstance(row, Block)]


def range_keys(zone: Zone) -> list[tuple[str, int, datetime]]:
    """Of each allocation of a VPC its id, that of its VPC in Netris, and when it was last written. One query."""
    found = Item.objects.filter(zone=zone, kind=Kind.NETRIS_RANGE)
    rows = found.values_list("remote_id", "key", "changed_at")
    return [(remote_id, int(key), changed_at) for remote_id, key, changed_at in rows if key.isdecimal()]


def ranges(zone: Zone, vpc_ids: Iterable[int]) -> list[Allocation]:
    """The allocations of these VPCs of Netris', with the subnets in them. One query."""
    found = Item.objects.filter(zone=zone, kind=Kind.NETRIS_RANGE, key__in=[str(each) for each in vpc_ids])
    rows = (SWEEPS[Kind.NETRIS_RANGE].row_of(data) for data in found.values_list("data", flat=True))
    return [row for row in rows if isinstance(row, Allocation)]


def bgp_sessions(zone: Zone) -> list[EBgp]:
    return [row for row in items(zone, Kind.NETRIS_BGP) if isinstance(row, EBgp)]


def vpc_sessions(zone: Zone, vpc_ids: Iterable[int]) -> Places:
    """The BGP sessions of these VPCs of Netris', by their ids. Three queries."""
    return places(Kind.NETRIS_SESSION, [zone.pk], vpc_ids)


def peerings(zone: Zone, vpc_ids: Iterable[int]) -> list[Peering]:
    """Those that any of these VPCs of Netris' is a side of. One query."""
    wanted = list(vpc_ids)
    of_any = Q(data__a__id__in=wanted) | Q(data__b__id__in=wanted)
    found = Item.objects.filter(of_any, zone=zone, kind=Kind.NETRIS_PEERING).order_by("name", "remote_id")
    return [SWEEPS[Kind.NETRIS_PEERING].row_of(data) for data in found.values_list("data", flat=True)]


def readings(zone: Zone) -> dict[Kind, Reading]:
    """How old each list is and whether it could be read; one that was never tried is there too, unsaved. One query."""
    known = {Kind(reading.kind): reading for reading in Reading.objects.filter(zone=zone)}
    return {kind: known.get(kind) or Reading(zone=zone, kind=kind) for kind in Kind}


def reading(zone: Zone, kind: Kind) -> Reading:
    """One query."""
    return Reading.objects.filter(zone=zone, kind=kind).first() or Reading(zone=zone, kind=kind)


class Hint(NamedTuple):
    """Under which ids the remote listed something last. Whoever acts on it asks about these ids first."""

    remote_ids: tuple[str, ...]
    read_at: datetime | None

    def is_later_than(self, moment: datetime) -> bool:
        """The list was asked for after that: what is not in it was not there then."""
        return self.read_at is not None and self.read_at > moment


def hint(zone: Zone, kind: Kind, key: object) -> Hint:
    """Two queries."""
    read_at = Reading.objects.filter(zone=zone, kind=kind).values_list("read_at", flat=True).first()
    found = Item.objects.filter(zone=zone, kind=kind, key=str(key)).order_by("remote_id")
    return Hint(tuple(found.values_list("remote_id", flat=True)), read_at)


@dataclass(frozen=True)
class Places:
    """What a list has of some VPCs, by a zone and the key there, and when that was read: with the list, or later by
    their ids."""

    _rows: Mapping[tuple[UUID, str], Sequence[Any]]
    _listed: Mapping[UUID, datetime | None]
    _read: Mapping[tuple[UUID, str], datetime | None]

    def rows(self, zone_id: UUID, key: object) -> Sequence[Any]:
        return self._rows.get((zone_id, str(key)), ())

    def read_at(self, zone_id: UUID, key: object) -> datetime | None:
        return max(filter(None, (self._listed.get(zone_id), self._read.get((zone_id, str(key))))), default=None)


def places(kind: Kind, zone_ids: Iterable[UUID], keys: Iterable[object], **which: Any) -> Places:
    """The rows that are narrowed so, as the client's types; the time is that of all rows of the place. Three queries,
    however many places."""
    zones = set(zone_ids)
    listed = dict(Reading.objects.filter(zone__in=zones, kind=kind).values_list("zone_id", "read_at"))
    items = Item.objects.filter(zone__in=zones, kind=kind, key__in=_texts(keys))
    read = items.order_by().values("zone", "key").annotate(at=Max("read_at"))
    rows: dict[tuple[UUID, str], list[Any]] = {}
    for item in items.filter(**which):
        rows.setdefault((item.zone_id, item.key), []).append(SWEEPS[kind].row_of(item.data))
    return Places(rows, listed, {(each["zone"], each["key"]): each["at"] for each in read})


class NetworkState(NamedTuple):
    """What CloudStack said of a network: "Implemented" works, "Allocated" sleeps until a machine starts in it."""

    state: str
    read_at: datetime | None


def network_states(cloudstack_ids: Iterable[UUID | str]) -> dict[str, NetworkState]:
    """The states of these networks, whatever their zones. One that CloudStack does not list is left out. One query."""
    wanted = {str(network_id) for network_id in cloudstack_ids}
    listed_at = Reading.objects.filter(zone=OuterRef("zone"), kind=OuterRef("kind")).values("read_at")
    rows = (
        Item.objects.filter(kind=Kind.CLOUDSTACK_NETWORK, remote_id__in=wanted)
        .annotate(seen_at=Greatest("read_at", Subquery(listed_at)))  # PostgreSQL's passes over NULL
        .values_list("remote_id", "data__state", "seen_at")
    )
    return {remote_id: NetworkState(state or "", at) for remote_id, state, at in rows}


class Told(NamedTuple):
    """What a list says of something of ours: what is wrong with it there, blank when it is as it is meant. It counts
    when it was read after `since`, and not too long ago; never while `since` is None."""

    kind: Kind
    trouble: str
    read_at: datetime | None
    since: datetime | None

    @property
    def counts(self) -> bool:
        if self.read_at is None or self.since is None:
            return False
        return self.read_at > self.since and clock.now() - self.read_at <= self.kind.fresh_for


class Applied(NamedTuple):
    """Whether the remotes have something as it is meant; None while no fresh reading of all that know it tells."""

    is_applied: bool | None = None
    #: The oldest of the readings behind it; None while there is one that was never made.
    read_at: datetime | None = None
    fresh_until: datetime | None = None
    trouble: str = ""

    @property
    def is_missing(self) -> bool:
        return self.is_applied is False

    @property
    def fresh_seconds(self) -> int | None:
        return (self.fresh_until - self.read_at).seconds if self.fresh_until and self.read_at else None

    @property
    def status(self) -> str:
        """Of what is at rest: ready is only said of what was seen lately."""
        return {True: "ready", False: "differs", None: "stale"}[self.is_applied]

    @classmethod
    def by(cls, first: Told, *more: Told) -> Applied:
        """What one list says is wrong is wrong, whatever is known of the others."""
        told = (first, *more)
        trouble = " ".join(each.trouble for each in told if each.counts and each.trouble)
        is_applied = False if trouble else True if all(each.counts for each in told) else None
        times = [(each.read_at, each.read_at + each.kind.fresh_for) for each in told if each.read_at is not None]
        if len(times) < len(told):
            return cls(is_applied, trouble=trouble)
        return cls(is_applied, min(at for at, _ in times), min(until for _, until in times), trouble)


UNREAD = Applied()


class Seen(NamedTuple):
    """A row as the remote sent it last, and when it was asked."""

    row: Any
    at: datetime | None


@dataclass(frozen=True)
class Picture:
    """What a list has of the things asked about, by remote id, and how far it may be believed. Absent means nothing
    while the list was never read."""

    seen: Mapping[str, Seen]
    read_at: datetime | None
    is_stale: bool
    error: str

    def get(self, remote_id: object) -> Seen | None:
        return self.seen.get(str(remote_id))


class Wanted(NamedTuple):
    """Rows by their remote ids, or by what their list is joined on."""

    ids: Iterable[object] = ()
    keys: Iterable[object] = ()


def pictures(zone: Zone, wanted: Mapping[Kind, Wanted]) -> dict[Kind, Picture]:
    """What the mirror has of some things of a zone, however many kinds they are of. One query."""
    which = Q(pk__in=())
    for kind, (ids, keys) in wanted.items():
        which |= Q(kind=kind, remote_id__in=_texts(ids)) | Q(kind=kind, key__in=_texts(keys))
    columns = JSONObject(id="remote_id", data="data", read_at="read_at")
    listed = Item.objects.filter(which, zone=OuterRef("zone"), kind=OuterRef("kind")).order_by("remote_id")
    readings = Reading.objects.filter(zone=zone, kind__in=wanted)
    found = {Kind(each.kind): each for each in readings.annotate(listed=ArraySubquery(listed.values(each=columns)))}
    return {kind: _picture(kind, found.get(kind)) for kind in wanted}


def _texts(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values if value is not None]


def _picture(kind: Kind, reading: Reading | None) -> Picture:
    if reading is None:
        return Picture({}, None, is_stale=True, error="")
    # The annotation above; nothing at all where no id was asked for.
    rows: list[dict[str, Any]] = reading.listed or []  # type: ignore[attr-defined]
    seen = {}
    for row in rows:
        own = datetime.fromisoformat(row["read_at"]) if row["read_at"] else None
        at = max(filter(None, (own, reading.read_at)), default=None)
        seen[row["id"]] = Seen(SWEEPS[kind].row_of(row["data"]), at)
    return Picture(seen, reading.read_at, reading.is_stale, reading.error)
