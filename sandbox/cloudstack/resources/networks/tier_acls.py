"""What of a network ACL stands on Netris, tier by tier (netris-api.md 4.3). Tiers know no more of ACLs than this."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.cloudstack.plugin.objects import AclRule, Tier
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row

ADD, ACTIVE, REVOKE = "Add", "Active", "Revoke"


def on_netris(rows: Iterable[Row]) -> list[AclRule]:
    """Each item once per CIDR, numbered when it has several."""
    found = []
    for row in rows:
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


def items_of(cloud: Cloud, acl_id: str) -> list[Row]:
    """The items of a list in the order of their making, in which they are written."""
    return sorted(cloud.table("networkacl").by("aclid", acl_id), key=lambda row: int(row["number"]))


def by_number(cloud: Cloud, acl_id: str) -> list[Row]:
    """The items of a list as people order them."""
    return sorted(items_of(cloud, acl_id), key=lambda row: int(row["rank"]))


def apply(cloud: Cloud, network: Row, tier: Tier) -> None:
    """Write the rules of the tier's list one by one, and take off those that are revoked."""
    if network.get("aclid") is None:
        return
    items = items_of(cloud, network["aclid"])
    rules = on_netris(row for row in items if row["state"] != REVOKE)
    gone = on_netris(row for row in items if row["state"] == REVOKE)
    with cloud.outside():
        cloud.plugin.apply_acl(tier, rules)
        cloud.plugin.revoke_acl(tier, gone)


def withdraw(cloud: Cloud, network: Row, tier: Tier) -> None:
    """Take the rules of the tier's list off Netris, by the names that they have now."""
    if network.get("aclid") is None:
        return
    rules = on_netris(items_of(cloud, network["aclid"]))
    with cloud.outside():
        cloud.plugin.revoke_acl(tier, rules)


def write_anew(cloud: Cloud, tiers: list[tuple[Row, Tier]], acl_id: str) -> None:
    """A new order of a list: all tiers lose its rules, then get them by their numbers."""
    rules = on_netris(by_number(cloud, acl_id))
    with cloud.outside():
        for _, tier in tiers:
            cloud.plugin.revoke_acl(tier, rules)
        for _, tier in tiers:
            cloud.plugin.apply_acl(tier, rules)
