"""The lists of the inventory: what each is made of, how it is narrowed and sorted, and the columns of its sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from apps.fabric.inventory import queries
from apps.fabric.inventory.forms import (
    DeviceListForm,
    InventoryForm,
    LinkListForm,
    PortListForm,
    SessionListForm,
    SiteListForm,
    SubnetListForm,
)
from apps.fabric.inventory.queries import SORTS, WORST_FIRST, Sorts, Surveys
from apps.fabric.models import (
    Part,
    SurveyedDevice,
    SurveyedLink,
    SurveyedPort,
    SurveyedSession,
    SurveyedSite,
    SurveyedSubnet,
)

#: Rows of a sheet that are held at once.
BATCH = 2000

Column = Callable[[Any], object]


@dataclass(frozen=True)
class Listing:
    part: Part
    rows: Callable[[], QuerySet[Any]]
    form: type[InventoryForm]
    lines: Callable[[Iterable[Any], Surveys], list[Any]]
    columns: Mapping[str, Column]
    sorts: Sorts
    usual: str = WORST_FIRST

    @property
    def noun(self) -> str:
        return str(self.part.value)

    def narrowed(self, form: InventoryForm, address: QueryDict) -> QuerySet[Any]:
        order = self.sorts.get(address.get("sort", self.usual), self.sorts[self.usual])
        return form.kept(queries.narrowed(self.rows(), form.surveys, **form.wanted)).order_by(*order)

    def cells(self, rows: QuerySet[Any], surveys: Surveys) -> Iterator[list[object]]:
        """A line of the sheet for each row."""
        found = rows.iterator(chunk_size=BATCH)
        while some := list(islice(found, BATCH)):
            for line in self.lines(some, surveys):
                yield [column(line) for column in self.columns.values()]


def _of(name: str) -> Column:
    return lambda line: getattr(line, name)


def _sent(name: str) -> Column:
    """What Netris sent of it; nothing where it lists it no longer."""
    return lambda line: getattr(line.sent, name, None)


HEAD: Mapping[str, Column] = {
    "zone": lambda line: line.zone.slug,
    "netris_id": _of("remote_id"),
    "name": _of("name"),
    "status": _of("status"),
}
READ: Mapping[str, Column] = {"read_at": lambda line: line.read_at and line.read_at.isoformat(timespec="seconds")}
BECAUSE: Mapping[str, Column] = {"because": _of("because")}

DEVICES = Listing(
    Part.DEVICE,
    SurveyedDevice.objects.all,
    DeviceListForm,
    queries.device_lines,
    {
        **HEAD,
        **BECAUSE,
        "role": _of("role"),
        "pair": _of("pair"),
        "loopback": _sent("main_address"),
        "management_address": _sent("mgmt_address"),
        "asn": _sent("asn"),
        "maintenance": _sent("maintenance_mode"),
        "agent_version": _sent("version"),
        "host_id": _of("host_id"),
        **READ,
    },
    queries.DEVICE_SORTS,
)
LINKS = Listing(
    Part.LINK,
    SurveyedLink.objects.all,
    LinkListForm,
    queries.link_lines,
    {**HEAD, **BECAUSE, **{name: _of(name) for name in ("plane", "a_device", "a_port", "b_device", "b_port")}, **READ},
    SORTS,
)
SESSIONS = Listing(
    Part.SESSION,
    SurveyedSession.objects.all,
    SessionListForm,
    queries.session_lines,
    {
        **HEAD,
        **BECAUSE,
        **{name: _of(name) for name in ("device", "router", "router_asn")},
        "address": _sent("remote_address"),
        "bgp_state": _sent("bgp_state"),
        "prefixes": _sent("bgp_prefixes"),
        "uptime": _sent("bgp_uptime"),
        **READ,
    },
    SORTS,
)
PORTS = Listing(
    Part.PORT,
    SurveyedPort.objects.all,
    PortListForm,
    queries.port_lines,
    {
        **HEAD,
        **{name: _of(name) for name in ("device", "description", "speed", "mtu", "is_used", "far_device", "far_port")},
        **READ,
    },
    SORTS,
)
SITES = Listing(
    Part.SITE,
    SurveyedSite.objects.all,
    SiteListForm,
    queries.site_lines,
    {
        **{name: column for name, column in HEAD.items() if name != "status"},
        **{name: _of(name) for name in ("public_asn", "acl_policy", "switch_fabric", "vlan_range", "devices")},
        **READ,
    },
    {name: order for name, order in SORTS.items() if "status" not in name},
    "name",
)
SUBNETS = Listing(
    Part.SUBNET,
    SurveyedSubnet.objects.select_related("vpc__tenant").all,
    SubnetListForm,
    queries.subnet_lines,
    {
        **HEAD,
        **{name: _of(name) for name in ("type", "prefix", "purpose", "percent", "hosts", "addresses", "gateway")},
        "sites": lambda line: ", ".join(line.site_names),
        "description": _of("description"),
        "netris_tenant": _of("netris_tenant"),
        "owner": _of("owner"),
        "tenant": lambda line: line.tenant and line.tenant.slug,
        "vpc": lambda line: line.vpc and line.vpc.name,
        "netris_vpc": _of("netris_vpc"),
        **READ,
    },
    queries.SUBNET_SORTS,
    "prefix",
)
