"""What CloudStack and Netris said last, and when. Pages and requests read here and never wait for a remote list.

One `Reading` per zone and kind of list says how old the picture is; its `Item`s are the rows of the list, as the remote
sent them, reduced to the fields of the client's wire models. A list that could not be read leaves the items as they
were: the reading then carries the error, and its age grows.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from apps.zones.models import Zone


class Kind(models.TextChoices):
    """The lists that are mirrored: `<system>.<list>`."""

    CLOUDSTACK_VPC = "cloudstack.vpc", "VPCs in CloudStack"
    CLOUDSTACK_NETWORK = "cloudstack.network", "Networks in CloudStack"
    NETRIS_VPC = "netris.vpc", "VPCs in Netris"
    NETRIS_VNET = "netris.vnet", "V-Nets in Netris"
    NETRIS_DEVICE = "netris.device", "Inventory of Netris"
    NETRIS_LINK = "netris.link", "Links in Netris"
    NETRIS_BGP = "netris.bgp", "BGP sessions in Netris"


class Reading(models.Model):
    """The last attempts to read one list. `read_at` is when the last good one began: what is shown is that old."""

    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="readings")
    kind = models.CharField(max_length=32, choices=Kind.choices)
    read_at = models.DateTimeField(null=True)
    milliseconds = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True)

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("zone", "kind"), name="reading_is_unique")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.zone}"

    def age(self, now: datetime | None = None) -> timedelta | None:
        return None if self.read_at is None else (now or timezone.now()) - self.read_at


class Item(models.Model):
    """One row of a remote's list. `key` is what the list is joined on: a V-Net's VNI, a network's VPC, a device's name."""

    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(max_length=32, choices=Kind.choices)
    remote_id = models.CharField(max_length=64)
    key = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=255, blank=True)
    data: models.JSONField[dict[str, Any]] = models.JSONField()
    seen_at = models.DateTimeField()

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("zone", "kind", "remote_id"), name="item_is_unique")]
        indexes = [models.Index(fields=("zone", "kind", "key"), name="item_by_key")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.remote_id}"
