"""Sessions that end and servers that restart in the midst of their work: cloudstack-api.md 2.2."""

import time

import httpx
import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import client_of, root_of
from tests.sandbox.control import at_the_call, data, order, timed
from tests.sandbox.controller import operator_of


def log_in(http):
    sent = {"command": "login", "username": "admin", "password": "password", "response": "json"}
    key = http.post("/client/api", data=sent).json()["loginresponse"]["sessionkey"]
    return {"command": "listZones", "response": "json", "sessionkey": key}


@pytest.mark.parametrize("path", ["sessions/end", "restart"])
def test_browser_sessions_end(world, path):
    http = client_of(world)
    asked = log_in(http)
    assert http.get("/client/api", params=asked).status_code == 200

    order(http, path)

    assert http.get("/client/api", params=asked).status_code == 401


def test_browser_sessions_do_not_outlive_the_process(tmp_path):
    first = World(state_dir=tmp_path)
    http = client_of(first)
    asked = log_in(http)
    first.close()

    second = World(state_dir=tmp_path)
    answer = httpx.Client(transport=second.cloudstack_transport(), base_url="http://cloudstack.test").get(
        "/client/api", params=asked, headers={"Cookie": f"JSESSIONID={http.cookies['JSESSIONID']}"}
    )
    second.close()

    assert answer.status_code == 401


def test_a_restarted_netris_has_its_objects_and_no_sessions(world, root):
    netris = operator_of(world)
    root.vpc()
    before = data(netris, "/api/v2/vpc")

    order(netris, "restart")

    assert netris.get("/api/v2/vpc").status_code == 401
    assert data(operator_of(world), "/api/v2/vpc") == before


def test_a_restarted_management_server_logs_in_to_netris_again_quirk_22(world, root):
    order(operator_of(world), "restart")
    vpc = root.list("listVPCOfferings", name="NAT")[0]["id"]
    given = {"cidr": "10.0.0.0/16", "zoneid": root.zone, "vpcofferingid": vpc}
    assert root.job("createVPC", name="x", **given)["jobstatus"] == 2

    order(root.http, "restart")

    assert root.job("createVPC", name="y", **given)["jobstatus"] == 1


def start_vpc(root, name="prod"):
    offering = root.list("listVPCOfferings", name="NAT")[0]["id"]
    return root("createVPC", name=name, cidr="10.10.0.0/16", zoneid=root.zone, vpcofferingid=offering)


def assert_lost(job):
    assert (job["jobstatus"], job["jobresultcode"]) == (2, 530)
    assert not {"jobresult", "jobresulttype"} & job.keys()
    assert "completed" in job


def test_a_restart_loses_the_jobs_that_wait_for_their_turn_2_2():
    world = World(job_seconds=5)
    root = root_of(world)
    first = start_vpc(root)
    queued = [root("updateVPC", id=first["id"], name=name)["jobid"] for name in "ab"]

    order(root.http, "restart")
    world.clock.advance(60)

    assert not world.cloudstack.jobs.has_due()
    for job in (first["jobid"], *queued):
        assert_lost(root("queryAsyncJobResult", jobid=job))
    (vpc,) = root.list("listVPCs")
    assert (vpc["name"], vpc["state"]) == ("prod", "Enabled")
    assert not [row for row in data(operator_of(world), "/api/v2/vpc") if row["name"].startswith("D1-")]
    later = root("deleteVPC", id=vpc["id"])["jobid"]
    world.clock.advance(60)
    assert root("queryAsyncJobResult", jobid=later)["jobstatus"] == 1
    assert world.are_empty()


def test_a_job_in_the_middle_of_its_work_leaves_it_there_2_2(world, root):
    """The call that is under way still reaches Netris; nothing comes after it, and the lost job stays lost."""
    with at_the_call(world, "POST", "/api/v2/ipam/allocation", lambda: order(client_of(world), "restart")):
        job = root("queryAsyncJobResult", jobid=start_vpc(root)["jobid"])

    assert_lost(job)
    (vpc,) = root.list("listVPCs")
    assert vpc["state"] == "Enabled"
    (router,) = root.list("listRouters")
    assert router["state"] == "Stopped"
    netris = operator_of(world)
    assert [row["name"] for row in data(netris, "/api/v2/vpc") if row["name"].startswith("D1")] == ["D1-A2-Z1-V1-prod"]
    assert world.netris.control.calls["POST /api/v2/ipam/allocation"] == 1
    assert [row["name"] for row in data(netris, "/api/v2/nat") if row["name"].startswith("D1")] == []
    root.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()


def test_a_job_whose_last_call_has_been_made_is_lost_as_well_2_2(world, root):
    with at_the_call(world, "POST", "/api/v2/nat", lambda: order(client_of(world), "restart")):
        job = root("queryAsyncJobResult", jobid=start_vpc(root)["jobid"])

    assert_lost(job)
    assert world.netris.control.calls["POST /api/v2/nat"] == 1
    (vpc,) = world.cloudstack.cloud.table("vpc")
    assert vpc["is_started"] is False
    assert [router["state"] for router in root.list("listRouters")] == ["Stopped"]
    root.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()


def test_a_job_that_a_worker_has_but_not_begun_is_lost_as_well_2_2(world, root):
    world.cloudstack.runs_jobs_itself = False
    started = start_vpc(root)["jobid"]
    with world.cloudstack.cloud.lock:
        (job,) = world.cloudstack.jobs.claim_due()

    order(root.http, "restart")
    world.cloudstack.run_job(job)

    assert_lost(root("queryAsyncJobResult", jobid=started))
    assert world.netris.control.calls["POST /api/v2/vpc"] == 0


def test_a_call_in_the_middle_of_its_work_gets_no_answer_and_leaves_no_row_5_5(world, root):
    vpc = root.vpc()

    with (
        at_the_call(world, "POST", "/api/v2/ipam/subnet", lambda: order(client_of(world), "restart")),
        pytest.raises(httpx.ReadError),
    ):
        root.tier(vpc)

    assert root("listNetworks") == root("listGuestVlans", allocatedonly="true") == {}
    assert world.netris.control.calls["POST /api/v2/vnet"] == 0
    root.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()


@pytest.mark.parametrize("again", ["restart", "reconnect"])
def test_a_restart_during_a_restart_leaves_one_server_that_works(world, root, again):
    with at_the_call(world, "POST", "/api/auth", lambda: order(client_of(world), again)):
        order(root.http, "restart")

    root.vpc()
    assert root.list("listHosts", type="L2Networking")[0]["state"] == "Up"


def test_chores_that_a_restart_interrupts_are_done_later(world, root):
    root("listZones")
    world.clock.advance(120)

    with at_the_call(world, "GET", "/api/auth", lambda: order(client_of(world), "restart")):
        assert root("listZones")["count"] == 1

    world.clock.advance(120)
    assert root.list("listHosts", type="L2Networking")[0]["state"] == "Up"


def test_a_served_management_server_restarts_under_a_working_job(tmp_path):
    world = World(state_dir=tmp_path)
    cloudstack, netris = (httpx.Client(base_url=server.url, timeout=30) for server in world.serve())
    root = root_of(world)
    root.http = cloudstack
    order(netris, "faults", kind="slow", call="POST /api/v2/vpc", seconds=1.5, times=1)
    started = start_vpc(root)
    deadline = time.monotonic() + 10
    while netris.get("/_sandbox/faults").json() and time.monotonic() < deadline:
        time.sleep(0.02)

    assert timed(lambda: order(cloudstack, "restart")) < 1.2
    assert_lost(root("queryAsyncJobResult", jobid=started["jobid"]))
    time.sleep(1.8)

    assert_lost(root("queryAsyncJobResult", jobid=started["jobid"]))
    calls = netris.get("/_sandbox/calls").json()
    assert (calls["POST /api/v2/vpc"], calls.get("POST /api/v2/ipam/allocation")) == (1, None)
    assert world.cloudstack.cloud.get("vpc", started["id"])["is_started"] is False
    assert cloudstack.get("/_sandbox/calls").json()["createVPC"] == 1
    for client in (cloudstack, netris):
        client.close()
    world.close()
