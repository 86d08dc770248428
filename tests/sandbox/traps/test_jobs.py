"""What a job tells of what it is about, and what becomes of a command that is sent again."""

import pytest

from tests.sandbox.cloudstack.client import refusal
from tests.sandbox.traps.scene import ANYWHERE, POST_NAT, TCP_443, told

GONE = (431, 9999)


def about(scene, command, **parameters):
    """The type and the id in the answer about the job of a command."""
    job = scene.root("queryAsyncJobResult", jobid=scene.root(command, **parameters)["jobid"])
    assert job["jobstatus"] == 1, job
    return job.get("jobinstancetype"), job.get("jobinstanceid")


def test_tiers_and_static_nat_are_made_while_the_caller_waits(scene):
    assert "jobid" not in scene.tier
    assert scene.static() == {"success": True}


def test_jobs_of_addresses_forwards_balancers_and_routes_name_what_they_make(scene):
    placed = {"ipaddressid": scene.address["id"], "virtualmachineid": scene.vm["id"], "networkid": scene.tier["id"]}
    balancer = {"publicipid": scene.other_address["id"], "networkid": scene.tier["id"], "algorithm": "roundrobin"}
    ports = {"publicport": 22, "privateport": 22}
    free = scene.root.list("listPublicIpAddresses", state="Free", forprovider="true")[0]

    made = {
        "IpAddress": [
            about(scene, "associateIpAddress", vpcid=scene.vpc["id"], ipaddress=free["ipaddress"]),
            about(scene, "addIpToNic", nicid=scene.vm["nic"][0]["id"]),
            about(scene, "disassociateIpAddress", id=free["id"]),
        ],
        "FirewallRule": [
            about(scene, "createPortForwardingRule", protocol="tcp", **placed, **ports),
            about(scene, "createLoadBalancerRule", name="lb", **balancer, **ports),
        ],
        "StaticRoute": [
            about(scene, "createStaticRoute", vpcid=scene.vpc["id"], cidr="192.168.7.0/24", nexthop="10.10.1.9")
        ],
    }

    assert {name: {kind for kind, _ in jobs} for name, jobs in made.items()} == {name: {name} for name in made}
    assert all(identifier for jobs in made.values() for _, identifier in jobs)


def test_jobs_of_acls_say_of_what_kind_they_are_and_not_which(scene):
    listed = about(scene, "createNetworkACLList", name="list", vpcid=scene.vpc["id"])
    acl = scene.root.list("listNetworkACLLists", name="list", listall="true")[0]
    item = about(scene, "createNetworkACL", aclid=acl["id"], number=10, cidrlist=ANYWHERE, **TCP_443)

    assert (listed, item) == (("NetworkAcl", None), ("NetworkAclItem", None))


def test_jobs_of_changes_and_removals_say_nothing(scene):
    acl = scene.acl()
    scene.made(acl, 10)
    rule = scene.forwarded()
    scene.static(scene.other_address)

    assert about(scene, "updatePortForwardingRule", id=rule["id"], privateport=2222) == (None, None)
    assert about(scene, "deletePortForwardingRule", id=rule["id"]) == (None, None)
    assert about(scene, "disableStaticNat", ipaddressid=scene.other_address["id"]) == (None, None)
    assert about(scene, "replaceNetworkACLList", aclid=acl["id"], networkid=scene.tier["id"]) == (None, None)


def test_no_command_cancels_a_job(scene):
    assert refusal(scene.root, "cancelAsyncJob", jobid=scene.vpc["id"]).status == 401


def test_a_post_whose_reply_was_lost_is_sent_again_by_the_sdk(scene, spy):
    assert scene.vm
    assert scene.address
    scene.lose_reply(POST_NAT)
    spy.clear()

    refusal(scene.static)

    assert [path for method, path, _ in spy if method == "POST" and path.endswith("/nat")] == ["/api/v2/nat"] * 2


# the same call again


def test_an_item_with_the_same_number_is_refused(scene):
    acl = scene.acl()
    scene.made(acl, 10)

    found = refusal(scene.item, acl, 10)

    assert (found.status, found.text) == (431, f"ACL item with number 10 already exists in ACL: {acl['id']}")


def test_without_a_number_it_is_a_second_item(scene):
    acl = scene.acl()
    for _ in range(2):
        scene.root.done("createNetworkACL", aclid=acl["id"], cidrlist=ANYWHERE, **TCP_443)

    assert [number for number, _ in scene.items(acl)] == [1, 2]


def test_a_list_of_the_same_name_is_a_second_list(scene):
    assert scene.acl("web")["id"] != scene.acl("web")["id"]
    assert len(scene.root.list("listNetworkACLLists", name="web", listall="true")) == 2


def test_an_equal_forward_route_and_address_are_refused_each_in_its_way(scene):
    scene.forwarded()
    route = {"vpcid": scene.vpc["id"], "cidr": "192.168.7.0/24", "nexthop": "10.10.1.9"}
    scene.root.done("createStaticRoute", **route)

    found = [refusal(scene.forward), refusal(scene.root, "createStaticRoute", **route)]

    assert [(each.status, each.body["cserrorcode"]) for each in found] == [(537, 4360), (537, 9999)]
    taken = refusal(scene.root, "associateIpAddress", vpcid=scene.vpc["id"], ipaddress=scene.address["ipaddress"])
    assert taken.status == 533


def test_static_nat_again_is_refused_and_a_release_again_as_well(scene):
    scene.static()
    assert refusal(scene.static).status == 431
    assert scene.release()["jobstatus"] == 1

    found = refusal(scene.root, "disassociateIpAddress", id=scene.address["id"])

    assert (found.status, found.body["cserrorcode"]) == (530, 4250)


def test_members_that_are_assigned_again_fail_and_that_are_removed_again_do_not(scene):
    given = {"publicipid": scene.address["id"], "networkid": scene.tier["id"], "algorithm": "roundrobin", "name": "lb"}
    rule = scene.root.done("createLoadBalancerRule", publicport=80, privateport=80, **given)["loadbalancer"]
    member = {"id": rule["id"], "virtualmachineids": scene.vm["id"]}
    scene.root.done("assignToLoadBalancerRule", **member)

    assert scene.root.job("assignToLoadBalancerRule", **member)["jobresultcode"] == 530
    for _ in range(2):
        scene.root.done("removeFromLoadBalancerRule", **member)


def test_a_list_that_is_replaced_by_itself_opens_the_window_again(scene, spy):
    acl = scene.acl()
    scene.permits(acl, [80, 81])
    tier = scene.tier_with(scene.acl("before"))
    assert scene.replace(acl, tier)["jobstatus"] == 1
    spy.clear()

    with scene.sampled() as seen:
        assert scene.replace(acl, tier)["jobstatus"] == 1

    assert told(spy) == ["DELETE", "POST", "POST"]
    assert [len(sample) for sample in seen] == [2, 0, 1, 2]


@pytest.mark.parametrize("command", ["deleteNetworkACL", "deletePortForwardingRule", "deleteStaticRoute"])
def test_what_is_deleted_already_does_not_exist(scene, command):
    made = {
        "deleteNetworkACL": lambda: scene.made(scene.acl(), 10),
        "deletePortForwardingRule": scene.forwarded,
        "deleteStaticRoute": lambda: scene.tier and a_route(scene),
    }[command]()
    scene.root.done(command, id=made["id"])

    found = refusal(scene.root, command, id=made["id"])

    assert (found.status, found.body["cserrorcode"]) == GONE
    assert "entity does not exist" in found.text


def a_route(scene):
    given = {"vpcid": scene.vpc["id"], "cidr": "192.168.7.0/24", "nexthop": "10.10.1.9"}
    return scene.root.done("createStaticRoute", **given)["staticroute"]


def test_changes_inside_one_vpc_do_not_wait_for_each_other(scene):
    assert scene.vm
    assert scene.address
    scene.world.cloudstack.jobs.seconds = 60
    placed = {"ipaddressid": scene.address["id"], "virtualmachineid": scene.vm["id"], "networkid": scene.tier["id"]}
    asked = [
        scene.root("createPortForwardingRule", protocol="tcp", publicport=port, privateport=port, **placed)["jobid"]
        for port in (80, 81, 82)
    ]

    scene.world.clock.advance(31)

    assert [scene.root("queryAsyncJobResult", jobid=job)["jobstatus"] for job in asked] == [1, 1, 1]
