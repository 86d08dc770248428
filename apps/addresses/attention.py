"""What of a tenant's public IPs, and of what leads from them, needs somebody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse

from apps.addresses.models import PortForward, PublicIp, Purpose, StaticNat
from apps.addresses.queries import nat
from apps.kernel import clock
from apps.networks.attention import MOST, Need, Source, Step
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant

UNUSED_FOR = timedelta(days=30)
UNUSED = "Nothing has led from it for more than 30 days, and it counts to the quota."
NAMES: dict[type[StaticNat | PortForward], str] = {StaticNat: "static_nat", PortForward: "port_forward"}


def rules_that_are_missing(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """Those that the comparison has found, and that are missing still. Six queries, two where there is none."""
    rows: list[StaticNat | PortForward] = []
    for model in NAMES:
        missing = model.objects.of(tenant).live().filter(status=Status.READY, missing_since__isnull=False)
        if vpc is not None:
            missing = missing.filter(vpc=vpc)
        rows += missing.select_related("vpc", "tier").order_by("missing_since", "id")[: MOST + 1]
    lines = [line for line in nat.lines_of(rows, {}, None) if line.is_missing]
    return [_missing(tenant, line) for line in lines[: MOST + 1]]


def _missing(tenant: Tenant, line: nat.Line) -> Need:
    row = line.row
    name, slug = NAMES[type(row)], tenant.slug
    noun = str(row._meta.verbose_name)
    return Need(
        kind=RULE_NOT_APPLIED.kind,
        resource_id=row.pk,
        vpc_id=row.vpc_id,
        subject=f"{noun[0].upper()}{noun[1:]} {row}",
        sentence=line.applied.trouble,
        url=f"{reverse(f'nat:{name}_list', args=[slug])}?q={row.address}",
        step=Step("Apply again", reverse(f"nat:{name}_apply", args=[slug, row.pk]), is_done_at_once=True),
        since=row.missing_since,
        read_at=line.applied.read_at,
    )


def addresses_without_use(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """One query."""
    rows = PublicIp.objects.of(tenant).filter(status=Status.READY, purpose=Purpose.UNUSED)
    rows = rows.filter(unused_since__lte=clock.now() - UNUSED_FOR)
    if vpc is not None:
        rows = rows.filter(vpc=vpc)
    return [_unused(tenant, row) for row in rows.order_by("unused_since", "id")[: MOST + 1]]


def _unused(tenant: Tenant, row: PublicIp) -> Need:
    return Need(
        kind=ADDRESS_UNUSED.kind,
        resource_id=row.pk,
        vpc_id=row.vpc_id,
        subject=f"Public IP {row}",
        sentence=UNUSED,
        url=reverse("addresses:detail", args=[tenant.slug, row.pk]),
        step=Step("Release", reverse("addresses:release", args=[tenant.slug, row.pk])),
        since=row.unused_since,
    )


RULE_NOT_APPLIED = Source("rule_not_applied", "Not applied", rules_that_are_missing)
ADDRESS_UNUSED = Source("address_unused", "Unused", addresses_without_use)
