"""What the platform does to a zone: reconnect the host that stands for the Netris controller in its CloudStack.

The plugin logs in to Netris once, when its host connects, and never again. The host shows Up all the while, also when
that session has ended (W18).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from apps.cloudstack.wire import Host
from apps.kernel.remote import Rejected
from apps.operations import engine
from apps.operations.parts import BoundPart, Done, Memo, Part, Progress, Recipe, Wait
from apps.operations.state import Phase
from apps.zones import turnstile
from apps.zones.clouds import Clouds
from apps.zones.models import System, Zone

AWAY = "The host is being reconnected. It was seen to take 26 to 72 seconds to come back."


class ReconnectHost(Part[Zone]):
    title = "Reconnect the Netris host in CloudStack"
    undo_title = ""
    systems = (System.CLOUDSTACK,)
    deadline = turnstile.RECONNECT

    def ensure(self, subject: Zone, clouds: Clouds, memo: Memo) -> Progress:
        host = self._host(clouds)
        if memo.is_cleared_to_send:
            return Wait(AWAY, **memo.values, job=clouds.cloudstack.reconnect_host(host.id))
        if "job" not in memo:
            # A lost answer: a host that is away was told. One that is not is told again, which does no harm.
            return Wait(AWAY, **memo.values) if "intent" in memo and not host.is_up else memo.before_sending(AWAY)
        if not clouds.cloudstack.check_job(memo["job"]) or not host.is_up:
            return Wait(AWAY, **memo.values)
        return Done()

    def remove(self, subject: Zone, clouds: Clouds, memo: Memo) -> Progress:
        return Done()

    def _host(self, clouds: Clouds) -> Host:
        """The zone's only controller. With a second one, which of them is Netris's is not for Weft to guess."""
        found = clouds.cloudstack.controllers(str(clouds.zone.cloudstack_zone_id))
        if len(found) != 1:
            text = f"CloudStack has {len(found)} network controllers in the zone, where one was expected."
            raise Rejected(text, system=System.CLOUDSTACK, call="listHosts")
        return found[0]


def parts_of(zone: Zone) -> Sequence[BoundPart]:
    return [BoundPart(ReconnectHost(), zone)]


def settle(zone: Zone, _goal: str, phase: str) -> None:
    """Orders wait while the host is away; then the first one finds out whether it has helped."""
    if phase in (Phase.SUCCEEDED, Phase.STUCK, Phase.CANCELLED):
        turnstile.reopen(zone, is_reconnected=phase == Phase.SUCCEEDED)
        transaction.on_commit(lambda: engine.release(zone))
    else:
        turnstile.close(zone)


RECONNECT = Recipe(
    "reconnect", Zone, parts_of, settle, unwinds=False, titles={"present": "Reconnect the Netris host of"}
)
