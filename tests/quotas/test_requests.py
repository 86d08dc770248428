"""A tenant asks for a higher limit, and the platform answers it among all that waits."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from apps.kernel import clock
from apps.kernel.errors import Invalid, Refused
from apps.quotas import requests
from apps.quotas.models import QuotaRequest
from apps.quotas.queries import quotas_of
from apps.quotas.requests import RequestSpec
from apps.quotas.resources import DIRECT_CONNECT, MOST_OF_ONE, TIER, VPC
from apps.quotas.services import change_quotas
from apps.tenancy import approvals
from apps.tenancy.models import AuditEntry, Role, Tenant
from tests import builders
from tests.api.conftest import Api
from tests.web.conftest import browser_of, words

BY = builders.BY
PLATFORM = builders.the_platform()
PAGE = "/t/acme/quotas/"
pytestmark = pytest.mark.django_db


def spec(wanted: int = 30, resource: str = "vpc", reason: str = "a second site") -> RequestSpec:
    return RequestSpec.parse({"resource": resource, "wanted": wanted, "reason": reason})


def limit_of(tenant: Tenant) -> int:
    return quotas_of(tenant).of(VPC).limit


def test_an_approval_sets_what_was_asked_for(acme: Tenant, globex: Tenant) -> None:
    row = requests.ask(acme, spec(), by=BY)
    assert limit_of(acme) == VPC.default
    [told] = [each for each in approvals.waiting(PLATFORM) if each.kind == "quota-request"]
    assert (told.id, told.tenant, told.name) == (row.pk, acme, "30 VPCs")
    assert told.asks == "30 VPCs instead of 20: a second site"
    assert approvals.count(PLATFORM) == 1

    assert approvals.decide(row.pk, "approve", "", PLATFORM)
    assert (limit_of(acme), limit_of(globex)) == (30, VPC.default)
    row.refresh_from_db()
    assert (row.stage, row.answer) == ("approved", "") and row.ended_at is not None
    assert not approvals.decide(row.pk, "approve", "", PLATFORM), "it waits no more"
    assert approvals.waiting(PLATFORM) == []
    entries = AuditEntry.objects.of(acme).order_by("id").values_list("action", "old", "new")
    assert list(entries) == [
        ("quota.ask", {}, {"max_vpcs": 30, "reason": "a second site"}),
        ("quota.approve", {"max_vpcs": 20}, {"max_vpcs": 30}),
    ]


def test_a_rejection_says_why_and_changes_nothing(acme: Tenant) -> None:
    row = requests.ask(acme, spec(), by=BY)
    with pytest.raises(Refused) as caught:
        approvals.decide(row.pk, "reject", "x" * 501, PLATFORM)
    assert caught.value.field == "reason"
    assert approvals.decide(row.pk, "reject", "The site is full.", PLATFORM)
    row.refresh_from_db()
    assert (row.stage, row.answer, limit_of(acme)) == ("rejected", "The site is full.", VPC.default)
    assert requests.ask(acme, spec(), by=BY).waits, "another may be asked"


def test_an_approval_takes_nothing_away_that_was_given_meanwhile(acme: Tenant) -> None:
    row = requests.ask(acme, spec(30), by=BY)
    change_quotas(acme, {VPC: 50}, by=PLATFORM)
    assert approvals.decide(row.pk, "approve", "", PLATFORM)
    assert limit_of(acme) == 50


@pytest.mark.parametrize(
    ("wanted", "field"), [(VPC.default, "wanted"), (VPC.default - 1, "wanted")], ids=["the same", "less"]
)
def test_no_less_can_be_asked_for(acme: Tenant, wanted: int, field: str) -> None:
    with pytest.raises(Refused) as caught:
        requests.ask(acme, spec(wanted), by=BY)
    assert (caught.value.code, caught.value.field) == ("not-more", field)
    assert not QuotaRequest.unscoped.exists() and not AuditEntry.objects.of(acme).exists()


def test_one_waits_at_a_time_for_each_resource(acme: Tenant, globex: Tenant) -> None:
    row = requests.ask(acme, spec(), by=BY)
    with pytest.raises(Refused, match="30 VPCs already"):
        requests.ask(acme, spec(40), by=BY)
    requests.ask(acme, spec(TIER.default + 1, "tier"), by=BY)
    requests.ask(globex, spec(), by=BY)
    requests.withdraw(row, by=BY)
    assert requests.ask(acme, spec(40), by=BY).waits
    with pytest.raises(Refused, match="withdrawn already"):
        requests.withdraw(row, by=BY)
    with pytest.raises(IntegrityError, match="quota_is_asked_for_once"):
        QuotaRequest.unscoped.create(tenant=acme, resource="vpc", limit=20, wanted=50, reason="again")


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        spec(MOST_OF_ONE + 1, "elephant", "")
    assert [each.field for each in caught.value.all] == ["resource", "wanted", "reason"]
    with pytest.raises(Invalid) as caught:
        spec(reason=" ")
    assert [(each.code, each.field) for each in caught.value.all] == [("reason-missing", "reason")]


@pytest.mark.parametrize(
    "fields",
    [{"stage": "dreamt"}, {"wanted": 20}, {"stage": "approved", "ended_at": None}],
    ids=["stage", "no more", "over without an end"],
)
def test_the_database_holds_no_other(acme: Tenant, fields: dict[str, Any]) -> None:
    facts = {"tenant": acme, "resource": "vpc", "limit": 20, "wanted": 30, "reason": "more"} | fields
    with pytest.raises(IntegrityError, match="quota_request"):
        QuotaRequest.unscoped.create(**facts)


@pytest.mark.django_db(transaction=True)
def test_of_those_who_ask_at_once_one_is_heard(acme: Tenant) -> None:
    gate = threading.Barrier(6)
    heard: list[str] = []

    def ask() -> None:
        gate.wait(10)
        try:
            requests.ask(acme, spec(), by=BY)
            heard.append("yes")
        except Refused as refusal:
            heard.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(heard) == ["asked-already"] * 5 + ["yes"]
    assert QuotaRequest.unscoped.count() == 1


@pytest.mark.django_db(transaction=True)
def test_withdrawn_and_approved_at_once_is_one_of_both(acme: Tenant) -> None:
    row = requests.ask(acme, spec(), by=BY)
    gate, done = threading.Barrier(2), []

    def run(what: Any) -> None:
        gate.wait(10)
        try:
            if what():
                done.append(what)
        except Refused:
            pass
        finally:
            connection.close()

    ways = [
        lambda: requests.withdraw(QuotaRequest.unscoped.select_related("tenant").get(pk=row.pk), by=BY),
        lambda: approvals.decide(row.pk, "approve", "", PLATFORM),
    ]
    threads = [threading.Thread(target=run, args=(way,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    row.refresh_from_db()
    assert len(done) == 1
    assert limit_of(acme) == (30 if row.stage == "approved" else 20)


# --- over REST --------------------------------------------------------------------------------------------------------


def test_by_rest_alone(acme: Tenant) -> None:
    ours, platform = Api(builders.a_token(acme)), Api(builders.a_token(None))
    said = {"resource": "vpc", "wanted": 25, "reason": "more customers"}
    made = ours.post("/quota-requests/", said)
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["stage"], row["limit"], row["can"]) == ("requested", 20, {"withdraw": None})
    assert made["Location"] == row["url"]
    assert ours.post("/quota-requests/", said).json()["code"] == "asked-already"
    [waiting] = platform.get("/approvals/").json()["results"]
    assert (waiting["kind"], waiting["id"]) == ("quota-request", row["id"])
    assert platform.post(f"/approvals/{row['id']}/decide/", {"verdict": "approve"}).status_code == 204
    assert ours.get(f"/quota-requests/{row['id']}/").json()["stage"] == "approved"
    [quotas] = ours.get("/quotas/").json()["results"]
    assert {each["resource"]: each["limit"] for each in quotas["resources"]}["vpc"] == 25
    assert ours.post(f"/quota-requests/{row['id']}/withdraw/").status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resource": "elephant"}, "resource"),
        ({"wanted": 20}, "wanted"),
        ({"wanted": 0}, "wanted"),
        ({"wanted": "30"}, "wanted"),
        ({"wanted": MOST_OF_ONE + 1}, "wanted"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "two\nlines"}, "reason"),
        ({"tenant": "globex"}, "tenant"),
    ],
)
def test_bad_input_names_the_field_and_changes_nothing(acme: Tenant, change: dict[str, Any], field: str) -> None:
    said = {"resource": "vpc", "wanted": 30, "reason": "more"} | change
    answer = Api(builders.a_token(acme)).post("/quota-requests/", said)
    assert answer.status_code == 422
    told = answer.json()
    assert field in {told.get("field"), *(each["field"] for each in told.get("errors", ()))}
    assert not QuotaRequest.unscoped.exists()


def test_another_tenant_sees_and_touches_nothing_of_it(acme: Tenant, globex: Tenant) -> None:
    row = requests.ask(acme, spec(), by=BY)
    theirs = Api(builders.a_token(globex))
    assert theirs.get("/quota-requests/").json()["results"] == []
    for answer in (
        theirs.get(f"/quota-requests/{row.pk}/"),
        theirs.post(f"/quota-requests/{row.pk}/withdraw/"),
    ):
        assert answer.status_code == 404
    gina = browser_of(builders.a_member(globex, Role.OWNER, "gina"))
    assert "second site" not in gina.get("/t/globex/quotas/").content.decode()
    assert gina.post(f"/t/globex/quotas/{row.pk}/withdraw/").status_code == 404
    row.refresh_from_db()
    assert row.waits


# --- in the browser ---------------------------------------------------------------------------------------------------


def test_a_person_asks_and_withdraws(acme: Tenant) -> None:
    ann = browser_of(builders.a_member(acme))
    assert "Nothing was asked for" in words(ann.get(PAGE))
    form = ann.get(f"{PAGE}new/?resource=tier").content.decode()
    assert '<option value="tier" selected>Tiers: 60 now</option>' in form
    wrong = ann.post(f"{PAGE}new/", {"resource": "vpc", "wanted": "20", "reason": "more"})
    assert wrong.status_code == 422 and "You may have 20 VPCs already" in words(wrong)
    assert ann.post(f"{PAGE}new/", {"resource": "vpc", "wanted": "30", "reason": "more"}).status_code == 302
    row = QuotaRequest.unscoped.get()
    listed = words(ann.get(PAGE))
    assert "30 VPCs" in listed and "instead of 20: more" in listed and "Requested" in listed
    assert ann.post(f"{PAGE}{row.pk}/withdraw/").status_code == 302
    assert "Withdrawn" in words(ann.get(PAGE))


def test_who_may_only_look_sees_why(acme: Tenant) -> None:
    builders.a_quota_request(acme)
    vic = browser_of(builders.a_member(acme, Role.VIEWER, "vic"))
    page = vic.get(PAGE).content.decode()
    assert "30 VPCs" in page and "role-note" in page
    assert f"{PAGE}new/" not in page and "Withdraw" not in page


def test_an_admin_answers_among_all_that_waits(acme: Tenant, admin: Any) -> None:
    row = builders.a_quota_request(acme)
    root = browser_of(admin)
    assert "30 VPCs instead of 20: a second site" in words(root.get("/platform/approvals/"))
    said = {"id": str(row.pk), "verdict": "reject", "reason": "The site is full."}
    root.post("/platform/approvals/", said)
    listed = words(browser_of(builders.a_member(acme)).get(PAGE))
    assert "Rejected" in listed and "The site is full." in listed


def test_where_a_quota_is_full_the_way_to_more_is_there(acme: Tenant) -> None:
    change_quotas(acme, {VPC: 0}, by=PLATFORM)
    page = browser_of(builders.a_member(acme)).get("/t/acme/direct-connects/new/").content.decode()
    assert "Ask for more" not in page
    change_quotas(acme, {DIRECT_CONNECT: 0}, by=PLATFORM)
    page = browser_of(builders.a_member(acme, username="zoe")).get("/t/acme/direct-connects/new/").content.decode()
    assert "/t/acme/quotas/new/?resource=direct_connect" in page


def test_lists_cost_the_same_however_many_there_are(acme: Tenant) -> None:
    ann, api = browser_of(builders.a_member(acme)), Api(builders.a_token(acme))

    def costs() -> list[int]:
        found = []
        for call in (lambda: ann.get(PAGE), lambda: api.get("/quota-requests/"), lambda: approvals.waiting(PLATFORM)):
            with CaptureQueriesContext(connection) as asked:
                call()
            found.append(len(asked))
        return found

    builders.a_quota_request(acme)
    costs()
    one = costs()
    for number in range(30):
        QuotaRequest.unscoped.create(
            tenant=acme, resource=f"r{number}", limit=1, wanted=2, reason="more", created_at=clock.now()
        )
    assert costs() == one == [6, 2, 3]
