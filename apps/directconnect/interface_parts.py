"""What pages show of virtual interfaces: the lines of a list (`directconnect/_interfaces.html`), and layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.directconnect.checks import Check, Layer, Verdict, worst_of
from apps.directconnect.interfaces.queries import told, why_not_carrying
from apps.directconnect.models import Connection, Interface, InterfaceQuerySet
from apps.directconnect.standing import KINDS
from apps.kernel import clock
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.actors import TenantRequest
from apps.tenancy.queries import why_not_write

#: As many as a connection may have.
SHOWN = 50
TITLES = {Layer.LIGHT: "Light", Layer.VLAN: "VLAN", Layer.BGP: "BGP", Layer.ROUTES: "Routes"}
#: How verdicts are called elsewhere (`kernel.svg.status`), where the two differ.
LOOKS = {Verdict.OFF: "disabled"}
WITH = ("tenant", "vpc__zone", "connection", "port")


@dataclass(frozen=True)
class Shown:
    """A layer as a page shows it. What was read too long ago is stale, whatever it said."""

    check: Check
    now: datetime

    @property
    def title(self) -> str:
        return TITLES[self.check.layer]

    @property
    def fresh_seconds(self) -> int:
        return KINDS[self.check.layer].fresh_for.seconds

    @property
    def fresh_until(self) -> datetime | None:
        at = self.check.read_at
        return at + KINDS[self.check.layer].fresh_for if at else None

    @property
    def word(self) -> str:
        if self.check.verdict != Verdict.UNKNOWN:
            return LOOKS.get(self.check.verdict, str(self.check.verdict))
        return "stale" if self.fresh_until and self.fresh_until < self.now else "unknown"


@dataclass(frozen=True)
class Line:
    row: Interface
    layers: Sequence[Shown]

    @property
    def is_settled(self) -> bool:
        return self.row.status == Status.READY

    @property
    def worst(self) -> Shown | None:
        """What to look at first; None when all is well."""
        first = worst_of([each.check for each in self.layers])
        return next((each for each in self.layers if each.check is first), None)

    @property
    def word(self) -> str:
        if not self.is_settled:
            return self.row.status
        return self.worst.word if self.worst else "up"

    @property
    def label(self) -> str:
        """Which layer it is about; blank where it is about all of it."""
        if not self.is_settled or self.worst is None or self.worst.check.verdict == Verdict.OFF:
            return ""
        return f"{self.worst.title}: {self.worst.word}"

    @property
    def sentence(self) -> str:
        if not self.is_settled:
            return ""
        return self.worst.check.sentence if self.worst else ""

    @property
    def read_at(self) -> datetime | None:
        """When the layer was read that is told of; the oldest reading where all is well."""
        if self.worst:
            return self.worst.check.read_at
        return min((each.check.read_at for each in self.layers if each.check.read_at), default=None)

    @property
    def fresh_seconds(self) -> int:
        return self.worst.fresh_seconds if self.worst else min(each.fresh_seconds for each in self.layers)

    @property
    def fresh_until(self) -> datetime | None:
        return min((each.fresh_until for each in self.layers if each.fresh_until), default=None)


def lines_of(rows: Sequence[Interface]) -> list[Line]:
    """Connection, port and VPC come with them. Five queries; none for none."""
    now, found = clock.now(), told(rows)
    return [Line(row, [Shown(check, now) for check in found[row.pk].checks]) for row in rows]


def _shown(rows: InterfaceQuerySet) -> list[Line]:
    return lines_of(list(rows.select_related(*WITH).order_by("name", "id")[:SHOWN]))


def of_connection(request: TenantRequest, row: Connection) -> dict[str, Any]:
    """What stands in the context of the page, besides the connection. One query, six where there are any."""
    lines = _shown(Interface.objects.of(row.tenant).live().filter(connection=row))
    why_not = why_not_write(request.membership) or why_not_carrying(row)
    return _context(lines) | {"why_not_create_interface": why_not}


def of_vpc(vpc: Vpc) -> dict[str, Any]:
    """One query, six where there are any."""
    return _context(_shown(Interface.objects.of(vpc.tenant).live().filter(vpc=vpc)))


def _context(lines: Sequence[Line]) -> dict[str, Any]:
    until = min((each.fresh_until for each in lines if each.fresh_until), default=None)
    return {"interfaces": lines, "interfaces_fresh_until": until}


def count_in(vpc: Vpc) -> int:
    """One query."""
    return Interface.objects.of(vpc.tenant).live().filter(vpc=vpc).order_by().count()
