"""Closed doors: what is another's, what is forged, what was one's own a moment ago. See also tests/test_access.py."""

from __future__ import annotations

import pytest

from tests import builders
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db(transaction=True)


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
