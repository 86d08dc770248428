"""Public IPs over REST: one's own for tenants, all of them and who had them for the platform."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.addresses.models import Holding, PublicIp
from apps.kernel import clock
from apps.mirror.models import Kind, Reading
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry, Tenant
from apps.zones.models import Zone
from tests import builders
from tests.api.conftest import Api, problem_of

ROOT = "http://testserver/api/v1"


@pytest.fixture
def vpc(acme: Tenant, site: Zone) -> Vpc:
    return builders.a_vpc(acme, site, cloudstack_id=uuid4(), netris_id=7)


def addresses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["address"] for row in answer.json()["results"]]


def test_a_public_ip_is_told_as_scripts_rely_on_it(api: Api, vpc: Vpc) -> None:
    row = builders.a_public_ip(vpc, name="shop", notes="The front door")
    read = api.get(f"/public-ips/{row.pk}/").json()
    assert read.pop("created_at")
    assert read == {
        "id": str(row.pk),
        "url": f"{ROOT}/public-ips/{row.pk}/",
        "address": "198.51.100.20",
        "name": "shop",
        "notes": "The front door",
        "zone": {"id": str(vpc.zone.pk), "name": "Zone-1"},
        "vpc": {"id": str(vpc.pk), "url": f"{ROOT}/vpcs/{vpc.pk}/"},
        "purpose": "unused",
        "status": "ready",
        "applied": None,
        "read_at": None,
        "can": {"edit": None, "release": None},
    }


@pytest.mark.parametrize(
    ("state", "is_here", "seconds", "applied"),
    [
        ("Allocated", True, 10, True),
        ("Free", True, 10, False),
        ("Allocated", False, 10, False),
        (None, True, 10, False),
        ("Allocated", True, -10, None),
    ],
)
def test_it_is_applied_when_a_later_list_says_that_the_vpc_has_it(
    api: Api, vpc: Vpc, state: str | None, is_here: bool, seconds: int, applied: bool | None
) -> None:
    row = builders.a_public_ip(vpc, acquired_at=clock.now() - timedelta(seconds=60))
    assert row.acquired_at
    at = row.acquired_at + timedelta(seconds=seconds)
    data = {"ipaddress": str(row.address), "state": state, "vpcid": str(vpc.cloudstack_id if is_here else uuid4())}
    builders.mirrored(vpc.zone, Kind.CLOUDSTACK_ADDRESS, [row.cloudstack_id] if state else [], data=data, read_at=at)
    read = api.get(f"/public-ips/{row.pk}/").json()
    assert (read["applied"], read["read_at"] is None) == (applied, False)


def test_what_was_read_too_long_ago_says_nothing(api: Api, vpc: Vpc) -> None:
    old = clock.now() - timedelta(hours=1)
    row = builders.a_public_ip(vpc, acquired_at=old - timedelta(hours=1))
    data = {"ipaddress": str(row.address), "state": "Allocated", "vpcid": str(vpc.cloudstack_id)}
    builders.mirrored(vpc.zone, Kind.CLOUDSTACK_ADDRESS, [row.cloudstack_id], data=data, read_at=old)
    assert api.get(f"/public-ips/{row.pk}/").json()["applied"] is None


def test_acquiring_answers_with_the_operation_and_takes_the_next_free_address(api: Api, vpc: Vpc, acme: Tenant) -> None:
    builders.a_pool(vpc.zone, taken=[100])
    response = api.post("/public-ips/", {"vpc": str(vpc.pk), "name": "shop"})

    assert response.status_code == 202, response.content
    row, body = PublicIp.unscoped.get(), response.json()
    assert (str(row.address), row.name, row.status, row.tenant) == ("198.51.100.101", "shop", Status.BUILDING, acme)
    assert body["resource"] == {"type": "publicip", "id": str(row.pk), "url": f"{ROOT}/public-ips/{row.pk}/"}
    assert body["title"] == "Acquire public IP"
    operation = Operation.unscoped.get()
    assert (operation.lane, operation.resource_name) == (vpc.lane, "shop")
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.new) == ("public-ip.acquire", {"address": "198.51.100.101", "vpc": "prod"})


def test_a_request_that_is_sent_again_takes_no_second_address(api: Api, vpc: Vpc) -> None:
    builders.a_pool(vpc.zone)
    answers = [api.post("/public-ips/", {"vpc": str(vpc.pk)}, Idempotency_Key="one") for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert PublicIp.unscoped.count() == 1


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"address": "198.51.100.300"}, "address-malformed", "address"),
        ({"address": "2001:db8::1"}, "address-malformed", "address"),
        ({"address": "9.9.9.9"}, "address-unknown", "address"),
        ({"address": "198.51.100.100"}, "address-taken", "address"),
        ({"vpc": "none"}, "vpc-unknown", "vpc"),
        ({"vpc": "theirs"}, "vpc-unknown", "vpc"),
        ({"name": "a\nb"}, "name-unprintable", "name"),
        ({"notes": "x" * 181}, "note-too-long", "notes"),
        ({"adress": "198.51.100.101"}, "unknown-field", "adress"),
        ({"address": 7}, "wrong-type", "address"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    api: Api, vpc: Vpc, globex: Tenant, body: dict[str, Any], code: str, field: str
) -> None:
    builders.a_pool(vpc.zone, taken=[100])
    if body.get("vpc") == "theirs":
        body["vpc"] = str(builders.a_vpc(globex, vpc.zone).pk)
    response = api.post("/public-ips/", {"vpc": str(vpc.pk)} | body)
    problem = problem_of(response, 422)
    assert (code, field) in [(each["code"], each.get("field")) for each in problem["errors"]]
    assert not PublicIp.unscoped.exists()


def test_when_none_is_free_it_says_so(api: Api, vpc: Vpc, globex: Tenant) -> None:
    builders.a_pool(vpc.zone, 100, 100)
    gone = builders.a_public_ip(builders.a_vpc(globex, vpc.zone), "198.51.100.100")
    PublicIp.unscoped.filter(pk=gone.pk).update(status=Status.DELETED, deleted_at=clock.now())
    response = api.post("/public-ips/", {"vpc": str(vpc.pk)})
    assert "No public IP is free in Zone-1 now. Some rest after their release" in problem_of(response, 422)["detail"]


def test_another_tenants_address_is_not_there(api: Api, vpc: Vpc, globex: Tenant) -> None:
    mine = builders.a_public_ip(vpc)
    theirs = builders.a_public_ip(builders.a_vpc(globex, vpc.zone), "198.51.100.21")
    assert addresses(api.get("/public-ips/")) == [str(mine.address)]
    for method in ("GET", "PATCH", "DELETE"):
        body = b"" if method == "GET" else b"{}"
        assert api.call(method, f"/public-ips/{theirs.pk}/", body).status_code == 404


def test_the_list_is_narrowed(api: Api, vpc: Vpc) -> None:
    tier = builders.a_tier(vpc)
    builders.a_public_ip(vpc, "198.51.100.20", name="shop")
    builders.a_port_forward(builders.a_public_ip(vpc, "198.51.100.21"), tier)
    other = builders.a_vpc(vpc.tenant, vpc.zone, "other", egress_ip="198.51.100.9")
    for query, found in {
        "q=SHOP": ["198.51.100.20"],
        "q=100.21": ["198.51.100.21"],
        "address=198.51.100.9": ["198.51.100.9"],
        "purpose=port_forward": ["198.51.100.21"],
        "purpose=source_nat": ["198.51.100.9"],
        f"vpc={other.pk}": ["198.51.100.9"],
        "status=building": [],
    }.items():
        assert addresses(api.get(f"/public-ips/?{query}")) == found, query
    assert problem_of(api.get(f"/public-ips/?vpc={uuid4()}"), 422)["errors"][0]["code"] == "vpc-unknown"


def test_a_name_and_notes_are_changed_at_once_and_written_down(api: Api, vpc: Vpc) -> None:
    row = builders.a_public_ip(vpc, name="shop")
    read = api.patch(f"/public-ips/{row.pk}/", {"notes": "The front door"}).json()
    assert (read["name"], read["notes"]) == ("shop", "The front door")
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.old["notes"], entry.new["notes"]) == ("public-ip.edit", "", "The front door")
    assert addresses(api.get("/public-ips/?q=front door")) == [str(row.address)]
    assert api.patch(f"/public-ips/{row.pk}/", {"name": "x"}, If_Match='"other"').status_code == 412


def test_what_is_in_use_is_not_released_and_says_why_beforehand(api: Api, vpc: Vpc) -> None:
    row = builders.a_public_ip(vpc)
    builders.a_port_forward(row, builders.a_tier(vpc))
    reason = "Port forwards lead from this address. Remove them first."
    assert api.get(f"/public-ips/{row.pk}/").json()["can"] == {"edit": None, "release": reason}
    assert problem_of(api.delete(f"/public-ips/{row.pk}/"), 409)["detail"] == reason


def test_the_source_nat_address_is_shown_and_locked(api: Api, vpc: Vpc) -> None:
    Vpc.unscoped.filter(pk=vpc.pk).update(egress_ip="198.51.100.9")
    [read] = api.get("/public-ips/").json()["results"]
    assert (read["purpose"], read["address"], read["status"]) == ("source_nat", "198.51.100.9", "ready")
    assert "comes and goes with the VPC" in read["can"]["release"]
    assert api.delete(f"/public-ips/{read['id']}/").status_code == 409


def test_release_answers_with_the_operation(api: Api, vpc: Vpc) -> None:
    row = builders.a_public_ip(vpc)
    response = api.delete(f"/public-ips/{row.pk}/")
    assert (response.status_code, response.json()["title"]) == (202, "Release public IP")
    assert api.get(f"/public-ips/{row.pk}/").json()["status"] == "removing"


@pytest.mark.parametrize("count", [1, 12])
def test_a_list_costs_as_many_queries_for_many_as_for_one(
    api: Api, vpc: Vpc, count: int, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        builders.a_public_ip(builders.a_vpc(vpc.tenant, vpc.zone, f"vpc {number}"), f"198.51.100.{number + 20}")
    with django_assert_num_queries(7):
        assert len(addresses(api.get("/public-ips/"))) == count


# --- the platform's ---


def test_who_has_an_address_and_who_had_it_before(platform: Api, api: Api, vpc: Vpc, globex: Tenant) -> None:
    before = builders.a_public_ip(vpc)
    PublicIp.unscoped.filter(pk=before.pk).update(status=Status.DELETED, deleted_at=clock.now())
    builders.a_public_ip(builders.a_vpc(globex, vpc.zone, "theirs"))
    builders.a_public_ip(vpc, "198.51.100.21")

    told = platform.get("/address-holders/?address=198.51.100.20").json()["results"]

    assert [(each["tenant"]["slug"], each["vpc_name"], each["held_until"] is None) for each in told] == [
        ("globex", "theirs", True),
        ("acme", "prod", False),
    ]
    assert told[1]["rests_until"] and not told[0]["rests_until"]
    assert addresses(platform.get("/address-holders/?tenant=acme")) == ["198.51.100.21", "198.51.100.20"]
    assert api.get("/address-holders/").status_code == 404


def test_how_far_the_addresses_of_a_zone_reach(platform: Api, vpc: Vpc) -> None:
    builders.a_pool(vpc.zone, 100, 119, taken=[100, 101, 102, 103])
    at = clock.now()
    for days in (40, 40, 10, 3, 1):
        builders.a_public_ip(vpc, f"198.51.100.{20 + Holding.unscoped.count()}", acquired_at=at - timedelta(days=days))
    gone = PublicIp.unscoped.filter(address="198.51.100.21")
    gone.update(status=Status.DELETED, deleted_at=at, address="198.51.100.110")
    Holding.unscoped.filter(address="198.51.100.21").update(address="198.51.100.110")

    [read] = platform.get("/address-pools/").json()["results"]

    told = {name: read[name] for name in ("total", "used", "resting", "free", "growth", "days_left", "is_stale")}
    # Three came and one went in four weeks: two more in 28 days, so 15 last for 210.
    assert told == {
        "total": 20,
        "used": 4,
        "resting": 1,
        "free": 15,
        "growth": 2,
        "days_left": 210,
        "is_stale": False,
    }


def test_figures_of_an_old_list_say_that_they_are(platform: Api, vpc: Vpc) -> None:
    builders.a_pool(vpc.zone, read_at=clock.now() - timedelta(hours=1))
    [read] = platform.get("/address-pools/").json()["results"]
    assert read["is_stale"] and read["read_at"]
    Reading.objects.all().delete()
    [read] = platform.get("/address-pools/").json()["results"]
    assert (read["is_stale"], read["read_at"]) == (True, None)


def test_how_long_addresses_rest_is_set_and_written_down(platform: Api, api: Api, vpc: Vpc) -> None:
    path = f"/address-pools/{vpc.zone.pk}/"
    assert platform.get(path).json()["quarantine_hours"] == 24
    assert platform.patch(path, {"quarantine_hours": 2}).json()["quarantine_hours"] == 2
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.old, entry.new) == (
        "zone.quarantine",
        {"quarantine_hours": 24},
        {"quarantine_hours": 2},
    )
    for wrong in (-1, 8761, "2", True):
        assert platform.patch(path, {"quarantine_hours": wrong}).status_code == 422
    assert api.patch(path, {"quarantine_hours": 2}).status_code == 403


@pytest.mark.parametrize("count", [1, 4])
def test_pools_cost_as_many_queries_for_many_as_for_one(
    platform: Api, count: int, db: None, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        builders.a_pool(builders.a_zone(f"Zone-{number}"), 100, 101)
    with django_assert_num_queries(8):
        assert len(platform.get("/address-pools/").json()["results"]) == count
