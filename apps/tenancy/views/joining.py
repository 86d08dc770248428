"""Joining a tenant with a link: with a new account, or with one's own (`behind_links` says how)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.kernel.errors import Refused
from apps.kernel.hashing import TooManyAtOnce
from apps.tenancy import services, sessions, tries
from apps.tenancy.forms import HELD_BACK, KnownForm, NewPasswordForm
from apps.tenancy.models import Invitation, User
from apps.tenancy.services.members import standing_invitation
from apps.tenancy.views.behind_links import BUSY, LinkPage, behind_link, code_of, link_page


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """What the link is for. Nothing is changed by looking."""
    if request.method != "POST":
        return link_page(request, JOIN)
    invitation = _invitation(request)
    return _page(request, invitation) if isinstance(invitation, Invitation) else invitation


@never_cache
@require_POST
def join_as_new(request: HttpRequest) -> HttpResponse:
    invitation = _invitation(request)
    if not isinstance(invitation, Invitation):
        return invitation
    form = NewPasswordForm(_person_of(invitation), request.POST)
    if not form.is_valid():
        return _page(request, invitation, new=form, status=422)
    try:
        user = services.join_as_new(code_of(request), form.cleaned_data["password"])
    except Refused as refusal:
        return _void(request, refusal.message)
    except TooManyAtOnce:
        return _void(request, BUSY, status=HELD_BACK["too-many-at-once"])
    return _enter(request, user, invitation)


@never_cache
@require_POST
def join_as_known(request: HttpRequest) -> HttpResponse:
    """As who is signed in, or signs in with this very form."""
    invitation = _invitation(request)
    if not isinstance(invitation, Invitation):
        return invitation
    form = None
    user = request.user
    if not isinstance(user, User):
        form = KnownForm(request, request.POST)
        if not form.is_valid():
            return _page(request, invitation, known=form, status=422 if form.status == 200 else form.status)
        user = form.get_user()
    try:
        services.join(code_of(request), user)
    except Refused as refusal:
        return _void(request, refusal.message)
    return _enter(request, user, invitation, form.attempt if form else None)


JOIN = LinkPage("Join a tenant", "join")


def _invitation(request: HttpRequest) -> Invitation | HttpResponse:
    """The one behind the code that was sent; or the page that says that there is none."""
    return behind_link(request, JOIN, standing_invitation)


def _page(request: HttpRequest, invitation: Invitation, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "invitation": invitation,
        "code": code_of(request),
        "new": forms.get("new") or NewPasswordForm(_person_of(invitation)),
        "known": forms.get("known") or KnownForm(request),
        "wants_known": "known" in forms,
    }
    return render(request, "tenancy/join.html", context, status=status)


def _void(request: HttpRequest, message: str, *, status: int = 422) -> HttpResponse:
    return link_page(request, JOIN, message, status=status)


def _person_of(invitation: Invitation) -> User:
    """Whom a password must not be like."""
    return User(username=invitation.username, email=invitation.email)


def _enter(
    request: HttpRequest, user: User, invitation: Invitation, attempt: tries.Attempt | None = None
) -> HttpResponse:
    if request.user != user:
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        sessions.note(request)
    response = redirect("networks:overview", invitation.tenant.slug)
    if attempt is not None:
        attempt.succeed(response)
    return response
