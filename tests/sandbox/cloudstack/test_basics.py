"""Discovery, jobs, owners, limits and the past: cloudstack-api.md sections 1.6, 2.2, 3.1 and 3.11."""

import httpx
import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import client_of, refusal, root_of

# discovery


def test_the_zone_and_the_menu_are_those_of_the_reference_site_5_2(root):
    zone = root.list("listZones")[0]

    assert (zone["name"], zone["provider"], zone["networktype"]) == ("zone1", "Netris", "Advanced")
    assert root("listCapabilities")["capability"]["cloudstackversion"] == "4.22.0.0"
    assert {each["name"]: each["networkmode"] for each in root.list("listVPCOfferings")} == {
        "VPC offering with Netris - NAT Mode": "NATTED",
        "VPC offering with Netris - Route Mode": "ROUTED",
    }
    tiers = root.list("listNetworkOfferings", forvpc="true", specifyvlan="false", state="Enabled")
    assert [each["name"] for each in tiers] == [
        "DefaultNATNetrisNetworkOfferingForVpc",
        "DefaultRoutedNetrisNetworkOfferingForVpc",
    ]
    services = {each["name"]: each["provider"][0]["name"] for each in tiers[1]["service"]}
    assert services == {
        "Dhcp": "VpcVirtualRouter",
        "Dns": "VpcVirtualRouter",
        "UserData": "VpcVirtualRouter",
        "NetworkACL": "Netris",
    }
    assert [each["vlan"] for each in root.list("listVlanIpRanges")] == ["vxlan://12", "vxlan://13", "vlan://untagged"]


def test_list_apis_shows_what_the_caller_may_run_3_1(root, acme):
    everything = {each["name"] for each in root.list("listApis")}
    allowed = {each["name"]: each for each in acme.list("listApis")}

    assert {"addNetrisProvider", "createVPC"} <= everything
    assert "addNetrisProvider" not in allowed
    assert allowed["createVPC"]["isasync"] is True
    names = {each["name"]: each["required"] for each in allowed["createVPC"]["params"]}
    assert names["zoneid"] is True
    assert "fordisplay" not in names  # for root only
    assert root("listApis", name="nonsense") == {}


def test_zone_addresses_are_shown_to_root_alone_3_1(root, acme):
    assert "dns1" in root.list("listZones")[0]
    assert "dns1" not in acme.list("listZones")[0]


# jobs


def test_a_job_is_pending_until_it_is_due_2_2():
    world = World(job_seconds=5)
    root = root_of(world)
    started = root("createVPC", name="prod", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))

    pending = root("queryAsyncJobResult", jobid=started["jobid"])
    at_once = root.list("listVPCs")[0]
    world.clock.advance(5)
    done = root("queryAsyncJobResult", jobid=started["jobid"])

    assert list(started) == ["id", "jobid"]
    assert (pending["jobstatus"], pending["jobresultcode"], "jobresult" in pending) == (0, 0, False)
    assert pending["jobinstancetype"] == "None"
    assert pending["cmd"].endswith("vpc.CreateVPCCmdByAdmin")
    assert at_once["state"] == "Enabled"
    assert (done["jobstatus"], done["jobresulttype"], done["jobresult"]["vpc"]["id"]) == (1, "object", started["id"])
    assert done["completed"].endswith("+0000")


def test_only_its_job_knows_that_a_vpc_or_a_tier_is_worked_on_w1():
    world = World(job_seconds=5)
    root = root_of(world)
    vpc = root("createVPC", name="prod", cidr="10.10.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))
    assert [job["jobid"] for job in root.list("listAsyncJobs")] == [vpc["jobid"]]
    assert root.list("listVPCs")[0].keys().isdisjoint({"jobid", "jobstatus"})
    world.clock.advance(5)
    assert root("listAsyncJobs") == {}

    tier = root.tier(root.list("listVPCs")[0])
    root("deleteNetwork", id=tier["id"])
    (job,) = root.list("listAsyncJobs")
    assert job["jobinstancetype"] == "Network"
    assert "jobinstanceid" not in job
    assert root.list("listNetworks")[0].keys().isdisjoint({"jobid", "jobstatus"})


def test_jobs_of_one_vpc_wait_for_each_other_2_2():
    world = World()
    root = root_of(world)
    vpc, other = root.vpc("one"), root.vpc("two")
    world.cloudstack.jobs.seconds = 10
    first = root("updateVPC", id=vpc["id"], name="uno")["jobid"]
    second = root("updateVPC", id=vpc["id"], name="eins")["jobid"]
    elsewhere = root("updateVPC", id=other["id"], name="due")["jobid"]

    world.clock.advance(5)

    assert [root("queryAsyncJobResult", jobid=job)["jobstatus"] for job in (first, second, elsewhere)] == [1, 0, 1]
    world.clock.advance(5)
    assert root("queryAsyncJobResult", jobid=second)["jobstatus"] == 1
    assert root.list("listVPCs", id=vpc["id"])[0]["name"] == "eins"


def test_a_failed_job_is_still_a_200_with_its_text_2_2(root, acme):
    vpc = acme.vpc()
    acme.tier(vpc)

    response = acme.send("queryAsyncJobResult", jobid=acme("deleteVPC", id=vpc["id"])["jobid"])

    job = response.json()["queryasyncjobresultresponse"]
    assert response.status_code == 200
    assert (job["jobstatus"], job["jobresultcode"]) == (2, 431)
    assert job["jobresult"].keys() == {"errorcode", "errortext"}
    assert "used by 1 networks" in job["jobresult"]["errortext"]


def test_somebody_elses_job_is_a_531_2_2(root, acme):
    job = root("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))["jobid"]

    assert refusal(acme, "queryAsyncJobResult", jobid=job).status == 531


def test_a_restart_fails_the_jobs_that_were_running_2_2(tmp_path):
    world = World(state_dir=tmp_path, job_seconds=60)
    root = root_of(world)
    job = root("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))["jobid"]
    world.close()

    again = World(state_dir=tmp_path, job_seconds=60)
    found = root_of(again)("queryAsyncJobResult", jobid=job)
    again.close()

    assert (found["jobstatus"], found["jobresultcode"]) == (2, 530)
    assert not {"jobresult", "jobresulttype"} & found.keys()


def test_a_restart_can_be_told_to_go_on_with_jobs(tmp_path):
    world = World(state_dir=tmp_path, job_seconds=60)
    root = root_of(world)
    job = root("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=nat_offering(root))["jobid"]
    world.close()

    again = World(state_dir=tmp_path, resume_jobs=True)
    found = root_of(again)("queryAsyncJobResult", jobid=job)
    again.close()

    assert found["jobstatus"] == 1


# owners and limits


def test_tenants_see_their_own_things_and_nothing_else_1_6(root, acme):
    globex = root.account("globex", root.domain("globex"))
    vpc, tier = (mine := acme.vpc()), acme.tier(mine)

    for listed in ("listVPCs", "listNetworks", "listPublicIpAddresses"):
        assert globex(listed, listall="true") == {}
        assert acme(listed)["count"] > 0
    assert refusal(globex, "listVPCs", id=vpc["id"]).status == 531
    assert refusal(globex, "deleteVPC", id=vpc["id"]).status == 531
    assert refusal(globex, "deleteNetwork", id=tier["id"]).status == 531
    assert refusal(globex, "listVPCs", account="acme", domainid=vpc["domainid"]).status == 531
    assert refusal(globex.tier, vpc, "mine").status == 531


def test_admins_see_only_their_own_unless_they_ask_for_all_1_6(root, acme):
    vpc = acme.vpc()

    assert root("listVPCs") == {}
    assert root.list("listVPCs", listall="true")[0]["domainpath"] == "ROOT/acme"
    assert len(root.list("listVPCs", domainid=vpc["domainid"])) == 1
    assert len(root.list("listVPCs", account="acme", domainid=vpc["domainid"])) == 1
    assert root("listVPCs", listall="true", projectid="-1")["count"] == 1
    assert root("listVPCs", projectid="-1") == {}
    assert refusal(root, "listVPCs", account="acme", projectid="-1", domainid=vpc["domainid"]).status == 431


def test_domain_admins_reign_below_their_domain_1_6(root):
    top = root.domain("msp")
    admin = root.account("msp-admin", top, accounttype=2)
    tenant = admin.account("tenant", admin.domain("tenant", parentdomainid=top["id"]))
    stranger = root.account("stranger", root.domain("elsewhere"))
    vpc, other = tenant.vpc(), stranger.vpc()

    assert [each["id"] for each in admin.list("listVPCs", listall="true")] == [vpc["id"]]
    assert [each["id"] for each in admin.list("listVPCs", domainid=top["id"], isrecursive="true")] == [vpc["id"]]
    assert admin("listVPCs", domainid=top["id"]) == {}
    assert admin("listVPCs", domainid=top["id"], listall="true") == {}
    assert refusal(admin, "listVPCs", id=other["id"]).status == 531
    assert refusal(admin, "createDomain", name="below-root").status == 531
    assert {each["name"] for each in admin.list("listDomains")} == {"msp", "tenant"}
    admin.done("deleteVPC", id=vpc["id"])


def test_things_can_be_made_for_another_account_1_6(root, acme):
    domain = acme.account_view["domainid"]

    vpc = root.vpc(account="acme", domainid=domain)

    assert (vpc["account"], vpc["domain"]) == ("acme", "acme")
    given = {"name": "x", "cidr": "10.0.0.0/16", "zoneid": root.zone, "vpcofferingid": nat_offering(root)}
    assert refusal(root, "createVPC", domainid=domain, **given).status == 431
    assert refusal(acme, "createVPC", account="admin", domainid=domain, **given).status == 531


def test_limits_are_checked_before_anything_is_made_2_1(root, acme):
    domain = acme.account_view["domainid"]
    changed = root("updateResourceLimit", resourcetype=7, max=1, account="acme", domainid=domain)["resourcelimit"]
    assert (changed["resourcetype"], changed["resourcetypename"], changed["max"]) == ("7", "vpc", 1)
    acme.vpc()

    found = refusal(acme.vpc)

    assert (found.status, found.body["cserrorcode"]) == (535, 4370)
    assert "Type = 'vpc'" in found.text
    assert "Account Resource Limit = 1" in found.text
    account = acme.list("listAccounts")[0]
    assert (account["vpclimit"], account["vpctotal"], account["vpcavailable"]) == ("1", 1, "0")
    root("updateResourceLimit", resourcetype=7, max=-1, account="acme", domainid=domain)
    assert acme.list("listAccounts")[0]["vpclimit"] == "Unlimited"


def test_a_domain_has_limits_of_its_own_3_1(root, acme):
    root("updateResourceLimit", resourcetype=7, max=0, domainid=acme.account_view["domainid"])

    assert "Domain Resource Limit = 0" in refusal(acme.vpc).text
    assert root.list("listAccounts")[0]["vpclimit"] == "Unlimited"


def test_every_account_starts_with_twenty_of_everything_3_1(acme):
    limits = {each["resourcetypename"]: each["max"] for each in acme.list("listResourceLimits")}

    assert (limits["vpc"], limits["network"], limits["public_ip"], limits["cpu"]) == (20, 20, 20, 40)
    assert len(limits) == 17


def test_accounts_domains_and_users_live_and_die_3_1(world, root):
    domain = root.domain("acme")
    acme = root.account("acme", domain)
    acme.machine(acme.tier(acme.vpc()))
    assert refusal(root, "createDomain", name="ACME").status == 431
    assert refusal(root.account, "acme", domain).status == 431
    assert root.job("deleteDomain", id=domain["id"])["jobstatus"] == 2

    root.done("deleteDomain", id=domain["id"], cleanup="true")

    assert world.what_is_left() == []
    assert refusal(acme, "listZones").status == 401


def test_keys_are_the_users_own_3_1(root, acme):
    user = acme.account_view["user"][0]["id"]
    keys = acme("getUserKeys", id=user)["userkeys"]

    assert (keys["apikey"], len(keys["secretkey"])) == (acme.key, 86)
    other = root.account("globex", root.domain("globex"))
    assert refusal(other, "getUserKeys", id=user).status == 531
    acme("registerUserKeys", id=user)
    assert refusal(acme, "listZones").status == 401
    assert not any("secretkey" in each for each in root.list("listUsers", listall="true"))


def test_an_account_can_be_renamed_locked_and_removed_3_1(world, root, acme):
    identifier = acme.account_view["id"]
    assert root("updateAccount", id=identifier, newname="acme-2")["account"]["name"] == "acme-2"
    assert root.done("disableAccount", id=identifier, lock="true")["account"]["state"] == "locked"
    assert root("enableAccount", id=identifier)["account"]["state"] == "enabled"
    acme.vpc()

    root.done("deleteAccount", id=identifier)

    assert refusal(root, "listAccounts", id=identifier).text.startswith("Unable to find account by id ")
    assert root.done("deleteAccount", id=identifier) == {"success": True}
    assert world.are_empty()


# the past, tags, infrastructure


def test_an_asynchronous_command_leaves_three_events_3_11(root):
    vpc = root.vpc("prod")

    events = root.list("listEvents", type="VPC.CREATE")

    assert [event["state"] for event in events] == ["Completed", "Started", "Scheduled"]
    assert {event.get("parentid") for event in events[:2]} == {events[2]["id"]}
    assert {event["resourceid"] for event in events} == {vpc["id"]}
    assert len(root.list("listEvents", startid=events[2]["id"])) == 3


def test_tags_are_set_found_and_removed_3_11(root):
    vpc = root.vpc()
    pair = {"tags[0].key": "env", "tags[0].value": "Prod"}
    given = {"resourcetype": "vpc", "resourceids": vpc["id"]}

    root.done("createTags", **given, **pair)

    assert root.list("listVPCs", **pair)[0]["tags"][0]["value"] == "Prod"
    assert root("listVPCs", **{"tags[0].key": "env", "tags[0].value": "test"}) == {}
    assert root.job("createTags", **given, **pair)["jobresultcode"] == 530
    assert root.list("listTags", key="env")[0]["resourcetype"] == "Vpc"
    root.done("deleteTags", **given)
    assert root.list("listVPCs")[0]["tags"] == []


def test_the_vni_pool_can_be_changed_around_what_is_taken_3_10(root):
    root.tier(root.vpc())
    network = root.list("listPhysicalNetworks")[0]
    assert (network["vlan"], network["isolationmethods"]) == ("1000000-2000000", "Netris")

    assert root.job("updatePhysicalNetwork", id=network["id"], vlan="1-2")["jobresultcode"] == 431
    changed = root.done("updatePhysicalNetwork", id=network["id"], vlan="1000000-2000000,3000000-3000009")

    assert changed["physicalnetwork"]["vlan"].endswith("3000009")
    assert root("listGuestVlans", page=1, pagesize=1)["count"] == 1000011


def test_the_controller_is_a_host_of_its_own_kind_that_stays_up_3_10(world, root):
    hosts = root.list("listHosts")

    assert [host["type"] for host in hosts] == ["Routing"] * 3 + ["L2Networking"]
    assert hosts[-1]["state"] == "Up"
    world.netris.faults.order("down")
    world.clock.advance(120)
    assert root.list("listHosts", type="L2Networking")[0]["state"] == "Up"


# faults


def test_faults_are_ordered_over_the_control_endpoint(world, root):
    root.http.post("/_sandbox/faults", json={"kind": "refuse", "call": "listVPCs", "times": 1, "text": "no"})

    found = refusal(root, "listVPCs")

    assert (found.status, found.text) == (530, "no")
    assert root("listVPCs") == {}
    assert root.http.get("/_sandbox/calls").json()["listVPCs"] == 2
    assert root.http.get("/_sandbox/health").json()["service"] == "cloudstack"


def test_a_lost_reply_has_taken_effect(world, root):
    world.cloudstack.faults.order("lose_reply", "createVPC", times=1)

    with pytest.raises(httpx.ReadError):
        root.vpc()

    assert len(root.list("listVPCs")) == 1


def test_a_service_that_is_down_changes_nothing(world, root):
    offering = nat_offering(root)
    world.cloudstack.faults.order("down")

    with pytest.raises(httpx.ConnectError):
        root("createVPC", name="x", cidr="10.0.0.0/16", zoneid="1", vpcofferingid=offering)

    root.http.delete("/_sandbox/faults")
    assert world.are_empty()


def test_a_job_that_is_ordered_to_fail_leaves_no_vpc(world, root):
    offering = nat_offering(root)
    world.cloudstack.faults.order("fail_job", "createVPC", times=1)

    job = root.job("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=offering)

    assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to create VPC"}
    assert world.are_empty()


def test_two_clients_see_the_same_world(world, root):
    root.vpc()

    assert client_of(world).get("/_sandbox/calls").json()["createVPC"] == 1


def nat_offering(root):
    return root.list("listVPCOfferings", name="NAT")[0]["id"]
