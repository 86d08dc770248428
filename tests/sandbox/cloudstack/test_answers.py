"""What commands answer: cloudstack-api.md 1.1 (kinds, envelopes, framing), 1.5 (lists), 2.2 (jobs), 3 (objects).

Every command of the catalogue is called once and succeeds. What it is called with stands in cloudstack_scenarios.py; a
command that is not there fails here.
"""

import re
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from xml.etree import ElementTree

import pytest

from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from tests.sandbox.cloudstack.client import refusal, sign
from tests.sandbox.cloudstack.scenarios import EMPTY, GATE, REFUSED, SCENARIOS, Things, plain
from tests.sandbox.cloudstack.sheet import OBJECTS, SHEET, fields_of_jobs, misfits

# What a key holds, where it is not called what the sheet's field list is called.
_OBJECT_OF = {"ipaddress": "publicipaddress", "vlan": "vlaniprange", "loadbalancerruleinstance": "virtualmachine"}
_INTERNAL = {"createLoadBalancer", "listLoadBalancers"}  # their `loadbalancer` is the internal one

# Objects whose fields the sheet does not list.
_UNDESCRIBED = {
    *("hypervisor", "diskoffering", "ostype", "networkservice", "volume", "traffictype", "pod", "cluster"),
    *("managementserver", "eventtype", "usagetype", "resourcecount", "nicsecondaryip"),
    *("vpngateway", "vpncustomergateway", "vpnconnection"),
    *("rolepermission", "asnumber", "asnumberrange", "bgppeer", "zoneipv4subnet"),
}


@pytest.fixture
def at(world):
    return Things(world)


def object_of(command):
    if command.key == "loadbalancer":
        return "loadbalancer" if command.name in _INTERNAL else "loadbalancerrule"
    return _OBJECT_OF.get(command.key, command.key)


def check_object(command, row):
    """The fields of a row are those of the sheet's object."""
    name = object_of(command)
    if command.key == "asyncjobs":
        assert row.keys() <= fields_of_jobs()
    elif name in _UNDESCRIBED:
        assert name not in OBJECTS
        assert all(value is not None for value in row.values())
    else:
        assert misfits(name, row) == []


# Which fields of a job tell what it is about, and which are only there while it is at work.
SUBJECT = {"jobinstancetype", "jobinstanceid"}
SERVER = {"managementserverid", "managementservername"}


def check_list(command, body):
    assert body.keys() == {"count", command.key}
    assert body["count"] == len(body[command.key]) > 0
    for row in body[command.key]:
        check_object(command, row)


def check_result(command, result):
    if command.key == "success":
        assert result == {"success": True}
        return
    assert list(result) == [command.key]
    check_object(command, result[command.key])


def check_job(command, job):
    assert job["jobstatus"] == 1, job
    assert job.keys() - SUBJECT == fields_of_jobs() - SUBJECT - SERVER
    assert (job["jobprocstatus"], job["jobresultcode"], job["jobresulttype"]) == (0, 0, "object")
    assert job["cmd"].startswith("org.apache.cloudstack.api.command.")
    check_result(command, job["jobresult"])


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_command_has_a_scenario(name):
    assert name in SCENARIOS.keys() | EMPTY | REFUSED


def test_no_scenario_is_without_a_command():
    assert CATALOGUE.keys() >= SCENARIOS.keys() | EMPTY | REFUSED
    assert not SCENARIOS.keys() & (EMPTY | REFUSED)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_command_answers_in_its_kind_and_with_its_object_1_1_2_2_3(at, name):
    command = CATALOGUE[name]
    response = at.caller.send(name, **plain(SCENARIOS[name](at)))

    assert response.status_code == 200, response.text
    ((envelope, body),) = response.json().items()
    assert envelope == command.envelope
    if command.is_async:
        assert list(body) == (["id", "jobid"] if command.kind == "async-create" else ["jobid"])
        job = at.caller("queryAsyncJobResult", jobid=body["jobid"])
        check_job(command, job)
        if command.kind == "async-create":
            assert job.get("jobinstanceid", body["id"]) == body["id"]
            assert "stickinesspolicies" in job["jobresult"] or job["jobresult"][command.key]["id"] == body["id"]
    elif name == "queryAsyncJobResult":
        check_job(CATALOGUE["updateVPC"], body)
    elif "count" in body:
        check_list(command, body)
    else:
        assert not command.is_list
        check_result(command, body)


def test_only_root_sees_how_full_a_zone_is_3_1(at):
    (zone,) = at.caller.list("listZones", showcapacities="true")
    (theirs,) = at.acme.list("listZones", showcapacities="true")

    assert {row["type"] for row in zone["capacity"]} >= {0, 1, 4, 7}
    assert [wrong for row in zone["capacity"] for wrong in misfits("capacity", row)] == []
    assert not {"capacity", "dns1", "internaldns1"} & theirs.keys()


@pytest.mark.parametrize("name", sorted(EMPTY))
def test_what_the_zone_has_none_of_is_an_empty_list_1_5(at, name):
    assert CATALOGUE[name].is_list
    assert at.caller.send(name).json() == {CATALOGUE[name].envelope: {}}


# framing (1.1): one of each kind, as JSON and as XML


def sent_as_xml(caller, command, **parameters):
    sent = {**parameters, "command": command, "apikey": caller.key}
    response = caller.http.get("/client/api", params={**sent, "signature": sign(sent, caller.secret)})
    assert response.headers["content-type"] == "text/xml;charset=utf-8"
    return response.status_code, parsed(response)


def parsed(response):
    return ElementTree.fromstring(response.text)  # noqa: S314 - the emulator's own


def tree(element):
    """An element as JSON would show it, with every value as text; a tag that repeats is a list."""
    if not len(element):
        return element.text or ""
    found: dict[str, list[Any]] = {}
    for child in element:
        found.setdefault(child.tag, []).append(tree(child))
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def as_text(value):
    """What JSON shows, as `tree` shows it: an empty list is not there at all, a list of one is what is in it."""
    if isinstance(value, dict):
        kept = {name: as_text(each) for name, each in value.items() if each != []}
        return kept or ""
    if isinstance(value, list):
        return [as_text(each) for each in value] if len(value) > 1 else as_text(value[0])
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("name", ["listVPCs", "listNetworks", "listPods", "getUserKeys", "listCapabilities"])
def test_xml_says_what_json_says_1_1(at, name):
    sent = plain(SCENARIOS[name](at))
    body = at.caller(name, **sent)

    status, root = sent_as_xml(at.caller, name, **sent)

    assert (status, root.tag) == (200, CATALOGUE[name].envelope)
    assert root.attrib == {"cloud-stack-version": "4.22.0.0"}
    assert tree(root) == as_text(body)


@pytest.mark.parametrize(
    ("name", "fields"),
    [("createVPC", ["id", "jobid"]), ("updateVPC", ["jobid"]), ("enableStaticNat", ["success"]), ("listSnapshots", [])],
)
def test_every_kind_is_framed_in_xml_too_1_1(at, name, fields):
    _, root = sent_as_xml(at.caller, name, **plain(SCENARIOS.get(name, lambda at: {})(at)))

    assert root.tag == CATALOGUE[name].envelope
    assert [child.tag for child in root] == fields
    assert name != "enableStaticNat" or tree(root) == {"success": "true"}


@pytest.mark.parametrize("word", [None, "xml", "yaml", "JSON"])
def test_errors_are_xml_unless_json_was_asked_for_2_1_quirk_40(root, word):
    sent = {"command": "deleteVPC", "apikey": root.key} | ({"response": word} if word else {})
    response = root.http.get("/client/api", params={**sent, "signature": sign(sent, root.secret)})

    assert response.status_code == 431
    text = "Unable to execute API command deletevpc due to missing parameter id"
    assert response.headers["x-description"] == text
    if word == "JSON":
        assert response.json() == {
            "deletevpcresponse": {"uuidList": [], "errorcode": 431, "cserrorcode": 9999, "errortext": text}
        }
    else:
        found = tree(parsed(response))
        assert found == {"errorcode": "431", "cserrorcode": "9999", "errortext": text}


def test_a_refusal_may_name_what_it_is_about_2_1(world, at):
    caller, cloud = at.acme, world.cloudstack.cloud
    sent = plain(SCENARIOS["createVPC"](at))
    cloud.change("zone", cloud.zone, allocationstate="Disabled")

    found = refusal(caller, "createVPC", **sent)

    assert found.body["uuidList"] == [{"uuid": at.zone["id"], "description": "zoneId"}]


def test_security_headers_are_always_there_1_1(root):
    for command in ("listZones", "nonsense"):
        assert root.send(command).headers["x-content-type-options"] == "nosniff"


def test_a_login_tells_who_one_is_1_3(root):
    (row,) = re.findall(r"^\| Reply `loginresponse` \| (.+) \|$", SHEET, re.M)
    given = {"command": "login", "username": "admin", "password": "password", "response": "json"}

    body = root.http.post("/client/api", data=given).json()["loginresponse"]

    assert body.keys() == set(re.findall(r"`(\w+)`", row))
    assert isinstance(body.pop("timeout"), int)
    assert all(isinstance(value, str) for value in body.values())


# lists (1.5)


PAGED = sorted(name for name, command in CATALOGUE.items() if command.is_list and name not in EMPTY)


@pytest.mark.parametrize("name", PAGED)
def test_every_list_counts_all_and_shows_a_page_1_5(at, name):
    sent, key = plain(SCENARIOS[name](at)), CATALOGUE[name].key
    everything = at.caller(name, **sent)
    total = everything["count"]

    assert at.caller(name, **sent, pagesize=-1)["count"] == total
    assert at.caller(name, **sent, page=1, pagesize=1) == {"count": total, key: everything[key][:1]}
    assert at.caller(name, **sent, page=0, pagesize=1)[key] == everything[key][:1]
    assert at.caller(name, **sent, page=total + 1, pagesize=1) == {"count": total}
    assert refusal(at.caller, name, **sent, page=1).status == 431
    assert refusal(at.caller, name, **sent, page=1, pagesize=501).status == 431


@pytest.mark.parametrize("name", ["listNetworks", "listPublicIpAddresses", "listVirtualMachines", "listVolumes"])
def test_four_lists_can_be_counted_only_1_5(at, name):
    sent = plain(SCENARIOS[name](at))

    assert at.caller(name, **sent, retrieveonlyresourcecount="true") == {"count": at.caller(name, **sent)["count"]}


NEWEST_FIRST = (
    *("listVPCs", "listStaticRoutes", "listNetworks", "listNetworkACLLists", "listNetworkACLs"),
    *("listPortForwardingRules", "listPrivateGateways", "listProjects", "listEvents"),
)
OLDEST_FIRST = (
    *("listLoadBalancerRules", "listVirtualMachines", "listHosts", "listAccounts", "listDomains"),
    *("listVlanIpRanges", "listRouters", "listAsyncJobs"),
)


def make_another(at):
    """A second one of what is made in numbers, in a VPC of its own."""
    caller, vpc = at.caller, at.caller.vpc("second")
    tier = caller.tier(vpc, "far")
    vm = caller.machine(tier, "far-1")
    free = [row["ipaddress"] for row in caller.list("listPublicIpAddresses", state="Free", forprovider="true")[:2]]
    address, other = (caller.done("associateIpAddress", vpcid=vpc["id"], ipaddress=each)["ipaddress"] for each in free)
    ports = {"publicport": 80, "privateport": 80, "networkid": tier["id"]}
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "protocol": "tcp"}
    caller.done("createPortForwardingRule", **given, **ports)
    caller.done("createLoadBalancerRule", publicipid=other["id"], algorithm="roundrobin", name="second", **ports)
    gate = caller.done("createPrivateGateway", vpcid=vpc["id"], **GATE)["privategateway"]
    caller.done("createStaticRoute", cidr="172.17.0.0/16", gatewayid=gate["id"])
    caller.done("createProject", name="second")


@pytest.mark.parametrize("name", [*NEWEST_FIRST, *OLDEST_FIRST])
def test_rows_come_in_the_order_of_their_making_or_against_it_1_5(at, name):
    assert at.caller.done("createLoadBalancerRule", **plain(SCENARIOS["createLoadBalancerRule"](at)))
    assert at.route and at.project and at.acme and at.another_item
    at.address = at.caller.done("associateIpAddress", vpcid=at.vpc["id"])["ipaddress"]
    assert at.forward
    make_another(at)
    if name == "listAsyncJobs":
        assert at.at_work()
    kind = CATALOGUE[name].parameters["id"].kind if "id" in CATALOGUE[name].parameters else "job"
    rows = at.world.cloudstack.cloud.table(kind).rows

    shown = at.caller.list(name, listall="true")

    numbers = [rows[row["jobid" if kind == "job" else "id"]]["number"] for row in shown]
    assert len(numbers) > 1
    assert numbers == sorted(numbers, reverse=name in NEWEST_FIRST)


def test_addresses_come_lowest_first_and_vnis_by_their_text_1_5(at):
    addresses = [ip_address(row["ipaddress"]) for row in at.caller.list("listPublicIpAddresses", state="Free")]
    vnis = [row["vlan"] for row in at.caller.list("listGuestVlans")]

    assert addresses == sorted(addresses)
    assert vnis == sorted(vnis)


# jobs (2.2)


def test_a_pending_job_shows_no_result_and_a_cancelled_one_never_does_2_2_quirk_2(world, at):
    jobs = world.cloudstack.jobs
    vpc, jobs.seconds = at.vpc, 100 * 60
    first = at.caller("updateVPC", id=vpc["id"], name="a")["jobid"]
    second = at.caller("updateVPC", id=vpc["id"], name="b")["jobid"]
    pending = at.caller("queryAsyncJobResult", jobid=second)
    assert (pending["jobstatus"], pending["jobresultcode"]) == (0, 0)
    assert pending.keys() == fields_of_jobs() - {"jobresulttype", "jobresult", "completed", "jobinstanceid"}

    world.clock.advance(61 * 60)  # job.cancel.threshold.minutes

    blocked = at.caller("queryAsyncJobResult", jobid=second)
    assert (blocked["jobstatus"], blocked["jobresultcode"]) == (2, 0)
    assert blocked.keys() == fields_of_jobs() - {"jobresulttype", "jobresult", "jobinstanceid"} - SERVER
    world.clock.advance(60 * 60)
    assert at.caller("queryAsyncJobResult", jobid=first)["jobstatus"] == 1
    assert at.caller.list("listVPCs", id=vpc["id"])[0]["name"] == "a"


@pytest.mark.parametrize(
    ("name", "kind", "names_it"),
    [
        ("createVPC", "None", False),
        ("updateVPC", "Vpc", False),
        ("updateNetwork", "Network", False),
        ("createNetworkACLList", "NetworkAcl", False),
        ("createNetworkACL", "NetworkAclItem", False),
        ("deleteDomain", "Domain", False),
        ("associateIpAddress", "IpAddress", True),
        ("createPortForwardingRule", "FirewallRule", True),
        ("createLoadBalancerRule", "FirewallRule", True),
        ("createStaticRoute", "StaticRoute", True),
        ("deployVirtualMachine", "VirtualMachine", True),
        ("deletePortForwardingRule", None, False),
        ("assignToLoadBalancerRule", None, False),
        ("deleteStaticRoute", None, False),
        ("replaceNetworkACLList", None, False),
    ],
)
def test_jobs_name_the_kind_of_their_object_and_seldom_the_object_w1(at, name, kind, names_it):
    sent = plain(SCENARIOS[name](at))
    started = at.caller(name, **sent)

    job = at.caller("queryAsyncJobResult", jobid=started["jobid"])

    assert job.get("jobinstancetype") == kind
    assert job.get("jobinstanceid") == ((started.get("id") or sent["id"]) if names_it else None)


def test_a_rule_that_could_not_be_made_is_not_named_by_its_job_w1(at):
    sent = plain(SCENARIOS["createPortForwardingRule"](at))
    at.world.netris.faults.order("refuse", "POST /api/v2/nat")

    job = at.caller("queryAsyncJobResult", jobid=at.caller("createPortForwardingRule", **sent)["jobid"])

    assert (job["jobstatus"], job["jobinstancetype"]) == (2, "FirewallRule")
    assert "jobinstanceid" not in job


QUEUED = {"deleteNetwork", "restartNetwork", "updateNetwork", "deleteVPC", "restartVPC", "updateVPC"}  # 2.2


def test_what_waits_for_each_other_is_what_the_sheet_says_2_2():
    queued = {name for name, command in CATALOGUE.items() if command.queue}

    assert {name for name in queued if "Vpn" not in name} == QUEUED


def test_jobs_are_listed_by_start_and_by_the_name_of_their_class_2_2(world, at):
    first, _ = at.at_work()
    world.clock.advance(60)
    later = datetime.fromtimestamp(world.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    at.caller("updateVPC", id=at.vpc["id"], name="y")

    (update,) = at.caller.list("listAsyncJobs", startdate=later)
    assert update["jobid"] != first
    assert update["cmd"] == "org.apache.cloudstack.api.command.admin.vpc.UpdateVPCCmdByAdmin"
    assert len(at.caller.list("listAsyncJobs", keyword="UpdateVPC")) == 3
    assert at.caller("listAsyncJobs", keyword="CreateVPC") == {}


# events (3.11)

EVENTS = {
    **{"createVPC": "VPC.CREATE", "updateVPC": "VPC.UPDATE", "deleteVPC": "VPC.DELETE", "restartVPC": "VPC.RESTART"},
    **{"deleteNetwork": "NETWORK.DELETE", "updateNetwork": "NETWORK.UPDATE", "restartNetwork": "NETWORK.RESTART"},
    **{"createNetworkACLList": "NETWORK.ACL.CREATE", "deleteNetworkACLList": "NETWORK.ACL.DELETE"},
    **{"replaceNetworkACLList": "NETWORK.ACL.REPLACE", "createNetworkACL": "NETWORK.ACL.ITEM.CREATE"},
    **{"updateNetworkACLItem": "NETWORK.ACL.ITEM.UPDATE", "deleteNetworkACL": "NETWORK.ACL.ITEM.DELETE"},
    **{"associateIpAddress": "NET.IPASSIGN", "disassociateIpAddress": "NET.IPRELEASE"},
    **{"createPortForwardingRule": "NET.RULEADD", "deletePortForwardingRule": "NET.RULEDELETE"},
    **{"updatePortForwardingRule": "NET.RULEMODIFY", "disableStaticNat": "STATICNAT.DISABLE"},
    **{"createLoadBalancerRule": "LB.CREATE", "deleteLoadBalancerRule": "LB.DELETE"},
    **{"updateLoadBalancerRule": "LB.UPDATE", "assignToLoadBalancerRule": "LB.ASSIGN.TO.RULE"},
    **{"removeFromLoadBalancerRule": "LB.REMOVE.FROM.RULE", "createLBStickinessPolicy": "LB.STICKINESSPOLICY.CREATE"},
    **{"createPrivateGateway": "PRIVATE.GATEWAY.CREATE", "deletePrivateGateway": "PRIVATE.GATEWAY.DELETE"},
    **{"createStaticRoute": "STATIC.ROUTE.CREATE", "deleteStaticRoute": "STATIC.ROUTE.DELETE"},
    **{"deployVirtualMachine": "VM.CREATE", "startVirtualMachine": "VM.START", "stopVirtualMachine": "VM.STOP"},
    **{"destroyVirtualMachine": "VM.DESTROY", "expungeVirtualMachine": "VM.EXPUNGE"},
    **{"createTags": "CREATE_TAGS", "deleteTags": "DELETE_TAGS"},
}
SYNCHRONOUS = {
    **{"createNetwork": "NETWORK.CREATE", "enableStaticNat": "STATICNAT.ENABLE", "reserveIpAddress": "NET.IPRESERVE"},
    **{"createVlanIpRange": "VLAN.IP.RANGE.CREATE", "deleteVlanIpRange": "VLAN.IP.RANGE.DELETE"},
    **{"dedicateGuestVlanRange": "GUESTVLANRANGE.DEDICATE", "updateResourceLimit": "RESOURCE.LIMIT.UPDATE"},
}


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_asynchronous_command_leaves_three_events_3_11(at, name):
    """An async-create command leaves one of its create phase too."""
    at.caller.done(name, **plain(SCENARIOS[name](at)))

    events = at.caller.list("listEvents", type=EVENTS[name])
    events = [each for each in events if each.get("parentid", each["id"]) == events[0]["parentid"]]

    assert [event["state"] for event in events] == ["Completed", "Started", "Scheduled"]
    assert "parentid" not in events[-1]
    assert {event["level"] for event in events} == {"INFO"}
    assert at.caller.list("listEvents", startid=events[-1]["id"]) == events


@pytest.mark.parametrize("name", sorted(SYNCHRONOUS))
def test_a_synchronous_command_leaves_one_event_3_11(at, name):
    at.caller(name, **plain(SCENARIOS[name](at)))

    (event,) = at.caller.list("listEvents", type=SYNCHRONOUS[name], listall="true")

    assert (event["state"], event["level"]) == ("Completed", "INFO")


def test_a_failed_command_leaves_an_error_3_11(world, at):
    sent = plain(SCENARIOS["createVPC"](at))
    world.netris.faults.order("refuse", "POST /api/v2/vpc", times=1)

    at.caller.job("createVPC", **sent)

    assert [event["level"] for event in at.caller.list("listEvents", type="VPC.CREATE")] == ["ERROR", "INFO", "INFO"]


def test_a_tier_that_takes_a_vni_says_so_and_leaks_its_internal_number_5_3(at):
    tier = at.tier

    event = at.caller.list("listEvents", type="ZONE.VXLAN.ASSIGN")[-1]

    number = at.world.cloudstack.cloud.table("network").rows[tier["id"]]["number"]
    assert event["description"] == f"Assigned Zone vNet: {tier['details']['netrisvxlanid']} Network Id: {number}"
