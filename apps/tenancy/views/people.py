"""Everybody who has an account, for the platform."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.kernel.errors import Refused
from apps.kernel.pages import found, list_page, page_of
from apps.kernel.shortcuts import get_or_404
from apps.tenancy import services
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.tenancy.forms import PeopleListForm
from apps.tenancy.links import link_of
from apps.tenancy.queries import search_people
from apps.tenancy.services.people import why_not_disable


@platform_view
@require_safe
def people(request: PlatformRequest) -> HttpResponse:
    form = PeopleListForm(request.GET)
    page = page_of(form.kept(search_people(request.platform, words=form.words)), request)
    words = found(page, "person", "people")
    return list_page(request, "tenancy/people.html", page, caption="People", words=words, form=form)


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def person_disable(request: PlatformRequest, pk: UUID) -> HttpResponse:
    user = get_or_404(search_people(request.platform), uuid=pk)
    reason = why_not_disable(user, request.actor)
    if request.method == "POST":
        try:
            services.disable_person(user, by=request.platform)
        except Refused as refusal:
            reason = refusal.message
        else:
            messages.success(request, f"{user} is signed out everywhere and cannot sign in.")
            return redirect("people")
    url = reverse("people")
    context = {
        "heading": f"Disable {user}",
        "question": f"{user} cannot sign in any more, until somebody enables them again.",
        "goes": [
            {"kind": "Sessions", "name": "All of them", "detail": "end at once"},
            {"kind": "Tokens", "name": "All of them", "detail": "open nothing until then"},
        ],
        "stays": [
            {"kind": "Member of", "name": each.tenant.name, "detail": each.get_role_display()}
            for each in user.memberships.all()
        ],
        "confirm_label": "Disable person",
        "cancel_label": "Cancel",
        "cancel_url": url,
        "crumbs": [{"label": "People", "url": url}, {"label": str(user)}],
        "reason": reason,
    }
    return render(request, "confirm.html", context, status=422 if request.method == "POST" else 200)


@platform_view
@require_POST
def person_password(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """A link for who has forgotten their password. It is on this answer, and nowhere else."""
    user = get_or_404(search_people(request.platform), uuid=pk)
    try:
        secret = services.offer_password(user, by=request.platform)
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect("people")
    crumbs = [{"label": "People", "url": reverse("people")}, {"label": str(user)}]
    context = {"person": user, "link": link_of(request, secret, to="new-password"), "crumbs": crumbs}
    return render(request, "tenancy/password_link.html", context)


@platform_view
@require_POST
def person_enable(request: PlatformRequest, pk: UUID) -> HttpResponse:
    user = get_or_404(search_people(request.platform), uuid=pk)
    services.enable_person(user, by=request.platform)
    messages.success(request, f"{user} can sign in again.")
    return redirect("people")
