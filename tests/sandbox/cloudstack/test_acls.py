"""Network ACL lists and items: cloudstack-api.md 3.5 and 4.4, and what of them stands on Netris: netris-api.md 4.3."""

import hashlib
import json

import pytest

from tests.sandbox.cloudstack.client import refusal


@pytest.fixture
def vpc(acme):
    return acme.vpc()


@pytest.fixture
def acl(acme, vpc):
    return acme.done("createNetworkACLList", name="web-acl", vpcid=vpc["id"])["networkacllist"]


def rule(caller, acl, **more):
    given = {"protocol": "tcp", "startport": 443, "endport": 443, "aclid": acl["id"], "cidrlist": "0.0.0.0/0", **more}
    return caller.done("createNetworkACL", **given)["networkacl"]


def numbers(caller, acl):
    found = sorted(caller.list("listNetworkACLs", aclid=acl["id"]), key=lambda each: each["number"])
    return [(each["number"], each["reason"]) for each in found]


def on_netris(netris):
    return [each for each in netris.get("/api/acl").json()["data"] if "-ACL" in each["name"]]


def source_of(rule):
    return f"{rule['src_prefix']}/{rule['src_length']}"


def target_of(rule):
    return f"{rule['dst_prefix']}/{rule['dst_length']}"


REFUSED = {"errorcode": 431, "errortext": "Failed API call to Netris controller"}

# lists


def test_a_list_is_made_renamed_and_removed_3_5(acme, vpc, acl):
    assert acl == {
        "id": acl["id"],
        "name": "web-acl",
        "vpcid": vpc["id"],
        "vpcname": vpc["name"],
    }
    changed = acme.done("updateNetworkACLList", id=acl["id"], name="front", description="the web")["networkacllist"]
    assert (changed["name"], changed["description"]) == ("front", "the web")
    assert acme.done("deleteNetworkACLList", id=acl["id"]) == {"success": True}
    assert [each["name"] for each in acme.list("listNetworkACLLists")] == ["default_allow", "default_deny"]


def test_only_root_makes_lists_for_everybody_3_5(root, acme):
    assert refusal(acme, "createNetworkACLList", name="mine").status == 531

    made = root.done("createNetworkACLList", name="house rules")["networkacllist"]

    assert "vpcid" not in made and made["fordisplay"] is True
    assert refusal(acme, "createNetworkACL", aclid=made["id"], protocol="all").status == 531


@pytest.mark.parametrize("name", ["default_allow", "default_deny"])
def test_nobody_changes_the_default_lists_3_5(root, name):
    default = root.list("listNetworkACLLists", name=name)[0]
    item = root.list("listNetworkACLs", aclid=default["id"])[0]

    assert refusal(root, "createNetworkACL", aclid=default["id"], protocol="all").status == 431
    for command, identifier in (
        ("updateNetworkACLList", default["id"]),
        ("deleteNetworkACLList", default["id"]),
        ("updateNetworkACLItem", item["id"]),
        ("deleteNetworkACL", item["id"]),
    ):
        assert root.job(command, id=identifier)["jobresult"]["errorcode"] == 431


def test_lists_of_others_are_out_of_reach_1_6(root, acme, acl):
    other = root.account("globex", root.domain("globex"))
    item = rule(acme, acl)

    assert other("listNetworkACLs", aclid=acl["id"]) == {}
    assert acl["id"] not in [each["id"] for each in other.list("listNetworkACLLists")]
    assert refusal(other, "createNetworkACL", aclid=acl["id"], protocol="all").status == 531
    assert refusal(other, "deleteNetworkACLList", id=acl["id"]).status == 531
    assert refusal(other, "deleteNetworkACL", id=item["id"]).status == 531
    assert other.job("moveNetworkAclItem", id=item["id"], nextaclruleid=item["id"])["jobresult"]["errorcode"] == 531


def test_a_list_in_use_stays_3_5(acme, vpc, acl):
    tier = acme.tier(vpc, aclid=acl["id"])

    found = acme.job("deleteNetworkACLList", id=acl["id"])["jobresult"]
    assert (found["errorcode"], "still associated" in found["errortext"]) == (530, True)
    acme.done("deleteNetwork", id=tier["id"])
    acme.done("deleteNetworkACLList", id=acl["id"])


# items


def test_an_item_has_text_ports_and_a_number_3_5(acme, acl):
    made = rule(acme, acl, reason="https", cidrlist="10.0.0.0/8,192.168.0.0/16")

    assert made == {
        "id": made["id"],
        "protocol": "tcp",
        "startport": "443",
        "endport": "443",
        "traffictype": "Ingress",
        "state": "Active",
        "cidrlist": "10.0.0.0/8,192.168.0.0/16",
        "tags": [],
        "aclid": acl["id"],
        "aclname": "web-acl",
        "number": 1,
        "action": "Allow",
        "reason": "https",
    }
    assert rule(acme, acl, protocol="icmp", startport=None, endport=None, icmptype=-1, icmpcode=-1)["icmptype"] == -1
    assert rule(acme, acl, number=10)["number"] == 10
    assert rule(acme, acl)["number"] == 11
    assert [each["number"] for each in acme.list("listNetworkACLs", aclid=acl["id"])] == [11, 10, 2, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"protocol": "gre"},
        {"protocol": "256"},
        {"protocol": "all"},
        {"protocol": "icmp"},
        {"startport": None},
        {"startport": 0},
        {"startport": 444},
        {"endport": 65536},
        {"icmptype": 8},
        {"protocol": "icmp", "startport": None, "endport": None, "icmptype": 256},
        {"protocol": "icmp", "startport": None, "endport": None, "icmptype": 8, "icmpcode": 17},
        {"cidrlist": "10.0.0.1"},
        {"cidrlist": "10.0.0.0/33"},
        {"cidrlist": "everywhere"},
        {"traffictype": "sideways"},
        {"action": "maybe"},
        {"number": 0},
        {"number": 1},
        {"aclid": None},
        {"protocol": None},
        {"startport": "ssh"},
    ],
)
def test_what_makes_no_sense_is_refused_while_the_caller_waits_3_5(acme, acl, wrong):
    rule(acme, acl)
    given = {"protocol": "tcp", "startport": 443, "endport": 443, "aclid": acl["id"], **wrong}

    assert refusal(acme, "createNetworkACL", **given).status == 431
    assert len(acme.list("listNetworkACLs", aclid=acl["id"])) == 1


def test_a_port_alone_is_both_ends_3_5(acme, acl):
    item = rule(acme, acl, startport=443, endport=None)

    assert (item["startport"], item["endport"]) == ("443", "443")


def test_a_tier_without_a_list_gets_one_of_its_own_3_5(acme, vpc):
    tier = acme.tier(vpc)

    given = {"protocol": "all", "traffictype": "egress", "action": "deny", "cidrlist": "0.0.0.0/0"}
    made = acme.done("createNetworkACL", networkid=tier["id"], **given)

    name = f"VPC_{vpc['name']}_Tier_{tier['name']}_ACL_{tier['id']}"
    assert (made["networkacl"]["aclname"], made["networkacl"]["action"]) == (name, "Deny")
    assert acme.list("listNetworks", id=tier["id"])[0]["aclname"] == name
    assert len(acme.list("listNetworkACLs", networkid=tier["id"])) == 1


def test_an_update_changes_what_is_sent_or_clears_the_rest_3_5(acme, acl):
    made = rule(acme, acl, reason="https", cidrlist="10.0.0.0/8")

    response = acme.send("updateNetworkACLItem", id=made["id"], action="deny", endport=8443)
    assert list(response.json()) == ["createnetworkaclresponse"]
    (changed,) = acme.list("listNetworkACLs", id=made["id"])
    assert (changed["action"], changed["endport"], changed["cidrlist"]) == ("Deny", "8443", "10.0.0.0/8")
    assert changed["reason"] == "https"

    cleared = acme.done("updateNetworkACLItem", id=made["id"], protocol="all", partialupgrade="false")["networkacl"]
    assert (cleared["cidrlist"], cleared["action"], cleared["state"]) == ("0.0.0.0/0,::/0", "Allow", "Add")
    assert not {"reason", "startport"} & cleared.keys()
    assert acme.job("updateNetworkACLItem", id=made["id"], startport=1)["jobresultcode"] == 431


def test_items_are_moved_between_others_3_5(acme, acl):
    made = {name: rule(acme, acl, reason=name, startport=port, endport=port) for port, name in enumerate("abcd", 1)}

    def move(name, previous=None, following=None, **more):
        ids = {
            "previousaclruleid": made[previous]["id"] if previous else None,
            "nextaclruleid": made[following]["id"] if following else None,
        }
        return acme.job("moveNetworkAclItem", id=made[name]["id"], **ids, **more)

    assert move("d", "a", "b")["jobresult"]["networkacl"]["number"] == 2
    assert numbers(acme, acl) == [(1, "a"), (2, "d"), (3, "b"), (4, "c")]
    move("c", None, "a")
    assert numbers(acme, acl) == [(1, "c"), (2, "a"), (3, "d"), (4, "b")]
    move("c", "b")
    assert [name for _, name in numbers(acme, acl)] == ["a", "d", "b", "c"]
    ordered = "".join(made[name]["id"] for name in "adbc")
    digest = hashlib.md5(ordered.encode(), usedforsecurity=False).hexdigest()
    assert move("a", "b", "c", aclconsistencyhash=digest)["jobstatus"] == 1
    assert move("a", "b", "c", aclconsistencyhash=digest)["jobresultcode"] == 431
    assert move("a")["jobresultcode"] == 431
    assert move("a", "a")["jobresultcode"] == 431
    assert acme.job("moveNetworkAclItem", id="nothing", nextaclruleid=made["a"]["id"])["jobresultcode"] == 431
    response = acme.send("moveNetworkAclItem", id=made["a"]["id"], nextaclruleid=made["b"]["id"])
    assert list(response.json()) == ["moveNetworkAclItemResponse"]


# on Netris


def test_items_are_pushed_to_every_tier_of_their_list_5_4(acme, netris, vpc, acl):
    for third, name in ((1, "web"), (2, "db")):
        acme.tier(vpc, name, gateway=f"10.10.{third}.1", aclid=acl["id"])
    made = rule(acme, acl, cidrlist="10.0.0.0/8,192.168.0.0/16", reason="https")

    found = on_netris(netris)
    assert {each["name"].split("-ACL")[1][-2:] for each in found} == {"-1", "-2"}
    assert {(source_of(each), target_of(each)) for each in found} == {
        (cidr, tier) for cidr in ("10.0.0.0/8", "192.168.0.0/16") for tier in ("10.10.1.0/24", "10.10.2.0/24")
    }
    assert {(each["proto"], each["action"], each["established"], each["dst_port_to"]) for each in found} == {
        ("tcp", "permit", 1, 443)
    }
    assert found[0]["comment"].endswith(". https")

    acme.done("updateNetworkACLItem", id=made["id"], action="deny")
    assert {each["action"] for each in on_netris(netris)} == {"deny"}
    assert len(on_netris(netris)) == 4
    acme.done("deleteNetworkACL", id=made["id"])
    assert on_netris(netris) == []


def names(netris):
    return sorted(each["name"].rpartition("-ACL")[2].partition("-")[2] for each in on_netris(netris))


def test_an_item_that_becomes_several_leaves_its_old_rule_w7(world, acme, netris, vpc, acl):
    tier = acme.tier(vpc, aclid=acl["id"])
    made = rule(acme, acl)

    acme.done("updateNetworkACLItem", id=made["id"], cidrlist="10.0.0.0/8,192.168.0.0/16")
    assert names(netris) == ["", "1", "2"]
    (old,) = [each for each in on_netris(netris) if source_of(each) == "0.0.0.0/0"]
    assert old["action"] == "permit"

    acme.done("updateNetworkACLItem", id=made["id"], cidrlist="172.16.0.0/12")
    assert names(netris) == ["", "1", "2"]
    acme.done("deleteNetworkACL", id=made["id"])
    assert names(netris) == ["1", "2"]
    acme.done("deleteNetwork", id=tier["id"])
    job = acme.job("deleteVPC", id=vpc["id"])
    assert job["jobresult"] == {"errorcode": 431, "errortext": "Failed API call to Netris controller"}
    assert names(netris) == ["1", "2"]


def test_an_item_without_ranges_is_for_all_and_netris_refuses_half_of_it_w8(acme, netris, vpc, acl, spy):
    item = {"protocol": "tcp", "startport": 443, "endport": 443, "aclid": acl["id"]}
    made = acme.done("createNetworkACL", **item)["networkacl"]
    assert made["cidrlist"] == "0.0.0.0/0,::/0"
    acme.done("deleteNetworkACL", id=made["id"])
    acme.tier(vpc, aclid=acl["id"])
    spy.clear()

    job = acme.job("createNetworkACL", **item)

    assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to create network ACL Item"}
    first, second = (json.loads(body) for method, _, body in spy if method == "POST")
    assert (first["src_prefix"], first["dst_prefix"]) == ("0.0.0.0/0", "10.10.1.0/24")
    assert (second["src_prefix"], "dst_prefix" in second) == ("::/0", False)
    assert (acme("listNetworkACLs", aclid=acl["id"]), on_netris(netris)) == ({}, [])


def told(spy):
    return [method for method, path, _ in spy if method != "GET" and path == "/api/acl"]


def test_every_change_of_an_item_writes_all_of_the_list_w9(acme, vpc, acl, spy):
    acme.tier(vpc, aclid=acl["id"])
    first, second = rule(acme, acl), rule(acme, acl, startport=80, endport=80)
    spy.clear()

    made = rule(acme, acl, startport=22, endport=22)
    assert told(spy) == ["PUT", "PUT", "POST"]
    spy.clear()
    acme.done("updateNetworkACLItem", id=second["id"], number=90)
    assert told(spy) == ["PUT", "PUT", "PUT"]
    spy.clear()
    acme.done("moveNetworkAclItem", id=made["id"], nextaclruleid=first["id"])
    assert told(spy) == ["DELETE", "POST", "POST", "POST"]
    spy.clear()
    acme.done("deleteNetworkACL", id=first["id"])
    assert told(spy) == ["PUT", "PUT", "DELETE"]


def test_a_list_without_items_leaves_what_stood_before_w9(acme, netris, vpc, acl):
    tier = acme.tier(vpc, aclid=acl["id"])
    rule(acme, acl)
    empty = acme.done("createNetworkACLList", name="empty", vpcid=vpc["id"])["networkacllist"]

    acme.done("replaceNetworkACLList", aclid=empty["id"], networkid=tier["id"])

    assert len(on_netris(netris)) == 1


def test_egress_is_mirrored_and_a_number_without_a_word_becomes_ip_4_3(acme, netris, vpc, acl):
    acme.tier(vpc, aclid=acl["id"])
    rule(acme, acl, protocol="47", startport=None, endport=None, traffictype="Egress", cidrlist="10.9.0.0/16")

    (found,) = on_netris(netris)

    assert (found["proto"], found["reverse"]) == ("ip", "yes")
    assert (source_of(found), target_of(found)) == ("10.10.1.0/24", "10.9.0.0/16")


def test_a_reorder_deletes_all_and_adds_all_in_the_new_order_4_3(world, acme, netris, vpc, acl):
    acme.tier(vpc, aclid=acl["id"])
    first, second = rule(acme, acl), rule(acme, acl, startport=80, endport=80)
    ids = [each["id"] for each in on_netris(netris)]
    calls = dict(world.netris.control.calls)

    acme.done("moveNetworkAclItem", id=second["id"], nextaclruleid=first["id"])

    found = on_netris(netris)
    assert [each["dst_port_to"] for each in sorted(found, key=lambda each: each["id"])] == [80, 443]
    assert not {each["id"] for each in found} & set(ids)
    made = world.netris.control.calls["POST /api/acl"] - calls["POST /api/acl"]
    assert (made, world.netris.control.calls["DELETE /api/acl"] - calls.get("DELETE /api/acl", 0)) == (2, 1)


def test_a_list_is_replaced_on_a_tier_3_5(world, root, acme, netris, vpc, acl):
    tier = acme.tier(vpc, aclid=acl["id"])
    rule(acme, acl)
    deny = acme.list("listNetworkACLLists", name="default_deny")[0]["id"]

    assert acme.done("replaceNetworkACLList", aclid=deny, networkid=tier["id"]) == {"success": True}

    assert {each["action"] for each in on_netris(netris)} == {"deny"}
    assert acme.list("listNetworks", id=tier["id"])[0]["aclname"] == "default_deny"
    assert acme.job("replaceNetworkACLList", aclid=deny)["jobresultcode"] == 530
    foreign = acme.tier(acme.vpc("other"), "far")
    assert acme.job("replaceNetworkACLList", aclid=acl["id"], networkid=foreign["id"])["jobresultcode"] == 431


def test_a_rule_that_netris_refuses_is_revoked_again_3_5(world, acme, netris, vpc, acl):
    acme.tier(vpc, aclid=acl["id"])
    world.netris.faults.order("refuse", "POST /api/acl", times=1)

    job = acme.job("createNetworkACL", protocol="all", aclid=acl["id"])

    assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to create network ACL Item"}
    assert acme("listNetworkACLs", aclid=acl["id"]) == {}
    assert on_netris(netris) == []


def test_the_same_match_twice_is_an_error_of_netris_4_3(acme, vpc, acl):
    acme.tier(vpc, aclid=acl["id"])
    rule(acme, acl)

    given = {"protocol": "tcp", "startport": 443, "endport": 443, "aclid": acl["id"], "cidrlist": "0.0.0.0/0"}
    assert acme.job("createNetworkACL", **given)["jobresultcode"] == 530
    assert len(acme.list("listNetworkACLs", aclid=acl["id"])) == 1


def test_a_failed_delete_leaves_deleting_and_is_repeated_4_4(world, acme, netris, vpc, acl):
    acme.tier(vpc, aclid=acl["id"])
    made = rule(acme, acl)
    world.netris.faults.order("refuse", "DELETE /api/acl", times=1)

    job = acme.job("deleteNetworkACL", id=made["id"])

    assert job["jobresult"] == REFUSED
    assert acme.list("listNetworkACLs", aclid=acl["id"])[0]["state"] == "Deleting"
    acme.done("deleteNetworkACL", id=made["id"])
    assert on_netris(netris) == []


def test_an_update_that_netris_refused_holds_the_whole_list_back_4_4(world, acme, netris, vpc, acl):
    acme.tier(vpc, aclid=acl["id"])
    made, other = rule(acme, acl, cidrlist="10.0.0.0/8"), rule(acme, acl, startport=80, endport=80)
    world.netris.faults.order("refuse", "PUT /api/acl")

    job = acme.job("updateNetworkACLItem", id=made["id"], cidrlist="192.0.2.0/24")

    assert job["jobresult"] == REFUSED
    assert acme.list("listNetworkACLs", id=made["id"])[0]["state"] == "Add"
    assert acme.job("deleteNetworkACL", id=other["id"])["jobresult"] == REFUSED
    assert acme.list("listNetworkACLs", id=other["id"])[0]["state"] == "Deleting"
    assert {source_of(each) for each in on_netris(netris)} == {"10.0.0.0/8", "0.0.0.0/0"}
    world.netris.faults.clear()
    acme.done("updateNetworkACLItem", id=made["id"], cidrlist="192.0.2.0/24")
    assert [each["state"] for each in acme.list("listNetworkACLs", aclid=acl["id"])] == ["Active"]
    assert [source_of(each) for each in on_netris(netris)] == ["192.0.2.0/24"]


def test_a_failed_job_leaves_no_item_2_2(world, acme, acl):
    world.cloudstack.faults.order("fail_job", "createNetworkACL", times=1)

    assert acme.job("createNetworkACL", protocol="all", aclid=acl["id"])["jobstatus"] == 2
    assert acme("listNetworkACLs", aclid=acl["id"]) == {}


def test_all_of_it_goes_with_tier_and_vpc_3_3(world, acme, vpc, acl):
    tier = acme.tier(vpc, aclid=acl["id"])
    rule(acme, acl)
    acme.done(
        "createTags",
        resourcetype="NetworkACL",
        resourceids=acme.list("listNetworkACLs", aclid=acl["id"])[0]["id"],
        **{"tags[0].key": "a", "tags[0].value": "b"},
    )

    acme.done("deleteNetwork", id=tier["id"])
    acme.done("deleteVPC", id=vpc["id"])

    assert world.are_empty()
