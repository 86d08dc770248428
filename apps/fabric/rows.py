"""The rows of a fabric's picture: what the page shows, decided already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.fabric import roles, verdicts
from apps.fabric.layers import ROLES, Topology
from apps.mirror.models import Kind, Reading
from apps.mirror.queries import Check, Device, EBgp
from apps.zones.models import Zone

REASONS = 3


@dataclass(frozen=True)
class DeviceRow:
    device: Device
    role: str
    status: str
    #: The silent device that explains all that is wrong with it.
    because: str = ""

    @property
    def id(self) -> str:
        return str(self.device.id)

    @property
    def name(self) -> str:
        return self.device.name

    @property
    def role_label(self) -> str:
        label = ROLES[self.role]
        detail = "VTEP" if self.role == roles.HYPERVISOR else self.gate
        return f"{label}, {detail}" if detail else label

    @property
    def gate(self) -> str:
        """What a SoftGate is for."""
        word = self.device.sg_role.lower()
        return "SNAT" if word == "snat" else word

    @property
    def reasons(self) -> Sequence[str]:
        """The worst of its checks in Netris's words, or what explains them all. A stale picture tells none."""
        if self.status in (verdicts.STALE, verdicts.OK):
            return ()
        if self.because:
            return (f"because of {self.because}",)
        found = [f"{check.port + ' ' if check.port else ''}{check.message}" for check in self.failed_checks]
        return [*found[:REASONS], *([f"and {len(found) - REASONS} more"] if len(found) > REASONS else [])]

    @property
    def failed_checks(self) -> Sequence[Check]:
        """The worst first."""
        return [
            check
            for wanted in ("critical", "warning")
            for check in self.device.checks
            if check.status.lower() == wanted
        ]

    @property
    def facts(self) -> Sequence[str]:
        """The short lines in its box."""
        device = self.device
        number = f"AS {device.asn}" if device.asn else ""
        address = device.main_address or device.mgmt_address
        purpose = self.gate if self.role == roles.SOFTGATE else number
        return [line for line in (str(address or ""), purpose) if line]


@dataclass(frozen=True)
class End:
    """One end of a link. `device_id` is "" when the inventory has no such device, a router's when one is plugged in."""

    device_id: str
    device: str
    port: str

    @property
    def label(self) -> str:
        return f"{self.port}@{self.device}" if self.port else self.device


@dataclass(frozen=True)
class LinkRow:
    """`id` is the mirror's; a border cable, of which Netris knows one port alone, is called by its router and port."""

    id: str
    a: End
    b: End
    plane: str
    status: str
    because: str = ""

    @property
    def is_underlay(self) -> bool:
        return self.plane == "underlay"


@dataclass(frozen=True)
class Router:
    """A router of an ISP. Netris' inventory does not have it: the sessions that end at it tell of it and its cables."""

    id: str
    name: str
    asn: int | None


@dataclass(frozen=True)
class SessionRow:
    session: EBgp
    router: Router
    device_id: str
    status: str
    because: str = ""

    @property
    def label(self) -> str:
        """The word of the routing daemon, or what stands for it."""
        if self.status == verdicts.DISABLED:
            return "Disabled"
        return self.session.bgp_state or "Unknown"


@dataclass(frozen=True)
class Notice:
    """Something that could not be read, and since when."""

    kind: str
    title: str
    text: str
    at: datetime | None = None
    #: Where more is told, and something can be done.
    url: str = ""


@dataclass(frozen=True)
class Cause:
    """A silent device, and how much is down because of it."""

    device: DeviceRow
    links: int
    sessions: int

    @property
    def weight(self) -> int:
        return self.links + self.sessions

    @property
    def consequences(self) -> str:
        """ "10 links and 4 sessions are down because of it", or nothing."""
        counts = [
            f"{count} {noun}{'s' * (count != 1)}"
            for count, noun in ((self.links, "link"), (self.sessions, "session"))
            if count
        ]
        verb = "is" if self.links + self.sessions == 1 else "are"
        return f"{' and '.join(counts)} {verb} down because of it" if counts else ""


@dataclass(frozen=True)
class Tally:
    """How many of a kind are well, for the tile above the map."""

    label: str
    icon: str
    counts: Counter[str]
    well: str
    words: str
    reading: Reading
    #: The list of them all.
    url: str

    @property
    def value(self) -> int:
        return self.counts[self.well]

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def unit(self) -> str:
        return f"of {self.total} {self.words}"

    @property
    def detail(self) -> str:
        others = [f"{count} {word}" for word, count in sorted(self.counts.items()) if word != self.well]
        return ", ".join(others)

    @property
    def tone(self) -> str:
        if self.counts[verdicts.CRITICAL] or self.counts[verdicts.DOWN]:
            return "madder"
        return "weld" if self.counts[verdicts.WARNING] else ""

    @property
    def fresh_for(self) -> int:
        return int(self.reading.fresh_for.total_seconds())


@dataclass(frozen=True)
class Picture:
    zone: Zone
    readings: dict[Kind, Reading]
    notices: Sequence[Notice] = ()
    causes: Sequence[Cause] = ()
    devices: Sequence[DeviceRow] = ()
    links: Sequence[LinkRow] = ()
    sessions: Sequence[SessionRow] = ()
    tallies: Sequence[Tally] = ()
    topology: Topology | None = None
    #: How many causes there are besides: a page names those with the most consequences.
    more_causes: int = 0

    @property
    def is_empty(self) -> bool:
        """The inventory was never read: there is nothing to draw, not even an empty fabric."""
        return self.topology is None

    @property
    def fresh_until(self) -> datetime | None:
        """When the first of its lists that are fresh will be too old; None when none is."""
        fresh = [each for each in self.readings.values() if not each.is_stale]
        return min((each.read_at + each.fresh_for for each in fresh if each.read_at), default=None)
