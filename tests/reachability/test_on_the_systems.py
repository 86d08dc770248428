"""The way is walked over what the sweeps have read of the emulated systems."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.acls.applied import KINDS
from apps.acls.rules import Protocol, parse_rules
from apps.acls.services import assign, create_acl
from apps.acls.specs import AclSpec
from apps.acls.tasks import compare_all
from apps.addresses.services.static_nats import create_static_nat
from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.networks.models import Tier
from apps.reachability.facts import Answer, Outside, Traffic, Verdict
from apps.reachability.queries import answer_of
from apps.reachability.questions import Question
from sandbox.cloudstack.inhabitants import Order
from tests.addresses.place import Place
from tests.builders import BY

HTTPS, SSH = Traffic(Protocol.TCP, 443), Traffic(Protocol.TCP, 22)
RULES = [{"action": "allow", "direction": "ingress", "protocol": "tcp", "cidrs": ["0.0.0.0/0"], "ports": "443"}]
READ = (
    *KINDS,
    Kind.NETRIS_VNET,
    Kind.NETRIS_VPC,
    Kind.NETRIS_NAT,
    Kind.NETRIS_ADDRESS,
    Kind.CLOUDSTACK_ADDRESS,
    Kind.CLOUDSTACK_INSTANCE,
)


@pytest.fixture
def place(acme: Any, zone: Any, accounts: Any, run: Any, world: Any, watch: Any, clock: Any) -> Place:
    """An instance with a static NAT in a tier whose list lets HTTPS in."""
    place = Place(acme, zone, run, world, watch, clock)
    place.move_in(Order(place.tier.remote_name, count=1, name="web"))
    place.ip = place.public_ip()  # type: ignore[attr-defined]
    place.done(create_static_nat(place.ip, place.instance(), by=BY))  # type: ignore[attr-defined]
    made = create_acl(acme, AclSpec(str(place.vpc.pk), "web", parse_rules(RULES)), by=BY)
    place.done(made)
    place.done(assign(Tier.unscoped.get(pk=place.tier.pk), str(made.resource_id), by=BY))
    return place


def asked(place: Place, traffic: Traffic, *, reads: bool = True) -> Answer:
    if reads:
        place.clock.shift(timedelta(minutes=2))
        for kind in READ:
            assert refresh(place.zone, kind, place.watch.clouds_of(place.zone))
        compare_all()
    ip = type(place.ip).unscoped.select_related("vpc__zone", "vpc__tenant", "tenant").get(pk=place.ip.pk)  # type: ignore[attr-defined]
    return answer_of(Question(Outside(), ip, traffic))


def blocked_by(answer: Answer) -> str:
    assert answer.blocked_by is not None, answer.hops
    return answer.blocked_by.what


def test_it_is_reachable_until_something_is_taken_away(place: Place) -> None:
    answer = asked(place, HTTPS)
    assert answer.verdict is Verdict.REACHABLE, answer.hops
    assert blocked_by(asked(place, SSH)) == "Access list web"

    # Somebody takes the rule away on Netris.
    shelf = place.world.netris.net.shelves["nat"]
    rule = next(dict(row) for row in shelf if row["name"].endswith("-STATICNAT"))
    shelf.drop(rule["id"])
    assert blocked_by(asked(place, HTTPS)).startswith("Static NAT")
    shelf.put(rule)
    assert asked(place, HTTPS).verdict is Verdict.REACHABLE


def test_it_is_not_known_while_nothing_is_read(place: Place) -> None:
    assert asked(place, HTTPS).verdict is Verdict.REACHABLE
    place.clock.shift(timedelta(minutes=10))
    answer = asked(place, HTTPS, reads=False)
    assert answer.verdict is Verdict.UNKNOWN
    assert "10 minutes old" in " ".join(hop.sentence for hop in answer.hops)
    assert Verdict.REACHABLE not in {hop.verdict for hop in answer.hops}
