"""What goes wrong: one thing after another, at random, each for a moment."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from tests.chaos.town import Town

HOUR = 3600.0
CREATIONS = ("createVPC", "createNetwork")
REMOVALS = ("deleteVPC", "deleteNetwork")
STEPS = ("POST /api/v2/vpc", "POST /api/v2/ipam/subnet", "POST /api/v2/vnet", "POST /api/v2/nat")


#: A host that is reconnected was seen to be away for 26 to 72 s, while which nothing is built.
SESSION_ENDED, LONG_RUN = "plugin's session ended", 200.0


class Trouble:
    """For `seconds`, and until there was each kind of it. `only` leaves the others out, for finding out which of them
    it takes."""

    def __init__(self, town: Town, source: random.Random, *, seconds: float, only: str = "") -> None:
        self.town, self.random, self.seconds = town, source, seconds
        self.done: Counter[str] = Counter()
        self.kinds: dict[str, Callable[[], object]] = {
            "late": self.late,
            "lost": lambda: self.fault("lose_reply", (*CREATIONS, *REMOVALS, "queryAsyncJobResult", "listVPCs")),
            "slow": lambda: self.fault("slow", ("*", *CREATIONS), seconds=self.random.uniform(1, 4)),
            "refused": lambda: self.fault("refuse", CREATIONS),
            "failed job": lambda: self.fault("fail_job", ("createVPC", *REMOVALS)),
            "refused by Netris": lambda: self.fault("refuse", STEPS, system="netris"),
            "lost by Netris": lambda: self.fault("lose_reply", STEPS, system="netris"),
            "dead remote": self.dead_remote,
            "CloudStack restarted": lambda: self.town.order("cloudstack", "restart"),
            SESSION_ENDED: self.end_session,
            "worker killed": lambda: self.town.restart(self.worker()),
            "worker stopped": lambda: self.town.stop_for(self.worker(), self.random.uniform(2, 7)),
            "worker's clock off": self.shift_worker,
            "web killed": lambda: self.town.restart("web"),
            "beat killed": lambda: self.town.restart("beat"),
            "Redis flushed": self.town.flush_redis,
            "Redis restarted": self.town.restart_valkey,
            "PostgreSQL restarted": self.town.restart_postgres,
        }
        if seconds < LONG_RUN:
            del self.kinds[SESSION_ENDED]
        if only:
            self.kinds = {name: kind for name, kind in self.kinds.items() if name in only.split(",")}

    def run(self) -> None:
        queue: list[str] = []
        ends_at = time.monotonic() + self.seconds
        while time.monotonic() < ends_at or self.done.keys() < self.kinds.keys():
            time.sleep(self.random.uniform(0.3, 1.5))
            if not self.kinds:
                continue
            if not queue:
                # Each once before any comes again, and orders that come late twice as often as the rest.
                queue = [*self.kinds, *(["late"] if "late" in self.kinds else [])]
                self.random.shuffle(queue)
            name = queue.pop()
            self.kinds[name]()
            self.done[name] += 1

    def worker(self) -> str:
        return self.random.choice(self.town.workers)

    def fault(self, kind: str, calls: tuple[str, ...], *, system: str = "cloudstack", **more: float) -> None:
        call, times = self.random.choice(calls), self.random.choice((1, 1, 2, 3))
        self.town.order(system, "faults", kind=kind, call=call, times=times, **more)

    def late(self) -> None:
        for call in (*CREATIONS, self.random.choice(REMOVALS)):
            seconds = self.random.uniform(0.7, 1.0) * self.town.latest
            self.town.order("cloudstack", "faults", kind="late", call=call, times=1, seconds=seconds)

    def dead_remote(self) -> None:
        system = self.random.choice(("cloudstack", "netris"))
        self.town.order(system, "faults", kind="down", times=1000)
        time.sleep(self.random.uniform(2, 5))
        self.town.clear_faults()

    def end_session(self) -> None:
        self.town.order("netris", "sessions/end")
        time.sleep(self.random.uniform(2, 6))
        self.town.reconnect()

    def shift_worker(self) -> None:
        off = self.random.choice((-HOUR, HOUR))
        self.town.restart(self.worker(), through=("-m", "tests.chaos.off_clock", str(off)))
        time.sleep(1)
