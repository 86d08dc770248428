"""Load balancers, as a real CloudStack with its plugin treated them: when one is open, what resets what, what heals."""

from __future__ import annotations

import pytest

from tests.sandbox.cloudstack.client import refusal
from tests.sandbox.control import after_each_change, at_the_call, data
from tests.sandbox.traps.scene import (
    ANYWHERE,
    DELETE_ACL,
    DELETE_LB,
    POST_ACL,
    POST_LB,
    POST_SUBNET,
    PUT_LB,
    REFUSED,
    told,
)

SOURCES = "192.0.2.0/24"
NOT_ASSIGNED = {"errorcode": 530, "errortext": "Failed to assign load balancer rule"}


def balancer(scene, name="web", port=443, sources=None, **more):
    given = {"name": name, "algorithm": "roundrobin", "publicport": port, "privateport": 8443, "cidrlist": sources}
    given |= {"publicipid": scene.address["id"], "networkid": scene.tier["id"], **more}
    return scene.root.done("createLoadBalancerRule", **given)["loadbalancer"]


def assign(scene, rule, *vms):
    ids = ",".join(vm["id"] for vm in vms or (scene.vm,))
    return scene.root.job("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=ids)


def remove(scene, rule, vm=None):
    return scene.root.job("removeFromLoadBalancerRule", id=rule["id"], virtualmachineids=(vm or scene.vm)["id"])


def delete(scene, rule):
    return scene.root.job("deleteLoadBalancerRule", id=rule["id"])


def balanced(scene, **more):
    """A rule with its first member."""
    rule = balancer(scene, **more)
    assert assign(scene, rule)["jobstatus"] == 1
    return rule


def on_netris(scene):
    """The addresses of the members of each balancer."""
    rows = data(scene.netris, "/api/v2/l4lb")
    return [sorted(member["ip"] for member in row["backendIps"]) for row in rows]


def doors(scene):
    """The rules that the plugin has made in the System VPC: number, action and source."""
    rows = [row for row in data(scene.netris, "/api/acl") if "-LBACL" in row["name"]]
    return sorted(
        (row["name"].split("-LBACL")[1][0], row["action"], f"{row['src_prefix']}/{row['src_length']}") for row in rows
    )


CLOSED = [("0", "deny", ANYWHERE), ("1", "permit", SOURCES)]


def state(scene, rule):
    found = [row for row in scene.root.list("listLoadBalancerRules") if row["id"] == rule["id"]]
    return found[0]["state"] if found else "gone"


def members(scene, rule):
    found = scene.root.list("listLoadBalancerRuleInstances", id=rule["id"])
    return sorted(vm["name"] for vm in found)


def addresses(*vms):
    return sorted(vm["ipaddress"] for vm in vms)


def has_subnet(scene):
    """The /32, as one of balancers."""
    rows = scene.netris.get("/api/v2/ipam/subnets", params={"filterByVpc": 1}).json()["data"]
    wanted = (f"{scene.address['ipaddress']}/32", "load-balancer")
    return wanted in [(row["prefix"], row["purpose"]) for row in rows]


# open and closed


def test_without_members_nothing_stands_on_netris(scene, spy):
    assert scene.vm
    assert scene.address
    spy.clear()

    rule = balancer(scene, sources=SOURCES)

    assert (spy, on_netris(scene), doors(scene), state(scene, rule)) == ([], [], [], "Add")


def test_a_new_balancer_stands_open_until_its_rules_are_written(scene):
    rule = balancer(scene, sources=SOURCES)

    with after_each_change(scene.world, lambda: (len(on_netris(scene)), len(doors(scene)))) as seen:
        assert assign(scene, rule)["jobstatus"] == 1

    assert seen[-3:] == [(1, 0), (1, 1), (1, 2)]
    assert doors(scene) == CLOSED


def a_rule(scene, name, action="deny", source=ANYWHERE):
    """Somebody's own, in the System VPC, about the address."""
    body = {"name": name, "action": action, "proto": "tcp", "src_prefix": source, "established": 1}
    body |= {"dst_prefix": f"{scene.address['ipaddress']}/32", "dst_port_from": 443, "dst_port_to": 443}
    body |= {"src_port_from": 1, "src_port_to": 65535, "vpc": {"id": 1}}
    # An address that has no subnet yet lies in that of the pool.
    response = scene.netris.post("/api/acl", json=body)
    assert response.is_success, response.text


def test_with_the_denial_made_before_it_is_never_open_and_the_plugin_takes_it_along(scene, spy):
    rule = balancer(scene, sources=SOURCES)
    stem = next(row["name"] for row in data(scene.netris, "/api/v2/vpc") if row["name"].endswith("prod"))
    a_rule(scene, f"{stem.removesuffix('-prod')}-LBACL0-web")
    spy.clear()

    with after_each_change(scene.world, lambda: (len(on_netris(scene)), len(doors(scene)))) as seen:
        assert assign(scene, rule)["jobstatus"] == 1

    assert (seen[-3:], doors(scene)) == ([(1, 1), (1, 1), (1, 2)], CLOSED)
    assert delete(scene, rule)["jobstatus"] == 1
    assert doors(scene) == []


def test_rules_of_other_names_are_left_alone(scene):
    rule = balanced(scene, sources=SOURCES)
    a_rule(scene, "somebody's", source="198.18.0.0/15")

    remove(scene, rule)
    assign(scene, rule)
    scene.root.done("updateLoadBalancerRule", id=rule["id"], cidrlist="198.51.100.0/24")
    delete(scene, rule)

    assert [row["name"] for row in data(scene.netris, "/api/acl")] == ["somebody's"]


def test_sources_change_one_for_one(scene):
    """That two for one are a 431 was seen once, of a balancer that had been renamed in vain before."""
    rule = balanced(scene, sources=SOURCES)

    scene.root.done("updateLoadBalancerRule", id=rule["id"], cidrlist="198.18.0.0/15")

    assert doors(scene) == [("0", "deny", ANYWHERE), ("1", "permit", "198.18.0.0/15")]


def test_after_a_rename_in_vain_new_sources_fail_as_well(scene):
    rule = balanced(scene, sources=SOURCES)
    assert scene.root.job("updateLoadBalancerRule", id=rule["id"], name="shop")["jobresult"] == REFUSED

    job = scene.root.job("updateLoadBalancerRule", id=rule["id"], cidrlist="192.0.2.0/24,198.18.0.0/15")

    assert (job["jobresult"], doors(scene)) == (REFUSED, CLOSED)


# members


def test_the_last_member_leaves_an_empty_balancer(scene):
    rule = balanced(scene)

    assert remove(scene, rule)["jobstatus"] == 1

    assert (on_netris(scene), state(scene, rule)) == ([[]], "Add")


def test_members_of_another_tier_are_refused(scene):
    rule = balanced(scene)
    far = scene.root.machine(scene.root.tier(scene.vpc, "db", gateway="10.10.2.1"), "db-1")

    assert assign(scene, rule, far)["jobresult"] == NOT_ASSIGNED
    assert on_netris(scene) == [addresses(scene.vm)]


def test_stopped_machines_and_ten_addresses_of_one_are_fine_and_so_is_a_delete_with_members(scene):
    rule = balancer(scene)
    scene.root.done("stopVirtualMachine", id=scene.vm["id"])
    assert assign(scene, rule)["jobstatus"] == 1
    extra = [scene.secondary(scene.other_vm) for _ in range(10)]
    given = {f"vmidipmap[{at}].vmid": scene.other_vm["id"] for at in range(10)}
    given |= {f"vmidipmap[{at}].vmip": address for at, address in enumerate(extra)}

    scene.root.done("assignToLoadBalancerRule", id=rule["id"], **given)

    assert on_netris(scene) == [sorted([scene.vm["ipaddress"], *extra])]
    assert delete(scene, rule)["jobstatus"] == 1
    assert (on_netris(scene), state(scene, rule)) == ([], "gone")


# what resets what somebody else has written


def written(scene, *vms, **more):
    """Health check, UDP is another case, maintenance, members: past CloudStack, on Netris."""
    (row,) = data(scene.netris, "/api/v2/l4lb")
    backends = [{"ip": vm["ipaddress"], "port": 8443, "maintenance": True} for vm in vms or (scene.vm,)]
    body = {"healthCheck": "TCP", "timeOut": "2000", "backendIps": backends, **more}
    assert scene.netris.put(f"/api/v2/l4lb/{row['id']}", json=body).is_success


def kept(scene):
    """The check, protocol, and members with their maintenance."""
    (row,) = data(scene.netris, "/api/v2/l4lb")
    check = (row["healthcheck"] or {"protocol": "None"})["protocol"]
    return check, row["protocol"], sorted((each["ip"], each["maintenance"]) for each in row["backendIps"])


def collected(scene, rule):
    """The tier's machines stop, its rules go with it, and the first one that starts brings them back."""
    for vm in scene.root.list("listVirtualMachines"):
        scene.root.done("stopVirtualMachine", id=vm["id"])
    scene.passes(1300)
    assert (scene.state(), on_netris(scene)) == ("Allocated", [])
    scene.root.done("startVirtualMachine", id=scene.vm["id"])


RESETS = {
    "assign": lambda scene, rule: assign(scene, rule, scene.root.machine(scene.tier, "web-3")),
    "remove": lambda scene, rule: remove(scene, rule, scene.other_vm),
    "a text": lambda scene, rule: scene.root.done("updateLoadBalancerRule", id=rule["id"], description="words"),
    "stickiness": lambda scene, rule: scene.root.done(
        "createLBStickinessPolicy", lbruleid=rule["id"], name="sticky", methodname="lbcookie"
    ),
    "restartNetwork": lambda scene, rule: scene.root.done("restartNetwork", id=scene.tier["id"]),
    "expunge": lambda scene, rule: scene.root.done("destroyVirtualMachine", id=scene.other_vm["id"], expunge="true"),
    "first start": collected,
}


@pytest.mark.parametrize("change", RESETS)
def test_it_resets_check_and_members_and_rules(scene, change):
    rule = balancer(scene, sources=SOURCES)
    assign(scene, rule, scene.vm, scene.other_vm)
    written(scene)  # one member, in maintenance
    deny = next(row for row in data(scene.netris, "/api/acl") if "-LBACL0" in row["name"])
    scene.delete_acls(deny["id"])
    assert kept(scene) == ("TCP", "TCP", [(scene.vm["ipaddress"], True)])

    RESETS[change](scene, rule)

    check, _, found = kept(scene)
    names = [vm["name"] for vm in scene.root.list("listLoadBalancerRuleInstances", id=rule["id"])]
    assert (check, len(found), any(maintenance for _, maintenance in found)) == ("None", len(names), False)
    assert doors(scene) == CLOSED


@pytest.mark.parametrize("change", RESETS)
def test_it_resets_the_protocol(scene, change):
    rule = balancer(scene, protocol="udp")
    assign(scene, rule, scene.vm, scene.other_vm)
    written(scene, healthCheck="None", protocol="UDP")
    assert kept(scene)[1] == "UDP"

    RESETS[change](scene, rule)

    assert kept(scene)[1] == "TCP"


def stopped_and_started(scene, rule):
    scene.root.done("stopVirtualMachine", id=scene.other_vm["id"])
    scene.root.done("startVirtualMachine", id=scene.other_vm["id"])


def refused_check(scene, rule):
    found = refusal(scene.root, "createLBHealthCheckPolicy", lbruleid=rule["id"], pingpath="/")
    assert found.status == 430


def replaced(scene, rule):
    acl = scene.acl()
    scene.made(acl, 10)
    assert scene.replace(acl, scene.tier)["jobstatus"] == 1


@pytest.mark.parametrize("change", [stopped_and_started, refused_check, replaced])
def test_it_resets_nothing(scene, change):
    rule = balancer(scene)
    assign(scene, rule, scene.vm, scene.other_vm)
    written(scene)

    change(scene, rule)

    assert kept(scene) == ("TCP", "TCP", [(scene.vm["ipaddress"], True)])


# after failure


@pytest.mark.parametrize(
    ("how", "call", "times", "is_there"), [("refuse", POST_LB, 1, False), ("lose_reply", POST_LB, 2, True)]
)
def test_a_failed_first_assignment_leaves_no_members_and_heals(scene, how, call, times, is_there):
    rule = balancer(scene)
    assert scene.vm
    scene.world.netris.faults.order(how, call, times=times)

    assert assign(scene, rule)["jobresult"]["errorcode"] in (431, 530)

    assert (state(scene, rule), members(scene, rule)) == ("Add", [])
    assert (has_subnet(scene), bool(on_netris(scene))) == (True, is_there)
    assert assign(scene, rule)["jobstatus"] == 1
    assert (state(scene, rule), on_netris(scene)) == ("Active", [addresses(scene.vm)])


@pytest.mark.parametrize(("how", "call"), [("refuse", POST_ACL), ("lose_reply", POST_LB)])
def test_a_balancer_whose_rules_fail_is_live_without_them_until_it_is_repeated(scene, how, call):
    rule = balancer(scene, sources=SOURCES)
    assert scene.vm
    scene.world.netris.faults.order(how, call, times=1 if how == "refuse" else 2)

    assert assign(scene, rule)["jobstatus"] == 2

    assert (state(scene, rule), members(scene, rule)) == ("Add", [])
    assert (on_netris(scene), doors(scene)) == ([addresses(scene.vm)], [])
    assert assign(scene, rule)["jobstatus"] == 1
    assert doors(scene) == CLOSED


def test_a_refused_subnet_leaves_nothing(scene):
    rule = balancer(scene)
    assert scene.vm
    scene.refuse(POST_SUBNET)

    assert assign(scene, rule)["jobstatus"] == 2

    assert (has_subnet(scene), on_netris(scene), members(scene, rule)) == (False, [], [])


def test_a_member_that_netris_refuses_is_none_and_heals(scene):
    rule = balanced(scene)
    scene.refuse(PUT_LB)

    assert assign(scene, rule, scene.other_vm)["jobstatus"] == 2

    assert (members(scene, rule), on_netris(scene)) == (["web-1"], [addresses(scene.vm)])
    assert assign(scene, rule, scene.other_vm)["jobstatus"] == 1
    assert on_netris(scene) == [addresses(scene.vm, scene.other_vm)]


def test_a_member_that_netris_does_not_let_go_stays_one_and_heals(scene):
    rule = balancer(scene)
    assign(scene, rule, scene.vm, scene.other_vm)
    scene.refuse(PUT_LB)

    assert remove(scene, rule)["jobresult"] == REFUSED

    assert (state(scene, rule), members(scene, rule)) == ("Add", ["web-1", "web-2"])
    assert on_netris(scene) == [addresses(scene.vm, scene.other_vm)]
    assert remove(scene, rule)["jobstatus"] == 1
    assert on_netris(scene) == [addresses(scene.other_vm)]


def test_a_balancer_that_netris_keeps_is_deleting_and_heals(scene):
    rule = balanced(scene, sources=SOURCES)
    scene.refuse(DELETE_LB)

    assert delete(scene, rule)["jobresult"] == REFUSED

    assert (state(scene, rule), on_netris(scene), doors(scene)) == ("Deleting", [addresses(scene.vm)], CLOSED)
    assert delete(scene, rule)["jobstatus"] == 1
    assert (state(scene, rule), on_netris(scene), doors(scene)) == ("gone", [], [])


def test_rules_that_netris_keeps_leak_though_the_repeated_delete_says_it_is_done(scene):
    rule = balanced(scene, sources=SOURCES)
    scene.refuse(DELETE_ACL)

    assert delete(scene, rule)["jobresult"] == REFUSED
    assert (state(scene, rule), on_netris(scene), doors(scene)) == ("Deleting", [], CLOSED)

    assert delete(scene, rule)["jobstatus"] == 1
    assert (state(scene, rule), doors(scene)) == ("gone", CLOSED)
    scene.delete_acls(*(row["id"] for row in data(scene.netris, "/api/acl")))
    assert doors(scene) == []


def test_of_two_first_assignments_at_once_one_is_lost_and_netris_has_both_until_the_next_write(scene):
    rule = balancer(scene)
    assert scene.vm
    assert scene.other_vm
    jobs = []

    with at_the_call(scene.world, "POST", "/api/v2/l4lb", lambda: jobs.append(assign(scene, rule, scene.other_vm))):
        jobs.append(assign(scene, rule))

    assert [job["jobstatus"] for job in jobs] == [1, 2]
    assert (members(scene, rule), on_netris(scene)) == (["web-2"], [addresses(scene.vm, scene.other_vm)])
    scene.root.done("updateLoadBalancerRule", id=rule["id"], description="words")
    assert on_netris(scene) == [addresses(scene.other_vm)]


def test_a_refused_call_is_made_once(scene, spy):
    """The SDK repeats a POST whose reply was lost, and none that was answered."""
    rule = balancer(scene)
    assert scene.vm
    scene.refuse(POST_LB)
    spy.clear()

    assign(scene, rule)

    assert told(spy) == ["POST", "POST"]  # the subnet, and the balancer
