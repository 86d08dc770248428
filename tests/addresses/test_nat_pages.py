"""The pages of static NAT and port forwards. Who may open them is in tests/test_access.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.addresses.models import PortForward, StaticNat
from apps.mirror.models import Kind
from apps.operations.models import Operation
from tests import builders
from tests.addresses.test_nat_api import Estate, a_forward, a_nat, a_rule, settled

NATS, FORWARDS = "/t/acme/static-nats/", "/t/acme/port-forwards/"


@pytest.fixture
def estate(acme: Any, db: None) -> Estate:
    return Estate(acme, builders.a_zone())


@pytest.fixture
def ann(engineer: Any) -> Client:
    client = Client()
    client.force_login(engineer)
    return client


def text(client: Client, path: str, status: int = 200, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status, answer
    return answer.content.decode()


def test_both_lists_tell_what_leads_where_and_that_access_lists_decide_who_comes_in(ann, estate, acme):
    a_forward(estate, private_first=80)
    page = text(ann, FORWARDS)
    for words in ("198.51.100.20", "tcp 8000-8002", "web-1", "10.20.0.11:80-82", "access list decides who may come in"):
        assert words in page, words
    PortForward.unscoped.all().delete()
    a_nat(estate)
    page = text(ann, NATS)
    for words in ("198.51.100.20", "web-1", "10.20.0.11", "access list decides who may come in"):
        assert words in page, words


def test_what_netris_lacks_is_not_applied_and_can_be_applied_again(ann, estate):
    row = a_forward(estate)
    assert "Apply again" not in text(ann, FORWARDS)
    estate.reads(a_rule(8000), a_rule(8002))
    page = text(ann, FORWARDS, HX_Request="true")
    assert "Not applied" in page
    assert "tcp 8000-8002 to web-1 is not applied" in page
    answer = ann.post(f"{FORWARDS}{row.pk}/apply/")
    assert answer.url == f"/t/acme/operations/{Operation.unscoped.get().pk}/"
    assert "Not applied" not in text(ann, FORWARDS)


@pytest.mark.parametrize(
    ("state", "minutes", "is_asleep"), [("Allocated", 0, True), ("Implemented", 0, False), ("Allocated", 5, False)]
)
@pytest.mark.parametrize("path", [NATS, FORWARDS])
def test_what_leads_into_a_tier_that_sleeps_is_not_called_missing(path, state, minutes, is_asleep, ann, estate):
    """CloudStack has taken its rules off Netris, and puts them back when an instance starts."""
    row = a_nat(estate) if path == NATS else a_forward(estate)
    estate.reads()
    at, tier = timezone.now() - timedelta(minutes=minutes), estate.tier
    facts = {"state": state, "vpcid": str(estate.vpc.cloudstack_id)}
    builders.mirrored(estate.vpc.zone, Kind.CLOUDSTACK_NETWORK, [tier.cloudstack_id], data=facts, read_at=at)
    pages = [text(ann, path), text(ann, path, HX_Request="true"), text(ann, f"/t/acme/public-ips/{row.public_ip_id}/")]
    assert ["No instance runs in web" in page for page in pages] == [is_asleep] * 3
    assert ["Not applied" in page for page in pages] == [not is_asleep] * 3
    assert ["Apply again" in page for page in pages] == [not is_asleep, not is_asleep, False]
    assert ["is not applied" in page for page in pages] == [not is_asleep, not is_asleep, False]


def test_a_forward_is_switched_off_and_its_line_says_so_until_it_is_done(ann, estate):
    row = a_forward(estate)
    ann.post(f"{FORWARDS}{row.pk}/switch/", {"to": "off"})
    page = text(ann, FORWARDS)
    assert "being switched off" in page
    Operation.unscoped.all().delete()
    settled(row)
    PortForward.unscoped.update(enabled=False)
    page = text(ann, FORWARDS)
    assert "switched off" in page
    assert "being switched off" not in page
    again = ann.post(f"{FORWARDS}{row.pk}/switch/", {"to": "off"}, follow=True)
    assert "is switched off already" in again.content.decode()


def test_the_forwards_of_an_address_stand_in_the_order_of_their_ports(ann, estate):
    ports = (8443, 80, 22, 443, 9000)
    for port in ports:
        a_forward(estate, port, port)
    for path, is_reversed in ((FORWARDS, False), (f"{FORWARDS}?sort=-address", True)):
        page = text(ann, path)
        assert sorted(ports, key=lambda port: page.index(f"tcp {port}<")) == sorted(ports, reverse=is_reversed)
    page = text(ann, f"/t/acme/vpcs/{estate.vpc.pk}/addresses/")
    assert sorted(ports, key=lambda port: page.index(f"tcp {port}<")) == sorted(ports)


def form_of(estate: Estate, **more: Any) -> dict[str, Any]:
    return {"public_ip": str(estate.ip.pk), "instance": str(estate.instance)} | more


def test_both_are_created_with_a_form_that_finds_the_instance(ann, estate):
    page = text(ann, f"{FORWARDS}new/?public_ip={estate.ip.pk}")
    assert "198.51.100.20, in prod" in page
    found = ann.post(f"{FORWARDS}new/", form_of(estate, instance_words="web", search="1"))
    assert str(estate.instance) in found.content.decode()
    said = form_of(estate, protocol="udp", public_ports="8000-8002", private_ports="")
    assert ann.post(f"{FORWARDS}new/", said).status_code == 302
    assert (PortForward.unscoped.get().protocol, PortForward.unscoped.get().enabled) == ("udp", True)
    PortForward.unscoped.all().delete()
    assert ann.post(f"{NATS}new/", form_of(estate, address="10.20.0.12")).status_code == 302
    assert str(StaticNat.unscoped.get().guest_address) == "10.20.0.12"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"public_ports": "80,443"}, "A forward has one port or one range"),
        ({"private_ports": "1"}, "each leads to one"),
        ({"protocol": "gre"}, "Select a valid choice"),
        ({"public_ip": "x"}, "There is no such public IP any more"),
        ({"instance": "x"}, "There is no such instance any more"),
        ({"instance": ""}, "Choose one"),
    ],
)
def test_what_is_wrong_stands_at_its_field(change, words, ann, estate):
    said = form_of(estate, protocol="tcp", public_ports="8000-8002", private_ports="")
    answer = ann.post(f"{FORWARDS}new/", said | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not PortForward.unscoped.exists()


def test_an_address_that_serves_something_else_is_not_offered_but_says_why_when_it_is_asked_for(ann, estate):
    a_nat(estate)
    assert "198.51.100.20" not in text(ann, f"{FORWARDS}new/")
    said = form_of(estate, protocol="tcp", public_ports="80", private_ports="")
    assert "has static NAT. Disable that first" in ann.post(f"{FORWARDS}new/", said).content.decode()


def test_both_are_deleted_after_a_look_at_what_goes(ann, estate):
    forward = a_forward(estate)
    page = text(ann, f"{FORWARDS}{forward.pk}/delete/")
    assert "TCP 8000-8002 of 198.51.100.20" in page
    assert ann.post(f"{FORWARDS}{forward.pk}/delete/").status_code == 302
    page = text(ann, f"{FORWARDS}{forward.pk}/delete/")
    assert "is being removed" in page


@pytest.mark.parametrize("path", [NATS, FORWARDS])
def test_an_empty_list_says_what_it_is_for(path, ann, estate):
    assert "yet" in text(ann, path)
    assert "Nothing matches" in text(ann, f"{path}?q=nothing")


def test_a_page_of_it_costs_the_same_with_one_and_with_many(ann, estate):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            text(ann, FORWARDS)
        return len(queries)

    a_forward(estate, 1, 1)
    text(ann, FORWARDS)
    few = cost()
    for port in range(2, 30):
        a_forward(estate, port, port)
    assert cost() == few
