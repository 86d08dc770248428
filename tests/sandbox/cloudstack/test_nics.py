"""NICs that come and go, and their secondary addresses: cloudstack-api.md 3.9, and where rules lead: 3.6, 3.7."""

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import Refused, refusal, root_of


@pytest.fixture
def vpc(acme):
    return acme.vpc()


@pytest.fixture
def web(acme, vpc):
    return acme.tier(vpc)


@pytest.fixture
def db(acme, vpc):
    return acme.tier(vpc, "db", gateway="10.10.2.1")


@pytest.fixture
def vm(acme, web):
    return acme.machine(web)


@pytest.fixture
def address(acme, vpc):
    return acme.public_ip(vpc["id"])


def join(caller, vm, tier, **more):
    return caller.done("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=tier["id"], **more)[
        "virtualmachine"
    ]


def failure(caller, command, **parameters):
    result = caller.job(command, **parameters)
    assert result["jobstatus"] == 2, result
    return result["jobresult"]["errorcode"], result["jobresult"]["errortext"]


def leave(vm, nic):
    return {"virtualmachineid": vm["id"], "nicid": nic["id"]}


def secondary(caller, nic, **more):
    return caller.done("addIpToNic", nicid=nic["id"], **more)["nicsecondaryip"]


def state(caller, tier):
    return caller.list("listNetworks", id=tier["id"])[0]["state"]


def dnat(netris):
    """What the destination NAT of VPCs is for, and where it leads."""
    rows = netris.get("/api/v2/nat").json()["data"]
    rows = [row for row in rows if row["action"]["value"] == "DNAT" and "-V" in row["name"]]
    return [("static" if row["name"].endswith("STATICNAT") else "forward", row["dnatToIP"]) for row in rows]


# NICs


def test_a_second_nic_brings_its_tier_to_life_and_leaves_it_to_the_collector_3_9(world, acme, web, db, vm):
    assert (state(acme, web), state(acme, db)) == ("Implemented", "Allocated")

    shown = join(acme, vm, db)

    assert shown["id"] == vm["id"]
    assert shown["ipaddress"] == vm["ipaddress"]  # the default NIC's
    first, second = shown["nic"]
    assert (first["isdefault"], second["isdefault"]) == (True, False)
    assert (second["networkid"], second["ipaddress"], second["deviceid"]) == (db["id"], "10.10.2.3", "1")
    assert first["macaddress"] != second["macaddress"]
    assert state(acme, db) == "Implemented"
    assert [each["id"] for each in acme.list("listVirtualMachines", networkid=db["id"])] == [vm["id"]]

    gone = acme.done("removeNicFromVirtualMachine", **leave(vm, second))["virtualmachine"]

    assert [nic["id"] for nic in gone["nic"]] == [first["id"]]
    world.clock.advance(599)
    assert state(acme, db) == "Implemented"
    world.clock.advance(100)
    assert (state(acme, web), state(acme, db)) == ("Implemented", "Allocated")
    acme.done("deleteNetwork", id=db["id"])


def test_a_stopped_machine_implements_the_tier_when_it_starts_3_9(acme, db, vm):
    acme.done("stopVirtualMachine", id=vm["id"])
    join(acme, vm, db)
    assert state(acme, db) == "Allocated"

    acme.done("startVirtualMachine", id=vm["id"])

    assert state(acme, db) == "Implemented"
    assert failure(acme, "deleteNetwork", id=db["id"])[0] == 530


def test_address_and_mac_may_be_chosen_3_9(acme, web, db, vm):
    (*_, nic) = join(acme, vm, db, ipaddress="10.10.2.77", macaddress="02:AA:00:00:00:01")["nic"]
    assert (nic["ipaddress"], nic["macaddress"]) == ("10.10.2.77", "02:aa:00:00:00:01")

    other = acme.machine(web, "web-2")
    ids = {"virtualmachineid": other["id"], "networkid": db["id"]}
    for wrong in ("10.10.2.77", "10.10.2.1", "10.10.2.2", "10.10.2.0", "10.10.2.255", "10.10.1.9"):
        assert failure(acme, "addNicToVirtualMachine", ipaddress=wrong, **ids)[0] == 530, wrong
    for wrong in ("::1", "x"):
        assert failure(acme, "addNicToVirtualMachine", ipaddress=wrong, **ids)[0] == 431, wrong
    for wrong in ("02:aa:00:00:00:01", "02-aa-00-00-00-02", "nonsense"):
        assert failure(acme, "addNicToVirtualMachine", macaddress=wrong, **ids)[0] == 431, wrong


def test_a_deployment_chooses_address_and_mac_too_3_9(acme, web, db):
    wishes = {"iptonetworklist[0].networkid": db["id"], "iptonetworklist[0].ip": "10.10.2.50"}
    wishes |= {"iptonetworklist[0].mac": "02:bb:00:00:00:01", "macaddress": "02:bb:00:00:00:02"}

    first, second = acme.machine(web, ipaddress="10.10.1.50", **wishes)["nic"]

    assert (first["ipaddress"], first["macaddress"]) == ("10.10.1.50", "02:bb:00:00:00:02")
    assert (second["ipaddress"], second["macaddress"]) == ("10.10.2.50", "02:bb:00:00:00:01")


def test_nics_that_are_refused_3_9(acme, vm, web, db):
    system = acme.list("listPublicIpAddresses", state="Free", forprovider="true")[0]["networkid"]
    elsewhere = acme.tier(acme.vpc("second", cidr="10.20.0.0/16"), gateway="10.20.1.1")
    given = {"virtualmachineid": vm["id"]}

    assert failure(acme, "addNicToVirtualMachine", networkid=web["id"], **given)[0] == 530
    assert failure(acme, "addNicToVirtualMachine", networkid=elsewhere["id"], **given)[0] == 431
    assert refusal(acme, "addNicToVirtualMachine", networkid=system, **given).status == 531
    acme.done("destroyVirtualMachine", id=vm["id"])
    assert failure(acme, "addNicToVirtualMachine", networkid=db["id"], **given)[0] == 431
    assert failure(acme, "removeNicFromVirtualMachine", **leave(vm, vm["nic"][0]))[0] == 431


def test_the_default_nic_stays_and_so_does_one_that_rules_lead_to_3_9(acme, vm, web, db, address):
    code, text = failure(acme, "removeNicFromVirtualMachine", **leave(vm, vm["nic"][0]))
    assert code == 431 and "NIC is default" in text
    other = acme.machine(web, "web-2")
    nic = join(acme, vm, db)["nic"][1]
    assert failure(acme, "removeNicFromVirtualMachine", **leave(other, nic))[0] == 431

    ports = {"publicport": 22, "privateport": 22, "protocol": "tcp"}
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "networkid": db["id"]}
    rule = acme.done("createPortForwardingRule", **given, **ports)["portforwardingrule"]
    code, text = failure(acme, "removeNicFromVirtualMachine", **leave(vm, nic))
    assert code == 431 and "has associated" in text

    acme.done("deletePortForwardingRule", id=rule["id"])
    acme.done("removeNicFromVirtualMachine", **leave(vm, nic))


def test_a_nic_whose_tier_netris_refuses_does_not_stay_5_5(world, acme, vpc, vm):
    acl = acme.done("createNetworkACLList", name="acl", vpcid=vpc["id"])["networkacllist"]
    acme.done("createNetworkACL", aclid=acl["id"], protocol="tcp", startport=1, endport=2, cidrlist="10.0.0.0/8")
    db = acme.tier(vpc, "db", gateway="10.10.2.1", aclid=acl["id"])
    world.netris.faults.order("refuse", "POST /api/acl", times=1)

    failed = failure(acme, "addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=db["id"])

    assert failed == (431, "Failed API call to Netris controller")
    assert len(acme.list("listNics", virtualmachineid=vm["id"])) == 1
    assert state(acme, db) == "Allocated"
    assert len(join(acme, vm, db)["nic"]) == 2


def test_a_machine_and_a_tier_of_two_accounts_do_not_meet_1_6(root, acme, globex, vm, db):
    theirs = globex.tier(globex.vpc())
    nic = join(acme, vm, db)["nic"][1]

    for caller, tier in ((acme, theirs), (globex, theirs), (globex, db)):
        ids = {"virtualmachineid": vm["id"], "networkid": tier["id"]}
        assert refusal(caller, "addNicToVirtualMachine", **ids).status == 531
    ids = {"virtualmachineid": vm["id"], "networkid": theirs["id"]}
    assert failure(root, "addNicToVirtualMachine", **ids)[0] == 531
    assert refusal(globex, "removeNicFromVirtualMachine", **leave(vm, nic)).status == 531
    assert refusal(globex, "listNics", virtualmachineid=vm["id"]).status == 531
    assert refusal(globex, "addIpToNic", nicid=nic["id"]).status == 531
    extra = secondary(acme, nic)
    assert refusal(globex, "removeIpFromNic", id=extra["id"]).status == 531


# secondary addresses


def test_a_secondary_address_is_the_nics_until_it_is_taken_away_3_9(acme, web, vm):
    (nic,) = vm["nic"]

    made = secondary(acme, nic)

    assert made == {
        **{"id": made["id"], "nicid": nic["id"], "networkid": web["id"], "virtualmachineid": vm["id"]},
        "ipaddress": "10.10.1.4",
    }
    chosen = secondary(acme, nic, ipaddress="10.10.1.200")
    shown = acme.list("listNics", virtualmachineid=vm["id"])[0]
    assert shown["ipaddress"] == "10.10.1.3"
    assert shown["secondaryip"] == [{name: each[name] for name in ("id", "ipaddress")} for each in (made, chosen)]
    assert acme.machine(web, "web-2")["ipaddress"] == "10.10.1.5"

    assert acme.done("removeIpFromNic", id=made["id"]) == {"success": True}

    assert acme.list("listVirtualMachines", id=vm["id"])[0]["nic"][0]["secondaryip"] == shown["secondaryip"][1:]
    assert acme.machine(web, "web-3")["ipaddress"] == "10.10.1.4"
    assert refusal(acme, "removeIpFromNic", id=made["id"]).status == 431


def test_secondary_addresses_that_are_refused_3_9(acme, vpc, vm):
    (nic,) = vm["nic"]
    for wrong in ("10.10.1.3", "10.10.1.1", "10.10.2.9", "10.10.1.255", "fd00::1", "nonsense"):
        assert refusal(acme, "addIpToNic", nicid=nic["id"], ipaddress=wrong).status == 431, wrong
    small = acme.tier(vpc, "small", gateway="10.10.3.1", netmask="255.255.255.248")
    other = acme.machine(small, "small-1")["nic"][0]
    for _ in range(3):
        secondary(acme, other)
    assert refusal(acme, "addIpToNic", nicid=other["id"]).status == 431
    acme.done("destroyVirtualMachine", id=vm["id"])
    assert refusal(acme, "addIpToNic", nicid=nic["id"]).status == 431


def test_a_failed_job_leaves_no_address_2_2(world, acme, vm):
    world.cloudstack.faults.order("fail_job", "addIpToNic", times=1)

    assert failure(acme, "addIpToNic", nicid=vm["nic"][0]["id"])[0] == 530

    assert "secondaryip" not in acme.list("listNics", virtualmachineid=vm["id"])[0]


def test_secondary_addresses_leave_with_their_nic_and_machine_3_9(world, root, acme, db, vm):
    nic = join(acme, vm, db)["nic"][1]
    extra, kept = secondary(acme, nic), secondary(acme, vm["nic"][0])
    acme.done("removeNicFromVirtualMachine", **leave(vm, nic))
    assert refusal(acme, "removeIpFromNic", id=extra["id"]).status == 431

    root.done("destroyVirtualMachine", id=vm["id"], expunge="true")

    assert refusal(acme, "removeIpFromNic", id=kept["id"]).status == 431
    root.done("deleteAccount", id=acme.account_view["id"])
    assert world.are_empty()


def test_of_secondary_addresses_netris_hears_in_static_nat_alone_5_6(acme, netris, web, vm, address):
    extra = secondary(acme, vm["nic"][0])
    given = {"ipaddressid": address["id"], "virtualmachineid": vm["id"], "networkid": web["id"]}
    ports = {"publicport": 22, "privateport": 22, "protocol": "tcp"}

    rule = acme.done("createPortForwardingRule", vmguestip=extra["ipaddress"], **given, **ports)["portforwardingrule"]

    assert rule["vmguestip"] == "10.10.1.4"
    assert dnat(netris) == [("forward", "10.10.1.3/32")]
    code, text = failure(acme, "removeIpFromNic", id=extra["id"])
    assert code == 431 and "has associated" in text
    acme.done("updatePortForwardingRule", id=rule["id"], vmguestip="10.10.1.3")
    assert dnat(netris) == [("forward", "10.10.1.3/32")]
    acme.done("deletePortForwardingRule", id=rule["id"])

    acme("enableStaticNat", vmguestip=extra["ipaddress"], **given)
    assert dnat(netris) == [("static", "10.10.1.4/32")]
    assert acme.list("listPublicIpAddresses", id=address["id"])[0]["vmipaddress"] == "10.10.1.4"
    assert failure(acme, "removeIpFromNic", id=extra["id"])[0] == 431
    acme.done("disableStaticNat", ipaddressid=address["id"])
    acme.done("removeIpFromNic", id=extra["id"])
    assert refusal(acme, "enableStaticNat", vmguestip=extra["ipaddress"], **given).status == 431


def test_a_machine_is_a_member_with_several_addresses_3_7(acme, netris, web, vm, address):
    extra = secondary(acme, vm["nic"][0])["ipaddress"]
    given = {"publicipid": address["id"], "networkid": web["id"], "publicport": 80, "privateport": 8080}
    rule = acme.done("createLoadBalancerRule", name="lb", algorithm="roundrobin", **given)["loadbalancer"]
    both = {"vmidipmap[0].vmid": vm["id"], "vmidipmap[0].vmip": extra, "virtualmachineids": vm["id"]}

    acme.done("assignToLoadBalancerRule", id=rule["id"], **both)

    vpc_ids = [("filterByVpc[]", row["id"]) for row in netris.get("/api/v2/vpc").json()["data"]]

    def backends():
        (balancer,) = netris.get("/api/v2/l4lb", params=vpc_ids).json()["data"]
        return [each["ip"] for each in balancer["backendIps"]]

    assert backends() == ["10.10.1.3", extra]
    (shown,) = acme.list("listLoadBalancerRuleInstances", id=rule["id"], lbvmips="true")
    assert shown["lbvmipaddresses"] == ["10.10.1.3", extra]
    assert [each["id"] for each in acme.list("listLoadBalancerRuleInstances", id=rule["id"])] == [vm["id"]]
    assert failure(acme, "assignToLoadBalancerRule", id=rule["id"], **both)[0] == 530

    one = {name: both[name] for name in both if name != "virtualmachineids"}
    acme.done("removeFromLoadBalancerRule", id=rule["id"], **one)
    assert backends() == ["10.10.1.3"]
    acme.done("removeFromLoadBalancerRule", id=rule["id"], **one)
    acme.done("assignToLoadBalancerRule", id=rule["id"], **one)
    acme.done("removeFromLoadBalancerRule", id=rule["id"], virtualmachineids=vm["id"])
    assert acme("listLoadBalancerRuleInstances", id=rule["id"]) == {}


def test_the_events_name_the_machine_3_11(acme, vm, db):
    nic = join(acme, vm, db)["nic"][1]
    acme.done("removeNicFromVirtualMachine", **leave(vm, nic))

    for type_ in ("NIC.CREATE", "NIC.DELETE"):
        (done,) = acme.list("listEvents", type=type_, state="Completed")
        assert done["resourceid"] == vm["id"]


def test_nics_and_addresses_survive_a_restart(tmp_path):
    world = World(state_dir=tmp_path)
    root = root_of(world)
    vpc = root.vpc()
    vm = root.machine(root.tier(vpc))
    nic = join(root, vm, root.tier(vpc, "db", gateway="10.10.2.1"))["nic"][1]
    secondary(root, nic)
    before = root.list("listNics", virtualmachineid=vm["id"])
    world.close()

    again = root_of(World(state_dir=tmp_path))

    assert again.list("listNics", virtualmachineid=vm["id"]) == before
    assert before[1]["secondaryip"][0]["ipaddress"] == "10.10.2.4"
    with pytest.raises(Refused):
        again("addIpToNic", nicid=nic["id"], ipaddress="10.10.2.4")


# lists of machines


def test_machines_are_found_by_where_and_what_they_are_3_9(root, acme, vm, web):
    acme.done("stopVirtualMachine", id=acme.machine(web, "web-2")["id"])
    (pod,), (cluster,) = root.list("listPods"), root.list("listClusters")
    both, running = 2, 1
    for wanted, count in (
        ({"forvirtualnetwork": "true"}, both),
        ({"forvirtualnetwork": "false"}, 0),
        ({"arch": "x86_64"}, both),
        ({"arch": "aarch64"}, 0),
        ({"hypervisor": "KVM"}, both),
        ({"hypervisor": "VMware"}, 0),
        ({"keypair": "mine"}, 0),
        ({"podid": pod["id"]}, running),
        ({"clusterid": cluster["id"]}, running),
    ):
        assert root("listVirtualMachines", listall="true", **wanted).get("count", 0) == count, wanted
    assert len(acme.list("listVirtualMachines", podid="nonsense")) == both  # root's parameter


@pytest.mark.parametrize("name", ["groupid", "isoid", "affinitygroupid", "backupofferingid", "userdataid", "storageid"])
def test_what_the_zone_has_none_of_names_no_machines_1_4(root, vm, name):
    assert refusal(root, "listVirtualMachines", **{name: vm["id"]}).status == 431
