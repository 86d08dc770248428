"""The platform's pages of the inventory: lists over all zones, and a page for each device and each link."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.fabric.inventory import queries
from apps.fabric.inventory.forms import (
    DeviceListForm,
    InventoryForm,
    LinkListForm,
    PortListForm,
    SessionListForm,
    SubnetListForm,
)
from apps.fabric.inventory.pages import device_page, link_page
from apps.fabric.inventory.queries import WORST_FIRST, Surveys
from apps.fabric.models import Part, SurveyedDevice, SurveyedLink, SurveyedPort, SurveyedSession, SurveyedSubnet
from apps.kernel.pages import found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view


@platform_view
@require_safe
def device_list(request: PlatformRequest) -> HttpResponse:
    surveys = Surveys.read()
    form = DeviceListForm(request.GET, surveys)
    page = page_of(_narrowed(SurveyedDevice.objects.all(), form, request, queries.DEVICE_SORTS), request)
    rows = queries.device_lines(page, surveys)
    return _listed(request, "device", page, rows, form, Part.DEVICE)


@platform_view
@require_safe
def link_list(request: PlatformRequest) -> HttpResponse:
    surveys = Surveys.read()
    form = LinkListForm(request.GET, surveys)
    page = page_of(_narrowed(SurveyedLink.objects.all(), form, request, queries.SORTS), request)
    return _listed(request, "link", page, queries.link_lines(page, surveys), form, Part.LINK)


@platform_view
@require_safe
def port_list(request: PlatformRequest) -> HttpResponse:
    surveys = Surveys.read()
    form = PortListForm(request.GET, surveys)
    page = page_of(_narrowed(SurveyedPort.objects.all(), form, request, queries.SORTS), request)
    return _listed(request, "port", page, queries.port_lines(page, surveys), form, Part.PORT)


@platform_view
@require_safe
def subnet_list(request: PlatformRequest) -> HttpResponse:
    surveys = Surveys.read()
    form = SubnetListForm(request.GET, surveys)
    page = page_of(_narrowed(SurveyedSubnet.objects.all(), form, request, queries.SUBNET_SORTS, "prefix"), request)
    return _listed(request, "subnet", page, queries.subnet_lines(page, surveys), form, Part.SUBNET, "prefix")


@platform_view
@require_safe
def session_list(request: PlatformRequest) -> HttpResponse:
    surveys = Surveys.read()
    form = SessionListForm(request.GET, surveys)
    page = page_of(_narrowed(SurveyedSession.objects.all(), form, request, queries.SORTS), request)
    return _listed(request, "session", page, queries.session_lines(page, surveys), form, Part.SESSION)


@platform_view
@require_safe
def device_detail(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    row = get_or_404(SurveyedDevice.objects.select_related("zone__survey"), zone__slug=zone, remote_id=remote_id)
    crumbs = [{"label": "Devices", "url": reverse("fabric:device_list")}, {"label": row.name}]
    context = {"shown": device_page(row, request.platform), "crumbs": crumbs}
    return render(request, part_or_page(request, "fabric/inventory/device_detail.html", "part"), context)


@platform_view
@require_safe
def link_detail(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    row = get_or_404(SurveyedLink.objects.select_related("zone__survey"), zone__slug=zone, remote_id=remote_id)
    crumbs = [{"label": "Links", "url": reverse("fabric:link_list")}, {"label": row.name}]
    context = {"shown": link_page(row), "crumbs": crumbs}
    return render(request, part_or_page(request, "fabric/inventory/link_detail.html", "part"), context)


def _narrowed(
    rows: QuerySet[Any], form: InventoryForm, request: PlatformRequest, sorts: queries.Sorts, usual: str = WORST_FIRST
) -> QuerySet[Any]:
    order = sorts.get(request.GET.get("sort", usual), sorts[usual])
    return form.kept(queries.narrowed(rows, form.surveys, **form.wanted)).order_by(*order)


def _listed(
    request: PlatformRequest,
    noun: str,
    page: Any,
    rows: list[Any],
    form: InventoryForm,
    part: Part,
    usual: str = WORST_FIRST,
) -> HttpResponse:
    return list_page(
        request,
        f"fabric/inventory/{noun}_list.html",
        page,
        caption=f"{noun.capitalize()}s",
        words=found(page, noun),
        rows=rows,
        form=form,
        sort=request.GET.get("sort", usual),
        readings=form.surveys.readings(part),
    )
