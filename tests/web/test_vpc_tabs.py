"""The tabs of a VPC: pages with addresses of their own, in one frame, which cost the same whatever the VPC holds."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.acls.models import TierAcl
from apps.addresses.models import PortForward, Purpose
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders
from tests.test_pages import RULES
from tests.web.conftest import Browser

TABS = {
    "": "Overview",
    "tiers/": "Tiers",
    "addresses/": "Addresses and NAT",
    "load-balancers/": "Load balancers",
    "direct-connects/": "Direct Connect",
    "acls/": "Access lists",
    "routes/": "Routes",
    "activity/": "Activity",
}
#: Of a VPC in which there is something of everything.
QUERIES = {
    "": 47,
    "tiers/": 18,
    "addresses/": 24,
    "load-balancers/": 25,
    "direct-connects/": 15,
    "acls/": 18,
    "routes/": 18,
    "activity/": 16,
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def vpc(acme: Tenant, place: Zone) -> Vpc:
    return builders.a_vpc(acme, place, "shop", "10.20.0.0/16", cloudstack_id=uuid4(), netris_id=7)


def fill(vpc: Vpc, place: Zone, start: int, count: int) -> None:
    """With as many tiers, each with instances and a list, and addresses that lead to it."""
    account = vpc.tenant.accounts.get(zone=place)
    for number in range(start, start + count):
        tier = builders.a_tier(vpc, f"tier-{number}", f"10.20.{number}.0/24", cloudstack_id=uuid4())
        acl = builders.an_acl(vpc, f"list-{number}", rules=RULES)
        TierAcl.unscoped.create(pk=tier.pk, tier=tier, tenant=vpc.tenant, acl=acl, status=Status.READY)
        for each in range(3):
            builders.an_instance(account, f"web-{number}-{each}", tier=tier, address=f"10.20.{number}.{each + 10}")
        public = builders.a_public_ip(vpc, f"198.51.100.{number + 20}", purpose=Purpose.PORT_FORWARD)
        builders.a_port_forward(public, tier, 8000, 8001)
        balanced = builders.a_public_ip(vpc, f"203.0.113.{number + 20}", purpose=Purpose.LOAD_BALANCER)
        builders.a_balancer(balanced, tier, members=3)


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_is_a_page_of_its_own_in_the_same_frame(ann: Browser, vpc: Vpc, place: Zone, tab: str) -> None:
    fill(vpc, place, 1, 2)

    page = ann.get(f"/t/acme/vpcs/{vpc.pk}/{tab}")

    html = page.content.decode()
    nav = re.search(r'<nav class="tabs".*?</nav>', html, flags=re.DOTALL)
    assert nav is not None
    links = re.findall(r'href="([^"]+)"\s*(aria-current="page")?', nav[0])
    assert [url for url, _ in links] == [f"/t/acme/vpcs/{vpc.pk}/{each}" for each in TABS]
    assert [url for url, current in links if current] == [f"/t/acme/vpcs/{vpc.pk}/{tab}"]
    assert re.findall(r'class="count">(\d+)', nav[0]) == ["2", "4", "2", "0", "2"]
    assert html.count("<h1") == 1 and "shop" in html


@pytest.mark.parametrize("tab", TABS)
def test_htmx_gets_what_changes_of_a_tab_and_no_page(ann: Browser, vpc: Vpc, tab: str) -> None:
    part = ann.part(f"/t/acme/vpcs/{vpc.pk}/{tab}").content.decode()

    assert "<html" not in part and "<h1" not in part
    for outside in ("vpc-badge", "vpc-actions", "vpc-tabs"):
        assert re.search(rf'id="{outside}"[^>]*hx-swap-oob="morph"', part), outside


@pytest.mark.parametrize("tab", [tab for tab in TABS if tab])
def test_the_tabs_of_a_vpc_that_is_gone_lead_to_what_became_of_it(ann: Browser, vpc: Vpc, tab: str) -> None:
    Vpc.objects.of(vpc.tenant).update(status=Status.DELETED)

    answer = ann.get(f"/t/acme/vpcs/{vpc.pk}/{tab}")

    assert (answer.status_code, answer.url) == (302, f"/t/acme/vpcs/{vpc.pk}/")  # type: ignore[attr-defined]


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_costs_as_many_queries_with_nine_tiers_as_with_two(ann: Browser, vpc: Vpc, place: Zone, tab: str) -> None:
    path = f"/t/acme/vpcs/{vpc.pk}/{tab}"
    counts = []
    for start, count in ((1, 2), (3, 7)):
        fill(vpc, place, start, count)
        ann.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert ann.get(path).status_code == 200
        counts.append(len(queries))

    assert counts == [QUERIES[tab]] * 2


def test_the_map_tells_who_comes_in_by_which_address_and_what_is_in_the_tiers(
    ann: Browser, vpc: Vpc, place: Zone
) -> None:
    fill(vpc, place, 1, 2)
    builders.a_public_ip(vpc, "198.51.100.40", name="spare")

    seen = ann.get(f"/t/acme/vpcs/{vpc.pk}/").content.decode()

    assert "Public IP 198.51.100.21: 1 port forward in tier-1" in seen
    assert "Public IP 198.51.100.40: unused" in seen
    PortForward.unscoped.filter(address="198.51.100.21").update(enabled=False)
    off = ann.get(f"/t/acme/vpcs/{vpc.pk}/").content.decode()
    assert "Public IP 198.51.100.21: 1 port forward in tier-1" in off  # that it is off, nobody has seen yet
    assert "Tier tier-1: 10.20.1.0/24, gateway 10.20.1.1" in seen
    assert "3 instances, 3 running, access list list-1." in seen


def test_addresses_beyond_the_sixth_are_counted_and_those_in_use_come_first(
    ann: Browser, vpc: Vpc, place: Zone
) -> None:
    for number in range(8):
        builders.a_public_ip(vpc, f"198.51.100.{number + 100}")
    fill(vpc, place, 100, 1)

    seen = ann.get(f"/t/acme/vpcs/{vpc.pk}/").content.decode()

    assert "Public IP 198.51.100.120: 1 port forward in tier-100" in seen
    assert "And 3 more public IPs." in seen
    assert "198.51.100.107" not in seen


def test_the_tiers_say_how_many_instances_run_and_which_list_they_have(ann: Browser, vpc: Vpc, place: Zone) -> None:
    fill(vpc, place, 1, 1)
    builders.a_tier(vpc, "bare", "10.20.9.0/24")

    html = ann.get(f"/t/acme/vpcs/{vpc.pk}/tiers/").content.decode()

    assert "3 of 3 running" in html
    assert re.search(r'href="/t/acme/tiers/[^"]+/acl/">list-1</a>', html)
    assert re.search(r'href="/t/acme/tiers/[^"]+/acl/">none</a>', html)


def test_another_tenants_vpc_has_no_tabs(bob: Browser, vpc: Vpc) -> None:
    for tab in TABS:
        assert bob.get(f"/t/globex/vpcs/{vpc.pk}/{tab}").status_code == 404, tab
