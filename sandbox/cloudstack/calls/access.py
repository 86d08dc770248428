"""Who calls, with which role, and what that lets them see and touch (cloudstack-api.md 1.2, 1.3, 1.6)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.catalogue import CATALOGUE, Command
from sandbox.cloudstack.protocol.errors import PermissionDenied, Unauthorized, Unsupported
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row

USER, ROOT_ADMIN, DOMAIN_ADMIN, RESOURCE_ADMIN = 0, 1, 2, 3
ROLE_TYPES = {"User": USER, "Admin": ROOT_ADMIN, "DomainAdmin": DOMAIN_ADMIN, "ResourceAdmin": RESOURCE_ADMIN}
_LETTERS = {"User": "U", "DomainAdmin": "D", "ResourceAdmin": "R"}
ALLOW, DENY = "allow", "deny"
SESSION_SECONDS = 30 * 60
_NO_CREDENTIALS = "unable to verify user credentials and/or request signature"


@dataclass(frozen=True)
class Caller:
    user: Row
    account: Row
    domain: Row
    role: Row
    rules: list[Row]

    @classmethod
    def of(cls, cloud: Cloud, user: Row) -> Caller:
        account = cloud.get("account", user["accountid"])
        role = cloud.get("role", account["roleid"])
        rules = cloud.table("rolepermission").by("roleid", role["id"])
        return cls(user, account, cloud.get("domain", account["domainid"]), role, rules)

    @property
    def is_root(self) -> bool:
        return bool(self.role["type"] == "Admin")

    @property
    def is_domain_admin(self) -> bool:
        return bool(self.role["type"] == "DomainAdmin")

    @property
    def is_admin(self) -> bool:
        return self.is_root or self.is_domain_admin

    def may_run(self, command: Command) -> bool:
        """The role's rules decide, the first that fits; where none does, the role's type (3.0)."""
        for row in self.rules:
            if fnmatchcase(command.name.lower(), row["rule"].lower()):
                return bool(row["permission"] == ALLOW)
        return self.is_root or _LETTERS[self.role["type"]] in command.roles

    def commands(self) -> list[Command]:
        return [command for command in CATALOGUE.values() if self.may_run(command)]

    def may_touch(self, cloud: Cloud, kind: str, row: Row) -> bool:
        """Own things, those of projects one belongs to, things below an admin's domain, and what is everybody's."""
        if self.is_root:
            return True
        if kind == "domain":
            return bool(row["id"] == self.domain["id"] or (self.is_domain_admin and is_below(self.domain, row)))
        owner = row.get("accountid")
        if kind == "template" or owner is None or owner == self.account["id"]:
            return True
        domain = cloud.store["domain"].get(row.get("domainid"))
        if self.is_domain_admin and domain is not None and is_below(self.domain, domain):
            return True
        behind = cloud.store["account"].get(owner) or {}
        project = cloud.store["project"].get(behind.get("projectid"))
        return project is not None and self.account["id"] in project["members"]

    def check(self, cloud: Cloud, kind: str, row: Row) -> None:
        if kind == "domain" and not self.may_touch(cloud, kind, row):  # the text: (unverified)
            who = described(cloud, "account", self.account)
            raise PermissionDenied(f"Account {who} does not have permission to operate within domain id={row['id']}")
        if not self.may_touch(cloud, kind, row):
            raise PermissionDenied(
                f'Acct[{self.account["id"]}-{self.account["name"]}] -- Account {{"accountName":'
                f'"{self.account["name"]}"}} does not have permission to operate with resource {kind}[{row["id"]}]'
            )


def is_below(upper: Row, domain: Row) -> bool:
    return f"{domain['path']}/".startswith(f"{upper['path']}/")


def hashed(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def new_key() -> str:
    """86 characters of the URL-safe Base64 alphabet."""
    return secrets.token_urlsafe(64)


def is_enabled(cloud: Cloud, user: Row) -> bool:
    account = cloud.get("account", user["accountid"])
    return bool(user["state"] == account["state"] == "enabled")


def identify(cloud: Cloud, sent: Mapping[str, str]) -> Caller:
    """The caller of a signed request. The role is checked before the signature is (1.2)."""
    given = {name.lower(): value for name, value in sent.items()}
    command = CATALOGUE.get(sent.get("command", ""))
    if command is None or not given.get("apikey") or not given.get("signature"):
        raise Unauthorized(_NO_CREDENTIALS)
    if given.get("signatureversion") == "3":
        expires = wire.expiry(given.get("expires", ""))
        if expires is None or expires < cloud.clock.now():
            raise Unauthorized(_NO_CREDENTIALS)
    user = next(iter(cloud.table("user").by("apikey", given["apikey"])), None)
    if user is None or not is_enabled(cloud, user):
        raise Unauthorized(_NO_CREDENTIALS)
    caller = Caller.of(cloud, user)
    check_role(caller, command)
    if not wire.is_signed(sent, user["secretkey"]):
        raise Unauthorized(_NO_CREDENTIALS)
    return caller


def check_role(caller: Caller, command: Command | None, name: str = "") -> None:
    if command is None or not caller.may_run(command):
        raise Unsupported(
            f"The API [{command.name if command else name}] does not exist or is not available for the account "
            f"for user id [{caller.user['id']}]."
        )
