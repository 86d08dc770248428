"""Activity, and the page on which an operation is watched, cancelled and tried again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.networks import services
from apps.networks.models import Vpc
from apps.operations import services as operations
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Status
from apps.tenancy.actors import Actor
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.web.conftest import words

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVITY = "/t/acme/activity/"


@pytest.fixture
def prod(acme, place):
    return builders.a_vpc(acme, place, status=Status.BUILDING)


def page_of(operation):
    return f"/t/acme/operations/{operation.pk}/"


# --- activity ---------------------------------------------------------------------------------------------------------


def test_activity_lists_ones_own_operations_newest_first(ann, acme, globex, place, prod, started):
    started(prod, phase="succeeded")
    started(prod, goal="absent", phase="queued")
    started(builders.a_vpc(globex, place, "secret"))

    answer = ann.get(ACTIVITY)

    assert [str(operation) for operation in answer.context["page"]] == ["Delete VPC prod", "Create VPC prod"]
    assert "secret" not in words(answer)


@pytest.mark.parametrize(
    ("query", "count"),
    [("phase=running", 1), ("phase=stuck", 0), ("phase=succeeded", 1), ("phase=x", 0), ("q=PRO", 2), ("q=zzz", 0)],
)
def test_activity_is_filtered(ann, prod, started, query, count):
    started(prod, phase="succeeded")
    started(prod, phase="building")

    assert len(ann.get(f"{ACTIVITY}?{query}").context["page"]) == count


def test_activity_costs_the_same_however_much_there_was(ann, prod, started):
    def cost():
        with CaptureQueriesContext(connection) as asked:
            ann.get(ACTIVITY)
        return len(asked)

    started(prod, phase="succeeded")
    cost()
    alone = cost()
    for _ in range(60):
        started(prod, phase="succeeded")

    assert cost() == alone <= 7


def test_the_audit_log_shows_who_changed_what_from_what_to_what(ann, globex, acme, place):
    vpc = builders.a_vpc(acme, place)
    services.rename_vpc(vpc, name="live", description="", by=Actor.system("ann"))
    services.rename_vpc(builders.a_vpc(globex, place, "x"), name="secret", description="", by=Actor.system("bob"))

    answer = ann.get(f"{ACTIVITY}changes/")

    assert "vpc.rename live ann" in words(answer)
    assert "name prod live" in words(answer)
    assert "secret" not in words(answer)


def test_nothing_yet_is_said_in_words(ann, acme):
    assert "Nothing has happened yet" in words(ann.get(ACTIVITY))
    assert "No change yet" in words(ann.get(f"{ACTIVITY}changes/"))
    assert "Nothing matches" in words(ann.get(f"{ACTIVITY}?q=x"))
    assert "Nothing matches" in words(ann.get(f"{ACTIVITY}changes/?q=x"))


# --- one operation ----------------------------------------------------------------------------------------------------


def test_a_running_operation_shows_its_steps_and_follows_itself(ann, prod, started):
    operation = started(prod, phase="building", cursor=1)
    operation.steps[0] |= {"state": "done"}
    operation.steps[1] |= {"state": "running", "detail": "Netris has no VPC for it yet."}
    operation.save()
    Event.unscoped.create(operation=operation, text="Requested by ann.")

    answer = ann.get(page_of(operation))

    page, text = answer.content.decode(), words(answer)
    assert "Create VPC prod" in text
    assert "33 %" in text
    assert "Netris has no VPC for it yet." in text
    assert "Requested by ann." in text
    assert f'data-stream="/events/operations/{operation.pk}"' in page
    assert 'hx-trigger="heard, every 10s"' in page


def test_a_part_updates_title_badge_note_and_live_region(ann, prod, started):
    operation = started(prod, phase="building")

    part = ann.part(page_of(operation))

    page = part.content.decode()
    assert "<html" not in page
    assert "<title>Create VPC prod: At work" in page
    for name in ("badge", "note", "actions"):
        assert re.search(f'id="operation-{name}"\\s+hx-swap-oob="morph"', page), name
    assert re.search(r'id="live"\s+aria-live="polite"\s+hx-swap-oob="morph">At work</div>', page)


@pytest.mark.parametrize("phase", ["succeeded", "rolled_back", "cancelled"])
def test_at_rest_a_page_asks_for_nothing_more(ann, prod, started, phase):
    operation = started(prod, phase=phase, error="No address left.", finished_at=timezone.now())

    for answer in (ann.get(page_of(operation)), ann.part(page_of(operation))):
        page = answer.content.decode()
        assert "hx-trigger" not in page
        assert "data-stream" not in page
        assert "You can close this page" not in page


def test_success_leads_to_the_vpc(ann, prod, started):
    operation = started(prod, phase="succeeded")

    assert f'href="/t/acme/vpcs/{prod.pk}/"' in ann.get(page_of(operation)).content.decode()


def test_a_refusal_is_told_in_the_remotes_words(ann, prod, started):
    operation = started(prod, phase="rolled_back", error="The zone has no public IP left.")

    text = words(ann.get(page_of(operation)))

    assert "nothing is left behind" in text
    assert "The zone has no public IP left." in text


def test_the_remotes_own_words_are_for_the_platform_alone(ann, root, prod, started):
    operation = started(prod, phase="rolled_back", error="No address is left.", own_words="no free IP on VLAN 12")

    assert "VLAN" not in words(ann.get(page_of(operation)))
    assert "no free IP on VLAN 12" in words(root.get(f"/platform/operations/{operation.pk}/"))


def test_an_operation_that_no_worker_takes_up_says_so(ann, prod, started):
    operation = started(prod, due_at=timezone.now() - timedelta(minutes=5))

    assert "No worker has taken this up" in words(ann.get(page_of(operation)))


def test_an_operation_is_cancelled(ann, acme, prod, started):
    operation = started(prod)

    answer = ann.post(f"{page_of(operation)}cancel/", follow=True)

    operation.refresh_from_db()
    assert operation.phase == "cancelled"
    assert "Cancelling was noted." in words(answer)


def test_what_cannot_be_cancelled_is_not_and_the_page_says_why(ann, acme, prod, started):
    operation = started(prod, goal="absent", phase="removing", cursor=2)

    assert "A removal that has begun is not taken back." in words(ann.get(page_of(operation)))
    answer = ann.post(f"{page_of(operation)}cancel/", follow=True)

    operation.refresh_from_db()
    assert operation.phase == "removing"
    assert "A removal that has begun is not taken back." in words(answer)


def test_a_stuck_operation_is_tried_again(ann, acme, prod, started):
    operation = started(prod, goal="absent", phase="stuck", stopped_in="removing", cursor=1, error="Busy.")

    assert "Busy." in words(ann.get(page_of(operation)))
    ann.post(f"{page_of(operation)}retry/")

    operation.refresh_from_db()
    assert operation.phase == "removing"


def test_what_is_not_stuck_is_not_tried_again(ann, acme, prod, started):
    operation = started(prod, phase="succeeded")

    assert "Only a stuck operation can be retried." in words(ann.post(f"{page_of(operation)}retry/", follow=True))


def test_a_viewer_watches_and_is_told_once_that_it_is_all(vic, acme, prod, started):
    operation = started(prod, phase="stuck", stopped_in="removing")

    page = vic.get(page_of(operation))
    assert words(page).count("can look but not change") == 1
    assert "Try again" not in words(page) and "aria-disabled" not in page.content.decode()
    assert vic.post(f"{page_of(operation)}retry/").status_code == 403
    assert Operation.objects.of(acme).get().phase == "stuck"


# --- overview ---------------------------------------------------------------------------------------------------------


def test_the_overview_says_when_nothing_needs_anybody(ann, place):
    assert "Nothing needs you" in words(ann.get("/t/acme/"))


def test_the_overview_puts_what_is_stuck_first(ann, acme, globex, place, prod, started):
    started(prod, phase="stuck", error="Two instances still run.")
    started(builders.a_vpc(acme, place, "lab", "10.30.0.0/20"), phase="rolled_back", error="No address left.")
    started(builders.a_vpc(acme, place, "new", "10.40.0.0/20"), phase="building", cursor=1)
    started(builders.a_vpc(globex, place, "secret"), phase="stuck")

    text = words(ann.get("/t/acme/"))

    assert text.index("Two instances still run.") < text.index("No address left.") < text.index("Under way")
    assert "33 %" in text
    assert "3 of 20" in text
    assert "secret" not in text


def test_the_overview_tells_of_a_system_that_does_not_answer(ann, acme, place):
    place.remotes.create(system="netris", down_since=timezone.now())

    assert "Netris of Zone-1" in words(ann.get("/t/acme/"))


def test_the_overview_tells_of_an_account_that_is_not_ready(ann, acme):
    builders.an_account(acme, builders.a_zone("Soon"), Status.BUILDING)

    assert "Your account in Soon" in words(ann.get("/t/acme/"))


def test_the_overviews_part_has_no_frame(ann, place):
    assert "<html" not in ann.part("/t/acme/").content.decode()


# --- words ------------------------------------------------------------------------------------------------------------


def test_a_removal_that_is_tried_again_says_so_and_keeps_its_reason(ann, acme, prod, started):
    operation = started(prod, goal="absent", phase="stuck", stopped_in="removing", error="Two instances still run")
    operation.steps[2]["state"] = "failed"
    operation.save()
    assert "The removal is stuck Two instances still run." in words(ann.get(page_of(operation)))

    ann.post(f"{page_of(operation)}retry/")

    text = words(ann.get(page_of(operation)))
    assert "This is tried again It was stuck: Two instances still run." in text
    assert "Trying again: Find the source NAT IP" in text
    assert "ann had it tried again." in text


def test_a_cancelled_creation_is_called_cancelling_and_not_refused(ann, prod, started):
    operation = started(prod, phase="removing", ending="cancelled", cursor=1)

    text = words(ann.get(page_of(operation)))

    assert "Create VPC prod Cancelling" in text
    assert "refused" not in text and "Removing" not in text


# --- giving up --------------------------------------------------------------------------------------------------------


@pytest.fixture
def stuck(prod, started, acme, place):
    """The removal of a VPC without tiers, stuck at its first step."""
    operation = started(prod, goal="absent", phase="stuck", stopped_in="removing", error="Not found.", cursor=0)
    Vpc.unscoped.update(status=Status.STUCK)
    return operation


def test_an_admin_sees_what_may_be_left_and_gives_it_up(root, ann, acme, prod, stuck):
    page = f"/platform/operations/{stuck.pk}/"
    assert f'href="{page}give-up/"' in root.get(page).content.decode()

    asked = root.get(f"{page}give-up/")
    left = [
        f"CloudStack: the VPC {prod.remote_name}",
        f"Netris: the VPC …-{prod.remote_name} with the range {prod.cidr}",
    ]
    assert [str(each) for each in asked.context["left"]] == left
    assert all(each.split(": ")[1] in words(asked) for each in left)

    answer = root.post(f"{page}give-up/", {"left": left}, follow=True)

    assert "Given up by root" in words(answer)
    assert all(each.split(": ")[1] in words(answer) for each in left)
    assert "Given up by root" in words(ann.get(page_of(stuck)))
    prod.refresh_from_db()
    assert prod.status == Status.DELETED


def test_giving_up_without_having_seen_what_is_left_does_nothing(root, prod, stuck):
    answer = root.post(f"/platform/operations/{stuck.pk}/give-up/", {"left": ["CloudStack: something else"]})

    assert answer.status_code == 422
    assert "Confirm exactly what may be left." in words(answer)
    stuck.refresh_from_db()
    assert stuck.phase == "stuck"


def test_nobody_of_a_tenant_is_offered_to_give_up(ann, stuck):
    assert "Give up" not in words(ann.get(page_of(stuck)))


# --- many at once -----------------------------------------------------------------------------------------------------


@pytest.fixture
def many(acme, globex, place, started):
    def removal(tenant, name):
        vpc = builders.a_vpc(tenant, place, name, status=Status.STUCK)
        return started(vpc, goal="absent", phase="stuck", stopped_in="removing", error="Not now.")

    return [removal(acme, "web-1"), removal(acme, "web-2"), removal(acme, "db"), removal(globex, "web-3")]


def phases(operations):
    return [Operation.unscoped.get(pk=operation.pk).phase for operation in operations]


def test_an_engineer_retries_all_that_is_stuck_in_the_own_tenant(ann, acme, many):
    assert "Retry all 3 stuck" in words(ann.get(ACTIVITY))

    answer = ann.post(f"{ACTIVITY}retry/", follow=True)

    assert phases(many) == ["removing"] * 3 + ["stuck"]
    assert "Tried again: 3 of 3 stuck operations." in words(answer)
    entries = AuditEntry.objects.of(acme).filter(action="operation.retry")
    assert {(entry.object_id, entry.actor) for entry in entries} == {(str(each.pk), "ann") for each in many[:3]}


def test_a_filter_narrows_what_is_retried(root, many):
    page = "/platform/operations/"
    assert "Retry all 3 stuck" in words(root.get(f"{page}?q=WEB"))
    assert "Retry" not in words(root.part(f"{page}?q=nothing"))

    answer = root.post(f"{page}retry/", {"q": "WEB"})

    assert phases(many) == ["removing", "removing", "stuck", "removing"]
    assert answer.headers["Location"] == f"{page}?q=WEB"


def test_one_that_was_retried_meanwhile_keeps_no_other_from_going_on(acme, many):
    results = operations.retry_each([many[0], many[0], many[1]], by=Actor.system("ann"))

    assert sorted(result.reason or "" for result in results) == ["", "", "Only a stuck operation can be retried."]
    assert phases(many[:2]) == ["removing"] * 2


def test_a_viewer_is_not_offered_it(vic, many):
    page = vic.get(ACTIVITY).content.decode()
    assert "3 operations are stuck" in page and "Retry" not in page and page.count("can look but not change") == 1
    assert vic.post(f"{ACTIVITY}retry/").status_code == 403
    assert phases(many) == ["stuck"] * 4


def test_a_filter_that_can_match_nothing_retries_nothing(ann, many):
    answer = ann.post(f"{ACTIVITY}retry/", {"q": "x" * 101, "csrfmiddlewaretoken": "x"}, follow=True)

    assert "at most 100 characters" in words(answer)
    assert phases(many) == ["stuck"] * 4


def test_so_many_are_retried_at_once_and_the_button_says_so(ann, acme, place, started):
    vpc = builders.a_vpc(acme, place, status=Status.STUCK)
    for number in range(operations.MOST_AT_ONCE + 1):
        started(vpc, goal="absent", phase="stuck", stopped_in="removing", lock_key=str(number))
    text = words(ann.get(ACTIVITY))
    assert "More than 100 operations are stuck. Retry 100 of them" in text

    ann.post(f"{ACTIVITY}retry/")

    assert Operation.objects.of(acme).stuck().count() == 1
