"""What an operation moves over the wire, which may not depend on how much others have built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

import httpx

from apps.accounts.services import open_account
from apps.acls.rules import parse_rules
from apps.acls.services import assign, change_rules, unassign
from apps.addresses.models import PortForward, PublicIp, Purpose, StaticNat
from apps.addresses.ports import ForwardSpec
from apps.addresses.services.port_forwards import create_port_forward, delete_port_forward
from apps.addresses.services.public_ips import acquire, release
from apps.addresses.services.static_nats import create_static_nat, delete_static_nat
from apps.addresses.specs import PublicIpSpec
from apps.instances import queries as instances
from apps.mirror.models import Kind
from apps.mirror.services import refresh
from apps.networks.models import Tier, Vpc
from apps.networks.services import create_tier, create_vpc, delete_tier, delete_vpc
from apps.networks.specs import TierSpec
from apps.operations.provisioned import Status
from apps.zones.clouds import Clouds, connect, hooks_for
from sandbox.cloudstack.inhabitants import Order
from sandbox.generator import Size, fill, site_of
from sandbox.world import World
from tests import builders
from tests.builders import BY, a_vpc_spec
from tests.conftest import KEYS, LOGIN, runner, sweep_of, zone_of
from tests.sandbox.cloudstack.client import root_of

CREATE, ADD, TAKE, DELETE = "a VPC with two tiers", "a tier more", "a tier less", "the VPC gone"
ACQUIRE, RELEASE, LEAD, DISABLE = "a public IP", "the public IP gone", "static NAT", "static NAT gone"
FORWARD, FORWARD_NO_MORE = "a port forward", "the port forward gone"
ASSIGN, CHANGE, UNASSIGN = "a list for a tier", "a rule more in the list", "the tier without a list"


class Meter(httpx.BaseTransport):
    """Counts what passes: how often, and how many bytes of answers."""

    def __init__(self, inner: httpx.BaseTransport, calls: Counter[str], read: Counter[str]) -> None:
        self._inner, self._calls, self._read = inner, calls, read

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        self._calls[request.extensions["call"]] += 1
        self._read[request.extensions["call"]] += len(response.read())
        return response


def moved_among(vpcs: int, tenant: Any, clock: Any) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """Calls and bytes of each operation at a site with so many other VPCs."""
    size = Size.parse(f"vpcs={vpcs},tiers=1,machines=0,rules=0,forwards=0,balancers=0,staticnats=0,routes=0,peerings=0")
    world = World(site=site_of(size), cloudstack_keys=KEYS, netris_login=LOGIN, job_seconds=2.0)
    fill(world, size)
    zone = zone_of(world)
    calls, read = Counter[str](), Counter[str]()
    transports = [Meter(each, calls, read) for each in (world.cloudstack_transport(), world.netris_transport())]
    opened = connect(zone, hooks_for(zone), transports=(transports[0], transports[1]))

    def clouds_of(_zone: Any) -> Clouds:
        return opened

    run = runner(clock, clouds_of, sweep_of(world))
    assert run(open_account(tenant, zone, by=builders.the_platform())).phase == "succeeded"
    found = {}

    def measure(what: str, operation: Any) -> None:
        calls.clear()
        read.clear()
        assert run(operation).phase == "succeeded"
        found[what] = Counter(calls), Counter(read)

    mine = Vpc.unscoped.filter(zone=zone)
    measure(CREATE, create_vpc(tenant, a_vpc_spec(zone, name=f"among {vpcs}"), by=BY))
    measure(ADD, create_tier(mine.get(), TierSpec("cache", IPv4Network("10.20.2.0/24")), by=BY))

    def settle() -> None:
        for _ in range(20):
            clock.shift(timedelta(seconds=10))
            world.cloudstack.run_due_jobs()

    measure_what_lies_in(mine.get(), world, opened, measure, settle)
    measure(TAKE, delete_tier(Tier.unscoped.get(vpc__zone=zone, name="cache"), by=BY))
    measure(DELETE, delete_vpc(mine.get(), by=BY))
    assert not mine.exclude(status=Status.DELETED).exists()
    world.close()
    zone.name = f"{zone.name} of {vpcs}"
    zone.slug = f"among-{vpcs}"
    zone.is_enabled = False
    zone.save()
    return found


def measure_what_lies_in(
    vpc: Vpc, world: World, opened: Clouds, measure: Callable[[str, Any], None], settle: Callable[[], None]
) -> None:
    tier = vpc.tiers.get(name="web")
    world.cloudstack.inhabitants.move_in(Order(tier.remote_name, count=1, name="web"))
    settle()
    refresh(vpc.zone, Kind.CLOUDSTACK_INSTANCE, opened)
    refresh(vpc.zone, Kind.CLOUDSTACK_ADDRESS, opened)
    [instance] = instances.choices(vpc.tenant, vpc=vpc)

    measure(ACQUIRE, acquire(vpc, PublicIpSpec.parse({}), by=BY))
    public_ip = PublicIp.unscoped.live().exclude(purpose=Purpose.SOURCE_NAT).get(vpc=vpc)
    measure(LEAD, create_static_nat(public_ip, instance, by=BY))
    measure(DISABLE, delete_static_nat(StaticNat.unscoped.live().get(vpc=vpc), by=BY))
    ports = ForwardSpec.parse({"protocol": "tcp", "public_ports": "8000-8001", "private_ports": "8000-8001"})
    measure(FORWARD, create_port_forward(public_ip, instance, ports, by=BY))
    measure(FORWARD_NO_MORE, delete_port_forward(PortForward.unscoped.live().get(vpc=vpc), by=BY))
    measure(RELEASE, release(public_ip, by=BY))

    rule = {"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": "443", "cidrs": ["0.0.0.0/0"]}
    acl = builders.an_acl(vpc, rules=[rule])
    measure(ASSIGN, assign(tier, str(acl.pk), by=BY))
    measure(CHANGE, change_rules(acl, parse_rules([rule, rule | {"ports": "80"}]), by=BY))
    measure(UNASSIGN, unassign(tier, by=BY))
    root_of(world)("destroyVirtualMachine", id=str(instance.id), expunge=True)
    settle()


def test_an_operation_moves_as_much_among_two_thousand_vpcs_as_among_fifty(acme: Any, clock: Any) -> None:
    few, many = (moved_among(vpcs, acme, clock) for vpcs in (50, 2000))

    assert len(few) == 13
    for what in few:
        assert many[what][0] == few[what][0], what
        for call, size in many[what][1].items():  # an id has more digits where there are more of them
            assert abs(size - few[what][1][call]) <= 0.05 * few[what][1][call], f"{what}: {call}"
        assert many[what][1].total() < 100_000, f"{what}: {many[what]}"
