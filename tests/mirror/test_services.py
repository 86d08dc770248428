from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.db import close_old_connections, connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.mirror import queries, services
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.services import refresh, refresh_due, request_refresh
from apps.mirror.sweeps import SWEEPS
from apps.netris import wire as netris_wire
from apps.zones import pace
from apps.zones.clouds import Clouds, OpenClouds
from apps.zones.health import Gate
from apps.zones.models import Remote, Zone
from portal.celery import app
from sandbox.world import World
from tests import builders
from tests.mirror.conftest import Answer

Scripted = Callable[[Answer], Clouds]

DEVICES = "GET /api/v2/hw"


def reading_of(zone: Zone, kind: Kind) -> Reading:
    return Reading.objects.get(zone=zone, kind=kind)


def names(zone: Zone, kind: Kind) -> list[str]:
    return sorted(Item.objects.filter(zone=zone, kind=kind).values_list("name", flat=True))


# --- what is mirrored -------------------------------------------------------------------------------------------------


def test_every_list_of_the_reference_site_is_mirrored(zone: Zone, clouds_of: OpenClouds) -> None:
    assert refresh_due(clouds_of) == len(Kind)

    readings = {reading.kind: reading for reading in Reading.objects.filter(zone=zone)}
    assert {kind: reading.error for kind, reading in readings.items()} == dict.fromkeys(Kind, "")
    assert "Leaf-1" in names(zone, Kind.NETRIS_DEVICE)
    assert "swp1@Spine-1 - swp31@Leaf-1" in names(zone, Kind.NETRIS_LINK)
    assert readings[Kind.NETRIS_BGP].rows == 12
    assert Item.objects.get(kind=Kind.NETRIS_VNET, key="12").name == "CloudStack System VMs"
    assert all(reading.rows == len(names(zone, Kind(kind))) for kind, reading in readings.items())


def test_load_balancers_are_found_by_their_vpc_with_what_each_softgate_says(
    scripted_zone: Zone, scripted: Scripted, clock: time_machine.Traveller
) -> None:
    stats = [{"hardware": {"id": 7, "name": "SoftGate-1"}, "status": {"value": "failed"}, "response": "refused"}]
    row = {
        "id": 3,
        "name": "D1-A2-Z1-V3-LB9",
        "vpc": {"id": 5},
        "protocol": "TCP",
        "healthCheck": {"TCP": {"timeOut": "2000"}},
        "backendIps": [{"ip": "10.20.0.5", "port": 80, "stats": stats}],
    }
    calls = []

    def answer(request: httpx.Request) -> Any:
        calls.append(request.url.path)
        return [row, {"id": 4}]

    refresh(scripted_zone, Kind.NETRIS_BALANCER, scripted(answer))

    assert calls == ["/api/v2/l4lb"]
    assert dict(Item.objects.values_list("key", "name")) == {"5": row["name"], "": ""}
    kept = SWEEPS[Kind.NETRIS_BALANCER].row_of(Item.objects.get(key="5").data)
    assert (kept.check.protocol, kept.check.timeout, str(kept.backends[0].ip)) == ("TCP", 2000, "10.20.0.5")
    [probe] = kept.backends[0].probes
    assert (probe.softgate.name, probe.status, probe.response) == ("SoftGate-1", "failed", "refused")

    stats[0]["status"] = {"value": "ok"}
    clock.shift(1)
    refresh(scripted_zone, Kind.NETRIS_BALANCER, scripted(answer))
    kept = SWEEPS[Kind.NETRIS_BALANCER].row_of(Item.objects.get(key="5").data)
    assert kept.backends[0].probes[0].status == "ok"


def test_sessions_of_tenants_are_found_by_their_vpc_and_their_passwords_nowhere(
    scripted_zone: Zone, scripted: Scripted
) -> None:
    """A hundred VPCs a call; the System VPC's are another list."""
    asked = []
    vpcs = [{"id": 1, "isSystem": True}, *({"id": number} for number in range(2, 252))]

    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/api/v2/vpc":
            return vpcs
        ids = [int(each) for each in request.url.params["filterByVpc"].split(",")]
        asked.append(ids)
        row = {"id": ids[0], "name": f"weft-dc-{ids[0]}", "vpc": {"id": ids[0]}, "bgp_state": "Established"}
        secrets = {"bgp_password": "s3cret-of-acme", "bgpPassword": "s3cret-of-acme"}
        return [row | secrets | {"bgp_prefixes": "7", "bgp_uptime": "00:01:02", "prefix_list_inbound": "deny any\n"}]

    refresh(scripted_zone, Kind.NETRIS_SESSION, scripted(answer))

    assert asked == [list(range(2, 102)), list(range(102, 202)), list(range(202, 252))]
    assert set(Item.objects.values_list("key", "name")) == {(str(n), f"weft-dc-{n}") for n in (2, 102, 202)}
    found = queries.vpc_sessions(scripted_zone, [102, 103])
    [session] = found.rows(scripted_zone.pk, 102)
    assert (session.bgp_state, session.bgp_prefixes, session.bgp_uptime) == ("Established", 7, "00:01:02")
    assert (session.accepts, session.password.get_secret_value()) == ("deny any", "")
    assert (found.rows(scripted_zone.pk, 103), found.read_at(scripted_zone.pk, 103) is None) == ((), False)
    assert "s3cret" not in str(list(Item.objects.values_list("data", flat=True)))


def test_of_many_vpcs_those_with_sessions_are_asked_each_time_and_all_in_turn(
    scripted_zone: Zone, scripted: Scripted, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    """No sweep asks about all of them, and none is left out for good: what stands there is not thought to be gone."""
    monkeypatch.setattr("apps.mirror.sweeps.AT_ONCE", 30)
    builders.mirrored(scripted_zone, Kind.NETRIS_VPC, range(2, 62))
    builders.mirrored(scripted_zone, Kind.NETRIS_VPC, [1], data={"is_system": True})
    builders.mirrored(scripted_zone, Kind.NETRIS_VNET, [4], data={"name": "weft-dc-4", "vpc": {"id": 44}})
    asked: list[set[int]] = []

    def answer(request: httpx.Request) -> Any:
        asked.append({int(each) for each in request.url.params["filterByVpc"].split(",")})
        return [{"id": 9, "name": "theirs", "vpc": {"id": 33}}] if 33 in asked[-1] else []

    for _ in range(30):
        clock.shift(timedelta(seconds=20))
        refresh(scripted_zone, Kind.NETRIS_SESSION, scripted(answer))

    assert all(len(some) < 10 and 44 in some for some in asked)
    assert set().union(*asked[:15]) == set(range(2, 62))
    since = next(number for number, some in enumerate(asked) if 33 in some)
    assert all(33 in some for some in asked[since:])
    assert names(scripted_zone, Kind.NETRIS_SESSION) == ["theirs"]


def test_peerings_are_found_by_either_of_their_vpcs(
    scripted_zone: Zone, scripted: Scripted, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def answer(_request: httpx.Request) -> Any:
        both = {"prefixListInboundIPv4": "permit 10.9.0.0/16 le 24"}
        return [
            {"id": 3, "name": "weft-peering-3", "vpcA": {"id": 5, "name": "a"} | both, "vpcB": {"id": "9"}},
            {"id": 4, "name": "theirs", "vpcA": {"id": 9}, "vpcB": {"id": 11}},
        ]

    refresh(scripted_zone, Kind.NETRIS_PEERING, scripted(answer))

    def names_of(*vpcs: int) -> list[str]:
        with django_assert_num_queries(1):
            return [each.name for each in queries.peerings(scripted_zone, vpcs)]

    assert (names_of(5), names_of(9), names_of(5, 11)) == (
        ["weft-peering-3"],
        ["theirs", "weft-peering-3"],
        ["theirs", "weft-peering-3"],
    )
    assert names_of(7) == []
    [peering] = queries.peerings(scripted_zone, [5])
    assert (peering.a.id, peering.b.id, peering.a.accepts) == (5, 9, "permit 10.9.0.0/16 le 24")
    assert set(Item.objects.values_list("key", flat=True)) == {"5 9", "9 11"}


def test_nothing_is_read_before_it_is_due(
    zone: Zone, clouds_of: OpenClouds, world: World, clock: time_machine.Traveller
) -> None:
    refresh_due(clouds_of)
    calls = world.netris.control.calls.copy()

    assert refresh_due(clouds_of) == 0
    assert world.netris.control.calls == calls

    clock.shift(15)
    assert refresh_due(clouds_of) == 3  # the inventory, the BGP sessions and the load balancers


def test_a_disabled_zone_is_left_alone(zone: Zone, clouds_of: OpenClouds) -> None:
    Zone.objects.update(is_enabled=False)
    assert refresh_due(clouds_of) == 0


def test_rows_that_did_not_change_are_not_written_again(
    zone: Zone, clouds_of: OpenClouds, clock: time_machine.Traveller
) -> None:
    refresh(zone, Kind.NETRIS_LINK, clouds_of(zone))
    before = set(Item.objects.values_list("pk", "changed_at"))

    clock.shift(60)
    refresh(zone, Kind.NETRIS_LINK, clouds_of(zone))

    assert set(Item.objects.values_list("pk", "changed_at")) == before
    assert reading_of(zone, Kind.NETRIS_LINK).read_at == timezone.now()


def test_a_changed_row_is_written_over(scripted: Scripted, scripted_zone: Zone) -> None:
    rows = [{"id": 7, "name": "old"}, {"id": 8, "name": "same"}]
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: rows))
    first = {item.remote_id: item.pk for item in Item.objects.all()}
    rows[0]["name"] = "new"

    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: rows))

    assert names(scripted_zone, Kind.NETRIS_VPC) == ["new", "same"]
    assert {item.remote_id: item.pk for item in Item.objects.all()} == first


def test_a_row_that_the_remote_no_longer_lists_goes(scripted: Scripted, scripted_zone: Zone) -> None:
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: [{"id": 7, "name": "a"}, {"id": 8, "name": "b"}]))
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: [{"id": 8, "name": "b"}]))

    assert names(scripted_zone, Kind.NETRIS_VPC) == ["b"]


def test_a_row_that_comes_twice_is_kept_once(scripted: Scripted, scripted_zone: Zone) -> None:
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: [{"id": 7, "name": "a"}, {"id": 7, "name": "a"}]))

    assert names(scripted_zone, Kind.NETRIS_VPC) == ["a"]


def test_the_same_ids_in_another_zone_are_other_rows(scripted: Scripted, scripted_zone: Zone, zone: Zone) -> None:
    clouds = scripted(lambda _: [{"id": 7, "name": "a"}])
    refresh(scripted_zone, Kind.NETRIS_VPC, clouds)
    refresh(zone, Kind.NETRIS_VPC, clouds)
    refresh(zone, Kind.NETRIS_VPC, scripted(lambda _: []))

    assert names(scripted_zone, Kind.NETRIS_VPC) == ["a"]
    assert names(zone, Kind.NETRIS_VPC) == []


def test_a_character_that_the_database_cannot_hold_spoils_no_list(scripted: Scripted, scripted_zone: Zone) -> None:
    rows = [{"id": 7, "name": "a\0b"}, {"id": 8, "name": "back\\u0000slash"}]
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: rows))

    assert names(scripted_zone, Kind.NETRIS_VPC) == ["ab", "back\\u0000slash"]
    assert set(Item.objects.values_list("data__name", flat=True)) == {"ab", "back\\u0000slash"}


def test_the_networks_of_another_zone_are_left_out(scripted: Scripted, scripted_zone: Zone) -> None:
    here = str(scripted_zone.cloudstack_zone_id)
    rows = [{"id": "a", "name": "here", "zoneid": here}, {"id": "b", "name": "there", "zoneid": "another"}]

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"listnetworksresponse": {"count": 2, "network": rows}})

    clouds = scripted(lambda _: [])
    clouds.cloudstack._channel._client._transport = httpx.MockTransport(handle)
    refresh(scripted_zone, Kind.CLOUDSTACK_NETWORK, clouds)

    assert names(scripted_zone, Kind.CLOUDSTACK_NETWORK) == ["here"]


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_remote_that_is_down_leaves_the_rows_and_their_age(
    zone: Zone, clouds_of: OpenClouds, world: World, clock: time_machine.Traveller
) -> None:
    refresh(zone, Kind.NETRIS_DEVICE, clouds_of(zone))
    read_at, rows = timezone.now(), names(zone, Kind.NETRIS_DEVICE)
    world.netris.faults.order("down")
    clock.shift(60)

    refresh(zone, Kind.NETRIS_DEVICE, clouds_of(zone))

    reading = reading_of(zone, Kind.NETRIS_DEVICE)
    assert names(zone, Kind.NETRIS_DEVICE) == rows
    assert (reading.read_at, reading.failed_at) == (read_at, timezone.now())
    assert "could not be reached" in reading.error
    assert reading.is_stale
    assert reading.has_failed


def test_a_remote_that_is_down_is_left_alone_for_a_while(
    zone: Zone, clouds_of: OpenClouds, world: World, clock: time_machine.Traveller
) -> None:
    world.netris.faults.order("down")
    assert refresh(zone, Kind.NETRIS_DEVICE, clouds_of(zone))
    assert not refresh(zone, Kind.NETRIS_LINK, clouds_of(zone))
    assert reading_of(zone, Kind.NETRIS_LINK).due_at == Remote.objects.get(zone=zone).retry_at
    assert refresh(zone, Kind.CLOUDSTACK_VPC, clouds_of(zone))  # the other remote is not

    world.netris.faults.clear()
    clock.shift(5)
    assert refresh(zone, Kind.NETRIS_DEVICE, clouds_of(zone))
    assert Remote.objects.get(zone=zone).down_since is None
    assert reading_of(zone, Kind.NETRIS_DEVICE).error == ""


def test_a_list_that_found_another_trying_is_read_soon_after_the_remote_is_back(
    zone: Zone, clouds_of: OpenClouds, world: World, clock: time_machine.Traveller
) -> None:
    world.netris.faults.order("down")
    refresh(zone, Kind.NETRIS_DEVICE, clouds_of(zone))
    world.netris.faults.clear()
    clock.shift(5)
    assert Gate(zone).closed_until("netris") is None  # somebody tries, and is not through yet
    assert not refresh(zone, Kind.NETRIS_LINK, clouds_of(zone))

    assert reading_of(zone, Kind.NETRIS_LINK).due_at <= timezone.now() + Remote.LONGEST_PAUSE


def test_a_refusal_is_the_matter_of_one_list(zone: Zone, clouds_of: OpenClouds, world: World) -> None:
    world.netris.faults.order("refuse", "GET /api/v2/link", text="You may not see links.")
    refresh_due(clouds_of)

    assert reading_of(zone, Kind.NETRIS_LINK).error == "You may not see links."
    assert reading_of(zone, Kind.NETRIS_DEVICE).error == ""
    assert not Remote.objects.filter(zone=zone).exclude(down_since=None).exists()


def test_a_mistake_of_ours_is_logged_and_tried_again(
    scripted: Scripted, scripted_zone: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(_: httpx.Request) -> Any:
        raise ZeroDivisionError

    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(stumble))

    reading = reading_of(scripted_zone, Kind.NETRIS_VPC)
    assert "ZeroDivisionError" in caplog.text
    assert "ZeroDivisionError" not in reading.error
    assert reading.lease_until is None
    assert reading.due_at > timezone.now()


def test_the_rate_limit_puts_a_sweep_off(zone: Zone, clouds_of: OpenClouds, world: World) -> None:
    with pace.sweeping():
        pace.charge(zone, "netris", round(zone.calls_per_second * 6 * pace.SWEEPS_SHARE))
    before = world.netris.control.calls.total()

    assert not refresh(zone, Kind.NETRIS_DEVICE, clouds_of(zone))

    reading = reading_of(zone, Kind.NETRIS_DEVICE)
    assert world.netris.control.calls.total() == before
    assert reading.lease_until is None
    assert reading.due_at == pytest.approx(timezone.now() + timedelta(seconds=4), abs=timedelta(seconds=0.1))


# --- who reads --------------------------------------------------------------------------------------------------------


def test_a_list_that_is_being_read_is_left_to_its_reader_until_the_lease_runs_out(
    zone: Zone, clouds_of: OpenClouds, clock: time_machine.Traveller
) -> None:
    Reading.objects.create(zone=zone, kind=Kind.NETRIS_DEVICE, lease_until=timezone.now() + timedelta(seconds=60))

    assert not refresh(zone, Kind.NETRIS_DEVICE, clouds_of(zone))
    clock.shift(61)
    assert refresh(zone, Kind.NETRIS_DEVICE, clouds_of(zone))


def test_whoever_was_overtaken_writes_nothing(
    scripted: Scripted, scripted_zone: Zone, clock: time_machine.Traveller
) -> None:
    """It was stopped for longer than its lease, which nobody renewed meanwhile."""

    def overtaken(_: httpx.Request) -> Any:
        clock.shift(70)
        refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: [{"id": 8, "name": "newer"}]))
        return [{"id": 7, "name": "older"}]

    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(overtaken))

    reading = reading_of(scripted_zone, Kind.NETRIS_VPC)
    assert names(scripted_zone, Kind.NETRIS_VPC) == ["newer"]
    assert reading.rows == 1
    assert reading.error == ""


def test_a_list_that_takes_longer_than_its_lease_is_kept_page_by_page(
    scripted: Scripted, scripted_zone: Zone, clock: time_machine.Traveller
) -> None:
    """Five pages of 50 s: each of them is written when it comes, and the lease is renewed with it."""
    seen: list[tuple[int, timedelta]] = []

    def page(request: httpx.Request) -> httpx.Response:
        number = int(dict(httpx.QueryParams(request.content.decode()))["page"])
        lease_until = reading_of(scripted_zone, Kind.CLOUDSTACK_VPC).lease_until
        assert lease_until is not None
        seen.append((Item.objects.count(), lease_until - timezone.now()))
        clock.shift(50)
        rows = [{"id": f"{number}-{n}", "name": f"vpc {number}-{n}"} for n in range(500)]
        return httpx.Response(200, json={"listvpcsresponse": {"count": 2500, "vpc": rows}})

    clouds = scripted(lambda _: [])
    clouds.cloudstack._channel._client._transport = httpx.MockTransport(page)
    started_at = timezone.now()

    assert refresh(scripted_zone, Kind.CLOUDSTACK_VPC, clouds)

    assert seen == [(500 * n, timedelta(seconds=60)) for n in range(5)]
    reading = reading_of(scripted_zone, Kind.CLOUDSTACK_VPC)
    assert (reading.rows, reading.read_at, reading.error) == (2500, started_at, "")


@pytest.mark.django_db(transaction=True)
def test_one_answer_that_takes_longer_than_the_lease_is_not_thrown_away(
    scripted: Scripted, scripted_zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "LEASE", timedelta(seconds=0.6))
    monkeypatch.setattr(services, "RENEWED_EVERY", 0.1)
    tried: list[bool] = []

    def slowly(_: httpx.Request) -> Any:
        give_up_at = time.monotonic() + 1.2
        while time.monotonic() < give_up_at:
            time.sleep(0.3)
            tried.append(refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: [])))
        return [{"id": 7, "name": "a"}]

    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(slowly))

    assert tried == [False] * len(tried)
    assert names(scripted_zone, Kind.NETRIS_VPC) == ["a"]


def test_a_list_that_breaks_off_keeps_what_it_has_not_reached(scripted: Scripted, scripted_zone: Zone) -> None:
    Reading.objects.create(zone=scripted_zone, kind=Kind.CLOUDSTACK_VPC)
    Item.objects.create(
        zone=scripted_zone, kind=Kind.CLOUDSTACK_VPC, remote_id="z", name="old", data={}, changed_at=timezone.now()
    )

    def page(request: httpx.Request) -> httpx.Response:
        if "page=2" in request.content.decode():
            return httpx.Response(500, text="gone away")
        return httpx.Response(200, json={"listvpcsresponse": {"count": 2, "vpc": [{"id": "a", "name": "new"}]}})

    clouds = scripted(lambda _: [])
    clouds.cloudstack._channel._client._transport = httpx.MockTransport(page)
    refresh(scripted_zone, Kind.CLOUDSTACK_VPC, clouds)

    reading = reading_of(scripted_zone, Kind.CLOUDSTACK_VPC)
    assert names(scripted_zone, Kind.CLOUDSTACK_VPC) == ["new", "old"]
    assert reading.read_at is None
    assert reading.has_failed


def test_what_was_read_by_its_id_meanwhile_is_newer_than_the_list(
    scripted: Scripted, scripted_zone: Zone, clock: time_machine.Traveller
) -> None:
    """The list was put together before an operation ended; its end was read by id, and comes first."""

    def meanwhile(_: httpx.Request) -> Any:
        clock.shift(5)
        rows = [netris_wire.Vpc(id=7, name="changed"), netris_wire.Vpc(id=8, name="made")]
        services.note(scripted_zone, Kind.NETRIS_VPC, rows, read_at=timezone.now())
        return [{"id": 7, "name": "as it was"}, {"id": 9, "name": "other"}]

    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(meanwhile))
    assert names(scripted_zone, Kind.NETRIS_VPC) == ["changed", "made", "other"]

    clock.shift(1)
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: [{"id": 7, "name": "changed"}]))
    assert names(scripted_zone, Kind.NETRIS_VPC) == ["changed"]


def test_a_long_list_that_takes_too_long_closes_no_gate(
    scripted: Scripted, scripted_zone: Zone, clock: time_machine.Traveller
) -> None:
    def late(_: httpx.Request) -> Any:
        raise httpx.ReadTimeout("too long")

    refresh(scripted_zone, Kind.NETRIS_NAT, scripted(late))

    reading = reading_of(scripted_zone, Kind.NETRIS_NAT)
    assert "did not answer GET /api/v2/nat in time" in reading.error
    assert not Remote.objects.filter(zone=scripted_zone).exists()


def test_the_list_of_a_whole_controller_may_take_minutes(scripted: Scripted, scripted_zone: Zone) -> None:
    limits: dict[str, float] = {}

    def note(request: httpx.Request) -> Any:
        limits[f"{request.url.path}?{request.url.query.decode()}"] = request.extensions["timeout"]["read"]
        return []

    clouds = scripted(note)
    for kind in (Kind.NETRIS_VPC, Kind.NETRIS_NAT, Kind.NETRIS_DEVICE, Kind.NETRIS_LINK):
        refresh(scripted_zone, kind, clouds)
    clouds.netris.nat_rules(7)

    assert {path: limit for path, limit in limits.items() if limit < 180} == {"/api/v2/nat?filterByVpc=7": 30}
    assert len(limits) == 5


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_read_every_list_once(zone: Zone, clouds_of: OpenClouds, world: World) -> None:
    def work(_: int) -> int:
        try:
            return refresh_due(clouds_of)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        done = list(workers.map(work, range(6)))

    assert sum(done) == len(Kind)
    assert world.netris.control.calls[DEVICES] == 1
    close_old_connections()


def test_a_list_rests_as_long_as_it_takes(
    scripted: Scripted, scripted_zone: Zone, clock: time_machine.Traveller
) -> None:
    started_at = timezone.now()

    def slowly(_: httpx.Request) -> Any:
        clock.shift(40)
        return []

    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(slowly))

    reading = reading_of(scripted_zone, Kind.NETRIS_VPC)
    assert reading.due_at == started_at + timedelta(seconds=80)
    assert reading.read_at == started_at  # what is shown is as old as its question
    assert reading.milliseconds == 40_000


# --- asked for --------------------------------------------------------------------------------------------------------


def test_a_list_can_be_asked_for(zone: Zone, clouds_of: OpenClouds, clock: time_machine.Traveller) -> None:
    refresh_due(clouds_of)
    clock.shift(1)

    request_refresh(zone, Kind.NETRIS_LINK, Kind.NETRIS_VPC)

    assert refresh_due(clouds_of) == 2
    assert reading_of(zone, Kind.NETRIS_LINK).read_at == timezone.now()


def test_all_lists_of_a_new_zone_can_be_asked_for(zone: Zone) -> None:
    request_refresh(zone)
    assert Reading.objects.due().filter(zone=zone).count() == len(Kind)


def test_a_list_that_is_asked_for_while_it_is_read_is_read_once_more(scripted: Scripted, scripted_zone: Zone) -> None:
    def asked(_: httpx.Request) -> Any:
        request_refresh(scripted_zone, Kind.NETRIS_VPC)
        return []

    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(asked))

    assert Reading.objects.due().filter(zone=scripted_zone, kind=Kind.NETRIS_VPC).exists()


def test_beat_finds_the_task_by_its_name(settings: Any) -> None:
    from apps.mirror import tasks

    assert app.tasks["mirror.refresh"].name == tasks.refresh.name
    assert "mirror.refresh" in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


def test_sweeps_have_a_queue_of_their_own() -> None:
    def queue_of(task: str) -> str:
        queue: str = app.amqp.router.route({}, task)["queue"].name
        return queue

    assert queue_of("mirror.refresh") == "sweeps"
    assert queue_of("operations.work") != "sweeps"


# --- cost -------------------------------------------------------------------------------------------------------------


def test_an_idle_beat_costs_two_queries(
    zone: Zone, clouds_of: OpenClouds, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    refresh_due(clouds_of)
    with django_assert_num_queries(2):
        refresh_due(clouds_of)


def test_a_sweep_costs_the_same_for_one_row_and_for_many(
    scripted: Scripted, scripted_zone: Zone, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: []))
    for count in (1, 500):
        rows = [{"id": number, "name": f"{number} of {count}"} for number in range(1, count + 1)]
        clouds = scripted(lambda _, rows=rows: rows)  # type: ignore[misc]
        # look, claim, is the remote down; in a transaction the lease and the rows; is it slow; what is gone,
        # is it slow, and in a transaction the reading
        with django_assert_num_queries(13):
            refresh(scripted_zone, Kind.NETRIS_VPC, clouds)


def test_a_row_that_is_as_it_was_is_not_even_locked(scripted: Scripted, scripted_zone: Zone) -> None:
    def marks() -> list[tuple[str, str, str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT remote_id, xmin::text, xmax::text FROM mirror_item ORDER BY remote_id")
            return cursor.fetchall()

    rows = [{"id": number, "name": f"vpc {number}"} for number in (1, 2)]
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: rows))
    before = marks()
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: rows))
    assert marks() == before
    rows[1]["name"] = "another"
    refresh(scripted_zone, Kind.NETRIS_VPC, scripted(lambda _: rows))
    assert marks()[0] == before[0] and marks()[1] != before[1]


def test_twenty_thousand_rows_are_refreshed_in_seconds(scripted: Scripted, scripted_zone: Zone) -> None:
    def row(number: int, name: str) -> dict[str, Any]:
        return {"id": number, "name": f"{name}-{number}", "vxlanID": 1_000_000 + number, "vpc": {"id": 1}, "state": "a"}

    def listing(name: str) -> Answer:
        def answer(request: httpx.Request) -> Any:
            vpcs = [{"id": 1, "name": "vpc-1", "isSystem": True}]
            return vpcs if request.url.path == "/api/v2/vpc" else [row(number, name) for number in range(20_000)]

        return answer

    def seconds(clouds: Clouds) -> float:
        started = time.perf_counter()
        assert refresh(scripted_zone, Kind.NETRIS_VNET, clouds)
        return time.perf_counter() - started

    took = {what: seconds(scripted(listing(name))) for what, name in (("new", "a"), ("same", "a"), ("changed", "b"))}
    for what, figure in took.items():
        print(f"20,000 rows, {what}: {figure:.2f} s")

    assert Item.objects.filter(zone=scripted_zone, name__startswith="b-").count() == 20_000
    assert max(took.values()) < 60
