"""The ledger of VNIs: who has had which number, in whose view, from when until when.

    Claim       one holder of one number, as CloudStack or Netris tells it
    VniRange    numbers that come out of one pool: how many of them are what
    Block       the same figures for every 1,024 numbers of a range that are not all free
    Share       how many numbers of a range a tenant has
    Ledger      what of the mirror is written down already

All is written by one task, from the mirror (`apps.vnis.feed`). Each system has its own view of a number. In each
view one claim of a number is the *first*; a constraint lets no two of these overlap, in numbers and in time. What else
claims the number at the same time is a duplicate.

CloudStack never gives a number back: one that no network has any more stays allocated and is lost for good (CloudStack
4.22 with its Netris plugin).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateTimeRangeField, RangeOperators
from django.contrib.postgres.fields.ranges import RangeStartsWith
from django.db import models
from django.db.backends.postgresql.psycopg_any import Range

from apps.kernel import clock
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant
from apps.zones.models import System, Zone

#: The last number that a network can have (VNIs have 24 bits).
LAST_VNI = 2**24 - 1
#: Numbers of a `Block`.
BLOCK = 1024


class Holder(models.TextChoices):
    """What has a number. `taken` and `lost` are allocated in CloudStack, and no network there has them."""

    NETWORK = "network", "Network in CloudStack"
    TAKEN = "taken", "Just taken"
    LOST = "lost", "Lost"
    VNET = "vnet", "V-Net"
    VPC = "vpc", "VPC in Netris"


class ClaimQuerySet(models.QuerySet["Claim"]):
    def now(self) -> ClaimQuerySet:
        return self.filter(ended_at=None)

    def past(self) -> ClaimQuerySet:
        return self.filter(ended_at__isnull=False)

    def at(self, moment: datetime) -> ClaimQuerySet:
        still = models.Q(ended_at=None) | models.Q(ended_at__gt=moment)
        return self.filter(still, began_at__lte=moment)

    def of_number(self, vni: int, zones: Iterable[Zone] | None = None) -> ClaimQuerySet:
        """In these zones, or in all. Its rows are looked up first, without an order: asked for the newest of them
        PostgreSQL would walk through those of all numbers."""
        places = list(Zone.objects.all() if zones is None else zones)
        found = self.order_by().filter(zone__in=places, vnis__startswith=vni).values_list("pk", flat=True)
        return self.filter(pk__in=list(found))


class Claim(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    zone = models.ForeignKey(Zone, db_index=False, on_delete=models.CASCADE, related_name="+")
    system = models.CharField(max_length=16, choices=System.choices)
    vnis = BigIntegerRangeField()
    kind = models.CharField(max_length=16, choices=Holder.choices)
    #: Its id in that system; the number itself for what nothing there has.
    holder = models.CharField(max_length=64)
    #: As that system calls it.
    name = models.CharField(max_length=255, blank=True)
    tenant = models.ForeignKey(Tenant, db_index=False, null=True, on_delete=models.SET_NULL, related_name="+")
    #: Its tenant's name, or whose account it is in CloudStack.
    owner = models.CharField(max_length=255, blank=True)
    is_first = models.BooleanField()
    #: Since when, as the system tells it, or else since it was seen; and when Weft saw it first.
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    unscoped: ClassVar[models.Manager[Claim]] = ClaimQuerySet.as_manager()
    objects = TenantDoor[ClaimQuerySet]("tenant")

    class Meta:
        ordering = ("-began_at", "-id")
        constraints = [
            ExclusionConstraint(
                name="a_vni_has_one_first_holder",
                expressions=[
                    ("vnis", RangeOperators.OVERLAPS),
                    ("zone", RangeOperators.EQUAL),
                    ("system", RangeOperators.EQUAL),
                    (
                        models.Func("began_at", "ended_at", function="tstzrange", output_field=DateTimeRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=models.Q(is_first=True),
            ),
            models.UniqueConstraint(
                fields=("zone", "system", "kind", "holder"), condition=models.Q(ended_at=None), name="claim_is_unique"
            ),
        ]
        indexes = [
            models.Index(
                "zone", RangeStartsWith("vnis"), "system", condition=models.Q(ended_at=None), name="claim_by_number"
            ),
            models.Index(
                "zone", RangeStartsWith("vnis"), condition=models.Q(ended_at__isnull=False), name="claim_of_the_past"
            ),
            models.Index(fields=("-began_at", "-id"), name="claim_newest"),
            models.Index(fields=("zone", "-began_at", "-id"), name="claim_of_zone"),
            models.Index(fields=("kind", "-began_at", "-id"), name="claim_of_kind"),
            models.Index(fields=("tenant", "-began_at", "-id"), name="claim_of_tenant"),
            models.Index(
                fields=("zone", "system"), condition=models.Q(ended_at=None, is_first=False), name="claim_twice"
            ),
        ]

    def __str__(self) -> str:
        return f"VNI {self.vni} of {self.name or self.get_kind_display()}"

    @property
    def vni(self) -> int:
        number: int = self.vnis.lower
        return number

    @property
    def has_id(self) -> bool:
        """What has it is a thing of its own in that system."""
        return self.kind not in (Holder.TAKEN, Holder.LOST)


class Ledger(models.Model):
    """What of a zone's mirror is written down; its row is locked by whoever writes more."""

    zone = models.OneToOneField(Zone, on_delete=models.CASCADE, related_name="+")
    #: Tells the mirror's lists apart from what they were when they were looked through last.
    state = models.CharField(max_length=255, blank=True)
    #: When each list had been read that was looked at last, by the list's name.
    basis: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    #: Something could not be judged yet: the lists are to be looked through again, though nothing in them changes.
    is_pending = models.BooleanField(default=False)
    looked_at = models.DateTimeField(null=True)
    #: How much of the ranges was in use then is the last that was noted (`usage`).
    noted_at = models.DateTimeField(null=True)

    objects = models.Manager()

    def __str__(self) -> str:
        return f"Ledger of {self.zone}"


class VniRange(models.Model):
    """Either a range of CloudStack's physical network, or the span of what Netris was seen to have handed out by
    itself: its own limits Netris does not tell."""

    class Kind(models.TextChoices):
        L2 = "l2", "L2"
        L3 = "l3", "L3"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=2, choices=Kind.choices)
    system = models.CharField(max_length=16, choices=System.choices)
    #: The id of the physical network; of Netris, how many of CloudStack's ranges lie below.
    source = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    vnis = BigIntegerRangeField()
    used = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    #: Numbers that would be free, if another of the controller's things did not have them.
    reserved = models.PositiveIntegerField(default=0)
    largest_free_run = models.PositiveIntegerField(default=0)
    #: The first number of that run.
    run_start = models.PositiveIntegerField(null=True)
    #: How many numbers more are taken in a day, over the last month; None while that is too short a time to tell.
    per_day = models.FloatField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    counted_at = models.DateTimeField(default=clock.now)

    objects = models.Manager()

    class Meta:
        ordering = ("zone__name", "system", "kind", "vnis")
        constraints = [
            models.UniqueConstraint("zone", "kind", "source", RangeStartsWith("vnis"), name="vni_range_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"

    @property
    def start(self) -> int:
        number: int = self.vnis.lower
        return number

    @property
    def end(self) -> int:
        """The last of its numbers."""
        after: int = self.vnis.upper
        return after - 1

    @property
    def size(self) -> int:
        return self.end - self.start + 1

    @property
    def is_configured(self) -> bool:
        """Somebody has set its limits, and it can be full."""
        return self.system == System.CLOUDSTACK

    @property
    def free(self) -> int:
        return max(self.size - self.used - self.lost - self.reserved, 0)

    @property
    def full_at(self) -> datetime | None:
        """When nothing will be free if it goes on as it did; None when it does not grow, or nobody can tell."""
        if not self.is_configured or self.per_day is None or self.per_day <= 0:
            return None
        days = self.free / self.per_day
        return self.counted_at + timedelta(days=days) if days <= FORESEEN.days else None


#: What lies further ahead is not foretold.
FORESEEN = timedelta(days=10 * 365)


class Block(models.Model):
    """`BLOCK` numbers of a range, counted from its start. One in which all are free has no row."""

    range = models.ForeignKey(VniRange, db_index=False, on_delete=models.CASCADE, related_name="blocks")
    number = models.PositiveIntegerField()
    used = models.PositiveIntegerField()
    lost = models.PositiveIntegerField()
    reserved = models.PositiveIntegerField()

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("range", "number"), name="block_is_unique")]

    def __str__(self) -> str:
        return f"block {self.number} of {self.range}"


class Share(models.Model):
    """Of the numbers of a range that are used. Those of one who is no tenant of Weft's are its account's."""

    range = models.ForeignKey(VniRange, db_index=False, on_delete=models.CASCADE, related_name="shares")
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.SET_NULL, related_name="+")
    owner = models.CharField(max_length=255, blank=True)
    used = models.PositiveIntegerField()

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["Share"]]("tenant")

    class Meta:
        ordering = ("-used", "owner", "id")
        indexes = [models.Index(fields=("range", "-used", "owner", "id"), name="share_largest")]

    def __str__(self) -> str:
        return f"{self.owner}: {self.used}"


def numbers(first: int, last: int) -> Range:
    return Range(first, last + 1, "[)")
