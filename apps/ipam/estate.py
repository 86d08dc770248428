"""What a zone's IPAM is like, as it was last read, and what that allows: asked by pages, scripts and sheets alike.

An estate is read once, however many rows are then checked against it: five queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from django.db.models import Exists, OuterRef

from apps.fabric.models import Owner, Part, Survey, SurveyedSubnet
from apps.ipam.models import Block
from apps.ipam.ranges import Addresses, Prefixes
from apps.ipam.specs import WITH_GATEWAY, BlockSpec
from apps.kernel.errors import Refused
from apps.kernel.inet import Network
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.sweeps import SWEEPS
from apps.operations.models import Operation
from apps.operations.state import Goal, Phase
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
    #: Allocations that were made since Netris was read.
    made: Sequence[Network]
    #: What is to be made or to be called so before, by type and name: see `plan`.
    _planned: dict[tuple[str, str], Network] = field(default_factory=dict)

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
            made=_made_since(zone),
        )

    def plan(self, type_: str, prefix: Network, name: str) -> None:
        """What is checked after this one is checked as though that were so."""
        self._planned[type_, name] = prefix
        if type_ == Block.ALLOCATION:
            self._allocations.add(prefix)

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], SurveyedSubnet]:
        return {(row.type, str(row.prefix)): row for row in self.blocks}

    @cached_property
    def _allocations(self) -> Prefixes:
        seen = [row.prefix for row in self.blocks if row.type == Block.ALLOCATION and row.prefix is not None]
        return Prefixes([*seen, *self.made])

    @cached_property
    def _names(self) -> Mapping[tuple[str, str], SurveyedSubnet]:
        return {(row.type, row.name): row for row in self.blocks}

    def find(self, type_: str, prefix: object) -> SurveyedSubnet | None:
        return self._by_place.get((type_, str(prefix)))

    def carried_by(self, row: SurveyedSubnet) -> Carried:
        """What lies in one of its blocks. Three queries, for however many are asked about."""
        return self._public_ips.carried(row, self._below[row.remote_id])

    @cached_property
    def _below(self) -> Mapping[str, int]:
        return Counter(row.parent_id for row in self.blocks)

    @cached_property
    def _public_ips(self) -> PublicIps:
        return PublicIps.of(self.zone)

    def site_refs(self, names: Iterable[str]) -> list[Reference]:
        return [{"id": self.sites[name], "name": name} for name in names]

    def faults(self, spec: BlockSpec) -> Iterator[Refused]:
        """Why it cannot be made here."""
        if not self.zone.is_enabled:
            yield Refused("zone-disabled", f"{self.zone} is disabled. Nothing is made there.", "zone")
            return
        if self.vpc is None:
            yield Refused("not-read", f"Netris of {self.zone} was not read yet. Try again in a minute.", "zone")
            return
        if self.find(spec.type, spec.prefix):
            yield Refused("prefix-taken", f"There is such {_an(spec.type)} already.", "prefix")
        elif spec.type == Block.ALLOCATION:
            if other := self._allocations.overlapping(spec.prefix):
                message = f"It overlaps the allocation {other}. Allocations of a VPC never overlap."
                yield Refused("prefix-overlaps", message, "prefix")
        elif not self._allocations.around(spec.prefix):
            yield Refused("prefix-outside", "It lies in no allocation. Make one around it first.", "prefix")
        yield from self.faults_of(spec.type, spec.prefix, vars(spec))

    def faults_of(
        self, type_: str, prefix: Network, values: Mapping[str, Any], row: SurveyedSubnet | None = None
    ) -> Iterator[Refused]:
        """What is wrong with these values of a block of this prefix; of the one in the row, where it is there."""
        name = str(values.get("name", ""))
        named = self._names.get((type_, name))
        if named is not None and named != row:
            yield Refused("name-taken", f"{named.prefix} is called so already.", "name")
        elif (other := self._planned.get((type_, name), prefix)) != prefix:
            yield Refused("name-taken", f"{other} is to be called so.", "name")
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


def _made_since(zone: Zone) -> list[Network]:
    """Of allocations that its Netris has by our own doing, though they are in no reading yet. A reading tells of when
    it began. Two queries."""
    survey = Survey.objects.filter(zone=zone).first()
    since = survey.read_at(Part.SUBNET) if survey else None
    if since is None:
        return []
    made = Operation.unscoped.filter(
        resource_id=OuterRef("pk"),
        kind=Block.ALLOCATION,
        goal=Goal.PRESENT,
        phase=Phase.SUCCEEDED,
        finished_at__gte=since,
    )
    blocks = Block.objects.filter(Exists(made), type=Block.ALLOCATION, zone__netris_url=zone.netris_url)
    return list(blocks.values_list("prefix", flat=True))


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
    #: Why nobody knows what lies in it; "" when that is known.
    unknown: str = ""

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

    @property
    def is_used(self) -> bool:
        """By addresses, not by mere subnets."""
        return bool(self.addresses or self.hosts or self.public_ips)


@dataclass(frozen=True)
class PublicIps:
    """Those of all CloudStacks that have their networks from a zone's Netris, as they were last read."""

    addresses: Addresses
    #: Names of zones whose public IPs nobody has read yet, or not for too long though they are read again and again.
    never: Sequence[str]
    stale: Sequence[str]
    is_survey_stale: bool

    @classmethod
    def of(cls, zone: Zone) -> PublicIps:
        """Three queries."""
        zones = list(Zone.objects.filter(netris_url=zone.netris_url).order_by("name").select_related("survey"))
        readings = {each.zone_id: each for each in Reading.objects.filter(zone__in=zones, kind=Kind.CLOUDSTACK_ADDRESS)}
        read = {pk for pk, each in readings.items() if each.read_at is not None}
        names = Item.objects.filter(zone__in=zones, kind=Kind.CLOUDSTACK_ADDRESS).values_list("name", flat=True)
        survey = next((getattr(each, "survey", None) for each in zones if each.pk == zone.pk), None)
        return cls(
            Addresses(names.iterator()),
            never=[each.name for each in zones if each.pk not in read],
            stale=[each.name for each in zones if each.pk in read and each.is_enabled and readings[each.pk].is_stale],
            is_survey_stale=survey is None or survey.is_stale(Part.SUBNET),
        )

    def carried(self, row: SurveyedSubnet, below: int) -> Carried:
        return Carried(below, row.addresses, row.hosts or 0, self.addresses.within(row.prefix), self.unknown)

    @property
    def unknown(self) -> str:
        """Why nobody knows what lies in a block."""
        if self.never:
            return f"What lies in it is not known: the public IPs of {self.never[0]} were never read."
        if self.is_survey_stale:
            return "What lies in it is not known: the last reading is too old."
        return f"What lies in it is not known: {self.stale[0]} told its public IPs too long ago." if self.stale else ""


def carried_by(row: SurveyedSubnet) -> Carried:
    """Four queries."""
    below = SurveyedSubnet.objects.filter(zone=row.zone_id, parent_id=row.remote_id).count()
    return PublicIps.of(row.zone).carried(row, below)


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
    return carried.unknown or None
