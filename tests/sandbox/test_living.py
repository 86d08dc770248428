"""What is alive is the same on both sides (`sandbox.living`): cloudstack-api.md 3.10, 4.5, netris-api.md 2.5, 3.7."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import httpx
import pytest

from sandbox.living import BOOT_SECONDS, REBOOT_SECONDS
from sandbox.world import World
from tests.sandbox.cloudstack.client import client_of, root_of
from tests.sandbox.controller import operator_of
from tests.sandbox.netris.test_living import graph, last

PATIENCE = 5  # a little more than a probe, and the two seconds until it has timed out
TIMED_OUT = 160  # a little more than the ping time-out
BACK = BOOT_SECONDS + 1


class Web:
    """A balanced tier: two machines, and what both services tell of them."""

    def __init__(self, world, caller=None, name="prod"):
        self.world = world
        self.root = root_of(world)
        self.caller = caller or self.root
        self.netris = httpx.Client(transport=world.netris_transport(), base_url="http://netris.test")
        self.netris.post("/api/auth", json={"user": "sandbox", "password": "sandbox"}).raise_for_status()
        self.vpc = self.caller.vpc(name)
        self.tier = self.caller.tier(self.vpc)
        self.vms = [self.caller.machine(self.tier, f"{name}-{number}") for number in (1, 2)]
        self.address = self.caller.public_ip(self.vpc["id"])["id"]
        given = {"publicport": 80, "privateport": 80, "algorithm": "roundrobin", "networkid": self.tier["id"]}
        rule = self.caller.done("createLoadBalancerRule", name="lb", publicipid=self.address, **given)
        self.rule = rule["loadbalancer"]["id"]
        members = ",".join(vm["id"] for vm in self.vms)
        self.caller.done("assignToLoadBalancerRule", id=self.rule, virtualmachineids=members)
        self.twin = next(row["id"] for row in self.get("/api/v2/vpc") if row["name"].endswith(f"-{name}"))
        (self.balancer,) = [row["id"] for row in self.get("/api/v2/l4lb", filterByVpc=self.twin)]
        self.check_members()

    def get(self, path, **query):
        return self.netris.get(path, params=query).raise_for_status().json()["data"]

    def check_members(self, **more):
        """The plugin asks for no health check (5.6): an operator does."""
        body = {"healthCheck": "TCP", "timeOut": "2000", **more}
        self.netris.put(f"/api/v2/l4lb/{self.balancer}", json=body).raise_for_status()

    def balance(self, *addresses):
        self.check_members(backendIps=[{"ip": address, "port": 80} for address in addresses])

    def members(self):
        return [member["status"] for member in self.get(f"/api/v2/l4lb/{self.balancer}")["backendIps"]]

    def order(self, path, **body):
        self.netris.post(f"/_sandbox/{path}", json=body).raise_for_status()

    def wait(self, seconds):
        self.world.clock.advance(seconds)

    def vm(self, number):
        return self.root.list("listVirtualMachines", id=self.vms[number]["id"])[0]

    def host(self, name):
        return self.root.list("listHosts", name=name)[0]

    def router(self):
        return self.root.list("listRouters", vpcid=self.vpc["id"])[0]

    def part(self):
        """Put the machines and the router on hosts of their own; the name of the first one's."""
        cloud = self.world.cloudstack.cloud
        router = cloud.table("router").find(vpcid=self.vpc["id"])
        rows = [("vm", cloud.get("vm", vm["id"])) for vm in self.vms] + [("router", router)]
        for (kind, row), host in zip(rows, ("Server-2", "Server-3", "Server-4"), strict=True):
            cloud.change(kind, row, hostid=self.host(host)["id"])
        return "Server-2"

    def bring_the_router(self, name):
        cloud = self.world.cloudstack.cloud
        cloud.change("router", cloud.table("router").find(vpcid=self.vpc["id"]), hostid=self.host(name)["id"])


@pytest.fixture
def web(world):
    return Web(world)


def age(world, host):
    """Seconds since the last ping."""
    return world.clock.now() - datetime.strptime(host["lastpinged"], "%Y-%m-%dT%H:%M:%S%z").timestamp()


# members of load balancers, and the machines that they are


def test_a_stopped_machine_s_member_fails_after_the_check_s_patience_until_it_runs_again(web):
    web.root.done("stopVirtualMachine", id=web.vms[1]["id"])
    assert web.members() == ["ok", "ok"]

    web.wait(PATIENCE)

    assert web.members() == ["ok", "failed"]
    label = web.get("/api/v2/l4lb", filterByVpc=web.twin)[0]["label"]
    assert label == {"status": "danger", "text": "1 failed"}
    web.root.done("startVirtualMachine", id=web.vms[1]["id"])
    assert web.members() == ["ok", "ok"]


def test_a_destroyed_machine_s_member_fails_and_leaves_with_the_machine(web):
    web.root.done("destroyVirtualMachine", id=web.vms[0]["id"])
    web.wait(PATIENCE)
    assert web.members() == ["failed", "ok"]

    web.root("recoverVirtualMachine", id=web.vms[0]["id"])
    web.root.done("startVirtualMachine", id=web.vms[0]["id"])
    assert web.members() == ["ok", "ok"]

    web.root.done("destroyVirtualMachine", id=web.vms[0]["id"], expunge="true")
    assert [member["ip"] for member in web.get(f"/api/v2/l4lb/{web.balancer}")["backendIps"]] == [
        web.vms[1]["ipaddress"]
    ]


def test_a_rebooted_machine_is_silent_for_a_while_and_running_all_the_time(web):
    web.root.done("rebootVirtualMachine", id=web.vms[0]["id"])
    assert web.members() == ["ok", "ok"]
    web.wait(PATIENCE)
    assert (web.members(), web.vm(0)["state"]) == (["failed", "ok"], "Running")

    web.wait(REBOOT_SECONDS)

    assert web.members() == ["ok", "ok"]


def test_a_machine_that_runs_can_still_be_ordered_silent_and_a_stopped_one_not_back(web):
    first, second = (vm["ipaddress"] for vm in web.vms)
    web.order("members", vpc=web.twin, ip=first, does="time_out")
    web.root.done("stopVirtualMachine", id=web.vms[1]["id"])
    web.wait(PATIENCE)
    assert web.members() == ["failed", "failed"]

    for address in (first, second):
        web.order("members", vpc=web.twin, ip=address, does="well")

    assert web.members() == ["ok", "failed"]


TIMED_OUT_TEXT = ("failed", "connection timed out")


def told(web, number=0, **order):
    """What the SoftGates say of both members after an order about one of the machines."""
    http = client_of(web.world)
    http.post("/_sandbox/manners", json={"instance": web.vms[number]["id"], **order}).raise_for_status()
    web.wait(PATIENCE)
    members = web.get(f"/api/v2/l4lb/{web.balancer}")["backendIps"]
    return [{(stat["status"]["value"], stat["response"]) for stat in member["stats"]} for member in members]


def test_a_machine_is_told_how_to_behave_on_a_port(web):
    well, refused = {("ok", "OK")}, {("failed", "connection refused")}

    assert told(web, port=81, does="refuse") == [well, well]
    assert told(web, port=80, does="refuse") == [refused, well]
    assert told(web, port=80, does="answer_500") == [well, well]
    web.check_members(healthCheck="HTTP", requestPath="/up")
    assert told(web, port=80, does="answer_500") == [{("failed", "HTTP status 500")}, well]
    assert told(web, does="time_out") == [{TIMED_OUT_TEXT}, well]
    assert told(web, port=80, does="well") == [well, well]
    rows = client_of(web.world).get("/_sandbox/manners").json()
    assert [(row["instance"], row["port"], row["does"]) for row in rows] == [
        (web.vms[0]["id"], 0, "time_out"),
        (web.vms[0]["id"], 80, "well"),
    ]
    assert told(web, does="well") == [well, well]
    assert client_of(web.world).get("/_sandbox/manners").json() == []


def test_a_machine_that_is_off_times_out_whatever_it_was_told_and_remembers_it(web):
    assert told(web, port=80, does="refuse")[0] == {("failed", "connection refused")}
    web.root.done("stopVirtualMachine", id=web.vms[0]["id"])
    assert told(web, 1, does="well")[0] == {TIMED_OUT_TEXT}

    web.root.done("startVirtualMachine", id=web.vms[0]["id"])

    assert told(web, 1, does="well")[0] == {("failed", "connection refused")}


def test_what_a_machine_was_told_holds_at_all_of_its_addresses_and_goes_with_it(web):
    nic = web.vm(0)["nic"][0]["id"]
    extra = web.root.done("addIpToNic", nicid=nic)["nicsecondaryip"]["ipaddress"]
    web.balance(extra)
    assert told(web, port=80, does="refuse") == [{("failed", "connection refused")}]

    web.root.done("destroyVirtualMachine", id=web.vms[0]["id"], expunge="true")

    assert client_of(web.world).get("/_sandbox/manners").json() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"instance": "nobody", "does": "refuse"},
        {"instance": 5, "does": "refuse"},
        {"instance": "prod-1", "does": "sulk"},
        {"instance": "prod-1", "does": "refuse", "port": 70000},
        {"instance": "prod-1", "does": "refuse", "port": "80"},
        {"instance": "prod-1", "does": "refuse", "port": True},
    ],
)
def test_orders_about_manners_that_make_no_sense_are_refused(web, wrong):
    http = client_of(web.world)

    assert http.post("/_sandbox/manners", json=wrong).status_code == 400
    assert http.get("/_sandbox/manners").json() == []


def test_a_name_that_several_machines_have_names_none(web, world, acme):
    acme.machine(acme.tier(acme.vpc()), "prod-1")

    response = client_of(world).post("/_sandbox/manners", json={"instance": "prod-1", "does": "refuse"})

    assert (response.status_code, response.json()["message"]) == (400, "instance: several machines have this name")


def test_without_a_health_check_a_stopped_machine_goes_unnoticed(web):
    """That is all that CloudStack ever asks for (cloudstack-api.md 5.6)."""
    web.check_members(healthCheck="None")
    web.root.done("stopVirtualMachine", id=web.vms[0]["id"])
    web.wait(600)

    assert web.members() == ["", ""]


def test_in_a_tier_nobody_answers_where_no_machine_is_and_outside_of_it_the_order_decides(web):
    web.balance("10.10.1.200", "10.10.77.5", "192.0.2.9", "2001:db8::9")
    assert web.members() == ["failed", "ok", "ok", "ok"]

    web.order("members", vpc=web.twin, ip="192.0.2.9", does="time_out")
    web.wait(PATIENCE)

    assert web.members() == ["failed", "ok", "failed", "ok"]


def test_a_secondary_address_answers_with_its_machine(web):
    nic = web.vm(0)["nic"][0]["id"]
    extra = web.root.done("addIpToNic", nicid=nic)["nicsecondaryip"]["ipaddress"]
    web.balance(extra)
    assert web.members() == ["ok"]

    web.root.done("stopVirtualMachine", id=web.vms[0]["id"])
    web.wait(PATIENCE)

    assert web.members() == ["failed"]


def test_the_same_address_in_another_vpc_is_another_machine(web, world):
    other = Web(world, name="other")
    assert other.vms[0]["ipaddress"] == web.vms[0]["ipaddress"]

    other.root.done("stopVirtualMachine", id=other.vms[0]["id"])
    world.clock.advance(PATIENCE)

    assert (web.members(), other.members()) == (["ok", "ok"], ["failed", "ok"])


def test_a_tier_that_the_collector_put_to_sleep_is_still_known(web):
    """Its rules leave Netris with its last machine, and come back with the next; the V-Net stays."""
    for vm in web.vms:
        web.root.done("stopVirtualMachine", id=vm["id"])
    web.wait(1300)
    assert web.root.list("listNetworks", id=web.tier["id"])[0]["state"] == "Allocated"
    assert web.get("/api/v2/l4lb") == []

    web.root.done("startVirtualMachine", id=web.vms[0]["id"])

    (balancer,) = web.get("/api/v2/l4lb")
    assert len(balancer["backendIps"]) == 2


# hypervisors


def test_a_killed_hypervisor_is_down_on_both_sides_with_all_that_ran_on_it(web, world):
    name = web.part()
    web.bring_the_router(name)
    total = web.root.list("listCapacity", type=1)[0]["capacitytotal"]
    web.order(f"devices/{name}/kill")
    killed = world.clock.now()

    web.wait(PATIENCE)
    assert web.members() == ["failed", "ok"]
    assert (web.host(name)["state"], web.vm(0)["state"]) == ("Up", "Running")  # nobody has missed it yet
    web.wait(TIMED_OUT)

    host = web.host(name)
    assert host["state"] == "Down"
    assert 0 <= age(world, host) - (world.clock.now() - killed) <= 61
    assert host["cpuallocated"] == "0.00%"
    assert (web.vm(0)["state"], web.vm(1)["state"]) == ("Stopped", "Running")
    assert "hostid" not in web.vm(0)
    assert web.router()["state"] == "Stopped"
    assert not {"hostid", "hostname"} & web.router().keys()
    alerts = web.root.list("listAlerts")
    assert sorted(alert["type"] for alert in alerts) == [7, 8, 9]
    assert name in next(alert for alert in alerts if alert["type"] == 7)["description"]
    (event,) = web.root.list("listEvents", type="VM.STOP")
    assert (event["level"], event["resourceid"]) == ("WARN", web.vms[0]["id"])
    assert web.root.list("listEvents", listall="true", resourceid=host["id"])[0]["level"] == "WARN"
    assert web.root.list("listCapacity", type=1, fetchlatest="true")[0]["capacitytotal"] == total * 2 / 3
    assert web.members() == ["failed", "ok"]
    assert next(row for row in web.get("/api/v2/hw") if row["name"] == name)["status"] != "ok"
    web.wait(3600)
    assert web.root("listAlerts")["count"] == 3  # once, and not every time that somebody looks


def test_a_revived_hypervisor_is_up_again_and_its_machines_wait_to_be_started(web, world):
    name = web.part()
    web.bring_the_router(name)
    web.order(f"devices/{name}/kill")
    web.wait(600)
    assert web.host(name)["state"] == "Down"

    web.order(f"devices/{name}/revive")
    assert web.host(name)["state"] == "Down"
    web.wait(BACK)

    host = web.host(name)
    assert (host["state"], age(world, host) < 61) == ("Up", True)
    assert web.root.list("listEvents", listall="true", type="HOST.RECONNECT")[0]["resourceid"] == host["id"]
    assert (web.vm(0)["state"], web.router()["state"], web.members()) == ("Stopped", "Stopped", ["failed", "ok"])
    web.root.done("startVirtualMachine", id=web.vms[0]["id"])
    assert (web.vm(0)["state"], web.router()["state"], web.members()) == ("Running", "Running", ["ok", "ok"])
    web.wait(3600)
    assert web.vm(0)["state"] == "Running"  # the outage is past


def test_a_hypervisor_that_boots_within_the_time_out_is_not_missed_but_its_machines_are(web, world):
    name = web.part()
    web.order(f"devices/{name}/kill")
    web.wait(20)
    web.order(f"devices/{name}/revive")
    for _ in range(6):
        web.wait(10)
        assert (web.host(name)["state"], web.members()) == ("Up", ["failed", "ok"])

    web.wait(BACK - 60)

    assert (web.host(name)["state"], web.vm(0)["state"]) == ("Up", "Stopped")
    assert web.members() == ["failed", "ok"]
    assert [alert["type"] for alert in web.root.list("listAlerts")] == [8]


def test_a_hypervisor_that_cannot_be_reached_is_in_alert_and_its_machines_run_on(web, world):
    """Both leaves die; with one of them nothing would happen."""
    name = web.part()
    web.order("devices/Leaf-1/kill")
    web.wait(600)
    assert (web.host(name)["state"], web.members()) == ("Up", ["ok", "ok"])

    web.order("devices/Leaf-2/kill")
    web.wait(TIMED_OUT)

    assert {host["state"] for host in web.root.list("listHosts", type="Routing")} == {"Alert"}
    assert web.root.list("listHosts", type="L2Networking")[0]["state"] == "Up"
    assert (web.vm(0)["state"], web.members()) == ("Running", ["failed", "failed"])
    assert {alert["type"] for alert in web.root.list("listAlerts")} == {7}
    web.order("devices/Leaf-2/revive")
    assert web.members() == ["ok", "ok"]
    web.wait(2)
    assert (web.host(name)["state"], web.vm(0)["state"]) == ("Up", "Running")


def test_pulled_cables_cut_a_hypervisor_off_as_dead_leaves_do(web):
    name = web.part()
    ports = {row["name"]: row["id"] for row in web.get("/api/v2/ports")}
    web.order("change", table="port", id=ports[f"eth1@{name}"], fields={"carrier": False})
    far = next(row for row in web.get("/api/v2/ports") if row["name"] == "swp2@Leaf-1")
    assert (name, far["status"]["value"]) == ("Server-2", "down")  # a cable is down at both ends
    web.wait(600)
    assert (web.host(name)["state"], web.members()) == ("Up", ["ok", "ok"])

    web.order("change", table="port", id=ports["swp2@Leaf-2"], fields={"adminDown": True})
    web.wait(PATIENCE)
    assert web.members() == ["failed", "ok"]
    web.wait(TIMED_OUT)
    assert web.host(name)["state"] == "Alert"

    web.order(f"devices/{name}/kill")  # and now it dies as well
    assert (web.host(name)["state"], web.vm(0)["state"]) == ("Alert", "Running")
    web.wait(2)
    assert (web.host(name)["state"], web.vm(0)["state"]) == ("Down", "Stopped")


def test_nothing_starts_on_a_host_that_is_dead_whether_missed_or_not(web, world):
    for number in (2, 3):
        web.order(f"devices/Server-{number}/kill")

    vms = [web.root.machine(web.tier, f"more-{number}") for number in range(4)]

    assert {vm["hostname"] for vm in vms} == {"Server-4"}
    web.order("devices/Server-4/kill")
    job = web.root.job("startVirtualMachine", id=web.root.machine(web.tier, "still", startvm="false")["id"])
    assert (job["jobstatus"], job["jobresult"]["errorcode"]) == (2, 533)
    assert web.root.list("listVirtualMachines", name="still")[0]["state"] == "Stopped"
    offering = web.root.list("listVPCOfferings", name="NAT Mode")[0]["id"]
    given = {"cidr": "10.30.0.0/16", "zoneid": web.root.zone, "vpcofferingid": offering}
    job = web.root.job("createVPC", name="nowhere", **given)
    assert "Failed to create VPC" in job["jobresult"]["errortext"]
    assert len(web.root.list("listVPCs")) == 1
    assert not [row for row in web.get("/api/v2/vpc") if "nowhere" in row["name"]]


def test_a_router_that_died_starts_with_its_vpc(web, world):
    router = world.cloudstack.cloud.table("router").find(vpcid=web.vpc["id"])
    name = world.cloudstack.cloud.get("host", router["hostid"])["name"]
    web.order(f"devices/{name}/kill")
    web.wait(TIMED_OUT)
    assert web.router()["state"] == "Stopped"

    web.root.done("restartVPC", id=web.vpc["id"])

    assert web.router()["state"] == "Running"
    assert web.router()["hostname"] != name


def test_rows_that_were_forgotten_keep_nobody_from_looking(web, world):
    name = web.part()
    client_of(world).post("/_sandbox/forget", json={"table": "network", "id": web.tier["id"]}).raise_for_status()
    web.order(f"devices/{name}/kill")
    web.wait(TIMED_OUT)

    assert web.host(name)["state"] == "Down"
    assert web.root.list("listHosts", name="Server-3")[0]["state"] == "Up"
    assert web.members() == ["ok", "ok"]  # the tier is nobody's now


def test_the_same_order_works_on_both_endpoints(web, world):
    cloudstack = client_of(world)
    name = web.part()
    cloudstack.post(f"/_sandbox/devices/{name}/kill").raise_for_status()
    assert next(row for row in web.get("/api/v2/hw") if row["name"] == name)["status"] != "ok"
    web.wait(TIMED_OUT)
    assert web.host(name)["state"] == "Down"

    web.order(f"devices/{name}/revive")
    web.wait(BACK)
    assert web.host(name)["state"] == "Up"

    cloudstack.post("/_sandbox/devices/SoftGate-1/kill").raise_for_status()
    assert next(row for row in web.get("/api/v2/hw") if row["name"] == "SoftGate-1")["status"] != "ok"
    for client in (cloudstack, web.netris):
        assert client.post("/_sandbox/devices/Server-99/kill").status_code == 404


def test_pings_stand_still_while_a_host_is_silent(web, world):
    name = web.part()
    assert 0 <= age(world, web.host(name)) <= 61
    before = datetime.fromtimestamp(world.clock.now(), UTC)
    web.order(f"devices/{name}/kill")
    stood = web.host(name)["lastpinged"]
    for _ in range(3):
        web.wait(100)
        assert web.host(name)["lastpinged"] == stood
    assert datetime.strptime(stood, "%Y-%m-%dT%H:%M:%S%z") <= before
    assert age(world, web.host("Server-4")) <= 61


def test_the_controller_s_host_row_stays_up_whatever_becomes_of_it_w18(world, root):
    def host():
        return root.list("listHosts", type="L2Networking")[0]

    assert host()["state"] == "Up"
    world.clock.advance(120)
    assert (host()["state"], age(world, host()) < 61) == ("Up", True)
    world.netris.faults.order("down")
    stood = host()["lastpinged"]
    world.clock.advance(600)
    assert (host()["state"], host()["lastpinged"]) == ("Up", stood)
    world.netris.faults.clear()
    world.clock.advance(120)
    assert (host()["state"], age(world, host()) < 61) == ("Up", True)


def test_what_was_told_and_what_a_dead_softgate_said_last_outlives_a_restart(tmp_path):
    world = World(state_dir=tmp_path)
    web = Web(world)
    web.order("devices/SoftGate-2/kill")
    assert told(web, port=80, does="refuse")[0] == {("failed", "connection refused"), ("ok", "OK")}
    world.close()

    web.world = world = World(state_dir=tmp_path)
    web.netris = operator_of(world)

    assert told(web, 1, does="well")[0] == {("failed", "connection refused"), ("ok", "OK")}
    world.close()


def test_who_is_dead_is_still_dead_after_a_restart(tmp_path):
    world = World(state_dir=tmp_path)
    web = Web(world)
    name = web.part()
    web.root.done("stopVirtualMachine", id=web.vms[1]["id"])
    web.order(f"devices/{name}/kill")
    ports = {row["name"]: row["id"] for row in web.get("/api/v2/ports")}
    for port in ("eth1@Server-4", "eth2@Server-4"):
        web.order("change", table="port", id=ports[port], fields={"carrier": False})
    world.close()

    web.world = world = World(state_dir=tmp_path)
    web.root = root_of(world)
    web.netris = httpx.Client(transport=world.netris_transport(), base_url="http://netris.test")
    web.netris.post("/api/auth", json={"user": "sandbox", "password": "sandbox"}).raise_for_status()

    assert web.members() == ["ok", "ok"]  # nobody has found out yet
    stood = web.host(name)["lastpinged"]
    web.wait(PATIENCE)
    assert web.members() == ["failed", "failed"]
    web.wait(TIMED_OUT)
    assert (web.host(name)["state"], web.host("Server-4")["state"]) == ("Down", "Alert")
    assert web.host(name)["lastpinged"] == stood
    assert web.vm(0)["state"] == "Stopped"
    assert world.what_is_left()
    world.close()


def test_the_series_of_a_device_keep_what_was_before_its_outage(world):
    netris = Watched(world)
    target = "collectd.Leaf-1.memory.memory-used"
    before = graph(netris, target, since="-20min")[target]
    netris.order("devices/Leaf-1/kill")
    world.clock.advance(600)
    netris.order("devices/Leaf-1/revive")
    world.clock.advance(300)

    after = dict(map(reversed, graph(netris, target, since="-40min")[target]))

    assert last(netris, target) is not None
    assert list(after.values()).count(None) == pytest.approx(10, abs=1)
    assert all(after[at] == value for value, at in before[-15:])


class Watched:
    """What the helpers of the Netris tests need of a controller."""

    def __init__(self, world):
        self.http = httpx.Client(transport=world.netris_transport(), base_url="http://netris.test")
        self.http.post("/api/auth", json={"user": "sandbox", "password": "sandbox"}).raise_for_status()

    def order(self, path):
        self.http.post(f"/_sandbox/{path}").raise_for_status()


# many at once


def test_fifty_callers_of_both_services_while_devices_die_all_get_their_answers(world):
    web = Web(world)
    web.part()
    names = ["Server-2", "Server-3", "Server-4", "Leaf-1", "Leaf-2", "SoftGate-1"]
    wrong, done = [], threading.Event()

    def kill():
        client = client_of(world)
        while not done.is_set():
            for name in names:
                for what in ("kill", "revive"):
                    client.post(f"/_sandbox/devices/{name}/{what}")
                    web.netris.post(f"/_sandbox/devices/{name}/{what}")
                world.clock.advance(30)

    def look(number):
        try:
            root, vm = root_of(world), web.vms[number % 2]["id"]
            for _ in range(6):
                web.get("/api/v2/l4lb")
                web.get("/api/v2/hw")
                root.list("listHosts")
                root.list("listRouters")
                root("stopVirtualMachine", id=vm)
                root("startVirtualMachine", id=vm)
        except Exception as mistake:
            wrong.append(repr(mistake))

    killer = threading.Thread(target=kill)
    callers = [threading.Thread(target=look, args=(number,)) for number in range(50)]
    killer.start()
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(120)
    done.set()
    killer.join(30)

    assert wrong == []
    assert not any(thread.is_alive() for thread in (*callers, killer))
    for name in names:
        web.order(f"devices/{name}/revive")
    web.wait(BACK)
    web.root.list("listHosts")
    for vm in web.vms:
        if web.root.list("listVirtualMachines", id=vm["id"])[0]["state"] == "Stopped":
            web.root.done("startVirtualMachine", id=vm["id"])
    assert {host["state"] for host in web.root.list("listHosts")} == {"Up"}
    (web.balancer,) = [row["id"] for row in web.get("/api/v2/l4lb", filterByVpc=web.twin)]  # the collector's new one
    web.check_members()
    assert web.members() == ["ok", "ok"]
