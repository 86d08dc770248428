"""Tokens and the audit log. Tenants themselves are made by `apps.accounts`, because each needs an account."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.db import models, transaction

from apps.kernel.channels import publish, tenant_channel
from apps.kernel.names import NAME, USERNAME
from apps.tenancy.actors import Actor
from apps.tenancy.models import ApiToken, AuditEntry, Membership, Role, Scope, Tenant, User


def audit(
    by: Actor,
    action: str,
    subject: models.Model,
    *,
    tenant: Tenant | None,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    """Note a change in the caller's transaction; when it commits, the tenant's open pages look again. `old` and `new`
    hold only what changed, and never a secret."""
    AuditEntry(
        tenant=tenant,
        user=by.user,
        token=by.token,
        actor=by.name,
        action=action,
        object_type=str(subject._meta.model_name),
        object_id=str(subject.pk),
        object_name=str(subject)[:200],
        old=old or {},
        new=new or {},
    ).save(force_insert=True)
    if tenant is not None:
        channel = tenant_channel(tenant.pk)
        transaction.on_commit(lambda: publish(channel))


@transaction.atomic(durable=True)
def add_member(tenant: Tenant, username: str, role: Role, *, by: Actor) -> str | None:
    """Make somebody a member, or give a member another role. Returns the password of a user made for it, else None.

    Raises `Refused` for what is no user name."""
    username = USERNAME.parse(username, "username")
    password = None
    try:
        user = User.objects.get_by_natural_key(username)
    except User.DoesNotExist:
        password = secrets.token_urlsafe(16)
        user = User.objects.create_user(username, password=password)
    membership, is_new = Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": role})
    old = {} if is_new else {"role": membership.role}
    membership.role = role
    membership.save(update_fields=["role"])
    audit(by, "member.set", membership, tenant=tenant, old=old, new={"user": user.username, "role": role})
    tell_of_rights(user)
    return password


def tell_of_rights(user: User) -> None:
    """What somebody may do has changed, or a session of theirs has ended: open streams look at once, on commit. Who
    forgets to say so is found out within seconds."""
    transaction.on_commit(lambda: publish(f"weft:person:{user.pk}"))


@transaction.atomic(durable=True)
def issue_token(
    tenant: Tenant | None,
    *,
    name: str,
    by: Actor,
    scope: Scope = Scope.WRITE,
    expires_at: datetime | None = None,
    secret: str | None = None,
) -> str:
    """Make a token and return its secret, which is shown once. `tenant` None makes a token of the platform."""
    name = NAME.parse(name, "name")
    secret = secret or ApiToken.new_secret()
    token = ApiToken(
        tenant=tenant,
        name=name,
        digest=ApiToken.hash(secret),
        scope=scope,
        expires_at=expires_at,
        created_by=by.user,
    )
    token.save(force_insert=True)
    audit(by, "token.issue", token, tenant=tenant, new={"name": name, "scope": scope})
    return secret
