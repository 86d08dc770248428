"""From the request to the emulated CloudStack and Netris and back: what a script sees of it."""

from __future__ import annotations

import pytest

from apps.accounts.models import Account
from apps.operations.models import Operation
from apps.tenancy.models import Tenant
from tests import builders
from tests.api.conftest import Api
from tests.api.test_networks import a_body


@pytest.fixture(autouse=True)
def _accounts(accounts: list[Account]) -> None:
    """Real ones, instead of rows alone."""


@pytest.fixture
def api(acme: Tenant, clock: object) -> Api:
    """Its token is made when the clock already stands still."""
    return Api(builders.a_token(acme))


def test_a_vpc_is_built_changed_and_taken_away(api, zone, run):
    def finish(response):
        assert response.status_code == 202, response.content
        run(Operation.unscoped.get(pk=response.json()["id"]))
        operation = api.get(response["Location"]).json()
        assert (operation["phase"], operation["progress"], operation["error"]) == ("succeeded", 100, None)
        assert all(step["finished_at"] for step in operation["steps"])
        return operation

    address = finish(api.post("/vpcs/", a_body(zone=zone.name)))["resource"]["url"]
    vpc = api.get(address).json()
    assert (vpc["status"], [tier["status"] for tier in vpc["tiers"]]) == ("ready", ["ready", "ready"])
    assert vpc["egress_ip"]
    assert api.patch(address, {"name": "shop"}, If_Match=api.get(address)["ETag"]).json()["name"] == "shop"
    tier = finish(api.post("/tiers/", {"vpc": vpc["id"], "name": "app", "cidr": "10.20.2.0/24"}))["resource"]["url"]
    assert api.patch(tier, {"name": "apps"}).json()["name"] == "apps"
    finish(api.delete(tier))
    assert api.get(tier).status_code == 404
    finish(api.delete(address))
    assert api.get(address).status_code == 404
    assert api.get("/vpcs/").json()["results"] == []


def test_a_refusal_of_the_clouds_is_told(api, zone, run, world):
    world.cloudstack.faults.order("refuse", "createVPC", text="No more VPCs today.")

    response = api.post("/vpcs/", a_body(zone=zone.name))
    run(Operation.unscoped.get(pk=response.json()["id"]))

    operation = api.get(response["Location"]).json()
    assert operation["phase"] == "rolled_back"
    assert "No more VPCs today." in operation["error"]
    assert api.get(operation["resource"]["url"]).status_code == 404
