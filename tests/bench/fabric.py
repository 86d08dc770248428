"""Large fabrics: the map, every list and page of the inventory, SoftGates, events and series as multiples of an
empty view; each sweep as a multiple of the list's own time, beside its interval, with what a worker holds meanwhile."""

from __future__ import annotations

import gc
import gzip
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import httpx

from tests.bench.balancers import get, queries_of
from tests.bench.pages import Ask, session_of, tell

#: Leaves, SoftGates, hypervisors.
SIZES = ((200, 8, 1599), (376, 12, 3000))
#: What the folded page may cost: seconds of the first drawing, and bytes compressed.
MOST_SECONDS, MOST_BYTES = 1.0, 100_000


#: Megabytes that a sweep, or the survey after it, may hold above what its process holds anyway. The inventory comes in
#: one answer, whole.
MOST_HELD = 400


def report(*, say: Callable[[str], None] = print) -> None:
    from apps.tenancy.models import Scope
    from tests import builders

    admin = session_of(builders.a_platform_admin(username="fabric-admin"))
    program = {"Authorization": f"Bearer {builders.a_token(None, Scope.READ)}"}
    for leaves, gates, hypervisors in SIZES:
        zone, clouds, remote = planted(leaves, gates, hypervisors)
        say(f"a fabric of {leaves} leaves, {gates} SoftGates and {hypervisors} hypervisors")
        tell_sweeps(zone, clouds, remote, say)
        stay_fresh(zone)
        seconds = first_drawing(zone)
        say(f"  {'a reading is drawn in':24} {1000 * seconds:8.0f} ms   (aim: under {1000 * MOST_SECONDS:.0f})")
        asks = [
            Ask("empty view", "/empty/", admin),
            *(Ask(what, path, admin) for what, path in maps_of(zone)),
            *(Ask(what, path, admin) for what, path in pages_of(zone)),
            *(Ask(f"REST {what}", f"/api/v1/fabric/{path}", program) for what, path in lists_of(zone)),
        ]
        tell_pages(asks, say)


def maps_of(zone: Any) -> Iterator[tuple[str, str]]:
    address = f"/fabric/topology/?zone={zone.slug}"
    yield "the map, folded", address
    yield "the map, a pod open", f"{address}&open={first_pod(zone)}"
    yield "the map, utilisation", f"{address}&overlay=utilisation"
    yield "its table", f"/fabric/topology/table/?zone={zone.slug}"


def pages_of(zone: Any) -> Iterator[tuple[str, str]]:
    from apps.fabric.models import SurveyedDevice

    for noun in ("devices", "ports", "links", "sessions", "subnets"):
        yield noun, f"/fabric/{noun}/?zone={zone.slug}"
    yield "ports, found", "/fabric/ports/?q=leaf-17"
    yield "SoftGates", "/fabric/softgates/"
    devices = SurveyedDevice.objects.filter(zone=zone).order_by("sort_key")
    for role in ("spine", "leaf", "softgate", "hypervisor"):
        yield f"a {role}", f"/fabric/devices/{zone.slug}/{devices.filter(role=role)[0].remote_id}/"
    yield "what a SoftGate carries", f"/fabric/softgates/{devices.filter(role='softgate')[0].pk}/"
    for noun in ("events", "findings"):
        yield noun, f"/fabric/{noun}/"
    yield "search", "/fabric/search/?q=leaf-17"


def lists_of(zone: Any) -> Iterator[tuple[str, str]]:
    for noun in ("devices", "ports", "links", "sessions", "subnets", "softgates"):
        yield noun, f"{noun}/?zone={zone.slug}"
    for noun in ("events", "findings", "series"):
        yield noun, f"{noun}/"
    yield "search", "search/?q=leaf-17"
    yield "map, folded", f"topology/?zone={zone.slug}&folded=true"


def tell_pages(asks: list[Ask], say: Callable[[str], None]) -> None:
    tell(asks, say)
    for ask in asks[1:]:
        content = get(ask)
        size = len(gzip.compress(content))
        say(
            f"  {ask.what:24} {queries_of(partial(get, ask)):4} queries, {len(content):9,} bytes, "
            f"{size:7,} compressed   (aim: under {MOST_BYTES:,})"
        )


# --- sweeps -----------------------------------------------------------------------------------------------------------


class Remote(httpx.BaseTransport):
    """An emulated controller. `seconds` are those that it has taken itself to answer."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.seconds = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        started = time.perf_counter()
        try:
            return self._inner.handle_request(request)
        finally:
            self.seconds += time.perf_counter() - started


def tell_sweeps(zone: Any, clouds: Any, remote: Remote, say: Callable[[str], None]) -> None:
    """Each list read again, when nearly all that stands in it is known. A sweep rests as long as it works, so one that
    fits its interval takes half of it at most."""
    from apps.fabric.surveys import survey
    from apps.mirror.models import Kind
    from apps.mirror.services import refresh

    say(f"  {'':24}    seconds   the remote's   times that   interval   it holds (aim: under {MOST_HELD} MB)")
    for kind in (Kind.NETRIS_DEVICE, Kind.NETRIS_PORT, Kind.NETRIS_LINK, Kind.NETRIS_BGP, Kind.NETRIS_BLOCK):
        remote.seconds, started = 0.0, time.perf_counter()
        assert refresh(zone, kind, clouds)
        took, own = time.perf_counter() - started, remote.seconds
        held = held_by(lambda kind=kind: refresh(zone, kind, clouds))  # type: ignore[misc]
        say(
            f"  {kind.label:24} {took:9.2f}s {own:13.2f}s {took / own:12.1f} "
            f"{kind.interval.total_seconds():8.0f} s {held:9.0f} MB"
        )
    started = time.perf_counter()
    assert survey(zone)
    took = time.perf_counter() - started
    assert refresh(zone, Kind.NETRIS_DEVICE, clouds)
    say(f"  {'the survey after them':24} {took:9.2f}s {'':>39}{held_by(lambda: survey(zone)):9.0f} MB")


def held_by(work: Callable[[], object]) -> float:
    """The most that it holds at a time, in megabytes, with all that the emulated controller makes for it."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def planted(leaves: int, gates: int, hypervisors: int) -> tuple[Any, Any, Remote]:
    """A zone with such a fabric, read as it is from an emulated controller, and surveyed; its clouds; and its Netris,
    which tells how long it takes itself."""
    from apps.fabric.surveys import survey
    from apps.mirror.models import Kind
    from apps.mirror.services import refresh
    from apps.zones.clouds import connect, hooks_for
    from sandbox.generator import Size, site_of
    from sandbox.world import World
    from tests import builders
    from tests.conftest import KEYS, LOGIN

    site = site_of(Size(leaves=leaves, softgates=gates, hypervisors=hypervisors))
    world = World(site=site, cloudstack_keys=KEYS, netris_login=LOGIN)
    login = {"netris_user": LOGIN[0], "netris_password": LOGIN[1], "netris_site": "sv"}
    zone = builders.a_zone(f"Fabric-{leaves}", netris_url="http://netris.test", **login)
    remote = Remote(world.netris_transport())
    clouds = connect(zone, hooks_for(zone), transports=(world.cloudstack_transport(), remote))
    kinds = (Kind.NETRIS_VPC, Kind.NETRIS_DEVICE, Kind.NETRIS_LINK, Kind.NETRIS_BGP)
    for kind in (*kinds, Kind.NETRIS_PORT, Kind.NETRIS_BLOCK):
        assert refresh(zone, kind, clouds)
    assert survey(zone)
    return zone, clouds, remote


def stay_fresh(zone: Any) -> None:
    """Its lists stay fresh for as long as it takes to measure."""
    from apps.fabric.models import Survey
    from apps.kernel import clock
    from apps.mirror.models import Item, Kind, Reading

    later = clock.now() + timedelta(minutes=20)
    Reading.objects.filter(zone=zone).update(read_at=later)
    moments = {f"{what}_read_at": later for what in ("devices", "links", "sessions", "ports", "subnets")}
    Survey.objects.filter(zone=zone).update(**moments)
    devices = list(Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE))
    for item in devices:
        item.data["last_seen"] = item.data["last_seen"] and later.isoformat()
    Item.objects.bulk_update(devices, ["data"], batch_size=500)


def first_drawing(zone: Any) -> float:
    from apps.fabric.drawings import drawing_of
    from apps.fabric.queries import basis_of
    from apps.fabric.sights import Sight

    gc.collect()
    gc.freeze()  # what was planted is not the portal's
    started = time.perf_counter()
    drawing_of(zone, basis_of(zone), Sight(zone.slug))
    return time.perf_counter() - started


def first_pod(zone: Any) -> str:
    from apps.fabric.drawings import plan_of
    from apps.fabric.queries import basis_of

    return next(fold.id for fold in plan_of(zone, basis_of(zone)).folds if fold.kind == "pod")
