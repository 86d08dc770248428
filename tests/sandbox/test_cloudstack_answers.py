"""What commands answer: cloudstack-api.md 1.1 (kinds, envelopes, framing), 1.5 (lists), 2.2 (jobs), 3 (objects).

Every command of the catalogue is called once and succeeds. What it is called with stands in cloudstack_scenarios.py; a
command that is not there fails here.
"""

import pytest

from sandbox.cloudstack.catalogue import CATALOGUE
from tests.sandbox.cloudstack_scenarios import EMPTY, REFUSED, SCENARIOS, Things, plain
from tests.sandbox.cloudstack_sheet import OBJECTS, fields_of_jobs, misfits

# What a key holds, where it is not called what the sheet's field list is called.
_OBJECT_OF = {"ipaddress": "publicipaddress", "vlan": "vlaniprange", "loadbalancerruleinstance": "virtualmachine"}
_INTERNAL = {"createLoadBalancer", "listLoadBalancers"}  # their `loadbalancer` is the internal one

# Objects whose fields the sheet does not list.
_UNDESCRIBED = {
    *("hypervisor", "diskoffering", "ostype", "networkservice", "volume", "traffictype", "pod", "cluster"),
    *("managementserver", "eventtype", "usagetype", "resourcecount", "nicsecondaryip"),
    *("vpngateway", "vpncustomergateway", "vpnconnection"),
}


@pytest.fixture
def at(world):
    return Things(world)


def object_of(command):
    if command.key == "loadbalancer":
        return "loadbalancer" if command.name in _INTERNAL else "loadbalancerrule"
    return _OBJECT_OF.get(command.key, command.key)


def check_object(command, row):
    """The fields of a row are those of the sheet's object."""
    name = object_of(command)
    if command.key == "asyncjobs":
        assert row.keys() <= fields_of_jobs()
    elif name in _UNDESCRIBED:
        assert name not in OBJECTS
        assert all(value is not None for value in row.values())
    else:
        assert misfits(name, row) == []


def check_list(command, body):
    assert body.keys() == {"count", command.key}
    assert body["count"] == len(body[command.key]) > 0
    for row in body[command.key]:
        check_object(command, row)


def check_result(command, result):
    if command.key == "success":
        assert result == {"success": True}
        return
    assert list(result) == [command.key]
    check_object(command, result[command.key])


def check_job(command, job):
    assert job["jobstatus"] == 1, job
    assert job.keys() - {"jobinstancetype", "jobinstanceid"} == fields_of_jobs() - {"jobinstancetype", "jobinstanceid"}
    assert (job["jobprocstatus"], job["jobresultcode"], job["jobresulttype"]) == (0, 0, "object")
    assert job["cmd"].startswith("org.apache.cloudstack.api.command.")
    check_result(command, job["jobresult"])


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_command_has_a_scenario(name):
    assert name in SCENARIOS.keys() | EMPTY | REFUSED


def test_no_scenario_is_without_a_command():
    assert CATALOGUE.keys() >= SCENARIOS.keys() | EMPTY | REFUSED
    assert not SCENARIOS.keys() & (EMPTY | REFUSED)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_command_answers_in_its_kind_and_with_its_object_1_1_2_2_3(at, name):
    command = CATALOGUE[name]
    response = at.caller.send(name, **plain(SCENARIOS[name](at)))

    assert response.status_code == 200, response.text
    ((envelope, body),) = response.json().items()
    assert envelope == command.envelope
    if command.is_async:
        assert list(body) == (["id", "jobid"] if command.kind == "async-create" else ["jobid"])
        job = at.caller("queryAsyncJobResult", jobid=body["jobid"])
        check_job(command, job)
        if command.kind == "async-create":
            assert job["jobinstanceid"] == body["id"]
            assert "stickinesspolicies" in job["jobresult"] or job["jobresult"][command.key]["id"] == body["id"]
    elif name == "queryAsyncJobResult":
        check_job(CATALOGUE["updateVPC"], body)
    elif "count" in body:
        check_list(command, body)
    else:
        assert not command.is_list
        check_result(command, body)


@pytest.mark.parametrize("name", sorted(EMPTY))
def test_what_the_zone_has_none_of_is_an_empty_list_1_5(at, name):
    assert CATALOGUE[name].is_list
    assert at.caller.send(name).json() == {CATALOGUE[name].envelope: {}}
