"""One tenant with 200,000 VPCs: no page and no request may read more of them than it shows.

Every query that a request makes is explained with its real figures, so a plan that turns into a scan is found on the
day on which it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.tenancy.models import Tenant
from tests import builders
from tests.crowds import a_crowd, vpc_of_crowd

MANY = 200_000
BIG = frozenset(
    {"networks_vpc", "networks_tier", "operations_operation", "tenancy_auditentry"}
    | {"addresses_publicip", "addresses_portforward", "addresses_staticnat", "balancers_balancer", "balancers_member"}
    | {"vnis_claim"}
)
#: The most rows that a scan of a big table may touch: a bounded count's thousand, and some.
MOST_ROWS = 2_500


@pytest.fixture
def crowd(db: None) -> Tenant:
    return a_crowd(MANY)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def faults_of(sql: str) -> Iterator[str]:
    """What is wrong with the plan of a query."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
        plan = cursor.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    for node in nodes(plan[0]["Plan"]):
        touched = node.get("Rows Removed by Filter", 0) + node["Actual Rows"]
        touched = (touched + node.get("Rows Removed by Index Recheck", 0)) * node["Actual Loops"]
        if node.get("Relation Name") in BIG and touched > MOST_ROWS:
            yield f"{node['Node Type']} of {node['Relation Name']} touches {touched:.0f} rows"
        if "external" in node.get("Sort Method", ""):
            yield "a sort on disk"


def faults_in(queries: CaptureQueriesContext) -> list[str]:
    found = []
    for query in queries.captured_queries:
        sql = query["sql"]
        if sql.lstrip("( ").upper().startswith(("SELECT", "WITH")) and any(table in sql for table in BIG):
            found += [f"{fault}: {sql}" for fault in faults_of(sql)]
    return found


PAGES = {
    "create form": "/t/crowd/vpcs/new/",
    "map of a range that few share": "/t/crowd/vpcs/new/map/?name=x&cidr=10.7.0.0/20",
    "map of a range that all share": "/t/crowd/vpcs/new/map/?name=x&cidr=10.0.0.0/8",
    "VPC page": f"/t/crowd/vpcs/{vpc_of_crowd(777)}/",
    "overview": "/t/crowd/",
    "list": "/t/crowd/vpcs/",
    "list by range": "/t/crowd/vpcs/?sort=-cidr",
    "list, a late page": "/t/crowd/vpcs/?page=20",
    "list, searched for a few": "/t/crowd/vpcs/?q=net+19999",
    "list, searched for all": "/t/crowd/vpcs/?q=net",
    "list, searched for none": "/t/crowd/vpcs/?q=zebra",
    "list, searched for an address": "/t/crowd/vpcs/?q=10.7.16.9",
    "activity": "/t/crowd/activity/",
    "activity, searched for a few": "/t/crowd/activity/?q=net+19999",
    "activity, searched for none": "/t/crowd/activity/?q=zebra",
    "changes": "/t/crowd/activity/changes/",
    "changes, searched for none": "/t/crowd/activity/changes/?q=zebra",
    "REST, VPCs": "/api/v1/vpcs/",
    "REST, VPCs, searched for none": "/api/v1/vpcs/?q=zebra",
    "REST, tiers": "/api/v1/tiers/",
    "REST, tiers, searched for none": "/api/v1/tiers/?q=zebra",
    "REST, operations": "/api/v1/operations/",
    "REST, by name": "/api/v1/vpcs/?name=net+777",
}
OF_PLATFORM = {
    "platform's operations": "/platform/operations/",
    "platform's operations, searched for a few": "/platform/operations/?q=net+19999",
    "platform's operations, searched for none": "/platform/operations/?q=zebra",
    "platform's operations, searched for a tenant": "/platform/operations/?q=crowd",
    "platform's REST, VPCs, searched for a few": "/api/v1/vpcs/?q=net+19999",
    "platform's REST, VPCs, searched for none": "/api/v1/vpcs/?q=zebra",
}


def test_no_request_reads_more_rows_than_it_shows(crowd: Tenant) -> None:
    found: dict[str, list[str]] = {}
    for addresses, user, tenant in (
        (PAGES, builders.a_member(crowd, username="ann"), crowd),
        (OF_PLATFORM, builders.a_platform_admin(), None),
    ):
        browser = Client(headers={"host": "localhost"})
        browser.force_login(user)
        program = Client(headers={"host": "localhost", "Authorization": f"Bearer {builders.a_token(tenant)}"})
        for page, address in addresses.items():
            client = program if address.startswith("/api") else browser
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(address)
            assert answer.status_code == 200, (page, answer.content[:500])
            found[page] = faults_in(queries)
    program = Client(headers={"host": "localhost", "Authorization": f"Bearer {builders.a_token(crowd)}"})
    body = {"name": "new", "zone": "Zone-1", "cidr": "10.7.0.0/16", "tiers": []}
    with CaptureQueriesContext(connection) as queries:
        answer = program.post("/api/v1/vpcs/", body, content_type="application/json")
    assert answer.status_code == 202, answer.content[:500]
    found["REST, creation"] = faults_in(queries)

    lines = [f"{page}: {fault}" for page, faults in found.items() for fault in faults]
    assert not lines, "\n".join(lines)
