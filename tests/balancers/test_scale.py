"""A tenant with very many load balancers: no page and no request may read more of them than it shows."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.balancers.models import Balancer
from apps.balancers.tasks import BATCH, keep_all
from apps.kernel import clock
from tests import builders
from tests.crowds import a_crowd, balancers_of, vpc_of_crowd
from tests.networks.test_scale import faults_in

MANY = 10_000
PAGES = {
    "overview": "/t/crowd/",
    "a VPC with none of them": f"/t/crowd/vpcs/{vpc_of_crowd(2)}/",
    "REST, what needs attention": "/api/v1/attention/",
    "load balancers": "/t/crowd/load-balancers/",
    "load balancers by address": "/t/crowd/load-balancers/?sort=-address",
    "load balancers by age": "/t/crowd/load-balancers/?sort=-created",
    "load balancers, a late page": "/t/crowd/load-balancers/?page=20",
    "load balancers, searched for all": "/t/crowd/load-balancers/?q=443",
    "the form of one": "/t/crowd/load-balancers/new/",
    "load balancers, searched for none": "/t/crowd/load-balancers/?q=zebra",
    "REST, load balancers": "/api/v1/load-balancers/",
    "REST, load balancers, searched for none": "/api/v1/load-balancers/?q=zebra",
}


def test_no_request_reads_more_load_balancers_than_it_shows(db: None) -> None:
    crowd = a_crowd(100)
    vpc = builders.a_vpc(crowd, builders.a_zone("Zone-2"), "full", "10.200.0.0/16", netris_id=1)
    rows = balancers_of(vpc, builders.a_tier(vpc, "web", "10.200.1.0/24", cloudstack_id=uuid4()), MANY)
    long_ago = clock.now() - timedelta(days=40)
    Balancer.unscoped.update(down_since=long_ago, differs_since=long_ago)
    Balancer.unscoped.filter(pk__in=[row.pk for row in rows[::2]]).update(check_kind="none", check_timeout=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('balancer_by_words'::regclass)")
        cursor.execute("ANALYZE balancers_balancer")
    browser = Client(headers={"host": "localhost"})
    browser.force_login(builders.a_member(crowd, username="ann"))
    program = Client(headers={"host": "localhost", "Authorization": f"Bearer {builders.a_token(crowd)}"})
    found: dict[str, list[str]] = {}
    theirs = {
        "REST, what of their VPC needs attention": f"/api/v1/attention/?vpc={vpc.pk}",
        "their VPC": f"/t/crowd/vpcs/{vpc.pk}/",
        "the tab of their VPC": f"/t/crowd/vpcs/{vpc.pk}/load-balancers/",
        "one of them": f"/t/crowd/load-balancers/{rows[0].pk}/",
        "load balancers of a VPC": f"/t/crowd/load-balancers/?vpc={vpc.pk}",
        "what goes with their VPC": f"/t/crowd/vpcs/{vpc.pk}/delete/",
        "what goes with their tier": f"/t/crowd/tiers/{rows[0].tier_id}/delete/",
    }
    for page, address in (PAGES | theirs).items():
        client = program if address.startswith("/api") else browser
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
        assert answer.status_code == 200, (page, answer.content[:500])
        found[page] = faults_in(queries)

    lines = [f"{page}: {fault}" for page, faults in found.items() for fault in faults]
    assert lines == [], "\n".join(lines)


def test_a_look_at_all_of_them_writes_nothing_where_nothing_is_news(db: None) -> None:
    vpc = builders.a_vpc(builders.a_tenant("Crowd"), builders.a_zone("Zone-2"), "full", "10.200.0.0/16", netris_id=1)
    balancers_of(vpc, builders.a_tier(vpc, "web", "10.200.1.0/24", cloudstack_id=uuid4()), 2 * BATCH + 1, 3)
    with CaptureQueriesContext(connection) as queries:
        assert keep_all() == []
    kinds = {query["sql"].split()[0] for query in queries.captured_queries}
    assert (kinds, len(queries)) == ({"SELECT"}, 3 * 6 + 1)
