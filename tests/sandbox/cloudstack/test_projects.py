"""Projects: cloudstack-api.md 1.6 and 3.1."""

import pytest

from tests.sandbox.cloudstack.client import refusal


@pytest.fixture
def domain(root):
    return root.domain("acme")


@pytest.fixture
def ann(root, domain):
    return root.account("ann", domain)


@pytest.fixture
def bob(root, domain):
    return root.account("bob", domain)


@pytest.fixture
def project(ann):
    return ann.done("createProject", name="shop", displaytext="The shop")["project"]


def test_a_project_is_active_at_once_3_1(ann, project):
    assert (project["name"], project["displaytext"], project["state"]) == ("shop", "The shop", "Active")
    assert project["projectaccountname"] == "PrjAcct-shop-1"
    assert project["owner"] == [{"account": "ann"}]
    assert (project["vpclimit"], project["vpctotal"]) == ("20", 0)
    assert [each["id"] for each in ann.list("listProjects", keyword="sho")] == [project["id"]]
    assert refusal(ann, "createProject", name="Shop").status == 431


def test_what_a_project_owns_shows_the_project_and_no_account_1_6(ann, root, project):
    vpc = ann.vpc("shop", projectid=project["id"])

    assert (vpc["projectid"], vpc["project"]) == (project["id"], "shop")
    assert "account" not in vpc
    tier = ann.tier(vpc)
    vm = ann.machine(tier, projectid=project["id"])
    assert {each.get("projectid") for each in (tier, vm)} == {project["id"]}
    assert ann("listVPCs") == {}
    assert root("listVPCs", listall="true") == {}
    for more in ({"projectid": project["id"]}, {"projectid": "-1"}, {"projectid": "-1", "listall": "true"}):
        assert [each["id"] for each in ann.list("listVPCs", **more)] == [vpc["id"]], more
    own = ann.vpc("own")
    assert [each["id"] for each in ann.list("listVPCs")] == [own["id"]]
    assert [each["id"] for each in ann.list("listVPCs", projectid="-1")] == [vpc["id"]]
    assert len(ann.list("listVPCs", projectid="-1", listall="true")) == 2
    assert refusal(ann, "listVPCs", projectid=project["id"], account="ann").status == 431


def test_only_members_reach_a_project_1_6(root, domain, ann, bob, project):
    vpc = ann.vpc("shop", projectid=project["id"])
    offering = bob.list("listVPCOfferings", name="NAT")[0]["id"]
    given = {"name": "x", "cidr": "10.1.0.0/16", "zoneid": bob.zone, "vpcofferingid": offering}
    assert bob("listProjects") == {}
    assert refusal(bob, "listVPCs", projectid=project["id"]).status == 531
    assert refusal(bob, "createVPC", projectid=project["id"], **given).status == 531
    assert refusal(bob, "deleteVPC", id=vpc["id"]).status == 531
    assert refusal(bob, "addAccountToProject", projectid=project["id"], account="bob").status == 531

    ann.done("addAccountToProject", projectid=project["id"], account="bob")

    assert [each["id"] for each in bob.list("listVPCs", projectid=project["id"])] == [vpc["id"]]
    bob.vpc("second", projectid=project["id"])
    assert bob.job("deleteProject", id=project["id"], cleanup="true")["jobresultcode"] == 531
    assert ann.job("addAccountToProject", projectid=project["id"], account="bob")["jobresultcode"] == 431
    assert ann.job("addAccountToProject", projectid=project["id"], account="nobody")["jobresultcode"] == 431
    admin = root.account("boss", domain, accounttype=2)
    assert [each["id"] for each in admin.list("listProjects", listall="true")] == [project["id"]]


def test_a_project_has_limits_of_its_own_3_1(root, ann, project):
    root("updateResourceLimit", resourcetype=7, max=1, projectid=project["id"])
    ann.vpc("shop", projectid=project["id"])

    offering = ann.list("listVPCOfferings", name="NAT")[0]["id"]
    given = {"name": "x", "cidr": "10.1.0.0/16", "zoneid": ann.zone, "vpcofferingid": offering}

    assert refusal(ann, "createVPC", projectid=project["id"], **given).status == 535
    ann.vpc("own")
    limits = ann.list("listResourceLimits", resourcetype=7, projectid=project["id"])
    assert [(each["max"], each["projectid"]) for each in limits] == [(1, project["id"])]


def test_an_update_renames_and_hands_over_3_1(ann, bob, project):
    assert ann.job("updateProject", id=project["id"], account="bob")["jobresultcode"] == 431
    ann.done("addAccountToProject", projectid=project["id"], account="bob")

    changed = ann.done("updateProject", id=project["id"], name="store", account="bob")["project"]

    assert (changed["name"], changed["owner"]) == ("store", [{"account": "bob"}])
    assert ann.job("updateProject", id=project["id"], name="mine")["jobresultcode"] == 531


def test_deleting_takes_everything_along_3_1(world, root, ann, project):
    vm = ann.machine(ann.tier(ann.vpc("shop", projectid=project["id"])), projectid=project["id"])
    assert vm["projectid"] == project["id"]
    assert ann.job("deleteProject", id=project["id"])["jobresultcode"] == 530

    ann.done("deleteProject", id=project["id"], cleanup="true")

    assert ann("listProjects") == {}
    assert world.are_empty()
    assert not any("PrjAcct" in each["name"] for each in root.list("listAccounts", listall="true"))


@pytest.mark.parametrize("command", ["updateProject", "deleteProject"])
def test_minus_one_is_a_filter_and_no_project_1_4(ann, command):
    assert refusal(ann, command, id="-1").status == 431
    assert ann.job("addAccountToProject", projectid="-1", account="ann")["jobresultcode"] == 431
    assert ann("listProjects") == {}


def test_a_failed_job_leaves_no_project_2_2(world, ann):
    world.cloudstack.faults.order("fail_job", "createProject", times=1)

    assert ann.job("createProject", name="shop")["jobstatus"] == 2
    assert ann("listProjects") == {}
