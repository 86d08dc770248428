"""Finds the tenant of a request from its URL and the caller's memberships, and nowhere else.

    /t/<slug>/...       request.tenant and request.membership; 404 for who is no member, whether it exists or not
                        403 to members while the tenant is disabled
    everything else     request.tenant is None
    any page            request.platform is a `Platform` for platform admins, None for others

The tenant stands in the URL and not in the session, so two tabs in two tenants cannot act for one another. Two tabs of
two people share a session, though: whatever htmx asks for says in the header `Weft-Person` whose the page is.
"""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from apps.kernel.pages import SOMEBODY_ELSE, address_shown, notice, wants_part
from apps.tenancy.actors import Actor, disabled_words, platform_of
from apps.tenancy.models import User


class TenantMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.tenant = None  # type: ignore[attr-defined]
        request.membership = None  # type: ignore[attr-defined]
        request.platform = None  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, kwargs: dict[str, object]
    ) -> HttpResponse | None:
        """Runs after routing. Views never see the slug; anonymous callers go on to the view's own login check."""
        slug = kwargs.pop("tenant_slug", None)
        if not isinstance(request.user, User):
            return None
        if wants_part(request) and request.headers.get("Weft-Person", "") not in ("", str(request.user.uuid)):
            return _of_somebody_else(request, request.user)
        request.actor = Actor.of_user(request.user)  # type: ignore[attr-defined]
        request.platform = platform_of(request.user)  # type: ignore[attr-defined]
        if slug is None:
            return None
        # All of them are few, and the frame of the page shows them too.
        memberships = list(request.user.memberships.select_related("tenant"))
        membership = next((mine for mine in memberships if mine.tenant.slug == slug), None)
        if membership is None:
            raise Http404("No such tenant.")
        if membership.tenant.is_disabled:
            raise PermissionDenied(disabled_words(membership.tenant))
        request.memberships = memberships  # type: ignore[attr-defined]
        request.tenant = membership.tenant  # type: ignore[attr-defined]
        request.membership = membership  # type: ignore[attr-defined]
        return None


def _of_somebody_else(request: HttpRequest, user: User) -> HttpResponse:
    """Nothing is shown on somebody's page, or done from it, as another person who has signed in meanwhile."""
    return notice(
        409,
        SOMEBODY_ELSE,
        f"You are signed in as {user} now, and somebody else has opened this page. What was typed is still here.",
        url=address_shown(request),
        label=f"Open it as {user}",
    )
