"""Keys for automation. Each is somebody's, and may no more than they; only its hash is kept."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from apps.kernel import clock
from apps.kernel.errors import Forbidden, Refused
from apps.kernel.locks import hold_row
from apps.kernel.names import NAME
from apps.tenancy.actors import Actor
from apps.tenancy.models import ApiToken, Membership, Role, Scope, Tenant, User
from apps.tenancy.services.members import may_manage
from apps.tenancy.services.record import audit

LONGEST_DAYS = 3650
#: That one person has of one tenant, those that have run out included.
MOST_TOKENS = 50


@transaction.atomic(durable=True)
def issue_token(
    tenant: Tenant | None,
    *,
    name: str,
    by: Actor,
    scope: Scope = Scope.WRITE,
    days: int | None = None,
    secret: str | None = None,
) -> tuple[ApiToken, str]:
    """Make a token and return its secret, which is shown once. It runs out after so many days, or never. `tenant` None
    makes a token of the platform.

    It is the person's who asks, also when they ask with a token: so it ends when they go. It does not outlast the token
    that it was asked for with, or whoever finds one has it for good. Raises `Refused` and `Forbidden`."""
    name = NAME.parse(name, "name")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise Refused("days-invalid", f"Give a number of days from 1 to {LONGEST_DAYS}, or none at all.", "days")
    person = by.person
    if by.token is not None and person is None:
        raise Forbidden("This token is nobody's: it was issued at the command line, and makes no others.")
    if tenant is not None and person is not None:
        _hold_own(tenant, by, scope)
    elif person is not None and not User.objects.filter(pk=person.pk, is_platform_admin=True, is_active=True).exists():
        raise Forbidden("Only platform admins have tokens of the platform.")
    until = clock.now() + timedelta(days=days) if days else None
    latest = by.token.expires_at if by.token is not None else None
    if until is not None and latest is not None and until > latest:
        raise Refused("days-invalid", "It would outlast the token that you ask with. Give fewer days, or none.", "days")
    secret = secret or ApiToken.new_secret()
    token = ApiToken(
        tenant=tenant,
        name=name,
        digest=ApiToken.hash(secret),
        scope=scope,
        expires_at=until or latest,
        created_by=person,
    )
    token.save(force_insert=True)
    lasts = {"days": days} if days else {}
    audit(by, "token.issue", token, tenant=tenant, new={"name": name, "scope": scope} | lasts)
    return token, secret


@transaction.atomic(durable=True)
def revoke_token(token: ApiToken, *, by: Actor) -> None:
    """It opens nothing any more. For whose it is, and for owners of its tenant."""
    if token.tenant is not None and token.created_by != by.person and not may_manage(token.tenant, by):
        raise Forbidden("This token is somebody else's. An owner of the tenant can revoke it.")
    hold_row(token)
    token.refresh_from_db(fields=["revoked_at"])
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        token.save(update_fields=["revoked_at"])
        audit(by, "token.revoke", token, tenant=token.tenant, old={"name": token.name, "scope": token.scope})


def _hold_own(tenant: Tenant, by: Actor, scope: Scope) -> None:
    """Raises unless the person may have such a token, and one more of them."""
    membership = Membership.objects.filter(tenant=tenant, user=by.person).first()
    if membership is None:
        raise Forbidden(f"Only members of {tenant} have tokens of it.")
    hold_row(membership)
    if scope == Scope.WRITE and not membership.may_write:
        role = Role(membership.role).label.lower()
        raise Refused("scope-too-wide", f"A {role} can look but not change, and so can a {role}'s tokens.", "scope")
    if ApiToken.objects.of(tenant).kept().filter(created_by=by.person).count() >= MOST_TOKENS:
        raise Refused("too-many-tokens", f"You have {MOST_TOKENS} tokens here. Revoke some that are not used any more.")
