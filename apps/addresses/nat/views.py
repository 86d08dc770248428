"""The pages of static NAT and port forwards."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.addresses.models import PortForward, StaticNat
from apps.addresses.nat.forms import LeadingListForm, PortForwardForm, StaticNatForm
from apps.addresses.queries import nat as queries
from apps.addresses.services.port_forwards import (
    apply_port_forward,
    create_port_forward,
    delete_port_forward,
    switch_port_forward,
)
from apps.addresses.services.static_nats import apply_static_nat, create_static_nat, delete_static_nat
from apps.kernel.errors import Refused
from apps.kernel.forms import Refusable
from apps.kernel.pages import found, list_page, page_of
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries as networks
from apps.networks.plans import Item
from apps.operations.models import Operation
from apps.operations.views import offered, started
from apps.quotas.queries import quotas_of
from apps.quotas.resources import NAT_RULE
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.queries import why_not_write

FORM = ["GET", "HEAD", "POST"]
R = TypeVar("R", StaticNat, PortForward)


@tenant_view
@require_safe
def static_nat_list(request: TenantRequest) -> HttpResponse:
    return _list(request, StaticNat, "addresses/static_nat_list.html", "Static NAT", ("static NAT", "static NATs"))


@tenant_view
@require_safe
def port_forward_list(request: TenantRequest) -> HttpResponse:
    nouns = ("port forward", "port forwards")
    return _list(request, PortForward, "addresses/port_forward_list.html", "Port forwards", nouns)


@tenant_form
@require_http_methods(FORM)
def static_nat_create(request: TenantRequest) -> HttpResponse:
    """`?public_ip=` is the id of the one that is chosen at first."""
    data = request.POST if request.method == "POST" else None
    form = StaticNatForm(data, request.tenant, chosen=request.GET.get("public_ip", ""))
    if form.is_valid():
        said = form.cleaned_data
        try:
            operation = create_static_nat(said["public_ip"], said["instance"], address=form.guest, by=request.actor)
            return started(request, operation)
        except Refused as refusal:
            form.refuse(refusal)
    return _form(request, form, "addresses/static_nat_create.html", StaticNat)


@tenant_form
@require_http_methods(FORM)
def port_forward_create(request: TenantRequest) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = PortForwardForm(data, request.tenant, chosen=request.GET.get("public_ip", ""))
    if form.is_valid():
        said = form.cleaned_data
        try:
            return started(
                request, create_port_forward(said["public_ip"], said["instance"], form.spec, by=request.actor)
            )
        except Refused as refusal:
            form.refuse(refusal)
    return _form(request, form, "addresses/port_forward_create.html", PortForward)


@tenant_form
@require_http_methods(FORM)
def static_nat_delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, StaticNat, pk)
    form = Refusable(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return started(request, delete_static_nat(row, by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    goes = Item("Static NAT", f"{row.address} to {row.guest_address}", f"of {row.instance_name}")
    return _removal(request, row, form, goes, "Disable static NAT")


@tenant_form
@require_http_methods(FORM)
def port_forward_delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, PortForward, pk)
    form = Refusable(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return started(request, delete_port_forward(row, by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    ports = f"{row.get_protocol_display()} {row.public_ports} of {row.address}"
    return _removal(request, row, form, Item("Port forward", ports, f"to {row.instance_name}"), "Delete port forward")


@tenant_view
@require_POST
def static_nat_apply(request: TenantRequest, pk: UUID) -> HttpResponse:
    try:
        return started(request, apply_static_nat(_row(request, StaticNat, pk), by=request.actor))
    except Refused as refusal:
        return _refused(request, StaticNat, refusal)


@tenant_view
@require_POST
def port_forward_apply(request: TenantRequest, pk: UUID) -> HttpResponse:
    try:
        return started(request, apply_port_forward(_row(request, PortForward, pk), by=request.actor))
    except Refused as refusal:
        return _refused(request, PortForward, refusal)


@tenant_view
@require_POST
def port_forward_switch(request: TenantRequest, pk: UUID) -> HttpResponse:
    """`to` says which way: "on", or anything else for off."""
    is_on = request.POST.get("to") == "on"
    try:
        operation = switch_port_forward(_row(request, PortForward, pk), is_on=is_on, by=request.actor)
    except Refused as refusal:
        return _refused(request, PortForward, refusal)
    if operation is not None:
        return started(request, operation)
    messages.info(request, f"It is switched {'on' if is_on else 'off'} already.")
    return redirect(_url(request, PortForward))


# --- what they share --------------------------------------------------------------------------------------------------


def _list(request: TenantRequest, model: type[R], template: str, caption: str, nouns: tuple[str, str]) -> HttpResponse:
    """Nine queries, however many there are."""
    form = LeadingListForm(request.GET, request.tenant)
    sort = request.GET.get("sort", queries.DEFAULT_SORT)
    rows = queries.search(model.objects.of(request.tenant).live(), words=form.words, vpc=form.vpc_chosen)
    page = page_of(form.kept(rows).order_by(*queries.SORTS.get(sort, queries.SORTS[queries.DEFAULT_SORT])), request)
    work = networks.work_in(Operation.objects.of(request.tenant), {row.vpc_id for row in page})
    may_write = why_not_write(request.membership)
    lines = queries.lines_of(list(page), work, may_write)
    missing: list[str] = [f"{line.row} is not applied" for line in lines if line.applied.is_missing]
    quota = quotas_of(request.tenant).of(NAT_RULE)
    return list_page(
        request,
        template,
        page,
        caption=caption,
        words="; ".join([found(page, *nouns), *missing]),
        rows=lines,
        form=form,
        sort=sort,
        quota=quota,
        readings=queries.readings_of(request.tenant),
        why_not_create=may_write or quota.why_not(),
    )


def _form(request: TenantRequest, form: StaticNatForm | PortForwardForm, template: str, model: type[R]) -> HttpResponse:
    quota = quotas_of(request.tenant).of(NAT_RULE)
    reason = quota.why_not()
    if reason is None and not form.public_ips:
        reason = "There is no public IP that can be used for this. Acquire one first."
    context = {"form": form, "quota": quota, "reason": reason, "crumbs": [*_crumbs(request, model), {"label": "New"}]}
    return render(request, template, context, status=422 if form.errors else 200)


def _removal(
    request: TenantRequest, row: StaticNat | PortForward, form: Refusable, goes: Item, label: str
) -> HttpResponse:
    work = networks.work_on(row.vpc)
    reason = queries.why_not(row, "delete", work)
    context = {
        "heading": f"{label} of {row.address}",
        "question": "Whoever reaches the instance over it, reaches it no more.",
        "form": form,
        **offered(reason, work),
        "goes": [goes],
        "stays": [Item("Public IP", str(row.address), "stays yours"), Item("Instance", row.instance_name)],
        "confirm_label": label,
        "cancel_url": _url(request, type(row)),
        "crumbs": [*_crumbs(request, type(row)), {"label": label}],
    }
    return render(request, "confirm.html", context, status=422 if form.errors else 200)


def _row(request: TenantRequest, model: type[R], pk: UUID) -> R:
    return get_or_404(model.objects.of(request.tenant).live().select_related("vpc__tenant", "tenant"), pk=pk)


def _refused(request: TenantRequest, model: type[Any], refusal: Refused) -> HttpResponse:
    messages.error(request, refusal.message)
    return redirect(_url(request, model))


def _url(request: TenantRequest, model: type[Any]) -> str:
    name = "nat:static_nat_list" if model is StaticNat else "nat:port_forward_list"
    return reverse(name, args=[request.tenant.slug])


def _crumbs(request: TenantRequest, model: type[Any]) -> list[dict[str, str]]:
    label = "Static NAT" if model is StaticNat else "Port forwards"
    return [{"label": label, "url": _url(request, model)}]
