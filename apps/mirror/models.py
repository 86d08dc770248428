"""What CloudStack and Netris said last, and when. Pages and requests read here and never wait for a remote list.

One `Reading` per zone and kind of list says how old the picture is; its `Item`s are the rows of the list, as the remote
sent them, reduced to the fields of the client's wire models. A list that cannot be read to its end leaves what it did
not reach as it was: the reading then carries the error, and its age grows.

    column of Reading   says
    due_at              when to read next; `request_refresh` moves it to now
    lease_until         somebody is reading, and until then nobody else does; renewed for as long as it takes
    fence               raised by each who begins: who finds another value here has been overtaken and writes nothing
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Collate, Left, Upper
from django.db.models.lookups import Exact

from apps.kernel import clock
from apps.zones.models import Zone


class Kind(models.TextChoices):
    """The lists that are mirrored: `<system>.<list>`."""

    CLOUDSTACK_VPC = "cloudstack.vpc", "VPCs in CloudStack"
    CLOUDSTACK_NETWORK = "cloudstack.network", "Networks in CloudStack"
    CLOUDSTACK_POOL = "cloudstack.pool", "VNI pools in CloudStack"
    CLOUDSTACK_VNI = "cloudstack.vni", "Allocated VNIs in CloudStack"
    CLOUDSTACK_ADDRESS = "cloudstack.address", "Public IPs in CloudStack"
    CLOUDSTACK_INSTANCE = "cloudstack.instance", "Instances in CloudStack"
    CLOUDSTACK_ACL = "cloudstack.acl", "Items of access lists in CloudStack"
    CLOUDSTACK_HOST = "cloudstack.host", "Hypervisors in CloudStack"
    CLOUDSTACK_DOMAIN = "cloudstack.domain", "Domains in CloudStack"
    CLOUDSTACK_ACCOUNT = "cloudstack.account", "Accounts in CloudStack"
    NETRIS_VPC = "netris.vpc", "VPCs in Netris"
    NETRIS_VNET = "netris.vnet", "V-Nets in Netris"
    NETRIS_RANGE = "netris.range", "Ranges of VPCs in Netris"
    NETRIS_NAT = "netris.nat", "NAT rules in Netris"
    NETRIS_ACL = "netris.acl", "Rules of access lists in Netris"
    NETRIS_ROUTE = "netris.route", "Static routes in Netris"
    NETRIS_BALANCER = "netris.balancer", "Load balancers in Netris"
    NETRIS_ADDRESS = "netris.address", "Public addresses in Netris"
    NETRIS_BLOCK = "netris.block", "Allocations and subnets in Netris"
    NETRIS_SITE = "netris.site", "Sites in Netris"
    NETRIS_DEVICE = "netris.device", "Inventory of Netris"
    NETRIS_PORT = "netris.port", "Ports in Netris"
    NETRIS_LINK = "netris.link", "Links in Netris"
    NETRIS_BGP = "netris.bgp", "BGP sessions in Netris"
    NETRIS_SESSION = "netris.session", "BGP sessions of VPCs in Netris"
    NETRIS_PEERING = "netris.peering", "VPC peerings in Netris"

    @property
    def interval(self) -> timedelta:
        """How often it is read when all goes well."""
        return timedelta(seconds=SECONDS[self])

    @property
    def fresh_for(self) -> timedelta:
        """How old it may be and still be believed: three times as old as it gets when all goes well."""
        return 3 * self.interval


SECONDS = {
    Kind.CLOUDSTACK_VPC: 60,
    Kind.CLOUDSTACK_NETWORK: 20,
    Kind.CLOUDSTACK_POOL: 300,
    Kind.CLOUDSTACK_VNI: 120,
    Kind.CLOUDSTACK_ADDRESS: 60,
    Kind.CLOUDSTACK_INSTANCE: 60,
    Kind.CLOUDSTACK_ACL: 60,
    Kind.CLOUDSTACK_HOST: 60,
    Kind.CLOUDSTACK_DOMAIN: 300,
    Kind.CLOUDSTACK_ACCOUNT: 300,
    Kind.NETRIS_VPC: 30,
    Kind.NETRIS_VNET: 20,
    Kind.NETRIS_RANGE: 60,
    Kind.NETRIS_NAT: 60,
    Kind.NETRIS_ACL: 60,
    Kind.NETRIS_ROUTE: 60,
    Kind.NETRIS_BALANCER: 7,
    Kind.NETRIS_ADDRESS: 120,
    Kind.NETRIS_BLOCK: 120,
    Kind.NETRIS_SITE: 300,
    Kind.NETRIS_DEVICE: 15,
    Kind.NETRIS_PORT: 60,
    Kind.NETRIS_LINK: 60,
    Kind.NETRIS_BGP: 15,
    Kind.NETRIS_SESSION: 20,
    Kind.NETRIS_PEERING: 60,
}


class ReadingQuerySet(models.QuerySet["Reading"]):
    def due(self, now: datetime | None = None) -> ReadingQuerySet:
        """Time to read, and nobody does."""
        now = now or clock.now()
        free = models.Q(lease_until=None) | models.Q(lease_until__lte=now)
        return self.filter(free, due_at__lte=now, zone__is_enabled=True)


class Reading(models.Model):
    """The last attempts to read one list. `read_at` is when the last good one began: what is shown is that old."""

    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="readings")
    kind = models.CharField(max_length=32, choices=Kind.choices)
    read_at = models.DateTimeField(null=True)
    milliseconds = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField(default=clock.now)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)

    objects = ReadingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("zone", "kind"), name="reading_is_unique")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.zone}"

    def age(self, now: datetime | None = None) -> timedelta | None:
        return None if self.read_at is None else (now or clock.now()) - self.read_at

    @property
    def fresh_for(self) -> timedelta:
        return Kind(self.kind).fresh_for

    @property
    def is_stale(self) -> bool:
        """Never read, or read too long ago to call anything in it healthy."""
        return self.is_too_old(self.age())

    def is_too_old(self, age: timedelta | None) -> bool:
        return age is None or age > self.fresh_for

    @property
    def has_failed(self) -> bool:
        """The last attempt failed; what there is comes from an earlier one."""
        return bool(self.error)


#: What tenants narrow and search; other lists are read by the key alone.
OF_INSTANCES = models.Q(kind=Kind.CLOUDSTACK_INSTANCE)
OF_NAT = models.Q(kind=Kind.NETRIS_NAT)


def _word(field: str) -> Upper:
    """In capitals by a rule that no update of an operating system changes: it is kept."""
    return Upper(Collate(KT(f"data__{field}"), "C"))


ENABLED_RULE = OF_NAT & ~models.Q(Exact(_word("state"), models.Value("DISABLED")))


class Item(models.Model):
    """One row of a remote's list. `key` is what the list is joined on: a V-Net's VNI, a network's VPC, a device's name.

    A row that a sweep finds unchanged is not written again: `changed_at` is when it last was; how fresh it is stands in
    its list's reading, or in `read_at` where it was read by its id after that.
    """

    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(max_length=32, choices=Kind.choices)
    remote_id = models.CharField(max_length=64)
    key = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=255, blank=True)
    #: What people search it by, folded (`kernel.named`); blank for lists that nobody searches.
    search_key = models.TextField(blank=True, db_default="")
    data: models.JSONField[dict[str, Any]] = models.JSONField()
    changed_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    #: SNAT, DNAT: what a NAT rule does that is on. Tens of thousands are counted by it, out of the index alone.
    nat_action = models.GeneratedField(
        expression=models.Case(models.When(ENABLED_RULE, then=Left(_word("action"), 32)), default=None),
        output_field=models.CharField(max_length=32, null=True),
        db_persist=True,
    )

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("kind", "remote_id", "zone"), name="item_is_unique")]
        indexes = [
            models.Index(fields=("zone", "kind", "key"), name="item_by_key"),
            models.Index(fields=("zone", "nat_action", "key"), condition=OF_NAT, name="nat_rule_by_action"),
            GinIndex(OpClass("search_key", "gin_trgm_ops"), condition=OF_INSTANCES, name="instance_by_words"),
            GinIndex(OpClass("data", "jsonb_path_ops"), condition=OF_INSTANCES, name="instance_by_network"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.remote_id}"
