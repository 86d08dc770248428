"""The platform's pages of imports: bringing a sheet, the report on it, and what came of its rows."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.imports import services
from apps.imports.forms import RowListForm, SheetForm
from apps.imports.kinds import all_kinds
from apps.imports.models import Import
from apps.imports.queries import counts, counts_of
from apps.kernel.errors import Refused
from apps.kernel.pages import found, list_page, only_parameters, page_of
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view


@platform_view
@require_safe
def import_list(request: PlatformRequest) -> HttpResponse:
    page = page_of(Import.objects.all(), request)
    told = counts_of(page)
    rows = [(each, told[each.pk]) for each in page]
    return list_page(
        request, "imports/import_list.html", page, caption="Imports", words=found(page, "import"), rows=rows
    )


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def import_create(request: PlatformRequest) -> HttpResponse:
    """`?kind=` chooses what it is of."""
    only_parameters(request.GET, "kind")
    form = SheetForm(request.POST if request.method == "POST" else None, kind=request.GET.get("kind", ""))
    if form.is_valid():
        try:
            imported = services.bring(**form.cleaned_data, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return redirect("imports:detail", imported.pk)
    context = {
        "heading": "Import a sheet",
        "form": form,
        "kinds": all_kinds(),
        "wrong": "Nothing was read of this sheet",
        "submit": "Check it",
        "submit_icon": "search",
        "cancel_url": reverse("imports:list"),
        "crumbs": [_crumb(), {"label": "Import a sheet"}],
    }
    return render(request, "imports/import_create.html", context, status=422 if form.errors else 200)


@platform_view
@require_safe
def import_detail(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """The report: each row with what is wrong with it or what would be sent, and then what came of it."""
    imported = get_or_404(Import.objects.all(), pk=pk)
    form, told = RowListForm(request.GET), counts(imported)
    rows = form.kept(imported.rows.select_related("operation"))
    if form.words:
        rows = rows.filter(what__icontains=form.words)
    if standing := form.said("standing"):
        rows = rows.filter(standing=standing)
    return list_page(
        request,
        "imports/import_detail.html",
        page_of(rows, request),
        caption=str(imported),
        words=told.words,
        form=form,
        imported=imported,
        counts=told,
        why_not_send=imported.why_not("send", told),
        why_not_stop=imported.why_not("stop", told),
        every=5 if imported.standing == "sending" else 30,
        crumbs=[_crumb(), {"label": str(imported)}],
    )


@platform_view
@require_POST
def import_send(request: PlatformRequest, pk: UUID) -> HttpResponse:
    return _done(request, pk, services.send)


@platform_view
@require_POST
def import_stop(request: PlatformRequest, pk: UUID) -> HttpResponse:
    return _done(request, pk, services.stop)


def _done(request: PlatformRequest, pk: UUID, service: Callable[..., Import]) -> HttpResponse:
    imported = get_or_404(Import.objects.all(), pk=pk)
    try:
        service(imported, by=request.platform)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect("imports:detail", pk)


def _crumb() -> dict[str, str]:
    return {"label": "Imports", "url": reverse("imports:list")}
