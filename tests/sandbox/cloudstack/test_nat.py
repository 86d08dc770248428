"""Static NAT and port forwarding: cloudstack-api.md 3.6, and the plugin's part: netris-api.md 4.3 and 5."""

import pytest

from tests.sandbox.cloudstack.client import refusal


@pytest.fixture
def vpc(acme):
    return acme.vpc()


@pytest.fixture
def tier(acme, vpc):
    return acme.tier(vpc)


@pytest.fixture
def vm(acme, tier):
    return acme.machine(tier)


@pytest.fixture
def address(acme, vpc):
    return acme.public_ip(vpc["id"])


def forward(caller, address, vm, tier, **more):
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "networkid": tier["id"], "protocol": "tcp"}
    given |= {"publicport": 22, "privateport": 2222, **more}
    return caller.job("createPortForwardingRule", **given)


def forwarded(caller, *given, **more):
    job = forward(caller, *given, **more)
    assert job["jobstatus"] == 1, job
    return job["jobresult"]["portforwardingrule"]


def shown(caller, address):
    return caller.list("listPublicIpAddresses", id=address["id"])[0]


def rules(netris):
    return [each for each in netris.get("/api/v2/nat").json()["data"] if each["name"].startswith("D")]


def dnat(netris):
    return [each for each in rules(netris) if each["action"]["value"] == "DNAT" and "-V" in each["name"]]


def subnet_of(netris, address):
    rows = netris.get("/api/v2/ipam/subnets", params={"filterByVpc": 1}).json()["data"]
    return next((row for row in rows if row["prefix"] == f"{address['ipaddress']}/32"), None)


# port forwarding


def test_a_rule_shows_ports_as_text_3_6(acme, tier, vm, address):
    made = forwarded(acme, address, vm, tier, cidrlist="198.18.0.0/15")

    assert made == {
        "id": made["id"],
        "protocol": "tcp",
        "publicport": "22",
        "publicendport": "22",
        "privateport": "2222",
        "privateendport": "2222",
        "ipaddressid": address["id"],
        "ipaddress": address["ipaddress"],
        "networkid": tier["id"],
        "virtualmachineid": vm["id"],
        "virtualmachinename": vm["name"],
        "virtualmachinedisplayname": vm["displayname"],
        "vmguestip": vm["ipaddress"],
        "cidrlist": "198.18.0.0/15",
        "state": "Active",
        "tags": [],
    } | {name: made[name] for name in ("jobid", "jobstatus") if name in made}
    (listed,) = acme.list("listPortForwardingRules", ipaddressid=address["id"])
    assert listed == {name: value for name, value in made.items() if name not in ("jobid", "jobstatus")}
    now = shown(acme, address)
    assert (now["hasrules"], now["associatednetworkid"]) == (True, tier["id"])


def test_a_rule_becomes_a_subnet_and_a_dnat_rule_4_3(acme, netris, tier, vm, address):
    forwarded(acme, address, vm, tier, protocol="UDP")

    (rule,) = dnat(netris)

    assert rule["name"].split("-DNAT-R")[0].endswith("-V1")
    assert (rule["protocol"]["value"], rule["sourceAddress"], rule["sourcePort"]) == ("udp", "0.0.0.0/0", "1-65535")
    assert (rule["destinationAddress"], rule["destinationPort"]) == (f"{address['ipaddress']}/32", "22")
    assert (rule["dnatToIP"], rule["dnatToPort"]) == (f"{vm['ipaddress']}/32", 2222)
    assert subnet_of(netris, address)["purpose"] == "nat"


def test_a_private_range_breaks_the_plugin_and_leaves_the_subnet_4_3(acme, netris, tier, vm, address):
    job = forward(acme, address, vm, tier, publicendport=25, privateendport=2225)

    assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to apply port forwarding rule"}
    assert acme("listPortForwardingRules") == {}
    assert (dnat(netris), subnet_of(netris, address)["purpose"]) == ([], "nat")
    assert "associatednetworkid" not in shown(acme, address)


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"publicport": 0}, 431),
        ({"publicport": 65536}, 431),
        ({"publicport": "ssh"}, 431),
        ({"publicport": None}, 431),
        ({"publicendport": 21}, 431),
        ({"publicendport": 25}, 431),
        ({"vmguestip": "10.10.1.250"}, 431),
        ({"networkid": None}, 431),
        ({"networkid": "00000000-0000-4000-8000-000000000000"}, 431),
    ],
)
def test_what_makes_no_sense_is_refused_while_the_caller_waits_3_6(acme, tier, vm, address, wrong, status):
    assert refusal(forward, acme, address, vm, tier, **wrong).status == status
    assert acme("listPortForwardingRules") == {}


def test_a_rule_may_say_any_protocol_3_6(acme, netris, tier, vm, address):
    assert forwarded(acme, address, vm, tier, protocol="icmp")["state"] == "Active"
    assert [each["protocol"]["value"] for each in dnat(netris)] == ["icmp"]


def test_overlaps_are_conflicts_3_6(acme, tier, vm, address):
    forwarded(acme, address, vm, tier)

    found = refusal(forward, acme, address, vm, tier, publicport=20, publicendport=30, privateendport=2232)
    assert (found.status, found.body["cserrorcode"]) == (537, 4360)
    forwarded(acme, address, vm, tier, protocol="udp")
    forwarded(acme, address, vm, tier, publicport=23)


def test_an_address_serves_one_purpose_and_one_tier_3_6(acme, vpc, tier, vm, address):
    other = acme.tier(vpc, "db", gateway="10.10.2.1")
    there = acme.machine(other, "db-1")
    rule = forwarded(acme, address, vm, tier)

    assert refusal(forward, acme, address, there, other, publicport=99).status == 431
    balancer = {"name": "lb", "algorithm": "roundrobin", "publicport": 80, "privateport": 80}
    assert refusal(acme, "createLoadBalancerRule", publicipid=address["id"], **balancer).status == 431
    assert refusal(acme, "enableStaticNat", ipaddressid=address["id"], virtualmachineid=vm["id"]).status == 431
    acme.done("deletePortForwardingRule", id=rule["id"])
    forwarded(acme, address, there, other)


def test_an_update_moves_the_private_side_3_6(acme, netris, tier, vm, address):
    other = acme.machine(tier, "web-2")
    rule = forwarded(acme, address, vm, tier)

    changed = acme.done("updatePortForwardingRule", id=rule["id"], privateport=80, virtualmachineid=other["id"])

    assert changed["portforwardingrule"]["vmguestip"] == other["ipaddress"]
    (found,) = dnat(netris)
    assert (found["dnatToIP"], found["dnatToPort"]) == (f"{other['ipaddress']}/32", 80)


def test_a_rule_that_netris_refuses_is_gone_4_4(world, acme, tier, vm, address):
    world.netris.faults.order("refuse", "POST /api/v2/nat", times=1)

    assert forward(acme, address, vm, tier)["jobresult"]["errorcode"] == 530
    assert acme("listPortForwardingRules") == {}


def test_a_failed_delete_leaves_deleting_and_is_repeated_4_4(world, acme, netris, tier, vm, address):
    rule = forwarded(acme, address, vm, tier)
    world.netris.faults.order("refuse", "DELETE /api/v2/nat/{id}", times=1)

    assert acme.job("deletePortForwardingRule", id=rule["id"])["jobresultcode"] == 431
    assert acme.list("listPortForwardingRules")[0]["state"] == "Deleting"
    acme.done("deletePortForwardingRule", id=rule["id"])

    assert (dnat(netris), subnet_of(netris, address)["purpose"]) == ([], "nat")


def test_a_failed_job_leaves_no_rule_2_2(world, acme, tier, vm, address):
    world.cloudstack.faults.order("fail_job", "createPortForwardingRule", times=1)

    assert forward(acme, address, vm, tier)["jobstatus"] == 2
    assert acme("listPortForwardingRules") == {}


def test_rules_of_others_are_out_of_reach_1_6(root, acme, tier, vm, address):
    rule = forwarded(acme, address, vm, tier)
    other = root.account("globex", root.domain("globex"))

    assert other("listPortForwardingRules") == {}
    assert refusal(other, "listPortForwardingRules", id=rule["id"]).status == 531
    assert refusal(other, "deletePortForwardingRule", id=rule["id"]).status == 531
    assert refusal(forward, other, address, vm, tier, publicport=80).status == 531


# static NAT


def test_static_nat_is_enabled_while_the_caller_waits_3_6(acme, netris, vpc, tier, vm, address):
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "networkid": tier["id"]}

    assert acme("enableStaticNat", **given) == {"success": True}

    now = shown(acme, address)
    assert (now["isstaticnat"], now["associatednetworkid"], now["hasrules"]) == (True, tier["id"], False)
    assert (now["virtualmachineid"], now["vmipaddress"]) == (vm["id"], vm["ipaddress"])
    (rule,) = dnat(netris)
    assert rule["name"].endswith("-STATICNAT") and "-VM" in rule["name"]
    assert (rule["protocol"]["value"], rule["dnatToIP"]) == ("all", f"{vm['ipaddress']}/32")
    assert [each["id"] for each in acme.list("listPublicIpAddresses", isstaticnat="true")] == [address["id"]]
    machine = acme.list("listVirtualMachines", id=vm["id"])[0]
    assert (machine["publicip"], machine["publicipid"]) == (address["ipaddress"], address["id"])


def test_disabling_leaves_the_subnet_until_the_release_quirk_46(acme, netris, tier, vm, address):
    acme("enableStaticNat", ipaddressid=address["id"], virtualmachineid=vm["id"], networkid=tier["id"])

    acme.done("disableStaticNat", ipaddressid=address["id"])

    assert dnat(netris) == []
    assert subnet_of(netris, address) is not None
    assert shown(acme, address)["isstaticnat"] is False
    acme.done("disassociateIpAddress", id=address["id"])
    assert subnet_of(netris, address) is None


def test_static_nat_has_its_conflicts_3_6(acme, vpc, tier, vm, address):
    other, second = acme.machine(tier, "web-2"), acme.public_ip(vpc["id"])
    source = acme.list("listPublicIpAddresses", vpcid=vpc["id"], issourcenat="true", forprovider="true")[0]
    given = {"virtualmachineid": vm["id"], "networkid": tier["id"]}
    assert refusal(acme, "enableStaticNat", ipaddressid=source["id"], **given).status == 431
    assert refusal(acme, "enableStaticNat", ipaddressid=address["id"], virtualmachineid=vm["id"]).status == 431
    acme("enableStaticNat", ipaddressid=address["id"], **given)

    assert refusal(acme, "enableStaticNat", ipaddressid=second["id"], **given).status == 431
    assert refusal(acme, "enableStaticNat", ipaddressid=address["id"], virtualmachineid=other["id"]).status == 537
    assert refusal(forward, acme, address, vm, tier).status == 431
    assert acme.job("disableStaticNat", ipaddressid=second["id"])["jobresultcode"] == 431


def test_a_machine_with_static_nat_gets_no_other_3_6(acme, netris, tier, vm, address):
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "networkid": tier["id"]}
    acme("enableStaticNat", **given)

    found = refusal(acme, "enableStaticNat", **given)
    assert (found.status, found.body["cserrorcode"]) == (431, 4350)
    assert f"{vm['id']} is already associated with another public ip {address['ipaddress']}" in found.text
    assert len(dnat(netris)) == 1


def test_what_netris_refuses_is_static_nat_to_cloudstack_until_it_is_disabled_4_4(
    world, acme, netris, tier, vm, address
):
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "networkid": tier["id"]}
    world.netris.faults.order("refuse", "POST /api/v2/nat", times=1)

    found = refusal(acme, "enableStaticNat", **given)

    assert (found.status, found.text) == (431, "Failed API call to Netris controller")
    assert (shown(acme, address)["isstaticnat"], dnat(netris)) == (True, [])
    assert subnet_of(netris, address) is not None
    assert refusal(acme, "enableStaticNat", **given).status == 431
    acme.done("disableStaticNat", ipaddressid=address["id"])
    acme("enableStaticNat", **given)
    assert len(dnat(netris)) == 1


def test_an_address_whose_subnet_netris_keeps_is_free_all_the_same_4_4(world, acme, netris, tier, vm, address):
    forwarded(acme, address, vm, tier)
    world.netris.faults.order("refuse", "DELETE /api/v2/ipam/subnet/{id}", times=1)

    job = acme.job("disassociateIpAddress", id=address["id"])

    assert job["jobresult"] == {"errorcode": 431, "errortext": "Failed API call to Netris controller"}
    assert acme.list("listPublicIpAddresses", state="Free", ipaddress=address["ipaddress"])
    assert subnet_of(netris, address) is not None


def test_an_address_is_named_or_of_the_routers_range_w14(world, root, acme, vpc):
    ranges = {row["id"]: row for row in root.list("listVlanIpRanges")}
    plain = acme.done("associateIpAddress", vpcid=vpc["id"])["ipaddress"]
    assert ("forprovider" in plain and plain["forprovider"]) is False
    assert "provider" not in ranges[root.list("listPublicIpAddresses", id=plain["id"], listall="true")[0]["vlanid"]]
    taken = refusal(acme, "associateIpAddress", vpcid=vpc["id"], ipaddress=plain["ipaddress"])
    foreign = refusal(acme, "associateIpAddress", vpcid=vpc["id"], ipaddress="9.9.9.9")
    assert {(each.status, each.text) for each in (taken, foreign)} == {(533, "Insufficient address capacity")}


def test_without_a_router_s_address_none_is_handed_out_w14(world, root, vpc):
    for row in world.cloudstack.cloud.table("publicip"):
        if row["state"] == "Free" and not row["forprovider"] and not row["forsystemvms"]:
            world.cloudstack.cloud.change("publicip", row, state="Reserved", pool="gone")

    found = refusal(root, "associateIpAddress", vpcid=vpc["id"])

    assert (found.status, found.text) == (530, "Failed to fetch any free public IP address")


# what goes with what


def test_an_address_takes_its_rules_with_it_3_6(acme, netris, tier, vm, address):
    forwarded(acme, address, vm, tier)

    acme.done("disassociateIpAddress", id=address["id"])

    assert acme("listPortForwardingRules") == {}
    assert (dnat(netris), subnet_of(netris, address)) == ([], None)


def test_a_machine_takes_its_rules_with_it_when_it_is_expunged_3_9(root, acme, netris, vpc, tier, vm, address):
    second = acme.public_ip(vpc["id"])
    forwarded(acme, address, vm, tier)
    acme("enableStaticNat", ipaddressid=second["id"], virtualmachineid=vm["id"], networkid=tier["id"])
    acme.done("destroyVirtualMachine", id=vm["id"])
    assert len(dnat(netris)) == 2

    root.done("expungeVirtualMachine", id=vm["id"])

    assert (dnat(netris), acme("listPortForwardingRules")) == ([], {})
    assert not shown(acme, second)["isstaticnat"]


def test_a_machine_whose_rules_netris_keeps_is_expunged_later_4_5(world, root, acme, netris, tier, vm, address):
    forwarded(acme, address, vm, tier)
    acme.done("destroyVirtualMachine", id=vm["id"])
    world.netris.faults.order("refuse", "DELETE /api/v2/nat/{id}", times=2)  # the collector's call, and the expunger's
    world.clock.advance(86500)
    assert len(root.list("listVirtualMachines", listall="true")) == 1

    world.clock.advance(120)

    assert root("listVirtualMachines", listall="true") == {}
    assert dnat(netris) == []


def test_all_of_it_goes_with_the_account_3_1(world, root, acme, vpc, tier, vm, address):
    forwarded(acme, address, vm, tier)
    acme(
        "enableStaticNat", ipaddressid=acme.public_ip(vpc["id"])["id"], virtualmachineid=vm["id"], networkid=tier["id"]
    )

    root.done("deleteAccount", id=acme.account_view["id"])

    assert world.are_empty()
