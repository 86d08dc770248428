"""NAT rules, load balancers, ACLs and static routes (netris-api.md 2.4, 2.5, 2.6, 2.9)."""

from __future__ import annotations

import pytest

from tests.sandbox.controller import SITE, SYSTEM, TENANT, Controller, dnat, snat


@pytest.fixture
def netris() -> Controller:
    return Controller()


def names(rows):
    return [row["name"] for row in rows]


# 2.4 NAT


def test_get_wraps_the_enums_of_a_rule(netris):
    vpc = netris.vpc()
    number = netris.post("/api/v2/nat", **dnat("x", vpc, "203.0.113.40/32"))["id"]

    rule = netris.get(f"/api/v2/nat/{number}")

    assert rule["state"] == {"label": "Enabled", "value": "enabled", "status": "success"}
    assert rule["action"] == {"label": "DNAT", "value": "DNAT"}
    assert rule["protocol"] == {"label": "TCP", "value": "tcp"}
    assert (rule["destinationAddress"], rule["destinationPort"], rule["dnatToPort"]) == ("203.0.113.40/32", "22", 22)
    assert rule["vpc"] == vpc
    assert rule["snatToIP"] is None


def test_an_update_keeps_what_it_leaves_out(netris):
    vpc = netris.vpc()
    number = netris.post("/api/v2/nat", **snat("x", vpc, "203.0.113.40/32", state="disabled", comment="why"))["id"]
    body = snat("x", vpc, "203.0.113.41/32")
    del body["state"], body["sourcePort"]

    netris.put(f"/api/v2/nat/{number}", **body)

    rule = netris.get(f"/api/v2/nat/{number}")
    assert rule["state"]["status"] == "danger"
    assert (rule["comment"], rule["snatToIP"]) == ("why", "203.0.113.41/32")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (snat("x", SYSTEM, "203.0.113.40/32", action="MASQUERADE"), "action"),  # quirk 29
        (snat("x", SYSTEM, "198.51.100.5/32"), "snatToIP"),  # a common subnet, not a nat one
        (snat("x", SYSTEM, "192.0.2.1/32"), "snatToIP"),
        (snat("x", SYSTEM, "203.0.113.32/27"), "snatToIP"),
        (dnat("x", SYSTEM, "198.51.100.5/32"), "destinationAddress"),
        (dnat("x", SYSTEM, "203.0.113.32/32"), "destinationAddress"),  # carries SNAT already
        (snat("x", SYSTEM, "203.0.113.33/32"), "snatToIP"),  # carries DNAT already
        (dnat("x", SYSTEM, "203.0.113.40/32", destinationPort="22-"), "destinationPort"),
        (dnat("x", SYSTEM, "203.0.113.40/32", destinationPort="90-80"), "destinationPort"),
        (dnat("x", SYSTEM, "203.0.113.40/32", dnatToPort=70000), "dnatToPort"),
        (dnat("DNAT CloudStack GUI", SYSTEM, "203.0.113.40/32"), "name"),  # quirk 24
        (dnat("x", SYSTEM, "203.0.113.40/32", protocol="gre"), "protocol"),
    ],
)
def test_rules_that_do_not_fit_are_refused(netris, body, field):
    assert field in netris.refused(400, "POST", "/api/v2/nat", body)["errors"]


def test_the_schema_s_other_required_fields_are_not_insisted_on_quirk_14(netris):
    body = dnat("x", SYSTEM, "203.0.113.40/32", protocol="all")
    for field in ("destinationPort", "dnatToPort", "vpc"):
        del body[field]

    rule = netris.get(f"/api/v2/nat/{netris.post('/api/v2/nat', **body)['id']}")

    assert (rule["vpc"]["id"], rule["state"]["value"], rule["dnatToPort"]) == (1, "enabled", None)


def test_bulk_calls_switch_and_delete_rules(netris):
    netris.call("PUT", "/api/v2/nat/bulk", [{"id": 1, "state": "disabled"}, {"id": 2, "state": "disabled"}])
    assert [row["state"]["value"] for row in netris.get("/api/v2/nat")] == ["disabled", "disabled", "enabled"]

    netris.refused(404, "PUT", "/api/v2/nat/bulk", [{"id": 3, "state": "disabled"}, {"id": 9, "state": "disabled"}])
    assert netris.get("/api/v2/nat/3")["state"]["value"] == "enabled"

    netris.delete("/api/v2/nat/bulk?id=1&id=2")
    assert names(netris.get("/api/v2/nat")) == ["DNAT CloudStack GUI"]


def test_pick_lists_of_nat(netris):
    subnets = netris.get("/api/v2/nat/meta/address")["subnets"]
    assert subnets["dnat"] == subnets["snat"]
    assert [row["prefix"] for row in subnets["dnat"]] == ["203.0.113.32/27"]
    assert names(netris.get("/api/v2/nat/meta/vpc")) == ["vpc-1:Default"]
    assert netris.get("/api/v2/nat/meta/pgroup") == []


# 2.5 L4LB


def lb(vpc, **more):
    return {
        "name": "lb",
        "protocol": "TCP",
        "site": SITE,
        "siteID": 1,
        "tenant": TENANT,
        "vpc": {"id": vpc["id"]},
        "automatic": False,
        "ipFamily": "IPv4",
        "ip": "198.51.100.9",
        "port": 80,
        "status": "enable",
        "healthCheck": "None",
        "backendIps": [{"ip": "10.1.1.5", "port": 8080}],
        **more,
    }


def test_a_balancer_answers_an_int_or_an_object_quirk_7(netris):
    vpc = netris.vpc()
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")

    assert netris.post("/api/v2/l4lb", **lb(vpc)) == 1
    assert netris.post("/api/v2/l4lb", **lb(vpc, name="lb2", automatic=True)) == {"id": 2, "ip": "198.51.100.10"}
    assert netris.put("/api/v2/l4lb/1", **lb(vpc, port=81))["code"] == 200


def test_a_balancer_row_has_both_shapes(netris):
    vpc = netris.vpc()
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    netris.post("/api/v2/l4lb", **lb(vpc, healthCheck="HTTP", timeOut="3000", requestPath="/up"))

    (row,) = netris.get("/api/v2/l4lb", **{"filterByVpc[]": vpc["id"]})

    assert row["healthcheck"] == {"protocol": "HTTP", "timeout": 3000, "requestPath": "/up"}
    assert row["healthCheck"] == {"HTTP": {"timeOut": "3000", "requestPath": "/up"}}
    (backend,) = row["backendIps"]
    assert (backend["ip"], backend["port"], backend["maintenance"], backend["status"]) == (
        "10.1.1.5",
        8080,
        False,
        "ok",
    )
    assert [stat["hardware"]["name"] for stat in backend["stats"]] == ["SoftGate-1", "SoftGate-2"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ip": "198.51.100.20"}, "ip"),
        ({"protocol": "UDP", "healthCheck": "TCP"}, "healthCheck"),
        ({"protocol": "SCTP"}, "protocol"),
        ({"port": 0}, "port"),
        ({"backendIps": [{"ip": "x", "port": 1}]}, "ip"),
        ({"name": "first"}, "name"),
        ({"port": 79}, "ip"),
    ],
)
def test_balancers_that_do_not_fit_are_refused(netris, change, field):
    vpc = netris.vpc()
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    netris.post("/api/v2/l4lb", **lb(vpc, name="first", port=79))

    assert field in netris.refused(400, "POST", "/api/v2/l4lb", lb(vpc) | change)["errors"]


def test_back_ends_come_under_either_key_quirk_10_and_without_maintenance_quirk_25(netris):
    vpc = netris.vpc()
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    body = lb(vpc)
    body["backend"] = body.pop("backendIps")
    netris.post("/api/v2/l4lb", **body)

    assert netris.get("/api/v2/l4lb/1")["backendIps"][0]["maintenance"] is False


# 2.6 ACL, 2.9 routes: v1, ids in bodies (quirk 42)


def rule(vpc, **more):
    return {
        "name": "acl",
        "action": "permit",
        "proto": "tcp",
        "src_prefix": "0.0.0.0/0",
        "dst_prefix": "10.1.1.0/24",
        "src_port_from": 1,
        "src_port_to": 65535,
        "dst_port_from": 22,
        "dst_port_to": 22,
        "established": 1,
        "vpc": {"id": vpc["id"]},
        **more,
    }


def test_an_acl_rule_lives_and_dies(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)

    answer = netris.http.post("/api/acl", json=rule(vpc)).json()
    assert (answer["id"], answer["data"], answer["isSuccess"]) == (1, {"id": 1}, True)  # in both places (1.6)
    (row,) = netris.get("/api/acl", **{"filterBySites[]": 1, "filterByVpc[]": vpc["id"]})
    assert (row["proto"], row["protocol"], row["vpc"]["id"]) == ("tcp", "tcp", vpc["id"])
    assert netris.put("/api/acl", id=1, **rule(vpc, dst_port_to=23)) == {"id": 1}
    netris.call("PUT", "/api/acl/disable", {"id": [1]})
    assert netris.get("/api/acl")[0]["status"] == "disabled"
    netris.delete("/api/acl", {"id": [1], "tenantsID": "1"})
    assert netris.get("/api/acl") == []


def test_acl_rules_that_do_not_fit_are_refused(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    netris.http.post("/api/acl", json=rule(vpc))

    same = netris.refused(400, "POST", "/api/acl", rule(vpc, name="other"))
    outside = netris.refused(400, "POST", "/api/acl", rule(vpc, name="other", dst_prefix="172.16.0.0/16"))

    assert same["message"] == "This kind of acl already exists"
    assert outside["message"] == "Both Source and Destination addresses are out of this deployment."
    assert "name" in netris.refused(400, "POST", "/api/acl", rule(vpc, dst_port_to=99))["errors"]
    netris.refused(400, "POST", "/api/acl", rule(vpc, name="six", src_prefix="::/0"))


@pytest.mark.parametrize("state", ["active", "enabled"])
def test_a_static_route_lives_and_dies_with_either_state_quirk_12(netris, state):
    vpc = netris.vpc()
    body = {"prefix": "10.77.0.0/16", "next_hop": "10.1.1.9", "site_id": 1, "switches": [], "stateStatus": state}

    made = netris.post("/api/routes", **body, vpc=vpc, description="D1-A2-Z1-V3")
    (row,) = netris.get("/api/routes", filterByVpc=vpc["id"])

    assert made["staticRouteID"] == row["id"]
    assert (row["name"], row["prefix"], row["prefix_length"]) == ("10.77.0.0/16", "10.77.0.0", 16)
    assert (row["next_hop"], row["stateStatus"]) == ("10.1.1.9", "active")
    netris.put("/api/routes", route_id=row["id"], **body | {"next_hop": "10.1.1.8"})
    netris.delete("/api/routes", {"id": row["id"]})
    assert netris.get("/api/routes", filterByVpc=vpc["id"]) == []
