"""Somebody's tokens of a tenant; for owners, everybody's."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.kernel.errors import Refused
from apps.kernel.pages import page_of
from apps.kernel.shortcuts import get_or_404
from apps.tenancy import services
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import member_view
from apps.tenancy.forms import TokenForm
from apps.tenancy.models import Role, Scope
from apps.tenancy.queries import tokens_seen_by


@member_view
@require_safe
def tokens(request: TenantRequest) -> HttpResponse:
    page = page_of(tokens_seen_by(request.membership), request)
    is_owner = request.membership.role == Role.OWNER
    return render(request, "tenancy/tokens.html", {"page": page, "is_owner": is_owner})


@member_view
@require_http_methods(["GET", "HEAD", "POST"])
def token_create(request: TenantRequest) -> HttpResponse:
    """The secret is on the answer to the form, and nowhere else."""
    form = TokenForm(request.membership, request.POST if request.method == "POST" else None)
    crumbs = _crumbs(request, "New token")
    if form.is_valid():
        said = form.cleaned_data
        try:
            token, secret = services.issue_token(
                request.tenant, name=said["name"], scope=Scope(said["scope"]), days=said["days"], by=request.actor
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            address = request.build_absolute_uri(reverse("api:vpcs"))
            shown = {"token": token, "secret": secret, "address": address, "crumbs": crumbs}
            return render(request, "tenancy/token_issued.html", shown)
    context = {"form": form, "crumbs": crumbs}
    return render(request, "tenancy/token_create.html", context, status=422 if form.errors else 200)


@member_view
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: TenantRequest, pk: UUID) -> HttpResponse:
    token = get_or_404(tokens_seen_by(request.membership).select_related("tenant"), pk=pk)
    list_url = reverse("tokens", args=[request.tenant.slug])
    if request.method == "POST":
        services.revoke_token(token, by=request.actor)
        messages.success(request, f"The token {token} opens nothing any more.")
        return redirect(list_url)
    whose = f"{token.created_by}'s" if token.created_by else "issued at the command line"
    context = {
        "heading": f"Revoke {token}",
        "question": "Whatever uses it is refused from its next request on. This cannot be undone.",
        "goes": [{"kind": "Token", "name": token.name, "detail": f"{whose}; {token.get_scope_display().lower()}"}],
        "confirm_label": "Revoke token",
        "cancel_url": list_url,
        "crumbs": _crumbs(request, token.name),
    }
    return render(request, "confirm.html", context)


def _crumbs(request: TenantRequest, here: str) -> list[dict[str, str]]:
    return [{"label": "Tokens", "url": reverse("tokens", args=[request.tenant.slug])}, {"label": here}]
