"""The pages of Direct Connect connections: a tenant's orders, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.directconnect import interface_parts, queries
from apps.directconnect.forms import ConnectionListForm, OrderForm, RenameForm, ReportForm
from apps.directconnect.letters import file_name_of, pdf_of
from apps.directconnect.models import Connection, Interface
from apps.directconnect.services import orders
from apps.directconnect.stages import Move, Party, Stage
from apps.directconnect.timeline import next_of, timeline_of, turn_of
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.forms import Refusable
from apps.kernel.names import NAME
from apps.kernel.pages import form_page, found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.networks.plans import STAYS, Item
from apps.quotas.queries import quotas_of
from apps.quotas.resources import DIRECT_CONNECT
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.queries import why_not_write

FORM = ["GET", "HEAD", "POST"]
NOWHERE = "No location takes orders at present. Your provider opens them: ask there, and this button will lead on."
#: What is looked at on a page of its own before it is done.
CONFIRMED = {
    Stage.SUSPENDED: "directconnect:connection_suspend",
    Stage.CLOSING: "directconnect:connection_close",
    Stage.CLOSED: "directconnect:connection_close",
}
#: Advice on a second one is for those that have a future.
BROKEN_OFF = (Stage.REJECTED, Stage.EXPIRED, Stage.CLOSING, Stage.CLOSED)
#: What is said once a move is made.
DONE = {
    Stage.SUBMITTED: "Submitted. Your provider looks at it now.",
    Stage.DRAFT: "It is a draft again: change it, and submit it when it is as you want it.",
    Stage.CROSS_CONNECT_REPORTED: "Noted. Weft looks for light on the port from now on.",
    Stage.IN_SERVICE: "It is in service.",
    Stage.SUSPENDED: "Suspended. The sessions of its interfaces are taken down.",
    Stage.CLOSING: "It is being closed: its interfaces are removed first.",
    Stage.CLOSED: "Closed.",
}


@tenant_view
@require_safe
def connection_list(request: TenantRequest) -> HttpResponse:
    """Sixteen queries at most, however many there are."""
    form = ConnectionListForm(request.GET, request.tenant)
    sort = request.GET.get("sort", queries.DEFAULT_SORT)
    order = queries.SORTS.get(sort, queries.SORTS[queries.DEFAULT_SORT])
    page = page_of(form.kept(queries.search(request.tenant, **form.wanted)).order_by(*order), request)
    lines = queries.lines_of(list(page))
    seconds = {line.row.pk: _second(request, line.row) for line in lines if line.is_alone}
    down = [f"{line.row.name} is not well" for line in lines if line.standing and line.standing.word == "critical"]
    yours = [f"{line.row.name} waits for you" for line in lines if line.turn == "You" and line.next]
    quota = quotas_of(request.tenant).of(DIRECT_CONNECT)
    nowhere = None if queries.has_open_location() else NOWHERE
    return list_page(
        request,
        "directconnect/connection_list.html",
        page,
        caption="Direct Connect",
        words="; ".join([found(page, "connection"), *yours, *down]),
        rows=[(line, seconds.get(line.row.pk)) for line in lines],
        form=form,
        sort=sort,
        quota=quota,
        nowhere=nowhere,
        why_not_create=why_not_write(request.membership) or quota.why_not() or nowhere,
    )


@tenant_form
@require_http_methods(FORM)
def connection_create(request: TenantRequest) -> HttpResponse:
    """`?apart_from=` is the id of a connection that is to be on another leaf. htmx asks for what a location offers."""
    only_parameters(request.GET, *OrderForm.ASKS)
    form = _order_form(request)
    if form.is_valid():
        try:
            row = orders.order(request.tenant, form.spec, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return _kept(request, row, "The draft is kept. Submit it when it is as you want it.")
    quota = quotas_of(request.tenant).of(DIRECT_CONNECT)
    context = {
        "heading": "Order a connection",
        "quota": quota,
        "reason": quota.why_not() or (None if form.locations else NOWHERE),
        "wrong": "It cannot be ordered like this",
        "draft": "Create draft",
        "cancel_url": reverse("directconnect:connection_list", args=[request.tenant.slug]),
        "crumbs": [*_crumbs(request), {"label": "New"}],
    }
    return form_page(request, part_or_page(request, "directconnect/connection_form.html", "offered"), form, **context)


@tenant_form
@require_http_methods(FORM)
def connection_edit(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Of a draft."""
    only_parameters(request.GET, *OrderForm.ASKS)
    row = _row(request, pk)
    form = _order_form(request, row)
    if form.is_valid():
        try:
            is_changed = orders.revise(row, form.spec, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return _kept(request, row, "Saved." if is_changed else "Nothing was changed: it is so already.")
    reason = None if row.stage == Stage.DRAFT else "Only a draft can be changed. Withdraw or revise the order first."
    context = {
        "heading": f"Edit {row.name}",
        "reason": reason or (None if form.locations else NOWHERE),
        "wrong": "It cannot be ordered like this",
        "draft": "Save draft",
        "cancel_url": _url(request, row),
        "crumbs": _crumbs(request, row, "Edit"),
    }
    return form_page(request, part_or_page(request, "directconnect/connection_form.html", "offered"), form, **context)


def _order_form(request: TenantRequest, row: Connection | None = None) -> OrderForm:
    """Who only looks at what another location offers has not sent it off."""
    is_sent = request.method == "POST" and request.POST.get("then") != "look"
    said = request.POST if request.method == "POST" else request.GET
    others = queries.others_of(request.tenant, row)
    return OrderForm(said if is_sent else None, said, queries.open_locations(), others, request.path, row)


def _kept(request: TenantRequest, row: Connection, done: str) -> HttpResponse:
    """After a draft is written: submit it, where that is the button that was pressed."""
    if request.POST.get("then") == "submit":
        return _moved(request, row, Stage.SUBMITTED, {}) or redirect(_url(request, row))
    messages.success(request, done)
    return redirect(_url(request, row))


@tenant_view
@require_safe
def connection_detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _detail(request, _row(request, pk))


def _detail(request: TenantRequest, row: Connection, form: ReportForm | None = None) -> HttpResponse:
    """Six queries besides those of its interfaces."""
    may_write = why_not_write(request.membership)
    now, place = clock.now(), queries.places_of([row]).get(row.pk)
    turn, is_overdue = turn_of(row), row.is_overdue(now)
    moves = row.order.moves_of(Party.TENANT)
    context = {
        "row": row,
        "timeline": timeline_of(row, queries.history_of(row)),
        "turn": turn,
        "next": next_of(row, place),
        "place": place,
        "is_overdue": is_overdue,
        "expires": row.order.facts.expires,
        "moves": [move for move in moves if move.to not in CONFIRMED and move.to is not Stage.CROSS_CONNECT_REPORTED],
        "reports": any(move.to is Stage.CROSS_CONNECT_REPORTED for move in moves),
        "form": form or ReportForm(),
        "suspends": any(move.to is Stage.SUSPENDED for move in moves),
        "closes": _closing(moves),
        "letter_is_over": row.loa_valid_until is not None and row.loa_valid_until <= now,
        "partner": queries.partner_of(row),
        "is_going_on": row.stage not in BROKEN_OFF,
        "second_url": _second(request, row),
        "why_not_write": may_write,
        "live_words": f"{row.name}: {row.get_stage_display()}." + (f" Next: {turn}." if turn else ""),
        "crumbs": _crumbs(request, row),
        **interface_parts.of_connection(request, row),
    }
    template = part_or_page(request, "directconnect/connection_detail.html", "part")
    return render(request, template, context, status=422 if form else 200)


@tenant_form
@require_http_methods(FORM)
def connection_rename(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    form = RenameForm(request.POST if request.method == "POST" else None, initial={"name": row.name})
    if form.is_valid():
        try:
            name = NAME.parse(form.cleaned_data["name"], "name")
            is_changed = orders.rename(row, name=name, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, "Renamed." if is_changed else "It is called so already.")
            return redirect(_url(request, row))
    context = {
        "heading": f"Rename {row.name}",
        "reason": None if row.is_live else "The connection is closed.",
        "wrong": "It cannot be called so",
        "submit": "Rename",
        "cancel_url": _url(request, row),
        "crumbs": _crumbs(request, row, "Rename"),
    }
    return form_page(request, "rename.html", form, **context)


@tenant_view
@require_POST
def connection_move(request: TenantRequest, pk: UUID) -> HttpResponse:
    """`to` is the stage that a button of the page brings it to."""
    row = _row(request, pk)
    to = next((stage for stage in DONE if stage == request.POST.get("to")), None)
    if to in CONFIRMED:
        return redirect(CONFIRMED[to], request.tenant.slug, row.pk)
    if to is None:
        messages.error(request, "There is no such step. Press one of the buttons of this page.")
        return redirect(_url(request, row))
    form = ReportForm(request.POST)
    asks = any(move.to is to and move.evidence for move in row.order.moves_of(Party.TENANT))
    if not asks:
        return _moved(request, row, to, {}) or redirect(_url(request, row))
    if form.is_valid():
        return _moved(request, row, to, form.cleaned_data, form) or _detail(request, row, form)
    return _detail(request, row, form)


def _moved(
    request: TenantRequest, row: Connection, to: Stage, said: dict[str, Any], form: Refusable | None = None
) -> HttpResponse | None:
    """To its page; None when a form is to be shown again, with what was refused."""
    try:
        orders.transition(row, to, said, party=Party.TENANT, by=request.actor)
    except Refused as refusal:
        if form is not None:
            form.refuse(refusal)
            return None
        messages.error(request, " ".join(each.message for each in refusal.all))
    else:
        messages.success(request, DONE[to])
    return redirect(_url(request, row))


@tenant_form
@require_http_methods(FORM)
def connection_suspend(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    interfaces = _interfaces(row)
    goes = [Item("BGP session", each.name, f"into {each.vpc.name}: it is taken down") for each in interfaces]
    context = {
        "heading": f"Suspend {row.name}",
        "question": "Nothing passes over it until you resume it. Nothing is removed.",
        "goes": goes or [Item("Traffic", row.name, "it has no interface, so none passes now either")],
        "stays": [Item("Port", str(row.port or row.name)), *(Item("VLAN", str(each.vlan)) for each in interfaces)],
        "confirm_label": "Suspend",
        "confirm_icon": "circle-pause",
    }
    return _confirmed(request, row, Stage.SUSPENDED, "It is not in service, so there is nothing to suspend.", context)


@tenant_form
@require_http_methods(FORM)
def connection_close(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Of a draft, or of what was rejected, there is nothing but the order."""
    row = _row(request, pk)
    to = Stage.CLOSED if row.stage in (Stage.DRAFT, Stage.REJECTED) else Stage.CLOSING
    interfaces = _interfaces(row)
    verb = "Discard" if to is Stage.CLOSED else "Close"
    context = {
        "heading": f"{verb} {row.name}",
        "question": "It cannot be opened again: to have one later is another order.",
        "goes": [
            Item("Connection", row.name, f"{row.rate} at {row.location}"),
            *([Item("Port", row.port.name, "whoever waits for one gets it")] if row.port else []),
            *([Item("LOA", row.loa_number, "have your carrier take the cross-connect out")] if row.loa_number else []),
            *(Item("Interface", each.name, f"VLAN {each.vlan} into {each.vpc.name}") for each in interfaces),
        ],
        "stays": [*(Item("VPC", name, "and all that is in it") for name in _vpc_names(interfaces)), *STAYS],
        "confirm_label": f"{verb} connection",
    }
    return _confirmed(request, row, to, _why_not_close(row), context)


def _why_not_close(row: Connection) -> str:
    if row.stage == Stage.SUBMITTED:
        return "Your provider looks at it. Withdraw the order first, then discard the draft."
    return "It is closed." if row.stage == Stage.CLOSED else "It is being closed already."


def _confirmed(
    request: TenantRequest, row: Connection, to: Stage, reason: str, context: dict[str, Any]
) -> HttpResponse:
    """`reason` is what is said where the order does not lead there now."""
    form = Refusable(request.POST if request.method == "POST" else None)
    if form.is_valid() and (answer := _moved(request, row, to, {}, form)):
        return answer
    may = any(move.to is to for move in row.order.moves_of(Party.TENANT))
    verb = context["heading"].partition(" ")[0]
    context |= {"cancel_url": _url(request, row), "crumbs": _crumbs(request, row, verb)}
    return form_page(request, "confirm.html", form, reason=None if may else reason, **context)


@tenant_view
@require_safe
def connection_loa(request: TenantRequest, pk: UUID) -> HttpResponse:
    """The letter as it was issued, to be given to whoever patches; none once the connection is being closed."""
    row = _row(request, pk)
    if not row.letter:
        raise Http404("It has no letter of authorization.")
    headers = {"Content-Disposition": f'attachment; filename="{file_name_of(row.letter)}"'}
    return HttpResponse(pdf_of(row.letter), content_type="application/pdf", headers=headers)


def _closing(moves: Sequence[Move]) -> str:
    """What the button of the danger zone says; blank where the way out is another."""
    verbs = {Stage.CLOSED: "Discard", Stage.CLOSING: "Close"}
    return next((verbs[move.to] for move in moves if move.to in verbs), "")


def _second(request: TenantRequest, row: Connection) -> str:
    """The form for one like it on another leaf."""
    name = f"{row.name[: NAME.most - 2]}-b"
    like = {"name": name, "location": row.location_id, "offering": f"{row.kind}-{row.speed}", "apart_from": row.pk}
    return reverse("directconnect:connection_create", args=[request.tenant.slug], query=like)


def _interfaces(row: Connection) -> list[Interface]:
    rows = Interface.objects.of(row.tenant).live().filter(connection=row)
    return list(rows.select_related("vpc").order_by("name", "id"))


def _vpc_names(interfaces: Sequence[Interface]) -> list[str]:
    return list(dict.fromkeys(each.vpc.name for each in interfaces))


def _row(request: TenantRequest, pk: UUID) -> Connection:
    row: Connection = get_or_404(Connection.objects.of(request.tenant).select_related(*queries.WITH), pk=pk)
    return row


def _url(request: TenantRequest, row: Connection) -> str:
    return reverse("directconnect:connection_detail", args=[request.tenant.slug, row.pk])


def _crumbs(request: TenantRequest, row: Connection | None = None, here: str = "") -> list[dict[str, str]]:
    crumbs = [{"label": "Direct Connect", "url": reverse("directconnect:connection_list", args=[request.tenant.slug])}]
    if row is None:
        return crumbs
    if not here:
        return [*crumbs, {"label": row.name}]
    return [*crumbs, {"label": row.name, "url": _url(request, row)}, {"label": here}]
