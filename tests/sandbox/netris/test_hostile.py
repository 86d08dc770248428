"""Callers who send nonsense get the error envelope, and the controller stays what it was."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sandbox.kit.http import serve
from tests.sandbox.controller import LOGIN, TENANT, Controller
from tests.sandbox.netris.bodies import bodies


@pytest.fixture
def netris() -> Controller:
    return Controller()


PATHS = (
    "/api/auth",
    "/api/tenants",
    "/api/v2/sites",
    "/api/v2/vpc",
    "/api/v2/vnet",
    "/api/v2/ipam/allocation",
    "/api/v2/ipam/subnet",
    "/api/v2/nat",
    "/api/v2/l4lb",
    "/api/acl",
    "/api/routes",
    "/api/v2/ebgp",
    "/api/v2/hw/switch",
    "/api/v2/hw/server",
    "/api/v2/hw/softgate",
    "/api/v2/link",
    "/api/v2/vpc-peering",
    "/api/v2/acl",
    "/api/aclportgroups",
    "/api/ebgpobjects",
    "/api/ebgproutemaps",
    "/api/inventoryProfiles",
    "/api/v2/dhcp-option-set",
    "/api/permissiongroups",
    "/api/userroles",
    "/api/users",
    "/api/v2/ports/lag",
    "/api/v2/reservation/ip",
    "/api/v2/reservation/vlan",
    "/api/v2/reservation/vxlan",
)
BODIES = (
    b"{",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b"[]",
    b'"text"',
    b"12",
    b"null",
    b'{"name": NaN}',
    b'{"name": ' + b"9" * 10_000 + b"}",
    b'{"name": "' + b"x" * 2_000_000 + b'"}',
)


@pytest.mark.parametrize("path", PATHS)
def test_unreadable_bodies_get_the_error_envelope(netris, path):
    for body in BODIES:
        response = netris.http.post(path, content=body)
        assert response.status_code in (400, 403), body[:20]
        assert response.json()["isSuccess"] is False


WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e999,
    2**80,
    "",
    "\ud800",
    "x" * 5000,
    [],
    [[]],
    [{}],
    {},
    {"id": []},
    {"id": 2**80},
    "10.0.0.0/99",
)


@pytest.mark.parametrize("path", PATHS)
def test_wrong_values_anywhere_get_the_error_envelope(netris, path):
    """Each property of a good body in turn is given every wrong value: an answer comes, and never a 500."""
    good = bodies(netris)[path]
    for name in good:
        for number, value in enumerate(WRONG):
            body = good | {name: value} | ({"name": f"n{number}-{name}"} if name != "name" and "name" in good else {})
            response = netris.http.post(path, content=json.dumps(body).encode())
            assert response.status_code in (200, 201, 400, 401, 403, 404), (name, value, response.text)
            response.json()
    if path != "/api/auth":
        _lists_still_answer(netris)


LISTS = ("/api/v2/vpc", "/api/v2/vnet", "/api/v2/ipam", "/api/v2/nat", "/api/v2/hw", "/api/v2/ebgp", "/api/v2/ports",
         "/api/v2/l4lb", "/api/acl", "/api/routes", "/api/v2/vpc-peering", "/api/ebgproutemaps", "/api/users",
         "/api/v2/reservation/ip", "/api/v2/reservation/vlan", "/api/v2/dashboard/hardware-health",
         "/api/v2/dhcp-option-set", "/api/aclportgroups", "/api/userroles")  # fmt: skip


def _lists_still_answer(netris):
    for path in LISTS:
        netris.get(path)


# What is changed, and where: the id in the path, or under a name in the body
UPDATES = {
    "/api/tenants": "id",
    "/api/v2/sites": "",
    "/api/v2/vpc": "",
    "/api/v2/vnet": "",
    "/api/v2/ipam/allocation": "",
    "/api/v2/ipam/subnet": "",
    "/api/v2/nat": "",
    "/api/v2/l4lb": "",
    "/api/acl": "id",
    "/api/v2/acl": "",
    "/api/routes": "route_id",
    "/api/v2/ebgp": "",
    "/api/v2/hw/switch": "",
    "/api/v2/hw/server": "",
    "/api/v2/hw/softgate": "",
    "/api/v2/link": "",
    "/api/v2/vpc-peering": "",
    "/api/aclportgroups": "id",
    "/api/ebgpobjects": "id",
    "/api/ebgproutemaps": "id",
    "/api/inventoryProfiles": "id",
    "/api/v2/dhcp-option-set": "",
    "/api/permissiongroups": "id",
    "/api/userroles": "id",
    "/api/users": "id",
}


@pytest.mark.parametrize("path", UPDATES)
def test_wrong_values_in_updates_get_the_error_envelope(netris, path):
    good = bodies(netris)[path]
    made = netris.http.post(path, json=good).json()
    number = made.get("id") or made["data"]
    while isinstance(number, dict):
        number = number.get("staticRouteID") or number["id"]
    key = UPDATES[path]
    for name in good:
        for value in WRONG:
            body = {name: value} | ({key: number} if key else {})
            content = json.dumps(body).encode()
            response = netris.http.put(path if key else f"{path}/{number}", content=content)
            assert response.status_code in (200, 400, 403, 404), (name, value, response.text)
            response.json()
    _lists_still_answer(netris)


@pytest.mark.parametrize("path", ["/api/tenants", "/api/acl", "/api/routes", "/api/ebgpobjects", "/api/users",
                                  "/api/aclportgroups", "/api/v2/link", "/api/v2/nat/bulk"])  # fmt: skip
@pytest.mark.parametrize("value", WRONG)
def test_wrong_ids_in_bodies_of_deletes_get_the_error_envelope(netris, path, value):
    response = netris.http.request("DELETE", path, content=json.dumps({"id": value}).encode())

    assert response.status_code in (200, 400, 403, 404)
    assert len(netris.get("/api/v2/link")) == 32


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/nowhere"),
        ("GET", "/"),
        ("GET", "//"),
        ("GET", "/api"),
        ("PATCH", "/api/v2/vpc"),
        ("GET", "/api/v2/vpc/1/resources/2"),
        ("GET", "/api/v2/vpc/ GET"),
        ("GET", "/api/v2/vpc/one"),
        ("GET", "/api/v2/vnet/-1"),
        ("GET", "/api/v2/nat/99999999999999999999999"),
        ("GET", "/api/v2/ipam/hosts/x"),
        ("DELETE", "/api/v2/ipam/subnet/x"),
        ("DELETE", "/api/v2/hw/switch/Server-1"),
        ("PUT", "/api/v2/ebgp/77"),
    ],
)
def test_paths_that_lead_nowhere_are_404(netris, method, path):
    netris.refused(404, method, path, {} if method == "PUT" else None)


def test_odd_queries_are_answered(netris):
    for query in ("filterByVpc=", "filterByVpc=x", "filterByVpc=1,,x", "filterByVpc[0]=1", "=&&&=", "limit=x&page=-1"):
        for path in ("/api/v2/vnet", "/api/v2/ipam", "/api/v2/ports", "/api/v2/nat"):
            assert netris.http.get(f"{path}?{query}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "forget"),
        ("POST", "change"),
        ("POST", "pace"),
        ("POST", "members"),
        ("POST", "faults"),
        ("POST", "clock"),
        ("POST", "devices//kill"),
        ("POST", "devices/%00/revive"),
        ("PATCH", "pace"),
        ("GET", "nowhere"),
    ],
)
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b'{"table": "vnet", "id": 1, "fields": []}', b"\xff"])
def test_nonsense_to_the_control_endpoint_is_refused(netris, method, path, body):
    assert netris.http.request(method, f"/_sandbox/{path}", content=body).status_code in (400, 404)
    _lists_still_answer(netris)


# On a port


@pytest.fixture
def served(netris):
    server = serve(netris.app)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET",
        b"POST /api/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{",
        b"POST /api/auth HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
        b"POST /api/auth HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n{}",
        b"POST /api/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"BREW /api/auth HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_half_a_request_harms_nobody(netris, served, sent):
    with socket.create_connection(("127.0.0.1", served.server_address[1]), timeout=5) as caller:
        caller.sendall(sent)
        with contextlib.suppress(OSError):
            caller.shutdown(socket.SHUT_WR)
            answer = caller.recv(65536)
            assert b"Traceback" not in answer
            assert not answer.startswith(b"HTTP/1.1 500")

    assert httpx.post(f"{served.url}/api/auth", json=LOGIN).status_code == 200


def test_two_hundred_clients_at_once_are_all_served(netris, served):
    """Each logs in, writes, reads and cleans up; numbers are given out once."""

    context = ssl.create_default_context()  # making one for each client would take most of the time

    def work(number):
        with httpx.Client(base_url=served.url, timeout=60, verify=context) as client:
            statuses = [client.post("/api/auth", json=LOGIN).status_code]
            made = client.post("/api/v2/vpc", json={"name": f"vpc-{number}", "adminTenant": TENANT})
            vpc = made.json()["data"]
            answers = [
                made,
                client.post("/api/v2/vpc", json={"name": f"vpc-{number}", "adminTenant": TENANT}),
                client.get("/api/v2/vpc"),
                client.post("/api/graphite?target=collectd.*.conntrack.conntrack"),
                client.post("/api/v2/vnet", content=b"{"),
            ]
            if number % 2:
                answers.append(client.delete(f"/api/v2/vpc/{vpc['id']}"))
            return vpc["vni"], [*statuses, *(answer.status_code for answer in answers)]

    with ThreadPoolExecutor(200) as clients:
        done = list(clients.map(work, range(200)))

    assert {tuple(statuses[:6]) for _, statuses in done} == {(200, 200, 400, 200, 200, 400)}
    assert {statuses[6] for _, statuses in done if len(statuses) > 6} == {200}
    rows = netris.get("/api/v2/vpc")
    assert len(rows) == len({row["vni"] for row in rows}) == 101
