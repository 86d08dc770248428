"""Who may ask whom for what, and what each of the two learns of it."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.kernel.errors import Refused
from apps.networks.models import Vpc
from apps.networks.routes.services import create_route
from apps.networks.routes.specs import RouteSpec
from apps.networks.services import delete_vpc
from apps.operations import engine
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from apps.peering import services
from apps.peering.models import Peering, Stage
from apps.peering.services import (
    accept_peering,
    change_peering,
    create_peering,
    reject_peering,
    revoke_peering,
    take_requests,
)
from apps.peering.sides import side_of
from apps.peering.specs import AnswerSpec, PeeringSpec, PeerSpec
from apps.peering.tasks import keep_all
from apps.tenancy.models import AuditEntry, Tenant
from apps.tenancy.tries import TooManyTries
from tests import builders
from tests.builders import BY

HERE, THERE, OTHER = (IPv4Network(f"10.{number}.0.0/16") for number in (20, 30, 40))


@pytest.fixture
def here(clock: Any, acme: Tenant) -> Vpc:
    return built(acme, HERE, "front", 1)


@pytest.fixture
def there(here: Vpc, globex: Tenant) -> Vpc:
    return built(globex, THERE, "stock", 2, here.zone)


def built(tenant: Tenant, cidr: IPv4Network, name: str, netris_id: int, zone: Any = None) -> Vpc:
    zone = zone or builders.a_zone()
    vpc = builders.a_vpc(tenant, zone, name=name, cidr=cidr, status=Status.READY, netris_id=netris_id)
    return Vpc.unscoped.select_related("tenant", "zone").get(pk=vpc.pk)


def ask(vpc: Vpc, slug: str, name: str = "shop of Acme", **fields: Any) -> Peering:
    return create_peering(vpc, PeeringSpec(PeerSpec(tenant=slug, name=name), (vpc.cidr,), **fields), by=BY)[0]


def accept(row: Peering, vpc: Vpc, *prefixes: IPv4Network, **fields: Any) -> Operation:
    return accept_peering(row, vpc, AnswerSpec(prefixes or (vpc.cidr,), **fields), by=BY)


def settle(operation: Operation) -> None:
    """As if a worker had done it."""
    row = engine.resource_of(operation)
    operation.recipe.settle(row, operation.goal, Phase.SUCCEEDED)
    Operation.unscoped.filter(pk=operation.pk).update(phase=Phase.SUCCEEDED)


def refusal(call: Any, code: str, field: str | None = None) -> str:
    with pytest.raises(Refused) as caught:
        call()
    assert (caught.value.code, caught.value.field) == (code, field), caught.value.message
    return caught.value.message


@pytest.fixture(params=["not there", "closed", "disabled"])
def nobody(request: pytest.FixtureRequest) -> str:
    """A short name under which nobody can be asked."""
    if request.param == "not there":
        return "initech"
    tenant = builders.a_tenant("Initech")
    if request.param == "closed":
        take_requests(tenant, is_open=False, by=BY)
    else:
        Tenant.objects.filter(pk=tenant.pk).update(disabled_at=tenant.created_at)
    return tenant.slug


def columns(row: Peering) -> dict[str, Any]:
    """All of a row but what tells it from every other one."""
    row.refresh_from_db()
    names = {field.attname for field in row._meta.concrete_fields} - {"id", "peer_tenant_id"}
    return {name: str(getattr(row, name)).replace(row.asked_of, "<peer>") for name in names}


def log_of(tenant: Tenant, row: Peering) -> list[Any]:
    found = AuditEntry.objects.of(tenant).filter(object_id=str(row.pk)).order_by("id")
    return [str((each.at, each.actor, each.action, each.new)).replace(row.asked_of, "<peer>") for each in found]


def cost_of(call: Any) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        call()
    return [each["sql"].split(" ", 2)[0] for each in queries.captured_queries]


@pytest.mark.parametrize("end", ["taken back", "expired"])
def test_a_request_to_nobody_is_kept_like_one_that_waits(
    here: Vpc, there: Vpc, nobody: str, end: str, clock: Any
) -> None:
    rows: dict[str, Peering] = {}
    slugs = ("globex", nobody)

    def asked(slug: str) -> None:
        rows[slug] = ask(here, slug)

    costs = [cost_of(lambda slug=slug: asked(slug)) for slug in slugs]
    assert costs[0] == costs[1], "it asks and writes as often"
    asking, answered, vain = here.tenant, *rows.values()
    assert (answered.peer_tenant, vain.peer_tenant) == (there.tenant, None)
    for slug in slugs:
        refusal(lambda slug=slug: ask(here, slug), "asked-already", "peer.name")
    assert columns(answered) == columns(vain)

    if end == "taken back":
        found = [Peering.unscoped.select_related(*services.RELATED).get(pk=row.pk) for row in rows.values()]
        costs = [cost_of(lambda row=row: revoke_peering(row, asking, by=BY)) for row in found]
        assert costs[0] == costs[1]
    else:
        clock.shift(timedelta(days=14))
        assert keep_all() == []
    assert columns(answered) == columns(vain)
    assert vain.stage == (Stage.WITHDRAWN if end == "taken back" else Stage.EXPIRED)
    assert log_of(asking, answered) == log_of(asking, vain)
    assert len(log_of(asking, vain)) == 2
    others = Tenant.objects.exclude(pk=asking.pk)
    assert not any(Peering.objects.of(each).filter(pk=vain.pk).exists() for each in others)
    assert not any(log_of(each, vain) for each in others)


def test_who_takes_requests_again_finds_none_from_before(here: Vpc, there: Vpc) -> None:
    take_requests(there.tenant, is_open=False, by=BY)
    vain = ask(here, "globex")
    take_requests(there.tenant, is_open=True, by=BY)
    row = ask(here, "globex", "another name")
    assert list(Peering.objects.of(there.tenant)) == [row]
    for call in (lambda: accept(vain, there), lambda: reject_peering(vain, there.tenant, by=BY)):
        refusal(call, "not-asked")


def test_as_many_requests_may_wait_whether_they_reach_somebody_or_not(
    here: Vpc, there: Vpc, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_WAITING", 2)
    ask(here, nobody)
    ask(here, "globex")
    texts = {refusal(lambda slug=slug: ask(here, slug, "x"), "too-many-requests-wait") for slug in ("globex", nobody)}
    assert texts == {"2 of your requests wait for an answer already. Withdraw some of them first."}


@pytest.mark.parametrize("wrong", ["prefixes", "vpc", "own"])
def test_what_is_wrong_with_ones_own_is_said_whoever_is_asked(here: Vpc, there: Vpc, nobody: str, wrong: str) -> None:
    if wrong == "vpc":
        delete_vpc(here, by=BY)
    prefix = OTHER if wrong == "prefixes" else here.cidr
    told = set()
    for slug in ("globex", nobody):
        spec = PeeringSpec(PeerSpec(tenant="acme" if wrong == "own" else slug, name="x"), (prefix,))
        with pytest.raises(Refused) as caught:
            create_peering(here, spec, by=BY)
        told.add((type(caught.value), caught.value.code, caught.value.field, caught.value.message))
    assert len(told) == 1
    assert not Peering.unscoped.exists()


def test_ranges_are_tried_against_the_other_side_only_where_they_are_ones_own(here: Vpc, there: Vpc) -> None:
    row = ask(here, "globex")
    for foreign in (here.cidr, OTHER):
        with pytest.raises(Refused) as caught:
            accept(row, there, foreign)
        assert [each.code for each in caught.value.all] == ["prefix-not-own"]
    settle(accept(row, there))
    row.refresh_from_db()
    with pytest.raises(Refused) as caught:
        change_peering(side_of(row, there.tenant), prefixes=[here.cidr], by=BY)
    assert [each.code for each in caught.value.all] == ["prefix-not-own"]


def test_an_acceptance_that_fails_leaves_a_request_that_was_asked_anew_alone(here: Vpc, there: Vpc) -> None:
    row = ask(here, "globex")
    operation = accept(row, there)
    anew = ask(here, "globex")
    operation.recipe.settle(engine.resource_of(operation), operation.goal, Phase.ROLLED_BACK)
    row.refresh_from_db()
    anew.refresh_from_db()
    assert (row.stage, row.status) == (Stage.FAILED, Status.DELETED)
    assert (anew.stage, anew.is_live) == (Stage.REQUESTED, True)


def test_who_asks_very_often_has_to_wait(here: Vpc, there: Vpc) -> None:
    for _ in range(services.ASKING.burst):
        services.count_request(here.tenant)
    with pytest.raises(TooManyTries):
        services.count_request(here.tenant)
    services.count_request(there.tenant)


def test_one_does_not_ask_oneself_or_twice(here: Vpc, there: Vpc) -> None:
    refusal(lambda: ask(here, "acme"), "peer-is-you", "peer.tenant")
    ask(here, "globex")
    refusal(lambda: ask(here, "globex", "SHOP of Acme"), "asked-already", "peer.name")
    ask(here, "globex", "another name")


def test_what_is_offered_is_the_vpcs_own(here: Vpc, there: Vpc) -> None:
    spec = PeeringSpec(PeerSpec(tenant="globex", name="x"), (OTHER,))
    refusal(lambda: create_peering(here, spec, by=BY), "prefix-not-own", "prefixes")
    row = ask(here, "globex")
    refusal(lambda: accept(row, there, OTHER), "prefix-not-own", "prefixes")
    refusal(lambda: accept(row, there, accept=(OTHER,)), "prefix-not-offered", "accept")
    assert not Operation.unscoped.exists()


def test_ranges_that_overlap_cannot_be_peered(here: Vpc, there: Vpc) -> None:
    alike = built(there.tenant, HERE, "alike", 3, here.zone)
    row = ask(here, "globex")
    text = refusal(lambda: accept(row, alike), "prefix-overlap", "accept")
    assert text.startswith("10.20.0.0/16 overlaps the VPC's own range 10.20.0.0/16 in alike.")
    # What the other side has, it is not told.
    text = refusal(lambda: accept(row, alike, accept=()), "prefix-overlap", "prefixes")
    assert text == "10.20.0.0/16 overlaps what the other side has already. Ranges that overlap cannot be peered."


def test_nor_can_what_is_learned_from_another_peering(here: Vpc, there: Vpc) -> None:
    settle(accept(ask(here, "globex"), there))
    same = built(there.tenant, THERE, "same", 3, here.zone)
    row = ask(here, "globex", "second")
    text = refusal(lambda: accept(row, same), "prefix-overlap", "prefixes")
    assert "other side has already" in text


def test_what_a_vpc_learned_is_no_range_of_its_static_routes(here: Vpc, there: Vpc) -> None:
    builders.a_tier(here, cidr="10.20.0.0/24")
    settle(accept(ask(here, "globex"), there))
    spec = RouteSpec(IPv4Network("10.30.7.0/24"), next(here.cidr.hosts()) + 8)
    text = refusal(lambda: create_route(here, spec, by=BY), "learned-overlap", "destination")
    assert "which the VPC has learned from the peering shop of Acme" in text


def test_two_vpcs_have_one_peering(here: Vpc, there: Vpc) -> None:
    first, second = ask(here, "globex"), ask(here, "globex", "second")
    back = create_peering(there, PeeringSpec(PeerSpec(tenant="acme", name="back"), (there.cidr,)), by=BY)[0]
    settle(accept(first, there))
    half = IPv4Network("10.20.0.0/17")
    for row, vpc in ((second, there), (back, here)):
        with pytest.raises(Refused) as caught:
            accept(row, vpc, half if vpc == here else IPv4Network("10.30.0.0/17"))
        assert caught.value.code in ("prefix-overlap", "peered-already")


def test_both_vpcs_are_in_one_zone(here: Vpc, globex: Tenant) -> None:
    far = built(globex, THERE, "far", 3, builders.a_zone("Zone-2"))
    row = ask(here, "globex")
    text = refusal(lambda: accept(row, far), "other-zone", "vpc")
    assert str(here.zone) not in text


def test_only_who_is_asked_answers_and_only_once(here: Vpc, there: Vpc) -> None:
    row = ask(here, "globex")
    refusal(lambda: accept(row, here), "not-asked")
    refusal(lambda: reject_peering(row, here.tenant, by=BY), "not-asked")
    refusal(lambda: revoke_peering(row, there.tenant, by=BY), "not-accepted")
    reject_peering(row, there.tenant, by=BY)
    row.refresh_from_db()
    assert (row.stage, row.status) == (Stage.REJECTED, Status.DELETED)
    refusal(lambda: accept(row, there), "not-asked")


def test_a_request_can_be_taken_back(here: Vpc, there: Vpc) -> None:
    row = ask(here, "globex")
    assert revoke_peering(row, here.tenant, by=BY) is None
    row.refresh_from_db()
    assert row.stage == Stage.WITHDRAWN
    refusal(lambda: accept(row, there), "not-asked")


def test_an_acceptance_finds_the_other_vpc_gone(here: Vpc, there: Vpc) -> None:
    row = ask(here, "globex")
    delete_vpc(here, by=BY)
    refusal(lambda: accept(row, there), "peer-not-ready")


def test_a_request_expires_and_a_peering_ends_once_and_late(here: Vpc, there: Vpc, clock: Any) -> None:
    unanswered = ask(here, "globex", "unanswered")
    row = ask(here, "globex", expires_at=timezone.now() + timedelta(days=1))
    settle(accept(row, there))
    assert keep_all() == []
    clock.shift(timedelta(days=40))  # no worker was there

    [operation] = keep_all()
    assert keep_all() == []
    assert operation.goal == "absent"
    settle(operation)
    for each, status in ((row, Status.DELETED), (unanswered, Status.DELETED)):
        each.refresh_from_db()
        assert (each.stage, each.status) == (Stage.EXPIRED, status)
    assert Operation.unscoped.filter(goal="absent").count() == 1


def test_who_revokes_while_something_is_at_work_is_served_when_that_is_over(here: Vpc, there: Vpc) -> None:
    row = ask(here, "globex")
    creation = accept(row, there)
    assert revoke_peering(row, here.tenant, by=BY) is None
    assert keep_all() == []
    settle(creation)
    [removal] = keep_all()
    assert (removal.tenant, removal.goal) == (here.tenant, "absent")
    settle(removal)
    row.refresh_from_db()
    assert (row.stage, row.status) == (Stage.REVOKED, Status.DELETED)


def test_what_is_offered_more_is_taken_once_it_is_chosen(here: Vpc, there: Vpc) -> None:
    row = ask(here, "globex")
    settle(accept(row, there, IPv4Network("10.30.0.0/24")))
    row.refresh_from_db()
    mine, theirs = side_of(row, here.tenant), side_of(row, there.tenant)
    more = (IPv4Network("10.30.0.0/24"), IPv4Network("10.30.1.0/24"))
    operation = change_peering(theirs, prefixes=more, by=BY)
    assert operation is not None
    operation.recipe.take(row, operation.wanted)
    settle(operation)
    row.refresh_from_db()
    mine = side_of(row, here.tenant)
    assert mine.learned == [IPv4Network("10.30.0.0/24")]
    assert mine.not_chosen == [IPv4Network("10.30.1.0/24")]


def test_nobody_learns_who_acts_at_the_other_side(here: Vpc, there: Vpc) -> None:
    row = ask(here, "globex")
    settle(accept(row, there))
    revoke_peering(row, there.tenant, by=BY)
    for tenant, own in ((here.tenant, {"peering.request"}), (there.tenant, {"peering.accept", "peering.revoke"})):
        entries = AuditEntry.objects.of(tenant).filter(action__startswith="peering.")
        assert {entry.action for entry in entries if entry.actor == BY.name} == own
        assert {entry.actor for entry in entries} == {BY.name, "the other side"}
        told = " ".join(str((entry.old, entry.new, entry.object_name)) for entry in entries)
        other = there if tenant == here.tenant else here
        assert other.name not in told
        assert str(other.pk) not in told
        assert not Operation.objects.of(other.tenant).filter(requested_by_user=BY.user, tenant=tenant).exists()
