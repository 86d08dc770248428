"""Tokens: of a tenant, somebody's own and for owners everybody's; and those of the platform, for its admins."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.kernel.errors import Refused
from apps.kernel.pages import page_of
from apps.kernel.shortcuts import get_or_404
from apps.tenancy import services
from apps.tenancy.actors import PlatformRequest, TenantRequest
from apps.tenancy.decorators import member_view, platform_view
from apps.tenancy.forms import TokenForm
from apps.tenancy.models import ApiToken, Role, Scope, Tenant
from apps.tenancy.queries import tokens_of_platform, tokens_seen_by

Request = TenantRequest | PlatformRequest


@dataclass(frozen=True)
class Place:
    """Whose tokens a page is about, and what they open."""

    tenant: Tenant | None
    rows: QuerySet[ApiToken]
    list_url: str
    may_write: bool = True
    shows_whose: bool = True

    @property
    def opens(self) -> str:
        return str(self.tenant) if self.tenant else "the platform"


def _of_tenant(request: TenantRequest) -> Place:
    mine = request.membership
    url = reverse("tokens", args=[request.tenant.slug])
    return Place(request.tenant, tokens_seen_by(mine), url, mine.may_write, mine.role == Role.OWNER)


def _of_platform(request: PlatformRequest) -> Place:
    return Place(None, tokens_of_platform(request.platform), reverse("platform-tokens"))


@member_view
@require_safe
def tokens(request: TenantRequest) -> HttpResponse:
    return _list(request, _of_tenant(request))


@member_view
@require_http_methods(["GET", "HEAD", "POST"])
def token_create(request: TenantRequest) -> HttpResponse:
    return _create(request, _of_tenant(request))


@member_view
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _revoke(request, _of_tenant(request), pk)


@platform_view
@require_safe
def platform_tokens(request: PlatformRequest) -> HttpResponse:
    return _list(request, _of_platform(request))


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def platform_token_create(request: PlatformRequest) -> HttpResponse:
    return _create(request, _of_platform(request))


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def platform_token_revoke(request: PlatformRequest, pk: UUID) -> HttpResponse:
    return _revoke(request, _of_platform(request), pk)


def _list(request: Request, place: Place) -> HttpResponse:
    return render(request, "tenancy/tokens.html", {"place": place, "page": page_of(place.rows, request)})


def _create(request: Request, place: Place) -> HttpResponse:
    """The secret is on the answer to the form, and nowhere else."""
    form = TokenForm(request.POST if request.method == "POST" else None, may_write=place.may_write)
    context = {"form": form, "place": place, "crumbs": _crumbs(place, "New token")}
    if form.is_valid():
        said = form.cleaned_data
        wanted = {"name": said["name"], "scope": Scope(said["scope"]), "days": said["days"]}
        try:
            token, secret = services.issue_token(place.tenant, **wanted, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            shown = {"token": token, "secret": secret, "address": request.build_absolute_uri(reverse("api:vpcs"))}
            return render(request, "tenancy/token_issued.html", context | shown)
    return render(request, "tenancy/token_create.html", context, status=422 if form.errors else 200)


def _revoke(request: Request, place: Place, pk: UUID) -> HttpResponse:
    token = get_or_404(place.rows.select_related("tenant"), pk=pk)
    if request.method == "POST":
        services.revoke_token(token, by=request.actor)
        messages.success(request, f"The token {token} opens nothing any more.")
        return redirect(place.list_url)
    whose = f"{token.created_by}'s" if token.created_by else "issued at the command line"
    context = {
        "heading": f"Revoke {token}",
        "question": "Whatever uses it is refused from its next request on. This cannot be undone.",
        "goes": [{"kind": "Token", "name": token.name, "detail": f"{whose}; {token.get_scope_display().lower()}"}],
        "confirm_label": "Revoke token",
        "cancel_url": place.list_url,
        "crumbs": _crumbs(place, token.name),
    }
    return render(request, "confirm.html", context)


def _crumbs(place: Place, here: str) -> list[dict[str, str]]:
    return [{"label": "Tokens", "url": place.list_url}, {"label": here}]
