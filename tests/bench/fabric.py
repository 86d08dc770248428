"""The map of large fabrics, folded and with a pod open: how long it takes to draw a reading, how large the page is, and
what it costs as multiples of an empty view."""

from __future__ import annotations

import gc
import gzip
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from tests.bench.balancers import get, queries_of
from tests.bench.pages import Ask, session_of, tell

#: Leaves, SoftGates, hypervisors.
SIZES = ((200, 8, 1599), (376, 12, 3000))
#: What the folded page may cost: seconds of the first drawing, and bytes compressed.
MOST_SECONDS, MOST_BYTES = 1.0, 100_000


def report(*, say: Callable[[str], None] = print) -> None:
    from apps.tenancy.models import Scope
    from tests import builders

    admin = session_of(builders.a_platform_admin(username="fabric-admin"))
    program = {"Authorization": f"Bearer {builders.a_token(None, Scope.READ)}"}
    for leaves, gates, hypervisors in SIZES:
        zone = planted(leaves, gates, hypervisors)
        say(f"a fabric of {leaves} leaves, {gates} SoftGates and {hypervisors} hypervisors")
        seconds = first_drawing(zone)
        say(f"  {'a reading is drawn in':24} {1000 * seconds:8.0f} ms   (aim: under {1000 * MOST_SECONDS:.0f})")
        address = f"/fabric/topology/?zone={zone.slug}"
        asks = [
            Ask("empty view", "/empty/", admin),
            Ask("the map, folded", address, admin),
            Ask("the map, a pod open", f"{address}&open={first_pod(zone)}", admin),
            Ask("the map, utilisation", f"{address}&overlay=utilisation", admin),
            Ask("its table", f"/fabric/topology/table/?zone={zone.slug}", admin),
            Ask("REST, folded", f"/api/v1/fabric/topology/?zone={zone.slug}&folded=true", program),
        ]
        tell(asks, say)
        for ask in asks[1:]:
            content = get(ask)
            size = len(gzip.compress(content))
            say(
                f"  {ask.what:24} {queries_of(partial(get, ask)):4} queries, {len(content):9,} bytes, "
                f"{size:7,} compressed   (aim: under {MOST_BYTES:,})"
            )


def planted(leaves: int, gates: int, hypervisors: int) -> Any:
    """A zone with such a fabric, read as it is from an emulated controller. Its lists stay fresh for as long as it
    takes to measure."""
    from apps.kernel import clock
    from apps.mirror.models import Item, Kind, Reading
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
    transports = (world.cloudstack_transport(), world.netris_transport())
    clouds = connect(zone, hooks_for(zone), transports=transports)
    for kind in (Kind.NETRIS_VPC, Kind.NETRIS_DEVICE, Kind.NETRIS_LINK, Kind.NETRIS_BGP):
        assert refresh(zone, kind, clouds)
    later = clock.now() + timedelta(minutes=10)
    Reading.objects.filter(zone=zone).update(read_at=later)
    devices = list(Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE))
    for item in devices:
        item.data["last_seen"] = item.data["last_seen"] and later.isoformat()
    Item.objects.bulk_update(devices, ["data"], batch_size=500)
    return zone


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
