"""What Weft attached to VPCs on Netris and no row has any more: found once for each name, removed by order alone."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.directconnect.models import Interface
from apps.directconnect.stages import Stage
from apps.kernel.errors import Refused
from apps.mirror.models import Kind
from apps.netris.routing import Plug, Session, Side
from apps.netris.wire import Ref
from apps.networks.models import Vpc
from apps.networks.services import create_tier
from apps.networks.specs import TierSpec
from apps.strays.services import adopt, remove
from tests import builders
from tests.builders import BY
from tests.strays.test_strays import PLATFORM, search, vpc  # noqa: F401  # fixtures

pytestmark = pytest.mark.usefixtures("accounts")


class Made:
    """The four objects of a virtual interface in a VPC on Netris."""

    def __init__(self, netris: Any, world: Any, vpc: Vpc, pk: UUID) -> None:  # noqa: F811
        self.netris, self.vpc_id, self.name = netris, vpc.netris_id, f"weft-dc-{pk.hex}"
        assert self.vpc_id is not None
        tenant, site = Ref(id=1, name="Admin"), Ref(id=1, name="sv")
        body = {"name": self.name, "prefix": "169.254.10.0/30", "tenant": {"id": 1}, "vpc": {"id": self.vpc_id}}
        self.allocation = netris.create_block("allocation", body)
        self.subnet = netris.create_block("subnet", body | {"purpose": "common", "sites": [{"id": 1}]})
        port = world.netris.net.ports.one("name", "swp20@Leaf-1")
        self.vnet = netris.create_vnet(
            name=self.name,
            vpc_id=self.vpc_id,
            tenant=tenant,
            site=site,
            gateway=IPv4Interface("169.254.10.1/30"),
            plugs=[Plug(port["id"], 1200)],
        )
        self.session = netris.create_ebgp(
            Session(
                name=self.name,
                site_id=1,
                vpc_id=self.vpc_id,
                neighbor_as=65010,
                local_address=IPv4Address("169.254.10.1"),
                remote_address=IPv4Address("169.254.10.2"),
                prefix_length=30,
                accepts="",
                announces="",
                prefix_limit=100,
                bfd=True,
                vnet_id=self.vnet,
            )
        )

    @property
    def left(self) -> list[str]:
        """What is there of its name."""
        lists = (self.netris.ebgp_sessions, self.netris.vnets, self.netris.ipam, self.netris.subnets)
        return [each.name for rows in lists for each in rows(self.vpc_id) if each.name == self.name]


@pytest.fixture
def netris(zone, clouds_of) -> Any:
    return clouds_of(zone).netris


@pytest.fixture
def made(netris, world, vpc) -> Made:  # noqa: F811
    return Made(netris, world, vpc, uuid4())


def owner_of(made: Made, vpc: Vpc, **fields: Any) -> Interface:  # noqa: F811
    """The row that it would be of."""
    connection = builders.a_connection(vpc.tenant, builders.a_location(vpc.zone), stage=Stage.IN_SERVICE)
    ids = {"allocation_id": made.allocation, "subnet_id": made.subnet, "vnet_id": made.vnet, "ebgp_id": made.session}
    return builders.an_interface(connection, vpc, pk=UUID(made.name.rpartition("-")[2]), **(ids | fields))


def test_what_belongs_to_nobody_is_one_stray_that_goes_whole_and_on_an_order_alone(
    made,
    vpc,  # noqa: F811
    netris,
    search,  # noqa: F811
    run,
):
    [stray] = search()

    assert (stray.kind, stray.remote_id, stray.name) == (Kind.NETRIS_SESSION, str(made.session), made.name)
    assert (stray.noun, stray.row_id, stray.why) == ("BGP session", None, "Its row is gone.")
    assert stray.facts["vpc"] == netris.get_vpc(vpc.netris_id).name
    assert search() == [stray]  # which removes nothing
    assert len(made.left) == 4
    for act in (remove, adopt):
        with pytest.raises(Refused):
            act(stray, confirmed="something else", by=PLATFORM)
    assert run(remove(stray, confirmed=stray.name, by=PLATFORM)).phase == "succeeded"
    assert (made.left, search()) == ([], [])
    assert netris.get_vpc(vpc.netris_id) is not None


def test_what_a_row_has_is_no_stray(made, vpc, search):  # noqa: F811
    owner_of(made, vpc)
    assert search() == []


@pytest.mark.parametrize("lost", [Kind.NETRIS_SESSION, Kind.NETRIS_VNET, Kind.NETRIS_RANGE])
def test_what_is_left_of_one_is_found_whatever_it_is(made, netris, search, run, lost):  # noqa: F811
    if lost != Kind.NETRIS_SESSION:
        netris.delete_ebgp(made.session)
    if lost == Kind.NETRIS_RANGE:
        netris.delete_vnet(made.vnet)

    [stray] = search()

    assert (stray.kind, stray.name) == (lost, made.name)
    assert run(remove(stray, confirmed=stray.name, by=PLATFORM)).phase == "succeeded"
    assert (made.left, search()) == ([], [])


def test_what_a_row_has_lost_is_told_and_not_removed_under_it(made, vpc, search, run):  # noqa: F811
    owner_of(made, vpc, ebgp_id=None)

    [stray] = search()

    assert (stray.kind, stray.why_not_adopt) == (Kind.NETRIS_SESSION, "Only VPCs and tiers can be adopted.")
    operation = run(remove(stray, confirmed=stray.name, by=PLATFORM))
    assert operation.phase != "succeeded"
    assert len(made.left) == 4


def test_a_row_in_whose_vpc_something_is_done_is_not_judged(made, vpc, search, run):  # noqa: F811
    owner_of(made, vpc, ebgp_id=None)
    operation = create_tier(vpc, TierSpec("cache", IPv4Network("10.20.2.0/24")), by=BY)
    assert search() == []
    run(operation)
    assert [stray.name for stray in search()] == [made.name]


def test_what_carries_another_name_is_nobody_s_business(made, vpc, world, search):  # noqa: F811
    net = world.netris.net
    for shelf, number in ((net.sessions, made.session), (net.vnets, made.vnet), (net.allocations, made.allocation)):
        shelf.change(shelf.get(number), name="weft-dc-of-somebody-else")
    assert search() == []


def test_what_got_another_name_since_is_not_removed(made, world, search, run):  # noqa: F811
    [stray] = search()
    net = world.netris.net
    net.sessions.change(net.sessions.get(made.session), name="theirs")

    operation = run(remove(stray, confirmed=stray.name, by=PLATFORM))

    assert operation.phase != "succeeded"
    assert len(made.left) == 3
    assert "is called theirs by now" in operation.error


def test_a_peering_of_nobody_s_is_found_and_goes(vpc, netris, search, run):  # noqa: F811
    """One that a row has is none, and nor is one of somebody else's."""
    default = next(each.id for each in netris.vpcs() if each.is_default)
    name = f"weft-peering-{uuid4().hex}"
    made = netris.create_peering(name=name, a=Side(vpc.netris_id, ""), b=Side(default, ""))

    [stray] = search()

    assert (stray.kind, stray.name, stray.noun) == (Kind.NETRIS_PEERING, name, "VPC peering")
    assert stray.facts["a"] == netris.get_vpc(vpc.netris_id).name
    row = builders.a_peering(vpc, builders.a_vpc(vpc.tenant, vpc.zone, "peer"), pk=UUID(name[-32:]), netris_id=made)
    assert search() == []
    row.delete()
    assert search() == [stray]
    assert run(remove(stray, confirmed=name, by=PLATFORM)).phase == "succeeded"
    assert (netris.get_peering(made), search()) == (None, [])
