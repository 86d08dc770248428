"""Domains: the tree that accounts stand in."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.protocol.errors import BadParameter, InternalError, InvalidValue, PermissionDenied
from sandbox.cloudstack.resources.owners import accounts, limits
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.cloudstack.state.java import described
from sandbox.kit.store import Row


def domain_view(cloud: Cloud, domain: Row, details: list[str] | None = None) -> Row:
    shown = {**_written(cloud, domain), **view(domain, "state"), "created": created(domain), "hasannotations": False}
    return shown if details == ["min"] else {**shown, **limits.triples(cloud, domain)}


def _written(cloud: Cloud, domain: Row) -> Row:
    """What the commands that write a domain show of it."""
    parent = cloud.table("domain").get(domain["parentdomainid"])
    shown = view(domain, "id", "name", "level", "path", "networkdomain")
    shown |= {"haschild": cloud.table("domain").count_by("parentdomainid", domain["id"]) > 0}
    if parent is not None:
        shown |= {"parentdomainid": parent["id"], "parentdomainname": parent["name"]}
    return {**shown, "secondarystoragetotal": 0.0}


@handles("listDomains")
def list_domains(call: Call) -> Row:
    rows = call.domains_in_scope()
    if (domain := call.get("id")) is not None:
        if domain.get("is_removed"):
            return {}
        call.caller.check(call.cloud, "domain", domain)
        rows = [domain]
    elif "listall" in call and not call["listall"]:
        rows = [call.caller.domain]
    rows = call.searched(call.narrowed(rows, "name", "level"), "name")
    return call.page(rows, lambda row: domain_view(call.cloud, row, call.get("details")))


@handles("createDomain")
def create_domain(call: Call) -> Row:
    """Below ROOT unless told otherwise, which only root may do; a domain admin below its own domain (unverified)."""
    cloud, name = call.cloud, call["name"]
    parent = call.get("parentdomainid") or next(cloud.table("domain").where(level=0))
    call.caller.check(cloud, "domain", parent)
    if "/" in name:
        raise BadParameter(
            "Domain name contains one or more invalid characters.  Please enter a name without '/' characters."
        )
    _check_name(cloud, parent, name)
    call.row = cloud.new(
        "domain",
        name=name,
        level=parent["level"] + 1,
        path=f"{parent['path']}/{name}",
        parentdomainid=parent["id"],
        networkdomain=call.get("networkdomain"),
        state="Active",
    )
    return {"domain": _written(cloud, call.row)}


def _check_name(cloud: Cloud, parent: Row, name: str) -> None:
    if any(each["name"].lower() == name.lower() for each in cloud.table("domain").by("parentdomainid", parent["id"])):
        raise InvalidValue(f"Domain with name [{name}] already exists for the parent with ID [{parent['number']}].")


@handles("updateDomain")
def update_domain(call: Call) -> Row:
    cloud, domain = call.cloud, call["id"]
    name = call.get("name")
    parent = cloud.table("domain").get(domain["parentdomainid"])
    if name and name != domain["name"]:
        if parent is None:
            raise InvalidValue("The root domain cannot be renamed")
        _check_name(cloud, parent, name)
        cloud.change("domain", domain, name=name)
        for each in cloud.subtree(domain):
            above = cloud.get("domain", each["parentdomainid"])
            cloud.change("domain", each, path=f"{above['path']}/{each['name']}")
    if "networkdomain" in call:
        cloud.change("domain", domain, networkdomain=call["networkdomain"])
    call.row = domain
    return {"domain": _written(cloud, domain)}


@handles("deleteDomain")
def delete_domain(call: Call) -> Row:
    cloud, domain = call.cloud, call["id"]
    if domain.get("is_removed"):  # (unverified)
        raise InvalidValue(f"Failed to delete domain {domain['number']}, domain not found")
    if domain["level"] == 0 or domain["id"] == call.caller.domain["id"]:
        raise PermissionDenied("Can't delete the caller's own domain, nor the root domain")
    below = cloud.subtree(domain)
    tenants = [account for each in below for account in cloud.table("account").by("domainid", each["id"])]
    if not call.get("cleanup"):
        if left := accounts.to_clean_up(cloud, domain):
            raise InternalError(f"Can't delete the domain yet because it has {len(left)} accounts to cleanup")
        if tenants or len(below) > 1:
            raise InternalError(
                f"Delete failed on domain {described(cloud, 'domain', domain)}; Please make sure all users and sub "
                "domains have been removed from the domain before deleting"
            )
    for account in tenants:
        accounts.tear_down(cloud, account)
    if any(accounts.to_clean_up(cloud, each) for each in below):  # (unverified)
        raise InternalError(
            f"Failed to clean up domain resources and sub domains, delete failed on domain {domain['name']} "
            f"(id: {domain['number']})."
        )
    for each in reversed(below):
        cloud.remove("domain", each)
    return SUCCESS
