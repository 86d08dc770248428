"""Users: who logs in and signs."""

from __future__ import annotations

from sandbox.cloudstack.calls.access import hashed, new_key
from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue, PermissionDenied
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row


def user_view(cloud: Cloud, user: Row) -> Row:
    account = cloud.get("account", user["accountid"])
    domain, role = cloud.get("domain", account["domainid"]), cloud.get("role", account["roleid"])
    shown = view(user, "id", "username", "firstname", "lastname", "email", "state", "timezone", "apikey")
    return {
        **shown,
        "created": created(user),
        "account": account["name"],
        "accountid": account["id"],
        "accounttype": account["accounttype"],
        "usersource": "native",
        "roleid": role["id"],
        "roletype": role["type"],
        "rolename": role["name"],
        "domainid": domain["id"],
        "domain": domain["name"],
        "iscallerchilddomain": False,
        "isdefault": user.get("isdefault", False),
        "is2faenabled": False,
        "is2famandated": False,
    }


def check_username(cloud: Cloud, domain: Row, name: str) -> None:
    if any(row["domainid"] == domain["id"] for row in cloud.table("user").by("username", name)):
        raise InvalidValue(f"The user {name} already exists in domain {described(cloud, 'domain', domain)}")


def make(call: Call, account: Row) -> Row:
    return call.cloud.new(
        "user",
        username=call["username"],
        firstname=call["firstname"],
        lastname=call["lastname"],
        email=call["email"],
        password=hashed(call["password"]),
        timezone=call.get("timezone"),
        state="enabled",
        accountid=account["id"],
        domainid=account["domainid"],
    )


@handles("listUsers")
def list_users(call: Call) -> Row:
    rows = [row for row in call.visible("user") if row["username"] != "system"]
    if "accounttype" in call:
        wanted = call["accounttype"]
        rows = [row for row in rows if call.cloud.get("account", row["accountid"])["accounttype"] == wanted]
    rows = call.searched(call.narrowed(rows, "username", "state"), "username", "firstname", "lastname", "email")
    access = {"apikeyaccess": "INHERIT"} if call.caller.is_root else {}
    return call.page(rows, lambda row: {**user_view(call.cloud, row), **access})


@handles("createUser")
def create_user(call: Call) -> Row:
    account = call.account_named(call["account"], call.get("domainid") or call.caller.domain)
    check_username(call.cloud, call.cloud.get("domain", account["domainid"]), call["username"])
    call.row = make(call, account)
    return {"user": user_view(call.cloud, call.row)}


@handles("updateUser")
def update_user(call: Call) -> Row:
    cloud, user = call.cloud, call["id"]
    _check_self(call, user)
    name = call.get("username")
    if name and name != user["username"]:
        check_username(cloud, cloud.get("domain", user["domainid"]), name)
    changes = {
        field: call[field] for field in ("username", "firstname", "lastname", "email", "timezone") if field in call
    }
    if "password" in call:
        if not call.caller.is_admin and user.get("password") != hashed(call.get("currentpassword", "")):
            raise InvalidValue("Current password is incorrect.")
        changes["password"] = hashed(call["password"])
    if ("userapikey" in call) != ("usersecretkey" in call):
        raise InvalidValue("Please specify an userApiKey/userSecretKey pair")
    if "userapikey" in call:
        holder = next(iter(cloud.table("user").by("apikey", call["userapikey"])), user)
        if holder is not user:
            raise InvalidValue("The api key already exists in the system, please provide a unique key")
        changes |= {"apikey": call["userapikey"], "secretkey": call["usersecretkey"]}
    call.row = cloud.change("user", user, **changes)
    return {"user": user_view(cloud, user)}


@handles("deleteUser")
def delete_user(call: Call) -> Row:
    user = call["id"]
    if user.get("isdefault"):
        raise PermissionDenied("The default users cannot be deleted")
    if user["id"] == call.caller.user["id"]:
        raise InvalidValue("The caller is requesting to delete itself")
    call.row = user
    call.cloud.remove("user", user)
    return SUCCESS


@handles("registerUserKeys")
def register_user_keys(call: Call) -> Row:
    _check_self(call, call["id"])
    call.row = call.cloud.change("user", call["id"], apikey=new_key(), secretkey=new_key())
    return {"userkeys": view(call.row, "apikey", "secretkey")}


@handles("getUserKeys")
def get_user_keys(call: Call) -> Row:
    _check_self(call, call["id"])
    return {"userkeys": {**view(call["id"], "apikey", "secretkey"), "apikeyaccess": True}}


@handles("getUser")
def get_user(call: Call) -> Row:
    user = next(iter(call.cloud.table("user").by("apikey", call["userapikey"])), None)
    if user is None:
        raise InvalidValue("User does not exist")
    return {"user": user_view(call.cloud, user)}


def _check_self(call: Call, user: Row) -> None:
    """Ordinary users act for themselves alone, not for others of their account."""
    if not call.caller.is_admin and user["id"] != call.caller.user["id"]:
        raise PermissionDenied(
            f"User {call.caller.user['username']} does not have permission to operate with this user"
        )
