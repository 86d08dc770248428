"""Callers who send nonsense get the error envelope, and the controller stays what it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.controller import LOGIN, SYSTEM, TENANT, Controller, direct_connect, snat


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
    good = _good_bodies(netris)[path]
    for name in good:
        for number, value in enumerate(WRONG):
            body = good | {name: value} | ({"name": f"n{number}-{name}"} if name != "name" and "name" in good else {})
            response = netris.http.post(path, content=json.dumps(body).encode())
            assert response.status_code in (200, 400, 401, 403, 404), (name, value, response.text)
            response.json()
    for path_of_list in ("/api/v2/vpc", "/api/v2/vnet", "/api/v2/ipam", "/api/v2/nat", "/api/v2/hw", "/api/v2/ebgp"):
        if path != "/api/auth":
            netris.get(path_of_list)


def _good_bodies(netris):
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
        "/api/v2/ipam/subnet": {"name": "s", "prefix": "10.1.2.0/24", "purpose": "common", "vpc": vpc}
        | {"tenant": TENANT, "sites": [{"id": 1}], "globalRouting": True, "defaultGateway": "", "tags": []},
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
