"""How large a site is to be, and how large one can be."""

from __future__ import annotations

from dataclasses import dataclass, fields

LEAVES_OF_A_POD, PODS = 24, 64
SERVERS_OF_A_PAIR, SOFTGATES_OF_A_PAIR = 16, 4
VPCS_OF_A_TENANT, TIERS_OF_A_VPC = 20, 3
MACHINES_OF_A_HYPERVISOR, LEAVES_OF_A_SOFTGATE = 40, 125
PUBLIC_ADDRESSES = 950_000  # as many as there is a block for


@dataclass(frozen=True)
class Size:
    """How many of everything.

    `tiers`, `rules` (of the ACL list), `forwards` (ports of one address), `balancers` (ports of one more), `staticnats`
    (an address each) and `routes` are those of each VPC, `machines` those of each tier, `peerings` (of two VPCs of one
    tenant) those of each tenant. Forwards, balancers and static NATs lead to the machines of the first tier.
    """

    leaves: int = 2
    softgates: int = 4
    hypervisors: int = 3
    tenants: int = 0
    vpcs: int = 0
    tiers: int = 1
    machines: int = 2
    rules: int = 2
    forwards: int = 1
    balancers: int = 1
    staticnats: int = 1
    routes: int = 1
    peerings: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        least = {"leaves": 2, "softgates": 4, "hypervisors": 3}
        for name, highest in self._most().items():
            if not least.get(name, 0) <= getattr(self, name) <= highest:
                raise ValueError(f"{name}: must lie between {least.get(name, 0)} and {highest}")
        if self.public_addresses > PUBLIC_ADDRESSES:
            raise ValueError(f"vpcs: they need {self.public_addresses} public addresses, more than {PUBLIC_ADDRESSES}")

    def _most(self) -> dict[str, int]:
        pairs = (self.leaves + 1) // 2
        return {
            "leaves": LEAVES_OF_A_POD * PODS,
            "softgates": min(64, SOFTGATES_OF_A_PAIR * pairs),
            "hypervisors": SERVERS_OF_A_PAIR * pairs - 1,
            "tenants": 100_000,
            "vpcs": 100_000,
            "tiers": TIERS_OF_A_VPC,
            "machines": 100,
            "rules": 100,
            "forwards": 100,
            "balancers": 100,
            "staticnats": max(1, self.machines),
            "routes": 100,
            "peerings": VPCS_OF_A_TENANT // 2,
            "seed": 2**63,
        }

    @classmethod
    def parse(cls, text: str) -> Size:
        """`leaves=1000,vpcs=20000`. SoftGates and hypervisors that are left out grow with what they are to carry."""
        known = {field.name: field.default for field in fields(cls)}
        given = {}
        for part in filter(None, text.replace(" ", "").split(",")):
            name, _, number = part.partition("=")
            if name not in known or not number.isdecimal():
                raise ValueError(f"{part}: expected one of {', '.join(sorted(known))} and a number, as in leaves=100")
            given[name] = int(number)
        asked = cls(**given)
        machines = asked.vpcs * asked.tiers * asked.machines
        carriers = {
            "softgates": max(4, asked.leaves // LEAVES_OF_A_SOFTGATE // 4 * 4),
            "hypervisors": max(3, -(-machines // MACHINES_OF_A_HYPERVISOR)),
        }
        most = asked._most()
        return cls(**{name: min(number, most[name]) for name, number in carriers.items()} | given)

    @property
    def accounts(self) -> int:
        """An account may have 20 VPCs."""
        return max(self.tenants, -(-self.vpcs // VPCS_OF_A_TENANT))

    @property
    def addresses_of_a_vpc(self) -> int:
        """Of the Netris range: source NAT, forwards, balancers, static NATs."""
        if not self.tiers or not self.machines:
            return 1
        return 1 + bool(self.forwards) + bool(self.balancers) + self.staticnats

    @property
    def public_addresses(self) -> int:
        return self.vpcs * self.addresses_of_a_vpc
