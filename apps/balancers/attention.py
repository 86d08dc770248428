"""What of a tenant's load balancers needs somebody.

Those that the comparison has found (`tasks`) are looked at anew when they are told: what is there again, or was not
read lately, is told no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from apps.balancers.models import UNCHECKED, Balancer
from apps.balancers.queries import Judgement, judged
from apps.balancers.verdicts import Configured, worst_of
from apps.networks.attention import MOST, Need, Source, Step
from apps.networks.models import Vpc
from apps.operations.provisioned import ProvisionedQuerySet, Status
from apps.tenancy.models import Tenant

NOBODY_ASKS = "Nobody checks whether its members answer, so connections go to one that does not, too."


def members_that_are_down(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """One for each load balancer, of its worst member. Ten queries, one where there is none."""
    rows = _ready(tenant, vpc).filter(down_since__isnull=False).order_by("down_since", "id")
    needs = []
    for row, judgement in _judged(rows):
        if worst := worst_of(judgement.lines):
            at = judgement.working.read_at
            fields = {"sentence": worst.sentence, "since": row.down_since, "read_at": at}
            needs.append(_need(MEMBER_DOWN, row, Step("See its members", _page_of(row)), fields))
    return needs


def balancers_without_check(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """One query. Nobody can check what is behind UDP."""
    rows = _ready(tenant, vpc).filter(UNCHECKED).order_by("name", "id")
    return [
        _need(UNCHECKED_BALANCER, row, Step("Set a health check", _page_of(row)), {"sentence": NOBODY_ASKS})
        for row in rows[: MOST + 1]
    ]


def balancers_that_differ(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """Ten queries, one where there is none."""
    rows = _ready(tenant, vpc).filter(differs_since__isnull=False).order_by("differs_since", "id")
    needs = []
    for row, judgement in _judged(rows):
        told = judgement.configured
        if told.verdict == Configured.DIFFERS:
            again = reverse("balancers:apply", args=[row.tenant.slug, row.pk])
            fields = {"sentence": told.sentence, "since": row.differs_since, "read_at": told.read_at}
            needs.append(_need(BALANCER_DIFFERS, row, Step("Apply again", again, is_done_at_once=True), fields))
    return needs


def _ready(tenant: Tenant, vpc: Vpc | None) -> ProvisionedQuerySet[Balancer]:
    rows = Balancer.objects.of(tenant).live().filter(status=Status.READY).select_related("tenant", "vpc", "tier")
    return rows if vpc is None else rows.filter(vpc=vpc)


def _judged(rows: ProvisionedQuerySet[Balancer]) -> list[tuple[Balancer, Judgement]]:
    some = list(rows.prefetch_related("members")[: MOST + 1])
    told = judged(some)
    return [(row, told[row.pk]) for row in some]


def _need(source: Source, row: Balancer, step: Step, fields: dict[str, Any]) -> Need:
    subject = f"Load balancer {row}"
    return Need(source.kind, row.pk, row.vpc_id, subject, url=_page_of(row), step=step, **fields)


def _page_of(row: Balancer) -> str:
    return reverse("balancers:detail", args=[row.tenant.slug, row.pk])


MEMBER_DOWN = Source("member_down", "Member down", members_that_are_down)
UNCHECKED_BALANCER = Source("balancer_unchecked", "Not checked", balancers_without_check)
BALANCER_DIFFERS = Source("balancer_differs", "Differs", balancers_that_differ)
