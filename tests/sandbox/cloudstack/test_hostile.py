"""Nonsense in every parameter of every command: documented errors, never a traceback (cloudstack-api.md 1.4, 2.1)."""

import json
import logging
import random
import threading

import httpx
import pytest

from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from tests.sandbox.cloudstack.client import Refused
from tests.sandbox.cloudstack.scenarios import FAR_END, internal_tier

DOCUMENTED = {200, 400, 401, 405, 430, 431, 432, 503, 511, 530, 531, 532, 533, 534, 535, 536, 537}
NOTHING = "00000000-0000-4000-8000-000000000000"
NONSENSE = (
    *("", " ", "0", "-1", "1", "99999999999999999999", "2147483648", "1e3", "0x10", "NaN", "true", "null", "None"),
    *(NOTHING, "not-a-uuid", "'; DROP TABLE vpc; --", "<b>&amp;</b>", "../../etc/passwd", "%00", "\x00", "\x1b[31m"),
    *("☃ snowman", "\u202e\U0001f4a9", "a" * 256, "b" * 5000, ",", ",,,", "a,b", "10.0.0.0/8", "10.0.0.1", "::1/64"),
    *("255.255.255.0", "0.0.0.0/0", "2026-02-30", "2026-01-01", "9999-12-31T23:59:59+9999", "[0]", "{}", "\n", "\t"),
)


def things(world, caller):
    """One of every kind, so that nonsense gets past the lookups and meets the rules."""
    vpc = caller.vpc()
    acl = caller.done("createNetworkACLList", name="acl", vpcid=vpc["id"])["networkacllist"]
    tier, second = caller.tier(vpc, aclid=acl["id"]), caller.tier(vpc, "db", gateway="10.10.2.1")
    caller.done("createNetworkACL", aclid=acl["id"], protocol="all", cidrlist="0.0.0.0/0")
    vm = caller.machine(tier)
    free = caller.list("listPublicIpAddresses", state="Free", forprovider="true")
    forward, balanced, _ = (
        caller.done("associateIpAddress", vpcid=vpc["id"], ipaddress=each["ipaddress"])["ipaddress"]
        for each in free[:3]
    )
    ports = {"publicport": 80, "privateport": 80, "networkid": tier["id"]}
    given = {"ipaddressid": forward["id"], "virtualmachineid": vm["id"], "protocol": "tcp"}
    caller.done("createPortForwardingRule", **given, **ports)
    rule = caller.done("createLoadBalancerRule", name="lb", algorithm="roundrobin", publicipid=balanced["id"], **ports)
    rule = rule["loadbalancer"]["id"]
    caller.done("assignToLoadBalancerRule", id=rule, virtualmachineids=vm["id"])
    caller.done("createLBStickinessPolicy", lbruleid=rule, name="s", methodname="SourceBased")
    caller.done("createStaticRoute", vpcid=vpc["id"], cidr="172.16.0.0/16", nexthop="10.10.1.9")
    caller.done("createProject", name="p")
    nic = caller.done("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second["id"])
    caller.done("addIpToNic", nicid=nic["virtualmachine"]["nic"][1]["id"])
    inner = internal_tier(world, caller)["id"]
    given = {"networkid": inner, "sourceipaddressnetworkid": inner, "sourceport": 80, "instanceport": 80}
    caller.done("createLoadBalancer", name="inner", scheme="Internal", algorithm="source", **given)
    gateway = caller.done("createVpnGateway", vpcid=vpc["id"])["vpngateway"]
    far_end = caller.done("createVpnCustomerGateway", **FAR_END)["vpncustomergateway"]
    caller.done("createVpnConnection", s2svpngatewayid=gateway["id"], s2scustomergatewayid=far_end["id"])
    return {name: [row["id"] for row in table] for name, table in tables(world).items()}


def tables(world):
    return {table.name: list(table)[-3:] for table in world.cloudstack.cloud.store.tables if len(table)}


def sensible(parameter, ids, dice):
    known = {
        "str": ["x", "tcp", "10.20.0.0/16", "10.10.7.1", "255.255.255.0"],
        "list": ["10.0.0.0/8"],
        "bool": ["true"],
    }
    if parameter.kind:
        return dice.choice([str(each) for each in ids.get(parameter.kind, [NOTHING])])
    return dice.choice(known.get(parameter.type, ["1", "80", "7"]))


def sent(command, ids, dice):
    """Sensible values for what is required and for some of the rest, and nonsense in one or two places."""
    parameters = {}
    for parameter in command.parameters.values():
        name = f"{parameter.name}[0].key" if parameter.type == "map" else parameter.name
        if parameter.is_required or dice.random() < 0.4:
            parameters[name] = sensible(parameter, ids, dice)
    for _ in range(dice.choice((0, 1, 1, 2))):
        if command.parameters:
            parameter = dice.choice(list(command.parameters.values()))
            name = dice.choice((parameter.name, parameter.name, f"{parameter.name}[0].{dice.choice('kv')}", "x[[0]"))
            parameters[name] = dice.choice(NONSENSE)
    return parameters


DESTRUCTIVE = ("delete", "disassociate", "destroy", "expunge", "disable", "remove", "updateUser", "registerUserKeys")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("role", ["root", "acme"])
def test_no_command_trips_over_nonsense_1_4(request, world, caplog, role, seed):
    caller = request.getfixturevalue(role)
    ids, dice = things(world, caller), random.Random(seed)
    caplog.clear()
    caplog.set_level(logging.ERROR)
    for command in sorted(CATALOGUE.values(), key=lambda each: each.name.startswith(DESTRUCTIVE)):
        for _ in range(6):
            parameters = sent(command, ids, dice)
            response = caller.send(command.name, **parameters)
            assert response.status_code in DOCUMENTED, (command.name, parameters)
            (body,) = json.loads(response.content, strict=False).values()
            if response.status_code != 200:
                assert body["errorcode"] == response.status_code
                assert "Traceback" not in body["errortext"]
            elif command.is_async:
                job = caller.send("queryAsyncJobResult", jobid=body["jobid"]).json()
                assert job.get("queryasyncjobresultresponse", {"jobstatus": 1})["jobstatus"] in (1, 2)
            assert not caplog.records, (command.name, parameters, caplog.text)


def test_details_of_a_deployment_are_no_details_of_a_list_3_9(acme):
    vm = acme.machine(acme.tier(acme.vpc()), **{"details[0].cpunumber": "2"})

    assert vm["nic"]


def test_an_id_of_another_kind_names_nothing_1_4(world, acme):
    ids = things(world, acme)
    for command in CATALOGUE.values():
        for parameter in command.parameters.values():
            if parameter.kind and parameter.name == "id" and "U" in command.roles and parameter.kind != "job":
                wrong = next(iter(ids["vm" if parameter.kind == "vpc" else "vpc"]))
                found = acme.send(command.name, id=wrong)
                assert found.status_code == 431 or parameter.kind in ("vpc",), command.name


def test_two_hundred_callers_at_once_each_get_their_answer(world, root):
    """Half of them ask, half of them change; nobody is lost, and the limit holds."""
    acme = root.account("crowd", root.domain("crowd"))
    offering = acme.list("listVPCOfferings", name="NAT")[0]["id"]
    zone, server = acme.zone, world.serve()[0]
    results, lock = [], threading.Lock()
    limits = httpx.Limits(max_connections=250)
    http = httpx.Client(base_url=server.url, timeout=120, limits=limits)
    acme.http = http

    def call(number):
        try:
            if number % 4 == 0:
                given = {"name": f"v{number}", "cidr": "10.0.0.0/16", "zoneid": zone, "vpcofferingid": offering}
                outcome = acme("createVPC", **given)["jobid"]
            else:
                outcome = acme("listVPCs").get("count", 0)
        except Refused as refused:
            outcome = refused
        with lock:
            results.append(outcome)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        made = [each for each in results if isinstance(each, str)]
        refused = [each for each in results if isinstance(each, Refused)]
        assert (len(results), len(made)) == (200, 20)
        assert {each.status for each in refused} == {535}
    finally:
        http.close()
        world.close()
