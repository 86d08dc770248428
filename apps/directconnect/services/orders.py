"""Ordering a connection, and whatever tenant and platform do with the order."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse

from apps.directconnect.letters import facts_of
from apps.directconnect.models import Connection, Interface, Location, Offering, StageEntry
from apps.directconnect.progress import Layer, Reading, advance
from apps.directconnect.services.moves import TOUCHES, allowed, held, move
from apps.directconnect.services.reservations import RESERVER, give, picked, reserve
from apps.directconnect.specs import OrderSpec, parse_evidence
from apps.directconnect.stages import Evidence, Party, Stage
from apps.kernel import clock
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_row
from apps.quotas.resources import DIRECT_CONNECT
from apps.quotas.services import need_quota
from apps.tenancy import approvals
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.approvals import Waiting
from apps.tenancy.models import Tenant
from apps.tenancy.services import audit

#: What an order is called among what waits for a decision.
KIND = "direct-connect"
#: How long a letter may be valid at most.
LONGEST_VALID = timedelta(days=366)


@transaction.atomic(durable=True)
def order(tenant: Tenant, spec: OrderSpec, *, by: Actor) -> Connection:
    """A draft. Raises `Refused`."""
    need_quota(tenant, DIRECT_CONNECT)
    row = Connection(tenant=tenant, name=spec.name)
    _fill(row, spec)
    _saved(row, force_insert=True)
    StageEntry(connection=row, to_stage=Stage.DRAFT, at=row.stage_since, party=Party.TENANT, actor=by.name).save()
    audit(by, "direct-connect.create", row, tenant=tenant, new=_told(row))
    return row


@transaction.atomic(durable=True)
def revise(row: Connection, spec: OrderSpec, *, by: Actor) -> bool:
    """Of a draft. False when it is so already."""
    row = held(row)
    if row.stage != Stage.DRAFT:
        text = f"It is at “{Stage(row.stage).label}”: only a draft can be changed. Withdraw or revise it first."
        raise Refused("not-now", text)
    before = _told(row)
    row.name = spec.name
    _fill(row, spec)
    after = _told(row)
    if before == after:
        return False
    _saved(row, update_fields=["name", "name_key", "search_key", "location", "speed", "kind", "apart_from"])
    changed = {name for name in after if before[name] != after[name]}
    old, new = ({name: told[name] for name in sorted(changed)} for told in (before, after))
    audit(by, "direct-connect.change", row, tenant=row.tenant, old=old, new=new)
    return True


@transaction.atomic(durable=True)
def rename(row: Connection, *, name: str, by: Actor) -> bool:
    """At once and at any stage: names live in Weft alone. False when it is called so already."""
    row = held(row)
    if not row.is_live:
        raise Refused("not-now", "The connection is closed.")
    if row.name == name:
        return False
    old, row.name = row.name, name
    _saved(row, update_fields=["name", "name_key", "search_key"])
    audit(by, "direct-connect.rename", row, tenant=row.tenant, old={"name": old}, new={"name": name})
    return True


def _fill(row: Connection, spec: OrderSpec) -> None:
    row.location = location_called(spec.location)
    hold_row(row.location)
    if not Location.objects.filter(pk=row.location.pk).exists():  # it was deleted while it was waited for
        raise Refused("location-unknown", f"There is no location “{row.location}”.", "location")
    row.speed, row.kind = spec.speed, spec.kind
    row.apart_from = _other(row, spec.apart_from)
    need_offering(row)


def location_called(reference: str, field: str = "location") -> Location:
    """By id or name. Raises `Refused`."""
    found = None
    with suppress(ValueError):
        found = Location.objects.filter(pk=UUID(reference)).select_related("zone").first()
    if found is None:
        found = Location.objects.called(reference).select_related("zone").first()
    if found is None or not found.zone.is_enabled:
        raise Refused("location-unknown", f"There is no location “{reference[:63]}”.", field)
    return found


def need_offering(row: Connection) -> None:
    """Raises `Refused` where its location does not take such an order."""
    if not (row.location.is_open and row.location.zone.is_enabled):
        raise Refused("location-closed", f"{row.location} takes no orders at present. Choose another.", "location")
    offered = list(Offering.objects.filter(location=row.location, is_open=True))
    if not any((each.speed, each.kind) == (row.speed, row.kind) for each in offered):
        told = "; ".join(map(str, offered)) or "nothing"
        raise Refused("not-offered", f"{row.location} does not offer this. It offers: {told}.", "speed")


def _other(row: Connection, reference: str) -> Connection | None:
    """A live one, or the one that a draft has already, which may be closed by now. Raises `Refused`."""
    if not reference:
        return None
    if reference == str(row.apart_from_id):
        return row.apart_from
    with suppress(ValueError):
        rows = Connection.objects.of(row.tenant).live().exclude(pk=row.pk)
        if found := rows.filter(pk=UUID(reference)).first():
            return found
    raise Refused("connection-unknown", "There is no such connection to be apart from.", "apart_from")


def _saved(row: Connection, **options: Any) -> None:
    try:
        with transaction.atomic():
            row.save(**options)
    except IntegrityError as error:
        if "connection_name_is_unique" not in str(error):
            raise
        raise Refused("name-taken", f"There is already a connection called “{row.name}”.", "name") from error


def _told(row: Connection) -> dict[str, Any]:
    told = {"name": row.name, "location": row.location.name, "speed": row.speed, "kind": row.kind}
    return {**told, "apart_from": row.apart_from.name if row.apart_from else None}


# --- moves by somebody's hand ---------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def transition(row: Connection, to: Stage, said: Mapping[str, Any], *, party: Party, by: Actor) -> Connection:
    """Bring the order to a stage, with what has to be told for it (`specs.EVIDENCE`). Raises `Refused`."""
    row = held(row, touches=to in TOUCHES)
    found = parse_evidence(allowed(row, to, party), said)
    match to:
        case Stage.SUBMITTED:
            need_offering(row)
            move(row, to, party=party, by=by)
        case Stage.APPROVED:
            move(row, to, party=party, by=by)
            reserve(row.location)
        case Stage.PORT_RESERVED if row.stage == Stage.APPROVED:
            port = picked(row, found[Evidence.PORT])
            give(row, port, party=party, by=by)
        case Stage.LOA_ISSUED if row.stage != Stage.ON_HOLD:
            issue(row, found, party=party, by=by)
        case Stage.CROSS_CONNECT_REPORTED if row.stage == Stage.LOA_ISSUED:
            reference = found[Evidence.REFERENCE]
            move(row, to, party=party, by=by, evidence={"reference": reference}, reference=reference)
        case Stage.CLOSED:
            end(row, party=party, by=by)
        case Stage.CLOSING:
            move(row, to, party=party, by=by)
            end_when_empty(row)
        case _:
            told = {each.value: value for each, value in found.items()}
            move(row, to, party=party, by=by, evidence=told)
    return Connection.objects.of(row.tenant).get(pk=row.pk)


def issue(row: Connection, found: Mapping[Evidence, Any], *, party: Party, by: Actor) -> None:
    """A letter of authorization: valid for the days of the location unless something else is said, and numbered by Weft
    unless the platform has numbers of its own."""
    now = clock.now()
    valid_until: datetime = found.get(Evidence.VALID_UNTIL) or now + timedelta(days=row.location.loa_days)
    if not now < valid_until <= now + LONGEST_VALID:
        raise Refused("validity-impossible", "Give a day within the next year.", Evidence.VALID_UNTIL)
    number = found.get(Evidence.NUMBER) or _next_number(row)
    taken = Refused("number-taken", f"Another letter has the number {number}.", Evidence.NUMBER)
    if Connection.unscoped.filter(loa_number=number).exclude(pk=row.pk).exists():
        raise taken
    letter = {"loa_number": number, "loa_issued_at": now, "loa_valid_until": valid_until}
    for name, value in letter.items():
        setattr(row, name, value)
    told = {"number": number, "valid_until": valid_until.isoformat()}
    try:
        with transaction.atomic():
            move(row, Stage.LOA_ISSUED, party=party, by=by, evidence=told, **letter, loa_facts=facts_of(row))
    except IntegrityError as error:
        if "letters_have_their_own_numbers" not in str(error):
            raise
        raise taken from error


def _next_number(row: Connection) -> str:
    """Of the order, and of how often one was issued for it."""
    issued = StageEntry.objects.of(row.tenant).filter(connection=row, to_stage=Stage.LOA_ISSUED).count()
    return f"LOA-{row.pk.hex[:8].upper()}-{issued + 1}"


def end_when_empty(row: Connection) -> bool:
    """Of one that is closing: close it once no interface is left, and give its port to whoever waits for it."""
    if Interface.objects.of(row.tenant).live().filter(connection=row).exists():
        return False
    end(row, party=Party.WEFT, by=RESERVER)
    return True


def end(row: Connection, *, party: Party, by: Actor) -> None:
    evidence = {"port": row.port.name} if row.port else {}
    move(row, Stage.CLOSED, party=party, by=by, evidence=evidence, port=None, closed_at=clock.now())
    reserve(row.location)


# --- moves by readings ----------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def note_readings(row: Connection, readings: Mapping[Layer, Reading]) -> list[Stage]:
    """Bring an order on by what was read of it; the stages that it came to."""
    row, reached = held(row), []
    for stage, reading in advance(Stage(row.stage), row.stage_since, readings, clock.now()):
        move(row, stage, party=Party.WEFT, by=RESERVER, evidence=reading.evidence)
        reached.append(stage)
    return reached


# --- what waits for the platform ------------------------------------------------------------------------------------

#: So many are told at once; the others follow as these are decided.
MOST_WAITING = 200


def submitted(by: Platform) -> QuerySet[Connection]:
    return Connection.objects.across(by).filter(stage=Stage.SUBMITTED)


def waiting(by: Platform) -> list[Waiting]:
    """The orders that were submitted, the oldest first. One query."""
    rows = submitted(by).select_related("tenant", "location").order_by("stage_since", "pk")
    return [
        Waiting(
            id=row.pk,
            kind=KIND,
            name=row.name,
            tenant=row.tenant,
            asks=f"{row.rate}, {row.kind}, at {row.location}",
            since=row.stage_since,
            label="Direct Connect",
            url=reverse("directconnect:platform_detail", args=[row.pk]),
        )
        for row in rows[:MOST_WAITING]
    ]


@transaction.atomic(durable=True)
def decide(pk: UUID, verdict: str, reason: str, by: Platform) -> bool:
    """False where no such order is submitted. Raises `Refused`."""
    row = submitted(by).filter(pk=pk).select_related("tenant").first()
    if row is None:
        return False
    to, said = (Stage.APPROVED, {}) if verdict == "approve" else (Stage.REJECTED, {"reason": reason})
    joined(transition)(row, to, said, party=Party.PLATFORM, by=by.actor)
    return True


APPROVALS = approvals.Kind(KIND, submitted, waiting, decide)
