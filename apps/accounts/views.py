"""The platform's pages about tenants."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts import queries, services
from apps.accounts.forms import TenantForm
from apps.kernel.errors import Refused
from apps.kernel.forms import ListForm
from apps.kernel.pages import found, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.operations.models import Operation
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.tenancy.models import Tenant


@platform_view
@require_safe
def tenant_list(request: PlatformRequest) -> HttpResponse:
    form = ListForm(request.GET)
    page = page_of(form.kept(queries.search_tenants(request.platform, words=form.words)), request)
    rows = queries.accounts_of(page, by=request.platform).items()
    context = {"form": form, "page": page, "rows": rows, "live_words": found(page, "tenant")}
    return render(request, part_or_page(request, "accounts/tenant_list.html", "results"), context)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def tenant_create(request: PlatformRequest) -> HttpResponse:
    form = TenantForm(request.POST or None)
    if form.is_valid():
        try:
            tenant, started = services.create_tenant(**form.cleaned_data, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            zones = len(started)
            messages.success(request, f"{tenant} is here. Accounts are being made in {zones} zone{'s'[: zones != 1]}.")
            return redirect("accounts:tenant_detail", tenant.slug)
    crumbs = [{"label": "Tenants", "url": reverse("accounts:tenant_list")}, {"label": "New tenant"}]
    status = 422 if form.errors else 200
    return render(request, "accounts/tenant_create.html", {"form": form, "crumbs": crumbs}, status=status)


@platform_view
@require_safe
def tenant_detail(request: PlatformRequest, slug: str) -> HttpResponse:
    tenant = get_or_404(Tenant.objects.all(), slug=slug)
    operations = Operation.objects.across(request.platform).filter(tenant=tenant).select_related("tenant", "zone")
    accounts = queries.accounts_of([tenant], by=request.platform)[tenant]
    context = {
        "crumbs": [{"label": "Tenants", "url": reverse("accounts:tenant_list")}, {"label": tenant.name}],
        "tenant": tenant,
        "members": tenant.memberships.select_related("user").order_by("role", "user__username"),
        "accounts": accounts,
        "is_moving": any(account.status in ("building", "removing") for account in accounts),
        "operations": operations[:10],
    }
    return render(request, part_or_page(request, "accounts/tenant_detail.html", "live"), context)
