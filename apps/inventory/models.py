"""Devices, links and ports of Netris' inventory, as what operations are done to. What there is, the inventory tells
that is surveyed; a row here holds what Weft was asked to make, or what a thing was like before it was asked to change
it."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models

from apps.fabric.models import Surveyed, SurveyedDevice, SurveyedLink, SurveyedPort
from apps.kernel import clock
from apps.zones.models import Zone


class Thing(models.Model):
    surveyed: ClassVar[type[Surveyed]]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    #: Netris' id; blank until it is made.
    remote_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    #: By the names that forms, sheets and the API have for them (`specs`).
    values: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)

    objects = models.Manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, seen: Surveyed, values: dict[str, Any], **facts: Any) -> Self:
        """The row of what was surveyed, with what it is like now."""
        facts |= {"name": seen.name, "values": values}
        row, _ = cls.objects.update_or_create(
            zone=seen.zone, remote_id=seen.remote_id, defaults=facts, create_defaults={"pk": seen.pk, **facts}
        )
        return row

    @property
    def seen_id(self) -> UUID:
        """The id under which the inventory shows it."""
        return self.surveyed.id_of(self.zone, self.remote_id)

    @property
    def lock_key(self) -> str:
        """One operation at a time is about it. What has no id yet is told by its name."""
        return self.surveyed.lock_of(self.zone, self.remote_id or f"named {self.name.lower()}")


def _once(name: str) -> models.UniqueConstraint:
    """Netris' id belongs to one row."""
    return models.UniqueConstraint(fields=("zone", "remote_id"), condition=~models.Q(remote_id=""), name=name)


class Device(Thing):
    surveyed = SurveyedDevice

    #: Netris' kind: switch, softgate, server.
    kind = models.CharField(max_length=16)

    class Meta:
        constraints = [_once("inventory_device_once")]


class Link(Thing):
    """`name` is both ports, in full."""

    surveyed = SurveyedLink

    #: The device that is made together with it.
    device = models.ForeignKey(Device, null=True, on_delete=models.CASCADE, related_name="links")
    #: Full names: eth1@Server-5, swp5@Leaf-1.
    local = models.CharField(max_length=255)
    remote = models.CharField(max_length=255)

    class Meta:
        constraints = [_once("inventory_link_once")]


class Port(Thing):
    surveyed = SurveyedPort

    class Meta:
        constraints = [_once("inventory_port_once")]
