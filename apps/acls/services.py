"""One verb per change of access lists. Each writes the row, the audit entry and the operation in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.acls import queries
from apps.acls.models import Acl, TierAcl
from apps.acls.rules import Rule, next_expiry, parse_rules
from apps.acls.specs import AclSpec
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.locks import hold_rows
from apps.kernel.names import NAME
from apps.networks import queries as networks
from apps.networks.alongside import Choice
from apps.networks.models import Tier, Vpc
from apps.networks.specs import taken
from apps.operations import services as operations
from apps.operations.models import Operation, Priority
from apps.operations.provisioned import Status
from apps.operations.state import Goal
from apps.quotas.resources import ACL, ACL_RULE
from apps.quotas.services import hold_use
from apps.tenancy.actors import Actor
from apps.tenancy.models import Tenant
from apps.tenancy.services import audit

EXPIRY = Actor.system("expiry")


class ChangedMeanwhile(Refused):
    """Somebody else has changed the rules since they were read."""

    def __init__(self, seen: int, acl: Acl) -> None:
        text = f"The rules were changed meanwhile: you have seen version {seen}, this is {acl.version}."
        super().__init__("changed-meanwhile", text, "version")


@transaction.atomic(durable=True)
def create_acl(tenant: Tenant, spec: AclSpec, *, by: Actor) -> Operation:
    """A list of a VPC. It is in force nowhere until a tier gets it."""
    quotas = hold_use(tenant)
    vpc = _held_vpc(tenant, spec.vpc)
    quotas.need(ACL)
    quotas.need(ACL_RULE, len(spec.rules), field="rules")
    count = Acl.objects.of(tenant).live().filter(vpc=vpc).count()
    if count >= queries.MOST_LISTS:
        raise Refused("too-many-lists", f"A VPC has at most {queries.MOST_LISTS} access lists. Delete one.", "vpc")
    acl = Acl(tenant=tenant, vpc=vpc, name=spec.name, denies_rest=spec.denies_rest)
    acl.rules = [rule.as_json() for rule in spec.rules]
    acl.next_expiry_at = next_expiry(spec.rules)
    with _translated(spec.name):
        acl.save(force_insert=True)
    audit(by, "acl.create", acl, tenant=tenant, new={"name": acl.name, **_told(spec.rules, spec.denies_rest)})
    return _start("acl", acl, Goal.PRESENT, vpc, lock_key=acl.lock_key, by=by)


@transaction.atomic(durable=True)
def rename_acl(acl: Acl, *, name: str, by: Actor) -> bool:
    """Give a list another name, at once: it lives in Weft alone. False when it is what it was."""
    name = NAME.parse(name, "name")
    acl = _held(acl, "rename")
    if name == acl.name:
        return False
    old = acl.name
    with _translated(name):
        acl.name = name
        acl.save(update_fields=["name", "name_key", "search_key"])
    audit(by, "acl.rename", acl, tenant=acl.tenant, old={"name": old}, new={"name": name})
    return True


@transaction.atomic(durable=True)
def change_rules(
    acl: Acl,
    rules: Sequence[Rule],
    *,
    denies_rest: bool | None = None,
    seen: int | None = None,
    by: Actor,
    priority: Priority = Priority.PERSON,
) -> Operation:
    """The whole set of rules, as one change. `seen` is the version that whoever asks has in front of them."""
    quotas = hold_use(acl.tenant)
    acl = _held(acl, None)
    if seen is not None and seen != acl.version:
        raise ChangedMeanwhile(seen, acl)
    _need_offer(acl, "edit")
    denies_rest = acl.denies_rest if denies_rest is None else denies_rest
    wanted = {"rules": [rule.as_json() for rule in rules], "denies_rest": denies_rest}
    wanted["rules"] = [rule.as_json() for rule in parse_rules(wanted["rules"])]
    if wanted == {"rules": acl.rules, "denies_rest": acl.denies_rest}:
        raise Refused("nothing-changed", "These are the rules that the list has.", "rules")
    if (more := len(rules) - len(acl.rules)) > 0:
        quotas.need(ACL_RULE, more, field="rules")
        acl.reserved = len(rules)
        acl.save(update_fields=["reserved"])
    tiers = [str(row.pk) for row in queries.tiers_of(acl)]
    audit(
        by,
        "acl.change",
        acl,
        tenant=acl.tenant,
        old=_told(acl.written, acl.denies_rest),
        new=_told(rules, denies_rest),
    )
    options = {"wanted": {**wanted, "tiers": tiers}, "priority": priority}
    return _start("acl", acl, Goal.CHANGED, acl.vpc, lock_key=acl.lock_key, by=by, **options)


def expire(acl: Acl) -> Operation | None:
    """Take the rules whose time is over out of a list. None when none is over, or when it has to wait."""
    try:
        return change_rules(acl, acl.in_force(clock.now()), by=EXPIRY, priority=Priority.BULK)
    except Refused:
        return None


@transaction.atomic(durable=True)
def delete_acl(acl: Acl, *, by: Actor) -> Operation:
    """One that no tier has."""
    acl = _held(acl, "delete")
    audit(by, "acl.delete", acl, tenant=acl.tenant, old={"name": acl.name, **_told(acl.written, acl.denies_rest)})
    return _start("acl", acl, Goal.ABSENT, acl.vpc, lock_key=acl.lock_key, by=by)


@transaction.atomic(durable=True)
def assign(tier: Tier, acl_id: str, *, by: Actor) -> Operation:
    """Give a tier a list, or another one."""
    tier = _held_tier(tier)
    acl = _assignable(tier.vpc, acl_id)
    row = TierAcl.objects.of(tier.tenant).live().select_related("acl").filter(pk=tier.pk).first()
    old = {"acl": row.acl.name} if row else {"acl": None}
    if row and row.acl_id == acl.pk:
        raise Refused("nothing-changed", f"The tier {tier.name} has the list {acl.name} already.", "acl")
    audit(by, "tier.acl", tier, tenant=tier.tenant, old=old, new={"acl": acl.name})
    if row is None:
        return _start("tier_acl", _given(tier, acl), Goal.PRESENT, tier.vpc, lock_key=tier.lock_key, by=by)
    return _start_change(row, acl.pk, tier, by)


@transaction.atomic(durable=True)
def apply_again(tier: Tier, *, by: Actor) -> Operation:
    """Bring a tier's list to both systems once more, where something of it is missing."""
    tier = _held_tier(tier)
    row = _need_list(tier)
    audit(by, "tier.acl-again", tier, tenant=tier.tenant, new={"acl": row.acl.name})
    return _start_change(row, row.acl_id, tier, by)


@transaction.atomic(durable=True)
def unassign(tier: Tier, *, by: Actor) -> Operation:
    """Take its list off a tier: then the site's default decides."""
    tier = _held_tier(tier)
    row = _need_list(tier)
    audit(by, "tier.acl", tier, tenant=tier.tenant, old={"acl": row.acl.name}, new={"acl": None})
    return _start("tier_acl", row, Goal.ABSENT, tier.vpc, lock_key=tier.lock_key, by=by)


def has_list(acl_id: str) -> Callable[[Tier], None]:
    """For `create_tier`: the tier is made with this list, which has to be one of its VPC."""
    return lambda tier: _make(tier, acl_id)


def choice_in(vpc: Vpc) -> Choice:
    """For the form of a new tier. One query."""
    options = [(str(acl.pk), acl.name) for acl in queries.lists_in(vpc)]
    text = (
        "The tier has its rules from its first moment. Without a list the site's default decides what enters and "
        "leaves, which as a rule lets everything through."
    )
    return Choice("acl", "Access list", "None", text, options, has_list)


def _make(tier: Tier, acl_id: str) -> None:
    _given(tier, _assignable(tier.vpc, acl_id))


def _start_change(row: TierAcl, acl_id: UUID, tier: Tier, by: Actor) -> Operation:
    wanted = {"acl_id": str(acl_id)}
    return _start("tier_acl", row, Goal.CHANGED, tier.vpc, lock_key=tier.lock_key, by=by, wanted=wanted)


def _start(kind: str, row: Acl | TierAcl, goal: Goal, vpc: Vpc, **options: Any) -> Operation:
    return operations.start(kind, row, goal, tenant=vpc.tenant, zone=vpc.zone, lane=vpc.lane, **options)


def _given(tier: Tier, acl: Acl) -> TierAcl:
    """The row of a tier's list; one that the tier had before is taken up again."""
    row = TierAcl.objects.of(tier.tenant).filter(pk=tier.pk).first() or TierAcl(id=tier.pk, tier=tier)
    row.tenant, row.acl, row.tier = tier.tenant, acl, tier
    row.status, row.deleted_at, row.is_applied, row.read_at = Status.BUILDING, None, None, None
    row.save()
    return row


def _need_list(tier: Tier) -> TierAcl:
    row = TierAcl.objects.of(tier.tenant).live().select_related("acl").filter(pk=tier.pk).first()
    if row is None:
        raise Refused("no-list", f"The tier {tier.name} has no access list.", "acl")
    return row


def _assignable(vpc: Vpc, acl_id: str) -> Acl:
    """A list of this very VPC, by its id."""
    try:
        acl = Acl.objects.of(vpc.tenant).live().filter(vpc=vpc, pk=UUID(str(acl_id))).first()
    except ValueError:
        acl = None
    if acl is None:
        raise Refused("acl-unknown", "There is no such access list in this VPC.", "acl")
    _need_offer(acl, "assign")
    return acl


def _held_vpc(tenant: Tenant, vpc_id: str) -> Vpc:
    """The VPC, locked until the transaction ends, when work in it can be asked for."""
    try:
        rows = Vpc.objects.of(tenant).live().select_for_update(of=("self",), no_key=True)
        vpc = rows.select_related("tenant", "zone").filter(pk=UUID(vpc_id)).first()
    except ValueError:
        vpc = None
    if vpc is None:
        raise Refused("vpc-unknown", "There is no such VPC.", "vpc")
    work = networks.work_on(vpc)
    operations.need(vpc.why_not("add tier", work), work)
    return vpc


def _held_tier(tier: Tier) -> Tier:
    vpc = _held_vpc(tier.tenant, str(tier.vpc_id))
    hold_rows(Tier.objects.of(tier.tenant).filter(pk=tier.pk))
    tier = Tier.objects.of(tier.tenant).select_related("tenant").get(pk=tier.pk)
    tier.vpc = vpc
    work = networks.work_on(vpc)
    operations.need(tier.why_not("change", work), work)
    return tier


def _held(acl: Acl, action: str | None) -> Acl:
    """The list as it is now, locked with its VPC until the transaction ends. Raises `Refused` when the action is not
    offered."""
    hold_rows(Vpc.objects.of(acl.tenant).filter(pk=acl.vpc_id))
    rows = Acl.objects.of(acl.tenant).select_for_update(of=("self",), no_key=True)
    acl = rows.select_related("tenant", "vpc__tenant", "vpc__zone").get(pk=acl.pk)
    if action is not None:
        _need_offer(acl, action)
    return acl


def _need_offer(acl: Acl, action: str) -> None:
    """Raises `Refused` when the action is not offered now, in the words that said so before."""
    work = networks.work_on(acl.vpc)
    operations.need(acl.why_not(action, work, queries.tiers_of(acl)), work)


def _told(rules: Sequence[Rule], denies_rest: bool) -> dict[str, Any]:
    """What the audit log keeps of a list: each rule on a line, within reason."""
    lines = [rule.title for rule in rules[:50]]
    more = [f"and {len(rules) - 50} more"] if len(rules) > 50 else []
    return {"rules": lines + more, "denies_rest": denies_rest}


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turns a broken constraint into a refusal that names the field."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "acl_name_is_unique" in str(error):
            raise taken("access list", name, "name") from error
        raise
