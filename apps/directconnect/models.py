"""Direct Connect: where it can be had, what was ordered, and what runs over it.

    constraint                          says
    location_name_is_unique             one location of a name; what looks the same is the same (`kernel.names`)
    offering_is_unique                  a location offers a speed of a kind once
    port_is_in_one_place                a port of a zone's fabric belongs to one location
    connection_name_is_unique           one live connection of a name per tenant
    connection_is_in_a_stage            no other stage than those of the table (`stages`)
    connection_has_a_port_in_time       a port from port-reserved on, none before that and none when it is over
    connection_has_a_letter_in_time     a letter of authorization from loa-issued on
    connection_knows_where_it_was       on hold and suspended: the stage it goes back to; else none
    dedicated_port_has_one_connection   a dedicated port has one live connection
    port_of_its_location                the port is one of the location's, of the kind that was ordered (a composite
                                        foreign key, as all that follow)
    connection_apart_from_own           the connection that it is apart from is the tenant's
    interface_of_connection, _of_vpc    tenant of both is the interface's
    vlan_is_free                        a VLAN of a port belongs to one interface, until its rest is over
    links_do_not_overlap                live interfaces of a VPC share no address

`StageEntry` is what happened to an order: a row is written with each move, in its transaction, and never changed (a
trigger). The stages themselves stand in `stages`, what each move asks for as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from netfields import CidrAddressField, InetAddressField

from apps.directconnect import stages
from apps.directconnect.stages import Party, Stage
from apps.kernel import clock
from apps.kernel.named import Key
from apps.kernel.names import DESCRIPTION, NAME, key_of
from apps.kernel.seal import SealedField
from apps.networks.models import LIVE, Vpc, lane_of, why_not_now
from apps.networks.specs import CIDR_LENGTH
from apps.operations.models import Operation
from apps.operations.provisioned import Provisioned, ProvisionedQuerySet, Status
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

STAGES = [(stage.value, stage.label) for stage in Stage]
PARTIES = [(party.value, party.value.capitalize()) for party in Party]
#: Of an order that is not over.
OPEN = ~Q(stage=Stage.CLOSED)
#: What may be tagged: 1 is what a trunk carries untagged, 4095 is reserved (802.1Q).
FIRST_VLAN, LAST_VLAN = 2, 4094
LAST_ASN = 4_294_967_295
#: In Mbit/s, as Netris tells speeds of ports.
FASTEST = 1_600_000
PRICE_LENGTH = 80
LETTER_LENGTH = 2_000
REFERENCE_LENGTH = 64


class PortKind(models.TextChoices):
    """Whether a connection has a port for itself, or a VLAN of one that others have VLANs of as well."""

    DEDICATED = "dedicated", "Dedicated port"
    HOSTED = "hosted", "Hosted on a shared port"


def rate_of(megabits: int) -> str:
    """ "10 Gbit/s" """
    return f"{megabits / 1000:g} Gbit/s" if megabits >= 1000 else f"{megabits} Mbit/s"


class Locations(models.Manager["Location"]):
    def called(self, name: str) -> models.QuerySet[Location]:
        return self.filter(name_key=key_of(name))


class Location(models.Model):
    """A meet-me room from which the fabric of a zone can be reached."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    address = models.CharField(max_length=DESCRIPTION.most)
    room = models.CharField(max_length=NAME.most)
    #: What the provider authorizes whom to; stands in each letter.
    loa_text = models.CharField(max_length=LETTER_LENGTH, blank=True)
    #: How long a letter is valid unless somebody says otherwise.
    loa_days = models.PositiveSmallIntegerField(default=60)
    #: Orders are taken for it.
    is_open = models.BooleanField(default=True)
    search_key = Key("name", "address", "room")
    created_at = models.DateTimeField(default=clock.now)

    objects = Locations()

    class Meta:
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=("name_key",), name="location_name_is_unique"),
            models.CheckConstraint(condition=Q(loa_days__gte=1, loa_days__lte=365), name="letter_is_valid_for_a_while"),
        ]
        indexes = [models.Index(fields=("-created_at", "-id"), name="location_newest")]

    def __str__(self) -> str:
        return self.name


class Offering(models.Model):
    """What can be ordered at a location."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="offerings")
    #: In Mbit/s.
    speed = models.PositiveIntegerField()
    kind = models.CharField(max_length=9, choices=PortKind.choices)
    #: As the provider words it; Weft reckons with no price.
    price = models.CharField(max_length=PRICE_LENGTH, blank=True)
    is_open = models.BooleanField(default=True)

    objects = models.Manager()

    class Meta:
        ordering = ("kind", "speed", "id")
        constraints = [
            models.UniqueConstraint(fields=("location", "speed", "kind"), name="offering_is_unique"),
            models.CheckConstraint(condition=Q(speed__gte=1, speed__lte=FASTEST), name="offering_has_a_speed"),
            models.CheckConstraint(condition=Q(kind__in=PortKind.values), name="offering_is_of_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.rate}, {self.get_kind_display().lower()}"

    @property
    def rate(self) -> str:
        return rate_of(self.speed)


class FabricPort(models.Model):
    """A port of the fabric that orders at a location can have. `name` is the full one (swp7@Leaf-1), as it was called
    when an admin put it there."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="ports")
    #: The location's.
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="+")
    #: Netris' id of the port, and of the device that it is of.
    remote_id = models.CharField(max_length=64)
    device_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    device = models.CharField(max_length=255)
    #: In Mbit/s: of a dedicated port what is ordered, of a shared one no less than that.
    speed = models.PositiveIntegerField()
    kind = models.CharField(max_length=9, choices=PortKind.choices)
    created_at = models.DateTimeField(default=clock.now)

    objects = models.Manager()

    class Meta:
        verbose_name = "port"
        ordering = ("device", "name", "id")
        constraints = [
            models.UniqueConstraint(fields=("zone", "remote_id"), name="port_is_in_one_place"),
            models.CheckConstraint(condition=Q(speed__gte=1, speed__lte=FASTEST), name="port_has_a_speed"),
            models.CheckConstraint(condition=Q(kind__in=PortKind.values), name="port_is_of_a_kind"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def rate(self) -> str:
        return rate_of(self.speed)


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def live(self) -> ConnectionQuerySet:
        return self.filter(OPEN)

    def queued(self) -> ConnectionQuerySet:
        """Those that wait for a port, in the order of their approval."""
        return self.filter(stage=Stage.APPROVED, port=None).order_by("place")


class Connection(models.Model):
    """An order, and the connection that it becomes. It is one row from the draft on."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    #: In Mbit/s.
    speed = models.PositiveIntegerField()
    kind = models.CharField(max_length=9, choices=PortKind.choices)
    #: Another connection, whose port is to be on another leaf.
    apart_from = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")

    stage = models.CharField(max_length=24, choices=STAGES, default=Stage.DRAFT)
    stage_since = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(null=True)
    held_stage = models.CharField(max_length=24, choices=STAGES, blank=True)
    #: Grows with each approval: who has the lowest gets the next port.
    place = models.BigIntegerField(null=True)
    port = models.ForeignKey(FabricPort, null=True, on_delete=models.PROTECT, related_name="+")

    loa_number = models.CharField(max_length=REFERENCE_LENGTH, blank=True)
    loa_issued_at = models.DateTimeField(null=True)
    loa_valid_until = models.DateTimeField(null=True)
    #: What the letter says, as it was when it was issued: by its lines.
    loa_facts: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    #: The carrier's, of the cross-connect.
    reference = models.CharField(max_length=REFERENCE_LENGTH, blank=True)

    search_key = Key("name", "loa_number", "reference")
    created_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True)

    unscoped: ClassVar[models.Manager[Connection]] = ConnectionQuerySet.as_manager()
    objects = TenantDoor[ConnectionQuerySet]("tenant")

    class Meta:
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=("tenant", "name_key"), condition=OPEN, name="connection_name_is_unique"),
            models.UniqueConstraint(
                fields=("port",), condition=OPEN & Q(kind=PortKind.DEDICATED), name="dedicated_port_has_one_connection"
            ),
            models.UniqueConstraint(
                fields=("loa_number",), condition=~Q(loa_number=""), name="letters_have_their_own_numbers"
            ),
            models.CheckConstraint(condition=Q(stage__in=list(Stage)), name="connection_is_in_a_stage"),
            models.CheckConstraint(condition=Q(kind__in=PortKind.values), name="connection_is_of_a_kind"),
            models.CheckConstraint(
                condition=(Q(port=None) | ~Q(stage__in=sorted(stages.WITHOUT_PORT)))
                & (Q(port__isnull=False) | ~Q(stage__in=sorted(stages.WITH_PORT))),
                name="connection_has_a_port_in_time",
            ),
            models.CheckConstraint(
                condition=~Q(stage__in=sorted(stages.WITH_LOA))
                | ~Q(loa_number="") & Q(loa_valid_until__isnull=False, loa_issued_at__isnull=False),
                name="connection_has_a_letter_in_time",
            ),
            models.CheckConstraint(
                condition=Q(stage=Stage.ON_HOLD, held_stage__in=list(stages.HOLDABLE))
                | Q(stage=Stage.SUSPENDED, held_stage=Stage.IN_SERVICE)
                | ~Q(stage__in=sorted(stages.HELD)) & Q(held_stage=""),
                name="connection_knows_where_it_was",
            ),
            models.CheckConstraint(
                condition=~Q(stage=Stage.APPROVED) | Q(place__isnull=False), name="approved_have_a_place"
            ),
        ]
        indexes = [
            models.Index(fields=("tenant", "name", "id"), name="connection_by_name"),
            models.Index(fields=("tenant", "-created_at", "-id"), name="connection_by_age"),
            models.Index(fields=("-created_at", "-id"), name="connection_newest"),
            models.Index(fields=("location", "place"), condition=Q(stage=Stage.APPROVED), name="connection_queue"),
            models.Index(fields=("due_at", "id"), condition=Q(due_at__isnull=False), name="connection_due"),
            models.Index(fields=("stage", "stage_since", "id"), name="connection_by_stage"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="connection_by_words"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def order(self) -> stages.Order:
        """What decides where it may go."""
        held = Stage(self.held_stage) if self.held_stage else None
        return stages.Order(Stage(self.stage), held, self.port_id is not None)

    @property
    def rate(self) -> str:
        return rate_of(self.speed)

    @property
    def is_live(self) -> bool:
        return self.stage != Stage.CLOSED

    @property
    def letter(self) -> dict[str, Any]:
        """What the letter says that may be handed out; empty where none was issued, and once the connection is being
        closed: its port is for others then, whatever day the letter names."""
        return {} if self.stage in (Stage.CLOSING, Stage.CLOSED) else self.loa_facts

    def is_overdue(self, now: datetime | None = None) -> bool:
        return self.due_at is not None and self.due_at <= (now or clock.now())


class StageEntry(models.Model):
    """A move of an order: who made it, when, and what was shown for it."""

    id = models.BigAutoField(primary_key=True)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="entries")
    #: Blank for the first.
    from_stage = models.CharField(max_length=24, choices=STAGES, blank=True)
    to_stage = models.CharField(max_length=24, choices=STAGES)
    at = models.DateTimeField(default=clock.now)
    party = models.CharField(max_length=8, choices=PARTIES)
    actor = models.CharField(max_length=200)
    #: By the names of `stages.Evidence`, and what came of itself (`place`, `due_at`).
    evidence: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["StageEntry"]]("connection__tenant")

    class Meta:
        verbose_name_plural = "stage entries"
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(to_stage__in=list(Stage), from_stage__in=["", *Stage]), name="entry_is_of_stages"
            ),
            models.CheckConstraint(condition=Q(party__in=list(Party)), name="entry_is_of_a_party"),
        ]
        indexes = [models.Index(fields=("connection", "id"), name="entry_by_connection")]

    def __str__(self) -> str:
        return f"{self.connection}: {self.to_stage}"


class InterfaceQuerySet(ProvisionedQuerySet["Interface"]):
    def live(self) -> InterfaceQuerySet:
        return self.filter(LIVE)


class Interface(Provisioned):
    """A VLAN of a port, a BGP session over it, and the VPC that they lead into. On Netris it is four objects under
    `remote_name`: an allocation and a subnet of the link, a V-Net, and the session."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="interfaces")
    #: The connection's and the VPC's, which composite foreign keys keep true.
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    vpc = models.ForeignKey(Vpc, on_delete=models.PROTECT, related_name="+")
    #: The connection's while it was made. It stays when the connection has no port any more: the VLAN rests.
    port = models.ForeignKey(FabricPort, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    vlan = models.PositiveSmallIntegerField()
    #: It is this one's, also after its end until `rests_until`.
    holds_vlan = models.BooleanField(default=True)
    rests_until = models.DateTimeField(null=True)

    peer_asn = models.PositiveBigIntegerField()
    link: models.Field[IPv4Network | str, IPv4Network] = CidrAddressField()
    #: Ours and the tenant's router's, both in `link`.
    local_address: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    remote_address: models.Field[IPv4Address | str, IPv4Address] = InetAddressField(store_prefix_length=False)
    prefix_length = models.PositiveSmallIntegerField()
    #: Prefixes that go out to the tenant's router, and those that are taken from it.
    announce = ArrayField(models.CharField(max_length=CIDR_LENGTH), default=list)
    accept = ArrayField(models.CharField(max_length=CIDR_LENGTH), default=list)
    max_prefixes = models.PositiveIntegerField()
    #: Empty where the session has none: `has_md5`.
    md5 = SealedField(default="")
    has_md5 = models.BooleanField(default=False)
    #: When this key was shown: once, and never again.
    md5_shown_at = models.DateTimeField(null=True)
    bfd = models.BooleanField(default=True)
    #: Its session is meant to be up: suspended ones and those in a test are not.
    is_enabled = models.BooleanField(default=True)
    #: When a fail-over test ends by itself.
    test_until = models.DateTimeField(null=True)
    #: How many prefixes its session took when it was seen up last.
    took_last = models.PositiveIntegerField(null=True)

    allocation_id = models.PositiveBigIntegerField(null=True)
    subnet_id = models.PositiveBigIntegerField(null=True)
    vnet_id = models.PositiveBigIntegerField(null=True)
    ebgp_id = models.PositiveBigIntegerField(null=True)
    #: When its last operation came to rest: only what is read on Netris after that says how it is.
    settled_at = models.DateTimeField(null=True)

    unscoped: ClassVar[models.Manager[Interface]] = InterfaceQuerySet.as_manager()
    objects = TenantDoor[InterfaceQuerySet]("tenant")

    class Meta:
        verbose_name = "virtual interface"
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=("connection", "name_key"), condition=LIVE, name="interface_name_is_unique"),
            models.UniqueConstraint(fields=("port", "vlan"), condition=Q(holds_vlan=True), name="vlan_is_free"),
            ExclusionConstraint(
                name="links_do_not_overlap",
                expressions=[("vpc", "="), (OpClass("link", name="inet_ops"), "&&")],
                condition=LIVE,
            ),
            models.CheckConstraint(condition=Q(vlan__gte=FIRST_VLAN, vlan__lte=LAST_VLAN), name="vlan_can_be_tagged"),
            models.CheckConstraint(condition=Q(peer_asn__gte=1, peer_asn__lte=LAST_ASN), name="peer_has_an_asn"),
            models.CheckConstraint(condition=Q(max_prefixes__gte=1), name="prefixes_are_limited"),
            models.CheckConstraint(
                condition=Q(prefix_length__in=(30, 31))
                & Q(local_address__net_contained_or_equal=models.F("link"))
                & Q(remote_address__net_contained_or_equal=models.F("link"))
                & ~Q(local_address=models.F("remote_address")),
                name="both_ends_lie_in_the_link",
            ),
            models.CheckConstraint(
                condition=Q(holds_vlan=False) | Q(port__isnull=False), name="vlan_is_held_at_a_port"
            ),
            models.CheckConstraint(
                condition=Q(holds_vlan=True) | Q(status="deleted"), name="live_ones_hold_their_vlan"
            ),
        ]
        indexes = [
            models.Index(fields=("tenant", "name", "id"), condition=LIVE, name="interface_by_name"),
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="interface_by_age"),
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="interface_newest"),
            models.Index(fields=("vpc", "name", "id"), condition=LIVE, name="interface_by_vpc"),
            models.Index(fields=("rests_until",), condition=Q(holds_vlan=True, status="deleted"), name="vlan_rests"),
            models.Index(fields=("test_until",), condition=Q(test_until__isnull=False), name="interface_tests"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def remote_name(self) -> str:
        return f"weft-dc-{self.pk.hex}"

    @property
    def lock_key(self) -> str:
        return f"interface:{self.pk}"

    @property
    def lane(self) -> str:
        return lane_of(self.vpc_id)

    def why_not(self, action: str, work: Sequence[Operation]) -> str | None:
        """Why `change`, `delete` or `show key` is not offered now; None when it is. `work` is all that is under way or
        stuck in its VPC. While it is being built its key is known and stays."""
        if action == "show key" and self.status == Status.BUILDING:
            return self.why_key_stays
        about = [each for each in work if each.resource_id in (self.pk, self.vpc_id)]
        reason = why_not_now(self.status, "virtual interface", action, about)
        return reason or (self.why_key_stays if action == "show key" else None)

    @property
    def why_key_stays(self) -> str | None:
        """Why its key is not shown, whatever is under way."""
        if not self.has_md5:
            return "The session has no MD5 key. Set one, or have one made."
        if self.md5_shown_at is not None:
            return "The key was shown, which happens once. Set a new one, or have one made: that can be shown."
        return None
