"""The platform's pages about tenants."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import queries, services
from apps.accounts.forms import OwnerForm, QuotaForm, TenantForm, TenantListForm
from apps.kernel.errors import Refused
from apps.kernel.pages import found, list_page, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.operations.models import Operation
from apps.quotas.queries import quotas_of, quotas_of_several
from apps.quotas.services import change_quotas
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.tenancy.models import Role, Tenant
from apps.tenancy.services import invite
from apps.tenancy.views.members import invited


@platform_view
@require_safe
def tenant_list(request: PlatformRequest) -> HttpResponse:
    form = TenantListForm(request.GET)
    page = page_of(form.kept(queries.search_tenants(request.platform, words=form.words)), request)
    accounts = queries.accounts_of(page, by=request.platform)
    quotas = quotas_of_several(accounts, lambda door: door.across(request.platform))
    rows = [(tenant, zones, quotas[tenant.pk].own_limits) for tenant, zones in accounts.items()]
    words = found(page, "tenant")
    template = "accounts/tenant_list.html"
    return list_page(request, template, page, caption="Tenants", words=words, rows=rows, form=form)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def tenant_create(request: PlatformRequest) -> HttpResponse:
    form = TenantForm(request.POST or None)
    if form.is_valid():
        try:
            tenant, started = services.create_tenant(**form.tenant, by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            zones = len(started)
            messages.success(request, f"{tenant} is here. Its accounts are created in {zones} zone{'s'[: zones != 1]}.")
            return redirect("accounts:tenant_detail", tenant.slug)
    crumbs = [{"label": "Tenants", "url": reverse("accounts:tenant_list")}, {"label": "New tenant"}]
    status = 422 if form.errors else 200
    return render(request, "accounts/tenant_create.html", {"form": form, "crumbs": crumbs}, status=status)


@platform_view
@require_safe
def tenant_detail(request: PlatformRequest, slug: str) -> HttpResponse:
    tenant = _tenant(slug)
    operations = Operation.objects.across(request.platform).filter(tenant=tenant).select_related("tenant", "zone")
    accounts = queries.accounts_of([tenant], by=request.platform)[tenant]
    context = {
        "crumbs": [{"label": "Tenants", "url": reverse("accounts:tenant_list")}, {"label": tenant.name}],
        "tenant": tenant,
        "members": tenant.memberships.select_related("user").order_by("role", "user__username"),
        "accounts": accounts,
        "quotas": quotas_of(tenant),
        "operations": operations[:10],
    }
    return render(request, part_or_page(request, "accounts/tenant_detail.html", "live"), context)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def tenant_quotas(request: PlatformRequest, slug: str) -> HttpResponse:
    tenant = _tenant(slug)
    form = QuotaForm(request.POST if request.method == "POST" else None, quotas_of(tenant))
    if form.is_valid():
        if change_quotas(tenant, form.limits, by=request.platform):
            messages.success(request, "The quotas are changed.")
        else:
            messages.info(request, "Nothing was changed: these are its quotas already.")
        return redirect("accounts:tenant_detail", slug)
    context = {
        "heading": f"Quotas of {tenant}",
        "form": form,
        "wrong": "The quotas were not changed",
        "submit": "Change quotas",
        "cancel_url": reverse("accounts:tenant_detail", args=[slug]),
        "crumbs": _crumbs(tenant, "Quotas"),
    }
    return render(request, "accounts/tenant_quotas.html", context, status=422 if form.errors else 200)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def tenant_invite(request: PlatformRequest, slug: str) -> HttpResponse:
    """A link for an owner: the first, or one more."""
    tenant = _tenant(slug)
    form = OwnerForm(request.POST if request.method == "POST" else None)
    crumbs = _crumbs(tenant, "New owner")
    if form.is_valid():
        try:
            invitation, secret = invite(tenant, form.cleaned_data["email"], Role.OWNER, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            done_url = reverse("accounts:tenant_detail", args=[slug])
            return invited(request, invitation, secret, crumbs=crumbs, done_url=done_url)
    context = {
        "heading": f"New owner of {tenant}",
        "form": form,
        "wrong": "No link was created yet",
        "submit": "Create the link",
        "submit_icon": "link",
        "cancel_url": reverse("accounts:tenant_detail", args=[slug]),
        "crumbs": crumbs,
    }
    return render(request, "accounts/tenant_invite.html", context, status=422 if form.errors else 200)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def tenant_disable(request: PlatformRequest, slug: str) -> HttpResponse:
    tenant = _tenant(slug)
    if request.method == "POST":
        services.disable_tenant(tenant, by=request.platform)
        messages.success(request, f"{tenant} is disabled.")
        return redirect("accounts:tenant_detail", slug)
    context = {
        "heading": f"Disable {tenant}",
        "question": f"Nobody but platform admins can see {tenant} or act in it until it is enabled again.",
        "goes": [
            {"kind": "Members", "name": "All of them", "detail": "see that it is disabled, and nothing else"},
            {"kind": "Tokens", "name": "All of them", "detail": "are refused"},
        ],
        "stays": [
            {"kind": "Networks", "name": "All of them", "detail": "they go on as they are"},
            {"kind": "Operations", "name": "Those under way", "detail": "come to their end"},
        ],
        "confirm_label": "Disable tenant",
        "cancel_label": "Cancel",
        "cancel_url": reverse("accounts:tenant_detail", args=[slug]),
        "crumbs": _crumbs(tenant, "Disable"),
    }
    return render(request, "confirm.html", context)


@platform_view
@require_POST
def tenant_enable(request: PlatformRequest, slug: str) -> HttpResponse:
    tenant = services.enable_tenant(_tenant(slug), by=request.platform)
    messages.success(request, f"{tenant} is enabled again.")
    return redirect("accounts:tenant_detail", slug)


def _tenant(slug: str) -> Tenant:
    return get_or_404(Tenant.objects.all(), slug=slug)


def _crumbs(tenant: Tenant, here: str) -> list[dict[str, str]]:
    of_tenant = {"label": tenant.name, "url": reverse("accounts:tenant_detail", args=[tenant.slug])}
    return [{"label": "Tenants", "url": reverse("accounts:tenant_list")}, of_tenant, {"label": here}]
