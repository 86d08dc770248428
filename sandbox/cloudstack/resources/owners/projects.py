"""Projects: owners of things that several accounts share (cloudstack-api.md 1.6, 3.1).

Behind each project stands an account that nobody logs in to; it owns what is made with `projectid`.
"""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import InvalidValue, PermissionDenied, ServerError
from sandbox.cloudstack.resources.owners import accounts, limits
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

PROJECT_ACCOUNT = 5
_OWNED = ("vpc", "network", "publicip", "vm")


@handles("listProjects")
def list_projects(call: Call) -> Row:
    rows = call.narrowed(_visible(call), "name", "displaytext", "state")
    if (username := call.get("username")) is not None:
        users = call.cloud.table("user").by("username", username)
        wanted = {user["accountid"] for user in users}
        rows = [row for row in rows if wanted & set(row["members"])]
    rows = call.tagged(call.searched(rows, "name", "displaytext"))
    return call.page(rows[::-1], lambda row: project_view(call.cloud, row, call.get("details")))


def _visible(call: Call) -> list[Row]:
    """The projects that somebody in scope is a member of."""
    if "id" in call:
        return call.visible("project")
    scope, rows = call.accounts_in_scope(), list(call.cloud.table("project"))
    if scope is None:
        return rows
    ids = {account["id"] for account in scope}
    return [row for row in rows if ids & {*row["members"], row["accountid"]}]


def project_view(cloud: Cloud, row: Row, details: list[str] | None = None) -> Row:
    domain, behind = cloud.get("domain", row["domainid"]), cloud.get("account", row["accountid"])
    machines = cloud.table("vm").by("accountid", behind["id"])
    owners = [cloud.table("account").get(owner) for owner in row["owners"]]
    shown = {
        **view(row, "id", "name", "displaytext", "state"),
        "domainid": domain["id"],
        "domain": domain["name"],
        "owner": [{"account": owner["name"]} for owner in owners if owner is not None],
        "projectaccountname": behind["name"],
        "created": created(row),
        "vmrunning": sum(1 for vm in machines if vm["state"] == "Running"),
        "vmstopped": sum(1 for vm in machines if vm["state"] == "Stopped"),
        "tags": cloud.tags_in_full(row),
        **cloud.job_fields(row),
    }
    return shown if details == ["min"] else {**shown, **limits.triples(cloud, behind)}


@creates("createProject")
def make_project(call: Call) -> Row:
    cloud, owner = call.cloud, _owner(call)
    limits.check(cloud, owner, limits.PROJECT)
    name = call["name"]
    _check_name(cloud, owner["domainid"], name)
    role = cloud.table("role").find(name="User") or {}
    project = cloud.new(
        "project",
        name=name,
        displaytext=call.get("displaytext") or name,
        state="Active",
        members=[owner["id"]],
        owners=[owner["id"]],
        domainid=owner["domainid"],
    )
    behind = cloud.new(
        "account",
        name=f"PrjAcct-{name}-{project['number']}",
        domainid=owner["domainid"],
        accounttype=PROJECT_ACCOUNT,
        roleid=role["id"],
        state="enabled",
        projectid=project["id"],
    )
    cloud.change("account", behind, accountid=behind["id"])
    return cloud.change("project", project, accountid=behind["id"])


def _owner(call: Call) -> Row:
    owner: Row = call.get("accountid") or call.owner()
    if (user := call.get("userid")) is not None:
        owner = call.cloud.get("account", user["accountid"])
    return owner


def _check_name(cloud: Cloud, domain: str, name: str) -> None:
    if any(row["name"].lower() == name.lower() and row["domainid"] == domain for row in cloud.table("project")):
        raise InvalidValue(f"Project with name {name} already exists in domain id={domain}")


@handles("createProject")
def confirm_project(call: Call) -> Row:
    return {"project": project_view(call.cloud, call.row)}


@undoes("createProject")
def unmake_project(call: Call) -> None:
    tear_down(call.cloud, call.row)
    raise ServerError("Failed to create a project")


@handles("updateProject")
def update_project(call: Call) -> Row:
    cloud, project = call.cloud, _mine(call, "id")
    changes: Row = {name: call[name] for name in ("name", "displaytext") if call.get(name)}
    if str(changes.get("name", project["name"])).lower() != project["name"].lower():
        _check_name(cloud, project["domainid"], changes["name"])
    if "account" in call or "userid" in call:
        owner = _named(call, project)
        if owner["id"] not in project["members"]:
            raise InvalidValue(f"Account {owner['name']} does not belong to the project")
        others = [] if call.get("swapowner", True) else project["owners"]
        if call.get("roletype", "Admin").capitalize() == "Regular":
            changes["owners"] = [each for each in project["owners"] if each != owner["id"]]
        else:
            changes["owners"] = [*others, owner["id"]]
        if not changes["owners"]:
            raise InvalidValue("A project needs an owner")
    cloud.change("project", project, **changes)
    return {"project": project_view(cloud, project)}


@handles("addAccountToProject")
def add_account(call: Call) -> Row:
    cloud, project = call.cloud, _mine(call, "projectid")
    if "account" not in call:
        raise InvalidValue("Must specify account name: nobody reads invitations by e-mail here")
    account = _named(call, project)
    if account["id"] in project["members"]:
        raise InvalidValue(f"Account {account['name']} is already in the project")
    owners = project["owners"]
    if call.get("roletype", "Regular").capitalize() == "Admin":
        owners = [*owners, account["id"]]
    cloud.change("project", project, members=[*project["members"], account["id"]], owners=owners)
    return SUCCESS


def _named(call: Call, project: Row) -> Row:
    """An account of the project's domain, by its name or by one of its users."""
    if (user := call.get("userid")) is not None:
        return call.cloud.get("account", user["accountid"])
    found = (row for row in call.cloud.table("account").by("name", call["account"]) if "projectid" not in row)
    account = next((row for row in found if row["domainid"] == project["domainid"]), None)
    if account is None:
        raise InvalidValue(f"Unable to find account name={call['account']} in domain id={project['domainid']}")
    return account


def _mine(call: Call, name: str) -> Row:
    """Members may look; owners and admins may change."""
    project: Row = call[name]
    if "members" not in project:
        raise InvalidValue("Unable to find the project id=-1")
    if not call.caller.is_admin and call.caller.account["id"] not in project["owners"]:
        raise PermissionDenied(f"Account {call.caller.account['name']} is no owner of project {project['name']}")
    return project


@handles("deleteProject")
def delete_project(call: Call) -> Row:
    cloud, project = call.cloud, _mine(call, "id")
    if not call.get("cleanup") and any(
        cloud.table(kind).count_by("accountid", project["accountid"]) for kind in _OWNED
    ):
        raise ServerError("Failed to delete project: it still has resources, and cleanup was not asked for")
    tear_down(cloud, project)
    return SUCCESS


def tear_down(cloud: Cloud, project: Row) -> None:
    behind = cloud.table("account").get(project["accountid"])
    if behind is not None:
        accounts.tear_down(cloud, behind)  # which takes the project's row along
