"""People and programs who go on using Weft while everything breaks. Each remembers what Weft has told it."""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.chaos.town import Town

#: Seconds for which a request without an answer is sent again, with the same key.
PATIENCE = 90.0


@dataclass
class Promise:
    """A VPC that Weft has accepted: what it is called now, and what was asked of it."""

    id: str
    name: str
    number: int
    is_leaving: bool = False
    #: A removal was asked for, and once there was no answer that says what became of it.
    is_unheard: bool = False


@dataclass
class Client:
    """One caller of one tenant, with names of its own."""

    town: Town
    tenant: str
    number: int
    random: random.Random
    stopping: threading.Event
    promises: list[Promise] = field(default_factory=list)
    #: Every operation that was accepted, by its id.
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Answers that no request should get: status and text.
    oddities: list[str] = field(default_factory=list)
    requests: int = 0

    def __post_init__(self) -> None:
        self._made = self._unanswered = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            with suppress(httpx.TransportError):  # patience was not enough
                self._act()
            self.stopping.wait(self.random.uniform(0.2, 1.5))

    def _act(self) -> None:
        mine = [promise for promise in self.promises if not promise.is_leaving]
        what = self.random.choices(
            ("create", "tier", "rename", "delete", "less", "cancel", "retry", "look"), (5, 4, 2, 2, 2, 1, 2, 4)
        )[0]
        if what == "create" and len(mine) < 2:
            self._create()
        elif what in ("cancel", "retry"):
            self._push(what)
        elif mine:
            promise = self.random.choice(mine)
            {"tier": self._tier, "rename": self._rename, "delete": self._delete, "less": self._less}.get(
                what, self._look
            )(promise)

    def _create(self) -> None:
        self._made += 1
        name = f"c{self.number}-{self._made}"
        number = self.random.randrange(2, 200)
        tiers = [
            {"name": f"t{each}", "cidr": f"10.{number}.{each}.0/24"} for each in range(self.random.choice((0, 1, 2)))
        ]
        body = {"name": name, "description": "", "zone": "zone1", "cidr": f"10.{number}.0.0/16", "tiers": tiers}
        answer = self._send("POST", "/vpcs/", json=body)
        if answer.status_code == 202:
            self.promises.append(Promise(answer.json()["resource"]["id"], name, number))

    def _tier(self, promise: Promise) -> None:
        each = self.random.randrange(3, 200)
        body = {"vpc": promise.id, "name": f"t{each}", "cidr": f"10.{promise.number}.{each}.0/24"}
        self._send("POST", "/tiers/", json=body)

    def _rename(self, promise: Promise) -> None:
        name = f"{promise.name.partition(' ')[0]} {self.random.randrange(10_000)}"
        if self._send("PATCH", f"/vpcs/{promise.id}/", json={"name": name}).status_code == 200:
            promise.name = name

    def _delete(self, promise: Promise) -> None:
        before = self._unanswered
        try:
            promise.is_leaving = self._send("DELETE", f"/vpcs/{promise.id}/").status_code in (202, 404)
        finally:
            promise.is_unheard |= self._unanswered > before

    def _less(self, promise: Promise) -> None:
        answer = self._send("GET", f"/vpcs/{promise.id}/")
        if answer.status_code == 200 and (tiers := answer.json()["tiers"]):
            self._send("DELETE", f"/tiers/{self.random.choice(tiers)['id']}/")

    def _look(self, promise: Promise) -> None:
        self._send("GET", f"/vpcs/{promise.id}/")
        self._send("GET", "/vpcs/")

    def _push(self, verb: str) -> None:
        phases = "phase=stuck" if verb == "retry" else "phase=queued&phase=building"
        answer = self._send("GET", f"/operations/?{phases}")
        if answer.status_code != 200:
            return
        mine = [each for each in answer.json()["results"] if each["id"] in self.operations]
        if mine:
            self._send("POST", f"/operations/{self.random.choice(mine)['id']}/{verb}/")

    def _send(self, method: str, path: str, **body: Any) -> httpx.Response:
        """The answer, however often it has to be asked for. Raises TransportError when there is none to be had."""
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        give_up_at = time.monotonic() + PATIENCE
        while True:
            self.requests += 1
            try:
                with self.town.api(self.tenant) as api:
                    answer = api.request(method, path, headers=headers, **body)
                if answer.status_code < 500:
                    break
                self._unanswered += 1
                self._note(answer)
            except httpx.TransportError:
                self._unanswered += 1
                if time.monotonic() > give_up_at:
                    raise
            if time.monotonic() > give_up_at:
                raise httpx.ReadTimeout("no answer to be had")
            time.sleep(self.random.uniform(0.2, 0.6))
        if answer.status_code == 202:
            operation = answer.json()
            self.operations[operation["id"]] = operation
        return answer

    def _note(self, answer: httpx.Response) -> None:
        """A database that restarts may be said to be away; every other 5xx is a fault."""
        if answer.status_code != 503 or "unavailable" not in answer.text:
            self.oddities.append(
                f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}"
            )
