"""What belongs to oneself: the password, and where one is signed in."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.kernel.hashing import TooManyAtOnce
from apps.tenancy import services
from apps.tenancy.actors import Actor
from apps.tenancy.decorators import signed_in
from apps.tenancy.forms import ChangePasswordForm
from apps.tenancy.models import User
from apps.tenancy.sessions import sessions_of


@never_cache
@require_safe
@signed_in
def account(request: HttpRequest) -> HttpResponse:
    found = sessions_of(cast(User, request.user), here=request.session.session_key)
    return render(request, "tenancy/account.html", {"sessions": found})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def password(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = ChangePasswordForm(request, user, request.POST if request.method == "POST" else None)
    if form.is_valid() and _change(request, user, form):
        messages.success(request, "Your password is changed. You are signed out everywhere else.")
        back = redirect("account")
        assert form.attempt is not None
        form.attempt.succeed(back)
        return back
    crumbs = [{"label": "Your account", "url": reverse("account")}, {"label": "Change password"}]
    status = 429 if form.wait else 422 if form.errors else 200
    response = render(request, "tenancy/password.html", {"form": form, "crumbs": crumbs}, status=status)
    if form.wait:
        response.headers["Retry-After"] = str(form.wait)
    return response


@never_cache
@require_POST
@signed_in
def end_sessions(request: HttpRequest) -> HttpResponse:
    """One of one's sessions, or all but this one."""
    name = request.POST.get("session") or None
    here = request.session.session_key
    user = cast(User, request.user)
    ended = services.end_sessions(user, name, keep=here, by=Actor.of_user(user))
    messages.success(request, "You are signed out there." if ended else "There was no such session any more.")
    return redirect("account")


def _change(request: HttpRequest, user: User, form: ChangePasswordForm) -> bool:
    try:
        key = request.session.session_key
        services.change_password(user, form.cleaned_data["password"], keep=key, by=Actor.of_user(user))
    except TooManyAtOnce:
        form.add_error(None, "Many people are signing in just now. Try again in some seconds.")
        return False
    update_session_auth_hash(request, user)
    return True
