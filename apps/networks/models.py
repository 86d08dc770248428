"""VPCs, their tiers and static routes. The rows are reservations: names and ranges are constraints of the database.

    constraint                      says
    vpc_name_is_unique              one live VPC of a name per tenant; what looks the same is the same (`kernel.names`)
    tier_name_is_unique             the same within a VPC
    tier_ranges_do_not_overlap      live tiers of a VPC share no address
    tier_lies_in_vpc                a tier's range is part of its VPC's (a composite foreign key keeps `vpc_cidr` true)
    routes_do_not_overlap           live static routes of a VPC lead to ranges that share no address

VPCs may overlap each other, also a tenant's own: each is a routing domain of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.indexes import GinIndex, GistIndex, OpClass
from django.db import models
from netfields import CidrAddressField, InetAddressField

from apps.kernel.named import Key
from apps.kernel.names import DESCRIPTION, NAME
from apps.networks.attached import why_it_stays
from apps.operations.models import Operation
from apps.operations.provisioned import Provisioned, ProvisionedQuerySet, Status
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

LIVE = ~models.Q(status=Status.DELETED)


def lane_of(vpc_id: UUID) -> str:
    """All that is done in a VPC is done one after the other: CloudStack queues nothing, and its jobs disturb each
    other."""
    return f"vpc:{vpc_id}"


class VpcQuerySet(ProvisionedQuerySet["Vpc"]):
    pass


class Vpc(Provisioned):
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    description = models.CharField(max_length=DESCRIPTION.most, blank=True)
    search_key = Key("name", "description", "cidr")
    cidr: models.Field[IPv4Network | str, IPv4Network] = CidrAddressField()

    cloudstack_id = models.UUIDField(null=True)
    netris_id = models.PositiveBigIntegerField(null=True)
    #: The source NAT IP that the VPC's traffic leaves with.
    egress_ip: models.Field[IPv4Address | str | None, IPv4Address | None] = InetAddressField(
        null=True, store_prefix_length=False
    )

    #: How many of each lie on it that have to go before it can (`attached`), by their keys. Written by triggers.
    attached: models.JSONField[dict[str, int]] = models.JSONField(default=dict, db_default={}, editable=False)

    unscoped: ClassVar[models.Manager[Vpc]] = VpcQuerySet.as_manager()
    objects = TenantDoor[VpcQuerySet]("tenant")

    class Meta:
        verbose_name = "VPC"
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=("tenant", "name_key"), condition=LIVE, name="vpc_name_is_unique"),
        ]
        indexes = [
            models.Index(fields=("tenant", "name", "id"), condition=LIVE, name="vpc_by_name"),
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="vpc_by_age"),
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="vpc_newest"),
            models.Index(fields=("tenant", "cidr", "id"), condition=LIVE, name="vpc_by_range"),
            GistIndex(models.F("tenant"), OpClass("cidr", name="inet_ops"), condition=LIVE, name="vpc_overlaps"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], condition=LIVE, name="vpc_by_words"),
            models.Index(fields=("tenant", "egress_ip"), condition=LIVE, name="vpc_by_egress"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def remote_name(self) -> str:
        """The name in CloudStack, which never changes: our id in it finds the VPC again after a lost reply, and to
        rename it there would lose the Netris side (cloudstack-api.md 5.6). People's names live in Weft alone."""
        return f"vpc-{self.pk.hex[:12]}"

    @property
    def label(self) -> str:
        """The display text that CloudStack gets when the VPC is made. Later changes of name stay in Weft."""
        return f"{self.name}: {self.description}" if self.description else self.name

    @property
    def lane(self) -> str:
        return lane_of(self.pk)

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        """Why `rename`, `delete` or `add tier` is not offered now; None when it is. `work` is all that is under way or
        stuck in the VPC: it cannot go while anything is, nor while something is attached to it, and takes tiers while
        nothing is done to itself."""
        about = work if action == "delete" else [each for each in work if each.resource_id == self.pk]
        reason = why_not_now(self.status, "VPC", action, about)
        return reason or (why_it_stays(self.attached) if action == "delete" else None)


class TierQuerySet(ProvisionedQuerySet["Tier"]):
    pass


class Tier(Provisioned):
    vpc = models.ForeignKey(Vpc, on_delete=models.PROTECT, related_name="tiers")
    #: The VPC's, which a composite foreign key keeps true.
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    vpc_cidr: models.Field[IPv4Network | str, IPv4Network] = CidrAddressField()
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    cidr: models.Field[IPv4Network | str, IPv4Network] = CidrAddressField()
    search_key = Key("name", "cidr")

    cloudstack_id = models.UUIDField(null=True)
    netris_id = models.PositiveBigIntegerField(null=True)
    vni = models.PositiveIntegerField(null=True)

    unscoped: ClassVar[models.Manager[Tier]] = TierQuerySet.as_manager()
    objects = TenantDoor[TierQuerySet]("tenant")

    class Meta:
        ordering = ("cidr", "id")
        constraints = [
            models.UniqueConstraint(fields=("vpc", "name_key"), condition=LIVE, name="tier_name_is_unique"),
            ExclusionConstraint(
                name="tier_ranges_do_not_overlap",
                expressions=[("vpc", "="), (OpClass("cidr", name="inet_ops"), "&&")],
                condition=LIVE,
            ),
            models.CheckConstraint(
                condition=models.Q(cidr__net_contained_or_equal=models.F("vpc_cidr")), name="tier_lies_in_vpc"
            ),
        ]
        indexes = [
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="tier_newest"),
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="tier_by_age"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], condition=LIVE, name="tier_by_words"),
            models.Index(fields=("cloudstack_id",), condition=LIVE, name="tier_by_cloudstack_id"),
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.vpc}"

    @property
    def remote_name(self) -> str:
        return f"tier-{self.pk.hex[:12]}"

    @property
    def gateway(self) -> IPv4Address:
        """The first address of the range; CloudStack gives it to the gateway."""
        return self.cidr[1]

    @property
    def lock_key(self) -> str:
        return f"tier:{self.pk}"

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        """Why `rename` or `delete` is not offered now; None when it is. `work` is all that is under way or stuck in its
        VPC: what leads into the tier goes with it, but for what is stuck, which nobody could bring to an end then."""
        about = [each for each in work if each.resource_id in (self.pk, self.vpc_id) or each.leads_into == self.pk]
        return why_not_now(self.status, "tier", action, about)


class StaticRouteQuerySet(ProvisionedQuerySet["StaticRoute"]):
    pass


class StaticRoute(Provisioned):
    """What is addressed to a range outside the VPC goes to an address in one of its tiers. With the tier the route goes
    as well: a trigger sees to that, as CloudStack's plugin keeps no tier from going under its routes."""

    vpc = models.ForeignKey(Vpc, on_delete=models.PROTECT, related_name="+")
    #: The VPC's, which a composite foreign key keeps true.
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    #: In which the next hop lies.
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    destination: models.Field[IPv4Network | str, IPv4Network] = CidrAddressField()
    next_hop: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    search_key = Key("destination", "next_hop")
    #: When its last operation came to rest: only what is read on Netris after that says whether it is there.
    settled_at = models.DateTimeField(null=True)

    unscoped: ClassVar[models.Manager[StaticRoute]] = StaticRouteQuerySet.as_manager()
    objects = TenantDoor[StaticRouteQuerySet]("tenant")

    class Meta:
        verbose_name = "static route"
        ordering = ("destination", "id")
        constraints = [
            ExclusionConstraint(
                name="routes_do_not_overlap",
                expressions=[("vpc", "="), (OpClass("destination", name="inet_ops"), "&&")],
                condition=LIVE,
            ),
        ]
        indexes = [
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="static_route_by_age"),
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="static_route_newest"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], condition=LIVE, name="static_route_by_words"),
        ]

    def __str__(self) -> str:
        return f"{self.destination} via {self.next_hop}"

    @property
    def lock_key(self) -> str:
        return f"static-route:{self.pk}"

    @property
    def lane(self) -> str:
        return lane_of(self.vpc_id)

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        """Why `delete` or `apply` is not offered now; None when it is. `work` is all that is under way or stuck in its
        VPC."""
        about = [each for each in work if each.resource_id in (self.pk, self.tier_id, self.vpc_id)]
        return why_not_now(self.status, "static route", action, about)


def why_not_now(status: str, noun: str, action: str, work: Sequence[Operation]) -> str | None:
    """Why something is not offered of a thing with this status; None when it is. `work` is what is about it. A name is
    Weft's own: it can be changed until the thing is on its way out, whatever is under way."""
    match status:
        case Status.DELETED:
            return f"The {noun} is gone."
        case Status.REMOVING:
            return f"The {noun} is being removed."
        case _ if action == "rename":
            return None
        case Status.BUILDING:
            return f"The {noun} is still being built."
    if work:
        return work[0].in_the_way
    return f"An operation on the {noun} is stuck. Retry it first." if status != Status.READY else None
