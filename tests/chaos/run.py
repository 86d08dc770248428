"""A run: twenty clients and trouble for a while, then calm, then the checker.

python -m tests.chaos --seconds 600 --seed 7         (as `./weft bench --chaos 600`)
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import httpx

from tests.chaos.checker import everything, findings
from tests.chaos.clients import Client
from tests.chaos.town import Town
from tests.chaos.trouble import SESSION_ENDED, Trouble

CLIENTS = 20
TENANTS = ("acme", "globex")
#: Seconds within which everything has to come to rest once nothing goes wrong any more.
CALM = 240.0
RUNNING = "phase=queued&phase=building&phase=removing"


@dataclass
class Result:
    seed: int
    findings: list[str]
    kinds: list[str]
    troubles: Counter[str]
    callers: int
    requests: int
    operations: Counter[str]
    #: Seconds that everything took to come to rest.
    calmed_after: float

    def __str__(self) -> str:
        troubles = ", ".join(f"{count} {name}" for name, count in sorted(self.troubles.items()))
        ends = ", ".join(f"{count} {phase}" for phase, count in self.operations.most_common())
        lines = [
            f"seed {self.seed}: {self.requests} requests of {self.callers} clients; operations: {ends}",
            f"  troubles: {troubles}",
            f"  at rest {self.calmed_after:.0f} s after the last of them",
            *(f"  {finding}" for finding in self.findings or ["nothing lost, doubled, left over or untrue"]),
        ]
        return "\n".join(lines)


def run(town: Town, *, seconds: float, seed: int, only: str = "", callers: int = CLIENTS) -> Result:
    source = random.Random(seed)
    stopping = Event()
    clients = [
        Client(town, TENANTS[number % 2], number, random.Random(source.random()), stopping) for number in range(callers)
    ]
    trouble = Trouble(town, random.Random(source.random()), seconds=seconds, only=only)
    with ThreadPoolExecutor(callers) as threads:
        done = [threads.submit(client.run) for client in clients]
        try:
            trouble.run()  # in this thread: the services that it starts would end with any other
        finally:
            stopping.set()
        calm_at = time.monotonic()
        make_calm(town)
        if trouble.done[SESSION_ENDED]:
            town.reconnect()
        for each in done:
            each.result()
    come_to_rest(town)
    calmed_after = time.monotonic() - calm_at
    time.sleep(max(0.0, town.latest + 3 - calmed_after))  # for what is late
    found = list(findings(town, clients))
    ends = Counter(each["phase"] for each in everything(town, "/operations/?limit=100", TENANTS))
    requests = sum(client.requests for client in clients)
    return Result(seed, found, [*trouble.kinds], trouble.done, callers, requests, ends, calmed_after)


def make_calm(town: Town) -> None:
    town.clear_faults()
    for name in town.names:
        if town.processes[name].poll() is not None:
            town.start(name)
    for worker in town.workers:
        town.restart(worker)  # with the right time


def come_to_rest(town: Town) -> None:
    """Until nothing is under way. What is stuck is tried again, as a person would once the cause is gone."""
    give_up_at = time.monotonic() + CALM
    while time.monotonic() < give_up_at:
        try:
            live = everything(town, f"/operations/?limit=100&{RUNNING}", TENANTS)
            stuck = everything(town, "/operations/?limit=100&phase=stuck", TENANTS)
            for each in stuck:
                with town.api("admin") as api:
                    api.post(f"/operations/{each['id']}/retry/")
            if not live and not stuck:
                return
        except (httpx.HTTPStatusError, httpx.TransportError):
            pass
        time.sleep(1)
