"""Whatever htmx asks for, at every address that it asks, it gets a part or something that it obeys: never a page.

The addresses are those that stand in the `hx-...` attributes of every page of Weft, in every state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import time_machine
from django.db import OperationalError, ProgrammingError, connection
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from apps.kernel.intake import FORM
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import Role, Tenant, User
from apps.zones.models import Zone
from tests import builders, front
from tests.test_pages import PLATFORM_PAGES, TENANT_PAGES, addresses, browser_of, busy, site

__all__ = ["busy", "site"]  # fixtures
pytestmark = pytest.mark.django_db

ASKS = re.compile(r'hx-(get|post|put|patch|delete)="([^"]*)"')
TEMPLATES = Path(__file__).parents[2] / "templates"
UNREADABLE = [(b"name=" + b"x" * 300_000, 413), (b"name=a%00b", 400), (b"&".join([b"a=b"] * 200), 413)]
#: What htmx does with an answer by these headers, whatever is in it.
OBEYED = ("HX-Redirect", "HX-Refresh", "HX-Location")


class Ask(NamedTuple):
    method: str
    view: str
    path: str

    @property
    def is_the_platforms(self) -> bool:
        return not self.path.startswith("/t/")


class Part(Client):
    """Asks as htmx does on an open page."""

    def __init__(self, user: User | None = None, **options: Any) -> None:
        super().__init__(raise_request_exception=False, **options)
        if user is not None:
            self.force_login(user)

    def part(self, ask: Ask, path: str = "", **fields: str) -> HttpResponse:
        path = path or ask.path
        headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{path.partition('?')[0]}"}
        form = "&".join(f"{name}={value}" for name, value in fields.items())
        return self.generic(ask.method, path, form, FORM, headers=headers)


@pytest.fixture
def asks(engineer: User, admin: User, acme: Tenant, busy: list[Vpc]) -> list[Ask]:
    """Each address that htmx asks, once for each view and method."""
    builders.an_account(acme, builders.a_zone("zone-2"), Status.BUILDING)  # its page asks on until it is made
    found: dict[tuple[str, str], Ask] = {}
    drawn: set[str] = set()
    for user, pages in ((engineer, TENANT_PAGES), (admin, PLATFORM_PAGES)):
        for path in addresses(pages, busy):
            answer = browser_of(user).get(path)
            drawn |= {str(template.name) for template in getattr(answer, "templates", ())}
            for method, url in ASKS.findall(answer.content.decode()):
                url = url.replace("&amp;", "&")
                view = resolve(url.partition("?")[0]).view_name
                found.setdefault((method.upper(), view), Ask(method.upper(), view, url))
    written = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html") if ASKS.search(path.read_text())}
    assert sorted(written - drawn) == [], "templates with hx-... that no page has drawn"
    return list(found.values())


def faults(answer: HttpResponse, *statuses: int) -> list[str]:
    found = [] if answer.status_code in statuses else [f"status {answer.status_code}"]
    if re.search("<html|<main|<h1", answer.content.decode(), re.IGNORECASE):
        found.append("a whole page")
    is_shown = 200 <= answer.status_code < 300 or answer.status_code == 422  # by the `htmx-config` of base.html
    if not is_shown and not any(name in answer.headers for name in (*OBEYED, "Weft-Notice")):
        found.append("an error that htmx does not show")
    if "Location" in answer.headers:
        found.append("a redirect that the browser follows behind htmx's back")
    return found


@contextmanager
def broken(error: Exception) -> Iterator[None]:
    """A database that answers every question with this error."""

    def ask(*_: Any) -> None:
        raise error

    with connection.execute_wrapper(ask):
        yield


def test_every_address_that_htmx_asks_answers_with_a_part_whatever_is_wrong(
    asks: list[Ask], engineer: User, admin: User, stranger: User, acme: Tenant
) -> None:
    known = {
        ("GET", "networks:overview"), ("GET", "networks:vpc_list"), ("GET", "networks:vpc_detail"),
        ("GET", "networks:vpc_map"), ("POST", "networks:vpc_create"), ("GET", "networks:tier_create"),
        ("GET", "operations:list"), ("GET", "operations:detail"), ("GET", "operations:platform_detail"),
        ("GET", "fabric:topology"), ("GET", "zones:list"), ("GET", "accounts:tenant_detail"),
    }  # fmt: skip
    assert known <= {(ask.method, ask.view) for ask in asks}
    people = {False: Part(engineer), True: Part(admin)}
    nobody, bob, vic = Part(), Part(stranger), Part(builders.a_member(acme, Role.VIEWER))
    careful = Part(engineer, enforce_csrf_checks=True)

    def mine(ask: Ask) -> HttpResponse:
        return people[ask.is_the_platforms].part(ask)

    def posted(who: Part) -> Callable[[Ask], HttpResponse | None]:
        return lambda ask: who.part(ask) if ask.method != "GET" else None

    def failing(error: Exception) -> Callable[[Ask], HttpResponse]:
        def ask_while(ask: Ask) -> HttpResponse:
            with broken(error):
                return mine(ask)

        return ask_while

    def missing(ask: Ask) -> HttpResponse | None:
        path = re.sub(r"[0-9a-f-]{36}", str(uuid4()), ask.path).replace("/tenants/acme/", "/tenants/none/")
        return None if path == ask.path else people[ask.is_the_platforms].part(ask, path)

    def gone(ask: Ask) -> HttpResponse:
        Tier.unscoped.update(status=Status.DELETED)
        Vpc.unscoped.update(status=Status.DELETED)
        return mine(ask)

    situations: dict[str, tuple[Callable[[Ask], HttpResponse | None], set[int]]] = {
        "all is well": (mine, {200, 204, 422}),  # 204: the fabric's map has not changed
        "signed out": (nobody.part, {401}),
        "another tenant's": (bob.part, {404}),
        "a viewer": (lambda ask: None if ask.is_the_platforms else posted(vic)(ask), {403}),
        "a stale token": (posted(careful), {403}),
        "it was never there": (missing, {404}),
        "a mistake": (failing(ProgrammingError("no such table")), {500}),
        "the database is away": (failing(OperationalError("away")), {503}),
        "it is gone": (gone, {200, 204, 404, 422}),
    }
    wrong, looked_at = {}, set()
    for name, (answer_to, statuses) in situations.items():
        for ask in asks:
            if (answer := answer_to(ask)) is not None:
                looked_at.add(name)
                if bad := faults(answer, *statuses):
                    wrong[f"{name}: {ask.method} {ask.view}"] = bad
    assert wrong == {}
    assert looked_at == set(situations)
    # A part of what is gone is not put into its page: the page is loaded anew.
    page = next(ask for ask in asks if ask.view == "networks:vpc_detail")
    assert mine(page).headers["HX-Refresh"] == "true"

    for ask in asks:
        for body, status in UNREADABLE:
            early = front.ask(ask.method, ask.path, body, [("HX-Request", "true"), ("Content-Type", FORM)])
            assert (early.status, "weft-notice" in early.headers, "<html" in early.text) == (status, True, False)


def test_the_way_back_leads_to_the_page_that_is_open(acme: Tenant) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/t/acme/vpcs/new/?from=x"}
    answer = Client().get("/t/acme/vpcs/new/map/?name=x", headers=headers)

    assert answer.headers["Weft-Notice"] == "signed-out"
    assert 'href="/login/?next=%2Ft%2Facme%2Fvpcs%2Fnew%2F%3Ffrom%3Dx" target="_blank"' in answer.content.decode()
    assert (answer.headers["HX-Retarget"], answer.headers["HX-Reswap"]) == ("#messages", "beforeend")


def test_a_stale_token_is_renewed_by_the_answer_that_refuses_it(engineer: User, place: Zone) -> None:
    careful = Part(engineer, enforce_csrf_checks=True)
    careful.get("/t/acme/vpcs/new/")
    ask = Ask("POST", "networks:vpc_create", "/t/acme/vpcs/new/")
    refused = careful.part(ask)

    assert refused.status_code == 403
    assert careful.part(ask, csrfmiddlewaretoken=refused.headers["Weft-CSRF"], add_tier="1").status_code == 200


def test_a_page_says_that_the_database_is_away(engineer: User, acme: Tenant) -> None:
    browser = Part(engineer)
    with broken(OperationalError("away")):
        answer = browser.get("/t/acme/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "cannot reach its database" in answer.content.decode()


def test_a_field_that_breaks_a_rule_is_a_part_of_the_form(ann: Any, place: Zone) -> None:
    answer = Part.part(ann, Ask("POST", "networks:vpc_create", "/t/acme/vpcs/new/"), name="")

    assert faults(answer, 422) == []


def test_a_redirect_is_obeyed_with_its_messages(ann: Any, place: Zone, acme: Tenant) -> None:
    made = {"name": "prod", "zone": str(place.pk), "cidr": "10.20.0.0/20"}
    answer = Part.part(ann, Ask("POST", "networks:vpc_create", "/t/acme/vpcs/new/"), **made)

    operation = Operation.unscoped.get()
    assert answer.headers["HX-Redirect"] == f"/t/acme/operations/{operation.pk}/"
    assert faults(answer, 200) == []


def test_who_asks_without_htmx_gets_pages_as_ever(acme: Tenant, engineer: User) -> None:
    assert Client().get("/t/acme/").headers["Location"] == "/login/?next=/t/acme/"
    assert b"<html" in browser_of(engineer).get(f"/t/acme/vpcs/{uuid4()}/").content


def test_what_a_page_has_already_is_not_sent_again(
    clock: time_machine.Traveller, asks: list[Ask], engineer: User, admin: User, acme: Tenant
) -> None:
    """How long ago something was, and for how long it has lasted, the page tells by itself."""
    Operation.unscoped.filter(finished_at=None).update(started_at=timezone.now())
    people = {False: Part(engineer), True: Part(admin)}

    def look(ask: Ask, seen: str) -> HttpResponse:
        return people[ask.is_the_platforms].get(ask.path, headers={"HX-Request": "true", "Weft-Seen": seen})

    # But for the page of health, which is about what has not been heard of meanwhile, and for the fabric's map, which
    # has a way of its own (tests/fabric).
    looks = [ask for ask in asks if ask.method == "GET" and ask.view not in ("health:health", "fabric:topology")]
    first = {ask: look(ask, "nothing") for ask in looks}
    assert {answer.status_code for answer in first.values()} == {200}
    clock.shift(20)
    again = {ask: look(ask, first[ask].headers["Weft-Part"]) for ask in looks}
    assert {ask.path: answer.content for ask, answer in again.items() if answer.status_code != 204} == {}

    vpc = Vpc.unscoped.filter(tenant=acme, status=Status.READY)[0]
    vpc.name = "another name"
    vpc.save(update_fields=["name"])
    page = next(ask for ask in looks if ask.view == "networks:vpc_list")
    changed = look(page, first[page].headers["Weft-Part"])
    assert changed.status_code == 200 and b"another name" in changed.content
    assert changed.headers["Weft-Part"] != first[page].headers["Weft-Part"]


@pytest.mark.parametrize("address", ["http://[", "//[", "http://[::1", "http://testserver//evil.test/", "javascript:x"])
def test_an_address_that_no_page_can_have_leads_nowhere(ann: Any, acme: Tenant, address: str) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": address}

    assert 'href="/login/?next=%2F"' in Client().get("/t/acme/", headers=headers).content.decode()
    assert ann.get("/t/acme/", headers=headers).status_code == 200
    assert ann.get(f"/t/acme/vpcs/{uuid4()}/", headers=headers).status_code == 404


def test_a_page_of_somebody_else_is_told_so_and_gets_neither_a_part_nor_a_token(
    engineer: User, stranger: User, acme: Tenant, place: Zone
) -> None:
    careful = Part(engineer, enforce_csrf_checks=True)
    page = careful.get("/t/acme/vpcs/new/").content.decode()
    (person,) = set(re.findall(r'data-person="([^"]*)"', page))
    assert person == str(engineer.uuid)
    careful.force_login(builders.a_member(acme, username="eve"))
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/t/acme/vpcs/new/?a=b", "Weft-Person": person}

    for path in ("/session/", "/t/acme/session/", "/t/acme/", "/t/acme/vpcs/new/map/?name=x"):
        answer = careful.get(path, headers=headers)
        assert (answer.status_code, answer.headers["Weft-Notice"]) == (409, "somebody-else")
        assert 'href="/t/acme/vpcs/new/?a=b"' in answer.content.decode()
        assert "Weft-CSRF" not in answer.headers
    careful.force_login(engineer)
    assert careful.get("/t/acme/session/", headers=headers).status_code == 204
    careful.force_login(stranger)
    assert careful.get("/t/acme/session/", headers={"HX-Request": "true"}).status_code == 404
