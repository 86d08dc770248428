"""What a zone's IPAM is like, as it was last read, and what that allows: asked by pages, scripts and sheets alike.

An estate is read once, however many rows are then checked against it: three queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from apps.fabric.models import Owner, SurveyedSubnet
from apps.ipam.models import Block
from apps.ipam.specs import WITH_GATEWAY, BlockSpec
from apps.kernel.errors import Refused
from apps.kernel.inet import Network
from apps.mirror.models import Item, Kind
from apps.mirror.sweeps import SWEEPS
from apps.zones.models import Zone

Reference = dict[str, Any]


@dataclass(frozen=True)
class Estate:
    """`vpc` is the System VPC, None while Netris' VPCs were never read; `sites` are ids by their names."""

    zone: Zone
    vpc: Reference | None
    #: Whose what is made here is in Netris: that of the System VPC.
    netris_tenant: Reference
    sites: Mapping[str, int]
    blocks: Sequence[SurveyedSubnet]
    #: Prefixes of allocations that are to be made before.
    planned: list[Network] = field(default_factory=list)

    @classmethod
    def of(cls, zone: Zone) -> Estate:
        found = Item.objects.filter(zone=zone, kind=Kind.NETRIS_VPC, data__is_system=True).first()
        system = SWEEPS[Kind.NETRIS_VPC].row_of(found.data) if found else None
        names = Item.objects.filter(zone=zone, kind=Kind.NETRIS_SITE).order_by("name")
        return cls(
            zone=zone,
            vpc={"id": system.id, "name": system.name} if system else None,
            netris_tenant=system.admin_tenant.model_dump() if system else {},
            sites={name: int(remote_id) for name, remote_id in names.values_list("name", "remote_id")},
            blocks=list(SurveyedSubnet.objects.of_platform().filter(zone=zone).order_by("sort_key")),
        )

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], SurveyedSubnet]:
        return {(row.type, str(row.prefix)): row for row in self.blocks}

    @cached_property
    def allocations(self) -> list[SurveyedSubnet]:
        return [row for row in self.blocks if row.type == Block.ALLOCATION and row.prefix is not None]

    @cached_property
    def _names(self) -> Mapping[tuple[str, str], SurveyedSubnet]:
        return {(row.type, row.name): row for row in self.blocks}

    def find(self, type_: str, prefix: object) -> SurveyedSubnet | None:
        return self._by_place.get((type_, str(prefix)))

    def around(self, prefix: Network) -> SurveyedSubnet | None:
        """The allocation in which a prefix lies."""
        return next((row for row in self.allocations if _lies_in(prefix, row.prefix)), None)

    def site_refs(self, names: Iterable[str]) -> list[Reference]:
        return [{"id": self.sites[name], "name": name} for name in names]

    def faults(self, spec: BlockSpec) -> Iterator[Refused]:
        """Why it cannot be made here."""
        if self.vpc is None:
            yield Refused("not-read", f"Netris of {self.zone} was not read yet. Try again in a minute.", "zone")
            return
        if self.find(spec.type, spec.prefix):
            yield Refused("prefix-taken", f"There is such {_an(spec.type)} already.", "prefix")
        elif spec.type == Block.ALLOCATION:
            for other in (*(row.prefix for row in self.allocations), *self.planned):
                if other.version == spec.prefix.version and other.overlaps(spec.prefix):
                    message = f"It overlaps the allocation {other}. Allocations of a VPC never overlap."
                    yield Refused("prefix-overlaps", message, "prefix")
                    break
        elif not self.around(spec.prefix) and not any(_lies_in(spec.prefix, each) for each in self.planned):
            yield Refused("prefix-outside", "It lies in no allocation. Make one around it first.", "prefix")
        yield from self.faults_of(spec.type, spec.prefix, vars(spec))

    def faults_of(
        self, type_: str, prefix: Network, values: Mapping[str, Any], row: SurveyedSubnet | None = None
    ) -> Iterator[Refused]:
        """What is wrong with these values of a block of this prefix; of the one in the row, where it is there."""
        named = self._names.get((type_, str(values.get("name", ""))))
        if named is not None and named != row:
            yield Refused("name-taken", f"{named.prefix} is called so already.", "name")
        if type_ == Block.ALLOCATION:
            return
        for name in values.get("sites", ()):
            if name not in self.sites:
                known = f" It has {', '.join(self.sites)}." if self.sites else ""
                yield Refused("site-unknown", f"Netris has no site “{name[:50]}”.{known}", "sites")
        if "sites" in values and not values["sites"]:
            yield Refused("site-missing", "Name the site that it is of.", "sites")
        yield from _gateway_faults(prefix, str(values.get("purpose", "")), str(values.get("gateway", "")))


def _gateway_faults(prefix: Network, purpose: str, gateway: str) -> Iterator[Refused]:
    if not gateway:
        return
    if purpose != WITH_GATEWAY:
        yield Refused("gateway-not-here", f"Only a subnet for {WITH_GATEWAY} has a gateway.", "gateway")
        return
    address = ip_address(gateway)
    if address not in prefix or address == prefix.network_address or address == prefix.broadcast_address:
        yield Refused("gateway-outside", f"It is no address for a machine in {prefix}.", "gateway")


def _lies_in(prefix: Network, around: Any) -> bool:
    return bool(around is not None and prefix.version == around.version and prefix.subnet_of(around))


def _an(type_: str) -> str:
    return f"an {type_}" if type_ == Block.ALLOCATION else f"a {type_}"


# --- what one carries -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Carried:
    """What lies in a block: while there is anything, it stays as it is. Netris would delete all of it along with the
    block, without a word (quirk 3)."""

    subnets: int
    addresses: int
    hosts: int
    public_ips: int

    @property
    def words(self) -> str:
        """ "2 subnets, 14 addresses in use"; empty for nothing."""
        told = (
            (self.subnets, "subnet", "subnets"),
            (self.addresses, "single address of a VPC", "single addresses of VPCs"),
            (self.hosts, "address in use", "addresses in use"),
            (self.public_ips, "public IP of CloudStack", "public IPs of CloudStack"),
        )
        return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in told if count)


def carried_by(row: SurveyedSubnet) -> Carried:
    """Two queries."""
    below = SurveyedSubnet.objects.filter(zone=row.zone_id, parent_id=row.remote_id).count()
    names = Item.objects.filter(zone=row.zone_id, kind=Kind.CLOUDSTACK_ADDRESS).values_list("name", flat=True)
    public = sum(_is_in(name, row.prefix) for name in names.iterator())
    return Carried(below, row.addresses, row.hosts or 0, public)


def _is_in(text: str, prefix: Any) -> bool:
    try:
        return prefix is not None and ip_address(text) in prefix
    except ValueError:
        return False


def why_not_touch(row: SurveyedSubnet) -> str | None:
    """Why it cannot be changed or deleted from here, whatever lies in it; None when it can."""
    if row.owner == Owner.TENANT:
        return f"CloudStack has made it for the VPC {row.whose}, and takes it away with that or with its tier."
    if row.owner == Owner.NOBODY:
        return f"It is of the VPC {row.netris_vpc} in Netris, which is not Weft's: what that has is left to its owner."
    if row.is_read_only:
        return "Netris has it from the provider of its fabric, and does not let it be changed."
    if row.prefix is None:
        return "Netris does not tell its prefix."
    return None


def why_not_delete(row: SurveyedSubnet, carried: Carried) -> str | None:
    if reason := why_not_touch(row):
        return reason
    if carried.words:
        return f"It still has {carried.words}. Netris would delete whatever lies in it along with it."
    return None
