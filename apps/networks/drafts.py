"""What stands in the create form, right or wrong: the words that somebody typed, and what can be drawn of them.

A draft is edited by buttons that need no JavaScript (`add_tier`, `remove_tier=1`, `next_free=0`, `suggest`, `fit`);
each gives a new draft. It knows no database: what is free there comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any

from apps.kernel.errors import Refused
from apps.kernel.names import NAME
from apps.networks.addressing import free_blocks, suggest_tier
from apps.networks.specs import MOST_TIERS, VpcSpec, parse_tier_cidr, parse_vpc_cidr, too_many
from apps.networks.vpc_map import PLANNED, TierNode, VpcMap

EDITS = ("add_tier", "remove_tier", "next_free", "suggest", "fit", "preview")
VPC_PREFIX = 20
TIER_PREFIX = 24
FIRST_TIERS = ("web", "db")

#: A range of this size that overlaps no VPC of the tenant; None when there is no room.
Free = Callable[[int], IPv4Network | None]


@dataclass(frozen=True)
class TierDraft:
    name: str = ""
    cidr: str = ""

    @property
    def label(self) -> str:
        """What is drawn and listed of its name."""
        return shown(self.name)

    @property
    def block(self) -> IPv4Network | None:
        try:
            return parse_tier_cidr(self.cidr, "cidr")
        except Refused:
            return None


@dataclass(frozen=True)
class VpcDraft:
    name: str = ""
    description: str = ""
    zone: str = ""
    cidr: str = ""
    tiers: tuple[TierDraft, ...] = ()

    @classmethod
    def suggested(cls, free: Free, *, zone: str = "") -> VpcDraft:
        """What a fresh form shows: a range that is free, and two tiers in it."""
        block = free(VPC_PREFIX)
        draft = cls(zone=zone, cidr=str(block or ""), tiers=tuple(TierDraft(name) for name in FIRST_TIERS))
        return draft.fitted()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> VpcDraft:
        """From the fields of the form. Rows keep their order, whatever gaps their numbers have.

        Raises `Refused` for more rows than the form ever has, before any of them is read.
        """
        numbers = {int(part) for key in values if (part := _row_number(key)) is not None}
        if len(numbers) > MOST_TIERS:
            raise too_many(len(numbers))
        rows = [
            TierDraft(str(values.get(f"tiers.{number}.name", "")), str(values.get(f"tiers.{number}.cidr", "")))
            for number in sorted(numbers)
        ]
        said = {name: str(values.get(name, "")) for name in ("name", "description", "zone", "cidr")}
        return cls(**said, tiers=tuple(rows))

    @property
    def label(self) -> str:
        return shown(self.name)

    @property
    def values(self) -> dict[str, str]:
        """As fields of the form."""
        flat = {"name": self.name, "description": self.description, "zone": self.zone, "cidr": self.cidr}
        for number, tier in enumerate(self.tiers):
            flat |= {f"tiers.{number}.name": tier.name, f"tiers.{number}.cidr": tier.cidr}
        return flat

    def spec(self) -> VpcSpec:
        """Raises `Refused` with everything that is wrong."""
        rows = [{"name": tier.name, "cidr": tier.cidr} for tier in self.tiers]
        said = {"name": self.name, "description": self.description, "zone": self.zone, "cidr": self.cidr}
        return VpcSpec.parse({**said, "tiers": rows})

    @property
    def block(self) -> IPv4Network | None:
        """The VPC's range, once it is one."""
        try:
            return parse_vpc_cidr(self.cidr, "cidr")
        except Refused:
            return None

    @property
    def problems(self) -> Sequence[Refused]:
        """What is wrong with what has been typed so far; what is merely missing is no problem yet."""
        tiers = [replace(tier, name=tier.name or f"tier {n}") for n, tier in enumerate(self.tiers, 1) if tier.cidr]
        filled = replace(self, name=self.name or "VPC", zone=self.zone or "zone", tiers=tuple(tiers))
        try:
            filled.spec()
        except Refused as refusal:
            return [each for each in refusal.all if not each.code.endswith("-missing")]
        return ()

    # --- edits --------------------------------------------------------------------------------------------------------

    def edited(self, edit: str, value: str, free: Free) -> VpcDraft:
        """The draft after a press of one of its buttons."""
        row = int(value) if value.isdecimal() and int(value) < len(self.tiers) else None
        match edit:
            case "add_tier" if len(self.tiers) < MOST_TIERS:
                grown = replace(self, tiers=(*self.tiers, TierDraft()))
                return grown.with_next_free(len(self.tiers))
            case "remove_tier" if row is not None:
                return replace(self, tiers=self.tiers[:row] + self.tiers[row + 1 :])
            case "next_free" if row is not None:
                return self.with_next_free(row)
            case "suggest":
                found = free(self.block.prefixlen if self.block else VPC_PREFIX)
                return replace(self, cidr=str(found)).fitted() if found else self
            case "fit":
                return self.fitted()
        return self

    def with_next_free(self, row: int) -> VpcDraft:
        """One row's range becomes the first that no other row has, of the size it had."""
        tier = self.tiers[row]
        others = [other.block for number, other in enumerate(self.tiers) if number != row and other.block]
        found = self.block and suggest_tier(self.block, others, tier.block.prefixlen if tier.block else TIER_PREFIX)
        if not found:
            return self
        return replace(self, tiers=(*self.tiers[:row], replace(tier, cidr=str(found)), *self.tiers[row + 1 :]))

    def fitted(self) -> VpcDraft:
        """Every tier moved into the VPC's range, side by side and as large as it was. What finds no room stays."""
        if self.block is None:
            return self
        taken: list[IPv4Network] = []
        tiers = []
        for tier in self.tiers:
            found = suggest_tier(self.block, taken, tier.block.prefixlen if tier.block else TIER_PREFIX)
            taken += [found] if found else []
            tiers.append(replace(tier, cidr=str(found)) if found else tier)
        return replace(self, tiers=tuple(tiers))

    # --- the picture --------------------------------------------------------------------------------------------------

    def drawn(self, zone: str) -> VpcMap:
        """The map of what is right so far: a tier without a range, or outside, or on another one's, is not drawn."""
        block = self.block
        nodes: list[TierNode] = []
        for tier in self.tiers:
            cidr = tier.block
            if block and cidr and cidr.subnet_of(block) and not any(cidr.overlaps(node.cidr) for node in nodes):
                nodes.append(TierNode(tier.label or "unnamed", cidr, cidr[1], PLANNED))
        nodes.sort(key=lambda node: int(node.cidr.network_address))
        free = list(free_blocks(block, _v4(nodes))) if block else []
        return VpcMap(self.label, block, PLANNED, None, zone or "a zone", nodes, free)


def shown(name: str) -> str:
    """No more of a name than one may have: whoever draws it draws it letter by letter, and more than once."""
    return name[: 2 * NAME.most].strip()[: NAME.most]


def _v4(nodes: Iterable[TierNode]) -> list[IPv4Network]:
    return [node.cidr for node in nodes if isinstance(node.cidr, IPv4Network)]


def _row_number(key: str) -> str | None:
    parts = key.split(".")
    is_row = len(parts) == 3 and parts[0] == "tiers" and parts[1].isascii() and parts[1].isdecimal()
    return parts[1] if is_row and len(parts[1]) <= 4 else None
