"""The pages of static NAT and port forwards. They are alike: a `Lead` says in what they differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.addresses.models import PortForward, StaticNat
from apps.addresses.nat.forms import LeadForm, LeadingListForm, PortForwardForm, StaticNatForm
from apps.addresses.queries import nat as queries
from apps.addresses.services.port_forwards import (
    apply_port_forward,
    create_port_forward,
    delete_port_forward,
    switch_port_forward,
)
from apps.addresses.services.static_nats import apply_static_nat, create_static_nat, delete_static_nat
from apps.kernel.errors import Refused
from apps.kernel.pages import found, list_page, page_of
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries as networks
from apps.networks.plans import Item
from apps.operations.models import Operation
from apps.operations.views import offered, removal, started
from apps.quotas.queries import quotas_of
from apps.quotas.resources import NAT_RULE
from apps.tenancy.actors import Actor, TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.queries import why_not_write

FORM = ["GET", "HEAD", "POST"]


@dataclass(frozen=True)
class Lead:
    """One of the two ways to lead something from a public IP to an instance."""

    model: type[StaticNat] | type[PortForward]
    #: Of its routes and templates.
    name: str
    caption: str
    removal: str
    form: type[LeadForm]
    create: Callable[[Any, Actor], Operation]
    apply: Callable[..., Operation]
    delete: Callable[..., Operation]

    @property
    def noun(self) -> str:
        return str(self.model._meta.verbose_name)

    def row(self, request: TenantRequest, pk: UUID) -> StaticNat | PortForward:
        rows: Any = self.model.objects.of(request.tenant).live().select_related("vpc__tenant", "tenant")
        row: StaticNat | PortForward = get_or_404(rows, pk=pk)
        return row

    def url(self, request: TenantRequest) -> str:
        return reverse(f"nat:{self.name}_list", args=[request.tenant.slug])

    def crumbs(self, request: TenantRequest, *more: str) -> list[dict[str, str]]:
        return [{"label": self.caption, "url": self.url(request)}, *({"label": label} for label in more)]

    def refused(self, request: TenantRequest, refusal: Refused) -> HttpResponse:
        messages.error(request, refusal.message)
        return redirect(self.url(request))


def _create_static_nat(form: StaticNatForm, by: Actor) -> Operation:
    said = form.cleaned_data
    return create_static_nat(said["public_ip"], said["instance"], address=form.guest, by=by)


def _create_port_forward(form: PortForwardForm, by: Actor) -> Operation:
    said = form.cleaned_data
    return create_port_forward(said["public_ip"], said["instance"], form.spec, by=by)


STATIC_NAT = Lead(
    StaticNat,
    "static_nat",
    "Static NAT",
    "Disable static NAT",
    StaticNatForm,
    _create_static_nat,
    apply_static_nat,
    delete_static_nat,
)
PORT_FORWARD = Lead(
    PortForward,
    "port_forward",
    "Port forwards",
    "Delete port forward",
    PortForwardForm,
    _create_port_forward,
    apply_port_forward,
    delete_port_forward,
)


@tenant_view
@require_safe
def lead_list(request: TenantRequest, lead: Lead) -> HttpResponse:
    """Ten queries at most, however many there are."""
    form = LeadingListForm(request.GET, request.tenant)
    sort = request.GET.get("sort", queries.DEFAULT_SORT)
    all_rows: Any = lead.model.objects.of(request.tenant).live()
    rows = queries.search(all_rows, words=form.words, vpc=form.vpc_chosen)
    sorts = queries.SORTS[lead.model]
    page = page_of(form.kept(rows).order_by(*sorts.get(sort, sorts[queries.DEFAULT_SORT])), request)
    may_write = why_not_write(request.membership)
    work = networks.work_in(Operation.objects.of(request.tenant), {row.vpc_id for row in page})
    lines = queries.lines_of(list(page), work, may_write)
    sources = queries.sources_of((line.row for line in lines), lambda door: door.of(request.tenant))
    lines = [replace(line, sources=sources.get(line.row.pk)) for line in lines]
    missing = [f"{line.row} is not applied" for line in lines if line.is_missing]
    quota = quotas_of(request.tenant).of(NAT_RULE)
    return list_page(
        request,
        f"addresses/{lead.name}_list.html",
        page,
        caption=lead.caption,
        words="; ".join([found(page, lead.noun), *missing]),
        rows=lines,
        form=form,
        sort=sort,
        quota=quota,
        readings=networks.readings_of(request.tenant, queries.KIND),
        why_not_create=may_write or quota.why_not(),
        create_url=reverse(f"nat:{lead.name}_create", args=[request.tenant.slug]),
        create_label=f"Create {lead.noun}",
    )


@tenant_form
@require_http_methods(FORM)
def lead_create(request: TenantRequest, lead: Lead) -> HttpResponse:
    """`?public_ip=` is the id of the one that is chosen at first."""
    data = request.POST if request.method == "POST" else None
    form = lead.form(data, request.tenant, chosen=request.GET.get("public_ip", ""))
    if form.is_valid():
        try:
            return started(request, lead.create(form, request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    quota = quotas_of(request.tenant).of(NAT_RULE)
    reason = quota.why_not()
    if reason is None and not form.public_ips:
        reason = "There is no public IP that can be used for this. Acquire one first."
    context = {
        "heading": f"Create {lead.noun}",
        "form": form,
        "quota": quota,
        "reason": reason,
        "wrong": "It cannot be created like this",
        "submit": f"Create {lead.noun}",
        "submit_icon": "plus",
        "cancel_url": lead.url(request),
        "crumbs": lead.crumbs(request, "New"),
    }
    return render(request, f"addresses/{lead.name}_create.html", context, status=422 if form.errors else 200)


@tenant_form
@require_http_methods(FORM)
def lead_delete(request: TenantRequest, pk: UUID, lead: Lead) -> HttpResponse:
    row = lead.row(request, pk)
    return removal(request, partial(lead.delete, row, by=request.actor), partial(_deletion, request, lead, row))


def _deletion(request: TenantRequest, lead: Lead, row: StaticNat | PortForward) -> dict[str, Any]:
    work = networks.work_on(row.vpc)
    return {
        "heading": f"{lead.removal} of {row.address}",
        "question": "Whoever reaches the instance over it, reaches it no more.",
        **offered(row.why_not("delete", work), work),
        "goes": [queries.item_of(row)],
        "stays": [
            Item("Public IP", str(row.address), "stays yours"),
            Item("Instance", row.instance_name),
            *queries.rules_that_stay(row),
        ],
        "confirm_label": lead.removal,
        "cancel_url": lead.url(request),
        "crumbs": lead.crumbs(request, lead.removal),
    }


@tenant_view
@require_POST
def lead_apply(request: TenantRequest, pk: UUID, lead: Lead) -> HttpResponse:
    row = lead.row(request, pk)
    try:
        return started(request, lead.apply(row, by=request.actor))
    except Refused as refusal:
        return lead.refused(request, refusal)


@tenant_view
@require_POST
def port_forward_switch(request: TenantRequest, pk: UUID) -> HttpResponse:
    """`to` says which way: "on", or anything else for off."""
    row, is_on = PORT_FORWARD.row(request, pk), request.POST.get("to") == "on"
    assert isinstance(row, PortForward)
    try:
        operation = switch_port_forward(row, is_on=is_on, by=request.actor)
    except Refused as refusal:
        return PORT_FORWARD.refused(request, refusal)
    if operation is not None:
        return started(request, operation)
    messages.info(request, f"It is switched {'on' if is_on else 'off'} already.")
    return redirect(PORT_FORWARD.url(request))
