"""CloudStack is down while people go on asking: nothing is lost, and everything is done in the order of the asking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.acls.services import create_acl
from apps.acls.specs import AclSpec
from apps.addresses.ports import ForwardSpec
from apps.addresses.services.port_forwards import create_port_forward
from apps.addresses.services.public_ips import acquire
from apps.addresses.specs import PublicIpSpec
from apps.mirror.models import Kind
from apps.operations import engine
from apps.operations.models import Operation
from apps.operations.state import Phase
from apps.zones.turnstile import Hold
from tests.addresses.place import Place
from tests.builders import BY


def changes(place: Place) -> list[Callable[[], Operation]]:
    """Twenty, of three kinds and mixed."""
    public_ip, instance = place.public_ip(), place.instance()
    place.see(Kind.CLOUDSTACK_ADDRESS)

    def forward(port: int) -> Operation:
        spec = ForwardSpec.parse({"protocol": "tcp", "public_ports": str(port)})
        return create_port_forward(public_ip, instance, spec, by=BY)

    def address(number: int) -> Operation:
        return acquire(place.vpc, PublicIpSpec(name=f"address {number}"), by=BY)

    def acl(number: int) -> Operation:
        return create_acl(place.acme, AclSpec(str(place.vpc.pk), f"list {number}"), by=BY)

    kinds = (forward, address, acl, forward)
    return [lambda kind=kinds[number % 4], number=number: kind(8000 + number) for number in range(20)]  # type: ignore[misc]


def test_twenty_changes_asked_for_in_ten_minutes_without_cloudstack_are_all_done_in_their_order(place: Place) -> None:
    asked: list[Operation] = []
    settled: list[Any] = []

    def take_turns(*, until: Callable[[], bool]) -> None:
        for _ in range(3000):
            if until():
                return
            place.clock.shift(timedelta(seconds=1))
            engine.turn(place.watch.clouds_of)
            over = Operation.unscoped.filter(pk__in=[each.pk for each in asked], phase=Phase.SUCCEEDED)
            settled.extend(over.exclude(pk__in=settled).values_list("pk", flat=True))
        raise AssertionError([(each.phase, each.hold, each.steps) for each in Operation.unscoped.running()])

    todo = changes(place)
    place.world.cloudstack.faults.order("down")
    began = timezone.now()
    for number, change in enumerate(todo, start=1):
        asked.append(change())
        take_turns(until=lambda upto=number * timedelta(seconds=30): timezone.now() - began >= upto)  # type: ignore[misc]
    assert timezone.now() - began >= timedelta(minutes=10)
    assert settled == []
    assert Operation.unscoped.get(pk=asked[0].pk).hold == Hold.AWAY
    assert {each.phase for each in Operation.unscoped.running()} <= {Phase.QUEUED, Phase.BUILDING}

    place.world.cloudstack.faults.clear()
    take_turns(until=lambda: len(settled) == len(asked))

    assert settled == [each.pk for each in asked]
    assert len(place.leads()) == 10
