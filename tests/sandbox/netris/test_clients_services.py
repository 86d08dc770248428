"""What the vendor's clients send and read of networks, services and routing.

The number at the end of a name is that of the finding in the list of what the Go SDK and the Terraform provider need;
`_java` is what the SDK of the CloudStack plugin cannot do without (netris-api.md 7.1).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.controller import SITE, SYSTEM, TENANT, Controller, direct_connect, dnat, snat
from tests.sandbox.netris.bodies import acl


@pytest.fixture
def netris() -> Controller:
    return Controller()


@pytest.fixture
def vpc(netris) -> dict[str, Any]:
    """With a tier, and room for balancers."""
    made = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", made)
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    return made


def row_of(netris, path, number):
    return next(row for row in netris.get(path) if row["id"] == number)


# What the Java SDK requires


def test_who_made_a_nat_rule_is_an_object_java(netris):
    for row in netris.get("/api/v2/nat"):
        assert row["creator"] == row["editor"] == {"id": 1, "name": "netris"}


def test_the_site_of_a_vpc_s_resources_is_an_object_java(netris, vpc):
    (resources,) = netris.get(f"/api/v2/vpc/{vpc['id']}/resources")

    assert resources["site"] == SITE


def test_a_balancer_is_internal_by_a_number_and_goes_with_a_list_java(netris, vpc):
    number = netris.post("/api/v2/l4lb", **balancer(vpc))

    assert netris.get(f"/api/v2/l4lb/{number}")["internal"] == 0
    assert type(netris.get("/api/v2/l4lb")[0]["internal"]) is int
    assert netris.delete(f"/api/v2/l4lb/{number}") == []


def test_subnets_and_balancers_of_all_vpcs_are_found_without_a_filter_java(netris, vpc):
    netris.post("/api/v2/l4lb", **balancer(vpc))

    assert {"s", "vip"} <= {row["name"] for row in netris.get("/api/v2/ipam/subnets")}
    assert [row["name"] for row in netris.get("/api/v2/l4lb")] == ["lb"]
    assert netris.get("/api/v2/l4lb", filterByVpc=1) == []


def balancer(vpc, **more):
    body = {"name": "lb", "protocol": "TCP", "vpc": vpc, "site": SITE, "tenant": TENANT, "automatic": False}
    return body | {"ip": "198.51.100.9", "port": 80, "backendIps": [{"ip": "10.1.1.5", "port": 80}], **more}


# ACLs


def go_acl(name, **more):
    """The SDK has no `vpc`, and writes what it does not have as 0 or null."""
    body = acl(name) | {"comment": "", "established": 0, "icmp_type": 0, "reverse": "yes", "valid_until": None}
    return body | {"src_port_group": None, "dst_port_group": None, **more}


NO_PORTS = dict.fromkeys(("src_port_from", "src_port_to", "dst_port_from", "dst_port_to"), 0)


def test_a_new_acl_s_id_stands_beside_data_and_in_it_client_3(netris):
    answer = netris.http.post("/api/acl", json=go_acl("a")).json()

    assert (answer["id"], answer["data"]["id"], answer["isSuccess"]) == (1, 1, True)


def test_the_tenants_of_an_acl_are_text_client_10(netris):
    netris.post("/api/acl", **go_acl("a"))

    (row,) = netris.get("/api/acl")
    assert (row["tenants"], row["tenantsID"]) == ("", "")
    assert (row["approval"], row["approve"]) == ("0", "1")
    assert (row["creator"], row["creator_id"], row["editor_id"], row["admin_role_approve"]) == ("netris", 1, 1, 0)


@pytest.mark.parametrize("proto", ["all", "ip", "icmp"])
def test_ports_of_zero_are_none_where_ports_mean_nothing_client_11(netris, proto):
    number = netris.post("/api/acl", **go_acl("a", proto=proto, **NO_PORTS))["id"]
    assert {name: row_of(netris, "/api/acl", number)[name] for name in NO_PORTS} == NO_PORTS

    netris.put("/api/acl", **go_acl("a", proto=proto), id=number)  # the plugin sends 1 to 65535 there

    assert {name: row_of(netris, "/api/acl", number)[name] for name in NO_PORTS} == NO_PORTS
    same = netris.refused(400, "POST", "/api/acl", go_acl("b", proto=proto, **NO_PORTS))
    assert same["message"] == "This kind of acl already exists"


def test_tcp_needs_its_ports_or_a_group_of_them_client_11(netris):
    group = netris.post("/api/aclportgroups", name="web", ports=["80", "8000-8010"])
    group = group.get("portGroupId") or group["id"]
    ports = {"src_port_from": None, "src_port_to": None, "src_port_group": group}
    netris.refused(403, "POST", "/api/acl", go_acl("a", dst_port_from=0))

    number = netris.post("/api/acl", **go_acl("a", **ports))["id"]

    row = row_of(netris, "/api/acl", number)
    assert (row["src_port_group"], row["src_port_from"], row["src_port_to"], row["dst_port_to"]) == (group, 0, 0, 80)
    assert (row["acl_src_grp_name"], row["acl_src_grp_ports"]) == ("web", "80,8000-8010")
    netris.put("/api/acl", **go_acl("a", src_port_from=5, src_port_to=9), id=number)  # the group is a null again
    row = row_of(netris, "/api/acl", number)
    assert (row["src_port_group"], row["src_port_from"], row["src_port_to"]) == (None, 5, 9)
    assert row["acl_src_grp_name"] == ""


def test_an_acl_s_ends_are_shown_without_their_length_and_its_end_in_ms_client_12(netris):
    number = netris.post("/api/acl", **go_acl("a", valid_until="2099-01-02T23:15:05Z"))["id"]

    row = row_of(netris, "/api/acl", number)
    assert f"{row['src_prefix']}/{row['src_length']}" == "0.0.0.0/0"
    assert f"{row['dst_prefix']}/{row['dst_length']}" == "10.99.0.0/21"
    assert row["valid_until"] == "4071078905000"
    netris.put("/api/acl", **go_acl("a"), id=number)
    assert row_of(netris, "/api/acl", number)["dst_length"] == 21


# NAT


def go_nat(body, **more):
    """Every field of the SDK is sent, as text, and it knows neither `vpc` nor `pool`."""
    empty = dict.fromkeys(("destinationPort", "dnatToIP", "dnatToPort", "snatToIP", "snatToPool", "sourcePort"), "")
    body = {name: value for name, value in body.items() if name != "vpc"}
    return empty | {"portGroup": {"id": 0, "name": "", "ports": None}, "comment": "", "state": "enabled"} | body | more


def test_a_port_group_of_zeroes_is_none_and_one_needs_no_port_client_16(netris):
    group = netris.post("/api/aclportgroups", name="web", ports=["22"])
    group = group.get("portGroupId") or group["id"]
    single = netris.post("/api/v2/nat", **go_nat(dnat("x", SYSTEM, "203.0.113.40/32"), dnatToPort="22"))["id"]
    asked = {"portGroup": {"id": group, "name": "", "ports": None}, "destinationPort": "", "dnatToPort": ""}
    many = netris.post("/api/v2/nat", **go_nat(dnat("y", SYSTEM, "203.0.113.41/32"), **asked))["id"]

    row = netris.get(f"/api/v2/nat/{single}")
    assert (row["portGroup"], row["dnatToPort"], row["destinationPort"]) == (None, 22, "22")
    row = netris.get(f"/api/v2/nat/{many}")
    assert (row["portGroup"]["id"], row["destinationPort"], row["sourcePort"]) == (group, "1-65535", "1-65535")
    netris.put(f"/api/v2/nat/{many}", **go_nat(dnat("y", SYSTEM, "203.0.113.41/32"), dnatToPort="23"))
    assert netris.get(f"/api/v2/nat/{many}")["portGroup"] is None


def test_a_pool_is_told_by_what_is_filled_in_client_17(netris):
    def body(**to):
        return go_nat(snat("x", SYSTEM, ""), **to)

    number = netris.post("/api/v2/nat", **body(snatToPool="203.0.113.48/30"))["id"]
    row = netris.get(f"/api/v2/nat/{number}")
    assert (row["pool"], row["snatToPool"], row["snatToIP"]) == (True, "203.0.113.48/30", None)

    netris.put(f"/api/v2/nat/{number}", **body(snatToIP="203.0.113.45"))
    row = netris.get(f"/api/v2/nat/{number}")
    assert (row["pool"], row["snatToPool"], row["snatToIP"]) == (False, None, "203.0.113.45")
    assert "snatToIP" in netris.refused(400, "POST", "/api/v2/nat", body(name="y"))["errors"]


def test_addresses_of_a_nat_rule_come_back_as_they_were_sent_client_27(netris):
    for name, address in (("bare", "203.0.113.42"), ("long", "203.0.113.43/32")):
        number = netris.post("/api/v2/nat", **go_nat(snat(name, SYSTEM, address)))["id"]
        assert netris.get(f"/api/v2/nat/{number}")["snatToIP"] == address
    number = netris.post("/api/v2/nat", **dnat("d", SYSTEM, "203.0.113.44", dnatToIP="10.99.1.7"))["id"]
    row = netris.get(f"/api/v2/nat/{number}")
    assert (row["destinationAddress"], row["dnatToIP"]) == ("203.0.113.44", "10.99.1.7")

    taken = netris.refused(400, "POST", "/api/v2/nat", go_nat(snat("again", SYSTEM, "203.0.113.44/32")))
    assert "snatToIP" in taken["errors"]  # both spellings are the same address


# Balancers


@pytest.mark.parametrize("spelling", ["Id", "ID"])
def test_a_balancer_s_site_and_tenant_may_be_bare_numbers_client_18(netris, vpc, spelling):
    body = {name: value for name, value in balancer(vpc).items() if name not in ("site", "tenant")}
    body |= {f"site{spelling}": 1, f"tenant{spelling}": 1, "kubenet_info": "", "internal": 0}
    body |= {"status": "enable", "healthCheck": "HTTP", "timeOut": "3000", "requestPath": "/"}

    row = netris.get(f"/api/v2/l4lb/{netris.post('/api/v2/l4lb', **body)}")

    assert (row["siteId"], row["tenantId"], row["site"], row["tenant"]) == (1, 1, SITE, TENANT)
    assert row["healthCheck"]["HTTP"]["timeOut"] == "3000"
    assert row["healthcheck"]["timeout"] == 3000  # the number is OpenAPI's


# V-Nets


def vnet(vpc, **more):
    return {"name": "n", "vpc": vpc, "tenant": TENANT, "sites": [SITE], "guestTenants": [], "vlan": 0, **more}


def test_a_vnet_takes_its_ports_by_name_client_2(netris, vpc):
    port = {"name": "swp25@Leaf-1", "id": 0, "access": False, "accessMode": False, "lacp": "", "state": "active"}
    number = netris.post("/api/v2/vnet", **vnet(vpc, ports=[port | {"vlan": "1050"}]))["id"]

    (shown,) = netris.get(f"/api/v2/vnet/{number}")["ports"]
    assert (shown["name"], shown["vlan"]) == ("swp25@Leaf-1", "1050")
    netris.refused(404, "POST", "/api/v2/vnet", vnet(vpc, name="m", ports=[port | {"name": "swp99@Leaf-1"}]))


def test_a_vnet_s_port_is_found_again_by_its_interface_and_its_switch_client_9(netris, vpc):
    tagged = {"name": "swp25@Leaf-1", "id": 0, "accessMode": False, "vlan": "1050"}
    untagged = {"name": "swp25@Leaf-2", "id": 0, "accessMode": True, "vlan": "1"}
    number = netris.post("/api/v2/vnet", **vnet(vpc, ports=[tagged, untagged]))["id"]

    first, second = netris.get(f"/api/v2/vnet/{number}")["ports"]
    assert (first["port"], first["switchName"], first["untagged"]) == ("swp25", "Leaf-1", False)
    assert (second["untagged"], second["access"], second["accessMode"], second["vlan"]) == (True, True, True, "1")
    assert first["info"] == {"port": "swp25", "ifName": "swp25"}
    assert first["state"] == {"id": "1", "label": "Active", "value": "active"}
    assert first["adminDown"] == "no"
    listed = netris.port("swp25@Leaf-1")
    for name in ("mtu", "autoNeg", "duplex", "breakout", "desiredSpeed", "transceiver", "parentPort", "tenant", "site"):
        assert first[name] == listed[name]
    assert first["used"] is True


def test_internal_is_a_number_and_the_tenant_s_id_is_shown_alone_client_9(netris):
    row = netris.get("/api/v2/vnet")[0]

    assert (row["internal"], row["tenantID"]) == (0, 1)
    assert {gateway["ipFamily"] for gateway in row["gateways"]} == {"ipv4"}


@pytest.mark.parametrize(
    ("gateway", "start", "end"),
    [
        ("10.1.1.1/24", "10.1.1.2", "10.1.1.254"),
        ("10.1.1.254/24", "10.1.1.1", "10.1.1.253"),
        ("10.1.1.100/24", "10.1.1.101", "10.1.1.254"),
    ],
)
def test_dhcp_without_a_range_gets_one_client_20(netris, vpc, gateway, start, end):
    asked = {"prefix": gateway, "vlan": "", "dhcpEnabled": True, "dhcpLeaseCount": 2, "dhcp": None}

    number = netris.post("/api/v2/vnet", **vnet(vpc, gateways=[asked]))["id"]

    (shown,) = netris.get(f"/api/v2/vnet/{number}")["gateways"]
    assert shown["dhcpEnabled"] is True
    assert shown["dhcp"] == {"start": start, "end": end, "optionSet": {"id": 1, "name": "Default Option Set"}}


# e-BGP


@pytest.mark.parametrize(("sent", "shown"), [("", "public-as"), ("65020", "65020"), (65020, "65020")])
def test_the_local_asn_may_be_empty_and_is_text_client_22(netris, sent, shown):
    body = direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM, localAsn=sent)

    number = netris.post("/api/v2/ebgp", **body)["id"]

    assert netris.session(number)["localAsn"] == shown
    netris.put(f"/api/v2/ebgp/{number}", localAsn="")
    assert netris.session(number)["localAsn"] == "public-as"
    assert "localAsn" in netris.refused(400, "PUT", f"/api/v2/ebgp/{number}", {"localAsn": "ours"})["errors"]


def test_a_session_tells_password_and_dates_in_both_dialects_client_23(netris):
    body = direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM, bgpPassword="s3cret")

    row = netris.session(netris.post("/api/v2/ebgp", **body)["id"])

    assert (row["bgp_password"], row["bgpPassword"]) == ("s3cret", "s3cret")
    assert type(row["created_date"]) is int and str(row["created_date"]) == row["createdDate"]
    assert type(row["modified_date"]) is int and str(row["modified_date"]) == row["modifiedDate"]
    assert (row["internal"], row["circuit_internal"], row["vnet"]["internal"]) == (0, 0, 0)
    assert (row["portName"], row["switch_name"]) == ("swp20", "Leaf-1")
    assert row["switch_id"] == row["term_switch_id"] == row["hardware"]["id"]
    assert row["switch_port_id"] == row["port"]["id"] == body["port"]["id"]


def test_a_session_on_a_vnet_shows_what_terraform_sent_client_23(netris):
    body = direct_connect(0, SYSTEM, name="x", localIP="10.99.0.1", remoteIP="10.99.0.9", prefixLength=21, vlan=0)
    body |= {"hardware": {"id": "auto"}, "port": {}, "vnet": {"id": 1}, "bgpCommunity": "65501:777\n65501:778"}

    row = netris.session(netris.post("/api/v2/ebgp", **body)["id"])

    assert (row["term_sw_name"], row["untagged"], row["vnet"]["id"]) == ("auto", False, 1)
    assert (row["community"], row["bgpCommunity"]) == ("65501:777,65501:778", "65501:777\n65501:778")


# Routes and policy


@pytest.mark.parametrize(("sent", "shown"), [("active", "active"), ("enabled", "active"), ("disabled", "disabled")])
def test_a_route_s_state_is_shown_as_it_was_sent_client_24(netris, vpc, sent, shown):
    body = {"prefix": "10.77.0.0/16", "next_hop": "10.1.1.9", "site_id": 1, "switches": [3], "vpc": vpc}
    netris.post("/api/routes", **body, stateStatus=sent)

    (row,) = netris.get("/api/routes", filterByVpc=vpc["id"])
    assert (row["state"], row["stateStatus"]) == (sent, shown)
    assert (row["site_name"], row["internal"]) == ("sv", False)
    assert row["filteredSwitches"] == row["switches"] == [{"id": 3, "name": netris.get("/api/v2/hw")[2]["name"]}]


def test_a_match_names_its_object_by_a_number_and_shows_it_as_text_client_4(netris):
    number = netris.post("/api/ebgpobjects", name="pl", type="ipv4", typeValue="permit 10.0.0.0/8")
    matches = [
        {"type": "route_source", "ebgpObject": number, "value": None},
        {"type": "med", "ebgpObject": None, "value": "600"},
    ]
    action = {"id": "", "sequenceID": "", "type": "goto", "parameter": "community", "value": "5"}
    entry = {"id": 0, "number": 5, "description": "", "policy": "permit", "matches": matches, "actions": [action]}
    body = {"id": 0, "createdDate": 0, "modifiedDate": 0, "name": "rm", "sequences": [entry]}
    made = netris.post("/api/ebgproutemaps", **body)["id"]

    (shown,) = netris.get("/api/ebgproutemaps")[0]["sequences"]
    assert [(match["ebgpObject"], match["value"]) for match in shown["matches"]] == [(str(number), None), ("", "600")]
    assert netris.get("/api/ebgproutemaps")[0]["id"] == made
    netris.refused(400, "DELETE", "/api/ebgpobjects", {"id": number})


def test_a_bgp_object_keeps_its_text_to_the_last_newline_client_26(netris):
    text = "permit 192.0.2.0/24\npermit 203.0.113.0/24 le 26\n"
    number = netris.post("/api/ebgpobjects", name="pl", type="ipv4", typeValue=text)

    assert row_of(netris, "/api/ebgpobjects", number)["typeValue"] == text
    session = direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM, prefixListInbound=text)
    assert netris.session(netris.post("/api/v2/ebgp", **session)["id"])["prefix_list_inbound"] == text
