"""The platform's pages of SoftGates: the fleet of each zone, and one of its nodes."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.fabric import roles
from apps.fabric.models import SurveyedDevice
from apps.kernel.errors import Refused
from apps.kernel.pages import only_parameters, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.softgates.blast import blast_radius
from apps.softgates.capacity import PROFILES
from apps.softgates.curve import render_curve
from apps.softgates.forms import ConfirmForm
from apps.softgates.pages import gate_page
from apps.softgates.queries import GENERAL, fleets, members
from apps.softgates.services import set_maintenance
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


@platform_view
@require_safe
def softgate_detail(request: PlatformRequest, pk: UUID) -> HttpResponse:
    only_parameters(request.GET)
    row = get_or_404(SurveyedDevice.objects.filter(role=roles.SOFTGATE).select_related("zone__survey"), pk=pk)
    page = gate_page(row, request.platform)
    fleet = page.member.fleet
    has_curve = page.member.node.role == GENERAL
    context = {
        "gate": page,
        "shown": page.device,
        "curve": render_curve(fleet.profile, fleet.rules.dnat_vpcs, fleet.place) if has_curve else "",
        "crumbs": [{"label": "SoftGates", "url": reverse("softgates:list")}, {"label": row.name}],
    }
    return render(request, part_or_page(request, "softgates/softgate_detail.html", "part"), context)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def softgate_maintenance(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """What it would touch, and then the operation. A node that is in maintenance is offered the way out of it."""
    device = get_or_404(SurveyedDevice.objects.filter(role=roles.SOFTGATE).select_related("zone__survey"), pk=pk)
    [member] = members([device])
    radius = blast_radius(member, request.platform)
    is_on = not member.node.is_in_maintenance
    form = ConfirmForm(
        request.POST if request.method == "POST" else None, name=device.name, is_asked=is_on and radius.is_last
    )
    if request.method == "POST" and form.is_valid():
        confirmed = form.cleaned_data.get("confirm", "")
        try:
            operation = set_maintenance(device, is_on=is_on, confirmed=confirmed, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return redirect("operations:platform_detail", operation.pk)
    url = reverse("softgates:list")
    context = {
        "heading": f"Put {device.name} into maintenance" if is_on else f"Take {device.name} out of maintenance",
        "is_on": is_on,
        "form": form,
        "device": device,
        "radius": radius,
        "cancel_url": url,
        "crumbs": [{"label": "SoftGates", "url": url}, {"label": device.name}],
    }
    status = 422 if form.errors else 200
    return render(request, "softgates/maintenance.html", context, status=status)
