"""Somebody's own password and sessions, and being kept out."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.accounts.services import disable_tenant, enable_tenant
from apps.networks.services import create_vpc
from apps.tenancy import services
from apps.tenancy.models import AuditEntry, Membership, Role, Session, User
from apps.tenancy.sessions import browser_in_words, name_of
from tests import builders
from tests.web.conftest import words

pytestmark = pytest.mark.django_db

NEW = "warp and weft and a shuttle"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)


def signed_in(
    username: str = "ann", password: str = builders.PASSWORD, agent: str = FIREFOX, address: str = ""
) -> Client:
    browser = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address or "192.0.2.7")
    assert browser.post("/login/", {"username": username, "password": password}).status_code == 302
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/session/").status_code == 204


def change(browser: Client, old: str = builders.PASSWORD, new: str = NEW, again: str = "") -> Any:
    return browser.post("/account/password/", {"old": old, "password": new, "again": again or new})


@pytest.mark.parametrize(
    ("description", "in_words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
        ("", "An unknown browser"),
        ("\u202e<script>", "An unknown browser"),
    ],
)
def test_a_browser_is_told_in_words(description, in_words):
    assert browser_in_words(description) == in_words


def test_everybody_sees_where_they_are_signed_in_and_nobody_elses(engineer, stranger):
    here = signed_in()
    signed_in(agent=IPHONE, address="2001:db8::1")
    signed_in("bob", address="203.0.113.5")

    page = words(here.get("/account/"))
    assert "Firefox on Linux this one 192.0.2.7" in page
    assert "Safari on iPhone 2001:db8::/64" in page
    assert "203.0.113.5" not in page


def test_one_session_is_ended_and_the_key_of_none_is_shown(engineer, stranger):
    here, there, bobs = signed_in(), signed_in(agent=IPHONE), signed_in("bob")
    html = here.get("/account/").content.decode()
    assert all(session.session_key not in html for session in Session.objects.all())
    key = there.cookies["sessionid"].value

    here.post("/account/sessions/end/", {"session": name_of(key)})
    assert (is_in(here), is_in(there), is_in(bobs)) == (True, False, True)
    here.post("/account/sessions/end/", {"session": name_of(bobs.cookies["sessionid"].value)})
    assert is_in(bobs)


def test_a_session_that_opens_nothing_any_more_is_not_shown(engineer):
    signed_in(agent=IPHONE)
    engineer.set_password(NEW)  # as from a shell
    engineer.save()

    assert "iPhone" not in words(signed_in(password=NEW).get("/account/"))


def test_all_other_sessions_are_ended(engineer, stranger):
    here, others, bobs = signed_in(), [signed_in(), signed_in()], signed_in("bob")
    here.post("/account/sessions/end/")

    assert is_in(here) and is_in(bobs)
    assert not any(map(is_in, others))
    assert AuditEntry.unscoped.get().new == {"sessions_ended": 2}


def test_a_new_password_ends_all_other_sessions(engineer):
    here, there = signed_in(), signed_in()
    assert change(here).status_code == 302

    assert (is_in(here), is_in(there)) == (True, False)
    assert Session.objects.filter(user=engineer).count() == 1
    assert is_in(signed_in(password=NEW))
    assert "192.0.2.7" in words(here.get("/account/"))
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.tenant, entry.new) == ("password.change", None, {"sessions_ended": 1})


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"old": "guess"}, "This is not your current password."),
        ({"again": "something else entirely"}, "This is not the same password."),
        ({"new": "short"}, "too short"),
        ({"new": "ann@example.net"}, "too similar"),
        ({"new": "x" * 200}, "at most 128"),
        ({"old": "", "new": ""}, "Give your current password."),
    ],
)
def test_what_is_wrong_with_a_password_is_told_and_nothing_is_changed(engineer, sent, told):
    here = signed_in()
    answer = change(here, **sent)

    assert answer.status_code == 422
    assert told in words(answer)
    engineer.refresh_from_db()
    assert engineer.check_password(builders.PASSWORD)


def test_who_guesses_the_present_password_is_held_back_as_at_the_door(engineer):
    here = signed_in()
    here.cookies.pop("weft_browser")
    answers = [change(here, old="guess") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert change(here).status_code == 429


def test_who_guesses_links_is_held_back(db):
    browser = Client(REMOTE_ADDR="192.0.2.7")
    answers = [browser.post("/join/", {"code": f"weft_join_{number}"}) for number in range(31)]

    assert [answer.status_code for answer in answers] == [422] * 30 + [429]
    elsewhere = Client(REMOTE_ADDR="192.0.2.8").post("/join/new/", {"code": "weft_join_1"})
    assert elsewhere.status_code == 422


def test_who_is_disabled_is_out_at_once_and_stays_out(engineer, acme):
    here = signed_in()
    services.disable_person(engineer, by=builders.the_platform())

    assert not is_in(here)
    assert Client().post("/login/", {"username": "ann", "password": builders.PASSWORD}).status_code == 200
    services.enable_person(engineer, by=builders.the_platform())
    assert not is_in(here), "a session from before is not revived"
    assert is_in(signed_in())


def test_a_disabled_tenant_is_closed_to_all_but_the_platform(engineer, acme, globex, admin):
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)
    zone = builders.a_zone()
    builders.an_account(acme, zone)
    token, here, root = builders.a_token(acme), signed_in(), signed_in("root")
    script = Client(headers={"Authorization": f"Bearer {token}"})
    disable_tenant(acme, by=builders.the_platform())

    for answer in (here.get("/t/acme/"), here.post("/t/acme/vpcs/new/"), here.get("/t/acme/members/")):
        assert answer.status_code == 403
        assert "Acme is disabled" in words(answer)
    assert here.get("/").headers["Location"] == "/t/globex/"
    assert here.get("/t/globex/").status_code == 200
    refused = script.get("/api/v1/vpcs/")
    assert (refused.status_code, refused.json()["code"]) == (403, "tenant-disabled")
    by_session = here.get("/api/v1/vpcs/", headers={"Weft-Tenant": "acme"})
    assert (by_session.status_code, by_session.json()["code"]) == (403, "tenant-disabled")
    assert root.get("/platform/tenants/acme/").status_code == 200
    assert Client().get("/t/acme/").status_code == 302

    enable_tenant(acme, by=builders.the_platform())
    assert here.get("/t/acme/").status_code == 200
    assert script.get("/api/v1/vpcs/").status_code == 200
    actions = AuditEntry.objects.of(acme).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["tenant.disable", "tenant.enable"]


def test_an_operation_of_a_disabled_tenant_comes_to_its_end(accounts, acme, zone, run):
    operation = create_vpc(acme, builders.a_vpc_spec(zone), by=builders.BY)
    disable_tenant(acme, by=builders.the_platform())

    assert run(operation).phase == "succeeded"


# --- a password that is forgotten -------------------------------------------------------------------------------------

PASSWORD_LINK = re.compile(r"http://testserver/new-password/#(weft_password_[0-9a-f]{32}_[\w-]+)")


@pytest.fixture
def code(admin, engineer):
    return link_for(engineer)


def link_for(user: User) -> str:
    """The secret of a link that a platform admin makes."""
    answer = signed_in("root").post(f"/platform/people/{user.uuid}/password/")
    found = PASSWORD_LINK.search(answer.content.decode())
    assert found
    assert "no-store" in answer.headers["Cache-Control"]
    return found[1]


def set_new(code: str, password: str = NEW) -> Any:
    return Client().post("/new-password/set/", {"code": code, "password": password, "again": password})


def test_who_has_forgotten_their_password_sets_a_new_one_with_a_link(admin, engineer):
    here = signed_in()
    code = link_for(engineer)  # made after she signed in, which voids it
    assert "For ann." in words(Client().post("/new-password/", {"code": code}))
    answer = set_new(code)

    assert answer.headers["Location"] == "/login/"
    assert not is_in(here)
    assert is_in(signed_in(password=NEW))
    told = list(AuditEntry.unscoped.order_by("id").values_list("action", "actor", "object_name"))
    assert told[-1] == ("password.change", "ann", "ann")
    assert ("password.link", "root", "ann") in told
    assert code not in str(list(AuditEntry.unscoped.values()))


@pytest.mark.parametrize("how", ["used", "old", "tampered", "signed in since", "another's", "disabled", "empty"])
def test_a_password_link_that_is_not_good_any_more_opens_nothing(how, code, engineer, stranger):
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=2 if how == "old" else -60)):
        match how:
            case "used":
                set_new(code)
            case "tampered":
                code = code[:-1] + ("a" if code[-1] != "a" else "b")
            case "signed in since":
                signed_in()
            case "another's":
                code = code.replace(engineer.uuid.hex, stranger.uuid.hex)
            case "disabled":
                services.disable_person(engineer, by=builders.the_platform())
            case "empty":
                code = ""
        engineer.refresh_from_db()
        before = engineer.password

        for path in ("/new-password/", "/new-password/set/"):
            answer = Client().post(path, {"code": code, "password": NEW * 2, "again": NEW * 2})
            assert answer.status_code == 422
            assert "opens nothing" in words(answer)
        engineer.refresh_from_db()
        assert engineer.password == before


def test_a_password_link_is_not_used_up_by_looking_or_by_a_bad_password(code, engineer):
    for method in ("get", "head", "post"):
        getattr(Client(), method)("/new-password/", {"code": code})
    assert set_new(code, "short").status_code == 422

    assert set_new(code).status_code == 302
