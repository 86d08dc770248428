"""What somebody does while Netris is being told of something else: CloudStack queues some commands and not others
(cloudstack-api.md 2.2, 7). Whoever comes second, nothing is left on Netris that CloudStack has forgotten."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.cloudstack.client import refusal
from tests.sandbox.mirror import differences


@pytest.fixture
def vpc(acme):
    return acme.vpc()


@pytest.fixture
def acl(acme, vpc):
    return acme.done("createNetworkACLList", name="web-acl", vpcid=vpc["id"])["networkacllist"]


@pytest.fixture
def tier(acme, vpc, acl):
    return acme.tier(vpc, aclid=acl["id"])


@pytest.fixture
def vm(acme, tier):
    return acme.machine(tier)


@pytest.fixture
def address(acme, vpc):
    return acme.public_ip(vpc["id"])


@pytest.fixture
def meanwhile(world):
    """`meanwhile(method, path, act)`: `act` is done once, when the plugin is about to make that call."""
    client = world.cloudstack.cloud.plugin.client
    send = client.send
    waiting: list[tuple[str, str, Callable[[], Any]]] = []
    outcomes: list[Any] = []

    def listen(request, **more):
        if waiting and waiting[0][:2] == (request.method, request.url.path):
            outcomes.append(waiting.pop()[2]())
        return send(request, **more)

    def order(method, path, act):
        waiting.append((method, path, act))
        return outcomes

    client.send = listen
    return order


def static_nat(caller, address, vm, tier):
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "networkid": tier["id"]}
    return caller("enableStaticNat", **given)


def forward(caller, address, vm, tier):
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "networkid": tier["id"], "protocol": "tcp"}
    return caller.job("createPortForwardingRule", publicport=22, privateport=22, **given)


def expunge(root, vm):
    return root.done("destroyVirtualMachine", id=vm["id"], expunge="true")


# static NAT is enabled while the caller waits, and waits for nobody


def test_an_address_that_is_released_meanwhile_gets_no_static_nat_3_6(world, acme, tier, vm, address, meanwhile):
    done = meanwhile("POST", "/api/v2/nat", lambda: acme.done("disassociateIpAddress", id=address["id"]))

    assert refusal(static_nat, acme, address, vm, tier).status == 431

    assert done == [{"success": True}]
    found = acme.list("listPublicIpAddresses", state="Free", ipaddress=address["ipaddress"])
    assert [each["isstaticnat"] for each in found] == [False]
    assert differences(world) == []


def test_static_nat_that_is_disabled_meanwhile_stays_disabled_3_6(world, acme, tier, vm, address, meanwhile):
    done = meanwhile("POST", "/api/v2/nat", lambda: acme.done("disableStaticNat", ipaddressid=address["id"]))

    assert refusal(static_nat, acme, address, vm, tier).status == 530

    assert done == [{"success": True}]
    assert differences(world) == []


def test_a_machine_that_is_expunged_meanwhile_gets_no_static_nat_3_6(world, root, acme, tier, vm, address, meanwhile):
    meanwhile("POST", "/api/v2/nat", lambda: expunge(root, vm))

    assert refusal(static_nat, acme, address, vm, tier).status == 530

    assert not acme.list("listPublicIpAddresses", id=address["id"])[0]["isstaticnat"]
    assert differences(world) == []


def test_an_address_is_taken_before_netris_knows_it_3_6(world, acme, tier, vm, address, meanwhile):
    second = acme.machine(tier, "web-2")
    done = meanwhile("POST", "/api/v2/nat", lambda: refusal(static_nat, acme, address, second, tier).status)

    assert static_nat(acme, address, vm, tier) == {"success": True}

    assert done == [537]
    assert acme.list("listPublicIpAddresses", id=address["id"])[0]["virtualmachineid"] == vm["id"]
    assert differences(world) == []


# port forwarding waits for its VPC, the expunging of a machine for nothing


def test_a_rule_whose_machine_is_expunged_meanwhile_goes_with_it_4_4(world, root, acme, tier, vm, address, meanwhile):
    meanwhile("POST", "/api/v2/nat", lambda: expunge(root, vm))

    job = forward(acme, address, vm, tier)

    assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to apply port forwarding rule"}
    assert acme("listPortForwardingRules") == {}
    assert differences(world) == []


def test_a_balancer_whose_account_is_deleted_meanwhile_goes_with_it_4_4(
    world, root, acme, tier, vm, address, meanwhile
):
    given = {"publicipid": address["id"], "networkid": tier["id"], "algorithm": "roundrobin", "name": "lb"}
    rule = acme.done("createLoadBalancerRule", publicport=80, privateport=80, **given)["loadbalancer"]
    done = meanwhile("POST", "/api/v2/l4lb", lambda: root.job("deleteAccount", id=acme.account_view["id"]))
    job = acme("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=vm["id"])["jobid"]

    job = root("queryAsyncJobResult", jobid=job)

    assert (job["jobstatus"], done[0]["jobstatus"]) == (2, 1)
    assert world.are_empty()


# machines


def test_a_machine_that_is_expunged_while_it_starts_does_not_come_back_4_5(
    world, root, acme, vpc, acl, tier, meanwhile
):
    acme.done("createNetworkACL", aclid=acl["id"], protocol="all", cidrlist="0.0.0.0/0")
    meanwhile("GET", "/api/acl", lambda: expunge(root, root.list("listVirtualMachines", listall="true")[0]))
    offering = acme.list("listServiceOfferings")[0]["id"]
    template = acme.list("listTemplates", templatefilter="executable")[0]["id"]
    given = {"serviceofferingid": offering, "templateid": template, "zoneid": acme.zone, "networkids": tier["id"]}

    job = acme.job("deployVirtualMachine", **given)

    assert job["jobstatus"] == 2
    assert root("listVirtualMachines", listall="true") == {}
    acme.done("deleteNetwork", id=tier["id"])
    acme.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()


def test_a_tier_that_is_being_deleted_takes_nothing_in_4_2(world, acme, vpc, tier, address, meanwhile):
    states = []

    def knock():
        states.append(acme.list("listNetworks", id=tier["id"])[0]["state"])
        balancer = {"publicipid": address["id"], "networkid": tier["id"], "algorithm": "roundrobin", "name": "lb"}
        balancer |= {"publicport": 80, "privateport": 80}
        return refusal(acme.machine, tier).status, refusal(acme, "createLoadBalancerRule", **balancer).status

    done = meanwhile("GET", "/api/v2/vnet", knock)

    acme.done("deleteNetwork", id=tier["id"])

    assert (states, done) == (["Destroy"], [(431, 431)])
    assert acme("listVirtualMachines") == {}
    acme.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()


def test_a_tier_whose_clean_up_fails_is_allocated_and_works_no_more_4_2(world, acme, tier):
    world.netris.faults.order("refuse", "DELETE /api/v2/vnet/{id}", times=1)

    assert acme.job("deleteNetwork", id=tier["id"])["jobresultcode"] == 530

    assert acme.list("listNetworks", id=tier["id"])[0]["state"] == "Allocated"
    assert acme.machine(tier)["state"] == "Running"
    assert differences(world) == []
