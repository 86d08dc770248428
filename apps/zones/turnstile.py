"""Holding orders back while CloudStack's Netris plugin cannot carry them out.

Weft's own reads of Netris do not show whether the plugin's session lives: its host in CloudStack stays Up when it has
ended, and every order fails (W18). Nor does any call of CloudStack's API make the plugin read something and change
nothing. So the plugin is judged by its orders:

    symptom     a refusal in one of the plugin's fixed texts, with nothing on Netris to show that it got through
    pattern     symptoms of orders of two tenants, or of three orders, within `WINDOW`: the plugin is down
    proof       an order that was sent after the first symptom and succeeded: the plugin is well

While it is down one order goes through at a time, and is the probe; the others wait. A single symptom closes nothing:
its order is tried again for a while, and then believed. One that fails again although the plugin has been proven well
meanwhile was refused for a reason of its own.

Nothing is ordered either while Netris answers slowly: the plugin gives up on what takes 7 to 10 s (W19), and leaves
behind what it had half done.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import TextChoices

from apps.kernel import clock
from apps.kernel.remote import Rejected
from apps.netris import Netris
from apps.tenancy.actors import Actor
from apps.tenancy.services import audit
from apps.zones import health
from apps.zones.models import Plugin, Remote, System, Zone

logger = logging.getLogger("weft.turnstile")

#: What CloudStack says when the plugin could not do its part, whatever the reason (cloudstack-api.md 5.5).
SYMPTOMS = ("Failed to create VPC", "Failed to delete network", "Failed to apply port forwarding rule")
#: How it ends where it is passed on, bare or after "unable to create Netris network ... due to: ".
CONTROLLER_SAYS = "Failed API call to Netris controller"

WINDOW = timedelta(minutes=15)
TENANTS, ORDERS = 2, 3
#: How long an order with the only symptom rests before it is tried again. After the last it is believed.
RESTS = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 20, 40, 80, 120, 120, 120))
#: The longest that one order may stand in the turnstile: a worker that dies over it holds nobody up for longer.
PROBE = timedelta(minutes=3)
#: A reconnected host was seen to take 26 to 72 s before orders went through.
SETTLES = timedelta(seconds=90)
PROBES = 3
LONGEST_PAUSE = timedelta(minutes=2)
#: The longest that orders wait for a host to come back.
RECONNECT = timedelta(minutes=5)
#: While all is well, what goes through is noted no more often than this.
NOTED_EVERY = timedelta(minutes=1)


class Hold(TextChoices):
    """Why an operation waits, in words that everybody may read."""

    PLUGIN = (
        "plugin",
        "Building is paused in this zone: CloudStack has lost its connection to Netris. Your provider has been told. "
        "It goes on by itself.",
    )
    SLOW = (
        "slow",
        "Building is paused in this zone: Netris answers slowly at present. It goes on by itself.",
    )
    AWAY = "away", "A remote system does not answer at present. It goes on by itself."
    LISTS = "lists", "What Netris has by now could not be read yet. It goes on by itself."
    DOUBT = "doubt", "CloudStack could not get this done with Netris. It is tried again by itself."


class Held(Exception):  # noqa: N818 - not now; nothing was sent, or what was sent is to be sent anew
    def __init__(self, hold: Hold, until: datetime) -> None:
        super().__init__(hold.label)
        self.hold = hold
        self.until = until


@dataclass(frozen=True)
class Sent:
    """What is known of the order that a part has sent: when it passed, and since when and how often it fails."""

    at: datetime
    tries: int = 0
    failed_at: datetime | None = None

    @classmethod
    def of(cls, memo: dict[str, Any]) -> Sent | None:
        if "at" not in memo:
            return None
        failed_at = memo.get("failed_at")
        at = datetime.fromisoformat(memo["at"])
        return cls(at, memo.get("tries", 0), datetime.fromisoformat(failed_at) if failed_at else None)


def is_symptom(refusal: Rejected) -> bool:
    return refusal.system == System.CLOUDSTACK and (refusal.text in SYMPTOMS or refusal.text.endswith(CONTROLLER_SAYS))


class Turnstile:
    """The way of one operation's orders. `passed_at` is when one was let through in this turn."""

    def __init__(self, zone: Zone, operation: UUID, tenant: UUID | None) -> None:
        self._zone = zone
        self._operation = operation
        self._tenant = tenant
        self.passed_at: datetime | None = None

    def look(self) -> None:
        """Raises `Held` while there is no point in trying. Asks no remote."""
        now = clock.now()
        plugin = Plugin.objects.filter(zone=self._zone).exclude(down_since=None).first()
        if plugin is not None and self._must_wait(plugin, now):
            raise Held(Hold.PLUGIN, plugin.retry_at or now)
        self._refuse_while_slow()

    def enter(self, netris: Netris) -> None:
        """To be called before each order that the plugin has to carry out. Raises `Held`, or `Unavailable`."""
        netris.ping()
        self._refuse_while_slow()
        now = clock.now()
        plugin = Plugin.objects.filter(zone=self._zone).exclude(down_since=None).first()
        if plugin is not None:
            if self._must_wait(plugin, now):
                raise Held(Hold.PLUGIN, plugin.retry_at or now)
            # Compare and swap: of all who find the pause over, one is the probe.
            as_seen = Plugin.objects.filter(pk=plugin.pk, retry_at=plugin.retry_at, probe=plugin.probe)
            if not as_seen.update(probe=self._operation, retry_at=now + PROBE):
                raise Held(Hold.PLUGIN, now + Remote.FIRST_PAUSE)
        self.passed_at = now

    def _must_wait(self, plugin: Plugin, now: datetime) -> bool:
        """Whoever holds the probe goes on with it, also after a crash."""
        return plugin.probe != self._operation and plugin.retry_at is not None and plugin.retry_at > now

    def _refuse_while_slow(self) -> None:
        """The mirror measures anew and calls those who wait: what the plugin reads before everything is a whole list,
        which one reader is enough for."""
        if health.is_slow(self._zone, System.NETRIS):
            raise Held(Hold.SLOW, clock.now() + health.MEASURE_PAUSE)

    def succeeded(self, sent: Sent) -> bool:
        """An order went through. True when that ends a time of doubt: whoever is held may come."""
        now = clock.now()
        known = Plugin.objects.filter(zone=self._zone).first() or Plugin.objects.get_or_create(zone=self._zone)[0]
        if known.worked_at is None or now - known.worked_at > NOTED_EVERY:
            Plugin.objects.filter(pk=known.pk).update(worked_at=now)
        if known.suspected_at is None:
            return False
        with transaction.atomic():
            plugin = _locked(self._zone, suspected_at__lt=sent.at)
            if plugin is None:
                return False
            if plugin.down_since is not None:
                logger.warning("%s: the plugin carries out orders again", self._zone)
                audit(Actor.system("Weft"), "zone.plugin-back", self._zone, tenant=None)
            plugin.suspected_at = plugin.down_since = plugin.retry_at = plugin.probe = None
            plugin.failures, plugin.evidence, plugin.proven_at, plugin.worked_at = 0, [], now, now
            plugin.save()
        return True

    def give_way(self) -> None:
        """The order came to another end, which proves nothing: the next may try."""
        mine = Plugin.objects.filter(zone=self._zone, probe=self._operation)
        mine.update(probe=None, retry_at=clock.now())

    def judge(self, refusal: Rejected, sent: Sent, *, has_got_through: bool = False) -> Held | None:
        """What to make of a symptom: hold the order to try it again, or None to believe the refusal.

        One that has got through to Netris is no symptom. It is believed, unless others are in doubt as well.
        """
        now = clock.now()
        if health.is_troubled(self._zone, System.NETRIS):
            return Held(Hold.DOUBT, now + Remote.FIRST_PAUSE)  # the plugin fared as Weft does: no symptom of its own
        Plugin.objects.get_or_create(zone=self._zone)
        with transaction.atomic():
            plugin = _locked(self._zone)
            assert plugin is not None
            held = self._verdict(plugin, refusal, sent, now, has_got_through=has_got_through)
            plugin.save()
        return held

    def _verdict(
        self, plugin: Plugin, refusal: Rejected, sent: Sent, now: datetime, *, has_got_through: bool
    ) -> Held | None:
        proven_at = plugin.proven_at
        if proven_at and sent.at < proven_at:
            # Sent while the plugin was away, and heard of only now.
            return Held(Hold.DOUBT, now + Remote.FIRST_PAUSE)
        if plugin.suspected_at is None and proven_at and sent.failed_at and sent.failed_at < proven_at:
            return None
        if has_got_through and plugin.suspected_at is None:
            return None
        was_down = plugin.down_since is not None
        if not has_got_through:
            self._add_evidence(plugin, refusal, now)
        if not was_down and not _is_pattern(plugin.evidence):
            if sent.tries >= len(RESTS):
                return None
            return Held(Hold.DOUBT, now + RESTS[sent.tries])
        if not was_down:
            plugin.down_since, plugin.failures = now, 1
            plugin.retry_at = now + _pause_after(1)
            logger.warning("%s: the plugin has lost Netris: %s", self._zone, plugin.evidence)
            seen = [f"{each['call']}: {each['text']}" for each in plugin.evidence]
            audit(Actor.system("Weft"), "zone.plugin-lost", self._zone, tenant=None, new={"evidence": seen})
        elif plugin.probe == self._operation:
            plugin.failures += 1
            plugin.probe, plugin.retry_at = None, now + _pause_after(plugin.failures)
            if self._is_false_alarm(plugin, sent):
                plugin.suspected_at = plugin.down_since = plugin.retry_at = None
                plugin.failures, plugin.evidence, plugin.proven_at = 0, [], now
                return None
        assert plugin.retry_at is not None
        return Held(Hold.PLUGIN, plugin.retry_at)

    def _add_evidence(self, plugin: Plugin, refusal: Rejected, now: datetime) -> None:
        entry = {
            "operation": str(self._operation),
            "tenant": str(self._tenant or ""),
            "call": refusal.call,
            "text": refusal.text[:200],
            "at": now.isoformat(),
        }
        kept = [
            each
            for each in plugin.evidence
            if each["operation"] != entry["operation"] and datetime.fromisoformat(each["at"]) > now - WINDOW
        ]
        plugin.evidence = [*kept[-9:], entry]
        if plugin.down_since is None:
            plugin.suspected_at = min(datetime.fromisoformat(each["at"]) for each in plugin.evidence)

    def _is_false_alarm(self, plugin: Plugin, sent: Sent) -> bool:
        """The host was reconnected long ago and this order has failed ever since: it is refused for what it is."""
        is_settled = plugin.reconnected_at is not None and sent.at > plugin.reconnected_at + SETTLES
        return is_settled and plugin.failures >= PROBES


def close(zone: Zone) -> None:
    """The plugin's host is about to be reconnected: until then and until an order has proved it, one at a time."""
    now = clock.now()
    Plugin.objects.get_or_create(zone=zone)
    mine = Plugin.objects.filter(zone=zone)
    mine.filter(suspected_at=None).update(suspected_at=now)
    mine.filter(down_since=None).update(down_since=now)
    mine.update(probe=None, retry_at=now + RECONNECT)


def reopen(zone: Zone, *, is_reconnected: bool) -> None:
    """The attempt to reconnect is over: the next order may try at once."""
    now = clock.now()
    told = {"reconnected_at": now, "failures": 0} if is_reconnected else {}
    Plugin.objects.filter(zone=zone).exclude(down_since=None).update(retry_at=now, probe=None, **told)


def why_paused(zone: Zone) -> str | None:
    """Why nothing is ordered in the zone at present, in words that everybody may read; None when orders go through.

    Reads `zone.plugin` and `zone.remotes`, which lists fetch beforehand."""
    remotes = list(zone.remotes.all())
    for remote in remotes:
        if remote.down_since is not None:
            title = System(remote.system).label
            return f"Building is paused in this zone: {title} does not answer at present. It goes on by itself."
    if zone.known_plugin.down_since is not None:
        return str(Hold.PLUGIN.label)
    if any(remote.slow_since is not None for remote in remotes):
        return str(Hold.SLOW.label)
    return None


def _pause_after(failures: int) -> timedelta:
    """An order that fails leaves something to clear away, so they are tried less often than a remote is asked."""
    return Remote.pause_after(failures, longest=LONGEST_PAUSE)


def _is_pattern(evidence: list[dict[str, Any]]) -> bool:
    return len({each["tenant"] for each in evidence}) >= TENANTS or len(evidence) >= ORDERS


def _locked(zone: Zone, **lookup: Any) -> Plugin | None:
    return Plugin.objects.select_for_update(no_key=True).filter(zone=zone, **lookup).first()
