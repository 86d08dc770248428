"""What a VPC reaches over Direct Connect, for the table of its routes and for whoever follows a packet.

Netris tells how many prefixes a session takes, and not which: what is accepted is what the tenant's router may
announce. So a route stands for whatever of its range the router announces, and its state is that of the session:

    ready        fresh readings say that every layer is well, and some prefix is taken
    warning      the session is up, and a layer below it is not as it is meant
    differs      it is up, and Netris has other filters than are meant, or has it up though it was switched off
    down         a fresh reading says that the session is not up, or that it takes no prefix: nothing leads over it
    suspended    it was switched off: nothing leads over it
    stale        not read since the last change, or too long ago

One that is not at rest has the word of its row: building, changing, removing, stuck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network

from django.urls import reverse

from apps.directconnect.checks import Verdict, worst_of
from apps.directconnect.interfaces.queries import Told, told, why_off
from apps.directconnect.models import Interface
from apps.directconnect.standing import fresh_until
from apps.networks.models import Vpc
from apps.networks.routes.effective import Route
from apps.operations.provisioned import Status

DIRECT_CONNECT = "direct_connect"
VIA = "your router, as far as it announces it"


@dataclass(frozen=True)
class Link:
    """A virtual interface as a way out of its VPC, and into it."""

    row: Interface
    told: Told

    @property
    def name(self) -> str:
        return f"{self.row.name} of {self.row.connection}"

    @property
    def url(self) -> str:
        return reverse(
            "directconnect:interface_detail", args=[self.row.tenant.slug, self.row.connection_id, self.row.pk]
        )

    @property
    def accepts(self) -> list[IPv4Network]:
        return list(map(IPv4Network, self.row.accept))

    @property
    def state(self) -> str:
        session, verdicts = self.told.session.verdict, {check.verdict for check in self.told.checks}
        if self.row.status != Status.READY:
            return str(self.row.status)
        if not self.row.is_enabled:
            return "differs" if session == Verdict.OK else "suspended"
        if session == Verdict.CRITICAL or self.told.session_takes == 0:
            return "down"
        if session == Verdict.UNKNOWN or Verdict.UNKNOWN in verdicts:
            return "stale"
        if self.told.session_faults:
            return "differs"
        return "warning" if Verdict.CRITICAL in verdicts else "ready"

    @property
    def trouble(self) -> str:
        """What is not well, and what to do about it; blank where all is."""
        if self.row.status != Status.READY:
            return f"It is {self.row.get_status_display().lower()}: look there."
        if not self.row.is_enabled:
            also = " Netris has it up. Apply the interface again." if self.state == "differs" else ""
            return f"{why_off(self.row)}{also}"
        worst = worst_of(self.told.checks)
        return f"{worst.sentence} {worst.advice}".strip() if worst else ""

    @property
    def read_at(self) -> datetime | None:
        """None where a layer was never read."""
        times = [check.read_at for check in self.told.checks]
        return None if None in times else min(filter(None, times))


def links_of(vpc: Vpc) -> list[Link]:
    """Its virtual interfaces. Six queries, one where there is none."""
    live = Interface.objects.of(vpc.tenant).live().filter(vpc=vpc).order_by("name", "id")
    rows = list(live.select_related("tenant", "connection", "port", "vpc__zone"))
    found = told(rows)
    return [Link(row, found[row.pk]) for row in rows]


def routes(vpc: Vpc) -> Sequence[Route]:
    """One for each prefix that each interface accepts. As many queries as `links_of`."""
    return [
        Route(each, DIRECT_CONNECT, VIA, link.name, link.url, link.state, link.read_at, fresh_until(link.told.checks))
        for link in links_of(vpc)
        for each in link.accepts
    ]
