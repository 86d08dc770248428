"""The pages of peerings: each of the two tenants sees its own side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.kernel.errors import Refused
from apps.kernel.forms import Refusable
from apps.kernel.pages import form_page, found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries as networks
from apps.networks.models import Vpc
from apps.networks.plans import STAYS, Item
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.sentences import sentence
from apps.operations.views import offered, started
from apps.peering import queries, services
from apps.peering.forms import AcceptForm, EditForm, PeeringForm, PeeringListForm
from apps.peering.models import Closed, Peering
from apps.peering.queries import Line
from apps.peering.sides import Side, side_of, sides_of
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.queries import why_not_write
from apps.tenancy.tries import TooManyTries

FORM = ["GET", "HEAD", "POST"]
REVOKED = "Nothing passes between the two VPCs then, in neither direction. Either side can do this."
NONE_READY = "A peering joins two VPCs, and none of yours is ready. Create one first."
#: VPCs that a form offers.
OFFERED = 200


@tenant_view
@require_safe
def peering_list(request: TenantRequest) -> HttpResponse:
    """Eleven queries at most, however many there are."""
    form = PeeringListForm(request.GET, request.tenant)
    sort = request.GET.get("sort", queries.DEFAULT_SORT)
    order = queries.SORTS.get(sort, queries.SORTS[queries.DEFAULT_SORT])
    rows = queries.search(request.tenant, words=form.words, vpc=form.vpc_chosen)
    page = page_of(form.kept(rows).order_by(*order), request)
    work = networks.work_in(Operation.objects.of(request.tenant), queries.vpc_ids(page))
    lines = queries.lines_of(sides_of(list(page), request.tenant), work)
    waiting = [f"{line.row.name} waits for your answer" for line in lines if line.side.waits_for_them]
    return list_page(
        request,
        "peering/peering_list.html",
        page,
        caption="Peerings",
        words="; ".join([found(page, "peering"), *waiting]),
        rows=lines,
        form=form,
        sort=sort,
        readings=networks.readings_of(request.tenant, queries.KIND),
        takes_requests=not Closed.objects.of(request.tenant).exists(),
        why_not_create=why_not_write(request.membership),
    )


@tenant_form
@require_http_methods(FORM)
def peering_create(request: TenantRequest) -> HttpResponse:
    """`?vpc=` is the id of one of the own VPCs. htmx asks for the preview of what is chosen."""
    only_parameters(request.GET, *PeeringForm.GIVEN)
    data = request.POST if request.method == "POST" else None
    form = PeeringForm(data, request.GET, _vpcs(request), request.path)
    if form.is_valid():
        try:
            if not form.is_own:
                services.count_request(request.tenant)
            vpc = form.vpcs[form.cleaned_data["vpc"]]
            row, operation = services.create_peering(vpc, form.spec, by=request.actor)
        except TooManyTries as refusal:
            form.add_error(None, f"You have asked very often. Try again in {refusal.seconds} seconds.")
        except Refused as refusal:
            form.refuse(refusal)
        else:
            if operation is not None:
                return started(request, operation)
            messages.success(request, "The other side is asked. Nothing passes before it has accepted.")
            return redirect("peering:detail", request.tenant.slug, row.pk)
    preview = None
    if form.vpc_chosen is not None:
        here = form.peer_offers if form.peer_chosen else []
        preview = queries.preview_of(request.tenant, form.vpc_chosen, form.peer_chosen, here, form.offers)
    context = {
        "heading": "Peer two VPCs",
        "preview": preview,
        "is_own": form.is_own,
        "reason": None if form.vpcs else NONE_READY,
        "wrong": "It cannot be peered like this",
        "submit": "Peer or ask",
        "submit_icon": "plus",
        "cancel_url": reverse("peering:list", args=[request.tenant.slug]),
        "crumbs": [*_crumbs(request), {"label": "New"}],
    }
    return form_page(request, part_or_page(request, "peering/peering_create.html", "preview"), form, **context)


@tenant_view
@require_safe
def peering_detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Twelve queries at most."""
    line = _line(request, pk)
    row, side = line.row, line.side
    may_write = why_not_write(request.membership)
    preview = queries.preview_with(side, side.vpc) if row.is_live else None
    context = {
        "row": row,
        "side": side,
        "line": line,
        "preview": preview,
        "here": side.vpc.name if side.peer_vpc and side.vpc else "You",
        "there": side.peer_vpc.name if side.peer_vpc else "The other side",
        "s": "s" if side.peer_vpc else "",
        "again_url": _again(request, side),
        "why_not_create": may_write,
        "fresh_seconds": queries.KIND.fresh_for.seconds,
        "operation": line.operation,
        "sentence": sentence(line.operation) if line.operation else "",
        "operations": queries.latest_operations_of(row, request.tenant),
        "live_words": f"{row.name} is {line.status}.",
        **{
            f"why_not_{action}": may_write or line.why_not(action)
            for action in ("accept", "reject", "change", "revoke")
        },
        "crumbs": _crumbs(request, row),
    }
    return render(request, part_or_page(request, "peering/peering_detail.html", "part"), context)


@tenant_form
@require_http_methods(FORM)
def peering_accept(request: TenantRequest, pk: UUID) -> HttpResponse:
    only_parameters(request.GET, *AcceptForm.ASKS)
    line = _line(request, pk)
    side = line.side
    data = request.POST if request.method == "POST" else None
    form = AcceptForm(data, request.GET, side, _vpcs(request), request.path)
    reason = line.why_not("accept") or (None if form.vpcs else NONE_READY)
    if reason is None and form.is_valid():
        vpc = form.vpcs[form.cleaned_data["vpc"]]
        try:
            return started(request, services.accept_peering(line.row, vpc, form.spec, by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    preview = None
    if form.vpc_chosen is not None and side.waits_for_them:
        preview = queries.preview_with(side, form.vpc_chosen, form.offers or None, form.takes)
    context = {
        **_form(request, line, "Accept"),
        "preview": preview,
        "reason": reason,
        "wrong": "It cannot be accepted like this",
        "submit": "Accept",
    }
    return form_page(request, part_or_page(request, "peering/peering_accept.html", "preview"), form, **context)


@tenant_form
@require_http_methods(FORM)
def peering_edit(request: TenantRequest, pk: UUID) -> HttpResponse:
    only_parameters(request.GET, *EditForm.ASKS)
    line = _line(request, pk)
    form = EditForm(line.side, request.POST if request.method == "POST" else None, request.GET, request.path)
    if form.is_valid():
        try:
            operation = services.change_peering(line.side, **form.wanted, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            if operation is not None:
                return started(request, operation)
            messages.info(request, "Nothing was changed: it is so already.")
            return redirect("peering:detail", request.tenant.slug, line.row.pk)
    preview = queries.preview_with(line.side, line.side.vpc, form.offers, form.takes) if line.side.vpc else None
    context = {
        **_form(request, line, "Change"),
        **offered(line.why_not("change"), line.work),
        "preview": preview,
        "wrong": "It cannot be changed like this",
        "submit": "Change",
    }
    return form_page(request, part_or_page(request, "peering/peering_edit.html", "preview"), form, **context)


@tenant_view
@require_POST
def peering_reject(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _line(request, pk).row
    return _at_once(request, row, partial(services.reject_peering, row, request.tenant, by=request.actor), "Rejected.")


@tenant_view
@require_POST
def peering_apply(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _line(request, pk).row
    return _at_once(request, row, partial(services.apply_peering, row, request.tenant, by=request.actor), "")


@tenant_form
@require_http_methods(FORM)
def peering_revoke(request: TenantRequest, pk: UUID) -> HttpResponse:
    line = _line(request, pk)
    row = line.row
    form = Refusable(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            operation = services.revoke_peering(row, request.tenant, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            if operation is not None:
                return started(request, operation)
            messages.success(
                request, "It is taken back." if row.is_requested else "It is removed as soon as it can be."
            )
            return redirect("peering:detail", request.tenant.slug, row.pk)
    return form_page(request, "confirm.html", form, **_revocation(request, line))


def _revocation(request: TenantRequest, line: Line) -> dict[str, Any]:
    row, side = line.row, line.side
    is_request = row.is_requested
    learned = ", ".join(map(str, side.learned))
    return {
        "heading": f"{'Take back' if is_request else 'Revoke'} {row.name}",
        "question": "Nobody can answer it then." if is_request else REVOKED,
        "reason": line.why_not("revoke"),
        "goes": [
            Item(
                "Request" if is_request else "Peering",
                row.name,
                f"with the routes to {learned}" if learned else "as it was asked for",
            )
        ],
        "stays": [*([Item("VPC", side.vpc.name, "and all that is in it")] if side.vpc else []), *STAYS],
        "confirm_label": "Take it back" if is_request else "Revoke peering",
        "cancel_url": _url(request, row),
        "crumbs": _crumbs(request, row, "Revoke"),
    }


@tenant_view
@require_POST
def take_requests(request: TenantRequest) -> HttpResponse:
    """`take` says which way: "on", or anything else for no more requests."""
    is_open = request.POST.get("take") == "on"
    services.take_requests(request.tenant, is_open=is_open, by=request.actor)
    text = "Other tenants can ask you for a peering." if is_open else "Nobody can ask you for a peering."
    messages.success(request, text)
    return redirect("peering:list", request.tenant.slug)


def _at_once(request: TenantRequest, row: Peering, order: Callable[[], object], done: str) -> HttpResponse:
    """What a button of the page does, without another page before it."""
    try:
        order()
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        if done:
            messages.success(request, done)
    return redirect(_url(request, row))


def _vpcs(request: TenantRequest) -> list[Vpc]:
    rows = Vpc.objects.of(request.tenant).live().filter(status=Status.READY).select_related("tenant", "zone")
    return list(rows.order_by("name", "id")[:OFFERED])


def _line(request: TenantRequest, pk: UUID) -> Line:
    rows = queries.shown(Peering.objects.of(request.tenant)).select_related(*queries.WITH)
    row: Peering = get_or_404(rows, pk=pk)
    side: Side = side_of(row, request.tenant)
    work = networks.work_in(Operation.objects.of(request.tenant), queries.vpc_ids([row]))
    return queries.lines_of([side], work)[0]


def _again(request: TenantRequest, side: Side) -> str:
    """The form of a new one like one that is over; blank where this side cannot make it."""
    row = side.row
    if row.is_live or not side.is_asking or row.vpc.status != Status.READY:
        return ""
    said = {"vpc": str(row.vpc_id), "prefixes": ", ".join(row.offered), "name": row.name, "kind": "other"}
    said |= {"tenant": row.asked_of} if row.asked_of else {"kind": "own", "peer_vpc": str(row.peer_vpc_id)}
    return f"{reverse('peering:create', args=[request.tenant.slug])}?{urlencode(said)}"


def _form(request: TenantRequest, line: Line, verb: str) -> dict[str, Any]:
    return {
        "heading": f"{verb} {line.row.name}",
        "row": line.row,
        "side": line.side,
        "submit_icon": "check",
        "cancel_url": _url(request, line.row),
        "crumbs": _crumbs(request, line.row, verb),
    }


def _url(request: TenantRequest, row: Peering) -> str:
    return reverse("peering:detail", args=[request.tenant.slug, row.pk])


def _crumbs(request: TenantRequest, row: Peering | None = None, here: str = "") -> list[dict[str, str]]:
    crumbs = [{"label": "Peerings", "url": reverse("peering:list", args=[request.tenant.slug])}]
    if row is None:
        return crumbs
    if not here:
        return [*crumbs, {"label": row.name}]
    return [*crumbs, {"label": row.name, "url": _url(request, row)}, {"label": here}]
