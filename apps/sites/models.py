"""Sites of Netris that somebody has made, changed or deleted from here."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.db import models

from apps.fabric.models import SurveyedSite
from apps.kernel import clock
from apps.zones.models import Zone

#: What of a site can be changed.
FACTS = ("name", "public_asn", "acl_policy", "switch_fabric", "vlan_range")


class Site(models.Model):
    """What operations about a site are done to. How it is now is what Netris says of it, and stands in the inventory;
    `netris_id` is there once it is known to be there."""

    id = models.UUIDField(primary_key=True)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    public_asn = models.PositiveBigIntegerField(null=True)
    acl_policy = models.CharField(max_length=16)
    switch_fabric = models.CharField(max_length=32)
    vlan_range = models.CharField(max_length=64)
    netris_id = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = models.Manager()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def id_of(cls, zone: Zone, name: str) -> UUID:
        """Of one that is to be made: the same for whoever wants it."""
        return uuid5(zone.pk, f"site-to-be:{name}")

    @classmethod
    def of(cls, row: SurveyedSite) -> Site:
        """Of one that is there, as it was last read. Its id is that of the inventory."""
        facts: dict[str, Any] = {name: getattr(row, name) for name in FACTS}
        facts |= {"zone": row.zone, "netris_id": int(row.remote_id)}
        site, _ = cls.objects.update_or_create(pk=row.pk, defaults=facts)
        return site

    @property
    def lock_key(self) -> str:
        """By its name, whether it is to be made or is there, and from whichever zone of its Netris."""
        return f"site:{uuid5(self.zone.controller_id, self.name)}"
