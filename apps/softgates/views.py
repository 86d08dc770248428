"""The platform's pages of SoftGates: the fleet of each zone, and one of its nodes."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.kernel.pages import only_parameters, part_or_page
from apps.softgates.capacity import PROFILES
from apps.softgates.curve import render_curve
from apps.softgates.queries import fleets
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view


@platform_view
@require_safe
def softgate_list(request: PlatformRequest) -> HttpResponse:
    """`?cpu=amd` goes by the vendor's figure for AMD: which CPUs the nodes have, Netris does not tell."""
    only_parameters(request.GET, "cpu")
    profile = PROFILES.get(request.GET.get("cpu", "intel"))
    if profile is None:
        raise Http404("No such CPU.")
    found = fleets(profile=profile)
    context = {
        "fleets": [(fleet, render_curve(profile, fleet.rules.dnat_vpcs, fleet.place)) for fleet in found],
        "tabs": [
            {
                "label": each.label,
                "url": f"{reverse('softgates:list')}?cpu={each.key}",
                "current": each == profile,
            }
            for each in PROFILES.values()
        ],
        "profile": profile,
    }
    return render(request, part_or_page(request, "softgates/softgate_list.html", "fleets"), context)
