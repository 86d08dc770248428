from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import httpx
import pytest
from pydantic import SecretStr

from apps.cloudstack.wire import ResourceType, StartedJob
from apps.kernel.remote import Rejected, Unauthorized, Unavailable
from tests.cloudstack.scripted import Scripted, refusal

EMPTY: dict[str, object] = {"listvpcsresponse": {}}


def a_vpc_command(client):
    return client.create_vpc(
        name="vpc-1",
        displaytext="Prod",
        zone_id="z1",
        offering_id="o1",
        cidr=IPv4Network("10.10.0.0/16"),
        account="acme",
        domain_id="d1",
    )


def a_tier_command(client):
    return client.create_network(
        name="tier-1",
        displaytext="web",
        vpc_id="v1",
        zone_id="z1",
        offering_id="o1",
        gateway=IPv4Address("10.10.1.1"),
        netmask=IPv4Address("255.255.255.0"),
        account="acme",
        domain_id="d1",
    )


def test_a_vpc_is_created_and_its_job_is_named():
    cloud = Scripted({"createvpcresponse": {"id": "v1", "jobid": "j1"}})

    assert a_vpc_command(cloud.client()) == StartedJob(id="v1", job="j1")

    [form] = cloud.forms
    assert (
        form.items()
        >= {
            "command": "createVPC",
            "name": "vpc-1",
            "displaytext": "Prod",
            "zoneid": "z1",
            "vpcofferingid": "o1",
            "cidr": "10.10.0.0/16",
            "account": "acme",
            "domainid": "d1",
        }.items()
    )
    assert str(cloud.requests[0].url) == "https://cloud.example/client/api"


def test_a_tier_is_created_at_once():
    cloud = Scripted({"createnetworkresponse": {"network": {"id": "n1", "name": "tier-1", "state": "Allocated"}}})

    assert a_tier_command(cloud.client()).id == "n1"
    assert cloud.forms[0]["gateway"] == "10.10.1.1"
    assert "aclid" not in cloud.forms[0]


def test_commands_that_start_jobs_return_the_job():
    cloud = Scripted({"anyresponse": {"jobid": "j1"}})
    client = cloud.client()

    assert {
        client.delete_vpc("v1"),
        client.delete_network("n1"),
        client.delete_domain("d1"),
        client.delete_account("a1"),
    } == {"j1"}


def test_an_account_comes_with_its_first_user():
    cloud = Scripted(
        {"createaccountresponse": {"account": {"id": "a1", "name": "acme", "accounttype": 0, "user": [{}]}}}
    )

    account = cloud.client().create_account(
        name="acme",
        domain_id="d1",
        email="it@acme.example",
        first_name="Ada",
        last_name="Lovelace",
        password=SecretStr("hunter2"),
    )

    assert account.id == "a1"
    assert cloud.forms[0].items() >= {"account": "acme", "username": "acme", "password": "hunter2"}.items()


def test_limits_are_sent_by_number():
    cloud = Scripted({"updateresourcelimitresponse": {"resourcelimit": {"max": -1}}})

    cloud.client().update_resource_limit(account="acme", domain_id="d1", resource_type=ResourceType.VPC, maximum=-1)

    assert cloud.forms[0].items() >= {"resourcetype": "7", "max": "-1"}.items()


# Lists


def test_lists_ask_for_everything_that_the_root_key_can_see():
    cloud = Scripted(EMPTY)

    assert cloud.client().all_vpcs() == []
    assert cloud.forms[0].items() >= {"listall": "true", "page": "1", "pagesize": "500"}.items()


def test_lists_are_read_page_by_page_until_the_count_is_reached():
    vpcs = [{"id": f"v{n}"} for n in range(1100)]

    def page(form):
        first = (int(form["page"]) - 1) * 500
        return {"listvpcsresponse": {"count": len(vpcs), "vpc": vpcs[first : first + 500]}}

    cloud = Scripted(by=page)

    assert [vpc.id for vpc in cloud.client().all_vpcs()] == [vpc["id"] for vpc in vpcs]
    assert [form["page"] for form in cloud.forms] == ["1", "2", "3"]


def test_a_page_past_the_end_has_a_count_and_no_list():
    cloud = Scripted(
        {"listnetworksresponse": {"count": 3, "network": [{"id": "n1"}, {"id": "n2"}]}},
        {"listnetworksresponse": {"count": 3}},
    )

    assert [tier.id for tier in cloud.client().all_networks()] == ["n1", "n2"]


def test_a_row_that_slides_to_the_next_page_is_kept_once():
    cloud = Scripted(
        {"listvpcsresponse": {"count": 3, "vpc": [{"id": "v1"}, {"id": "v2"}]}},
        {"listvpcsresponse": {"count": 3, "vpc": [{"id": "v2"}, {"id": "v3"}]}},
    )

    assert [vpc.id for vpc in cloud.client().all_vpcs()] == ["v1", "v2", "v3"]


def test_a_vpc_is_found_by_its_exact_name_and_owner():
    rows = [
        {"id": "v1", "name": "prod-2", "account": "acme", "domainid": "d1"},
        {"id": "v2", "name": "Prod", "account": "acme", "domainid": "d1"},
        {"id": "v3", "name": "prod", "account": "globex", "domainid": "d1"},
        {"id": "v4", "name": "prod", "account": "acme", "domainid": "d2"},
        {"id": "v5", "name": "prod", "account": "acme", "domainid": "d1"},
    ]
    client = Scripted({"listvpcsresponse": {"count": 5, "vpc": rows}}).client()

    found = client.find_vpc("prod", account="acme", domain_id="d1")

    assert found is not None
    assert found.id == "v5"
    assert client.find_vpc("nothing", account="acme", domain_id="d1") is None


def test_of_several_with_the_same_name_the_oldest_is_found():
    def twin(row_id, **more):
        return {"id": row_id, "name": "prod", "account": "acme", "domainid": "d1", **more}

    rows = [
        twin("v1"),
        twin("v2", created="2026-01-02T00:00:00+0000"),
        twin("v3", created="2026-01-01T00:00:00+0000"),
    ]
    client = Scripted({"listvpcsresponse": {"count": 3, "vpc": rows}}).client()

    found = client.find_vpc("prod", account="acme", domain_id="d1")

    assert found is not None
    assert found.id == "v3"
    assert len(client.vpcs_named("prod", account="acme", domain_id="d1")) == 3


def test_a_tier_is_found_in_its_vpc():
    cloud = Scripted(
        {"listnetworksresponse": {"count": 2, "network": [{"id": "n1", "name": "web2"}, {"id": "n2", "name": "web"}]}}
    )

    found = cloud.client().find_network("web", vpc_id="v1")

    assert found is not None
    assert found.id == "n2"
    assert cloud.forms[0]["vpcid"] == "v1"


def test_a_domain_is_found_where_it_would_be_created():
    rows = [
        {"id": "d1", "name": "acme", "level": 2, "parentdomainid": "d9"},
        {"id": "d2", "name": "acme", "level": 1, "parentdomainid": "root"},
    ]
    client = Scripted({"listdomainsresponse": {"count": 2, "domain": rows}}).client()

    below_root, below_d9 = client.find_domain("acme"), client.find_domain("acme", parent_id="d9")

    assert below_root is not None
    assert below_d9 is not None
    assert (below_root.id, below_d9.id) == ("d2", "d1")


def test_an_account_is_found_in_its_domain():
    rows = [{"id": "a1", "name": "acme", "domainid": "d2"}, {"id": "a2", "name": "acme", "domainid": "d1"}]
    client = Scripted({"listaccountsresponse": {"count": 2, "account": rows}}).client()

    found = client.find_account("acme", "d1")

    assert found is not None
    assert found.id == "a2"
    assert client.find_account("acme", "d3") is None


def test_only_lists_that_every_vpc_may_use_are_offered():
    rows = [{"id": "l1", "name": "default_allow"}, {"id": "l2", "name": "web", "vpcid": "v1"}]
    client = Scripted({"listnetworkacllistsresponse": {"count": 2, "networkacllist": rows}}).client()

    assert [row.name for row in client.acl_lists()] == ["default_allow"]


def test_what_does_not_exist_is_none_or_an_empty_list():
    text = (
        "Unable to execute API command listvpcs due to invalid value. Invalid parameter id value=x due to incorrect "
        "long value format, or entity does not exist"
    )
    gone = Scripted(refusal(431, text)).client()

    assert gone.get_vpc("x") is None
    assert gone.get_network("x") is None
    assert gone.networks_of("x") == []
    assert Scripted(EMPTY).client().get_vpc("x") is None


def test_another_refusal_of_a_read_is_not_taken_for_absence():
    with pytest.raises(Rejected):
        Scripted(refusal(431, "Page size can't exceed max allowed page size value: 500")).client().get_vpc("x")


# Envelopes


def test_the_envelope_may_have_any_name_and_raw_control_characters():
    content = b'{"somethingOddResponse":{"count":1,"vpc":[{"id":"v1","name":"a\x07b"}]}}'
    client = Scripted(httpx.Response(200, content=content)).client()

    assert [vpc.name for vpc in client.all_vpcs()] == ["a\x07b"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>maintenance</html>"),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"a": {}, "b": {}}),
        httpx.Response(200, json={"a": 1}),
        httpx.Response(502, text="Bad Gateway"),
        httpx.Response(503, json={"error": {"message": "no upstream"}}),
        httpx.Response(404, text="no such page"),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        {"createvpcresponse": {"jobid": "j1"}},
        {"createvpcresponse": {"id": "v1"}},
    ],
)
def test_an_answer_that_is_not_cloudstacks_leaves_open_what_happened(answer):
    with pytest.raises(Unavailable) as caught:
        a_vpc_command(Scripted(answer).client())

    assert caught.value.maybe_sent
    assert (caught.value.system, caught.value.call) == ("cloudstack", "createVPC")


def test_a_row_that_cannot_be_read_names_its_fields():
    client = Scripted({"listvpcsresponse": {"count": 1, "vpc": [{"id": "v1", "cidr": "hunter2"}]}}).client()

    with pytest.raises(Unavailable, match="a Vpc that cannot be read: cidr") as caught:
        client.all_vpcs()

    assert "hunter2" not in str(caught.value)


# Errors


@pytest.mark.parametrize("code", [400, 405, 430, 431, 432, 511, 531, 532, 533, 534, 535, 536, 537])
def test_a_refusal_is_rejected_in_cloudstacks_words(code):
    cloud = Scripted(refusal(code, "Invalid CIDR specified", cserrorcode=4350))

    with pytest.raises(Rejected, match="Invalid CIDR specified") as caught:
        a_vpc_command(cloud.client())

    assert (caught.value.code, caught.value.system, caught.value.call) == (code, "cloudstack", "createVPC")
    assert len(cloud.forms) == 1


@pytest.mark.parametrize("code", [429, 503])
def test_being_asked_to_come_back_later_means_that_nothing_happened(code):
    with pytest.raises(Unavailable) as caught:
        a_vpc_command(Scripted(refusal(code, "please retry after [10] ms.")).client())

    assert not caught.value.maybe_sent


def test_refused_credentials_wait_for_a_person():
    body = {"createvpcresponse": {"uuidList": [], "errorcode": 401, "errortext": "unable to verify user credentials"}}

    with pytest.raises(Unauthorized, match="unable to verify") as caught:
        a_vpc_command(Scripted(httpx.Response(401, json=body)).client())

    assert not caught.value.maybe_sent


@pytest.mark.parametrize(
    "answer",
    [
        refusal(530, "There are concurrent operations on the VPC"),
        refusal(530, "Unable to acquire lock on VPC"),
        refusal(530, "odd", cserrorcode=4300),
    ],
)
def test_a_write_that_lost_a_race_may_be_tried_again(answer):
    with pytest.raises(Unavailable) as caught:
        a_vpc_command(Scripted(answer).client())

    assert caught.value.maybe_sent


def test_a_name_in_a_text_is_no_race():
    text = 'Can\'t delete VPC VPC {"id":30,"name":"concurrent","uuid":"v1"} [unable to acquire lock]'

    with pytest.raises(Rejected):
        a_vpc_command(Scripted(refusal(530, text, cserrorcode=4250)).client())


def test_a_plain_530_is_final_for_a_write_and_passing_for_a_read():
    answer = refusal(530, "Internal error executing command", cserrorcode=4250)

    with pytest.raises(Rejected):
        a_vpc_command(Scripted(answer).client())
    with pytest.raises(Unavailable):
        Scripted(answer).client().all_vpcs()


def test_an_error_without_text_still_says_something():
    body = {"createvpcresponse": {"uuidList": [], "errorcode": 530}}

    with pytest.raises(Rejected, match="createVPC with code 530"):
        a_vpc_command(Scripted(httpx.Response(530, json=body)).client())


# Jobs


def a_job(**fields):
    return Scripted({"queryasyncjobresultresponse": {"jobid": "j1", "jobprocstatus": 0, **fields}}).client()


def test_a_job_is_running_done_or_failed_in_its_own_words():
    failed = a_job(jobstatus=2, jobresultcode=530, jobresult={"errorcode": 530, "errortext": "Failed to create VPC"})

    assert a_job(jobstatus=0).check_job("j1") is False
    assert a_job(jobstatus=1, jobresult={"success": True}).check_job("j1") is True
    with pytest.raises(Rejected, match="Failed to create VPC") as caught:
        failed.check_job("j1")
    assert caught.value.code == 530


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"jobresultcode": 530}, "management server was restarted while it worked"),
        ({"jobresultcode": 0}, "waited too long in its queue"),
        ({"jobresult": {}}, "without saying why"),
        ({"jobresult": {"errorcode": 530}, "jobresultcode": 530}, "without saying why"),
    ],
)
def test_a_job_that_ended_without_a_reason_is_explained_w20(fields, words):
    with pytest.raises(Rejected, match=words):
        a_job(jobstatus=2, **fields).check_job("j1")


def test_a_job_carries_the_object_that_it_made():
    job = a_job(jobstatus=1, jobresulttype="object", jobresult={"vpc": {"id": "v1"}}).job("j1")

    assert job is not None
    assert (job.id, job.result) == ("j1", {"vpc": {"id": "v1"}})


def test_a_job_that_cloudstack_has_forgotten_is_over():
    text = "Invalid parameter jobid value=j1 due to incorrect long value format, or entity does not exist or due to"
    client = Scripted(refusal(431, text)).client()

    assert client.job("j1") is None
    assert client.check_job("j1") is True


def test_pending_jobs_are_those_of_the_keys_own_account():
    cloud = Scripted({"listasyncjobsresponse": {}})

    assert cloud.client().pending_jobs("createVPC") == []
    assert cloud.forms[-1]["keyword"] == "CreateVPCCmd"
    assert "listall" not in cloud.forms[-1]


def test_the_version_is_known():
    cloud = Scripted({"listcapabilitiesresponse": {"capability": {"cloudstackversion": "4.22.0.0"}}})

    assert cloud.client().capabilities().cloudstackversion == "4.22.0.0"
