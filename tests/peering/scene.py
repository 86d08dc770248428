"""What the tests of peerings stand on: a VPC of each of two tenants, and a second one of the first, all real."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.networks.models import Vpc
from apps.networks.services import create_vpc
from apps.networks.specs import TierSpec
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from apps.peering.exchange import entries
from apps.peering.models import Peering
from apps.peering.services import accept_peering, create_peering
from apps.peering.specs import AnswerSpec, PeeringSpec, PeerSpec
from tests.builders import BY, a_vpc_spec
from tests.questions import Watch

HERE, THERE, OTHER = (IPv4Network(f"10.{number}.0.0/16") for number in (20, 30, 40))


def first(block: IPv4Network) -> IPv4Network:
    """The tier of a VPC."""
    return next(block.subnets(new_prefix=24))


class Scene:
    def __init__(self, acme: Any, globex: Any, zone: Any, run: Any, world: Any, watch: Watch, clock: Any) -> None:
        self.acme, self.globex, self.zone, self.run, self.clock = acme, globex, zone, run, clock
        self.world, self.watch = world, watch
        self.here = self.a_vpc(acme, "shop", HERE)
        self.there = self.a_vpc(globex, "stock", THERE)
        self.other = self.a_vpc(acme, "lab", OTHER)
        del watch.calls[:]

    def a_vpc(self, tenant: Any, name: str, cidr: IPv4Network) -> Vpc:
        spec = a_vpc_spec(self.zone, name=name, cidr=cidr, tiers=(TierSpec("web", first(cidr)),))
        self.done(create_vpc(tenant, spec, by=BY))
        return Vpc.unscoped.select_related("tenant", "zone").get(tenant=tenant, name=name)

    def done(self, operation: Operation | None) -> Operation:
        assert operation is not None
        operation = self.run(operation)
        assert operation.phase == Phase.SUCCEEDED, (operation.error, operation.steps)
        return operation

    def ask(self, **fields: Any) -> Peering:
        spec = PeeringSpec(PeerSpec(tenant=self.globex.slug, name="shop of Acme"), (first(HERE),), **fields)
        return create_peering(self.here, spec, by=BY)[0]

    def accept(self, row: Peering, prefixes: tuple[IPv4Network, ...] = (first(THERE),), **fields: Any) -> Operation:
        return accept_peering(row, self.there, AnswerSpec(prefixes, **fields), by=BY)

    def within(self, **fields: Any) -> Operation:
        spec = PeeringSpec(PeerSpec(vpc=self.other.pk), (HERE,), **fields)
        operation = create_peering(self.here, spec, by=BY)[1]
        assert operation is not None
        return operation

    def agreed(self) -> Peering:
        """Between both tenants, and built."""
        row = self.ask()
        self.done(self.accept(row))
        return live()

    def see(self) -> None:
        """The mirror reads Netris' peerings now."""
        self.clock.shift(timedelta(minutes=5))
        refresh(self.zone, Kind.NETRIS_PEERING, self.watch.clouds_of(self.zone))

    @property
    def shelf(self) -> Any:
        return self.world.netris.net.peerings

    def on_netris(self) -> dict[str, Any]:
        """What each VPC takes, by the names of the peerings and the ids of the VPCs."""
        rows = self.watch.clouds_of(self.zone).netris.all_peerings()
        return {row.name: {side.id: entries(side.accepts) for side in (row.a, row.b)} for row in rows}

    def agree(self) -> None:
        """What Weft claims is what Netris has, and nothing else."""
        rows = list(Peering.unscoped.agreed().select_related("vpc", "peer_vpc"))
        assert {row.status for row in rows} <= {Status.READY}
        there = self.on_netris()
        assert set(there) == {row.remote_name for row in rows}
        for row in rows:
            assert row.netris_id is not None
            assert there[row.remote_name] == {
                row.vpc.netris_id: [f"permit {each} le 32" for each in row.accepted],
                row.peer_vpc.netris_id: [f"permit {each} le 32" for each in row.peer_accepted],
            }


def live() -> Peering:
    found: Peering = (
        Peering.unscoped.live()
        .select_related("tenant", "peer_tenant", "vpc__tenant", "vpc__zone", "peer_vpc__tenant", "peer_vpc__zone")
        .get()
    )
    return found
