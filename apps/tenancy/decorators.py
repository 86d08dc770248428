"""Who may open a page, and who may change something there. One of these stands on every view and checks before it runs.

tenant_view      members look, engineers and owners change
tenant_form      engineers and owners: its one purpose is a change
owner_form       owners: the same
member_view      members look and change: what is their own
platform_view    platform admins
signed_in        everybody who is; it is in all of the others
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from apps.kernel.errors import Forbidden
from apps.kernel.pages import address_in
from apps.kernel.views import forbidden
from apps.tenancy.actors import PlatformRequest, TenantRequest, need_nothing, need_owner, need_write
from apps.tenancy.models import Membership

View = Callable[..., HttpResponse]

SAFE = ("GET", "HEAD", "OPTIONS")


def signed_in(view: View) -> View:
    """Others sign in first and come back: to this address, or to the page on which they pressed a button."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.method in SAFE:
            return redirect_to_login(request.get_full_path())
        return redirect_to_login(address_in(request.headers.get("Referer", "")))

    return guarded


def _for_members(may: Callable[[Membership], None], *, is_form: bool = False) -> Callable[[View], View]:
    """A page behind `/t/<slug>/`. `may` raises `Forbidden` for who may only look; a form is for nobody else at all."""

    def decorate(view: View) -> View:
        @never_cache
        @signed_in
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            membership = getattr(request, "membership", None)
            if membership is None:
                raise Http404("No such tenant.")
            if is_form or request.method not in SAFE:
                try:
                    may(membership)
                except Forbidden as refusal:
                    return forbidden(request, refusal)
            return view(cast(TenantRequest, request), *args, **kwargs)

        return guarded

    return decorate


tenant_view = _for_members(need_write)
tenant_form = _for_members(need_write, is_form=True)
owner_form = _for_members(need_owner, is_form=True)
member_view = _for_members(need_nothing)


def platform_view(view: View) -> View:
    """A page of the platform. To everybody else it does not exist."""

    @never_cache
    @signed_in
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if getattr(request, "platform", None) is None:
            raise Http404("No such page.")
        return view(cast(PlatformRequest, request), *args, **kwargs)

    return guarded
