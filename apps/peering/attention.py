"""What of a tenant's peerings needs somebody: requests that wait for its answer, and what Netris has otherwise.

Those that the comparison has found (`tasks`) are looked at anew when they are told: what is there again, or was not
read lately, is told no more."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from apps.networks.attention import MOST, Need, Source, Step
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.peering.models import Peering
from apps.peering.queries import WITH, applied_of, waiting_for
from apps.peering.sides import side_of
from apps.tenancy.models import Tenant


def requests_that_wait(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """One query; none for one VPC, since a request is for none yet."""
    if vpc is not None:
        return []
    rows = waiting_for(tenant).order_by("created_at", "id")[: MOST + 1]
    return [
        Need(
            REQUEST_WAITS.kind,
            row.pk,
            None,
            f"Peering {row.name}",
            f"Another tenant asks to peer a VPC with one of yours, and offers {', '.join(row.offered)}.",
            url=_page_of(row, tenant),
            step=Step("Answer it", reverse("peering:accept", args=[tenant.slug, row.pk])),
            since=row.created_at,
        )
        for row in rows
    ]


def peerings_that_differ(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """Three queries, one where there is none."""
    rows = Peering.objects.of(tenant).agreed().filter(status=Status.READY, differs_since__isnull=False)
    if vpc is not None:
        rows = rows.of_vpcs([vpc.pk])
    some = list(rows.select_related(*WITH).order_by("differs_since", "id")[: MOST + 1])
    applied = applied_of(some)
    needs = []
    for row in some:
        told, side = applied[row.pk], side_of(row, tenant)
        if told.is_missing and side.vpc is not None:
            again = Step("Apply again", reverse("peering:apply", args=[tenant.slug, row.pk]), is_done_at_once=True)
            fields = {"since": row.differs_since, "read_at": told.read_at}
            subject = f"Peering {row.name}"
            where = vpc.pk if vpc is not None else side.vpc.pk
            page = _page_of(row, tenant)
            needs.append(
                Need(PEERING_DIFFERS.kind, row.pk, where, subject, told.trouble, url=page, step=again, **fields)
            )
    return needs


def _page_of(row: Peering, tenant: Tenant) -> str:
    return reverse("peering:detail", args=[tenant.slug, row.pk])


REQUEST_WAITS = Source("peering_requested", "Asked for", requests_that_wait)
PEERING_DIFFERS = Source("peering_differs", "Differs", peerings_that_differ)
