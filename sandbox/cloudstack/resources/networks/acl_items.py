"""The items of network ACL lists: checked, pushed to every tier that uses the list, moved (cloudstack-api.md 3.5)."""

from __future__ import annotations

import hashlib
from ipaddress import ip_network

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import ApiError, BadParameter, InvalidValue, ServerError
from sandbox.cloudstack.resources.networks import acls, networks, tier_acls
from sandbox.cloudstack.resources.networks.tier_acls import ACTIVE, ADD, REVOKE
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

EVERYWHERE = "0.0.0.0/0,::/0"  # the latter of which Netris refuses
_SHOWN = {REVOKE: "Deleting"}


# what an item may say


def _checked(fields: Row) -> Row:
    """The fields of an item, spelled as they are kept; or the refusal of what makes no sense."""
    protocol = (fields["protocol"] or "").lower()
    if protocol.isascii() and protocol.isdigit():
        if int(protocol) > 255:
            raise InvalidValue(f"Invalid protocol number: {protocol}. Protocol number should be in the range 0-255")
    elif protocol not in ("tcp", "udp", "icmp", "all"):
        raise InvalidValue(f"Invalid protocol [{fields['protocol']}]. Expected one of: [tcp,udp,icmp,all]")
    direction = (fields["traffictype"] or "Ingress").capitalize()
    if direction not in ("Ingress", "Egress"):
        raise InvalidValue(f"Invalid traffic type {fields['traffictype']}")
    action = (fields["action"] or "Allow").capitalize()
    if action not in ("Allow", "Deny"):
        raise InvalidValue(f"Invalid action [{fields['action']}]. Permitted actions are Allow and Deny")
    ports = _ports(protocol, fields["startport"], fields["endport"])
    _check_icmp(protocol, fields["icmptype"], fields["icmpcode"])
    for cidr in fields["cidrlist"]:
        _check_cidr(cidr)
    return {
        **fields,
        **ports,
        "protocol": protocol,
        "traffictype": direction,
        "action": action,
        "cidrlist": ",".join(fields["cidrlist"]) or EVERYWHERE,
    }


def _ports(protocol: str, start: int | None, end: int | None) -> Row:
    """The ports as they are kept: where one is given alone, the start is the end as well."""
    if start is None and end is None:
        return {}
    if protocol == "all":
        raise InvalidValue("start port and end port must be null if protocol = 'all'")
    if protocol in ("icmp", "1"):
        raise InvalidValue("Can't specify start/end port when protocol is ICMP")
    if start is None:  # (unverified)
        raise InvalidValue("Start port and end port must be given together")
    end = start if end is None else end
    for name, port in (("Start", start), ("End", end)):
        if not 1 <= port <= 65535:
            raise InvalidValue(f"{name} public port is an invalid value: {port}")
    if start > end:
        raise InvalidValue(f"Start port can't be bigger than end port [startport={start},endport={end}]")
    return {"startport": start, "endport": end}


def _check_icmp(protocol: str, type_: int | None, code: int | None) -> None:
    if type_ is None and code is None:
        return
    if protocol not in ("icmp", "1"):
        raise InvalidValue("Can specify icmpCode and icmpType for ICMP protocol only")
    if type_ is not None and not -1 <= type_ <= 255:
        raise InvalidValue("Invalid icmp type; should belong to [0-255] range")
    if code is not None and not -1 <= code <= 16:
        raise InvalidValue("Invalid icmp code; should belong to [0-16] range")


def _check_cidr(cidr: str) -> None:
    try:
        ip_network(cidr, strict=False)
    except ValueError:
        raise BadParameter(f"Source cidrs formatting error {cidr}") from None
    if "/" not in cidr:
        raise BadParameter(f"Source cidrs formatting error {cidr}")


def _number(call: Call, acl: Row, item: Row | None = None) -> int:
    """The number asked for, or the next one at the end."""
    others = [row for row in call.cloud.table("networkacl").by("aclid", acl["id"]) if row is not item]
    number: int | None = call.get("number")
    if number is None:
        return max((row["rank"] for row in others), default=0) + 1
    if number < 1:
        raise InvalidValue(f"Invalid number [{number}]. Number cannot be < 1")
    if any(row["rank"] == number for row in others):
        raise InvalidValue(f"ACL item with number {number} already exists in ACL: {acl['id']}")
    return number


# made


@creates("createNetworkACL")
def make_item(call: Call) -> Row:
    cloud = call.cloud
    names = ("protocol", "startport", "endport", "icmptype", "icmpcode", "traffictype", "action")
    fields = _checked({**{name: call.get(name) for name in names}, "cidrlist": call.get("cidrlist", [])})
    acl, network = call.get("aclid"), call.get("networkid")
    if acl is None:
        if network is None:
            raise InvalidValue("Cannot create Network ACL Item. ACL Id or network Id is required")
        acl = _list_of(cloud, network)
    acls.check_changeable(call, acl)
    return cloud.new(
        "networkacl",
        aclid=acl["id"],
        rank=_number(call, acl),
        reason=call.get("reason"),
        fordisplay=call.get("fordisplay", True),
        state=ADD,
        accountid=acl.get("accountid"),
        domainid=acl.get("domainid"),
        **fields,
    )


def _list_of(cloud: Cloud, network: Row) -> Row:
    """The tier's list. A tier without one gets one of its own, without rules."""
    vpc = cloud.table("vpc").get(network.get("vpcid"))
    if vpc is None:
        raise InvalidValue(f"Network: {network['id']} does not belong to VPC")
    acl = cloud.table("networkacllist").get(network.get("aclid"))
    networks.check_acls(cloud.get("networkoffering", network["networkofferingid"]))
    if acl is None:
        name = f"VPC_{vpc['name']}_Tier_{network['name']}_ACL_{network['id']}"
        acl = acls.make_list(cloud, vpc, name, f"ACL for {name}")
        cloud.change("network", network, aclid=acl["id"])
    return acl


@handles("createNetworkACL")
def push_item(call: Call) -> Row:
    try:
        _apply(call.cloud, call.row["aclid"])
    except ApiError as error:
        _forget(call)
        raise ServerError("Failed to create network ACL Item") from error
    return {"networkacl": rule_view(call, call.row)}


@undoes("createNetworkACL")
def unmake_item(call: Call) -> None:
    _forget(call)
    raise ServerError("Failed to create network ACL Item")


def _forget(call: Call) -> None:
    """A rule that could not be made is revoked; when Netris does not let go of it, it stays to be deleted again."""
    call.cloud.change("networkacl", call.row, state=REVOKE)
    _apply(call.cloud, call.row["aclid"])


def _apply(cloud: Cloud, acl_id: str) -> None:
    """Write the whole list to every tier that uses it, whatever has changed, and take off what is revoked (4.4).

    Where that fails, all of the list stay as they are; a later call settles them. The states of the tiers do not
    matter, and lists that no tier uses touch nothing.
    """
    items = [(row, row["state"]) for row in tier_acls.items_of(cloud, acl_id)]
    for network in acls.tiers_of(cloud, cloud.get("networkacllist", acl_id)):
        tier_acls.apply(cloud, network, networks.tier_of(cloud, network))
    for row, state in items:
        if state == REVOKE:
            cloud.discard("networkacl", row)
        elif cloud.is_there("networkacl", row) and row["state"] == ADD:
            cloud.change("networkacl", row, state=ACTIVE)


# changed


@handles("updateNetworkACLItem")
def update_item(call: Call) -> Row:
    cloud, item = call.cloud, call["id"]
    acl = cloud.get("networkacllist", item["aclid"])
    acls.check_changeable(call, acl)
    is_partial = call.get("partialupgrade", True)
    fields: Row = {}
    for name in ("protocol", "startport", "endport", "icmptype", "icmpcode", "traffictype", "action", "reason"):
        fields[name] = call.get(name, item.get(name) if is_partial else None)
    cidrs = item["cidrlist"].split(",") if is_partial else []
    changes = _checked({**fields, "cidrlist": call.get("cidrlist") or cidrs})
    if "number" in call:
        changes["rank"] = _number(call, acl, item)
    if "fordisplay" in call:
        changes["fordisplay"] = call["fordisplay"]
    cloud.change("networkacl", item, state=ADD, **changes)
    shown = rule_view(call, item)  # as it is before Netris knows
    _apply(cloud, acl["id"])
    return {"networkacl": shown}


@handles("moveNetworkAclItem")
def move_item(call: Call) -> Row:
    cloud = call.cloud
    item = _item(call, "id")
    above, below = _item(call, "previousaclruleid"), _item(call, "nextaclruleid")
    if item is None or (above is None and below is None) or item in (above, below):
        raise InvalidValue("Both previous and next ACL rule IDs cannot be blank.")
    acl = cloud.get("networkacllist", item["aclid"])
    acls.check_changeable(call, acl)
    if any(other is not None and other["aclid"] != acl["id"] for other in (above, below)):
        raise InvalidValue(f"Cannot use ACL rules from different lists. Rule being moved [{item['id']}]")
    items = tier_acls.by_number(cloud, acl["id"])
    state = hashlib.md5("".join(row["id"] for row in items).encode(), usedforsecurity=False).hexdigest()
    if call.get("aclconsistencyhash", state) != state:
        raise InvalidValue(
            "It seems that the access control list in the database is not in the state that you used to apply the "
            "changed. Could you try it again?"
        )
    _renumber(cloud, [row for row in items if row is not item], item, above, below)
    tier_acls.write_anew(cloud, [(row, networks.tier_of(cloud, row)) for row in acls.tiers_of(cloud, acl)], acl["id"])
    return {"networkacl": rule_view(call, item)}


def _item(call: Call, name: str) -> Row | None:
    """An item that the caller may touch. These parameters are plain text, so nothing has looked them up yet."""
    if not (identifier := call.get(name, "").strip()):
        return None
    row = call.cloud.table("networkacl").get(identifier.lower())
    if row is None:
        raise InvalidValue(f"Could not find a rule with ID[{identifier}]")
    call.caller.check(call.cloud, "networkacl", row)
    return row


def _renumber(cloud: Cloud, others: list[Row], item: Row, above: Row | None, below: Row | None) -> None:
    """Give an item its new number, and push down those that are in its way."""
    if below is None:
        number = max((row["rank"] for row in others), default=0) + 1
    elif above is None:
        number = 1
    else:
        number = above["rank"] + 1
    cloud.change("networkacl", item, rank=number)
    for other in others:
        if other["rank"] == number:
            number += 1
            cloud.change("networkacl", other, rank=number)


# removed


@handles("deleteNetworkACL")
def delete_item(call: Call) -> Row:
    cloud, item = call.cloud, call["id"]
    acls.check_changeable(call, cloud.get("networkacllist", item["aclid"]))
    cloud.change("networkacl", item, state=REVOKE)
    _apply(cloud, item["aclid"])
    return SUCCESS


# shown


@handles("listNetworkACLs")
def list_network_acls(call: Call) -> Row:
    """Newest first, whatever their numbers say."""
    lists = acls.visible_lists(call, _lists_in_question(call))
    table = call.cloud.table("networkacl")
    rows = sorted((row for acl in lists for row in table.by("aclid", acl["id"])), key=lambda row: int(row["number"]))
    rows = call.narrowed(rows, "id", "aclid", "traffictype", "protocol", "action")
    if (network := call.get("networkid")) is not None:
        rows = [row for row in rows if row["aclid"] == network.get("aclid")]
    rows = call.displayed(call.tagged(call.searched(rows, "protocol")))
    return call.page(rows[::-1], lambda row: rule_view(call, row))


def _lists_in_question(call: Call) -> list[Row]:
    """The one list that the arguments lead to, or all there are."""
    table = call.cloud.table("networkacllist")
    given = [
        call[name].get(key) for name, key in (("aclid", "id"), ("networkid", "aclid"), ("id", "aclid")) if name in call
    ]
    return [row for row in map(table.get, given) if row is not None] if given else list(table)


def rule_view(call: Call, row: Row) -> Row:
    acl = call.cloud.get("networkacllist", row["aclid"])
    shown = view(row, "id", "protocol", "traffictype", "cidrlist", "icmptype", "icmpcode", "action", "reason")
    shown["state"] = _SHOWN.get(row["state"], row["state"])
    for port in ("startport", "endport"):
        if row.get(port) is not None:
            shown[port] = str(row[port])
    shown |= {"aclid": acl["id"], "aclname": acl["name"], "number": row["rank"], "tags": call.cloud.tags_of(row)}
    return {**shown, "fordisplay": row.get("fordisplay", True)} if call.caller.is_root else shown
