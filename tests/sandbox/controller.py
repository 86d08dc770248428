"""A Netris controller of one's own with a logged-in client, and an operator's look at that of a world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from sandbox.kit.clock import Clock
from sandbox.kit.http import transport
from sandbox.kit.store import Store
from sandbox.netris.app import Netris
from sandbox.world import World

LOGIN = {"user": "portal", "password": "s3cret"}
TENANT, SITE, SYSTEM = {"id": 1, "name": "Admin"}, {"id": 1, "name": "sv"}, {"id": 1}


class Controller:
    """Calls answer with `data`; a call that ought to be refused says so: `refused(400, ...)`."""

    def __init__(self, store: Store | None = None, **options: Any) -> None:
        self.app = Netris(store or Store(), Clock(), user=LOGIN["user"], password=LOGIN["password"], **options)
        self.http = httpx.Client(transport=transport(self.app), base_url="http://netris.example")
        self.login()

    def login(self) -> None:
        assert self.http.post("/api/auth", json=LOGIN).status_code == 200

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.http.request(method, path, json=body, **options)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, params=params or None)

    def post(self, path: str, **body: Any) -> Any:
        return self.call("POST", path, body)

    def put(self, path: str, **body: Any) -> Any:
        return self.call("PUT", path, body)

    def delete(self, path: str, body: Any = None) -> Any:
        return self.call("DELETE", path, body)

    def refused(self, status: int, method: str, path: str, body: Any = None) -> Any:
        """The envelope of a refusal."""
        response = self.http.request(method, path, json=body)
        envelope = response.json()
        assert response.status_code == status, response.text
        assert envelope["isSuccess"] is False
        assert envelope["data"] == {}
        assert isinstance(envelope["errors"], dict)
        assert envelope["meta"] == {"apiVersion": "2", "statusCode": status}
        return envelope

    def order(self, path: str, **body: Any) -> None:
        response = self.http.post(f"/_sandbox/{path}", json=body)
        assert response.status_code in (200, 201), response.text

    def wait(self, seconds: float) -> None:
        self.app.clock.advance(seconds)

    # things to have

    def vpc(self, name: str = "acme", cidr: str = "10.1.0.0/16") -> dict[str, Any]:
        """A VPC with an allocation."""
        made = self.post("/api/v2/vpc", name=name, adminTenant=TENANT)
        self.post("/api/v2/ipam/allocation", name=f"{name}-{cidr}", prefix=cidr, tenant=TENANT, vpc={"id": made["id"]})
        return {"id": made["id"], "name": made["name"]}

    def subnet(self, name: str, prefix: str, vpc: dict[str, Any], purpose: str = "common", **more: Any) -> int:
        body = {"name": name, "prefix": prefix, "purpose": purpose, "vpc": vpc, "tenant": TENANT, "sites": [SITE]}
        return int(self.post("/api/v2/ipam/subnet", **body, **more)["id"])

    def vnet(self, name: str, vpc: dict[str, Any], gateway: str, **more: Any) -> int:
        body = {"name": name, "vpc": vpc, "tenant": TENANT, "sites": [SITE], "gateways": [{"prefix": gateway}]}
        return int(self.post("/api/v2/vnet", **body, **more)["id"])

    def port(self, name: str) -> dict[str, Any]:
        return next(row for row in self.get("/api/v2/ports") if row["name"] == name)

    def device(self, name: str) -> dict[str, Any]:
        return next(row for row in self.get("/api/v2/hw") if row["name"] == name)

    def session(self, number: int) -> dict[str, Any]:
        return dict(self.get(f"/api/v2/ebgp/{number}"))


def snat(name: str, vpc: dict[str, Any], address: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "site": SITE,
        "vpc": vpc,
        "action": "SNAT",
        "protocol": "all",
        "state": "enabled",
        "sourceAddress": "10.1.0.0/16",
        "sourcePort": "1-65535",
        "destinationAddress": "0.0.0.0/0",
        "snatToIP": address,
        **more,
    }


def dnat(name: str, vpc: dict[str, Any], address: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "site": SITE,
        "vpc": vpc,
        "action": "DNAT",
        "protocol": "tcp",
        "sourceAddress": "0.0.0.0/0",
        "destinationAddress": address,
        "destinationPort": "22",
        "dnatToIP": "10.1.1.5/32",
        "dnatToPort": 22,
        **more,
    }


def direct_connect(port: int, vpc: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The example of 2.10."""
    return {
        "name": "dc-acme-1",
        "description": "",
        "site": {"id": 1},
        "vpc": vpc,
        "hardware": {"id": 3},
        "port": {"id": port},
        "vnet": {"id": "none"},
        "vlan": 1200,
        "untagged": False,
        "neighborAS": 65010,
        "localAsn": "public-as",
        "ipFamily": "ipv4",
        "localIP": "169.254.10.1",
        "remoteIP": "169.254.10.2",
        "prefixLength": 30,
        "state": "enabled",
        "bfd": "disabled",
        "bgpPassword": "",
        "timers": {"hello": 3, "hold": 10, "connect": 10},
        "multihop": 0,
        "neighborAddress": "",
        "updateSource": "",
        "allowAsIn": 0,
        "defaultOriginate": "disabled",
        "prefixInboundMax": "1000",
        "localPreference": 100,
        "weight": 0,
        "prependInbound": 0,
        "prependOutbound": 0,
        "prefixListInbound": "permit 10.20.0.0/16 le 24",
        "prefixListOutbound": "permit 10.1.0.0/16",
        "bgpCommunity": "",
        "removePrivateAs": "enabled",
        "tags": [],
        **more,
    }


def operator_of(world: World) -> httpx.Client:
    """A client that is logged in to the world's controller."""
    client = httpx.Client(transport=world.netris_transport(), base_url="http://netris.test")
    client.post("/api/auth", json={"user": "sandbox", "password": "sandbox", "auth_scheme_id": 1}).raise_for_status()
    return client


def netris_of(world: World) -> Callable[..., Any]:
    """Asks the world's controller: `netris("/api/v2/vpc")` is the list."""
    client = operator_of(world)
    return lambda path, **query: client.get(path, params=query).raise_for_status().json()["data"]
