"""What Direct Connect adds to the routes of a VPC, and to the answer why A cannot reach B."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from apps.directconnect.checks import Check, Layer, Verdict
from apps.directconnect.interfaces import tending
from apps.directconnect.interfaces.queries import Told
from apps.directconnect.models import Connection, Interface, PortKind
from apps.directconnect.stages import Party, Stage
from apps.directconnect.ways import DIRECT_CONNECT, Link, links_of, routes
from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.networks.agreement import agreement_of
from apps.operations.provisioned import Status
from tests import builders
from tests.addresses.conftest import clouds_of, place, watch
from tests.directconnect.test_interface_api import client
from tests.directconnect.test_interface_recipe import connection
from tests.directconnect.test_interfaces import LISTS, made, moved, read, router, run_all
from tests.directconnect.test_pages import person, text

__all__ = ["clouds_of", "connection", "place", "watch"]  # fixtures

pytestmark = pytest.mark.django_db


ALL_OF_A_VPC = (
    *(Kind.CLOUDSTACK_VPC, Kind.CLOUDSTACK_NETWORK, Kind.CLOUDSTACK_ADDRESS, Kind.NETRIS_VPC, Kind.NETRIS_VNET),
    *(Kind.NETRIS_RANGE, Kind.NETRIS_NAT),
)


def session_of(place: Any, row: Interface) -> Any:
    return next(each for each in place.world.netris.net.sessions if each["name"] == row.remote_name)


def state(place: Any) -> str:
    """Of its one interface, by what is read now."""
    place.clock.shift(timedelta(minutes=3))
    for kind in LISTS:
        refresh(place.zone, kind, place.watch.clouds_of(place.zone))
    [link] = links_of(place.vpc)
    [route] = routes(place.vpc)
    assert route.status == link.state
    assert bool(link.trouble) == (link.state != "ready"), link.trouble
    return link.state


def test_a_route_is_as_well_as_the_session_that_it_is_learned_from(place, connection):
    row = made(place, connection)
    assert state(place) == "down"
    router(place, row)
    assert state(place) == "ready"
    router(place, row, announces=["172.30.0.0/16"])
    assert state(place) == "down"
    router(place, row, silent=True)
    assert state(place) == "down"
    router(place, row, silent=False)
    assert state(place) == "ready"
    place.clock.shift(timedelta(minutes=10))
    [link] = links_of(place.vpc)
    assert (link.state, link.trouble) == ("stale", "What was read last is too old to tell.")
    [route] = routes(place.vpc)
    assert route.read_at is not None and route.read_at < route.fresh_until


def test_what_is_dark_is_told_with_what_to_do(place, connection):
    made(place, connection)
    assert state(place) == "down"
    [link] = links_of(place.vpc)
    assert link.trouble.startswith("No light comes in at the port. See that your port is switched on")


def test_what_somebody_changed_on_netris_is_not_taken_for_what_is_meant(place, connection):
    row = made(place, connection)
    router(place, row)
    net = place.world.netris.net
    net.sessions.change(session_of(place, row), prefixListInbound="permit any le 32")
    assert state(place) == "differs"
    [link] = links_of(place.vpc)
    assert link.trouble == "Netris has it otherwise: it accepts other prefixes. Apply the interface again."
    assert link.told.routes.verdict == Verdict.WARNING, link.told.checks
    net.sessions.change(session_of(place, row), prefixListInbound="permit 192.168.0.0/16 le 32")
    assert state(place) == "ready"


OK, BAD, SILENT = Verdict.OK, Verdict.CRITICAL, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdicts", "session", "takes", "faults", "word"),
    [
        ((OK, OK, OK, OK), OK, 3, [], "ready"),
        ((OK, OK, OK, Verdict.WARNING), OK, 3, [], "ready"),
        ((OK, BAD, Verdict.WAITING, Verdict.WAITING), OK, 3, [], "warning"),
        ((BAD, Verdict.WAITING, Verdict.WAITING, Verdict.WAITING), BAD, None, [], "down"),
        ((OK, OK, OK, BAD), OK, 0, [], "down"),
        ((SILENT, OK, BAD, Verdict.WAITING), BAD, None, [], "down"),
        ((SILENT, OK, OK, OK), OK, 3, [], "stale"),
        ((OK, OK, OK, SILENT), OK, None, [], "stale"),
        ((BAD, Verdict.WAITING, Verdict.WAITING, Verdict.WAITING), SILENT, None, [], "stale"),
        ((OK, OK, OK, OK), OK, 3, ["it accepts other prefixes"], "differs"),
    ],
)
def test_only_what_was_read_of_the_session_itself_says_that_it_is_down(verdicts, session, takes, faults, word):
    checks = [Check(layer, verdict, "It is so.") for layer, verdict in zip(Layer, verdicts, strict=True)]
    told = Told(checks, [], takes, Check(Layer.BGP, session, "It is so."), takes, faults)
    assert Link(Interface(status=Status.READY), told).state == word


def test_one_that_was_switched_off_leads_nowhere_until_it_is_resumed(place, connection):
    moved(connection, Stage.LOA_ISSUED, Party.PLATFORM)
    row = made(place, connection)
    router(place, row)
    Connection.unscoped.filter(pk=connection.pk).update(stage=Stage.IN_SERVICE)
    moved(connection, Stage.SUSPENDED)
    tending.tend()
    run_all(place)
    assert state(place) == "suspended"
    place.world.netris.net.sessions.change(session_of(place, row), state="enabled")
    assert state(place) == "differs", "somebody has switched it on in Netris"
    [link] = links_of(place.vpc)
    assert link.trouble == "The connection is suspended. Netris has it up. Apply the interface again."
    moved(connection, Stage.IN_SERVICE)
    tending.tend()
    run_all(place)
    assert state(place) == "ready"


@pytest.mark.parametrize("status", [Status.BUILDING, Status.CHANGING, Status.REMOVING, Status.STUCK])
def test_one_that_is_not_at_rest_has_the_word_of_its_row(place, connection, status):
    made(place, connection)
    Interface.unscoped.update(status=status)
    assert state(place) == status


def test_what_is_attached_to_a_vpc_makes_no_difference_to_it(place, connection):
    """The link's allocation stands in the VPC's list on Netris, and is not CloudStack's."""

    def trouble() -> list[str]:
        place.clock.shift(timedelta(minutes=3))
        for kind in ALL_OF_A_VPC:
            refresh(place.zone, kind, place.watch.clouds_of(place.zone))
        return agreement_of(place.vpc, [place.tier], settled_at=place.vpc.created_at).trouble

    assert trouble() == []
    row = made(place, connection)
    assert trouble() == []
    net = place.world.netris.net
    link = next(each for each in net.allocations if each["name"] == row.remote_name)
    net.allocations.change(link, name="somebody's")
    [said] = trouble()
    assert "The CIDR of VPC prod is" in said


def test_each_accepted_prefix_is_a_route_over_rest_and_on_the_page(place, connection):
    accepted = ["192.168.0.0/16", "0.0.0.0/0"]
    row = made(place, connection, accept=accepted)
    router(place, row)
    read(place)
    page = f"/t/acme/direct-connects/{connection.pk}/interfaces/{row.pk}/"
    told = client(place.acme).get(f"/api/v1/vpcs/{place.vpc.pk}/routes/").json()["routes"]
    ours = [each for each in told if each["type"] == DIRECT_CONNECT]
    assert [(each["destination"], each["name"], each["status"]) for each in ours] == [
        ("192.168.0.0/16", "main of paris-a", "ready"),
        ("0.0.0.0/0", "main of paris-a", "ready"),
    ]
    assert all(each["read_at"] and each["static_route"] is None for each in ours)
    assert [each["type"] for each in told][-2:] == [DIRECT_CONNECT, "source_nat"]
    ann = person(place.acme)
    shown = text(ann, f"/t/acme/vpcs/{place.vpc.pk}/routes/")
    assert shown.count("your router, as far as it announces it") == 2
    html = ann.get(f"/t/acme/vpcs/{place.vpc.pk}/routes/").content.decode()
    assert f'Direct Connect <a href="{page}">main of paris-a</a>' in html
    assert ann.get(page).status_code == 200


def asked(place: Any, who: Any, **body: Any) -> Any:
    place.see(Kind.CLOUDSTACK_INSTANCE)
    for kind in (*LISTS, Kind.NETRIS_VPC, Kind.CLOUDSTACK_VPC):
        refresh(place.zone, kind, place.watch.clouds_of(place.zone))
    said = {"from": {"instance": str(place.ids[0])}, "to": {"address": "192.168.7.9"}, "protocol": "tcp", "port": 443}
    answer = who.post("/api/v1/reachability/", said | body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_it_is_asked_over_rest_why_nothing_comes_over_it(place, connection):
    row, ours = made(place, connection), client(place.acme)
    told = asked(place, ours)["blocked_by"]
    page = f"/t/acme/direct-connects/{connection.pk}/interfaces/{row.pk}/"
    assert (told["what"], told["url"]) == ("Direct Connect main of paris-a", page)
    assert "It gives no way to 192.168.7.9 now. No light comes in at the port." in told["sentence"]
    router(place, row)
    read(place)
    told = asked(place, ours)
    assert told["verdict"] == "unknown"
    assert any("Its session is up, and takes 1 prefix." in hop["sentence"] for hop in told["hops"]), told["hops"]
    Interface.unscoped.update(announce=["10.20.9.0/24"])
    sentence = asked(place, ours)["hops"][-1]["sentence"]
    assert "is not announced over it" in sentence


def test_two_tenants_of_one_port_know_nothing_of_each_other(place, connection, globex):
    """Each has a VLAN of it, and takes the same prefix."""
    kinds = {"kind": PortKind.HOSTED}
    type(connection.port).objects.filter(pk=connection.port.pk).update(**kinds)
    Connection.unscoped.filter(pk=connection.pk).update(**kinds)
    connection = Connection.unscoped.select_related("tenant", "location__zone", "port").get(pk=connection.pk)
    row = made(place, connection)
    router(place, row)
    theirs = builders.a_vpc(globex, place.zone, "secret", "10.50.0.0/16")
    order = builders.a_connection(
        globex, connection.location, "their-order", Stage.PORT_RESERVED, port=connection.port, **kinds
    )
    other = builders.an_interface(order, theirs, "their-link", 300, accept=["192.168.0.0/16", "172.30.0.0/16"])
    place.clock.shift(timedelta(minutes=3))
    for kind in LISTS:
        refresh(place.zone, kind, place.watch.clouds_of(place.zone))

    ours, they = client(place.acme), client(globex)
    for who, vpc, mine in ((ours, place.vpc, "main of paris-a"), (they, theirs, "their-link of their-order")):
        told = who.get(f"/api/v1/vpcs/{vpc.pk}/routes/").json()["routes"]
        assert {each["name"] for each in told if each["type"] == DIRECT_CONNECT} == {mine}
    for who, vpc in ((ours, theirs), (they, place.vpc)):
        assert who.get(f"/api/v1/vpcs/{vpc.pk}/routes/").status_code == 404
    told = asked(place, ours, to={"address": "172.30.0.9"})
    assert told["blocked_by"]["what"] == "Route"
    for hidden in ("their", "secret", str(other.pk), "300"):
        assert hidden not in str(told)


def test_however_many_there_are_it_asks_as_often(place, connection):
    def cost() -> int:
        with CaptureQueriesContext(database) as queries:
            routes(place.vpc)
        return len(queries)

    assert cost() == 1
    made(place, connection)
    read(place)
    one = cost()
    for number in range(5):
        ends = {"local_address": f"10.9.{number}.1", "remote_address": f"10.9.{number}.2", "port": connection.port}
        ends["link"] = IPv4Network(f"10.9.{number}.0/30")
        builders.an_interface(connection, place.vpc, f"if-{number}", 200 + number, vnet_id=900, ebgp_id=900, **ends)
    assert len(routes(place.vpc)) == 6
    assert (cost(), one) == (6, 6)
