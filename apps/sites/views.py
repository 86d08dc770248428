"""The platform's pages of one site, and of what can be done to it. The list is the inventory's."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.fabric.inventory.queries import Surveys, device_lines, subnet_lines
from apps.fabric.models import SurveyedSite
from apps.kernel.errors import Refused
from apps.kernel.forms import Refusable
from apps.kernel.pages import only_parameters, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.operations.models import Operation
from apps.sites import services
from apps.sites.forms import SiteForm
from apps.sites.models import Site
from apps.sites.queries import devices_of, facts_of, line_of, subnets_of, why_not_change, why_not_delete
from apps.sites.specs import SiteChange, SiteSpec
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view

FORM = ["GET", "HEAD", "POST"]
#: What is in one, and what was done to it, as its page shows.
MOST, MOST_OPERATIONS = 50, 10


@platform_view
@require_safe
def site_detail(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    row = _row(zone, remote_id)
    surveys = Surveys({row.zone_id: row.zone.survey})
    line, count = line_of(row), subnets_of(row).count()
    ids = [row.pk, Site.id_of(row.zone, row.name)]
    context = {
        "line": line,
        "devices": device_lines(devices_of(row).order_by("badness", "sort_key", "pk")[:MOST], surveys),
        "subnets": subnet_lines(subnets_of(row).order_by("sort_key", "pk")[:MOST], surveys),
        "subnet_count": count,
        "operations": Operation.objects.across(request.platform).filter(resource_id__in=ids)[:MOST_OPERATIONS],
        "why_not_change": why_not_change(row),
        "why_not_delete": why_not_delete(line, count),
        "crumbs": [*_crumbs(), {"label": row.name}],
    }
    return render(request, part_or_page(request, "sites/site_detail.html", "part"), context)


@platform_view
@require_http_methods(FORM)
def site_create(request: PlatformRequest) -> HttpResponse:
    only_parameters(request.GET)
    form = SiteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            spec = SiteSpec.parse(form.said)
            operation = services.create_site(form.cleaned_data["zone"], spec, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return redirect("operations:platform_detail", operation.pk)
    return _form(request, form, "Create a site", "Nothing was created", "Create", "plus", reverse("fabric:site_list"))


@platform_view
@require_http_methods(FORM)
def site_change(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    row = _row(zone, remote_id)
    now = facts_of(row)
    form = SiteForm(request.POST if request.method == "POST" else None, now=now)
    if form.is_valid():
        try:
            operation = services.change_site(row, SiteChange.parse(form.said, now), by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return redirect("operations:platform_detail", operation.pk)
    back = reverse("sites:detail", args=[zone, remote_id])
    heading = f"Change site {row.name}"
    return _form(request, form, heading, "Nothing was changed", "Change", "check", back, why_not_change(row))


@platform_view
@require_http_methods(FORM)
def site_delete(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    row = _row(zone, remote_id)
    form = Refusable(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            operation = services.delete_site(row, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return redirect("operations:platform_detail", operation.pk)
    back = reverse("sites:detail", args=[zone, remote_id])
    context = {
        "heading": f"Delete site {row.name}",
        "question": "It is deleted in Netris.",
        "goes": [{"kind": "Site", "name": row.name, "detail": f"ASN {row.public_asn}"}],
        "form": form,
        "confirm_label": "Delete site",
        "cancel_url": back,
        "reason": why_not_delete(line_of(row), subnets_of(row).count()),
        "crumbs": [*_crumbs(), {"label": row.name, "url": back}, {"label": "Delete"}],
    }
    return render(request, "confirm.html", context, status=422 if form.errors else 200)


def _form(
    request: PlatformRequest,
    form: SiteForm,
    heading: str,
    wrong: str,
    submit: str,
    icon: str,
    back: str,
    reason: str | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "heading": heading,
        "form": form,
        "wrong": wrong,
        "submit": submit,
        "submit_icon": icon,
        "cancel_url": back,
        "reason": reason,
        "crumbs": [*_crumbs(), {"label": heading}],
    }
    return render(request, "form.html", context, status=422 if form.errors else 200)


def _row(zone: str, remote_id: str) -> SurveyedSite:
    return get_or_404(SurveyedSite.objects.select_related("zone__survey"), zone__slug=zone, remote_id=remote_id)


def _crumbs() -> list[dict[str, str]]:
    return [{"label": "Sites", "url": reverse("fabric:site_list")}]
