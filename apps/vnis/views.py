"""The platform's pages of VNIs: ranges, each of which opens down to its numbers; who has them; one number."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.kernel.pages import found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.vnis import queries
from apps.vnis.forms import RangeListForm, VniListForm
from apps.vnis.models import LAST_VNI, Claim, VniRange
from apps.vnis.strip import render_strip
from apps.zones.models import Zone


@platform_view
@require_safe
def range_list(request: PlatformRequest) -> HttpResponse:
    form = RangeListForm(request.GET)
    rows = VniRange.objects.filter(zone__in=form.in_zones).select_related("zone")
    if form.vni is not None:
        rows = rows.filter(vnis__contains=form.vni)
    if kind := form.said("kind"):
        rows = rows.filter(kind=kind)
    page = page_of(form.kept(rows), request)
    lines = queries.range_lines(page)
    return list_page(
        request,
        "vnis/range_list.html",
        page,
        caption="VNIs",
        words=found(page, "range"),
        rows=lines,
        form=form,
        has_zones=len(form.zones) > 1,
        list_url=reverse("vnis:vni_list"),
    )


@platform_view
@require_safe
def range_detail(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """The range, or a part of it from one cell of its strip."""
    only_parameters(request.GET, "from", "to")
    row = get_or_404(VniRange.objects.select_related("zone"), pk=pk)
    [line] = queries.range_lines([row])
    first, last = queries.opened(row, _number(request.GET, "from", row.start), _number(request.GET, "to", row.end))
    cells = queries.cells(request.platform, row, first, last)
    held = [cell for cell in cells if cell.free < cell.size]
    is_whole = (first, last) == (row.start, row.end)
    here = f"{first} to {last}"
    context = {
        "line": line,
        "row": row,
        "here": here,
        "is_whole": is_whole,
        "is_grid": cells[0].size == 1,
        "strip": render_strip(cells, f"VNIs {here}"),
        "cells": held[: queries.LINES],
        "more": max(len(held) - queries.LINES, 0),
        "shares": queries.largest(request.platform, row),
        "crumbs": [
            {"label": "VNIs", "url": reverse("vnis:range_list")},
            {"label": str(row), "url": "" if is_whole else reverse("vnis:range_detail", args=[row.pk])},
            *([] if is_whole else [{"label": here}]),
        ],
        "live_words": f"{line.free} free",
    }
    return render(request, part_or_page(request, "vnis/range_detail.html", "part"), context)


@platform_view
@require_safe
def vni_list(request: PlatformRequest) -> HttpResponse:
    form = VniListForm(request.GET)
    rows = form.narrowed(Claim.objects.across(request.platform).now())
    page = page_of(rows.select_related("zone", "tenant"), request)
    fresh = queries.freshness({claim.zone for claim in page})
    return list_page(
        request,
        "vnis/vni_list.html",
        page,
        caption="Who has which VNI",
        words=found(page, "number"),
        rows=[(claim, fresh[claim.zone_id]) for claim in page],
        form=form,
        crumbs=[{"label": "VNIs", "url": reverse("vnis:range_list")}, {"label": "Who has which"}],
        has_zones=len(form.zones) > 1,
    )


@platform_view
@require_safe
def vni_detail(request: PlatformRequest, zone: str, vni: int) -> HttpResponse:
    only_parameters(request.GET)
    if vni > LAST_VNI:
        raise BadRequest(f"A VNI is a number from 0 to {LAST_VNI}.")
    shown = queries.number(request.platform, get_or_404(Zone.objects.all(), slug=zone), vni)
    crumbs = [{"label": "VNIs", "url": reverse("vnis:range_list")}]
    if shown.range is not None:
        crumbs.append({"label": str(shown.range), "url": reverse("vnis:range_detail", args=[shown.range.pk])})
    context = {
        "shown": shown,
        "crumbs": [*crumbs, {"label": str(vni)}],
        "live_words": shown.verdict.text,
    }
    return render(request, part_or_page(request, "vnis/vni_detail.html", "part"), context)


def _number(address: QueryDict, name: str, otherwise: int) -> int:
    text = address.get(name)
    if text is None:
        return otherwise
    if text.isascii() and text.isdecimal() and len(text) < 9:
        return int(text)
    raise BadRequest(f"“{name}” is a number from 0 to {LAST_VNI}.")
