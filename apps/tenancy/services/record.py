"""The audit log, and telling open pages that somebody's rights have changed."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction

from apps.kernel.channels import publish, tenant_channel
from apps.tenancy.actors import Actor
from apps.tenancy.models import AuditEntry, Tenant, User


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


def tell_of_rights(user: User) -> None:
    """What somebody may do has changed, or a session of theirs has ended: open streams look at once, on commit. Who
    forgets to say so is found out within seconds."""
    transaction.on_commit(lambda: publish(f"weft:person:{user.pk}"))
