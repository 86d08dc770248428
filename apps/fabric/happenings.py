"""What happens to a fabric, written down after each survey: what broke, since when, whom it touches.

    kind                  is so while
    device-silent         a device has not reported for two turns; what that explains is counted in its words
    device-critical       Netris calls one critical that reports
    device-degraded       a check of it is not well, other than those that have kinds of their own here
    link-down             a cable is down, and no silent device explains it
    session-down          a session with a router is down, and no silent device explains it
    session-empty         it is established, and not one prefix comes
    session-flapping      it went down `FLAPS` times within `FLAPPING`
    session-missing       a SoftGate has none with a router that the others have one with (a finding)
    cable-misplaced       LLDP sees another port at the end of a cable than the links say (a finding)
    site-missing          Netris has no site of the name that the zone is registered with (a finding)

What follows from a silent device is no event of its own, nor is a port's or a session's check of a device whose link or
session is told already. The verdicts are those of the pages; a part whose list is stale tells nothing (`history.keep`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Count

from apps.accounts.models import Account
from apps.fabric import roles, verdicts
from apps.fabric.rows import Cause, DeviceRow, LinkRow, Picture, Router, SessionRow
from apps.history.kinds import EventKind, Subject
from apps.history.models import Event, Severity
from apps.history.services import Found, keep
from apps.kernel import clock
from apps.mirror import queries as mirror
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.queries import Check
from apps.zones.models import Zone

DEVICE_SILENT = EventKind("device-silent", "Device silent")
DEVICE_CRITICAL = EventKind("device-critical", "Device critical")
DEVICE_DEGRADED = EventKind("device-degraded", "Device degraded")
LINK_DOWN = EventKind("link-down", "Link down")
SESSION_DOWN = EventKind("session-down", "Session down")
SESSION_EMPTY = EventKind("session-empty", "Session without prefixes")
SESSION_FLAPPING = EventKind("session-flapping", "Session flapping")
SESSION_MISSING = EventKind("session-missing", "Session missing", is_finding=True)
CABLE_MISPLACED = EventKind("cable-misplaced", "Cable in the wrong port", is_finding=True)
SITE_MISSING = EventKind("site-missing", "Site of a zone missing", is_finding=True)
KINDS = (
    DEVICE_SILENT,
    DEVICE_CRITICAL,
    DEVICE_DEGRADED,
    LINK_DOWN,
    SESSION_DOWN,
    SESSION_EMPTY,
    SESSION_FLAPPING,
    SESSION_MISSING,
    CABLE_MISPLACED,
    SITE_MISSING,
)

FLAPS = 3
FLAPPING = timedelta(minutes=15)
#: Checks whose trouble is told of the link, the session or the cable.
TOLD_ELSEWHERE = frozenset({"check_port", "check_bgp", "check_topology"})

Tenants = Mapping[str, Collection[UUID]]


def tell(zone: Zone, picture: Picture, missing: Sequence[tuple[Router, DeviceRow]]) -> None:
    """Write down what the picture of a survey shows. Queries as many as three sources cost, whatever its size."""
    inventory, cables, peers = (
        picture.readings[kind] for kind in (Kind.NETRIS_DEVICE, Kind.NETRIS_LINK, Kind.NETRIS_BGP)
    )
    touched = _touched(zone, [cause.device for cause in picture.causes])
    untold = set(_untold(picture))
    keep(zone, "fabric.devices", _of_devices(picture, touched), basis=[inventory], unknown=untold)
    keep(zone, "fabric.links", _of_links(picture), basis=[inventory, cables], unknown=untold)
    keep(zone, "fabric.sessions", _of_sessions(zone, picture, missing), basis=[inventory, peers], unknown=untold)


def tell_sites(zone: Zone, sites: Mapping[str, str], reading: Reading) -> None:
    """Whether the site is there that the zone finds by its name; `sites` are the names of all, by their ids."""
    is_there = not zone.netris_site or zone.netris_site in sites.values()
    keep(zone, "fabric.sites", [] if is_there else [_missing_site(zone, sites)], basis=[reading])


def _missing_site(zone: Zone, sites: Mapping[str, str]) -> Found:
    """Where somebody has renamed it since Weft looks, by what that change was told as."""
    change = [{"field": "Name", "before": zone.netris_site}]
    renamed = Event.objects.filter(zone=zone, subject_kind="site", differences__contains=change).order_by("-began_at")
    now = sites.get(renamed.values_list("subject_id", flat=True).first() or "")
    what = f"it is called {now} now" if now else f"it has {', '.join(sorted(sites.values())) or 'none'}"
    words = (
        f"Netris has no site {zone.netris_site}: {what}. Devices and access lists of {zone} wait for it. "
        f"Call it {zone.netris_site} again in Netris, or choose a site anew by the connection of the zone."
    )
    return Found(SITE_MISSING.key, Subject("zone-site", zone.slug, zone.name), Severity.CRITICAL, words)


def _untold(picture: Picture) -> Iterator[tuple[str, str]]:
    """Of what nobody says how it is, and nothing explains that: what was told of it before may still be so."""
    silent = {cause.device.name for cause in picture.causes}
    for row in picture.devices:
        if row.name in silent or _is_untold(row):
            for check in _misplaced(row):
                yield "port", _port_of(check, row)
        if row.name not in silent and _is_untold(row):  # of a silent one that it is silent is told instead
            yield "device", row.id
    for link in picture.links:
        if _is_untold(link):
            yield "link", link.id
    for session in picture.sessions:
        if _is_untold(session):
            yield "session", str(session.session.id)


def _is_untold(row: DeviceRow | LinkRow | SessionRow) -> bool:
    return row.status in (verdicts.UNKNOWN, verdicts.STALE) and not row.because


# --- devices ----------------------------------------------------------------------------------------------------------


def _of_devices(picture: Picture, touched: Tenants) -> Iterator[Found]:
    silent = {cause.device.name for cause in picture.causes}
    for cause in picture.causes:
        yield _silent(cause, touched.get(cause.device.name))
    for row in picture.devices:
        if row.name in silent or row.because or row.status in (verdicts.STALE, verdicts.MAINTENANCE):
            continue
        yield from _degraded(row)
        for check in _misplaced(row):
            port = _port_of(check, row)
            yield Found(CABLE_MISPLACED.key, Subject("port", port, port), Severity.WARNING, check.message)


def _misplaced(row: DeviceRow) -> list[Check]:
    return [check for check in row.failed_checks if check.name == "check_topology"]


def _silent(cause: Cause, tenants: Collection[UUID] | None) -> Found:
    row = cause.device
    words = "It has not reported" + (f"; {cause.consequences}." if cause.consequences else ".")
    return Found(DEVICE_SILENT.key, _device(row), Severity.CRITICAL, words, row.device.last_seen, tenants)


def _degraded(row: DeviceRow) -> Iterator[Found]:
    own = [check for check in row.failed_checks if not _is_told_elsewhere(check)]
    words = " ".join(f"{check.name}: {check.message}." for check in own)
    if row.status == verdicts.CRITICAL:
        yield Found(DEVICE_CRITICAL.key, _device(row), Severity.CRITICAL, words or "Netris calls it critical.")
    elif own:
        yield Found(DEVICE_DEGRADED.key, _device(row), Severity.WARNING, words)


def _is_told_elsewhere(check: Check) -> bool:
    """A port that is nearly full, or that loses much, is up: nothing else tells of it."""
    is_busy = check.name == "check_port" and check.status.lower() == "warning"
    return check.name in TOLD_ELSEWHERE and not is_busy


def _port_of(check: Check, row: DeviceRow) -> str:
    return check.port if "@" in check.port else f"{check.port}@{row.name}" if check.port else row.name


def _device(row: DeviceRow) -> Subject:
    return Subject("device", row.id, row.name)


# --- links and sessions -----------------------------------------------------------------------------------------------


def _of_links(picture: Picture) -> Iterator[Found]:
    for link in picture.links:
        if link.status == verdicts.DOWN and not link.because:
            is_worse = link.plane in ("underlay", "border")
            severity = Severity.CRITICAL if is_worse else Severity.WARNING
            name = f"{link.a.label} - {link.b.label}"
            yield Found(LINK_DOWN.key, Subject("link", link.id, name), severity, _of_plane(link))


def _of_plane(link: LinkRow) -> str:
    place = {
        "underlay": "Part of the underlay: what went over it goes over the others.",
        "border": "It leads to the internet.",
        "management": "Part of the out-of-band plane.",
    }
    return place.get(link.plane, "It leads to a server.")


def _of_sessions(zone: Zone, picture: Picture, missing: Sequence[tuple[Router, DeviceRow]]) -> Iterator[Found]:
    flapping = _flapping(zone)
    for row in picture.sessions:
        subject = Subject("session", str(row.session.id), row.session.name)
        if row.status == verdicts.DOWN and not row.because:
            yield Found(SESSION_DOWN.key, subject, Severity.CRITICAL, f"{_between(row)} is {row.label}.")
        if row.status == verdicts.WARNING:
            yield Found(SESSION_EMPTY.key, subject, Severity.WARNING, f"{_between(row)} brings no prefix.")
        if count := flapping.get(subject.id):
            minutes = FLAPPING.seconds // 60
            words = f"{_between(row)} went down {count} times within {minutes} minutes."
            yield Found(SESSION_FLAPPING.key, subject, Severity.WARNING, words)
    for router, gate in missing:
        subject = Subject("session", f"missing-{router.id}-{gate.id}", f"{router.name} to {gate.name}")
        words = f"{gate.name} has no session with {router.name}, which other SoftGates have."
        yield Found(SESSION_MISSING.key, subject, Severity.WARNING, words)


def _between(row: SessionRow) -> str:
    return f"The session of {row.session.device.name} with {row.router.name}"


def _flapping(zone: Zone) -> dict[str, int]:
    """How often each session went down lately, where that is too often. One query."""
    lately = Event.objects.filter(zone=zone, kind=SESSION_DOWN.key, began_at__gt=clock.now() - FLAPPING)
    counted = lately.order_by().values_list("subject_id").annotate(count=Count("pk")).filter(count__gte=FLAPS)
    return dict(counted)


# --- whom it touches --------------------------------------------------------------------------------------------------


def _touched(zone: Zone, silent: Sequence[DeviceRow]) -> dict[str, set[UUID]]:
    """The tenants whose instances run on silent hypervisors, by the hypervisor's name. Of other devices nothing tells
    whom they serve. Three queries, none while nothing is silent."""
    names = {row.name for row in silent if row.role == roles.HYPERVISOR}
    if not names or mirror.reading(zone, Kind.CLOUDSTACK_INSTANCE).is_stale:
        return {}
    instances = Item.objects.filter(zone=zone, kind=Kind.CLOUDSTACK_INSTANCE, data__hostname__in=names)
    owners = set(instances.values_list("data__hostname", "key"))
    domains = {key.partition("/")[0] for _, key in owners}
    accounts = Account.unscoped.filter(zone=zone, cloudstack_domain_id__in=domains)
    tenants = {str(domain): tenant for domain, tenant in accounts.values_list("cloudstack_domain_id", "tenant_id")}
    found: dict[str, set[UUID]] = {name: set() for name in names}
    for name, key in owners:
        if tenant := tenants.get(key.partition("/")[0]):
            found[name].add(tenant)
    return found
