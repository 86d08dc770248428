"""Roles and the rules that say which commands they have (cloudstack-api.md 3.0, 3.1)."""

from __future__ import annotations

import re

from sandbox.cloudstack.calls.access import ALLOW, DENY, ROLE_TYPES
from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue, PermissionDenied
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

_RULE = re.compile(r"[A-Za-z0-9*]+", re.ASCII)
_TYPES = {name.lower(): name for name in ROLE_TYPES}


@handles("listRoles")
def list_roles(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("role"), "id", "name", "type")
    if call.get("state", "enabled").lower() != "enabled":
        rows = []
    rows = [row for row in rows if is_visible(call, row)]
    return call.page(call.searched(rows, "name"), role_view)


def is_visible(call: Call, role: Row) -> bool:
    """Root sees every role; others see the public ones below root (unverified)."""
    return call.caller.is_root or bool(role["is_public"] and role["type"] != "Admin")


def role_view(row: Row) -> Row:
    shown = view(row, "id", "name", "type", "description")
    return {**shown, "isdefault": row["is_default"], "ispublic": row["is_public"], "state": "Enabled"}


@handles("createRole")
def create_role(call: Call) -> Row:
    """A role of a type, or one that starts with the type and the rules of another."""
    cloud, model = call.cloud, call.get("roleid")
    if ("type" in call) == (model is not None):
        raise InvalidValue("Either the role type or the id of the role to copy must be given")
    type_ = model["type"] if model is not None else _TYPES.get(call["type"].lower())
    if type_ is None:
        raise InvalidValue(f"Invalid role type {call['type']}")
    role = call.row = cloud.new(
        "role",
        name=call["name"],
        type=type_,
        description=call.get("description"),
        is_default=False,
        is_public=call.get("ispublic", True),
    )
    for rule in rules_of(cloud, model) if model is not None else ():
        cloud.new("rolepermission", roleid=role["id"], **view(rule, "rule", "permission", "description"))
    return {"role": role_view(role)}


def rules_of(cloud: Cloud, role: Row) -> list[Row]:
    """In the order in which they are tried."""
    return cloud.table("rolepermission").by("roleid", role["id"])


@handles("createRolePermission")
def create_role_permission(call: Call) -> Row:
    """A rule at the end of the role's others. Who has the role is judged by it from the next call on."""
    cloud, role, rule, permission = call.cloud, call["roleid"], call["rule"], call["permission"].lower()
    if role["is_default"]:
        raise PermissionDenied(f"Role permission cannot be added for the default role {role['name']}")  # (unverified)
    if not _RULE.fullmatch(rule):
        raise InvalidValue(f"Invalid rule {rule}: it must be the name of a command, with * for any part of it")
    if permission not in (ALLOW, DENY):
        raise InvalidValue(f"Invalid permission {call['permission']}: it must be allow or deny")
    if any(row["rule"].lower() == rule.lower() for row in rules_of(cloud, role)):
        raise InvalidValue(f"Rule {rule} already exists for the role {role['name']}")  # (unverified)
    description = call.get("description")
    row = call.row = cloud.new(
        "rolepermission", roleid=role["id"], rule=rule, permission=permission, description=description
    )
    return {"rolepermission": rule_view(cloud, row)}


@handles("listRolePermissions")
def list_role_permissions(call: Call) -> Row:
    """The rules of one role or of all. A role without rules has what its type has, and shows nothing."""
    roles = [call["roleid"]] if "roleid" in call else call.cloud.table("role")
    rows = [rule_view(call.cloud, row) for role in roles for row in rules_of(call.cloud, role)]
    return {"count": len(rows), "rolepermission": rows} if rows else {}


def rule_view(cloud: Cloud, row: Row) -> Row:
    """The sheet lists no fields of a rule: these are what its command takes (unverified)."""
    role = cloud.get("role", row["roleid"])
    return {**view(row, "id", "roleid", "rule", "permission", "description"), "rolename": role["name"]}
