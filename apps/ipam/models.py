"""Allocations and subnets of the System VPC that somebody has made, changed or deleted from here."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.db import models
from netfields import CidrAddressField

from apps.fabric.models import SurveyedSubnet
from apps.kernel import clock
from apps.zones.models import Zone


class Block(models.Model):
    """What operations about an allocation or a subnet are done to. How it is now is what Netris says of it, and stands
    in the inventory; `netris_id` is there once it is known to be there."""

    ALLOCATION, SUBNET = "allocation", "subnet"

    id = models.UUIDField(primary_key=True)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    type = models.CharField(max_length=16)
    prefix = CidrAddressField()
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    #: Blank for an allocation, as is what follows.
    purpose = models.CharField(max_length=32, blank=True)
    gateway = models.CharField(max_length=64, blank=True)
    #: References as Netris takes them: {"id", "name"}.
    sites: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    vpc: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    netris_tenant: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    netris_id = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = models.Manager()

    def __str__(self) -> str:
        return self.name or str(self.prefix)

    @classmethod
    def id_of(cls, zone: Zone, type_: str, prefix: object) -> UUID:
        """Of one that is to be made: the same for whoever wants it."""
        return uuid5(zone.pk, f"{type_}:{prefix}")

    @classmethod
    def of(cls, row: SurveyedSubnet, vpc: dict[str, Any]) -> Block:
        """Of one that is there, as it was last read. Its id is that of the inventory."""
        facts = {
            "zone": row.zone,
            "type": row.type,
            "prefix": row.prefix,
            "name": row.name,
            "description": row.description,
            "purpose": row.purpose,
            "gateway": row.gateway,
            "sites": row.sites,
            "vpc": vpc,
            "netris_id": int(row.remote_id.rpartition("-")[2]),
        }
        block, _ = cls.objects.update_or_create(pk=row.pk, defaults=facts)
        return block

    @property
    def lock_key(self) -> str:
        """By what it is, whether it is to be made or is there, and from whichever zone of its Netris."""
        return f"ipam:{uuid5(self.zone.controller_id, f'{self.type}:{self.prefix}')}"
