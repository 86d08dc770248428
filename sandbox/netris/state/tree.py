"""The address tree of every VPC: allocations, and subnets nested in them to any depth.

Prefixes either nest or are apart, so every question is a few dictionary look-ups: who has this prefix, what encloses
it. VPCs do not see each other; the same prefix may exist in many of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from sandbox.kit.store import Row
from sandbox.netris.wire import Address, Network

Key = tuple[int, int, int, int]  # VPC, IP version, prefix length, first address


def key_of(vpc: int, network: Network) -> Key:
    return vpc, network.version, network.prefixlen, int(network.network_address)


class Node:
    """One allocation or subnet. `json` is its rendered own part, without children, until something changes."""

    __slots__ = ("children", "first", "json", "key", "kind", "last", "parent", "row", "size", "vpc")

    def __init__(self, kind: str, row: Row) -> None:
        network = ip_network(row["prefix"])
        self.kind = kind
        self.row = row
        self.vpc: int = row["vpc"]
        self.key = key_of(row["vpc"], network)
        self.first = int(network.network_address)
        self.last = int(network.broadcast_address)
        self.size = network.num_addresses
        self.parent: Node | None = None
        self.children: dict[int, Node] = {}  # subnets by id
        self.json: str | None = None


class Tree:
    def __init__(self) -> None:
        self.nodes: dict[tuple[str, int], Node] = {}
        self._at: dict[str, dict[Key, Node]] = {"allocation": {}, "subnet": {}}
        self._lengths: dict[tuple[str, int, int], dict[int, int]] = {}  # (kind, VPC, version): nodes of each length
        self._roots: dict[tuple[int, int], list[tuple[int, int, int]]] = {}  # (VPC, version): first, last, id, sorted

    def at(self, kind: str, vpc: int, network: Network) -> Node | None:
        return self._at[kind].get(key_of(vpc, network))

    def enclosing(self, vpc: int, version: int, first: int, length: int) -> Iterator[Node]:
        """Subnets and then the allocation around an address block, the closest first, the block itself included."""
        bits = 32 if version == 4 else 128
        for kind in ("subnet", "allocation"):
            nodes, lengths = self._at[kind], self._lengths.get((kind, vpc, version), {})
            for shorter in sorted((each for each in lengths if each <= length), reverse=True):
                masked = first >> (bits - shorter) << (bits - shorter)
                if node := nodes.get((vpc, version, shorter, masked)):
                    yield node

    def around(self, vpc: int, network: Network) -> Iterator[Node]:
        return self.enclosing(vpc, network.version, int(network.network_address), network.prefixlen)

    def subnet_of(self, vpc: int, address: Address) -> Node | None:
        """The smallest subnet that an address lies in."""
        around = self.enclosing(vpc, address.version, int(address), address.max_prefixlen)
        return next((node for node in around if node.kind == "subnet"), None)

    def overlapping_allocation(self, vpc: int, network: Network) -> int | None:
        """The id of an allocation of this VPC that overlaps the network."""
        roots = self._roots.get((vpc, network.version), [])
        first, last = int(network.network_address), int(network.broadcast_address)
        place = bisect_left(roots, (first, 0, 0))
        for near in roots[max(place - 1, 0) : place + 1]:
            if near[0] <= last and first <= near[1]:
                return near[2]
        return None

    def touch(self, vpc: int, version: int, address: int) -> None:
        """Something was put on this address or taken off it: what encloses it counts again."""
        for node in self.enclosing(vpc, version, address, 32 if version == 4 else 128):
            node.json = None

    def render_again(self, nodes: Iterable[Node] | None = None) -> None:
        for node in self.nodes.values() if nodes is None else nodes:
            node.json = None

    def put(self, kind: str, row: Row) -> None:
        node = self.nodes.get((kind, row["id"]))
        if node is not None:
            if node.key == key_of(row["vpc"], ip_network(row["prefix"])):
                node.row, node.json = row, None
                return
            self.drop(kind, node.row)
        node = self.nodes[kind, row["id"]] = Node(kind, row)
        self._at[kind][node.key] = node
        vpc, version, length, first = node.key
        lengths = self._lengths.setdefault((kind, vpc, version), {})
        lengths[length] = lengths.get(length, 0) + 1
        if kind == "allocation":
            roots = self._roots.setdefault((vpc, version), [])
            roots.insert(bisect_left(roots, (first, 0, 0)), (first, node.last, row["id"]))
        else:
            parents = self.enclosing(vpc, version, first, length)
            self._adopt(node, next((parent for parent in parents if parent is not node), None))

    def _adopt(self, node: Node, parent: Node | None) -> None:
        node.parent = parent
        if parent is None:
            return
        if node.size > 1:
            for sibling in list(parent.children.values()):
                if node.first <= sibling.first and sibling.last <= node.last:
                    del parent.children[sibling.row["id"]]
                    node.children[sibling.row["id"]] = sibling
                    sibling.parent, sibling.json = node, None
        parent.children[node.row["id"]] = node
        parent.json = None

    def drop(self, kind: str, row: Row) -> None:
        """Take one node out. What it held moves up to its parent; a cascade drops the children first."""
        node = self.nodes.pop((kind, row["id"]), None)
        if node is None:
            return
        if self._at[kind].get(node.key) is node:
            del self._at[kind][node.key]
        vpc, version, length, _ = node.key
        lengths = self._lengths[kind, vpc, version]
        lengths[length] -= 1
        if not lengths[length]:
            del lengths[length]
        if kind == "allocation":
            self._roots[node.vpc, node.key[1]].remove((node.first, node.last, row["id"]))
        if node.parent is not None:
            node.parent.children.pop(row["id"], None)
            node.parent.json = None
        for child in node.children.values():
            child.parent, child.json = node.parent, None
            if node.parent is not None:
                node.parent.children[child.row["id"]] = child


class Branch:
    """Keeps the tree in step with one kind of row."""

    def __init__(self, tree: Tree, kind: str) -> None:
        self._tree = tree
        self._kind = kind

    def put(self, row: Row) -> None:
        self._tree.put(self._kind, row)

    def drop(self, row: Row) -> None:
        self._tree.drop(self._kind, row)
