"""Signing in, and finding one's place."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.test import Client

from apps.tenancy.models import Membership, Role
from tests import builders
from tests.web.conftest import browser_of, words

pytestmark = pytest.mark.django_db


def test_who_signs_in_lands_in_their_tenant(client, engineer, acme):
    answer = client.post("/login/", {"username": "ann", "password": builders.PASSWORD}, follow=True)

    assert answer.redirect_chain[-1][0] == "/t/acme/"
    assert answer.status_code == 200


def test_a_wrong_password_is_told_on_the_form(client, engineer):
    answer = client.post("/login/", {"username": "ann", "password": "guess"})

    assert answer.status_code == 200
    assert "do not match" in words(answer)


def test_who_is_signed_in_does_not_see_the_form_again(ann, acme):
    assert ann.get("/login/").headers["Location"] == "/"


@pytest.mark.parametrize(
    ("following", "to"),
    [
        ("/login/", "/"),
        ("/login/?next=/login/", "/"),
        ("/login/#top", "/"),
        ("http://testserver/login/", "/"),
        ("https://elsewhere.example/", "/"),
        ("", "/"),
        ("/t/acme/vpcs/?q=x", "/t/acme/vpcs/?q=x"),
    ],
)
def test_the_way_after_signing_in_never_leads_back_to_it(ann, client, engineer, acme, following, to):
    address = f"/login/?{urlencode({'next': following})}"

    assert ann.get(address).headers["Location"] == to
    sent = client.post(address, {"username": "ann", "password": builders.PASSWORD, "next": following})
    assert sent.headers["Location"] == to


def test_signing_out_needs_a_post(ann, acme):
    opened = ann.get("/logout/")
    assert (opened.status_code, opened.headers["Allow"]) == (405, "POST, OPTIONS")
    assert "There is no page here" in opened.content.decode()
    assert ann.post("/logout/").headers["Location"] == "/login/"
    assert ann.get("/t/acme/").status_code == 302


def test_a_forged_sign_out_is_refused(engineer):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(engineer)

    assert careful.post("/logout/").status_code == 403


def test_nobody_gets_past_the_door_unnamed(client):
    assert client.get("/").headers["Location"] == "/login/?next=/"


def test_a_platform_admin_without_a_tenant_starts_at_the_overview(root):
    assert root.get("/").headers["Location"] == "/fabric/"


def test_a_platform_admin_with_a_tenant_starts_there(root, admin, acme):
    Membership.objects.create(user=admin, tenant=acme, role=Role.OWNER)

    assert root.get("/").headers["Location"] == "/t/acme/"


def test_who_has_no_tenant_is_told_so_kindly(db):
    answer = browser_of(builders.a_user("new")).get("/")

    assert answer.status_code == 200
    assert "No tenant is yours yet" in words(answer)


@pytest.mark.parametrize("path", ["/vpcs/", "/vpcs/new/?name=x", "/activity/", "/operations/123/"])
def test_an_address_without_a_tenant_leads_to_ones_own(ann, acme, path):
    assert ann.get(path).headers["Location"] == f"/t/acme{path}"


def test_an_address_without_a_tenant_is_nothing_to_who_has_none(db):
    assert browser_of(builders.a_user("new")).get("/vpcs/").status_code == 404


def test_a_tenant_can_be_switched(ann, engineer, globex):
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)

    assert ann.post("/switch-tenant/", {"tenant": "globex"}).headers["Location"] == "/t/globex/"


def test_nobody_switches_to_a_tenant_that_is_not_theirs(ann, globex):
    assert ann.post("/switch-tenant/", {"tenant": "globex"}).status_code == 404
    assert ann.post("/switch-tenant/", {"tenant": "no-such"}).status_code == 404


@pytest.mark.parametrize(
    ("pressed_on", "to"),
    [
        ("http://testserver/t/acme/activity/?q=x", "/t/acme/activity/?q=x"),
        ("", "/"),
        ("http://[", "/"),
        ("http://testserver//evil.test/", "/"),
    ],
)
@pytest.mark.parametrize("path", ["/t/acme/activity/retry/", "/account/sessions/end/", "/switch-tenant/"])
def test_who_presses_a_button_after_the_sessions_end_comes_back_to_where_it_is(client, acme, path, pressed_on, to):
    answer = client.post(path, headers={"Referer": pressed_on})

    assert answer.headers["Location"] == f"/login/?{urlencode({'next': to}, safe='/')}"
