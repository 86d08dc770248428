"""A tenant asks for a higher limit, and the platform answers among all that waits for it.

Every change holds the tenant's row, as `change_quotas` does: of two at once one comes after the other, and sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.kernel import clock
from apps.kernel.errors import Invalid, Refused
from apps.kernel.locks import hold_row
from apps.quotas.models import REASON, QuotaRequest, Stage
from apps.quotas.queries import limits_of
from apps.quotas.resources import MOST_OF_ONE, Resource, by_key
from apps.quotas.services import set_limits
from apps.tenancy import approvals
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.approvals import Waiting
from apps.tenancy.models import Tenant
from apps.tenancy.services import audit

KIND = "quota-request"
#: So many are told at once; the others follow as these are decided.
MOST_WAITING = 200


@dataclass(frozen=True)
class RequestSpec:
    """What is asked for."""

    resource: Resource
    wanted: int
    reason: str

    @classmethod
    def parse(cls, values: dict[str, Any]) -> RequestSpec:
        """Raises `Invalid` with all faults."""
        faults = []
        known = by_key()
        resource = known.get(values["resource"])
        if resource is None:
            faults.append(Refused("resource-unknown", f"Choose one of {', '.join(known)}.", "resource"))
        if not 1 <= values["wanted"] <= MOST_OF_ONE:
            faults.append(Refused("wanted-out-of-range", f"Ask for at most {MOST_OF_ONE}.", "wanted"))
        reason = ""
        try:
            reason = REASON.parse(values["reason"], "reason")
        except Refused as refusal:
            faults += refusal.all
        if not faults and not reason:
            faults.append(Refused("reason-missing", "Say what it is needed for: your provider reads that.", "reason"))
        if faults or resource is None:
            raise Invalid(faults)
        return cls(resource, values["wanted"], reason)


@transaction.atomic(durable=True)
def ask(tenant: Tenant, spec: RequestSpec, *, by: Actor) -> QuotaRequest:
    """Raises `Refused`: for no more than there may be now, and while another one of the same resource waits."""
    hold_row(tenant)
    limit = limits_of(tenant).of(spec.resource).limit
    if spec.wanted <= limit:
        raise Refused("not-more", f"You may have {limit} {spec.resource.noun}s already. Ask for more.", "wanted")
    waiting = QuotaRequest.objects.of(tenant).filter(resource=spec.resource.key, stage=Stage.REQUESTED).first()
    if waiting is not None:
        words = f"You have asked for {waiting} already. Withdraw that first, or wait for the answer."
        raise Refused("asked-already", words, "resource")
    row = QuotaRequest.objects.of(tenant).create(
        tenant=tenant, resource=spec.resource.key, limit=limit, wanted=spec.wanted, reason=spec.reason
    )
    audit(by, "quota.ask", row, tenant=tenant, new={spec.resource.field: spec.wanted, "reason": spec.reason})
    return row


@transaction.atomic(durable=True)
def withdraw(row: QuotaRequest, *, by: Actor) -> QuotaRequest:
    """Raises `Refused` for one that does not wait any more."""
    hold_row(row.tenant)
    row.refresh_from_db()
    if reason := row.why_not_withdraw:
        raise Refused("not-now", reason)
    _end(row, Stage.WITHDRAWN)
    audit(by, "quota.withdraw", row, tenant=row.tenant)
    return row


def _end(row: QuotaRequest, stage: Stage, answer: str = "") -> None:
    row.stage, row.answer, row.ended_at = stage, answer, clock.now()
    row.save(update_fields=["stage", "answer", "ended_at"])


def requests_of(tenant: Tenant) -> QuerySet[QuotaRequest]:
    """The newest first."""
    return QuotaRequest.objects.of(tenant).select_related("tenant").order_by("-created_at", "pk")


def waiting_rows(by: Platform) -> QuerySet[QuotaRequest]:
    return QuotaRequest.objects.across(by).filter(stage=Stage.REQUESTED, resource__in=by_key())


def waiting(by: Platform) -> Sequence[Waiting]:
    """The oldest first. One query."""
    rows = waiting_rows(by).select_related("tenant").order_by("created_at", "pk")
    return [
        Waiting(
            id=row.pk,
            kind=KIND,
            name=str(row),
            tenant=row.tenant,
            asks=f"{row.wanted} {row.noun}s instead of {row.limit}: {row.reason}",
            since=row.created_at,
            label="Quota",
        )
        for row in rows[:MOST_WAITING]
    ]


@transaction.atomic(durable=True)
def decide(pk: UUID, verdict: str, reason: str, by: Platform) -> bool:
    """An approval sets the limit that was asked for, unless it is higher by now. False where no such request waits."""
    found = waiting_rows(by).filter(pk=pk).select_related("tenant").first()
    if found is None:
        return False
    hold_row(found.tenant)
    row = waiting_rows(by).filter(pk=pk).select_related("tenant").first()
    if row is None:
        return False
    resource = by_key()[row.resource]
    limit = limits_of(row.tenant).of(resource).limit
    if verdict == "reject":
        _end(row, Stage.REJECTED, REASON.parse(reason, "reason"))
        audit(by.actor, "quota.reject", row, tenant=row.tenant, new={"reason": row.answer})
        return True
    _end(row, Stage.APPROVED)
    if row.wanted > limit:
        set_limits(row.tenant, {resource: row.wanted})
    old, new = {resource.field: limit}, {resource.field: max(limit, row.wanted)}
    audit(by.actor, "quota.approve", row, tenant=row.tenant, old=old, new=new)
    return True


APPROVALS = approvals.Kind(KIND, waiting_rows, waiting, decide)
