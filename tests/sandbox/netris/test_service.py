"""The Netris controller as a service: sessions, envelope, faults, orders, restarts (netris-api.md 1)."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from sandbox.kit.http import serve
from sandbox.kit.store import Store
from tests.sandbox.controller import LOGIN, TENANT, Controller


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

    def ask() -> None:
        netris.get("/api/v2/nat")
        done.set()

    threading.Thread(target=ask, daemon=True).start()

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
