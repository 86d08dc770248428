"""One verb per change of a peering. Each writes the row, what both tenants' logs say, and the operation in one
transaction: both VPCs are held, then the row (`kernel.locks`).

An operation belongs to whoever asked for it, and so does its entry in the audit log; the other tenant's log says what
happened and nothing of who did it. Nobody learns here who else is a customer: a request is counted before anything is
looked up, and one to a tenant that does not exist, is disabled or takes no requests is kept like any other. It reaches
nobody, takes the same queries, and its time ends it; what would stand in the other tenant's log, the platform's says.

To end one is possible at any time, for either of the two: it is noted in the row at once, and the removal starts as
soon as nothing else is at work on it (`tasks`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

from django.db import IntegrityError, transaction

from apps.kernel import clock
from apps.kernel.errors import Busy, Invalid, Refused
from apps.kernel.locks import hold_rows
from apps.kernel.names import NAME
from apps.networks import queries as networks
from apps.networks.models import Vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Goal, Phase
from apps.peering import queries
from apps.peering.models import Closed, Peering, Stage
from apps.peering.sides import Side, side_of
from apps.peering.specs import (
    REQUEST_LASTS,
    AnswerSpec,
    PeeringSpec,
    choice_faults,
    offer_faults,
)
from apps.tenancy import tries
from apps.tenancy.actors import Actor
from apps.tenancy.models import Tenant
from apps.tenancy.services import audit

KIND = "peering"
#: Who does what was to be done at its time, and who did what the other tenant did.
KEEPER = Actor.system("Weft, as its time was over")
OTHER_SIDE = Actor.system("the other side")
#: Of one VPC, and requests of a tenant that wait for an answer.
MOST_OF_VPC = 50
MOST_WAITING = 50
ASKING = tries.Limit(20, timedelta(minutes=1))
RELATED = queries.WITH
NOT_THEIRS = "The other side's VPC cannot be peered now. Ask them, or try again later."


def count_request(tenant: Tenant) -> None:
    """To be called before a request, outside of its transaction. Raises `tries.TooManyTries`."""
    tries.count("peering requests", str(tenant.pk), limit=ASKING)


@transaction.atomic(durable=True)
def create_peering(vpc: Vpc, spec: PeeringSpec, *, by: Actor) -> tuple[Peering, Operation | None]:
    """Peer two VPCs of one tenant, or ask another tenant. None stands for the operation that there is not yet."""
    if spec.peer.vpc is not None:
        return _create_own(vpc, spec, by)
    return _ask(vpc, spec, by), None


def _create_own(vpc: Vpc, spec: PeeringSpec, by: Actor) -> tuple[Peering, Operation]:
    tenant = vpc.tenant
    if spec.peer.vpc == vpc.pk:
        raise Refused("peer-itself", "A VPC cannot be peered with itself. Choose another one.", "peer.vpc")
    assert spec.peer.vpc is not None, "it is one of the tenant's own"
    peer = Vpc.objects.of(tenant).live().filter(pk=spec.peer.vpc).first()
    if peer is None:
        raise Refused("vpc-unknown", "There is no such VPC.", "peer.vpc")
    vpc, peer = _held_vpcs(tenant, vpc, peer)
    if peer.zone_id != vpc.zone_id:
        text = f"{vpc.name} is in {vpc.zone}, and {peer.name} in {peer.zone}. Both have to be in one zone."
        raise Refused("other-zone", text, "peer.vpc")
    offered = spec.peer.prefixes if spec.peer.prefixes is not None else (peer.cidr,)
    faults = offer_faults(spec.prefixes, vpc.cidr, "prefixes") + offer_faults(offered, peer.cidr, "peer.prefixes")
    _refuse(
        faults + _clashes(vpc, offered, tenant, "peer.prefixes") + _clashes(peer, spec.prefixes, tenant, "prefixes")
    )
    _need_room(vpc, peer)
    here, there = _texts(spec.prefixes), _texts(offered)
    row = Peering(
        tenant=tenant,
        vpc=vpc,
        peer_tenant=tenant,
        peer_vpc=peer,
        name=spec.peer.name or f"{vpc.name} and {peer.name}"[: NAME.most].strip(),
        stage=Stage.ACCEPTED,
        offered=here,
        peer_offered=there,
        accepted=there,
        peer_accepted=here,
        expires_at=spec.expires_at,
    )
    with _translated("peer.vpc"):
        row.save(force_insert=True)
    told = {"vpc": vpc.name, "peer": peer.name, "prefixes": here, "peer_prefixes": there}
    audit(by, "peering.create", row, tenant=tenant, new=told | _ending(row))
    return row, _start(row, Goal.PRESENT, tenant, by)


def _ask(vpc: Vpc, spec: PeeringSpec, by: Actor) -> Peering:
    tenant = vpc.tenant
    if spec.peer.tenant == tenant.slug:
        text = "That is your own tenant. Name the VPC at the other end instead: those of one tenant are peered at once."
        raise Refused("peer-is-you", text, "peer.tenant")
    vpc = _held_vpcs(tenant, vpc)[0]
    _refuse(offer_faults(spec.prefixes, vpc.cidr, "prefixes"))
    waiting = Peering.objects.of(tenant).live().filter(tenant=tenant, stage=Stage.REQUESTED).count()
    if waiting >= MOST_WAITING:
        text = f"{waiting} of your requests wait for an answer already. Withdraw some of them first."
        raise Refused("too-many-requests-wait", text)
    peer = _asked(spec.peer.tenant, tenant)
    answer_by = clock.now() + REQUEST_LASTS
    row = Peering(
        tenant=tenant,
        vpc=vpc,
        peer_tenant=peer,
        asked_of=spec.peer.tenant,
        name=spec.peer.name,
        offered=_texts(spec.prefixes),
        answer_by=min(answer_by, spec.expires_at) if spec.expires_at else answer_by,
        expires_at=spec.expires_at,
    )
    with _translated("peer.name"):
        row.save(force_insert=True)
    told = {"prefixes": row.offered} | _ending(row)
    audit(by, "peering.request", row, tenant=tenant, new={"vpc": vpc.name, "peer": spec.peer.tenant} | told)
    audit(OTHER_SIDE, "peering.request", row, tenant=peer, new=told)
    return row


def _asked(slug: str, by: Tenant) -> Tenant | None:
    """The tenant that a request reaches. Two queries, whether there is one or not."""
    peer = Tenant.objects.filter(slug=slug, disabled_at=None).first()
    is_closed = Closed.objects.of(peer or by).exists()
    return None if is_closed else peer


@transaction.atomic(durable=True)
def accept_peering(row: Peering, vpc: Vpc, answer: AnswerSpec, *, by: Actor) -> Operation:
    """Answer a request with one of the own VPCs. Raises `Refused`, and Http404 is for whoever is not asked."""
    tenant = vpc.tenant
    row = _held(row, vpc)
    _need_question(row, tenant)
    mine, theirs = _of(vpc, row)
    _need_vpc(mine, "vpc")
    if theirs.status != Status.READY or any(each.resource_id == theirs.pk for each in networks.work_on(theirs)):
        raise Refused("peer-not-ready", NOT_THEIRS)
    if theirs.zone_id != mine.zone_id:
        text = (
            "This VPC is not in the zone of the other side's, and both have to be in one. Choose a VPC in another zone."
        )
        raise Refused("other-zone", text, "vpc")
    offered = answer.prefixes or (mine.cidr,)
    was_offered = [IPv4Network(each) for each in row.offered]
    chosen = list(was_offered if answer.accept is None else answer.accept)
    _refuse(offer_faults(offered, mine.cidr, "prefixes") + choice_faults(chosen, was_offered, "accept"))
    _refuse(_clashes(mine, chosen, tenant, "accept") + _clashes(theirs, offered, tenant, "prefixes"))
    _need_room(mine, theirs)
    row.peer_vpc, row.stage = mine, Stage.ACCEPTED
    row.peer_offered = row.accepted = _texts(offered)
    row.peer_accepted = _texts(chosen)
    with _translated("vpc"):
        row.save(update_fields=["peer_vpc", "stage", "peer_offered", "accepted", "peer_accepted"])
    told = {"prefixes": row.peer_offered, "accept": row.peer_accepted}
    audit(by, "peering.accept", row, tenant=tenant, new={"vpc": mine.name} | told)
    audit(OTHER_SIDE, "peering.accept", row, tenant=row.tenant, new={"peer_prefixes": row.peer_offered})
    return _start(row, Goal.PRESENT, tenant, by)


@transaction.atomic(durable=True)
def reject_peering(row: Peering, tenant: Tenant, *, reason: str = "", by: Actor) -> Peering:
    """A reason is told to both."""
    row = _held(row)
    _need_question(row, tenant)
    _close(row, Stage.REJECTED, tenant)
    _tell_both(row, "peering.reject", tenant, by, {"reason": reason} if reason else None)
    return row


@transaction.atomic(durable=True)
def revoke_peering(row: Peering, tenant: Tenant, *, by: Actor) -> Operation | None:
    """End it, or take a request back. None when there is nothing to take away, or something else is at work on it: then
    it is taken away as soon as that is over."""
    row = _held(row)
    if row.is_requested and row.is_live:
        if row.tenant_id != tenant.pk:
            raise Refused("not-accepted", "It was not accepted yet. Reject it instead.")
        _close(row, Stage.WITHDRAWN, tenant)
        _tell_both(row, "peering.withdraw", tenant, by)
        return None
    operations.need(row.why_not("revoke", ()), ())
    if not row.ends_as:
        row.ends_as, row.ended_by = Stage.REVOKED, tenant
        row.save(update_fields=["ends_as", "ended_by"])
        _tell_both(row, "peering.revoke", tenant, by)
    return _remove(row, tenant, by)


@transaction.atomic(durable=True)
def change_peering(
    side: Side, *, prefixes: Sequence[IPv4Network] | None = None, accept: Sequence[IPv4Network] | None = None, by: Actor
) -> Operation | None:
    """What one side offers, or takes of what the other offers; what is left out stays. None when it is so already."""
    tenant = side.tenant
    row = _held(side.row)
    side = side_of(row, tenant)
    mine, theirs = (row.vpc, row.peer_vpc) if side.is_asking else (row.peer_vpc, row.vpc)
    work = work_on(row, tenant)
    operations.need(row.why_not("change", work), work)
    assert mine is not None, "it is agreed on"
    assert theirs is not None, "it is agreed on"
    offers, takes = side.columns
    wanted: dict[str, Any] = {}
    faults: list[Refused] = []
    if prefixes is not None:
        faults += offer_faults(prefixes, mine.cidr, "prefixes")
        wanted[offers] = _texts(prefixes)
    if accept is not None:
        faults += choice_faults(accept, [IPv4Network(each) for each in side.peer_offered], "accept")
        faults += _clashes(mine, accept, tenant, "accept", key=row.pk)
        wanted[takes] = _texts(accept)
    wanted |= _other_end(row, wanted) if row.is_within_tenant else {}
    wanted = {name: value for name, value in wanted.items() if value != getattr(row, name)}
    _refuse(faults)
    _here, there = queries.meant_of(side, wanted)
    _refuse(_clashes(theirs, there, tenant, "prefixes", key=row.pk))
    if not wanted:
        return None
    told = {
        name: value
        for name, value in (("prefixes", wanted.get(offers)), ("accept", wanted.get(takes)))
        if value is not None
    }
    audit(by, "peering.change", row, tenant=tenant, new=told)
    if not row.is_within_tenant:
        other = row.peer_tenant if side.is_asking else row.tenant
        shown = {"peer_prefixes": wanted[offers]} if offers in wanted else {}
        audit(OTHER_SIDE, "peering.change", row, tenant=other, new=shown)
    return _start(row, Goal.CHANGED, tenant, by, wanted=wanted)


def _other_end(row: Peering, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Within one tenant what is offered at one end is taken at the other."""
    return {"peer_accepted": wanted["offered"]} if "offered" in wanted else {}


@transaction.atomic(durable=True)
def apply_peering(row: Peering, tenant: Tenant, *, by: Actor) -> Operation:
    """Have it made on Netris as it is meant, when it is not. What is right already is left alone."""
    row = _held(row)
    work = work_on(row, tenant)
    operations.need(row.why_not("apply", work), work)
    audit(by, "peering.apply", row, tenant=tenant)
    return _start(row, Goal.CHANGED, tenant, by)


@transaction.atomic(durable=True)
def take_requests(tenant: Tenant, *, is_open: bool, by: Actor) -> bool:
    """Whether other tenants may ask this one. False when it is so already."""
    closed = Closed.objects.of(tenant)
    if closed.exists() is not is_open:
        return False
    if is_open:
        closed.delete()
    else:
        Closed(tenant=tenant).save(force_insert=True)
    audit(by, "peering.take-requests", tenant, tenant=tenant, new={"takes_requests": is_open})
    return True


# --- what is over by its time -----------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def expire(row: Peering) -> Operation | None:
    """End what is over by its time, or was to be ended and could not be yet. It may run twice, and late."""
    row = _held(row)
    now = clock.now()
    if not row.is_live:
        return None
    if row.is_requested:
        if row.answer_by is not None and row.answer_by <= now:
            _close(row, Stage.EXPIRED, None)
            _tell_both(row, "peering.expire", None, KEEPER)
        return None
    if not row.ends_as and row.expires_at is not None and row.expires_at <= now:
        row.ends_as = Stage.EXPIRED
        row.save(update_fields=["ends_as"])
        _tell_both(row, "peering.expire", None, KEEPER)
    if not row.ends_as or row.status in (Status.REMOVING, Status.STUCK):
        return None
    return _remove(row, row.ended_by or row.tenant, KEEPER)


def _remove(row: Peering, tenant: Tenant, by: Actor) -> Operation | None:
    """None while another operation has it. One that is stuck is tried again: it has to be over first."""
    for owner in row.owners:
        holder = Operation.objects.of(owner).live().filter(lock_key=row.lock_key).first()
        if holder is None:
            continue
        if holder.phase == Phase.STUCK:
            operations.retry_each([holder], by=by if owner.pk == tenant.pk else OTHER_SIDE)
        return None
    try:
        with transaction.atomic():
            return _start(row, Goal.ABSENT, tenant, by)
    except Busy:
        return None


def _close(row: Peering, stage: Stage, by: Tenant | None) -> None:
    """A request that is over: nothing of it was ever made."""
    row.stage, row.status, row.deleted_at, row.ended_by = stage, Status.DELETED, clock.now(), by
    row.save(update_fields=["stage", "status", "deleted_at", "ended_by"])


def _tell_both(row: Peering, verb: str, tenant: Tenant | None, by: Actor, told: dict[str, str] | None = None) -> None:
    for each in {row.tenant, row.peer_tenant}:
        audit(by if tenant is None or each == tenant else OTHER_SIDE, verb, row, tenant=each, new=told)


# --- locks and rules --------------------------------------------------------------------------------------------------


def hold_vpcs(row: Peering, vpc: Vpc | None = None) -> None:
    """All that come before the row (`kernel.locks`), by their ids."""
    known = [pk for pk in (row.vpc_id, row.peer_vpc_id, vpc and vpc.pk) if pk]
    hold_rows(row.vpcs_of_owners.filter(pk__in=known))


def _held(row: Peering, vpc: Vpc | None = None) -> Peering:
    """The row as it is now, locked, behind all VPCs that it has or is to have."""
    hold_vpcs(row, vpc)
    rows = Peering.objects.of(row.tenant).select_for_update(of=("self",), no_key=True)
    return rows.select_related(*RELATED).get(pk=row.pk)


def _held_vpcs(tenant: Tenant, *vpcs: Vpc) -> list[Vpc]:
    """The own VPCs as they are now, locked. Raises `Refused` for one that takes nothing new now."""
    rows = Vpc.objects.of(tenant).filter(pk__in=[vpc.pk for vpc in vpcs])
    hold_rows(rows)
    found = {vpc.pk: vpc for vpc in rows.select_related("tenant", "zone")}
    held = [found[vpc.pk] for vpc in vpcs]
    for vpc, field in zip(held, ("vpc", "peer.vpc"), strict=False):
        _need_vpc(vpc, field)
    return held


def _need_vpc(vpc: Vpc, field: str) -> None:
    work = networks.work_on(vpc)
    reason = vpc.why_not("add tier", work)
    if reason is not None and not any(reason == each.in_the_way for each in work):
        raise Refused("not-now", reason, field)
    operations.need(reason, work)


def _of(vpc: Vpc, row: Peering) -> tuple[Vpc, Vpc]:
    """The own VPC and the other one, as they are now; both are locked."""
    mine = Vpc.objects.of(vpc.tenant).select_related("tenant", "zone").get(pk=vpc.pk)
    return mine, row.vpc


def _need_question(row: Peering, tenant: Tenant) -> None:
    if not (row.is_requested and row.is_live):
        raise Refused("not-asked", "It waits for no answer any more.")
    if row.peer_tenant_id != tenant.pk:
        raise Refused("not-asked", "The other side has to answer it.")
    if row.answer_by is not None and row.answer_by <= clock.now():
        raise Refused("request-expired", "The request has expired. Have the other side ask again.")


def _need_room(*vpcs: Vpc) -> None:
    for vpc in vpcs:
        if len(queries.agreed_in(vpc)) >= MOST_OF_VPC:
            raise Refused("too-many-peerings", f"A VPC has at most {MOST_OF_VPC} peerings.")


def _refuse(faults: Sequence[Refused]) -> None:
    """What is wrong with what is one's own, before the other side is looked at: nobody tries ranges against what that
    one has but those that it could offer."""
    if faults:
        raise Invalid(faults)


def _clashes(vpc: Vpc, learned: Sequence[IPv4Network], tenant: Tenant, field: str, key: object = None) -> list[Refused]:
    found = queries.clashes_at(vpc, learned, sees=tenant, key=key)
    return [
        Refused("prefix-overlap", f"{each.sentence} Ranges that overlap cannot be peered.", field) for each in found
    ]


@contextmanager
def _translated(field: str) -> Iterator[None]:
    """Turns a broken constraint into a refusal: the database has the last word on races."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        text = str(error)
        if "peering_is_one_of_a_pair" in text:
            words = "These two VPCs are peered already. Change that peering, or revoke it first."
            raise Refused("peered-already", words, field) from error
        if "peering_is_asked_once" in text:
            words = "You have asked this from this VPC under this name already. Withdraw that request first."
            raise Refused("asked-already", words, field) from error
        raise


def work_on(row: Peering, tenant: Tenant) -> list[Operation]:
    """What of this tenant's is under way or stuck in its VPCs. One query."""
    work = networks.work_in(Operation.objects.of(tenant), queries.vpc_ids([row]))
    return list({each.pk: each for some in work.values() for each in some}.values())


def _texts(prefixes: Sequence[IPv4Network]) -> list[str]:
    return [str(each) for each in sorted(prefixes)]


def _ending(row: Peering) -> dict[str, str]:
    return {"expires_at": row.expires_at.isoformat()} if row.expires_at else {}


def _start(row: Peering, goal: Goal, tenant: Tenant, by: Actor, **options: Any) -> Operation:
    """In the lanes of both VPCs; of the two the own one's is named first, which is where people look for it."""
    lane, beside = row.lanes
    if row.tenant_id != tenant.pk:
        lane, beside = beside, lane
    options |= {"lock_key": row.lock_key, "lane": lane, "beside": beside, "zone": row.vpc.zone}
    return operations.start(KIND, row, goal, tenant=tenant, by=by, **options)
