"""Static NAT on the emulated systems: the happy ways, the traps, then the five questions at every call."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from apps.addresses.models import StaticNat
from apps.addresses.services.static_nats import create_static_nat, delete_static_nat
from apps.kernel.errors import Refused
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import cancel, retry
from apps.operations.state import Phase
from tests import questions
from tests.builders import BY
from tests.questions import every_part_twice

POST_NAT, DELETE_NAT = "POST /api/v2/nat", "DELETE /api/v2/nat/{id}"


def live() -> StaticNat:
    return StaticNat.unscoped.live().get()


def test_static_nat_comes_and_goes_on_both_systems(place):
    ip, instance = place.public_ip(), place.instance()
    place.done(create_static_nat(ip, instance, by=BY))

    nat = live()
    assert (nat.status, nat.guest_address) == (Status.READY, instance.addresses[0].address)
    assert place.leads() == [(ip.address, nat.guest_address)]
    assert place.shown(ip).virtualmachineid == str(instance.id)

    place.done(delete_static_nat(nat, by=BY))
    assert (place.leads(), place.shown(ip).isstaticnat) == ([], False)
    assert not StaticNat.unscoped.live().exists()
    assert (type(ip).unscoped.get(pk=ip.pk).purpose) == "unused"


def test_static_nat_may_lead_to_a_secondary_address(place):
    ip, instance = place.public_ip(), place.instance()
    secondary = next(each.address for each in instance.addresses if not each.is_primary)
    place.done(create_static_nat(ip, instance, address=secondary, by=BY))

    assert place.leads() == [(ip.address, secondary)]
    assert live().guest_address == secondary


def test_static_nat_moves_to_another_instance(place):
    ip, other = place.public_ip(), place.instance(1)
    place.done(create_static_nat(ip, place.instance(), by=BY))
    place.done(delete_static_nat(live(), by=BY))
    place.done(create_static_nat(ip, other, by=BY))

    assert place.leads() == [(ip.address, other.addresses[0].address)]


def test_a_cancelled_one_leaves_nothing(place):
    ip = place.public_ip()
    operation = create_static_nat(ip, place.instance(), by=BY)
    cancel(operation, by=BY)
    assert place.run(operation).phase == Phase.CANCELLED
    assert (place.leads(), place.shown(ip).isstaticnat) == ([], False)


# --- the traps --------------------------------------------------------------------------------------------------------


def test_an_instance_has_one_static_nat_in_weft(place):
    first, second = place.public_ip(), place.public_ip()
    place.done(create_static_nat(first, place.instance(), by=BY))
    with pytest.raises(Refused, match=f"has static NAT already, from {first.address}") as refused:
        create_static_nat(second, place.instance(), by=BY)
    assert (refused.value.code, refused.value.field) == ("instance-has-static-nat", "instance")


def enabled_in_cloudstack(place: Any, ip: Any, **more: Any) -> None:
    """By somebody else, who does not use Weft."""
    place.cloudstack.enable_static_nat(
        str(ip.cloudstack_id), instance_id=str(place.ids[0]), network_id=str(place.tier.cloudstack_id), **more
    )


def disabled_in_cloudstack(place: Any, ip: Any) -> None:
    place.cloudstack.disable_static_nat(str(ip.cloudstack_id))
    place.clock.shift(timedelta(seconds=30))
    place.world.cloudstack.run_due_jobs()


def test_a_second_static_nat_that_was_made_in_cloudstack_is_asked_for_before_anything_is_sent(place):
    theirs, ours = place.public_ip(), place.public_ip()
    enabled_in_cloudstack(place, theirs)
    del place.watch.calls[:]

    operation = place.run(create_static_nat(ours, place.instance(), by=BY))

    assert operation.phase == Phase.ROLLED_BACK
    assert f"has static NAT from {theirs.address} in CloudStack" in operation.error
    assert ("cloudstack", "enableStaticNat") not in place.watch.calls
    assert ("cloudstack", "disableStaticNat") not in place.watch.calls
    assert place.leads() == [(theirs.address, place.instance().addresses[0].address)]


def test_one_that_lost_a_race_against_a_second_does_not_take_the_good_one_along(place):
    """Somebody enables it in CloudStack between Weft's look and its order."""
    theirs, ours, instance = place.public_ip(), place.public_ip(), place.instance()
    extra = next(each.address for each in instance.addresses if not each.is_primary)
    place.watch.meanwhile("enableStaticNat", lambda: enabled_in_cloudstack(place, theirs))

    operation = place.run(create_static_nat(ours, instance, address=extra, by=BY))

    assert operation.phase == Phase.STUCK
    assert f"would delete that one's rule on Netris. Disable {theirs.address} in CloudStack first" in operation.error
    assert place.leads() == [(theirs.address, instance.addresses[0].address)]
    disabled_in_cloudstack(place, theirs)
    assert place.run(retry(operation, by=BY)).phase == Phase.ROLLED_BACK
    assert place.leads() == []
    assert not place.shown(ours).isstaticnat


@pytest.mark.parametrize("call", [POST_NAT, "POST /api/v2/ipam/subnet"])
def test_one_that_netris_refused_half_way_is_disabled_and_enabled_anew(place, call):
    ip = place.public_ip()
    place.world.netris.faults.order("refuse", call, times=1)

    place.done(create_static_nat(ip, place.instance(), by=BY))

    assert ("cloudstack", "disableStaticNat") in place.watch.calls
    assert place.leads() == [(ip.address, live().guest_address)]


def test_one_whose_rule_was_made_though_the_plugin_heard_nothing_is_done(place):
    ip = place.public_ip()
    place.world.netris.faults.order("lose_reply", POST_NAT, times=1)

    place.done(create_static_nat(ip, place.instance(), by=BY))

    assert place.watch.calls.count(("cloudstack", "enableStaticNat")) == 1
    assert ("cloudstack", "disableStaticNat") not in place.watch.calls
    assert place.leads() == [(ip.address, live().guest_address)]


def test_one_that_netris_goes_on_refusing_is_undone(place):
    ip = place.public_ip()
    place.world.netris.faults.order("refuse", POST_NAT)

    operation = place.run(create_static_nat(ip, place.instance(), by=BY))

    assert operation.phase == Phase.ROLLED_BACK, operation.steps
    assert (place.leads(), place.shown(ip).isstaticnat) == ([], False)


def test_a_removal_that_netris_refuses_waits_for_a_person_and_then_goes_on(place):
    ip = place.public_ip()
    place.done(create_static_nat(ip, place.instance(), by=BY))
    place.world.netris.faults.order("refuse", DELETE_NAT)
    operation = place.run(delete_static_nat(live(), by=BY))
    assert operation.phase == Phase.STUCK, operation.steps
    assert len(place.leads()) == 1

    place.world.netris.faults.clear()
    assert place.run(retry(operation, by=BY)).phase == Phase.SUCCEEDED
    assert place.leads() == []


def test_a_rule_that_netris_alone_still_has_is_cleared_away(place):
    ip = place.public_ip()
    place.done(create_static_nat(ip, place.instance(), by=BY))
    shelf = place.world.netris.net.shelves["nat"]
    left = next(dict(row) for row in shelf if row["name"].endswith("-STATICNAT"))
    disabled_in_cloudstack(place, ip)
    shelf.put(left)

    place.done(delete_static_nat(live(), by=BY))

    assert place.leads() == []


# --- the five questions -----------------------------------------------------------------------------------------------


def started(place: Any, ip: Any, action: str) -> Any:
    """What is to be disturbed, with what has to be there before it."""
    if action == "create":
        return lambda: create_static_nat(ip, place.instance(), by=BY)
    place.done(create_static_nat(ip, place.instance(), by=BY))
    return lambda: delete_static_nat(live(), by=BY)


def at_every_call(place: Any, action: str, how: str) -> Any:
    ip = place.public_ip()

    def then() -> None:
        agree(place, ip)
        if nat := StaticNat.unscoped.live().first():
            place.watch.disturb(0, "")
            place.done(delete_static_nat(nat, by=BY))

    return questions.at_every_call(place, partial(started, place, ip, action), how, then)


def agree(place: Any, ip: Any) -> None:
    rows = list(StaticNat.unscoped.live())
    assert {row.status for row in rows} <= {Status.READY}
    assert place.leads() == [(row.address, row.guest_address) for row in rows]
    assert place.shown(ip).isstaticnat == bool(rows)


@pytest.mark.parametrize("action", ["create", "delete"])
def test_each_part_run_twice_makes_one_of_everything(place, action):
    ip = place.public_ip()
    start = started(place, ip, action)
    with every_part_twice("static-nat"):
        place.done(start())
    agree(place, ip)


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late"])
@pytest.mark.parametrize("action", ["create", "delete"])
def test_a_disturbance_at_any_call_ends_with_one_of_everything(place, action, how):
    for operation, call in at_every_call(place, action, how):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


@pytest.mark.parametrize("action", ["create", "delete"])
def test_a_refusal_at_any_call_leaves_nothing_or_waits_for_a_person(place, action):
    def run_out(operation: Operation, call: str) -> None:
        if operation.phase == Phase.STUCK:
            operation = place.run(retry(operation, by=BY))
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), (call, operation.steps)

    for operation, call in at_every_call(place, action, "refused"):
        run_out(operation, call)


def test_what_an_operation_asks_does_not_grow_with_the_estate(place):
    place.done(create_static_nat(place.public_ip(), place.instance(), by=BY))
    calls = {call for _, call in place.watch.calls}
    del place.watch.calls[:]
    place.done(create_static_nat(place.public_ip(), place.instance(1), by=BY))

    assert {call for _, call in place.watch.calls} <= calls
    assert len(place.watch.calls) < 25
