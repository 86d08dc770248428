"""Public addresses, static NAT and forwards: what the plugin makes of them, and what is left after each failure."""

import pytest

from tests.sandbox.cloudstack.client import refusal
from tests.sandbox.control import at_the_call, order
from tests.sandbox.traps.scene import (
    DELETE_NAT,
    DELETE_SUBNET,
    POST_NAT,
    POST_SUBNET,
    REFUSED,
)

ADDRESS_TEXT = "Insufficient address capacity"
NOT_APPLIED = {"errorcode": 530, "errortext": "Failed to apply port forwarding rule"}


# the safest ways


def test_an_address_that_is_named_is_taken_without_a_word_to_netris(scene, spy):
    assert scene.vpc
    (free, *_) = scene.root.list("listPublicIpAddresses", state="Free", forprovider="true")
    spy.clear()

    taken = scene.root.done("associateIpAddress", vpcid=scene.vpc["id"], ipaddress=free["ipaddress"])["ipaddress"]

    assert (taken["id"], taken["forprovider"], spy) == (free["id"], True, [])


def test_an_address_that_is_taken_is_a_533_whoever_has_it(scene):
    taken = scene.address["ipaddress"]
    other = scene.root.vpc("other", cidr="10.20.0.0/16")

    for vpc in (scene.vpc, other):
        found = refusal(scene.root, "associateIpAddress", vpcid=vpc["id"], ipaddress=taken)
        assert (found.status, found.text) == (533, ADDRESS_TEXT)


def test_an_address_that_was_just_released_can_be_had_at_once_also_while_its_vpc_restarts(scene):
    address = scene.address
    scene.world.cloudstack.jobs.seconds = 60
    restart = scene.root("restartVPC", id=scene.vpc["id"])["jobid"]
    released = scene.root("disassociateIpAddress", id=address["id"])["jobid"]
    scene.world.clock.advance(31)
    assert scene.root("queryAsyncJobResult", jobid=restart)["jobstatus"] == 0
    assert scene.root("queryAsyncJobResult", jobid=released)["jobstatus"] == 1

    again = scene.root("associateIpAddress", vpcid=scene.vpc["id"], ipaddress=address["ipaddress"])

    assert again["id"] == address["id"]


def test_the_loser_of_a_race_for_an_address_is_told_533(scene):
    (free, *_) = scene.root.list("listPublicIpAddresses", state="Free", forprovider="true")
    given = {"vpcid": scene.vpc["id"], "ipaddress": free["ipaddress"]}
    scene.world.cloudstack.jobs.seconds = 60

    scene.root("associateIpAddress", **given)  # its job has not even begun

    assert refusal(scene.root, "associateIpAddress", **given).status == 533


def test_one_address_has_one_purpose(scene):
    scene.forwarded()
    balancer = {"name": "lb", "algorithm": "roundrobin", "publicport": 80, "privateport": 80}
    placed = {"publicipid": scene.address["id"], "networkid": scene.tier["id"]}

    found = [
        refusal(scene.root, "createLoadBalancerRule", **balancer, **placed),
        refusal(scene.static),
    ]
    scene.static(scene.other_address)
    found.append(refusal(scene.forward, 80, scene.other_address))

    assert [(each.status, each.body["cserrorcode"]) for each in found] == [(431, 4350)] * 3


def test_static_nat_moves_when_it_is_disabled_before(scene):
    scene.static()
    scene.disable()
    assert scene.nat == []

    scene.static(vm=scene.other_vm)

    assert scene.nat == [scene.is_static(scene.address, scene.other_vm)]


def test_tcp_and_udp_share_a_port(scene):
    scene.forwarded(53)
    scene.forwarded(53, protocol="udp")

    assert sorted(row["protocol"]["value"] for row in scene.nat_rows) == ["tcp", "udp"]


def test_a_range_of_ports_is_refused_without_a_call_that_changes_anything(scene, spy):
    scene.forwarded()
    spy.clear()

    job = scene.forward(8000, publicendport=8010, privateendport=8010)

    assert job["jobresult"] == NOT_APPLIED
    assert {method for method, *_ in spy} == {"GET"}
    assert scene.forwards == [("22", "22", "Active")]


def never_started(scene):
    given = {"serviceofferingid": scene.root.list("listServiceOfferings")[0]["id"], "networkids": scene.tier["id"]}
    given["templateid"] = scene.root.list("listTemplates", templatefilter="executable")[0]["id"]
    given |= {"zoneid": scene.root.zone, "name": "cold", "startvm": "false"}
    return scene.root.done("deployVirtualMachine", **given)["virtualmachine"]


def test_a_forward_to_a_machine_that_was_never_started_goes_to_null(scene, spy):
    vm = never_started(scene)
    assert scene.address
    spy.clear()

    assert scene.forward(vm=vm)["jobresult"] == NOT_APPLIED

    assert b'"dnatToIP":"null/32"' in next(
        body for method, path, body in spy if path.endswith("/nat") and method == "POST"
    )
    assert (scene.forwards, scene.nat) == ([], [])
    scene.root.done("startVirtualMachine", id=vm["id"])
    scene.root.done("stopVirtualMachine", id=vm["id"])
    scene.forwarded(vm=vm)


# what stays for how long


def test_the_subnet_of_an_address_goes_with_the_address_alone(scene):
    rule = scene.forwarded()
    scene.static(scene.other_address)

    scene.root.done("deletePortForwardingRule", id=rule["id"])
    scene.disable(scene.other_address)
    assert (scene.nat, scene.has_subnet(), scene.has_subnet(scene.other_address)) == ([], True, True)

    scene.release()
    assert (scene.has_subnet(), scene.has_subnet(scene.other_address)) == (False, True)
    scene.root.done("destroyVirtualMachine", id=scene.vm["id"], expunge="true")
    scene.root.done("deleteNetwork", id=scene.tier["id"])
    assert scene.has_subnet(scene.other_address)
    scene.root.done("deleteVPC", id=scene.vpc["id"])
    assert not scene.has_subnet(scene.other_address)


def test_the_rules_of_a_destroyed_machine_stay_until_it_is_expunged(scene):
    scene.forwarded()
    scene.static(scene.other_address)

    scene.root.done("destroyVirtualMachine", id=scene.vm["id"])
    assert (len(scene.nat), len(scene.forwards)) == (2, 1)
    scene.root.done("expungeVirtualMachine", id=scene.vm["id"])

    assert (scene.nat, scene.forwards, scene.shown(scene.other_address)["isstaticnat"]) == ([], [], False)


def test_rules_of_a_second_nic_lead_to_that_nics_address(scene):
    other = scene.root.tier(scene.vpc, "db", gateway="10.10.2.1")
    vm = scene.root.machine({"id": f"{scene.tier['id']},{other['id']}"})
    there = vm["nic"][1]["ipaddress"]

    scene.forwarded(vm=vm, tier=other)
    scene.static(scene.other_address, vm, other)

    assert [leads for *_, leads in scene.nat] == [f"{there}/32"] * 2


def test_static_nat_of_an_allocated_tier_is_refused_at_the_start_and_tried_again(scene, spy):
    scene.root.done("stopVirtualMachine", id=scene.vm["id"])
    scene.passes(1300)
    assert scene.state() == "Allocated"
    scene.static()
    assert scene.nat == [scene.is_static(scene.address, scene.vm)]
    spy.clear()

    scene.root.done("startVirtualMachine", id=scene.vm["id"])

    assert [method for method, path, _ in spy if "/nat" in path and method != "GET"] == ["POST", "DELETE", "POST"]
    assert scene.nat == [scene.is_static(scene.address, scene.vm)]


# after failure


@pytest.mark.parametrize(("call", "has_subnet"), [(POST_SUBNET, False), (POST_NAT, True)], ids=["subnet", "NAT"])
def test_refused_static_nat_is_shown_as_static_and_heals_by_disabling_it(scene, call, has_subnet):
    assert scene.vm
    assert scene.address
    scene.refuse(call)

    found = refusal(scene.static)

    assert (found.status, found.text) == (431, REFUSED["errortext"])
    assert (scene.shown()["isstaticnat"], scene.nat, scene.has_subnet()) == (True, [], has_subnet)
    again = refusal(scene.static)
    assert (again.status, "is already associated with another public ip" in again.text) == (431, True)
    assert scene.disable()["jobstatus"] == 1
    scene.static()
    assert scene.nat == [scene.is_static(scene.address, scene.vm)]


def test_static_nat_whose_reply_is_lost_is_there_on_both_sides(scene):
    assert scene.vm
    assert scene.address
    scene.lose_reply(POST_NAT)

    assert refusal(scene.static).status == 431

    assert scene.shown()["isstaticnat"]
    assert scene.nat == [scene.is_static(scene.address, scene.vm)]
    assert "is already associated" in refusal(scene.static).text


def test_static_nat_whose_removal_is_refused_stays_and_is_disabled_again(scene):
    scene.static()
    scene.refuse(DELETE_NAT)

    assert scene.disable()["jobresult"] == REFUSED

    assert (scene.shown()["isstaticnat"], len(scene.nat)) == (True, 1)
    assert scene.disable()["jobstatus"] == 1
    assert (scene.shown()["isstaticnat"], scene.nat) == (False, [])


def test_the_good_static_nat_that_a_failed_second_took_along_comes_back_by_itself_disabled_and_enabled(scene):
    extra = scene.secondary()
    scene.static()
    refusal(scene.static, scene.other_address, vmguestip=extra)
    scene.disable(scene.other_address)
    assert (scene.shown()["isstaticnat"], scene.nat) == (True, [])

    assert scene.disable()["jobstatus"] == 1
    scene.static()

    assert scene.nat == [scene.is_static(scene.address, scene.vm)]


@pytest.mark.parametrize("what", ["the rule refused", "the subnet refused", "the reply lost"])
def test_a_forward_that_fails_leaves_no_rule_on_either_side_and_is_repeated(scene, what):
    assert scene.vm
    assert scene.address
    if what == "the reply lost":
        scene.lose_reply(POST_NAT)
    else:
        scene.refuse(POST_NAT if what == "the rule refused" else POST_SUBNET)

    assert scene.forward()["jobresult"] == NOT_APPLIED

    assert (scene.forwards, scene.nat) == ([], [])
    scene.forwarded()
    assert scene.nat == [scene.is_forward(scene.address, scene.vm)]


def test_a_changed_forward_that_is_refused_has_the_new_port_and_no_rule_until_it_is_repeated(scene):
    rule = scene.forwarded()
    scene.refuse(POST_NAT)

    assert scene.root.job("updatePortForwardingRule", id=rule["id"], privateport=2222)["jobstatus"] == 2

    assert (scene.forwards, scene.nat) == ([("22", "2222", "Add")], [])
    scene.root.done("updatePortForwardingRule", id=rule["id"], privateport=2222)
    assert (scene.forwards, len(scene.nat)) == ([("22", "2222", "Active")], 1)


@pytest.mark.parametrize("command", ["updatePortForwardingRule", "deletePortForwardingRule"])
def test_a_forward_whose_old_rule_netris_keeps_is_deleting_until_it_is_repeated(scene, command):
    rule = scene.forwarded()
    scene.refuse(DELETE_NAT)
    change = {"privateport": 2222} if command.startswith("update") else {}

    assert scene.root.job(command, id=rule["id"], **change)["jobresult"] == REFUSED

    assert [state for *_, state in scene.forwards] == ["Deleting"]
    assert [row["dnatToPort"] for row in scene.nat_rows] == [22]
    scene.root.done(command, id=rule["id"], **change)
    assert [row["dnatToPort"] for row in scene.nat_rows] == ([2222] if change else [])


def test_a_release_that_fails_at_a_rule_keeps_the_address_and_is_repeated(scene):
    scene.forwarded(22)
    scene.forwarded(80)
    scene.world.netris.faults.order("refuse", DELETE_NAT)

    assert scene.release()["jobresult"] == REFUSED
    assert (scene.shown()["state"], scene.shown()["vpcid"]) == ("Releasing", scene.vpc["id"])
    assert {state for *_, state in scene.forwards} == {"Deleting"}
    scene.world.netris.faults.clear()
    assert scene.release()["jobstatus"] == 1

    assert (scene.shown()["state"], scene.nat, scene.forwards, scene.has_subnet()) == ("Free", [], [], False)


def test_a_release_that_fails_at_static_nat_keeps_it_and_is_repeated(scene):
    scene.static()
    scene.refuse(DELETE_NAT)

    assert scene.release()["jobresult"] == REFUSED
    assert (scene.shown()["state"], scene.shown()["isstaticnat"], len(scene.nat)) == ("Releasing", True, 1)
    assert scene.release()["jobstatus"] == 1

    assert (scene.shown()["state"], scene.nat, scene.has_subnet()) == ("Free", [], False)


def test_a_forward_that_is_made_while_the_plugins_session_ends_goes_when_it_is_back(scene):
    """What CloudStack answers when its clean-up fails as well is unverified."""
    assert scene.vm
    assert scene.address

    with at_the_call(scene.world, "POST", "/api/v2/nat", lambda: order(scene.netris, "sessions/end")):
        job = scene.forward()
    assert (job["jobstatus"], [state for *_, state in scene.forwards]) == (2, ["Deleting"])
    assert scene.root.job("deletePortForwardingRule", id=forward_id(scene))["jobstatus"] == 2

    order(scene.root.http, "reconnect")
    scene.root.done("deletePortForwardingRule", id=forward_id(scene))
    scene.netris.post("/api/auth", json={"user": "sandbox", "password": "sandbox"})
    assert (scene.forwards, scene.nat) == ([], [])
    scene.forwarded()


def forward_id(scene):
    return scene.root.list("listPortForwardingRules")[0]["id"]


def lost_subnet(scene):
    """An address that is free in CloudStack and whose subnet stands on Netris."""
    scene.forwarded()
    scene.refuse(DELETE_SUBNET)
    assert scene.release()["jobresult"] == REFUSED
    assert (scene.shown()["state"], scene.has_subnet()) == ("Free", True)
    return scene.address["ipaddress"]


def test_a_release_that_fails_at_the_subnet_frees_the_address_and_cannot_be_repeated(scene):
    lost_subnet(scene)

    found = refusal(scene.root, "disassociateIpAddress", id=scene.address["id"])

    assert (found.status, found.body["cserrorcode"]) == (530, 4250)
    assert scene.has_subnet()


def test_the_next_owner_of_such_an_address_gets_no_rule(scene):
    address = lost_subnet(scene)
    other = scene.root.vpc("other", cidr="10.20.0.0/16")
    tier = scene.root.tier(other, gateway="10.20.1.1")
    vm = scene.root.machine(tier, "other-1")
    taken = scene.root.done("associateIpAddress", vpcid=other["id"], ipaddress=address)["ipaddress"]

    assert refusal(scene.static, taken, vm, tier).text == REFUSED["errortext"]
    scene.disable(taken)
    assert scene.forward(22, taken, vm, tier)["jobresult"] == NOT_APPLIED


def test_such_an_address_heals_when_it_is_taken_and_released_once_more(scene):
    address = lost_subnet(scene)
    other = scene.root.vpc("other", cidr="10.20.0.0/16")

    taken = scene.root.done("associateIpAddress", vpcid=other["id"], ipaddress=address)["ipaddress"]
    assert scene.release(taken)["jobstatus"] == 1

    assert not scene.has_subnet()


def test_a_vpc_whose_subnet_netris_keeps_is_inactive_and_the_subnet_leaks(scene):
    scene.static()
    scene.static(scene.other_address, scene.other_vm)
    for vm in (scene.vm, scene.other_vm):
        scene.root.done("destroyVirtualMachine", id=vm["id"], expunge="true")
    scene.root.done("deleteNetwork", id=scene.tier["id"])
    scene.refuse(DELETE_SUBNET)

    assert scene.root.job("deleteVPC", id=scene.vpc["id"])["jobresult"] == REFUSED

    assert scene.root.list("listVPCs")[0]["state"] == "Inactive"
    assert not any(row["name"].endswith("-prod") for row in scene.netris.get("/api/v2/vpc").json()["data"])
    scene.root.done("deleteVPC", id=scene.vpc["id"])
    assert scene.root("listVPCs") == {}
    assert sum("/32" in left for left in scene.world.what_is_left()) == 1
