"""The platform's pages of zones: whether both systems answer, what can be done about it, and how a zone comes to be.

A connection is entered, tried by a worker while its page looks on, and then used: for a new zone, or for one that is
there. What both systems said stays on that page for an hour.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import services as accounts
from apps.fabric.zones.forms import ChoosingForm, ConnectionForm, SettingsForm
from apps.fabric.zones.queries import pending_of, zone_rows
from apps.fabric.zones.services import reconnect_host
from apps.kernel.errors import Refused
from apps.kernel.pages import form_page, only_parameters, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones import services, trials
from apps.zones.access import Found
from apps.zones.models import Trial, Zone

FORM = ["GET", "HEAD", "POST"]


@platform_view
@require_safe
def zone_list(request: PlatformRequest) -> HttpResponse:
    context = {"rows": zone_rows(request.platform)}
    return render(request, part_or_page(request, "zones/list.html", "zones"), context)


@platform_view
@require_http_methods(FORM)
def zone_reconnect(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """Asks first, and then starts the operation whose page tells how it goes."""
    zone = get_or_404(Zone.objects.all(), pk=pk)
    [row] = zone_rows(request.platform, [zone])
    if request.method == "POST":
        try:
            operation = reconnect_host(zone, by=request.platform)
        except Refused as refusal:
            messages.warning(request, refusal.message)
            return redirect("zones:list")
        return redirect("operations:platform_detail", operation.pk)
    crumbs = [{"label": "Zones", "url": reverse("zones:list")}, {"label": "Reconnect the Netris host"}]
    return render(request, "zones/reconnect.html", {"row": row, "crumbs": crumbs})


@platform_view
@require_http_methods(FORM)
def zone_create(request: PlatformRequest) -> HttpResponse:
    """`?trial=` begins with what was entered for an earlier one."""
    only_parameters(request.GET, "trial")
    before = _trial(request.GET["trial"]) if "trial" in request.GET else None
    return _connection(request, before, "Register a zone", {"label": "Register a zone"})


@platform_view
@require_http_methods(FORM)
def zone_connection(request: PlatformRequest, pk: UUID) -> HttpResponse:
    zone = get_or_404(Zone.objects.all(), pk=pk)
    return _connection(request, zone, f"Connection of {zone}", {"label": f"Connection of {zone}"})


def _connection(
    request: PlatformRequest, before: Zone | Trial | None, heading: str, crumb: dict[str, str]
) -> HttpResponse:
    form = ConnectionForm(request.POST if request.method == "POST" else None, before)
    if form.is_valid():
        try:
            trial = trials.begin(form.cleaned_data, before=before, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return redirect("zones:trial", trial.pk)
    context = {
        "heading": heading,
        "form": form,
        "wrong": "Nothing was tried yet",
        "submit": "Try it",
        "submit_icon": "plug",
        "cancel_url": reverse("zones:list"),
        "crumbs": [_crumb(), crumb],
    }
    return render(request, "zones/connection.html", context, status=422 if form.errors else 200)


@platform_view
@require_http_methods(FORM)
def trial_detail(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """What both systems said; and once all is well, what is to be chosen of it."""
    trial = _trial(str(pk))
    reason = trials.why_not_take(trial)
    form = None
    if reason is None or request.method == "POST":
        form = ChoosingForm(request.POST if request.method == "POST" else None, trial, _taken(trial))
        if form.is_valid():
            try:
                zone, started = accounts.take(trial, form.cleaned_data, by=request.platform)
            except Refused as refusal:
                form.refuse(refusal)
            else:
                number = f" Accounts being made there: {len(started)}." if started else ""
                messages.success(request, f"{zone} is saved.{number}")
                return redirect("zones:list")
    context = {
        "trial": trial,
        "systems": [(system.label, steps) for system, steps in trials.steps_of(trial).items()],
        "found": Found.model_validate(trial.found).netris_zones,
        "form": form,
        "reason": reason,
        "again_url": _again(trial),
        "crumbs": [_crumb(), {"label": str(trial)}],
    }
    template = part_or_page(request, "zones/trial.html", "trial")
    return render(request, template, context, status=422 if form is not None and form.errors else 200)


@platform_view
@require_http_methods(FORM)
def zone_settings(request: PlatformRequest, pk: UUID) -> HttpResponse:
    zone = get_or_404(Zone.objects.all(), pk=pk)
    initial = {name: getattr(zone, name) for name in services.SETTINGS}
    form = SettingsForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            services.change_settings(zone, form.cleaned_data, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"The settings of {zone} are saved.")
            return redirect("zones:list")
    context = {
        "heading": f"Settings of {zone}",
        "wrong": "Nothing was changed",
        "submit": "Save",
        "submit_icon": "check",
        "cancel_url": reverse("zones:list"),
        "crumbs": [_crumb(), {"label": f"Settings of {zone}"}],
    }
    return form_page(request, "form.html", form, **context)


@platform_view
@require_http_methods(FORM)
def zone_disable(request: PlatformRequest, pk: UUID) -> HttpResponse:
    zone = get_or_404(Zone.objects.all(), pk=pk)
    if request.method == "POST":
        accounts.disable_zone(zone, by=request.platform)
        messages.success(request, f"{zone} is disabled.")
        return redirect("zones:list")
    pending = pending_of(zone, request.platform)
    context = {
        "heading": f"Disable {zone}",
        "question": f"Nothing new can be built in {zone} until it is enabled again.",
        "goes": [
            {"kind": "New VPCs", "name": "All of them", "detail": "are refused; tenants are not offered the zone"},
            {"kind": "Readings", "name": "All of them", "detail": "neither system is read; what is shown grows stale"},
        ],
        "stays": [
            {"kind": "VPCs", "name": f"{pending.vpcs:,}", "detail": "go on as they are, and can be changed"},
            {"kind": "Operations", "name": f"{pending.operations:,}", "detail": "under way: they come to their end"},
        ],
        "confirm_label": "Disable zone",
        "cancel_label": "Cancel",
        "cancel_url": reverse("zones:list"),
        "crumbs": [_crumb(), {"label": f"Disable {zone}"}],
        "reason": None if zone.is_enabled else "It is disabled already.",
    }
    return render(request, "confirm.html", context)


@platform_view
@require_POST
def zone_enable(request: PlatformRequest, pk: UUID) -> HttpResponse:
    zone = get_or_404(Zone.objects.all(), pk=pk)
    started = accounts.enable_zone(zone, by=request.platform).operations
    number = f" Accounts being made there: {len(started)}." if started else ""
    messages.success(request, f"{zone} is enabled.{number}")
    return redirect("zones:list")


def _crumb() -> dict[str, str]:
    return {"label": "Zones", "url": reverse("zones:list")}


def _trial(text: str) -> Trial:
    """Raises `Http404` for one that is not there, or is forgotten: they are kept for an hour."""
    try:
        pk = UUID(text)
    except ValueError:
        raise Http404("No such trial.") from None
    return get_or_404(Trial.objects.select_related("zone"), pk=pk)


def _again(trial: Trial) -> str:
    """Where something else can be entered; what was entered is there already, but for secrets."""
    if trial.zone is not None:
        return reverse("zones:connection", args=[trial.zone.pk])
    return f"{reverse('zones:create')}?{urlencode({'trial': str(trial.pk)})}"


def _taken(trial: Trial) -> list[str]:
    """The names of zones that are registered already, for who registers another one."""
    return [] if trial.zone else list(Zone.objects.values_list("name", flat=True))
