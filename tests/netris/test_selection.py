"""Of what a filter lets through, only what was asked for is taken."""

from __future__ import annotations

import httpx
from pydantic import SecretStr

from apps import netris


def controller(**lists):
    """A controller that answers every path with the list of that name, and lets anybody in."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/auth":
            return httpx.Response(200, headers={"Set-Cookie": "connect.sid=1; HttpOnly"}, json={"isSuccess": True})
        rows = lists[request.url.path.rpartition("/")[2]]
        return httpx.Response(200, json={"data": rows, "isSuccess": True, "errors": {}})

    return netris.connect("http://netris.test", "weft", SecretStr("x"), transport=httpx.MockTransport(answer))


def test_nat_rules_of_one_vpc_whatever_type_its_id_has():
    rules = [{"id": 1, "vpc": {"id": 7}}, {"id": 2, "vpc": {"id": "8"}}, {"id": 3, "vpc": None}, {"id": 4}]
    client = controller(nat=rules)
    assert [rule.id for rule in client.nat_rules(8)] == [2]
    assert len(client.all_nat_rules()) == 4


def test_static_routes_of_one_vpc_whatever_the_controller_makes_of_the_filter():
    hops = {"name": "192.168.50.0/24", "next_hop": "10.20.0.9", "stateStatus": "active"}
    client = controller(routes=[hops | {"id": 1, "vpc": {"id": 7}}, hops | {"id": 2, "vpc": {"id": "8"}}, {"id": 3}])
    [route] = client.static_routes(8)
    assert (route.id, str(route), route.is_enabled) == (2, "192.168.50.0/24 via 10.20.0.9", True)
