"""The five questions of `tests.questions` at the calls of access lists: item by item, behind a guard, with a tier that
comes and goes. At any crash the tier ends with the old list or with the new one, whole, on both systems.

A change makes many calls that are alike, so each question is asked at every fifth, and together they are at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from apps.acls import lists, services
from apps.acls.models import TierAcl
from apps.acls.rules import parse_rules
from apps.networks.models import Tier
from apps.networks.services import create_tier, delete_tier
from apps.networks.specs import TierSpec
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import retry
from apps.operations.state import Phase
from tests.acls.scene import Scene, allow, deny, ports
from tests.builders import BY
from tests.questions import at_every_call, every_part_twice, survived

pytestmark = pytest.mark.usefixtures("accounts")

ONE = [allow("80"), deny("80", "192.0.2.0/24")]
TWO = [allow("80"), allow("22", "203.0.113.7/32")]
ACTIONS = ("assign", "change", "replace", "unassign", "create tier", "delete tier")
DISTURBANCES = ("killed before", "killed after", "reply lost", "late")
HOWS = (*DISTURBANCES, "refused")


class Stage(Scene):
    """The same tier again and again, brought to where the action begins without a disturbance."""

    def ready_for(self, action: str) -> None:
        if self.number == 0:
            self.live()
            self.made(ONE)
        row = TierAcl.unscoped.filter(pk=self.tier.pk).first()
        has_list = row is not None and row.status == Status.READY
        if action == "assign" and has_list:
            self.succeeds(services.unassign(self.tier, by=BY))
        if action in ("change", "replace", "unassign") and not has_list:
            self.succeeds(services.assign(self.tier, str(self.acl.pk), by=BY))
        new = Tier.unscoped.filter(name="new").exclude(status=Status.DELETED).first()
        if action == "create tier" and new:
            self.succeeds(delete_tier(new, by=BY))
        if action == "delete tier" and not new:
            self.succeeds(self.start("create tier"))

    def start(self, action: str) -> Operation:
        match action:
            case "assign":
                return services.assign(self.tier, str(self.acl.pk), by=BY)
            case "change" | "replace":
                ports = {rule["ports"] for rule in self.acl.rules}
                return services.change_rules(self.acl, parse_rules(ONE if "22" in ports else TWO), by=BY)
            case "unassign":
                return services.unassign(self.tier, by=BY)
            case "create tier":
                spec = TierSpec.parse({"name": "new", "cidr": "10.20.2.0/24"})
                return create_tier(self.vpc, spec, by=BY, beside=services.has_list(str(self.acl.pk)))
        assert action == "delete tier"
        return delete_tier(Tier.unscoped.exclude(status=Status.DELETED).get(name="new"), by=BY)

    def disturbed(self, action: str, how: str) -> Iterator[tuple[Operation, str]]:
        def ready() -> Any:
            self.ready_for(action)
            return partial(self.start, action)

        return at_every_call(self, ready, how, self.whole, numbers=range(1 + HOWS.index(how), 200, len(HOWS)))

    def whole(self) -> None:
        """Both systems have exactly what the rows say, of both tiers, and nothing else."""
        vpc_id = str(self.vpc.cloudstack_id)
        rows = list(TierAcl.unscoped.exclude(status=Status.DELETED))
        assert {row.status for row in rows} <= {Status.READY}
        there = {each.id for each in self.cloudstack.acl_lists_of(vpc_id)}
        # An empty list stays with a tier that has none any more: CloudStack takes no list off.
        empty = {each for each in there if not self.cloudstack.acl_items(each)}
        assert there - empty == {str(row.cloudstack_id) for row in rows}
        assert len(empty) <= 1
        if any(row.pk == self.tier.pk for row in rows):
            self.agrees(among_others=True)
        else:
            assert self.rules() == []


@pytest.fixture
def stage(acme: Any, zone: Any, run: Any, world: Any, watch: Any, clock: Any, monkeypatch: Any, request: Any) -> Stage:
    if "replace" in request.node.callspec.params.values():
        monkeypatch.setattr(lists, "MOST_WRITTEN", 0)
    return Stage(acme, zone, run, world, watch, clock)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_part_run_twice_makes_one_of_everything(stage, action):
    kind = {"change": "acl", "replace": "acl", "assign": "tier_acl", "unassign": "tier_acl"}.get(action, "tier")
    stage.ready_for(action)
    with every_part_twice(kind):
        assert stage.succeeds(stage.start(action))
    stage.whole()


@pytest.mark.parametrize("how", DISTURBANCES)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_disturbance_at_any_call_ends_with_one_of_everything(stage, action, how):
    for operation, call in stage.disturbed(action, how):
        assert operation.phase == Phase.SUCCEEDED, (call, operation.error, operation.steps)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_refusal_at_any_call_ends_with_the_old_list_or_the_new_one(stage, action):
    for operation, call in stage.disturbed(action, "refused"):
        if operation.phase == Phase.STUCK:
            operation = stage.run(retry(operation, by=BY))
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), (call, operation.error, operation.steps)


@pytest.mark.parametrize("how", ["killed after", "late", "refused"])
def test_with_fifty_rules_any_crash_ends_with_the_old_list_or_the_new_one(stage, how):
    """At calls spread over the whole change: while the second list is filled, at the guard, and at the change over."""
    stage.live()
    stage.made([allow(str(port)) for port in ports(50)])
    stage.succeeds(services.assign(stage.tier, str(stage.acl.pk), by=BY))
    stage.watch.calls.clear()
    stage.succeeds(services.change_rules(stage.acl, parse_rules([deny(str(port)) for port in ports(50)]), by=BY))
    many = len(stage.watch.calls)
    for number, nth in enumerate((many // 3, many - 8, many - 2)):
        start = 3000 + 1000 * number
        stage.watch.disturb(nth, how)
        change = services.change_rules(stage.acl, parse_rules([allow(str(port)) for port in ports(50, start)]), by=BY)
        operation = survived(stage.run, change)
        if operation.phase == Phase.STUCK:
            operation = stage.run(retry(operation, by=BY))
        assert operation.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK), operation.error
        assert operation.phase == Phase.SUCCEEDED or how == "refused"
        stage.watch.let_everything_late_happen(stage.clock)
        assert stage.agrees()
