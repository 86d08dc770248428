"""What a VPC or a tier says that it can do, it does; what it cannot, it refuses in the words that it said before."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.networks.models import Tier, Vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.provisioned import Status, status_after
from apps.operations.state import LIVE, Goal, Phase
from apps.tenancy.models import Role
from tests import builders
from tests.web.conftest import browser_of, words


class Case(NamedTuple):
    """A live operation on the VPC or on its first tier, or none with a status that a row may have by itself."""

    on: str
    goal: str = ""
    phase: str = ""
    stopped_in: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, self))


def live(goal):
    for phase in sorted(LIVE - {Phase.STUCK}):
        if not (goal == Goal.ABSENT and phase == Phase.BUILDING):
            yield phase, ""
    yield Phase.STUCK, Phase.REMOVING


#: Of VPCs and tiers nothing is changed in the systems (tests/operations/test_changes.py).
GOALS = (Goal.PRESENT, Goal.ABSENT)
CASES = [
    *(Case("none", phase=status) for status in Status if status is not Status.DELETED),
    *(Case(on, goal, *state) for on, goal in product(("vpc", "tier"), GOALS) for state in live(goal)),
]
ACTIONS = ("vpc rename", "vpc delete", "vpc add_tier", "held rename", "held delete", "other rename", "other delete")


@pytest.fixture
def rows(request, acme, site):
    case = request.param
    vpc = builders.a_vpc(acme, site)
    held, other = builders.a_tier(vpc), builders.a_tier(vpc, "db", "10.20.1.0/24")
    if case.on == "none":
        Vpc.unscoped.update(status=case.phase)
        Tier.unscoped.update(status=case.phase)
    else:
        resource = vpc if case.on == "vpc" else held
        operation = operations.start(
            case.on, resource, Goal(case.goal), tenant=acme, zone=site, lock_key=vpc.lane, by=builders.BY
        )
        Operation.unscoped.filter(pk=operation.pk).update(
            phase=case.phase, stopped_in=case.stopped_in, cursor=0, error="In use."
        )
        status = status_after(case.goal, case.phase)
        for row in (vpc, held, other) if case.on == "vpc" else (held,):
            type(row).unscoped.filter(pk=row.pk).update(status=status)
    return {"vpc": vpc, "held": held, "other": other}


def act(api, rows, what, action):
    row = rows[what]
    path = f"/{'vpcs' if what == 'vpc' else 'tiers'}/{row.pk}/"
    match action:
        case "rename":
            return api.patch(path, {"name": "new name"})
        case "delete":
            return api.delete(path)
    return api.post("/tiers/", {"vpc": str(row.pk), "name": "app", "cidr": "10.20.2.0/24"})


def can(api, rows, what):
    return api.get(f"/{'vpcs' if what == 'vpc' else 'tiers'}/{rows[what].pk}/").json()["can"]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("rows", CASES, indirect=True, ids=str)
def test_what_is_offered_is_done_and_what_is_not_is_refused_in_the_same_words(rows, action, api):
    what, action = action.split()
    reason = can(api, rows, what)[action]

    answer = act(api, rows, what, action)

    if reason is None:
        assert answer.status_code in (200, 202), answer.content
    else:
        assert (answer.status_code, answer.json()["detail"]) == (409, reason)


@pytest.mark.parametrize("rows", CASES, indirect=True, ids=str)
def test_lists_and_nested_tiers_say_the_same(rows, api):
    nested = api.get(f"/vpcs/{rows['vpc'].pk}/").json()

    assert api.get("/vpcs/").json()["results"] == [nested]
    # The access list of a tier is told with the tier alone.
    assert {each["id"]: each for each in api.get("/tiers/").json()["results"]} == {
        each["id"]: {**each, "acl": None} for each in nested["tiers"]
    }


@pytest.mark.parametrize("rows", CASES, indirect=True, ids=str)
def test_pages_say_it_too_before_one_tries_and_lead_to_what_is_in_the_way(rows, api, acme):
    ann = browser_of(builders.a_member(acme, Role.ENGINEER, "ann"))
    offers = can(api, rows, "vpc")
    shown = ann.get(f"/t/acme/vpcs/{rows['vpc'].pk}/").context
    assert (shown["why_not_rename"], shown["why_not_delete"], shown["why_not_add"]) == tuple(offers.values())
    for row in ann.get(f"/t/acme/vpcs/{rows['vpc'].pk}/tiers/").context["rows"]:
        what = "held" if row["tier"] == rows["held"] else "other"
        assert {"rename": row["why_not_rename"], "delete": row["why_not_delete"]} == can(api, rows, what)
    holder = Operation.unscoped.live().first()
    for path, reason in (("rename", "rename"), ("delete", "delete"), ("tiers/new", "add_tier")):
        page = ann.get(f"/t/acme/vpcs/{rows['vpc'].pk}/{path}/")
        assert page.context["reason"] == offers[reason]
        if offers[reason]:
            assert offers[reason] in words(page)
        if holder and offers[reason] == holder.in_the_way:
            assert f'href="/t/acme/operations/{holder.pk}/"' in page.content.decode()


WAYS_OUT = [
    (Case("tier", "present", "queued"), "“Create tier web” is still under way. Wait until it is over, then try again."),
    (Case("tier", "absent", "stuck", "removing"), "“Delete tier web” is stuck. Retry it first;"),
    (Case("vpc", "absent", "stuck", "removing"), "“Delete VPC prod” is stuck. Retry it first;"),
]


@pytest.mark.parametrize(("rows", "text"), WAYS_OUT, indirect=["rows"], ids=str)
def test_what_is_in_the_way_is_named_with_the_way_out(rows, text, api):
    body = api.get(f"/vpcs/{rows['vpc'].pk}/").json()

    assert body["can"]["delete"].startswith(text)
    operation = Operation.unscoped.get()
    assert body["held_by"] == {
        "id": str(operation.pk),
        "url": f"http://testserver/api/v1/operations/{operation.pk}/",
        "title": str(operation),
        "phase": operation.phase,
    }


def test_who_lists_vpcs_pays_one_query_for_all_their_locks(api, acme, site):
    def cost():
        with CaptureQueriesContext(connection) as asked:
            assert api.get("/vpcs/").status_code == 200
        return len(asked)

    builders.a_tier(builders.a_vpc(acme, site))
    cost()
    alone = cost()
    for number in range(5):
        builders.a_tier(builders.a_vpc(acme, site, f"vpc-{number}"))
    assert cost() == alone


@pytest.mark.parametrize("phase", [None, *Phase], ids=str)
def test_a_host_that_is_said_to_be_reconnectable_is_and_no_other(phase, platform, site):
    if phase is not None:
        started = operations.start(
            "reconnect", site, Goal.PRESENT, tenant=None, zone=site, lock_key=f"zone:{site.pk}", by=builders.BY
        )
        Operation.unscoped.filter(pk=started.pk).update(phase=phase, stopped_in="building" if phase == "stuck" else "")
    reason = platform.get(f"/zones/{site.pk}/reconnect/").json()["reason"]

    answer = platform.post(f"/zones/{site.pk}/reconnect/")

    assert (reason is None) == (phase not in LIVE)
    if reason is None:
        assert answer.status_code == 202
    else:
        assert (answer.status_code, answer.json()["detail"]) == (409, reason)
        assert phase is not Phase.STUCK or reason.endswith("is stuck. Retry or cancel it first.")


OPERATIONS = [
    (goal, phase, stopped_in, is_cancelling)
    for goal, phase, is_cancelling in product(GOALS, Phase, (False, True))
    for stopped_in in (("removing", "building") if phase == Phase.STUCK and goal == Goal.PRESENT else ("removing",))
    if not (goal == Goal.ABSENT and phase in (Phase.BUILDING, Phase.ROLLED_BACK))
    and not (is_cancelling and phase not in (Phase.QUEUED, Phase.BUILDING))
]


@pytest.mark.parametrize("action", ["cancel", "retry", "give_up"])
@pytest.mark.parametrize(("goal", "phase", "stopped_in", "is_cancelling"), OPERATIONS)
def test_an_operation_does_what_it_offers_and_refuses_the_rest_in_the_same_words(
    goal, phase, stopped_in, is_cancelling, action, platform, acme, site
):
    vpc = builders.a_vpc(acme, site)
    started = operations.start("vpc", vpc, goal, tenant=acme, zone=site, lock_key=vpc.lane, by=builders.BY)
    Operation.unscoped.filter(pk=started.pk).update(
        phase=phase,
        stopped_in=stopped_in if phase == Phase.STUCK else "",
        unwinds=stopped_in != "building",
        is_cancel_requested=is_cancelling,
        started_at=None if phase == Phase.QUEUED else started.created_at,
    )
    path = f"/operations/{started.pk}/"
    reason = platform.get(path).json()["can"][action]
    body = {"left": platform.get(f"{path}give-up/").json()["left"]} if action == "give_up" else None

    answer = platform.post(f"{path}{action.replace('_', '-')}/", body)

    if reason is None:
        assert answer.status_code in (200, 202), answer.content
    else:
        assert answer.status_code in (409, 422) and answer.json()["detail"] == reason
