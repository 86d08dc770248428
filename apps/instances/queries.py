"""A tenant's instances, as the mirror has them: CloudStack makes, starts and ends them, Weft reads.

Whose an instance is, is told by the account that owns it in CloudStack; an id alone opens nothing. What is nobody's
account's, and what no list has, are the same to everybody: not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

from django.db.models import Count, DateTimeField, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from apps.accounts.models import Account, AccountQuerySet
from apps.cloudstack.wire import Instance as Remote
from apps.kernel import clock
from apps.kernel.named import containing
from apps.kernel.pickers import Option
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.sweeps import SWEEPS
from apps.networks.inside import Inside
from apps.networks.models import Tier, TierQuerySet, Vpc
from apps.networks.vpc_map import Machines
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

KIND = Kind.CLOUDSTACK_INSTANCE
#: CloudStack's words that a list can be narrowed to, and what each looks like (apps/kernel/svg/status.py).
STATES = {
    "Running": "up",
    "Starting": "building",
    "Stopping": "removing",
    "Stopped": "stopped",
    "Migrating": "building",
    "Error": "error",
    "Destroyed": "deleted",
    "Expunging": "deleted",
}
FRESH_FOR = KIND.fresh_for
#: What nothing can be led to any more.
GONE = ("Destroyed", "Expunging", "Error")
SORTS = {
    "name": ("name", "remote_id"),
    "-name": ("-name", "-remote_id"),
    "state": ("data__state", "name", "remote_id"),
    "-state": ("-data__state", "name", "remote_id"),
}
DEFAULT_SORT = "name"
#: Before CloudStack, for what does not say when it was made.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Address:
    address: IPv4Address | IPv6Address
    #: The NIC's own; what leads to another of its addresses is a secondary one's.
    is_primary: bool
    #: None where the network is no tier of Weft's.
    tier: Tier | None


@dataclass(frozen=True)
class Instance:
    id: UUID
    name: str
    state: str
    #: The tier of its default NIC, or of the first that is in one.
    tier: Tier | None
    addresses: Sequence[Address]
    host: str
    #: Told where whose it is is not clear already.
    tenant: Tenant | None
    read_at: datetime | None
    is_stale: bool
    created_at: datetime | None

    @property
    def pk(self) -> UUID:
        return self.id

    @property
    def vpc(self) -> Vpc | None:
        return self.tier.vpc if self.tier else None

    @property
    def fresh_until(self) -> datetime | None:
        """From when on it is no longer known, unless it is read again."""
        return self.read_at and self.read_at + FRESH_FOR

    @property
    def fresh_seconds(self) -> int:
        return FRESH_FOR.seconds

    @property
    def look(self) -> str:
        return STATES.get(self.state, "unknown")

    @property
    def is_gone(self) -> bool:
        return self.state in GONE


def of(
    tenant: Tenant,
    *,
    zone: Zone | None = None,
    vpc: Vpc | None = None,
    tier: Tier | None = None,
    words: str = "",
    state: str = "",
) -> QuerySet[Item]:
    """The tenant's instances, narrowed. `words` are part of a name or an address. One query for its accounts, now."""
    return narrowed(owned_by(Account.objects.of(tenant)), zone=zone, vpc=vpc, tier=tier, words=words, state=state)


def owned_by(accounts: AccountQuerySet) -> QuerySet[Item]:
    return Item.objects.filter(theirs(accounts), kind=KIND)


def theirs(accounts: AccountQuerySet) -> Q:
    """That one of these accounts owns it. One query, now."""
    owners: dict[UUID, list[str]] = {}
    for account in accounts.live().exclude(cloudstack_domain_id=None).select_related("tenant"):
        owners.setdefault(account.zone_id, []).append(owner_of(account))
    found = Q(pk__in=())
    for zone_id, keys in owners.items():
        found |= Q(zone=zone_id, key__in=keys)
    return found


def owner_of(account: Account) -> str:
    """As the mirror's sweep writes an owner."""
    return f"{account.cloudstack_domain_id}/{account.remote_name}"


def narrowed(
    rows: QuerySet[Item],
    *,
    zone: Zone | None = None,
    vpc: Vpc | None = None,
    tier: Tier | None = None,
    words: str = "",
    state: str = "",
) -> QuerySet[Item]:
    if zone is not None:
        rows = rows.filter(zone=zone)
    if vpc is not None:
        rows = rows.filter(_with_nic(vpcid=vpc.cloudstack_id))
    if tier is not None:
        rows = rows.filter(_with_nic(networkid=tier.cloudstack_id))
    if words:
        rows = rows.filter(containing("search_key", words))
    return rows.filter(data__state=state) if state else rows


def _with_nic(**where: UUID | None) -> Q:
    """None is what CloudStack has not made yet, in which there is nothing."""
    [(name, remote_id)] = where.items()
    return Q(pk__in=()) if remote_id is None else Q(data__contains={"nic": [{name: str(remote_id)}]})


def readings_of(tenant: Tenant) -> list[Reading]:
    """How old the list is in each zone that the tenant has an account in. One query."""
    zones = Account.objects.of(tenant).live().values("zone")
    return list(Reading.objects.filter(kind=KIND, zone__in=zones).select_related("zone").order_by("zone__name"))


def find(tenant: Tenant, instance_id: UUID | str) -> Instance | None:
    """Four queries."""
    found = of(tenant).filter(remote_id=str(instance_id))
    return next(iter(shown(found, Tier.objects.of(tenant))), None)


def choices(tenant: Tenant, words: str = "", *, vpc: Vpc | None = None, limit: int = 20) -> list[Instance]:
    """What a picker offers for what is typed: instances that something can be led to. Four queries."""
    found = of(tenant, vpc=vpc, words=words).exclude(data__state__in=GONE).order_by(*SORTS[DEFAULT_SORT])
    return shown(found[:limit], Tier.objects.of(tenant))


def option_of(instance: Instance) -> Option:
    """As a picker shows it: where it is, its first address, and its state unless it runs."""
    first = next((str(each.address) for each in instance.addresses), "no address")
    parts = [str(instance.tier) if instance.tier else "in no tier", first]
    return Option(str(instance.id), instance.name, ", ".join(parts + [instance.state] * (instance.state != "Running")))


def newest_first(rows: QuerySet[Item]) -> QuerySet[Item]:
    """With the moment that the API's pages are ordered by."""
    made_at = Cast(KeyTextTransform("created", "data"), DateTimeField())
    return rows.annotate(made_at=Coalesce(made_at, LONG_AGO))


def shown(rows: Iterable[Item], tiers: TierQuerySet, accounts: AccountQuerySet | None = None) -> list[Instance]:
    """What the rows say, with those of `tiers` that they are in, and with `accounts` whose they are. Three queries,
    however many rows, and one for the accounts."""
    items: list[tuple[Item, Remote]] = [(item, SWEEPS[KIND].row_of(item.data)) for item in rows]
    zones = {item.zone_id for item, _ in items}
    networks = {nic.networkid for _, row in items for nic in row.nic if nic.networkid}
    known = tiers.live().filter(cloudstack_id__in=networks, vpc__zone__in=zones).select_related("vpc")
    tiers_by = {(tier.vpc.zone_id, str(tier.cloudstack_id)): tier for tier in known}
    readings = {each.zone_id: each for each in Reading.objects.filter(zone__in=zones, kind=KIND)}
    owners = {} if accounts is None else _owners(accounts, {row.domainid for _, row in items})
    return [_instance(item, row, readings.get(item.zone_id), tiers_by, owners) for item, row in items]


def machines_of(vpc: Vpc, tiers: Sequence[Tier]) -> Inside:
    """How many instances each tier has. Three queries, however many; those that are gone are none."""
    made = [tier for tier in tiers if tier.cloudstack_id is not None]
    if not made:
        return Inside()
    rows = of(vpc.tenant, zone=vpc.zone, vpc=vpc).exclude(data__state__in=GONE).order_by()
    counts = {}
    for place, tier in enumerate(made):
        there = _with_nic(networkid=tier.cloudstack_id)
        counts[f"all_{place}"] = Count("pk", filter=there)
        counts[f"running_{place}"] = Count("pk", filter=there & Q(data__state="Running"))
    found = rows.aggregate(**counts)
    reading = Reading.objects.filter(zone=vpc.zone, kind=KIND).first()
    is_stale = reading is None or reading.is_stale
    machines = {}
    for place, tier in enumerate(made):
        running = found[f"running_{place}"]
        machines[tier.pk] = Machines(running, found[f"all_{place}"] - running, is_stale)
    read_at = reading.read_at if reading else None
    until = read_at + FRESH_FOR if read_at and not is_stale else None
    return Inside(machines=machines, machines_read_at=read_at, fresh_until=until)


def _owners(accounts: AccountQuerySet, domains: Collection[str]) -> dict[str, Tenant]:
    found = accounts.live().filter(cloudstack_domain_id__in=domains).select_related("tenant")
    return {owner_of(account): account.tenant for account in found}


def _instance(
    item: Item,
    row: Remote,
    reading: Reading | None,
    tiers: Mapping[tuple[UUID, str], Tier],
    owners: Mapping[str, Tenant],
) -> Instance:
    addresses: list[Address] = []
    nics = sorted(row.nic, key=lambda nic: not nic.isdefault)
    for nic in nics:
        tier = tiers.get((item.zone_id, nic.networkid))
        own = [Address(nic.ipaddress, is_primary=True, tier=tier)] if nic.ipaddress else []
        more = (each.ipaddress for each in nic.secondaryip)
        addresses += own + [Address(each, is_primary=False, tier=tier) for each in more if each]
    in_tiers = (tiers.get((item.zone_id, nic.networkid)) for nic in nics)
    moments = [at for at in (item.read_at, reading.read_at if reading else None) if at is not None]
    read_at = max(moments, default=None)
    return Instance(
        id=UUID(item.remote_id),
        name=item.name,
        state=row.state,
        tier=next(filter(None, in_tiers), None),
        addresses=addresses,
        host=row.hostname,
        tenant=owners.get(item.key),
        read_at=read_at,
        is_stale=reading is None or reading.is_too_old(None if read_at is None else clock.now() - read_at),
        created_at=row.created,
    )
