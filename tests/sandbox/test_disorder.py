"""VNIs that two things have, rows that are forgotten or changed behind everybody's back."""

import json

import pytest

from tests.sandbox.control import data, order, plain_lists
from tests.sandbox.controller import operator_of

# Doubled VNIs


def test_two_vnets_of_one_vni(world, root):
    netris = operator_of(world)
    vpc = root.vpc()
    for number, name in enumerate(("web", "db"), 1):
        root.tier(vpc, name, gateway=f"10.10.{number}.1")
    first, second = (row for row in world.netris.net.vnets if row["name"].startswith("D1-"))

    order(netris, "duplicate-vni", **{"from": first["id"], "to": second["name"]})

    query = f"/api/v2/vnet?filterByVpc={first['vpc']}"
    assert len({row["vxlanID"] for row in data(netris, query)}) == 1
    assert len(data(netris, query)) == 2
    holders = [row for row in data(netris, "/api/v2/reservation/vxlan") if str(first["vxlanID"]) in json.dumps(row)]
    assert len(holders) == 2


@pytest.fixture
def pair(root):
    vpc = root.vpc()
    return [root.tier(vpc, name, gateway=f"10.10.{number}.1") for number, name in enumerate(("web", "db"), 1)]


def shown(root, *tiers):
    rows = {row["id"]: row for row in root.list("listNetworks")}
    return [(rows[tier["id"]].get("broadcasturi"), rows[tier["id"]]["details"]["netrisvxlanid"]) for tier in tiers]


def test_two_tiers_of_one_vni_5_3(world, root, pair):
    number = pair[0]["details"]["netrisvxlanid"]

    order(root.http, "duplicate-vni", **{"from": pair[0]["id"], "to": pair[1]["id"]})

    assert shown(root, *pair) == [(f"netris://{number}", number)] * 2
    for tier in pair[::-1]:
        root.done("deleteNetwork", id=tier["id"])
    assert root("listNetworks") == {}


def test_a_collected_tier_s_number_is_another_s_as_well_5_3(world, root, pair):
    number = pair[0]["details"]["netrisvxlanid"]
    vm = root.machine({"id": pair[0]["id"]})
    root.done("stopVirtualMachine", id=vm["id"])
    world.clock.advance(1300)
    assert shown(root, pair[0]) == [(None, number)]

    order(root.http, "duplicate-vni", **{"from": pair[0]["id"], "to": pair[1]["id"]})

    assert shown(root, *pair) == [(None, number), (f"netris://{number}", number)]
    root.done("startVirtualMachine", id=vm["id"])
    assert shown(root, *pair) == [(f"netris://{number}", number)] * 2


# Rows


def test_a_forgotten_vpc_is_gone_and_what_belongs_to_it_is_not(world, root, pair):
    (vpc,) = root.list("listVPCs")
    root.machine(pair[0])

    order(root.http, "forget", table="vpc", id=vpc["id"])

    assert root("listVPCs") == root("listVPCs", id=vpc["id"]) == {}
    assert {row["id"] for row in root.list("listNetworks")} == {tier["id"] for tier in pair}
    assert root.list("listVirtualMachines")[0]["nic"][0]["vpcname"] == vpc["name"]
    gone = {"errorcode": 431, "errortext": "unable to find VPC id=1"}
    assert root.job("deleteVPC", id=vpc["id"])["jobresult"] == gone
    assert "D1-A2-Z1-V1-prod" in [row["name"] for row in data(operator_of(world), "/api/v2/vpc")]


def test_a_forgotten_row_does_not_come_back(world, root, pair):
    vm = root.machine(pair[0])
    order(root.http, "forget", table="network", id=pair[0]["id"])

    root.done("stopVirtualMachine", id=vm["id"])

    assert [row["id"] for row in root.list("listNetworks")] == [pair[1]["id"]]


def test_every_list_is_answered_whatever_was_forgotten(world, root, pair):
    root.machine(pair[0])
    control, http = world.cloudstack.control, root.http
    for table in sorted(control.tables):
        rows = [row for row in control.tables[table] if not row.get("isdefault") and table not in ("domain", "role")]
        for row in rows[-2:]:
            http.post("/_sandbox/forget", json={"table": table, "id": row["id"]})
    for command in plain_lists():
        assert root.send(command).status_code in (200, 431), command


@pytest.mark.parametrize("table", ["zone", "physicalnetwork", "managementserver"])
def test_nobody_forgets_what_everything_rests_on(world, root, table):
    row = next(iter(world.cloudstack.control.tables[table]))

    response = root.http.post("/_sandbox/forget", json={"table": table, "id": row["id"]})

    assert (response.status_code, response.json()["message"]) == (400, "id: nothing works without this row")


def test_a_row_of_cloudstack_is_other_than_anybody_left_it(world, root, pair):
    order(root.http, "change", table="network", id=pair[0]["id"], fields={"name": "changed", "state": "Shutdown"})

    found = root.list("listNetworks", id=pair[0]["id"])[0]
    assert (found["name"], found["state"]) == ("changed", "Shutdown")
    assert root.list("listNetworks", name="changed")[0]["id"] == pair[0]["id"]


def test_a_row_of_netris_is_other_than_anybody_left_it(world, root, pair):
    netris = operator_of(world)
    port = next(row for row in world.netris.net.ports if row["name"] == "swp1@Leaf-1")
    for carrier in (False, None):
        order(netris, "change", table="port", id=port["id"], fields={"carrier": carrier})
    session = next(iter(world.netris.net.sessions))
    order(netris, "change", table="ebgp", id=session["id"], fields={"peerState": "Idle", "peerPrefixes": 0})

    assert data(netris, f"/api/v2/ebgp/{session['id']}")["bgp_state"] == "Idle"


def test_the_clock_is_moved(world, root):
    before = world.clock.now()

    moved = order(root.http, "clock", advance=90)

    assert moved["now"] - before == pytest.approx(90, abs=1)
    assert root.http.post("/_sandbox/clock", json={"advance": 4e9}).status_code == 400
