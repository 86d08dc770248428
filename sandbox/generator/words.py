"""What differs from one print of the sample to the next: ids, names, numbers, addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.generator.sample import BLOCK, vpc_name
from sandbox.generator.stencil import Words, tokens_of
from sandbox.kit.store import Row

if TYPE_CHECKING:
    from sandbox.cloudstack.state.cloud import Cloud

# What stands around the number of a row in the names that both systems give (netris-api.md 4.2).
_NUMBERED = {
    "network": ("-N{}",),
    "networkacl": ("-ACL{}",),
    "portforwardingrule": ("-DNAT-R{}",),
    "loadbalancer": ("-LB{}",),
    "router": ("r-{}-VM",),
    "vm": ("-VM{}-STATICNAT", "ROOT-{}"),
}


def block_of(number: int) -> str:
    """The first half of the addresses of a VPC: neighbours have different ones."""
    return f"10.{1 + (number - 1) % 250}."


class Vocabulary:
    """`rows` are all of the sample's, `owned` its public addresses."""

    def __init__(self, cloud: Cloud, rows: list[tuple[str, Row]], owned: list[Row]) -> None:
        self._cloud = cloud
        self._rows = rows
        self._owned = owned
        self._account: Row = cloud.get("account", owned[0]["accountid"])
        self.vnis = [row["id"] for kind, row in rows if kind == "vni"]
        self.hosts = list(dict.fromkeys(row["hostid"] for _, row in rows if row.get("hostid")))
        numbers = {row["id"]: row["number"] for _, row in rows if "number" in row}
        self.tokens = tokens_of([*self.words(1, self._account, numbers, owned, str), *self.hosts])

    def words(
        self, number: int, tenant: Row, numbers: dict[str, int], free: list[Row], uuid: Callable[[], str]
    ) -> Words:
        """Each token of the sample, and what a print has in its place."""
        domain, zone = self._cloud.get("domain", tenant["domainid"])["number"], self._cloud.zone["number"]
        old, new = self._account, tenant
        vpc = next(row for kind, row in self._rows if kind == "vpc")
        found = {row["id"]: uuid() for _, row in self._rows if isinstance(row["id"], str)}
        found |= {old["id"]: new["id"], old["name"]: new["name"]}
        for mine, its in zip(self._owned, free, strict=True):
            found |= {mine["id"]: its["id"], mine["ipaddress"]: its["ipaddress"]}
        found |= {vpc_name(1): vpc_name(number), BLOCK: block_of(number)}
        found[f"-Z{zone}-V{vpc['number']}"] = f"-Z{zone}-V{numbers[vpc['id']]}"
        found[f"D{domain}-A{old['number']}"] = f"D{domain}-A{new['number']}"
        found[f"cs{old['number']:x}."] = f"cs{new['number']:x}."
        for kind, row in self._rows:
            before, after = row.get("number"), numbers.get(row["id"])
            for pattern in _NUMBERED.get(kind, ()):
                found[pattern.format(before)] = pattern.format(after)
            if kind == "vm":
                found[f"i-{old['number']}-{before}-VM"] = f"i-{new['number']}-{after}-VM"
                found[_mac(before)] = _mac(after)
        return found


def _mac(number: int | None) -> str:
    """The part of a NIC's address that is the machine's number."""
    text = f"{number or 0:06x}"
    return f":{text[:2]}:{text[2:4]}:{text[4:]}"
