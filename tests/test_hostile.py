"""Whatever reads a parameter, a field, a cookie or a header is given what nobody should send: 4xx, and never 500.

What is read is found by watching: each route of the table in tests/test_access.py is asked once, by requests that write
down every name that anything looks up in them. A new reader of anything is tried by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import QueryDict
from django.http.cookie import parse_cookie
from django.http.request import HttpHeaders
from django.utils.functional import cached_property

from apps.kernel.intake import App
from apps.kernel.limits import DOCUMENTS
from tests import builders
from tests.front import Answer, Django, ask, behind_intake
from tests.portal.conftest import session_of
from tests.test_access import ROWS, Row
from tests.test_limits import things

#: Groups are begun first: what takes long must not be left for the end, when other processes have nothing more to do.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("hostile"), pytest.mark.timeout(600)]

CSRF = "t" * 32
FORM = b"application/x-www-form-urlencoded"

#: As they stand in an address or a form, encoded.
NO_TEXT = {"a NUL": "a%00b", "half a character": "%ED%A0%80", "no UTF-8": "%ff", "no end": "x" * 30_000}
ODD = [
    *(
        "",
        " ",
        "-1",
        "9" * 1_900,
        "1e999",
        "null",
        "²",
        "٣",
        "'",
        '"',
        "\\",
        "\r\nSet-Cookie: a=b",
        "\u202e",
        "é" * 500,
    ),
    "00000000-0000-0000-0000-000000000000",
]
#: As they stand in a header. Cookies can spell control characters.
NO_HEADER = [b"a\x00b", b"a\nb: c", b"\x1b", b"x" * 40_000]
ODD_HEADER = [b"", b"\xe9\xff", b"x" * 8_000, b'"', b"-1", b";,=;q=x", b"*", b"bytes=9-1", b"http://[", b"%00"]


class Notes:
    """Who looked up what: routes by kind and name."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.route = ""

    def __call__(self, kind: str, name: object) -> None:
        self.seen[kind, str(name)].add(self.route)


note = Notes()


class Noted:
    """A mapping of which every look-up is written down."""

    kind: str

    def __getitem__(self, name: Any) -> Any:
        note(self.kind, name)
        return super().__getitem__(name)  # type: ignore[misc]

    def __contains__(self, name: Any) -> bool:
        note(self.kind, name)
        return bool(super().__contains__(name))  # type: ignore[misc]

    def get(self, name: Any, default: Any = None) -> Any:
        note(self.kind, name)
        return super().get(name, default)  # type: ignore[misc]


class Parameters(Noted, QueryDict):
    kind = "parameter"


class Fields(Noted, QueryDict):
    kind = "field"


class Cookies(Noted, dict[str, str]):
    kind = "cookie"


class Headers(Noted, HttpHeaders):
    kind = "header"


class Meta(dict[str, Any]):
    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    @staticmethod
    def _note(name: str) -> None:
        if name.startswith("HTTP_") or name == "CONTENT_TYPE":
            note("header", name.removeprefix("HTTP_").replace("_", "-").title())


class Watched(ASGIRequest):
    def __init__(self, scope: Any, body_file: Any) -> None:
        super().__init__(scope, body_file)
        self.META = Meta(self.META)

    @cached_property
    def GET(self) -> QueryDict:  # type: ignore[override]  # noqa: N802 - Django's name
        return Parameters(self.scope["query_string"])

    @cached_property
    def COOKIES(self) -> dict[str, str]:  # type: ignore[override]  # noqa: N802
        return Cookies(parse_cookie(self.META.get("HTTP_COOKIE", "")))

    @cached_property
    def headers(self) -> HttpHeaders:
        return Headers(self.META)

    def _load_post_and_files(self) -> None:
        super()._load_post_and_files()
        self.__dict__["_post"].__class__ = Fields


class WatchingDjango(Django):
    request_class = Watched


class Reader(NamedTuple):
    """Something that a route reads."""

    row: Row
    kind: str
    name: str


class Site:
    """Asks a route of the table as somebody who may."""

    def __init__(self, ids: dict[str, Any], admin: Any, tokens: list[str]) -> None:
        self.ids, self.admin, self.tokens = ids, admin, tokens
        self._session: dict[str, str] = {}

    def ask(
        self,
        row: Row,
        reader: Reader | None = None,
        raw: bytes = b"",
        *,
        otherwise: bool = False,
        app: App | None = None,
    ) -> Answer:
        """With a token, or `otherwise` with a session, for the API; as a browser, or as htmx, for pages."""
        is_api, is_signed_in = row.view.startswith("api:"), row.view != "login"
        cookies = {"csrftoken": CSRF} | (self._signed_in() if is_signed_in else {})
        headers: dict[str, bytes] = {}
        content, query = b"", b""
        if is_api and otherwise:
            headers = {"Weft-Tenant": b"acme", "X-CSRFToken": CSRF.encode()}
        elif is_api:
            headers, cookies = {"Authorization": f"Bearer {self._token(row)}".encode()}, {}
        elif otherwise:
            headers = {"HX-Request": b"true"}
        if row.method in ("POST", "PATCH"):
            headers["Content-Type"] = b"application/json" if is_api else FORM
            content = b"{}" if is_api else f"csrfmiddlewaretoken={CSRF}".encode()
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items()).encode()
        if reader is not None:
            match reader.kind:
                case "parameter":
                    query = b"?" + quote(reader.name).encode() + b"=" + raw
                case "field":
                    content += b"&" + quote(reader.name).encode() + b"=" + raw
                case "cookie":
                    cookie = cookie.replace(f"{reader.name}=".encode(), b"was=") + f"; {reader.name}=".encode() + raw
                case "header":
                    headers[reader.name] = raw
        lines = [*headers.items(), *([("Cookie", cookie)] if cookie and "Cookie" not in headers else [])]
        answer = ask(row.method, row.path(self.ids).encode() + query, content, lines, app=app)
        if row.method != "GET":
            self._session = {}  # it may have signed out
        return answer

    def _signed_in(self) -> dict[str, str]:
        self._session = self._session or session_of(self.admin)
        return self._session

    def _token(self, row: Row) -> str:
        return self.tokens[row.answers["engineer"] in ("403", "404") and row.answers["admin"] not in ("403", "404")]


@pytest.fixture
def site(admin, acme):
    return Site(things(acme, admin), admin, [builders.a_token(acme), builders.a_token(None)])


known: list[Reader] = []


@pytest.fixture
def readers(site):
    """What every route reads: the same at any site, and asking all of them takes long."""
    if not known:
        known.extend(read_by(site))
    return known


def read_by(site: Site) -> list[Reader]:
    note.seen.clear()
    app = behind_intake(WatchingDjango())
    by_name = {row.name: row for row in ROWS if row.view not in ("healthz", "readyz")}
    for name, row in by_name.items():
        note.route = name
        for otherwise in (False, True):
            site.ask(row, otherwise=otherwise, app=app)
        if row.view.startswith("api:"):  # filters are looked up once there is any parameter
            site.ask(row, Reader(row, "parameter", "limit"), b"1", app=app)
    found = [Reader(by_name[name], kind, what) for (kind, what), names in note.seen.items() for name in sorted(names)]
    return [reader for reader in found if reader.kind != "field" or reader.row.method == "POST"]


def some(readers: list[Reader]) -> Iterator[Reader]:
    """Each name once in the API and once on pages, when reading and when changing."""
    of: dict[tuple[str, str], list[Reader]] = defaultdict(list)
    for reader in readers:
        of[reader.kind, reader.name].append(reader)
    for found in of.values():
        yield from {(each.row.view.startswith("api:"), each.row.method == "GET"): each for each in found}.values()


def is_in_form(answer: Answer, row: Row, *, otherwise: bool = False) -> bool:
    """Whether a refusal is one for whoever asked."""
    is_problem = answer.headers.get("Content-Type", answer.headers.get("content-type")) == "application/problem+json"
    if row.view == "api:docs":  # a page at an address of the API's
        return is_problem or "<html" in answer.text
    if row.view.startswith("api:"):
        return is_problem
    return not answer.body or ("<html" in answer.text) != otherwise


def test_what_is_read_is_found(readers):
    found = {(reader.kind, reader.name.title()) for reader in readers}

    assert {("parameter", name.title()) for name in ("q", "status", "page", "sort", "cursor", "limit", "next")} <= found
    assert {("parameter", name.title()) for name in ("vpc", "zone", "resource", "kind", "phase", "tenant")} <= found
    assert {("field", name.title()) for name in ("name", "cidr", "tenant", "username", "owner", "add_tier")} <= found
    assert {("cookie", name.title()) for name in ("sessionid", "csrftoken", "weft_theme")} <= found
    for name in ("Accept", "Authorization", "Weft-Tenant", "Idempotency-Key", "If-Match", "If-None-Match", "Host"):
        assert ("header", name) in found


def test_what_is_no_text_is_refused_before_anybody_reads_it(site, readers):
    wrong = []
    for reader in some(readers):
        if reader.name.title() in ("Hx-Request", "Hx-Boosted"):
            continue  # they say in which form the refusal is to be
        values = NO_HEADER if reader.kind in ("cookie", "header") else [each.encode() for each in NO_TEXT.values()]
        if reader.name in DOCUMENTS:  # long texts are what it is for
            values = [value for value in values if len(value) < 1000]
        for value in values:
            for otherwise in (False, True):
                answer = site.ask(reader.row, reader, value, otherwise=otherwise)
                is_refused = answer.status in (400, 413, 414, 431)
                if not is_refused or not is_in_form(answer, reader.row, otherwise=otherwise):
                    wrong.append((reader.row.name, reader.kind, reader.name, value[:20], answer.status))

    assert wrong == []


def test_what_is_odd_is_never_a_mistake_of_ours(site, readers):
    wrong = []
    for reader in some(readers):
        texts = [quote(each).encode() for each in ODD]
        for value in ODD_HEADER if reader.kind in ("cookie", "header") else texts:
            answer = site.ask(reader.row, reader, value)
            is_refused = answer.status >= 400
            if answer.status >= 500 or (is_refused and not is_in_form(answer, reader.row)):
                wrong.append((reader.row.name, reader.kind, reader.name, value[:20], answer.status))

    assert wrong == []
