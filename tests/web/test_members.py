"""Members, links and tokens as people meet them on pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.quotas.resources import TIER, VPC
from apps.tenancy.models import ApiToken, AuditEntry, Invitation, Membership, Role, Scope, Tenant, User
from tests import builders
from tests.web.conftest import Browser, browser_of, words

pytestmark = pytest.mark.django_db

PASSWORD = "warp and weft and a shuttle"
LINK = re.compile(r"http://testserver/join/#(weft_join_[\w-]{43})")
SECRET = re.compile(r"\bweft_(?!join_|theme|browser)[\w-]{43}")


@pytest.fixture
def olive(acme: Tenant) -> Browser:
    return browser_of(builders.a_member(acme, Role.OWNER, "olive"))


def code_for(owner: Client, email: str = "ann.lee@example.net", role: str = "engineer") -> str:
    answer = owner.post("/t/acme/members/new/", {"email": email, "role": role})
    found = LINK.search(answer.content.decode())
    assert found, words(answer)
    return found[1]


def rows() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values()) for model in (User, Membership, Invitation, ApiToken)]


def test_a_person_is_added_joins_and_is_removed(olive, acme):
    code = code_for(olive)
    listed = olive.get("/t/acme/members/")
    assert "ann.lee@example.net" in words(listed) and code not in listed.content.decode()

    ann = Client()
    page = ann.post("/join/", {"code": code})
    assert "You join as network engineer" in words(page)
    joined = ann.post("/join/new/", {"code": code, "password": PASSWORD, "again": PASSWORD})
    assert joined.headers["Location"] == "/t/acme/"
    assert ann.get("/t/acme/").status_code == 200

    user = User.objects.get(email="ann.lee@example.net")
    member = user.memberships.get()
    assert ann.post("/t/acme/members/new/", {"email": "x@example.net", "role": "owner"}).status_code == 403
    olive.post(f"/t/acme/members/{member.pk}/role/", {"role": "viewer"})
    assert ann.post("/t/acme/vpcs/new/").status_code == 403

    preview = words(olive.get(f"/t/acme/members/{member.pk}/remove/"))
    assert f"Remove {user.username}" in preview
    assert olive.post(f"/t/acme/members/{member.pk}/remove/").headers["Location"] == "/t/acme/members/"
    assert ann.get("/t/acme/").status_code == 404
    assert "No tenant is yours yet" in words(ann.get("/"))


def test_looking_at_a_link_changes_nothing(olive, acme):
    code = code_for(olive)
    before = rows()
    stranger = Client()

    for path in ("/join/", f"/join/?code={code}", f"/join/new/?code={code}", f"/join/known/?code={code}"):
        stranger.get(path)
        stranger.head(path)
    for _ in range(3):
        stranger.post("/join/", {"code": code})
    assert rows() == before


def test_a_link_says_the_same_of_an_address_that_has_an_account(olive, acme, stranger):
    pages = [words(Client().post("/join/", {"code": code_for(olive, email)})) for email in (stranger.email, "a@b.net")]

    plain = [re.sub(r"bob@example\.net|a@b\.net", "-", page) for page in pages]
    assert plain[0] == plain[1]
    answers = [
        olive.post("/t/acme/members/new/", {"email": mail, "role": "viewer"}) for mail in ("bob@example.net", "c@b.net")
    ]
    told = [re.sub(r"bob@example\.net|c@b\.net|weft_join_[\w-]{43}", "-", words(answer)) for answer in answers]
    assert told[0] == told[1]


def test_who_has_an_account_joins_with_name_and_password(olive, acme, stranger):
    code, bob = code_for(olive, "bob@example.net"), Client()
    wrong = bob.post("/join/known/", {"code": code, "username": "bob", "password": "guess"})
    assert wrong.status_code == 422 and "do not match" in words(wrong)

    right = bob.post("/join/known/", {"code": code, "username": "bob", "password": builders.PASSWORD})
    assert right.headers["Location"] == "/t/acme/"
    assert {each.tenant.slug for each in stranger.memberships.all()} == {"acme", "globex"}
    assert "weft_browser" in right.cookies


def test_a_code_is_pasted_with_blanks_around_it_or_the_whole_link_before_it(olive, acme, bob, stranger):
    for around in ("  {}  ", " http://testserver/join/#{}\n"):
        code = around.format(code_for(olive, f"{len(around)}@example.net"))
        assert "Join Acme" in words(bob.post("/join/", {"code": code}))
        answer = Client().post("/join/new/", {"code": code, "password": PASSWORD, "again": PASSWORD})
        assert answer.headers.get("Location") == "/t/acme/", words(answer)


def test_who_is_signed_in_joins_as_themselves(olive, acme, bob, stranger):
    code = code_for(olive)
    page = words(bob.post("/join/", {"code": code}))
    assert "You are signed in as bob" in page and "I am new here" not in page

    assert bob.post("/join/known/", {"code": code}).headers["Location"] == "/t/acme/"
    assert bob.get("/t/acme/").status_code == bob.get("/t/globex/").status_code == 200


def test_a_used_link_is_told_in_words(olive, acme):
    code = code_for(olive)
    sent = {"code": code, "password": PASSWORD, "again": PASSWORD}
    Client().post("/join/new/", sent)

    for path in ("/join/", "/join/new/", "/join/known/"):
        answer = Client().post(path, sent)
        assert answer.status_code == 422
        assert "opens nothing" in words(answer)


@pytest.mark.parametrize(("password", "again"), [("short", ""), (PASSWORD, "x"), ("", ""), ("ann.lee@example.net", "")])
def test_a_bad_password_leaves_the_link_as_it_is(olive, acme, password, again):
    code = code_for(olive)
    answer = Client().post("/join/new/", {"code": code, "password": password, "again": again or password})

    assert answer.status_code == 422
    assert "You join as network engineer" in words(answer)
    assert Invitation.objects.of(acme).count() == 1


def test_secrets_are_on_pages_that_nobody_keeps_and_that_tell_no_other(olive, acme):
    answer = olive.post("/t/acme/tokens/new/", {"name": "deploy", "scope": "write", "days": "30"})
    page = Client().post("/join/", {"code": code_for(olive)})

    for one in (answer, page, olive.post("/t/acme/members/new/", {"email": "b@example.net", "role": "viewer"})):
        assert "no-store" in one.headers["Cache-Control"]
        assert one.headers["Referrer-Policy"] == "same-origin"


def test_a_token_is_made_shown_once_used_and_revoked(olive, acme):
    shown = olive.post("/t/acme/tokens/new/", {"name": "deploy", "scope": "read", "days": "30"})
    found = SECRET.search(shown.content.decode())
    assert found
    script = Client(headers={"Authorization": f"Bearer {found[0]}"})
    assert "never" in words(olive.get("/t/acme/tokens/"))
    assert script.get("/api/v1/vpcs/").status_code == 200
    assert script.post("/api/v1/vpcs/", {}, "application/json").json()["code"] == "read-only"

    listed = olive.get("/t/acme/tokens/")
    assert found[0] not in listed.content.decode()
    assert "deploy olive Read" in words(listed)
    token = ApiToken.objects.of(acme).get()
    assert token.last_used_at is not None
    assert token.scope == Scope.READ

    olive.post(f"/t/acme/tokens/{token.pk}/revoke/")
    assert script.get("/api/v1/vpcs/").status_code == 401
    assert "deploy" not in words(olive.get("/t/acme/tokens/")).replace("The token deploy opens", "")


def test_members_see_their_own_tokens_and_owners_all(olive, ann, vic, acme):
    ann.post("/t/acme/tokens/new/", {"name": "anns", "scope": "write", "days": ""})
    vic.post("/t/acme/tokens/new/", {"name": "vics", "scope": "read", "days": ""})
    assert vic.post("/t/acme/tokens/new/", {"name": "wide", "scope": "write", "days": ""}).status_code == 422
    anns = ApiToken.objects.of(acme).get(name="anns")

    assert "vics" not in words(ann.get("/t/acme/tokens/"))
    assert "anns" not in words(vic.get("/t/acme/tokens/"))
    assert vic.post(f"/t/acme/tokens/{anns.pk}/revoke/").status_code == 404
    assert {"anns", "vics"} <= set(words(olive.get("/t/acme/tokens/")).split())
    assert olive.post(f"/t/acme/tokens/{anns.pk}/revoke/").status_code == 302


def test_the_last_owner_is_told_why_they_stay(olive, acme):
    mine = acme.memberships.get()
    assert "Acme needs an owner. Make somebody else one first." in words(olive.get("/t/acme/members/"))

    for act, body in (("remove", {}), ("role", {"role": "viewer"})):
        answer = olive.post(f"/t/acme/members/{mine.pk}/{act}/", body)
        assert answer.status_code == 422
        assert "needs an owner" in words(answer)


def test_an_owner_who_leaves_is_led_out(olive, acme):
    builders.a_member(acme, Role.OWNER, "otto")
    mine = acme.memberships.get(user__username="olive")

    assert olive.post(f"/t/acme/members/{mine.pk}/remove/").headers["Location"] == "/"


def test_who_is_no_owner_leaves_too_and_takes_along_what_they_have_there(acme, ann, engineer):
    builders.a_token(acme, created_by=engineer, name="deploy")
    assert 'href="/t/acme/members/leave/"' in ann.get("/t/acme/members/").content.decode()

    assert "Token deploy revoked" in words(ann.get("/t/acme/members/leave/"))
    answer = ann.post("/t/acme/members/leave/", follow=True)

    assert "You are no member of Acme any more." in words(answer)
    assert ann.get("/t/acme/").status_code == 404
    assert not ApiToken.objects.of(acme).kept().exists()
    assert AuditEntry.objects.of(acme).get(action="member.leave").actor == engineer.username


def test_the_last_owner_does_not_leave(olive, acme):
    assert "needs an owner" in words(olive.get("/t/acme/members/leave/"))
    assert olive.post("/t/acme/members/leave/").status_code == 422
    assert acme.memberships.exists()


def test_the_platform_gives_a_tenant_its_first_owner_and_changes_its_quotas(root, acme):
    answer = root.post("/platform/tenants/acme/owner/", {"email": "olive@example.net"})
    found = LINK.search(answer.content.decode())
    assert found
    olive = Client()
    olive.post("/join/new/", {"code": found[1], "password": PASSWORD, "again": PASSWORD})
    assert acme.memberships.get().role == Role.OWNER
    assert olive.get("/t/acme/members/new/").status_code == 200

    root.post("/platform/tenants/acme/quotas/", {"max_vpcs": "3", "max_tiers": "9"})
    assert builders.limits_of(acme, VPC, TIER) == [3, 9]
    assert root.post("/platform/tenants/acme/quotas/", {"max_vpcs": "-1", "max_tiers": "x"}).status_code == 422


def test_the_platform_disables_people_but_not_itself(root, admin, engineer, acme):
    assert words(root.get("/platform/people/?q=ann")).count("ann@example.net") == 1
    root.post(f"/platform/people/{engineer.uuid}/disable/")
    assert "ann disabled" in words(root.get("/platform/people/"))
    root.post(f"/platform/people/{engineer.uuid}/enable/")
    engineer.refresh_from_db()
    assert engineer.is_active

    answer = root.post(f"/platform/people/{admin.uuid}/disable/")
    assert answer.status_code == 422 and "lock yourself out" in words(answer)


def test_no_page_costs_more_with_more_people(olive, root, acme):
    pages = {olive: ["/t/acme/members/", "/t/acme/tokens/", "/account/"], root: ["/platform/people/", "/account/"]}

    def costs() -> list[int]:
        found = []
        for browser, paths in pages.items():
            for path in paths:
                with CaptureQueriesContext(connection) as asked:
                    assert browser.get(path).status_code == 200
                found.append(len(asked))
        return found

    def more(number: int) -> None:
        user = builders.a_member(acme, Role.VIEWER, f"n{number}")
        builders.a_token(acme, created_by=user)
        builders.an_invitation(acme, f"i{number}@example.net")
        Client().force_login(User.objects.get(username="olive"))

    more(0)
    costs()
    with_one = costs()
    for number in range(1, 20):
        more(number)

    assert costs() == with_one
    assert max(with_one) <= 11


def test_a_platform_admin_has_tokens_of_the_platform_while_they_are_one(root, admin, acme):
    shown = root.post("/platform/tokens/new/", {"name": "ops", "scope": "write", "days": ""})
    found = SECRET.search(shown.content.decode())
    assert found
    script = Client(headers={"Authorization": f"Bearer {found[0]}"})
    tenant = script.get("/api/v1/tenants/").json()["results"][0]["url"]
    assert script.patch(tenant, {"max_vpcs": 1}, "application/json").status_code == 200
    assert "ops root Read and write" in words(root.get("/platform/tokens/"))
    assert "ops" not in words(browser_of(builders.a_member(acme, Role.OWNER, "olive")).get("/t/acme/tokens/"))

    User.objects.filter(pk=admin.pk).update(is_platform_admin=False)
    assert script.get("/api/v1/tenants/").status_code == 401
    User.objects.filter(pk=admin.pk).update(is_platform_admin=True)
    root.post(f"/platform/tokens/{ApiToken.unscoped.get(name='ops').pk}/revoke/")
    assert script.get("/api/v1/tenants/").status_code == 401
