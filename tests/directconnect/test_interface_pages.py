"""The pages of virtual interfaces: faults at their fields, layers with their age, a key that is shown once."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pydantic import SecretStr

from apps.directconnect.models import Connection, Interface, PortKind
from apps.directconnect.routers import VENDORS
from apps.directconnect.stages import Stage
from apps.mirror.models import Item, Kind, Reading
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry, Role
from tests import builders
from tests.directconnect.test_pages import person, text

pytestmark = pytest.mark.django_db

KEY = "a-key-of-both-ends"
ASKED = {
    "name": "main",
    "vlan": "210",
    "peer_asn": "65010",
    "local": "",
    "remote": "",
    "announce": "10.20.0.0/24",
    "accept": "192.168.0.0/16\n172.16.0.0/16",
    "max_prefixes": "50",
    "bfd": "on",
    "key": "made",
    "md5": "",
}


@pytest.fixture
def ann(acme):
    return person(acme)


@pytest.fixture
def bob(globex):
    return person(globex)


@pytest.fixture
def connection(acme, location):
    port = builders.a_fabric_port(location, remote_id="7", device_id="3")
    return builders.a_connection(acme, location, stage=Stage.IN_SERVICE, port=port)


@pytest.fixture
def vpc(acme, zone):
    return builders.a_vpc(acme, zone, netris_id=7)


@pytest.fixture
def row(connection, vpc):
    return builders.an_interface(connection, vpc, md5=SecretStr(KEY), has_md5=True, vnet_id=5, ebgp_id=9)


def at(connection: Connection, row: Interface | None = None, more: str = "") -> str:
    one = f"{row.pk}/" if row else ""
    return f"/t/{connection.tenant.slug}/direct-connects/{connection.pk}/interfaces/{one}{more}"


def raw(client: Client, path: str, data: Any = None, status: int = 200) -> str:
    answer = client.get(path) if data is None else client.post(path, data)
    assert answer.status_code == status, answer.content.decode()
    return html.unescape(answer.content.decode())


def listed(row: Interface, light: str = "up", *, minutes: int = 0) -> None:
    """Netris' lists read so many minutes ago, with the port as it is told and neither V-Net nor session."""
    at_ = timezone.now() - timedelta(minutes=minutes)
    Item.objects.all().delete()
    Reading.objects.all().delete()
    builders.mirrored(row.vpc.zone, Kind.NETRIS_PORT, [7], read_at=at_, data={"status": light})
    builders.mirrored(row.vpc.zone, Kind.NETRIS_VNET, [], read_at=at_)
    builders.mirrored(row.vpc.zone, Kind.NETRIS_SESSION, [], read_at=at_)


# --- who may ----------------------------------------------------------------------------------------------------------


PAGES = ("", "edit/", "rename/", "router-config/", "key/", "test/", "delete/")
BUTTONS = ("edit/", "rename/", "key/", "test/", "test/end/", "apply/", "delete/")


def test_another_tenant_finds_none_of_it(row, connection, bob):
    for slug in ("globex", "acme"):
        for page in ("new/", *(f"{row.pk}/{each}" for each in PAGES)):
            assert bob.get(f"/t/{slug}/direct-connects/{connection.pk}/interfaces/{page}").status_code == 404, page
        for page in BUTTONS:
            path = f"/t/{slug}/direct-connects/{connection.pk}/interfaces/{row.pk}/{page}"
            assert bob.post(path, {"minutes": "5"}).status_code == 404, page
    assert not Operation.unscoped.exists() and Interface.unscoped.get().md5_shown_at is None


def test_an_interface_is_found_under_its_own_connection_alone(row, acme, location, ann):
    other = builders.a_connection(acme, location, "paris-b", Stage.IN_SERVICE)
    for page in PAGES:
        assert ann.get(at(row.connection, row, page)).status_code == 200, page
        assert ann.get(at(other, row, page)).status_code == 404, page
    for page in BUTTONS:
        assert ann.post(at(other, row, page)).status_code == 404, page


def test_who_may_only_look_sees_all_and_changes_nothing(row, acme, connection):
    viewer = person(acme, Role.VIEWER)
    shown = text(viewer, at(connection, row))
    assert "How it is now" in shown and "viewer" in shown.lower()
    for page in BUTTONS:
        assert viewer.post(at(connection, row, page)).status_code == 403, page
    assert viewer.post(at(connection, None, "new/"), ASKED).status_code == 403
    assert not Operation.unscoped.exists()


# --- forms ------------------------------------------------------------------------------------------------------------


def test_one_is_created_as_it_was_asked_for(connection, vpc, ann):
    answer = ann.post(at(connection, None, "new/"), ASKED | {"vpc": str(vpc.pk)})
    operation = Operation.unscoped.get()
    assert answer.headers["Location"] == f"/t/acme/operations/{operation.pk}/"
    row = Interface.unscoped.get()
    assert (row.name, row.vlan, row.peer_asn, row.max_prefixes, row.bfd) == ("main", 210, 65010, 50, True)
    assert (row.announce, row.accept) == (["10.20.0.0/24"], ["172.16.0.0/16", "192.168.0.0/16"])
    assert row.has_md5 and len(row.md5.get_secret_value()) == 24
    assert operation.resource_id == row.pk


def test_own_addresses_and_an_own_key(connection, vpc, ann):
    asked = ASKED | {"vpc": str(vpc.pk), "local": "10.255.0.1/30", "remote": "10.255.0.2", "key": "own", "md5": KEY}
    del asked["bfd"]
    assert ann.post(at(connection, None, "new/"), asked).status_code == 302
    row = Interface.unscoped.get()
    assert (str(row.local_address), str(row.remote_address), row.prefix_length) == ("10.255.0.1", "10.255.0.2", 30)
    assert (row.md5.get_secret_value(), row.bfd) == (KEY, False)


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"peer_asn": "3320"}, "peer_asn", "3320 is no private ASN"),
        ({"peer_asn": ""}, "peer_asn", "Give the ASN of your router"),
        ({"vlan": "1"}, "vlan", "A VLAN is a number from 2 to 4094"),
        ({"vlan": "100"}, "vlan", "VLAN 100 is not free"),
        ({"local": "10.255.0.1/24", "remote": "10.255.0.2"}, "local", "/30 or /31"),
        ({"local": "10.255.0.1/30"}, "remote", "is no IPv4 address"),
        ({"local": "10.20.0.1/30", "remote": "10.20.0.2"}, "local", "which the VPC has already"),
        ({"announce": "10.99.0.0/24"}, "announce", "is not part of the VPC's range"),
        ({"accept": "10.20.0.0/24"}, "accept", "overlaps the VPC's own range"),
        ({"accept": "nonsense"}, "accept", "Write the CIDR"),
        ({"max_prefixes": "9999"}, "max_prefixes", "from 1 to 1000"),
        ({"key": "own"}, "md5", "Type the key"),
        ({"key": "own", "md5": "short"}, "md5", "A key has 8 to 80"),
        ({"key": "none", "md5": KEY}, "md5", "Choose “One of your own”"),
        ({"key": "magic"}, "key", "Choose one of these"),
        ({"name": "vlan-100"}, "name", "has an interface called"),
        ({"vpc": "nonsense"}, "vpc", "There is no such VPC here"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_rest_stays_typed(row, connection, vpc, ann, said, field, words):
    shown = raw(ann, at(connection, None, "new/"), ASKED | {"vpc": str(vpc.pk)} | said, 422)
    note = re.search(rf'id="id_{field}_error".*?</p>', shown, flags=re.DOTALL)
    assert note is not None and words in note[0], (field, words)
    typed = ASKED | said
    assert f'value="{typed["peer_asn"]}"' in shown or not typed["peer_asn"]
    assert typed["announce"] in shown and "checked" in shown
    assert KEY not in shown and 'value="short"' not in shown
    assert Interface.unscoped.count() == 1 and not Operation.unscoped.exists()


def test_another_tenants_vpc_is_as_unknown_as_none(connection, vpc, ann, globex, zone):
    theirs = builders.a_vpc(globex, zone, "secret", netris_id=8)
    shown = raw(ann, at(connection, None, "new/"), ASKED | {"vpc": str(theirs.pk)}, 422)
    assert "There is no such VPC here" in shown and "secret" not in shown
    assert "secret" not in raw(ann, at(connection, None, f"new/?vpc={theirs.pk}"))


def test_the_ranges_of_the_vpc_that_is_chosen_stand_beside_what_is_announced(connection, vpc, ann, acme, zone):
    builders.a_tier(vpc, "web", "10.20.0.0/24")
    other = builders.a_vpc(acme, zone, "zoo", "10.40.0.0/20", netris_id=8)
    assert "web 10.20.0.0/24" in text(ann, at(connection, None, f"new/?vpc={vpc.pk}"))
    answer = ann.get(at(connection, None, f"new/?vpc={other.pk}"), headers={"HX-Request": "true"})
    part = answer.content.decode()
    assert "10.40.0.0/20" in part and "<form" not in part and "web" not in part
    looked = raw(ann, at(connection, None, "new/"), ASKED | {"vpc": str(other.pk), "then": "look"})
    assert "10.40.0.0/20" in looked and not Interface.unscoped.exists()


def test_on_a_shared_port_nobody_is_asked_for_a_vlan(acme, location, vpc, ann):
    port = builders.a_fabric_port(location, remote_id="8", device_id="3", kind=PortKind.HOSTED)
    hosted = builders.a_connection(acme, location, stage=Stage.IN_SERVICE, port=port, kind=PortKind.HOSTED)
    shown = raw(ann, at(hosted, None, "new/"))
    assert 'name="vlan"' not in shown and "Weft gives the VLAN" in shown
    assert ann.post(at(hosted, None, "new/"), ASKED | {"vpc": str(vpc.pk)}).status_code == 302


def test_before_a_port_is_reserved_the_page_says_why_there_is_none_yet(acme, location, vpc, ann):
    early = builders.a_connection(acme, location, stage=Stage.SUBMITTED)
    assert "The connection is at “Submitted”" in text(ann, at(early, None, "new/"))
    assert ann.post(at(early, None, "new/"), ASKED | {"vpc": str(vpc.pk)}).status_code != 302
    assert "The connection is at “Submitted”" in text(ann, at(early)[: -len("interfaces/")])
    assert not Interface.unscoped.exists()


def test_what_is_changed_goes_out_and_a_key_that_is_kept_stays(row, connection, ann):
    shown = raw(ann, at(connection, row, "edit/"))
    assert "ends the session" in shown and "192.168.0.0/16" in shown and KEY not in shown
    said = {"peer_asn": "64600", "announce": row.announce[0], "accept": "", "max_prefixes": "100", "bfd": "on"}
    assert ann.post(at(connection, row, "edit/"), said | {"key": "kept", "md5": ""}).status_code == 302
    assert Operation.unscoped.get().wanted == {"accept": []}


def test_a_change_that_is_none_and_one_that_cannot_be(row, connection, ann):
    said = {"peer_asn": "64600", "announce": row.announce[0], "accept": row.accept[0], "max_prefixes": "100"}
    said |= {"bfd": "on", "key": "kept", "md5": ""}
    assert ann.post(at(connection, row, "edit/"), said).headers["Location"] == at(connection, row)
    assert "is not part of" in text(ann, at(connection, row, "edit/"), 422, said | {"announce": "10.99.0.0/16"})
    assert not Operation.unscoped.exists()


def test_another_name_is_its_at_once(row, connection, ann):
    assert ann.post(at(connection, row, "rename/"), {"name": "north"}).status_code == 302
    assert ann.post(at(connection, row, "rename/"), {"name": ""}).status_code == 422
    assert Interface.unscoped.get().name == "north" and not Operation.unscoped.exists()


# --- the key ----------------------------------------------------------------------------------------------------------


def test_the_key_is_shown_once_to_who_asks_for_it_and_no_other_page_has_it(row, connection, ann):
    assert KEY not in raw(ann, at(connection, row, "key/"))
    assert Interface.unscoped.get().md5_shown_at is None  # looking at the question is not asking
    answer = ann.post(at(connection, row, "key/"))
    assert KEY in answer.content.decode() and "no-store" in answer["Cache-Control"]
    again = raw(ann, at(connection, row, "key/"), {}, 422)
    assert "The key was shown, which happens once" in again and KEY not in again
    assert AuditEntry.unscoped.filter(action="interface.show-key").count() == 1

    for page in (*PAGES, *(f"?vendor={each}" for each in VENDORS)):
        assert KEY not in ann.get(at(connection, row, page)).content.decode(), page
    for page in ("", f"{connection.pk}/"):
        assert KEY not in raw(ann, f"/t/acme/direct-connects/{page}")
    assert KEY not in raw(ann, f"/t/acme/vpcs/{row.vpc.pk}/direct-connects/")
    assert KEY not in raw(ann, "/t/acme/activity/changes/")
    shown = text(ann, at(connection, row))
    assert "shown" in shown and "Show key once" not in shown


def test_without_a_key_there_is_none_to_show(row, connection, ann):
    Interface.unscoped.update(has_md5=False)
    assert "The session has no MD5 key" in text(ann, at(connection, row))
    assert "The session has no MD5 key" in text(ann, at(connection, row, "key/"), 422, {})


# --- how it is --------------------------------------------------------------------------------------------------------


def state_of(shown: str, layer: str) -> str:
    line = re.search(rf'id="layer-{layer}".*?</tr>', shown, flags=re.DOTALL)
    assert line is not None
    return " ".join(re.sub(r"<[^>]+>", " ", line[0]).split())


def test_what_was_read_too_long_ago_is_grey_whatever_it_said(row, connection, ann):
    Interface.unscoped.update(created_at=timezone.now() - timedelta(days=2))
    listed(row)
    fresh = raw(ann, at(connection, row))
    assert "OK" in state_of(fresh, "light") and "tone-sage" in fresh
    listed(row, minutes=600)
    old = raw(ann, at(connection, row))
    line = re.search(r'id="layer-light".*?</tr>', old, flags=re.DOTALL)
    assert line is not None and "tone-sage" not in line[0] and "tone-linen" in line[0]
    assert "Stale" in state_of(old, "light") and "stale" in line[0]
    of_connection = raw(ann, at(connection)[: -len("interfaces/")])
    line = re.search(rf'id="interface-{row.pk}".*?</tr>', of_connection, flags=re.DOTALL)
    assert line is not None and "tone-sage" not in line[0] and "tone-linen" in line[0]


def test_a_port_without_light_is_red_and_says_what_to_do(row, connection, ann):
    Interface.unscoped.update(created_at=timezone.now() - timedelta(days=2))
    listed(row, "down")
    shown = raw(ann, at(connection, row))
    assert "No light comes in at the port." in state_of(shown, "light") and "fibres" in state_of(shown, "light")
    assert "Waiting" in state_of(shown, "vlan") and "tone-madder" in shown
    line = text(ann, at(connection)[: -len("interfaces/")])
    assert "Light: critical" in line and "No light comes in at the port." in line


def test_the_page_tells_what_passes_and_what_netris_does_not_list(row, connection, ann):
    builders.a_tier(row.vpc, "web", "10.20.0.0/24")
    shown = text(ann, at(connection, row))
    assert "Tiers announced of it 10.20.0.0/24" in shown and "192.168.0.0/16" in shown
    assert "it tells how many prefixes are taken, not which" in shown
    assert "not known , of at most 100 prefixes" in shown
    Interface.unscoped.update(accept=["0.0.0.0/0"])
    assert "leaves the VPC through your router" in text(ann, at(connection, row))


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_configuration_is_there_for_each_vendor_with_a_place_for_the_key(row, connection, ann, vendor):
    shown = raw(ann, at(connection, row, f"?vendor={vendor}"))
    answer = ann.get(at(connection, row, f"router-config/?vendor={vendor}"))
    assert answer["Content-Disposition"] == f'attachment; filename="{row.remote_name}-{vendor}.txt"'
    words = answer.content.decode()
    assert "<your MD5 key>" in words and words.strip() in shown
    assert f"?vendor={vendor}#router" in shown and VENDORS[vendor].title in shown


def test_a_vendor_that_nobody_knows_is_refused(row, connection, ann):
    for page in ("?vendor=acme", "router-config/?vendor=acme", "?vendors=frr"):
        assert ann.get(at(connection, row, page)).status_code == 400, page


def test_htmx_gets_the_part_alone(row, connection, ann):
    part = ann.get(at(connection, row, "?vendor=arista-eos"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and "<h1" not in part and 'id="live"' in part
    assert "vendor=arista-eos" in part and "Arista EOS" in part


# --- what is done to it -----------------------------------------------------------------------------------------------


def test_a_test_of_fail_over_says_what_happens_when_it_ends_and_is_ended(row, connection, ann):
    assert "There is no other way" in text(ann, at(connection, row, "test/"))
    assert "A test lasts from 1 to 240 minutes" in text(ann, at(connection, row, "test/"), 422, {"minutes": "241"})
    assert Interface.unscoped.get().test_until is None
    assert ann.post(at(connection, row, "test/"), {"minutes": "20"}).status_code == 302
    row.refresh_from_db()
    assert row.test_until is not None
    shown = text(ann, at(connection, row))
    assert "A test of fail-over runs" in shown and "ends by itself" in shown and "End the test now" in shown
    Operation.unscoped.all().delete()
    Interface.unscoped.update(status=Status.READY, is_enabled=False)
    assert ann.post(at(connection, row, "test/end/")).status_code == 302
    row.refresh_from_db()
    assert row.test_until is None and Operation.unscoped.get().wanted == {"is_enabled": True}


def test_another_interface_of_the_vpc_is_named_as_the_other_way(row, connection, ann):
    builders.an_interface(
        connection,
        row.vpc,
        "second",
        101,
        link="169.254.11.0/30",
        local_address="169.254.11.1",
        remote_address="169.254.11.2",
    )
    shown = text(ann, at(connection, row, "test/"))
    assert "second" in shown and "There is no other way" not in shown


def test_where_no_test_runs_none_is_ended(row, connection, ann):
    assert ann.post(at(connection, row, "test/end/")).status_code == 302
    assert "No test runs." in text(ann, at(connection, row)) and not Operation.unscoped.exists()


def test_it_is_applied_again_by_one_press(row, connection, ann):
    assert ann.post(at(connection, row, "apply/")).status_code == 302
    assert Operation.unscoped.get().resource_id == row.pk


def test_who_deletes_it_sees_first_what_goes_and_how_long_its_vlan_rests(row, connection, ann):
    shown = text(ann, at(connection, row, "delete/"))
    assert "VLAN 100 rests for 24 hours" in shown and connection.name in shown
    assert not Operation.unscoped.exists()
    assert ann.post(at(connection, row, "delete/")).status_code == 302
    operation = Operation.unscoped.get()
    shown = text(ann, at(connection, row))
    assert str(operation) in shown


def test_one_that_is_gone_has_no_page(row, connection, ann):
    Interface.unscoped.update(status=Status.DELETED)
    assert ann.get(at(connection, row)).status_code == 404


# --- lists ------------------------------------------------------------------------------------------------------------


def test_the_vpc_says_what_is_attached_to_it(row, connection, ann, acme, zone):
    shown = text(ann, f"/t/acme/vpcs/{row.vpc.pk}/direct-connects/")
    assert row.name in shown and connection.name in shown and "VLAN 100" in shown
    other = builders.a_vpc(acme, zone, "zoo", "10.40.0.0/20", netris_id=8)
    shown = text(ann, f"/t/acme/vpcs/{other.pk}/direct-connects/")
    assert "No router of yours is connected" in shown and row.name not in shown


def more_of(row: Interface, count: int) -> None:
    for number in range(count):
        builders.an_interface(
            row.connection,
            row.vpc,
            f"more-{number}",
            200 + number,
            link=f"169.254.20.{4 * number}/30",
            local_address=f"169.254.20.{4 * number + 1}",
            remote_address=f"169.254.20.{4 * number + 2}",
        )


def cost(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(database) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def test_pages_cost_the_same_however_many_there_are(row, connection, ann, vpc: Vpc):
    paths = (at(connection, row), at(connection)[: -len("interfaces/")], f"/t/acme/vpcs/{vpc.pk}/direct-connects/")
    before = [cost(ann, path) for path in paths]
    more_of(row, 9)
    assert [cost(ann, path) for path in paths] == before
    assert before == [13, 12, 20]
