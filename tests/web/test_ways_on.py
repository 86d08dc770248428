"""No page is a dead end: what failed can be asked for again or dismissed, what is gone leads to its end, and what was
done with a VPC is found under its id, whatever it is called now."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from apps.networks import services
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry, Scope
from tests import builders
from tests.web.conftest import words

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "/t/acme/vpcs/new/"


@pytest.fixture
def undone(acme, place, started) -> Operation:
    """The creation of a VPC with two tiers that was refused."""
    vpc = builders.a_vpc(acme, place, "prod", "10.40.0.0/20", status=Status.DELETED, description="The shop")
    for name, cidr in (("web", "10.40.0.0/24"), ("db", "10.40.1.0/24")):
        builders.a_tier(vpc, name, cidr, status=Status.DELETED)
    return started(vpc, phase="rolled_back", error="No address left.")


@pytest.fixture
def script(acme) -> Client:
    return Client(headers={"Authorization": f"Bearer {builders.a_token(acme, Scope.WRITE)}"})


def page_of(operation) -> str:
    return f"/t/acme/operations/{operation.pk}/"


# --- again ------------------------------------------------------------------------------------------------------------


def test_a_refused_vpc_is_asked_for_again_with_the_same_values(ann, undone, place):
    again = f"{NEW}?again={undone.resource_id}"
    assert f'href="{again}"' in ann.get(page_of(undone)).content.decode()

    draft = ann.get(again).context["form"].draft

    said = draft.values
    assert (said["name"], said["description"], said["zone"]) == ("prod", "The shop", str(place.pk))
    assert said["cidr"] == "10.40.0.0/20"
    assert [(tier.name, tier.cidr) for tier in draft.tiers] == [("web", "10.40.0.0/24"), ("db", "10.40.1.0/24")]
    assert ann.post(NEW, draft.values).status_code == 302


def test_a_refused_tier_is_asked_for_again_with_the_same_values(ann, acme, place, started):
    vpc = builders.a_vpc(acme, place, "shop")
    tier = builders.a_tier(vpc, "cache", "10.20.7.0/24", status=Status.DELETED)
    operation = started(vpc, kind="tier", resource_type="tier", resource_id=tier.pk, phase="rolled_back")
    again = f"/t/acme/vpcs/{vpc.pk}/tiers/new/?again={tier.pk}"
    assert f'href="{again}"' in ann.get(page_of(operation)).content.decode()

    form = ann.get(again).context["form"]

    assert (form["name"].initial, form["cidr"].initial) == ("cache", "10.20.7.0/24")


@pytest.mark.parametrize("phase", ["succeeded", "stuck", "building", "given_up"])
def test_what_is_there_or_may_be_is_not_asked_for_again(ann, acme, place, started, phase):
    operation = started(builders.a_vpc(acme, place, status=Status.BUILDING), phase=phase)
    assert "Create again" not in words(ann.get(page_of(operation)))


def test_nobody_learns_another_tenants_values(ann, globex, place):
    theirs = builders.a_vpc(globex, place, "secret", "10.66.0.0/20", status=Status.DELETED)
    for unknown in (theirs.pk, uuid4(), "x", ""):
        page = ann.get(f"{NEW}?again={unknown}")
        assert page.status_code == 200
        assert "secret" not in words(page) and "10.66." not in words(page)


def test_whom_to_ask_is_said(ann, undone):
    assert "send your provider this operation's ID" in words(ann.get(page_of(undone)))


# --- dismissed --------------------------------------------------------------------------------------------------------


def test_a_failure_is_dismissed_and_stays_in_the_activity(ann, undone):
    assert "No address left." in words(ann.get("/t/acme/"))

    answer = ann.post(f"{page_of(undone)}dismiss/", follow=True)

    assert answer.request["PATH_INFO"] == "/t/acme/"
    assert answer.context["attention"].is_empty
    assert "No address left." in words(ann.get("/t/acme/activity/"))
    entry = AuditEntry.unscoped.get(action="operation.dismiss")
    assert (entry.actor, entry.object_id) == ("ann", str(undone.pk))
    assert "Dismiss" not in words(ann.get(page_of(undone)))


def test_a_failure_is_dismissed_by_rest(script, undone):
    url = f"/api/v1/operations/{undone.pk}/"
    assert script.get(url).json()["can"]["dismiss"] is None

    answer = script.post(f"{url}dismiss/", content_type="application/json")

    assert answer.status_code == 200
    assert answer.json()["dismissed_at"] is not None
    again = script.post(f"{url}dismiss/", content_type="application/json")
    assert (again.status_code, again.json()["detail"]) == (409, "It is dismissed already.")
    assert script.get(url).json()["can"]["dismiss"] == "It is dismissed already."


@pytest.mark.parametrize("phase", ["succeeded", "stuck", "building", "cancelled"])
def test_only_what_has_failed_is_dismissed(ann, acme, place, started, phase):
    operation = started(builders.a_vpc(acme, place, status=Status.BUILDING), phase=phase)
    assert "Dismiss" not in words(ann.get(page_of(operation)))
    answer = ann.post(f"{page_of(operation)}dismiss/", follow=True)
    assert "Only what has failed can be dismissed." in words(answer)
    operation.refresh_from_db()
    assert operation.dismissed_at is None


def test_nobody_dismisses_for_others(bob, vic, undone):
    assert bob.post(f"{page_of(undone)}dismiss/").status_code == 404
    assert vic.post(f"{page_of(undone)}dismiss/").status_code == 403
    undone.refresh_from_db()
    assert undone.dismissed_at is None


# --- the history of a VPC ---------------------------------------------------------------------------------------------


def test_more_shows_all_of_a_vpc_after_its_name_has_changed(ann, acme, place, started):
    vpc = builders.a_vpc(acme, place, "before")
    tier = builders.a_tier(vpc)
    for about, kind in ((vpc, "vpc"), (tier, "tier")):
        started(vpc, kind=kind, resource_type=kind, resource_id=about.pk, resource_name=about.name, phase="succeeded")
    started(builders.a_vpc(acme, place, "other", "10.90.0.0/20"), phase="succeeded")
    services.rename_vpc(vpc, name="after", description="", by=builders.BY)
    services.rename_tier(tier, name="front", by=builders.BY)
    page = ann.get(f"/t/acme/vpcs/{vpc.pk}/activity/").content.decode()

    for path, told in ((f"/t/acme/activity/?vpc={vpc.pk}", 2), (f"/t/acme/activity/changes/?vpc={vpc.pk}", 2)):
        assert f'href="{path}"' in page
        answer = ann.get(path)
        assert answer.context["page"].paginator.count == told
        assert "Of one VPC and its tiers alone" in words(answer) and "Clear" in words(answer)


def test_a_vpc_that_is_not_ones_own_has_no_history(ann, globex, place, started):
    vpc = builders.a_vpc(globex, place, "secret")
    started(vpc, phase="succeeded")
    for page in ("", "changes/"):
        assert ann.get(f"/t/acme/activity/{page}?vpc={vpc.pk}").context["page"].paginator.count == 0
        answer = ann.get(f"/t/acme/activity/{page}?vpc=nonsense")
        assert "There is no VPC with this id." in words(answer)
        assert answer.context["page"].paginator.count == 0


def test_only_what_the_filter_shows_is_retried(ann, acme, place, started):
    named = (("a", "10.1.0.0/20"), ("b", "10.2.0.0/20"))
    first, second = (builders.a_vpc(acme, place, name, cidr) for name, cidr in named)
    mine, other = (started(vpc, phase="stuck", goal="absent", stopped_in="removing") for vpc in (first, second))

    answer = ann.post("/t/acme/activity/retry/", {"q": "", "vpc": first.pk})

    assert answer.url == f"/t/acme/activity/?vpc={first.pk}"
    for operation in (mine, other):
        operation.refresh_from_db()
    assert (mine.phase, other.phase) == ("removing", "stuck")


# --- what is gone -----------------------------------------------------------------------------------------------------


def test_the_ways_to_what_is_gone_lead_to_its_end(ann, bob, acme, place):
    vpc = builders.a_vpc(acme, place, "gone", status=Status.DELETED)
    live = builders.a_vpc(acme, place, "live", "10.90.0.0/20")
    tier = builders.a_tier(live, cidr="10.90.0.0/24", status=Status.DELETED)
    ways = {f"vpcs/{vpc.pk}/{verb}/": vpc for verb in ("rename", "delete", "tiers/new")}
    ways |= {f"tiers/{tier.pk}/{verb}/": live for verb in ("rename", "delete")}

    for path, end in ways.items():
        for answer in (ann.get(f"/t/acme/{path}"), ann.post(f"/t/acme/{path}", {"name": "x"})):
            assert (answer.status_code, answer.url) == (302, f"/t/acme/vpcs/{end.pk}/"), path
        assert bob.get(f"/t/acme/{path}").status_code == 404
    assert "This VPC is gone" in words(ann.get(f"/t/acme/vpcs/{vpc.pk}/"))
    assert Vpc.unscoped.get(pk=vpc.pk).name == "gone"


# --- searching --------------------------------------------------------------------------------------------------------


def test_who_types_hears_how_many_were_found_and_has_a_way_back(ann, acme, place):
    for number in range(3):
        builders.a_vpc(acme, place, f"vpc-{number}", f"10.{number}.0.0/20")
    bar = ann.get("/t/acme/vpcs/").content.decode()
    assert 'hx-replace-url="true"' in bar and "hx-push-url" not in bar

    def typed(word: str) -> str:
        return words(ann.part(f"/t/acme/vpcs/?q={word}"))

    assert "3 VPCs" in typed("vpc")
    assert "1 VPC" in typed("vpc-2")
    assert "Nothing matches" in typed("zzz") and "Clear the filter" in typed("zzz")
