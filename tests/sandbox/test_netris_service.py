"""The Netris controller as a service: sessions, envelope, faults, orders, restarts (netris-api.md 1)."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from sandbox.http import serve
from sandbox.store import Store
from tests.sandbox.controller import LOGIN, SYSTEM, TENANT, Controller


@pytest.fixture
def netris() -> Controller:
    return Controller()


# 1.2 Login


@pytest.mark.parametrize("scheme", [{"auth_scheme_id": 1}, {"authSchemeID": 1}, {}])
def test_a_login_takes_both_spellings_of_the_scheme_and_none(netris, scheme):
    response = netris.http.post("/api/auth", json=LOGIN | scheme)

    assert response.status_code == 200
    assert response.json() == {
        "data": {
            "user_id": 1,
            "login": "portal",
            "mandatoryPasswordChange": False,
            "name": "portal",
            "email": "portal@example.net",
        },
        "errors": {},
        "message": "",
        "isSuccess": True,
        "meta": {"apiVersion": "2", "statusCode": 200},
    }


@pytest.mark.parametrize(
    ("status", "login"),
    [
        (401, {"user": "portal", "password": "wrong"}),
        (401, {"user": "nobody", "password": "s3cret"}),
        (401, LOGIN | {"auth_scheme_id": 7}),
        (403, {"user": "portal"}),
        (400, {"user": "portal", "password": ["s3cret"]}),
    ],
)
def test_a_wrong_login_is_refused(netris, status, login):
    netris.refused(status, "POST", "/api/auth", login)


def test_the_cookie_is_http_only_and_its_header_keeps_its_spelling(netris):
    server = serve(netris.app)
    try:
        with httpx.Client(base_url=server.url) as client:
            response = client.post("/api/auth", json=LOGIN)
            raw = {name: value for name, value in response.headers.raw if name.lower() == b"set-cookie"}
            assert list(raw) == [b"Set-Cookie"]
            assert raw[b"Set-Cookie"].startswith(b"connect.sid=")
            assert b"HttpOnly" in raw[b"Set-Cookie"]
            first = raw[b"Set-Cookie"].split(b";")[0].decode()
        assert httpx.get(f"{server.url}/api/v2/vpc", headers={"Cookie": first}).status_code == 200
    finally:
        server.shutdown()
        server.server_close()


def test_without_a_session_every_call_is_401(netris):
    netris.http.cookies.clear()

    for method, path in (
        ("GET", "/api/auth"),
        ("GET", "/api/v2/vpc"),
        ("POST", "/api/v2/vpc"),
        ("GET", "/api/nowhere"),
    ):
        netris.refused(401, method, path)


def test_a_session_ends_when_it_is_idle_for_too_long():
    netris = Controller(session_seconds=600)
    for _ in range(3):
        netris.wait(500)
        netris.get("/api/auth")

    netris.wait(601)

    netris.refused(401, "GET", "/api/auth")


def test_logging_out_ends_one_session_and_an_order_ends_all(netris):
    other = dict(netris.http.cookies)
    netris.http.cookies.clear()
    netris.login()
    netris.call("POST", "/api/logout")
    netris.refused(401, "GET", "/api/auth")
    netris.http.cookies = httpx.Cookies(other)
    netris.get("/api/auth")

    netris.order("sessions/end")

    netris.refused(401, "GET", "/api/auth")


# Faults


def test_a_refused_call_changes_nothing_and_is_named_without_ids(netris):
    made = netris.vpc()
    netris.order("faults", kind="refuse", call="PUT /api/v2/vpc/{id}", times=1, text="Not today")

    envelope = netris.refused(400, "PUT", f"/api/v2/vpc/{made['id']}", {"name": "other"})

    assert envelope["message"] == "Not today"
    assert netris.get(f"/api/v2/vpc/{made['id']}")["name"] == "acme"
    netris.put(f"/api/v2/vpc/{made['id']}", name="other")


def test_a_lost_reply_has_taken_effect(netris):
    netris.order("faults", kind="lose_reply", call="POST /api/v2/vpc", times=1)

    with pytest.raises(httpx.ReadError):
        netris.post("/api/v2/vpc", name="acme", adminTenant=TENANT)

    assert [row["name"] for row in netris.get("/api/v2/vpc")] == ["vpc-1:Default", "acme"]


def test_a_controller_that_is_down_takes_no_call(netris):
    netris.order("faults", kind="down", times=1)

    with pytest.raises(httpx.ConnectError):
        netris.get("/api/auth")

    netris.get("/api/auth")


def test_a_slow_call_does_not_hold_up_the_others(netris):
    netris.order("faults", kind="slow", call="GET /api/v2/vpc", seconds=5, times=1)
    slow = threading.Thread(target=lambda: netris.get("/api/v2/vpc"), daemon=True)
    slow.start()

    done = threading.Event()
    threading.Thread(target=lambda: (netris.get("/api/v2/nat"), done.set()), daemon=True).start()

    assert done.wait(2)
    assert slow.is_alive()


def test_calls_are_counted_by_name(netris):
    netris.vpc()
    netris.http.get("/api/v2/nowhere")

    calls = netris.http.get("/_sandbox/calls").json()

    assert calls["POST /api/v2/vpc"] == 1
    assert calls["unknown"] == 1


# Orders


def test_an_object_can_be_forgotten(netris):
    vpc = netris.vpc()
    subnet = netris.subnet("acme-10.1.1.0/24", "10.1.1.0/24", vpc)
    vnet = netris.vnet("web", vpc, "10.1.1.1/24")

    netris.order("forget", table="vnet", id=vnet)
    netris.order("forget", table="subnet", id=subnet)

    netris.refused(404, "GET", f"/api/v2/vnet/{vnet}")
    assert netris.get("/api/v2/ipam/subnets", filterByVpc=vpc["id"]) == []


def test_a_vni_can_be_given_out_twice_on_order_only(netris):
    vpc = netris.vpc()
    netris.subnet("acme-10.1.1.0/24", "10.1.1.0/24", vpc)
    vnet = netris.vnet("web", vpc, "10.1.1.1/24")

    netris.order("change", table="vnet", id=vnet, fields={"vxlanID": 12})

    assert netris.get(f"/api/v2/vnet/{vnet}")["vxlanID"] == 12
    holders = [row["consumer"]["name"] for row in netris.get("/api/v2/reservation/vxlan") if row["vxlan"] == 12]
    assert holders == ["CloudStack System VMs", "web"]


@pytest.mark.parametrize(
    "order",
    [
        {"table": "vnet", "id": 99},
        {"table": "spoons", "id": 1},
        {"table": "vnet", "id": []},
        {"table": "vnet", "id": 1, "fields": {"nose": 1}},
        {"table": "vnet", "id": 1, "fields": {"id": 7}},
    ],
)
def test_orders_that_make_no_sense_are_refused(netris, order):
    assert netris.http.post("/_sandbox/change", json=order).status_code == 400


def test_an_unknown_device_cannot_be_killed(netris):
    assert netris.http.post("/_sandbox/devices/Leaf-9/kill").status_code == 404


# Restarts


def test_a_restart_keeps_everything_and_plants_nothing_twice(tmp_path: Path):
    store = Store(tmp_path / "netris.db")
    before = Controller(store)
    vpc = before.vpc()
    before.subnet("acme-10.1.1.0/24", "10.1.1.0/24", vpc)
    before.vnet("web", vpc, "10.1.1.1/24", vxlanID=1000001)
    cookies, lists = before.http.cookies, ("/api/v2/vpc", "/api/v2/vnet", "/api/v2/ipam", "/api/v2/nat", "/api/v2/link")
    shown = [before.get(path) for path in lists]
    store.close()

    after = Controller(Store(tmp_path / "netris.db"))
    after.http.cookies = cookies

    assert [after.get(path) for path in lists] == shown
    body = {"name": "other", "vpc": vpc, "tenant": TENANT, "sites": [{"id": 1}], "vxlanID": 1000001}
    assert "vxlanID" in after.refused(400, "POST", "/api/v2/vnet", body)["errors"]
    assert after.refused(400, "POST", "/api/v2/ipam/subnet", _subnet("x", "10.1.1.0/24", vpc))["errors"].keys() == {
        "prefix"
    }


def _subnet(name, prefix, vpc):
    return {
        "name": name,
        "prefix": prefix,
        "purpose": "common",
        "vpc": vpc,
        "tenant": TENANT,
        "sites": [{"id": 1}],
    }


def test_many_threads_may_write_at_once(netris):
    def work(number: int) -> None:
        netris.post("/api/v2/vpc", name=f"vpc-{number}", adminTenant=TENANT)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rows = netris.get("/api/v2/vpc")
    assert len({row["id"] for row in rows}) == len({row["vni"] for row in rows}) == 21


# Hostile clients

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


WRONG = (
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
    good = _good_bodies(netris)[path]
    for name in good:
        for number, value in enumerate(WRONG):
            body = good | {name: value} | ({"name": f"n{number}-{name}"} if name != "name" and "name" in good else {})
            response = netris.http.post(path, content=_dumps(body))
            assert response.status_code in (200, 400, 401, 403, 404), (name, value, response.text)
            response.json()
    for path_of_list in ("/api/v2/vpc", "/api/v2/vnet", "/api/v2/ipam", "/api/v2/nat", "/api/v2/hw", "/api/v2/ebgp"):
        if path != "/api/auth":
            netris.get(path_of_list)


def _dumps(body):
    import json

    return json.dumps(body).encode()


def _good_bodies(netris):
    from tests.sandbox.controller import direct_connect, snat

    vpc, refs = netris.vpc(), {"tenant": TENANT, "site": {"id": 1}}
    netris.subnet("acme-10.1.1.0/24", "10.1.1.0/24", vpc)
    device = {"name": "dev-1", **refs, "mainAddress": "auto", "mgmtAddress": "auto", "asn": "auto", "portCount": 32}
    device |= {"nos": {"tag": "sonic"}, "tags": [], "customData": "{}", "links": [], "maintenanceMode": False}
    return {
        "/api/auth": LOGIN | {"authSchemeID": 1},
        "/api/tenants": {"name": "t", "description": ""},
        "/api/v2/sites": {"name": "s", "publicAsn": 65009, "aclPolicy": "deny", "vlanRange": "2-100"},
        "/api/v2/vpc": {"name": "v", "adminTenant": TENANT, "guestTenant": [TENANT], "tags": ["a"]},
        "/api/v2/vnet": {
            "name": "n",
            "vpc": vpc,
            "tenant": TENANT,
            "sites": [{"id": 1}],
            "guestTenants": [],
            "vlan": "auto",
            "vxlanID": 55,
            "state": "active",
            "vlanAware": False,
            "vlans": "",
            "nativeVlan": 0,
            "l3vpn": False,
            "customAnycastMac": "",
            "ipFamily": "dual",
            "gateways": [{"prefix": "10.1.1.1/24"}],
            "ports": [{"name": "swp20@Leaf-1"}],
            "portTags": [],
            "tags": [],
        },
        "/api/v2/ipam/allocation": {"name": "a", "prefix": "10.2.0.0/16", "vpc": vpc, "tenant": TENANT},
        "/api/v2/ipam/subnet": _subnet("s", "10.1.2.0/24", vpc)
        | {"globalRouting": True, "defaultGateway": "", "tags": []},
        "/api/v2/nat": snat("x", vpc, "203.0.113.34/32", pool=False, comment="", snatToPool=None, dnatToPort=1),
        "/api/v2/l4lb": {
            "name": "lb",
            **refs,
            "vpc": vpc,
            "protocol": "TCP",
            "automatic": False,
            "ip": "198.51.100.9",
            "port": 80,
            "status": "enable",
            "healthCheck": "None",
            "timeOut": "2000",
            "backendIps": [{"ip": "10.1.1.5", "port": 80}],
        },
        "/api/acl": {
            "name": "acl",
            "action": "permit",
            "proto": "tcp",
            "src_prefix": "0.0.0.0/0",
            "dst_prefix": "10.1.1.0/24",
            "src_port_from": 1,
            "dst_port_to": 80,
            "established": 1,
            "icmp_type": None,
            "valid_until": None,
            "vpc": vpc,
        },
        "/api/routes": {"prefix": "10.9.0.0/16", "next_hop": "10.1.1.9", "site_id": 1, "switches": [], "vpc": vpc},
        "/api/v2/ebgp": direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM),
        "/api/v2/hw/switch": device,
        "/api/v2/hw/server": device,
        "/api/v2/hw/softgate": device,
        "/api/v2/link": {
            "local": {"name": "swp20@Leaf-1"},
            "remote": {"name": "eth3@Server-2"},
            "underlay": "disabled",
            "mclagPeerLink": None,
        },
    }


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
