"""Who may use a route: anybody who is known may read, and a view's `written_by` says who may change something there.

both        whoever may write: a tenant's engineers and owners, the platform
tenant      of them, those of a tenant
platform    of them, the platform
owners      of them, a tenant's owners, and the platform
owner       of them, a tenant's owners
member      everybody in a tenant, viewers too, and the platform; but no token with the scope to read
nobody      whoever may read: what is posted asks, and changes nothing
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.tenancy.api.callers import Caller
from apps.tenancy.models import Role, Scope

if TYPE_CHECKING:  # REST framework reads this module while it is still loading its views
    from rest_framework.views import APIView


class MayUse(BasePermission):
    """Another tenant's object is no matter of permission: behind the door it does not exist."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = request.auth
        if not isinstance(caller, Caller):
            return False
        if request.method in SAFE_METHODS:
            return True
        written_by = getattr(view, "written_by", "both")
        if written_by == "nobody":
            return True
        may_write = caller.scope == Scope.WRITE if written_by == "member" else caller.may_write
        if not may_write:
            raise PermissionDenied("You may look here but not change. Use a token with the write scope.", "read-only")
        if written_by in ("tenant", "owner") and caller.tenant is None:
            message = (
                "This belongs to a tenant, and the platform does not act for one here. Use a token of the tenant; an "
                "owner of the tenant can issue one."
            )
            raise PermissionDenied(message, "tenant-token-needed")
        if written_by == "platform" and caller.platform is None:
            raise PermissionDenied(
                "Only the platform may do this. Use a token of the platform.", "platform-token-needed"
            )
        if written_by in ("owner", "owners") and caller.role not in (None, Role.OWNER):
            raise PermissionDenied(
                "Only an owner of the tenant may do this, or a token that an owner has made.", "owner-needed"
            )
        return True
