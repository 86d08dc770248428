"""The control endpoints of both services: what is ordered happens, what cannot be is refused and changes nothing."""

import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import pytest

from sandbox import store as stores
from sandbox.cloudstack.catalogue import CATALOGUE
from sandbox.control import is_ours
from sandbox.faults import Faults, Kind
from sandbox.http import request_of
from sandbox.pace import CLOUDSTACK, Pace
from sandbox.store import OtherSchemaError, Store
from sandbox.world import World
from tests.sandbox.cloudstack_client import Refused, client_of, root_of

SIDES = ("cloudstack", "netris")


def http_of(world, side):
    return client_of(world) if side == "cloudstack" else _operator(world)


def _operator(world):
    client = httpx.Client(transport=world.netris_transport(), base_url="http://netris.test")
    client.post("/api/auth", json={"user": "sandbox", "password": "sandbox", "auth_scheme_id": 1}).raise_for_status()
    return client


def order(http, path, **body):
    response = http.post(f"/_sandbox/{path}", json=body)
    assert response.is_success, response.text
    return response.json()


def stored(world, side):
    """Every row of a service, but for its counters and chores."""
    store = (world.cloudstack.cloud if side == "cloudstack" else world.netris.net).store
    with store.lock:
        return json.dumps({table.name: list(table.rows.values()) for table in store.tables if table.name != "fact"})


def data(netris, path):
    return netris.get(path).json()["data"]


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
    netris, vnet = _operator(world), list(world.netris.net.vnets)[-1]
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
    struck = []

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


def plain_lists():
    """The list commands that nothing must be said to."""
    for command in CATALOGUE.values():
        if command.is_list and not any(parameter.is_required for parameter in command.parameters.values()):
            yield command.name


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


def timed(ask):
    started = time.monotonic()
    ask()
    return time.monotonic() - started


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


# Sessions and restarts


def log_in(http):
    sent = {"command": "login", "username": "admin", "password": "password", "response": "json"}
    key = http.post("/client/api", data=sent).json()["loginresponse"]["sessionkey"]
    return {"command": "listZones", "response": "json", "sessionkey": key}


@pytest.mark.parametrize("path", ["sessions/end", "restart"])
def test_browser_sessions_end(world, path):
    http = client_of(world)
    asked = log_in(http)
    assert http.get("/client/api", params=asked).status_code == 200

    order(http, path)

    assert http.get("/client/api", params=asked).status_code == 401


def test_browser_sessions_do_not_outlive_the_process(tmp_path):
    first = World(state_dir=tmp_path)
    http = client_of(first)
    asked = log_in(http)
    first.close()

    second = World(state_dir=tmp_path)
    answer = httpx.Client(transport=second.cloudstack_transport(), base_url="http://cloudstack.test").get(
        "/client/api", params=asked, headers={"Cookie": f"JSESSIONID={http.cookies['JSESSIONID']}"}
    )
    second.close()

    assert answer.status_code == 401


def test_a_restarted_netris_has_its_objects_and_no_sessions(world, root):
    netris = _operator(world)
    root.vpc()
    before = data(netris, "/api/v2/vpc")

    order(netris, "restart")

    assert netris.get("/api/v2/vpc").status_code == 401
    assert data(_operator(world), "/api/v2/vpc") == before


def test_a_restarted_management_server_logs_in_to_netris_again_quirk_22(world, root):
    order(_operator(world), "restart")
    vpc = root.list("listVPCOfferings", name="NAT")[0]["id"]
    given = {"cidr": "10.0.0.0/16", "zoneid": root.zone, "vpcofferingid": vpc}
    assert root.job("createVPC", name="x", **given)["jobstatus"] == 2

    order(root.http, "restart")

    assert root.job("createVPC", name="y", **given)["jobstatus"] == 1


def start_vpc(root, name="prod"):
    offering = root.list("listVPCOfferings", name="NAT")[0]["id"]
    return root("createVPC", name=name, cidr="10.10.0.0/16", zoneid=root.zone, vpcofferingid=offering)


def assert_lost(job):
    assert (job["jobstatus"], job["jobresultcode"]) == (2, 530)
    assert not {"jobresult", "jobresulttype"} & job.keys()
    assert "completed" in job


def test_a_restart_loses_the_jobs_that_wait_for_their_turn_2_2():
    world = World(job_seconds=5)
    root = root_of(world)
    first = start_vpc(root)
    queued = [root("updateVPC", id=first["id"], name=name)["jobid"] for name in "ab"]

    order(root.http, "restart")
    world.clock.advance(60)

    assert not world.cloudstack.jobs.has_due()
    for job in (first["jobid"], *queued):
        assert_lost(root("queryAsyncJobResult", jobid=job))
    (vpc,) = root.list("listVPCs")
    assert (vpc["name"], vpc["state"]) == ("prod", "Enabled")
    assert "jobid" not in vpc
    assert not [row for row in data(_operator(world), "/api/v2/vpc") if row["name"].startswith("D1-")]
    later = root("deleteVPC", id=vpc["id"])["jobid"]
    world.clock.advance(60)
    assert root("queryAsyncJobResult", jobid=later)["jobstatus"] == 1
    assert world.are_empty()


@contextmanager
def at_the_call(world, method, path, then):
    """Once, just before the plugin's call reaches Netris."""
    client, waiting = world.cloudstack.cloud.plugin.client, [then]

    def listen(request):
        if (request.method, request.url.path) == (method, path) and waiting:
            waiting.pop()()

    client.event_hooks = {"request": [listen]}
    yield
    client.event_hooks = {}
    assert not waiting


def test_a_job_in_the_middle_of_its_work_leaves_it_there_2_2(world, root):
    """The call that is under way still reaches Netris; nothing comes after it, and the lost job stays lost."""
    with at_the_call(world, "POST", "/api/v2/ipam/allocation", lambda: order(client_of(world), "restart")):
        job = root("queryAsyncJobResult", jobid=start_vpc(root)["jobid"])

    assert_lost(job)
    (vpc,) = root.list("listVPCs")
    assert vpc["state"] == "Enabled"
    (router,) = root.list("listRouters")
    assert router["state"] == "Stopped"
    netris = _operator(world)
    assert [row["name"] for row in data(netris, "/api/v2/vpc") if row["name"].startswith("D1")] == ["D1-A2-Z1-V1-prod"]
    assert world.netris.control.calls["POST /api/v2/ipam/allocation"] == 1
    assert [row["name"] for row in data(netris, "/api/v2/nat") if row["name"].startswith("D1")] == []
    root.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()


def test_a_job_whose_last_call_has_been_made_is_lost_as_well_2_2(world, root):
    with at_the_call(world, "POST", "/api/v2/nat", lambda: order(client_of(world), "restart")):
        job = root("queryAsyncJobResult", jobid=start_vpc(root)["jobid"])

    assert_lost(job)
    assert world.netris.control.calls["POST /api/v2/nat"] == 1
    (vpc,) = world.cloudstack.cloud.table("vpc")
    assert vpc["is_started"] is False
    assert [router["state"] for router in root.list("listRouters")] == ["Stopped"]
    root.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()


def test_a_job_that_a_worker_has_but_not_begun_is_lost_as_well_2_2(world, root):
    world.cloudstack.runs_jobs_itself = False
    started = start_vpc(root)["jobid"]
    with world.cloudstack.cloud.lock:
        (job,) = world.cloudstack.jobs.claim_due()

    order(root.http, "restart")
    world.cloudstack.run_job(job)

    assert_lost(root("queryAsyncJobResult", jobid=started))
    assert world.netris.control.calls["POST /api/v2/vpc"] == 0


def test_a_call_in_the_middle_of_its_work_gets_no_answer_and_leaves_its_row_5_5(world, root):
    vpc = root.vpc()

    with (
        at_the_call(world, "POST", "/api/v2/ipam/subnet", lambda: order(client_of(world), "restart")),
        pytest.raises(httpx.ReadError),
    ):
        root.tier(vpc)

    (tier,) = root.list("listNetworks")
    assert (tier["state"], tier["broadcasturi"][:9]) == ("Allocated", "netris://")
    assert world.netris.control.calls["POST /api/v2/vnet"] == 0
    root.done("deleteNetwork", id=tier["id"])
    root.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()


@pytest.mark.parametrize("again", ["restart", "reconnect"])
def test_a_restart_during_a_restart_leaves_one_server_that_works(world, root, again):
    with at_the_call(world, "POST", "/api/auth", lambda: order(client_of(world), again)):
        order(root.http, "restart")

    root.vpc()
    assert root.list("listHosts", type="L2Networking")[0]["state"] == "Up"


def test_chores_that_a_restart_interrupts_are_done_later(world, root):
    root("listZones")
    world.clock.advance(120)

    with at_the_call(world, "GET", "/api/auth", lambda: order(client_of(world), "restart")):
        assert root("listZones")["count"] == 1

    world.clock.advance(120)
    assert root.list("listHosts", type="L2Networking")[0]["state"] == "Up"


def test_a_served_management_server_restarts_under_a_working_job(tmp_path):
    world = World(state_dir=tmp_path)
    cloudstack, netris = (httpx.Client(base_url=server.url, timeout=30) for server in world.serve())
    keys = world.cloudstack.cloud.table("user").find(username="admin")
    root = root_of(world)
    root.http, (root.key, root.secret) = cloudstack, (keys["apikey"], keys["secretkey"])
    order(netris, "faults", kind="slow", call="POST /api/v2/vpc", seconds=1.5, times=1)
    started = start_vpc(root)
    deadline = time.monotonic() + 10
    while netris.get("/_sandbox/faults").json() and time.monotonic() < deadline:
        time.sleep(0.02)

    assert timed(lambda: order(cloudstack, "restart")) < 1.2
    assert_lost(root("queryAsyncJobResult", jobid=started["jobid"]))
    time.sleep(1.8)

    assert_lost(root("queryAsyncJobResult", jobid=started["jobid"]))
    calls = netris.get("/_sandbox/calls").json()
    assert (calls["POST /api/v2/vpc"], calls.get("POST /api/v2/ipam/allocation")) == (1, None)
    assert world.cloudstack.cloud.table("vpc").get(started["id"])["is_started"] is False
    assert cloudstack.get("/_sandbox/calls").json()["createVPC"] == 1
    for client in (cloudstack, netris):
        client.close()
    world.close()


# Doubled VNIs


def test_two_vnets_of_one_vni(world, root):
    netris = _operator(world)
    vpc = root.vpc()
    for number, name in enumerate(("web", "db"), 1):
        root.tier(vpc, name, gateway=f"10.10.{number}.1")
    first, second = (row for row in world.netris.net.vnets if row["name"].startswith("D1-"))

    order(netris, "duplicate-vni", **{"from": first["id"], "to": second["name"]})

    query = f"/api/v2/vnet?filterByVpc={first['vpc']}"
    assert len({row["vxlanID"] for row in data(netris, query)}) == 1
    assert len(data(netris, query)) == 2
    holders = [row for row in data(netris, "/api/v2/reservation/vxlan") if str(first["vxlanID"]) in json.dumps(row)]
    assert len(holders) == 2


@pytest.fixture
def pair(root):
    vpc = root.vpc()
    return [root.tier(vpc, name, gateway=f"10.10.{number}.1") for number, name in enumerate(("web", "db"), 1)]


def shown(root, *tiers):
    rows = {row["id"]: row for row in root.list("listNetworks")}
    return [(rows[tier["id"]].get("broadcasturi"), rows[tier["id"]]["details"]["netrisvxlanid"]) for tier in tiers]


def test_two_tiers_of_one_vni_5_3(world, root, pair):
    number = pair[0]["details"]["netrisvxlanid"]

    order(root.http, "duplicate-vni", **{"from": pair[0]["id"], "to": pair[1]["id"]})

    assert shown(root, *pair) == [(f"netris://{number}", number)] * 2
    taken = root.list("listGuestVlans", allocatedonly="true")
    assert [(row["vlan"], row["network"][0]["id"]) for row in taken] == [(number, pair[0]["id"])]
    for tier in pair[::-1]:
        root.done("deleteNetwork", id=tier["id"])
    assert root("listGuestVlans", allocatedonly="true") == {}


def test_a_collected_tier_s_number_goes_to_another_and_comes_back_5_3(world, root, pair):
    number = pair[0]["details"]["netrisvxlanid"]
    vm = root.machine({"id": pair[0]["id"]})
    root.done("stopVirtualMachine", id=vm["id"])
    world.clock.advance(1300)
    assert shown(root, pair[0]) == [(None, number)]

    order(root.http, "duplicate-vni", **{"from": pair[0]["id"], "to": pair[1]["id"]})

    assert shown(root, *pair) == [(None, number), (f"netris://{number}", number)]
    (taken,) = root.list("listGuestVlans", allocatedonly="true")
    assert (taken["vlan"], taken["network"][0]["id"]) == (number, pair[1]["id"])
    root.done("startVirtualMachine", id=vm["id"])
    assert shown(root, *pair) == [(f"netris://{number}", number)] * 2


# Rows


def test_a_forgotten_vpc_is_gone_and_what_belongs_to_it_is_not(world, root, pair):
    (vpc,) = root.list("listVPCs")
    root.machine(pair[0])

    order(root.http, "forget", table="vpc", id=vpc["id"])

    assert root("listVPCs") == root("listVPCs", id=vpc["id"]) == {}
    assert {row["id"] for row in root.list("listNetworks")} == {tier["id"] for tier in pair}
    assert root.list("listVirtualMachines")[0]["nic"][0]["vpcname"] == vpc["name"]
    with pytest.raises(Refused) as refused:
        root("deleteVPC", id=vpc["id"])
    assert refused.value.status == 431
    assert "D1-A2-Z1-V1-prod" in [row["name"] for row in data(_operator(world), "/api/v2/vpc")]


def test_a_forgotten_row_does_not_come_back(world, root, pair):
    vm = root.machine(pair[0])
    order(root.http, "forget", table="network", id=pair[0]["id"])

    root.done("stopVirtualMachine", id=vm["id"])

    assert [row["id"] for row in root.list("listNetworks")] == [pair[1]["id"]]


def test_every_list_is_answered_whatever_was_forgotten(world, root, pair):
    root.machine(pair[0])
    control, http = world.cloudstack.control, root.http
    for table in sorted(control.tables):
        rows = [row for row in control.tables[table] if not row.get("isdefault") and table not in ("domain", "role")]
        for row in rows[-2:]:
            http.post("/_sandbox/forget", json={"table": table, "id": row["id"]})
    for command in plain_lists():
        assert root.send(command).status_code in (200, 431), command


@pytest.mark.parametrize("table", ["zone", "physicalnetwork", "managementserver"])
def test_nobody_forgets_what_everything_rests_on(world, root, table):
    row = next(iter(world.cloudstack.control.tables[table]))

    response = root.http.post("/_sandbox/forget", json={"table": table, "id": row["id"]})

    assert (response.status_code, response.json()["message"]) == (400, "id: nothing works without this row")


def test_a_row_of_cloudstack_is_other_than_anybody_left_it(world, root, pair):
    order(root.http, "change", table="network", id=pair[0]["id"], fields={"name": "changed", "state": "Shutdown"})

    found = root.list("listNetworks", id=pair[0]["id"])[0]
    assert (found["name"], found["state"]) == ("changed", "Shutdown")
    assert root.list("listNetworks", name="changed")[0]["id"] == pair[0]["id"]


def test_a_row_of_netris_is_other_than_anybody_left_it(world, root, pair):
    netris = _operator(world)
    port = next(row for row in world.netris.net.ports if row["name"] == "swp1@Leaf-1")
    for carrier in (False, None):
        order(netris, "change", table="port", id=port["id"], fields={"carrier": carrier})
    session = next(iter(world.netris.net.sessions))
    order(netris, "change", table="ebgp", id=session["id"], fields={"peerState": "Idle", "peerPrefixes": 0})

    assert data(netris, f"/api/v2/ebgp/{session['id']}")["bgp_state"] == "Idle"


def test_the_clock_is_moved(world, root):
    before = world.clock.now()

    moved = order(root.http, "clock", advance=90)

    assert moved["now"] - before == pytest.approx(90, abs=1)
    assert root.http.post("/_sandbox/clock", json={"advance": 4e9}).status_code == 400


# State that is kept


def write_schema(path, version):
    with sqlite3.connect(path) as database:
        if version is None:
            database.execute("DELETE FROM row WHERE tab = 'fact' AND key = '\"schema\"'")
        else:
            body = json.dumps({"id": "schema", "version": version})
            database.execute("UPDATE row SET body = ? WHERE tab = 'fact' AND key = '\"schema\"'", (body,))
    database.close()


def start(state_dir):
    environment = {**os.environ, **{f"SANDBOX_{name}": "x" for name in ("CLOUDSTACK_API_KEY", "CLOUDSTACK_SECRET_KEY")}}
    command = ["-m", "sandbox", "--state-dir", state_dir, "--cloudstack-port", "0", "--netris-port", "0"]
    return subprocess.run(
        [sys.executable, *map(str, command)], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("version", [None, stores.SCHEMA - 1, stores.SCHEMA + 1, "noise"])
def test_the_state_of_another_version_stops_the_start_in_one_line(tmp_path, side, version):
    World(state_dir=tmp_path).close()
    path = tmp_path / f"{side}.sqlite3"
    if version == "noise":
        for each in tmp_path.iterdir():
            each.unlink()
        path.write_bytes(b"noise" * 1000)
    else:
        write_schema(path, version)
    kept = path.read_bytes()

    ended = start(tmp_path)

    assert ended.returncode == 2
    assert ended.stderr == (
        f"python -m sandbox: {path} was not written by this version of the sandbox: delete {tmp_path} to start anew\n"
    )
    assert path.read_bytes() == kept


def test_a_state_is_read_by_the_version_that_wrote_it(tmp_path):
    for _ in range(2):
        World(state_dir=tmp_path).close()

    write_schema(tmp_path / "netris.sqlite3", stores.SCHEMA - 1)
    with pytest.raises(OtherSchemaError):
        World(state_dir=tmp_path)


def test_what_fails_in_one_go_leaves_the_file_as_it_was(tmp_path):
    store = Store(tmp_path / "store")
    store["vpc"].put({"id": 1})

    def fail():
        with store.in_one_go():
            store["vpc"].put({"id": 2})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.in_one_go():
        store["vpc"].put({"id": 3})
    store.close()

    again = Store(tmp_path / "store")
    assert list(again["vpc"].rows) == [1, 3]
    again.close()


def test_a_start_that_was_killed_in_the_middle_is_a_new_start(tmp_path):
    """Planting is one transaction: a file either has all of it, or only says which version it is of."""
    for name in SIDES:
        Store(tmp_path / f"{name}.sqlite3").close()

    world = World(state_dir=tmp_path)

    assert root_of(world)("listHosts")["count"] == 4
    assert len(data(_operator(world), "/api/v2/hw")) == 13
    world.close()


SCHEMA_AND_ROWS = (5, "262bbea657c722ed")


def test_rows_of_other_fields_have_another_schema():
    """Of all tables of a world with one of most things, the fields that any row has. A changed digest is a changed row:
    raise `store.SCHEMA` unless no release has had it yet, and note the digest here."""
    world = World()
    root = root_of(world)
    acme = root.account("acme", root.domain("acme"))
    vpc = acme.vpc()
    acl = acme.done("createNetworkACLList", name="acl", vpcid=vpc["id"])["networkacllist"]
    acme.done("createNetworkACL", aclid=acl["id"], protocol="all")
    tier = acme.tier(vpc, aclid=acl["id"])
    vm = acme.machine(tier)
    free = acme.list("listPublicIpAddresses", state="Free", forprovider="true")
    first, second = (
        acme.done("associateIpAddress", vpcid=vpc["id"], ipaddress=each["ipaddress"])["ipaddress"] for each in free[:2]
    )
    acme("enableStaticNat", ipaddressid=first["id"], virtualmachineid=vm["id"], networkid=tier["id"])
    balancer = acme.done(
        "createLoadBalancerRule",
        **{"publicipid": second["id"], "networkid": tier["id"], "name": "lb", "algorithm": "roundrobin"},
        **{"publicport": 80, "privateport": 80},
    )["loadbalancer"]
    acme.done("assignToLoadBalancerRule", id=balancer["id"], virtualmachineids=vm["id"])
    tables = [
        (side, table.name, sorted({field for row in table for field in row}))
        for side, store in (("cloudstack", world.cloudstack.cloud.store), ("netris", world.netris.net.store))
        for table in sorted(store.tables, key=lambda table: table.name)
        if len(table) and table.name != "fact"
    ]

    assert (stores.SCHEMA, hashlib.sha256(json.dumps(tables).encode()).hexdigest()[:16]) == SCHEMA_AND_ROWS
