"""How connections that are in service do now. That is told by what was read of their interfaces, never by their stage.

word        when, of all interfaces
up          fresh readings say that every layer of each is well
warning     they work, and not with all that is wanted; or are switched off
critical    a fresh reading says of a layer that it is not well
stale       nothing is known of one of them now
in-service  there is none, so nothing passes
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.directconnect.checks import Check, Layer, Verdict, worst_of
from apps.directconnect.interfaces.queries import PORTS, SESSIONS, VNETS, checks
from apps.directconnect.models import Connection, Interface
from apps.directconnect.stages import Stage

#: Whose readings tell of a layer.
KINDS = {Layer.LIGHT: PORTS, Layer.VLAN: VNETS, Layer.BGP: SESSIONS, Layer.ROUTES: SESSIONS}
WORDS = {Verdict.CRITICAL: "critical", Verdict.UNKNOWN: "stale", Verdict.WARNING: "warning", Verdict.OFF: "warning"}
#: What is told of several interfaces: the first of these that is so of any.
RANKS = list(WORDS)


@dataclass(frozen=True)
class Standing:
    word: str
    #: What is not well and where; blank when all is.
    sentence: str = ""
    #: Until when what was read tells anything; None where nothing does.
    fresh_until: datetime | None = None


NOTHING = Standing("in-service", "It has no virtual interface, so nothing passes.")


def standings(rows: Sequence[Connection]) -> dict[UUID, Standing]:
    """Of those of one tenant that are in service, by their ids. Six queries, however many; none for none."""
    serving = [row for row in rows if row.stage == Stage.IN_SERVICE]
    if not serving:
        return {}
    interfaces = Interface.objects.of(serving[0].tenant).live().filter(connection__in=serving)
    told = list(interfaces.select_related("connection", "port", "vpc__zone").order_by("name", "id"))
    found = checks(told)
    of_connection: dict[UUID, list[tuple[str, Sequence[Check]]]] = {row.pk: [] for row in serving}
    for each in told:
        of_connection[each.connection_id].append((each.name, found[each.pk]))
    return {pk: standing_of(some) for pk, some in of_connection.items()}


def standing_of(interfaces: Sequence[tuple[str, Sequence[Check]]]) -> Standing:
    """By the names of interfaces and their checks, from the cable up."""
    if not interfaces:
        return NOTHING
    worst = [(name, first) for name, some in interfaces if (first := worst_of(some))]
    until = fresh_until(check for _, some in interfaces for check in some)
    if not worst:
        return Standing("up", "", until)
    name, check = min(worst, key=lambda each: _rank(each[1]))
    return Standing(WORDS.get(check.verdict, "stale"), f"{name}: {check.sentence}", until)


def _rank(check: Check) -> int:
    return RANKS.index(check.verdict) if check.verdict in WORDS else len(RANKS)


def fresh_until(some: Iterable[Check]) -> datetime | None:
    """None where any of them was never read."""
    ends = [check.read_at and check.read_at + KINDS[check.layer].fresh_for for check in some]
    known = [end for end in ends if end]
    return min(known) if len(known) == len(ends) else None
