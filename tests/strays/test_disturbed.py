"""The questions that every recipe must answer, asked at every call of a removal."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from apps.accounts.models import Account
from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.operations.provisioned import Status
from apps.operations.services import retry
from apps.strays.finder import look
from apps.strays.models import Stray
from apps.strays.services import remove
from tests import builders
from tests.builders import BY
from tests.questions import Watch, at_every_call, every_part_twice
from tests.sandbox.cloudstack.client import root_of

pytestmark = pytest.mark.usefixtures("accounts")


@pytest.fixture
def watch(world: Any) -> Watch:
    return Watch(world)


@pytest.fixture
def clouds_of(watch: Watch) -> Any:
    return watch.clouds_of


@pytest.fixture
def stray(acme, zone, clock, watch, world) -> Stray:
    """Made in CloudStack as Weft makes a VPC, and known to rows that are deleted."""
    account = Account.objects.of(acme).get()
    root = root_of(world)
    whose = {"zoneid": root.zone, "account": account.remote_name, "domainid": account.cloudstack_domain_id}

    vpc = builders.a_vpc(acme, zone, "lost", status=Status.DELETED)
    tiers = [
        builders.a_tier(vpc, name, f"10.20.{third}.0/24", Status.DELETED) for third, name in enumerate(("web", "db"))
    ]
    offering = {"vpcofferingid": zone.vpc_offering_id, "cidr": vpc.cidr}
    vpc.cloudstack_id = root("createVPC", name=vpc.remote_name, **offering, **whose)["id"]
    vpc.save()
    clock.shift(timedelta(minutes=1))
    world.cloudstack.run_due_jobs()
    for tier in tiers:
        gateway = {"gateway": tier.gateway, "netmask": tier.cidr.netmask, "vpcid": vpc.cloudstack_id}
        offering = {"networkofferingid": zone.tier_offering_id}
        made = root("createNetwork", name=tier.remote_name, **offering, **gateway, **whose)
        tier.cloudstack_id = made["network"]["id"]
        tier.save()
    clock.shift(timedelta(seconds=1))
    for kind in (Kind.CLOUDSTACK_VPC, Kind.CLOUDSTACK_NETWORK, Kind.NETRIS_VPC, Kind.NETRIS_VNET):
        refresh(zone, kind, watch.clouds_of(zone))
    look(zone)
    return Stray.objects.there().get()


def test_a_removal_run_twice_ends_as_one(stray, run, world):
    with every_part_twice("removal"):
        assert run(remove(stray, confirmed=stray.name, by=builders.the_platform())).phase == "succeeded"
    assert world.are_empty()


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late", "refused"])
def test_a_disturbance_at_any_call_of_a_removal_leaves_nothing_in_the_end(stray, run, watch, world, clock, how):
    def ready() -> Any:
        return partial(remove, stray, confirmed=stray.name, by=builders.the_platform())

    def nothing() -> None:
        assert world.are_empty(), watch.struck

    for operation, call in at_every_call(SimpleNamespace(run=run, watch=watch, clock=clock), ready, how, nothing):
        if operation.phase == "stuck":
            assert how == "refused"
            operation = run(retry(operation, by=BY))
        assert operation.phase == "succeeded", (call, operation.steps)
    nothing()
    assert len(watch.calls) > 5
