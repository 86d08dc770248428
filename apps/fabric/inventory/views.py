"""The platform's pages of the inventory: lists over all zones, and a page for each device and each link."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.fabric.inventory.listings import Listing
from apps.fabric.inventory.pages import device_page, link_page
from apps.fabric.inventory.queries import Surveys
from apps.fabric.models import Part, SurveyedDevice, SurveyedLink
from apps.kernel.pages import found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.sheets import written
from apps.kernel.shortcuts import get_or_404
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones.models import Zone

View = Callable[[PlatformRequest], HttpResponse]


def list_of(listing: Listing) -> View:
    @platform_view
    @require_safe
    def view(request: PlatformRequest) -> HttpResponse:
        form = listing.form(request.GET, Surveys.read())
        page = page_of(listing.narrowed(form, request.GET), request)
        return list_page(
            request,
            f"fabric/inventory/{listing.noun}_list.html",
            page,
            caption=f"{listing.noun.capitalize()}s",
            words=found(page, listing.noun),
            rows=listing.lines(page, form.surveys),
            form=form,
            sort=request.GET.get("sort", listing.usual),
            readings=form.surveys.readings(listing.part),
        )

    return view


def sheet_of(listing: Listing) -> View:
    """The list as a sheet: all of it, narrowed and sorted as the page was."""

    @platform_view
    @require_safe
    def view(request: PlatformRequest) -> HttpResponse:
        form = listing.form(request.GET, Surveys.read())
        if form.fault:
            raise BadRequest(form.fault)
        cells = listing.cells(listing.narrowed(form, request.GET), form.surveys)
        response = HttpResponse(written(list(listing.columns), cells), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="{listing.noun}s.csv"'
        return response

    return view


@platform_view
@require_safe
def device_detail(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    rows = SurveyedDevice.objects.select_related("zone__survey")
    row = rows.filter(zone__slug=zone, remote_id=remote_id).first()
    if row is None:
        return _not_yet(request, Part.DEVICE, zone, remote_id)
    crumbs = [{"label": "Devices", "url": reverse("fabric:device_list")}, {"label": row.name}]
    context = {"shown": device_page(row, request.platform), "crumbs": crumbs}
    return render(request, part_or_page(request, "fabric/inventory/device_detail.html", "part"), context)


@platform_view
@require_safe
def link_detail(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    rows = SurveyedLink.objects.select_related("zone__survey")
    row = rows.filter(zone__slug=zone, remote_id=remote_id).first()
    if row is None:
        return _not_yet(request, Part.LINK, zone, remote_id)
    crumbs = [{"label": "Links", "url": reverse("fabric:link_list")}, {"label": row.name}]
    context = {"shown": link_page(row), "crumbs": crumbs}
    return render(request, part_or_page(request, "fabric/inventory/link_detail.html", "part"), context)


def _not_yet(request: PlatformRequest, part: Part, zone: str, remote_id: str) -> HttpResponse:
    """What the mirror has and no survey has judged yet, as the map draws it a few seconds before there is a page of
    it. The page comes by itself."""
    place = get_or_404(Zone.objects.all(), slug=zone)
    kind = Kind.NETRIS_DEVICE if part == Part.DEVICE else Kind.NETRIS_LINK
    name = mirror.name_of(place, kind, remote_id)
    if name is None:
        raise Http404(f"No such {part.value}.")
    url = reverse(f"fabric:{part.value}_list")
    context = {
        "name": name,
        "noun": part.value,
        "zone": place,
        "read_at": mirror.reading(place, kind).read_at,
        "fresh_for": kind.fresh_for.total_seconds(),
        "crumbs": [{"label": f"{part.value.capitalize()}s", "url": url}, {"label": name}],
    }
    return render(request, part_or_page(request, "fabric/inventory/not_yet.html", "part"), context)
