"""The pages of public IPs: a tenant's own, and for the platform who had which and how far they reach."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.addresses import pool
from apps.addresses.forms import (
    AcquireForm,
    EditForm,
    HolderForm,
    PublicIpListForm,
    QuarantineForm,
    choices,
)
from apps.addresses.models import Holding, PublicIp, Purpose
from apps.addresses.queries import nat, vpcs
from apps.addresses.queries import public_ips as queries
from apps.addresses.services import public_ips as services
from apps.kernel.errors import Refused
from apps.kernel.forms import SEARCH_LENGTH
from apps.kernel.pages import found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.pickers import answered
from apps.kernel.shortcuts import get_or_404
from apps.mirror.queries import UNREAD, Applied
from apps.networks import queries as networks
from apps.networks import tabs
from apps.networks.forms import OFFERED
from apps.networks.models import Vpc
from apps.networks.plans import Item
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.sentences import sentence
from apps.operations.views import offered, removal, started
from apps.quotas.queries import quotas_of
from apps.quotas.resources import NAT_RULE, PUBLIC_IP
from apps.tenancy.actors import PlatformRequest, TenantRequest
from apps.tenancy.decorators import platform_view, tenant_form, tenant_view
from apps.tenancy.queries import why_not_write
from apps.zones.models import Zone

FORM = ["GET", "HEAD", "POST"]


@tenant_view
@require_safe
def public_ip_list(request: TenantRequest) -> HttpResponse:
    """Ten queries, however many there are."""
    form = PublicIpListForm(request.GET, request.tenant)
    sort = request.GET.get("sort", queries.DEFAULT_SORT)
    order = queries.SORTS.get(sort, queries.SORTS[queries.DEFAULT_SORT])
    rows = form.kept(queries.search(request.tenant, **form.wanted)).select_related("vpc", "zone").order_by(*order)
    page = page_of(rows, request)
    applied = _applied_of(request, list(page))
    moving = {row.vpc_id for row in page if row.status != Status.READY}
    work = networks.work_in(Operation.objects.of(request.tenant), moving)
    quota = quotas_of(request.tenant).of(PUBLIC_IP)
    return list_page(
        request,
        "addresses/public_ip_list.html",
        page,
        caption="Public IPs",
        words=found(page, "public IP"),
        rows=[_line(row, applied.get(row.pk, UNREAD), work) for row in page],
        form=form,
        sort=sort,
        quota=quota,
        readings=networks.readings_of(request.tenant, pool.KIND),
        why_not_acquire=why_not_write(request.membership) or quota.why_not(),
    )


def _line(row: PublicIp, applied: Applied, work: dict[UUID, list[Operation]]) -> dict[str, Any]:
    under_way = next((each for each in work.get(row.vpc_id, []) if each.resource_id in (row.pk, row.vpc_id)), None)
    return {"row": row, "applied": applied, "status": queries.status_of(row, applied), "operation": under_way}


@tenant_form
@require_http_methods(FORM)
def public_ip_create(request: TenantRequest) -> HttpResponse:
    """`?vpc=` is the id of the one that is chosen at first."""
    vpcs = list(Vpc.objects.of(request.tenant).live().filter(status=Status.READY).select_related("zone")[:OFFERED])
    chosen = request.GET.get("vpc", "")
    if chosen and chosen not in {str(vpc.pk) for vpc in vpcs}:
        vpcs.append(get_or_404(Vpc.objects.of(request.tenant).live().select_related("zone"), pk=chosen))
    form = AcquireForm(
        request.POST if request.method == "POST" else None,
        request.tenant,
        vpcs,
        chosen=chosen or (str(vpcs[0].pk) if vpcs else ""),
    )
    if form.is_valid() and form.vpc_chosen is not None:
        try:
            operation = services.acquire(form.vpc_chosen, form.spec, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return started(request, operation)
    quota = quotas_of(request.tenant).of(PUBLIC_IP)
    reason = quota.why_not() or (None if vpcs else "No VPC is ready yet. Create one first.")
    context = {
        "heading": "Acquire public IP",
        "form": form,
        "quota": quota,
        "reason": reason,
        "wrong": "The address cannot be acquired like this",
        "submit": "Acquire public IP",
        "submit_icon": "plus",
        "cancel_url": reverse("addresses:list", args=[request.tenant.slug]),
        "crumbs": [*_crumbs(request), {"label": "New"}],
    }
    return render(request, "addresses/public_ip_create.html", context, status=422 if form.errors else 200)


@tenant_view
@require_safe
def public_ip_choices(request: TenantRequest) -> HttpResponse:
    """What the picker of an address shows for what is typed."""
    only_parameters(request.GET, "words", "vpc")
    vpcs = Vpc.objects.of(request.tenant).live()
    if "vpc" in request.GET:
        zones = [get_or_404(vpcs.select_related("zone"), pk=request.GET["vpc"]).zone]
    else:
        zones = list(Zone.objects.filter(pk__in=vpcs.order_by().values("zone")))
    return answered(choices(request.tenant, zones, request.GET.get("words", "")[:SEARCH_LENGTH]))


@tenant_view
@require_safe
def public_ip_detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Twenty queries at most."""
    row = _row(request, pk)
    around, may_write = networks.work_on(row.vpc), why_not_write(request.membership)
    work = [each for each in around if each.resource_id in (row.pk, row.vpc_id)]
    applied = _applied_of(request, [row]).get(row.pk, UNREAD)
    led = queries.led_from(row)
    operation = work[0] if work else None
    state = f"{row} is {row.get_status_display().lower()}"
    context = {
        "row": row,
        "address": str(row),
        "applied": applied,
        "status": queries.status_of(row, applied),
        "leads": _leads(request, row, around),
        "led": nat.lines_of(led, {row.vpc_id: around}, may_write),
        "operation": operation,
        "sentence": sentence(operation) if operation else "",
        "operations": queries.latest_operations_of(row, led),
        "live_words": f"{operation}: {sentence(operation)}" if operation else state,
        "why_not_edit": may_write or row.why_not("edit", work),
        "why_not_release": may_write or row.why_not("release", work),
        "crumbs": [*_crumbs(request), {"label": str(row)}],
    }
    return render(request, part_or_page(request, "addresses/public_ip_detail.html", "part"), context)


LEADS = {
    Purpose.STATIC_NAT: ("Create static NAT", "nat:static_nat_create"),
    Purpose.PORT_FORWARD: ("Create port forward", "nat:port_forward_create"),
    Purpose.LOAD_BALANCER: ("Create load balancer", "balancers:create"),
}


def _leads(request: TenantRequest, row: PublicIp, work: list[Operation]) -> list[dict[str, str | None]]:
    """The ways to what can lead from it."""
    quotas, may_write = quotas_of(request.tenant), why_not_write(request.membership)
    slug, chosen = request.tenant.slug, {"public_ip": row.pk}
    return [
        {"label": label, "url": reverse(view, args=[slug], query=chosen), "reason": reason}
        for purpose, reason in queries.ways_on(row, quotas, work, may_write)
        for label, view in [LEADS[purpose]]
    ]


def _applied_of(request: TenantRequest, rows: list[PublicIp]) -> dict[UUID, Applied]:
    return queries.applied_of(rows, lambda door: door.of(request.tenant))


TAB = tabs.Tab("Addresses and NAT", "addresses:of_vpc", 20, vpcs.count_in)


@tabs.vpc_tab
def of_vpc(request: TenantRequest, seen: tabs.Seen) -> HttpResponse:
    """Twelve queries besides those of the frame."""
    rows = vpcs.public_ips_in(seen.vpc)
    given = _applied_of(request, rows)
    work = {seen.vpc.pk: seen.work}
    quotas = quotas_of(request.tenant)
    return tabs.tab_page(
        request,
        seen,
        TAB,
        "addresses/vpc_addresses.html",
        lines=[_line(row, given.get(row.pk, UNREAD), work) for row in rows],
        rules=nat.lines_of(vpcs.rules_in(seen.vpc), work, seen.why_not_write),
        acquire_here=reverse("addresses:create", args=[request.tenant.slug], query={"vpc": seen.vpc.pk}),
        why_not_acquire=seen.why_not_write or quotas.of(PUBLIC_IP).why_not(),
        why_not_lead=seen.why_not_write or quotas.of(NAT_RULE).why_not(),
        most=vpcs.SHOWN,
    )


@tenant_form
@require_http_methods(FORM)
def public_ip_edit(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    form = EditForm(row, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            is_changed = services.edit(row, **form.cleaned_data, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, "Saved." if is_changed else "Nothing was changed.")
            return redirect("addresses:detail", request.tenant.slug, row.pk)
    context = {
        "heading": f"Edit {row}",
        "form": form,
        "reason": row.why_not("edit", networks.work_on(row.vpc)),
        "wrong": "Nothing was changed",
        "submit": "Save",
        "submit_icon": "check",
        "cancel_url": reverse("addresses:detail", args=[request.tenant.slug, row.pk]),
        "crumbs": [*_crumbs(request, row), {"label": "Edit"}],
    }
    return render(request, "addresses/public_ip_edit.html", context, status=422 if form.errors else 200)


@tenant_form
@require_http_methods(FORM)
def public_ip_release(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    return removal(request, partial(services.release, row, by=request.actor), partial(_release, request, row))


def _release(request: TenantRequest, row: PublicIp) -> dict[str, Any]:
    """What goes, and what is in the way."""
    work = networks.work_on(row.vpc)
    hours = row.zone.quarantine_hours
    rest = f"rests for {hours} hour{'s'[: hours != 1]}, in which you may take it back and nobody else gets it"
    where = f"{row.name + ', ' if row.name else ''}in {row.vpc.name}; {rest}"
    return {
        "heading": f"Release {row}",
        "question": "Whoever reaches something at this address, reaches it no more.",
        **offered(row.why_not("release", work), work),
        "goes": [Item("Public IP", str(row.address), where)],
        "stays": [nat.item_of(each, "has to be removed first") for each in queries.led_from(row)]
        or [Item("VPC", row.vpc.name, "with all that is in it")],
        "confirm_label": "Release it",
        "cancel_url": reverse("addresses:detail", args=[request.tenant.slug, row.pk]),
        "crumbs": [*_crumbs(request, row), {"label": "Release"}],
    }


def _row(request: TenantRequest, pk: UUID) -> PublicIp:
    rows = PublicIp.objects.of(request.tenant).live().select_related("zone", "vpc__zone", "vpc__tenant", "tenant")
    return get_or_404(rows, pk=pk)


def _crumbs(request: TenantRequest, row: PublicIp | None = None) -> list[dict[str, str]]:
    slug = request.tenant.slug
    crumbs = [{"label": "Public IPs", "url": reverse("addresses:list", args=[slug])}]
    if row is None:
        return crumbs
    return [*crumbs, {"label": str(row), "url": reverse("addresses:detail", args=[slug, row.pk])}]


# --- the platform's ---------------------------------------------------------------------------------------------------


@platform_view
@require_safe
def pool_list(request: PlatformRequest) -> HttpResponse:
    """How far the addresses of each zone reach, and who has one or had it. Without words it lists those that rest."""
    form = HolderForm(request.GET)
    page = page_of(form.kept(queries.holders(request.platform, form.words)), request)
    pools = pool.pools(Zone.objects.order_by("name"))
    words = found(page, "holding") if form.words else found(page, "resting address", "resting addresses")
    template = "addresses/pool_list.html"
    return list_page(request, template, page, caption="Addresses", words=words, form=form, pools=pools)


@platform_view
@require_POST
def end_rest(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """`pk` is the id of the public IP that it was."""
    holding = get_or_404(Holding.objects.across(request.platform), public_ip_id=pk)
    if services.end_rest(holding, by=request.platform):
        messages.success(request, f"{holding.address} rests no more. Any tenant may have it now.")
    else:
        messages.info(request, f"{holding.address} does not rest.")
    return redirect("addresses:pools")


@platform_view
@require_http_methods(FORM)
def quarantine(request: PlatformRequest, pk: UUID) -> HttpResponse:
    zone = get_or_404(Zone.objects.all(), pk=pk)
    form = QuarantineForm(zone, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.set_quarantine(zone, hours=form.cleaned_data["quarantine_hours"], by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"Saved. Addresses of {zone} rest {zone.quarantine_hours} hours from now on.")
            return redirect("addresses:pools")
    pools = reverse("addresses:pools")
    context = {
        "heading": f"Rest after release in {zone}",
        "form": form,
        "wrong": "Nothing was changed",
        "submit": "Save",
        "submit_icon": "check",
        "cancel_url": pools,
        "crumbs": [{"label": "Addresses", "url": pools}, {"label": zone.name}],
    }
    return render(request, "addresses/quarantine.html", context, status=422 if form.errors else 200)
