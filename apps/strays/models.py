"""Strays: what a remote has under a name of Weft's, and no row of Weft's claims.

An orphan's row is gone, or never was; a double's row has another thing of the same name. They come from writes that
took effect after everybody had given them up, from removals that were given up, and from backups that were put back.

A stray is found by the sweeps and never taken away by itself: `remote_name` is the name that Weft gave it, `row_id` the
row that bears or bore that name.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from apps.kernel import clock
from apps.mirror.models import Kind
from apps.zones.models import System, Zone

#: The lists in which strays are looked for, with what one of their rows is called.
NOUNS = {
    Kind.CLOUDSTACK_VPC: "VPC",
    Kind.CLOUDSTACK_NETWORK: "tier",
    Kind.CLOUDSTACK_DOMAIN: "domain",
    Kind.CLOUDSTACK_ACCOUNT: "account",
    Kind.NETRIS_VPC: "VPC",
    Kind.NETRIS_VNET: "V-Net",
    Kind.NETRIS_ADDRESS: "public IP",
    Kind.NETRIS_SESSION: "BGP session",
    Kind.NETRIS_RANGE: "allocation",
    Kind.NETRIS_PEERING: "VPC peering",
}
#: As people call them; each once.
KINDS = sorted(set(NOUNS.values()))


class StrayQuerySet(models.QuerySet["Stray"]):
    def there(self) -> StrayQuerySet:
        """Those that the remote still lists."""
        return self.filter(gone_at=None)


class Stray(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=32, choices=[(kind, kind.label) for kind in NOUNS])
    remote_id = models.CharField(max_length=64)
    #: As the remote has it.
    name = models.CharField(max_length=255)
    #: As Weft gave it; blank for what carries none.
    remote_name = models.CharField(max_length=255, blank=True)
    row_id = models.UUIDField(null=True)
    #: What holds that row; blank without one.
    row_lock = models.CharField(max_length=64, blank=True)
    is_double = models.BooleanField(default=False)
    #: For people: range, account, VPC.
    facts: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    #: Why it cannot be adopted; blank when it can.
    why_not_adopt = models.CharField(max_length=200, blank=True)
    #: When it was first seen, and when last.
    created_at = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    gone_at = models.DateTimeField(null=True)

    objects = StrayQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [models.UniqueConstraint(fields=("zone", "kind", "remote_id"), name="stray_is_unique")]
        indexes = [
            models.Index(fields=("-created_at", "-id"), condition=models.Q(gone_at=None), name="stray_newest"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def system(self) -> System:
        return System(self.kind.partition(".")[0])

    @property
    def noun(self) -> str:
        return NOUNS[Kind(self.kind)]

    @property
    def what(self) -> str:
        """ "The VPC vpc-1f2e... in CloudStack" """
        return f"The {self.noun} {self.name} in {self.system.label}"

    @property
    def why(self) -> str:
        if not self.remote_name:
            return "No VPC in Netris bears the plugin's prefix of its name any more."
        if self.is_double:
            return "Its row has another one of the same name."
        return "Its row is gone." if self.row_id is None or self.why_not_adopt else "Its row has lost its own."

    @property
    def why_not_remove(self) -> str | None:
        if self.gone_at is not None:
            return "It is gone."
        if not self.remote_name:
            return f"It carries no name of Weft's, so it may be somebody else's. Remove it in {self.system.label}."
        return None

    @property
    def lock_key(self) -> str:
        """What is done to it is not done while its row is worked on."""
        return self.row_lock or f"stray:{self.pk}"
