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
    """The items of a list as they are read: by their numbers."""
    return sorted(cloud.table("networkacl").by("aclid", acl_id), key=lambda row: int(row["rank"]))


def push(cloud: Cloud, network: Row, tier: Tier) -> None:
    """Write the rules of the tier's list to Netris. A tier without a list has none there.

    Called when a tier starts, when its list is replaced and when the list's order changes (unverified).
    """
    if network.get("aclid") is None:
        return
    items = [row for row in items_of(cloud, network["aclid"]) if row["state"] != REVOKE]
    rules = on_netris(items)
    with cloud.outside():
        cloud.plugin.apply_acl(tier, rules)
    gone = {row["number"] for row in items if not cloud.is_there("networkacl", row) or row["state"] == REVOKE}
    if gone:  # whoever removed them may have found nothing on Netris yet
        with cloud.outside():
            cloud.plugin.revoke_acl(tier, [rule for rule in rules if rule.item in gone])


def withdraw(cloud: Cloud, network: Row, tier: Tier) -> None:
    """Take the rules of the tier's list off Netris."""
    if network.get("aclid") is None:
        return
    rules = on_netris(items_of(cloud, network["aclid"]))
    with cloud.outside():
        cloud.plugin.revoke_acl(tier, rules)
