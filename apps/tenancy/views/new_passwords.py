"""Setting a new password with a link, for who has forgotten theirs (`behind_links` says how it is opened)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.kernel.errors import Refused
from apps.kernel.hashing import TooManyAtOnce
from apps.tenancy import services
from apps.tenancy.forms import HELD_BACK, NewPasswordForm
from apps.tenancy.models import User
from apps.tenancy.passwordlinks import person_of
from apps.tenancy.views.behind_links import BUSY, LinkPage, behind_link, code_of, link_page

PAGE = LinkPage("Set a new password", "new-password")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    """Nothing is changed by looking."""
    if request.method != "POST":
        return link_page(request, PAGE)
    user = behind_link(request, PAGE, person_of)
    return _form(request, NewPasswordForm(user)) if isinstance(user, User) else user


@never_cache
@require_POST
def set_password(request: HttpRequest) -> HttpResponse:
    user = behind_link(request, PAGE, person_of)
    if not isinstance(user, User):
        return user
    form = NewPasswordForm(user, request.POST)
    if not form.is_valid():
        return _form(request, form, status=422)
    try:
        services.set_password_with_link(code_of(request), form.cleaned_data["password"])
    except Refused as refusal:
        return link_page(request, PAGE, refusal.message, status=422)
    except TooManyAtOnce:
        return link_page(request, PAGE, BUSY, status=HELD_BACK["too-many-at-once"])
    messages.success(request, "Your password is set. Sign in with it.")
    return redirect("login")


def _form(request: HttpRequest, form: NewPasswordForm, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "person": form.user, "code": code_of(request)}
    return render(request, "tenancy/new_password.html", context, status=status)
