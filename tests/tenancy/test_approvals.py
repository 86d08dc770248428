"""The page of what waits for the platform: told in one place, decided in its line, and by one person only."""

from __future__ import annotations

import html
from uuid import uuid4

import pytest
from django.test import Client

from apps.directconnect.models import Connection
from apps.directconnect.services import orders
from apps.directconnect.stages import Stage
from apps.tenancy import approvals
from apps.tenancy.actors import Platform, platform_of
from tests import builders

pytestmark = pytest.mark.django_db

PAGE = "/platform/approvals/"


@pytest.fixture
def root(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def platform(admin) -> Platform:
    found = platform_of(admin)
    assert found is not None
    return found


@pytest.fixture
def row(acme, zone) -> Connection:
    return builders.a_connection(acme, builders.a_location(zone), stage=Stage.SUBMITTED)


def said(client: Client, verdict: str, row: Connection, status: int = 302, *, follow: bool = True, **more: str) -> str:
    body = {"id": str(row.pk), "verdict": verdict, **more}
    answer = client.post(PAGE, body, headers={} if status == 302 else {"HX-Request": "true"})
    assert answer.status_code == status, answer.content.decode()
    answer = client.get(PAGE) if status == 302 and follow else answer
    return html.unescape(answer.content.decode())


def test_it_tells_the_oldest_first_and_the_navigation_counts(root, acme, globex, row, clock):
    clock.shift(60)
    builders.a_connection(globex, row.location, "newer", stage=Stage.SUBMITTED)
    builders.a_connection(acme, row.location, "a-draft")
    answer = root.get(PAGE)
    shown = answer.content.decode()
    assert shown.index("paris-a") < shown.index("newer")
    assert "Direct Connect: 10 Gbit/s, dedicated, at Paris 2" in shown
    assert "a-draft" not in shown
    assert [each.count for each in answer.context["nav"] if each.label == "Approvals"] == [2]


def test_nothing_waits(root):
    assert "Nothing waits" in root.get(PAGE).content.decode()


def test_tenants_have_no_such_page(acme, row):
    person = Client()
    person.force_login(builders.a_member(acme))
    assert person.get(PAGE).status_code == 404
    assert person.post(PAGE, {"id": str(row.pk), "verdict": "approve"}).status_code == 404
    row.refresh_from_db()
    assert row.stage == Stage.SUBMITTED


def test_an_approval_without_scripts(root, row):
    assert "Approved." in said(root, "approve", row)
    row.refresh_from_db()
    assert row.stage == Stage.APPROVED


def test_a_rejection_in_place(root, row):
    shown = said(root, "reject", row, 422)
    assert "Say why it is rejected" in shown
    assert "<html" not in shown
    row.refresh_from_db()
    assert row.stage == Stage.SUBMITTED

    shown = said(root, "reject", row, 200, reason="No room is left.")
    assert "Rejected." in shown
    assert "Nothing waits" in shown
    assert "<html" not in shown
    row.refresh_from_db()
    assert row.stage == Stage.REJECTED
    assert row.entries.latest("id").evidence == {"reason": "No room is left."}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"verdict": "maybe"}, "Approve it or reject it."),
        ({"verdict": ""}, "Approve it or reject it."),
        ({"verdict": "reject", "reason": "x" * 501}, "at most 500"),
        ({"verdict": "reject", "reason": "   "}, "Say why"),
        ({"verdict": "reject", "reason": "a\u202eb"}, "reason"),
        ({"verdict": "approve", "id": "none"}, "UUID"),
        ({"verdict": "approve", "id": ""}, "Press a button"),
    ],
)
def test_what_is_wrong_changes_nothing(root, row, body, told):
    answer = root.post(PAGE, {"id": str(row.pk), **body})
    assert answer.status_code == 422
    assert told in html.unescape(answer.content.decode())
    row.refresh_from_db()
    assert row.stage == Stage.SUBMITTED


def test_of_two_who_decide_one_wins_and_the_other_is_told(root, row, platform, monkeypatch):
    """Also where both have found it waiting before either has it."""
    assert approvals.decide(row.pk, "approve", "", platform)
    assert "somebody else has decided" in said(root, "reject", row, reason="Late.")

    def as_it_was(_by):
        return Connection.unscoped.all()

    monkeypatch.setattr(orders, "submitted", as_it_was)
    shown = said(root, "reject", row, 422, reason="Late.")
    assert "does not lead to" in shown
    row.refresh_from_db()
    assert row.stage in (Stage.APPROVED, Stage.PORT_RESERVED)


def test_what_never_was_is_told(root):
    answer = root.post(PAGE, {"id": str(uuid4()), "verdict": "approve"}, follow=True)
    assert "somebody else has decided" in answer.content.decode()


def test_many_cost_as_much_as_one(root, acme, row, django_assert_num_queries):
    root.get(PAGE)
    for count in (1, 30):
        for number in range(count):
            builders.a_connection(acme, row.location, f"c-{count}-{number}", stage=Stage.SUBMITTED)
        with django_assert_num_queries(10):
            root.get(PAGE)
