"""Every page with a filter: an empty one means all, and one that cannot match says so and lists nothing."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from apps.accounts.models import Account
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.tenancy.models import AuditEntry, Membership, Role
from tests import builders
from tests.test_access import ROWS
from tests.web.conftest import browser_of, words

pytestmark = pytest.mark.django_db

LISTS = [
    "networks:vpc_list",
    "instances:list",
    "addresses:list",
    "nat:static_nat_list",
    "nat:port_forward_list",
    "balancers:list",
    "directconnect:connection_list",
    "directconnect:location_list",
    "directconnect:platform_list",
    "peering:list",
    "acls:list",
    "operations:list",
    "operations:changes",
    "operations:platform_list",
    "history:events",
    "history:findings",
    "accounts:tenant_list",
    "members",
    "people",
    "fabric:device_list",
    "fabric:link_list",
    "fabric:session_list",
    "fabric:port_list",
    "fabric:subnet_list",
    "fabric:site_list",
    "vnis:range_list",
    "vnis:vni_list",
]


def address(view):
    row = next(row for row in ROWS if row.view == view)
    return row.path({})


@pytest.fixture
def browser(admin, acme, place, started):
    """An admin's who is a member of acme, where there is something to list on every page."""
    Membership.objects.create(user=admin, tenant=acme, role=Role.OWNER)
    vpc = builders.a_vpc(acme, place)
    started(vpc, phase="succeeded")
    tier = builders.a_tier(vpc)
    builders.a_static_nat(builders.a_public_ip(vpc), tier)
    builders.a_port_forward(builders.a_public_ip(vpc, "198.51.100.21"), tier)
    builders.a_balancer(builders.a_public_ip(vpc, "198.51.100.22"), tier)
    builders.a_peering(vpc, builders.a_vpc(acme, place, "stock", "10.30.0.0/20"))
    builders.a_connection(acme, builders.a_location(place))
    builders.an_acl(vpc)
    builders.a_device(place)
    builders.a_link(place)
    builders.a_session(place)
    builders.a_port(place)
    builders.a_subnet(place)
    builders.a_site(place)
    builders.a_vni_range(place)
    builders.a_claim(place, 1_000_000)
    builders.an_instance(Account.unscoped.filter(tenant=acme).first() or builders.an_account(acme, place), "web-1")
    builders.an_event(place, kind="cable-misplaced")
    whose = {"object_type": "vpc", "object_id": vpc.pk, "object_name": vpc.name}
    AuditEntry.unscoped.create(tenant=acme, actor="ann", action="vpc.create", **whose)
    return browser_of(admin)


def count(answer):
    assert answer.status_code == 200, words(answer)
    return answer.context["page"].paginator.count


def filters(answer):
    """The names of the inputs in the filter bar."""
    bar = re.search(r'<form class="filter-bar".*?</form>', answer.content.decode(), re.S)
    assert bar
    return set(re.findall(r'<(?:input|select)[^>]* name="(\w+)"', bar[0]))


def test_no_page_with_a_filter_is_left_out(browser):
    found = []
    for row in ROWS:
        if row.method == "GET" and row.of in ("-", "tenant") and not row.view.startswith("api:"):
            answer = browser.get(row.path({}))
            if "filter-bar" in answer.content.decode():
                found.append(row.view)

    # Who had an address is told of the one that somebody looks for.
    assert sorted(found) == sorted([*LISTS, "addresses:pools"])


@pytest.mark.parametrize("view", LISTS)
def test_an_empty_filter_means_all(view, browser):
    path = address(view)
    names = filters(browser.get(path))

    assert count(browser.get(path)) >= 1
    assert count(browser.get(f"{path}?{urlencode(dict.fromkeys(names, ''))}")) == count(browser.get(path))


@pytest.mark.parametrize("view", LISTS)
@pytest.mark.parametrize("value", ["nowhere", "\u202e", "' OR 1=1", "x" * 101, "x" * 1999])
def test_a_filter_that_cannot_match_says_so_and_lists_nothing(view, value, browser):
    path = address(view)
    for name in filters(browser.get(path)):
        answer = browser.get(f"{path}?{urlencode({name: value})}")

        assert count(answer) == 0, name
        assert "Nothing matches" in words(answer)
        if len(value) > 100 and name == "q":
            assert "at most 100 characters" in words(answer)
        if name != "q":
            assert f"there is no {name.replace('phase', 'status')} “" in words(answer).lower()


@pytest.mark.parametrize("view", LISTS)
def test_a_filter_given_twice_lists_nothing(view, browser):
    path = address(view)
    for name in filters(browser.get(path)):
        answer = browser.get(f"{path}?{name}=ready&{name}=stuck")

        assert count(answer) == 0, name
        assert "given twice" in words(answer)


@pytest.mark.parametrize("view", [*LISTS, "fabric:topology"])
def test_a_filter_that_a_page_does_not_have_is_refused(view, browser):
    path = address(view)

    page, part = browser.get(f"{path}?stauts=ready"), browser.part(f"{path}?stauts=ready")

    assert page.status_code == part.status_code == 400
    for answer in (page, part):
        assert "no filter “stauts”" in words(answer)
    assert "<html" not in part.content.decode()


def test_a_page_or_an_order_that_is_not_there_is_the_nearest_one(browser):
    path = reverse("networks:vpc_list", args=["acme"])

    assert count(browser.get(f"{path}?page=99&sort=nonsense")) == 2
    assert count(browser.get(f"{path}?page=x&sort=")) == 2
    assert (Vpc.unscoped.count(), Operation.unscoped.count()) == (2, 1)
