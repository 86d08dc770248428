from __future__ import annotations

import re

from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.api.conftest import problem_of

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
HOST = "http://testserver/api/v1"


def a_body(**fields):
    tiers = [{"name": "web", "cidr": "10.20.0.0/24"}, {"name": "db", "cidr": "10.20.1.0/24"}]
    return {
        "name": "prod",
        "description": "The shop",
        "zone": "Zone-1",
        "cidr": "10.20.0.0/20",
        "tiers": tiers,
    } | fields


def test_creating_a_vpc_answers_with_the_operation_that_builds_it(api, acme):
    response = api.post("/vpcs/", a_body())

    assert response.status_code == 202
    operation, vpc = Operation.unscoped.get(), Vpc.unscoped.get()
    body = response.json()
    assert set(body) == {
        "id", "url", "kind", "title", "phase", "resource", "steps", "progress", "sentence", "error", "was_stuck",
        "given_up", "can", "waits_for",
        "created_at", "started_at", "finished_at",
        "dismissed_at",
    }  # fmt: skip
    assert body["id"] == str(operation.pk)
    assert body["url"] == response["Location"] == f"{HOST}/operations/{operation.pk}/"
    assert body["resource"] == {"type": "vpc", "id": str(vpc.pk), "url": f"{HOST}/vpcs/{vpc.pk}/"}
    assert (body["kind"], body["phase"], body["title"]) == ("vpc", "queued", "Create VPC")
    assert (body["progress"], body["error"], body["started_at"], body["finished_at"]) == (0, None, None, None)
    assert TIME.fullmatch(body["created_at"])
    assert len(body["steps"]) == 7
    assert body["steps"][0] == {
        "title": "Create the VPC in CloudStack",
        "state": "waiting",
        "started_at": None,
        "finished_at": None,
        "detail": "",
    }
    assert (vpc.tenant, vpc.name, str(vpc.cidr), vpc.status) == (acme, "prod", "10.20.0.0/20", "building")
    assert api.get(response["Location"]).json() == body


def test_a_change_is_written_down_as_the_tokens(api, acme):
    api.post("/vpcs/", a_body())

    entry = AuditEntry.unscoped.get(action="vpc.create")
    assert (entry.tenant, entry.actor) == (acme, "token test")
    assert entry.token is not None


def test_the_zone_may_be_given_by_its_id(api, site):
    assert api.post("/vpcs/", a_body(zone=str(site.pk))).status_code == 202


def test_a_vpc_may_have_no_tiers_and_no_description(api):
    body = a_body()
    del body["tiers"], body["description"]

    assert api.post("/vpcs/", body).status_code == 202
    assert not Tier.unscoped.exists()


def test_a_vpc_shows_its_tiers_and_what_can_be_done(api, vpc, site):
    tier = vpc.tiers.get()

    body = api.get(f"/vpcs/{vpc.pk}/").json()

    assert TIME.fullmatch(body.pop("created_at"))
    assert TIME.fullmatch(body["tiers"][0].pop("created_at"))
    assert body == {
        "id": str(vpc.pk),
        "url": f"{HOST}/vpcs/{vpc.pk}/",
        "name": "prod",
        "description": "The shop",
        "zone": {"id": str(site.pk), "name": "Zone-1"},
        "cidr": "10.20.0.0/20",
        "status": "ready",
        "egress_ip": "198.51.100.7",
        "tiers": [
            {
                "id": str(tier.pk),
                "url": f"{HOST}/tiers/{tier.pk}/",
                "vpc": {"id": str(vpc.pk), "url": f"{HOST}/vpcs/{vpc.pk}/"},
                "name": "web",
                "cidr": "10.20.0.0/24",
                "gateway": "10.20.0.1",
                "status": "ready",
                "can": {"rename": None, "delete": None},
            }
        ],
        "can": {"rename": None, "delete": None, "add_tier": None},
        "held_by": None,
    }


def test_a_vpc_that_is_being_built_says_why_it_cannot_be_changed(api, acme, site):
    vpc = builders.a_vpc(acme, site, status=Status.BUILDING)

    can = api.get(f"/vpcs/{vpc.pk}/").json()["can"]

    assert can == {"rename": None} | dict.fromkeys(("delete", "add_tier"), "The VPC is still being built.")


def test_what_is_on_its_way_out_is_not_renamed(api, acme, site):
    vpc = builders.a_vpc(acme, site, status=Status.REMOVING)
    tier = builders.a_tier(vpc, status=Status.REMOVING)

    for path, noun in ((f"/vpcs/{vpc.pk}/", "VPC"), (f"/tiers/{tier.pk}/", "tier")):
        problem = problem_of(api.patch(path, {"name": "late"}), 409)
        assert (problem["code"], problem["detail"]) == ("not-now", f"The {noun} is being removed.")


def test_only_the_platform_sees_vnis_and_whose_a_thing_is(api, platform, vpc, acme):
    tier = vpc.tiers.get()
    owner = {"id": str(acme.pk), "name": "Acme", "slug": "acme"}

    assert "vni" not in api.get(f"/tiers/{tier.pk}/").json()
    seen = platform.get(f"/tiers/{tier.pk}/").json()
    assert (seen["vni"], seen["tenant"]) == (1000001, owner)
    nested = platform.get(f"/vpcs/{vpc.pk}/").json()
    assert (nested["tenant"], nested["tiers"][0]["vni"]) == (owner, 1000001)
    assert platform.get("/tiers/").json()["results"] == [seen]


def test_a_tier_is_added_renamed_and_taken_away(api, vpc):
    response = api.post("/tiers/", {"vpc": str(vpc.pk), "name": "app", "cidr": "10.20.2.0/24"})
    assert response.status_code == 202
    tier = Tier.unscoped.get(name="app")
    url = f"{HOST}/tiers/{tier.pk}/"
    assert response.json()["resource"] == {"type": "tier", "id": str(tier.pk), "url": url}
    Operation.unscoped.update(phase="succeeded")
    Tier.unscoped.update(status=Status.READY)

    response = api.patch(f"/tiers/{tier.pk}/", {"name": "apps"})
    assert (response.status_code, response.json()["name"]) == (200, "apps")
    assert response.json() == api.get(f"/tiers/{tier.pk}/").json()

    response = api.delete(f"/tiers/{tier.pk}/")
    assert (response.status_code, response.json()["title"]) == (202, "Delete tier")
    assert response["Location"] == response.json()["url"]
    assert api.get(f"/tiers/{tier.pk}/").json()["status"] == "removing"


def test_a_vpc_is_renamed_and_keeps_what_is_left_out(api, vpc):
    response = api.patch(f"/vpcs/{vpc.pk}/", {"name": "shop"})

    assert (response.status_code, response.json()) == (200, api.get(f"/vpcs/{vpc.pk}/").json())
    assert response["ETag"] == api.get(f"/vpcs/{vpc.pk}/")["ETag"]
    assert not Operation.unscoped.exists()
    vpc.refresh_from_db()
    assert (vpc.name, vpc.description, vpc.status) == ("shop", "The shop", Status.READY)


def test_a_change_that_changes_nothing_answers_with_the_thing(api, vpc):
    response = api.patch(f"/vpcs/{vpc.pk}/", {"name": "prod", "description": "The shop"})

    assert (response.status_code, response.json()) == (200, api.get(f"/vpcs/{vpc.pk}/").json())
    tier = vpc.tiers.get()
    assert api.patch(f"/tiers/{tier.pk}/", {}).json()["id"] == str(tier.pk)
    assert not Operation.unscoped.exists()


def test_a_vpc_is_taken_away_and_is_then_not_there(api, vpc):
    response = api.delete(f"/vpcs/{vpc.pk}/")

    assert (response.status_code, response.json()["title"]) == (202, "Delete VPC")
    Vpc.unscoped.update(status=Status.DELETED)
    assert api.get(f"/vpcs/{vpc.pk}/").status_code == 404
    assert api.get("/vpcs/").json()["results"] == []


def test_lists_are_narrowed(api, acme, site, vpc):
    annex = builders.a_zone("Zone-2")
    builders.a_vpc(acme, annex, "lab", "10.30.0.0/20", status=Status.BUILDING)

    def names(query):
        return [row["name"] for row in api.get(f"/vpcs/?{query}").json()["results"]]

    assert names("") == ["lab", "prod"]
    assert names("q=PRO") == names("q=shop") == names("q=10.20.") == names("status=ready") == ["prod"]
    assert names("zone=zone-2") == names(f"zone={annex.pk}") == names("zone=Zone-2&status=building") == ["lab"]
    tiers = api.get(f"/tiers/?vpc={vpc.pk}&q=web&status=ready").json()["results"]
    assert [tier["name"] for tier in tiers] == ["web"]
