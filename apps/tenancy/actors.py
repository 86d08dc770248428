"""Who is doing it: the person or token behind a change, and the proof that somebody is a platform admin."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from apps.kernel.errors import Forbidden
from apps.tenancy.door import Proof
from apps.tenancy.models import ApiToken, Membership, Role, Scope, Tenant, User


@dataclass(frozen=True)
class Actor:
    """The author of a change, as the audit log names it. `Actor.system` is Weft itself (sample data, repairs)."""

    name: str
    user: User | None = None
    token: ApiToken | None = None

    @classmethod
    def of_user(cls, user: User) -> Actor:
        return cls(name=user.get_username(), user=user)

    @classmethod
    def of_token(cls, token: ApiToken) -> Actor:
        return cls(name=f"token {token.name}", token=token)

    @classmethod
    def system(cls, why: str) -> Actor:
        return cls(name=why)

    @property
    def person(self) -> User | None:
        """Who is behind it: also behind a token, whose own tokens are theirs."""
        return self.token.created_by if self.token is not None else self.user

    @property
    def is_unbound(self) -> bool:
        """Weft itself, or the command line."""
        return self.user is None and self.token is None


@dataclass(frozen=True)
class Platform(Proof):
    """Proof of a platform admin, made only by `platform_of`. Doors open across tenants for it."""

    actor: Actor
    may_write: bool = True


def platform_of(identity: User | ApiToken) -> Platform | None:
    """The proof, when this person or token is the platform's."""
    if isinstance(identity, User):
        return Platform(Actor.of_user(identity)) if identity.is_platform_admin and identity.is_active else None
    if identity.tenant_id is None:
        return Platform(Actor.of_token(identity), may_write=identity.scope == Scope.WRITE)
    return None


def disabled_words(tenant: Tenant) -> str:
    return f"{tenant.name} is disabled. Nobody can look at it or act in it until your provider enables it again."


class TenantRequest(HttpRequest):
    """A request behind `/t/<slug>/`, after `TenantMiddleware`: somebody's, in a tenant they are a member of."""

    user: User
    actor: Actor
    tenant: Tenant
    membership: Membership


class PlatformRequest(HttpRequest):
    """A request behind a platform page: a platform admin's."""

    user: User
    actor: Actor
    platform: Platform


def need_owner(membership: Membership) -> None:
    """Raises `Forbidden` for everybody else."""
    if membership.role != Role.OWNER:
        raise Forbidden(
            f"Only an owner of {membership.tenant.name} may change this. Your role is "
            f"{Role(membership.role).label.lower()}."
        )


def need_nothing(_membership: Membership) -> None:
    """What is somebody's own, whatever their role."""


def need_write(membership: Membership) -> None:
    """Raises `Forbidden` for viewers."""
    if not membership.may_write:
        raise Forbidden(
            f"Your role in {membership.tenant.name} is {Role(membership.role).label.lower()}, which can look but not "
            "change. Ask an owner of the tenant for the network engineer role."
        )
