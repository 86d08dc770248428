"""Network ACL lists and their rules, and what of them stands on Netris (cloudstack-api.md 3.5, netris-api.md 4.3)."""

from __future__ import annotations

from sandbox.cloudstack.call import Call, handles
from sandbox.cloudstack.cloud import Cloud, view
from sandbox.cloudstack.netris_objects import AclRule, Tier
from sandbox.store import Row


def rules_of(cloud: Cloud, acl_id: str) -> list[AclRule]:
    """Each rule once per CIDR, numbered when it has several."""
    found = []
    for row in cloud.table("networkacl").by("aclid", acl_id):
        cidrs = row["cidrlist"].split(",")
        for index, cidr in enumerate(cidrs, 1):
            found.append(
                AclRule(
                    item=row["number"],
                    suffix=f"-{index}" if len(cidrs) > 1 else "",
                    is_ingress=row["traffictype"] == "Ingress",
                    is_allowed=row["action"] == "Allow",
                    protocol=row["protocol"],
                    cidr=cidr,
                    start_port=row.get("startport"),
                    end_port=row.get("endport"),
                    icmp_type=row.get("icmptype"),
                    reason=row.get("reason") or "",
                )
            )
    return found


def push(cloud: Cloud, network: Row, tier: Tier) -> None:
    """Write the rules of the tier's list to Netris. A tier without a list has none there."""
    if network.get("aclid") is None:
        return
    rules = rules_of(cloud, network["aclid"])
    with cloud.outside():
        cloud.plugin.apply_acl(tier, rules)
    cloud.change("network", network, has_acl_on_netris=True)


def withdraw(cloud: Cloud, network: Row, tier: Tier) -> None:
    if not network.get("has_acl_on_netris"):
        return
    rules = rules_of(cloud, network["aclid"])
    with cloud.outside():
        cloud.plugin.revoke_acl(tier, rules)
    cloud.change("network", network, has_acl_on_netris=False)


def _visible(call: Call, lists: list[Row]) -> list[Row]:
    """The default lists are everybody's; a VPC's lists are those of whoever sees the VPC."""
    accounts = call.accounts_in_scope()
    owners = None if accounts is None else {account["id"] for account in accounts}
    vpcs = call.cloud.table("vpc")

    def is_visible(acl: Row) -> bool:
        vpc = vpcs.get(acl["vpcid"])
        return acl["vpcid"] is None or owners is None or (vpc is not None and vpc["accountid"] in owners)

    return [acl for acl in lists if is_visible(acl)]


@handles("listNetworkACLLists")
def list_network_acl_lists(call: Call) -> Row:
    rows = call.narrowed(_visible(call, list(call.cloud.table("networkacllist"))), "id", "name")
    if (vpc := call.get("vpcid")) is not None:
        rows = [row for row in rows if row["vpcid"] in (None, vpc["id"])]
    if (network := call.get("networkid")) is not None:
        rows = [row for row in rows if row["id"] == network.get("aclid")]
    return call.page(call.searched(rows, "name", "description")[::-1], lambda row: acl_view(call, row))


def acl_view(call: Call, acl: Row) -> Row:
    shown = view(acl, "id", "name", "description", "vpcid")
    if vpc := call.cloud.table("vpc").get(acl["vpcid"]):
        shown["vpcname"] = vpc["name"]
    return {**shown, "fordisplay": True} if call.caller.is_root else shown


@handles("listNetworkACLs")
def list_network_acls(call: Call) -> Row:
    """Newest first, whatever their numbers say."""
    lists = {acl["id"] for acl in _visible(call, list(call.cloud.table("networkacllist")))}
    rows = [row for row in call.cloud.table("networkacl") if row["aclid"] in lists]
    rows = call.narrowed(rows, "id", "aclid", "traffictype", "protocol", "action")
    if (network := call.get("networkid")) is not None:
        rows = [row for row in rows if row["aclid"] == network.get("aclid")]
    return call.page(call.tagged(call.searched(rows, "protocol"))[::-1], lambda row: rule_view(call, row))


def rule_view(call: Call, row: Row) -> Row:
    acl = call.cloud.get("networkacllist", row["aclid"])
    shown = view(row, "id", "protocol", "traffictype", "state", "cidrlist", "icmptype", "icmpcode", "action", "reason")
    for port in ("startport", "endport"):
        if row.get(port) is not None:
            shown[port] = str(row[port])
    shown |= {"aclid": acl["id"], "aclname": acl["name"], "number": row["rank"], "tags": call.cloud.tags_of(row)}
    return {**shown, "fordisplay": True} if call.caller.is_root else shown
