"""One running command: its arguments, its caller, what the caller may see, and the page of a list it asked for.

Resource modules register their functions here:

    @handles("listVPCs")      sync and list commands; the job of an asynchronous one
    @creates("createVPC")     the create phase of an async-create command, before the caller gets an answer
    @undoes("createVPC")      what is done when the job of that command is ordered to fail
    @checks("deleteVPC")      what is refused while the caller of an asynchronous command waits, before there is a job
    @hastens("deleteVPC")     whether its job will fail at the first look, and so takes no time
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.cloudstack.calls.access import Caller, is_below
from sandbox.cloudstack.calls.parameters import PAGE_SIZE, Arguments
from sandbox.cloudstack.protocol.catalogue import CATALOGUE, Command
from sandbox.cloudstack.protocol.errors import InvalidValue, PermissionDenied
from sandbox.cloudstack.state.cloud import Cloud, View
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row

Handler = Callable[["Call"], Any]
SUCCESS = {"success": True}
_DISPLAY = ("fordisplay", "displaynetwork", "displayvm", "displayvolume")

HANDLERS: dict[str, Handler] = {}
CREATORS: dict[str, Handler] = {}
UNDOERS: dict[str, Handler] = {}
CHECKERS: dict[str, Handler] = {}
HASTENERS: dict[str, Handler] = {}


def _registrar(table: dict[str, Handler]) -> Callable[[str], Callable[[Handler], Handler]]:
    def register(name: str) -> Callable[[Handler], Handler]:
        if name not in CATALOGUE:
            raise LookupError(f"commands.txt does not know {name}")

        def keep(handler: Handler) -> Handler:
            table[name] = handler
            return handler

        return keep

    return register


handles = _registrar(HANDLERS)
creates = _registrar(CREATORS)
undoes = _registrar(UNDOERS)
checks = _registrar(CHECKERS)
hastens = _registrar(HASTENERS)


class Call:
    """`row` is the object that an async-create command has made; `job` the job that runs, if one does."""

    def __init__(self, cloud: Cloud, command: Command, caller: Caller, arguments: Arguments) -> None:
        self.cloud = cloud
        self.command = command
        self.caller = caller
        self.arguments = arguments
        self.row: Row = {}
        self.job: Row | None = None

    def __contains__(self, name: str) -> bool:
        return name in self.arguments

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.arguments.get(name, default)

    # who owns what is made

    def owner(self) -> Row:
        """The account that the new thing belongs to (1.6)."""
        name, domain = self.get("account"), self.get("domainid")
        if "projectid" in self:
            return self.project_account()
        if name is None and domain is None:
            return self.caller.account
        if name is None or domain is None:
            raise InvalidValue("AccountName and domainId must be specified together")
        return self.account_named(name, domain, is_owner=True)

    def project_account(self) -> Row:
        """The account behind the project that is named."""
        project = self["projectid"]
        if project["id"] == "-1" or project.get("is_removed"):
            raise InvalidValue("Unable to find project with the specified id")
        if {"account", "domainid"} & self.arguments.keys():
            raise InvalidValue("Account name and project id can't be specified together")
        self.caller.check(self.cloud, "project", project)
        return self.cloud.get("account", project["accountid"])

    def account_named(self, name: str, domain: Row, *, is_owner: bool = False) -> Row:
        """An account that the caller has a say in. A user that asks for another one is refused either way."""
        found = next(
            (row for row in self.cloud.table("account").by("name", name) if row["domainid"] == domain["id"]), None
        )
        if found is None and self.caller.is_admin:
            if is_owner:
                raise InvalidValue(f"Unable to find account by name {name} in domain with specified id")
            raise InvalidValue(f"could not find account {name} in domain {described(self.cloud, 'domain', domain)}")
        if found is None or not self.caller.may_touch(self.cloud, "account", found):
            raise PermissionDenied(
                f"Can't create/list resources for account {name} in domain {domain['name']}, permission denied"
            )
        return found

    # what is listed

    def visible(self, kind: str) -> list[Row]:
        """Rows of tenants that the caller asks for and may see, oldest first (SCOPE). `id` beats the rest."""
        return self.displayed(self._in_scope(kind))

    def displayed(self, rows: list[Row]) -> list[Row]:
        """Without what is not for display: only root sees that, and may ask for either (quirk 31)."""
        if not self.caller.is_root:
            return [row for row in rows if row.get("fordisplay", True)]
        wanted = next((self[name] for name in _DISPLAY if name in self), None)
        return rows if wanted is None else [row for row in rows if row.get("fordisplay", True) == wanted]

    def _in_scope(self, kind: str) -> list[Row]:
        table = self.cloud.table(kind)
        if {"account", "projectid"} <= self.arguments.keys():
            raise InvalidValue("Account and projectId can't be specified together")
        if (row := self.get("id")) is not None:
            if row.get("is_removed"):
                return []
            self.caller.check(self.cloud, kind, row)
            return [row]
        if (project := self.get("projectid")) is not None:
            return self._of_projects(kind, project)
        accounts = self.accounts_in_scope()
        if accounts is None:
            hidden = {row["accountid"] for row in self.cloud.table("project")} if kind != "account" else set()
            return [row for row in table.rows.values() if row.get("accountid") not in hidden]
        if len(accounts) == 1:
            return table.by("accountid", accounts[0]["id"])
        wanted = {account["id"] for account in accounts}
        return [row for row in table.rows.values() if row.get("accountid") in wanted]

    def _of_projects(self, kind: str, project: Row) -> list[Row]:
        """What one project has; for `-1` what all have that the caller may see, with listall all the rest as well."""
        table, projects = self.cloud.table(kind), [project]
        if project.get("is_removed"):
            return []
        if project["id"] == "-1":
            projects = [row for row in self.cloud.table("project") if self.caller.may_touch(self.cloud, "project", row)]
        else:
            self.caller.check(self.cloud, "project", project)
        rows = [row for each in projects for row in table.by("accountid", each["accountid"])]
        if project["id"] == "-1" and self.get("listall"):
            del self.arguments["projectid"]
            rows += self._in_scope(kind)
        return rows

    def accounts_in_scope(self) -> list[Row] | None:
        """None is everybody. An ordinary user never gets beyond its own account."""
        caller, cloud = self.caller, self.cloud
        domain: Row | None = self.get("domainid")
        if domain is not None:
            caller.check(cloud, "domain", domain)
        if (name := self.get("account")) is not None:
            return [self.account_named(name, domain or caller.domain)]
        if not caller.is_admin:
            return [caller.account]
        if domain is not None:
            domains = cloud.subtree(domain) if self.get("isrecursive") else [domain]
        elif not self.get("listall"):
            return [caller.account]
        elif caller.is_root:
            return None
        else:
            domains = cloud.subtree(caller.domain)
        found = [account for each in domains for account in cloud.table("account").by("domainid", each["id"])]
        ids = {each["id"] for each in domains}
        found += [account for account in cloud.left_behind() if account["domainid"] in ids]  # (unverified)
        return [account for account in found if "projectid" not in account]

    def domains_in_scope(self) -> list[Row]:
        """Domains that the caller may see at all."""
        rows = list(self.cloud.table("domain").rows.values())
        return rows if self.caller.is_root else [row for row in rows if is_below(self.caller.domain, row)]

    def narrowed(self, rows: Iterable[Row], *names: str, **renamed: str) -> list[Row]:
        """The rows whose fields equal the arguments of the same name, or of the name in `renamed`.

        Letter case does not count, as in the database's collation (quirk 11).
        """
        found = list(rows)
        for name, field in [*((name, name) for name in names), *renamed.items()]:
            wanted = self.get(name)
            if wanted is None:
                continue
            if isinstance(wanted, dict):
                wanted = wanted["id"]
                found = [row for row in found if row.get(field) == wanted]
            elif isinstance(wanted, str):
                wanted = wanted.lower()
                found = [row for row in found if str(row.get(field, "")).lower() == wanted]
            elif isinstance(wanted, bool):
                found = [row for row in found if bool(row.get(field)) == wanted]
            else:
                found = [row for row in found if row.get(field) == wanted]
        return found

    def containing(self, rows: Iterable[Row], *names: str) -> list[Row]:
        """The rows whose fields contain the arguments of the same name, whatever the letter case."""
        found = list(rows)
        for name in names:
            if (wanted := self.get(name)) is not None:
                found = [row for row in found if wanted.lower() in str(row.get(name, "")).lower()]
        return found

    def searched(self, rows: Iterable[Row], *fields: str) -> list[Row]:
        """The rows with `keyword` in any of the fields."""
        keyword = (self.get("keyword") or "").lower()
        if not keyword:
            return list(rows)
        return [row for row in rows if any(keyword in str(row.get(field, "")).lower() for field in fields)]

    def tagged(self, rows: Iterable[Row]) -> list[Row]:
        wanted = self.get("tags")
        if not wanted:
            return list(rows)

        def has(row: Row) -> bool:
            tags = {(tag["key"], tag["value"]) for tag in self.cloud.table("tag").by("resourceid", row["id"])}
            return all((each.get("key"), each.get("value")) in tags for each in wanted)

        return [row for row in rows if has(row)]

    def page(self, rows: list[Row], view: View, *, key: str = "") -> Row:
        """The page that was asked for; only its rows are made visible. Nothing at all is `{}` (1.5)."""
        total = len(rows)
        if total == 0:
            return {}
        if self.get("retrieveonlyresourcecount"):
            return {"count": total}
        size = self.get("pagesize", PAGE_SIZE)
        if size == -1:
            size = total
        start = (max(self.get("page", 1), 1) - 1) * size
        rows = rows[start : start + size]
        return {"count": total, key or self.command.key: [view(row) for row in rows]} if rows else {"count": total}
