"""Two who want the same thing at the same moment, each over a connection to the database of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connections

from apps.directconnect.interfaces import services
from apps.directconnect.interfaces.specs import InterfaceSpec
from apps.directconnect.models import Connection, FabricPort, Interface, Location
from apps.directconnect.services.locations import delete_location
from apps.directconnect.services.orders import order, transition
from apps.directconnect.specs import OrderSpec
from apps.directconnect.stages import Party, Stage
from apps.kernel.errors import Refused
from apps.tenancy.models import Tenant
from tests import builders
from tests.builders import BY

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works: Callable[[], object]) -> list[str]:
    """What each came to: blank, or the code and the field of its refusal."""
    begin = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> str:
        begin.wait(30)
        try:
            work()
        except Refused as refusal:
            return f"{refusal.code} {refusal.field}"
        else:
            return ""
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return sorted(threads.map(run, works))


def test_of_two_interfaces_that_want_one_vlan_one_has_it(acme: Tenant) -> None:
    """They lead into different VPCs, so no lock of a VPC keeps them apart."""
    zone = builders.a_zone()
    location = builders.a_location(zone)
    port = builders.a_fabric_port(location, remote_id="7", device_id="3")
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE, port=port)
    for number in range(5):
        vpcs = [
            builders.a_vpc(acme, zone, f"{name}-{number}", f"10.{net + number}.0.0/20", netris_id=net + number)
            for name, net in (("a", 20), ("b", 40))
        ]
        works = []
        for vpc in vpcs:
            spec = InterfaceSpec.parse({"name": vpc.name, "vpc": vpc.name, "peer_asn": 65010, "vlan": 1200 + number})
            connection = Connection.unscoped.select_related("tenant", "location__zone", "port").get(pk=row.pk)
            works.append(lambda vpc=vpc, spec=spec, at=connection: services.create_interface(at, vpc, spec, by=BY))
        told = at_once(*works)
        assert told in (["", "vlan-taken vlan"], ["", "busy vlan"]), told
        assert Interface.unscoped.filter(port=port, vlan=1200 + number).count() == 1


def test_of_two_admins_who_give_one_port_to_two_orders_one_does(acme: Tenant, globex: Tenant) -> None:
    location = builders.a_location(builders.a_zone())
    for number in range(5):
        rows = [
            builders.a_connection(tenant, location, f"c{number}", stage=Stage.APPROVED) for tenant in (acme, globex)
        ]
        port = builders.a_fabric_port(location, f"swp{number}@Leaf-1")
        said = {"port": port.name}
        told = at_once(
            *(
                lambda row=row, said=said: transition(row, Stage.PORT_RESERVED, said, party=Party.PLATFORM, by=BY)
                for row in rows
            )
        )
        assert told == ["", "port-unfit port"]
        assert Connection.unscoped.filter(port=port).count() == 1
        assert FabricPort.objects.filter(pk=port.pk).exists()


def test_of_two_letters_with_one_number_one_is_issued(acme: Tenant) -> None:
    """At two locations, so no lock of one keeps them apart."""
    zone = builders.a_zone()
    for number in range(5):
        rows = [
            builders.a_connection(
                acme, builders.a_location(zone, f"{name} {number}"), f"{name}{number}", Stage.PORT_RESERVED
            )
            for name in ("a", "b")
        ]
        said = {"number": f"LOA-{number}"}
        told = at_once(
            *(
                lambda row=row, said=said: transition(row, Stage.LOA_ISSUED, said, party=Party.PLATFORM, by=BY)
                for row in rows
            )
        )
        assert told == ["", "number-taken number"]
        assert Connection.unscoped.filter(loa_number=f"LOA-{number}").count() == 1


def test_no_order_is_made_at_a_location_that_is_deleted_at_the_same_moment(acme: Tenant) -> None:
    zone, platform = builders.a_zone(), builders.the_platform()
    for number in range(5):
        location = builders.a_location(zone, f"Paris {number}")
        values = {"name": f"c{number}", "location": str(location.pk), "speed": 10_000, "kind": "dedicated"}
        spec = OrderSpec.parse(values)
        told = at_once(partial(order, acme, spec, by=BY), partial(delete_location, location, by=platform))
        assert told in (["", "location-unknown location"], ["", "not-now None"]), told
        assert (
            Connection.unscoped.filter(name=f"c{number}").exists() == Location.objects.filter(pk=location.pk).exists()
        )
