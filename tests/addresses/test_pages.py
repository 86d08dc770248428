"""The pages of public IPs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from apps.addresses.models import Holding, PublicIp
from apps.kernel import clock
from apps.mirror.models import Kind
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry, Tenant, User
from apps.zones.models import Zone
from tests import builders


@pytest.fixture
def vpc(acme: Tenant, site: Zone) -> Vpc:
    return builders.a_vpc(acme, site, cloudstack_id=uuid4())


@pytest.fixture
def browser(engineer: User) -> Client:
    browser = Client()
    browser.force_login(engineer)
    return browser


@pytest.fixture
def platform(admin: User) -> Client:
    browser = Client()
    browser.force_login(admin)
    return browser


def words(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content
    return " ".join(answer.content.decode().split())


def gone(row: PublicIp) -> None:
    PublicIp.unscoped.filter(pk=row.pk).update(status=Status.DELETED, deleted_at=clock.now())


def test_the_list_tells_what_each_address_is_used_for(browser: Client, vpc: Vpc) -> None:
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.9")
    builders.a_public_ip(vpc, "198.51.100.20", name="shop")
    builders.a_port_forward(builders.a_public_ip(vpc, "198.51.100.21"), builders.a_tier(vpc))
    rows = browser.get("/t/acme/public-ips/").context["rows"]
    assert [(str(line["row"]), line["row"].get_purpose_display()) for line in rows] == [
        ("198.51.100.9", "Source NAT"),
        ("198.51.100.20", "Unused"),
        ("198.51.100.21", "Port forwards"),
    ]
    page = words(browser.get("/t/acme/public-ips/?q=shop"))
    assert "198.51.100.20" in page and "198.51.100.21" not in page
    assert "2 of 20 public IPs" in page


@pytest.mark.parametrize(
    ("state", "is_here", "status"), [("Allocated", True, "ready"), ("Free", True, "differs"), (None, True, "stale")]
)
def test_ready_is_only_said_of_what_cloudstack_was_seen_to_have(
    browser: Client, vpc: Vpc, state: str | None, is_here: bool, status: str
) -> None:
    row = builders.a_public_ip(vpc)
    if state:
        data = {"ipaddress": str(row.address), "state": state, "vpcid": str(vpc.cloudstack_id)}
        builders.mirrored(vpc.zone, Kind.CLOUDSTACK_ADDRESS, [row.cloudstack_id], data=data, read_at=clock.now())
    page = browser.get(f"/t/acme/public-ips/{row.pk}/")
    assert page.context["status"] == status
    assert ("CloudStack does not give it to this VPC" in words(page)) == (status == "differs")


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.django_db
def test_the_list_costs_as_many_queries_for_many_as_for_one(
    browser: Client, acme: Tenant, site: Zone, count: int, django_assert_num_queries: Any
) -> None:
    browser.get("/t/acme/public-ips/")
    for number in range(count):
        vpc = builders.a_vpc(acme, site, f"vpc {number}", cloudstack_id=uuid4())
        builders.a_public_ip(vpc, f"198.51.100.{number + 20}")
    with django_assert_num_queries(11):
        browser.get("/t/acme/public-ips/")


def test_an_address_is_chosen_from_the_free_ones(browser: Client, vpc: Vpc) -> None:
    builders.a_pool(vpc.zone, taken=[100])
    offered = words(browser.get("/t/acme/public-ips/choices/?words=100.10"))
    assert "198.51.100.101" in offered and "198.51.100.100" not in offered

    page = browser.post("/t/acme/public-ips/new/", {"vpc": vpc.pk, "address": "198.51.100.102", "name": "shop"})

    assert page.status_code == 302 and "/operations/" in page.headers["Location"]
    row = PublicIp.unscoped.get()
    assert (str(row.address), row.name, row.is_chosen) == ("198.51.100.102", "shop", True)
    assert "198.51.100.102" not in words(browser.get("/t/acme/public-ips/choices/"))
    for nothing in ("1_0", "%25", "x"):
        assert "198.51" not in words(browser.get(f"/t/acme/public-ips/choices/?words={nothing}")), nothing
    assert "198.51.100.101" in words(browser.get("/t/acme/public-ips/choices/?words=+100.101+"))


def test_without_an_address_it_is_the_next_free_one(browser: Client, vpc: Vpc) -> None:
    builders.a_pool(vpc.zone, taken=[100])
    assert browser.post("/t/acme/public-ips/new/", {"vpc": vpc.pk}).status_code == 302
    assert str(PublicIp.unscoped.get()) == "198.51.100.101"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"address": "198.51.100.100"}, "This address is taken."),
        ({"address": "nonsense"}, "There is no such address any more."),
        ({"vpc": ""}, "Choose the VPC that the address is for."),
        ({"vpc": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}, "Choose the VPC that the address is for."),
        ({"notes": "x" * 181}, "at most 180 characters"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(browser: Client, vpc: Vpc, fields: dict[str, str], told: str) -> None:
    builders.a_pool(vpc.zone, taken=[100])
    assert told in words(browser.post("/t/acme/public-ips/new/", {"vpc": vpc.pk} | fields), 422)
    assert not PublicIp.unscoped.exists()


def test_anothers_vpc_cannot_be_chosen(browser: Client, vpc: Vpc, globex: Tenant) -> None:
    theirs = builders.a_vpc(globex, vpc.zone, "theirs")
    assert browser.get(f"/t/acme/public-ips/new/?vpc={theirs.pk}").status_code == 404
    assert browser.get(f"/t/acme/public-ips/choices/?vpc={theirs.pk}").status_code == 404
    assert browser.post("/t/acme/public-ips/new/", {"vpc": theirs.pk}).status_code == 422


def test_name_and_notes_are_saved_at_once(browser: Client, vpc: Vpc) -> None:
    row = builders.a_public_ip(vpc)
    page = browser.post(f"/t/acme/public-ips/{row.pk}/edit/", {"name": "shop", "notes": "The door"}, follow=True)
    assert "Saved." in words(page) and "The door" in words(page)
    assert AuditEntry.unscoped.get().action == "public-ip.edit"


def test_the_release_is_previewed(browser: Client, vpc: Vpc) -> None:
    row = builders.a_public_ip(vpc, name="shop")
    page = words(browser.get(f"/t/acme/public-ips/{row.pk}/release/"))
    assert "rests for 24 hours, in which you may take it back" in page
    forward = builders.a_port_forward(row, builders.a_tier(vpc), 8000, 8010)
    page = words(browser.get(f"/t/acme/public-ips/{row.pk}/release/"))
    assert "Port forwards lead from this address. Remove them first." in page
    assert "TCP 8000-8010 of 198.51.100.20" in page and "to web-1, has to be removed first" in page
    assert browser.post(f"/t/acme/public-ips/{row.pk}/release/").status_code == 422
    forward.delete()
    assert browser.post(f"/t/acme/public-ips/{row.pk}/release/").status_code == 302
    assert Operation.unscoped.get().title == "Release public IP"


def test_the_source_nat_address_is_shown_and_locked(browser: Client, vpc: Vpc) -> None:
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.9")
    row = PublicIp.unscoped.get()
    page = words(browser.get(f"/t/acme/public-ips/{row.pk}/"))
    assert "All traffic of the VPC leaves with it" in page and "Danger zone" not in page
    assert "comes and goes with the VPC" in words(browser.get(f"/t/acme/public-ips/{row.pk}/release/"))


def test_the_end_of_a_vpc_is_previewed_with_its_addresses(browser: Client, vpc: Vpc) -> None:
    builders.a_public_ip(vpc, name="shop")
    builders.a_port_forward(builders.a_public_ip(vpc, "198.51.100.21"), builders.a_tier(vpc))
    goes = browser.get(f"/t/acme/vpcs/{vpc.pk}/delete/").context["goes"]
    assert [(item.name, item.detail) for item in goes if item.kind == "Public IP"] == [
        ("198.51.100.20, called shop", "unused"),
        ("198.51.100.21", "with what leads from it: Port forwards"),
    ]


# --- the platform's ---


def test_who_has_this_address_is_answered_over_all_tenants_now_and_before(
    platform: Client, vpc: Vpc, globex: Tenant
) -> None:
    gone(builders.a_public_ip(vpc))
    builders.a_public_ip(builders.a_vpc(globex, vpc.zone, "theirs"))
    builders.a_public_ip(vpc, "198.51.100.40")
    for query in ("198.51.100.20", "198.51.100.16/29"):
        rows = platform.get("/platform/addresses/", {"q": query}).context["rows"]
        assert [(each.tenant.slug, each.held_until is None) for each in rows] == [("globex", True), ("acme", False)]
    assert "Nobody has, or had, such an address" in words(platform.get("/platform/addresses/?q=nonsense"))


def test_what_rests_is_listed_and_its_rest_is_ended(platform: Client, vpc: Vpc) -> None:
    row = builders.a_public_ip(vpc)
    gone(row)
    assert [str(each.address) for each in platform.get("/platform/addresses/").context["rows"]] == ["198.51.100.20"]
    page = platform.post(f"/platform/addresses/{row.pk}/end-rest/", follow=True)
    assert "198.51.100.20 rests no more" in words(page)
    assert not Holding.unscoped.get().rests
    assert AuditEntry.unscoped.get().action == "public-ip.end-rest"
    assert "does not rest" in words(platform.post(f"/platform/addresses/{row.pk}/end-rest/", follow=True))


def test_the_pools_say_how_far_they_reach_and_how_old_that_is(platform: Client, vpc: Vpc) -> None:
    builders.a_pool(vpc.zone, 100, 109, taken=[100])
    [pool] = platform.get("/platform/addresses/").context["pools"]
    assert (pool.total, pool.used, pool.free, pool.forecast) == (10, 1, 9, "no growth in four weeks")
    builders.a_public_ip(vpc)
    [pool] = platform.get("/platform/addresses/").context["pools"]
    assert pool.forecast == "about 252 days"


def test_how_long_addresses_rest_is_set(platform: Client, site: Zone) -> None:
    path = f"/platform/addresses/{site.pk}/quarantine/"
    assert "Addresses of Zone-1 rest 2 hours" in words(platform.post(path, {"quarantine_hours": 2}, follow=True))
    assert platform.post(path, {"quarantine_hours": 9999}).status_code == 422
    site.refresh_from_db()
    assert site.quarantine_hours == 2


def test_a_picked_address_is_one_of_the_zone_of_the_vpc_beside_it(browser: Client, vpc: Vpc, acme: Tenant) -> None:
    far = builders.a_vpc(acme, builders.a_zone("Zone-2"), "far", cloudstack_id=uuid4())
    builders.a_pool(vpc.zone, 100, 101)
    builders.a_pool(far.zone, 200, 201)
    page = words(browser.get("/t/acme/public-ips/new/"))
    assert 'data-picker="/t/acme/public-ips/choices/" data-beside="vpc"' in page
    for place, here, elsewhere in ((vpc, "100.100", "100.200"), (far, "100.200", "100.100")):
        offered = words(browser.get(f"/t/acme/public-ips/choices/?words=&vpc={place.pk}"))
        assert here in offered and elsewhere not in offered
        found = words(browser.post("/t/acme/public-ips/new/", {"vpc": place.pk, "search": "address"}))
        assert here in found and elsewhere not in found


def leads(browser: Client, row: PublicIp) -> dict[str, str | None]:
    shown = browser.get(f"/t/acme/public-ips/{row.pk}/").context["leads"]
    assert [f"?public_ip={row.pk}" in each["url"] for each in shown] == [True] * 3
    return {each["label"]: each["reason"] for each in shown}


def test_the_page_of_an_address_leads_to_what_can_be_made_of_it_or_says_why_not(
    browser: Client, vpc: Vpc, acme: Tenant
) -> None:
    row = builders.a_public_ip(vpc)
    assert leads(browser, row) == dict.fromkeys(("Create static NAT", "Create port forward", "Create load balancer"))
    page = words(browser.get(browser.get(f"/t/acme/public-ips/{row.pk}/").context["leads"][0]["url"]))
    assert f'<option value="{row.pk}" selected' in page

    tier = builders.a_tier(vpc)
    builders.a_port_forward(row, tier)
    nat, forward, balancer = leads(browser, row).values()
    assert forward is None
    assert all("has port forwards. Delete those first" in str(reason) for reason in (nat, balancer))
    balanced = builders.a_public_ip(vpc, "198.51.100.22")
    builders.a_balancer(balanced, tier)
    nat, forward, balancer = leads(browser, balanced).values()
    assert balancer is None
    assert all("has load balancers. Delete those first" in str(reason) for reason in (nat, forward))
    other = builders.a_public_ip(vpc, "198.51.100.21")
    builders.a_static_nat(other, tier)
    assert all("has static NAT" in str(reason) for reason in leads(browser, other).values())
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.9")
    egress = PublicIp.unscoped.get(purpose="source_nat")
    assert all("leaves with this address" in str(reason) for reason in leads(browser, egress).values())
    builders.limit(acme, nat_rule=2)
    nat, forward, _ = leads(browser, row).values()
    assert all("2 of 2 NAT rules are in use" in str(reason) for reason in (nat, forward))
    unused = builders.a_public_ip(vpc, "198.51.100.23")
    builders.limit(acme, nat_rule=9, load_balancer=1)
    nat, forward, balancer = leads(browser, unused).values()
    assert (nat, forward) == (None, None)
    assert "1 of 1 load balancers are in use" in str(balancer)
    Vpc.unscoped.filter(pk=vpc.pk).update(status=Status.REMOVING)
    builders.limit(acme, nat_rule=9)
    assert all("The VPC is being removed" in str(reason) for reason in leads(browser, row).values())
