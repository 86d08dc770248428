from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Network

import pytest
from pydantic import ValidationError

from apps.netris.wire import (
    Acl,
    Allocation,
    Balancer,
    Device,
    EBgp,
    Link,
    NatRule,
    Port,
    Ref,
    Site,
    Tenant,
    VNet,
    Vpc,
    new_id,
)

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "data",
    [7, "7", {"id": 7}, {"id": "7"}, [{"id": 7}], {"staticRouteID": 7}, [{"staticRouteID": "7"}], {"id": 7, "ip": "x"}],
)
def test_the_id_of_a_new_object_is_found_in_every_shape(data):
    assert new_id(data) == 7


@pytest.mark.parametrize("data", [None, [], {}, "Successfully added.", True, [1, 2], {"name": "x"}])
def test_an_answer_without_an_id_is_not_taken_for_one(data):
    with pytest.raises(ValueError, match=r".+"):
        new_id(data)


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ({"id": 1, "name": "Admin"}, Ref(id=1, name="Admin")),
        ({"id": "1"}, Ref(id=1)),
        ({"id": "none"}, Ref()),
        (1, Ref(id=1)),
        ("-1", Ref(id=-1)),
        ("Admin", Ref(name="Admin")),
        (None, Ref()),
        ([], Ref()),
    ],
)
def test_a_reference_may_have_any_shape(value, reference):
    assert Vpc.model_validate({"id": 1, "adminTenant": value}).admin_tenant == reference


def test_a_vpc_is_read():
    vpc = Vpc.model_validate(
        {"id": "5", "name": "D1-A2-Z1-V3-prod", "vni": "1000001", "isSystem": "true", "isDefault": 0, "guestTenant": []}
    )

    assert (vpc.id, vpc.vni, vpc.is_system, vpc.is_default) == (5, 1000001, True, False)


@pytest.mark.parametrize("said", ["NaN", "Infinity", float("nan"), "much", None, ""])
def test_a_share_that_is_no_number_is_not_known(said):
    block = Allocation.model_validate({"id": 1, "prefix": "10.0.0.0/8", "utilization": {"percent": said}})
    assert block.utilization.percent is None


def test_the_ipam_tree_is_read():
    allocation = Allocation.model_validate(
        {
            "id": 3,
            "name": "all",
            "prefix": "10.10.0.0/16",
            "utilization": {"percent": "12.5", "type": "x"},
            "children": [
                {
                    "id": 3,  # the same number as the allocation
                    "prefix": "10.10.1.0/24",
                    "purpose": "common",
                    "allocationID": "3",
                    "children": [{"id": 4, "prefix": "fd00::/64", "purpose": {"label": "NAT", "value": "nat"}}],
                }
            ],
        }
    )

    [tier] = allocation.children
    [nested] = tier.children
    assert (allocation.prefix, allocation.utilization.percent) == (IPv4Network("10.10.0.0/16"), 12.5)
    assert (tier.prefix, tier.allocation_id) == (IPv4Network("10.10.1.0/24"), 3)
    assert (nested.prefix, nested.purpose) == (IPv6Network("fd00::/64"), "nat")


def test_a_vnet_is_read():
    vnet = VNet.model_validate(
        {
            "id": 9,
            "name": "D1-A2-Z1-V3-N7-web",
            "vxlanID": "1000007",
            "vpc": {"id": 5, "name": "x"},
            "gateways": [{"prefix": "10.10.1.1/24", "vlan": ""}, {"prefix": "nonsense"}],
            "state": "active",
            "status": {"label": "Active", "value": "active"},
            "tags": ["CS-Cloud1-Compute"],
        }
    )

    assert (vnet.vxlan_id, vnet.vpc.id, vnet.status, vnet.tags) == (1000007, 5, "active", ("CS-Cloud1-Compute",))
    assert [gateway.prefix for gateway in vnet.gateways] == [IPv4Interface("10.10.1.1/24"), None]


def test_a_nat_rule_is_unwrapped():
    rule = NatRule.model_validate(
        {
            "id": 2,
            "name": "D1-A2-Z1-V3-SNAT",
            "action": {"label": "ACCEPT", "value": "ACCEPT_SNAT"},
            "protocol": {"label": "ALL", "value": "all"},
            "state": {"label": "Enabled", "value": "enabled", "status": "success"},
            "sourceAddress": "10.10.0.0/16",
            "destinationAddress": "0.0.0.0/0",
            "snatToIP": "198.51.100.7/32",
            "dnatToIP": None,
            "vpc": {"id": 5},
        }
    )

    assert (rule.action, rule.protocol, rule.state) == ("ACCEPT_SNAT", "all", "enabled")
    assert (rule.source_address, rule.snat_to_ip) == (IPv4Network("10.10.0.0/16"), IPv4Address("198.51.100.7"))
    assert rule.dnat_to_ip is None
    assert NatRule.model_validate({"id": 2, "action": "DNAT"}).action == "DNAT"


def test_a_forward_has_its_ports_in_every_form():
    rule = NatRule.model_validate(
        {
            "id": 3,
            "state": {"label": "Disabled", "value": "disabled"},
            "destinationPort": 22,
            "sourcePort": "1-65535",
            "dnatToIP": "10.10.1.5",
            "dnatToPort": "2222",
        }
    )

    assert (rule.destination_port, rule.source_port, rule.dnat_to_port) == ("22", "1-65535", 2222)
    assert (rule.dnat_to_ip, rule.is_enabled) == (IPv4Address("10.10.1.5"), False)
    assert NatRule.model_validate({"id": 3, "dnatToPort": None}).dnat_to_port is None


JAVA = {"proto": "tcp", "src_prefix": "192.0.2.0", "src_length": 24, "dst_prefix": "10.10.2.0", "dst_length": 24}
GO = {"protocol": "tcp", "src_prefix": "192.0.2.0/24", "dst_prefix": "10.10.2.0/24", "src_length": "24"}


@pytest.mark.parametrize("match", [JAVA, GO])
def test_an_acl_is_read_in_the_words_of_both_clients(match):
    rule = Acl.model_validate(
        {
            **{"id": 1, "name": "D9-A11-Z2-V30-N233-ACL3", "action": "permit", "vpc": {"id": 4}, "status": "enabled"},
            **{"src_port_from": 1, "src_port_to": "65535", "dst_port_from": 80, "dst_port_to": 81},
            **{"established": 1, "reverse": "no", "icmp_type": None, "valid_until": "1795757367515"},
            **match,
        }
    )

    assert (rule.action, rule.protocol, rule.vpc.id) == ("permit", "tcp", 4)
    assert (rule.source, rule.destination) == (IPv4Network("192.0.2.0/24"), IPv4Network("10.10.2.0/24"))
    assert (rule.source_port_from, rule.source_port_to, rule.port_from, rule.port_to) == (1, 65535, 80, 81)
    assert (rule.is_established, rule.is_reversed, rule.is_enabled) == (True, False, True)
    assert rule.valid_until == datetime(2026, 11, 27, 5, 29, 27, 515000, tzinfo=UTC)


def test_an_acl_whose_prefix_has_no_length_is_not_taken_for_one_address():
    rule = Acl.model_validate(
        {"id": 1, "src_prefix": "10.0.0.0", "dst_prefix": None, "reverse": "yes", "status": "disabled"}
    )

    assert (rule.source, rule.destination, rule.is_reversed, rule.is_enabled) == (None, None, True, False)


@pytest.mark.parametrize(
    ("last_seen", "moment"),
    [
        (1767323045000, MOMENT),
        ("1767323045000", MOMENT),
        (1767323045, MOMENT),
        ("2026-01-02T03:04:05Z", MOMENT),
        (0, None),
        (None, None),
        ("never", None),
    ],
)
def test_when_a_device_was_last_seen(last_seen, moment):
    assert Device.model_validate({"id": 1, "lastSeen": last_seen}).last_seen == moment


def test_a_device_is_read():
    device = Device.model_validate(
        {
            "id": 12,
            "name": "SoftGate-1",
            "type": "softgate",
            "status": "ok",
            "uptime": 86400,
            "mainAddress": "10.0.8.1",
            "mgmtAddress": "disabled",
            "asn": "4200000012",
            "portCount": 4,
            "sgFlavor": "sg-hs",
            "sgRole": "general",
            "maintenanceMode": "true",
            "site": {"id": 1, "name": "site1"},
            "nos": {"id": 3, "name": "Ubuntu", "tag": "x"},
            "hardwareHealth": [{"check_name": "check_disk", "status": "OK", "last_check_time": 1767323045}, "odd"],
            "health": {"ok": "9", "critical": 0},
            "links": [{"local": {"id": 1, "name": "swp1@SoftGate-1"}, "remote": {"id": 2, "name": "swp5@Leaf-1"}}],
        }
    )

    assert (device.main_address, device.mgmt_address, device.asn) == (IPv4Address("10.0.8.1"), None, 4200000012)
    assert (device.uptime, device.sg_role, device.maintenance_mode) == ("86400", "general", True)
    assert [(check.name, check.status, check.checked_at) for check in device.checks] == [("check_disk", "OK", MOMENT)]
    assert (device.health.ok, device.health.critical, device.health.warning) == (9, 0, None)
    assert device.links[0].remote.name == "swp5@Leaf-1"


def test_a_device_with_odd_health_is_read_all_the_same():
    device = Device.model_validate({"id": "1", "hardwareHealth": {}, "health": [], "links": None, "asn": "auto"})

    assert (device.checks, device.health.ok, device.links, device.asn) == ((), None, (), None)


@pytest.mark.parametrize(
    ("link_id", "underlay"), [(4, "enabled"), ("4", True), ("4", "disabled"), (4, {"value": "enabled"})]
)
def test_a_link_id_is_a_number_or_text(link_id, underlay):
    link = Link.model_validate({"id": link_id, "underlay": underlay, "local": {"id": 1}, "remote": {"id": 2}})

    assert (link.id, link.underlay) == ("4", underlay != "disabled")


def test_a_port_is_read():
    port = Port.model_validate(
        {
            "id": 345,
            "name": "swp5@leaf-1",
            "status": {"label": "UP", "value": "up"},
            "speed": 100000,
            "adminDown": "no",
            "used": True,
            "switch": {"id": 3, "name": "leaf-1"},
        }
    )

    assert (port.status, port.speed, port.is_admin_down, port.is_used) == ("up", "100000", False, True)
    assert port.switch == Ref(id=3, name="leaf-1")
    assert Port.model_validate({"id": 1, "switchName": "leaf-1", "switch": None}).switch.name == "leaf-1"


SNAKE = {
    "id": 8,
    "name": "isp-1",
    "status": "enabled",
    "bgp_state": "Established",
    "bgp_prefixes": "30",
    "bgp_uptime": "00:00:51",
    "term_sw_name": "SoftGate-1",
    "local_ip": "203.0.113.2",
    "remote_ip": "203.0.113.1",
    "neighbor_as": "65010",
}
CAMEL = {
    "id": "8",
    "name": "isp-1",
    "state": "enabled",
    "bgp_state": "Established",
    "bgpPrefixes": 30,
    "bgpUptime": "00:00:51",
    "hardware": {"name": "SoftGate-1"},
    "localIP": "203.0.113.2",
    "remoteIP": "203.0.113.1",
    "neighborAS": 65010,
}


def test_both_dialects_of_ebgp_mean_the_same():
    session = EBgp.model_validate(SNAKE)

    assert session == EBgp.model_validate(CAMEL) == EBgp.model_validate(SNAKE | CAMEL)
    assert (session.bgp_prefixes, session.device.name, session.neighbor_as) == (30, "SoftGate-1", 65010)
    assert session.remote_address == IPv4Address("203.0.113.1")
    assert session.is_established


def test_a_new_session_has_no_state():
    session = EBgp.model_validate({"id": 8, "bgp_state": "", "bgp_prefixes": "", "vlan": "untagged"})

    assert (session.bgp_state, session.bgp_prefixes, session.vlan) == ("", None, None)
    assert not session.is_established


def test_sites_and_tenants_have_old_names():
    site = Site.model_validate({"id": 1, "name": "site1", "publicASN": "65001", "acl_policy": "permit"})

    assert (site.public_asn, site.acl_policy) == (65001, "permit")
    assert Tenant.model_validate({"tenant_id": 1, "name": "Admin"}).id == 1


def test_a_row_without_an_id_is_refused():
    with pytest.raises(ValidationError):
        Vpc.model_validate({"name": "x"})


OLD = {
    "id": 3,
    "name": "D1-A2-Z1-V3-LB9",
    "tenantId": 1,
    "siteId": "2",
    "protocol": "TCP",
    "ip": "198.51.100.4",
    "port": "80",
    "status": "enable",
    "healthcheck": {"protocol": "HTTP", "timeout": 2000, "requestPath": "/up"},
    "internal": 0,
    "backendIps": [
        {"id": 1, "ip": "10.10.1.20", "port": "8080", "status": "failed", "response": "connection refused"},
    ],
}
NEW = {
    "id": 3,
    "protocol": {"label": "TCP", "value": "TCP"},
    "state": {"label": "Disabled", "value": "disable"},
    "tenant": {"id": 1, "name": "Admin"},
    "site": {"id": 2, "name": "sv"},
    "vpc": {"id": 5, "name": "prod"},
    "healthCheck": {"TCP": {"timeOut": "1500", "requestPath": ""}},
    "backend": [
        {
            "ip": "10.10.1.20/32",
            "port": 8080,
            "maintenance": "true",
            "stats": [
                {
                    "hardware": {"id": 7, "name": "SoftGate-1"},
                    "status": {"label": "OK", "value": "ok"},
                    "response": "OK",
                },
                {"hardware": "SoftGate-2", "status": "failed", "response": "connection timed out"},
            ],
        }
    ],
}


def test_a_balancer_is_read_in_its_older_shape():
    balancer = Balancer.model_validate(OLD)

    assert (balancer.name, balancer.protocol, str(balancer.ip), balancer.port) == (OLD["name"], "TCP", OLD["ip"], 80)
    assert (balancer.tenant.id, balancer.site.id, balancer.vpc.id, balancer.is_enabled) == (1, 2, None, True)
    assert (balancer.check.protocol, balancer.check.timeout, balancer.check.request_path) == ("HTTP", 2000, "/up")
    [member] = balancer.backends
    assert (str(member.ip), member.port, member.maintenance, member.probes) == ("10.10.1.20", 8080, False, ())
    assert (member.status, member.response) == ("failed", "connection refused")


def test_a_balancer_is_read_in_its_newer_shape():
    balancer = Balancer.model_validate(NEW)

    assert (balancer.protocol, balancer.is_enabled, balancer.vpc.id, balancer.site.name) == ("TCP", False, 5, "sv")
    assert (balancer.check.protocol, balancer.check.timeout) == ("TCP", 1500)
    [member] = balancer.backends
    assert (str(member.ip), member.maintenance) == ("10.10.1.20", True)
    assert [(each.softgate.name, each.status, each.response) for each in member.probes] == [
        ("SoftGate-1", "ok", "OK"),
        ("SoftGate-2", "failed", "connection timed out"),
    ]


@pytest.mark.parametrize("balancer", [OLD, NEW])
def test_a_balancer_that_was_kept_is_read_as_it_was(balancer):
    read = Balancer.model_validate(balancer)

    assert Balancer.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize(
    ("row", "protocol"),
    [
        ({}, ""),
        ({"healthCheck": None, "healthcheck": {"protocol": "tcp"}}, "TCP"),
        ({"healthCheck": {}, "healthcheck": None}, ""),
        ({"healthCheck": "HTTP"}, "HTTP"),
        ({"healthCheck": "None"}, ""),
        ({"healthCheck": {"protocol": "None", "timeout": 2000}}, ""),
        ({"healthCheck": {"label": "TCP", "value": "TCP"}}, ""),
        ({"healthCheck": ["TCP"]}, ""),
    ],
)
def test_what_probes_is_told_in_several_ways_and_what_is_not_understood_is_none(row, protocol):
    assert Balancer.model_validate({"id": 1, **row}).check.protocol == protocol
