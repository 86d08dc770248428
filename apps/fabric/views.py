"""The fabric's pages. They are the platform's, and show what the mirror knows and what is held back."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from apps.fabric.drawings import drawing_of, plan_of
from apps.fabric.queries import basis_of
from apps.fabric.sights import Sight
from apps.kernel.pages import only_parameters, part_or_page, wants_part
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones.models import Zone


@platform_view
@require_safe
def topology(request: PlatformRequest) -> HttpResponse:
    """The map and how old it is; with `device` open as far as that one is seen.

    An open page asks again, and says with `seen` which map it has, and what the page was drawn from. As long as nothing
    else has been read, there is nothing to say. Who opens a part of the map in place asks without it, and is at another
    address then."""
    zones = list(Zone.objects.filter(is_enabled=True))
    if not zones:
        return render(request, "fabric/topology.html", {})
    only_parameters(request.GET, "zone", "open", "device", "seen")
    zone = _chosen(zones, request.GET.get("zone"))
    sight = Sight.of(zone.slug, request.GET)
    basis = basis_of(zone)
    if "device" in request.GET:
        wanted = request.GET["device"][:64]
        opened = [fold.id for fold in plan_of(zone, basis).folds if wanted in fold.members]
        return redirect(f"{reverse('fabric:topology')}?{replace(sight, opened=tuple(opened)).query}#device-{wanted}")
    seen_map, _, seen_state = request.GET.get("seen", "").partition(".")
    if wants_part(request) and seen_state == basis.state:
        return HttpResponse(status=204)
    drawing = drawing_of(zone, basis, sight)
    url = reverse("fabric:topology")
    context = {
        "zone": zone,
        "tabs": [
            {"label": each.name, "url": f"{url}?{urlencode({'zone': each.slug})}", "current": each == zone}
            for each in zones
        ],
        "picture": drawing.plan.picture,
        "drawing": drawing.svg,
        "opened": [(fold, f"{url}?{sight.closing(fold.id).query}") for fold in drawing.opened],
        "folded_url": f"{url}?{sight.folded.query}",
        # What has not changed is not sent again, and so whoever walks through the map with the keyboard keeps their
        # place.
        "has_new_map": seen_map != drawing.map,
        "poll_url": f"{url}?{sight.query}&{urlencode({'seen': f'{drawing.map}.{drawing.plan.state}'})}",
    }
    response = render(request, part_or_page(request, "fabric/topology.html", "fabric"), context)
    if wants_part(request) and not seen_state:
        push_url(response, f"{url}?{sight.query}")
    return response


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
