"""What of the zone serves one account, one project or one domain alone. Such a row carries its `ownerid`."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call
from sandbox.cloudstack.protocol.errors import InvalidValue
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row


def owner_named(call: Call) -> Row | None:
    """The account or domain that the arguments name; nobody when they name nobody."""
    domain: Row | None = call.get("domainid")
    if "projectid" in call:
        if "accountid" not in call["projectid"]:
            raise InvalidValue("Unable to find project by id -1")
        return call.cloud.get("account", call["projectid"]["accountid"])
    if "account" not in call:
        return domain
    if domain is None:
        raise InvalidValue("AccountName and domainId must be specified together")
    return call.account_named(call["account"], domain)


def owner_view(cloud: Cloud, owner: str | None) -> Row:
    if domain := cloud.table("domain").get(owner):
        return {"domainid": domain["id"], "domain": domain["name"], "domainpath": domain["path"]}
    return cloud.owner_fields(cloud.table("account").get(owner) or {})


def serves(row: Row, account: Row) -> bool:
    """A dedicated row serves its account, or the accounts of its domain."""
    return row.get("ownerid") in (None, account["id"], account["domainid"])


def of_owner(call: Call, rows: list[Row]) -> list[Row]:
    """The rows that are dedicated to whom a list asks for."""
    owner = owner_named(call)
    return rows if owner is None else [row for row in rows if row.get("ownerid") == owner["id"]]


def release_all(cloud: Cloud, owner: Row) -> None:
    """Give back to everybody what was an owner's."""
    for kind in ("vlan", "bgppeer", "zoneipv4subnet"):
        for row in cloud.table(kind).where(ownerid=owner["id"]):
            cloud.change(kind, row, ownerid=None)
