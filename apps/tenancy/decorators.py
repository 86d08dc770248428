"""Who may open a page. One of `tenant_view`, `tenant_form` and `platform_view` stands on every view, and checks before
it runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from apps.kernel.errors import Forbidden
from apps.kernel.views import forbidden
from apps.tenancy.actors import PlatformRequest, TenantRequest, need_write

SAFE = ("GET", "HEAD", "OPTIONS")


def tenant_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page behind `/t/<slug>/`: for members; what changes something is not for viewers."""
    return _members_view(view, read_by_viewers=True)


def tenant_form(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The same for a page whose one purpose is a change: viewers are told why it is none of theirs."""
    return _members_view(view, read_by_viewers=False)


def _members_view(view: Callable[..., HttpResponse], *, read_by_viewers: bool) -> Callable[..., HttpResponse]:
    @never_cache
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        membership = getattr(request, "membership", None)
        if membership is None:
            raise Http404("No such tenant.")
        if request.method not in SAFE or not read_by_viewers:
            try:
                need_write(membership)
            except Forbidden as refusal:
                return forbidden(request, refusal)
        return view(cast(TenantRequest, request), *args, **kwargs)

    return guarded


def platform_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page of the platform. To everybody else it does not exist."""

    @never_cache
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if getattr(request, "platform", None) is None:
            raise Http404("No such page.")
        return view(cast(PlatformRequest, request), *args, **kwargs)

    return guarded
