"""Facts about a member that pages show."""

from __future__ import annotations

from apps.kernel.errors import Forbidden, Never
from apps.tenancy.actors import need_write
from apps.tenancy.models import Membership


def why_not_write(membership: Membership) -> Never | None:
    """Why a member is not offered any change; None when they are. Every page of the tenant says it, once."""
    try:
        need_write(membership)
    except Forbidden as refusal:
        return Never(refusal.message)
    return None
