"""Tokens and sessions: who is let in, as whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.tenancy.models import ApiToken, AuditEntry, Role, Scope
from tests import builders
from tests.api.conftest import Api, problem_of
from tests.api.test_networks import a_body


def test_a_token_lets_its_tenant_in(api, vpc):
    assert [row["id"] for row in api.get("/vpcs/").json()["results"]] == [str(vpc.pk)]


def test_a_token_is_kept_as_a_hash(acme):
    token = builders.a_token(acme)

    assert not ApiToken.unscoped.filter(digest=token).exists()
    assert ApiToken.unscoped.filter(digest=ApiToken.hash(token)).exists()


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer weft_unknown",
        "Bearer {token} more",
        "Basic {token}",
        "{token}",
        "Token {token}",
        "é",
    ],
)
def test_what_is_no_token_is_refused(header, acme, anonymous):
    token = builders.a_token(acme)

    response = anonymous.get("/vpcs/", Authorization=header.format(token=token))

    assert problem_of(response, 401)["code"] in ("token-invalid", "not-authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_the_word_bearer_may_be_written_in_any_case(acme, anonymous):
    assert anonymous.get("/vpcs/", Authorization=f"bearer {builders.a_token(acme)}").status_code == 200


def test_an_expired_token_and_a_revoked_one_are_no_tokens(acme):
    now = timezone.now()
    expired = Api(builders.a_token(acme, expires_at=now - timedelta(seconds=1)))
    revoked = Api(builders.a_token(acme, revoked_at=now))
    current = Api(builders.a_token(acme, expires_at=now + timedelta(hours=1)))

    assert problem_of(expired.get("/vpcs/"), 401) == problem_of(revoked.get("/vpcs/"), 401)
    assert current.get("/vpcs/").status_code == 200


def test_the_last_use_is_noted_once_a_minute(acme, clock):
    api = Api(builders.a_token(acme))

    def used():
        return ApiToken.unscoped.get().last_used_at

    api.get("/zones/")
    first = used()
    assert first == timezone.now()
    clock.shift(timedelta(seconds=59))
    api.get("/zones/")
    assert used() == first
    clock.shift(timedelta(seconds=1))
    api.get("/zones/")
    assert used() == timezone.now()


def test_a_wrong_token_does_not_fall_back_to_the_session(engineer, anonymous):
    anonymous.client.force_login(engineer)

    problem_of(anonymous.get("/vpcs/", Authorization="Bearer weft_unknown", Weft_Tenant="acme"), 401)


@pytest.fixture
def browser(engineer):
    """Ann's, who is an engineer of acme's."""
    api = Api(None)
    api.client.force_login(engineer)
    return api


def test_a_session_acts_in_the_tenant_that_it_names(browser, vpc, secret, engineer):
    names = [row["name"] for row in browser.get("/vpcs/", Weft_Tenant="acme").json()["results"]]
    assert names == ["prod"]

    assert browser.post("/vpcs/", a_body(name="lab"), Weft_Tenant="acme").status_code == 202
    assert AuditEntry.unscoped.get(action="vpc.create").user == engineer


def test_a_session_without_a_tenant_is_asked_for_one(browser):
    assert problem_of(browser.get("/vpcs/"), 403)["code"] == "tenant-needed"


def test_a_session_cannot_name_a_tenant_of_others(browser, globex):
    theirs = problem_of(browser.get("/vpcs/", Weft_Tenant="globex"), 403)
    nobodys = problem_of(browser.get("/vpcs/", Weft_Tenant="nobody"), 403)

    assert theirs == nobodys
    assert theirs["code"] == "tenant-unknown"


def test_a_viewer_looks_and_does_not_change(acme, vpc):
    api = Api(None)
    api.client.force_login(builders.a_member(acme, Role.VIEWER))

    assert api.get("/vpcs/", Weft_Tenant="acme").status_code == 200
    assert problem_of(api.delete(f"/vpcs/{vpc.pk}/", Weft_Tenant="acme"), 403)["code"] == "read-only"


def test_an_admins_session_is_the_platforms_unless_it_names_a_tenant(admin, vpc, secret):
    api = Api(None)
    api.client.force_login(admin)

    assert len(api.get("/vpcs/").json()["results"]) == 2
    assert problem_of(api.get("/vpcs/", Weft_Tenant="acme"), 403)["code"] == "tenant-unknown"


def test_a_person_who_has_left_is_nobody(browser, engineer):
    engineer.is_active = False
    engineer.save()

    problem_of(browser.get("/vpcs/", Weft_Tenant="acme"), 401)


def test_a_session_changes_nothing_without_the_csrf_token(engineer, vpc):
    api = Api(None)
    api.client = Client(enforce_csrf_checks=True)
    api.client.force_login(engineer)

    assert problem_of(api.delete(f"/vpcs/{vpc.pk}/", Weft_Tenant="acme"), 403)["code"] == "csrf-failed"
    token = api.client.get("/api/v1/docs/").context["csrf_token"]
    assert api.delete(f"/vpcs/{vpc.pk}/", Weft_Tenant="acme", X_CSRFToken=str(token)).status_code == 202


def test_a_token_needs_no_csrf_token(acme, vpc):
    api = Api(builders.a_token(acme))
    api.client = Client(enforce_csrf_checks=True)

    assert api.delete(f"/vpcs/{vpc.pk}/").status_code == 202


def test_a_tokens_header_for_sessions_changes_nothing(api, vpc, secret):
    assert [row["name"] for row in api.get("/vpcs/", Weft_Tenant="globex").json()["results"]] == ["prod"]


def test_a_reading_platform_token_makes_no_tenant(db):
    reader = Api(builders.a_token(None, Scope.READ))

    assert reader.get("/tenants/").status_code == 200
    assert problem_of(reader.post("/tenants/", {"name": "New"}), 403)["code"] == "read-only"
