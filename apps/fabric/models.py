"""The inventory as it was surveyed: what is made of a zone's lists, a row for each device, link, session, port, subnet,
site.

The mirror holds what Netris sent, a row here what is to be said of it: a role comes from all cables, a verdict from the
checks of two devices. Kept in rows it can be narrowed, sorted and paged, however large the fabric is. They are written
by `surveys.survey` alone, after sweeps; what else is known of a device or a session is in the mirror, by `remote_id`.

A verdict is as old as the lists that it was made of (`Survey`). When these are too old, nothing is called well any
more: `status` is what was found last, and `Survey.word_of` what may still be said.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid5

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from netfields import CidrAddressField

from apps.fabric import verdicts
from apps.kernel import clock
from apps.mirror.models import Kind
from apps.zones.models import Zone


class Part(models.TextChoices):
    """What an inventory is made of."""

    DEVICE = "device"
    LINK = "link"
    SESSION = "session"
    PORT = "port"
    SUBNET = "subnet"
    #: What VPCs of tenants have of their own stands with the subnets, and is read apart from them.
    RANGE = "range"
    SITE = "site"


#: The lists that the verdicts on a part come from.
LISTS = {
    Part.DEVICE: (Kind.NETRIS_DEVICE,),
    Part.LINK: (Kind.NETRIS_DEVICE, Kind.NETRIS_LINK),
    Part.SESSION: (Kind.NETRIS_BGP,),
    Part.PORT: (Kind.NETRIS_PORT,),
    Part.SUBNET: (Kind.NETRIS_BLOCK,),
    Part.RANGE: (Kind.NETRIS_RANGE,),
    Part.SITE: (Kind.NETRIS_SITE,),
}


class Survey(models.Model):
    """When the lists were read from which a zone's rows come."""

    zone = models.OneToOneField(Zone, on_delete=models.CASCADE, primary_key=True, related_name="survey")
    devices_read_at = models.DateTimeField(null=True)
    links_read_at = models.DateTimeField(null=True)
    sessions_read_at = models.DateTimeField(null=True)
    ports_read_at = models.DateTimeField(null=True)
    subnets_read_at = models.DateTimeField(null=True)
    ranges_read_at = models.DateTimeField(null=True)
    sites_read_at = models.DateTimeField(null=True)

    objects = models.Manager()

    def __str__(self) -> str:
        return f"Survey of {self.zone}"

    @property
    def read(self) -> dict[Kind, datetime | None]:
        return {
            Kind.NETRIS_DEVICE: self.devices_read_at,
            Kind.NETRIS_LINK: self.links_read_at,
            Kind.NETRIS_BGP: self.sessions_read_at,
            Kind.NETRIS_PORT: self.ports_read_at,
            Kind.NETRIS_BLOCK: self.subnets_read_at,
            Kind.NETRIS_RANGE: self.ranges_read_at,
            Kind.NETRIS_SITE: self.sites_read_at,
        }

    def read_at(self, part: Part) -> datetime | None:
        """The oldest of the readings behind it; None while there is one that was never made."""
        moments = [self.read[kind] for kind in LISTS[part]]
        return min((each for each in moments if each), default=None) if all(moments) else None

    def fresh_until(self, part: Part) -> datetime | None:
        ends = [at + kind.fresh_for for kind, at in self.read.items() if kind in LISTS[part] and at]
        return min(ends) if len(ends) == len(LISTS[part]) else None

    def fresh_for(self, part: Part) -> timedelta:
        return min(kind.fresh_for for kind in LISTS[part])

    def is_stale(self, part: Part) -> bool:
        until = self.fresh_until(part)
        return until is None or until < clock.now()

    def word_of(self, row: Surveyed) -> str:
        """What may be said of it now."""
        return verdicts.STALE if self.is_stale(row.told_by) else row.status


class Sketch(models.Model):
    """What maps of a zone are drawn from (`sketches`), as the survey judged it once for all who draw."""

    zone = models.OneToOneField(Zone, on_delete=models.CASCADE, primary_key=True, related_name="+")
    #: Of the readings that it was made of (`queries.Basis.judged`).
    state = models.CharField(max_length=8)
    #: What is told beside a map, and the map with all of its folds closed.
    outline: models.JSONField[dict[str, Any]] = models.JSONField()
    #: Every device, cable and session.
    whole: models.JSONField[list[Any]] = models.JSONField()

    objects = models.Manager()

    def __str__(self) -> str:
        return f"Sketch of {self.zone}"


def sort_key_of(name: str) -> str:
    """Orders names as people count: leaf-2 before leaf-10."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(10), name.lower())


class Surveyed(models.Model):
    """`id` is the same whenever a thing is seen again, `created_at` when that was first."""

    part: ClassVar[Part]

    id = models.UUIDField(primary_key=True)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="+")
    #: Netris' id of it, or what stands for one.
    remote_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True)
    sort_key = models.TextField(blank=True)
    #: What people search it by, folded (`kernel.named`).
    search_key = models.TextField(blank=True)
    status = models.CharField(max_length=16)
    #: How bad that is: the worst first (`verdicts.badness`).
    badness = models.PositiveSmallIntegerField(default=0)
    #: The silent device that explains all that is wrong with it.
    because = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def told_by(self) -> Part:
        """The part with whose lists it is read."""
        return self.part

    @classmethod
    def id_of(cls, zone: Zone, remote_id: object) -> UUID:
        return uuid5(zone.pk, f"{cls.part}:{remote_id}")

    @classmethod
    def lock_of(cls, zone: Zone, remote_id: object) -> str:
        """For operations about it: the same from all zones that have their networks from one Netris."""
        return f"{cls.part}:{uuid5(zone.controller_id, f'{cls.part}:{remote_id}')}"

    @classmethod
    def columns(cls) -> list[str]:
        """What a survey writes anew when it is found changed."""
        return [field.attname for field in cls._meta.concrete_fields if field.name not in ("id", "zone", "created_at")]


class SurveyedDevice(Surveyed):
    part = Part.DEVICE

    role = models.CharField(max_length=16)
    #: The leaves that it hangs on, "Leaf-1 + Leaf-2"; of a leaf those that it shares its hosts with.
    pair = models.CharField(max_length=255, blank=True)
    #: CloudStack's id of the hypervisor that it is.
    host_id = models.CharField(max_length=64, blank=True)
    #: What is set of it in Netris, by name (`changes.facts_of`); empty in rows of a time before they were kept.
    facts: models.JSONField[dict[str, str]] = models.JSONField(default=dict, db_default={})

    objects = models.Manager()

    class Meta:
        verbose_name = "device"
        constraints = [models.UniqueConstraint(fields=("zone", "remote_id"), name="surveyed_device_is_unique")]
        indexes = [
            models.Index(fields=("badness", "sort_key", "id"), name="device_worst_first"),
            models.Index(fields=("sort_key", "id"), name="device_by_name"),
            models.Index(fields=("-created_at", "-id"), name="device_newest"),
            models.Index(fields=("zone", "pair"), name="device_by_pair"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="device_by_words"),
        ]


class SurveyedLink(Surveyed):
    """A cable. An end that the inventory does not have has no id; a router's of an ISP has one of its own."""

    part = Part.LINK

    #: underlay, access, management, border
    plane = models.CharField(max_length=16)
    a_id = models.CharField(max_length=255, blank=True)
    a_device = models.CharField(max_length=255, blank=True)
    a_port = models.CharField(max_length=255, blank=True)
    b_id = models.CharField(max_length=255, blank=True)
    b_device = models.CharField(max_length=255, blank=True)
    b_port = models.CharField(max_length=255, blank=True)

    objects = models.Manager()

    class Meta:
        verbose_name = "link"
        constraints = [models.UniqueConstraint(fields=("zone", "remote_id"), name="surveyed_link_is_unique")]
        indexes = [
            models.Index(fields=("badness", "sort_key", "id"), name="link_worst_first"),
            models.Index(fields=("sort_key", "id"), name="link_by_name"),
            models.Index(fields=("-created_at", "-id"), name="link_newest"),
            models.Index(fields=("zone", "a_id"), name="link_by_one_end"),
            models.Index(fields=("zone", "b_id"), name="link_by_other_end"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="link_by_words"),
        ]


class SurveyedSession(Surveyed):
    """A BGP session with a router of the internet, or one that should be and is not."""

    part = Part.SESSION

    #: The device that ends it.
    device_id = models.CharField(max_length=255)
    device = models.CharField(max_length=255)
    router_id = models.CharField(max_length=255)
    router = models.CharField(max_length=255)
    router_asn = models.PositiveBigIntegerField(null=True)

    objects = models.Manager()

    class Meta:
        verbose_name = "session"
        constraints = [models.UniqueConstraint(fields=("zone", "remote_id"), name="surveyed_session_is_unique")]
        indexes = [
            models.Index(fields=("badness", "sort_key", "id"), name="session_worst_first"),
            models.Index(fields=("sort_key", "id"), name="session_by_name"),
            models.Index(fields=("-created_at", "-id"), name="session_newest"),
            models.Index(fields=("zone", "device_id"), name="session_by_device"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="session_by_words"),
        ]


class SurveyedPort(Surveyed):
    """`name` is the full one (swp1@Leaf-1). What it leads to is that of its link, if it has one."""

    part = Part.PORT

    device_id = models.CharField(max_length=255, blank=True)
    device = models.CharField(max_length=255, blank=True)
    short_name = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True)
    #: Netris' word, in Mbit/s as a rule.
    speed = models.CharField(max_length=32, blank=True)
    mtu = models.PositiveIntegerField(null=True)
    is_used = models.BooleanField(default=False)
    #: Nobody heard of its device: what Netris says of it is what that said last.
    is_silent = models.BooleanField(default=False, db_default=False)
    link_id = models.CharField(max_length=255, blank=True)
    far_device_id = models.CharField(max_length=255, blank=True)
    far_device = models.CharField(max_length=255, blank=True)
    far_port = models.CharField(max_length=255, blank=True)

    objects = models.Manager()

    class Meta:
        verbose_name = "port"
        constraints = [models.UniqueConstraint(fields=("zone", "remote_id"), name="surveyed_port_is_unique")]
        indexes = [
            models.Index(fields=("badness", "sort_key", "id"), name="port_worst_first"),
            models.Index(fields=("sort_key", "id"), name="port_by_name"),
            models.Index(fields=("-created_at", "-id"), name="port_newest"),
            models.Index(fields=("zone", "device_id", "sort_key"), name="port_by_device"),
            models.Index(fields=("status", "sort_key", "id"), name="port_by_status"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="port_by_words"),
        ]

    @property
    def rate(self) -> str:
        """ "25 Gbit/s", or Netris' own word where that is no number of Mbit/s."""
        if not self.speed.isdecimal():
            return self.speed
        megabits = int(self.speed)
        return f"{megabits / 1000:g} Gbit/s" if megabits >= 1000 else f"{megabits} Mbit/s"


class Owner(models.TextChoices):
    """Whose an allocation or a subnet is."""

    PLATFORM = "platform", "Platform"
    TENANT = "tenant", "Tenants"
    #: Of a VPC in Netris that no VPC of Weft stands for.
    NOBODY = "nobody", "Nobody known"


class SubnetQuerySet(models.QuerySet["SurveyedSubnet"]):
    def of_platform(self) -> SubnetQuerySet:
        """Those of the System VPC: the only ones that Weft makes and changes."""
        return self.filter(owner=Owner.PLATFORM)

    def of_vpcs(self) -> SubnetQuerySet:
        """What CloudStack, or somebody else, has made for a VPC."""
        return self.filter(owner__in=(Owner.TENANT, Owner.NOBODY))


class SurveyedSubnet(Surveyed):
    """An allocation, or a subnet in one: of the System VPC, or what a tenant's VPC has of its own. What holds one
    address for a tenant's VPC is only counted."""

    part = Part.SUBNET

    owner = models.CharField(max_length=16, choices=Owner.choices, default=Owner.PLATFORM, db_default=Owner.PLATFORM)
    #: The VPC in Netris that it is of, and its name there; None and blank for the System VPC.
    netris_vpc_id = models.PositiveBigIntegerField(null=True)
    netris_vpc = models.CharField(max_length=255, blank=True, db_default="")
    #: Weft's VPC that this is.
    vpc = models.ForeignKey("networks.Vpc", null=True, on_delete=models.SET_NULL, related_name="+")
    #: What that and its tenant were called when it was surveyed: it is searched by these names.
    whose = models.CharField(max_length=255, blank=True, db_default="")

    #: allocation, subnet
    type = models.CharField(max_length=16)
    prefix = CidrAddressField(null=True)
    #: Blank for an allocation.
    purpose = models.CharField(max_length=32, blank=True)
    netris_tenant = models.CharField(max_length=255, blank=True)
    gateway = models.CharField(max_length=64, blank=True)
    #: The `remote_id` of what it lies in; blank for an allocation.
    parent_id = models.CharField(max_length=64, blank=True)
    #: Netris' own figure; None where it sends none.
    percent = models.FloatField(null=True)
    hosts = models.PositiveIntegerField(null=True)
    #: Single addresses for tenants' VPCs that lie in it.
    addresses = models.PositiveIntegerField(default=0)
    description = models.TextField(blank=True)
    #: [{"id", "name"}]; none for an allocation.
    sites: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    #: Netris has it from elsewhere, and does not let it be changed.
    is_read_only = models.BooleanField(default=False)

    objects = SubnetQuerySet.as_manager()

    class Meta:
        verbose_name = "subnet"
        constraints = [models.UniqueConstraint(fields=("zone", "remote_id"), name="surveyed_subnet_is_unique")]
        indexes = [
            models.Index(fields=("-created_at", "-id"), name="subnet_newest"),
            models.Index(fields=("sort_key", "id"), name="subnet_by_prefix"),
            models.Index(fields=("owner", "sort_key", "id"), name="subnet_by_owner"),
            models.Index(fields=("purpose", "sort_key", "id"), name="subnet_by_purpose"),
            models.Index(fields=("status", "sort_key", "id"), name="subnet_by_status"),
            models.Index(fields=("badness", "sort_key", "id"), name="subnet_worst_first"),
            models.Index(fields=("percent", "sort_key", "id"), name="subnet_emptiest"),
            models.Index(models.F("percent").desc(nulls_last=True), "sort_key", "id", name="subnet_fullest"),
            models.Index(fields=("zone", "netris_vpc_id"), name="subnet_by_netris_vpc"),
            models.Index(fields=("zone", "parent_id", "sort_key"), name="subnet_by_parent"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="subnet_by_words"),
        ]

    @property
    def told_by(self) -> Part:
        return Part.SUBNET if self.owner == Owner.PLATFORM else Part.RANGE

    @property
    def site_names(self) -> list[str]:
        return [str(site["name"]) for site in self.sites]

    @property
    def used(self) -> str:
        return "" if self.percent is None else f"{self.percent:g} %"


class SurveyedSite(Surveyed):
    """A site of Netris'. Nothing judges it: its status is blank."""

    part = Part.SITE

    public_asn = models.PositiveBigIntegerField(null=True)
    #: What its VPCs let through where no rule says anything: permit, deny
    acl_policy = models.CharField(max_length=16, blank=True)
    #: netris, dot1q_trunk, equinix_metal, phoenixnap_bmc
    switch_fabric = models.CharField(max_length=32, blank=True)
    vlan_range = models.CharField(max_length=64, blank=True)

    objects = models.Manager()

    class Meta:
        verbose_name = "site"
        constraints = [models.UniqueConstraint(fields=("zone", "remote_id"), name="surveyed_site_is_unique")]
        indexes = [models.Index(fields=("-created_at", "-id"), name="site_newest")]
