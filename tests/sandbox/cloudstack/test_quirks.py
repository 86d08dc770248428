"""State machines, quirks and defaults: cloudstack-api.md 4, 7 and 9, as far as no other test has them.

Which test holds which quirk stands in sandbox/cloudstack/README.md, and that is checked here.
"""

import re
import time
import uuid
from pathlib import Path

import httpx
import pytest

from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from sandbox.world import World
from tests.sandbox.cloudstack.client import Caller, refusal, root_of
from tests.sandbox.cloudstack.scenarios import PAIR, SCENARIOS, Things, plain
from tests.sandbox.cloudstack.sheet import SHEET

README = Path(__file__).parents[3] / "sandbox" / "cloudstack" / "README.md"
TESTS = "".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))


@pytest.fixture
def at(world):
    return Things(world)


def test_the_table_of_quirks_is_whole_and_names_tests_that_are_there():
    text = README.read_text()
    rows = re.findall(r"^\| ([\d, ]+) \| ?([^|]*?) ?\| ([^|]+) \|$", text[text.index("## The quirks") :], re.M)
    numbers = sorted(int(each) for row in rows for each in row[0].split(","))

    assert numbers == list(range(1, 41))
    for number, here, held in rows:
        assert held.startswith("not noticeable: ") or here, number
        for name in re.findall(r"`(test_\w+)`", held):
            assert f"def {name}(" in TESTS, (number, name)
    assert all("`test_" in held or held.startswith("not noticeable: ") for *_, held in rows)


# What the sheet calls unverified, by a piece of its line, and the module that chooses and says so; None is a client's.
UNVERIFIED = {
    "NICs in several tiers of **one** VPC at most": "machines.py",
    "for network bytes the router/host side id": "usage.py",
    "tiers of other accounts in domain VPCs": "networks.py",
    "polls jobs every few seconds up to an hour": None,
    "nor lie in a zone subnet that is dedicated to others": "ipv4_subnets.py",
    "still under its name": "cloud.py",
    "which for a DomainAdmin is 531": "domains.py",
}


def test_what_the_sheet_calls_unverified_is_called_so_in_the_code():
    lines = [line for line in SHEET.splitlines() if "unverified" in line and not line.startswith("`unverified` =")]

    assert all(any(piece in line for piece in UNVERIFIED) for line in lines)
    for piece, module in UNVERIFIED.items():
        assert sum(piece in line for line in lines) == 1, piece
        assert module is None or "unverified" in next(README.parent.rglob(module)).read_text(), module


# states (4)


def state_of(at, name, thing):
    return at.admin.list(name, id=thing["id"])[0]["state"]


def test_a_start_that_fails_once_is_tried_again_4_5(world, at):
    assert at.item and at.tier["state"] == "Allocated"
    world.netris.faults.order("refuse", "POST /api/acl", times=1)

    assert at.vm["state"] == "Running"
    assert state_of(at, "listNetworks", at.tier) == "Implemented"


def test_a_tier_whose_start_fails_is_allocated_and_starts_again_4_2_4_5(world, at):
    assert at.item and at.tier["state"] == "Allocated"
    sent = plain(SCENARIOS["deployVirtualMachine"](at))
    world.netris.faults.order("refuse", "POST /api/acl", times=2)
    world.cloudstack.jobs.seconds = 10

    started = at.caller("deployVirtualMachine", **sent)
    assert state_of(at, "listVirtualMachines", started) == "Stopped"
    world.clock.advance(10)

    assert at.caller("queryAsyncJobResult", jobid=started["jobid"])["jobstatus"] == 2
    assert state_of(at, "listVirtualMachines", started) == "Error"
    assert state_of(at, "listNetworks", at.tier) == "Allocated"
    world.cloudstack.jobs.seconds = 0
    at.caller.done("deployVirtualMachine", **sent | {"name": "again"})
    assert state_of(at, "listNetworks", at.tier) == "Implemented"
    world.clock.advance(86500)
    assert at.caller("listVirtualMachines", id=started["id"]) == {}  # the expunge thread takes those in Error too


def test_a_tier_that_is_shut_down_can_be_deleted_4_2(world, at):
    assert at.item
    world.netris.faults.order("refuse", "GET /api/acl")
    vm = at.caller("deployVirtualMachine", **plain(SCENARIOS["deployVirtualMachine"](at)))
    assert state_of(at, "listNetworks", at.tier) == "Shutdown"
    world.netris.faults.clear()
    at.caller.done("expungeVirtualMachine", id=vm["id"])

    at.caller.done("deleteNetwork", id=at.tier["id"])

    assert at.caller("listNetworks", id=at.tier["id"]) == {}


def test_a_machine_whose_start_fails_is_stopped_4_5(world, at):
    sent = at.item and plain(SCENARIOS["deployVirtualMachine"](at))
    vm = at.caller.done("deployVirtualMachine", **sent, startvm="false")["virtualmachine"]
    assert (vm["state"], state_of(at, "listNetworks", at.tier)) == ("Stopped", "Allocated")
    world.netris.faults.order("refuse", "POST /api/acl", times=2)

    assert at.caller.job("startVirtualMachine", id=vm["id"])["jobstatus"] == 2
    assert state_of(at, "listVirtualMachines", vm) == "Stopped"
    at.caller.done("startVirtualMachine", id=vm["id"])
    assert state_of(at, "listVirtualMachines", vm) == "Running"


def test_a_machine_goes_through_its_states_4_5(at):
    def become(command, **more):
        at.caller.job(command, id=at.vm["id"], **more)
        return state_of(at, "listVirtualMachines", at.vm)

    assert at.vm["state"] == "Running"
    assert become("rebootVirtualMachine") == "Running"
    assert become("stopVirtualMachine") == "Stopped"
    assert become("startVirtualMachine") == "Running"
    assert become("destroyVirtualMachine") == "Destroyed"
    assert at.caller("recoverVirtualMachine", id=at.vm["id"])["virtualmachine"]["state"] == "Stopped"
    assert become("destroyVirtualMachine") == "Destroyed"
    at.caller.done("expungeVirtualMachine", id=at.vm["id"])
    assert at.caller("listVirtualMachines", id=at.vm["id"]) == {}


def test_an_address_that_netris_keeps_is_releasing_until_it_is_let_go_4_3(world, at):
    assert at.forward
    world.netris.faults.order("refuse", "DELETE /api/v2/nat/{id}", times=1)

    assert at.caller.job("disassociateIpAddress", id=at.address["id"])["jobresultcode"] == 431

    assert state_of_address(at) == "Releasing"
    assert at.caller("listPublicIpAddresses", ipaddress=at.address["ipaddress"]) == {}  # only Allocated are shown
    world.clock.advance(3700)
    assert state_of_address(at) == "Free"


def state_of_address(at):
    return at.caller.list("listPublicIpAddresses", ipaddress=at.address["ipaddress"], allocatedonly="false")[0]["state"]


def test_an_address_in_quarantine_is_free_and_kept_from_others_4_3(world, at):
    acme, globex = at.acme, at.admin.account("globex", at.admin.domain("globex"))
    at.admin("updateConfiguration", name="public.ip.address.quarantine.duration", value=10)
    mine, theirs = acme.vpc(), globex.vpc()
    text = acme.list("listPublicIpAddresses", state="Free", forprovider="true")[0]["ipaddress"]
    taken = acme.done("associateIpAddress", vpcid=mine["id"], ipaddress=text)["ipaddress"]
    acme.done("disassociateIpAddress", id=taken["id"])

    assert text in [row["ipaddress"] for row in globex.list("listPublicIpAddresses", state="Free")]
    assert refusal(globex, "associateIpAddress", vpcid=theirs["id"], ipaddress=text).status == 533
    acme.done("associateIpAddress", vpcid=mine["id"], ipaddress=text)
    acme.done("disassociateIpAddress", id=taken["id"])
    world.clock.advance(600)
    globex.done("associateIpAddress", vpcid=theirs["id"], ipaddress=text)


# quirks (7)


def test_jobs_and_lists_call_a_thing_differently_quirk_5():
    def keys(*names):
        return [CATALOGUE[name].key for name in names]

    assert keys("associateIpAddress", "listPublicIpAddresses") == ["ipaddress", "publicipaddress"]
    assert keys("createLoadBalancerRule", "listLoadBalancerRules") == ["loadbalancer", "loadbalancerrule"]
    assert keys("createVlanIpRange", "listVlanIpRanges") == ["vlan", "vlaniprange"]


def test_a_client_that_gives_up_does_not_cancel_the_work_quirk_6():
    world = World()
    at = Things(world)
    sent = plain(SCENARIOS["createNetwork"](at))
    server, _ = world.serve()
    try:
        world.netris.faults.order("slow", "POST /api/v2/vnet", seconds=0.5)
        with httpx.Client(base_url=server.url, timeout=0.2) as http, pytest.raises(httpx.ReadTimeout):
            Caller(http, (at.admin.key, at.admin.secret))("createNetwork", **sent)
        deadline = time.monotonic() + 10
        while not any(each.startswith("netris vnet ") for each in world.what_is_left()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert [row["name"] for row in at.caller.list("listNetworks", vpcid=sent["vpcid"])] == ["db"]
    finally:
        world.close()


EXACT = {
    **{"listNetworks": "tier", "listVirtualMachines": "vm", "listLoadBalancerRules": "balancer"},
    **{"listNetworkACLLists": "acl", "listZones": "zone", "listDomains": "domain", "listAccounts": "account"},
    **{"listProjects": "project", "listNetworkOfferings": "tier_offering", "listServiceOfferings": "size"},
}


@pytest.mark.parametrize("name", sorted(EXACT))
def test_most_names_are_matched_whole_quirk_11(at, name):
    thing = getattr(at, EXACT[name])

    def found(text):
        return thing["id"] in [row["id"] for row in at.caller.list(name, listall="true", name=text)]

    assert found(thing["name"])
    assert found(thing["name"].upper())
    assert not found(thing["name"][:-1])
    key = thing["name"][1:-1] if len(thing["name"]) > 2 else thing["name"]
    assert thing["id"] in [row["id"] for row in at.caller.list(name, listall="true", keyword=key)]


@pytest.mark.parametrize(
    ("name", "thing"), [("listVPCs", "vpc"), ("listVPCOfferings", "nat_offering"), ("listPhysicalNetworks", "physical")]
)
def test_some_names_are_matched_in_part_quirk_11(at, name, thing):
    wanted = getattr(at, thing)

    for text in (wanted["name"], wanted["name"][1:-1], wanted["name"][1:].upper()):
        assert wanted["id"] in [row["id"] for row in at.caller.list(name, name=text)]


@pytest.mark.parametrize("name", ["createVPC", "deployVirtualMachine", "createNetworkACLList", "associateIpAddress"])
def test_what_is_being_made_is_listed_already_quirk_15(world, at, name):
    sent = plain(SCENARIOS[name](at))
    world.cloudstack.jobs.seconds = 60
    started = at.caller(name, **sent)
    listed = {"createVPC": "listVPCs", "deployVirtualMachine": "listVirtualMachines"}
    listed |= {"createNetworkACLList": "listNetworkACLLists", "associateIpAddress": "listPublicIpAddresses"}

    (row,) = at.caller.list(listed[name], id=started["id"])

    assert at.caller("queryAsyncJobResult", jobid=started["jobid"])["jobstatus"] == 0
    assert row.get("state") in {"createVPC": ["Enabled"], "deployVirtualMachine": ["Stopped", "Starting"]}.get(
        name, ["Allocated", None]
    )


def test_acl_items_are_listed_newest_first_whatever_their_numbers_quirk_19(at):
    for number in (20, 5, 10):
        at.caller.done("createNetworkACL", aclid=at.acl["id"], protocol="all", number=number, cidrlist="0.0.0.0/0")

    assert [row["number"] for row in at.caller.list("listNetworkACLs", aclid=at.acl["id"])] == [10, 5, 20]


@pytest.mark.parametrize("name", ["createVPC", "createNetworkACLList"])
def test_two_things_may_have_one_name_quirk_22(at, name):
    sent = plain(SCENARIOS[name](at))

    assert at.caller.done(name, **sent) != at.caller.done(name, **sent)


def test_two_tiers_and_two_balancers_may_have_one_name_quirk_22(at):
    assert at.caller.tier(at.vpc, at.tier["name"], gateway="10.10.9.1")
    given = plain(SCENARIOS["createLoadBalancerRule"](at))
    for port in (80, 81):
        at.caller.done("createLoadBalancerRule", **given | {"publicport": port})

    assert len(at.caller.list("listNetworks", name=at.tier["name"])) == 2
    assert len(at.caller.list("listLoadBalancerRules", name=given["name"])) == 2


def test_tiers_are_made_side_by_side_and_networks_deleted_in_turn_quirk_23(world, at):
    first, second = at.tier, at.second_tier
    world.cloudstack.jobs.seconds = 10
    jobs = [at.caller("updateVPC", id=at.vpc["id"], name=name)["jobid"] for name in "ab"]
    jobs += [at.caller("updateNetwork", id=tier["id"], displaytext="x")["jobid"] for tier in (first, second)]
    assert at.caller.tier(at.vpc, "third", gateway="10.10.9.1")["state"] == "Allocated"

    world.clock.advance(5)

    assert [at.caller("queryAsyncJobResult", jobid=job)["jobstatus"] for job in jobs] == [1, 0, 1, 1]


def test_what_went_wrong_inside_is_told_by_jobs_and_not_by_answers_quirk_25(world):
    at = Things(world, "acme")
    sent = plain(SCENARIOS["createNetwork"](at))
    world.netris.faults.order("refuse", "POST /api/v2/vnet", times=1)
    assert refusal(at.caller, "createNetwork", **sent).text.startswith("Internal error executing command")

    at.caller.done("createPortForwardingRule", **plain(SCENARIOS["createPortForwardingRule"](at)))
    world.netris.faults.order("refuse", "DELETE /api/v2/nat/{id}", times=1)
    job = at.caller.job("disassociateIpAddress", id=at.address["id"])
    assert job["jobresult"] == {"errorcode": 431, "errortext": "Failed API call to Netris controller"}


@pytest.mark.parametrize(("name", "listed"), [("createVPC", "listVPCs"), ("createNetwork", "listNetworks")])
def test_tags_cannot_be_given_to_what_is_made_quirk_28(at, name, listed):
    sent = plain(SCENARIOS[name](at)) | PAIR

    body = at.caller(name, **sent)

    assert at.caller.list(listed, id=body.get("id") or body["network"]["id"])[0]["tags"] == []


def test_some_keys_keep_their_capitals_quirk_29(at):
    assert "supportELB" in at.caller("listCapabilities")["capability"]
    assert "supportsregionLevelvpc" in at.nat_offering
    assert "crossZones" in at.template
    assert "netrisProvider" in at.caller("listNetrisProviders")
    assert "uuidList" in refusal(at.caller, "deleteVPC").body


def test_some_ids_are_numbers_quirk_30(at):
    assert isinstance(at.vnis["physicalnetworkid"], int) and isinstance(at.vnis["zoneid"], int)
    assert isinstance(at.caller.list("listGuestVlans")[0]["id"], int)
    assert isinstance(at.caller.list("listUsageTypes")[0]["id"], int)


HIDDEN = {
    **{"createVPC": "listVPCs", "createNetworkACLList": "listNetworkACLLists", "createNetworkACL": "listNetworkACLs"},
    **{"associateIpAddress": "listPublicIpAddresses", "createPortForwardingRule": "listPortForwardingRules"},
    **{"createLoadBalancerRule": "listLoadBalancerRules", "createNetwork": "listNetworks"},
    "deployVirtualMachine": "listVirtualMachines",
}


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_what_is_not_for_display_only_root_sees_quirk_31(world, name):
    at, listed = Things(world, "acme"), HIDDEN[name]
    flag = {"createNetwork": "displaynetwork", "deployVirtualMachine": "displayvm"}.get(name, "fordisplay")
    sent = plain(SCENARIOS[name](at)) | {flag: "false"}
    owner = plain(at.owner) if name == "createVPC" else {}  # all else belongs to the VPC's account
    body = at.admin(name, **sent, **owner)
    thing = body.get("id") or body["network"]["id"]

    assert thing not in [row["id"] for row in at.caller.list(listed)]
    (row,) = at.admin.list(listed, id=thing, listall="true")
    assert row[flag] is False
    assert at.admin(listed, id=thing, listall="true", **{flag: "true"}) == {}


def test_a_free_address_that_somebody_took_is_refused_quirk_33(at):
    free = at.acme.list("listPublicIpAddresses", state="Free", forprovider="true")[0]["ipaddress"]
    at.caller.done("associateIpAddress", vpcid=at.vpc["id"], ipaddress=free)

    assert refusal(at.acme, "associateIpAddress", vpcid=at.acme.vpc()["id"], ipaddress=free).status == 533


def test_the_class_of_a_command_is_another_for_root_quirk_35(at):
    def class_of(caller):
        vpc = caller.vpc()
        return caller.job("updateVPC", id=vpc["id"], name="x")["cmd"]

    assert class_of(at.admin) == "org.apache.cloudstack.api.command.admin.vpc.UpdateVPCCmdByAdmin"
    assert class_of(at.acme) == "org.apache.cloudstack.api.command.user.vpc.UpdateVPCCmd"


def test_templates_need_a_filter_and_show_a_row_for_each_zone_quirk_36(at):
    assert refusal(at.caller, "listTemplates").status == 431
    assert {row["zoneid"] for row in at.caller.list("listTemplates", templatefilter="all")} == {at.zone["id"]}


def test_keys_are_in_the_answers_and_never_in_what_is_kept_quirk_37(world, at):
    keys = at.caller("registerUserKeys", id=at.user["id"])["userkeys"]

    assert {len(keys["apikey"]), len(keys["secretkey"])} == {86}
    kept = str([list(world.cloudstack.cloud.table(kind)) for kind in ("event", "job")])
    assert keys["secretkey"] not in kept and keys["apikey"] not in kept


# defaults (9)


def test_the_zone_is_the_sheet_s_9(at):
    wanted = {"networktype": "Advanced", "type": "Core", "allocationstate": "Enabled", "provider": "Netris"}
    flags = {"localstorageenabled": False, "securitygroupsenabled": False, "routedmodeenabled": True}

    assert at.zone.items() >= {**wanted, **flags, "dhcpprovider": "VirtualRouter", "asnrange": ""}.items()
    assert at.caller("listCapabilities")["capability"]["cloudstackversion"] == "4.22.0.0"
    (physical,) = at.caller.list("listPhysicalNetworks")
    assert (
        physical.items() >= {"isolationmethods": "Netris", "state": "Enabled", "broadcastdomainrange": "ZONE"}.items()
    )


def test_three_public_ranges_stand_in_their_order_9_5_1(at):
    ranges = at.caller.list("listVlanIpRanges")

    assert [(row["forsystemvms"], row.get("provider")) for row in ranges] == [
        (True, None),
        (False, None),
        (False, "Netris"),
    ]


def test_the_tree_begins_with_root_and_its_admin_9(at):
    (domain,) = at.caller.list("listDomains")
    (account,) = at.caller.list("listAccounts")

    assert (domain["name"], domain["level"], domain["path"]) == ("ROOT", 0, "ROOT")
    assert (account["name"], account["accounttype"]) == ("admin", 1)


@pytest.mark.parametrize(
    ("name", "text", "action"),
    [
        ("default_deny", "Default Network ACL Deny All", "Deny"),
        ("default_allow", "Default Network ACL Allow All", "Allow"),
    ],
)
def test_the_default_lists_have_two_items_9(at, name, text, action):
    (acl,) = at.caller.list("listNetworkACLLists", name=name)
    items = sorted(at.caller.list("listNetworkACLs", aclid=acl["id"]), key=lambda row: row["number"])

    assert (acl["description"], "vpcid" in acl) == (text, False)
    assert [(row["number"], row["traffictype"], row["action"]) for row in items] == [
        (1, "Ingress", action),
        (2, "Egress", action),
    ]
    assert {(row["protocol"], row["cidrlist"], row["state"]) for row in items} == {("all", "0.0.0.0/0", "Active")}


def test_ids_are_random_and_lower_case_9(at):
    for thing in (at.zone, at.vpc, at.tier, at.vm, at.address):
        assert str(uuid.UUID(thing["id"], version=4)) == thing["id"]
    assert root_of(World()).zone != at.zone["id"]


def test_a_vpc_has_a_router_and_two_addresses_and_its_tier_a_vni_9(at):
    (router,) = at.caller.list("listRouters", vpcid=at.vpc["id"])
    addresses = at.caller.list("listPublicIpAddresses", vpcid=at.vpc["id"], issourcenat="true")
    vni = at.tier["details"]["netrisvxlanid"]

    assert re.fullmatch(r"r-\d+-VM", router["name"])
    assert (
        router.items()
        >= {
            **{"state": "Running", "role": "VIRTUAL_ROUTER"},
            "serviceofferingname": "System Offering For Software Router",
        }.items()
    )
    assert sorted(row["forprovider"] for row in addresses) == [False, True]
    assert {row["state"] for row in addresses} == {"Allocated"}
    (tier,) = at.caller.list("listNetworks", id=at.tier["id"])
    assert (tier["state"], tier["broadcasturi"]) == ("Allocated", f"netris://{vni}")
    (public,) = {row["networkid"] for row in addresses}
    assert public not in (at.tier["id"], at.vpc["id"])
    assert at.vm["nic"][0]["ipaddress"] not in ("10.10.1.1", "10.10.1.2")  # the gateway's and the router's


# clients (8)


def test_a_command_tree_can_be_built_from_the_commands_8(at):
    """What cloudmonkey and Marvin read of listApis."""
    for api in at.caller.list("listApis"):
        assert isinstance(api["isasync"], bool) and api["isasync"] == CATALOGUE[api["name"]].is_async
        assert all(each.keys() >= {"name", "type", "required"} for each in api["params"])
    (one,) = at.caller.list("listApis", name="createVPC")
    assert {each["name"] for each in one["params"] if each["required"]} == {"zoneid", "name", "vpcofferingid"}
