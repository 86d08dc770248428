"""Reserved addresses and dedicated ranges: cloudstack-api.md 3.6, 3.10 and 4.3."""

from tests.sandbox.cloudstack.client import refusal


def free(caller, **more):
    return caller.list("listPublicIpAddresses", state="Free", **more)


def vlan_of(root, address):
    return root.list("listPublicIpAddresses", id=address["id"])[0]["vlanid"]


def owner(caller):
    return {"account": caller.account_view["name"], "domainid": caller.account_view["domainid"]}


def test_a_reserved_address_waits_for_its_owner_4_3(acme, globex):
    vpc, other = acme.vpc(), globex.vpc()
    address = free(acme, forprovider="true")[0]

    reserved = acme("reserveIpAddress", id=address["id"])["ipaddress"]

    assert (reserved["state"], reserved["account"]) == ("Reserved", "acme")
    assert [each["id"] for each in acme.list("listPublicIpAddresses", state="Reserved")] == [address["id"]]
    wanted = {"ipaddress": address["ipaddress"]}
    assert refusal(globex, "associateIpAddress", vpcid=other["id"], **wanted).status == 533
    assert refusal(globex, "releaseIpAddress", id=address["id"]).status == 531
    assert refusal(acme, "reserveIpAddress", id=address["id"]).status == 431
    acme.done("associateIpAddress", vpcid=vpc["id"], **wanted)
    assert refusal(acme, "releaseIpAddress", id=address["id"]).status == 431


def test_a_reservation_is_given_back_4_3(world, acme):
    address = free(acme, forprovider="true")[0]
    acme("reserveIpAddress", id=address["id"])

    assert acme("releaseIpAddress", id=address["id"]) == {"success": True}
    assert address["id"] in [each["id"] for each in free(acme, forprovider="true")]
    assert world.are_empty()


def test_an_update_hides_an_address_from_tenants_only_for_root_3_6(root, acme):
    address = acme.done(
        "associateIpAddress", vpcid=acme.vpc()["id"], ipaddress=free(acme, forprovider="true")[0]["ipaddress"]
    )
    identifier = address["ipaddress"]["id"]

    assert "fordisplay" not in acme.done("updateIpAddress", id=identifier, fordisplay="false")["ipaddress"]
    assert root.done("updateIpAddress", id=identifier, fordisplay="false")["ipaddress"]["fordisplay"] is False


def test_a_dedicated_public_range_serves_its_account_alone_3_10(root, acme, globex):
    given = {"gateway": "192.0.2.1", "netmask": "255.255.255.0", "startip": "192.0.2.10", "endip": "192.0.2.20"}
    vlan = root("createVlanIpRange", zoneid=root.zone, vlan="untagged", provider="Netris", **given)["vlan"]["id"]

    made = root("dedicatePublicIpRange", id=vlan, **owner(acme))["vlan"]

    assert made["account"] == "acme"
    assert [each["id"] for each in root.list("listVlanIpRanges", **owner(acme))] == [vlan]
    assert refusal(root, "dedicatePublicIpRange", id=vlan, **owner(globex)).status == 431
    vpc = globex.vpc()
    assert refusal(globex, "associateIpAddress", vpcid=vpc["id"], ipaddress="192.0.2.11").status == 533
    acme.done("associateIpAddress", vpcid=acme.vpc()["id"], ipaddress="192.0.2.10")
    root("releasePublicIpRange", id=vlan)
    globex.done("associateIpAddress", vpcid=vpc["id"], ipaddress="192.0.2.11")
    assert refusal(root, "releasePublicIpRange", id=vlan).status == 431
    assert refusal(root, "dedicatePublicIpRange", id=vlan, **owner(acme)).status == 431
    assert refusal(root, "deleteVlanIpRange", id=vlan).status == 431


def test_an_idle_range_is_deleted_3_10(root):
    given = {"gateway": "192.0.2.1", "netmask": "255.255.255.0", "startip": "192.0.2.10", "endip": "192.0.2.20"}
    vlan = root("createVlanIpRange", zoneid=root.zone, vlan="untagged", **given)["vlan"]["id"]

    root("deleteVlanIpRange", id=vlan)

    assert len(root.list("listVlanIpRanges")) == 3
    assert not [each for each in free(root) if each["ipaddress"].startswith("192.0.2.")]


def test_a_dedicated_vni_range_serves_its_account_alone_3_10(root, acme, globex):
    network = root.list("listPhysicalNetworks")[0]["id"]
    given = {"physicalnetworkid": network, "vlanrange": "1000100-1000101"}

    made = root("dedicateGuestVlanRange", **given, **owner(acme))["dedicatedguestvlanrange"]

    assert (made["guestvlanrange"], made["account"]) == ("1000100-1000101", "acme")
    assert isinstance(made["physicalnetworkid"], int) and isinstance(made["zoneid"], int)
    assert [each["id"] for each in root.list("listDedicatedGuestVlanRanges", **owner(acme))] == [made["id"]]
    assert root("listDedicatedGuestVlanRanges", **owner(globex)) == {}
    assert refusal(root, "dedicateGuestVlanRange", **given, **owner(globex)).status == 431
    wrong = {**given, "vlanrange": "1-2"}
    assert refusal(root, "dedicateGuestVlanRange", **wrong, **owner(acme)).status == 431
    vpc = acme.vpc()
    for third in (1, 2):
        acme.tier(vpc, f"t{third}", gateway=f"10.10.{third}.1")
    taken = root.list("listGuestVlans", allocatedonly="true")
    assert {each["vlan"] for each in taken} == {"1000100", "1000101"}
    assert {each["isdedicated"] for each in taken} == {True}
    assert refusal(acme.tier, vpc, "t3", gateway="10.10.3.1").status == 530
    root.done("releaseDedicatedGuestVlanRange", id=made["id"])
    acme.tier(vpc, "t3", gateway="10.10.3.1")


def test_what_is_dedicated_is_free_again_without_its_account_3_1(root, acme):
    network = root.list("listPhysicalNetworks")[0]["id"]
    root("dedicateGuestVlanRange", physicalnetworkid=network, vlanrange="1000100-1000101", **owner(acme))

    root.done("deleteAccount", id=acme.account_view["id"])

    assert root("listDedicatedGuestVlanRanges") == {}
