"""No request costs more than it should: every form and endpoint, with each field far too long and each list too large.

Forms are found on the pages of the table in tests/test_access.py, endpoints and their fields in the API's description:
a new one is tried by itself. Costs are those of this process alone, so that a busy machine changes nothing.
"""

from __future__ import annotations

import gc
import json
import logging
import time
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from django.db import transaction

from apps.kernel.api.views import description
from apps.kernel.limits import PARAMETERS
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.tenancy.models import Membership, Role, Tenant, User
from tests import builders
from tests.front import Answer, ask
from tests.portal.conftest import session_of
from tests.test_access import ROWS, STEP

#: Groups are begun first: what takes long must not be left for the end, when other processes have nothing more to do.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("limits"), pytest.mark.timeout(600)]

SECONDS, BYTES, PEAK, LEFT_BEHIND = 1.0, 100_000, 24_000_000, 8_000_000
#: Over every limit; within that of an address; within that of a single text.
LENGTHS = (250_000, 16_000, 1_990)
MANY = 10_000
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
CSRF = "t" * 32

Headers = list[tuple[str, str]]


class Try(NamedTuple):
    """One request, and in words what is wrong with it."""

    what: str
    method: str
    target: str
    body: bytes
    headers: Headers


def things(acme: Tenant, admin: User) -> dict[str, Any]:
    """The ids of a VPC, a tier, and an operation of acme's. The admin becomes acme's owner as well."""
    Membership.objects.create(user=admin, tenant=acme, role=Role.OWNER)
    zone = builders.a_zone(max_tiers_per_vpc=24)
    account = builders.an_account(acme, zone)
    vpc, lab = builders.a_vpc(acme, zone), builders.a_vpc(acme, zone, "lab")
    tier = builders.a_tier(vpc)
    what = {"kind": "vpc", "goal": "present", "resource_type": "vpc", "resource_id": lab.pk, "resource_name": "lab"}
    operation = Operation.unscoped.create(
        tenant=acme, zone=zone, **what, lock_key=lab.lane, requested_by="ann", size=1, steps=[STEP]
    )
    balancer = builders.a_balancer(builders.a_public_ip(vpc, "198.51.100.42"), tier)
    return {
        **{"vpc": vpc.pk, "tier": tier.pk, "operation": operation.pk},
        "route": builders.a_static_route(tier).pk,
        **builders.whatever_is_ordered(acme, zone),
        "peering": builders.a_peering(vpc, builders.a_vpc(acme, zone, "stock", "10.30.0.0/20")).pk,
        "balancer": balancer.pk,
        "lbmember": balancer.members.all()[0].pk,
        "quotarequest": builders.a_quota_request(acme).pk,
        "staticnat": builders.a_static_nat(builders.a_public_ip(vpc, "198.51.100.40"), tier).pk,
        "forward": builders.a_port_forward(builders.a_public_ip(vpc, "198.51.100.41"), tier).pk,
        **{"zone": zone.pk, "tenant_id": acme.pk, "stray": builders.a_stray(zone).pk},
        "trial": builders.a_trial().pk,
        **builders.whatever_a_fabric_has(zone),
        "instance": builders.an_instance(account),
        "publicip": builders.a_public_ip(vpc).pk,
        "acl": builders.an_acl(vpc).pk,
        **builders.whoever_belongs_to(acme),
    }


# --- endpoints --------------------------------------------------------------------------------------------------------


def endpoints(ids: dict[str, Any], tokens: list[str]) -> Iterator[Try]:
    document = description()
    nouns = {
        "vpcs": "vpc",
        "tiers": "tier",
        "acls": "acl",
        "operations": "operation",
        "zones": "zone",
        "tenants": "tenant_id",
        "strays": "stray",
        "instances": "instance",
        "public-ips": "publicip",
        "address-pools": "zone",
        "static-nats": "staticnat",
        "static-routes": "route",
        "load-balancers": "balancer",
        "peerings": "peering",
        "locations": "dclocation",
        "direct-connects": "connection",
        "approvals": "connection",
        "port-forwards": "forward",
        "members": "member",
        "invitations": "invitation",
        "tokens": "token",
        "people": "person",
        "quotas": "tenant_id",
        "quota-requests": "quotarequest",
        "zones/trials": "trial",
        "fabric/events": "event",
        "fabric/imports": "import",
        "fabric/softgates": "gate",
        "fabric/devices": "fabdevice",
        "fabric/links": "fablink",
        "fabric/sessions": "fabsession",
        "fabric/ports": "fabport",
        "fabric/subnets": "fabsubnet",
        "fabric/sites": "fabsite",
        "fabric/vni-ranges": "vnirange",
        "fabric/series": "series",
    }
    for path, methods in document["paths"].items():
        noun = nouns.get(path.removeprefix("/api/v1/").partition("/{")[0], "")
        noun = "carrying" if "/interfaces/" in path else noun
        target = path.replace("{id}", str(ids[noun])) if "{id}" in path else path
        target = target.replace("{member}", str(ids["lbmember"])).replace("{interface}", str(ids["interface"]))
        target = target.replace("{port}", str(ids["dcport"]))
        for method, operation in methods.items():
            for token in tokens:
                headers: Headers = [("Authorization", f"Bearer {token}"), JSON]
                yield from _of_operation(document, method.upper(), target, operation, headers)


def _of_operation(document: Any, method: str, target: str, operation: Any, headers: Headers) -> Iterator[Try]:
    for parameter in operation["parameters"]:
        name = parameter["name"]
        for length in LENGTHS:
            if parameter["in"] == "query":
                yield Try(f"{name} of {length}", method, f"{target}?{name}={'x' * length}", b"", headers)
            elif parameter["in"] == "header":
                yield Try(f"{name} of {length}", method, target, b"{}", [*headers, (name, "x" * length)])
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        for what, body in bodies(document, schema):
            yield Try(what, method, target, json.dumps(body).encode(), headers)
    if method != "GET":
        for what, body in (("nothing but names", {f"n{n}": 1 for n in range(MANY)}), ("a list", [{}] * MANY)):
            yield Try(what, method, target, json.dumps(body).encode(), headers)


def resolved(document: Any, schema: Any) -> Any:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def sample(document: Any, schema: Any) -> Any:
    schema = resolved(document, schema)
    if schema.get("type") == "object":
        return {name: sample(document, each) for name, each in schema["properties"].items()}
    if schema.get("type") == "array":
        return [sample(document, schema["items"])]
    return schema.get("example", 1 if schema.get("type") == "integer" else "x")


def bodies(document: Any, schema: Any) -> Iterator[tuple[str, Any]]:
    """Bodies that are right but for one of their fields, or for one field in the rows of a list."""
    whole = sample(document, schema)
    for name, field in resolved(document, schema)["properties"].items():
        field = resolved(document, field)
        for length in LENGTHS:
            yield f"{name} of {length}", whole | {name: "x" * length}
            yield f"{name} of {length} marks", whole | {name: "e" + "\u0301" * (length // 6)}
        empty: tuple[Any, ...] = ({}, 0, [])
        for each in empty:
            yield f"{name} as {MANY} rows of {each}", whole | {name: [each] * MANY}
        rows = whole[name] if isinstance(whole[name], list) else [whole[name]]
        yield f"{name} as 2000 rows", whole | {name: rows * 2_000}
        yield f"{name} as an object", whole | {name: {f"n{n}": 1 for n in range(MANY)}}
        if field.get("type") == "array" and "properties" in resolved(document, field["items"]):
            for what, row in bodies(document, field["items"]):
                yield f"{name}: {what}", whole | {name: [row]}
            for what, row in (("equal", whole[name][0]), ("odd", {"x" * 40: 1})):
                yield f"{name}: 24 {what} rows", whole | {name: [row] * 24}


# --- forms ------------------------------------------------------------------------------------------------------------


class Forms(HTMLParser):
    """The forms of a page with their fields and buttons, and the addresses that htmx asks with a form's fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        self.asked: set[str] = set()
        self._form: dict[str, str] | None = None
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if "hx-get" in said:
            self.asked.add(said["hx-get"])
        if tag == "form":
            self._form = {}
            self.forms.append((said.get("method", "get").upper(), said.get("action", ""), self._form))
        elif self._form is not None and tag in ("input", "textarea", "button", "select") and "name" in said:
            self._form[said["name"]] = said.get("value", "")
            self._select = said["name"] if tag == "select" else ""
        elif self._form is not None and tag == "option" and self._select and "selected" in said:
            self._form[self._select] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def forms(ids: dict[str, Any], headers: Headers) -> Iterator[Try]:
    for row in ROWS:
        if row.method != "GET" or row.view.startswith("api:") or row.view in ("healthz", "readyz"):
            continue
        path = row.path(ids)
        page = ask("GET", path, headers=headers)
        if page.status != 200:
            continue
        read = Forms(page.text)
        for method, action, fields in read.forms:
            yield from _of_form(method, action or path, fields, headers)
            for address in read.asked:
                yield from _of_form("GET", address.partition("?")[0], fields, headers)


def _of_form(method: str, target: str, fields: dict[str, str], headers: Headers) -> Iterator[Try]:
    kept = {name: value for name, value in fields.items() if name != "csrfmiddlewaretoken"}

    def sent(what: str, said: dict[str, str]) -> Try:
        token = {"csrfmiddlewaretoken": CSRF} if method == "POST" else {}
        content = urlencode(token | said)
        if method == "POST":
            return Try(what, method, target, content.encode(), [*headers, FORM])
        return Try(what, method, f"{target}?{content}", b"", headers)

    for name in kept:
        for length in LENGTHS:
            yield sent(f"{name} of {length}", kept | {name: "x" * length})
        if name.startswith("tiers."):
            rest = name.rpartition(".")[2]
            for count in (MANY, PARAMETERS - len(kept) - 2, 40):
                yield sent(f"{count} of {rest}", kept | {f"tiers.{n}.{rest}": kept[name] for n in range(count)})
    if kept:  # one that is a button alone would do what it says
        yield sent("everything", dict.fromkeys(kept, "x" * 1_990))


# --- what it costs ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tries(django_db_setup, django_db_blocker):
    """Found once for all tests, and with them the rows that they are about: each test takes back what it has done."""
    with django_db_blocker.unblock(), transaction.atomic():
        acme, admin = builders.a_tenant("Acme"), builders.a_platform_admin()
        ids = things(acme, admin)
        ((name, key),) = session_of(admin).items()
        cookie = ("Cookie", f"{name}={key}; csrftoken={CSRF}")
        tokens = [builders.a_token(acme), builders.a_token(None)]
        yield [*endpoints(ids, tokens), *forms(ids, [cookie])]
        transaction.set_rollback(True)


def answered(each: Try) -> Answer:
    return ask(each.method, each.target, each.body, each.headers)


def timed(each: Try) -> tuple[Answer, float]:
    """The answer, and the seconds of the processor that it took."""
    began = time.process_time()
    answer = answered(each)
    return answer, time.process_time() - began


def test_whatever_is_too_long_is_answered_at_once_and_in_few_words(tries):
    expensive, statuses, there = [], set(), Vpc.unscoped.count()

    for each in tries:
        answer, took = timed(each)
        if took > SECONDS:  # what has to be, is so the second time as well: the first may have paid for others' rubbish
            gc.collect()
            answer, took = timed(each)
        statuses.add(answer.status)
        if took > SECONDS or len(answer.body) > BYTES or answer.status >= 500:
            path = each.target.partition("?")[0]
            expensive.append(
                f"{each.method} {path} with {each.what}: {answer.status}, {took:.2f} s, {len(answer.body)}"
            )

    assert expensive == []
    assert len(tries) > 700
    assert {200, 413, 414, 422, 431} <= statuses
    assert Vpc.unscoped.count() == there, "something too long was made"
    assert answered(next(each for each in tries if each.target.startswith("/t/"))).status != 302, (
        "signed out on the way"
    )


@pytest.fixture
def _without_a_log():
    """A test's log holds on to the requests that it tells of."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def size_of(each: Try) -> int:
    return len(each.target) + len(each.body)


@pytest.mark.usefixtures("_without_a_log")
def test_whatever_is_too_long_is_forgotten(tries):
    # Of what goes to one address and is about as large, one stands for all: what is kept goes by size, not by field.
    sorts = {(each.method, each.target.partition("?")[0], size_of(each).bit_length()): each for each in tries}
    large = [each for each in sorts.values() if size_of(each) > 20_000]
    for each in large[::20]:
        answered(each)  # what is kept once per process is kept now
    gc.collect()
    tracemalloc.start()
    try:
        before, hungry = tracemalloc.get_traced_memory()[0], []
        for each in large:
            tracemalloc.reset_peak()
            start = tracemalloc.get_traced_memory()[0]
            answered(each)
            if (used := tracemalloc.get_traced_memory()[1] - start) > PEAK:
                hungry.append(f"{each.method} {each.target.partition('?')[0]} with {each.what}: {used / 1e6:.0f} MB")
        gc.collect()
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert len(large) > 100
    assert hungry == []
    assert left < LEFT_BEHIND


def test_the_walk_finds_forms_and_endpoints(tries):
    """It would pass if nothing was tried."""
    found = {(each.method, each.target.partition("?")[0].replace("/t/acme", "")) for each in tries}
    whats = {each.what for each in tries}

    for method, start in (
        ("POST", "/vpcs/new/"),
        ("GET", "/vpcs/new/map/"),
        ("POST", "/api/v1/vpcs/"),
        ("GET", "/vpcs/"),
    ):
        assert (method, start) in found
    assert {
        "tiers as 2000 rows",
        "tiers as 10000 rows of {}",
        "name of 250000",
        "add_tier of 1990",
        "q of 16000",
    } <= whats
    assert {"Idempotency-Key of 250000", "If-Match of 1990", "tiers: name of 16000", "10000 of cidr"} <= whats
    assert {"POST", "PUT", "PATCH", "DELETE", "GET"} == {method for method, _ in found}
