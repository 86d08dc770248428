"""Both services on real ports, as a process of their own: third-party clients, hostile ones, kills and restarts."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
from cs import CloudStack, CloudStackApiException

from tests.sandbox.cloudstack.client import Caller

KEYS = ("port-api-key", "port-secret-key")
LOGIN = {"user": "operator", "password": "port-password"}


class Sandbox:
    """`python -m sandbox` on free ports."""

    def __init__(self, state_dir, *options, job_seconds=0.2):
        environment = {
            **os.environ,
            "SANDBOX_CLOUDSTACK_API_KEY": KEYS[0],
            "SANDBOX_CLOUDSTACK_SECRET_KEY": KEYS[1],
            "SANDBOX_NETRIS_USER": LOGIN["user"],
            "SANDBOX_NETRIS_PASSWORD": LOGIN["password"],
        }
        arguments = ["--state-dir", state_dir, "--cloudstack-port", "0", "--netris-port", "0"]
        arguments += ["--job-seconds", str(job_seconds), *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *map(str, arguments)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        lines = self.process.stdout.readline() + self.process.stdout.readline()
        self.cloudstack, self.netris = re.findall(r"http://[^/\s]+", lines)
        self.errors = ""
        self.http = httpx.Client(base_url=self.cloudstack, timeout=30)

    def root(self):
        return Caller(self.http, KEYS)

    def stop(self, number=signal.SIGTERM):
        self.http.close()
        self.process.send_signal(number)
        _, self.errors = self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture
def sandbox(tmp_path):
    started = Sandbox(tmp_path)
    yield started
    if started.process.poll() is None:
        started.stop()
    assert "Traceback" not in started.errors


def until_done(root, job, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = root("queryAsyncJobResult", jobid=job)
        if found["jobstatus"]:
            return found
        time.sleep(0.05)
    raise TimeoutError(job)


def test_the_cs_client_leads_a_vpc_and_its_tier_through_life_8(sandbox):
    cs = CloudStack(f"{sandbox.cloudstack}/client/api", *KEYS, poll_interval=0.05)
    zone = cs.listZones(fetch_list=True)[0]["id"]
    offering = cs.listVPCOfferings(name="NAT Mode", fetch_list=True)[0]["id"]
    tiers = cs.listNetworkOfferings(name="DefaultNATNetrisNetworkOfferingForVpc", fetch_list=True)[0]["id"]

    vpc = cs.createVPC(name="Café & co", cidr="10.1.0.0/16", zoneid=zone, vpcofferingid=offering, fetch_result=True)
    made = cs.createNetwork(
        name="web",
        vpcid=vpc["vpc"]["id"],
        zoneid=zone,
        networkofferingid=tiers,
        gateway="10.1.1.1",
        netmask="255.255.255.0",
    )["network"]
    assert [each["id"] for each in cs.listNetworks(vpcid=vpc["vpc"]["id"], fetch_list=True)] == [made["id"]]
    tagged = cs.createTags(
        resourcetype="Vpc", resourceids=[vpc["vpc"]["id"]], tags=[{"key": "a", "value": "b"}], fetch_result=True
    )
    assert tagged["success"] is True
    assert cs.listVPCs(fetch_list=True)[0]["tags"][0]["key"] == "a"
    with pytest.raises(CloudStackApiException) as refused:
        cs.createNetwork(name="x", vpcid=vpc["vpc"]["id"], zoneid=zone, networkofferingid=tiers)
    assert refused.value.error["errorcode"] == 431
    cs.deleteNetwork(id=made["id"], fetch_result=True)
    cs.deleteVPC(id=vpc["vpc"]["id"], fetch_result=True)
    assert cs.listVPCs(fetch_list=True) == []
    assert len(cs.listPublicIpAddresses(fetch_list=True, state="Free", forprovider="true")) == 125
    with pytest.raises(CloudStackApiException, match="401"):
        cs.listNetworks(name="a~b")  # this client leaves the tilde bare: trap D
    cs.session.close()


def test_a_killed_server_comes_back_with_everything(tmp_path):
    first = Sandbox(tmp_path)
    root = first.root()
    job = until_done(root, start_vpc(root, "kept"))
    first.stop(signal.SIGKILL)

    started = time.monotonic()
    again = Sandbox(tmp_path, job_seconds=30)
    assert time.monotonic() - started < 15
    root = again.root()
    assert root.list("listVPCs")[0]["id"] == job["jobresult"]["vpc"]["id"]
    interrupted = start_vpc(root, "interrupted")
    again.stop(signal.SIGKILL)

    last = Sandbox(tmp_path)
    found = last.root()("queryAsyncJobResult", jobid=interrupted)
    assert (found["jobstatus"], found["jobresultcode"], "jobresult" in found) == (2, 530, False)
    assert last.root()("queryAsyncJobResult", jobid=job["jobid"])["jobstatus"] == 1
    assert last.stop() == 0
    assert last.errors == ""


def test_a_service_that_is_down_closes_the_connection(sandbox):
    httpx.post(f"{sandbox.cloudstack}/_sandbox/faults", json={"kind": "down", "times": 1}).raise_for_status()

    with pytest.raises(httpx.TransportError):
        sandbox.root()("listZones")

    assert sandbox.root()("listZones")["count"] == 1


def test_a_slow_netris_does_not_hold_up_lists(sandbox):
    root = sandbox.root()
    httpx.post(f"{sandbox.netris}/_sandbox/faults", json={"kind": "slow", "call": "POST /api/v2/vpc", "seconds": 2})
    job = start_vpc(root, "slow")
    time.sleep(0.5)

    started = time.monotonic()
    root("listVPCs")
    root("listZones")

    assert time.monotonic() - started < 1
    assert until_done(root, job)["jobstatus"] == 1


def test_fifty_clients_at_once_are_all_served(sandbox):
    root = sandbox.root()
    offering, zone = root.list("listVPCOfferings", name="NAT")[0]["id"], root.zone
    jobs, mistakes = [], []

    def client(number):
        try:
            with httpx.Client(base_url=sandbox.cloudstack, timeout=60) as http:
                caller = Caller(http, KEYS)
                caller("listZones")
                given = {"cidr": f"10.{number}.0.0/16", "zoneid": zone, "vpcofferingid": offering}
                jobs.append(caller("createVPC", name=f"vpc-{number}", **given)["jobid"])
                caller("listVPCs", name=f"vpc-{number}")
        except Exception as mistake:
            mistakes.append(mistake)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert mistakes == []
    assert {until_done(root, job)["jobstatus"] for job in jobs} == {1}
    assert root("listVPCs")["count"] == 50
    addresses = [each["ipaddress"] for each in root.list("listPublicIpAddresses", issourcenat="true")]
    assert len(set(addresses)) == 100


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /client/api?command=listZones HTTP/1.1\r\n",
        b"POST /client/api HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\ncommand=createVPC",
        b"GET " + b"/" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"BREW /client/api HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /client/api?command=listZones&apikey=\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /_sandbox/faults HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{[}",
    ],
)
def test_hostile_callers_disturb_nobody(sandbox, raw):
    address = sandbox.cloudstack.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=5) as caller:
        caller.sendall(raw)
        caller.shutdown(socket.SHUT_WR)
        answer = caller.recv(65536)

    assert b"Traceback" not in answer
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert sandbox.root()("listZones")["count"] == 1


def start_vpc(root, name):
    offering = root.list("listVPCOfferings", name="NAT")[0]["id"]
    return root("createVPC", name=name, cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=offering)["jobid"]
