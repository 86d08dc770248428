"""A zone's public IPs: which are free, which of them somebody may have now, and how far they will reach.

CloudStack's list, as the mirror has it, tells which there are. It is up to a minute old, so what it calls free may be
taken by now: whoever gets such a one is told so by CloudStack. Weft's own rows are never older than they are, and no
address is reserved twice (`models`). An address that was released rests for a while, for all but who had it: what still
reaches it on the outside is not for a stranger. CloudStack itself knows nothing of that: it may give a resting address
to a new VPC as its source NAT address, unless its own setting `public.ip.address.quarantine.duration` is at least as
long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet

from apps.addresses.models import Holding, PublicIp
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_name
from apps.mirror.models import Item, Kind, Reading
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

KIND = Kind.CLOUDSTACK_ADDRESS
FREE = "Free"
#: How far back growth is looked at.
GROWTH = timedelta(weeks=4)

# What CloudStack lists as free, no row of Weft's has, and does not rest after somebody else had it.
OPEN = """
SELECT free.address FROM (
    SELECT item.name::inet AS address FROM mirror_item item
    WHERE item.zone_id = %(zone)s AND item.kind = 'cloudstack.address' AND item.key = ''
      AND item.data ->> 'state' = 'Free'
) AS free
WHERE NOT EXISTS (
    SELECT FROM addresses_publicip row
    WHERE row.zone_id = %(zone)s AND row.address = free.address AND row.status <> 'deleted'
) AND NOT EXISTS (
    SELECT FROM addresses_holding holding
    WHERE holding.zone_id = %(zone)s AND holding.address = free.address
      AND holding.rests_until > %(now)s AND holding.tenant_id <> %(tenant)s
) AND strpos(host(free.address), %(words)s) > 0
ORDER BY free.address LIMIT %(most)s
"""


def open_to(tenant: Tenant, zone: Zone, *, words: str = "", most: int = 20) -> list[IPv4Address]:
    """The lowest addresses that the tenant could have now. One query."""
    values: dict[str, Any] = {"zone": zone.pk, "now": clock.now(), "tenant": tenant.pk, "most": most}
    values["words"] = words.strip()
    with connection.cursor() as cursor:
        cursor.execute(OPEN, values)
        return [IPv4Address(str(address).split("/")[0]) for (address,) in cursor.fetchall()]


def choose(tenant: Tenant, zone: Zone, wanted: IPv4Address | None) -> IPv4Address:
    """The address that the tenant gets; nobody else chooses in this zone until the transaction ends. Raises `Refused`
    for one that it cannot have, and when there is none."""
    hold_name(f"addresses:{zone.pk}")
    if wanted is not None:
        if reason := _why_not(tenant, zone, wanted):
            raise reason
        return wanted
    found = open_to(tenant, zone, most=1)
    if not found:
        raise none_left(zone)
    return found[0]


def none_left(zone: Zone) -> Refused:
    reading = Reading.objects.filter(zone=zone, kind=KIND).first()
    if reading is None or reading.read_at is None:
        text = f"Which public IPs {zone} has was not read from CloudStack yet. Try again in a minute."
        return Refused("addresses-unread", text)
    resting = Holding.unscoped.filter(zone=zone, rests_until__gt=clock.now()).exists()
    rest = " Some rest after their release, and come back by themselves." if resting else ""
    text = f"No public IP is free in {zone} now.{rest} Release one of yours, or tell your provider, who can add some."
    return Refused("no-address-free", text)


def _why_not(tenant: Tenant, zone: Zone, wanted: IPv4Address) -> Refused | None:
    """Others' addresses are only said to be taken: by whom, is not for everybody."""
    row = PublicIp.unscoped.filter(zone=zone, address=wanted).exclude(status=Status.DELETED).first()
    if row is not None:
        text = "You have this address already." if row.tenant_id == tenant.pk else "This address is taken."
        return Refused("address-taken", f"{text} Choose another, or leave it to Weft.", "address")
    ours = Holding.unscoped.filter(zone=zone, address=wanted, tenant=tenant)
    theirs = Holding.unscoped.filter(zone=zone, address=wanted).exclude(tenant=tenant)
    if rests := theirs.filter(rests_until__gt=clock.now()).order_by("-rests_until").first():
        assert rests.rests_until is not None
        text = f"This address rests until {rests.rests_until:%Y-%m-%d %H:%M} UTC, as it was released a while ago."
        return Refused("address-rests", f"{text} Choose another, or leave it to Weft.", "address")
    item = Item.objects.filter(zone=zone, kind=KIND, name=str(wanted)).first()
    reading = Reading.objects.filter(zone=zone, kind=KIND).first()
    read_at = max(filter(None, (each.read_at for each in (reading, item) if each is not None)), default=None)
    # What was just released is not in the list yet, and may be had again at once.
    if read_at is not None and ours.filter(held_until__gte=read_at).exists():
        return None
    if reading is None or reading.read_at is None:
        return none_left(zone)
    if item is None:
        return Refused("address-unknown", f"{wanted} is none of the public IPs of {zone}.", "address")
    if item.data.get("state") != FREE:
        return Refused("address-taken", "This address is taken. Choose another, or leave it to Weft.", "address")
    return None


@dataclass(frozen=True)
class Pool:
    """The public IPs of one zone. `read_at` is the age of all but what rests, which is known to the second."""

    zone: Zone
    total: int
    #: Whoever has them: Weft's tenants, and who took them in CloudStack.
    used: int
    resting: int
    #: How many more Weft's tenants have now than four weeks ago.
    growth: int
    read_at: datetime | None
    is_stale: bool
    fresh_for: int

    @property
    def free(self) -> int:
        return max(self.total - self.used - self.resting, 0)

    @property
    def days_left(self) -> int | None:
        """When the free ones are used up if it goes on like this; None when it does not grow."""
        return None if self.growth <= 0 else self.free * GROWTH.days // self.growth

    @property
    def forecast(self) -> str:
        if self.read_at is None:
            return "not known yet"
        if self.days_left is None:
            return "no growth in four weeks"
        if self.days_left == 0:
            return "used up now"
        if self.days_left > 730:
            return "more than two years"
        return f"about {self.days_left} day{'s'[: self.days_left != 1]}"


def pools(zones: Iterable[Zone]) -> list[Pool]:
    """Five queries, however many zones."""
    zones, now = list(zones), clock.now()
    ids = [zone.pk for zone in zones]
    items = Item.objects.filter(zone__in=ids, kind=KIND)
    total, free = _by_zone(items), _by_zone(items.filter(data__state=FREE))
    readings = {each.zone_id: each for each in Reading.objects.filter(zone__in=ids, kind=KIND)}
    holdings = Holding.unscoped.filter(zone__in=ids)
    resting = _by_zone(holdings.filter(rests_until__gt=now), "address")
    since = now - GROWTH
    told = holdings.filter(Q(held_from__gt=since) | Q(held_until__gt=since)).order_by().values("zone")
    begun = Count("pk", filter=Q(held_from__gt=since))
    ended = Count("pk", filter=Q(held_until__gt=since))
    growth = {row["zone"]: row["begun"] - row["ended"] for row in told.annotate(begun=begun, ended=ended)}
    return [
        _pool(zone, readings.get(zone.pk) or Reading(zone=zone, kind=KIND), total, free, resting, growth)
        for zone in zones
    ]


def _pool(
    zone: Zone,
    reading: Reading,
    total: Mapping[UUID, int],
    free: Mapping[UUID, int],
    resting: Mapping[UUID, int],
    growth: Mapping[UUID, int],
) -> Pool:
    count = total.get(zone.pk, 0)
    return Pool(
        zone=zone,
        total=count,
        used=count - free.get(zone.pk, 0),
        resting=min(resting.get(zone.pk, 0), free.get(zone.pk, 0)),
        growth=growth.get(zone.pk, 0),
        read_at=reading.read_at,
        is_stale=reading.is_stale,
        fresh_for=reading.fresh_for.seconds,
    )


def _by_zone(rows: QuerySet[Any], what: str = "pk") -> dict[UUID, int]:
    counted = rows.order_by().values("zone").annotate(count=Count(what, distinct=what != "pk"))
    return {row["zone"]: row["count"] for row in counted}
