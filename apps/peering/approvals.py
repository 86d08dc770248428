"""Requests among what waits for the platform: it sees whom each waits for, and may answer in that tenant's place."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.kernel import clock
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.kernel.names import Line
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.peering import services
from apps.peering.models import REQUESTED, Peering, PeeringQuerySet
from apps.peering.queries import WITH
from apps.peering.specs import AnswerSpec
from apps.tenancy import approvals
from apps.tenancy.actors import Platform
from apps.tenancy.approvals import Waiting

REASON = Line("reason", 500)
#: So many are told at once; the others follow as these are decided.
MOST_WAITING = 200


def requested(by: Platform) -> PeeringQuerySet:
    """Those that somebody can answer."""
    rows = Peering.objects.across(by).live().filter(REQUESTED, peer_tenant__isnull=False)
    return rows.exclude(answer_by__lte=clock.now())


def waiting(by: Platform) -> list[Waiting]:
    """The oldest first. One query."""
    rows = requested(by).select_related(*WITH).order_by("created_at", "pk")
    return [
        Waiting(
            id=row.pk,
            kind=services.KIND,
            name=row.name,
            tenant=row.tenant,
            asks=f"{row.vpc} offers {', '.join(row.offered)}; waits for {row.peer_tenant} to accept it",
            since=row.created_at,
            label="Peering",
        )
        for row in rows[:MOST_WAITING]
    ]


@transaction.atomic(durable=True)
def decide(pk: UUID, verdict: str, reason: str, by: Platform) -> bool:
    """In the place of the tenant that is asked: all that is offered is taken, and all of its VPC is offered in return.
    False where no such request waits. Raises `Refused`."""
    row = requested(by).filter(pk=pk).select_related(*WITH).first()
    if row is None:
        return False
    assert row.peer_tenant is not None, "it is asked for of somebody"
    if verdict == "approve":
        joined(services.accept_peering)(row, _only_vpc(row), AnswerSpec(()), by=by.actor)
    else:
        joined(services.reject_peering)(row, row.peer_tenant, reason=REASON.parse(reason, "reason"), by=by.actor)
    return True


def _only_vpc(row: Peering) -> Vpc:
    """The one that can be at the other end. Where there are several it is the tenant's to choose."""
    tenant, zone = row.peer_tenant, row.vpc.zone
    assert tenant is not None, "it is asked for of somebody"
    rows = Vpc.objects.of(tenant).live().filter(zone=zone, status=Status.READY).select_related("tenant", "zone")
    found = list(rows.order_by("name", "pk")[:2])
    if not found:
        raise Refused("not-now", f"{tenant} has no VPC in {zone} that is ready, so there is nothing to peer with.")
    if len(found) > 1:
        raise Refused("not-now", f"{tenant} has several VPCs in {zone}: which one it is has to be its own choice.")
    return found[0]


APPROVALS = approvals.Kind(services.KIND, requested, waiting, decide)
