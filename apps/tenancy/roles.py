"""Roles as forms, bodies and commands name them."""

from __future__ import annotations

from apps.kernel.errors import Refused
from apps.tenancy.models import Role


def parse_role(value: str, field: str = "role") -> Role:
    """Raises `Refused`."""
    try:
        return Role(value)
    except ValueError as error:
        known = ", ".join(Role.values)
        raise Refused("role-unknown", f"There is no such role. Known: {known}.", field) from error
