"""The platform's pages of one site, and of what can be done to it. The list is the inventory's."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.fabric.inventory.queries import Surveys, device_lines, subnet_lines
from apps.fabric.models import SurveyedSite
from apps.kernel.forms import Refusable
from apps.kernel.pages import form_page, only_parameters, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.operations.models import Operation
from apps.operations.views import ordered
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

    def create() -> Operation:
        return services.create_site(form.cleaned_data["zone"], SiteSpec.parse(form.said), by=request.platform)

    back = reverse("fabric:site_list")
    page = ordered(form, create)
    return page or _form(request, form, "Create a site", "Nothing was created", "Create", "plus", back, None)


@platform_view
@require_http_methods(FORM)
def site_change(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    row = _row(zone, remote_id)
    now = facts_of(row)
    form = SiteForm(request.POST if request.method == "POST" else None, now=now)
    page = ordered(form, lambda: services.change_site(row, SiteChange.parse(form.said, now), by=request.platform))
    back = reverse("sites:detail", args=[zone, remote_id])
    heading = f"Change site {row.name}"
    return page or _form(request, form, heading, "Nothing was changed", "Change", "check", back, why_not_change(row))


@platform_view
@require_http_methods(FORM)
def site_delete(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    row = _row(zone, remote_id)
    form = Refusable(request.POST if request.method == "POST" else None)
    if page := ordered(form, lambda: services.delete_site(row, by=request.platform)):
        return page
    back = reverse("sites:detail", args=[zone, remote_id])
    context = {
        "heading": f"Delete site {row.name}",
        "question": "It is deleted in Netris.",
        "goes": [{"kind": "Site", "name": row.name, "detail": f"ASN {row.public_asn}"}],
        "confirm_label": "Delete site",
        "cancel_url": back,
        "reason": why_not_delete(line_of(row), subnets_of(row).count()),
        "crumbs": [*_crumbs(), {"label": row.name, "url": back}, {"label": "Delete"}],
    }
    return form_page(request, "confirm.html", form, **context)


def _form(
    request: PlatformRequest,
    form: SiteForm,
    heading: str,
    wrong: str,
    submit: str,
    icon: str,
    back: str,
    reason: str | None,
) -> HttpResponse:
    words = {"heading": heading, "wrong": wrong, "submit": submit, "submit_icon": icon}
    crumbs = [*_crumbs(), {"label": heading}]
    return form_page(request, "form.html", form, cancel_url=back, reason=reason, crumbs=crumbs, **words)


def _row(zone: str, remote_id: str) -> SurveyedSite:
    return get_or_404(SurveyedSite.objects.select_related("zone__survey"), zone__slug=zone, remote_id=remote_id)


def _crumbs() -> list[dict[str, str]]:
    return [{"label": "Sites", "url": reverse("fabric:site_list")}]
