"""What the page of a device, or of a link, shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from apps.fabric.inventory.carried import Carried, carried_by
from apps.fabric.inventory.queries import (
    DeviceLine,
    LinkLine,
    PortLine,
    SessionLine,
    Surveys,
    at_device,
    device_lines,
    link_lines,
    port_lines,
    session_lines,
)
from apps.fabric.models import SurveyedDevice, SurveyedLink, SurveyedPort, SurveyedSession
from apps.history.models import Event
from apps.history.queries import whole
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.mirror.queries import Check, Seen
from apps.tenancy.actors import Platform

#: A spine has a link to each of its leaves; what is behind these is in the list of links.
MOST = 100
MOST_EVENTS = 10
#: What CloudStack's words for the state of a host look like (cloudstack-api.md 3.10).
HOST_LOOKS = {
    "Up": "up",
    "Connecting": "building",
    "Rebalancing": "building",
    "Disconnected": "down",
    "Down": "down",
    "Alert": "critical",
    "Error": "error",
    "Maintenance": "maintenance",
}
BADNESS = {"critical": 0, "warning": 1, "unknown": 2}


@dataclass(frozen=True)
class End:
    """The other end of a link of the device."""

    link: LinkLine
    port: str
    device: str
    #: Blank where the inventory has no such device.
    device_id: str
    far_port: str


@dataclass(frozen=True)
class CheckedPort:
    line: PortLine
    #: What the device's agent last found at it: drops, errors and how busy it is.
    check: Check | None


@dataclass(frozen=True)
class Host:
    """The hypervisor in CloudStack."""

    seen: Seen
    is_stale: bool
    fresh_for: int

    @property
    def look(self) -> str:
        """Of its state: whether CloudStack's agent there is connected."""
        return HOST_LOOKS.get(self.seen.row.state, "unknown")


@dataclass(frozen=True)
class DevicePage:
    line: DeviceLine
    ends: Sequence[End]
    has_more_ends: bool
    ports: Sequence[CheckedPort]
    has_more_ports: bool
    sessions: Sequence[SessionLine]
    host: Host | None
    carried: Carried | None

    @property
    def checks(self) -> Sequence[Check]:
        """Of the node and of its sessions, the worst first; those of ports stand with the ports."""
        if self.line.said is None:
            return ()
        checks = [check for check in self.line.said.device.checks if check.name != "check_port"]
        return sorted(checks, key=lambda check: BADNESS.get(check.status.lower(), len(BADNESS)))


@dataclass(frozen=True)
class LinkPage:
    line: LinkLine
    #: The device at each end; None where the inventory has none.
    a: DeviceLine | None
    b: DeviceLine | None
    a_checks: Sequence[Check]
    b_checks: Sequence[Check]
    sessions: Sequence[SessionLine]
    #: What happened to it, the newest first.
    events: Sequence[Event]


def device_page(row: SurveyedDevice, by: Platform) -> DevicePage:
    """Five queries, one more where it has sessions, and three to five where it is a hypervisor of CloudStack's."""
    surveys = Surveys({row.zone_id: row.zone.survey})
    [line] = device_lines([row], surveys)
    links = at_device(SurveyedLink.objects.filter(zone=row.zone), row.remote_id).order_by("badness", "sort_key")
    ends = [_end_of(link, row.remote_id) for link in link_lines(links[: MOST + 1], surveys)]
    ports = SurveyedPort.objects.filter(zone=row.zone, device_id=row.remote_id).order_by("sort_key")
    ported = _ports(line, port_lines(ports[: MOST + 1], surveys))
    sessions = SurveyedSession.objects.filter(zone=row.zone, device_id=row.remote_id).order_by("badness", "sort_key")
    return DevicePage(
        line,
        ends[:MOST],
        len(ends) > MOST,
        ported[:MOST],
        len(ported) > MOST,
        session_lines(sessions, surveys),
        _host(row),
        carried_by(by, row.zone, row.host_id) if row.host_id else None,
    )


def _ports(device: DeviceLine, ports: Sequence[PortLine]) -> list[CheckedPort]:
    checks = device.said.device.checks if device.said else ()
    of_port = {check.port.partition("@")[0]: check for check in checks if check.name == "check_port"}
    return [CheckedPort(line, of_port.get(line.row.short_name)) for line in ports]


def _host(row: SurveyedDevice) -> Host | None:
    if not row.host_id:
        return None
    kind = Kind.CLOUDSTACK_HOST
    picture = mirror.pictures(row.zone, {kind: mirror.Wanted(ids=[row.host_id])})[kind]
    seen = picture.get(row.host_id)
    return Host(seen, picture.is_stale, int(kind.fresh_for.total_seconds())) if seen else None


def _end_of(link: LinkLine, remote_id: str) -> End:
    row = link.row
    if row.a_id == remote_id:
        return End(link, row.a_port, row.b_device, row.b_id, row.b_port)
    return End(link, row.b_port, row.a_device, row.a_id, row.a_port)


def link_page(row: SurveyedLink) -> LinkPage:
    """Five queries."""
    surveys = Surveys({row.zone_id: row.zone.survey})
    devices = SurveyedDevice.objects.filter(zone=row.zone, remote_id__in=[row.a_id, row.b_id])
    lines = {line.row.remote_id: line for line in device_lines(devices, surveys)}
    a, b = lines.get(row.a_id), lines.get(row.b_id)
    ends = {row.a_id, row.b_id} - {""}
    over = SurveyedSession.objects.filter(Q(device_id__in=ends), Q(router_id__in=ends), zone=row.zone)
    return LinkPage(
        LinkLine(row, row.zone.survey),
        a,
        b,
        _checks_of_port(a, row.a_port),
        _checks_of_port(b, row.b_port),
        session_lines(over.order_by("badness", "sort_key"), surveys),
        list(whole(Event.objects.of(row.zone, str(row.part.value), row.remote_id))[:MOST_EVENTS]),
    )


def _checks_of_port(line: DeviceLine | None, port: str) -> list[Check]:
    if line is None or line.said is None:
        return []
    return [check for check in line.said.device.checks if check.port.partition("@")[0] == port]
