from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from pydantic import ValidationError

from apps.cloudstack.wire import Job, JobStatus, Network, NetworkOffering, PublicIp, Vpc, VpcOffering, Zone


@pytest.mark.parametrize(
    ("fields", "vni"),
    [
        ({"details": {"netrisvxlanid": "1000007"}, "broadcasturi": "netris://1000007"}, 1000007),
        ({"details": {"netrisvxlanid": "1000007"}}, 1000007),  # garbage collected: the URI is gone, the detail stays
        ({"broadcasturi": "netris://1000007"}, 1000007),
        ({"details": {"netrisvxlanid": 1000007}}, 1000007),
        ({"details": {"other": "1"}, "broadcasturi": "vlan://12"}, None),
        ({"broadcasturi": "netris://"}, None),
        ({}, None),
    ],
)
def test_a_tier_knows_its_vni(fields, vni):
    assert Network.model_validate({"id": "n1", **fields}).vni == vni


@pytest.mark.parametrize(
    ("providers", "has_router"), [(["Netris", "VpcVirtualRouter"], True), (["Netris"], False), ([], False)]
)
def test_a_vpc_has_a_router_where_one_serves_something_of_it(providers, has_router):
    service = [{"name": name, "provider": [{"name": name}]} for name in providers]

    assert Vpc.model_validate({"id": "v1", "service": service}).has_router is has_router


@pytest.mark.parametrize("cmd", ["user.vpc.CreateVPCCmd", "admin.vpc.CreateVPCCmdByAdmin"])
def test_a_job_knows_its_command_whoever_gave_it(cmd):
    job = Job.model_validate({"jobid": "j1", "jobstatus": 0, "cmd": f"org.apache.cloudstack.api.command.{cmd}"})

    assert (job.id, job.command) == ("j1", "CreateVPC")


def test_addresses_and_dates_are_parsed():
    vpc = Vpc.model_validate({"id": "v1", "cidr": "10.10.3.0/16", "created": "2026-01-02T03:04:05+0000"})
    tier = Network.model_validate({"id": "n1", "cidr": "10.10.1.0/24", "gateway": "10.10.1.1", "netmask": ""})

    assert vpc.cidr == IPv4Network("10.10.0.0/16")
    assert vpc.created is not None
    assert vpc.created.isoformat() == "2026-01-02T03:04:05+00:00"
    assert (tier.gateway, tier.netmask) == (IPv4Address("10.10.1.1"), None)


def test_flags_that_are_only_sent_when_true_are_false_otherwise():
    address = PublicIp.model_validate({"id": "i1", "ipaddress": "198.51.100.7", "issourcenat": True})

    assert (address.issourcenat, address.forprovider) == (True, False)


def test_what_belongs_to_netris_is_recognised():
    service = [{"name": "Dhcp", "provider": [{"name": "VpcVirtualRouter"}]}]
    netris = [*service, {"name": "SourceNat", "provider": [{"name": "Netris"}]}]

    assert VpcOffering.model_validate({"id": "o1", "service": netris}).is_netris
    assert not NetworkOffering.model_validate({"id": "o1", "service": service}).is_netris
    assert Zone.model_validate({"id": "z1", "provider": "Netris"}).is_netris


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (0, JobStatus.PENDING),
        (1, JobStatus.SUCCEEDED),
        (2, JobStatus.FAILED),
        (3, JobStatus.FAILED),
        ("1", JobStatus.SUCCEEDED),
    ],
)
def test_a_job_has_a_status(number, status):
    assert Job.model_validate({"jobid": "j1", "jobstatus": number}).status is status


@pytest.mark.parametrize(
    ("fields", "result", "text", "code"),
    [
        ({"jobresult": {"vpc": {"id": "v1"}}}, {"vpc": {"id": "v1"}}, "", 0),
        (
            {"jobresult": {"errorcode": 530, "errortext": "Failed to create VPC"}, "jobresultcode": 530},
            {"errorcode": 530, "errortext": "Failed to create VPC"},
            "Failed to create VPC",
            530,
        ),
        ({"jobresult": {"errorcode": 431}, "jobresultcode": 530}, {"errorcode": 431}, "", 431),
        ({"jobresultcode": 530}, {}, "", 530),  # the management server was restarted
        ({"jobresultcode": 0}, {}, "", 0),  # the queue cancelled it
        ({"jobresult": "it broke", "jobresultcode": 530}, {}, "it broke", 530),
    ],
)
def test_a_job_result_may_have_any_shape(fields, result, text, code):
    job = Job.model_validate({"jobid": "j1", "jobstatus": 2, **fields})

    assert (job.result, job.error_text, job.error_code) == (result, text, code)


def test_what_cannot_be_read_is_not_quoted():
    with pytest.raises(ValidationError) as caught:
        PublicIp.model_validate({"id": "i1", "ipaddress": "hunter2"})

    assert "hunter2" not in str(caught.value)
