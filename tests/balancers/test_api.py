"""The REST API of load balancers: what is asked for, what is refused, and what is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.acls.models import TierAcl
from apps.addresses.models import PublicIp, Purpose
from apps.balancers.models import Balancer
from apps.balancers.queries import judged
from apps.balancers.tasks import keep_all
from apps.kernel import clock
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.services import refresh
from apps.networks.models import Vpc
from apps.networks.services import create_vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.api.conftest import Api
from tests.balancers.test_recipe import TCP, shown
from tests.builders import BY, a_vpc_spec

BODY = {"name": "shop", "protocol": "tcp", "port": 443, "member_port": 8443, "health_check": TCP}


@pytest.fixture
def api(acme: Any) -> Api:
    return Api(builders.a_token(acme))


def body(place: Any, *members: int, **more: Any) -> dict[str, Any]:
    chosen = [{"instance": str(place.ids[number])} for number in members or (0, 1)]
    return BODY | {"vpc": str(place.vpc.pk), "members": chosen} | more


def done(place: Any, answer: Any) -> Operation:
    assert answer.status_code == 202, answer.content
    operation = Operation.unscoped.get(pk=answer.json()["id"])
    place.done(operation)
    return operation


def made(place: Any, api: Api, **more: Any) -> dict[str, Any]:
    ip = place.public_ip()
    done(place, api.post("/load-balancers/", body(place, public_ip=str(ip.pk), **more)))
    return read(api)


def read(api: Api) -> dict[str, Any]:
    [found] = api.get("/load-balancers/").json()["results"]
    return found


def see(place: Any) -> None:
    """The mirror reads what the page shows."""
    place.clock.shift(timedelta(seconds=12))
    for kind in (Kind.NETRIS_DEVICE, Kind.NETRIS_VPC, Kind.NETRIS_ACL, Kind.CLOUDSTACK_INSTANCE, Kind.NETRIS_BALANCER):
        refresh(place.zone, kind, place.watch.clouds_of(place.zone))


def test_one_is_made_watched_broken_drained_repaired_and_deleted(place, api, tell):
    found = made(place, api)
    assert (found["configured"]["verdict"], found["working"]["verdict"]) == ("unknown", "unknown")
    see(place)

    found = read(api)
    assert (found["configured"]["verdict"], found["working"]["verdict"]) == ("configured", "healthy"), found
    assert [gate["verdict"] for member in found["members"] for gate in member["softgates"]] == ["healthy"] * 4
    assert found["health_check"] == {"type": "tcp", "path": "", "timeout_seconds": 2}

    [first, second] = found["members"]
    tell(first["instance"]["id"], "refuse", port=8443)
    place.clock.shift(timedelta(seconds=30))
    see(place)
    found = read(api)
    assert found["working"]["verdict"] == "degraded"
    seen = f"“connection refused” from {first['instance']['name']}; the instance runs"
    assert seen in found["working"]["sentence"]
    [broken, _] = found["members"]
    assert {gate["verdict"] for gate in broken["softgates"]} == {"down"}

    member = f"/load-balancers/{found['id']}/members/{first['id']}/"
    done(place, api.patch(member, {"drained": True}))
    see(place)
    found = read(api)
    assert (found["working"]["verdict"], found["members"][0]["drained"]) == ("healthy", True)
    assert api.patch(member, {"drained": True}).status_code == 200

    done(place, api.patch(member, {"drained": False}))
    done(place, api.delete(f"/load-balancers/{found['id']}/members/{second['id']}/"))
    assert [each["id"] for each in read(api)["members"]] == [first["id"]]
    done(place, api.post(f"/load-balancers/{found['id']}/members/", {"instance": str(place.ids[1])}))
    assert len(read(api)["members"]) == 2
    done(place, api.delete(f"/load-balancers/{found['id']}/"))
    assert api.get("/load-balancers/").json()["results"] == []


def test_what_nobody_reads_any_more_is_grey(place, api):
    made(place, api)
    see(place)
    assert read(api)["working"]["verdict"] == "healthy"

    place.clock.shift(timedelta(minutes=10))

    found = read(api)
    assert (found["configured"]["verdict"], found["working"]["verdict"]) == ("unknown", "unknown")
    assert found["working"]["sentence"] == "The reading of Netris' load balancers is 10 minutes old."
    assert {gate["verdict"] for member in found["members"] for gate in member["softgates"]} == {"stale"}


def test_a_rule_of_its_sources_that_somebody_took_away_is_told_and_made_again(place, api):
    made(place, api, allowed_cidrs=["192.0.2.0/24"])
    see(place)
    assert read(api)["configured"] | {"read_at": ""} == {
        "verdict": "configured",
        "sentence": "Netris has it as it is meant.",
        "read_at": "",
    }
    netris = place.watch.clouds_of(place.zone).netris
    system = next(each for each in netris.vpcs() if each.is_system)
    [deny] = [rule for rule in netris.acls(system.id) if rule.name.startswith("weft-lb-") and rule.action == "deny"]
    netris.delete_acl(deny.id, netris_tenant_id=system.admin_tenant.id)
    see(place)

    found = read(api)
    assert found["configured"]["verdict"] == "differs"
    assert found["configured"]["sentence"] == "Netris has other rules of who may connect."
    keep_all()
    assert Balancer.unscoped.get().differs_since is not None
    done(place, api.post(f"/load-balancers/{found['id']}/apply/"))
    see(place)
    assert read(api)["configured"]["verdict"] == "configured"


def test_in_a_tier_that_sleeps_it_is_dormant_and_nothing_is_offered(place, api):
    made(place, api)
    see(place)
    facts = {"state": "Allocated", "vpcid": str(place.vpc.cloudstack_id)}
    builders.mirrored(place.zone, Kind.CLOUDSTACK_NETWORK, [place.tier.cloudstack_id], data=facts, read_at=clock.now())
    assert read(api)["configured"]["verdict"] == "configured"  # as long as Netris has it
    Item.objects.filter(kind=Kind.NETRIS_BALANCER).delete()
    found = read(api)
    assert (found["configured"]["verdict"], found["working"]["verdict"]) == ("dormant", "unknown")
    assert "puts it back when one starts" in found["configured"]["sentence"]


def test_without_a_public_ip_an_unused_one_of_the_vpc_is_taken(place, api):
    ip = place.public_ip()
    done(place, api.post("/load-balancers/", body(place)))
    assert read(api)["public_ip"]["id"] == str(ip.pk)
    assert type(ip).unscoped.get(pk=ip.pk).purpose == Purpose.LOAD_BALANCER


def test_where_none_is_unused_a_new_one_is_acquired_before(place, api):
    place.see(Kind.CLOUDSTACK_ADDRESS)
    answer = api.post("/load-balancers/", body(place))
    [acquiring, making] = Operation.unscoped.running().order_by("place")
    assert (acquiring.kind, making.kind, acquiring.lane) == ("public-ip", "load-balancer", making.lane)
    assert answer.json()["id"] == str(making.pk)
    place.done(acquiring)
    done(place, answer)
    see(place)

    found = read(api)
    ip = PublicIp.unscoped.get(pk=found["public_ip"]["id"])
    assert (ip.status, ip.purpose, ip.name) == (Status.READY, Purpose.LOAD_BALANCER, "shop")
    assert (found["status"], found["working"]["verdict"]) == ("ready", "healthy")


def test_when_no_new_one_can_be_acquired_nothing_of_both_stays(place, api):
    other = create_vpc(place.acme, a_vpc_spec(place.zone, "other", "10.99.0.0/20", tiers=()), by=BY)
    assert place.run(other).phase == Phase.SUCCEEDED
    place.see(Kind.CLOUDSTACK_ADDRESS)
    assert api.post("/load-balancers/", body(place)).status_code == 202
    [acquiring, making] = Operation.unscoped.running().order_by("place")
    address = PublicIp.unscoped.get(pk=acquiring.resource_id).address
    place.cloudstack.acquire_public_ip(address, vpc_id=str(Vpc.unscoped.get(name="other").cloudstack_id))
    place.clock.shift(timedelta(seconds=30))
    place.world.cloudstack.run_due_jobs()

    acquiring, making = place.run(acquiring), place.run(making)

    assert {each.phase for each in (acquiring, making)} == {Phase.ROLLED_BACK}
    assert f"The public IP {address} was not acquired" in making.error
    assert not Balancer.unscoped.live().exists()
    assert not PublicIp.unscoped.live().filter(vpc=place.vpc).exclude(purpose=Purpose.SOURCE_NAT).exists()
    assert not [rule for rule in place.watch.clouds_of(place.zone).netris.acls(1) if "weft-lb" in rule.name]


def test_what_is_changed_and_what_is_so_already(place, api):
    found = made(place, api)
    one = f"/load-balancers/{found['id']}/"
    assert api.patch(one, {"name": "store"}).json()["name"] == "store"
    assert api.patch(one, {"port": 443, "health_check": TCP}).status_code == 200
    refused = api.patch(one, {"name": "x", "port": 444})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "name-alone")

    done(place, api.patch(one, {"allowed_cidrs": ["192.0.2.0/24"], "health_check": {"type": "none"}}))
    see(place)
    found = read(api)
    assert (found["allowed_cidrs"], found["health_check"]["type"]) == (["192.0.2.0/24"], "none")
    assert (found["configured"]["verdict"], found["working"]["verdict"]) == ("configured", "unprobed")
    assert found["working"]["sentence"].startswith("Nobody checks these members")
    done(place, api.patch(one, {"protocol": "udp"}))
    assert shown(place)[0][0] == "UDP"


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"protocol": "ssl"}, "protocol", "protocol-unknown"),
        ({"port": 70000}, "port", "max-value"),
        ({"members": []}, "members", "members-missing"),
        ({"members": [{"instance": str(uuid4())}]}, "members", "instance-unknown"),
        ({"allowed_cidrs": ["10.0.0.1/8"]}, "allowed_cidrs", "range-malformed"),
        ({"protocol": "udp"}, "health_check", "check-needs-tcp"),
        ({"health_check": {"type": "grpc"}}, "health_check", "check-unknown"),
        ({"health_check": {"type": "none", "path": "/up"}}, "health_check", "check-none"),
        ({"health_check": {"type": "none", "timeout_seconds": 3}}, "health_check", "check-none"),
        ({"health_check": {"type": "http", "path": "up"}}, "health_check", "check-path"),
        ({"health_check": {"type": "tcp", "path": "/"}}, "health_check", "check-path"),
        ({"health_check": {"type": "http", "path": "/\N{SNOWMAN}"}}, "health_check", "check-path"),
        ({"name": ""}, "name", "name-missing"),
        ({"vpc": str(uuid4())}, "vpc", "vpc-unknown"),
        ({"public_ip": str(uuid4())}, "public_ip", "public-ip-unknown"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(place, api, change, field, code):
    place.public_ip()
    answer = api.post("/load-balancers/", body(place) | change)
    told = [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert answer.status_code == 422
    assert field in {each[0].partition(".")[0] for each in told}, told
    assert code in {each[1] for each in told}, told
    assert not Balancer.unscoped.exists()


def test_a_port_is_balanced_once_and_an_address_serves_one_purpose(place, api):
    ip = place.public_ip()
    answer = api.post("/load-balancers/", body(place, public_ip=str(ip.pk)))
    done(place, answer)
    assert answer.json()["resource"]["url"] == read(api)["url"]
    taken = api.post("/load-balancers/", body(place, public_ip=str(ip.pk)))
    assert taken.json()["errors"][0]["code"] == "port-taken"
    forward = {"public_ip": str(ip.pk), "instance": str(place.ids[0]), "protocol": "tcp", "public_ports": "22"}
    assert api.post("/port-forwards/", forward).json()["errors"][0]["code"] == "address-in-use"
    done(place, api.post("/load-balancers/", body(place, public_ip=str(ip.pk), port=444)))
    assert len(shown(place)) == 2


def test_a_port_to_which_another_one_is_being_moved_is_taken(place, api):
    found = made(place, api)
    ip = found["public_ip"]["id"]
    done(place, api.post("/load-balancers/", body(place, 1, public_ip=ip, name="other", port=444)))
    first, other = Balancer.unscoped.get(name="shop"), Balancer.unscoped.get(name="other")
    moved = api.patch(f"/load-balancers/{first.pk}/", {"port": 8080})
    for answer in (
        api.post("/load-balancers/", body(place, 1, public_ip=ip, name="third", port=8080)),
        api.patch(f"/load-balancers/{other.pk}/", {"port": 8080}),
        api.patch(f"/load-balancers/{other.pk}/", {"port": 443}),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "port-taken"), answer.content
    done(place, moved)
    done(place, api.patch(f"/load-balancers/{other.pk}/", {"port": 443}))
    assert sorted(each[1] for each in shown(place)) == [443, 8080]


# --- what CloudStack resets -------------------------------------------------------------------------------------------


def test_a_reset_is_noticed_shown_put_back_and_told(place, api):
    ip = place.public_ip()
    done(place, api.post("/load-balancers/", body(place, 0, public_ip=str(ip.pk))))
    see(place)
    assert keep_all() == []
    [rule] = place.cloudstack.balancer_rules_of(str(ip.cloudstack_id))
    place.cloudstack.assign_members(rule.id, [str(place.ids[1])])
    place.clock.shift(timedelta(seconds=30))
    place.world.cloudstack.run_due_jobs()
    see(place)
    found = read(api)
    assert found["configured"]["verdict"] == "differs"
    assert "Netris has no health check, and TCP is meant." in found["configured"]["sentence"]
    assert found["working"]["verdict"] == "unprobed"

    [operation] = keep_all()
    place.done(operation)

    assert [each[3] for each in shown(place)] == ["TCP"]
    assert "CloudStack had reset it" in operation.requested_by
    assert AuditEntry.unscoped.filter(action="load-balancer.apply").exists()
    see(place)
    assert keep_all() == []


def test_what_could_not_be_put_back_is_not_tried_again_at_once(place, api):
    ip = place.public_ip()
    done(place, api.post("/load-balancers/", body(place, 0, public_ip=str(ip.pk))))
    for row in place.world.netris.net.lbs:
        place.world.netris.net.lbs.change(row, healthCheck="None")
    see(place)
    place.world.netris.faults.order("refuse", "PUT /api/v2/l4lb/{id}")
    [operation] = keep_all()
    place.run(operation)
    place.world.netris.faults.clear()
    see(place)
    assert keep_all() == []
    place.clock.shift(timedelta(minutes=11))
    see(place)
    assert len(keep_all()) == 1


# --- many -------------------------------------------------------------------------------------------------------------


def many(acme: Any, count: int, size: int) -> list[Balancer]:
    zone = builders.a_zone(f"Zone-{count}")
    vpc = builders.a_vpc(acme, zone, f"vpc-{count}", netris_id=7 + count)
    tier = builders.a_tier(vpc)
    now = clock.now()
    for kind in (Kind.NETRIS_BALANCER, Kind.NETRIS_DEVICE, Kind.CLOUDSTACK_INSTANCE):
        Reading.objects.create(zone=zone, kind=kind, read_at=now)
    ip = builders.a_public_ip(vpc)
    return [builders.a_balancer(ip, tier, 1000 + each, members=size) for each in range(count)]


def test_queries_do_not_grow_with_balancers_or_members(acme):
    counts = []
    for count, size in ((1, 1), (12, 20)):
        ids = [row.pk for row in many(acme, count, size)]
        rows = Balancer.objects.of(acme).filter(pk__in=ids).select_related("tenant", "vpc", "tier")
        listed = list(rows.prefetch_related("members"))
        with CaptureQueriesContext(connection) as asked:
            assert len(judged(listed)) == count
        counts.append(len(asked))
    assert counts == [7, 7]
    assert Item.objects.count() == 0


ANYBODY = {"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": "8443", "cidrs": ["0.0.0.0/0"]}


@pytest.mark.parametrize(
    ("rules", "applied", "says"),
    [
        ([ANYBODY], True, "the list allows it"),
        ([], True, "the list blocks it"),
        ([ANYBODY | {"cidrs": ["0.0.0.0/1"]}], True, "whether the list allows it is not known"),
        ([ANYBODY], None, "whether the list allows it is not known"),
        ([ANYBODY], False, "whether the list allows it is not known"),
    ],
)
def test_what_the_list_lets_in_is_said_of_a_member_that_does_not_answer(acme, rules, applied, says):
    vpc = builders.a_vpc(acme, builders.a_zone(), netris_id=7)
    tier = builders.a_tier(vpc)
    settled_at = clock.now() - timedelta(minutes=1)
    fields = {"check_kind": "tcp", "check_timeout": 2, "settled_at": settled_at}
    row = builders.a_balancer(builders.a_public_ip(vpc), tier, **fields)
    acl = builders.an_acl(vpc, rules=rules)
    seen = {"is_applied": applied, "read_at": clock.now()}
    TierAcl.unscoped.create(pk=tier.pk, tier=tier, tenant=acme, acl=acl, status=Status.READY, **seen)
    probe = {"hardware": {"id": 1, "name": "SoftGate-1"}, "status": {"value": "failed"}, "response": "timed out"}
    member = {"ip": str(row.members.get().guest_address), "port": 8443, "status": "failed", "stats": [probe]}
    data = {"protocol": "TCP", "ip": str(row.address), "port": 443, "vpc": {"id": 7}, "backendIps": [member]}
    check = {"healthCheck": {"TCP": {"timeOut": "2000"}}, "status": "enable"}
    builders.mirrored(vpc.zone, Kind.NETRIS_BALANCER, [1], data=data | check)
    gate = {"name": "SoftGate-1", "type": "softgate", "lastSeen": int(clock.now().timestamp() * 1000)}
    builders.mirrored(vpc.zone, Kind.NETRIS_DEVICE, [1], data=gate)

    [found] = judged([row]).values()
    assert says in found.lines[0].sentence


def test_an_address_leads_into_one_tier_alone(acme, api):
    """CloudStack binds it to the tier of its first rule (REAL)."""
    zone = builders.a_zone()
    account = builders.an_account(acme, zone)
    vpc = builders.a_vpc(acme, zone, cloudstack_id=uuid4(), netris_id=7)
    web, db = (
        builders.a_tier(vpc, name, f"10.20.{n}.0/24", cloudstack_id=uuid4()) for n, name in enumerate(("web", "db"))
    )
    ids = [builders.an_instance(account, tier.name, tier=tier, address=str(tier.cidr[11])) for tier in (web, db)]
    for ip, taken, path, field in (
        (builders.a_public_ip(vpc), builders.a_balancer, "/load-balancers/", "members"),
        (builders.a_public_ip(vpc, "198.51.100.21"), builders.a_port_forward, "/port-forwards/", "instance"),
    ):
        row = taken(ip, web, 443)
        asked: dict[str, Any] = {"vpc": str(vpc.pk), "public_ip": str(ip.pk), "protocol": "tcp"}
        if field == "members":
            asked |= {"name": "x", "port": 80, "members": [{"instance": str(ids[1])}]}
        else:
            del asked["vpc"]
            asked |= {"public_ports": "80", "instance": str(ids[1])}
        answer = api.post(path, asked)
        assert answer.status_code == 422, answer.content
        [problem] = answer.json()["errors"]
        assert (problem["code"], problem["field"]) == ("address-in-other-tier", field)
        assert "leads into the tier web" in problem["detail"]
        type(row).unscoped.update(status=Status.DELETED)
        assert api.post(path, asked).status_code == 202
        Operation.unscoped.all().delete()
