"""Who holds which VNI, which VLAN of a site, and which address of a VPC.

The ledger is derived from rows alone. Two owners of one number are possible here (a sandbox order may write nonsense
into a row on purpose); refusing them is the business of whoever takes calls.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.tree import Tree
from sandbox.netris.wire import Address

LAST_VNI = 16777216


@dataclass(frozen=True)
class Owner:
    kind: str  # the consumer types of the reservation calls: vnet, bgp, hw, nat, l4lb, vrf
    id: int
    name: str
    reservation: int = 0  # the reservation that keeps the number for this owner, if one does


@dataclass(frozen=True)
class Claim:
    """`pool` is "vni", ("vlan", site), ("port", port) where the numbers are VLANs, or ("ip", vpc, version)."""

    pool: Any
    number: int
    tag: str = ""

    @classmethod
    def vni(cls, number: int) -> Claim:
        return cls("vni", number)

    @classmethod
    def vlan(cls, site: int, number: int) -> Claim:
        return cls(("vlan", site), number)

    @classmethod
    def port(cls, port: int, vlan: int) -> Claim:
        """A VLAN on a port; 0 is what goes untagged."""
        return cls(("port", port), vlan)

    @classmethod
    def ip(cls, vpc: int, address: Address, tag: str = "") -> Claim:
        return cls(("ip", vpc, address.version), int(address), tag)


class Ledger:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._holders: dict[Any, dict[int, dict[Owner, str]]] = {}
        self._sorted: dict[Any, list[int]] = {}  # the addresses of a VPC, to count those of a subnet
        self._lowest: dict[Any, int] = {}  # below it, nothing of the pool is free

    def hold(self, owner: Owner, claim: Claim) -> None:
        pool = self._holders.setdefault(claim.pool, {})
        if claim.number not in pool and claim.pool[0] == "ip":
            insort(self._sorted.setdefault(claim.pool, []), claim.number)
        pool.setdefault(claim.number, {})[owner] = claim.tag
        self._touch(claim)

    def release(self, owner: Owner, claim: Claim) -> None:
        holders = self._holders[claim.pool][claim.number]
        holders.pop(owner, None)
        if not holders:
            del self._holders[claim.pool][claim.number]
            self._lowest[claim.pool] = min(self._lowest.get(claim.pool, 0), claim.number)
            if claim.pool[0] == "ip":
                numbers = self._sorted[claim.pool]
                del numbers[bisect_left(numbers, claim.number)]
        self._touch(claim)

    def _touch(self, claim: Claim) -> None:
        if claim.pool[0] == "ip":
            self._tree.touch(claim.pool[1], claim.pool[2], claim.number)

    def holders(self, claim: Claim, *, but: tuple[str, int] = ("", 0)) -> list[Owner]:
        """Who has the number, leaving out one object (the one that is being changed)."""
        held = self._holders.get(claim.pool, {}).get(claim.number, {})
        return [owner for owner in held if (owner.kind, owner.id) != but or not owner.id]

    def owners(self, pool: Any) -> set[Owner]:
        """Who has any number of the pool."""
        return {owner for holders in self._holders.get(pool, {}).values() for owner in holders}

    def is_used(self, pool: Any) -> bool:
        return bool(self._holders.get(pool))

    def next_free(self, pool: Any, first: int, last: int) -> int | None:
        """The lowest free number. A pool is always asked with the same `first`."""
        taken = self._holders.get(pool, {})
        number = self._lowest.get(pool, 0)
        if number < first:
            number = first
        while number in taken:
            number += 1
        self._lowest[pool] = number
        return number if number <= last else None

    def count(self, pool: Any, first: int, last: int) -> int:
        numbers = self._sorted.get(pool, [])
        return bisect_right(numbers, last) - bisect_left(numbers, first)

    def between(self, pool: Any, first: int, last: int) -> Iterable[tuple[int, dict[Owner, str]]]:
        numbers = self._sorted.get(pool, [])
        for number in numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]:
            yield number, self._holders[pool][number]

    def entries(self, kind: str) -> Iterable[tuple[Any, int, Owner, str]]:
        """Everything held in pools of one kind: pool, number, owner, tag."""
        for pool, numbers in self._holders.items():
            if pool == kind or pool[0] == kind:
                for number, owners in numbers.items():
                    for owner, tag in owners.items():
                        yield pool, number, owner, tag


class Claims:
    """Keeps the ledger in step with one kind of row."""

    def __init__(
        self,
        ledger: Ledger,
        kind: str,
        claims: Callable[[Row], Iterable[Claim]],
        owner: Callable[[Row], Owner] | None = None,
    ) -> None:
        self._ledger = ledger
        self._claims = claims
        self._owner = owner or (lambda row: Owner(kind, row["id"], row["name"]))
        self._held: dict[int, tuple[Owner, list[Claim]]] = {}

    def put(self, row: Row) -> None:
        owner, claims = self._owner(row), list(self._claims(row))
        if self._held.get(row["id"]) == (owner, claims):
            return
        self.drop(row)
        self._held[row["id"]] = owner, claims
        for claim in claims:
            self._ledger.hold(owner, claim)

    def drop(self, row: Row) -> None:
        owner, claims = self._held.pop(row["id"], (None, []))
        for claim in dict.fromkeys(claims):
            if owner is not None:
                self._ledger.release(owner, claim)
