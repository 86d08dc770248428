"""Static routes on the emulated systems: the happy ways, the traps, then the five questions at every call."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from apps.kernel.errors import Refused
from apps.mirror.models import Kind
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.networks.routes.queries import applied_of
from apps.networks.routes.services import apply_route, create_route, delete_route
from apps.networks.routes.specs import RouteSpec
from apps.networks.services import delete_tier, delete_vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import cancel, retry
from apps.operations.state import Phase
from tests import questions
from tests.addresses.place import Place
from tests.builders import BY
from tests.questions import Watch, every_part_twice

POST, DELETE = "POST /api/routes", "DELETE /api/routes"
OFFICE, LAB = IPv4Network("192.168.50.0/24"), IPv4Network("192.168.60.0/24")
HOP = IPv4Address("10.20.0.9")


class Scene(Place):
    def create(self, destination: IPv4Network = OFFICE, hop: IPv4Address = HOP) -> Operation:
        return create_route(self.vpc, RouteSpec(destination, hop), by=BY)

    def on_netris(self) -> list[tuple[Any, Any]]:
        routes = self.watch.clouds_of(self.zone).netris.static_routes(self.vpc.netris_id)
        return sorted((route.destination, route.next_hop) for route in routes)

    def in_cloudstack(self) -> list[Any]:
        return self.cloudstack.static_routes_of(str(self.vpc.cloudstack_id))

    def settle_jobs(self) -> None:
        self.clock.shift(timedelta(seconds=30))
        self.world.cloudstack.run_due_jobs()

    def made_there(self, destination: IPv4Network, hop: IPv4Address = HOP) -> None:
        """By somebody who does not use Weft."""
        vpc_id = str(self.vpc.cloudstack_id)
        self.cloudstack.create_static_route(vpc_id=vpc_id, destination=destination, next_hop=hop)
        self.settle_jobs()

    def agree(self) -> None:
        """What Weft claims is what both systems have, and nothing else."""
        rows = list(StaticRoute.unscoped.live())
        assert {row.status for row in rows} <= {Status.READY}
        wanted = sorted((row.destination, row.next_hop) for row in rows)
        assert self.on_netris() == wanted
        assert sorted((each.cidr, each.nexthop) for each in self.in_cloudstack()) == wanted


@pytest.fixture
def scene(acme: Any, zone: Any, accounts: Any, run: Any, world: Any, watch: Watch, clock: Any) -> Scene:
    return Scene(acme, zone, run, world, watch, clock)


def live(destination: IPv4Network = OFFICE) -> StaticRoute:
    return StaticRoute.unscoped.live().get(destination=destination)


def test_routes_come_and_go_on_both_systems(scene):
    scene.done(scene.create())
    scene.done(scene.create(LAB))

    assert scene.on_netris() == [(OFFICE, HOP), (LAB, HOP)]
    assert (live().status, live().tier) == (Status.READY, scene.tier)
    scene.agree()

    scene.done(delete_route(live(), by=BY))
    assert scene.on_netris() == [(LAB, HOP)]
    scene.agree()


def test_a_cancelled_one_leaves_nothing(scene):
    operation = scene.create()
    cancel(operation, by=BY)
    assert scene.run(operation).phase == Phase.CANCELLED
    assert not StaticRoute.unscoped.live().exists()
    scene.agree()


def test_weft_itself_makes_no_route_on_netris(scene):
    scene.done(scene.create())
    scene.done(delete_route(live(), by=BY))
    assert {call for system, call in scene.watch.calls if system == "netris" and "routes" in call} == {
        "GET /api/routes"
    }


# --- the traps --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("destination", ["192.168.50.0/25", "192.168.0.0/16", "192.168.50.0/24"])
def test_one_in_the_way_that_was_made_in_cloudstack_is_named_before_anything_is_sent(scene, destination):
    scene.made_there(IPv4Network(destination), IPv4Address("10.20.0.7"))
    del scene.watch.calls[:]

    operation = scene.run(scene.create())

    assert operation.phase == Phase.ROLLED_BACK
    assert f"the static route {destination} via 10.20.0.7 already, which was made there" in operation.error
    assert ("cloudstack", "createStaticRoute") not in scene.watch.calls
    assert len(scene.in_cloudstack()) == 1, "theirs stays"


def test_one_that_netris_refused_is_undone(scene):
    scene.world.netris.faults.order("refuse", POST)
    operation = scene.run(scene.create())
    assert operation.phase == Phase.ROLLED_BACK, operation.steps
    assert not StaticRoute.unscoped.live().exists()
    scene.agree()


def test_one_whose_answer_the_plugin_lost_is_adopted(scene):
    """CloudStack forgets it, and Netris has it (REAL)."""
    scene.world.netris.faults.order("lose_reply", POST, times=1)
    scene.done(scene.create())
    assert scene.watch.calls.count(("cloudstack", "createStaticRoute")) == 2
    scene.agree()


def test_a_deletion_that_netris_refuses_waits_for_a_person_and_heals_by_repeating(scene):
    scene.done(scene.create())
    scene.world.netris.faults.order("refuse", DELETE)
    operation = scene.run(delete_route(live(), by=BY))
    assert operation.phase == Phase.STUCK, operation.steps
    assert scene.on_netris() == [(OFFICE, HOP)]

    scene.world.netris.faults.clear()
    assert scene.run(retry(operation, by=BY)).phase == Phase.SUCCEEDED
    assert not StaticRoute.unscoped.live().exists()
    scene.agree()


def test_one_that_netris_alone_still_has_is_cleared_away(scene):
    scene.done(scene.create())
    shelf = scene.world.netris.net.static_routes
    left = next(dict(row) for row in shelf if row["name"] == str(OFFICE))
    scene.cloudstack.delete_static_route(scene.in_cloudstack()[0].id)
    scene.settle_jobs()
    shelf.put(left)

    scene.done(delete_route(live(), by=BY))

    scene.agree()


def shown(scene: Scene) -> Any:
    scene.see(Kind.NETRIS_ROUTE)
    row = StaticRoute.unscoped.select_related("vpc").get(pk=live().pk)
    return applied_of([row])[row.pk]


def test_one_that_somebody_took_away_on_netris_is_shown_and_made_again(scene):
    scene.done(scene.create())
    assert shown(scene).is_applied is True
    shelf = scene.world.netris.net.static_routes
    shelf.drop(next(row["id"] for row in shelf if row["name"] == str(OFFICE)))
    assert (shown(scene).is_applied, shown(scene).trouble) == (False, "Netris does not have it.")

    scene.done(apply_route(live(), by=BY))

    assert shown(scene).is_applied is True
    scene.agree()


def test_one_that_somebody_led_elsewhere_on_netris_is_shown_and_made_again(scene):
    scene.done(scene.create())
    shelf = scene.world.netris.net.static_routes
    row = next(row for row in shelf if row["name"] == str(OFFICE))
    shelf.change(row, next_hop="10.20.0.77")
    assert shown(scene).trouble == "Netris leads there via 10.20.0.77."

    scene.done(apply_route(live(), by=BY))

    scene.agree()


def test_one_that_is_right_is_left_alone_when_applied_again(scene):
    scene.done(scene.create())
    del scene.watch.calls[:]
    scene.done(apply_route(live(), by=BY))
    assert not [call for _, call in scene.watch.calls if call in ("createStaticRoute", "deleteStaticRoute")]


# --- they go before what they lie in ----------------------------------------------------------------------------------


def test_with_its_tier_a_route_goes_first(scene):
    scene.done(scene.create())
    operation = delete_tier(scene.tier, by=BY)
    assert live().status == Status.REMOVING
    with pytest.raises(Refused):
        delete_route(live(), by=BY)

    scene.done(operation)

    orders = [call for _, call in scene.watch.calls if call in ("deleteStaticRoute", "deleteNetwork")]
    assert orders == ["deleteStaticRoute", "deleteNetwork"]
    assert not StaticRoute.unscoped.live().exists()
    assert (scene.on_netris(), scene.in_cloudstack()) == ([], [])


def test_with_its_vpc_a_route_goes_first(scene):
    scene.done(scene.create())
    scene.done(delete_vpc(scene.vpc, by=BY))

    assert not StaticRoute.unscoped.live().exists()
    assert not Vpc.unscoped.live().exists()
    assert not list(scene.world.netris.net.static_routes)


def test_a_route_that_netris_alone_still_has_does_not_keep_the_vpc(scene):
    scene.done(scene.create())
    shelf = scene.world.netris.net.static_routes
    left = next(dict(row) for row in shelf)
    scene.done(delete_route(live(), by=BY))
    shelf.put(left)

    scene.done(delete_vpc(scene.vpc, by=BY))

    assert not list(shelf)


def test_a_tier_that_stays_after_all_keeps_its_route(scene):
    scene.done(scene.create())
    operation = delete_tier(scene.tier, by=BY)
    cancel(operation, by=BY)
    assert scene.run(operation).phase == Phase.CANCELLED
    assert (live().status, Tier.unscoped.get().status) == (Status.READY, Status.READY)


# --- the five questions -----------------------------------------------------------------------------------------------


def started(scene: Scene, action: str) -> Any:
    """What is to be disturbed, with what has to be there before it."""
    if action == "create":
        return scene.create
    scene.done(scene.create())
    if action == "delete":
        return lambda: delete_route(live(), by=BY)
    shelf = scene.world.netris.net.static_routes
    shelf.drop(next(row["id"] for row in shelf if row["name"] == str(OFFICE)))
    return lambda: apply_route(live(), by=BY)


def at_every_call(scene: Scene, action: str, how: str) -> Any:
    def then() -> None:
        scene.agree()
        if StaticRoute.unscoped.live().exists():
            scene.watch.disturb(0, "")
            scene.done(delete_route(live(), by=BY))

    return questions.at_every_call(scene, partial(started, scene, action), how, then)


@pytest.mark.parametrize("action", ["create", "delete", "apply"])
def test_each_part_run_twice_makes_one_of_everything(scene, action):
    start = started(scene, action)
    with every_part_twice("static-route"):
        scene.done(start())
    scene.agree()


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late"])
@pytest.mark.parametrize("action", ["create", "delete", "apply"])
def test_a_disturbance_at_any_call_ends_with_one_of_everything(scene, action, how):
    for operation, call in at_every_call(scene, action, how):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)


@pytest.mark.parametrize("action", ["create", "delete"])
def test_a_refusal_at_any_call_leaves_nothing_or_waits_for_a_person(scene, action):
    for operation, call in at_every_call(scene, action, "refused"):
        if operation.phase == Phase.STUCK:
            operation = scene.run(retry(operation, by=BY))
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), (call, operation.steps)


def test_what_an_operation_asks_does_not_grow_with_the_estate(scene):
    scene.done(scene.create())
    calls = {call for _, call in scene.watch.calls}
    del scene.watch.calls[:]
    scene.done(scene.create(LAB))

    assert {call for _, call in scene.watch.calls} <= calls
    assert len(scene.watch.calls) < 20
