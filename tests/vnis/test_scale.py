"""16.7 million VNIs of which a million are in use: what is told of them is counted before somebody asks."""

from __future__ import annotations

import time

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.vnis.models import VniRange
from tests import builders
from tests.crowds import vnis_of
from tests.networks.test_scale import faults_in

MANY = 1_000_000
#: Seconds.
MOST = 0.15
VNI = 16 * 500_000 + 500_000 % 7
PAGES = {
    "ranges": "/fabric/vnis/",
    "numbers of all": "/fabric/vnis/numbers/",
    "a late page": "/fabric/vnis/numbers/?page=20",
    "V-Nets": "/fabric/vnis/numbers/?kind=vnet",
    "duplicates": "/fabric/vnis/numbers/?place=duplicate",
    "one number": f"/fabric/vnis/numbers/?q={VNI}",
    "page of a number": f"/fabric/vnis/zone-1/{VNI}/",
    "REST, ranges": "/api/v1/fabric/vni-ranges/",
    "REST, who has them": "/api/v1/fabric/vnis/",
    "REST, who has one": f"/api/v1/fabric/vnis/?vni={VNI}",
    "REST, who had one": f"/api/v1/fabric/vnis/?vni={VNI}&at=2026-03-02T09:00:00Z",
    "REST, V-Nets": "/api/v1/fabric/vnis/?kind=vnet",
}


def _seconds(client: Client, address: str) -> float:
    began = time.perf_counter()
    client.get(address)
    return time.perf_counter() - began


def test_a_million_in_use_answer_in_time(db: None) -> None:
    zone = builders.a_zone()
    vnis_of(zone, MANY)
    [row] = VniRange.objects.filter(system="cloudstack")
    assert (row.used, row.lost, row.reserved) == (666_667, 333_333, 0)
    assert row.free == 16_777_215 - MANY
    assert row.largest_free_run == row.end - (MANY * 16 + MANY % 7)
    assert round(row.per_day) == MANY / 400 and row.full_at is None  # it lasts longer than anybody foresees
    browser = Client(headers={"host": "localhost"})
    browser.force_login(builders.a_platform_admin())
    program = Client(headers={"host": "localhost", "Authorization": f"Bearer {builders.a_token(None)}"})
    found, slow = {}, {}
    opened = f"/fabric/vnis/ranges/{row.pk}/"
    drawn = {"a range": opened, "a part": f"{opened}?from=1&to=262144", "numbers": f"{opened}?from=8000513&to=8001536"}
    for page, address in (PAGES | drawn).items():
        client = program if address.startswith("/api") else browser
        assert client.get(address).status_code == 200, page
        with CaptureQueriesContext(connection) as queries:
            slow[page] = _seconds(client, address)
        found[page] = faults_in(queries)
        if slow[page] > MOST:  # something else may have had the machine meanwhile
            slow[page] = _seconds(client, address)
    assert [f"{page}: {fault}" for page, faults in found.items() for fault in faults] == []
    assert {page: seconds for page, seconds in slow.items() if seconds > MOST} == {}
    print({page: round(1000 * seconds) for page, seconds in slow.items()})
