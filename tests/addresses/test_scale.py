"""A tenant with very many port forwards: no page and no request may read more of them than it shows."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.addresses.models import PortForward, PublicIp
from apps.kernel import clock
from apps.networks.models import Vpc
from tests import builders
from tests.crowds import a_crowd, a_full_vpc, forwards_of, vpc_of_crowd
from tests.networks.test_scale import faults_in

MANY = 30_000
PAGES = {
    "overview": "/t/crowd/",
    "REST, what needs attention": "/api/v1/attention/",
    "port forwards": "/t/crowd/port-forwards/",
    "a late page": "/t/crowd/port-forwards/?page=20",
    "by instance": "/t/crowd/port-forwards/?sort=-instance",
    "searched for a few": "/t/crowd/port-forwards/?q=203.0.0.7",
    "searched for all": "/t/crowd/port-forwards/?q=web",
    "searched for none": "/t/crowd/port-forwards/?q=zebra",
    "static NATs": "/t/crowd/static-nats/",
    "public IPs": "/t/crowd/public-ips/",
    "public IPs, searched for none": "/t/crowd/public-ips/?q=zebra",
    "a VPC with all of them": f"/t/crowd/vpcs/{vpc_of_crowd(1)}/addresses/",
    "REST, port forwards": "/api/v1/port-forwards/",
    "REST, port forwards, searched for none": "/api/v1/port-forwards/?q=zebra",
    "REST, public IPs": "/api/v1/public-ips/",
    "REST, static NATs": "/api/v1/static-nats/",
}


def test_no_request_reads_more_rules_than_it_shows(db: None) -> None:
    crowd = a_crowd(100)
    forwards_of(crowd, MANY)
    full = a_full_vpc(crowd)
    long_ago = clock.now() - timedelta(days=40)
    PortForward.unscoped.update(missing_since=long_ago)
    PublicIp.unscoped.update(unused_since=long_ago)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE addresses_portforward, addresses_publicip")
    browser = Client(headers={"host": "localhost"})
    browser.force_login(builders.a_member(crowd, username="ann"))
    program = Client(headers={"host": "localhost", "Authorization": f"Bearer {builders.a_token(crowd)}"})
    found: dict[str, list[str]] = {}
    for page, address in (PAGES | {"a full VPC": f"/t/crowd/vpcs/{full.pk}/"}).items():
        client = program if address.startswith("/api") else browser
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
        assert answer.status_code == 200, (page, answer.content[:500])
        found[page] = faults_in(queries)

    lines = [f"{page}: {fault}" for page, faults in found.items() for fault in faults]
    assert lines == [], "\n".join(lines)


def test_a_list_is_narrowed_to_a_vpc_that_its_filter_has_no_room_for(db: None) -> None:
    crowd = a_crowd(300)
    last = Vpc.unscoped.filter(tenant=crowd).order_by("name", "id")[299]
    row = builders.a_public_ip(last, "198.51.100.7")
    builders.a_public_ip(Vpc.unscoped.get(pk=vpc_of_crowd(1)), "198.51.100.8")
    browser = Client(headers={"host": "localhost"})
    browser.force_login(builders.a_member(crowd, username="ann"))

    answer = browser.get(f"/t/crowd/public-ips/?vpc={last.pk}")

    assert [line["row"].pk for line in answer.context["rows"]] == [row.pk]
