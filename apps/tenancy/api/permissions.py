"""Who may use a route: anybody who is known may read, and a view's `written_by` says whose write scope it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.tenancy.api.callers import Caller

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
        if not caller.may_write:
            raise PermissionDenied("You may look here but not change. Use a token with the write scope.", "read-only")
        written_by = getattr(view, "written_by", "both")
        if written_by == "tenant" and caller.tenant is None:
            message = (
                "This belongs to a tenant, and the platform does not act for one here. Use a token of the tenant; an "
                "owner of the tenant can issue one."
            )
            raise PermissionDenied(message, "tenant-token-needed")
        if written_by == "platform" and caller.platform is None:
            raise PermissionDenied(
                "Only the platform may do this. Use a token of the platform.", "platform-token-needed"
            )
        return True
