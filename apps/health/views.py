"""Whether Weft itself is well. The platform's alone."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.health import queries
from apps.kernel.pages import part_or_page
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view


@platform_view
@require_safe
def health(request: PlatformRequest) -> HttpResponse:
    context = {"health": queries.health(request.platform)}
    return render(request, part_or_page(request, "health/health.html", "health"), context)
