"""What comes in is judged before anything reads it: 4xx in the form of whoever asks, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.conf import settings

from apps.kernel.limits import DOCUMENTS, HEADERS, PARAMETERS, QUERY, ROW_FIELDS, TEXT
from apps.networks.models import Vpc
from apps.operations.models import Operation
from tests import builders
from tests.front import ask
from tests.portal.conftest import session_of

pytestmark = pytest.mark.django_db

JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
HTMX = ("HX-Request", "true")
KIB = 1024
LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE


@pytest.fixture
def token(acme):
    return "Authorization", f"Bearer {builders.a_token(acme)}"


@pytest.fixture
def cookie(engineer):
    ((name, key),) = session_of(engineer).items()
    return "Cookie", f"{name}={key}"


@pytest.fixture
def vpc(acme):
    zone = builders.a_zone("Zone-1")
    builders.an_account(acme, zone)
    return builders.a_vpc(acme, zone)


def in_pieces(content: bytes, size: int = 7) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


# --- bodies of unknown length -----------------------------------------------------------------------------------------


def test_a_change_that_is_sent_in_pieces_takes_effect(token, vpc):
    answer = ask("PATCH", f"/api/v1/vpcs/{vpc.pk}/", in_pieces(b'{"name": "shop"}'), [token, JSON])

    assert (answer.status, answer.json()["name"]) == (200, "shop")
    vpc.refresh_from_db()
    assert vpc.name == "shop"


def test_what_is_asked_for_in_pieces_is_made(token, vpc):
    body = {"name": "lab", "zone": "Zone-1", "cidr": "10.30.0.0/20"}

    answer = ask("POST", "/api/v1/vpcs/", in_pieces(json.dumps(body).encode()), [token, JSON])

    assert answer.status == 202, answer.text
    assert Vpc.unscoped.filter(name="lab").exists()


def test_a_form_that_is_sent_in_pieces_is_read(cookie, vpc):
    content = urlencode({"name": "shop", "description": ""}).encode()

    answer = ask("POST", f"/t/acme/vpcs/{vpc.pk}/rename/", in_pieces(content), [cookie, FORM])

    assert answer.status == 403  # it came without the CSRF token: the form is read, and then refused
    token = {"csrfmiddlewaretoken": "t" * 32}
    pieces = in_pieces(content + b"&" + urlencode(token).encode())
    cookies = ("Cookie", f"{cookie[1]}; csrftoken={'t' * 32}")
    assert ask("POST", f"/t/acme/vpcs/{vpc.pk}/rename/", pieces, [cookies, FORM]).status == 302
    vpc.refresh_from_db()
    assert vpc.name == "shop"


def test_an_empty_body_in_pieces_is_an_empty_body(token, vpc):
    answer = ask("DELETE", f"/api/v1/vpcs/{vpc.pk}/", [], [token])

    assert answer.status == 202
    assert Operation.unscoped.get().goal == "absent"


@pytest.mark.parametrize("target", ["/api/v1/vpcs/", "/api/v1/no/such/", "/t/acme/vpcs/new/", "/no/such/", "/login/"])
def test_no_more_is_read_of_a_body_than_it_may_hold(target, db):
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 64 * KIB

    answer = ask("POST", target, endless(), [JSON])

    assert answer.status == 413
    assert answer.bytes_read <= LIMIT + 64 * KIB
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("length", ["299000000", str(LIMIT + 1), "1" * 400, "many", "-1"])
def test_a_body_that_says_it_is_too_long_is_not_read_at_all(length, token):
    answer = ask("POST", "/api/v1/vpcs/", b"{}", [token, JSON, ("Content-Length", length)])

    assert (answer.status, answer.bytes_read) == (413, 0)
    assert answer.json()["code"] == "body-too-large"


def test_a_body_up_to_the_limit_is_read(token):
    answer = ask("POST", "/api/v1/vpcs/", in_pieces(b"{" + b" " * (LIMIT - 2) + b"}", 64 * KIB), [token, JSON])

    assert answer.status == 422
    assert answer.json()["code"] == "name-missing"


def test_a_form_may_hold_a_sheet_of_any_signs(db):
    sheet = urlencode({"sheet": "," * DOCUMENTS["sheet"]}).encode()
    assert len(sheet) > 3 * DOCUMENTS["sheet"]

    assert ask("POST", "/login/", sheet, [FORM]).status == 403  # for want of a token, which is looked for after it


def test_nothing_takes_an_upload(cookie):
    body = b'--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\n1\r\n--x--\r\n'

    answer = ask("POST", "/t/acme/vpcs/new/", body, [cookie, ("Content-Type", "Multipart/Form-Data; boundary=x")])

    assert answer.status == 415


# --- what is no text, or too long -------------------------------------------------------------------------------------

QUERIES = [
    ("q=a%00b", 400, "parameter-unprintable", "q"),
    ("zone=a%00b", 400, "parameter-unprintable", "zone"),
    ("a%00b=1", 400, "parameter-unprintable", "a?b"),
    ("q=%ff", 400, "parameter-unprintable", "q"),
    ("q=%ED%A0%80", 400, "parameter-unprintable", "q"),  # a lone surrogate
    (b"q=\xff", 400, "parameter-unprintable", None),
    ("q=" + "x" * (TEXT + 1), 414, "parameter-too-long", "q"),
    ("x" * (TEXT + 1), 414, "parameter-too-long", "x" * 63),
    ("&".join(f"a{n}=1" for n in range(600)), 414, "too-many-parameters", None),
    ("&" * PARAMETERS, 414, "too-many-parameters", None),
    ("&".join(f"a{n}=" + "x" * 1000 for n in range(40)), 414, "address-too-long", None),
]


@pytest.mark.parametrize(("query", "status", "code", "field"), QUERIES)
def test_a_query_that_cannot_be_read_is_refused_by_the_api(query, status, code, field, token):
    target = b"/api/v1/vpcs/?" + (query if isinstance(query, bytes) else query.encode())

    answer = ask("GET", target, headers=[token])

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)


@pytest.mark.parametrize(("query", "status", "code", "field"), QUERIES)
def test_a_query_that_cannot_be_read_is_a_page_for_a_browser_and_a_part_for_htmx(query, status, code, field, cookie):
    target = b"/t/acme/vpcs/?" + (query if isinstance(query, bytes) else query.encode())

    page, part = ask("GET", target, headers=[cookie]), ask("GET", target, headers=[cookie, HTMX])

    assert page.status == part.status == status
    assert "<h1>This request could not be read</h1>" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert part.headers["weft-notice"] == code
    assert 'class="message' in part.text
    assert "<html" not in part.text


@pytest.mark.parametrize("path", ["/t/a%00/", "/%ff/", "/%ED%A0%80/", "/api/v1/vpcs/%00/", "/events/t/%00"])
def test_a_path_that_is_no_text_is_refused(path, db):
    assert ask("GET", path).status == 400


@pytest.mark.parametrize("start", ["/", "/api/v1/", "/t/", "/events/t/", "/static/"])
def test_an_over_long_path_is_refused(start, db):
    assert ask("GET", start + "a" * 2001).status == 414
    assert ask("GET", start + "a" * 1900).status in (301, 302, 404)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"username=%00", 400),
        (b"username=%ff", 400),
        (b"username=\xff", 400),
        (b"username=" + b"x" * (TEXT + 1), 413),
        (b"username=" + b"x" * 250_000, 413),
        (b"&".join(b"a=1" for _ in range(PARAMETERS + 1)), 413),
        (b"&".join(b"rules.1.note=1" for _ in range(ROW_FIELDS + PARAMETERS + 1)), 413),
        (b"sheet=" + b"x" * (DOCUMENTS["sheet"] + 1), 413),
        (b"rules.1.note=" + b"x" * (TEXT + 1), 413),
        (b"a" * 250_000, 413),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(content, status, db):
    answer = ask("POST", "/login/", content, [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")])

    assert answer.status == status
    assert len(answer.body) < 5_000


@pytest.mark.parametrize("name", ["Authorization", "Weft-Tenant", "Idempotency-Key", "X-CSRFToken", "Accept"])
@pytest.mark.parametrize("value", [b"a\x00b", b"a\nb", b"\x1b[0m", b"\x7f"])
def test_a_control_character_in_a_header_is_refused(name, value, db):
    answer = ask("GET", "/api/v1/vpcs/", headers=[(name, value)])

    assert answer.status == 400
    assert answer.json()["code"] == "header-unprintable"


def test_headers_have_an_end(db):
    many = [(f"X-{number}", "1") for number in range(200)]

    assert ask("GET", "/login/", headers=many).status == 431
    assert ask("GET", "/login/", headers=[("X-Long", "x" * HEADERS)]).status == 431
    assert ask("GET", "/login/", headers=[("X-Long", "x" * 8_000)]).status == 200


@pytest.mark.parametrize("value", [b'"a\\000b"', b"a\x00b", b'"\\012"'])
@pytest.mark.parametrize("target", ["/", "/api/v1/vpcs/", "/t/acme/vpcs/", "/events/t/acme"])
def test_a_session_cookie_that_is_no_text_is_refused_and_forgotten(value, target, db):
    answer = ask("GET", target, headers=[("Cookie", b"sessionid=" + value)])

    assert answer.status == 400
    if b"\x00" not in value:
        assert answer.headers["clear-site-data"] == '"cookies"'


@pytest.mark.parametrize("value", ["", "x", "x" * 8_000, "é", "../../etc/passwd", "'; DROP TABLE", '"', "=;=;,"])
def test_a_session_cookie_of_nobodys_is_nobody(value, db):
    assert ask("GET", "/t/acme/", headers=[("Cookie", f"sessionid={value}")]).headers["Location"].startswith("/login/")
    assert ask("GET", "/api/v1/vpcs/", headers=[("Cookie", f"sessionid={value}")]).status == 401


def test_a_host_that_is_not_ours_is_refused_in_the_form_of_whoever_asks(db):
    elsewhere = ("Host", "elsewhere.example")

    assert ask("GET", "/api/v1/vpcs/", headers=[elsewhere]).json()["code"] == "malformed-request"
    assert "<h1>" in ask("GET", "/login/", headers=[elsewhere]).text
    part = ask("GET", "/login/", headers=[elsewhere, HTMX])
    assert (part.status, "<html" in part.text, "data-notice" in part.text) == (400, False, True)


def test_what_is_within_the_limits_comes_through(cookie, vpc):
    longest = urlencode({"q": "ü" * (TEXT // 2)})
    assert len(longest) < QUERY

    assert ask("GET", f"/t/acme/activity/?{longest}", headers=[cookie]).status == 200
    assert ask("HEAD", "/t/acme/vpcs/?q=prod", headers=[cookie]).status == 200
