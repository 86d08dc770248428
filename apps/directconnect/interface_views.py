"""The pages of virtual interfaces: each is reached through its connection, and stands on a tab of its VPC."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.directconnect.filters import DEFAULT
from apps.directconnect.interface_forms import EditForm, InterfaceForm, RenameForm, TestForm
from apps.directconnect.interface_parts import WITH, Line, Shown, count_in, of_vpc
from apps.directconnect.interfaces import queries, services
from apps.directconnect.interfaces.recipes import REST
from apps.directconnect.interfaces.specs import parse_minutes
from apps.directconnect.models import Connection, Interface, PortKind
from apps.directconnect.routers import KEY, VENDORS, configuration
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.forms import Refusable
from apps.kernel.pages import form_page, only_parameters, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries as networks
from apps.networks import tabs
from apps.networks.models import Tier, Vpc
from apps.networks.plans import STAYS, Item
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.sentences import sentence
from apps.operations.views import offered, removal, started
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.queries import why_not_write

FORM = ["GET", "HEAD", "POST"]
#: VPCs that the form offers.
OFFERED = 200
#: Operations on the page of an interface.
OPERATIONS = 10
TAB = tabs.Tab("Direct Connect", "directconnect:of_vpc", 27, count_in)


@tabs.vpc_tab
def vpc_interfaces(request: TenantRequest, seen: tabs.Seen) -> HttpResponse:
    """Six queries besides those of the frame."""
    return tabs.tab_page(request, seen, TAB, "directconnect/vpc_interfaces.html", **of_vpc(seen.vpc))


@tenant_form
@require_http_methods(FORM)
def interface_create(request: TenantRequest, pk: UUID) -> HttpResponse:
    """`?vpc=` is the id of the one that is meant. htmx asks for the ranges of the one that is chosen."""
    only_parameters(request.GET, *InterfaceForm.ASKS)
    connection = _connection(request, pk)
    zone = connection.location.zone
    vpcs = _vpcs(request, connection)
    is_sent = request.method == "POST" and request.POST.get("then") != "look"
    said = request.POST if request.method == "POST" else request.GET
    form = InterfaceForm(said if is_sent else None, said, connection, vpcs, request.path)
    reason = queries.why_not_carrying(connection)
    if reason is None and not vpcs:
        reason = f"It leads into a VPC of {zone}, and none of yours is ready there. Create one first."
    if reason is None and form.is_valid():
        try:
            vpc = form.vpcs[form.spec.vpc]
            return started(request, services.create_interface(connection, vpc, form.spec, by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    context = {
        "heading": "Create virtual interface",
        "connection": connection,
        "is_shared": connection.kind == PortKind.HOSTED,
        "tiers": _tiers(form.vpc_chosen),
        "reason": reason,
        "wrong": "It cannot be created like this",
        "submit": "Create virtual interface",
        "submit_icon": "plus",
        "cancel_url": _connection_url(request, pk),
        "crumbs": [*_crumbs(request, connection), {"label": "New virtual interface"}],
    }
    return form_page(request, part_or_page(request, "directconnect/interface_create.html", "ranges"), form, **context)


@tenant_view
@require_safe
def interface_detail(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    """`?vendor=` says whose syntax the configuration has. Twenty queries at most."""
    only_parameters(request.GET, "vendor")
    vendor = _vendor(request)
    row = _row(request, pk, interface)
    work, may_write = networks.work_on(row.vpc), why_not_write(request.membership)
    told, asn, now = queries.told([row])[row.pk], queries.asn_of(row.vpc.zone), clock.now()
    line = Line(row, [Shown(check, now) for check in told.checks])
    operation = next((each for each in work if each.resource_id in (row.pk, row.vpc_id)), None)
    context = {
        "row": row,
        "line": line,
        "told": told,
        "note": queries.NOTE,
        "asn": asn,
        "is_default_accepted": str(DEFAULT) in row.accept,
        "off": queries.why_off(row),
        "why_no_key": row.why_key_stays,
        "vendor": VENDORS[vendor],
        "vendors": _vendor_links(request, vendor),
        "config": configuration(queries.far_of(row, asn), vendor),
        "placeholder": KEY,
        "operation": operation,
        "sentence": sentence(operation) if operation else "",
        "operations": list(
            Operation.objects.of(request.tenant).filter(resource_id=row.pk).order_by("-created_at", "-id")[:OPERATIONS]
        ),
        "live_words": _words(line),
        "crumbs": _crumbs(request, row.connection, row),
        **{f"why_not_{action}": may_write or queries.why_not(row, action, work) for action in queries.ACTIONS},
    }
    return render(request, part_or_page(request, "directconnect/interface_detail.html", "part"), context)


def _words(line: Line) -> str:
    state = f"{line.row.name} is {line.word}"
    return f"{state}. {line.sentence}" if line.sentence else f"{state}."


@tenant_view
@require_safe
def interface_config(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    """What to write into the router, as a file. No secret is in it."""
    only_parameters(request.GET, "vendor")
    vendor = _vendor(request)
    row = _row(request, pk, interface)
    text = configuration(queries.far_of(row, queries.asn_of(row.vpc.zone)), vendor)
    headers = {"Content-Disposition": f'attachment; filename="{row.remote_name}-{vendor}.txt"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


@tenant_form
@require_http_methods(FORM)
def interface_edit(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    row = _row(request, pk, interface)
    form = EditForm(row, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            operation = services.change_interface(row, form.wanted, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            if operation is not None:
                return started(request, operation)
            messages.info(request, "Nothing was changed: it is so already.")
            return redirect(_url(request, row))
    context = {
        **_form(request, row, "Edit", "change"),
        "connection": row.connection,
        "vpc": row.vpc,
        "tiers": _tiers(row.vpc),
        "wrong": "It cannot be changed like this",
        "submit": "Save",
        "submit_icon": "check",
    }
    return form_page(request, "directconnect/interface_edit.html", form, **context)


@tenant_form
@require_http_methods(FORM)
def interface_rename(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    row = _row(request, pk, interface)
    form = RenameForm(request.POST if request.method == "POST" else None, initial={"name": row.name})
    if form.is_valid():
        try:
            is_changed = services.rename_interface(row, name=form.cleaned_data["name"], by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, "Renamed." if is_changed else "It is called so already.")
            return redirect(_url(request, row))
    context = {**_form(request, row, "Rename", "rename"), "wrong": "It cannot be called so", "submit": "Rename"}
    return form_page(request, "rename.html", form, **context)


@tenant_form
@require_http_methods(FORM)
def interface_key(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    """Asks before it shows the MD5 key, which it does once. Nothing keeps the answer."""
    row = _row(request, pk, interface)
    form = Refusable(request.POST if request.method == "POST" else None)
    key = ""
    if form.is_valid():
        try:
            key = services.reveal_key(row, by=request.actor).get_secret_value()
        except Refused as refusal:
            form.refuse(refusal)
    context = {
        **_form(request, row, "MD5 key", "show_key"),
        "heading": f"MD5 key of {row.name}",
        "key": key,
        "wrong": "It cannot be shown",
    }
    answer = form_page(request, "directconnect/interface_key.html", form, **context)
    answer["Cache-Control"] = "no-store"
    return answer


@tenant_form
@require_http_methods(FORM)
def interface_test(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    """A test of fail-over."""
    row = _row(request, pk, interface)
    form = TestForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            minutes = parse_minutes(form.cleaned_data["minutes"], "minutes")
            return started(request, services.start_test(row, minutes, by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    others = Interface.objects.of(request.tenant).live().filter(vpc=row.vpc, is_enabled=True).exclude(pk=row.pk)
    context = {
        **_form(request, row, "Test fail-over", "test"),
        "heading": f"Test fail-over of {row.name}",
        "others": list(others.select_related("connection").order_by("name", "id")[:OPERATIONS]),
        "wrong": "The test cannot be started like this",
        "submit": "Take the session down",
        "submit_icon": "circle-pause",
    }
    return form_page(request, "directconnect/interface_test.html", form, **context)


@tenant_view
@require_POST
def interface_test_end(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    row = _row(request, pk, interface)
    if row.test_until is None:
        messages.error(request, queries.NO_TEST)
        return redirect(_url(request, row))
    return _at_once(request, row, partial(services.end_test, row, by=request.actor), "The test is over.")


@tenant_view
@require_POST
def interface_apply(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    row = _row(request, pk, interface)
    return _at_once(request, row, partial(services.apply_interface, row, by=request.actor))


def _at_once(
    request: TenantRequest, row: Interface, order: Callable[[], Operation | None], done: str = ""
) -> HttpResponse:
    """What a button of the page does, without another page before it."""
    try:
        operation = order()
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        if operation is not None:
            return started(request, operation)
        messages.success(request, done)
    return redirect(_url(request, row))


@tenant_form
@require_http_methods(FORM)
def interface_delete(request: TenantRequest, pk: UUID, interface: UUID) -> HttpResponse:
    row = _row(request, pk, interface)
    return removal(request, partial(services.delete_interface, row, by=request.actor), partial(_deletion, request, row))


def _deletion(request: TenantRequest, row: Interface) -> dict[str, Any]:
    hours = int(REST.total_seconds() // 3600)
    key = [Item("MD5 key", "of the session", "a new interface gets another")] if row.has_md5 else []
    return {
        **_form(request, row, "Delete", "delete"),
        "question": f"Nothing passes between {row.vpc.name} and your router over it any more.",
        "goes": [
            Item("Virtual interface", row.name, f"with its BGP session to {row.remote_address}"),
            Item("VLAN", str(row.vlan), f"rests for {hours} hours, then it is free on the port"),
            Item("Link", str(row.link), "free for other interfaces of the VPC"),
            *key,
        ],
        "stays": [
            Item("Connection", row.connection.name, "with its port and its other interfaces"),
            Item("VPC", row.vpc.name, "and all that is in it"),
            *STAYS,
        ],
        "confirm_label": "Delete virtual interface",
    }


def _vendor(request: TenantRequest) -> str:
    """Raises `BadRequest` for one that nobody knows."""
    vendor = request.GET.get("vendor", next(iter(VENDORS)))
    if vendor not in VENDORS:
        raise BadRequest(f"There is no such vendor. There are: {', '.join(VENDORS)}.")
    return vendor


def _vendor_links(request: TenantRequest, vendor: str) -> list[dict[str, Any]]:
    return [
        {"label": each.title, "url": f"{request.path}?vendor={slug}#router", "current": slug == vendor}
        for slug, each in VENDORS.items()
    ]


def _tiers(vpc: Vpc | None) -> list[Tier]:
    """As hints at what can be announced."""
    return list(networks.tiers_of(vpc)) if vpc else []


def _vpcs(request: TenantRequest, connection: Connection) -> list[Vpc]:
    rows = Vpc.objects.of(request.tenant).live().filter(status=Status.READY, zone=connection.location.zone_id)
    return list(rows.select_related("tenant", "zone").order_by("name", "id")[:OFFERED])


def _connection(request: TenantRequest, pk: UUID) -> Connection:
    rows = Connection.objects.of(request.tenant).select_related("tenant", "location__zone", "port")
    found: Connection = get_or_404(rows, pk=pk)
    return found


def _row(request: TenantRequest, pk: UUID, interface: UUID) -> Interface:
    rows = Interface.objects.of(request.tenant).live().filter(connection=pk).select_related(*WITH)
    found: Interface = get_or_404(rows, pk=interface)
    return found


def _form(request: TenantRequest, row: Interface, verb: str, action: str) -> dict[str, Any]:
    work = networks.work_on(row.vpc)
    return {
        "heading": f"{verb} {row.name}",
        "row": row,
        **offered(queries.why_not(row, action, work), work),
        "cancel_url": _url(request, row),
        "crumbs": _crumbs(request, row.connection, row, verb),
    }


def _url(request: TenantRequest, row: Interface) -> str:
    return reverse("directconnect:interface_detail", args=[request.tenant.slug, row.connection_id, row.pk])


def _connection_url(request: TenantRequest, pk: UUID) -> str:
    return reverse("directconnect:connection_detail", args=[request.tenant.slug, pk])


def _crumbs(
    request: TenantRequest, connection: Connection, row: Interface | None = None, here: str = ""
) -> list[dict[str, str]]:
    crumbs = [
        {"label": "Direct Connect", "url": reverse("directconnect:connection_list", args=[request.tenant.slug])},
        {"label": connection.name, "url": _connection_url(request, connection.pk)},
    ]
    if row is None:
        return crumbs
    if not here:
        return [*crumbs, {"label": row.name}]
    return [*crumbs, {"label": row.name, "url": _url(request, row)}, {"label": here}]
