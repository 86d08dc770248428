"""The fabric's pages. They are the platform's, and show what the mirror knows and what is held back."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from apps.fabric.drawings import drawing_of
from apps.fabric.queries import basis_of
from apps.kernel.pages import only_parameters, part_or_page, wants_part
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones.models import Zone


@platform_view
@require_safe
def topology(request: PlatformRequest) -> HttpResponse:
    """The map, its tables and how old they are. An open page asks again, and says with `seen` which map it has, and
    what the page was drawn from. As long as nothing else has been read, there is nothing to say."""
    zones = list(Zone.objects.filter(is_enabled=True))
    if not zones:
        return render(request, "fabric/topology.html", {})
    only_parameters(request.GET, "zone", "seen")
    zone = _chosen(zones, request.GET.get("zone"))
    basis = basis_of(zone)
    seen_map, _, seen_state = request.GET.get("seen", "").partition(".")
    if wants_part(request) and seen_state == basis.state:
        return HttpResponse(status=204)
    drawing = drawing_of(zone, basis)
    url = reverse("fabric:topology")
    context = {
        "zone": zone,
        "tabs": [
            {"label": each.name, "url": f"{url}?{urlencode({'zone': each.slug})}", "current": each == zone}
            for each in zones
        ],
        "picture": drawing.picture,
        "drawing": drawing.svg,
        # Map and links are most of the page and seldom change. What has not changed is not sent again, and so whoever
        # walks through the map with the keyboard keeps their place.
        "has_new_map": seen_map != drawing.map,
        "poll_url": f"{url}?{urlencode({'zone': zone.slug, 'seen': f'{drawing.map}.{drawing.state}'})}",
    }
    return render(request, part_or_page(request, "fabric/topology.html", "fabric"), context)


@platform_view
@require_safe
def glossary(request: PlatformRequest) -> HttpResponse:
    """The same page as a tenant's, in the platform's frame."""
    return render(request, "glossary.html")


def _chosen(zones: list[Zone], slug: str | None) -> Zone:
    if slug is None:
        return zones[0]
    for zone in zones:
        if zone.slug == slug:
            return zone
    raise Http404("No such zone.")
