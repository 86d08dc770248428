"""A virtual interface on the emulated Netris: four objects, a session that comes up, and the five questions at every
call."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from ipaddress import IPv4Network
from typing import Any

import pytest
from pydantic import SecretStr

from apps.directconnect.interfaces import services, tending
from apps.directconnect.interfaces.recipes import KIND, REST
from apps.directconnect.interfaces.wanted import seal
from apps.directconnect.models import Connection, Interface
from apps.directconnect.stages import Stage
from apps.kernel import clock
from apps.networks.services import delete_vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Goal, Phase
from sandbox.netris.routing import routers
from sandbox.netris.state import fabric
from tests import builders, questions
from tests.addresses.conftest import clouds_of, place, watch  # noqa: F401  # fixtures
from tests.balancers.test_recipe import expunge
from tests.builders import BY

KEY = "a-key-of-both-ends"


@pytest.fixture
def connection(place: Any) -> Connection:  # noqa: F811
    return a_connection(place)


def a_connection(place: Any, **facts: Any) -> Connection:  # noqa: F811
    """With a port of a leaf that no cable of the fabric is in."""
    net = place.world.netris.net
    there = next(each for each in net.ports if each["name"].endswith("@Leaf-1") and is_free(net, each))
    location = builders.a_location(place.zone)
    port = builders.a_fabric_port(location, there["name"], str(there["id"]), device_id=str(there["hw"]))
    return builders.a_connection(place.acme, location, stage=Stage.PORT_RESERVED, port=port, **facts)


def is_free(net: Any, port: Any) -> bool:
    return port["name"].startswith("swp") and fabric.far_end(net, port) is None


def an_interface(place: Any, connection: Connection, **facts: Any) -> Interface:  # noqa: F811
    facts = {"status": Status.BUILDING, "accept": ["192.168.0.0/16"], "md5": SecretStr(KEY), "has_md5": True} | facts
    return builders.an_interface(connection, place.vpc, **facts)


def started(row: Interface, goal: Goal, **wanted: Any) -> Operation:
    row = Interface.unscoped.select_related("tenant", "vpc__zone").get(pk=row.pk)
    return operations.start(
        KIND,
        row,
        goal,
        tenant=row.tenant,
        zone=row.vpc.zone,
        lock_key=row.lock_key,
        lane=row.lane,
        wanted=wanted or None,
        by=BY,
    )


def made(place: Any, connection: Connection, **facts: Any) -> Interface:  # noqa: F811
    row = an_interface(place, connection, **facts)
    place.done(started(row, Goal.PRESENT))
    return Interface.unscoped.get(pk=row.pk)


def there(place: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: F811
    """What Netris has under names of ours."""
    net = place.world.netris.net
    shelves = {"allocation": net.allocations, "subnet": net.subnets, "vnet": net.vnets, "session": net.sessions}
    return {what: [row for row in shelf if row["name"].startswith("weft-dc-")] for what, shelf in shelves.items()}


def counts(place: Any) -> list[int]:  # noqa: F811
    return [len(rows) for rows in there(place).values()]


def test_it_is_made_of_four_objects_in_the_tenants_vpc(place, connection):  # noqa: F811
    row = made(place, connection)
    found = there(place)
    assert counts(place) == [1, 1, 1, 1]
    assert {each["name"] for rows in found.values() for each in rows} == {row.remote_name}
    assert {each["vpc"] for rows in found.values() for each in rows} == {place.vpc.netris_id}
    [vnet], [session] = found["vnet"], found["session"]
    assert [(port["port"], str(port["vlan"])) for port in vnet["ports"]] == [(int(connection.port.remote_id), "100")]
    assert (session["neighborAS"], session["localIP"], session["remoteIP"]) == (64600, "169.254.10.1", "169.254.10.2")
    assert session["prefixListInbound"] == "permit 192.168.0.0/16 le 32"
    assert session["prefixListOutbound"] == f"permit {place.vpc.cidr} le 32"
    assert session["bgpPassword"] == KEY
    assert (row.allocation_id, row.subnet_id, row.vnet_id, row.ebgp_id) == tuple(
        rows[0]["id"] for rows in found.values()
    )
    assert row.status == Status.READY


def test_nothing_is_learnt_or_announced_where_nobody_asked_for_it(place, connection):  # noqa: F811
    made(place, connection, accept=[], announce=[])
    [session] = there(place)["session"]
    assert session["prefixListInbound"] == session["prefixListOutbound"] == "deny 0.0.0.0/0 le 32"


def test_its_session_comes_up_with_the_router_at_the_far_end(place, connection):  # noqa: F811
    row = made(place, connection)
    net = place.world.netris.net
    side = {"vlan": 100, "address": "169.254.10.2/30", "asn": 64600, "password": KEY, "announces": ["192.168.7.0/24"]}
    routers.set_up(net, net.ports.one("name", connection.port.name), side)
    place.clock.shift(120)
    session = place.watch.clouds_of(place.zone).netris.get_ebgp(row.ebgp_id)
    assert (session.bgp_state, session.bgp_prefixes) == ("Established", 1)


def test_what_is_changed_is_the_session_alone(place, connection):  # noqa: F811
    row = made(place, connection)
    before = there(place)
    wanted = {"accept": ["172.20.0.0/16"], "max_prefixes": 7, "md5": seal(SecretStr("another-key"))}
    place.done(started(row, Goal.CHANGED, **wanted))
    after = there(place)
    [session] = after.pop("session")
    assert (session["prefixListInbound"], session["prefixInboundMax"]) == ("permit 172.20.0.0/16 le 32", 7)
    assert session["bgpPassword"] == "another-key"
    before.pop("session")
    assert before == after
    row = Interface.unscoped.get(pk=row.pk)
    assert (row.accept, row.max_prefixes, row.md5.get_secret_value()) == (["172.20.0.0/16"], 7, "another-key")


@pytest.mark.parametrize("what", ["vnet", "session", "filter", "tag"])
def test_what_somebody_took_away_or_changed_is_put_right_when_it_is_applied(place, connection, what):  # noqa: F811
    row = made(place, connection)
    net, found = place.world.netris.net, there(place)
    match what:
        case "vnet":
            net.sessions.drop(found["session"][0]["id"])
            net.vnets.drop(found["vnet"][0]["id"])
        case "session":
            net.sessions.drop(found["session"][0]["id"])
        case "filter":
            net.sessions.change(found["session"][0], prefixListInbound="permit any")
        case "tag":
            vnet = found["vnet"][0]
            net.vnets.change(vnet, ports=[{**vnet["ports"][0], "vlan": 12}])
    op = place.run(started(row, Goal.CHANGED))
    assert op.phase == Phase.SUCCEEDED, op.error
    again = there(place)
    assert counts(place) == [1, 1, 1, 1]
    assert again["session"][0]["prefixListInbound"] == "permit 192.168.0.0/16 le 32"
    assert str(again["vnet"][0]["ports"][0]["vlan"]) == "100"
    assert Interface.unscoped.get(pk=row.pk).vnet_id == again["vnet"][0]["id"]


def test_it_goes_in_reverse_and_its_vlan_rests(place, connection):  # noqa: F811
    row = made(place, connection)
    place.done(started(row, Goal.ABSENT))
    assert counts(place) == [0, 0, 0, 0]
    row = Interface.unscoped.get(pk=row.pk)
    assert (row.status, row.holds_vlan) == (Status.DELETED, True)
    assert abs(row.rests_until - clock.now() - REST).total_seconds() < 600


def test_two_of_one_port_stand_side_by_side(place, connection):  # noqa: F811
    first = made(place, connection)
    facts = {"link": IPv4Network("169.254.10.4/30"), "local_address": "169.254.10.5", "remote_address": "169.254.10.6"}
    made(place, connection, name="second", vlan=200, **facts)
    assert counts(place) == [2, 2, 2, 2]
    place.done(started(first, Goal.ABSENT))
    assert counts(place) == [1, 1, 1, 1]
    assert [str(port["vlan"]) for port in there(place)["vnet"][0]["ports"]] == ["200"]


def test_what_somebody_else_has_under_its_prefix_is_left_alone(place, connection):  # noqa: F811
    net = place.world.netris.net
    like = next(each for each in net.allocations if each["vpc"] == place.vpc.netris_id)
    theirs = {**like, "name": "theirs", "prefix": "169.254.10.0/30"}
    theirs.pop("id")
    net.allocations.add(**theirs)
    row = an_interface(place, connection)
    operation = place.run(started(row, Goal.PRESENT))
    assert operation.phase == Phase.ROLLED_BACK
    assert "already, as theirs" in operation.error
    assert [each["name"] for each in net.allocations if each["prefix"] == "169.254.10.0/30"] == ["theirs"]
    assert counts(place) == [0, 0, 0, 0]


def test_a_vpc_goes_after_it(place, connection):  # noqa: F811
    row = made(place, connection)
    place.done(started(row, Goal.ABSENT))
    expunge(place, *range(len(place.ids)))
    place.vpc.refresh_from_db()
    place.done(delete_vpc(place.vpc, by=BY))
    assert place.world.netris.net.vpcs.get(place.vpc.netris_id) is None


# The five questions


def agree(place: Any) -> None:  # noqa: F811
    """Netris has what the rows say: all four of one that is there, nothing of one that is not."""
    live = list(Interface.unscoped.live())
    found = there(place)
    assert counts(place) == [len(live)] * 4, place.watch.struck
    for row in live:
        [session] = found["session"]
        assert session["prefixInboundMax"] == row.max_prefixes
        assert session["bgpPassword"] == row.md5.get_secret_value()
        assert session["state"] == ("enabled" if row.is_enabled else "disabled")


ACTIONS = ["create", "change", "apply", "test", "end of test", "delete"]


def action_of(place: Any, connection: Connection, action: str) -> Any:  # noqa: F811
    match action:
        case "create":
            return lambda: started(an_interface(place, connection), Goal.PRESENT)
        case "change":
            row = made(place, connection)
            wanted = {"max_prefixes": 7, "is_enabled": False, "md5": seal(SecretStr("another-key"))}
            return lambda: started(row, Goal.CHANGED, **wanted)
        case "apply":
            row = made(place, connection)
            vnet = there(place)["vnet"][0]
            place.world.netris.net.vnets.change(vnet, ports=[{**vnet["ports"][0], "vlan": 12}])
            return lambda: started(row, Goal.CHANGED)
        case "test":
            row = made(place, connection)
            return lambda: services.start_test(fresh(row), 15, by=BY)
        case "end of test":
            row = made(place, connection)
            place.done(services.start_test(fresh(row), 15, by=BY))
            place.clock.shift(timedelta(hours=1))
            return lambda: ended(row)
    row = made(place, connection)
    return lambda: started(row, Goal.ABSENT)


def fresh(row: Interface) -> Interface:
    return Interface.unscoped.select_related("tenant", "vpc__zone", "connection__location__zone", "port").get(pk=row.pk)


def ended(row: Interface) -> Operation:
    """What beat does when a test is over."""
    assert tending.tend() == 1
    return Operation.unscoped.live().get(resource_id=row.pk)


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_disturbance_at_any_call_ends_with_one_of_everything(place, connection, action, how):  # noqa: F811
    ready = partial(action_of, place, connection, action)
    for operation, call in questions.at_every_call(place, ready, how, partial(agree, place)):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_refusal_at_any_call_leaves_the_old_or_the_new_or_waits_for_a_person(place, connection, action):  # noqa: F811
    ready = partial(action_of, place, connection, action)
    for operation, call in questions.at_every_call(place, ready, "refused", partial(agree, place)):
        if operation.phase == Phase.STUCK:
            operation = place.run(operations.retry(operation, by=BY))
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), (call, operation.steps)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_part_run_twice_makes_one_of_everything(place, connection, action):  # noqa: F811
    start = action_of(place, connection, action)
    with questions.every_part_twice(KIND):
        place.done(start())
    agree(place)


@pytest.mark.parametrize("how", ["refused", "reply lost", "late", "killed before", "killed after"])
def test_a_test_that_is_over_restores_its_session_whatever_was_in_the_way_of_that(place, connection, how):  # noqa: F811
    """The end itself is disturbed at each of its calls; an hour later beat rings again, and the session is up."""
    ready = partial(action_of, place, connection, "end of test")
    for operation, call in questions.at_every_call(place, ready, how, partial(agree, place)):
        if operation.phase == Phase.STUCK:
            operation = place.run(operations.retry(operation, by=BY))
        row = Interface.unscoped.get(pk=operation.resource_id)
        if not row.is_enabled:
            place.clock.shift(timedelta(hours=1))
            place.run(ended(row))
        row = Interface.unscoped.get(pk=operation.resource_id)
        assert (row.is_enabled, row.test_until) == (True, None), call
        assert there(place)["session"][0]["state"] == "enabled", call


def test_a_test_whose_end_comes_while_netris_is_away_ends_when_it_is_back(place, connection):  # noqa: F811
    row = made(place, connection)
    place.done(services.start_test(fresh(row), 15, by=BY))
    place.clock.shift(timedelta(hours=1))
    place.world.netris.faults.order("down", "*", times=25)
    operation = ended(row)
    assert there(place)["session"][0]["state"] == "disabled"
    place.done(operation)
    assert not place.world.netris.faults.as_list(), "it was away all that time"
    assert there(place)["session"][0]["state"] == "enabled"
    assert (fresh(row).is_enabled, fresh(row).test_until) == (True, None)
