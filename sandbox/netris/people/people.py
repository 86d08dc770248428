"""Permission groups, user roles and users (2.18). v1: ids in bodies.

What a group hides, and what it lets people only read, are lists that come back as JSON text inside a string (quirk
16). A user with a password may log in; `permits` says what the user's group leaves of the API. Tenants of a user limit
nothing here: what they limit is described nowhere.
"""

from __future__ import annotations

import re
from hashlib import scrypt
from hmac import compare_digest
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller
from sandbox.netris.state.shelf import Shelf
from sandbox.netris.wire import CREATED, DELETED, UPDATED, Call, Fields, Refusal, Reply, dumps, invalid, weak_int

ALL_TENANTS = -1
OPERATOR = 1
BUILD = "4.15.0"  # its form is unverified
SECTIONS = (
    "SERVICES", "INSTANCES", "CIRCUITS", "ACL", "ACL_2.0", "ACL_PORT_GROUPS", "LOAD_BALANCER", "L4_LOAD_BALANCER",
    "NET", "TOPOLOGY", "INVENTORY", "SWITCH_PORTS", "SITES", "E_BGP", "E_BGP_OBJECTS", "E_BGP_ROUTE_MAPS", "SUBNETS",
    "NAT", "VPN", "ROUTES", "LOOKING_GLASS", "ACCOUNTS", "USERS", "TENANTS", "USER_ROLES", "PERMISSION_GROUPS",
    "GLOBAL_SETTINGS", "GS_GENERAL", "LOGIN_WHITELIST", "AUTHENTICATION", "GENERAL", "API_DOCS",
    "MONITORING_CHECK_THRESHOLDS",
)  # fmt: skip
# Which section a call belongs to, the longest beginning of its path deciding. The mapping is inferred from the names.
_SECTION_OF = {
    "/api/v2/vnet": "CIRCUITS",
    "/api/acl": "ACL",
    "/api/v2/acl": "ACL",
    "/api/aclportgroups": "ACL_PORT_GROUPS",
    "/api/v2/l4lb": "L4_LOAD_BALANCER",
    "/api/v2/topology": "TOPOLOGY",
    "/api/v2/hw": "INVENTORY",
    "/api/inventoryProfiles": "INVENTORY",
    "/api/v2/ports": "SWITCH_PORTS",
    "/api/v2/sites": "SITES",
    "/api/sites": "SITES",
    "/api/v2/ebgp": "E_BGP",
    "/api/ebgpobjects": "E_BGP_OBJECTS",
    "/api/ebgproutemaps": "E_BGP_ROUTE_MAPS",
    "/api/v2/ipam": "SUBNETS",
    "/api/v2/nat": "NAT",
    "/api/routes": "ROUTES",
    "/api/users": "USERS",
    "/api/tenants": "TENANTS",
    "/api/userroles": "USER_ROLES",
    "/api/permissiongroups": "PERMISSION_GROUPS",
    "/api/checkthresholds": "MONITORING_CHECK_THRESHOLDS",
}
_ABOVE = {
    "SERVICES": ("CIRCUITS", "ACL", "ACL_PORT_GROUPS", "L4_LOAD_BALANCER"),
    "NET": ("TOPOLOGY", "INVENTORY", "SWITCH_PORTS", "SITES", "E_BGP", "E_BGP_OBJECTS", "E_BGP_ROUTE_MAPS", "SUBNETS",
            "NAT", "ROUTES"),
    "ACCOUNTS": ("USERS", "TENANTS", "USER_ROLES", "PERMISSION_GROUPS"),
}  # fmt: skip


def permits(net: Controller, user: Row, method: str, path: str) -> bool:
    group = net.permission_groups.get(_group_of(net, user))
    found = max((start for start in _SECTION_OF if path.startswith(start)), key=len, default="")
    if group is None or not found:
        return True
    section = _SECTION_OF[found]
    names = {section, *(name for name, below in _ABOVE.items() if section in below)}
    if not names.isdisjoint(group["hidden"]):
        return False
    return method == "GET" or names.isdisjoint(group["readOnly"])


def _group_of(net: Controller, user: Row) -> int | None:
    """A user's own group, else that of the role."""
    role = net.user_roles.get(user["role"])
    return user["group"] or (role["group"] if role else None)


# permission groups


def _group_view(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "hidden": dumps(row["hidden"]),
        "readonly": dumps(row["readOnly"]),
        "externalACL": row["externalACL"],
        "external_acl": "yes" if row["externalACL"] else "no",  # a text in Go; which words it holds is unverified
        **_dates(row),
    }


def list_groups(net: Controller, call: Call) -> Reply:
    return Reply.of([_group_view(row) for row in net.permission_groups])


def create_group(net: Controller, call: Call) -> Reply:
    return _created(net, net.permission_groups, _group(net, call.fields, None))


def update_group(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.permission_groups, call)
    return _updated(net, net.permission_groups, row, _group(net, call.fields, row))


def delete_group(net: Controller, call: Call) -> Reply:
    """Refused while anybody has it: before 4.15 such people were left with every right (quirk 32)."""
    row = net.by_body(net.permission_groups, call)
    if net.users.one("group", row["id"]) or net.user_roles.one("group", row["id"]):
        raise Refusal(400, "The permission group is assigned and can not be deleted.")  # unverified
    net.permission_groups.drop(row["id"])
    return Reply.of({}, DELETED)


def _group(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    old: Row = was or {"hidden": [], "readOnly": []}
    read_only = "readonly" if "readonly" in fields else "readOnly"
    return {
        "name": net.unique_name(net.permission_groups, fields, was),
        "description": fields.text("description", old.get("description", "")),
        "hidden": _sections(fields, "hidden", old["hidden"]),
        "readOnly": _sections(fields, read_only, old["readOnly"]),
        "externalACL": fields.flag("externalACL", old.get("externalACL", False)),
    }


def _sections(fields: Fields, name: str, default: list[str]) -> list[str]:
    found = fields.items(name, default)
    if not all(isinstance(section, str) and section in SECTIONS for section in found):
        raise invalid(name, f"Sections are {', '.join(SECTIONS)}.")  # unverified
    return list(dict.fromkeys(found))


# user roles


def _role_view(net: Controller, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "perm_id": row["group"],
        "perm_name": net.ref(net.permission_groups, row["group"])["name"],
        "tenants": _tenants_view(net, row),
        **_dates(row),
    }


def list_roles(net: Controller, call: Call) -> Reply:
    return Reply.of([_role_view(net, row) for row in net.user_roles])


def create_role(net: Controller, call: Call) -> Reply:
    return _created(net, net.user_roles, _role(net, call.fields, None))


def update_role(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.user_roles, call)
    return _updated(net, net.user_roles, row, _role(net, call.fields, row))


def delete_role(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.user_roles, call)
    if net.users.one("role", row["id"]):
        raise Refusal(400, "The user role is assigned and can not be deleted.")  # unverified (quirk 32)
    net.user_roles.drop(row["id"])
    return Reply.of({}, DELETED)


def _role(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    return {
        "name": net.unique_name(net.user_roles, fields, was),
        "description": fields.text("description", was["description"] if was else ""),
        "group": net.one_of(net.permission_groups, fields, "permissionGroup", *([was["group"]] if was else [])),
        "tenants": _tenants(net, fields, was),
    }


# users


def _user_view(net: Controller, row: Row) -> dict[str, Any]:
    shown = ("id", "name", "fullname", "email", "email_cc", "company", "position")
    return {
        **{name: row[name] for name in shown},
        "phone": row["phonenumber"],
        "perm_id": row["group"],
        "perm_name": net.ref(net.permission_groups, row["group"])["name"],
        "role_id": row["role"],
        "rolename": net.ref(net.user_roles, row["role"])["name"],
        "tenants": _tenants_view(net, row),
        "auth_scheme_id": 1,
        **_dates(row),
    }


def list_users(net: Controller, call: Call) -> Reply:
    return Reply.of([_user_view(net, row) for row in net.users])


def own_permissions(net: Controller, call: Call) -> Reply:
    """What the Go SDK asks to learn the version; what else it answers is unverified."""
    return Reply.of({"buildVersion": BUILD, "hidden": "[]", "readonly": "[]", "externalACL": True})


def create_user(net: Controller, call: Call) -> Reply:
    return _created(net, net.users, {**_user(net, call.fields, None), "password": ""})


def update_user(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.users, call)
    return _updated(net, net.users, row, _user(net, call.fields, row))


def delete_user(net: Controller, call: Call) -> Reply:
    row = net.by_body(net.users, call)
    if row["id"] == OPERATOR:
        raise Refusal(400, "This user can not be deleted.")  # unverified
    net.users.drop(row["id"])
    return Reply.of({}, DELETED)


def set_password(net: Controller, call: Call) -> Reply:
    """The body is unverified: `{id, password}`."""
    row = net.by_body(net.users, call)
    if row["id"] == OPERATOR:
        raise Refusal(400, "The password of this user is set where the sandbox is started.")  # unverified
    password = call.fields.text("password")
    if len(password) < 8:
        raise invalid("password", "Must have 8 characters at least.")  # unverified
    net.users.change(row, password=_hash(row["id"], password))
    return Reply.of({}, UPDATED)


def send_password(net: Controller, call: Call) -> Reply:
    """No mail leaves the sandbox."""
    net.by_body(net.users, call)
    return Reply.of({})


def user_of(net: Controller, name: str, password: str) -> Row | None:
    row = net.users.one("name", name)
    if row is None or not row["password"]:
        return None
    return row if compare_digest(row["password"], _hash(row["id"], password)) else None


def keep_operator(net: Controller, name: str) -> None:
    """The user whose name and password the sandbox was started with."""
    blank = dict.fromkeys(_TEXTS, "")
    facts = {**blank, "name": name, "fullname": name, "email": f"{name}@example.net", "password": ""}
    row = net.users.get(OPERATOR)
    if row is None:
        now, tenants = net.stamp(), [{"id": ALL_TENANTS, "write": True}]
        net.users.add(**facts, group=None, role=None, tenants=tenants, createdDate=now, modifiedDate=now)
    elif row["name"] != name:
        net.users.change(row, name=name)


_TEXTS = ("fullname", "email", "email_cc", "phonenumber", "company", "position")


def _user(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    old = was or {"email": None, "group": None, "role": None}
    email = fields.text("email", *([old["email"]] if was else []))
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise invalid("email", "Invalid email address.")  # unverified
    facts = {
        "name": net.unique_name(net.users, fields, was),
        **{name: fields.text(name, old.get(name, "")) for name in _TEXTS if name != "email"},
        "email": email,
        "role": net.one_or_none(net.user_roles, fields, "userRole", old["role"]),
        "group": net.one_or_none(net.permission_groups, fields, "permissionGroup", old["group"]),
        "tenants": _tenants(net, fields, was),
    }
    if facts["role"] is None and facts["group"] is None and (was is None or was["id"] != OPERATOR):
        text = "Must have required property 'permissionGroup'"
        raise Refusal(403, text, {"permissionGroup": text})
    return facts


# what they share


def _tenants(net: Controller, fields: Fields, was: Row | None) -> list[Row]:
    """References with `tenant_write`; the id -1 is every tenant."""
    if was and "tenants" not in fields:
        return list(was["tenants"])
    found = []
    for tenant in fields.objects("tenants"):
        number = weak_int(tenant.values.get("id"))
        if number != ALL_TENANTS:
            number = int(net.resolve(net.tenants, tenant.values, "tenants")["id"])
        found.append({"id": number, "write": tenant.flag("tenant_write", True)})
    return found


def _tenants_view(net: Controller, row: Row) -> list[dict[str, Any]]:
    """In the words for users and in those for roles. Every tenant is shown as 0, though asked for as -1."""
    found = []
    for tenant in row["tenants"]:
        number = 0 if tenant["id"] == ALL_TENANTS else tenant["id"]
        name = net.ref(net.tenants, number)["name"] if number else "All"
        rights = {"tenant_read": True, "tenant_write": tenant["write"]}
        found.append({"id": number, "name": name, "tenant_id": number, "tenant_name": name, **rights})
    return found


def _dates(row: Row) -> dict[str, int]:
    return {"create_date": row["createdDate"], "modified_date": row["modifiedDate"]}


def _created(net: Controller, shelf: Shelf, facts: dict[str, Any]) -> Reply:
    now = net.stamp()
    return Reply.of({"id": shelf.add(**facts, createdDate=now, modifiedDate=now)["id"]}, CREATED)


def _updated(net: Controller, shelf: Shelf, row: Row, facts: dict[str, Any]) -> Reply:
    shelf.change(row, **facts, modifiedDate=net.stamp())
    return Reply.of({"id": row["id"]}, UPDATED)


def _hash(number: int, password: str) -> str:
    return scrypt(password.encode(errors="replace"), salt=str(number).encode(), n=2**10, r=8, p=1).hex()
