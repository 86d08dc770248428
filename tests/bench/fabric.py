"""Large fabrics: the map, every list and page of the fabric as multiples of an empty view; each sweep as a multiple of
the list's own time, beside its interval, with what a worker holds meanwhile; a million VNIs.

Wall is what somebody waits, also for others who use the machine; CPU is that of the one process, without PostgreSQL.
"""

from __future__ import annotations

import gc
import gzip
import os
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from tests.bench.balancers import get, queries_of
from tests.bench.pages import Ask, session_of, web_process

#: Leaves, SoftGates, hypervisors: the reference site, and generated ones. VPCs lie in the second.
SIZES = ((2, 4, 3), (200, 8, 1599), (376, 12, 3000))
CROWDED = SIZES[1]
VPCS, VNIS = 20_000, 1_000_000
#: How often each page is asked for.
TIMES = 11
#: What the folded map may cost: seconds of the first drawing, and bytes compressed. And milliseconds of a VNI.
MOST_SECONDS, MOST_BYTES, MOST_OF_VNI = 1.0, 100_000, 150
#: Megabytes that a sweep, or the survey after it, may hold above what its process holds anyway. The inventory comes in
#: one answer, whole.
MOST_HELD = 400

Say = Callable[[str], None]


def report(*, say: Say = print) -> None:
    from django.db import transaction

    from apps.tenancy.models import Scope
    from tests import builders, crowds

    admin = session_of(builders.a_platform_admin(username="fabric-admin"))
    program = {"Authorization": f"Bearer {builders.a_token(None, Scope.READ)}"}
    for size in SIZES:
        zone, clouds, remote = planted(*size)
        say(f"a fabric of {size[0]} leaves, {size[1]} SoftGates and {size[2]} hypervisors")
        tell_sweeps(zone, clouds, remote, say)
        tenants = []
        if size == CROWDED:
            say(f"with {VPCS:,} VPCs, each with a tier, a V-Net, three NAT rules and an instance")
            crowd = crowds.a_crowd(VPCS, zone, step=1)
            crowds.estate_of(crowd, zone, VPCS)
            tenants = [*asks_of_tenant(crowd)]
        stay_fresh(zone)
        tell_drawings(zone, say)
        tell_pages([*asks_of(zone, admin, program), *tenants], say)
    numbers = builders.a_zone("Numbers")
    with transaction.atomic():  # what counts them keeps its tables as long
        crowds.vnis_of(numbers, VNIS)
    say(f"16.7 million VNIs, {VNIS:,} of them in use   (aim: under {MOST_OF_VNI} ms)")
    tell_pages([*asks_of_vnis(numbers, admin, program)], say)


# --- pages ------------------------------------------------------------------------------------------------------------


def asks_of(zone: Any, admin: Any, program: Any) -> Iterator[Ask]:
    from apps.fabric.models import SurveyedDevice

    here, table = f"?zone={zone.slug}", "/fabric/topology/table/"
    yield Ask("the map, folded", f"/fabric/topology/{here}", admin)
    yield Ask("a poll of it", poll_of(zone, admin), admin | {"HX-Request": "true"})
    if pod := first_pod(zone):
        yield Ask("the map, a pod open", f"/fabric/topology/{here}&open={pod}", admin)
    for overlay in ("utilisation", "bgp"):
        yield Ask(f"the map, {overlay}", f"/fabric/topology/{here}&overlay={overlay}", admin)
    yield Ask("its table", f"{table}{here}", admin)
    yield Ask("overview", "/fabric/", admin)
    for noun in ("devices", "ports", "links", "sessions", "subnets", "sites"):
        yield Ask(noun, f"/fabric/{noun}/{here}", admin)
    yield Ask("ports, found", "/fabric/ports/?q=leaf-1", admin)
    for noun in ("softgates", "events", "findings", "imports", "vnis"):
        yield Ask(noun, f"/fabric/{noun}/", admin)
    devices = SurveyedDevice.objects.filter(zone=zone).order_by("sort_key")
    for role in ("spine", "leaf", "softgate", "hypervisor"):
        yield Ask(f"a {role}", f"/fabric/devices/{zone.slug}/{devices.filter(role=role)[0].remote_id}/", admin)
    gate = devices.filter(role="softgate")[0]
    yield Ask("what a SoftGate carries", f"/fabric/softgates/{gate.pk}/", admin)
    for words in ("leaf-1", "net 199", "10.7.16.9"):
        yield Ask(f"search for {words}", f"/fabric/search/?q={words.replace(' ', '+')}", admin)
    for noun in ("devices", "ports", "links", "sessions", "subnets", "sites"):
        yield Ask(f"REST {noun}", f"/api/v1/fabric/{noun}/{here}", program)
    for noun in ("softgates", "events", "findings", "series", "overview", "imports", "vni-ranges"):
        yield Ask(f"REST {noun}", f"/api/v1/fabric/{noun}/", program)
    yield Ask("REST blast radius", f"/api/v1/fabric/devices/{gate.pk}/blast-radius/", program)
    yield Ask("REST search", "/api/v1/fabric/search/?q=leaf-1", program)
    yield Ask("REST map, folded", f"/api/v1/fabric/topology/{here}&folded=true", program)
    yield Ask("REST map, whole", f"/api/v1/fabric/topology/{here}", program)


def asks_of_tenant(crowd: Any) -> Iterator[Ask]:
    from tests import builders

    yield Ask("a tenant's overview", f"/t/{crowd.slug}/", session_of(builders.a_member(crowd, username="of-crowd")))
    program = {"Authorization": f"Bearer {builders.a_token(crowd)}"}
    yield Ask("REST network health", "/api/v1/network-health/", program)


def asks_of_vnis(zone: Any, admin: Any, program: Any) -> Iterator[Ask]:
    from apps.vnis.models import VniRange

    row = VniRange.objects.get(zone=zone, system="cloudstack")
    yield Ask("ranges of VNIs", "/fabric/vnis/", admin)
    yield Ask("a range with its strip", f"/fabric/vnis/ranges/{row.pk}/", admin)
    yield Ask("who has which", "/fabric/vnis/numbers/", admin)
    yield Ask("one number", f"/fabric/vnis/{zone.slug}/8000004/", admin)
    yield Ask("REST ranges", "/api/v1/fabric/vni-ranges/", program)
    yield Ask("REST who has one", "/api/v1/fabric/vnis/?vni=8000004", program)


def tell_pages(asks: list[Ask], say: Say) -> None:
    """Each from one web process that does nothing beside it."""
    with web_process() as (url, child):
        empty = asked(url, child.pid, Ask("empty view", "/empty/", asks[0].headers), times=100)[0]
        say(f"  {'':24} queries   wall ms    CPU ms   times the empty view      bytes   compressed")
        for ask in asks:
            wall, cpu, content = asked(url, child.pid, ask)
            say(
                f"  {ask.what:24} {queries_of(partial(get, ask)):7} {wall:9.1f} {cpu:9.1f} {wall / empty:22.1f} "
                f"{len(content):10,} {len(gzip.compress(content)):12,}"
            )
        say(f"  the web process holds {peak_of(child.pid):.0f} MB at most")


def asked(url: str, pid: int, ask: Ask, *, times: int = TIMES) -> tuple[float, float, bytes]:
    """Milliseconds of wall (the median) and of the process' CPU (the mean), and the answer. Of the second time on."""
    took = []
    with httpx.Client(base_url=url, timeout=60, headers=ask.headers) as client:
        content = client.get(ask.path).raise_for_status().content
        before = cpu_of(pid)
        for _ in range(times):
            started = time.perf_counter()
            client.get(ask.path).raise_for_status()
            took.append(1000 * (time.perf_counter() - started))
    return median(took), 1000 * (cpu_of(pid) - before) / times, content


def cpu_of(pid: int) -> float:
    """Seconds that a process has worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> float:
    """The most memory that a process has held, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


# --- the map ----------------------------------------------------------------------------------------------------------


def tell_drawings(zone: Any, say: Say) -> None:
    """As by a process that has drawn nothing before: from what the survey kept, and without it."""
    from apps.fabric import drawings
    from apps.fabric.models import Sketch

    def draw() -> None:
        drawings._plans.clear()
        drawings._drawings.clear()
        drawing_of_folded(zone)

    aim = f"(aim: under {MOST_SECONDS:.0f} s, and {MOST_BYTES:,} bytes compressed)"
    draw()
    gc.collect()
    gc.freeze()  # what was planted is not the portal's
    say(f"  {'the first drawing':24} {timed(draw)}   {aim}")
    kept = Sketch.objects.get(zone=zone)
    Sketch.objects.filter(zone=zone).delete()
    say(f"  {'before it was surveyed':24} {timed(draw)}")
    kept.save(force_insert=True)
    gc.unfreeze()


def drawing_of_folded(zone: Any) -> Any:
    from apps.fabric.drawings import drawing_of
    from apps.fabric.queries import basis_of
    from apps.fabric.sights import Sight

    return drawing_of(zone, basis_of(zone), Sight(zone.slug))


def timed(work: Callable[[], object]) -> str:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return f"{time.perf_counter() - wall:8.3f} s wall {time.process_time() - cpu:8.3f} s CPU"


def first_pod(zone: Any) -> str:
    return next((fold.id for fold in drawing_of_folded(zone).plan.folds if fold.kind == "pod"), "")


def poll_of(zone: Any, admin: Any) -> str:
    """What an open page asks for from then on."""
    page = get(Ask("", f"/fabric/topology/?zone={zone.slug}", admin)).decode()
    [found] = re.findall(r'hx-get="(/fabric/topology/\?[^"]*seen=[^"]*)"', page)
    return str(found).replace("&amp;", "&")


# --- sweeps -----------------------------------------------------------------------------------------------------------


class Remote(httpx.BaseTransport):
    """An emulated controller. `seconds` of CPU are those that it has taken itself to answer."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.seconds = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        started = time.process_time()
        try:
            return self._inner.handle_request(request)
        finally:
            self.seconds += time.process_time() - started


def tell_sweeps(zone: Any, clouds: Any, remote: Remote, say: Say) -> None:
    """Each list read again, when nearly all that stands in it is known. A sweep rests as long as it works, so one that
    fits its interval takes half of it at most."""
    from apps.fabric.surveys import survey
    from apps.mirror.models import Kind
    from apps.mirror.services import refresh

    say(
        f"  {'':34}    wall s     CPU s   the remote's   times that   interval   at most in it   "
        f"it holds (aim: under {MOST_HELD} MB)"
    )
    for kind in (Kind.NETRIS_DEVICE, Kind.NETRIS_PORT, Kind.NETRIS_LINK, Kind.NETRIS_BGP, Kind.NETRIS_BLOCK):
        remote.seconds, wall, cpu = 0.0, time.perf_counter(), time.process_time()
        assert refresh(zone, kind, clouds)
        wall, cpu, own = time.perf_counter() - wall, time.process_time() - cpu, remote.seconds
        held = held_by(partial(refresh, zone, kind, clouds))
        interval = kind.interval.total_seconds()
        say(
            f"  {kind.label:34} {wall:9.2f} {cpu:9.2f} {own:14.2f} {cpu / own:12.1f} {interval:8.0f} s "
            f"{interval / 2:13.1f} s {held:9.0f} MB"
        )
    wall, cpu = time.perf_counter(), time.process_time()
    assert survey(zone)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert refresh(zone, Kind.NETRIS_DEVICE, clouds)
    say(f"  {'the survey after them':34} {wall:9.2f} {cpu:9.2f} {'':54} {held_by(partial(survey, zone)):9.0f} MB")


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
    kinds = (Kind.NETRIS_VPC, Kind.NETRIS_DEVICE, Kind.NETRIS_LINK, Kind.NETRIS_BGP, Kind.NETRIS_SITE)
    for kind in (*kinds, Kind.NETRIS_PORT, Kind.NETRIS_BLOCK):
        assert refresh(zone, kind, clouds)
    assert survey(zone)
    return zone, clouds, remote


def stay_fresh(zone: Any) -> None:
    """Its lists stay fresh for as long as it takes to measure, as they were surveyed."""
    from apps.fabric.surveys import survey
    from apps.kernel import clock
    from apps.mirror.models import Item, Kind, Reading

    later = clock.now() + timedelta(minutes=20)
    devices = list(Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE))
    for item in devices:
        item.data["last_seen"] = item.data["last_seen"] and later.isoformat()
    Item.objects.bulk_update(devices, ["data"], batch_size=500)
    Reading.objects.filter(zone=zone).update(read_at=later)
    assert survey(zone)
