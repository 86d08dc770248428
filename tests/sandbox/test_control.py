"""The control endpoints of both services: what is ordered happens, what cannot be is refused and changes nothing."""

import json
import socket
import threading
import time

import httpx
import pytest

from sandbox.kit.control import is_ours
from sandbox.kit.faults import Faults, Kind
from sandbox.kit.http import request_of
from sandbox.kit.pace import CLOUDSTACK, Pace
from sandbox.world import World
from tests.sandbox.cloudstack.client import Refused, client_of, root_of
from tests.sandbox.control import SIDES, data, http_of, order, plain_lists, stored, timed
from tests.sandbox.controller import operator_of

# Orders that make no sense

NO_JSON = [b"", b"{", b"[]", b"null", b'"x"', b"7", b"\xff", b"[" * 100_000, b'{"kind": "down", "text": "\\ud800"}']
BAD_FAULTS = [
    {},
    {"call": "*"},
    {"kind": "explode"},
    {"kind": None},
    {"kind": ["down"]},
    {"kind": "down", "nose": 1},
    {"kind": "down", "call": "createVPCC"},
    {"kind": "down", "call": "POST /api/v2/vpcs"},
    {"kind": "down", "call": None},
    {"kind": "down", "call": ["*"]},
    {"kind": "down", "call": {}},
    {"kind": "down", "call": ""},
    {"kind": "down", "call": "x" * 1_000_000},
    {"kind": "down", "times": 0},
    {"kind": "down", "times": -1},
    {"kind": "down", "times": 1.5},
    {"kind": "down", "times": True},
    {"kind": "down", "times": "1"},
    {"kind": "slow"},
    {"kind": "slow", "seconds": 0},
    {"kind": "slow", "seconds": -1},
    {"kind": "slow", "seconds": 601},
    {"kind": "slow", "seconds": "1"},
    {"kind": "slow", "seconds": None},
    {"kind": "slow", "seconds": True},
    {"kind": "slow", "seconds": float("nan")},
    {"kind": "slow", "seconds": float("inf")},
    {"kind": "refuse", "text": 5},
    {"kind": "refuse", "text": None},
    {"kind": "fail_job", "call": "listVPCs"},
    {"kind": "fail_job", "call": "GET /api/v2/vpc"},
]
BAD_PACES = [
    {},
    {"seconds": "1"},
    {"seconds": True},
    {"seconds": -0.1},
    {"seconds": 61},
    {"seconds": float("nan")},
    {"seconds": float("-inf")},
    {"seconds": None},
    {"seconds": 1, "call": 5},
    {"seconds": 1, "call": "createVPC"},
    {"seconds": 1, "call": "POST /api/v2/vpc"},
    {"seconds": 1, "nose": 1},
    {"as_reported": False},
    {"as_reported": 1},
    {"as_reported": True, "seconds": 1},
]
BAD_AIMS = [
    {},
    {"table": "vpc"},
    {"id": 1},
    {"table": "spoon", "id": 1},
    {"table": ["vpc"], "id": 1},
    {"table": None, "id": 1},
    {"table": "vpc", "id": 99},
    {"table": "vpc", "id": "99"},
    {"table": "vpc", "id": None},
    {"table": "vpc", "id": True},
    {"table": "vpc", "id": [1]},
    {"table": "vpc", "id": {}},
    {"table": "vpc", "id": 1.0},
    {"table": "fact", "id": "start"},
    {"table": "session", "id": "x"},
]
BAD_PAIRS = [
    {},
    {"from": 1},
    {"from": 1, "to": 1},
    {"from": 99, "to": 98},
    {"from": [], "to": {}},
    {"from": "x", "to": 1},
]
BAD_CLOCKS = [{}, {"advance": "1"}, {"advance": -1}, {"advance": float("nan")}, {"advance": 1e300}, {"advance": True}]
BAD_ORDERS = [
    *[(path, body) for path in ("faults", "pace", "forget", "change", "clock", "duplicate-vni") for body in NO_JSON],
    *[("faults", body) for body in BAD_FAULTS],
    *[("pace", body) for body in BAD_PACES],
    *[("forget", body) for body in BAD_AIMS],
    *[("change", body | {"fields": {"name": "x"}}) for body in BAD_AIMS],
    *[("duplicate-vni", body) for body in BAD_PAIRS],
    *[("clock", body) for body in BAD_CLOCKS],
]


@pytest.fixture(scope="module")
def served():
    """A world on ports, in which there is something to break: its clients by side."""
    world = World()
    root = root_of(world)
    vpc = root.vpc()
    root.tier(vpc)
    servers = world.serve()
    clients = {side: httpx.Client(base_url=server.url, timeout=10) for side, server in zip(SIDES, servers, strict=True)}
    yield world, clients
    for client in clients.values():
        client.close()
    world.close()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("path", "body"), BAD_ORDERS, ids=lambda value: str(value)[:40])
def test_an_order_that_makes_no_sense_is_refused_with_words_and_changes_nothing(served, side, path, body):
    world, clients = served
    http, control = clients[side], getattr(world, side).control
    before, ahead = stored(world, side), world.clock.now() - time.time()

    response = http.post(f"/_sandbox/{path}", content=body if isinstance(body, bytes) else json.dumps(body))

    assert response.status_code == 400
    assert 10 < len(response.json()["message"]) < 3000
    assert stored(world, side) == before
    assert (control.faults.as_list(), control.pace.seconds) == ([], {})
    assert world.clock.now() - time.time() == pytest.approx(ahead, abs=0.01)


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        {},
        {"nose": 1},
        {"id": 7},
        {"name": 7},
        {"name": None},
        {"name": ["x"]},
        {"number": "x", "vlan": "x"},
        {"number": 1.5, "vlan": 1.5},
        {"gateways": [7], "cidr": 7},
        {"gateways": [{"prefix": 7}], "cidr": ["x"]},
        {"gateways": {"prefix": "x"}, "cidr": {}},
    ],
)
@pytest.mark.parametrize("side", SIDES)
def test_fields_are_not_changed_to_what_no_row_looks_like(served, side, fields):
    world, clients = served
    table = "network" if side == "cloudstack" else "vnet"
    row = list(getattr(world, side).control.tables[table])[-1]
    before = stored(world, side)

    response = clients[side].post("/_sandbox/change", json={"table": table, "id": row["id"], "fields": fields})

    assert response.status_code == 400
    assert response.json()["message"].startswith("fields: ")
    assert stored(world, side) == before


def test_fields_that_the_controller_cannot_live_with_are_put_back(served):
    world, clients = served
    netris, vnet = operator_of(world), list(world.netris.net.vnets)[-1]
    before, rows = stored(world, "netris"), data(netris, "/api/v2/vnet")
    gateways = [{**vnet["gateways"][0], "prefix": "nonsense"}]

    response = clients["netris"].post(
        "/_sandbox/change", json={"table": "vnet", "id": vnet["id"], "fields": {"name": "x", "gateways": gateways}}
    )

    assert response.status_code == 400
    assert "nonsense" in response.json()["message"]
    assert stored(world, "netris") == before
    assert data(netris, "/api/v2/vnet") == rows
    assert world.netris.net.vnets.one("name", "x") is None


@pytest.mark.parametrize(
    ("side", "call", "near"),
    [
        ("cloudstack", "createVpc", "createVPC"),
        ("cloudstack", "listPublicIPAddresses", "listPublicIpAddresses"),
        ("netris", "POST /api/v2/vpcs", "POST /api/v2/vpc"),
        ("netris", "DELETE /api/v2/vpc/5", "DELETE /api/v2/vpc/{id}"),
        ("netris", "createVPC", None),
    ],
)
def test_the_refusal_of_an_unknown_call_names_those_that_are_like_it(served, side, call, near):
    _, clients = served

    message = clients[side].post("/_sandbox/faults", json={"kind": "down", "call": call}).json()["message"]

    assert (f"did you mean {near}" if near else call) in message


def test_netris_has_no_jobs_that_could_fail(served):
    _, clients = served

    response = clients["netris"].post("/_sandbox/faults", json={"kind": "fail_job"})

    assert response.status_code == 400
    assert "CloudStack" in response.json()["message"]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "nowhere"), ("PUT", "faults"), ("GET", "restart"), ("POST", "health")]
)
def test_there_is_nothing_else(served, side, method, path):
    _, clients = served

    assert clients[side].request(method, f"/_sandbox/{path}").status_code == 404


# Who may order


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "LOCALHOST:8096"}, 200),
        ({"Host": "[::1]:8096"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8096"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "localhost@evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "localhost:8096", "Origin": "http://localhost:8096"}, 200),
        ({"Host": "localhost:8096", "Origin": "http://localhost:8000"}, 403),
        ({"Host": "localhost:8096", "Origin": "https://evil.example"}, 403),
        ({"Host": "localhost:8096", "Origin": "null"}, 403),
    ],
)
def test_pages_in_a_browser_cannot_order_anything(served, side, headers, status):
    world, clients = served

    response = clients[side].post("/_sandbox/faults", headers=headers, json={"kind": "down", "call": "*"})
    world.cloudstack.faults.clear()
    world.netris.faults.clear()

    assert response.status_code == (201 if status == 200 else status)


def test_a_program_of_before_host_names_may_order(served):
    _, clients = served
    with socket.create_connection((clients["netris"].base_url.host, clients["netris"].base_url.port)) as caller:
        caller.sendall(b"GET /_sandbox/health HTTP/1.0\r\n\r\n")
        assert b" 200 " in caller.recv(1000).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("peer", "is_answered"), [(None, True), ("127.0.0.1", True), ("10.0.0.5", False), ("203.0.113.9", False)]
)
def test_callers_on_other_machines_are_refused(peer, is_answered):
    assert is_ours(request_of("GET", "/_sandbox/health", {}, b"", peer=peer)) is is_answered


def test_the_services_are_on_one_loopback_address_alone(served):
    _, clients = served
    for client in clients.values():
        assert client.base_url.host == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", client.base_url.port), timeout=2)


# Faults


def test_logging_in_can_be_refused_like_any_other_call(world):
    http = client_of(world)
    order(http, "faults", kind="refuse", call="login", times=1, text="not today")
    sent = {"command": "login", "username": "admin", "password": "password", "response": "json"}

    refused, welcome = (http.post("/client/api", data=sent) for _ in range(2))

    assert (refused.status_code, refused.json()["loginresponse"]["errortext"]) == (530, "not today")
    assert welcome.status_code == 200


@pytest.mark.parametrize("side", SIDES)
def test_a_refused_call_has_no_reply_that_could_be_lost(world, root, side):
    http = http_of(world, side)
    call, good = ("listZones", lambda: root("listZones")) if side == "cloudstack" else ("GET /api/v2/vpc", None)
    ask = good or (lambda: http.get("/api/v2/vpc").raise_for_status())
    order(http, "faults", kind="refuse", call=call, times=1)
    order(http, "faults", kind="lose_reply", call=call, times=1)

    with pytest.raises((Refused, httpx.HTTPStatusError)):
        ask()
    with pytest.raises(httpx.ReadError):
        ask()
    ask()


def test_a_fault_strikes_as_often_as_ordered_however_many_ask():
    faults = Faults(["listZones"])
    faults.order("refuse", times=500)
    struck: list[bool] = []

    def ask():
        struck.extend(bool(faults.strikes(Kind.REFUSE, "listZones")) for _ in range(200))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (struck.count(True), faults.as_list()) == (500, [])


# Pace


class Recorder(Pace):
    """Notes what would be waited for."""

    def __init__(self):
        super().__init__(CLOUDSTACK, [])
        self.noted = []

    def wait(self, call, count):
        self.noted.append((call, count))


@pytest.mark.parametrize("command", sorted(plain_lists()))
def test_every_list_takes_its_time_for_what_it_lists(served, command):
    world, _ = served
    root, usual = root_of(world), world.cloudstack.pace
    world.cloudstack.pace = recorder = Recorder()
    try:
        listed = root.list(command)
    except Refused:
        listed = []
    finally:
        world.cloudstack.pace = usual

    assert recorder.noted[-1] == (command, len(listed))


def test_a_page_takes_the_time_of_its_own_objects(world, root):
    order(root.http, "pace", seconds=0.1, call="listHosts")

    assert timed(lambda: root("listHosts")) >= 4 * 0.1
    assert 0.2 <= timed(lambda: root("listHosts", page=1, pagesize=2)) < 0.4
    assert timed(lambda: root("listZones")) < 0.1
    assert root.http.get("/_sandbox/pace").json() == {"listHosts": 0.1}
    assert root.http.delete("/_sandbox/pace").json() == {}
    assert timed(lambda: root("listHosts")) < 0.2


def test_the_pace_is_as_reported_when_told_so(world, root):
    order(root.http, "pace", as_reported=True)

    pace = world.cloudstack.pace
    assert pace.of("listNetworks", 25_000) == pytest.approx(43.6)
    assert pace.of("listAccounts", 25_000) == pytest.approx(49.6)
    assert pace.of("listZones", 25_000) == 0


def test_others_are_served_while_a_list_takes_its_time(world, root):
    order(root.http, "pace", seconds=0.3, call="listHosts")
    slow = threading.Thread(target=lambda: root("listHosts"))
    slow.start()
    time.sleep(0.2)

    assert timed(lambda: root_of(world).vpc()) < 0.6
    assert slow.is_alive()
    slow.join()
