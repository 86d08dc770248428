"""One verb per change of a public IP. Each writes the row, the audit entry and the operation in one transaction."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from apps.addresses import pool
from apps.addresses.models import LABEL, NOTES, Holding, PublicIp
from apps.addresses.specs import PublicIpSpec
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_row, hold_rows
from apps.networks import queries as networks
from apps.networks.models import Vpc
from apps.networks.services import held_vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.quotas.resources import PUBLIC_IP
from apps.quotas.services import hold_use
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.services import audit
from apps.zones.models import Zone

#: A year. Longer was a slip.
MOST_HOURS = 8760


@transaction.atomic(durable=True)
def acquire(vpc: Vpc, spec: PublicIpSpec, *, by: Actor) -> Operation:
    """Reserve an address for a VPC, the one that is wanted or the next that is free, and have CloudStack give it."""
    quotas = hold_use(vpc.tenant)
    vpc = held_vpc(vpc, "use")
    quotas.need(PUBLIC_IP)
    address = pool.choose(vpc.tenant, vpc.zone, spec.address)
    row = PublicIp(vpc=vpc, tenant=vpc.tenant, zone=vpc.zone, address=address, name=spec.name, notes=spec.notes)
    row.is_chosen = spec.address is not None
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "address_has_one_owner" not in str(error):
            raise
        raise Refused("address-taken", "This address was taken a moment ago. Try again.", "address") from error
    audit(by, "public-ip.acquire", row, tenant=vpc.tenant, new={"address": str(address), "vpc": vpc.name})
    return _start(row, Goal.PRESENT, by=by)


@transaction.atomic(durable=True)
def edit(row: PublicIp, *, name: str, notes: str, by: Actor) -> bool:
    """Give a public IP a name and notes, at once: both live in Weft alone. False when they are what they were."""
    name, notes = LABEL.parse(name, "name"), NOTES.parse(notes, "notes")
    row = _held(row, "edit")
    old, new = {"name": row.name, "notes": row.notes}, {"name": name, "notes": notes}
    if old == new:
        return False
    row.name, row.notes = name, notes
    row.save(update_fields=["name", "notes", "search_key"])
    audit(by, "public-ip.edit", row, tenant=row.tenant, old=old, new=new)
    return True


@transaction.atomic(durable=True)
def release(row: PublicIp, *, by: Actor) -> Operation:
    """Give an address back that nothing leads from."""
    row = _held(row, "release")
    audit(by, "public-ip.release", row, tenant=row.tenant, old={"address": str(row.address), "vpc": row.vpc.name})
    return _start(row, Goal.ABSENT, by=by)


@transaction.atomic(durable=True)
def end_rest(holding: Holding, *, by: Platform) -> bool:
    """Let anybody have an address that rests. False when it does not rest any more."""
    hold_row(holding)
    holding.refresh_from_db()
    now = clock.now()
    if holding.rests_until is None or holding.rests_until <= now:
        return False
    old = {"rests_until": holding.rests_until.isoformat()}
    holding.rests_until = now
    holding.save(update_fields=["rests_until"])
    audit(by.actor, "public-ip.end-rest", holding, tenant=None, old=old)
    return True


@transaction.atomic(durable=True)
def set_quarantine(zone: Zone, *, hours: int, by: Platform) -> bool:
    """How long addresses of a zone rest that are released from now on. False when it is that already."""
    if not 0 <= hours <= MOST_HOURS:
        text = f"An address rests between 0 and {MOST_HOURS} hours, which is a year."
        raise Refused("hours-out-of-range", text, "quarantine_hours")
    hold_row(zone)
    zone.refresh_from_db()
    if zone.quarantine_hours == hours:
        return False
    change = {"old": {"quarantine_hours": zone.quarantine_hours}, "new": {"quarantine_hours": hours}}
    zone.quarantine_hours = hours
    zone.save(update_fields=["quarantine_hours", "updated_at"])
    audit(by.actor, "zone.quarantine", zone, tenant=None, **change)
    return True


def _held(row: PublicIp, action: str) -> PublicIp:
    """The same of a public IP, and of its VPC before it."""
    hold_rows(Vpc.objects.of(row.tenant).filter(pk=row.vpc_id))
    rows = PublicIp.objects.of(row.tenant).select_for_update(of=("self",), no_key=True)
    row = rows.select_related("tenant", "zone", "vpc").get(pk=row.pk)
    need_offer(row, row.vpc, action)
    return row


def need_offer(row: Vpc | PublicIp, vpc: Vpc, action: str) -> None:
    """Raises `Refused` when the action is not offered now, in the words that said so before."""
    work = networks.work_on(vpc)
    operations.need(row.why_not(action, work), work)


def _start(row: PublicIp, goal: Goal, *, by: Actor) -> Operation:
    """In the lane of the VPC, whose row is held."""
    return operations.start(
        "public-ip", row, goal, tenant=row.tenant, zone=row.zone, lane=row.lane, lock_key=row.lock_key, by=by
    )
