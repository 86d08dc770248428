"""Closed doors: what is another's, what is forged, what was one's own a moment ago. See also tests/test_access.py."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from tests import builders
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db(transaction=True)

#: path below /t/acme/ -> methods beside HEAD
TENANT = {
    "": "GET",
    "vpcs/": "GET",
    "vpcs/new/": "GET POST",
    "vpcs/new/map/": "GET",
    "vpcs/{vpc}/": "GET",
    "vpcs/{vpc}/rename/": "GET POST",
    "vpcs/{vpc}/delete/": "GET POST",
    "vpcs/{vpc}/tiers/new/": "GET POST",
    "tiers/{tier}/rename/": "GET POST",
    "tiers/{tier}/delete/": "GET POST",
    "activity/": "GET",
    "activity/changes/": "GET",
    "operations/{operation}/": "GET",
    "operations/{operation}/cancel/": "POST",
    "operations/{operation}/retry/": "POST",
}


@pytest.fixture
def ids(acme, place, started):
    vpc = builders.a_vpc(acme, place)
    return {"vpc": vpc.pk, "tier": builders.a_tier(vpc).pk, "operation": started(vpc).pk}


def answers(browser, path, method):
    return browser.get(path) if method == "GET" else browser.post(path)


@pytest.mark.parametrize("path", [path for path in TENANT if "{" in path])
def test_what_is_anothers_looks_like_what_does_not_exist(path, ids, bob):
    method = TENANT[path].split()[0]
    nothing = {name: uuid4() for name in ids}

    theirs = answers(bob, f"/t/globex/{path.format(**ids)}", method)
    absent = answers(bob, f"/t/globex/{path.format(**nothing)}", method)

    assert theirs.status_code == absent.status_code == 404
    assert theirs.content == absent.content


@pytest.mark.parametrize("path", [path for path, methods in TENANT.items() if methods == "GET"])
def test_a_page_that_only_shows_takes_no_post(path, ids, ann):
    assert ann.post(f"/t/acme/{path.format(**ids)}").status_code == 405


@pytest.mark.parametrize("path", [path for path, methods in TENANT.items() if methods == "POST"])
def test_a_button_takes_no_get(path, ids, ann):
    assert ann.get(f"/t/acme/{path.format(**ids)}").status_code == 405


@pytest.mark.parametrize("path", [path for path, methods in TENANT.items() if "POST" in methods])
def test_a_forged_post_is_refused(path, ids, engineer):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(engineer)

    assert careful.post(f"/t/acme/{path.format(**ids)}").status_code == 403


def test_a_member_who_was_removed_is_a_stranger_at_once(ann, engineer, acme, place):
    assert ann.get("/t/acme/").status_code == 200
    engineer.memberships.all().delete()

    assert ann.get("/t/acme/").status_code == 404


def test_a_platform_admin_who_is_none_any_more_finds_nothing(root, admin, place):
    admin.is_platform_admin = False
    admin.save()

    assert root.get("/platform/tenants/").status_code == 404


@pytest.mark.parametrize("slug", ["acme", "ACME", "no-such", "acme%00", "..", "a" * 500])
def test_no_slug_opens_a_strangers_door(slug, bob, acme):
    assert bob.get(f"/t/{slug}/").status_code == 404


def test_nobody_finds_a_page_that_is_not_there(db):
    assert browser_of(builders.a_user("new")).get("/no/such/page/").status_code == 404
