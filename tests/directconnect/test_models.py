"""What the database refuses, whoever writes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.directconnect.models import Connection, FabricPort, Interface, PortKind, StageEntry
from apps.directconnect.stages import Party, Stage
from apps.kernel import clock
from apps.operations.provisioned import Status
from tests import builders

pytestmark = pytest.mark.django_db


def refused(constraint):
    """Refused by this constraint, when the transaction ends at the latest."""
    return pytest.raises(IntegrityError, match=constraint)


def checked():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_can_be_held_and_no_other(acme, location, stage):
    row = builders.a_connection(acme, location, stage=stage)
    assert Connection.unscoped.get(pk=row.pk).order.stage is stage

    with refused("connection_is_in_a_stage"), transaction.atomic():
        Connection.unscoped.filter(pk=row.pk).update(stage="ordered")


@pytest.mark.parametrize("stage", [Stage.PORT_RESERVED, Stage.IN_SERVICE, Stage.SUSPENDED])
def test_from_its_reservation_on_it_has_a_port(acme, location, stage):
    with refused("connection_has_a_port_in_time"):
        builders.a_connection(acme, location, stage=stage, port=None)


@pytest.mark.parametrize("stage", [Stage.DRAFT, Stage.SUBMITTED, Stage.APPROVED, Stage.REJECTED, Stage.CLOSED])
def test_before_that_and_when_it_is_over_it_has_none(acme, location, stage):
    with refused("connection_has_a_port_in_time"):
        builders.a_connection(acme, location, stage=stage, port=builders.a_fabric_port(location))


def test_no_letter_no_stage_that_needs_one(acme, location):
    with refused("connection_has_a_letter_in_time"):
        builders.a_connection(acme, location, stage=Stage.LOA_ISSUED, loa_number="")


@pytest.mark.parametrize(
    ("stage", "held"),
    [
        (Stage.ON_HOLD, ""),
        (Stage.ON_HOLD, Stage.IN_SERVICE),
        (Stage.SUSPENDED, Stage.SUBMITTED),
        (Stage.SUBMITTED, Stage.DRAFT),
    ],
)
def test_it_knows_where_it_goes_back_to_exactly_while_it_is_held(acme, location, stage, held):
    with refused("connection_knows_where_it_was"):
        builders.a_connection(acme, location, stage=stage, held_stage=held)


def test_a_dedicated_port_has_one_connection_until_that_is_closed(acme, globex, location):
    port = builders.a_fabric_port(location)
    first = builders.a_connection(acme, location, stage=Stage.PORT_RESERVED, port=port)

    with refused("dedicated_port_has_one_connection"), transaction.atomic():
        builders.a_connection(globex, location, stage=Stage.PORT_RESERVED, port=port)
    Connection.unscoped.filter(pk=first.pk).update(stage=Stage.CLOSED, port=None)
    builders.a_connection(globex, location, stage=Stage.PORT_RESERVED, port=port)


def test_a_shared_port_has_many(acme, globex, location):
    port = builders.a_fabric_port(location, kind=PortKind.HOSTED)

    for tenant in (acme, globex):
        builders.a_connection(tenant, location, kind=PortKind.HOSTED, stage=Stage.PORT_RESERVED, port=port)


def test_a_port_is_one_of_the_location_and_of_the_kind_that_was_ordered(acme, zone, location):
    elsewhere = builders.a_fabric_port(builders.a_location(zone, "Lyon"))
    shared = builders.a_fabric_port(location, "swp8@Leaf-1", kind=PortKind.HOSTED)

    for port in (elsewhere, shared):
        with refused("port_of_its_location"), transaction.atomic():
            builders.a_connection(acme, location, stage=Stage.PORT_RESERVED, port=port)
            checked()


def test_a_port_of_the_fabric_is_in_one_place(zone, location):
    builders.a_fabric_port(location)

    with refused("port_is_in_one_place"):
        builders.a_fabric_port(builders.a_location(zone, "Lyon"))


def test_a_port_is_of_the_zone_of_its_location(location):
    with refused("port_zone_of_location"), transaction.atomic():
        builders.a_fabric_port(location, zone=builders.a_zone("Zone-2"))
        checked()


def test_a_connection_is_kept_apart_from_ones_own_alone(acme, globex, location):
    theirs = builders.a_connection(globex, location)

    with refused("connection_apart_from_own"), transaction.atomic():
        builders.a_connection(acme, location, apart_from=theirs)
        checked()


def test_a_name_is_free_again_when_its_connection_is_closed(acme, globex, location):
    first = builders.a_connection(acme, location, "Paris")
    builders.a_connection(globex, location, "Paris")

    with refused("connection_name_is_unique"), transaction.atomic():
        builders.a_connection(acme, location, "PARIS")
    Connection.unscoped.filter(pk=first.pk).update(stage=Stage.CLOSED)
    builders.a_connection(acme, location, "PARIS")


def test_what_happened_to_an_order_is_never_changed(acme, location):
    row = builders.a_connection(acme, location)
    entry = StageEntry.unscoped.create(connection=row, to_stage=Stage.DRAFT, party=Party.TENANT, actor="ada")

    with refused("entries_are_never_changed"), transaction.atomic():
        StageEntry.unscoped.filter(pk=entry.pk).update(actor="bob")
    with refused("entry_is_of_stages"), transaction.atomic():
        StageEntry.unscoped.create(connection=row, to_stage="gone", party=Party.TENANT, actor="ada")


def test_a_vlan_of_a_port_is_held_until_its_rest_is_over(acme, globex, zone, location, vpc):
    port = builders.a_fabric_port(location, kind=PortKind.HOSTED)
    ours, theirs = (
        builders.a_connection(tenant, location, kind=PortKind.HOSTED, stage=Stage.IN_SERVICE, port=port)
        for tenant in (acme, globex)
    )
    first = builders.an_interface(ours, vpc)
    Interface.unscoped.filter(pk=first.pk).update(status=Status.DELETED, rests_until=clock.now() + timedelta(hours=1))

    with refused("vlan_is_free"), transaction.atomic():
        builders.an_interface(theirs, builders.a_vpc(globex, zone))
    Interface.unscoped.filter(pk=first.pk).update(holds_vlan=False)
    builders.an_interface(theirs, builders.a_vpc(globex, zone))


def test_a_port_stays_while_a_vlan_of_it_is_held(acme, location, vpc):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    port = row.port
    interface = builders.an_interface(row, vpc, status=Status.DELETED)
    Connection.unscoped.filter(pk=row.pk).update(stage=Stage.CLOSED, port=None)

    with refused("vlan_is_held_at_a_port"), transaction.atomic():
        port.delete()
    Interface.unscoped.filter(pk=interface.pk).update(holds_vlan=False)
    port.delete()
    assert not FabricPort.objects.filter(pk=port.pk).exists()


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"vlan": 1}, "vlan_can_be_tagged"),
        ({"vlan": 4095}, "vlan_can_be_tagged"),
        ({"peer_asn": 0}, "peer_has_an_asn"),
        ({"max_prefixes": 0}, "prefixes_are_limited"),
        ({"remote_address": "169.254.11.2"}, "both_ends_lie_in_the_link"),
        ({"remote_address": "169.254.10.1"}, "both_ends_lie_in_the_link"),
        ({"holds_vlan": False}, "live_ones_hold_their_vlan"),
    ],
)
def test_an_interface_that_cannot_be_is_refused(acme, location, vpc, fields, constraint):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)

    with refused(constraint):
        builders.an_interface(row, vpc, **fields)


def test_links_of_a_vpc_do_not_overlap_and_those_of_others_may(acme, zone, location, vpc):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    builders.an_interface(row, vpc)
    builders.an_interface(row, builders.a_vpc(acme, zone, "other"), "elsewhere", 101)

    with refused("links_do_not_overlap"):
        builders.an_interface(row, vpc, "second", 102)


def test_an_interface_belongs_to_the_tenant_of_its_connection_and_of_its_vpc(acme, globex, zone, location, vpc):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    theirs = builders.a_connection(globex, location, stage=Stage.IN_SERVICE)

    with refused("interface_of_vpc"), transaction.atomic():
        builders.an_interface(row, builders.a_vpc(globex, zone))
        checked()
    with refused("interface_of_connection"), transaction.atomic():
        builders.an_interface(theirs, vpc, tenant=acme)
        checked()


def test_a_secret_lies_sealed_in_the_database(acme, location, vpc):
    row = builders.an_interface(
        builders.a_connection(acme, location, stage=Stage.IN_SERVICE), vpc, md5="open sesame", has_md5=True
    )

    with connection.cursor() as cursor:
        cursor.execute("SELECT md5 FROM directconnect_interface WHERE id = %s", [row.pk])
        assert "sesame" not in cursor.fetchone()[0]
    assert Interface.unscoped.get(pk=row.pk).md5.get_secret_value() == "open sesame"
