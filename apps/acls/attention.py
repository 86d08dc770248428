"""What of a tenant's access lists needs somebody."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from apps.acls.models import FRESH_FOR, TierAcl
from apps.kernel import clock
from apps.networks.attention import MOST, Need, Source, Step
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant

DIFFERS = "CloudStack or Netris does not have the rules of the list {acl} as they are written: they were changed there."


def lists_that_differ(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """One query."""
    rows = TierAcl.objects.of(tenant).filter(is_applied=False, read_at__gte=clock.now() - FRESH_FOR)
    rows = rows.filter(status=Status.READY, acl__status=Status.READY)
    if vpc is not None:
        rows = rows.filter(tier__vpc=vpc)
    return [_need(tenant, row) for row in rows.select_related("acl", "tier").order_by("id")[: MOST + 1]]


def _need(tenant: Tenant, row: TierAcl) -> Need:
    again, tier = (reverse(f"acls:{view}", args=[tenant.slug, row.pk]) for view in ("tier_again", "tier"))
    return Need(
        kind=LIST_DIFFERS.kind,
        resource_id=row.pk,
        vpc_id=row.tier.vpc_id,
        subject=f"The access list of {row.tier.name}",
        sentence=DIFFERS.format(acl=row.acl.name),
        url=tier,
        step=Step("Apply again", again, is_done_at_once=True),
        read_at=row.read_at,
    )


LIST_DIFFERS = Source("list_differs", "List differs", lists_that_differ)
