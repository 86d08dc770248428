"""The platform's pages of zones: whether both systems answer, and what can be done about it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.fabric.zones.queries import zone_rows
from apps.fabric.zones.services import reconnect_host
from apps.kernel.errors import Refused
from apps.kernel.pages import part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones.models import Zone


@platform_view
@require_safe
def zone_list(request: PlatformRequest) -> HttpResponse:
    context = {"rows": zone_rows(request.platform)}
    return render(request, part_or_page(request, "zones/list.html", "zones"), context)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
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
