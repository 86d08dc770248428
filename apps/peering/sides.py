"""A peering as one of its two tenants may see it: its own VPC, and of the other one what it offers, under the name in
which both know it. No VPC of another tenant's stands here, no id, no tier, nobody who did something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from apps.networks.models import Vpc
from apps.peering.exchange import exchanged, networks
from apps.peering.models import Peering, Stage
from apps.peering.recipes import exchange_of
from apps.tenancy.models import Tenant


@dataclass(frozen=True)
class Side:
    row: Peering
    #: Whose side it is.
    tenant: Tenant
    #: It is the side of whoever asked.
    is_asking: bool

    @property
    def vpc(self) -> Vpc | None:
        """None for a request that was not accepted yet, at the side that is asked."""
        return self.row.vpc if self.is_asking else self.row.peer_vpc

    @property
    def peer_vpc(self) -> Vpc | None:
        """Of the same tenant's alone."""
        return self.row.peer_vpc if self.row.is_within_tenant else None

    @property
    def beyond(self) -> Vpc | None:
        """The VPC at the other end, seen from this one, where it is the same tenant's."""
        if not self.row.is_within_tenant:
            return None
        return self.row.peer_vpc if self.is_asking else self.row.vpc

    @property
    def is_agreed(self) -> bool:
        return self.row.is_live and self.row.stage == Stage.ACCEPTED

    @property
    def peer_slug(self) -> str:
        """The short name that the asking side has named itself; the other one never learns that of whoever asked."""
        return self.row.asked_of if self.is_asking else ""

    @property
    def offered(self) -> list[str]:
        return self.row.offered if self.is_asking else self.row.peer_offered

    @property
    def peer_offered(self) -> list[str]:
        return self.row.peer_offered if self.is_asking else self.row.offered

    @property
    def accepted(self) -> list[str]:
        """What it takes of what the other side offers."""
        return self.row.accepted if self.is_asking else self.row.peer_accepted

    @property
    def peer_accepted(self) -> list[str]:
        return self.row.peer_accepted if self.is_asking else self.row.accepted

    @property
    def learned(self) -> list[IPv4Network]:
        meant = exchange_of(self.row)
        return meant.learned if self.is_asking else meant.peer_learned

    @property
    def told(self) -> list[IPv4Network]:
        """What the other side learns."""
        meant = exchange_of(self.row)
        return meant.peer_learned if self.is_asking else meant.learned

    @property
    def not_chosen(self) -> list[IPv4Network]:
        """What is offered here and not taken."""
        learned = self.learned
        return [each for each in networks(self.peer_offered) if not exchanged([each], learned)]

    @property
    def direction(self) -> str:
        if self.row.is_within_tenant:
            return "own"
        return "outgoing" if self.is_asking else "incoming"

    @property
    def waits_for_them(self) -> bool:
        """A request that this side has to answer."""
        return self.row.is_requested and self.row.is_live and not self.is_asking

    @property
    def columns(self) -> tuple[str, str]:
        """The columns of what this side offers, and of what it takes."""
        return ("offered", "accepted") if self.is_asking else ("peer_offered", "peer_accepted")

    @property
    def ending(self) -> str:
        """Who has ended it, in words of this side; blank where that was not somebody."""
        if self.row.ended_by_id is None:
            return ""
        return "by you" if self.row.ended_by_id == self.tenant.pk else "by the other side"

    @property
    def standing(self) -> str:
        """A word for its badge, where no reading of Netris is needed for it."""
        row = self.row
        if not row.is_live:
            return str(row.stage) if row.stage != Stage.ACCEPTED else "deleted"
        return "requested" if row.is_requested else str(row.status)


def side_of(row: Peering, tenant: Tenant) -> Side:
    """Of a peering within one tenant it is the side from which it was made."""
    return Side(row, tenant, is_asking=row.tenant_id == tenant.pk)


def sides_in(row: Peering, vpc: Vpc) -> Side:
    """As it is seen from one of its VPCs."""
    return Side(row, vpc.tenant, is_asking=row.vpc_id == vpc.pk)


def sides_of(rows: Sequence[Peering], tenant: Tenant) -> list[Side]:
    return [side_of(row, tenant) for row in rows]
