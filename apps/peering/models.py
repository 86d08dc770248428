"""Peerings: two VPCs that reach one another, of one tenant or of two. A row is a reservation, as those of VPCs are.

    constraint                  says
    peering_is_one_of_a_pair    two VPCs have one peering that is agreed on, whichever of them asked
    peering_has_two_vpcs        one that is agreed on joins two VPCs, and two different ones
    peering_is_asked_once       one request at a time under a name, from a VPC to a short name

A request waits for the other tenant's answer, and nothing of it is on Netris. One that nobody can answer, as no tenant
of that short name takes requests, is kept like any other until its time is over. From its acceptance on operations make
it, change it and take it away, and `status` tells how far that is; a row that is over keeps in `stage` how it ended.

What stands in a row is two tenants', of whom neither may see the other's: pages and the API read it through `sides`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Greatest, Least

from apps.kernel import clock
from apps.kernel.named import Key
from apps.kernel.names import NAME
from apps.networks.models import LIVE, Vpc, lane_of, why_not_now
from apps.networks.specs import CIDR_LENGTH
from apps.operations.models import Operation
from apps.operations.provisioned import Provisioned, ProvisionedQuerySet, Status
from apps.tenancy.door import Boundary, Door, TenantDoor
from apps.tenancy.models import SLUG_LENGTH, Tenant


class Stage(models.TextChoices):
    REQUESTED = "requested", "Requested"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"
    FAILED = "failed", "Failed"


ACCEPTED = models.Q(stage=Stage.ACCEPTED)
REQUESTED = models.Q(stage=Stage.REQUESTED)


class PeeringQuerySet(ProvisionedQuerySet["Peering"]):
    def agreed(self) -> PeeringQuerySet:
        """Those that are on Netris, or become, or are on their way out."""
        return self.live().filter(ACCEPTED)

    def of_vpcs(self, ids: Sequence[object]) -> PeeringQuerySet:
        return self.filter(models.Q(vpc__in=ids) | models.Q(peer_vpc__in=ids))


class BothSides(Door[PeeringQuerySet]):
    """A tenant finds those that it has asked for, and those that it was asked for."""

    def of(self, tenant: Boundary) -> PeeringQuerySet:
        super().of(tenant)
        return self._rows().filter(models.Q(tenant=tenant) | models.Q(peer_tenant=tenant))


class PeeringDoor(TenantDoor[PeeringQuerySet]):
    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> BothSides:
        super().__get__(instance, owner)
        return BothSides(owner, self._path)


def _prefixes() -> ArrayField[list[str], list[str]]:
    return ArrayField(models.CharField(max_length=CIDR_LENGTH), default=list)


class Peering(Provisioned):
    #: Whoever asked, and from which VPC.
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    vpc = models.ForeignKey(Vpc, on_delete=models.PROTECT, related_name="+")
    #: Who was asked: the same tenant, or another one, which chooses its VPC when it accepts; null is nobody.
    peer_tenant = models.ForeignKey(Tenant, null=True, db_index=False, on_delete=models.PROTECT, related_name="+")
    #: The short name of another tenant, as whoever asks has written it.
    asked_of = models.CharField(max_length=SLUG_LENGTH, blank=True, default="", db_default="")
    peer_vpc = models.ForeignKey(Vpc, null=True, on_delete=models.PROTECT, related_name="+")
    #: What both call it; between two tenants all that the one who is asked learns of who asks.
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.REQUESTED)
    #: What each VPC offers of itself, and what each takes of what the other offers. CIDRs, sorted.
    offered = _prefixes()
    peer_offered = _prefixes()
    accepted = _prefixes()
    peer_accepted = _prefixes()
    #: Until when a request waits for an answer.
    answer_by = models.DateTimeField(null=True)
    #: When the peering itself ends; null is never.
    expires_at = models.DateTimeField(null=True)
    #: What it is to end as, once that was ordered: by either of the two, or by its time.
    ends_as = models.CharField(max_length=16, choices=Stage.choices, blank=True)
    ended_by = models.ForeignKey(Tenant, null=True, db_index=False, on_delete=models.PROTECT, related_name="+")

    netris_id = models.PositiveBigIntegerField(null=True)
    #: When its last operation came to rest: only what is read on Netris after that says whether it is there.
    settled_at = models.DateTimeField(null=True)
    #: Since when the comparison has found Netris to have it otherwise than it is meant; null while it has not.
    differs_since = models.DateTimeField(null=True)

    unscoped: ClassVar[models.Manager[Peering]] = PeeringQuerySet.as_manager()
    objects = PeeringDoor("tenant")

    class Meta:
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(
                Least("vpc", "peer_vpc"),
                Greatest("vpc", "peer_vpc"),
                condition=LIVE & ACCEPTED,
                name="peering_is_one_of_a_pair",
            ),
            models.CheckConstraint(
                condition=~ACCEPTED
                | models.Q(peer_tenant__isnull=False, peer_vpc__isnull=False) & ~models.Q(peer_vpc=models.F("vpc")),
                name="peering_has_two_vpcs",
            ),
            models.UniqueConstraint(
                fields=("vpc", "asked_of", "name_key"), condition=LIVE & REQUESTED, name="peering_is_asked_once"
            ),
        ]
        indexes = [
            models.Index(fields=("tenant", "-created_at", "-id"), name="peering_by_tenant"),
            models.Index(fields=("peer_tenant", "-created_at", "-id"), name="peering_by_peer"),
            models.Index(fields=("-created_at", "-id"), name="peering_newest"),
            models.Index(fields=("answer_by",), condition=LIVE & REQUESTED, name="peering_waits_until"),
            models.Index(fields=("expires_at",), condition=LIVE & ACCEPTED, name="peering_ends_at"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_within_tenant(self) -> bool:
        return self.tenant_id == self.peer_tenant_id

    @property
    def owners(self) -> list[Tenant]:
        """The tenants that it belongs to: two, or one."""
        found = {each.pk: each for each in (self.tenant, self.peer_tenant) if each is not None}
        return list(found.values())

    @property
    def vpcs_of_owners(self) -> models.QuerySet[Vpc]:
        return reduce(or_, (Vpc.objects.of(each) for each in self.owners))

    @property
    def is_requested(self) -> bool:
        return self.stage == Stage.REQUESTED

    @property
    def lock_key(self) -> str:
        return f"peering:{self.pk}"

    @property
    def lanes(self) -> tuple[str, str]:
        """Of both VPCs: nothing else is done in either while it is made, changed or taken away."""
        assert self.peer_vpc_id is not None, "it is known from the acceptance on"
        return lane_of(self.vpc_id), lane_of(self.peer_vpc_id)

    @property
    def remote_name(self) -> str:
        return f"weft-peering-{self.pk.hex}"

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        """Why `change`, `apply` or `revoke` is not offered now; None when it is. `work` is all that is under way or
        stuck in a VPC of it."""
        if action == "revoke" and not self.is_requested:
            return self._why_not_revoked()
        if self.is_requested:
            return "It was not accepted yet."
        about = [each for each in work if each.resource_id in (self.pk, self.vpc_id, self.peer_vpc_id)]
        if self.ends_as:
            return "The peering is being removed." if self.is_live else "The peering is gone."
        if not about and self.status in (Status.CHANGING, Status.STUCK):
            return "An operation of the other side on it is under way or stuck. Wait until it is over, or revoke it."
        return why_not_now(self.status, "peering", action, about)

    def _why_not_revoked(self) -> str | None:
        """Whatever is under way: it is noted at once, and done as soon as that is over."""
        if not self.is_live:
            return "The peering is gone."
        if self.ends_as and self.status != Status.STUCK:
            return "It is being removed already."
        return None


class Closed(models.Model):
    """A tenant that takes no requests from others."""

    tenant = models.OneToOneField(Tenant, primary_key=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["Closed"]]("tenant")

    def __str__(self) -> str:
        return f"{self.tenant} takes no requests"
