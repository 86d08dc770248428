"""The first page of who runs the platform. It is the platform's alone."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.kernel.pages import only_parameters, part_or_page
from apps.overview.queries import overview_of
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view


@platform_view
@require_safe
def fabric(request: PlatformRequest) -> HttpResponse:
    only_parameters(request.GET)
    shown = overview_of(request.platform)
    context = {"shown": shown, "live_words": f"Fabric: {shown.headline}."}
    return render(request, part_or_page(request, "overview/fabric.html", "now"), context)
