"""Refusals: the error body and catalogue of cloudstack-api.md 2.1, and every code and text that sections 1 and 3 quote.

A row says where the sheet has it, who asks for what, and what comes of it: an HTTP status, or `Job(code)` when the
command was accepted and its job failed.
"""

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from sandbox.cloudstack.protocol import errors
from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from sandbox.cloudstack.protocol.errors import ApiError
from tests.sandbox.cloudstack.client import sign
from tests.sandbox.cloudstack.scenarios import PAIR, SCENARIOS, Things, plain, throttled
from tests.sandbox.cloudstack.sheet import section

NOTHING = "00000000-0000-4000-8000-000000000000"
NEUTRAL = "^Internal error executing command, please contact your system administrator$"
INVALID = "^Unable to execute API command {} due to invalid value. Invalid parameter {} value={} due to incorrect long "
INVALID += "value format, or entity does not exist"
MISSING = "^Unable to execute API command {} due to missing parameter {}$"


class Job(NamedTuple):
    """The job fails with this code; its creation was answered."""

    code: int


class Refusal(NamedTuple):
    section: str
    command: str
    sent: Any  # the parameters, made from the things of the caller
    outcome: int | Job
    text: str = ""
    number: int | None = None  # cserrorcode
    who: str = "root"


def but(command, **changes):
    """What succeeds, with changes: None takes a parameter away, a function is asked for its value."""

    def sent(at):
        found = SCENARIOS[command](at)
        found = found | {name: value(at) if callable(value) else value for name, value in changes.items()}
        return {name: value for name, value in found.items() if value is not None}

    return sent


def twice(command, **changes):
    """What has just succeeded, once more."""

    def sent(at):
        found = plain(SCENARIOS[command](at))
        if CATALOGUE[command].is_async:
            at.caller.done(command, **found)
        else:
            at.caller(command, **found)
        return found | changes

    return sent


def when(arrange, sent):
    """The parameters, after something else has been arranged."""

    def both(at):
        found = sent(at)
        arrange(at)
        return found

    return both


def full(resourcetype):
    """The tenant may have no more of something."""
    return lambda at: at.admin("updateResourceLimit", resourcetype=resourcetype, max=0, **plain(at.owner))


def netris_refuses(call):
    return lambda at: at.world.netris.faults.order("refuse", call, times=1)


def every(kind, **fields):
    """What an operator changes by commands that are not covered."""

    def change(at):
        cloud = at.world.cloudstack.cloud
        for row in cloud.table(kind):
            cloud.change(kind, row, **fields)

    return change


def another_tier(at):
    return at.caller.tier(at.vpc, "db", gateway="10.10.2.1", aclid=at.acl["id"])


def three_tiers(at):
    for third in (2, 3):
        at.caller.tier(at.vpc, f"tier-{third}", gateway=f"10.10.{third}.1")
    return at.tier


def source_nat(at):
    found = {"vpcid": at.vpc["id"], "issourcenat": "true", "forprovider": "true"}
    return at.caller.list("listPublicIpAddresses", **found)[0]


def vpc_goes(at):
    at.caller.done("deleteVPC", id=at.vpc["id"])


def taken_pool(at):
    """Every address of the Netris range has gone to the VPCs of others."""
    every("publicip", state="Reserved", pool="none", accountid=at.vpc["id"])(at)


def one_vni_left(at):
    """... and a tier takes it."""
    every("physicalnetwork", vlan="7-7")(at)
    return at.tier


def a_day_and_more(at):
    """The job ends at once; nobody asks for it for a day."""
    at.caller("listZones")
    at.world.clock.advance(1441 * 60)


UNKNOWN = {"listVPCs": "id", "createVPC": "zoneid", "createNetwork": "networkofferingid"}

ROWS = (
    # 1.4 parameters
    *(
        Refusal("1.4", command, but(command, **{name: NOTHING}), 431, INVALID.format(command.lower(), name, NOTHING))
        for command, name in UNKNOWN.items()
    ),
    Refusal("1.4", "createVPC", but("createVPC", name=None), 431, MISSING.format("createvpc", "name"), 9999),
    Refusal("1.4", "createVPC", but("createVPC", name=""), 431, MISSING.format("createvpc", "name"), 9999),
    Refusal("1.4", "createVPC", but("createVPC", name="x" * 256), 431, "255"),
    Refusal("1.4", "createVPC", but("createVPC", name="a\x07b"), 431),
    Refusal(
        "1.4", "createVPC", but("createVPC", publicmtu="big"), 431, " due to invalid value big for parameter publicmtu$"
    ),
    Refusal("1.4", "createTags", but("createTags", **{"tags[0]].key": "x"}), 430),
    Refusal(
        "1.4",
        "deleteVPC",
        when(vpc_goes, lambda at: {"id": at.vpc}),
        Job(431),
        "^unable to find VPC id=1$",
    ),
    # 1.5 pages
    Refusal("1.5", "listVPCs", lambda at: {"page": 1}, 431, '^"pagesize" parameter is required when "page" is ', 9999),
    Refusal(
        "1.5", "listVPCs", lambda at: {"pagesize": 10}, 431, '^"page" parameter is required when "pagesize" ', 9999
    ),
    Refusal("1.5", "listVPCs", lambda at: {"page": 1, "pagesize": -1}, 431),
    Refusal(
        "1.5",
        "listVPCs",
        lambda at: {"page": 1, "pagesize": 501},
        431,
        "^Page size can't exceed max allowed page size value: 500$",
    ),
    # 1.6 owners
    Refusal("1.6", "createVPC", but("createVPC", account="admin"), 431),
    Refusal("1.6", "createVPC", but("createVPC", account="admin", domainid=lambda at: at.domain), 531, who="acme"),
    Refusal("1.6", "createVPC", lambda at: but("createVPC", projectid=at.project, **at.owner)(at), 431),
    Refusal("1.6", "listVPCs", lambda at: {"account": "acme", "projectid": at.project}, 431),
    Refusal("1.6", "listVPCs", lambda at: {"id": at.admin.vpc()}, 531, number=4365, who="acme"),
    Refusal("1.6", "deleteVPC", lambda at: {"id": at.admin.vpc()}, 531, number=4365, who="acme"),
    # 2.2 jobs
    Refusal(
        "2.2",
        "queryAsyncJobResult",
        lambda at: {"jobid": at.admin("updateVPC", id=at.admin.vpc()["id"], name="x")["jobid"]},
        531,
        who="acme",
    ),
    Refusal("2.2", "queryAsyncJobResult", lambda at: {"jobid": NOTHING}, 431),
    Refusal(
        "2.2",
        "queryAsyncJobResult",
        when(a_day_and_more, SCENARIOS["queryAsyncJobResult"]),
        431,
    ),
    # 3.1 discovery, identity, limits
    Refusal("3.1", "createAccount", twice("createAccount", username="other", account="xy"), 431, number=4350),
    Refusal("3.1", "createAccount", twice("createAccount", account="another"), 431, number=4350),
    Refusal("3.1", "createUser", twice("createUser"), 431, number=4350),
    Refusal("3.1", "createDomain", twice("createDomain"), 431, number=4350),
    Refusal("3.1", "deleteDomain", lambda at: {"id": at.account["domainid"]}, Job(530)),
    Refusal("3.1", "registerUserKeys", lambda at: {"id": at.admin.list("listUsers")[0]}, 531, who="acme"),
    Refusal(
        "3.1",
        "updateResourceLimit",
        lambda at: {"resourcetype": 7, "max": 99, **at.owner},
        432,
        number=9999,
        who="acme",
    ),
    Refusal("3.1", "createProject", twice("createProject"), 431),
    # 3.2 offerings
    Refusal("3.2", "listTemplates", lambda at: {}, 431, MISSING.format("listtemplates", "templatefilter")),
    Refusal("3.2", "listTemplates", lambda at: {"templatefilter": "pretty"}, 431),
    # 3.3 VPCs, in the order of createVPC's checks
    Refusal(
        "3.3",
        "createVPC",
        when(full(7), but("createVPC")),
        535,
        r"^Maximum amount of resources of Type = 'vpc', tag = 'null' for Account Name = acme in Domain Id = 2 is "
        r"exceeded: Account Resource Limit = 0, Current Account Resource Amount = 0, Current Account Resource "
        r"Reservation = 0, Requested Resource Amount = 1\.$",
        4370,
        "acme",
    ),
    Refusal("3.3", "createVPC", but("createVPC", vpcofferingid=NOTHING), 431),
    Refusal("3.3", "createVPC", when(every("vpcoffering", state="Disabled"), but("createVPC")), 431, number=4350),
    Refusal("3.3", "createVPC", but("createVPC", cidr=None), 431, number=4350),
    Refusal("3.3", "createVPC", but("createVPC", cidrsize=24), 431, number=4350),
    Refusal(
        "3.3",
        "createVPC",
        when(every("zone", allocationstate="Disabled"), but("createVPC")),
        531,
        number=4365,
        who="acme",
    ),
    Refusal("3.3", "createVPC", but("createVPC", cidr="10.0.0.0/33"), 431, "^Invalid CIDR specified"),
    Refusal("3.3", "createVPC", but("createVPC", cidr="198.18.0.0/16"), 431, "is not RFC1918 compliant$"),
    Refusal("3.3", "createVPC", but("createVPC", cidr="10.77.0.5/16"), Job(530), "^Failed to create VPC$"),
    Refusal("3.3", "createVPC", but("createVPC", networkdomain="a_b"), 431, "^Invalid network domain", 4350),
    Refusal("3.3", "updateVPC", when(vpc_goes, lambda at: {"id": at.vpc, "name": "x"}), Job(431), " vpc by id 1$"),
    Refusal(
        "3.3",
        "createVPC",
        when(netris_refuses("POST /api/v2/vpc"), but("createVPC")),
        Job(530),
        "^Failed to create VPC$",
    ),
    Refusal("3.3", "restartVPC", but("restartVPC", livepatch="true"), Job(431)),
    Refusal(
        "3.3",
        "deleteVPC",
        lambda at: {"id": at.tier["vpcid"]},
        Job(431),
        "^Can't delete VPC .* as its used by 1 networks",
    ),
    # 3.4 tiers, the table of checks
    Refusal("3.4", "createNetwork", when(every("networkoffering", state="Disabled"), but("createNetwork")), 431),
    Refusal("3.4", "createNetwork", but("createNetwork", gateway=None), 431),
    Refusal("3.4", "createNetwork", but("createNetwork", netmask=None), 431),
    Refusal("3.4", "createNetwork", but("createNetwork", gateway="10.10.2.0"), 431),
    Refusal("3.4", "createNetwork", but("createNetwork", gateway="10.10.2.255"), 431),
    Refusal("3.4", "createNetwork", but("createNetwork", netmask="255.255.248.0"), 431, who="acme"),
    Refusal(
        "3.4",
        "createNetwork",
        but("createNetwork", gateway="10.11.0.1"),
        431,
        r"^Network cidr 10\.11\.0\.0/24 is not within vpc ",
    ),
    Refusal(
        "3.4",
        "createNetwork",
        when(another_tier, but("createNetwork")),
        431,
        r'10\.10\.2\.0/24 crosses other network cidr Network {"id": 2, "name": "db", .* same vpc VPC {"id":1,',
    ),
    Refusal(
        "3.4",
        "createNetwork",
        when(three_tiers, but("createNetwork", gateway="10.10.9.1")),
        530,
        r"^Number of networks per VPC cannot surpass \[3\]\.$",
        4250,
    ),
    Refusal(
        "3.4", "createNetwork", when(three_tiers, but("createNetwork", gateway="10.10.9.1")), 530, NEUTRAL, who="acme"
    ),
    Refusal(
        "3.4",
        "createNetwork",
        but("createNetwork", vpcid=lambda at: at.admin.vpc("other", mode="Route")),
        431,
        r"Service/provider combination \w+/\w+ is not supported by VPC ",
    ),
    Refusal("3.4", "createNetwork", but("createNetwork", networkdomain="elsewhere.example"), 431),
    Refusal("3.4", "createNetwork", but("createNetwork", vpcid=lambda at: at.caller.vpc("other")), 431),
    Refusal("3.4", "createNetwork", when(full(6), but("createNetwork")), 535, "Type = 'network'", 4370, "acme"),
    Refusal(
        "3.4",
        "restartNetwork",
        lambda at: {"id": at.tier},
        Job(431),
        "^Network is not in the right state to be restarted. Correct states are: Implemented, Setup$",
    ),
    Refusal(
        "3.4",
        "restartNetwork",
        but("restartNetwork", cleanup="true"),
        Job(431),
        "^Cannot restart a VPC tier with cleanup, please restart the whole VPC.$",
    ),
    Refusal(
        "3.4", "deleteNetwork", lambda at: {"id": at.vm["nic"][0]["networkid"]}, Job(530), "^Failed to delete network$"
    ),
    Refusal(
        "3.4",
        "deleteNetwork",
        lambda at: {"id": at.destroyed()["nic"][0]["networkid"]},
        Job(530),
        "^Failed to delete network$",
    ),
    # 3.5 ACLs
    Refusal("3.5", "createNetworkACL", but("createNetworkACL", aclid=lambda at: at.default_deny), 431),
    Refusal("3.5", "updateNetworkACLList", lambda at: {"id": at.default_deny, "name": "x"}, Job(431)),
    Refusal("3.5", "createNetworkACLList", lambda at: {"name": "global"}, 531, who="acme"),
    Refusal("3.5", "createNetworkACL", but("createNetworkACL", aclid=None), 431),
    Refusal("3.5", "createNetworkACL", but("createNetworkACL", protocol="256", icmptype=None, icmpcode=None), 431),
    Refusal("3.5", "createNetworkACL", but("createNetworkACL", number=0), 431),
    Refusal("3.5", "createNetworkACL", but("createNetworkACL", number=lambda at: at.item["number"]), 431),
    Refusal("3.5", "createNetworkACL", but("createNetworkACL", startport=1, endport=2), 431),
    Refusal(
        "3.5", "createNetworkACL", lambda at: {"aclid": at.acl, "protocol": "all", "startport": 1, "endport": 2}, 431
    ),
    Refusal("3.5", "createNetworkACL", lambda at: {"aclid": at.acl, "protocol": "tcp", "endport": 1}, 431),
    Refusal(
        "3.5",
        "createNetworkACL",
        when(lambda at: at.tier and netris_refuses("POST /api/acl")(at), but("createNetworkACL")),
        Job(530),
        "^Failed to create network ACL Item$",
    ),
    Refusal("3.5", "moveNetworkAclItem", but("moveNetworkAclItem", aclconsistencyhash="0" * 32), Job(431)),
    Refusal("3.5", "replaceNetworkACLList", but("replaceNetworkACLList", networkid=None), Job(530)),
    Refusal("3.5", "replaceNetworkACLList", but("replaceNetworkACLList", gatewayid=lambda at: at.gate), Job(530)),
    Refusal("3.5", "deleteNetworkACLList", lambda at: {"id": at.tier["aclid"]}, Job(530)),
    # 3.6 addresses and NAT
    Refusal("3.6", "associateIpAddress", when(taken_pool, but("associateIpAddress", ipaddress=None)), 530, number=4250),
    Refusal(
        "3.6",
        "associateIpAddress",
        when(taken_pool, but("associateIpAddress", ipaddress=None)),
        530,
        NEUTRAL,
        4250,
        "acme",
    ),
    Refusal(
        "3.6", "associateIpAddress", when(full(1), but("associateIpAddress")), 535, "Type = 'public_ip'", 4370, "acme"
    ),
    Refusal(
        "3.6", "associateIpAddress", twice("associateIpAddress"), 533, "^Insufficient address capacity$", 9999, "acme"
    ),
    Refusal(
        "5.5",
        "associateIpAddress",
        but(
            "associateIpAddress",
            ipaddress=lambda at: at.caller.list(
                "listPublicIpAddresses", state="Free", vlanid=at.admin.list("listVlanIpRanges")[1]["id"]
            )[0]["ipaddress"],
        ),
        530,
        "^Cannot acquire IP .* on the zone zone1 as the IP is not from the reserved pool for the external provider$",
    ),
    Refusal(
        "3.6",
        "disassociateIpAddress",
        lambda at: {"id": source_nat(at)},
        Job(530),
        r"^ip address is used for source nat purposes and can not be disassociated\.$",
    ),
    Refusal("3.6", "enableStaticNat", but("enableStaticNat", networkid=None), 431),
    Refusal("3.6", "enableStaticNat", but("enableStaticNat", networkid=another_tier), 431),
    Refusal(
        "3.6",
        "enableStaticNat",
        but("enableStaticNat", ipaddressid=lambda at: at.forward["ipaddressid"]),
        431,
        number=4350,
    ),
    Refusal("3.6", "enableStaticNat", when(netris_refuses("POST /api/v2/nat"), but("enableStaticNat")), 431),
    Refusal("3.6", "createPortForwardingRule", but("createPortForwardingRule", publicendport=82), 431),
    Refusal("3.6", "createPortForwardingRule", twice("createPortForwardingRule"), 537, number=4360),
    Refusal("3.6", "createPortForwardingRule", when(lambda at: at.static, but("createPortForwardingRule")), 431),
    Refusal("3.6", "createPortForwardingRule", when(lambda at: at.balancer, but("createPortForwardingRule")), 431),
    Refusal("3.6", "createLoadBalancerRule", when(lambda at: at.forward, but("createLoadBalancerRule")), 431),
    # 3.7 balancers
    Refusal(
        "3.7",
        "createLoadBalancerRule",
        but("createLoadBalancerRule", algorithm="fair"),
        431,
        "^Invalid algorithm: ",
        9999,
    ),
    Refusal(
        "3.7",
        "assignToLoadBalancerRule",
        but("assignToLoadBalancerRule", virtualmachineids=lambda at: at.caller.machine(another_tier(at), "db-1")),
        Job(530),
        "^Failed to assign load balancer rule$",
    ),
    Refusal("3.7", "assignToLoadBalancerRule", lambda at: {"id": at.balanced(), "virtualmachineids": at.vm}, Job(530)),
    Refusal(
        "3.7",
        "assignToLoadBalancerRule",
        when(netris_refuses("POST /api/v2/l4lb"), but("assignToLoadBalancerRule")),
        Job(431),
        "^Failed API call to Netris controller$",
    ),
    Refusal(
        "5.5",
        "updateLoadBalancerRule",
        but("updateLoadBalancerRule", algorithm="leastconn"),
        Job(431),
        r"^Algorithm: leastconn specified for Netris Provider is not supported\.$",
    ),
    Refusal("3.7", "createLBStickinessPolicy", when(lambda at: at.sticky, but("createLBStickinessPolicy")), 431),
    Refusal("3.7", "createLBHealthCheckPolicy", lambda at: {"lbruleid": at.balancer}, 430),
    # 3.8 routes
    Refusal("3.8", "createStaticRoute", but("createStaticRoute", gatewayid=None), 431),
    Refusal("3.8", "createStaticRoute", but("createStaticRoute", cidr="10.10.7.0/24"), 431),
    Refusal("3.8", "createStaticRoute", but("createStaticRoute", cidr="169.254.1.0/24"), 431),
    Refusal(
        "3.8",
        "createStaticRoute",
        lambda at: {"cidr": "172.16.0.0/16", "vpcid": at.gate["vpcid"], "nexthop": "10.99.0.1"},
        431,
    ),
    Refusal(
        "3.8",
        "createStaticRoute",
        when(netris_refuses("POST /api/routes"), but("createStaticRoute")),
        Job(530),
        "^Failed to create static route$",
    ),
    # 3.9 machines
    Refusal("3.9", "deployVirtualMachine", but("deployVirtualMachine", templateid=None), 530),
    Refusal(
        "3.9",
        "deployVirtualMachine",
        but("deployVirtualMachine", volumeid=lambda at: at.vm and at.caller.list("listVolumes")[0]),
        530,
    ),
    Refusal("3.9", "deployVirtualMachine", but("deployVirtualMachine", name="9web"), 431),
    Refusal("3.9", "deployVirtualMachine", but("deployVirtualMachine", name="-web"), 431),
    Refusal("3.9", "deployVirtualMachine", but("deployVirtualMachine", name="w" * 64), 431),
    Refusal("3.9", "deployVirtualMachine", twice("deployVirtualMachine"), 431),
    Refusal(
        "3.9", "deployVirtualMachine", when(full(0), but("deployVirtualMachine")), 535, "Type = 'user_vm'", 4370, "acme"
    ),
    Refusal("3.9", "listVirtualMachines", lambda at: {"details": "weather"}, 431),
    Refusal("3.9", "destroyVirtualMachine", lambda at: {"id": at.vm, "expunge": "true"}, Job(530), who="acme"),
    # 3.10 infrastructure
    Refusal("3.10", "updatePhysicalNetwork", lambda at: {"id": at.tier and at.physical, "vlan": "1-2"}, Job(431)),
    Refusal("3.10", "updatePhysicalNetwork", but("updatePhysicalNetwork", vlan="1-16777215"), Job(431)),
    Refusal("3.10", "dedicatePublicIpRange", lambda at: at.address and SCENARIOS["dedicatePublicIpRange"](at), 431),
    Refusal(
        "3.10",
        "addNetrisProvider",
        lambda at: {**SCENARIOS["addNetrisProvider"](at), "password": ""},
        431,
        MISSING.format("addnetrisprovider", "password"),
    ),
    Refusal("3.10", "addNetrisProvider", lambda at: {**SCENARIOS["addNetrisProvider"](at), "password": "guess"}, 530),
    Refusal("3.10", "addNetrisProvider", lambda at: {**at.provider, "username": "sandbox", "password": "sandbox"}, 431),
    # 3.11 the past and tags
    Refusal("3.11", "createTags", twice("createTags"), Job(530), "^tag env already on Vpc with id "),
    Refusal("3.11", "createTags", lambda at: {"resourcetype": "Domain", "resourceids": at.domain, **PAIR}, Job(431)),
    Refusal(
        "3.11",
        "listUsageRecords",
        lambda at: {"startdate": "2020-01-01"},
        431,
        MISSING.format("listusagerecords", "enddate"),
    ),
    Refusal("3.11", "listUsageRecords", lambda at: {}, 432, number=9999, who="acme"),
    # 5.5 what Netris does not do
    Refusal(
        "5.5",
        "createNetwork",
        when(netris_refuses("POST /api/v2/vnet"), but("createNetwork")),
        530,
        r"^unable to create Netris network \S{36}due to: ",
    ),
    Refusal(
        "5.5",
        "createNetwork",
        when(one_vni_left, but("createNetwork")),
        530,
        "Failed to allocate VXLAN for Netris guest Network null$",
    ),
    Refusal(
        "5.5",
        "createVPC",
        when(taken_pool, but("createVPC")),
        530,
        "^Cannot find any free IP",
        4250,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section}-{row.command}-{row.who}")
def test_a_refusal_is_the_sheet_s(world, row):
    at = Things(world, row.who)
    response = at.caller.send(row.command, **plain(row.sent(at)))
    (body,) = response.json().values()

    if isinstance(row.outcome, Job):
        assert response.status_code == 200, body
        job = at.admin("queryAsyncJobResult", jobid=body["jobid"])
        assert (job["jobstatus"], job["jobresultcode"], job["jobresulttype"]) == (2, row.outcome.code, "object"), job
        body = job["jobresult"]
        assert body.keys() == {"errorcode", "errortext"}  # 2.2
    else:
        assert response.status_code == row.outcome, body
        assert body.keys() - {"cserrorcode"} == {"uuidList", "errorcode", "errortext"}  # 2.1
        assert response.headers["x-description"]
        assert body["errorcode"] == response.status_code
        if row.number is not None:
            assert body["cserrorcode"] == row.number
    assert re.search(row.text, body["errortext"]), body["errortext"]


# the catalogue (2.1)

ELSEWHERE = {400, 401, 405, 429}  # below, and in test_cloudstack_wire.py
NOT_EMULATED = {
    503,  # a management server that prepares for maintenance
    511,  # a second factor
    532,  # "rarely used today"
    534,  # no refusal that section 3 describes has it
    536,  # no refusal that section 3 describes has it
}


def test_every_status_of_the_catalogue_is_tried_2_1():
    """431 and 530 lie as well in the job of a command as in its answer."""
    statuses = {int(code) for code in re.findall(r"^\| (\d{3}) \| [A-Z0-9_]+ \|", section("2.1"), re.M)}
    tried = {row.outcome.code if isinstance(row.outcome, Job) else row.outcome for row in ROWS}

    assert len(statuses) > 15
    assert tried | ELSEWHERE == statuses - NOT_EMULATED
    assert not tried & NOT_EMULATED


def test_every_error_has_a_status_and_a_number_of_the_catalogue_2_1():
    numbers = {int(number) for number in re.findall(r"\| (-?\d{1,4}) \| (?:\w+Exception|anything)", section("2.1"))}
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ApiError)]

    assert len(classes) > 10
    assert {each.class_number for each in classes} <= numbers | {None}
    assert {each.class_number for each in classes if each.status in (400, 401)} == {None}


def signed(caller, method, command, **parameters):
    sent = {**parameters, "command": command, "response": "json", "apikey": caller.key}
    sent["signature"] = sign(sent, caller.secret)
    place = "data" if method == "POST" else "params"
    return caller.http.request(method, "/client/api", **{place: sent}).status_code


def test_posts_and_timestamps_can_be_enforced_1_2(world):
    at = Things(world)
    vpc = at.vpc["id"]
    at.caller("updateConfiguration", name="enforce.post.requests.and.timestamps", value="true")

    def in_minutes(minutes):
        moment = datetime.fromtimestamp(world.clock.now() + 60 * minutes, UTC)
        return {"signatureversion": "3", "expires": moment.strftime("%Y-%m-%dT%H:%M:%S+0000")}

    assert signed(at.caller, "GET", "updateVPC", id=vpc, name="x", **in_minutes(10)) == 400
    assert signed(at.caller, "POST", "updateVPC", id=vpc, name="x", **in_minutes(10)) == 200
    assert signed(at.caller, "GET", "listVPCs", **in_minutes(10)) == 200
    assert signed(at.caller, "GET", "listVPCs", **in_minutes(16)) == 401
    assert signed(at.caller, "GET", "listVPCs") == 401
    assert signed(at.caller, "POST", "updateVPC", id=vpc, name="x") == 401


def test_an_account_may_make_so_many_calls_and_no_more_2_3(world):
    at = Things(world)
    acme, user = at.acme, at.account["user"][0]
    other = at.admin.account("globex", at.domain)
    throttled(world, most=3, seconds=1000)

    limit = acme("getApiLimit")["apilimit"]
    assert 900_000 < limit.pop("expireAfter") <= 1_000_000
    assert limit == {"accountid": at.account["id"], "account": "acme", "apiIssued": 1, "apiAllowed": 2}
    acme("listZones")
    world.clock.advance(400)
    capability = acme("listCapabilities")["capability"]
    assert (capability["apilimitinterval"], capability["apilimitmax"]) == (1000, 3)
    response = acme.send("listZones")
    body = response.json()["listzonesresponse"]
    assert (response.status_code, body["cserrorcode"]) == (429, 9999)
    words = r"The given user has reached his/her account api limit, please retry after \[(\d+)\] ms\."
    assert (found := re.fullmatch(words, body["errortext"]))
    assert 500_000 < int(found[1]) <= 600_000
    other("listZones")
    for _ in range(5):
        at.admin("listUsers", id=user["id"])

    world.clock.advance(600)
    for _ in range(3):
        acme("listZones")
    assert acme.send("listZones").status_code == 429
    at.admin("resetApiLimit", account=at.account["id"])
    acme("listZones")


def test_calls_are_not_counted_where_the_limit_is_off_2_3(world):
    at = Things(world)

    assert "apilimitmax" not in at.acme("listCapabilities")["capability"]
    for _ in range(60):
        at.acme("listZones")
    assert at.acme.send("getApiLimit").status_code == 431
