"""Signing in, and the way from an address without a tenant to one with it."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.kernel.shortcuts import get_or_404
from apps.tenancy import sessions
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import member_view, signed_in
from apps.tenancy.forms import SignInForm
from apps.tenancy.models import Tenant, User
from apps.tenancy.services import tell_of_rights


class SignIn(LoginView[SignInForm]):
    form_class = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:
        response = super().form_valid(form)
        sessions.note(self.request)
        assert form.attempt is not None
        form.attempt.succeed(response)
        return response

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = form.status
        if form.wait:
            response.headers["Retry-After"] = str(form.wait)
        return response

    def get_success_url(self) -> str:
        """Never back to here: who is signed in already would go round in circles."""
        url = super().get_success_url()
        return self.get_default_redirect_url() if urlsplit(url).path == self.request.path else url


class SignOut(LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        response = super().post(request, *args, **kwargs)
        if isinstance(user, User):
            tell_of_rights(user)
        return response


@never_cache
@require_safe
@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Where somebody's work is: their first tenant, or the fabric for who runs it."""
    tenant = _first_tenant(request)
    if tenant is not None:
        return redirect("networks:overview", tenant.slug)
    if getattr(request, "platform", None) is not None:
        return redirect("overview:fabric")
    return render(request, "tenancy/no_tenant.html")


@never_cache
@require_safe
@signed_in
def into_tenant(request: HttpRequest, rest: str) -> HttpResponse:
    """`/vpcs/` becomes `/t/<slug>/vpcs/`, so that an address can be told without knowing whose it is."""
    tenant = _first_tenant(request)
    if tenant is None:
        raise Http404("No tenant.")
    query = request.META.get("QUERY_STRING")
    return redirect(f"/t/{tenant.slug}/{rest}{'?' if query else ''}{query}")


@never_cache
@require_safe
@signed_in
def session(request: HttpRequest) -> HttpResponse:
    """Nothing, to who is signed in: an open page asks before it sends a form off."""
    return HttpResponse(status=204)


@member_view
@require_safe
def tenant_session(_request: TenantRequest) -> HttpResponse:
    """The same on the pages of a tenant, to who still belongs to it."""
    return HttpResponse(status=204)


@signed_in
@require_POST
def switch_tenant(request: HttpRequest) -> HttpResponse:
    """Go to another of one's tenants. Nothing is remembered: the tenant stands in the address."""
    memberships = cast(User, request.user).memberships.select_related("tenant")
    membership = get_or_404(memberships, tenant__slug=request.POST.get("tenant", ""))
    return redirect("networks:overview", membership.tenant.slug)


def _first_tenant(request: HttpRequest) -> Tenant | None:
    memberships = cast(User, request.user).memberships.filter(tenant__disabled_at=None)
    membership = memberships.select_related("tenant").first()
    return membership.tenant if membership else None
