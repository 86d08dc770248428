"""Who calls the API, whichever way they proved it: `request.auth` is a `Caller` or None."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import models
from rest_framework.request import Request

from apps.tenancy.actors import Actor, Platform
from apps.tenancy.door import Door
from apps.tenancy.models import Role, Scope, Tenant

Q = TypeVar("Q", bound=models.QuerySet[Any, Any])


@dataclass(frozen=True)
class Caller:
    """Acts in one tenant, or for the platform: exactly one of `tenant` and `platform` is set.

    In a tenant it has a `role`: the person's, also behind a token. `scope` is the token's; a browser has it all.
    """

    actor: Actor
    tenant: Tenant | None
    platform: Platform | None
    role: Role | None = None
    scope: Scope = Scope.WRITE

    @property
    def may_write(self) -> bool:
        return self.scope == Scope.WRITE and (self.role is None or self.role.may_write)

    def through(self, door: Door[Q]) -> Q:
        """The rows that this caller may see. No database is asked for those of nobody."""
        if self.tenant is not None:
            rows = door.of(self.tenant)
            return rows.none() if self is NOBODY else rows
        assert self.platform is not None, "a caller without tenant is the platform"
        return door.across(self.platform)

    @property
    def tenants(self) -> models.QuerySet[Tenant]:
        """Those whose rows it may see: its own, or all."""
        return Tenant.objects.filter(pk=self.tenant.pk) if self.tenant else Tenant.objects.all()

    @property
    def key(self) -> str:
        """Tells callers apart, so that one's idempotency keys are nothing to another."""
        if self.actor.token is not None:
            return f"token {self.actor.token.pk}"
        where = self.tenant.pk if self.tenant else "the platform"
        return f"user {self.actor.user.pk if self.actor.user else '-'} in {where}"


#: Stands in where only the shape of an API is looked at, and no request is made.
NOBODY = Caller(Actor.system("schema"), Tenant(), None, Role.VIEWER, Scope.READ)


def caller_of(request: Request | None) -> Caller:
    """Behind `MayUse` there is always one."""
    caller = getattr(request, "auth", None)
    return caller if isinstance(caller, Caller) else NOBODY
