"""SoftGates that somebody has put into maintenance, or taken out of it, from here."""

from __future__ import annotations

from django.db import models

from apps.fabric.models import SurveyedDevice
from apps.kernel import clock
from apps.zones.models import Zone


class Maintenance(models.Model):
    """What operations about a SoftGate's maintenance are done to; its id is the device's. Whether it is in maintenance
    now is what Netris says of it, and stands in the inventory."""

    #: Of the operations.
    KIND = "maintenance"

    id = models.UUIDField(primary_key=True)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    remote_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=clock.now)

    objects = models.Manager()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, device: SurveyedDevice) -> Maintenance:
        """Its row, made when it is the first time."""
        facts = {"zone": device.zone, "remote_id": device.remote_id, "name": device.name}
        row, _ = cls.objects.update_or_create(pk=device.pk, defaults=facts)
        return row

    @property
    def lock_key(self) -> str:
        return SurveyedDevice.lock_of(self.zone, self.remote_id)
