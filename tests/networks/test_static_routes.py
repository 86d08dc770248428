"""Static routes over REST and on pages: what is asked for, refused, shown, and shown as applied or not; and where all
that leaves a VPC goes."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.kernel import clock
from apps.mirror.models import Item, Kind, Reading
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.networks.routes import effective
from apps.networks.routes.effective import Route
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.quotas.resources import STATIC_ROUTE
from apps.quotas.services import set_limits
from apps.tenancy.models import AuditEntry, Tenant, User
from apps.zones.models import Zone
from tests import builders
from tests.api.conftest import Api, problem_of

NETRIS_ID = 7
TO_OFFICE = {"name": "192.168.50.0/24", "next_hop": "10.20.0.9", "stateStatus": "active"}


@pytest.fixture
def site(db: None) -> Zone:
    return builders.a_zone()


@pytest.fixture
def api(acme: Tenant) -> Api:
    return Api(builders.a_token(acme))


@pytest.fixture
def vpc(acme: Tenant, site: Zone) -> Vpc:
    builders.an_account(acme, site)
    vpc = builders.a_vpc(acme, site, cloudstack_id=uuid4(), netris_id=NETRIS_ID, egress_ip="198.51.100.3")
    builders.a_tier(vpc, cloudstack_id=uuid4())
    builders.a_tier(vpc, "db", "10.20.1.0/24", Status.BUILDING)
    return vpc


@pytest.fixture
def ann(engineer: User) -> Client:
    client = Client()
    client.force_login(engineer)
    return client


def a_body(of: Vpc, **more: Any) -> dict[str, Any]:
    return {"vpc": str(of.pk), "destination": "192.168.50.0/24", "next_hop": "10.20.0.9"} | more


def a_route(vpc: Vpc, destination: str = "192.168.50.0/24", **fields: Any) -> StaticRoute:
    """One that came to rest a minute ago."""
    rested = {"settled_at": clock.now() - timedelta(minutes=1)}
    return builders.a_static_route(vpc.tiers.get(name="web"), destination, **(rested | fields))


def reads(vpc: Vpc, *routes: dict[str, Any], **ago: float) -> None:
    """Netris' routes of the VPC, as the mirror reads them."""
    at = clock.now() - timedelta(**ago)
    Item.objects.filter(kind=Kind.NETRIS_ROUTE).delete()
    Reading.objects.update_or_create(zone=vpc.zone, kind=Kind.NETRIS_ROUTE, defaults={"read_at": at})
    for number, route in enumerate(routes):
        here = {"vpc": {"id": NETRIS_ID}}
        builders.mirrored(vpc.zone, Kind.NETRIS_ROUTE, [number + 1], read_at=at, data=here | route)


# --- asked for --------------------------------------------------------------------------------------------------------


def test_a_route_is_asked_for_and_shown(api, vpc, acme):
    answer = api.post("/static-routes/", a_body(vpc))

    assert answer.status_code == 202, answer.content
    assert answer.json()["title"] == "Create static route"
    row = StaticRoute.unscoped.get()
    shown = api.get(f"/static-routes/{row.pk}/").json()
    assert answer.json()["resource"]["url"] == shown["url"]
    told = {name: shown[name] for name in ("destination", "next_hop", "status", "applied", "read_at")}
    assert told == {
        "destination": "192.168.50.0/24",
        "next_hop": "10.20.0.9",
        "status": "building",
        "applied": None,
        "read_at": None,
    }
    assert (shown["tier"]["name"], shown["vpc"]["id"]) == ("web", str(vpc.pk))
    assert AuditEntry.unscoped.get(action="static-route.create").tenant == acme
    assert Operation.unscoped.get().lane == vpc.lane
    assert api.get("/static-routes/?q=192.168.50.").json()["results"] == [shown]


def test_one_is_deleted_and_applied_again(api, vpc):
    row = a_route(vpc)
    assert api.post(f"/static-routes/{row.pk}/apply/").status_code == 202
    assert problem_of(api.delete(f"/static-routes/{row.pk}/"), 409)["code"] == "busy"
    Operation.unscoped.all().delete()
    StaticRoute.unscoped.update(status=Status.READY)
    assert api.delete(f"/static-routes/{row.pk}/").status_code == 202
    assert StaticRoute.unscoped.get().status == Status.REMOVING


# --- refused before anything is sent ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"vpc": str(uuid4())}, "vpc-unknown", "vpc"),
        ({"vpc": "x"}, "vpc-unknown", "vpc"),
        ({"destination": ""}, "cidr-missing", "destination"),
        ({"destination": "office"}, "cidr-malformed", "destination"),
        ({"destination": "192.168.50.7"}, "cidr-malformed", "destination"),
        ({"destination": "192.168.50.7/24"}, "cidr-host-bits", "destination"),
        ({"destination": "2001:db8::/64"}, "cidr-not-ipv4", "destination"),
        ({"destination": "0.0.0.0/0"}, "destination-everything", "destination"),
        ({"destination": "0.0.0.0/8"}, "destination-special", "destination"),
        ({"destination": "127.0.0.0/8"}, "destination-special", "destination"),
        ({"destination": "169.254.0.0/17"}, "destination-special", "destination"),
        ({"destination": "239.1.0.0/16"}, "destination-special", "destination"),
        ({"destination": "128.0.0.0/1"}, "destination-special", "destination"),
        ({"destination": "10.20.0.0/24"}, "destination-in-vpc", "destination"),
        ({"destination": "10.20.15.0/24"}, "destination-in-vpc", "destination"),
        ({"destination": "10.0.0.0/8"}, "destination-in-vpc", "destination"),
        ({"destination": "192.168.60.0/24"}, "routes-overlap", "destination"),
        ({"destination": "192.168.60.128/25"}, "routes-overlap", "destination"),
        ({"destination": "192.168.0.0/16"}, "routes-overlap", "destination"),
        ({"next_hop": ""}, "next-hop-missing", "next_hop"),
        ({"next_hop": "web-1"}, "next-hop-malformed", "next_hop"),
        ({"next_hop": "2001:db8::1"}, "next-hop-malformed", "next_hop"),
        ({"next_hop": "10.20.2.9"}, "next-hop-outside", "next_hop"),
        ({"next_hop": "192.0.2.1"}, "next-hop-outside", "next_hop"),
        ({"next_hop": "10.20.0.0"}, "next-hop-reserved", "next_hop"),
        ({"next_hop": "10.20.0.1"}, "next-hop-reserved", "next_hop"),
        ({"next_hop": "10.20.0.255"}, "next-hop-reserved", "next_hop"),
        ({"next_hop": "10.20.1.9"}, "not-now", "next_hop"),
    ],
)
def test_what_cloudstack_would_take_or_refuse_late_is_refused_at_once(change, code, field, api, vpc):
    a_route(vpc, "192.168.60.0/24")
    status = 409 if code == "not-now" else 422
    problem = problem_of(api.post("/static-routes/", a_body(vpc, **change)), status)
    assert (problem["code"], problem["field"]) == (code, field)
    assert not Operation.unscoped.exists()
    assert StaticRoute.unscoped.count() == 1


def test_all_that_is_wrong_is_told_at_once_with_the_way_out(api, vpc):
    problem = problem_of(api.post("/static-routes/", a_body(vpc, destination="10.20.0.0/16", next_hop="10.9.9.9")), 422)
    told = {each["field"]: each["detail"] for each in problem["errors"]}
    assert told["destination"] == "10.20.0.0/16 covers the VPC's own CIDR 10.20.0.0/20. Take a range outside it."
    assert "Take an address in one of its tiers: web (10.20.0.0/24), db (10.20.1.0/24)." in told["next_hop"]


def test_another_vpc_may_have_the_same_route(api, vpc, acme, site):
    a_route(vpc)
    other = builders.a_vpc(acme, site, "lab", cloudstack_id=uuid4(), netris_id=8)
    builders.a_tier(other)
    assert api.post("/static-routes/", a_body(other)).status_code == 202


def test_no_more_than_the_quota(api, vpc, acme):
    set_limits(acme, {STATIC_ROUTE: 1})
    assert api.post("/static-routes/", a_body(vpc)).status_code == 202
    problem = problem_of(api.post("/static-routes/", a_body(vpc, destination="192.168.60.0/24")), 422)
    assert problem["code"] == "quota-static-routes"


@pytest.mark.parametrize("status", [Status.BUILDING, Status.REMOVING, Status.STUCK])
def test_nothing_is_routed_in_a_vpc_that_is_not_ready(status, api, vpc):
    Vpc.unscoped.update(status=status)
    problem_of(api.post("/static-routes/", a_body(vpc)), 409)
    assert not StaticRoute.unscoped.exists()


def test_the_database_has_the_last_word(vpc, acme, site):
    a_route(vpc)
    with pytest.raises(IntegrityError, match="routes_do_not_overlap"), transaction.atomic():
        a_route(vpc, "192.168.0.0/16")
    StaticRoute.unscoped.update(status=Status.DELETED)
    a_route(vpc, "192.168.0.0/16")


# --- applied ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("routes", "ago", "applied"),
    [
        ([TO_OFFICE], {}, True),
        ([TO_OFFICE | {"stateStatus": "enabled"}], {}, True),
        ([], {}, False),
        ([TO_OFFICE | {"next_hop": "10.20.0.10"}], {}, False),
        ([TO_OFFICE | {"stateStatus": "disabled"}], {}, False),
        ([TO_OFFICE | {"name": "192.168.50.0/25"}], {}, False),
        ([TO_OFFICE | {"vpc": {"id": 8}}], {}, False),
        ([TO_OFFICE], {"minutes": 2}, None),
        ([], {"minutes": 2}, None),
    ],
)
def test_a_route_is_applied_when_a_fresh_list_of_netris_has_it_as_it_is_meant(routes, ago, applied, api, vpc):
    row = a_route(vpc)
    reads(vpc, *routes, **ago)
    assert api.get(f"/static-routes/{row.pk}/").json()["applied"] is applied


def test_a_list_that_is_too_old_tells_nothing_of_it(api, vpc):
    row = a_route(vpc, settled_at=clock.now() - timedelta(hours=1))
    reads(vpc, TO_OFFICE, minutes=4)
    assert api.get(f"/static-routes/{row.pk}/").json()["applied"] is None


# --- where everything goes --------------------------------------------------------------------------------------------


def test_the_table_of_routes_tells_where_everything_goes(api, vpc):
    row = a_route(vpc)
    reads(vpc, TO_OFFICE)
    routes = api.get(f"/vpcs/{vpc.pk}/routes/").json()["routes"]
    assert [(each["destination"], each["type"], each["via"], each["name"]) for each in routes] == [
        ("10.20.0.0/24", "tier", "directly connected", "web"),
        ("10.20.1.0/24", "tier", "directly connected", "db"),
        ("192.168.50.0/24", "static", "10.20.0.9", "web"),
        ("0.0.0.0/0", "source_nat", "source NAT as 198.51.100.3", "to the internet"),
    ]
    assert [each["static_route"] for each in routes] == [None, None, str(row.pk), None]
    # Of the VPC itself nothing was read, so nothing of it is called ready.
    assert [each["status"] for each in routes] == ["stale", "building", "ready", "stale"]
    assert routes[2]["read_at"] is not None


def test_other_apps_lead_elsewhere(api, vpc, monkeypatch):
    monkeypatch.setattr(effective, "_registered", [])
    monkeypatch.setattr(effective, "LABELS", dict(effective.LABELS))
    other = Route(IPv4Network("10.30.0.0/20"), "peering", "VPC peering", "lab", "", "ready")
    effective.register(lambda _vpc: [other], peering="Peering")
    routes = api.get(f"/vpcs/{vpc.pk}/routes/").json()["routes"]
    assert [each["type"] for each in routes] == ["tier", "tier", "peering", "source_nat"]
    assert other.label == "Peering"


def test_the_table_and_the_list_cost_the_same_however_many_there_are(api, ann, vpc):
    pages = ("/static-routes/", f"/vpcs/{vpc.pk}/routes/")

    def costs() -> list[int]:
        found = []
        for path in pages:
            with CaptureQueriesContext(connection) as queries:
                assert api.get(path).status_code == 200
            found.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            assert ann.get(f"/t/acme/vpcs/{vpc.pk}/routes/").status_code == 200
        return [*found, len(queries)]

    a_route(vpc)
    costs()
    one = costs()
    for number in range(60, 90):
        a_route(vpc, f"192.168.{number}.0/24")
    assert costs() == one
    assert one == [6, 13, 21]


# --- pages ------------------------------------------------------------------------------------------------------------


def text(client: Client, path: str, status: int = 200, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status, answer
    return answer.content.decode()


def test_the_tab_shows_the_table_and_a_route_that_netris_lacks_can_be_applied_again(ann, vpc):
    row, tab = a_route(vpc), f"/t/acme/vpcs/{vpc.pk}/routes/"
    reads(vpc, TO_OFFICE)
    page = text(ann, tab)
    for words in (
        "192.168.50.0/24",
        "10.20.0.9",
        "directly connected",
        "source NAT as 198.51.100.3",
        "everything else",
    ):
        assert words in page, words
    assert "Apply again" not in page

    reads(vpc)
    page = text(ann, tab, HX_Request="true")
    assert "Netris does not have it." in page
    assert "Not applied" in page
    answer = ann.post(f"/t/acme/static-routes/{row.pk}/apply/")
    assert answer.url == f"/t/acme/operations/{Operation.unscoped.get().pk}/"
    assert "Apply again" not in text(ann, tab)
    again = ann.post(f"/t/acme/static-routes/{row.pk}/apply/", follow=True)
    assert "Wait until it is over" in again.content.decode() or "under way" in again.content.decode()


def test_a_route_is_added_with_a_form_that_keeps_what_was_typed(ann, vpc):
    new = f"/t/acme/vpcs/{vpc.pk}/routes/new/"
    assert "10.20.0.0/24" in text(ann, new)
    answer = ann.post(new, {"destination": "10.20.0.0/24", "next_hop": "10.20.0.9"})
    assert answer.status_code == 422
    assert "lies in the VPC&#x27;s own CIDR" in answer.content.decode()
    assert 'value="10.20.0.9"' in answer.content.decode()
    assert ann.post(new, {"destination": "192.168.50.0/24", "next_hop": "10.20.0.9"}).status_code == 302
    assert StaticRoute.unscoped.get().tier.name == "web"


def test_what_goes_is_shown_before_it_goes(ann, vpc):
    row, tier = a_route(vpc), vpc.tiers.get(name="web")
    StaticRoute.unscoped.filter(pk=row.pk).update(status=Status.READY)
    Tier.unscoped.update(status=Status.READY)
    for path in (f"static-routes/{row.pk}", f"tiers/{tier.pk}", f"vpcs/{vpc.pk}"):
        page = text(ann, f"/t/acme/{path}/delete/")
        assert "192.168.50.0/24" in page, path
        assert "via 10.20.0.9 in the tier web" in page, path
    assert ann.post(f"/t/acme/static-routes/{row.pk}/delete/").status_code == 302
    assert StaticRoute.unscoped.get().status == Status.REMOVING


def test_without_a_tier_the_form_says_why_and_what_to_do(ann, acme, site):
    vpc = builders.a_vpc(acme, site, "empty")
    assert "there is no tier yet. Add one first." in text(ann, f"/t/acme/vpcs/{vpc.pk}/routes/new/")
