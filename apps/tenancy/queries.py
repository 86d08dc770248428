"""Facts about a member that pages show."""

from __future__ import annotations

from apps.kernel.errors import Forbidden
from apps.tenancy.actors import need_write
from apps.tenancy.models import Membership


def why_not_write(membership: Membership) -> str | None:
    """Why a member is not offered any change; None when they are. The reason stands beside the buttons it disables."""
    try:
        need_write(membership)
    except Forbidden as refusal:
        return refusal.message
    return None
