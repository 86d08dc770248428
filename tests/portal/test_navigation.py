from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.kernel.remote import Unavailable
from apps.operations.models import Operation
from apps.tenancy.actors import platform_of
from apps.tenancy.models import Membership, Role, Tenant, User
from apps.zones import health, turnstile
from portal.navigation import Place, places, shell
from tests import builders
from tests.portal.test_events import an_operation


def a_request(path: str, user: User, tenant: Tenant | None = None) -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = user
    request.tenant = tenant  # type: ignore[attr-defined]
    request.platform = platform_of(user)  # type: ignore[attr-defined]
    return request


def labels(found: list[Place]) -> list[tuple[str, str]]:
    return [(place.section, place.label) for place in found]


NETWORK = ("Public IPs", "Static NAT", "Port forwards", "Load balancers", "Peerings", "Direct Connect")
GUARD = ("Access lists", "Reachability", "Activity", "Quotas", "Members", "Tokens")
TENANT = [("Tenant", label) for label in ("Overview", "VPCs", "Instances", *NETWORK, *GUARD)]
PLATFORM = [
    *(
        ("Fabric", label)
        for label in (
            "Overview",
            "Search",
            "Topology",
            "Devices",
            "Ports",
            "Links",
            "Sessions",
            "Sites",
            "Subnets",
            "SoftGates",
            "VNIs",
            "Events",
            "Imports",
            "Findings",
        )
    ),
    *(
        ("Platform", label)
        for label in (
            "Approvals",
            "Connections",
            "Locations",
            "Zones",
            "Addresses",
            "Tenants",
            "People",
            "Tokens",
            "Operations",
            "Strays",
            "Health",
        )
    ),
]


def test_members_see_their_tenant(acme: Tenant, engineer: User) -> None:
    assert labels(places(a_request("/t/acme/", engineer, acme))) == TENANT


def test_platform_admins_see_the_platform(acme: Tenant, admin: User) -> None:
    assert labels(places(a_request("/fabric/topology/", admin))) == PLATFORM
    Membership.objects.create(user=admin, tenant=acme, role=Role.OWNER)
    assert labels(places(a_request("/t/acme/", admin, acme))) == TENANT + PLATFORM


def test_a_page_of_ones_own_leads_to_the_tenants_that_one_is_a_member_of(
    client: Client, acme: Tenant, globex: Tenant, engineer: User
) -> None:
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)
    client.force_login(engineer)

    found = client.get(reverse("account")).context["nav"]

    assert {(place.label, place.url) for place in found} == {("Acme", "/t/acme/"), ("Globex", "/t/globex/")}


def test_nobody_sees_nothing() -> None:
    request = RequestFactory().get("/")
    assert shell(request) == {}
    request.user = AnonymousUser()
    assert shell(request) == {}


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/t/acme/", "Overview"),
        ("/t/acme/vpcs/", "VPCs"),
        ("/t/acme/vpcs/new/", "VPCs"),
        ("/t/acme/tiers/1/delete/", "VPCs"),
        ("/t/acme/activity/", "Activity"),
        ("/t/acme/members/new/", "Members"),
        ("/t/acme/tokens/", "Tokens"),
        ("/t/acme/operations/1/", "Activity"),
        ("/fabric/", "Overview"),
        ("/fabric/topology/", "Topology"),
        ("/fabric/events/1/", "Events"),
        ("/fabric/findings/", "Findings"),
        ("/fabric/imports/new/", "Imports"),
        ("/fabric/sites/zone-1/1/", "Sites"),
        ("/fabric/softgates/", "SoftGates"),
        ("/fabric/ports/", "Ports"),
        ("/platform/approvals/", "Approvals"),
        ("/platform/direct-connects/1/", "Connections"),
        ("/platform/locations/1/edit/", "Locations"),
        ("/platform/zones/1/reconnect/", "Zones"),
        ("/platform/tenants/acme/", "Tenants"),
        ("/platform/operations/1/", "Operations"),
        ("/platform/strays/1/remove/", "Strays"),
        ("/platform/health/", "Health"),
    ],
)
def test_one_place_is_where_one_is(acme: Tenant, admin: User, path: str, label: str) -> None:
    assert [place.label for place in places(a_request(path, admin, acme)) if place.current] == [label]


def test_operations_that_wait_for_somebody_are_counted(acme: Tenant, admin: User) -> None:
    an_operation(acme)
    stuck = an_operation(acme)
    Operation.unscoped.filter(pk=stuck.pk).update(phase="stuck")

    counts = {place.label: place.count for place in places(a_request("/", admin))}
    assert {label: count for label, count in counts.items() if count} == {"Operations": 1}


def test_zones_in_trouble_are_counted_once_each(admin: User) -> None:
    first, second, _well = (builders.a_zone(name) for name in ("Zone-1", "Zone-2", "Zone-3"))
    health.note_failure(first, Unavailable("away", system="cloudstack"))
    health.note_pace(first, "netris", "GET /api/v2/vpc", 6000)
    turnstile.close(second)

    counts = {place.label: place.count for place in places(a_request("/", admin))}
    assert counts["Zones"] == 2


def test_the_frame_costs_nothing_until_it_is_drawn(
    acme: Tenant, admin: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = a_request("/t/acme/", admin, acme)
    with django_assert_num_queries(0):
        context = shell(request)
    with django_assert_num_queries(6):  # findings, approvals, stuck operations, zones in trouble, strays, memberships
        assert context["nav"]
        assert list(context["nav"])
        assert len(context["memberships"]) == 0
        assert list(context["memberships"]) == []


def test_the_switcher_offers_every_membership(client: Client, acme: Tenant, globex: Tenant, engineer: User) -> None:
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)
    client.force_login(engineer)

    html = client.get(reverse("networks:overview", kwargs={"tenant_slug": "acme"})).content.decode()

    assert 'name="tenant"' in html
    assert 'value="globex"' in html
