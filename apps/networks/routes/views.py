"""The routes of a VPC: what leads where, and the static ones of it, made and taken away."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries, tabs
from apps.networks.models import StaticRoute, Vpc
from apps.networks.plans import STAYS, Item
from apps.networks.routes import services
from apps.networks.routes.effective import EVERYTHING, routes_of
from apps.networks.routes.forms import RouteForm
from apps.operations.views import offered, removal, started
from apps.quotas.queries import quotas_of
from apps.quotas.resources import STATIC_ROUTE
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view

FORM = ["GET", "HEAD", "POST"]
TAB = tabs.Tab("Routes", "routes:of_vpc", 40)


@tabs.vpc_tab
def of_vpc(request: TenantRequest, seen: tabs.Seen) -> HttpResponse:
    """Five queries besides those of the frame."""
    vpc = seen.vpc
    quota = quotas_of(request.tenant).of(STATIC_ROUTE)
    return tabs.tab_page(
        request,
        seen,
        TAB,
        "networks/vpc_routes.html",
        routes=routes_of(vpc, seen.tiers, seen.agreement, seen.work, seen.why_not_write),
        everything=EVERYTHING,
        create_here=reverse("routes:create", args=[request.tenant.slug, vpc.pk]),
        why_not_create=seen.why_not_write or quota.why_not() or vpc.why_not("add tier", seen.work),
    )


@tenant_form
@require_http_methods(FORM)
def route_create(request: TenantRequest, pk: UUID) -> HttpResponse:
    vpc = get_or_404(Vpc.objects.of(request.tenant).live().select_related("zone", "tenant"), pk=pk)
    form = RouteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return started(request, services.create_route(vpc, form.spec, by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    work = queries.work_on(vpc)
    quota = quotas_of(request.tenant).of(STATIC_ROUTE)
    tiers = list(queries.tiers_of(vpc))
    reason = quota.why_not() or vpc.why_not("add tier", work)
    if reason is None and not tiers:
        reason = "A static route leads to an instance in a tier, and there is no tier yet. Add one first."
    context = {
        "heading": f"Add a static route to {vpc.name}",
        "form": form,
        "vpc": vpc,
        "tiers": tiers,
        "quota": quota,
        **offered(reason, work),
        "wrong": "It cannot be added like this",
        "submit": "Add static route",
        "submit_icon": "plus",
        "cancel_url": _tab_of(request, vpc.pk),
        "crumbs": _crumbs(request, vpc, "New"),
    }
    return render(request, "networks/route_create.html", context, status=422 if form.errors else 200)


@tenant_form
@require_http_methods(FORM)
def route_delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    return removal(request, partial(services.delete_route, row, by=request.actor), partial(_deletion, request, row))


def _deletion(request: TenantRequest, row: StaticRoute) -> dict[str, Any]:
    work = queries.work_on(row.vpc)
    reason = row.vpc.why_not("add tier", work) or row.why_not("delete", work)
    return {
        "heading": f"Delete the static route {row.destination}",
        "question": f"What is addressed to {row.destination} leaves by source NAT then, or by no way at all.",
        **offered(reason, work),
        "goes": [Item("Static route", str(row.destination), f"via {row.next_hop} in the tier {row.tier.name}")],
        "stays": [Item("Tier", row.tier.name, "and every instance in it"), *STAYS],
        "confirm_label": "Delete static route",
        "cancel_url": _tab_of(request, row.vpc_id),
        "crumbs": _crumbs(request, row.vpc, f"Delete {row.destination}"),
    }


@tenant_view
@require_POST
def route_apply(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    try:
        return started(request, services.apply_route(row, by=request.actor))
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect(_tab_of(request, row.vpc_id))


def _row(request: TenantRequest, pk: UUID) -> StaticRoute:
    rows = StaticRoute.objects.of(request.tenant).live()
    return get_or_404(rows.select_related("tenant", "tier", "vpc__tenant", "vpc__zone"), pk=pk)


def _tab_of(request: TenantRequest, vpc_id: UUID) -> str:
    return reverse(TAB.view, args=[request.tenant.slug, vpc_id])


def _crumbs(request: TenantRequest, vpc: Vpc, here: str) -> list[dict[str, str]]:
    slug = request.tenant.slug
    return [
        {"label": "VPCs", "url": reverse("networks:vpc_list", args=[slug])},
        {"label": vpc.name, "url": reverse("networks:vpc_detail", args=[slug, vpc.pk])},
        {"label": TAB.label, "url": _tab_of(request, vpc.pk)},
        {"label": here},
    ]
