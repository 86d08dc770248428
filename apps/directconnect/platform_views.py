"""The platform's pages of Direct Connect: locations with their ports, and every tenant's connections."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from apps.directconnect import platform_queries as queries
from apps.directconnect.letters import file_name_of, pdf_of
from apps.directconnect.models import Connection, FabricPort, Location
from apps.directconnect.platform_forms import (
    ConfirmForm,
    LocationForm,
    LocationListForm,
    MoveForm,
    PlatformListForm,
    PortForm,
    options_in,
)
from apps.directconnect.queries import places_of
from apps.directconnect.services import locations, orders
from apps.directconnect.specs import parse_speed
from apps.directconnect.stages import Evidence, Move, Party, Stage
from apps.directconnect.timeline import timeline_of, turn_of
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.pages import form_page, found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.pickers import answered
from apps.kernel.shortcuts import get_or_404
from apps.networks.plans import Item
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones.models import Zone

FORM = ["GET", "HEAD", "POST"]


@platform_view
@require_safe
def location_list(request: PlatformRequest) -> HttpResponse:
    form = LocationListForm(request.GET)
    rows = form.kept(queries.locations(**form.wanted)).order_by(*queries.SORTS["name"])
    page = page_of(rows, request)
    return list_page(
        request,
        "directconnect/location_list.html",
        page,
        caption="Locations",
        words=found(page, "location"),
        rows=queries.lines_of(list(page), request.platform),
        form=form,
    )


@platform_view
@require_http_methods(FORM)
def location_create(request: PlatformRequest) -> HttpResponse:
    only_parameters(request.GET)
    zones = list(Zone.objects.filter(is_enabled=True))
    form = LocationForm(request.POST if request.method == "POST" else None, zones)
    if form.is_valid():
        zone = next((each for each in zones if each.slug == form.cleaned_data["zone"]), None)
        try:
            if zone is None:
                raise Refused("zone-unknown", "There is no such zone any more. Choose again.", "zone")
            row = locations.create_location(zone, form.spec, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, "Created. Add its ports: orders that wait get them at once.")
            return redirect("directconnect:location_detail", row.pk)
    context = {
        "heading": "New location",
        "reason": None if zones else "No zone is in use. Connect one first.",
        "wrong": "It cannot be created like this",
        "submit": "Create location",
        "cancel_url": reverse("directconnect:location_list"),
        "crumbs": [*_crumbs(), {"label": "New"}],
    }
    return form_page(request, "directconnect/location_form.html", form, **context)


@platform_view
@require_http_methods(FORM)
def location_edit(request: PlatformRequest, pk: UUID) -> HttpResponse:
    only_parameters(request.GET)
    row = _row(pk)
    form = LocationForm(request.POST if request.method == "POST" else None, (), row)
    if form.is_valid():
        try:
            is_changed = locations.change_location(row, form.changes, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, "Saved." if is_changed else "Nothing was changed: it is so already.")
            return redirect("directconnect:location_detail", row.pk)
    context = {
        "heading": f"Edit {row.name}",
        "wrong": "It cannot be saved like this",
        "submit": "Save location",
        "cancel_url": _url(row),
        "crumbs": _crumbs(row, "Edit"),
    }
    return form_page(request, "directconnect/location_form.html", form, **context)


@platform_view
@require_safe
def location_detail(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """Eight queries, however many ports there are."""
    only_parameters(request.GET)
    row = _row(pk)
    ports, waiting = queries.ports_of(row, request.platform), queries.queue_of(row, request.platform)
    context = {
        "row": row,
        "ports": ports,
        "waiting": waiting[: queries.MOST_WAITING],
        "is_cut": len(waiting) > queries.MOST_WAITING,
        "live_words": f"{len(ports)} ports, {len(waiting)} waiting",
        "crumbs": _crumbs(row),
    }
    return render(request, part_or_page(request, "directconnect/location_detail.html", "part"), context)


@platform_view
@require_http_methods(FORM)
def location_delete(request: PlatformRequest, pk: UUID) -> HttpResponse:
    row = _row(pk)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            locations.delete_location(row, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{row.name} is deleted.")
            return redirect("directconnect:location_list")
    context = {
        "heading": f"Delete {row.name}",
        "question": "Nothing can be ordered there any more.",
        "goes": [
            Item("Location", row.name, row.address),
            *(Item("Offering", str(each)) for each in row.offerings.all()),
        ],
        "confirm_label": "Delete location",
        "reason": None if form.errors else locations.why_not_delete(row, request.platform),
        "cancel_url": _url(row),
        "crumbs": _crumbs(row, "Delete"),
    }
    return form_page(request, "confirm.html", form, **context)


@platform_view
@require_http_methods(FORM)
def port_add(request: PlatformRequest, pk: UUID) -> HttpResponse:
    only_parameters(request.GET)
    row = _row(pk)
    form = PortForm(request.POST if request.method == "POST" else None)
    form.offer_ports(row.zone, f"{reverse('directconnect:port_choices')}?{urlencode({'location': str(row.pk)})}")
    if form.is_valid():
        said = form.cleaned_data
        try:
            speed = parse_speed(said["speed"], "speed") if said["speed"] else None
            port = locations.add_port(row, str(said["port"].id), said["kind"], speed, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{port.name} is added. Whoever waited for one like it has it now.")
            return redirect("directconnect:location_detail", row.pk)
    context = {
        "heading": f"Add a port to {row.name}",
        "wrong": "It cannot be added like this",
        "submit": "Add port",
        "submit_icon": "ethernet-port",
        "cancel_url": _url(row),
        "crumbs": _crumbs(row, "Add a port"),
    }
    return form_page(request, "form.html", form, **context)


@platform_view
@require_safe
def port_choices(request: PlatformRequest) -> HttpResponse:
    """The free ports that a picker offers: `?location=&words=`."""
    only_parameters(request.GET, "location", "words")
    row = get_or_404(Location.objects.select_related("zone"), pk=request.GET.get("location", ""))
    return answered(options_in(row.zone)(request.GET.get("words", "")))


@platform_view
@require_http_methods(FORM)
def port_remove(request: PlatformRequest, pk: UUID) -> HttpResponse:
    port = get_or_404(FabricPort.objects.select_related("location__zone"), pk=pk)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            locations.remove_port(port, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{port.name} is removed.")
            return redirect("directconnect:location_detail", port.location_id)
    context = {
        "heading": f"Remove {port.name}",
        "question": "No order gets it any more. Nothing is changed on the fabric.",
        "goes": [Item("Port", port.name, f"{port.rate}, {port.get_kind_display().lower()}, of {port.location}")],
        "confirm_label": "Remove port",
        "reason": None if form.errors else locations.why_not_remove(port, request.platform),
        "cancel_url": _url(port.location),
        "crumbs": _crumbs(port.location, f"Remove {port.name}"),
    }
    return form_page(request, "confirm.html", form, **context)


def _row(pk: UUID) -> Location:
    return get_or_404(Location.objects.select_related("zone").prefetch_related("offerings"), pk=pk)


def _url(row: Location) -> str:
    return reverse("directconnect:location_detail", args=[row.pk])


def _crumbs(row: Location | None = None, here: str = "") -> list[dict[str, Any]]:
    crumbs = [{"label": "Locations", "url": reverse("directconnect:location_list")}]
    if row is None:
        return crumbs
    if not here:
        return [*crumbs, {"label": row.name}]
    return [*crumbs, {"label": row.name, "url": _url(row)}, {"label": here}]


# --- connections of all tenants -------------------------------------------------------------------------------------

#: What takes something away is looked at before it is done.
CONFIRMED = (Stage.SUSPENDED, Stage.CLOSING)


@platform_view
@require_safe
def platform_list(request: PlatformRequest) -> HttpResponse:
    form = PlatformListForm(request.GET, request.platform)
    sort = request.GET.get("sort", "-created")
    order = queries.SORTS.get(sort, queries.SORTS["-created"])
    page = page_of(form.kept(queries.connections(request.platform, **form.wanted)).order_by(*order), request)
    now = clock.now()
    return list_page(
        request,
        "directconnect/platform_list.html",
        page,
        caption="Connections",
        words=found(page, "connection"),
        rows=[(row, turn_of(row, Party.PLATFORM), row.is_overdue(now)) for row in page],
        form=form,
        sort=sort,
    )


@platform_view
@require_safe
def platform_detail(request: PlatformRequest, pk: UUID) -> HttpResponse:
    only_parameters(request.GET)
    row = _connection(request, pk)
    turn = turn_of(row, Party.PLATFORM)
    place = places_of([row]).get(row.pk)
    context = {
        "row": row,
        "timeline": timeline_of(row, queries.history_of(row, request.platform), Party.PLATFORM),
        "here": "directconnect/platform_here.html",
        "turn": turn,
        "next": row.order.facts.next_action,
        "place": place,
        "is_overdue": row.is_overdue(clock.now()),
        "expires": row.order.facts.expires,
        "moves": row.order.moves_of(Party.PLATFORM),
        "live_words": f"{row.name}: {row.get_stage_display()}." + (f" Next: {turn}." if turn else ""),
        "crumbs": _connection_crumbs(row),
    }
    return render(request, part_or_page(request, "directconnect/platform_detail.html", "part"), context)


@platform_view
@require_http_methods(FORM)
def platform_move(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """`?to=` is the stage. Where somebody has brought the order elsewhere meanwhile, that is said."""
    only_parameters(request.GET, "to")
    row = _connection(request, pk)
    to = next((stage for stage in Stage if stage == request.GET.get("to")), None)
    if to is None:
        raise Http404("No such stage.")
    move = next((each for each in row.order.moves_of(Party.PLATFORM) if each.to is to), None)
    if move is None:
        text = f"{row.name} is at “{row.get_stage_display()}” now: it cannot be brought to “{to.label}”."
        messages.error(request, text)
        return redirect("directconnect:platform_detail", row.pk)
    rooms = queries.fitting(row) if Evidence.PORT in move.evidence else []
    form = MoveForm(request.POST if request.method == "POST" else None, move, rooms, row.location.loa_days)
    if form.is_valid():
        try:
            orders.transition(row, to, form.cleaned_data, party=Party.PLATFORM, by=request.platform.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"Done: {move.verb.lower()}.")
            return redirect("directconnect:platform_detail", row.pk)
    return _move_page(request, row, move, form, is_lacking=Evidence.PORT in move.evidence and not rooms)


def _move_page(
    request: PlatformRequest, row: Connection, move: Move, form: MoveForm, *, is_lacking: bool
) -> HttpResponse:
    ends = {
        Stage.SUSPENDED: "Nothing passes over it until it is resumed. Nothing is removed.",
        Stage.CLOSING: "Its interfaces are removed and its port is given back. It cannot be opened again.",
    }
    context = {
        "heading": f"{move.verb}: {row.name}",
        "question": ends.get(move.to, ""),
        "goes": [Item("Connection", row.name, f"of {row.tenant}, {row.rate} at {row.location}")],
        "confirm_label": move.verb,
        "confirm_icon": "circle-pause" if move.to is Stage.SUSPENDED else "trash-2",
        "submit": move.verb,
        "wrong": "It cannot be done like this",
        "reason": "No port of its location fits it. Add one there, or let the order wait." if is_lacking else None,
        "cancel_url": reverse("directconnect:platform_detail", args=[row.pk]),
        "crumbs": _connection_crumbs(row, move.verb),
    }
    return form_page(request, "confirm.html" if move.to in CONFIRMED else "form.html", form, **context)


@platform_view
@require_safe
def platform_loa(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """The letter as it was issued."""
    row = _connection(request, pk)
    if not row.letter:
        raise Http404("It has no letter of authorization.")
    headers = {"Content-Disposition": f'attachment; filename="{file_name_of(row.letter)}"'}
    return HttpResponse(pdf_of(row.letter), content_type="application/pdf", headers=headers)


def _connection(request: PlatformRequest, pk: UUID) -> Connection:
    return get_or_404(queries.connections(request.platform), pk=pk)


def _connection_crumbs(row: Connection, here: str = "") -> list[dict[str, Any]]:
    crumbs = [{"label": "Connections", "url": reverse("directconnect:platform_list")}]
    if not here:
        return [*crumbs, {"label": row.name}]
    url = reverse("directconnect:platform_detail", args=[row.pk])
    return [*crumbs, {"label": row.name, "url": url}, {"label": here}]
