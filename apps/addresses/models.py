"""Public IPs, and what leads from them to instances. The rows are reservations, as those of VPCs are.

    constraint                       says
    address_has_one_owner            one live public IP of an address in a zone
    address_has_one_purpose          a public IP serves one static NAT, or forwards, or nothing (a trigger: it writes
                                     `purpose` as the rows that use an address come and go)
    instance_has_one_static_nat      the rule's name on Netris is the instance's, so it can have no second
    forwards_do_not_overlap          the live forwards of an address and a protocol share no port
    *_of_public_ip                   tenant, VPC and address are those of the public IP (composite foreign keys)

The source NAT address of a VPC is a row like the others, so that one list tells all. CloudStack chooses it and takes it
back; a trigger makes the row when the VPC learns its `egress_ip`, and forgets it with it. Nothing else writes it.

`Holding` is who had an address when. A trigger writes that, too: from when CloudStack gave it until the row is deleted.
Rows of public IPs are forgotten some time after that, and holdings later.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from netfields import InetAddressField

from apps.kernel import clock
from apps.kernel.named import Key
from apps.kernel.names import NAME, Line
from apps.networks.models import LIVE, Tier, Vpc, lane_of, why_not_now
from apps.operations.models import Operation
from apps.operations.provisioned import Provisioned, ProvisionedQuerySet, Status
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

#: A public IP is called by its address; a name is somebody's own word for it.
LABEL = Line("name", NAME.most, may_be_empty=True)
NOTES = Line("note", 180, may_be_empty=True)
LAST_PORT = 65535
MISSING = models.Q(missing_since__isnull=False)


class Purpose(models.TextChoices):
    UNUSED = "unused", "Unused"
    SOURCE_NAT = "source_nat", "Source NAT"
    STATIC_NAT = "static_nat", "Static NAT"
    PORT_FORWARD = "port_forward", "Port forwards"
    LOAD_BALANCER = "load_balancer", "Load balancers"


class Protocol(models.TextChoices):
    TCP = "tcp", "TCP"
    UDP = "udp", "UDP"


_IN_USE: dict[str, str] = {
    Purpose.STATIC_NAT: "A static NAT leads from this address. Remove that first.",
    Purpose.PORT_FORWARD: "Port forwards lead from this address. Remove them first.",
    Purpose.LOAD_BALANCER: "Load balancers answer at this address. Delete them first.",
}


_SERVES: dict[str, str] = {
    Purpose.SOURCE_NAT: "is the source NAT address of the VPC, which CloudStack keeps for what goes out. Take another.",
    Purpose.STATIC_NAT: "has static NAT. Disable that first, or take another address.",
    Purpose.PORT_FORWARD: "has port forwards. Delete those first, or take another address.",
    Purpose.LOAD_BALANCER: "has load balancers. Delete those first, or take another address.",
}

#: What an address can have many of.
SHARED = (Purpose.PORT_FORWARD, Purpose.LOAD_BALANCER)


class PublicIpQuerySet(ProvisionedQuerySet["PublicIp"]):
    pass


class PublicIp(Provisioned):
    #: The VPC's, which a composite foreign key keeps true.
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    zone = models.ForeignKey(Zone, db_index=False, on_delete=models.PROTECT, related_name="+")
    vpc = models.ForeignKey(Vpc, on_delete=models.PROTECT, related_name="+")
    address: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    #: Somebody wants this very address; else another will do when it turns out to be taken.
    is_chosen = models.BooleanField(default=False)
    name = models.CharField(max_length=LABEL.most, blank=True)
    notes = models.CharField(max_length=NOTES.most, blank=True)
    search_key = Key("name", "notes", "address")
    #: Written by triggers alone.
    purpose = models.CharField(max_length=16, choices=Purpose.choices, default=Purpose.UNUSED)

    cloudstack_id = models.UUIDField(null=True)
    #: When CloudStack had given it.
    acquired_at = models.DateTimeField(null=True)
    #: Since when nothing leads from it; null while something does. Written by a trigger.
    unused_since = models.DateTimeField(null=True)

    unscoped: ClassVar[models.Manager[PublicIp]] = PublicIpQuerySet.as_manager()
    objects = TenantDoor[PublicIpQuerySet]("tenant")

    class Meta:
        verbose_name = "public IP"
        ordering = ("address", "id")
        constraints = [
            models.UniqueConstraint(
                fields=("zone", "address"),
                condition=LIVE & ~models.Q(purpose="source_nat"),
                name="address_has_one_owner",
            ),
            models.UniqueConstraint(
                fields=("vpc",), condition=LIVE & models.Q(purpose="source_nat"), name="vpc_has_one_source_nat"
            ),
        ]
        indexes = [
            models.Index(fields=("tenant", "address", "id"), condition=LIVE, name="public_ip_by_address"),
            models.Index(fields=("tenant", "name", "id"), condition=LIVE, name="public_ip_by_name"),
            models.Index(fields=("tenant", "purpose", "address", "id"), condition=LIVE, name="public_ip_by_purpose"),
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="public_ip_by_age"),
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="public_ip_newest"),
            models.Index(
                fields=("tenant", "unused_since", "id"),
                condition=LIVE & models.Q(purpose="unused"),
                name="public_ip_by_rest",
            ),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], condition=LIVE, name="public_ip_by_words"),
        ]

    def __str__(self) -> str:
        return str(self.address)

    @property
    def lock_key(self) -> str:
        return f"public-ip:{self.pk}"

    @property
    def lane(self) -> str:
        return lane_of(self.vpc_id)

    @property
    def is_source_nat(self) -> bool:
        return self.purpose == Purpose.SOURCE_NAT

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        """Why `edit`, `use` or `release` is not offered now; None when it is. `work` is all that is under way or stuck
        in its VPC."""
        match self.status:
            case Status.DELETED:
                return "The public IP has been released."
            case Status.REMOVING:
                return "The public IP is being released."
            case _ if action == "edit":
                return None
            case _ if self.is_source_nat:
                return "All traffic of the VPC leaves with this address. It comes and goes with the VPC."
            case Status.BUILDING:
                return "The public IP is still being acquired."
        if about := [each for each in work if each.resource_id in (self.pk, self.vpc_id)]:
            return about[0].in_the_way
        if self.status == Status.STUCK:
            return "An operation on the public IP is stuck. Retry it first."
        return _IN_USE.get(self.purpose) if action == "release" else None

    def why_not_serve(self, purpose: Purpose) -> str | None:
        """Why it cannot take on this purpose; None when it can, and for one port forward or load balancer more.
        CloudStack refuses a second purpose late and in other words."""
        if self.purpose == Purpose.UNUSED or (self.purpose == purpose and purpose in SHARED):
            return None
        return f"{self} {_SERVES[self.purpose]}"


class Holding(models.Model):
    """Who had an address of a zone, from when until when, and until when it rests after that."""

    zone = models.ForeignKey(Zone, db_index=False, on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    address: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    #: Of rows that may be forgotten already.
    public_ip_id: models.UUIDField[UUID | str, UUID] = models.UUIDField(unique=True)
    vpc_id: models.UUIDField[UUID | str, UUID] = models.UUIDField()
    vpc_name = models.CharField(max_length=NAME.most)
    held_from = models.DateTimeField()
    held_until = models.DateTimeField(null=True)
    #: Until then nobody else is given it; whoever had it may take it back.
    rests_until = models.DateTimeField(null=True)

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["Holding"]]("tenant")

    class Meta:
        ordering = ("-held_from", "-id")
        indexes = [
            models.Index(fields=("address", "-held_from", "-id"), name="holding_by_address"),
            models.Index(fields=("-held_from", "-public_ip_id"), name="holding_newest"),
            models.Index(fields=("zone", "rests_until"), name="holding_rests"),
            models.Index(fields=("zone", "held_from"), name="holding_begins"),
            models.Index(fields=("zone", "held_until"), name="holding_ends"),
        ]

    def __str__(self) -> str:
        return f"{self.address} of {self.tenant}"

    @property
    def rests(self) -> bool:
        return self.rests_until is not None and self.rests_until > clock.now()


class OnPublicIp(Provisioned):
    """What leads from a public IP to an instance. The instance is CloudStack's, known by its id there."""

    public_ip = models.ForeignKey(PublicIp, on_delete=models.PROTECT, related_name="+")
    #: The public IP's, which a composite foreign key keeps true.
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    vpc = models.ForeignKey(Vpc, on_delete=models.PROTECT, related_name="+")
    address: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    instance_id: models.UUIDField[UUID | str, UUID] = models.UUIDField()
    #: As it was called when this was made: instances go, and what led to them is still told.
    instance_name = models.CharField(max_length=255)
    guest_address: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    #: When its last operation came to rest: only what is read on Netris after that says whether it is there.
    settled_at = models.DateTimeField(null=True)
    #: Since when the comparison of what was read on Netris lacks it there (`applied`).
    missing_since = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def lane(self) -> str:
        return lane_of(self.vpc_id)

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        """Why `delete`, `change` or `apply` is not offered now; None when it is. `work` is all that is under way or
        stuck in its VPC."""
        about = [each for each in work if each.resource_id in (self.pk, self.vpc_id)]
        return why_not_now(self.status, str(self._meta.verbose_name), action, about)


class StaticNatQuerySet(ProvisionedQuerySet["StaticNat"]):
    pass


class StaticNat(OnPublicIp):
    """All traffic of an address, to one address of an instance and from it."""

    search_key = Key("address", "instance_name", "guest_address")

    unscoped: ClassVar[models.Manager[StaticNat]] = StaticNatQuerySet.as_manager()
    objects = TenantDoor[StaticNatQuerySet]("tenant")

    class Meta:
        verbose_name = "static NAT"
        ordering = ("address", "id")
        constraints = [
            models.UniqueConstraint(fields=("public_ip",), condition=LIVE, name="address_has_one_static_nat"),
            models.UniqueConstraint(fields=("instance_id",), condition=LIVE, name="instance_has_one_static_nat"),
        ]
        indexes = [
            models.Index(fields=("tenant", "address", "id"), condition=LIVE, name="static_nat_by_address"),
            models.Index(fields=("tenant", "instance_name", "id"), condition=LIVE, name="static_nat_by_instance"),
            models.Index(fields=("guest_address", "tenant"), condition=LIVE, name="static_nat_by_guest"),
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="static_nat_by_age"),
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="static_nat_newest"),
            models.Index(fields=("tenant", "missing_since", "id"), condition=LIVE & MISSING, name="static_nat_missing"),
            models.Index(
                fields=("vpc", "missing_since", "id"), condition=LIVE & MISSING, name="static_nat_missing_in_vpc"
            ),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], condition=LIVE, name="static_nat_by_words"),
        ]

    def __str__(self) -> str:
        return f"{self.address} to {self.instance_name}"

    @property
    def lock_key(self) -> str:
        return f"static-nat:{self.pk}"


class PortForwardQuerySet(ProvisionedQuerySet["PortForward"]):
    pass


class PortForward(OnPublicIp):
    """A range of ports of an address, to as many of an instance's. One row, one line; CloudStack gets a rule for each
    port."""

    protocol = models.CharField(max_length=3, choices=Protocol.choices)
    public_first = models.PositiveIntegerField()
    public_last = models.PositiveIntegerField()
    private_first = models.PositiveIntegerField()
    enabled = models.BooleanField(default=True)
    search_key = Key("address", "instance_name", "guest_address", "public_first")

    unscoped: ClassVar[models.Manager[PortForward]] = PortForwardQuerySet.as_manager()
    objects = TenantDoor[PortForwardQuerySet]("tenant")

    class Meta:
        verbose_name = "port forward"
        ordering = ("address", "protocol", "public_first", "id")
        constraints = [
            ExclusionConstraint(
                name="forwards_do_not_overlap",
                expressions=[
                    ("public_ip", "="),
                    ("protocol", "="),
                    (
                        models.Func("public_first", "public_last", models.Value("[]"), function="int4range"),
                        "&&",
                    ),
                ],
                condition=LIVE,
            ),
            models.CheckConstraint(
                condition=models.Q(public_first__gte=1, public_last__lte=LAST_PORT, private_first__gte=1)
                & models.Q(public_last__gte=models.F("public_first"))
                & models.Q(private_first__lte=LAST_PORT - models.F("public_last") + models.F("public_first")),
                name="forward_has_ports",
            ),
        ]
        indexes = [
            models.Index(
                fields=("tenant", "address", "protocol", "public_first", "id"),
                condition=LIVE,
                name="forward_by_address",
            ),
            models.Index(fields=("tenant", "instance_name", "id"), condition=LIVE, name="forward_by_instance_name"),
            models.Index(fields=("instance_id",), condition=LIVE, name="forward_by_instance"),
            models.Index(fields=("guest_address", "tenant"), condition=LIVE, name="forward_by_guest"),
            models.Index(fields=("public_ip", "settled_at"), condition=LIVE, name="forward_by_public_ip"),
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="forward_by_age"),
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="forward_newest"),
            models.Index(fields=("tenant", "missing_since", "id"), condition=LIVE & MISSING, name="forward_missing"),
            models.Index(
                fields=("vpc", "missing_since", "id"), condition=LIVE & MISSING, name="forward_missing_in_vpc"
            ),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], condition=LIVE, name="forward_by_words"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.protocol} {self.public_ports} to {self.instance_name}"

    @property
    def lock_key(self) -> str:
        return f"forward:{self.pk}"

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        reason = super().why_not(action, work)
        if reason is None and action == "apply" and not self.enabled:
            return "The port forward is switched off. Switch it on instead."
        return reason

    @property
    def private_last(self) -> int:
        return self.private_first + self.public_last - self.public_first

    @property
    def public_ports(self) -> str:
        return _ports(self.public_first, self.public_last)

    @property
    def private_ports(self) -> str:
        return _ports(self.private_first, self.private_last)


def _ports(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
