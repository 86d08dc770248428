"""What a tenant has and may have of each resource, and what it has asked for."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.kernel.errors import Refused
from apps.kernel.pages import form_page, found, list_page, only_parameters, page_of
from apps.kernel.shortcuts import get_or_404
from apps.quotas import requests
from apps.quotas.forms import QuotaRequestForm
from apps.quotas.queries import quotas_of
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.queries import why_not_write

ASKED = "Your provider is asked. Until it answers the limit stays as it is."


@tenant_view
@require_safe
def quota_list(request: TenantRequest) -> HttpResponse:
    """The requests, under the quotas."""
    only_parameters(request.GET, "page")
    page = page_of(requests.requests_of(request.tenant), request)
    waiting = sum(row.waits for row in page)
    words = f"{found(page, 'request')}, {waiting} waiting"
    return list_page(
        request,
        "quotas/quota_list.html",
        page,
        caption="Quotas",
        words=words,
        quotas=quotas_of(request.tenant),
        why_not=why_not_write(request.membership),
    )


@tenant_form
@require_http_methods(["GET", "HEAD", "POST"])
def request_create(request: TenantRequest) -> HttpResponse:
    """`?resource=` is the key of one."""
    only_parameters(request.GET, "resource")
    data = request.POST if request.method == "POST" else None
    form = QuotaRequestForm(data, quotas_of(request.tenant), request.GET.get("resource", ""))
    list_url = reverse("quotas:list", args=[request.tenant.slug])
    if form.is_valid():
        try:
            requests.ask(request.tenant, form.spec, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, ASKED)
            return redirect(list_url)
    context = {
        "heading": "Ask for more",
        "wrong": "Nothing was asked for yet",
        "submit": "Ask your provider",
        "submit_icon": "send",
        "cancel_url": list_url,
        "crumbs": [{"label": "Quotas", "url": list_url}, {"label": "Ask for more"}],
    }
    return form_page(request, "quotas/request_create.html", form, **context)


@tenant_form
@require_POST
def request_withdraw(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = get_or_404(requests.requests_of(request.tenant), pk=pk)
    try:
        requests.withdraw(row, by=request.actor)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, f"Your request for {row} is withdrawn.")
    return redirect("quotas:list", request.tenant.slug)
