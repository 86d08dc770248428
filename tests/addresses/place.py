"""What the tests of static NAT and port forwards stand on: a VPC, a tier, instances and addresses that are real."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID

from apps.addresses.models import PublicIp
from apps.addresses.ways import DNAT
from apps.instances import queries as instances
from apps.instances.queries import Instance
from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.netris.wire import NatRule
from apps.networks.models import Vpc
from apps.networks.services import create_vpc
from apps.networks.specs import TierSpec
from apps.operations.models import Operation
from apps.operations.state import Phase
from sandbox.cloudstack.inhabitants import Order
from tests import builders
from tests.builders import BY, a_vpc_spec
from tests.questions import Watch

WEB = TierSpec("web", IPv4Network("10.20.0.0/24"))


class Place:
    def __init__(self, acme: Any, zone: Any, run: Any, world: Any, watch: Watch, clock: Any) -> None:
        self.acme, self.zone, self.run, self.world, self.watch, self.clock = acme, zone, run, world, watch, clock
        assert run(create_vpc(acme, a_vpc_spec(zone, tiers=(WEB,)), by=BY)).phase == Phase.SUCCEEDED
        self.vpc = Vpc.unscoped.select_related("zone", "tenant").get()
        self.tier = self.vpc.tiers.get()
        self.ids: list[UUID] = []

    @property
    def cloudstack(self) -> Any:
        return self.watch.clouds_of(self.zone).cloudstack

    def move_in(self, order: Order) -> None:
        ids = self.world.cloudstack.inhabitants.move_in(order)
        for _ in range(20):
            self.clock.shift(timedelta(seconds=10))
            self.world.cloudstack.run_due_jobs()
        self.ids += map(UUID, ids)
        self.see(Kind.CLOUDSTACK_INSTANCE)

    def see(self, kind: Kind) -> None:
        """The mirror reads a list now."""
        self.clock.shift(timedelta(minutes=5))
        refresh(self.zone, kind, self.watch.clouds_of(self.zone))

    def instance(self, number: int = 0) -> Instance:
        found = instances.find(self.acme, self.ids[number])
        assert found is not None
        return found

    def public_ip(self) -> PublicIp:
        """One that is free, taken for the VPC in CloudStack and here."""
        pool = self.cloudstack.public_ip_pages(str(self.zone.cloudstack_zone_id))
        free = next(each for page in pool for each in page if each.is_free)
        self.cloudstack.acquire_public_ip(free.ipaddress, vpc_id=str(self.vpc.cloudstack_id))
        self.clock.shift(timedelta(seconds=30))
        self.world.cloudstack.run_due_jobs()
        row = builders.a_public_ip(self.vpc, str(free.ipaddress), cloudstack_id=free.id)
        return PublicIp.unscoped.select_related("vpc__zone", "tenant").get(pk=row.pk)

    def rules(self) -> list[NatRule]:
        """What leads to instances of the VPC on Netris."""
        found = self.watch.clouds_of(self.zone).netris.all_nat_rules()
        return [rule for rule in found if rule.action == DNAT and rule.vpc.id == self.vpc.netris_id]

    def leads(self) -> list[tuple[Any, Any]]:
        rules = self.rules()
        return [
            (rule.destination_address.network_address, rule.dnat_to_ip) for rule in rules if rule.destination_address
        ]

    def shown(self, public_ip: PublicIp) -> Any:
        return self.cloudstack.get_public_ip(str(public_ip.cloudstack_id))

    def done(self, operation: Operation) -> None:
        operation = self.run(operation)
        assert operation.phase == Phase.SUCCEEDED, operation.steps
