"""Objects of somebody else's in a VPC of CloudStack's, as the real one and its plugin treated them (flows.md 5)."""

from __future__ import annotations

import pytest

from tests.sandbox.control import data
from tests.sandbox.controller import direct_connect
from tests.sandbox.traps.scene import REFUSED

ADMIN, SITE = {"id": 1, "name": "Admin"}, {"id": 1, "name": "sv"}


class Objects:
    """An allocation and a subnet outside of the VPC's CIDR, a V-Net in it, a session on that, and a peering."""

    def __init__(self, scene, cidr="169.254.10.0/30", *, own_allocation=True):
        self.scene, self.netris, self.vpc = scene, scene.netris, {"id": scene.netris_vpc}
        net, _, _ = cidr.partition("0/")
        body = {"name": "weft-dc-1", "prefix": cidr, "tenant": ADMIN, "vpc": self.vpc}
        self.order = []
        if own_allocation:
            self._made("ipam/allocation", body)
        self._made("ipam/subnet", body | {"purpose": "common", "sites": [SITE]})
        gateways = [{"prefix": f"{net}1/30"}]
        vnet = {"name": "weft-dc-1", "vpc": self.vpc, "tenant": ADMIN, "sites": [SITE], "gateways": gateways}
        made = self._made("vnet", vnet | {"vlan": 0})
        session = direct_connect(0, self.vpc) | {"name": "weft-dc-1", "port": None, "vnet": {"id": made}, "vlan": 0}
        self._made("ebgp", session | {"localIP": f"{net}1", "remoteIP": f"{net}2"})
        other = {"id": next(row["id"] for row in data(self.netris, "/api/v2/vpc") if row["isDefault"])}
        self._made("vpc-peering", {"name": "weft-peering-1", "vpcA": self.vpc, "vpcB": other})

    def _made(self, path, body):
        response = self.netris.post(f"/api/v2/{path}", json=body)
        assert response.is_success, response.text
        number = response.json()["data"]["id"]
        self.order.append((path, number))
        return number

    def take_away(self):
        """In reverse: peering, session, V-Net, subnet, allocation."""
        for path, number in reversed(self.order):
            assert self.netris.delete(f"/api/v2/{path}/{number}").is_success


@pytest.fixture
def scene(scene):
    assert scene.vpc
    return scene


@pytest.fixture
def netris_rows(scene):
    vpc = scene.netris_vpc

    def rows(path):
        return [row["name"] for row in scene.netris.get(f"/api/v2/{path}", params={"filterByVpc": vpc}).json()["data"]]

    return rows


def vpc_state(scene):
    return [row["state"] for row in scene.root.list("listVPCs", id=scene.vpc["id"])]


def test_a_vpc_goes_when_what_is_ours_went_before(scene):
    objects = Objects(scene)
    objects.take_away()

    scene.root.done("deleteVPC", id=scene.vpc["id"])
    assert scene.root.list("listVPCs", id=scene.vpc["id"]) == []


def test_a_vpc_with_what_is_ours_loses_its_own_and_stays_inactive_until_it_is_cleared(scene, netris_rows):
    """The plugin removes SNAT and allocation first, then fails at the VPC; it touches nothing else of ours."""
    objects = Objects(scene)
    assert (len(netris_rows("ipam")), len(netris_rows("nat"))) == (2, 1)

    job = scene.root.job("deleteVPC", id=scene.vpc["id"])

    assert {name: job["jobresult"][name] for name in REFUSED} == REFUSED
    assert vpc_state(scene) == ["Inactive"]
    assert (netris_rows("ipam"), netris_rows("nat")) == (["weft-dc-1"], [])
    assert (netris_rows("vnet"), netris_rows("ebgp")) == (["weft-dc-1"], ["weft-dc-1"])
    objects.take_away()
    scene.root.done("deleteVPC", id=scene.vpc["id"])
    assert vpc_state(scene) == []


@pytest.mark.parametrize("left", [1, 2, 3, 4, 5])
def test_each_thing_of_ours_alone_keeps_the_vpc(scene, left):
    objects = Objects(scene)
    later, objects.order = objects.order[:left], objects.order[left:]
    objects.take_away()

    assert scene.root.job("deleteVPC", id=scene.vpc["id"])["jobresult"]["errorcode"] == 431
    objects.order = later
    objects.take_away()
    scene.root.done("deleteVPC", id=scene.vpc["id"])


def test_a_subnet_in_cloudstack_s_range_goes_with_its_allocation(scene, netris_rows):
    """Which an order of ours must never come to."""
    Objects(scene, "10.10.77.0/30", own_allocation=False)

    assert scene.root.job("deleteVPC", id=scene.vpc["id"])["jobstatus"] == 2
    assert netris_rows("ipam") == []
