"""Of long lists only what is asked for is decoded."""

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


def test_vpcs_by_the_end_of_their_name():
    client = controller(vpc=[{"id": 1, "name": "D1-A1-Z1-V1-one"}, {"id": 2, "name": "D1-A1-Z1-V2-two"}, {"id": "bad"}])
    assert [vpc.id for vpc in client.vpcs(name_ends="-two")] == [2]


def test_nat_rules_of_one_vpc_whatever_type_its_id_has():
    rules = [{"id": 1, "vpc": {"id": 7}}, {"id": 2, "vpc": {"id": "8"}}, {"id": 3, "vpc": None}, {"id": 4}]
    client = controller(nat=rules)
    assert [rule.id for rule in client.nat_rules(vpc_id=8)] == [2]
    assert len(client.nat_rules()) == 4
