"""How large a site is to be, and how large one can be."""

from __future__ import annotations

from dataclasses import dataclass, fields

LEAVES_OF_A_POD, PODS = 24, 64
SERVERS_OF_A_PAIR, SOFTGATES_OF_A_PAIR = 16, 4
VPCS_OF_A_TENANT, TIERS_OF_A_VPC = 20, 3


@dataclass(frozen=True)
class Size:
    """How many of everything. `tiers`, `rules` (of the ACL list) and `forwards` (ports) are those of each VPC."""

    leaves: int = 2
    softgates: int = 4
    hypervisors: int = 3
    tenants: int = 0
    vpcs: int = 0
    tiers: int = 1
    rules: int = 2
    forwards: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        pairs = (self.leaves + 1) // 2
        most = {
            "leaves": LEAVES_OF_A_POD * PODS,
            "softgates": min(64, SOFTGATES_OF_A_PAIR * pairs),
            "hypervisors": SERVERS_OF_A_PAIR * pairs - 1,
            "tenants": 100_000,
            "vpcs": 100_000,
            "tiers": TIERS_OF_A_VPC,
            "rules": 100,
            "forwards": 100,
            "seed": 2**63,
        }
        least = {"leaves": 2, "softgates": 4, "hypervisors": 3}
        for name, highest in most.items():
            if not least.get(name, 0) <= getattr(self, name) <= highest:
                raise ValueError(f"{name}: must lie between {least.get(name, 0)} and {highest}")

    @classmethod
    def parse(cls, text: str) -> Size:
        """`leaves=1000,vpcs=20000`; what is left out is that of the reference site."""
        known = {field.name for field in fields(cls)}
        given = {}
        for part in filter(None, text.replace(" ", "").split(",")):
            name, _, number = part.partition("=")
            if name not in known or not number.isdecimal():
                raise ValueError(f"{part}: expected one of {', '.join(sorted(known))} and a number, as in leaves=100")
            given[name] = int(number)
        return cls(**given)

    @property
    def accounts(self) -> int:
        """An account may have 20 VPCs."""
        return max(self.tenants, -(-self.vpcs // VPCS_OF_A_TENANT))
