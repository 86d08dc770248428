"""How a SoftGate goes into maintenance and comes out of it: Netris is told, and then it is seen whether traffic leaves.

Netris moves source NAT and load balancers to the other nodes, and makes this one the last choice of every router
(netris-api.md 3.7). How fast sessions leave is not documented; they are counted in what the collector measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from apps.fabric.recipes import read_again
from apps.history.metrics import CONNTRACK
from apps.history.series import Latest, latest
from apps.kernel.remote import Rejected
from apps.mirror.models import Kind
from apps.operations.parts import BoundPart, Done, Memo, Part, Progress, ReadBack, Recipe, Wait
from apps.softgates.models import Maintenance
from apps.zones.clouds import Clouds
from apps.zones.models import System

#: So much of what there was before, or so few sessions, is nothing that anybody misses.
SHARE, FEW = 0.01, 50
NOT_FRESH = "Waiting for a fresh reading of its NAT sessions: the last one is too old."
#: What nobody has measured for so long is not measured.
MEASURED_WITHIN = timedelta(days=1)


class MaintenanceMode(Part[Maintenance]):
    title = "Switch maintenance mode on"
    undo_title = "Switch maintenance mode off"
    systems = (System.NETRIS,)

    def ensure(self, subject: Maintenance, clouds: Clouds, memo: Memo) -> Progress:
        return self._switch(subject, clouds, memo, is_on=True)

    def remove(self, subject: Maintenance, clouds: Clouds, memo: Memo) -> Progress:
        return self._switch(subject, clouds, memo, is_on=False)

    def _switch(self, subject: Maintenance, clouds: Clouds, memo: Memo, *, is_on: bool) -> Progress:
        why = f"Netris is switching maintenance mode {'on' if is_on else 'off'}."
        if memo.is_cleared_to_send:
            clouds.netris.set_maintenance(int(subject.remote_id), is_on=is_on)
            return Wait(why, **memo.answered())
        device = clouds.netris.get_device(int(subject.remote_id))
        if device is None or device.name != subject.name or device.type.lower() != "softgate":
            raise Rejected(
                f"Netris has no SoftGate {subject.name} any more.", system=System.NETRIS, call="GET /hw/{id}"
            )
        if device.maintenance_mode is is_on:
            return Done()
        return memo.before_sending(why)


class TrafficHasLeft(ReadBack[Maintenance]):
    title = "See that its NAT sessions have left, where they are measured"
    systems = (System.NETRIS,)

    def ensure(self, subject: Maintenance, clouds: Clouds, memo: Memo) -> Progress:
        now = _sessions(subject)
        if now is None and "before" not in memo:
            return Done()  # nobody measures here
        if now is None:
            return Wait(NOT_FRESH, **memo.values)
        before = memo.get("before", now.value)
        if now.value <= max(FEW, SHARE * before) and not now.is_stale:
            return Done()
        if now.is_stale:
            return Wait(NOT_FRESH, before=before)
        return Wait(f"{now.value:,.0f} NAT sessions are still there; before there were {before:,.0f}.", before=before)


def _sessions(subject: Maintenance) -> Latest | None:
    """The last reading, of the last day."""
    found = latest(subject.zone, "device", [subject.remote_id], [CONNTRACK.key], within=MEASURED_WITHIN)
    return found.get((subject.remote_id, "", CONNTRACK.key))


def parts_of(subject: Maintenance) -> Sequence[BoundPart]:
    return [BoundPart(MaintenanceMode(), subject), BoundPart(TrafficHasLeft(), subject)]


MAINTENANCE = Recipe(
    Maintenance.KIND,
    Maintenance,
    parts_of,
    read_again(Kind.NETRIS_DEVICE),
    unwinds=False,
    related=("zone",),
    titles={"present": "Put into maintenance:", "absent": "Take out of maintenance:"},
)
