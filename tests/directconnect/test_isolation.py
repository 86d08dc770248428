"""Two tenants with VLANs of their own on one shared port: nothing that is told to one names anything of the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pypdfium2 import PdfDocument

from apps.directconnect.interfaces import services
from apps.directconnect.interfaces.specs import InterfaceSpec
from apps.directconnect.models import Connection, FabricPort, Interface, Location, PortKind
from apps.directconnect.routers import VENDORS
from apps.directconnect.services.orders import order, transition
from apps.directconnect.specs import OrderSpec
from apps.directconnect.stages import Party, Stage
from apps.kernel import clock
from apps.mirror.models import Kind
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from apps.tenancy.actors import Actor
from apps.tenancy.models import Role, Tenant
from tests import builders
from tests.api.conftest import Api
from tests.test_access import ROWS, Row

pytestmark = pytest.mark.django_db

#: Whose pages and answers are looked at, by the names of the table of routes.
LOOKED_AT = [row for row in ROWS if row.method == "GET"]


@dataclass(frozen=True)
class Side:
    """A tenant, with what is its own alone: whatever of it is told elsewhere is found by these words."""

    tenant: Tenant
    connection: Connection
    interface: Interface
    vpc: Vpc
    ids: dict[str, Any]
    words: tuple[str, ...]
    #: Those that not even its own people are told.
    of_netris: tuple[str, ...]
    #: Someone who may see everything of the tenant's, and its script.
    owner: Client
    api: Api


ORDER = {"name": "second", "location": "Paris 2", "speed": 10_000, "kind": "hosted"}
#: What makes the words of a tenant its own, by its short name.
NUMBERS = {"alpine": 17, "zeppelin": 29}


@pytest.fixture
def shared_port(location: Location) -> FabricPort:
    facts = {"device_id": "3", "kind": PortKind.HOSTED, "speed": 100_000}
    return builders.a_fabric_port(location, "swp7@Leaf-1", "7", **facts)


@pytest.fixture
def sides(location: Location, shared_port: FabricPort) -> list[Side]:
    found = [a_side(builders.a_tenant(word.capitalize()), location) for word in NUMBERS]
    assert {side.connection.port_id for side in found} == {shared_port.pk}
    read_of(location, shared_port, found)
    return found


def a_side(tenant: Tenant, location: Location) -> Side:
    """From the order to service by what tenants and the platform do, so history and audit log are what they are."""
    word, number = tenant.slug, NUMBERS[tenant.slug]
    by = Actor.system(f"{word}-engineer")
    builders.an_account(tenant, location.zone)
    asked = {"name": f"{word}-line", "location": str(location.pk), "speed": 10_000, "kind": "hosted"}
    row = order(tenant, OrderSpec.parse(asked), by=by)
    for to, party, said in (
        (Stage.SUBMITTED, Party.TENANT, {}),
        (Stage.APPROVED, Party.PLATFORM, {}),
        (Stage.LOA_ISSUED, Party.PLATFORM, {"number": f"LOA-{word}"}),
        (Stage.CROSS_CONNECT_REPORTED, Party.TENANT, {"reference": f"XC-{word}"}),
    ):
        transition(row, to, said, party=party, by=by)
        row = Connection.unscoped.select_related("tenant", "location__zone", "port").get(pk=row.pk)
    vpc = builders.a_vpc(tenant, location.zone, f"{word}-net", f"10.{number}.0.0/20", netris_id=9_000 + number)
    tier = builders.a_tier(vpc, f"{word}-tier", f"10.{number}.4.0/24")
    wanted = {
        "name": f"{word}-if",
        "vpc": str(vpc.pk),
        "peer_asn": 64_800 + number,
        "announce": [f"10.{number}.4.0/24"],
        "accept": [f"172.{number}.0.0/17"],
        "max_prefixes": 50,
        "addresses": {"local": f"10.200.{number}.1/30", "remote": f"10.200.{number}.2"},
        "md5": f"key-of-{word}",
    }
    services.create_interface(row, vpc, InterfaceSpec.parse(wanted), by=by)
    operation = Operation.unscoped.get(tenant=tenant)
    Operation.unscoped.filter(pk=operation.pk).update(phase=Phase.SUCCEEDED, finished_at=clock.now())
    made = Interface.unscoped.get(tenant=tenant)
    facts = {"vnet_id": 88_000 + number, "ebgp_id": 89_000 + number}
    Interface.unscoped.filter(pk=made.pk).update(
        status=Status.READY, settled_at=clock.now(), vlan=3_100 + number, **facts
    )
    Connection.unscoped.filter(pk=row.pk).update(stage=Stage.IN_SERVICE)
    made = Interface.unscoped.select_related("vpc__zone", "port", "connection__location__zone", "tenant").get(
        pk=made.pk
    )
    ids = {"vpc": vpc.pk, "tier": tier.pk, "operation": operation.pk, "dclocation": location.pk}
    ids |= {"connection": row.pk, "carrying": row.pk, "interface": made.pk}
    owner = Client()
    owner.force_login(builders.a_member(tenant, Role.OWNER, username=f"{word}-owner"))
    of_netris = tuple(str(each + number) for each in (88_000, 89_000, 9_000))
    nets = (f"10.{number}.", f"172.{number}.", f"10.200.{number}.")
    known = [str(pk) for name, pk in ids.items() if name != "dclocation"]
    words = (word, str(tenant.pk), made.pk.hex, str(made.vlan), str(made.peer_asn), *nets, *of_netris, *known)
    return Side(tenant, made.connection, made, vpc, ids, words, of_netris, owner, Api(builders.a_token(tenant)))


def read_of(location: Location, port: FabricPort, sides: list[Side]) -> None:
    """All is well, and Netris tells of both in the same lists."""
    zone, at = location.zone, clock.now() + timedelta(seconds=20)
    builders.mirrored(zone, Kind.NETRIS_SITE, [1], read_at=at, data={"name": zone.netris_site, "publicAsn": 64_999})
    builders.mirrored(zone, Kind.NETRIS_PORT, [7], read_at=at, data={"name": port.name, "status": "up"})
    for side in sides:
        row = side.interface
        vpc = {"vpc": {"id": side.vpc.netris_id, "name": side.vpc.name}, "name": row.remote_name}
        gateway = {"prefix": f"{row.local_address}/{row.prefix_length}"}
        of_vnet = {"state": "active", "gateways": [gateway], "portsCount": 1}
        builders.mirrored(zone, Kind.NETRIS_VNET, [row.vnet_id], read_at=at, data=vpc | of_vnet)
        of_session = {"bgp_state": "Established", "bgp_prefixes": 3, "bgp_uptime": "00:12:09"}
        builders.mirrored(zone, Kind.NETRIS_SESSION, [row.ebgp_id], read_at=at, data=vpc | of_session)


def other_of(sides: list[Side], side: Side) -> Side:
    return next(each for each in sides if each is not side)


def told_of(side: Side, text: str) -> list[str]:
    """Which of its words stand in a text; a number not as a part of an id or a token."""
    alone = r"(?<![\w.-]){}(?![\w-])"
    found = [word for word in side.words if not word.isdigit() and word.lower() in text.lower()]
    return found + [word for word in side.words if word.isdigit() and re.search(alone.format(word), text)]


def paths_of(side: Side) -> dict[str, str]:
    """Each route that there is for it, by the names of views."""
    return {row.view: path for row in LOOKED_AT if (path := _path(row, side))}


def _path(row: Row, side: Side) -> str | None:
    known = row.of in side.ids or row.of in ("-", "tenant", "slug", "zone")
    return row.path(side.ids | {"zone": side.vpc.zone_id}, side.tenant.slug) if known else None


#: What has to have been looked at.
NAMED = {"connections", "connection", "connection-loa", "connection-checks", "connection-routes", "interfaces"}
NAMED |= {"connection-router-config", "interface", "operations", "operation", "attention", "locations"}
PAGES = {"connection_list", "connection_detail", "connection_loa", "interface_detail", "interface_config", "of_vpc"}


def test_what_one_is_told_at_any_address_names_nothing_of_the_other(sides: list[Side], clock: Any) -> None:
    clock.shift(30)
    for side in sides:
        other, own, told = other_of(sides, side), set(), {}
        for view, path in paths_of(side).items():
            answer = (side.api if view.startswith("api:") else side.owner).get(path.removeprefix("/api/v1"))
            if answer.status_code == 200:
                text = body_of(answer)
                told[view] = told_of(other, text)
                own |= set(told_of(side, text))
        for vendor in VENDORS:
            answer = side.api.get(f"/direct-connects/{side.connection.pk}/router-config/?vendor={vendor}")
            told["api:connection-router-config"] = told_of(other, body_of(answer))
        assert {view: words for view, words in told.items() if words} == {}
        assert {f"api:{name}" for name in NAMED} | {f"directconnect:{name}" for name in PAGES} <= set(told)
        assert {"networks:overview", "operations:list", "operations:changes", "operations:detail"} <= set(told)
        assert set(side.words) - own <= {str(side.tenant.pk), *side.of_netris}, "its own words are found"


def body_of(answer: Any) -> str:
    """With the words of a letter beside its bytes."""
    content = b"".join(answer) if answer.streaming else answer.content
    text = content.decode(errors="replace")
    if answer["Content-Type"] == "application/pdf":
        return text + "".join(page.get_textpage().get_text_bounded() for page in PdfDocument(content))
    return text


@pytest.mark.parametrize("path", ["/vpcs/", "/direct-connects/", "/direct-connects/{}/interfaces/"])
def test_a_search_for_what_the_other_has_finds_what_one_for_nothing_finds(sides: list[Side], path: str) -> None:
    for side in sides:
        there = path.format(side.connection.pk)
        for word in ("nothing", *other_of(sides, side).words):
            assert side.api.get(f"{there}?q={word}").json()["results"] == [], word
        assert side.api.get(f"{there}?q={side.tenant.slug}").json()["results"]


def test_what_is_refused_is_refused_alike_whether_the_other_has_it_or_nobody(sides: list[Side]) -> None:
    """A VLAN, a name, a link, an ASN, a prefix: what is the other's is free, or as unknown as what is not there."""
    for side in sides:
        other = other_of(sides, side)
        path = f"/direct-connects/{side.connection.pk}/interfaces/"
        asked = {"vpc": str(side.vpc.pk), "peer_asn": 65010}
        taken, free = (
            side.api.post(path, {**asked, "vlan": vlan}) for vlan in (other.interface.vlan, other.interface.vlan + 1)
        )
        assert (taken.status_code, taken.json()) == (free.status_code, free.json())
        assert (taken.status_code, taken.json()["code"]) == (422, "vlan-is-given")

        row = other.interface
        ends = {"local": f"{row.local_address}/{row.prefix_length}", "remote": str(row.remote_address)}
        same = {**asked, "name": row.name, "peer_asn": row.peer_asn, "accept": row.accept, "addresses": ends}
        made = side.api.post(path, same)
        assert made.status_code == 202, made.content
        assert side.api.post("/direct-connects/", {**ORDER, "name": other.connection.name}).status_code == 201

        bodies = [("/direct-connects/", ORDER, "apart_from", other.connection.pk), (path, asked, "vpc", other.vpc.pk)]
        for at, body, field, held in bodies:
            theirs, nobodys = (side.api.post(at, {**body, field: str(pk)}) for pk in (held, uuid4()))
            assert (theirs.status_code, theirs.json()) == (nobodys.status_code, nobodys.json())
            assert (theirs.status_code, theirs.json()["field"]) == (422, field)


def test_what_is_the_others_answers_as_what_never_was(sides: list[Side]) -> None:
    """Whatever is asked of it, by REST and on pages, with any method."""
    for side in sides:
        other = other_of(sides, side)
        for row in ROWS:
            if row.view.split(":")[0] not in ("api", "directconnect") or row.of not in (
                "connection",
                "carrying",
                "interface",
            ):
                continue
            never = {name: uuid4() for name in other.ids} | {"dclocation": other.ids["dclocation"]}
            theirs, nobodys = (ask(side, row, ids) for ids in (other.ids, never))
            assert theirs.status_code == nobodys.status_code, row.name
            assert theirs.status_code == (403 if "approval" in row.view and row.method == "POST" else 404), row.name
            assert not told_of(other, theirs.content.decode().replace(row.path(other.ids, side.tenant.slug), ""))


def ask(side: Side, row: Row, ids: dict[str, Any]) -> Any:
    path = row.path(ids, side.tenant.slug)
    if row.view.startswith("api:"):
        return side.api.call(row.method, path.removeprefix("/api/v1"), {})
    return side.owner.generic(row.method, path)


def test_the_vlan_of_who_was_there_before_is_taken_and_nothing_tells_whose_it_was(
    sides: list[Side], location: Location
) -> None:
    """A port that is one tenant's for itself, and was another's an hour ago."""
    before, after = sides
    port = builders.a_fabric_port(location, "swp9@Leaf-1", "9", device_id="3")
    gone = builders.a_connection(before.tenant, location, "gone", Stage.CLOSED)
    ends = {"link": "10.9.0.0/30", "local_address": "10.9.0.1", "remote_address": "10.9.0.2", "port": port}
    rests = {"status": Status.DELETED, "rests_until": clock.now() + timedelta(hours=23)}
    builders.an_interface(gone, before.vpc, "alpine-gone", 1200, **ends, **rests)
    row = builders.a_connection(after.tenant, location, "own-port", Stage.IN_SERVICE, port=port)

    answer = after.api.post(
        f"/direct-connects/{row.pk}/interfaces/", {"vpc": str(after.vpc.pk), "peer_asn": 65010, "vlan": 1200}
    )
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "vlan-taken", "vlan")
    assert not told_of(before, answer.content.decode())
    pages = [f"/t/{after.tenant.slug}/direct-connects/{row.pk}/{more}" for more in ("", "interfaces/new/")]
    said = [body_of(after.owner.get(page)) for page in pages]
    said.append(body_of(after.api.get(f"/direct-connects/{row.pk}/checks/")))
    assert not [words for text in said if (words := told_of(before, text))]
    assert not any("1200" in text for text in said)
