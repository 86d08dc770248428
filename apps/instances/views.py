"""The pages of instances, and what a picker of one asks for. CloudStack makes them; here they are shown."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.instances import queries
from apps.instances.forms import InstanceListForm
from apps.kernel.forms import SEARCH_LENGTH
from apps.kernel.pages import found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.pickers import answered
from apps.kernel.shortcuts import get_or_404
from apps.networks.models import Tier, Vpc
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_view


@tenant_view
@require_safe
def instance_list(request: TenantRequest) -> HttpResponse:
    form = InstanceListForm(request.GET, request.tenant)
    sort = request.GET.get("sort", queries.DEFAULT_SORT)
    order = queries.SORTS.get(sort, queries.SORTS[queries.DEFAULT_SORT])
    page = page_of(form.kept(queries.of(request.tenant, **form.wanted)).order_by(*order), request)
    return list_page(
        request,
        "instances/instance_list.html",
        page,
        caption="Instances",
        words=found(page, "instance"),
        rows=queries.shown(page, Tier.objects.of(request.tenant)),
        form=form,
        sort=sort,
        readings=queries.readings_of(request.tenant),
    )


@tenant_view
@require_safe
def instance_choices(request: TenantRequest) -> HttpResponse:
    """What a picker shows for what is typed; of one VPC alone where the form is about one."""
    only_parameters(request.GET, "words", "vpc")
    vpc = get_or_404(Vpc.objects.of(request.tenant), pk=request.GET["vpc"]) if "vpc" in request.GET else None
    words = request.GET.get("words", "")[:SEARCH_LENGTH]
    return answered(queries.option_of(each) for each in queries.choices(request.tenant, words, vpc=vpc))


@tenant_view
@require_safe
def instance_detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    instance = queries.find(request.tenant, pk)
    if instance is None:
        raise Http404("No such instance.")
    crumbs = [
        {"label": "Instances", "url": reverse("instances:list", args=[request.tenant.slug])},
        {"label": instance.name},
    ]
    context = {
        "instance": instance,
        "crumbs": crumbs,
        "live_words": f"{instance.name} is {instance.state.lower()}",
        "shows_host": request.user.is_platform_admin,
    }
    return render(request, part_or_page(request, "instances/instance_detail.html", "part"), context)
