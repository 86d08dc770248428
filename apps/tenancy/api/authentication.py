"""Two ways to prove who calls: a bearer token, or the session of a browser.

    Authorization: Bearer weft_...      a token's caller: its tenant's, or the platform's
    session cookie                      a person: `Weft-Tenant: <slug>` says for which of their tenants; a platform
                                        admin who does not say acts for the platform. Changes need the CSRF token.

A wrong token is 401 and never falls back to the session.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from apps.kernel import clock
from apps.tenancy.actors import Actor, disabled_words, platform_of
from apps.tenancy.api.callers import Caller
from apps.tenancy.models import ApiToken, Membership, Role, Scope, Tenant, User

#: `last_used_at` is no more exact than this, so that a busy token is not a row written with every request.
LAST_USED_STEP = timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[None, Caller] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        digest = ApiToken.hash(secret.strip())
        token = ApiToken.unscoped.usable().select_related("tenant", "created_by").filter(digest=digest).first()
        if token is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.", code="token-invalid")
        if token.tenant is not None:
            need_enabled(token.tenant)
        note_use(token)
        caller = Caller(Actor.of_token(token), token.tenant, platform_of(token), token.role, Scope(token.scope))
        return None, caller

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Weft"'


def note_use(token: ApiToken) -> None:
    now = clock.now()
    if token.last_used_at is None or token.last_used_at <= now - LAST_USED_STEP:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_STEP)
        ApiToken.unscoped.filter(stale, pk=token.pk).update(last_used_at=now)


def need_enabled(tenant: Tenant) -> None:
    if tenant.is_disabled:
        raise PermissionDenied(disabled_words(tenant), code="tenant-disabled")


class BrowserAuthentication(SessionAuthentication):
    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        found = super().authenticate(request)
        if found is None or not isinstance(found[0], User):
            return None
        user = found[0]
        slug = request.headers.get("Weft-Tenant")
        platform = platform_of(user)
        if slug is None and platform is not None:
            return user, Caller(platform.actor, None, platform)
        membership = self._membership(user, slug)
        need_enabled(membership.tenant)
        return user, Caller(Actor.of_user(user), membership.tenant, None, Role(membership.role))

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise PermissionDenied(str(error.detail), code="csrf-failed") from error

    @staticmethod
    def _membership(user: User, slug: str | None) -> Membership:
        if slug is None:
            message = "Say for which of your tenants you ask: send the header Weft-Tenant with its short name."
            raise PermissionDenied(message, code="tenant-needed")
        membership = user.memberships.select_related("tenant").filter(tenant__slug=slug).first()
        if membership is None:
            raise PermissionDenied("You are in no tenant with the short name in Weft-Tenant.", code="tenant-unknown")
        return membership
