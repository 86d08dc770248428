"""What needs somebody is said on the overview, on the VPC's page and over REST: with the one step that helps, and only
while it is so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.acls.models import FRESH_FOR, TierAcl
from apps.addresses.models import PortForward, PublicIp, StaticNat
from apps.addresses.queries.nat import KIND
from apps.addresses.tasks import compare_all
from apps.balancers.models import Balancer
from apps.balancers.queries import KIND as BALANCERS
from apps.balancers.tasks import keep_all
from apps.kernel import clock
from apps.mirror.models import Item, Kind, Reading
from apps.networks.attention import MOST
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Role, Tenant
from apps.zones.models import Zone
from tests import builders
from tests.api.conftest import Api, problem_of
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_compared_yet() -> None:
    cache.clear()


@pytest.fixture
def vpc(acme: Tenant, place: Zone) -> Vpc:
    return builders.a_vpc(acme, place, "shop", "10.20.0.0/16", cloudstack_id=uuid4(), netris_id=7)


@pytest.fixture
def api(acme: Tenant) -> Api:
    return Api(builders.a_token(acme))


def told(api: Api, query: str = "") -> list[tuple[str, str, str]]:
    answer = api.get(f"/attention/{query}").json()
    return [(each["kind"], each["subject"], each["next_step"]) for each in answer["results"]]


def a_forward(vpc: Vpc, number: int = 20, **fields: Any) -> PortForward:
    tier = vpc.tiers.first() or builders.a_tier(vpc, "web", "10.20.1.0/24", cloudstack_id=uuid4())
    public = builders.a_public_ip(vpc, f"198.51.100.{number}")
    return builders.a_port_forward(public, tier, **({"settled_at": clock.now() - timedelta(minutes=9)} | fields))


def netris_has(vpc: Vpc, *forwards: PortForward) -> None:
    """At the next reading of its NAT rules."""
    Item.objects.filter(kind=KIND).delete()
    builders.mirrored(vpc.zone, KIND, [])
    for row in forwards:
        rule: dict[str, Any] = {
            "action": "DNAT",
            "protocol": row.protocol,
            "state": "enabled",
            "vpc": {"id": vpc.netris_id},
        }
        rule |= {"destinationAddress": f"{row.address}/32", "destinationPort": str(row.public_first)}
        rule |= {"dnatToIP": str(row.guest_address), "dnatToPort": row.private_first}
        builders.mirrored(vpc.zone, KIND, [uuid4().int % 10**9], data=rule)


# --- what Netris lacks ------------------------------------------------------------------------------------------------


def test_a_rule_that_netris_lacks_is_named_with_the_way_to_bring_it_back(ann: Browser, api: Api, vpc: Vpc) -> None:
    there, gone = a_forward(vpc), a_forward(vpc, 21)
    netris_has(vpc, there)
    assert told(api) == []

    assert compare_all() == 2

    assert told(api) == [("rule_not_applied", f"Port forward {gone}", "Apply again")]
    for page in ("/t/acme/", f"/t/acme/vpcs/{vpc.pk}/"):
        html = ann.get(page).content.decode()
        assert f"Port forward {gone}" in html and str(there) not in html.split("Last activity")[0], page
        assert f'action="/t/acme/port-forwards/{gone.pk}/apply/"' in html
    started = ann.post(f"/t/acme/port-forwards/{gone.pk}/apply/")
    assert "/operations/" in started.headers["Location"]
    assert told(api) == [], "it is seen to already"


def test_one_that_is_there_again_is_named_no_more_even_before_the_next_comparison(api: Api, vpc: Vpc) -> None:
    row = a_forward(vpc)
    netris_has(vpc)
    compare_all()
    assert len(told(api)) == 1

    netris_has(vpc, row)
    assert told(api) == []
    compare_all()
    row.refresh_from_db()
    assert row.missing_since is None


def test_a_reading_is_compared_once_and_one_that_is_too_old_never(vpc: Vpc) -> None:
    a_forward(vpc)
    netris_has(vpc)
    assert [compare_all(), compare_all()] == [1, 0]

    Reading.objects.filter(kind=KIND).update(read_at=clock.now() - KIND.fresh_for - timedelta(seconds=1))
    assert compare_all() == 0
    cache.clear()  # as when Redis is flushed
    netris_has(vpc)
    assert compare_all() == 1


def test_what_came_to_rest_after_the_reading_and_what_nothing_was_read_of_is_not_judged(vpc: Vpc, api: Api) -> None:
    netris_has(vpc)
    row = a_forward(vpc, settled_at=clock.now() + timedelta(seconds=1))
    compare_all()
    row.refresh_from_db()
    assert row.missing_since is None
    assert told(api) == []


def test_in_a_tier_that_sleeps_nothing_is_missing(vpc: Vpc, api: Api) -> None:
    row = a_forward(vpc)
    builders.mirrored(vpc.zone, Kind.CLOUDSTACK_NETWORK, [row.tier.cloudstack_id], data={"state": "Allocated"})
    netris_has(vpc)
    compare_all()
    assert told(api) == []


def test_static_nats_are_compared_too(vpc: Vpc, api: Api) -> None:
    row = a_forward(vpc)
    public = builders.a_public_ip(vpc, "198.51.100.30")
    static = builders.a_static_nat(public, row.tier, settled_at=clock.now() - timedelta(minutes=9))
    netris_has(vpc, row)
    assert compare_all() == 2
    assert told(api) == [("rule_not_applied", f"Static NAT {static}", "Apply again")]


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_that_was_changed_in_the_systems_is_named_while_that_was_read_lately(
    ann: Browser, api: Api, vpc: Vpc
) -> None:
    tier, acl = builders.a_tier(vpc, "web", "10.20.1.0/24"), builders.an_acl(vpc, "from outside")
    fields = {"tier": tier, "tenant": vpc.tenant, "acl": acl, "status": Status.READY}
    row = TierAcl.unscoped.create(pk=tier.pk, is_applied=False, read_at=clock.now(), **fields)

    assert told(api) == [("list_differs", "The access list of web", "Apply again")]
    html = ann.get("/t/acme/").content.decode()
    assert f'action="/t/acme/tiers/{tier.pk}/acl/again/"' in html and "from outside" in html

    for change in ({"read_at": clock.now() - FRESH_FOR - timedelta(seconds=1)}, {"is_applied": None}):
        TierAcl.unscoped.filter(pk=row.pk).update(is_applied=False, read_at=clock.now())
        TierAcl.unscoped.filter(pk=row.pk).update(**change)
        assert told(api) == []


# --- public IPs -------------------------------------------------------------------------------------------------------


def test_since_when_an_address_is_unused_writes_itself(vpc: Vpc) -> None:
    public = builders.a_public_ip(vpc)
    assert public.unused_since is not None
    row = builders.a_port_forward(public, builders.a_tier(vpc, "web", "10.20.1.0/24"))
    public.refresh_from_db()
    assert public.unused_since is None

    PortForward.unscoped.filter(pk=row.pk).update(status=Status.DELETED)
    public.refresh_from_db()
    assert public.unused_since is not None
    PublicIp.unscoped.filter(pk=public.pk).update(name="still unused", unused_since=clock.now() - timedelta(days=3))
    public.refresh_from_db()
    assert clock.now() - public.unused_since > timedelta(days=2)
    assert builders.a_public_ip(vpc, "198.51.100.44", Status.BUILDING).unused_since is None


def test_an_address_without_use_for_thirty_days_is_named(ann: Browser, api: Api, vpc: Vpc) -> None:
    public = builders.a_public_ip(vpc)
    for days, names in ((29, []), (31, [("address_unused", f"Public IP {public}", "Release")])):
        PublicIp.unscoped.filter(pk=public.pk).update(unused_since=clock.now() - timedelta(days=days))
        assert told(api) == names
    assert f'href="/t/acme/public-ips/{public.pk}/release/"' in ann.get("/t/acme/").content.decode()


# --- load balancers ---------------------------------------------------------------------------------------------------


def a_balancer(vpc: Vpc, number: int = 40, **fields: Any) -> Balancer:
    """With two members and a TCP check."""
    tier = vpc.tiers.first() or builders.a_tier(vpc, "web", "10.20.1.0/24", cloudstack_id=uuid4())
    public = builders.a_public_ip(vpc, f"198.51.100.{number}")
    known = {"settled_at": clock.now() - timedelta(minutes=9), "check_kind": "tcp", "check_timeout": 2}
    return builders.a_balancer(public, tier, members=2, **(known | fields))


def netris_balances(vpc: Vpc, *balancers: Balancer, failing: int = 0, gates: int = 2, **more: Any) -> None:
    """At the next reading: so many of the SoftGates find the last member of each down."""
    for kind in (BALANCERS, Kind.NETRIS_DEVICE):
        Item.objects.filter(zone=vpc.zone, kind=kind).delete()
        builders.mirrored(vpc.zone, kind, [])
    for gate in range(gates):
        alive = {"name": f"SoftGate-{gate + 1}", "type": "softgate", "lastSeen": clock.now().timestamp() * 1000}
        builders.mirrored(vpc.zone, Kind.NETRIS_DEVICE, [gate + 1], data=alive)
    for number, row in enumerate(balancers):
        members = list(row.members.all())
        backends = [
            {
                "ip": str(member.guest_address),
                "port": row.member_port,
                "stats": [
                    {"hardware": {"name": f"SoftGate-{gate + 1}"}, "response": "connection refused", "status": status}
                    for gate in range(gates)
                    for status in ["failed" if member is members[-1] and gate < failing else "ok"]
                ],
            }
            for member in members
        ]
        front = {"vpc": {"id": vpc.netris_id}, "protocol": "TCP", "ip": str(row.address), "port": row.port}
        check = {"TCP": {"timeOut": "2000"}} if row.check_kind == "tcp" else {}
        state = {"status": "enable", "healthCheck": check, "backendIps": backends}
        builders.mirrored(vpc.zone, BALANCERS, [number + 1], data=front | state | more)


def test_a_load_balancer_is_named_with_its_worst_member_while_that_does_not_answer(
    ann: Browser, api: Api, vpc: Vpc
) -> None:
    row = a_balancer(vpc)
    netris_balances(vpc, row)
    keep_all()
    assert told(api) == []

    netris_balances(vpc, row, failing=2)
    keep_all()

    assert told(api) == [("member_down", f"Load balancer {row}", "See its members")]
    [need] = api.get("/attention/").json()["results"]
    assert need["sentence"].startswith("SoftGate-1 and SoftGate-2 get “connection refused” from web-2;")
    assert need["since"] is not None and need["vpc"]["id"] == str(vpc.pk)
    for page in ("/t/acme/", f"/t/acme/vpcs/{vpc.pk}/"):
        assert f'href="/t/acme/load-balancers/{row.pk}/"' in ann.get(page).content.decode(), page

    netris_balances(vpc, row)
    assert told(api) == [], "it is looked at anew, before the next comparison"
    keep_all()
    row.refresh_from_db()
    assert row.down_since is None


def test_since_when_a_member_is_down_is_kept_and_old_readings_tell_nothing(api: Api, vpc: Vpc) -> None:
    row = a_balancer(vpc)
    netris_balances(vpc, row, failing=1)
    keep_all()
    Balancer.unscoped.update(down_since=clock.now() - timedelta(hours=1))
    keep_all()
    row.refresh_from_db()
    assert clock.now() - row.down_since > timedelta(minutes=59)

    Reading.objects.filter(kind=BALANCERS).update(read_at=clock.now() - BALANCERS.fresh_for - timedelta(seconds=1))
    keep_all()
    row.refresh_from_db()
    assert row.down_since is not None, "nobody has seen it well again"
    assert told(api) == []


def test_a_member_that_is_drained_may_be_down(api: Api, vpc: Vpc) -> None:
    row = a_balancer(vpc)
    netris_balances(vpc, row, failing=2)
    keep_all()
    row.members.filter(instance_name="web-2").update(drained=True)
    assert [kind for kind, _, _ in told(api)] != ["member_down"]
    keep_all()
    row.refresh_from_db()
    assert row.down_since is None


def test_one_that_the_systems_have_otherwise_is_named_and_applied_again(ann: Browser, api: Api, vpc: Vpc) -> None:
    row = a_balancer(vpc)
    netris_balances(vpc)
    keep_all()
    assert told(api) == [("balancer_differs", f"Load balancer {row}", "Apply again")]
    html = ann.get("/t/acme/").content.decode()
    assert "Netris does not have it." in html
    assert f'action="/t/acme/load-balancers/{row.pk}/apply/"' in html

    builders.mirrored(vpc.zone, Kind.CLOUDSTACK_NETWORK, [row.tier.cloudstack_id], data={"state": "Allocated"})
    assert told(api) == [], "no instance runs in its tier"
    netris_balances(vpc, row)
    keep_all()
    row.refresh_from_db()
    assert row.differs_since is None


def test_what_could_be_checked_and_is_not_is_named(ann: Browser, api: Api, vpc: Vpc) -> None:
    nothing = {"check_kind": "none", "check_timeout": 0}
    row = a_balancer(vpc, **nothing)
    a_balancer(vpc, 41, protocol="udp", port=53, **nothing)
    a_balancer(vpc, 42)
    a_balancer(vpc, 43, status=Status.BUILDING, **nothing)
    assert told(api) == [("balancer_unchecked", f"Load balancer {row}", "Set a health check")]
    page = ann.get("/t/acme/").content.decode()
    assert f'href="/t/acme/load-balancers/{row.pk}/"' in page
    assert "never read" not in page.partition('id="attention"')[2].partition("</ul>")[0]


def test_load_balancers_are_named_to_their_tenant_alone_and_for_their_vpc(
    api: Api, vpc: Vpc, acme: Tenant, place: Zone
) -> None:
    other = builders.a_vpc(acme, place, "other", "10.20.0.0/16", cloudstack_id=uuid4(), netris_id=8)
    rows = [a_balancer(vpc), a_balancer(other, 41), a_balancer(other, 42, check_kind="none", check_timeout=0)]
    netris_balances(vpc, rows[0], failing=1)
    keep_all()
    assert [kind for kind, _, _ in told(api)] == [
        "member_down",
        "balancer_differs",
        "balancer_differs",
        "balancer_unchecked",
    ]
    assert [kind for kind, _, _ in told(api, f"?vpc={vpc.pk}")] == ["member_down"]
    assert told(Api(builders.a_token(Tenant.objects.get(slug="globex")))) == []


def test_many_load_balancers_cost_no_more_queries(api: Api, vpc: Vpc) -> None:
    counts = []
    for count in (1, 2 * MOST):
        Balancer.unscoped.all().delete()
        PublicIp.unscoped.all().delete()
        down = [a_balancer(vpc, 20 + number) for number in range(count)]
        for number in range(count):
            a_balancer(vpc, 60 + number)
            a_balancer(vpc, 100 + number, check_kind="none", check_timeout=0)
        netris_balances(vpc, *down, failing=1)
        keep_all()
        api.get("/attention/")
        with CaptureQueriesContext(connection) as queries:
            answer = api.get("/attention/").json()
        counts.append(len(queries))
        assert len(answer["results"]) == (min(count, MOST) + min(2 * count, MOST) + min(count, MOST))
        assert answer["has_more"] is (count > MOST)
    assert counts[0] == counts[1], counts


# --- whose, and how much ----------------------------------------------------------------------------------------------


def test_others_hear_nothing_of_it_and_who_may_only_look_gets_no_button(
    acme: Tenant, vpc: Vpc, api: Api, place: Zone
) -> None:
    globex = Tenant.objects.get(slug="globex")
    a_forward(vpc)
    netris_has(vpc)
    compare_all()
    theirs = Api(builders.a_token(globex))
    assert told(theirs) == []
    assert problem_of(theirs.get(f"/attention/?vpc={vpc.pk}"), 422)["code"] == "vpc-unknown"
    assert problem_of(theirs.get("/attention/?tenant=acme"), 422)["code"] == "tenant-unknown"
    platform = Api(builders.a_token(None))
    assert len(told(platform, "?tenant=acme")) == len(told(platform, f"?vpc={vpc.pk}")) == 1
    assert told(platform, f"?tenant=globex&vpc={vpc.pk}") == []

    viewer = Client()
    viewer.force_login(builders.a_member(acme, Role.VIEWER))
    html = viewer.get("/t/acme/").content.decode()
    assert "Needs attention" in html and "/apply/" not in html


def test_only_what_lies_in_the_vpc_is_named_for_it(api: Api, vpc: Vpc, acme: Tenant, place: Zone) -> None:
    other = builders.a_vpc(acme, place, "other", "10.30.0.0/16", cloudstack_id=uuid4(), netris_id=8)
    for each in (vpc, other):
        public = builders.a_public_ip(each, f"198.51.100.{each.netris_id}")
        PublicIp.unscoped.filter(pk=public.pk).update(unused_since=clock.now() - timedelta(days=31))
    assert [subject for _, subject, _ in told(api, f"?vpc={other.pk}")] == ["Public IP 198.51.100.8"]


def test_it_costs_the_same_however_much_there_is_and_says_that_there_is_more(ann: Browser, api: Api, vpc: Vpc) -> None:
    counts = []
    for count in (2, 2 * MOST):
        StaticNat.unscoped.all().delete()
        PortForward.unscoped.all().delete()
        PublicIp.unscoped.all().delete()
        for number in range(count):
            a_forward(vpc, 20 + number)
            public = builders.a_public_ip(vpc, f"198.51.100.{120 + number}")
            PublicIp.unscoped.filter(pk=public.pk).update(unused_since=clock.now() - timedelta(days=31))
        netris_has(vpc)
        compare_all()
        api.get("/attention/")
        with CaptureQueriesContext(connection) as queries:
            answer = api.get("/attention/").json()
        counts.append(len(queries))
        assert answer["has_more"] is (count > MOST)
        assert len(answer["results"]) == 2 * min(count, MOST)
    assert counts[0] == counts[1] == 17, counts
    assert "There is more of it" in ann.get("/t/acme/").content.decode()
