"""Load balancers on the emulated systems: the happy ways, the traps, then the five questions at every call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from apps.addresses.models import Purpose
from apps.balancers.models import Balancer
from apps.balancers.services import (
    add_members,
    apply_balancer,
    change_balancer,
    create_balancer,
    delete_balancer,
    drain_member,
    remove_member,
    rename_balancer,
)
from apps.balancers.specs import BalancerSpec, CheckSpec
from apps.mirror.models import Kind
from apps.networks.services import delete_tier
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import retry
from apps.operations.state import Phase
from sandbox.cloudstack.inhabitants import Order
from sandbox.packets import Packet
from tests import questions
from tests.builders import BY
from tests.questions import every_part_twice
from tests.sandbox.cloudstack.client import root_of

TCP = {"type": "tcp", "timeout_seconds": 2}
OFFICE = "192.0.2.0/24"


def spec(place: Any, *members: int, **more: Any) -> BalancerSpec:
    values = {"name": "shop", "protocol": "tcp", "port": 443, "member_port": 8443, "health_check": TCP}
    values["members"] = [{"instance": str(place.ids[number])} for number in members or (0, 1)]
    return BalancerSpec.parse(values | more)


def live() -> Balancer:
    return Balancer.unscoped.live().select_related("vpc__zone", "tenant", "public_ip").get()


def on_netris(place: Any) -> list[Any]:
    return place.watch.clouds_of(place.zone).netris.balancers(place.vpc.netris_id)


def shown(place: Any) -> list[tuple[Any, ...]]:
    """What Netris has: protocol, port, members' addresses, check."""
    return sorted(
        (each.protocol, each.port, tuple(sorted(str(one.ip) for one in each.backends)), each.check.protocol)
        for each in on_netris(place)
    )


def rules(place: Any) -> list[tuple[str, str, Any, Any]]:
    netris = place.watch.clouds_of(place.zone).netris
    system = next(vpc for vpc in netris.vpcs() if vpc.is_system)
    ours = [rule for rule in netris.acls(system.id) if rule.name.startswith("weft-lb-")]
    return sorted((rule.action, str(rule.source), rule.protocol, rule.port_from) for rule in ours)


def ends(place: Any, *members: int) -> tuple[str, ...]:
    return tuple(sorted(str(place.instance(number).addresses[0].address) for number in members))


def test_one_is_made_with_its_check_changed_and_deleted(place):
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place), by=BY))
    row = live()
    assert (row.status, type(ip).unscoped.get(pk=ip.pk).purpose) == (Status.READY, Purpose.LOAD_BALANCER)
    assert shown(place) == [("TCP", 443, ends(place, 0, 1), "TCP")]
    assert rules(place) == []

    place.done(change_balancer(row, check=CheckSpec("http", "/up", 3), by=BY))
    [there] = on_netris(place)
    assert (there.check.protocol, there.check.timeout, there.check.request_path) == ("HTTP", 3000, "/up")
    assert (live().check_kind, live().check_path) == ("http", "/up")

    place.done(delete_balancer(live(), by=BY))
    assert (shown(place), rules(place)) == ([], [])
    assert place.cloudstack.balancer_rules_of(str(ip.cloudstack_id)) == []
    assert type(ip).unscoped.get(pk=ip.pk).purpose == Purpose.UNUSED


def test_members_come_go_and_are_drained_and_the_check_is_there_after_each(place):
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place, 0), by=BY))
    place.done(add_members(live(), [place.ids[1]], by=BY))
    assert shown(place) == [("TCP", 443, ends(place, 0, 1), "TCP")]

    first = live().members.get(instance_id=place.ids[0])
    place.done(drain_member(live(), first, is_drained=True, by=BY))
    assert shown(place) == [("TCP", 443, ends(place, 1), "TCP")]
    assert live().members.get(pk=first.pk).drained
    assert drain_member(live(), first, is_drained=True, by=BY) is None
    place.done(drain_member(live(), first, is_drained=False, by=BY))
    assert shown(place) == [("TCP", 443, ends(place, 0, 1), "TCP")]

    place.done(remove_member(live(), first, by=BY))
    assert shown(place) == [("TCP", 443, ends(place, 1), "TCP")]
    assert [member.instance_id for member in live().members.all()] == [place.ids[1]]
    last = live().members.get()
    place.done(drain_member(live(), last, is_drained=True, by=BY))
    assert [each[2] for each in shown(place)] == [()]
    place.done(drain_member(live(), last, is_drained=False, by=BY))
    assert shown(place) == [("TCP", 443, ends(place, 1), "TCP")]
    place.done(delete_balancer(live(), by=BY))
    assert shown(place) == []


def test_a_udp_balancer_is_called_so_on_netris(place):
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place, protocol="udp", port=53, member_port=53, health_check=None), by=BY))
    assert shown(place) == [("UDP", 53, ends(place, 0, 1), "")]
    place.done(remove_member(live(), live().members.first(), by=BY))
    assert [each[0] for each in shown(place)] == ["UDP"]


def test_while_netris_calls_a_udp_balancer_tcp_nobody_comes_in_by_tcp(place):
    """Looked at before every call that is made."""
    ip = place.public_ip()
    outcomes: list[tuple[bool, bool]] = []
    inner = place.watch._before

    def look(system: str, call: str) -> None:
        packets = [Packet(str(ip.address), "tcp", 53, source=source) for source in ("192.0.2.7", "203.0.113.9")]
        served = bool(list(place.world.netris.net.lbs))
        outcomes.append((served, any(place.world.would_pass(packet).is_delivered for packet in packets)))
        inner(system, call)

    place.watch._before = look
    udp = {"protocol": "udp", "port": 53, "member_port": 53, "health_check": None}
    for sources in ([], [OFFICE]):
        place.done(create_balancer(ip, spec(place, 0, allowed_cidrs=sources, **udp), by=BY))
        place.done(add_members(live(), [place.ids[1]], by=BY))
        place.done(delete_balancer(live(), by=BY))
        assert rules(place) == []
    assert {served for served, _ in outcomes} == {True, False}
    assert [each for each in outcomes if each[1]] == []


@pytest.mark.parametrize("sources", [[], [OFFICE]])
def test_tcp_becomes_udp_and_tcp_again(place, sources):
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place, health_check=None, allowed_cidrs=sources), by=BY))
    before = rules(place)
    place.done(change_balancer(live(), protocol="udp", by=BY))
    assert shown(place) == [("UDP", 443, ends(place, 0, 1), "")]
    office = [("deny", "0.0.0.0/0", "udp", 443), ("permit", OFFICE, "udp", 443)] if sources else []
    assert rules(place) == sorted([("deny", "0.0.0.0/0", "tcp", 443), *office])
    place.done(change_balancer(live(), protocol="tcp", by=BY))
    assert (shown(place), rules(place)) == ([("TCP", 443, ends(place, 0, 1), "")], before)


def test_another_port_is_a_replacement_and_a_name_is_weft_s_alone(place):
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place, allowed_cidrs=[OFFICE]), by=BY))
    [before] = on_netris(place)
    del place.watch.calls[:]
    assert rename_balancer(live(), name="store", by=BY)
    assert (live().name, place.watch.calls) == ("store", [])

    place.done(change_balancer(live(), port=8080, by=BY))

    assert shown(place) == [("TCP", 8080, ends(place, 0, 1), "TCP")]
    assert on_netris(place)[0].name != before.name
    assert rules(place) == [("deny", "0.0.0.0/0", "tcp", 8080), ("permit", OFFICE, "tcp", 8080)]


def test_it_is_never_open_to_more_than_the_old_sources_or_the_new(place):
    """Looked at before every call that is made."""
    ip = place.public_ip()
    seen: list[list[Any]] = []
    inner = place.watch._before

    def look(system: str, call: str) -> None:
        shelf = place.world.netris.net.acls
        names = [(row["action"], row["src_prefix"]) for row in shelf if row["name"].startswith("weft-lb-")]
        seen.append([bool(list(place.world.netris.net.lbs)), sorted(names)])
        inner(system, call)

    place.watch._before = look
    place.done(create_balancer(ip, spec(place, allowed_cidrs=[OFFICE]), by=BY))
    office = [("deny", "0.0.0.0/0"), ("permit", OFFICE)]
    assert [there for is_live, there in seen if is_live and there != office] == []

    del seen[:]
    home = "198.18.0.0/15"
    place.done(change_balancer(live(), allowed=[home], by=BY))
    allowed = [office, office[:1], [office[0], ("permit", home)]]
    assert [there for _, there in seen if there not in allowed] == []
    assert rules(place) == [("deny", "0.0.0.0/0", "tcp", 443), ("permit", home, "tcp", 443)]

    del seen[:]
    place.done(delete_balancer(live(), by=BY))
    assert [there for is_live, there in seen if is_live and there != allowed[-1]] == []
    assert rules(place) == []


def test_a_check_that_cloudstack_reset_is_put_back(place):
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place, 0), by=BY))
    [rule] = place.cloudstack.balancer_rules_of(str(ip.cloudstack_id))
    place.cloudstack.assign_members(rule.id, [str(place.ids[1])])
    place.clock.shift(60)
    place.world.cloudstack.run_due_jobs()
    assert shown(place) == [("TCP", 443, ends(place, 0, 1), "")]

    place.done(apply_balancer(live(), by=BY))

    assert shown(place) == [("TCP", 443, ends(place, 0, 1), "TCP")]


def test_what_netris_refuses_leaves_nothing(place):
    ip = place.public_ip()
    place.world.netris.faults.order("refuse", "PUT /api/v2/l4lb/{id}")
    operation = place.run(create_balancer(ip, spec(place, allowed_cidrs=[OFFICE]), by=BY))
    assert operation.phase == Phase.ROLLED_BACK, operation.steps
    place.world.netris.faults.clear()
    assert (shown(place), rules(place), Balancer.unscoped.live().count()) == ([], [], 0)
    assert place.cloudstack.balancer_rules_of(str(ip.cloudstack_id)) == []


def expunge(place: Any, *numbers: int) -> None:
    for number in numbers:
        root_of(place.world)("destroyVirtualMachine", id=str(place.ids[number]), expunge=True)
    for _ in range(10):
        place.clock.shift(timedelta(minutes=1))
        place.world.cloudstack.run_due_jobs()
    place.see(Kind.CLOUDSTACK_INSTANCE)


def test_members_that_are_gone_from_cloudstack_hold_up_nothing_and_leave_one_by_one(place):
    place.move_in(Order(place.tier.remote_name, count=2, name="more"))
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place, 0, 1, 2), by=BY))
    expunge(place, 0, 1)
    assert shown(place) == [("TCP", 443, ends(place, 2), "")]

    # What is asked for again is not all there; the rest of it is put back.
    again = place.run(apply_balancer(live(), by=BY))
    assert again.phase == Phase.ROLLED_BACK
    assert "is gone from CloudStack. Take it out of the load balancer." in again.error
    assert shown(place) == [("TCP", 443, ends(place, 2), "TCP")]

    place.done(change_balancer(live(), allowed=[OFFICE], by=BY))
    assert rules(place) == [("deny", "0.0.0.0/0", "tcp", 443), ("permit", OFFICE, "tcp", 443)]
    place.done(remove_member(live(), live().members.get(instance_id=place.ids[0]), by=BY))
    last = live().members.get(instance_id=place.ids[1])
    place.done(drain_member(live(), last, is_drained=True, by=BY))
    back = place.run(drain_member(live(), last, is_drained=False, by=BY))
    assert (back.phase, live().members.get(pk=last.pk).drained) == (Phase.ROLLED_BACK, True)
    place.done(remove_member(live(), last, by=BY))
    assert [member.instance_id for member in live().members.all()] == [place.ids[2]]
    assert shown(place) == [("TCP", 443, ends(place, 2), "TCP")]


def test_one_that_was_destroyed_and_could_still_be_recovered_counts_as_gone(place):
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place, 0, 1), by=BY))
    root_of(place.world)("destroyVirtualMachine", id=str(place.ids[0]))
    place.clock.shift(timedelta(minutes=1))
    place.world.cloudstack.run_due_jobs()
    place.done(change_balancer(live(), allowed=[OFFICE], by=BY))
    assert rules(place) == [("deny", "0.0.0.0/0", "tcp", 443), ("permit", OFFICE, "tcp", 443)]
    place.done(remove_member(live(), live().members.get(instance_id=place.ids[0]), by=BY))
    assert [member.instance_id for member in live().members.all()] == [place.ids[1]]


# --- the five questions -----------------------------------------------------------------------------------------------

ACTIONS = ("create", "delete", "add", "drain", "check", "sources", "port")


def started(place: Any, ip: Any, action: str) -> Any:
    """What is to be disturbed, with what has to be there before it."""
    make = partial(
        create_balancer, ip, spec(place, *(0,) if action == "add" else (0, 1), allowed_cidrs=[OFFICE]), by=BY
    )
    if action == "create":
        return make
    place.done(make())
    return {
        "delete": lambda: delete_balancer(live(), by=BY),
        "add": lambda: add_members(live(), [place.ids[1]], by=BY),
        "drain": lambda: drain_member(live(), live().members.get(instance_id=place.ids[1]), is_drained=True, by=BY),
        "check": lambda: change_balancer(live(), check=CheckSpec("http", "/", 2), by=BY),
        "sources": lambda: change_balancer(live(), allowed=["198.18.0.0/15"], by=BY),
        "port": lambda: change_balancer(live(), port=8080, by=BY),
    }[action]


def agree(place: Any, ip: Any) -> None:
    """Both systems have what the rows say: all of the old, or all of the new."""
    rows: Sequence[Balancer] = list(Balancer.unscoped.live())
    assert {row.status for row in rows} <= {Status.READY}
    wanted, allowed = [], []
    for row in rows:
        active = [member for member in row.members.all() if not member.drained]
        wanted.append(
            (
                row.protocol.upper(),
                row.port,
                tuple(sorted(str(each.guest_address) for each in active)),
                row.check_kind.upper(),
            )
        )
        allowed.append(("deny", "0.0.0.0/0", row.protocol, row.port))
        allowed += [("permit", source, row.protocol, row.port) for source in row.allowed_cidrs]
    assert shown(place) == sorted(wanted)
    assert rules(place) == sorted(allowed)
    assert len(place.cloudstack.balancer_rules_of(str(ip.cloudstack_id))) == len(rows)


def at_every_call(place: Any, action: str, how: str) -> Any:
    ip = place.public_ip()

    def then() -> None:
        agree(place, ip)
        place.watch.disturb(0, "")
        if row := Balancer.unscoped.live().select_related("vpc__zone", "tenant").first():
            place.done(delete_balancer(row, by=BY))

    return questions.at_every_call(place, partial(started, place, ip, action), how, then)


@pytest.mark.parametrize("action", ["create", "delete"])
def test_each_part_run_twice_makes_one_of_everything(place, action):
    ip = place.public_ip()
    start = started(place, ip, action)
    with every_part_twice("load-balancer"):
        place.done(start())
    agree(place, ip)


@pytest.mark.parametrize(
    ("action", "how"),
    [
        *((action, how) for action in ("create", "delete") for how in ("killed before", "reply lost", "late")),
        *((action, "late") for action in ("sources", "port")),
        *((action, "killed after") for action in ACTIONS),
    ],
)
def test_a_disturbance_at_any_call_ends_with_one_of_everything(place, action, how):
    for operation, call in at_every_call(place, action, how):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_refusal_at_any_call_leaves_the_old_or_the_new_or_waits_for_a_person(place, action):
    def run_out(operation: Operation, call: str) -> None:
        if operation.phase == Phase.STUCK:
            operation = place.run(retry(operation, by=BY))
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), (call, operation.steps)

    for operation, call in at_every_call(place, action, "refused"):
        run_out(operation, call)


@pytest.mark.parametrize(
    ("action", "how"),
    [
        *(("create", how) for how in ("killed before", "killed after", "reply lost", "late", "refused")),
        *((action, how) for action in ("drain", "port", "delete") for how in ("killed after", "reply lost", "late")),
    ],
)
def test_the_third_of_three_with_twenty_members_each_is_all_old_or_all_new(place, action, how):
    """The others at its address are left as they are."""
    place.move_in(Order(place.tier.remote_name, count=18, name="many"))
    ip = place.public_ip()
    everyone = range(20)
    for port in (443, 444):
        place.done(create_balancer(ip, spec(place, *everyone, port=port, allowed_cidrs=[OFFICE]), by=BY))
    others = shown(place)
    assert [len(each[2]) for each in others] == [20, 20]
    make = partial(create_balancer, ip, spec(place, *everyone, port=445, allowed_cidrs=[OFFICE]), by=BY)

    def third() -> Balancer:
        rows = Balancer.unscoped.live().select_related("vpc__zone", "tenant", "public_ip")
        return rows.get(port=445)

    def ready() -> Any:
        if action == "create":
            return make
        place.done(make())
        return {
            "drain": lambda: drain_member(third(), third().members.all()[7], is_drained=True, by=BY),
            "port": lambda: change_balancer(third(), port=8080, by=BY),
            "delete": lambda: delete_balancer(third(), by=BY),
        }[action]

    def then() -> None:
        agree(place, ip)
        assert [each for each in shown(place) if each[1] not in (445, 8080)] == others

    for operation, call in questions.at_every_call(place, ready, how, then, numbers=range(1, 1000, 5)):
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), (call, operation.steps)


def test_with_its_tier_nothing_of_it_stays_not_the_rules_of_its_sources_either(place):
    ip = place.public_ip()
    place.done(create_balancer(ip, spec(place, allowed_cidrs=[OFFICE]), by=BY))
    assert len(rules(place)) == 2
    expunge(place, *range(len(place.ids)))

    place.done(delete_tier(place.tier, by=BY))

    assert (shown(place), rules(place), Balancer.unscoped.live().count()) == ([], [], 0)
    assert type(ip).unscoped.get(pk=ip.pk).purpose == Purpose.UNUSED
