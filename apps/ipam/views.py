"""The platform's pages of one allocation or subnet, and of what can be done to it. The list is the inventory's."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.fabric.inventory.queries import Surveys, subnet_lines
from apps.fabric.models import SurveyedSubnet
from apps.ipam import services
from apps.ipam.estate import carried_by, why_not_delete, why_not_touch
from apps.ipam.forms import BlockForm
from apps.ipam.models import Block
from apps.ipam.specs import BlockChange, BlockSpec
from apps.kernel.forms import Refusable
from apps.kernel.pages import form_page, only_parameters, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.operations.models import Operation
from apps.operations.views import ordered
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view

FORM = ["GET", "HEAD", "POST"]
#: What lies in one, and what was done to it, as its page shows.
MOST, MOST_OPERATIONS = 100, 10


@platform_view
@require_safe
def block_detail(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    only_parameters(request.GET)
    row = _row(zone, remote_id)
    below = SurveyedSubnet.objects.filter(zone=row.zone, parent_id=row.remote_id).order_by("sort_key", "pk")
    surveys = Surveys.read()
    [line] = subnet_lines([row], surveys)
    inside = subnet_lines(below[: MOST + 1], surveys)
    around = SurveyedSubnet.objects.filter(zone=row.zone, remote_id=row.parent_id).first() if row.parent_id else None
    ids = [row.pk, Block.id_of(row.zone, row.type, row.prefix)]
    context = {
        "line": line,
        "around": around,
        "inside": inside[:MOST],
        "has_more": len(inside) > MOST,
        "operations": Operation.objects.across(request.platform).filter(resource_id__in=ids)[:MOST_OPERATIONS],
        "why_not_change": why_not_touch(row),
        "why_not_delete": why_not_delete(row, carried_by(row)),
        "crumbs": [*_crumbs(), {"label": str(row.prefix or row.name)}],
    }
    return render(request, part_or_page(request, "ipam/block_detail.html", "part"), context)


@platform_view
@require_http_methods(FORM)
def block_create(request: PlatformRequest) -> HttpResponse:
    """`?type=` says which of both."""
    only_parameters(request.GET, "type")
    type_ = request.GET.get("type", Block.SUBNET)
    form = BlockForm(request.POST if request.method == "POST" else None, type_=type_)

    def create() -> Operation:
        zone = form.cleaned_data["zone"]
        return services.create_block(zone, BlockSpec.parse(form.said, site=zone.netris_site), by=request.platform)

    back = reverse("fabric:subnet_list")
    heading = "Create an allocation or a subnet"
    page = ordered(form, create)
    return page or _form(request, form, heading, "Nothing was created", "Create", "plus", back, None)


@platform_view
@require_http_methods(FORM)
def block_change(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    row = _row(zone, remote_id)
    now = services.values_of(row)
    form = BlockForm(request.POST if request.method == "POST" else None, row=row)
    page = ordered(form, lambda: services.change_block(row, BlockChange.parse(form.said, now), by=request.platform))
    back = reverse("ipam:detail", args=[zone, remote_id])
    return page or _form(
        request, form, f"Change {row.prefix}", "Nothing was changed", "Change", "check", back, why_not_touch(row)
    )


@platform_view
@require_http_methods(FORM)
def block_delete(request: PlatformRequest, zone: str, remote_id: str) -> HttpResponse:
    row = _row(zone, remote_id)
    form = Refusable(request.POST if request.method == "POST" else None)
    if page := ordered(form, lambda: services.delete_block(row, by=request.platform)):
        return page
    back = reverse("ipam:detail", args=[zone, remote_id])
    context = {
        "heading": f"Delete {row.type} {row.prefix}",
        "question": "It is deleted in Netris, once that has said that nothing lies in it.",
        "goes": [{"kind": row.type.capitalize(), "name": str(row.prefix), "detail": row.name}],
        "confirm_label": f"Delete {row.type}",
        "cancel_url": back,
        "reason": why_not_delete(row, carried_by(row)),
        "crumbs": [*_crumbs(), {"label": str(row.prefix), "url": back}, {"label": "Delete"}],
    }
    return form_page(request, "confirm.html", form, **context)


def _form(
    request: PlatformRequest,
    form: BlockForm,
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


def _row(zone: str, remote_id: str) -> SurveyedSubnet:
    return get_or_404(
        SurveyedSubnet.objects.select_related("zone__survey", "vpc__tenant"), zone__slug=zone, remote_id=remote_id
    )


def _crumbs() -> list[dict[str, str]]:
    return [{"label": "Subnets", "url": reverse("fabric:subnet_list")}]
