"""Static NAT and port forwards over REST: what is asked for, refused, shown, and shown as applied or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.addresses.models import PortForward, PublicIp, StaticNat
from apps.mirror.models import Item, Kind, Reading
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.quotas.resources import NAT_RULE
from apps.quotas.services import set_limits
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.api.conftest import Api, problem_of

NOBODYS = "3ef48760-0a8a-4132-b5d8-127f31df69d2"


class Estate:
    """A tenant's VPC with a tier, an instance and public IPs, all of it as the mirror has it."""

    def __init__(self, tenant: Any, zone: Any, name: str = "prod") -> None:
        self.account = builders.an_account(tenant, zone)
        self.vpc = builders.a_vpc(tenant, zone, name, cloudstack_id=uuid4(), netris_id=abs(hash(name)) % 10**6)
        self.tier = builders.a_tier(self.vpc, cloudstack_id=uuid4())
        self.instance = builders.an_instance(self.account, tier=self.tier, secondary=["10.20.0.12"])
        self.ip = builders.a_public_ip(self.vpc, "198.51.100.20" if name == "prod" else "198.51.100.30")

    def nat(self, **more: Any) -> dict[str, Any]:
        return {"public_ip": str(self.ip.pk), "instance": str(self.instance)} | more

    def forward(self, **more: Any) -> dict[str, Any]:
        return self.nat(protocol="tcp", public_ports="8000-8002") | more

    def reads(self, *rules: dict[str, Any], at: Any = None) -> None:
        """Netris' rules of the VPC, as the mirror reads them now."""
        at = at or timezone.now()
        Item.objects.filter(kind=Kind.NETRIS_NAT).delete()
        for number, rule in enumerate(rules):
            vpc = {"vpc": {"id": self.vpc.netris_id}}
            builders.mirrored(self.vpc.zone, Kind.NETRIS_NAT, [number + 1], read_at=at, data=rule | vpc)
        Reading.objects.update_or_create(zone=self.vpc.zone, kind=Kind.NETRIS_NAT, defaults={"read_at": at})


def a_rule(port: int, guest: str = "10.20.0.11", **more: Any) -> dict[str, Any]:
    ends = {"action": "DNAT", "state": "enabled", "destinationAddress": "198.51.100.20/32", "dnatToIP": f"{guest}/32"}
    ports = {"protocol": "tcp", "destinationPort": str(port), "dnatToPort": port} if port else {"protocol": "all"}
    return ends | ports | more


@pytest.fixture
def estate(acme: Any, site: Any) -> Estate:
    return Estate(acme, site)


@pytest.fixture
def theirs(globex: Any, site: Any) -> Estate:
    return Estate(globex, site, "secret")


def settled(row: Any) -> Any:
    """It came to rest a minute ago."""
    type(row).unscoped.filter(pk=row.pk).update(status=Status.READY, settled_at=timezone.now() - timedelta(minutes=1))
    return row


def a_nat(estate: Estate) -> StaticNat:
    return settled(builders.a_static_nat(estate.ip, estate.tier, instance_id=estate.instance))


def a_forward(estate: Estate, first: int = 8000, last: int = 8002, **more: Any) -> PortForward:
    return settled(builders.a_port_forward(estate.ip, estate.tier, first, last, instance_id=estate.instance, **more))


# --- asked for --------------------------------------------------------------------------------------------------------


def test_a_static_nat_is_asked_for_and_shown(api, estate, acme):
    answer = api.post("/static-nats/", estate.nat(address="10.20.0.12"))

    assert answer.status_code == 202, answer.content
    assert answer.json()["title"] == "Enable static NAT"
    row = StaticNat.unscoped.get()
    shown = api.get(f"/static-nats/{row.pk}/").json()
    assert answer.json()["resource"]["url"] == shown["url"]
    assert (shown["public_ip"], shown["instance"], shown["address"], shown["status"], shown["applied"]) == (
        {"id": str(estate.ip.pk), "address": "198.51.100.20"},
        {"id": str(estate.instance), "name": "web-1"},
        "10.20.0.12",
        "building",
        None,
    )
    assert AuditEntry.unscoped.get(action="static-nat.create").tenant == acme


def test_a_forward_of_a_range_is_one_line_and_is_switched(api, estate):
    answer = api.post("/port-forwards/", estate.forward(private_ports="80-82"))
    assert answer.status_code == 202, answer.content
    row = PortForward.unscoped.get()
    shown = api.get(f"/port-forwards/{row.pk}/").json()
    assert (shown["public_ports"], shown["private_ports"], shown["protocol"], shown["enabled"], shown["address"]) == (
        "8000-8002",
        "80-82",
        "tcp",
        True,
        "10.20.0.11",
    )
    Operation.unscoped.all().delete()
    settled(row)

    assert api.patch(f"/port-forwards/{row.pk}/", {"enabled": True}).status_code == 200
    answer = api.patch(f"/port-forwards/{row.pk}/", {"enabled": False})
    assert (answer.status_code, Operation.unscoped.get().wanted) == (202, {"enabled": False})
    shown = api.get(f"/port-forwards/{row.pk}/").json()
    assert (shown["enabled"], shown["status"], shown["applied"]) == (True, "changing", None)
    assert problem_of(api.delete(f"/port-forwards/{row.pk}/"), 409)["code"] == "busy"


@pytest.mark.parametrize("path", ["static-nats", "port-forwards"])
def test_one_is_deleted_and_applied_again(api, estate, path):
    row = a_nat(estate) if path == "static-nats" else a_forward(estate)
    assert api.post(f"/{path}/{row.pk}/apply/").status_code == 202
    Operation.unscoped.all().delete()
    settled(row)
    assert api.delete(f"/{path}/{row.pk}/").status_code == 202
    assert type(row).unscoped.get().status == Status.REMOVING


def test_the_same_request_with_the_same_key_makes_one(api, estate):
    for _ in range(2):
        assert api.post("/port-forwards/", estate.forward(), Idempotency_Key="once").status_code == 202
    assert PortForward.unscoped.count() == 1


# --- refused before anything is sent ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"public_ip": NOBODYS}, "public-ip-unknown", "public_ip"),
        ({"public_ip": "x"}, "public-ip-unknown", "public_ip"),
        ({"instance": NOBODYS}, "instance-unknown", "instance"),
        ({"instance": "\x00"}, None, "instance"),
        ({"protocol": "icmp"}, None, "protocol"),
        ({"public_ports": "80,443"}, "ports-several", "public_ports"),
        ({"public_ports": "0"}, "port-out-of-range", "public_ports"),
        ({"private_ports": "80"}, "ports-differ", "private_ports"),
        ({"public_ports": "1-9", "private_ports": "65530"}, "ports-differ", "private_ports"),
        ({"public_ports": -80}, None, "public_ports"),
        ({"public_ports": "8000-8010-8020"}, "ports-malformed", "public_ports"),
        ({"public_ports": "\uff18\uff10"}, "ports-malformed", "public_ports"),
        ({"protocol": "\u0442cp"}, "protocol-unknown", "protocol"),
        ({"enabled": "maybe"}, None, "enabled"),
        ({"color": "red"}, "unknown-field", "color"),
    ],
)
def test_a_forward_that_cannot_be(change, code, field, api, estate):
    problem = problem_of(api.post("/port-forwards/", estate.forward(**change)), 422)
    assert problem["field"] == field
    assert code in (None, problem["code"])
    assert not PortForward.unscoped.exists()


def test_an_address_serves_one_purpose_and_the_refusal_tells_the_way_out(api, estate):
    nat = a_nat(estate)
    problem = problem_of(api.post("/port-forwards/", estate.forward()), 422)
    assert (problem["code"], problem["field"]) == ("address-in-use", "public_ip")
    assert "Disable that first, or take another address" in problem["detail"]
    assert problem_of(api.post("/static-nats/", estate.nat()), 422)["code"] == "address-in-use"
    nat.delete()
    a_forward(estate)
    assert "has port forwards. Delete those first" in problem_of(api.post("/static-nats/", estate.nat()), 422)["detail"]


@pytest.mark.parametrize("asked", ["8002", "7000-7050", "8000-8002"])
def test_forwards_that_share_a_port_are_refused_with_what_is_in_the_way(asked, api, estate):
    a_forward(estate, 8000, 8002)
    a_forward(estate, 7050, 7060)
    problem = problem_of(api.post("/port-forwards/", estate.forward(public_ports=asked)), 422)
    assert (problem["code"], problem["field"]) == ("ports-overlap", "public_ports")
    assert "leads to web-1 already" in problem["detail"]
    assert api.post("/port-forwards/", estate.forward(public_ports=asked, protocol="udp")).status_code == 202


def test_an_instance_has_one_static_nat(api, estate):
    a_nat(estate)
    other = builders.a_public_ip(estate.vpc, "198.51.100.21")
    problem = problem_of(api.post("/static-nats/", estate.nat(public_ip=str(other.pk), address="10.20.0.12")), 422)
    assert (problem["code"], problem["field"]) == ("instance-has-static-nat", "instance")
    assert "from 198.51.100.20" in problem["detail"]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"state": "Expunging"}, "instance-gone"),
        ({"tier": None}, "instance-elsewhere"),
        ({"nic": []}, "instance-never-started"),
    ],
)
def test_an_instance_that_nothing_can_be_led_to(facts, code, api, estate):
    instance = builders.an_instance(estate.account, "web-9", **({"tier": estate.tier} | facts))
    for path, body in (("/static-nats/", estate.nat()), ("/port-forwards/", estate.forward())):
        problem = problem_of(api.post(path, body | {"instance": str(instance)}), 422)
        assert (problem["code"], problem["field"]) == (code, "instance")


@pytest.mark.parametrize("address", ["10.20.0.99", "x", "::1"])
def test_an_address_that_the_instance_does_not_have(address, api, estate):
    assert problem_of(api.post("/static-nats/", estate.nat(address=address)), 422)["field"] == "address"


@pytest.mark.parametrize("status", [Status.BUILDING, Status.REMOVING, Status.STUCK])
def test_an_address_that_is_not_ready(status, api, estate):
    PublicIp.unscoped.filter(pk=estate.ip.pk).update(status=status)
    assert problem_of(api.post("/static-nats/", estate.nat()), 409)["code"] == "not-now"


def test_the_tenants_quota_is_asked(api, estate, acme):
    set_limits(acme, {NAT_RULE: 1})
    a_forward(estate)
    assert problem_of(api.post("/port-forwards/", estate.forward(public_ports="22")), 422)["code"] == "quota-nat-rules"


# --- two tenants ------------------------------------------------------------------------------------------------------


def test_anothers_are_as_unknown_as_what_never_was(api, estate, theirs):
    forward = builders.a_port_forward(builders.a_public_ip(theirs.vpc, "198.51.100.31"), theirs.tier)
    for path, row in (("static-nats", a_nat(theirs)), ("port-forwards", forward)):
        one = f"/{path}/{row.pk}/"
        assert api.get(f"/{path}/").json()["results"] == []
        answers = [api.get(one), api.delete(one), api.post(f"{one}apply/")]
        if path == "port-forwards":
            answers.append(api.patch(one, {"enabled": False}))
        assert {each.status_code for each in answers} == {404}
    for body in (estate.nat(public_ip=str(theirs.ip.pk)), estate.nat(instance=str(theirs.instance))):
        unknown = {key: NOBODYS if value != estate.nat()[key] else value for key, value in body.items()}
        assert api.post("/static-nats/", body).json() == api.post("/static-nats/", unknown).json()


# --- whether it is applied --------------------------------------------------------------------------------------------


def told(api: Api, path: str) -> Any:
    [row] = api.get(f"/{path}/").json()["results"]
    return row["applied"]


def test_a_static_nat_is_applied_when_netris_was_read_since_and_has_it_as_it_is_meant(api, estate):
    a_nat(estate)
    assert told(api, "static-nats") is None
    estate.reads(a_rule(0))
    assert told(api, "static-nats") is True
    for wrong in (a_rule(0, "10.20.0.99"), a_rule(80), a_rule(0, state="disabled"), a_rule(0, action="SNAT")):
        estate.reads(wrong)
        assert told(api, "static-nats") is False, wrong
    estate.reads()
    assert told(api, "static-nats") is False


@pytest.mark.parametrize("path", ["static-nats", "port-forwards"])
def test_what_a_sleeping_tier_lacks_is_said_to_sleep(path, api, estate):
    """Nothing is wrong: CloudStack has taken its rules off Netris until an instance starts."""

    def asleep() -> bool:
        [row] = api.get(f"/{path}/").json()["results"]
        assert row["applied"] is False
        return bool(row["asleep"])

    make = a_nat if path == "static-nats" else a_forward
    make(estate)
    estate.reads()
    assert asleep() is False
    for state, is_asleep in (("Allocated", True), ("Implemented", False)):
        Item.objects.filter(kind=Kind.CLOUDSTACK_NETWORK).delete()
        builders.mirrored(estate.vpc.zone, Kind.CLOUDSTACK_NETWORK, [estate.tier.cloudstack_id], data={"state": state})
        assert asleep() is is_asleep


def test_a_forward_is_applied_when_every_one_of_its_ports_is(api, estate):
    row = a_forward(estate)
    estate.reads(*map(a_rule, (8000, 8001, 8002, 9)))
    assert told(api, "port-forwards") is True
    estate.reads(*map(a_rule, (8000, 8002)))
    assert told(api, "port-forwards") is False
    PortForward.unscoped.filter(pk=row.pk).update(enabled=False)
    assert told(api, "port-forwards") is False
    estate.reads(a_rule(9))
    assert told(api, "port-forwards") is True


@pytest.mark.parametrize("minutes", [2, 60])
def test_nothing_is_known_from_a_reading_that_is_old_or_from_before(minutes, api, estate):
    a_nat(estate)
    estate.reads(a_rule(0), at=timezone.now() - timedelta(minutes=minutes))
    assert told(api, "static-nats") is None
    estate.reads(at=timezone.now() - timedelta(minutes=minutes))
    assert told(api, "static-nats") is None


def test_a_list_costs_the_same_however_long_it_is(api, estate):
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert api.get("/port-forwards/").status_code == 200
        return len(queries)

    a_forward(estate, 1, 1)
    api.get("/port-forwards/")
    few = cost()
    for port in range(2, 30):
        a_forward(estate, port, port)
    assert cost() == few
    for query, count in ((f"?vpc={estate.vpc.pk}", 29), (f"?instance={estate.instance}", 29), ("?q=nothing", 0)):
        assert len(api.get(f"/port-forwards/{query}&limit=100").json()["results"]) == count
    assert problem_of(api.get(f"/port-forwards/?vpc={NOBODYS}"), 422)["code"] == "vpc-unknown"
