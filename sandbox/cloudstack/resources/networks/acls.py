"""Network ACL lists: made, attached to tiers, replaced, removed (cloudstack-api.md 3.5)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles
from sandbox.cloudstack.protocol.errors import InternalError, InvalidValue, PermissionDenied
from sandbox.cloudstack.resources.networks import networks, tier_acls
from sandbox.cloudstack.seed import DEFAULT_LISTS
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

_DEFAULT_NAMES = {name for name, _, _ in DEFAULT_LISTS}


def check_changeable(call: Call, acl: Row, verb: str = "modified") -> None:
    """Nobody changes the default lists, and only root the other global ones."""
    if acl["vpcid"] is None and acl["name"] in _DEFAULT_NAMES:
        raise InvalidValue(f"Default ACL cannot be {verb}")
    if acl["vpcid"] is None and not call.caller.is_root:
        raise PermissionDenied(f"Only root admins can change the global ACL list {acl['name']}")


def tiers_of(cloud: Cloud, acl: Row) -> list[Row]:
    return cloud.table("network").by("aclid", acl["id"])


def make_list(cloud: Cloud, vpc: Row | None, name: str, description: str | None, *, fordisplay: bool = True) -> Row:
    owner = {} if vpc is None else {"accountid": vpc["accountid"], "domainid": vpc["domainid"]}
    return cloud.new(
        "networkacllist",
        name=name,
        description=description,
        vpcid=vpc["id"] if vpc else None,
        fordisplay=fordisplay,
        **owner,
    )


@creates("createNetworkACLList")
def create_network_acl_list(call: Call) -> Row:
    vpc = call.get("vpcid")
    if vpc is None and not call.caller.is_root:
        raise PermissionDenied("Only Root Admin can create global ACLs.")
    if not call["name"].strip():
        raise InvalidValue("Invalid ACL list name")
    return make_list(call.cloud, vpc, call["name"], call.get("description"), fordisplay=call.get("fordisplay", True))


@handles("createNetworkACLList")
def confirm_network_acl_list(call: Call) -> Row:
    return {"networkacllist": acl_view(call, call.row)}


@handles("updateNetworkACLList")
def update_network_acl_list(call: Call) -> Row:
    acl = call["id"]
    check_changeable(call, acl)
    changes = {name: call[name] for name in ("name", "description", "fordisplay") if name in call}
    call.cloud.change("networkacllist", acl, **changes)
    return {"networkacllist": acl_view(call, acl)}


@handles("deleteNetworkACLList")
def delete_network_acl_list(call: Call) -> Row:
    cloud, acl = call.cloud, call["id"]
    check_changeable(call, acl, "removed")
    if tiers := tiers_of(cloud, acl):
        raise InternalError(
            f"ACL is still associated with {len(tiers)} tier(s). Cannot delete network ACL: {acl['id']}"
        )
    if any(gateway.get("aclid") == acl["id"] for gateway in cloud.table("privategateway")):
        raise InternalError(f"ACL is still associated with a private gateway. Cannot delete {acl['name']}")
    remove_list(cloud, acl)
    return SUCCESS


def remove_list(cloud: Cloud, acl: Row) -> None:
    for rule in cloud.table("networkacl").by("aclid", acl["id"]):
        cloud.remove("networkacl", rule)
    cloud.remove("networkacllist", acl)


@handles("replaceNetworkACLList")
def replace_network_acl_list(call: Call) -> Row:
    """Off with the old rules, on with the new ones; a tier whose new rules Netris refuses keeps the new list.

    When the new list is empty, the old rules stay on Netris.
    """
    cloud, acl = call.cloud, call["aclid"]
    network, gateway = call.get("networkid"), call.get("gatewayid")
    if network is None and gateway is None:
        raise InternalError("Network ID and private gateway can't be null at the same time")
    if network is not None and gateway is not None:
        raise InternalError("Network ID and private gateway can't be passed at the same time")
    target = network or gateway or {}
    if target.get("vpcid") is None:
        raise InvalidValue(f"Network is not part of a VPC: {target['id']}")
    if acl["vpcid"] not in (None, target["vpcid"]):
        raise InvalidValue(f"The ACL list {acl['id']} and the network or gateway do not belong to the same VPC")
    if gateway is not None:
        cloud.change("privategateway", gateway, aclid=acl["id"])
        return SUCCESS
    networks.check_acls(cloud.get("networkoffering", target["networkofferingid"]))
    tier = networks.tier_of(cloud, target)
    if tier_acls.items_of(cloud, acl["id"]):
        tier_acls.withdraw(cloud, target, tier)
    cloud.change("network", target, aclid=acl["id"])
    tier_acls.apply(cloud, target, tier)
    return SUCCESS


def visible_lists(call: Call, lists: list[Row]) -> list[Row]:
    """The default lists are everybody's; a VPC's lists are those of whoever sees the VPC. An id beats the scope."""
    if "id" in call:
        return call.displayed([acl for acl in lists if call.caller.may_touch(call.cloud, "networkacllist", acl)])
    accounts = call.accounts_in_scope()
    owners = None if accounts is None else {account["id"] for account in accounts}
    vpcs = call.cloud.table("vpc")

    def is_visible(acl: Row) -> bool:
        vpc = vpcs.get(acl["vpcid"])
        return acl["vpcid"] is None or owners is None or (vpc is not None and vpc["accountid"] in owners)

    return call.displayed([acl for acl in lists if is_visible(acl)])


@handles("listNetworkACLLists")
def list_network_acl_lists(call: Call) -> Row:
    rows = call.narrowed(visible_lists(call, list(call.cloud.table("networkacllist"))), "id", "name")
    if (vpc := call.get("vpcid")) is not None:
        rows = [row for row in rows if row["vpcid"] in (None, vpc["id"])]
    if (network := call.get("networkid")) is not None:
        rows = [row for row in rows if row["id"] == network.get("aclid")]
    return call.page(call.searched(rows, "name", "description")[::-1], lambda row: acl_view(call, row))


def acl_view(call: Call, acl: Row) -> Row:
    shown = view(acl, "id", "name", "description", "vpcid")
    if vpc := call.cloud.table("vpc").get(acl["vpcid"]):
        shown["vpcname"] = vpc["name"]
    return {**shown, "fordisplay": acl.get("fordisplay", True)} if call.caller.is_root else shown
