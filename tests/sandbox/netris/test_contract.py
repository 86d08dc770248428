"""The calls, envelopes, shapes of writes and filters of the controller against the tables of netris-api.md 1.5 to 1.8.

Objects field by field are in test_netris_contract_objects (what is sent) and test_netris_contract_answers (what is
shown), its rules in test_netris_contract_rules, the calls of the CloudStack plugin in test_netris_contract_plugin.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.netris.routes import ROUTES
from tests.sandbox.controller import TENANT, Controller
from tests.sandbox.netris import shapes as shapes
from tests.sandbox.netris.bodies import bodies, rich_controller
from tests.sandbox.netris.sheet import rows, section, tables, words


@pytest.fixture
def netris() -> Controller:
    return Controller()


@pytest.fixture(scope="module")
def rich() -> Controller:
    return rich_controller()


# 1.8: each row of the catalogue by its first path. A line is a call; one that is not emulated begins with a dash.

_CRUD = "GET,POST,PUT,DELETE"
V1 = {
    "/auth": ["GET,POST /auth", "POST /logout", "GET /auth-schemes"],
    "/acl": [f"{_CRUD} /acl"],
    "/acl/approve": ["PUT /acl/approve", "PUT /acl/reject", "PUT /acl/enable", "PUT /acl/disable"],
    "/acl/check": ["POST /acl/check", "GET /acl/syncstatus", "GET /acl/approvestate"],
    "/aclportgroups": [f"{_CRUD} /aclportgroups"],
    "/acltwozero": [
        *("-POST /acltwozero", "-PUT /acltwozero/changeStatus", "-PUT /acltwozero/changestatus"),
        *("-PUT /acltwozero/publishers/approve", "-PUT /acltwozero/publishers/reject"),
        *("-PUT /acltwozero/subscribers/approve", "-PUT /acltwozero/subscribers/reject"),
    ],
    "/apilogs": ["-GET /apilogs", "-GET /eventlogs"],
    "/checkthresholds": ["GET,PUT /checkthresholds"],
    "/dashboard/agentheartbeatscount": [
        *("GET /dashboard/agentheartbeatscount", "GET /dashboard/hardwarealarms", "GET /dashboard/totalcounts"),
        *("GET /dashboard/hardwarealarmscount", "-GET /dashboard/layouts", "-PUT /dashboard/changeportsstatus"),
        *("-PUT /dashboard/changetenants", "-PUT /dashboard/updateoptions"),
    ],
    "/ebgpobjects": [f"{_CRUD} /ebgpobjects", f"{_CRUD} /ebgproutemaps", "GET /ebgproutemaps/ebgpobjects"],
    "/general": ["-GET /general", "-GET /appearance", "-GET /settingsauthentication", "-GET /loginwhitelist"],
    "/graphboards": ["-GET /graphboards", "-GET /graphboards/graphs", "-GET /graphboards/options",
                     "-GET /graphboards/ports"],
    "/inventoryProfiles": [f"{_CRUD} /inventoryProfiles"],
    "/lookingglass": ["-GET /lookingglass", "-GET /lookingglass/bgplist", "-GET /lookingglass/ipaddresses",
                      "-GET /lookingglass/peersList"],
    "/permissiongroups": [
        *(f"{_CRUD} {path}" for path in ("/permissiongroups", "/userroles", "/users", "/tenants")), "-GET /userdetails",
    ],
    "/routes": [f"{_CRUD} /routes"],
    "/sites": ["GET,POST,PUT,DELETE /sites", "PUT,DELETE /sites/{id}"],
    "/vpn": ["-GET /vpn"],
}  # fmt: skip
V2 = {
    "/vpc": ["GET,POST /vpc", "GET,PUT,DELETE /vpc/{id}", "GET /vpc/{id}/resources", "PUT /vpc/{id}/make-default"],
    "/vpc-peering": ["GET,POST /vpc-peering", "GET,PUT,DELETE /vpc-peering/{id}"],
    "/vnet": ["GET,POST /vnet", "GET,PUT,DELETE /vnet/{id}", "-GET /vnet/ports"],
    "/vnet-unmanaged": ["-POST /vnet-unmanaged", "-PUT,DELETE /vnet-unmanaged/{id}"],
    "/ipam": [
        *("GET /ipam", "POST /ipam/allocation", "PUT,DELETE /ipam/allocation/{id}", "POST /ipam/subnet"),
        *("PUT,DELETE /ipam/subnet/{id}", "GET /ipam/subnets", "GET /ipam/hosts/{id}"),
        "-POST /ipam/hosts/delete-dhcp-lease",
    ],
    "/nat": [
        *("GET,POST /nat", "GET,PUT,DELETE /nat/{id}", "PUT,DELETE /nat/bulk"),
        *("GET /nat/meta/address", "GET /nat/meta/pgroup", "GET /nat/meta/vpc"),
    ],
    "/l4lb": ["GET,POST /l4lb", "GET,PUT,DELETE /l4lb/{id}"],
    "/lb/*": ["-GET /lb"],
    "/ebgp": [
        *("GET,POST,PUT /ebgp", "GET,PUT,DELETE /ebgp/{id}", "PUT /ebgp/changestatus", "POST /ebgp/asnvalidation"),
        *("GET /ebgp/check", "GET /ebgp/hardwares", "GET /ebgp/ports", "GET /ebgp/routemaps"),
        *("GET /ebgp/updatesources", "GET /ebgp/sites", "GET /ebgp/v-nets", "GET /ebgp/offloaders"),
        "GET /ebgp/switches",
    ],
    "/acl": [
        *("GET,POST /acl", "GET,PUT,DELETE /acl/{id}", "GET /acl/sync-status", "POST /acl/check"),
        *(f"PUT /acl/{{id}}/{verb}" for verb in ("approve", "reject", "enable", "disable")),
    ],
    "/hw": [
        *("GET /hw", "GET /hw/{id}", "GET /hw/nos", "GET /hw/profiles", "GET /hw/subnets"),
        *(f"POST /hw/{kind}" for kind in ("switch", "softgate", "server", "controller")),
        *(f"PUT,DELETE /hw/{kind}/{{id}}" for kind in ("switch", "softgate", "server", "controller")),
        *("GET /hw/usedips", "-GET /hw/ports"),
    ],
    "/link": ["GET,POST,DELETE /link", "GET,PUT,DELETE /link/{id}"],
    "/ports": [
        *("GET,PUT,DELETE /ports", "GET,PUT,DELETE /ports/{id}", "POST /ports/lag", "PUT /ports/freeup"),
        *("GET /ports/extensions", "-PUT /ports/extensions/{id}", "GET /ports/aggregatedports"),
        *("-GET /ports/affectedresources", "-GET /ports/{type}/free", "-GET /ports/{type}/used"),
    ],
    "/reservation/ip": [
        *(f"GET,POST /reservation/{kind}" for kind in ("ip", "vlan", "vxlan")),
        *(f"GET /reservation/{kind}/{{id}}" for kind in ("ip", "vlan", "vxlan")),
        *("DELETE /reservation/ip/{id}", "DELETE /reservation/vlan/{id}/{id}", "DELETE /reservation/vxlan/{id}"),
    ],
    "/sites": ["GET,POST /sites", "GET,PUT,DELETE /sites/{id}"],
    "/dhcp-option-set": ["GET,POST /dhcp-option-set", "GET,PUT,DELETE /dhcp-option-set/{id}",
                         "PUT /dhcp-option-set/{id}/make-default"],
    "/server-cluster": [
        *("-GET,POST /server-cluster", "-GET,PUT,DELETE /server-cluster/{id}", "-GET /server-cluster/servers"),
        *("-PUT /server-cluster/{id}/{state}", "-GET,POST /server-cluster-template"),
        "-GET,PUT,DELETE /server-cluster-template/{id}",
    ],
    "/topology": [
        "-GET /topology",
        *(f"-GET /topology/{name}" for name in ("data", "devices", "link", "options", "ports", "sites", "switches")),
        *("-GET /topology/viewoptions", "-POST /topology/positions", "-PUT /topology/updateoptions"),
        *("-POST /topology/import", "-GET /topology/path"),
    ],
    "/license": ["-GET,PUT /license", "-GET /roh", "-GET /pkeyledger", "-GET /nvlinkledger"],
    "/dashboard/hardware-health": [
        f"GET /dashboard/{name}" for name in ("hardware-health", "agent-heartbeats", "hardware-alarms")
    ],
    "POST /api/graphite": ["POST /api/graphite"],
}  # fmt: skip
# What the sheet names in other sections, with the words.
ELSEWHERE = {
    "GET /api/users/permissions": ("1.2", "`GET /api/users/permissions`"),
    "PUT /api/users/setpassword": ("2.18", "`PUT /setpassword`"),
    "POST /api/users/sendpassword": ("2.18", "`POST /sendpassword`"),
}


def _calls(reading: list[str], prefix: str) -> set[tuple[bool, str]]:
    """(is emulated, `GET /api/v2/vpc/{id}`)"""
    found = set()
    for line in reading:
        verbs, path = line.removeprefix("-").split(" ")
        path = path if path.startswith("/api") else f"{prefix}{path}"
        found |= {(not line.startswith("-"), f"{verb} {path}") for verb in verbs.split(",")}
    return found


CALLS = [call for reading in V1.values() for call in sorted(_calls(reading, "/api"))] + [
    call for reading in V2.values() for call in sorted(_calls(reading, "/api/v2"))
]


@pytest.mark.parametrize(("number", "reading"), [(0, V1), (1, V2)], ids=["v1", "v2"])
def test_every_row_of_the_catalogue_is_read_1_8(number, reading):
    table = tables("1.8")[number][1:]

    assert [words(cells[0])[0].split("?")[0] for cells in table] == list(reading)
    for cells, calls in zip(table, reading.values(), strict=True):
        text = " ".join(re.sub(r"\?.*", "", word) for cell in cells[:2] for word in words(cell) if word[:1] in "/dpiP")
        parts = set(re.findall(r"[A-Za-z][\w-]+", text)) - {
            "id",
            "or",
            "name",
            "prefix",
            "kind",
            "subnetId",
            "address",
            "site",
        }
        assert not parts - set(re.findall(r"[A-Za-z][\w-]+", " ".join(calls)))


def test_what_is_emulated_is_served_and_nothing_else_is_1_8(netris):
    served = {f"{method} {path}" for method, path, _ in ROUTES}
    served |= {"GET /api/auth", "POST /api/auth", "POST /api/logout", "GET /api/auth-schemes"}

    assert served == {call for is_emulated, call in CALLS if is_emulated} | ELSEWHERE.keys()
    assert all(text in section(number) for number, text in ELSEWHERE.values())
    for is_emulated, call in CALLS:
        method, path = re.sub(r"\{\w+\}", "77", call).split(" ")
        if not is_emulated:
            assert netris.refused(404, method, path, {})["message"] == "Not found"


# 1.5, 1.6: envelopes and the shapes of writes


def test_the_envelope_says_what_happened_1_5(netris):
    good = netris.http.post("/api/v2/vpc", json={"name": "v", "adminTenant": TENANT}).json()
    assert list(good) == list(rows("1.5", "Field"))
    assert (good["errors"], good["message"], good["isSuccess"]) == ({}, "Successfully created.", True)
    assert good["meta"] == {"apiVersion": "2", "statusCode": 200}

    refused = netris.refused(400, "POST", "/api/v2/vpc", {"name": "v", "adminTenant": TENANT})
    assert list(refused) == list(good)
    assert refused["errors"].keys() == {"name"}


def test_the_oldest_endpoints_have_more_in_their_envelope_1_5_2_3(rich):
    answer = rich.http.get("/api/v2/ipam/hosts/1").json()

    assert answer.keys() >= {"statusCode", "status", "error", "message", "data", "isSuccess", "errors"}
    assert answer["statusCode"] == 200


_ID = {"id": int}
_NAMED = shapes.shape("name", id=int)
_DEVICE = (["/api/v2/hw/switch", "/api/v2/hw/softgate", "/api/v2/hw/server", "/api/v2/hw/controller"], _ID, _ID)
# Paths, what POST and PUT have in `data`, and what DELETE has: `ANY` where the sheet says so.
WRITES: dict[str, tuple[list[str], Any, Any, Any]] = {
    "VPC": (["/api/v2/vpc"], shapes.VPC, _ID, _ID),
    "V-Net": (["/api/v2/vnet"], _ID, _ID, shapes.ANY),
    "IPAM allocation, subnet": (["/api/v2/ipam/allocation", "/api/v2/ipam/subnet"], _NAMED, _NAMED, shapes.ANY),
    "NAT": (["/api/v2/nat"], _ID, _ID, {}),
    "L4LB": (["/api/v2/l4lb"], int, shapes.shape("result", code=int), []),
    "ACL port group": (["/api/aclportgroups"], {"id": int, "portGroupId": int}, _ID, shapes.ANY),
    "ACL v1": (["/api/acl"], _ID, _ID, shapes.ANY),
    "Route": (["/api/routes"], shapes.shape("name", id=int, staticRouteID=int), shapes.ANY, shapes.ANY),
    "e-BGP": (["/api/v2/ebgp"], _ID, shapes.ANY, shapes.ANY),
    "BGP object": (["/api/ebgpobjects"], int, shapes.ANY, shapes.ANY),
    "Link": (["/api/v2/link"], _ID, shapes.ANY, {}),
    "Inventory": (*_DEVICE, _ID),
    "Site": (["/api/v2/sites"], _ID, _ID, _ID),
}
_BODY_IDS = {"/api/acl": "id", "/api/aclportgroups": "id", "/api/routes": "route_id", "/api/ebgpobjects": "id"}


@pytest.mark.parametrize("kind", rows("1.6", "Object"))
def test_writes_answer_in_the_shapes_of_the_table_1_6(netris, kind):
    paths, post, put, delete = WRITES[kind]
    for path, body in bodies(netris).items():
        if path not in paths:
            continue
        answer = netris.http.post(path, json=body).json()
        assert not shapes.misfit(answer["data"], post)
        number = answer["data"] if isinstance(answer["data"], int) else answer["data"]["id"]
        key = _BODY_IDS.get(path)
        where, update, end = (path, {key: number}, {"id": number}) if key else (f"{path}/{number}", {}, None)
        assert not shapes.misfit(netris.call("PUT", where, body | update), put)
        assert not shapes.misfit(netris.delete(where, {"id": [number]} if path == "/api/acl" else end), delete)


def test_a_balancer_with_an_automatic_address_answers_an_object_1_6(netris):
    body = bodies(netris)["/api/v2/l4lb"] | {"automatic": True, "ip": None}

    assert not shapes.misfit(netris.post("/api/v2/l4lb", **body), shapes.shape("ip", id=int))


# 1.7: filters and paging

SCOPED = ("ipam", "ipam/subnets", "vnet", "ebgp", "nat", "l4lb", "acl", "routes")
SITED = {
    "ipam/subnets": "/api/v2/ipam/subnets",
    **{name: f"/api/v2/{name}" for name in ("ebgp", "nat", "l4lb", "link", "ports")},
    "routes": "/api/routes",
}
SITELESS = {
    "ipam": "allocations belong to no site",
    "vnet": "the filter does nothing (quirk 5)",
    "acl": "a rule belongs to no site",
}


def _path(name: str) -> str:
    return f"/api/{name}" if name in ("acl", "routes") else f"/api/v2/{name}"


def test_the_lists_with_filters_are_those_of_the_table_1_7():
    table = rows("1.7", "Parameter")

    for name in SCOPED:
        assert name in table["filterByVpc"][1]
    for name in [*SITED, *SITELESS]:
        assert name.partition("/")[0] in table["filterBySites"][1]


@pytest.mark.parametrize("name", SCOPED)
@pytest.mark.parametrize("spelling", ["filterByVpc", "filterByVpc[]", "filterByVpc[0]"])
def test_lists_are_narrowed_to_vpcs_1_7(rich, name, spelling):
    seen = {row["vpc"]["id"] for row in rich.get(_path(name), **{spelling: 2})}

    assert seen == {2}
    if name in ("ipam", "vnet", "ebgp", "routes"):  # the Default VPC rule
        assert {row["vpc"]["id"] for row in rich.get(_path(name))} <= {1}
    else:
        assert {row["vpc"]["id"] for row in rich.get(_path(name))} >= {2}


@pytest.mark.parametrize("name", [*SITED, *SITELESS])
@pytest.mark.parametrize("spelling", ["filterBySites", "useSites=true&filterBySites[]", "selectedSites[]"])
def test_lists_are_narrowed_to_sites_in_every_age_s_spelling_1_7(rich, name, spelling):
    def count(site: int) -> int:
        return len(rich.get(f"{_path(name)}?filterByVpc=1,2&{spelling}={site}"))

    assert count(1) > 0
    assert (count(99) > 0) is (name in SITELESS)


@pytest.mark.parametrize(("kind", "count"), [("ip", 5), ("vlan", 5)])
def test_ledgers_are_narrowed_to_one_site_1_7(rich, kind, count):
    assert len(rich.get(f"/api/v2/reservation/{kind}", filterBySite=1)) > count
    assert rich.get(f"/api/v2/reservation/{kind}", filterBySite=99) == []


_OF_A_PORT = {
    "filterSwitchName": lambda row: row["switchName"],
    "filterPort": lambda row: row["name"],
    "filterInUse": lambda row: row["inUse"],
    "filterDescription": lambda row: row["description"] or None,
    "filterTenant": lambda row: row["tenant"]["name"],
    "filterStatus[]": lambda row: row["status"]["value"],
    "filterSpeed": lambda row: row["speed"],
    "filterTransceiver": lambda row: row["transceiver"] or None,
    "filterMtu": lambda row: row["mtu"],
    "filterSite": lambda row: row["site"]["name"],
    "filterBreakout": lambda row: row["breakout"],
    "filterBySites[]": lambda row: row["site"]["id"],
    "switchID": lambda row: row["switch"]["id"],
}


def test_ports_have_every_filter_of_the_table_1_7(rich):
    listed = {name for word in words(rows("1.7", "Parameter")["Paging"][1]) for name in word.split(", ")}
    assert listed - {"GET /api/v2/ports", "limit", "page", "sortBy", "order"} == _OF_A_PORT.keys()
    every = rich.get("/api/v2/ports")

    for name, value_of in _OF_A_PORT.items():
        value = next((value_of(row) for row in every if value_of(row) is not None), None)
        if value is not None:
            found = rich.get("/api/v2/ports", **{name: str(value).lower()})
            assert {row["id"] for row in found} == {row["id"] for row in every if value_of(row) == value}, name
        assert rich.get("/api/v2/ports", **{name: "987654"}) == [], name
