"""What is in a remote under a name of Weft's and belongs to no row. The platform's alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.kernel.errors import Refused
from apps.kernel.pages import found, list_page, page_of
from apps.kernel.shortcuts import get_or_404
from apps.operations.models import Operation
from apps.strays import services
from apps.strays.forms import ConfirmForm
from apps.strays.models import Stray
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view


@platform_view
@require_safe
def stray_list(request: PlatformRequest) -> HttpResponse:
    page = page_of(Stray.objects.there().select_related("zone"), request)
    live = Operation.objects.across(request.platform).live().filter(resource_id__in=[stray.pk for stray in page])
    at_work = {operation.resource_id: operation for operation in live}
    rows = [(stray, at_work.get(stray.pk)) for stray in page]
    return list_page(request, "strays/stray_list.html", page, caption="Strays", words=found(page, "stray"), rows=rows)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def stray_remove(request: PlatformRequest, pk: UUID) -> HttpResponse:
    stray = _stray(pk)
    context = {
        "heading": f"Remove {stray.name}",
        "question": "It is deleted where it is, with all that is in it. This cannot be undone.",
        "confirm_label": "Remove it",
        "confirm_icon": "trash-2",
        "reason": stray.why_not_remove,
    }
    return _confirm(request, stray, services.remove, context)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def stray_adopt(request: PlatformRequest, pk: UUID) -> HttpResponse:
    stray = _stray(pk)
    context = {
        "heading": f"Adopt {stray.name}",
        "question": "Its row takes it on, if it fits. Nothing is changed in CloudStack or Netris.",
        "confirm_label": "Adopt it",
        "confirm_icon": "check",
        "reason": stray.why_not_adopt or None,
    }
    return _confirm(request, stray, services.adopt, context)


def _stray(pk: UUID) -> Stray:
    return get_or_404(Stray.objects.there().select_related("zone"), pk=pk)


def _confirm(
    request: PlatformRequest, stray: Stray, service: Callable[..., Operation], context: dict[str, Any]
) -> HttpResponse:
    form = ConfirmForm(stray, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            operation = service(stray, confirmed=form.cleaned_data["name"], by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return redirect("operations:platform_detail", operation.pk)
    url = reverse("strays:list")
    crumbs = [{"label": "Strays", "url": url}, {"label": stray.name}]
    context |= {"stray": stray, "form": form, "crumbs": crumbs, "cancel_url": url}
    return render(request, "strays/confirm.html", context, status=422 if form.errors else 200)
