"""The page of a VPC: a frame, and tabs that are pages with addresses of their own.

Other apps register theirs in `AppConfig.ready`, as nothing here knows them. Such a view is a `vpc_tab` that ends with
`tab_page`; its template extends `networks/vpc.html` and fills the block `tab`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.kernel.pages import wants_part
from apps.kernel.shortcuts import get_or_404
from apps.networks import plans, queries
from apps.networks.agreement import Agreement, agreement_of
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.sentences import sentence
from apps.quotas.queries import quotas_of
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_view
from apps.tenancy.queries import why_not_write


@dataclass(frozen=True)
class Tab:
    label: str
    #: The name of its route, which takes the tenant's slug and the VPC's id.
    view: str
    #: The tabs stand in the order of these.
    place: int
    #: How many things it has, for one query; None where that says nothing.
    count: Callable[[Vpc], int] | None = None


OVERVIEW = Tab("Overview", "networks:vpc_detail", 0)
TIERS = Tab("Tiers", "networks:vpc_tiers", 10)
ACTIVITY = Tab("Activity", "networks:vpc_activity", 90)

_registered = [OVERVIEW, TIERS, ACTIVITY]


def register(tab: Tab) -> None:
    if tab not in _registered:
        _registered.append(tab)
        _registered.sort(key=lambda each: each.place)


@dataclass(frozen=True)
class Seen:
    """What every tab knows of its VPC."""

    vpc: Vpc
    tiers: list[Tier]
    agreement: Agreement
    #: What is under way or stuck in it.
    work: list[Operation]
    #: Why the person may only look.
    why_not_write: str | None


def vpc_tab(view: Callable[[TenantRequest, Seen], HttpResponse]) -> Callable[..., HttpResponse]:
    """The view of a tab. What became of a VPC that is gone, its own page tells. Ten queries."""

    @tenant_view
    @require_safe
    @wraps(view)
    def seen(request: TenantRequest, pk: UUID) -> HttpResponse:
        vpc = get_or_404(Vpc.objects.of(request.tenant).select_related("zone", "tenant"), pk=pk)
        if not vpc.is_live:
            return redirect("networks:vpc_detail", request.tenant.slug, vpc.pk)
        return view(request, see(request, vpc))

    return seen


def see(request: TenantRequest, vpc: Vpc) -> Seen:
    tiers = list(queries.tiers_of(vpc))
    agreement = agreement_of(vpc, tiers, settled_at=queries.settled_at(queries.latest_operations_of(vpc)))
    return Seen(vpc, tiers, agreement, queries.work_on(vpc), why_not_write(request.membership))


def tab_page(request: TenantRequest, seen: Seen, tab: Tab, template: str, **context: Any) -> HttpResponse:
    """The tab in its frame, or for htmx what changes of it."""
    vpc, may_write = seen.vpc, seen.why_not_write
    operation = seen.work[0] if seen.work else None
    full = queries.why_not_add_tier(vpc, len(seen.tiers), quotas_of(request.tenant), seen.work)
    frame = {
        "frame": "part.html" if wants_part(request) else "base.html",
        "vpc": vpc,
        "tab": tab,
        "tabs": [_shown(request, seen, each, is_current=each is tab) for each in _registered],
        "status": plans.shown_status(vpc, seen.agreement),
        "agreement": seen.agreement,
        "operation": operation,
        "sentence": sentence(operation) if operation else "",
        "live_words": _words(seen, operation),
        "why_not_rename": may_write or vpc.why_not("rename", seen.work),
        "why_not_add": may_write or full,
        "crumbs": _crumbs(request, vpc, tab),
    }
    return render(request, template, frame | context)


def _shown(request: TenantRequest, seen: Seen, tab: Tab, *, is_current: bool) -> dict[str, Any]:
    count = len(seen.tiers) if tab is TIERS else tab.count(seen.vpc) if tab.count else None
    url = reverse(tab.view, args=[request.tenant.slug, seen.vpc.pk])
    return {"label": tab.label, "url": url, "current": is_current, "count": count}


def _crumbs(request: TenantRequest, vpc: Vpc, tab: Tab) -> list[dict[str, str]]:
    slug = request.tenant.slug
    crumbs = [{"label": "VPCs", "url": reverse("networks:vpc_list", args=[slug])}]
    if tab is OVERVIEW:
        return [*crumbs, {"label": vpc.name}]
    return [*crumbs, {"label": vpc.name, "url": reverse(OVERVIEW.view, args=[slug, vpc.pk])}, {"label": tab.label}]


def _words(seen: Seen, operation: Operation | None) -> str:
    if operation:
        return f"{operation}: {sentence(operation)}"
    vpc, count = seen.vpc, len(seen.tiers)
    state = f"{vpc.name} is {vpc.get_status_display().lower()}, with {count} tier{'s'[: count != 1]}"
    return f"{state}. The two systems differ" if seen.agreement.trouble else state
