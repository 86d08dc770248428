"""Accounts: the owners of everything. Deleting one deletes what it owns, on Netris too."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sandbox.cloudstack.calls.access import DOMAIN_ADMIN, RESOURCE_ADMIN, ROLE_TYPES, ROOT_ADMIN, USER
from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.protocol.errors import ApiError, BadParameter, InvalidValue, PermissionDenied
from sandbox.cloudstack.resources.addresses import addresses
from sandbox.cloudstack.resources.machines import machines
from sandbox.cloudstack.resources.networks import networks, vpcs, vpn
from sandbox.cloudstack.resources.owners import limits, roles, users
from sandbox.cloudstack.resources.zone import dedication
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

log = logging.getLogger(__name__)

_ROLE_OF_TYPE = {USER: "User", ROOT_ADMIN: "Root Admin", DOMAIN_ADMIN: "Domain Admin", RESOURCE_ADMIN: "Resource Admin"}


def account_view(call: Call, account: Row, details: list[str] | None = None) -> Row:
    cloud = call.cloud
    role = cloud.get("role", account["roleid"])
    domain = cloud.get("domain", account["domainid"])
    machines_ = cloud.table("vm").by("accountid", account["id"])
    shown = view(account, "id", "name", "accounttype", "state", "networkdomain", "accountdetails")
    shown |= {
        "roleid": role["id"],
        "roletype": role["type"],
        "rolename": role["name"],
        "domainid": domain["id"],
        "domain": domain["name"],
        "domainpath": domain["path"],
        "isdefault": account.get("isdefault", False),
        "vmrunning": sum(1 for vm in machines_ if vm["state"] == "Running"),
        "vmstopped": sum(1 for vm in machines_ if vm["state"] == "Stopped"),
        "groups": [],
        "user": [users.user_view(cloud, user) for user in cloud.table("user").by("accountid", account["id"])],
        **cloud.job_fields(account),
    }
    if not account.get("isdefault"):  # those that came with the installation have no date
        shown["created"] = created(account)
    if call.caller.is_root:
        shown["apikeyaccess"] = "INHERIT"
    return shown if details == ["min"] else {**shown, **limits.triples(cloud, account)}


def type_and_role(call: Call) -> tuple[int, Row]:
    """The account type and role that the arguments name: one of them is enough."""
    role, type_ = call.get("roleid"), call.get("accounttype")
    if role is None and type_ is None:
        raise BadParameter("Neither account type and role ID are not provided")
    if role is None:
        role = call.cloud.table("role").find(name=_ROLE_OF_TYPE.get(type_, ""))
        if role is None:
            raise InvalidValue(f"Invalid account type {type_}")
    elif role["type"] != "Admin" and not roles.is_visible(call, role):
        raise InvalidValue(f"Unable to find role with the specified roleid {role['id']}")
    type_ = ROLE_TYPES[role["type"]]
    if type_ == ROOT_ADMIN and not call.caller.is_root:
        raise PermissionDenied("Only root admins can create accounts with a root admin role")
    return type_, role


@handles("listAccounts")
def list_accounts(call: Call) -> Row:
    if (account := call.get("id")) is not None and account.get("is_removed"):
        raise InvalidValue(f"Unable to find account by id {account['number']}")
    rows = call.visible("account")
    rows = [row for row in rows if row["name"] != "system" and "projectid" not in row]
    rows = call.narrowed(rows, "name", "state", "accounttype")
    return call.page(call.searched(rows, "name"), lambda row: account_view(call, row, call.get("details")))


@handles("createAccount")
def create_account(call: Call) -> Row:
    cloud = call.cloud
    type_, role = type_and_role(call)
    name = call.get("account") or call["username"]
    domain = call.get("domainid") or cloud.get("domain", call.caller.domain["id"])
    users.check_username(cloud, domain, call["username"])
    if any(row["domainid"] == domain["id"] for row in cloud.table("account").by("name", name)):
        raise InvalidValue(f"The specified account: {name} already exists")
    account = cloud.new(
        "account",
        name=name,
        domainid=domain["id"],
        accounttype=type_,
        roleid=role["id"],
        state="enabled",
        networkdomain=call.get("networkdomain"),
        accountdetails=(call.get("accountdetails") or [None])[0],
    )
    call.row = cloud.change("account", account, accountid=account["id"])
    users.make(call, account)
    return {"account": account_view(call, account)}


def _account(call: Call) -> Row:
    """The account that `id`, or `account` with `domainid`, names."""
    account: Row | None = call.get("id")
    if account is None:
        if "account" not in call or "domainid" not in call:
            raise InvalidValue("Account id, or account name with domain id, must be given")
        account = call.account_named(call["account"], call["domainid"])
    call.caller.check(call.cloud, "account", account)
    if "projectid" in account:
        raise PermissionDenied("The account of a project is changed through the project")
    if account.get("isdefault"):
        raise PermissionDenied("The default accounts cannot be changed")
    call.row = account
    return account


@handles("updateAccount")
def update_account(call: Call) -> Row:
    cloud, account = call.cloud, _account(call)
    if name := call.get("newname"):
        if any(
            row["domainid"] == account["domainid"] and row is not account
            for row in cloud.table("account").by("name", name)
        ):
            raise InvalidValue(f"Account with the same name {name} exists in the domain {account['domainid']}")
        cloud.change("account", account, name=name)
    if "roleid" in call:
        type_, role = type_and_role(call)
        cloud.change("account", account, accounttype=type_, roleid=role["id"])
    if "networkdomain" in call:
        cloud.change("account", account, networkdomain=call["networkdomain"])
    if details := call.get("accountdetails"):
        cloud.change("account", account, accountdetails=details[0])
    return {"account": account_view(call, account)}


@handles("disableAccount")
def disable_account(call: Call) -> Row:
    account = _account(call)
    call.cloud.change("account", account, state="locked" if call["lock"] else "disabled")
    return {"account": account_view(call, account)}


@handles("enableAccount")
def enable_account(call: Call) -> Row:
    account = _account(call)
    call.cloud.change("account", account, state="enabled")
    return {"account": account_view(call, account)}


@handles("deleteAccount")
def delete_account(call: Call) -> Row:
    """A success, whether or not all that the account had could be removed, and again when it is gone (W21)."""
    if call["id"].get("is_removed"):
        return SUCCESS
    account = _account(call)
    if account["id"] == call.caller.account["id"]:
        raise PermissionDenied("Cannot delete the caller's own account")
    tear_down(call.cloud, account)
    return SUCCESS


def tear_down(cloud: Cloud, account: Row) -> None:
    """Remove an account with all it owns. What Netris does not let go of stays, and is still the account's."""
    is_clean = _clean_up(cloud, account)
    vpn.clear_account(cloud, account)
    for user in cloud.table("user").by("accountid", account["id"]):
        cloud.remove("user", user)
    for limit in cloud.table("limit").by("ownerid", account["id"]):
        cloud.table("limit").drop(limit["id"])
    for dedicated in cloud.table("guestrange"):
        if dedicated["accountid"] == account["id"]:
            cloud.remove("guestrange", dedicated)
    dedication.release_all(cloud, account)
    if project := cloud.table("project").get(account.get("projectid")):
        cloud.remove("project", project)
    for project in cloud.table("project"):
        if account["id"] in project["members"]:
            kept = {name: [each for each in project[name] if each != account["id"]] for name in ("members", "owners")}
            cloud.change("project", project, **kept)
    cloud.forget("account", account, needs_cleanup=not is_clean)


def _clean_up(cloud: Cloud, account: Row) -> bool:
    """Whether everything is gone. What fails does not keep the rest from being removed."""
    removals: tuple[tuple[str, Callable[[Cloud, Row], None]], ...] = (
        ("vm", machines.expunge),
        ("network", networks.destroy),
        ("vpc", vpcs.destroy),
        ("publicip", addresses.release),
    )
    is_clean = True
    for kind, remove in removals:
        for row in cloud.table(kind).by("accountid", account["id"]):
            try:
                if kind == "vpc" and cloud.table("network").count_by("vpcid", row["id"]):
                    raise InvalidValue("the VPC still has networks")
                if cloud.is_there(kind, row):
                    remove(cloud, row)
            except ApiError as error:
                is_clean = False
                log.warning("%s %s of account %s is not removed: %s", kind, row["id"], account["name"], error.text)
    return is_clean


def to_clean_up(cloud: Cloud, domain: Row) -> list[Row]:
    """Accounts of the domain that are gone, and that something is left of."""
    return [row for row in cloud.left_behind() if row["domainid"] == domain["id"]]


def retry(cloud: Cloud) -> None:
    """Try again to remove what accounts have left behind."""
    for account in cloud.left_behind():
        if _clean_up(cloud, account):
            cloud.change("account", account, needs_cleanup=False)
