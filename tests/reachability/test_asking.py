"""Asked over REST and on the page: the facts come from Weft's rows and the mirror, with their ages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.acls.models import TierAcl
from apps.addresses.models import PublicIp
from apps.kernel import clock
from apps.mirror.models import Kind, Reading
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from tests import builders
from tests.addresses.test_nat_api import Estate, a_forward, a_nat, a_rule
from tests.api.conftest import Api, problem_of

#: Who may come in: rule 1 lets HTTPS in from anywhere.
RULES: list[dict[str, Any]] = [
    {"action": "allow", "direction": "ingress", "protocol": "tcp", "cidrs": ["0.0.0.0/0"], "ports": "443"}
]
OURS = "D1-A2-Z1-V3"


class Scene(Estate):
    """An estate that both systems were seen to have a moment ago."""

    def seen(self, *rules: dict[str, Any], minutes: float = 0) -> None:
        at = clock.now() - timedelta(minutes=minutes)
        self.reads(*rules, at=at)
        zone, vpc = self.vpc.zone, self.vpc
        given = {"ipaddress": str(self.ip), "state": "Allocated", "forprovider": True}
        builders.mirrored(
            zone, Kind.CLOUDSTACK_ADDRESS, [uuid4()], data=given | {"vpcid": str(vpc.cloudstack_id)}, read_at=at
        )
        builders.mirrored(
            zone, Kind.NETRIS_VPC, [vpc.netris_id], data={"name": f"{OURS}-{vpc.remote_name}"}, read_at=at
        )
        there = {"name": f"{OURS}-{self.ip}/32", "prefix": f"{self.ip}/32", "vpc": {"id": 1}}
        builders.mirrored(zone, Kind.NETRIS_ADDRESS, [abs(hash(str(self.ip))) % 10**6], data=there, read_at=at)
        Reading.objects.filter(kind=Kind.CLOUDSTACK_INSTANCE).update(read_at=at)
        TierAcl.unscoped.update(read_at=at)

    def listed(self, rules: list[dict[str, Any]] = RULES) -> UUID:
        acl = builders.an_acl(self.vpc, f"{self.vpc.name}-list", rules)
        TierAcl.unscoped.create(
            id=self.tier.pk,
            tier=self.tier,
            tenant=self.vpc.tenant,
            acl=acl,
            status=Status.READY,
            is_applied=True,
            read_at=clock.now(),
        )
        return acl.pk

    def ask(self, **change: Any) -> dict[str, Any]:
        to = {"public_ip": str(self.ip.pk)}
        return {"from": {"internet": True}, "to": to, "protocol": "tcp", "port": 443} | change


@pytest.fixture
def scene(acme: Any, db: None) -> Scene:
    scene = Scene(acme, builders.a_zone())
    PublicIp.unscoped.update(acquired_at=clock.now() - timedelta(hours=1))
    return scene


@pytest.fixture
def api(acme: Any) -> Api:
    return Api(builders.a_token(acme))


@pytest.fixture
def ann(engineer: Any) -> Client:
    client = Client()
    client.force_login(engineer)
    return client


def asked(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("/reachability/", body)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_the_way_from_the_internet_to_an_instance_is_walked(api, scene):
    a_nat(scene)
    scene.listed()
    scene.seen(a_rule(0))
    told = asked(api, scene.ask())
    assert (told["verdict"], told["blocked_by"]) == ("reachable", None), told["hops"]
    assert [(hop["what"], hop["verdict"]) for hop in told["hops"]] == [
        ("Public IP 198.51.100.20", "reachable"),
        ("Static NAT of 198.51.100.20", "reachable"),
        ("Access list prod-list", "reachable"),
        ("Instance web-1", "reachable"),
    ]
    assert all(hop["url"].startswith("/t/acme/") for hop in told["hops"])
    assert asked(api, scene.ask(to={"instance": str(scene.instance)}))["verdict"] == "reachable"


def test_the_list_that_blocks_it_is_named_with_its_page(api, ann, scene):
    a_nat(scene)
    acl = scene.listed()
    scene.seen(a_rule(0))
    told = asked(api, scene.ask(port=22))
    assert told["verdict"] == "blocked"
    assert told["blocked_by"]["what"] == "Access list prod-list"
    assert told["blocked_by"] == told["hops"][-1]
    assert told["blocked_by"]["url"] == f"/t/acme/acls/{acl}/"
    assert ann.get(told["blocked_by"]["url"]).status_code == 200


def test_a_forward_leads_to_its_private_port(api, scene):
    a_forward(scene, 8000, 8000, private_first=443)
    scene.listed()
    scene.seen(a_rule(8000, dnatToPort=443))
    assert asked(api, scene.ask(port=8000))["verdict"] == "reachable"
    assert asked(api, scene.ask(port=443))["blocked_by"]["sentence"].startswith("No port forward of 198.51.100.20")


def test_behind_a_load_balancer_nothing_is_claimed(api, scene):
    PublicIp.unscoped.update(purpose="load_balancer")
    scene.listed()
    scene.seen()
    for to in ({"public_ip": str(scene.ip.pk)}, {"instance": str(scene.instance)}):
        told = asked(api, scene.ask(to=to))
        assert (told["verdict"], told["blocked_by"]) == ("unknown", None)
        assert "load balancer" in told["hops"][-1]["sentence"]


@pytest.mark.parametrize("minutes", [4, 30])
def test_old_readings_make_it_unknown_and_tell_their_age(minutes, api, scene):
    row = a_nat(scene)
    type(row).unscoped.update(settled_at=clock.now() - timedelta(hours=1))
    scene.listed()
    scene.seen(a_rule(0), minutes=minutes)
    told = asked(api, scene.ask())
    assert told["verdict"] == "unknown"
    hop = next(hop for hop in told["hops"] if hop["what"].startswith("Static NAT"))
    assert hop["sentence"] == f"The reading of NAT rules in Netris is {minutes} minutes old."
    assert "reachable" not in {hop["verdict"] for hop in told["hops"]}


def test_one_instance_reaches_another_of_its_tier(api, scene):
    other = builders.an_instance(scene.account, "web-2", tier=scene.tier, address="10.20.0.30")
    scene.seen()
    body = scene.ask(**{"from": {"instance": str(scene.instance)}, "to": {"instance": str(other)}})
    told = asked(api, body)
    assert told["verdict"] == "reachable", told["hops"]


def test_a_static_route_is_on_the_way(api, scene):
    builders.a_static_route(scene.tier)
    scene.listed()
    scene.seen()
    told = asked(api, scene.ask(**{"from": {"address": "192.168.50.7"}, "to": {"instance": str(scene.instance)}}))
    assert "Route to 192.168.50.0/24" in [hop["what"] for hop in told["hops"]]
    assert told["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": {}}, "from"),
        ({"from": {"internet": True, "address": "203.0.113.7"}}, "from"),
        ({"from": {"internet": False}}, "from"),
        ({"from": {"address": "x"}}, "from.address"),
        ({"from": {"instance": str(uuid4())}}, "from.instance"),
        ({"to": {}}, "to"),
        ({"to": {"instance": "x"}}, "to.instance"),
        ({"to": {"public_ip": str(uuid4())}}, "to.public_ip"),
        ({"protocol": "gre"}, "protocol"),
        ({"port": None}, "port"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"protocol": "icmp"}, "port"),
    ],
)
def test_what_cannot_be_asked_is_told_by_its_field(change, field, api, scene):
    problem = problem_of(api.post("/reachability/", scene.ask(**change)), 422)
    assert problem["field"] == field


def test_anothers_things_are_as_unknown_as_what_never_was(api, scene, globex):
    theirs = Scene(globex, scene.vpc.zone, "secret")
    for end, name, pk in (
        ("from", "instance", theirs.instance),
        ("to", "instance", theirs.instance),
        ("to", "public_ip", theirs.ip.pk),
    ):
        hidden = problem_of(api.post("/reachability/", scene.ask(**{end: {name: str(pk)}})), 422)
        assert hidden == problem_of(api.post("/reachability/", scene.ask(**{end: {name: str(uuid4())}})), 422)
        assert hidden["field"] == f"{end}.{name}"


def test_nothing_is_changed_and_it_costs_the_same_however_much_there_is(api, scene):
    a_nat(scene)
    scene.listed()
    scene.seen(a_rule(0))

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            asked(api, scene.ask())
        assert not [each for each in queries.captured_queries if each["sql"].startswith(("INSERT", "DELETE"))]
        return len(queries)

    cost()
    before = cost()
    for number in range(20):
        builders.a_tier(scene.vpc, f"tier-{number}", f"10.20.{number // 2 + 1}.{number % 2 * 128}/25")
        builders.an_instance(scene.account, f"more-{number}", tier=scene.tier, address=f"10.20.0.{100 + number}")
    assert cost() == before
    assert not Operation.unscoped.exists()


# --- the page ---------------------------------------------------------------------------------------------------------

PAGE = "/t/acme/reachability/"


def said(scene: Scene, **more: Any) -> dict[str, Any]:
    ends = {"source": "internet", "target": "public_ip", "target_public_ip": str(scene.ip.pk)}
    return ends | {"protocol": "tcp", "port": "443"} | more


def test_the_page_asks_and_tells_the_first_that_blocks_with_a_link(ann, scene):
    assert ann.get(PAGE).status_code == 200
    a_nat(scene)
    acl = scene.listed()
    scene.seen(a_rule(0))
    page = ann.get(PAGE, said(scene)).content.decode()
    assert "Reachable" in page
    page = ann.get(PAGE, said(scene, port="22")).content.decode()
    assert "Blocked" in page
    assert f"/t/acme/acls/{acl}/" in page
    assert "denies tcp 22 from the internet" in page


def test_the_page_keeps_what_was_said_and_names_the_field(ann, scene):
    answer = ann.get(PAGE, said(scene, source="address", source_address="nowhere", port=""))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "“nowhere” is no IPv4 address" in page
    assert "Give the port, 1 to 65535." in page
    assert 'value="nowhere"' in page


def test_the_page_is_opened_with_an_instance_chosen(ann, scene):
    page = ann.get(PAGE, {"target": "instance", "target_instance": str(scene.instance)})
    assert page.status_code == 200
    assert "web-1" in page.content.decode()
