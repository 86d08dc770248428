"""Port forwards on the emulated systems: the happy ways, the traps, then the five questions at every call."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from apps.addresses.models import PortForward
from apps.addresses.ports import ForwardSpec
from apps.addresses.services.port_forwards import (
    apply_port_forward,
    create_port_forward,
    delete_port_forward,
    switch_port_forward,
)
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import retry
from apps.operations.state import Phase
from sandbox.cloudstack.inhabitants import NEW, Order
from tests import questions
from tests.builders import BY
from tests.questions import every_part_twice

POST_NAT, DELETE_NAT = "POST /api/v2/nat", "DELETE /api/v2/nat/{id}"
CREATE, DELETE = ("cloudstack", "createPortForwardingRule"), ("cloudstack", "deletePortForwardingRule")


def spec(public: str = "8000-8002", private: str = "", protocol: str = "tcp", **more: Any) -> ForwardSpec:
    ports = {"public_ports": public, "private_ports": private, "protocol": protocol}
    return ForwardSpec.parse(ports | more)


def live() -> PortForward:
    return PortForward.unscoped.live().get()


def ports(place: Any) -> list[tuple[str, str, int]]:
    """On Netris: protocol, public and private port."""
    return sorted((rule.protocol, rule.destination_port, rule.dnat_to_port) for rule in place.rules())


def states(place: Any, ip: Any) -> set[str]:
    return {rule.state for rule in place.cloudstack.port_forwards_of(str(ip.cloudstack_id))}


def test_a_range_is_a_rule_for_each_port_on_both_systems_and_one_line_here(place):
    ip, instance = place.public_ip(), place.instance()
    place.done(create_port_forward(ip, instance, spec(private="80-82"), by=BY))

    forward = live()
    assert (forward.status, forward.public_ports, forward.private_ports) == (Status.READY, "8000-8002", "80-82")
    assert ports(place) == [("tcp", "8000", 80), ("tcp", "8001", 81), ("tcp", "8002", 82)]
    assert {guest for _, guest in place.leads()} == {instance.addresses[0].address}
    assert states(place, ip) == {"Active"}

    place.done(delete_port_forward(forward, by=BY))
    assert (ports(place), states(place, ip)) == ([], set())
    assert type(ip).unscoped.get(pk=ip.pk).purpose == "unused"


def test_tcp_and_udp_share_a_port_and_other_forwards_of_the_address_are_left_alone(place):
    ip = place.public_ip()
    place.done(create_port_forward(ip, place.instance(), spec("53"), by=BY))
    place.done(create_port_forward(ip, place.instance(1), spec("53", protocol="udp"), by=BY))
    assert ports(place) == [("tcp", "53", 53), ("udp", "53", 53)]

    place.done(delete_port_forward(PortForward.unscoped.get(protocol="tcp"), by=BY))
    assert ports(place) == [("udp", "53", 53)]


def test_a_forward_is_switched_off_and_on_without_being_lost(place):
    ip = place.public_ip()
    place.done(create_port_forward(ip, place.instance(), spec(), by=BY))
    forward = live()

    place.done(switch_port_forward(forward, is_on=False, by=BY))
    assert (ports(place), live().enabled, live().status) == ([], False, Status.READY)
    assert switch_port_forward(forward, is_on=False, by=BY) is None

    place.done(switch_port_forward(forward, is_on=True, by=BY))
    assert (len(ports(place)), live().enabled) == (3, True)
    place.done(delete_port_forward(live(), by=BY))


def test_one_that_is_made_switched_off_forwards_nothing_until_it_is_switched_on(place):
    place.done(create_port_forward(place.public_ip(), place.instance(), spec(enabled=False), by=BY))
    assert ports(place) == []
    place.done(switch_port_forward(live(), is_on=True, by=BY))
    assert len(ports(place)) == 3


@pytest.mark.parametrize("is_on", [True, False])
def test_a_switch_that_netris_refuses_leaves_the_row_and_both_systems_as_they_were(place, is_on):
    ip = place.public_ip()
    place.done(create_port_forward(ip, place.instance(), spec(enabled=not is_on), by=BY))
    before = ports(place)
    # In the middle of it: the second of three.
    place.watch.meanwhile(
        CREATE[1] if is_on else DELETE[1],
        lambda: place.watch.meanwhile(
            CREATE[1] if is_on else DELETE[1],
            lambda: place.world.netris.faults.order("refuse", POST_NAT if is_on else DELETE_NAT, times=9),
        ),
    )

    operation = place.run(switch_port_forward(live(), is_on=is_on, by=BY))
    place.world.netris.faults.clear()
    if operation.phase == Phase.STUCK:
        operation = place.run(retry(operation, by=BY))

    assert operation.phase in (Phase.ROLLED_BACK, Phase.SUCCEEDED), operation.steps
    assert live().enabled == (is_on if operation.phase == Phase.SUCCEEDED else not is_on)
    assert (ports(place) == before) == (operation.phase == Phase.ROLLED_BACK)


# --- the traps --------------------------------------------------------------------------------------------------------


def test_an_instance_that_was_never_started_is_told_to_be_started_and_nothing_stays(place):
    place.move_in(Order(place.tier.remote_name, count=1, state=NEW, name="cold"))
    ip = place.public_ip()

    operation = place.run(create_port_forward(ip, place.instance(-1), spec("22"), by=BY))

    assert operation.phase == Phase.ROLLED_BACK
    assert "start it once in CloudStack" in operation.error
    assert (ports(place), states(place, ip)) == ([], set())


@pytest.mark.parametrize("call", [POST_NAT, "POST /api/v2/ipam/subnet"])
@pytest.mark.parametrize("how", ["refuse", "lose_reply"])
def test_one_that_netris_did_not_make_at_first_is_made_again(place, call, how):
    place.world.netris.faults.order(how, call, times=1)
    place.done(create_port_forward(place.public_ip(), place.instance(), spec(), by=BY))
    assert len(ports(place)) == 3


def test_one_that_netris_goes_on_refusing_is_undone(place):
    ip = place.public_ip()
    place.watch.meanwhile(
        CREATE[1],
        lambda: place.watch.meanwhile(CREATE[1], lambda: place.world.netris.faults.order("refuse", POST_NAT)),
    )
    operation = place.run(create_port_forward(ip, place.instance(), spec(), by=BY))

    assert operation.phase == Phase.ROLLED_BACK, operation.steps
    assert (ports(place), states(place, ip)) == ([], set())


def test_a_removal_that_netris_refuses_waits_for_a_person_and_then_goes_on(place):
    ip = place.public_ip()
    place.done(create_port_forward(ip, place.instance(), spec(), by=BY))
    place.world.netris.faults.order("refuse", DELETE_NAT)
    operation = place.run(delete_port_forward(live(), by=BY))
    assert operation.phase == Phase.STUCK, operation.steps
    assert states(place, ip) == {"Active", "Deleting"}

    place.world.netris.faults.clear()
    assert place.run(retry(operation, by=BY)).phase == Phase.SUCCEEDED
    assert (ports(place), states(place, ip)) == ([], set())


def test_what_somebody_made_in_cloudstack_on_one_of_its_ports_is_named_and_left_alone(place):
    ip = place.public_ip()
    made_in_cloudstack(place, ip, 8001)

    operation = place.run(create_port_forward(ip, place.instance(), spec(), by=BY))

    assert operation.phase == Phase.ROLLED_BACK
    assert f"CloudStack forwards tcp 8001 of {ip.address} already" in operation.error
    assert ports(place) == [("tcp", "8001", 8001)]


def made_in_cloudstack(place: Any, ip: Any, port: int) -> None:
    place.cloudstack.create_port_forward(
        str(ip.cloudstack_id),
        instance_id=str(place.ids[1]),
        network_id=str(place.tier.cloudstack_id),
        protocol="tcp",
        public_port=port,
        private_port=port,
    )
    place.clock.shift(timedelta(seconds=30))
    place.world.cloudstack.run_due_jobs()


@pytest.mark.parametrize("where", ["cloudstack", "netris"])
def test_what_is_missing_is_made_again_and_nothing_else_is_touched(place, where):
    ip = place.public_ip()
    place.done(create_port_forward(ip, place.instance(), spec(), by=BY))
    if where == "cloudstack":
        [rule] = [each for each in place.cloudstack.port_forwards_of(str(ip.cloudstack_id)) if each.publicport == 8001]
        place.cloudstack.delete_port_forward(rule.id)
        place.clock.shift(timedelta(seconds=30))
        place.world.cloudstack.run_due_jobs()
    else:
        shelf = place.world.netris.net.shelves["nat"]
        shelf.drop(next(row["id"] for row in shelf if row["destinationPort"] == "8001"))
    assert len(ports(place)) == 2
    del place.watch.calls[:]

    place.done(apply_port_forward(live(), by=BY))

    assert len(ports(place)) == 3
    assert place.watch.calls.count(CREATE) == 1
    assert place.watch.calls.count(DELETE) == (where == "netris")


def test_what_cannot_be_made_again_stays_as_it_is_and_says_why(place):
    ip = place.public_ip()
    place.done(create_port_forward(ip, place.instance(), spec("22"), by=BY))
    shelf = place.world.netris.net.shelves["nat"]
    shelf.drop(next(row["id"] for row in shelf if row["destinationPort"] == "22"))
    place.world.netris.faults.order("refuse", POST_NAT)

    operation = place.run(apply_port_forward(live(), by=BY))

    assert operation.phase == Phase.ROLLED_BACK, operation.steps
    assert live().status == Status.READY
    place.world.netris.faults.clear()
    place.done(apply_port_forward(live(), by=BY))
    assert len(ports(place)) == 1


# --- the five questions -----------------------------------------------------------------------------------------------

ACTIONS = ("create", "delete", "off", "on")


def started(place: Any, ip: Any, action: str, public: str = "8000-8001") -> Any:
    """What is to be disturbed, with what has to be there before it."""
    asked = spec(public, enabled=action != "on")
    if action == "create":
        return lambda: create_port_forward(ip, place.instance(), asked, by=BY)
    place.done(create_port_forward(ip, place.instance(), asked, by=BY))
    if action == "delete":
        return lambda: delete_port_forward(live(), by=BY)
    return lambda: switch_port_forward(live(), is_on=action == "on", by=BY)


def at_every_call(place: Any, action: str, how: str, *, public: str = "8000-8001", every: int = 1) -> Any:
    ip = place.public_ip()

    def then() -> None:
        agree(place, ip)
        place.watch.disturb(0, "")
        if forward := PortForward.unscoped.live().first():
            place.done(delete_port_forward(forward, by=BY))

    ready = partial(started, place, ip, action, public)
    return questions.at_every_call(place, ready, how, then, numbers=range(1, 1000, every))


def agree(place: Any, ip: Any) -> None:
    """Both systems have what the rows say: all of the old, or all of the new."""
    rows = list(PortForward.unscoped.live())
    assert {row.status for row in rows} <= {Status.READY}
    wanted = [port for row in rows if row.enabled for port in range(row.public_first, row.public_last + 1)]
    assert ports(place) == [("tcp", str(port), port) for port in wanted]
    assert len(place.cloudstack.port_forwards_of(str(ip.cloudstack_id))) == len(wanted)
    assert states(place, ip) <= {"Active"}


@pytest.mark.parametrize("action", ACTIONS)
def test_each_part_run_twice_makes_one_of_everything(place, action):
    ip = place.public_ip()
    start = started(place, ip, action)
    if action in ("off", "on"):
        place.done(start())
    else:
        with every_part_twice("port-forward"):
            place.done(start())
    agree(place, ip)


@pytest.mark.parametrize(
    ("action", "how", "public"),
    [
        *((action, how, "8000") for action in ("create", "delete") for how in ("killed before", "reply lost", "late")),
        *((action, "killed after", "8000-8001") for action in ACTIONS),
    ],
)
def test_a_disturbance_at_any_call_ends_with_one_of_everything(place, action, how, public):
    for operation, call in at_every_call(place, action, how, public=public):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_refusal_at_any_call_leaves_the_old_or_the_new_or_waits_for_a_person(place, action):
    def run_out(operation: Operation, call: str) -> None:
        if operation.phase == Phase.STUCK:
            operation = place.run(retry(operation, by=BY))
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), (call, operation.steps)

    for operation, call in at_every_call(place, action, "refused"):
        run_out(operation, call)


@pytest.mark.parametrize("action", ["create", "off"])
def test_forty_on_one_address_are_all_old_or_all_new_wherever_the_worker_was_killed(place, action):
    for operation, call in at_every_call(place, action, "killed after", public="8000-8039", every=197):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)
