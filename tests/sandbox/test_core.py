"""The core that both emulators share: store, clock, faults, and how they meet their callers."""

import json
import socket
import subprocess
import sys
import threading
from datetime import timedelta

import httpx
import pytest

from sandbox.kit.clock import Clock
from sandbox.kit.faults import Faults, Kind
from sandbox.kit.http import ReplyLost, Response, Unreachable, request_of, serve, transport
from sandbox.kit.store import Store
from sandbox.site import REFERENCE, PublicRange


class Echo:
    def __init__(self):
        self.faults = Faults(["/"])

    def handle(self, request):
        self.faults.meet(request.path)
        if self.faults.strikes(Kind.LOSE_REPLY, request.path):
            raise ReplyLost(request.path)
        return Response.of_json(200, {"method": request.method, "query": request.query, "body": request.json()})


def test_a_table_finds_rows_by_indexed_fields_after_they_change():
    table = Store()["vpc"].index("name")
    row = table.put({"id": "1", "name": "a"})
    table.put({"id": "2", "name": "b"})

    table.change(row, name="b")

    assert table.by("name", "a") == []
    assert [each["id"] for each in table.by("name", "b")] == ["2", "1"]
    assert table.count_by("name", "b") == 2
    table.drop("2")
    assert table.find(name="b") is row


def test_an_index_made_late_knows_the_rows_that_were_there(tmp_path):
    store = Store(tmp_path / "store")
    store["vpc"].put({"id": 1, "name": "a"})
    store.close()

    reopened = Store(tmp_path / "store")

    assert [row["id"] for row in reopened["vpc"].index("name").by("name", "a")] == [1]
    reopened.close()


def test_a_killed_process_forgets_nothing_and_hands_out_no_number_twice(tmp_path):
    script = f"""
import os, signal
from pathlib import Path
from sandbox.kit.store import Store
store = Store(Path({str(tmp_path / "store")!r}))
for _ in range(100):
    store["vpc"].put({{"id": store["vpc"].next_id()}})
store["vpc"].drop(100)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False, timeout=30)

    store = Store(tmp_path / "store")

    assert list(store["vpc"].rows) == list(range(1, 100))
    assert store["vpc"].next_id() == 101
    store.close()


def test_what_is_written_in_one_go_is_read_again_as_it_was_in_the_end(tmp_path):
    store = Store(tmp_path / "store")
    with store.in_one_go():
        for _ in range(20_000):
            store["vpc"].put({"id": store["vpc"].next_id(), "name": "first"})
        store["vpc"].change(store["vpc"].rows[7], name="second")
        store["vpc"].put(store["vpc"].drop(3))
        store["vpc"].drop(20_000)
    store["vpc"].change(store["vpc"].rows[9], name="third")
    rows = dict(store["vpc"].rows)
    store.close()

    again = Store(tmp_path / "store")

    assert list(again["vpc"].rows.items()) == list(rows.items())
    assert (again["vpc"].rows[7]["name"], again["vpc"].rows[9]["name"]) == ("second", "third")
    assert again["vpc"].next_id() == 20_001
    again.close()


def test_the_clock_moves_ahead_without_waiting():
    clock = Clock()
    before = clock.now()

    clock.advance(timedelta(hours=1))
    clock.advance(60)

    assert 3660 <= clock.now() - before < 3670


def test_a_fault_strikes_its_call_as_often_as_ordered():
    faults = Faults(["createVPC", "listVPCs"])
    faults.order("refuse", "createVPC", times=2)

    struck = [bool(faults.strikes(Kind.REFUSE, call)) for call in ("listVPCs", *["createVPC"] * 3)]

    assert struck == [False, True, True, False]


@pytest.mark.parametrize("order", [{"kind": "explode"}, {"kind": "slow", "seconds": -1}, {"kind": "down", "times": 0}])
def test_an_order_that_makes_no_sense_is_refused(order):
    with pytest.raises(ValueError, match=r"."):
        Faults(["/"]).order(**order)


def test_a_service_that_is_down_takes_no_connection_in_process_and_on_a_port():
    app = Echo()
    app.faults.order("down", times=2)
    server = serve(app)
    mounted = httpx.Client(transport=transport(app), base_url="http://echo.test")

    with pytest.raises(httpx.ConnectError):
        mounted.get("/")
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url)

    assert httpx.get(server.url).status_code == mounted.get("/").status_code == 200
    server.shutdown()
    server.server_close()


def test_a_lost_reply_looks_like_a_connection_that_closed():
    app = Echo()
    app.faults.order("lose_reply", times=1)

    with pytest.raises(httpx.ReadError):
        httpx.Client(transport=transport(app), base_url="http://echo.test").get("/")


def test_unreachable_is_what_meeting_a_fault_raises():
    faults = Faults(["anything"])
    faults.order("down")

    with pytest.raises(Unreachable):
        faults.meet("anything")


def test_queries_keep_repeated_names_and_order():
    request = request_of("get", "/a%20b?x=1&y=&x=2", {"X-Name": "v"}, b"")

    assert (request.method, request.path, request.headers["x-name"]) == ("GET", "/a b", "v")
    assert request.query == (("x", "1"), ("y", ""), ("x", "2"))


def test_a_body_may_come_in_chunks_and_the_connection_goes_on():
    class Mirror:
        def handle(self, request):
            return Response(200, request.body)

    server = serve(Mirror())
    with httpx.Client(base_url=server.url) as client:
        answers = [client.post("/", content=iter(parts)).content for parts in ([b"ab", b"c" * 100_000], [], [b"d"])]

    assert answers == [b"ab" + b"c" * 100_000, b"", b"d"]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET",
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\nab\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\nab",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
)
def test_half_requests_and_noise_do_not_disturb_the_others(raw):
    server = serve(Echo())
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=5) as caller:
        caller.sendall(raw)
        caller.shutdown(socket.SHUT_WR)
        answer = caller.recv(1000)

    assert b"Traceback" not in answer
    assert httpx.get(server.url).status_code == 200
    server.shutdown()
    server.server_close()


def test_many_callers_connect_at_once():
    server = serve(Echo())
    found: list[int] = []

    def call():
        with httpx.Client(base_url=server.url, timeout=30) as client:
            found.extend(client.get("/").status_code for _ in range(10))

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [200] * 500
    server.shutdown()
    server.server_close()


def test_the_site_can_be_sized_for_a_load_test():
    site = REFERENCE.sized(public_pool=("198.18.0.0/22",), vnis=(10, 20))

    assert site.zone.public_ranges[-1] == PublicRange(
        "198.18.0.1", 22, "198.18.0.2", "198.18.3.254", is_for_netris=True
    )
    assert (site.zone.vni_first, site.zone.vni_last) == (10, 20)
    assert site.zone.public_ranges[:2] == REFERENCE.zone.public_ranges[:2]


def test_every_link_joins_ports_of_known_devices():
    devices = {device.name: device for device in REFERENCE.fabric.devices}
    ends = [end for link in REFERENCE.fabric.links for end in (link.local, link.remote)]

    assert len(ends) == len(set(ends))
    for end in ends:
        port, _, device = end.partition("@")
        assert port.startswith(devices[device].port_prefix)
        assert 1 <= int(port[3:]) <= devices[device].ports


def test_answers_carry_json_as_it_is():
    response = Response.of_json(200, {"name": "Café"})

    assert json.loads(response.body) == {"name": "Café"}
