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
from apps.balancers.models import Balancer
from apps.kernel import clock
from apps.mirror.models import Item, Kind, Reading
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


# --- load balancers ---------------------------------------------------------------------------------------------------


class Shop:
    """A load balancer of the scene's address, at port 443, before web-1 at 8443; and what Netris has of it."""

    def __init__(self, scene: Scene, **fields: Any) -> None:
        self.scene = scene
        settled = {"settled_at": clock.now() - timedelta(hours=1)}
        self.row = builders.a_balancer(scene.ip, scene.tier, members=0, **(settled | fields))
        self.add(scene.instance, "web-1", "10.20.0.11")
        scene.listed([RULES[0] | {"ports": "8443"}])
        scene.seen()
        builders.mirrored(scene.vpc.zone, Kind.NETRIS_VPC, [1], data={"name": "vpc-1", "isSystem": True})

    def add(self, instance: UUID, name: str, address: str) -> None:
        self.row.members.create(instance_id=instance, instance_name=name, guest_address=address)

    def read(self, *probes: str, seconds: float = 0, **more: Any) -> None:
        """Netris has it just so, and its SoftGates have found this of each member."""
        zone, row = self.scene.vpc.zone, self.row
        at = clock.now() - timedelta(seconds=seconds)
        for kind in (Kind.NETRIS_BALANCER, Kind.NETRIS_DEVICE, Kind.NETRIS_ACL):
            Item.objects.filter(zone=zone, kind=kind).delete()
            builders.mirrored(zone, kind, [], read_at=at)
        said = dict(zip((str(each.guest_address) for each in row.members.all()), probes, strict=False))
        backends = [
            {"ip": str(each.guest_address), "port": row.member_port, **self._probe(said.get(str(each.guest_address)))}
            for each in row.members.filter(drained=False)
        ]
        front = {"vpc": {"id": row.vpc.netris_id}, "protocol": "TCP", "ip": str(row.address), "port": row.port}
        check = {"healthCheck": {"TCP": {"timeOut": "2000"}} if row.check_kind == "tcp" else {}, "status": "enable"}
        builders.mirrored(
            zone, Kind.NETRIS_BALANCER, [1], read_at=at, data=front | check | {"backendIps": backends} | more
        )
        gate = {"name": "SoftGate-1", "type": "softgate", "lastSeen": int(clock.now().timestamp() * 1000)}
        builders.mirrored(zone, Kind.NETRIS_DEVICE, [1], read_at=at, data=gate)

    def _probe(self, status: str | None) -> dict[str, Any]:
        if status is None:
            return {}
        word = "OK" if status == "ok" else "connection refused"
        return {"stats": [{"hardware": {"name": "SoftGate-1"}, "status": {"value": status}, "response": word}]}

    def lets_in(self, *rules: tuple[str, str]) -> None:
        """Rules of the System VPC about its port: action and source of each."""
        for number, (action, source) in enumerate(rules):
            data = {"vpc": {"id": 1}, "action": action, "proto": "tcp", "src_prefix": source, "dst_port_from": 443}
            data |= {"dst_prefix": f"{self.row.address}/32", "dst_port_to": 443, "status": "enabled"}
            builders.mirrored(self.scene.vpc.zone, Kind.NETRIS_ACL, [number + 1], data=data)

    def ask(self, **more: Any) -> dict[str, Any]:
        return self.scene.ask(**({"to": {"load_balancer": str(self.row.pk)}} | more))


CHECKED = {"check_kind": "tcp", "check_timeout": 2}


def test_the_way_through_a_load_balancer_is_walked(api, scene):
    shop = Shop(scene)
    shop.read()
    for to in ({"load_balancer": str(shop.row.pk)}, {"public_ip": str(scene.ip.pk)}):
        told = asked(api, scene.ask(to=to))
        assert (told["verdict"], told["blocked_by"]) == ("reachable", None), told["hops"]
        assert [(hop["what"], hop["sentence"]) for hop in told["hops"][1:]] == [
            ("Load balancer shop", "It passes tcp 443 on to port 8443."),
            ("Allowed sources of shop", "It lets in the internet."),
            ("Access list prod-list", "Rule 1 allows tcp 8443 from the internet."),
            ("Instance web-1", "web-1 runs."),
        ]
    to_member = asked(api, scene.ask(to={"instance": str(scene.instance)}, port=8443))
    assert to_member["hops"] == told["hops"][1:]
    assert asked(api, scene.ask(to={"instance": str(scene.instance)}, port=443))["verdict"] == "blocked"


def test_a_port_that_is_left_out_is_the_load_balancers_own(api, scene):
    shop = Shop(scene)
    shop.read()
    assert asked(api, shop.ask(port=None))["verdict"] == "reachable"
    assert problem_of(api.post("/reachability/", shop.ask(port=None, protocol="udp")), 422)["field"] == "port"
    blocked = asked(api, shop.ask(port=80))["blocked_by"]["sentence"]
    assert blocked == "No load balancer of 198.51.100.20 takes tcp 80. There is shop at tcp 443."


def test_a_member_that_no_softgate_reaches_blocks_with_what_to_look_at(api, scene):
    shop = Shop(scene, **CHECKED)
    shop.read("ok")
    assert asked(api, shop.ask())["hops"][-1]["sentence"] == "web-1 answers."
    shop.read("failed")
    told = asked(api, shop.ask())["blocked_by"]
    assert told["what"] == "Member web-1"
    assert told["sentence"].endswith("the instance runs, the list allows it: look at the service.")
    other = builders.an_instance(scene.account, "web-2", tier=scene.tier, address="10.20.0.30")
    shop.add(other, "web-2", "10.20.0.30")
    shop.read("failed", "ok")
    told = asked(api, shop.ask())
    assert told["verdict"] == "reachable"
    assert told["hops"][-1]["sentence"].startswith("1 of 2 members in rotation can be reached. SoftGate-1 gets")


@pytest.mark.parametrize(
    ("change", "what", "words"),
    [
        ({"status": "disable"}, "Load balancer shop", "It is disabled on Netris. Apply it again."),
        ({"protocol": "UDP"}, "Load balancer shop", "Netris calls it UDP, and it is TCP."),
        ({"port": 444}, "Load balancer shop", "Netris does not have it. Apply it again."),
        ({"backendIps": []}, "Member web-1", "Netris sends nothing to web-1."),
    ],
)
def test_what_netris_lacks_of_it_blocks(change, what, words, api, scene):
    shop = Shop(scene)
    shop.read(**change)
    told = asked(api, shop.ask())["blocked_by"]
    assert (told["what"], words in told["sentence"]) == (what, True), told


def test_to_whom_netris_also_sends_is_not_followed(api, scene):
    shop = Shop(scene)
    shop.row.members.update(drained=True)
    shop.read(backendIps=[{"ip": "10.20.0.11", "port": 8443}])
    told = asked(api, shop.ask())
    assert (told["verdict"], told["hops"][2]["what"]) == ("unknown", "Allowed sources of shop")
    assert "Netris also sends to 10.20.0.11:8443" in told["hops"][3]["sentence"]


def test_in_a_tier_that_sleeps_it_is_not_on_netris(api, scene):
    shop = Shop(scene)
    shop.read(ip="198.51.100.99")
    builders.mirrored(scene.vpc.zone, Kind.CLOUDSTACK_NETWORK, [scene.tier.cloudstack_id], data={"state": "Allocated"})
    told = asked(api, shop.ask())["blocked_by"]["sentence"]
    assert told == "Netris does not have it. Start an instance of its tier."


@pytest.mark.parametrize("settled", [timedelta(hours=1), timedelta(0)])
def test_what_was_read_of_it_too_long_ago_or_before_its_change_says_nothing(settled, api, scene):
    shop = Shop(scene, settled_at=clock.now() - settled)
    shop.read(seconds=40 if settled else 20)
    told = asked(api, shop.ask())
    assert told["verdict"] == "unknown"
    said = "not read on Netris since" if not settled else "reading of Netris' load balancers is 40 seconds old"
    assert said in told["hops"][1]["sentence"]


OFFICE, ANYBODY = "203.0.113.0/24", "0.0.0.0/0"


@pytest.mark.parametrize(
    ("site", "allowed", "rules", "office", "others"),
    [
        ("allow", [], [], "reachable", "reachable"),
        ("allow", [], [("deny", ANYBODY)], "unknown", "unknown"),
        ("allow", [OFFICE], [("deny", ANYBODY), ("permit", OFFICE)], "reachable", "blocked"),
        ("allow", [OFFICE], [("deny", ANYBODY)], "unknown", "unknown"),
        ("allow", [OFFICE], [("permit", OFFICE)], "unknown", "unknown"),
        ("deny", [OFFICE], [("permit", OFFICE)], "reachable", "blocked"),
        ("deny", [], [("permit", ANYBODY)], "reachable", "reachable"),
        ("deny", [], [], "unknown", "unknown"),
    ],
)
def test_who_may_connect_is_told_by_the_rules_that_netris_has(site, allowed, rules, office, others, api, scene):
    shop = Shop(scene, allowed_cidrs=allowed)
    Balancer.unscoped.update(site_default=site)
    shop.read()
    shop.lets_in(*rules)
    found = [asked(api, shop.ask(**{"from": {"address": each}}))["verdict"] for each in ("203.0.113.9", "198.18.0.1")]
    assert found == [office, others]


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
        ({"to": {"load_balancer": str(uuid4())}}, "to.load_balancer"),
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
    balancer = builders.a_balancer(theirs.ip, theirs.tier)
    for end, name, pk in (
        ("from", "instance", theirs.instance),
        ("to", "instance", theirs.instance),
        ("to", "public_ip", theirs.ip.pk),
        ("to", "load_balancer", balancer.pk),
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


def test_many_load_balancers_and_members_cost_no_more_queries(api, scene):
    def cost(to: dict[str, str], port: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            asked(api, scene.ask(to=to, port=port))
        return len(queries)

    def costs() -> list[int]:
        ends = ({"load_balancer": str(shop.row.pk)}, {"public_ip": str(scene.ip.pk)})
        return [*(cost(to, 443) for to in ends), cost({"instance": str(scene.instance)}, 8443)]

    shop = Shop(scene)
    builders.a_balancer(scene.ip, scene.tier, 999).members.update(instance_id=scene.instance)
    shop.read()
    costs()
    before = costs()
    for number in range(12):
        other = builders.a_balancer(scene.ip, scene.tier, 1000 + number, members=9)
        other.members.create(instance_id=scene.instance, instance_name="web-1", guest_address="10.20.0.11")
    for number in range(10):
        name, address = f"more-{number}", f"10.20.0.{100 + number}"
        shop.add(builders.an_instance(scene.account, name, tier=scene.tier, address=address), name, address)
    shop.read()
    assert costs() == before


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


def test_the_page_asks_about_a_load_balancer(ann, scene):
    shop = Shop(scene, allowed_cidrs=["203.0.113.0/24"])
    shop.read()
    shop.lets_in(("deny", ANYBODY), ("permit", OFFICE))
    asking = {"target": "load_balancer", "target_load_balancer": str(shop.row.pk), "port": ""}
    page = ann.get(PAGE, said(scene, **asking)).content.decode()
    assert "Blocked" in page
    assert "Only 203.0.113.0/24 may connect" in page
    assert f'<option value="{shop.row.pk}" selected>shop at 198.51.100.20:443 (TCP)</option>' in page
    answer = ann.get(PAGE, said(scene, **asking | {"target_load_balancer": str(uuid4())}))
    assert answer.status_code == 422
    assert "There is no such load balancer." in answer.content.decode()


def test_the_page_is_opened_with_an_instance_chosen(ann, scene):
    page = ann.get(PAGE, {"target": "instance", "target_instance": str(scene.instance)})
    assert page.status_code == 200
    assert "web-1" in page.content.decode()
