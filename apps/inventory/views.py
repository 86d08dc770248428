"""The platform's pages on which the inventory of Netris is changed. Each change is an operation."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from apps.fabric.inventory.queries import pairs
from apps.fabric.models import SurveyedDevice, SurveyedLink, SurveyedPort
from apps.inventory import queries
from apps.inventory.bodies import values_of
from apps.inventory.forms import (
    DeviceChangeForm,
    DeviceForm,
    LinkChangeForm,
    LinkForm,
    PlaceForm,
    PortForm,
    option_of,
)
from apps.inventory.services import devices, links, ports
from apps.inventory.specs import DeviceSpec
from apps.inventory.suggestions import suggested, uplinks
from apps.kernel.pages import form_page, only_parameters
from apps.kernel.pickers import answered
from apps.kernel.shortcuts import get_or_404
from apps.operations.views import ordered
from apps.softgates.forms import ConfirmForm
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones.models import Zone

FORM = ["GET", "HEAD", "POST"]
#: So many ports a search offers.
FOUND = 20


def _zones() -> list[Zone]:
    return list(Zone.objects.filter(is_enabled=True).order_by("name"))


def _data(request: PlatformRequest) -> Any:
    return request.POST if request.method == "POST" else None


# --- devices ------------------------------------------------------------------------------------------------------


@platform_view
@require_http_methods(FORM)
def device_create(request: PlatformRequest) -> HttpResponse:
    """`?zone=&role=&pair=` say what is to be made, and where; the form then offers what such a device has."""
    only_parameters(request.GET, "zone", "role", "pair")
    place = PlaceForm(request.GET, _zones(), pairs())
    url = reverse("fabric:device_list")
    context: dict[str, Any] = {
        "heading": "New device",
        "place": place,
        "wrong": "Nothing was made yet",
        "cancel_url": url,
        "crumbs": [{"label": "Devices", "url": url}, {"label": "New device"}],
    }
    if place.place is None:
        return form_page(request, "inventory/device_create.html", None, **context)
    zone, role, pair = place.place
    by = request.platform
    form = DeviceForm(
        _data(request),
        role=role,
        offered=suggested(zone, role, by),
        profiles=[each["name"] for each in queries.profiles(zone)],
        leaves=uplinks(zone, pair, by),
    )
    made = ordered(form, lambda: devices.create_device(zone, DeviceSpec.parse(form.values), by=by))
    return made or form_page(request, "inventory/device_create.html", form, role=role, **context)


def _device(zone: str, remote_id: str) -> SurveyedDevice:
    return get_or_404(SurveyedDevice.objects.select_related("zone__survey"), zone__slug=zone, remote_id=remote_id)


def _of_device(row: SurveyedDevice, last: str) -> dict[str, Any]:
    url = reverse("fabric:device_detail", args=[row.zone.slug, row.remote_id])
    crumbs = [{"label": "Devices", "url": reverse("fabric:device_list")}, {"label": row.name, "url": url}]
    return {"device": row, "cancel_url": url, "crumbs": [*crumbs, {"label": last}]}


@platform_view
@require_http_methods(FORM)
def device_change(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    row = _device(zone, remote_id)
    there, reason = queries.sent(row), devices.why_not_change(row)
    context = _of_device(row, "Change") | {"heading": f"Change {row.name}", "reason": reason}
    context |= {"wrong": "Nothing was changed yet", "submit": "Change it", "submit_icon": "check"}
    if there is None or reason:
        return form_page(request, "inventory/device_change.html", None, **context)
    form = DeviceChangeForm(_data(request), kind=there.type.lower(), now=values_of(there))
    act = lambda: devices.change_device(row, form.cleaned_data, by=request.platform)  # noqa: E731
    return ordered(form, act) or form_page(request, "inventory/device_change.html", form, **context)


@platform_view
@require_http_methods(FORM)
def device_delete(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    row = _device(zone, remote_id)
    reason = devices.why_not_delete(row, request.platform)
    form = ConfirmForm(_data(request), name=row.name, is_asked=reason is None)
    act = lambda: devices.delete_device(  # noqa: E731
        row, confirmed=form.cleaned_data.get("confirm", ""), by=request.platform
    )
    context = _of_device(row, "Delete") | {
        "heading": f"Delete {row.name}",
        "question": "It goes from Netris' inventory, with its ports. The machine itself stays what it is.",
        "goes": [{"kind": "Device", "name": row.name, "detail": "with its addresses, its ASN and its ports"}],
        "stays": [{"kind": "Host", "name": row.name, "detail": "in CloudStack, until it is removed there"}]
        if row.host_id
        else [],
        "reason": reason,
        "confirm_label": "Delete device",
    }
    return ordered(form, act) or form_page(request, "confirm.html", form, **context)


# --- links --------------------------------------------------------------------------------------------------------


@platform_view
@require_http_methods(FORM)
def link_create(request: PlatformRequest) -> HttpResponse:
    """`?zone=`, and `?local=` with the full name of the port where it begins."""
    only_parameters(request.GET, "zone", "local")
    zones = _zones()
    zone = next((each for each in zones if each.slug == request.GET.get("zone")), next(iter(zones), None))
    url = reverse("fabric:link_list")
    context: dict[str, Any] = {
        "heading": "New link",
        "zones": [{"label": each.name, "url": f"?zone={each.slug}", "current": each == zone} for each in zones],
        "wrong": "Nothing was made yet",
        "submit": "Create link",
        "submit_icon": "cable",
        "cancel_url": url,
        "crumbs": [{"label": "Links", "url": url}, {"label": "New link"}],
    }
    if zone is None:
        return form_page(request, "inventory/link_create.html", None, **context)
    form = LinkForm(_data(request))
    _offer_ports(form, zone, request)
    if local := SurveyedPort.objects.filter(zone=zone, name=request.GET.get("local", "")).first():
        form.initial["local"] = local.remote_id
    act = lambda: links.create_link(  # noqa: E731
        zone,
        form.cleaned_data["local"].name,
        form.cleaned_data["remote"].name,
        underlay=form.cleaned_data["underlay"],
        by=request.platform,
    )
    return ordered(form, act) or form_page(request, "inventory/link_create.html", form, **context)


def _offer_ports(form: LinkForm, zone: Zone, request: PlatformRequest) -> None:
    for name in ("local", "remote"):
        form.offer(
            name,
            url=f"{reverse('inventory:port_choices')}?{urlencode({'zone': zone.slug})}",
            search=lambda words: map(option_of, queries.found_free(zone, words, FOUND)),
            find=lambda key: SurveyedPort.objects.filter(zone=zone, remote_id=key[:64]).first(),
        )


@platform_view
@require_safe
def port_choices(request: PlatformRequest) -> HttpResponse:
    """The free ports that a picker offers: `?zone=&words=`."""
    only_parameters(request.GET, "zone", "words")
    zone = get_or_404(Zone.objects.all(), slug=request.GET.get("zone", ""))
    return answered(map(option_of, queries.found_free(zone, request.GET.get("words", ""), FOUND)))


def _link(zone: str, remote_id: str) -> SurveyedLink:
    return get_or_404(SurveyedLink.objects.select_related("zone__survey"), zone__slug=zone, remote_id=remote_id)


def _of_link(row: SurveyedLink, last: str) -> dict[str, Any]:
    url = reverse("fabric:link_detail", args=[row.zone.slug, row.remote_id])
    crumbs = [{"label": "Links", "url": reverse("fabric:link_list")}, {"label": row.name, "url": url}]
    return {"cancel_url": url, "crumbs": [*crumbs, {"label": last}]}


@platform_view
@require_http_methods(FORM)
def link_change(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    row = _link(zone, remote_id)
    reason = links.why_not(row)
    context = _of_link(row, "Change") | {"heading": f"Change {row.name}", "reason": reason}
    context |= {"wrong": "Nothing was changed yet", "submit": "Change it", "submit_icon": "check"}
    if reason:
        return form_page(request, "inventory/link_change.html", None, **context)
    is_on = links.underlay_of(row)
    stops = links.what_is_lost(row, request.platform) if is_on else ""
    form = LinkChangeForm(_data(request), is_on=is_on, stops=stops)
    act = lambda: links.change_link(  # noqa: E731
        row,
        underlay=form.cleaned_data["underlay"],
        confirmed=form.cleaned_data.get("confirm", ""),
        by=request.platform,
    )
    return ordered(form, act) or form_page(request, "inventory/link_change.html", form, **context)


@platform_view
@require_http_methods(FORM)
def link_delete(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    row = _link(zone, remote_id)
    reason = links.why_not(row)
    unknown = links.why_unknown(row.zone)
    cut = [] if reason or unknown else links.left_without(row, request.platform)
    form = ConfirmForm(_data(request), name=row.name, is_asked=bool(cut or unknown))
    act = lambda: links.delete_link(  # noqa: E731
        row, confirmed=form.cleaned_data.get("confirm", ""), by=request.platform
    )
    ends = [{"kind": "Device", "name": name, "detail": "has no other link of this kind: it is cut off"} for name in cut]
    context = _of_link(row, "Delete") | {
        "heading": "Delete a link",
        "question": f"Netris no longer sends anything over it. The cable stays where it is. {unknown}".rstrip(),
        "goes": [{"kind": "Link", "name": row.name, "detail": row.plane}, *ends],
        "stays": [],
        "reason": reason,
        "confirm_label": "Delete link",
    }
    return ordered(form, act) or form_page(request, "confirm.html", form, **context)


# --- ports --------------------------------------------------------------------------------------------------------


@platform_view
@require_http_methods(FORM)
def port_change(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    rows = SurveyedPort.objects.select_related("zone__survey")
    row = get_or_404(rows, zone__slug=zone, remote_id=remote_id)
    now = ports.values_now(row)
    url = reverse("fabric:port_list")
    context: dict[str, Any] = {
        "heading": f"Change {row.name}",
        "port": row,
        "reason": None if now else "Netris does not list it any more.",
        "wrong": "Nothing was changed yet",
        "submit": "Change it",
        "submit_icon": "check",
        "cancel_url": url,
        "crumbs": [{"label": "Ports", "url": url}, {"label": row.name}],
    }
    if SurveyedDevice.objects.filter(zone=row.zone, remote_id=row.device_id).exists():
        context["cancel_url"] = reverse("fabric:device_detail", args=[row.zone.slug, row.device_id])
    if now is None:
        return form_page(request, "inventory/port_change.html", None, **context)
    form = PortForm(_data(request), now=now, stops=ports.what_stops(row))
    act = lambda: ports.change_port(  # noqa: E731
        row, form.values, confirmed=form.cleaned_data.get("confirm", ""), by=request.platform
    )
    return ordered(form, act) or form_page(request, "inventory/port_change.html", form, **context)
