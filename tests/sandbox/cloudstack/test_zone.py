"""What an operator asks of the zone: cloudstack-api.md 3.1 (settings), 3.8 to 3.11, 5.1 and 5.2."""

from datetime import UTC, datetime, timedelta

from tests.sandbox.cloudstack.client import refusal


def capacity(root, type_, **more):
    return root.list("listCapacity", type=type_, **more)[0]


def test_capacity_is_what_the_collector_last_saw_3_10(world, root):
    before = capacity(root, 7)
    assert (before["name"], before["capacityused"], before["capacitytotal"]) == ("VLAN", 0, 1000001)
    assert isinstance(before["percentused"], str)
    root.tier(root.vpc())

    assert capacity(root, 7)["capacityused"] == 0
    assert capacity(root, 7, fetchlatest="true")["capacityused"] == 1
    root.machine(root.list("listNetworks")[0])
    world.clock.advance(301)
    assert capacity(root, 1)["capacityused"] == 500
    assert capacity(root, 4)["capacityused"] == 2
    assert {each["type"] for each in root.list("listCapacity")} == set(range(10))
    used = [float(each["percentused"]) for each in root.list("listCapacity", sortby="usage")]
    assert used == sorted(used, reverse=True)


def test_settings_are_listed_and_obeyed_3_1(root, acme):
    (setting,) = root.list("listConfigurations", name="vpc.max.networks")
    assert (setting["value"], setting["defaultvalue"]) == ("3", "3")
    vpc = acme.vpc()
    root("updateConfiguration", name="vpc.max.networks", value="1", accountid=acme.account_view["id"])
    acme.tier(vpc)

    found = refusal(acme, "createNetwork", **tier(acme, vpc))
    assert found.status == 530
    root("updateConfiguration", name="vpc.max.networks", value="2", accountid=acme.account_view["id"])
    acme("createNetwork", **tier(acme, vpc))
    assert root.list("listConfigurations", name="vpc.max.networks")[0]["value"] == "3"
    for wrong in ({"name": "no.such.setting"}, {"name": "vpc.max.networks", "value": "many"}):
        assert refusal(root, "updateConfiguration", **wrong).status == 431
    assert refusal(acme, "listConfigurations").status == 432


def tier(caller, vpc):
    offering = caller.list("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")[0]["id"]
    given = {"name": "db", "gateway": "10.10.2.1", "netmask": "255.255.255.0", "zoneid": caller.zone}
    return {**given, "vpcid": vpc["id"], "networkofferingid": offering}


def test_a_domain_admin_sees_and_sets_what_its_tree_may_have_3_1(root):
    domain = root.domain("acme")
    boss = root.account("boss", domain, accounttype=2)
    user = root.account("ann", domain)

    names = {each["name"] for each in boss.list("listConfigurations")}
    assert "vpc.max.networks" in names and "network.gc.wait" not in names
    boss("updateConfiguration", name="vpc.max.networks", value="2", accountid=user.account_view["id"])
    assert refusal(boss, "updateConfiguration", name="vpc.max.networks", value="9").status == 531
    stranger = root.account("far", root.domain("globex"))
    wrong = {"name": "vpc.max.networks", "value": "9", "accountid": stranger.account_view["id"]}
    assert refusal(boss, "updateConfiguration", **wrong).status == 531


def test_the_netris_provider_is_enabled_beside_the_router_3_10_5_1(root):
    network = root.list("listPhysicalNetworks")[0]["id"]

    found = {
        each["name"]: each["state"] for each in root.list("listNetworkServiceProviders", physicalnetworkid=network)
    }
    assert (found["Netris"], found["VpcVirtualRouter"], found["ConfigDrive"]) == ("Enabled", "Enabled", "Disabled")
    assert len(root.list("listNetworkServiceProviders", name="Netris", state="Enabled")) == 1
    kinds = {each["traffictype"] for each in root.list("listTrafficTypes", physicalnetworkid=network)}
    assert kinds == {"Management", "Public", "Guest", "Storage"}
    assert refusal(root, "listTrafficTypes").status == 431
    by_netris = {each["name"] for each in root.list("listSupportedNetworkServices", provider="Netris")}
    assert by_netris == {"NetworkACL", "PortForwarding", "Lb", "SourceNat", "StaticNat", "Connectivity"}


def test_a_machine_has_a_root_volume_3_9(root):
    vm = root.machine(root.tier(root.vpc()))

    (volume,) = root.list("listVolumes", virtualmachineid=vm["id"])

    assert (volume["type"], volume["state"], volume["vmname"]) == ("ROOT", "Ready", vm["name"])
    assert volume["name"].startswith("ROOT-")
    assert root.list("listVolumes", id=volume["id"], type="ROOT")
    assert root("listVolumes", type="DATADISK") == {}
    assert root("listVolumes", retrieveonlyresourcecount="true") == {"count": 1}
    root.done("destroyVirtualMachine", id=vm["id"], expunge="true")
    assert root("listVolumes") == {}


def test_nics_are_listed_per_machine_3_9(acme):
    vm = acme.machine(acme.tier(acme.vpc()))

    (nic,) = acme.list("listNics", virtualmachineid=vm["id"])

    assert nic.pop("virtualmachineid") == vm["id"]
    assert {**nic, "secondaryip": []} == vm["nic"][0]
    assert refusal(acme, "listNics").status == 431


def test_what_nobody_has_is_an_empty_list_3_8(acme):
    for command in ("listVpnGateways", "listVpnConnections", "listSecurityGroups", "listSSHKeyPairs", "listSnapshots"):
        assert acme(command) == {}
    assert refusal(acme, "listVpnGateways", account="admin", domainid=acme.account_view["domainid"]).status == 531


def test_usage_is_one_record_per_object_and_day_3_11(world, root, acme):
    vpc = acme.vpc()
    acme.machine(acme.tier(vpc))
    start = datetime.fromtimestamp(world.clock.now(), UTC)
    world.clock.advance(timedelta(days=2))
    acme.done("updateVPC", id=vpc["id"], name=vpc["name"], displaytext="later")
    days = {"startdate": f"{start:%Y-%m-%d}", "enddate": f"{start + timedelta(days=5):%Y-%m-%d}"}

    records = root.list("listUsageRecords", **days)

    assert {each["usagetype"] for each in records} >= {1, 2, 3, 6, 30, 31}
    of_vpc = [each for each in records if each["usagetype"] == 31]
    assert [each["usageid"] for each in of_vpc] == [vpc["id"]] * 2
    assert float(of_vpc[1]["rawusage"]) == 24.0
    assert of_vpc[1]["usage"].endswith(" Hrs")
    assert of_vpc[0]["startdate"] == f"{start:%Y-%m-%d}T00:00:00+0000"
    assert root.list("listUsageRecords", type=31, oldformat="true", **days)[0]["description"].count("Id:") == 1
    assert refusal(root, "listUsageRecords", startdate="2026-02-02", enddate="2026-02-01").status == 431
    assert refusal(acme, "listUsageRecords", **days).status == 432
    assert {each["id"] for each in root("listUsageTypes")["usagetype"]} >= {1, 3, 30, 31}


def test_what_is_removed_is_counted_up_to_its_end_3_11(world, root, acme):
    vpc = acme.vpc()
    start = datetime.fromtimestamp(world.clock.now(), UTC)
    acme.done("deleteVPC", id=vpc["id"])
    world.clock.advance(timedelta(days=3))
    days = {"startdate": f"{start:%Y-%m-%d}", "enddate": f"{start + timedelta(days=5):%Y-%m-%d}"}

    (record,) = root.list("listUsageRecords", type=31, **days)

    assert float(record["rawusage"]) < 0.1


def test_a_host_that_is_lost_raises_an_alert_3_11(world, root):
    assert root("listAlerts") == {}
    host = root.list("listHosts", type="Routing")[0]["name"]
    root.http.post(f"/_sandbox/devices/{host}/kill").raise_for_status()
    world.clock.advance(300)
    root("listZones")

    (alert,) = root.list("listAlerts")

    assert (alert["type"], host in alert["description"]) == (7, True)
    assert root("listAlerts", type="4") == {}


def test_event_types_name_those_of_the_commands_3_11(acme):
    names = {each["name"] for each in acme("listEventTypes")["eventtype"]}

    assert names >= {"VPC.CREATE", "NET.RULEADD", "LB.ASSIGN.TO.RULE", "STATIC.ROUTE.CREATE", "USER.LOGIN"}
