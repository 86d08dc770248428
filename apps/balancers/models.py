"""Load balancers and their members. The rows are reservations, as those of VPCs are.

    constraint                       says
    address_has_one_purpose          a public IP serves load balancers, or something else (a trigger of `addresses`)
    balancer_port_is_free            one live balancer of a port of an address: while Netris is told of a UDP one, the
                                     plugin calls it TCP, so that both protocols cannot share a port
    balancer_has_one_of_each         an instance is a member once
    *_of_public_ip                   tenant, VPC and address are those of the public IP (a composite foreign key)

A member that is drained is in no rotation and lives in Weft alone. The remote name is the row's id and never changes;
people's names live in Weft.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import ClassVar
from uuid import UUID, uuid4

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from netfields import InetAddressField

from apps.addresses.models import LAST_PORT, Protocol, PublicIp
from apps.kernel import clock
from apps.kernel.named import Key
from apps.kernel.names import NAME
from apps.networks.models import LIVE, Tier, Vpc, lane_of, why_not_now
from apps.networks.specs import CIDR_LENGTH
from apps.operations.models import Operation
from apps.operations.provisioned import Provisioned, ProvisionedQuerySet
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant

#: What Netris can take of a path is (unverified).
PATH_LENGTH = 255


IS_DOWN = models.Q(down_since__isnull=False)
DIFFERS = models.Q(differs_since__isnull=False)
#: It could be checked, and is not.
UNCHECKED = models.Q(protocol="tcp", check_kind="none")


class Kind(models.TextChoices):
    """What a SoftGate does to find out whether a member answers."""

    NONE = "none", "None"
    TCP = "tcp", "TCP"
    HTTP = "http", "HTTP"


class BalancerQuerySet(ProvisionedQuerySet["Balancer"]):
    pass


class Balancer(Provisioned):
    public_ip = models.ForeignKey(PublicIp, on_delete=models.PROTECT, related_name="+")
    #: The public IP's, which a composite foreign key keeps true.
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    vpc = models.ForeignKey(Vpc, on_delete=models.PROTECT, related_name="+")
    address: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    #: All members lie in it (REAL).
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=NAME.most)
    protocol = models.CharField(max_length=3, choices=Protocol.choices)
    port = models.PositiveIntegerField()
    member_port = models.PositiveIntegerField()
    #: Ranges that may connect; none is everybody.
    allowed_cidrs = ArrayField(models.CharField(max_length=CIDR_LENGTH), default=list)
    check_kind = models.CharField(max_length=4, choices=Kind.choices, default=Kind.NONE)
    check_path = models.CharField(max_length=PATH_LENGTH, blank=True)
    #: In seconds.
    check_timeout = models.PositiveSmallIntegerField(default=0)
    #: What its site did with what no rule matches, when the rules of its sources were made; blank before that.
    site_default = models.CharField(max_length=8, blank=True)
    search_key = Key("name", "address", "port")
    #: When its last operation came to rest: only what is read on Netris after that says whether it is there.
    settled_at = models.DateTimeField(null=True)
    #: Since when the comparison has found a member in rotation that does not answer, or Netris to have it otherwise
    #: than it is meant; null while it has not.
    down_since = models.DateTimeField(null=True)
    differs_since = models.DateTimeField(null=True)

    unscoped: ClassVar[models.Manager[Balancer]] = BalancerQuerySet.as_manager()
    objects = TenantDoor[BalancerQuerySet]("tenant")

    class Meta:
        verbose_name = "load balancer"
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=("public_ip", "port"), condition=LIVE, name="balancer_port_is_free"),
            models.CheckConstraint(
                condition=models.Q(port__gte=1, port__lte=LAST_PORT, member_port__gte=1, member_port__lte=LAST_PORT),
                name="balancer_has_ports",
            ),
            models.CheckConstraint(
                condition=models.Q(check_kind="none", check_timeout=0, check_path="")
                | models.Q(protocol="tcp", check_timeout__gte=1),
                name="balancer_is_checked_over_tcp",
            ),
        ]
        indexes = [
            models.Index(fields=("tenant", "name", "id"), condition=LIVE, name="balancer_by_name"),
            models.Index(fields=("tenant", "address", "port", "id"), condition=LIVE, name="balancer_by_address"),
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="balancer_by_age"),
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="balancer_newest"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], condition=LIVE, name="balancer_by_words"),
            models.Index(fields=("tenant", "down_since", "id"), condition=LIVE & IS_DOWN, name="balancer_down"),
            models.Index(fields=("vpc", "down_since", "id"), condition=LIVE & IS_DOWN, name="balancer_down_in_vpc"),
            models.Index(fields=("tenant", "differs_since", "id"), condition=LIVE & DIFFERS, name="balancer_differs"),
            models.Index(
                fields=("vpc", "differs_since", "id"), condition=LIVE & DIFFERS, name="balancer_differs_in_vpc"
            ),
            models.Index(fields=("tenant", "name", "id"), condition=LIVE & UNCHECKED, name="balancer_unchecked"),
            models.Index(fields=("vpc", "name", "id"), condition=LIVE & UNCHECKED, name="balancer_unchecked_in_vpc"),
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.address}:{self.port}"

    @property
    def lock_key(self) -> str:
        return f"balancer:{self.pk}"

    @property
    def lane(self) -> str:
        return lane_of(self.vpc_id)

    @property
    def remote_name(self) -> str:
        return f"lb-{self.pk.hex}"

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        """Why `rename`, `change` or `delete` is not offered now; None when it is. `work` is all that is under way or
        stuck in its VPC."""
        about = [each for each in work if each.resource_id in (self.pk, self.vpc_id)]
        return why_not_now(self.status, "load balancer", action, about)


class Member(models.Model):
    """An instance behind a balancer. It is CloudStack's, known by its id there."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    balancer = models.ForeignKey(Balancer, on_delete=models.CASCADE, related_name="members")
    instance_id: models.UUIDField[UUID | str, UUID] = models.UUIDField()
    #: As it was called when it became a member.
    instance_name = models.CharField(max_length=255)
    guest_address: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    drained = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["Member"]]("balancer__tenant")

    class Meta:
        ordering = ("instance_name", "id")
        constraints = [
            models.UniqueConstraint(fields=("balancer", "instance_id"), name="balancer_has_one_of_each"),
        ]
        indexes = [models.Index(fields=("instance_id",), name="member_by_instance")]

    def __str__(self) -> str:
        return f"{self.instance_name} ({self.guest_address})"
