"""The routes that a VPC has from its peerings, for the table of its routes."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from apps.mirror.queries import UNREAD
from apps.networks.models import Vpc
from apps.networks.routes.effective import Route
from apps.operations.provisioned import Status
from apps.peering.queries import agreed_in, applied_of

PEERING = "peering"


def routes(vpc: Vpc) -> Sequence[Route]:
    """Three queries, one where there is none."""
    sides = agreed_in(vpc)
    applied = applied_of([side.row for side in sides])
    found = []
    for side in sides:
        row, told = side.row, applied.get(side.row.pk, UNREAD)
        url = reverse("peering:detail", args=[vpc.tenant.slug, row.pk])
        status = told.status if row.status == Status.READY else str(row.status)
        found += [
            Route(each, PEERING, "the other VPC", row.name, url, status, told.read_at, told.fresh_until)
            for each in side.learned
        ]
    return found
