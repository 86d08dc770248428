"""Access lists: what the plugin makes of them on Netris, and what is left after each failure."""

import pytest

from tests.sandbox.control import data
from tests.sandbox.traps.scene import ANYWHERE, DELETE_ACL, POST_ACL, PUT_ACL, REFUSED, told

FAILED = {"errorcode": 530, "errortext": "Failed to create network ACL Item"}
WEB = ("permit", "tcp", 443, ANYWHERE)
DELETE_VNET, DELETE_SUBNET = "DELETE /api/v2/vnet/{id}", "DELETE /api/v2/ipam/subnet/{id}"


# the safest ways


def test_items_of_a_list_without_tiers_are_no_matter_of_netris(scene, spy):
    acl = scene.acl()
    spy.clear()

    scene.deny_all(acl)
    scene.permits(acl, [80, 443])

    assert spy == []
    assert scene.items(acl) == [(1, "Active"), (10, "Active"), (11, "Active")]


def test_a_tier_made_without_a_list_has_no_rules_at_all(scene):
    assert "aclid" not in scene.tier
    assert scene.vm["state"] == "Running"

    assert scene.acls == []


def test_a_tier_made_with_a_list_has_its_rules_with_the_first_machine(scene):
    acl = scene.acl()
    scene.deny_all(acl)
    tier = scene.tier_with(acl)
    assert scene.acls == []

    with scene.sampled() as seen:
        scene.root.machine(tier)

    assert [sample[0] for sample in seen[1:]] == [("deny", "all", 0, ANYWHERE)]


def test_in_an_unimplemented_tier_an_item_more_writes_all_at_once(scene):
    acl = scene.acl()
    scene.permits(acl, [80, 81])
    tier = scene.tier_with(acl)
    assert (scene.state(tier), scene.acls) == ("Allocated", [])

    scene.made(acl, 30)

    assert [port for *_, port, _ in scene.acls] == [80, 81, 443]
    assert scene.state(tier) == "Allocated"


def test_a_guard_of_another_name_survives_additions_replacements_and_the_tier(scene):
    acl, other = scene.acl(), scene.acl("other")
    scene.deny_all(other)
    tier = scene.tier_with(acl)
    guard = scene.guard(tier)

    def stands():
        return [row["id"] for row in scene.acl_rows if row["name"] == "weft-guard"] == [guard]

    made = scene.made(acl, 10)
    assert stands()
    assert scene.replace(other, tier)["jobstatus"] == 1
    assert stands()
    assert scene.replace(acl, tier)["jobstatus"] == 1
    scene.root.done("deleteNetworkACL", id=made["id"])
    scene.root.done("deleteNetwork", id=tier["id"])
    assert stands()
    assert scene.acls == [("deny", "ip", 0, ANYWHERE)]


def test_a_guard_keeps_the_vpc_until_it_is_removed(scene):
    guard = scene.guard(scene.tier)
    scene.root.done("deleteNetwork", id=scene.tier["id"])

    assert scene.root.job("deleteVPC", id=scene.vpc["id"])["jobresult"] == REFUSED
    scene.delete_acls(guard)
    scene.root.done("deleteVPC", id=scene.vpc["id"])


def test_a_guard_like_cloudstacks_own_deny_fails_the_replacement(scene):
    acl = scene.acl()
    scene.deny_all(acl)
    tier = scene.tier_with(scene.acl("empty"))
    scene.guard(tier, proto="all")

    assert scene.replace(acl, tier)["jobresult"] == REFUSED
    assert scene.acls == [("deny", "all", 0, ANYWHERE)]


def test_a_new_item_before_the_old_one_goes_leaves_no_window(scene):
    acl = scene.acl()
    scene.deny_all(acl)
    old = scene.made(acl, 10, cidrlist="10.0.0.0/8")
    tier = scene.tier_with(acl)
    scene.root.machine(tier)

    with scene.sampled() as seen:
        scene.made(acl, 11, cidrlist="192.0.2.0/24")
        scene.root.done("deleteNetworkACL", id=old["id"])

    deny = ("deny", "all", 0, ANYWHERE)
    assert all(deny in sample for sample in seen)
    assert {len(sample) for sample in seen} == {2, 3}
    assert seen[-1] == [deny, ("permit", "tcp", 443, "192.0.2.0/24")]


def test_every_call_rewrites_every_rule_with_four_calls_each(scene, spy):
    acl = scene.acl()
    scene.permits(acl, range(1000, 1020))
    tier = scene.tier_with(acl)
    scene.root.machine(tier)
    spy.clear()

    scene.made(acl, 99)

    assert told(spy) == ["PUT"] * 20 + ["POST"]
    assert len(spy) == 4 * 21
    spy.clear()
    assert scene.replace(acl, tier)["jobstatus"] == 1
    assert told(spy) == ["DELETE"] + ["POST"] * 21


# traps


def test_the_same_match_under_another_number_is_refused_and_revoked(scene):
    acl = scene.acl()
    scene.tier_with(acl)
    scene.made(acl, 10)

    assert scene.item(acl, 20)["jobresult"] == FAILED

    assert (scene.items(acl), scene.acls) == ([(10, "Active")], [WEB])


def test_the_same_match_in_a_list_without_tiers_fails_when_it_is_attached(scene):
    acl = scene.acl()
    scene.made(acl, 10)
    scene.made(acl, 20)
    tier = scene.tier_with(scene.acl("before"))

    assert scene.replace(acl, tier)["jobresult"] == REFUSED
    assert (scene.list_of(tier), scene.acls) == ("list", [WEB])


def test_an_update_into_the_match_of_another_item_is_swallowed(scene):
    acl = scene.acl()
    scene.tier_with(acl)
    scene.made(acl, 10)
    second = scene.made(acl, 20, startport=80, endport=80)

    scene.root.done("updateNetworkACLItem", id=second["id"], startport=443, endport=443)

    assert scene.items(acl) == [(10, "Active"), (20, "Active")]
    assert scene.acls == [WEB, ("permit", "tcp", 80, ANYWHERE)]


def test_one_range_made_two_leaves_the_old_rule(scene):
    acl = scene.acl()
    scene.tier_with(acl)
    item = scene.made(acl, 10)

    scene.root.done("updateNetworkACLItem", id=item["id"], cidrlist="10.0.0.0/8,192.0.2.0/24")

    assert scene.suffixes == ["", "1", "2"]
    assert WEB in scene.acls


def test_two_ranges_made_one_leave_both_and_leftovers_outlive_item_list_and_tier(scene):
    acl = scene.acl()
    tier = scene.tier_with(acl)
    item = scene.made(acl, 10, cidrlist="10.0.0.0/8,192.0.2.0/24")

    scene.root.done("updateNetworkACLItem", id=item["id"], cidrlist="203.0.113.0/24")
    assert scene.suffixes == ["", "1", "2"]
    scene.root.done("deleteNetworkACL", id=item["id"])
    scene.root.done("deleteNetwork", id=tier["id"])
    scene.root.done("deleteNetworkACLList", id=acl["id"])
    assert scene.suffixes == ["1", "2"]
    assert scene.root.job("deleteVPC", id=scene.vpc["id"])["jobresult"] == REFUSED
    scene.delete_acls(*(row["id"] for row in scene.acl_rows))
    scene.root.done("deleteVPC", id=scene.vpc["id"])


def test_an_empty_list_leaves_the_old_rules_and_a_later_list_comes_on_top(scene, spy):
    acl, later = scene.acl(), scene.acl("later")
    scene.made(acl, 10)
    scene.made(later, 10, startport=80, endport=80)
    tier = scene.tier_with(scene.acl("before"))
    assert scene.replace(acl, tier)["jobstatus"] == 1
    spy.clear()

    assert scene.replace(scene.acl("empty"), tier)["jobstatus"] == 1
    assert (spy, scene.acls, scene.list_of(tier)) == ([], [WEB], "empty")
    assert scene.replace(later, tier)["jobstatus"] == 1
    assert scene.acls == [WEB, ("permit", "tcp", 80, ANYWHERE)]


@pytest.mark.parametrize("number", ["47", "6"])
def test_a_protocol_number_permits_everything(scene, number):
    acl = scene.acl()
    scene.tier_with(acl)

    scene.made(acl, 10, protocol=number, startport=None, endport=None)

    assert scene.acls == [("permit", "ip", 0, ANYWHERE)]


@pytest.mark.parametrize(
    "cidrs", ["10.0.0.1/8", "fd00::/64", "10.0.0.0/8,10.0.0.0/8"], ids=["host bits", "IPv6", "the same twice"]
)
def test_a_range_that_netris_does_not_take_is_refused(scene, cidrs):
    acl = scene.acl()
    scene.tier_with(acl)

    assert scene.item(acl, 10, cidrlist=cidrs)["jobresult"] == FAILED

    assert (scene.items(acl), scene.acls) == ([], [])


def ping(scene, acl, number=10, **more):
    return scene.item(acl, number, **{"protocol": "icmp", "startport": None, "endport": None, **more})


def test_the_code_of_icmp_is_dropped(scene, spy):
    acl = scene.acl()
    scene.tier_with(acl)

    assert ping(scene, acl, icmptype=8, icmpcode=3)["jobstatus"] == 1

    (row,) = scene.acl_rows
    assert row["icmp_type"] == 8
    assert not any("code" in name for name in row)


def test_icmp_of_any_type_is_refused(scene, spy):
    acl = scene.acl()
    scene.tier_with(acl)
    spy.clear()

    assert ping(scene, acl)["jobresult"] == FAILED

    assert b'"icmp_type":-1' in next(body for method, _, body in spy if method == "POST").replace(b" ", b"")
    assert scene.acls == []


def test_all_but_tcp_is_written_with_its_mirror_image(scene):
    acl = scene.acl()
    scene.tier_with(acl)
    scene.deny_all(acl)
    scene.made(acl, 10)
    scene.made(acl, 11, protocol="udp")
    ping(scene, acl, 12, icmptype=8)

    assert {row["proto"]: (row["reverse"], row["established"]) for row in scene.acl_rows} == {
        **{"all": ("yes", 0), "udp": ("yes", 0), "icmp": ("yes", 0)},
        "tcp": ("no", 1),
    }


def test_overlaps_and_a_permit_with_the_deny_of_one_match_are_accepted(scene):
    acl = scene.acl()
    scene.tier_with(acl)
    scene.made(acl, 10)
    scene.made(acl, 11, action="deny")
    scene.made(acl, 12, startport=400, endport=500)

    assert [action for action, *_ in scene.acls] == ["permit", "deny", "permit"]


def test_the_reason_goes_into_the_comment(scene):
    acl = scene.acl()
    scene.tier_with(acl)

    item = scene.made(acl, 10, reason="the web")

    (row,) = scene.acl_rows
    assert row["comment"] == f"ACL rule: {row['name']}. the web"
    assert item["reason"] == "the web"


def test_rules_are_written_in_the_order_of_their_making_which_their_numbers_need_not_have(scene):
    acl = scene.acl()
    scene.permits(acl, [80, 81])
    scene.deny_all(acl, 1)
    tier = scene.tier_with(scene.acl("before"))

    assert scene.replace(acl, tier)["jobstatus"] == 1

    assert [port for *_, port, _ in scene.acls] == [80, 81, 0]


def busy(scene):
    """A tier with one of everything, without a running machine from now on."""
    acl = scene.acl()
    scene.deny_all(acl)
    scene.tier = scene.tier_with(acl)
    scene.forwarded()
    scene.static(scene.other_address)
    scene.root.done("stopVirtualMachine", id=scene.vm["id"])
    return acl


def test_the_collector_takes_the_rules_of_an_idle_tier_off_static_nat_last(scene, spy):
    busy(scene)
    spy.clear()

    scene.passes(1300)

    assert (scene.state(), scene.acls, scene.nat) == ("Allocated", [], [])
    gone = [path.rstrip("0123456789").rstrip("/") for method, path, _ in spy if method == "DELETE"]
    assert gone == ["/api/v2/nat", "/api/acl", "/api/v2/nat"]
    assert [rule for *_, rule in scene.forwards] == ["Active"]
    assert scene.shown(scene.other_address)["isstaticnat"]


def test_the_next_machine_brings_them_back_static_nat_first_and_the_acls_last(scene, spy):
    busy(scene)
    scene.passes(1300)
    spy.clear()

    scene.root.done("startVirtualMachine", id=scene.vm["id"])

    assert [path for method, path, _ in spy if method == "POST"] == ["/api/v2/nat", "/api/v2/nat", "/api/acl"]
    assert b"STATICNAT" in next(body for method, _, body in spy if method == "POST")
    assert (scene.state(), len(scene.acls), len(scene.nat)) == ("Implemented", 1, 2)


# after failure


def live(scene, ports=(443,)):
    """A list on a tier, with a rule for each port."""
    acl = scene.acl()
    items = scene.permits(acl, ports)
    tier = scene.tier_with(scene.acl("before"))
    assert scene.replace(acl, tier)["jobstatus"] == 1
    return acl, tier, items


@pytest.mark.parametrize("what", ["the POST refused", "its reply lost", "a PUT refused"])
def test_an_item_that_fails_leaves_nothing_and_can_be_repeated(scene, what):
    acl, *_ = live(scene)
    order = {"the POST refused": (scene.refuse, POST_ACL), "its reply lost": (scene.lose_reply, POST_ACL)}
    fault, call = order.get(what, (scene.refuse, PUT_ACL))
    fault(call)

    assert scene.item(acl, 20, startport=80, endport=80)["jobresult"] == FAILED

    assert (scene.items(acl), scene.acls) == ([(10, "Active")], [WEB])
    scene.made(acl, 20, startport=80, endport=80)
    assert len(scene.acls) == 2


def test_a_refused_update_blocks_the_whole_list_until_a_good_call_cleans_up(scene):
    acl, _, (first, second) = live(scene, [443, 80])
    scene.refuse(PUT_ACL, times=None)

    assert scene.root.job("updateNetworkACLItem", id=first["id"], cidrlist="10.0.0.0/8")["jobresult"] == REFUSED
    assert scene.items(acl)[0] == (10, "Add")
    assert scene.acls[0] == WEB
    assert scene.root.job("deleteNetworkACL", id=second["id"])["jobresult"] == REFUSED
    assert scene.item(acl, 30, startport=22, endport=22)["jobstatus"] == 2
    assert scene.items(acl) == [(10, "Add"), (11, "Deleting"), (30, "Deleting")]
    assert len(scene.acls) == 2

    scene.world.netris.faults.clear()
    scene.made(acl, 40, startport=25, endport=25)
    assert scene.items(acl) == [(10, "Active"), (40, "Active")]
    assert scene.acls == [("permit", "tcp", 443, "10.0.0.0/8"), ("permit", "tcp", 25, ANYWHERE)]


def test_a_refused_delete_leaves_the_rule_on_that_tier_and_is_repeated(scene):
    acl, _, (item,) = live(scene)
    scene.tier_with(acl, "db", 2)
    scene.made(acl, 20, startport=80, endport=80)
    scene.refuse(DELETE_ACL)

    assert scene.root.job("deleteNetworkACL", id=item["id"])["jobresult"] == REFUSED

    assert scene.items(acl) == [(10, "Deleting"), (20, "Active")]
    assert scene.acls.count(WEB) == 2  # the tiers that come after it in CloudStack's turn are not reached
    scene.root.done("deleteNetworkACL", id=item["id"])
    assert (scene.items(acl), WEB in scene.acls) == ([(20, "Active")], False)


def test_a_replacement_whose_delete_is_refused_changes_nothing_and_works_later(scene):
    _, tier, _ = live(scene)
    new = scene.acl("new")
    scene.made(new, 10, startport=80, endport=80)
    scene.refuse(DELETE_ACL)

    assert scene.replace(new, tier)["jobresult"] == REFUSED

    assert (scene.list_of(tier), scene.acls) == ("list", [WEB])
    assert scene.replace(new, tier)["jobstatus"] == 1
    assert scene.acls == [("permit", "tcp", 80, ANYWHERE)]


def refuse_the_third(scene, acl, tier):
    """A replacement that fails at its third rule, for that is a rule of somebody else's."""
    body = {"name": "in-the-way", "action": "permit", "proto": "tcp", "established": 1, "dst_prefix": tier["cidr"]}
    body |= {"src_prefix": ANYWHERE, "src_port_from": 1, "src_port_to": 65535, "dst_port_from": 82, "dst_port_to": 82}
    response = scene.netris.post("/api/acl", json={**body, "vpc": {"id": scene.netris_vpc}})
    assert response.is_success, response.text
    assert scene.replace(acl, tier)["jobresult"] == REFUSED
    return response.json()["id"]


def test_a_replacement_that_fails_midway_shows_the_new_list_and_stands_open(scene):
    _, tier, _ = live(scene)
    new = scene.acl("new")
    scene.permits(new, [80, 81, 82])
    scene.deny_all(new, 99)

    in_the_way = refuse_the_third(scene, new, tier)

    assert scene.list_of(tier) == "new"
    assert [(action, port) for action, _, port, _ in scene.acls if port != 82] == [("permit", 80), ("permit", 81)]
    scene.delete_acls(in_the_way)
    assert scene.replace(new, tier)["jobstatus"] == 1
    assert [port for *_, port, _ in scene.acls] == [80, 81, 82, 0]


def test_behind_a_guard_a_replacement_that_fails_midway_is_closed(scene):
    _, tier, _ = live(scene)
    new = scene.acl("new")
    scene.deny_all(new, 1)
    scene.permits(new, [80, 81, 82])
    scene.guard(tier)

    with scene.sampled() as seen:
        refuse_the_third(scene, new, tier)

    assert all(any(action == "deny" for action, *_ in sample) for sample in seen)
    assert scene.acls[0] == ("deny", "ip", 0, ANYWHERE)


def first_machine(scene, times):
    acl = scene.acl()
    scene.deny_all(acl)
    tier = scene.tier_with(acl)
    scene.refuse(POST_ACL, times)
    given = {"serviceofferingid": scene.root.list("listServiceOfferings")[0]["id"], "networkids": tier["id"]}
    given["templateid"] = scene.root.list("listTemplates", templatefilter="executable")[0]["id"]
    job = scene.root.job("deployVirtualMachine", name="web-1", zoneid=scene.root.zone, **given)
    return tier, job


def test_a_first_start_that_netris_refuses_once_is_tried_again_by_cloudstack(scene):
    tier, job = first_machine(scene, 1)

    assert job["jobstatus"] == 1
    assert (scene.state(tier), scene.acls) == ("Implemented", [("deny", "all", 0, ANYWHERE)])


def test_a_first_start_that_netris_refuses_for_good_is_an_error_and_another_machine_the_way_on(scene):
    tier, job = first_machine(scene, None)
    (vm,) = scene.root.list("listVirtualMachines")

    assert (job["jobstatus"], vm["state"], scene.state(tier), scene.acls) == (2, "Error", "Allocated", [])
    scene.world.netris.faults.clear()
    scene.root.done("destroyVirtualMachine", id=vm["id"], expunge="true")
    scene.root.machine(tier)
    assert scene.acls == [("deny", "all", 0, ANYWHERE)]


@pytest.mark.parametrize(
    ("call", "rules", "vnets", "subnets"),
    [(DELETE_ACL, 1, 1, 1), (DELETE_VNET, 0, 1, 1), (DELETE_SUBNET, 0, 0, 1)],
    ids=["acl", "vnet", "subnet"],
)
def test_a_tier_that_netris_keeps_is_allocated_without_what_went_before_and_is_deleted_again(
    scene, call, rules, vnets, subnets
):
    _, tier, _ = live(scene)
    scene.refuse(call)

    assert scene.root.job("deleteNetwork", id=tier["id"])["jobresultcode"] == 530

    def left():
        where = {"filterByVpc": scene.netris_vpc}
        return [
            len(scene.acl_rows),
            *(
                len(scene.netris.get(path, params=where).json()["data"])
                for path in ("/api/v2/vnet", "/api/v2/ipam/subnets")
            ),
        ]

    assert (scene.state(tier), left()) == ("Allocated", [rules, vnets, subnets])
    scene.root.done("deleteNetwork", id=tier["id"])
    assert left() == [0, 0, 0]


def test_the_rules_that_an_empty_list_left_heal_by_nothing_but_a_delete_on_netris(scene):
    acl, tier, _ = live(scene)
    assert scene.replace(scene.acl("empty"), tier)["jobstatus"] == 1
    assert scene.replace(acl, tier)["jobstatus"] == 1
    assert scene.acls == [WEB]

    assert scene.replace(scene.acl("empty too"), tier)["jobstatus"] == 1
    scene.root.done("deleteNetwork", id=tier["id"])
    assert scene.acls == [WEB]
    assert scene.root.job("deleteVPC", id=scene.vpc["id"])["jobresult"] == REFUSED
    scene.delete_acls(*(row["id"] for row in scene.acl_rows))
    scene.root.done("deleteVPC", id=scene.vpc["id"])
    assert data(scene.netris, "/api/acl") == []
