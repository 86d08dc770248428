from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import IPv4Network

import httpx
import pytest

from apps.kernel.remote import Rejected, Unauthorized, Unavailable
from apps.netris.client import PORTS_PER_PAGE
from tests.netris.scripted import Scripted, envelope, failure

VPC = {"id": 5, "name": "prod"}


@pytest.mark.parametrize("answer", [envelope([VPC]), [VPC], {"data": [VPC]}, envelope(VPC)])
def test_a_list_comes_in_an_envelope_or_bare(answer):
    assert [vpc.id for vpc in Scripted(answer).client().vpcs()] == [5]


@pytest.mark.parametrize("answer", [envelope([]), envelope({}), envelope(None), []])
def test_a_list_may_be_empty_in_several_ways(answer):
    assert Scripted(answer).client().vpcs() == []


@pytest.mark.parametrize("answer", [envelope(VPC), envelope([VPC]), VPC])
def test_one_object_comes_bare_or_as_a_list_of_one(answer):
    controller = Scripted(answer)

    vpc = controller.client().get_vpc(5)

    assert vpc is not None
    assert vpc.id == 5
    assert controller.calls[-1] == "GET /api/v2/vpc/5"


@pytest.mark.parametrize("answer", [failure(404, "VPC is not found."), envelope([]), envelope({})])
def test_what_is_not_found_by_id_is_none(answer):
    client = Scripted(answer).client()

    assert client.get_vpc(5) is None
    assert client.get_vnet(5) is None
    assert client.get_device(5) is None
    assert client.resources_of_vpc(5) is None


def test_the_resources_of_a_vpc_are_the_first_element():
    resources = {
        "id": 5,
        "site": {},
        "bgp": [],
        "vnet": [{"id": 9, "name": "web", "tenant": 1}],
        "ipam": [],
        "route": None,
        "allocation": [{"id": 3, "name": "D1-A2-Z1-V3-10.10.0.0/16", "tenant": 1}],
    }

    found = Scripted(envelope([resources])).client().resources_of_vpc(5)

    assert found is not None
    assert [(ref.id, ref.name) for ref in found.allocations] == [(3, "D1-A2-Z1-V3-10.10.0.0/16")]
    assert ([ref.id for ref in found.vnets], found.subnets, found.routes) == ([9], (), ())


def filters(controller):
    return [request.url.params.get_list("filterByVpc") for request in controller.requests[1:]]


def test_lists_inside_a_vpc_are_filtered_by_it():
    controller = Scripted()
    client = controller.client()

    client.ipam(5)
    client.subnets(5)
    client.vnets(5)
    client.ebgp_sessions(5)
    client.acls(5)

    assert filters(controller)[:4] == [["5"]] * 4
    assert controller.requests[-1].url.params.get_list("filterByVpc[]") == ["5"]
    assert controller.calls[1:] == [
        "GET /api/v2/ipam",
        "GET /api/v2/ipam/subnets",
        "GET /api/v2/vnet",
        "GET /api/v2/ebgp",
        "GET /api/acl",
    ]


def test_vnets_of_no_vpc_in_particular_are_those_of_the_default_one():
    controller = Scripted()

    controller.client().vnets(None)

    assert filters(controller) == [[]]


def test_vnets_of_many_vpcs_take_few_calls():
    controller = Scripted(envelope([{"id": 1, "name": "x"}]))

    assert len(controller.client().all_vnets(range(250))) == 3

    assert [len(asked) for asked in filters(controller)] == [100, 100, 50]
    assert max(len(str(request.url)) for request in controller.requests) < 2000


def test_vnets_of_no_vpcs_are_none_without_asking():
    controller = Scripted()

    assert controller.client().all_vnets([]) == []

    assert controller.calls == []


def test_the_whole_lists_have_no_filter():
    controller = Scripted()
    client = controller.client()

    for read in (
        client.sites,
        client.tenants,
        client.vpcs,
        client.all_nat_rules,
        client.devices,
        client.links,
        client.ports,
    ):
        assert read() == []

    assert not any(request.url.query for request in controller.requests)
    assert controller.calls[1:] == [
        "GET /api/sites",
        "GET /api/tenants",
        "GET /api/v2/vpc",
        "GET /api/v2/nat",
        "GET /api/v2/hw",
        "GET /api/v2/link",
        "GET /api/v2/ports",
    ]


def test_a_ping_needs_no_particular_answer():
    controller = Scripted(envelope({"user_id": 1}))

    controller.client().ping()

    assert controller.calls == ["POST /api/auth", "GET /api/auth"]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_is_rejected_in_netriss_words(status):
    answer = failure(status, "Validation failed", prefix="IP prefix is out of any allocation")

    with pytest.raises(Rejected) as caught:
        Scripted(answer).client().vpcs()

    refusal = caught.value
    assert refusal.text == "Validation failed; prefix: IP prefix is out of any allocation"
    assert (refusal.code, refusal.field, refusal.system, refusal.call) == (
        status,
        "prefix",
        "netris",
        "GET /api/v2/vpc",
    )


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (httpx.Response(400, json={"message": "Bad", "errors": None}), "Bad"),
        (httpx.Response(400, json={"message": "Bad", "errors": []}), "Bad"),
        (httpx.Response(400, json={"error": "Old words", "statusCode": 400}), "Old words"),
        (httpx.Response(403, text="Forbidden"), "Netris refused GET /api/v2/vpc with HTTP 403"),
        (httpx.Response(200, json=envelope({}, isSuccess=False, message="No")), "No"),
    ],
)
def test_a_refusal_may_have_any_shape(answer, text):
    with pytest.raises(Rejected) as caught:
        Scripted(answer).client().vpcs()

    assert caught.value.text == text


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json=envelope({}, isSuccess=False, message="crash")),
        httpx.Response(502, text="Bad Gateway"),
        httpx.Response(301, headers={"Location": "https://netris.example/api/v2/vpc"}),
        httpx.Response(200, text="<html>the web interface</html>"),
        httpx.Response(200, json="Successfully."),
        httpx.Response(204),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
    ],
)
def test_no_usable_answer_is_for_later(answer):
    with pytest.raises(Unavailable) as caught:
        Scripted(answer).client().vpcs()

    assert not isinstance(caught.value, Unauthorized)
    assert (caught.value.system, caught.value.call) == ("netris", "GET /api/v2/vpc")


def test_a_row_that_cannot_be_read_names_its_fields():
    with pytest.raises(Unavailable, match="a Vpc that cannot be read: id") as caught:
        Scripted(envelope([{"id": "hunter2"}])).client().vpcs()

    assert "hunter2" not in str(caught.value)


DELETES = [
    ("delete_vpc", {}, "/api/v2/vpc/7", None),
    ("delete_allocation", {}, "/api/v2/ipam/allocation/7", None),
    ("delete_subnet", {}, "/api/v2/ipam/subnet/7", None),
    ("delete_vnet", {}, "/api/v2/vnet/7", None),
    ("delete_nat_rule", {}, "/api/v2/nat/7", None),
    ("delete_static_route", {}, "/api/routes", {"id": 7}),
    ("delete_acl", {"netris_tenant_id": 1}, "/api/acl", {"id": [7], "tenantsID": "1"}),
]


@pytest.mark.parametrize(("method", "more", "path", "body"), DELETES)
def test_a_delete_names_what_goes_by_its_id(method, more, path, body):
    controller = Scripted(envelope({}))

    getattr(controller.client(), method)(7, **more)

    assert controller.calls[-1] == f"DELETE {path}"
    content = controller.requests[-1].content
    assert (json.loads(content) if content else None) == body


def test_what_is_gone_already_counts_as_deleted():
    Scripted(failure(404, "Not found")).client().delete_subnet(7)


def test_a_delete_that_netris_refuses_says_why():
    with pytest.raises(Rejected, match="VPC is in use by: acl") as caught:
        Scripted(failure(400, "VPC is in use by: acl.")).client().delete_vpc(7)

    assert caught.value.call == "DELETE /api/v2/vpc/{id}"


def test_a_delete_without_an_answer_is_sent_once():
    controller = Scripted(httpx.ReadError("reset"))

    with pytest.raises(Unavailable):
        controller.client().delete_subnet(7)

    assert [call for call in controller.calls if call.startswith("DELETE")] == ["DELETE /api/v2/ipam/subnet/7"]


GUARD = {
    "name": "weft-guard-1",
    "vpc_id": 5,
    "action": "deny",
    "protocol": "ip",
    "source": IPv4Network("0.0.0.0/0"),
    "destination": IPv4Network("10.10.1.0/24"),
}


@pytest.mark.parametrize("answer", [{"id": 7}, envelope({"id": "7"}), envelope([{"id": 7}])])
def test_a_rule_is_made_and_its_id_is_found_in_every_answer(answer):
    controller = Scripted(answer)

    assert controller.client().create_acl(**GUARD, comment="closed") == 7

    assert controller.calls[-1] == "POST /api/acl"
    assert json.loads(controller.requests[-1].content) == {
        "name": "weft-guard-1",
        "comment": "closed",
        "action": "deny",
        "proto": "ip",
        "src_prefix": "0.0.0.0/0",
        "dst_prefix": "10.10.1.0/24",
        "src_port_from": 1,
        "src_port_to": 65535,
        "dst_port_from": 1,
        "dst_port_to": 65535,
        "reverse": "yes",
        "vpc": {"id": 5},
    }


def test_a_rule_that_is_there_already_is_refused_in_netriss_words():
    with pytest.raises(Rejected, match="This kind of acl already exists") as caught:
        Scripted(failure(400, "This kind of acl already exists")).client().create_acl(**GUARD)

    assert caught.value.call == "POST /api/acl"


@pytest.mark.parametrize("answer", [httpx.ReadError("reset"), envelope({})])
def test_a_rule_whose_id_did_not_arrive_may_be_there_and_is_sent_once(answer):
    controller = Scripted(answer)

    with pytest.raises(Unavailable) as caught:
        controller.client().create_acl(**GUARD)

    assert caught.value.maybe_sent
    assert [call for call in controller.calls if call == "POST /api/acl"] == ["POST /api/acl"]


BALANCER = {
    "id": 3,
    "name": "D1-A2-Z1-V3-LB9",
    "protocol": "TCP",
    "ip": "198.51.100.4",
    "port": 53,
    "status": "enable",
    "vpc": {"id": 5, "name": "D1-A2-Z1-V3-prod"},
    "site": {"id": 1, "name": "sv"},
    "tenant": {"id": 2, "name": "Admin"},
    "healthCheck": {},
    "backendIps": [{"id": 1, "ip": "10.10.1.20", "port": 8053, "maintenance": False, "status": "ok"}],
}


def test_the_balancers_of_one_vpc_are_taken_from_whatever_comes():
    controller = Scripted(envelope([BALANCER, BALANCER | {"id": 4, "vpc": {"id": "6"}}, {"id": 5}]))
    client = controller.client()

    assert [each.id for each in client.balancers(6)] == [4]
    assert [each.id for each in client.all_balancers()] == [3, 4, 5]
    assert [request.url.params.get_list("filterByVpc[]") for request in controller.requests[1:]] == [["6"], []]


def test_a_change_of_a_balancer_sends_all_of_it():
    controller = Scripted(envelope(BALANCER))
    balancer = controller.client().get_balancer(3)

    controller.client().update_balancer(balancer, protocol="TCP", check="HTTP", timeout=2000, path="/up")

    assert controller.calls[-1] == "PUT /api/v2/l4lb/3"
    assert json.loads(controller.requests[-1].content) == {
        "name": "D1-A2-Z1-V3-LB9",
        "protocol": "TCP",
        "automatic": False,
        "ip": "198.51.100.4",
        "ipFamily": "ipv4",
        "port": 53,
        "status": "enable",
        "siteID": 1,
        "site": {"id": 1, "name": "sv"},
        "tenant": {"id": 2, "name": "Admin"},
        "vpc": {"id": 5},
        "healthCheck": "HTTP",
        "timeOut": "2000",
        "requestPath": "/up",
        "backendIps": [{"ip": "10.10.1.20", "port": 8053, "maintenance": False}],
    }


def test_a_change_without_an_answer_may_be_made_and_is_sent_once():
    balancer = Scripted(envelope(BALANCER)).client().get_balancer(3)
    controller = Scripted(httpx.ReadError("reset"))

    with pytest.raises(Unavailable) as caught:
        controller.client().update_balancer(balancer, protocol="UDP", check="None")

    assert (caught.value.maybe_sent, caught.value.call) == (True, "PUT /api/v2/l4lb/{id}")
    assert [call for call in controller.calls if call.startswith("PUT")] == ["PUT /api/v2/l4lb/3"]


def test_a_change_that_netris_refuses_says_why():
    balancer = Scripted(envelope(BALANCER)).client().get_balancer(3)

    with pytest.raises(Rejected, match="UDP services have no health check"):
        Scripted(failure(400, "UDP services have no health check.")).client().update_balancer(
            balancer, protocol="UDP", check="TCP", timeout=1
        )


def test_public_subnets_are_those_of_the_system_vpc():
    controller = Scripted(envelope([{"id": 9, "name": "D1-A2-Z1-V3-198.51.100.7/32", "prefix": "198.51.100.7/32"}]))

    assert [str(subnet.prefix) for subnet in controller.client().public_subnets(1)] == ["198.51.100.7/32"]
    assert filters(controller) == [["1"]]


def pages(*sizes: int) -> Callable[[httpx.Request], object]:
    """Ports in pages of these sizes, whatever size was asked for; behind the last one nothing."""

    def answer(request: httpx.Request) -> object:
        page = int(request.url.params["page"]) - 1
        ids = range(sum(sizes[:page]), sum(sizes[: page + 1]))
        return envelope([{"id": each, "name": f"swp{each}@leaf-1"} for each in ids])

    return answer


def ports_asked(controller: Scripted) -> list[str]:
    return [request.url.query.decode() for request in controller.requests if request.url.path == "/api/v2/ports"]


def test_ports_come_page_by_page_until_one_is_not_full():
    full = PORTS_PER_PAGE
    controller = Scripted(pages(full, full, 3))

    assert [len(page) for page in controller.client().port_pages()] == [full, full, 3]
    assert ports_asked(controller) == [f"limit={full}&page={page}&sortBy=id&order=asc" for page in (1, 2, 3)]


def test_a_full_last_page_is_followed_by_an_empty_one():
    controller = Scripted(pages(PORTS_PER_PAGE))

    assert [len(page) for page in controller.client().port_pages()] == [PORTS_PER_PAGE]
    assert len(ports_asked(controller)) == 2


def test_a_controller_that_does_not_page_ports_is_asked_once():
    controller = Scripted(pages(PORTS_PER_PAGE + 1))

    assert [len(page) for page in controller.client().port_pages()] == [PORTS_PER_PAGE + 1]
    assert len(ports_asked(controller)) == 1


def test_a_controller_that_sends_the_first_page_again_and_again_is_not_asked_for_ever():
    first = pages(PORTS_PER_PAGE)(httpx.Request("GET", "http://x/?page=1"))
    controller = Scripted(first)

    assert [len(page) for page in controller.client().port_pages()] == [PORTS_PER_PAGE]
    assert len(ports_asked(controller)) == 2


def test_series_come_bare_and_moments_without_a_value_say_nothing():
    points = [[None, 60], [1.5, 120], ["x", 180], [True, 240], [2, 300]]
    controller = Scripted([{"target": "collectd.Leaf-1.cpu-0.cpu-idle", "datapoints": points}, {"target": "x"}])

    found = controller.client().series(["collectd.{Leaf-1,Leaf-2}.cpu-*.cpu-idle", "b"], since="-5min")

    assert [(each.target, each.points) for each in found] == [
        ("collectd.Leaf-1.cpu-0.cpu-idle", ((1.5, 120), (2.0, 300))),
        ("x", ()),
    ]
    asked = controller.requests[-1]
    assert controller.calls[-1] == "POST /api/graphite"
    assert asked.url.params.get_list("target") == ["collectd.{Leaf-1,Leaf-2}.cpu-*.cpu-idle", "b"]
    assert (asked.url.params["from"], asked.url.params["until"], asked.url.params["format"]) == ("-5min", "now", "json")
