"""Resource limits: what an account or a domain may have, and what it has (cloudstack-api.md 3.1)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue, LimitReached, PermissionDenied
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row

VM, PUBLIC_IP, VOLUME, PROJECT, NETWORK, VPC, CPU, MEMORY = 0, 1, 2, 5, 6, 7, 8, 9
UNLIMITED = -1

# name, the word in account and domain fields, the account's default; a domain's default is twice that
TYPES = (
    ("user_vm", "vm", 20),
    ("public_ip", "ip", 20),
    ("volume", "volume", 20),
    ("snapshot", "snapshot", 20),
    ("template", "template", 20),
    ("project", "project", 10),
    ("network", "network", 20),
    ("vpc", "vpc", 20),
    ("cpu", "cpu", 40),
    ("memory", "memory", 40960),
    ("primary_storage", "primarystorage", 200),
    ("secondary_storage", "secondarystorage", 400),
    ("backup", "backup", 20),
    ("backup_storage", "backupstorage", 400),
    ("bucket", "bucket", 20),
    ("object_storage", "objectstorage", 400),
    ("gpu", "gpu", 20),
)
# Both source NAT addresses of a VPC count as public IPs of its account (unverified).
_COUNTED = {VM: "vm", PUBLIC_IP: "publicip", VOLUME: "volume", NETWORK: "network", VPC: "vpc"}


def used(cloud: Cloud, account: Row, type_: int) -> int:
    """Destroyed VMs no longer count."""
    if type_ in (VM, CPU, MEMORY):
        machines = [vm for vm in cloud.table("vm").by("accountid", account["id"]) if vm["state"] != "Destroyed"]
        if type_ == VM:
            return len(machines)
        field = "cpunumber" if type_ == CPU else "memory"
        return sum(cloud.get("serviceoffering", vm["serviceofferingid"])[field] for vm in machines)
    if type_ == PROJECT:
        return sum(1 for project in cloud.table("project") if account["id"] in project["owners"])
    kind = _COUNTED.get(type_)
    return cloud.table(kind).count_by("accountid", account["id"]) if kind else 0


def used_in_domain(cloud: Cloud, domain: Row, type_: int) -> int:
    accounts = (each for below in cloud.subtree(domain) for each in cloud.table("account").by("domainid", below["id"]))
    return sum(used(cloud, account, type_) for account in accounts)


def maximum(cloud: Cloud, owner: Row, type_: int) -> int:
    """The limit of an account or a domain. Root admins and the root domain have none."""
    row = next((row for row in cloud.table("limit").by("ownerid", owner["id"]) if row["type"] == type_), None)
    is_account = "accounttype" in owner
    if is_account and cloud.get("role", owner["roleid"])["type"] == "Admin":
        return UNLIMITED
    if row is not None:
        return int(row["max"])
    if not is_account and owner["level"] == 0:
        return UNLIMITED
    return TYPES[type_][2] * (1 if is_account else 2)


def check(cloud: Cloud, account: Row, type_: int, amount: int = 1) -> None:
    limit, has = maximum(cloud, account, type_), used(cloud, account, type_)
    name = TYPES[type_][0]
    if limit != UNLIMITED and has + amount > limit:
        domain = cloud.get("domain", account["domainid"])
        raise LimitReached(
            f"Maximum amount of resources of Type = '{name}', tag = 'null' for Account Name = {account['name']} in "
            f"Domain Id = {domain['number']} is exceeded: Account Resource Limit = {limit}, Current Account Resource "
            f"Amount = {has}, Current Account Resource Reservation = 0, Requested Resource Amount = {amount}."
        )
    above: Row | None = cloud.get("domain", account["domainid"])
    while above is not None:
        limit = maximum(cloud, above, type_)
        if limit != UNLIMITED and (has := used_in_domain(cloud, above, type_)) + amount > limit:
            raise LimitReached(
                f"Maximum amount of resources of Type = '{name}', tag = 'null' for Domain Id = {above['number']} is "
                f"exceeded: Domain Resource Limit = {limit}, Current Domain Resource Amount = {has}, Current Domain "
                f"Resource Reservation = 0, Requested Resource Amount = {amount}."
            )
        above = cloud.table("domain").get(above["parentdomainid"])


def triples(cloud: Cloud, owner: Row) -> Row:
    """`vpclimit`, `vpctotal`, `vpcavailable` and so on: limit and rest as text, the total as a number."""
    fields: Row = {}
    count = used if "accounttype" in owner else used_in_domain
    for type_, (_, word, _) in enumerate(TYPES):
        limit = maximum(cloud, owner, type_)
        total: float = count(cloud, owner, type_)
        if word == "secondarystorage":
            total = float(total)
        is_free = limit == UNLIMITED
        fields[f"{word}limit"] = "Unlimited" if is_free else str(limit)
        fields[f"{word}total"] = total
        fields[f"{word}available"] = "Unlimited" if is_free else str(max(limit - total, 0))
    return fields


def _view(cloud: Cloud, owner: Row, type_: int) -> Row:
    """One limit. A domain's carries no account."""
    if "accounttype" in owner:
        fields = cloud.owner_fields(owner)
    else:
        fields = {"domainid": owner["id"], "domain": owner["name"], "domainpath": owner["path"]}
    shown = {"resourcetype": str(type_), "resourcetypename": TYPES[type_][0], "max": maximum(cloud, owner, type_)}
    return {**fields, **shown}


def _owner(call: Call) -> Row:
    """Whose limits: an account's, a whole domain's, or the caller's own."""
    name, domain = call.get("account"), call.get("domainid")
    if "projectid" in call:
        return call.project_account()
    if name is not None:
        if domain is None and call.command.name == "updateResourceLimit":
            raise InvalidValue("AccountName and domainId must be specified together")
        return call.account_named(name, domain or call.caller.domain)
    if domain is not None:
        call.caller.check(call.cloud, "domain", domain)
        return dict(domain)
    return call.caller.account


@handles("listResourceLimits")
def list_resource_limits(call: Call) -> Row:
    owner = _owner(call)
    types = list(range(len(TYPES)))
    if (wanted := call.get("resourcetype")) is not None:
        types = [type_ for type_ in types if type_ == wanted]
        if not types:
            raise InvalidValue("Please specify valid resource type.")
    if (name := call.get("resourcetypename")) is not None:
        types = [type_ for type_ in types if TYPES[type_][0] == name.lower()]
    return call.page([{"type": type_} for type_ in types], lambda row: _view(call.cloud, owner, row["type"]))


@handles("updateResourceLimit")
def update_resource_limit(call: Call) -> Row:
    type_, limit = call["resourcetype"], call.get("max", UNLIMITED)
    if not 0 <= type_ < len(TYPES):
        raise InvalidValue("Please specify valid resource type")
    if limit < UNLIMITED:
        raise InvalidValue(
            f"Please specify either '{UNLIMITED}' for an infinite limit, or a limit that is at least '0'."
        )
    owner = _owner(call)
    if owner["id"] in (call.caller.account["id"], call.caller.domain["id"]) and not call.caller.is_root:
        raise PermissionDenied("An admin cannot change the limits of its own account or domain")
    if "accounttype" in owner and call.cloud.get("role", owner["roleid"])["type"] == "Admin":
        raise InvalidValue("Only infinite limit is supported for Root Admin accounts")
    _check_parent(call.cloud, owner, type_, limit)
    table = call.cloud.table("limit")
    row = next((row for row in table.by("ownerid", owner["id"]) if row["type"] == type_), None)
    if row is None:
        call.cloud.new("limit", ownerid=owner["id"], type=type_, max=limit)
    else:
        table.change(row, max=limit)
    return {"resourcelimit": _view(call.cloud, owner, type_)}


def _check_parent(cloud: Cloud, owner: Row, type_: int, limit: int) -> None:
    """A domain's limit stays within its parent's. Accounts are held back by their domain when they use it."""
    if "accounttype" in owner:
        return
    parent = cloud.table("domain").get(owner["parentdomainid"])
    above = maximum(cloud, parent, type_) if parent is not None else UNLIMITED
    if above != UNLIMITED and (limit == UNLIMITED or limit > above):
        raise InvalidValue(
            f"Domain {owner['id']} has maximum allowed resource limit {above} for {TYPES[type_][0]}, "
            f"please specify a value less than or equal to {above}"
        )


@handles("updateResourceCount")
def update_resource_count(call: Call) -> Row:
    """Counts are never stored here, so a recount has nothing to repair."""
    owner = _owner(call)
    count = used if "accounttype" in owner else used_in_domain
    types = range(len(TYPES)) if "resourcetype" not in call else [call["resourcetype"]]
    if any(not 0 <= type_ < len(TYPES) for type_ in types):
        raise InvalidValue("Please specify valid resource type")
    rows = []
    for type_ in types:
        shown = {key: value for key, value in _view(call.cloud, owner, type_).items() if key != "max"}
        rows.append({**shown, "resourcecount": count(call.cloud, owner, type_)})
    return {"count": len(rows), "resourcecount": rows}
