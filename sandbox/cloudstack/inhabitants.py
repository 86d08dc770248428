"""Machines that move into a tier by order, as its tenant's people would deploy them: by the API, each in its own job.

Whoever orders them need not wait: machines for a tier that is not there yet move in when it is. Orders that wait are
forgotten when the process ends.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from sandbox.cloudstack.operator import Operator, OrderRefusedError, Server
from sandbox.kit.http import ReplyLost, Unreachable
from sandbox.kit.store import Row

log = logging.getLogger(__name__)

RUNNING, STOPPED, NEW = "running", "stopped", "new"
STATES = (RUNNING, STOPPED, NEW)
MOST, MOST_ADDRESSES = 250, 20
OFFERING = "Small Instance"
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?", re.ASCII)
_ANYTHING = re.compile(r".+")


@dataclass
class Order:
    """`network` is a tier's uuid or name. `stopped` machines have run once, `new` ones never. `secondary` is how many
    more addresses each gets; `name` is what their names begin with."""

    network: str
    count: int = 1
    state: str = RUNNING
    secondary: int = 0
    name: str = "vm"
    wait: bool = False
    ids: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if not _is_text(self.network):
            raise ValueError("network: must be the uuid or the name of a tier")
        for name, most in (("count", MOST), ("secondary", MOST_ADDRESSES)):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= most:
                raise ValueError(f"{name}: must be a whole number up to {most}")
        if self.state not in STATES:
            raise ValueError(f"state: must be one of {', '.join(STATES)}")
        if not _is_text(self.name, _NAME):
            raise ValueError("name: must be the beginning of a host name")
        if type(self.wait) is not bool:
            raise ValueError("wait: must be true or false")


def _is_text(value: object, like: re.Pattern[str] = _ANYTHING) -> bool:
    return isinstance(value, str) and like.fullmatch(value) is not None


class Inhabitants:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._waiting: deque[Order] = deque()
        self._to_stop: deque[str] = deque()
        self._is_settling = threading.Lock()

    def move_in(self, order: Order) -> list[str]:
        """The uuids of the machines; none yet if the order waits for its tier. ValueError says why it cannot be."""
        tier = self._tier(order.network)
        if tier is None and not order.wait:
            raise ValueError(f"network: there is no tier {order.network}")
        if tier is None:
            self._waiting.append(order)
            return []
        try:
            self._deploy(order, tier)
        except OrderRefusedError as refusal:
            raise ValueError(f"network: {refusal}") from refusal
        return order.ids

    def settle(self) -> None:
        """Go on with what has waited for a tier, or for a machine to run. One thread does, and its own calls come by
        here again."""
        if not (self._waiting or self._to_stop) or not self._is_settling.acquire(blocking=False):
            return
        try:
            self._fill_tiers()
            self._stop_machines()
        finally:
            self._is_settling.release()

    def _fill_tiers(self) -> None:
        for _ in range(len(self._waiting)):
            order = self._waiting.popleft()
            try:
                if (tier := self._tier(order.network)) is None:
                    self._waiting.append(order)
                else:
                    self._deploy(order, tier)
            except (ReplyLost, Unreachable):
                self._waiting.append(order)
            except OrderRefusedError as refusal:
                log.warning("nobody moves into %s: %s", order.network, refusal)

    def _stop_machines(self) -> None:
        for _ in range(len(self._to_stop)):
            machine = self._to_stop.popleft()
            with self._server.cloud.lock:
                state = (self._server.cloud.table("vm").get(machine) or {}).get("state")
            if state == "Running":
                try:
                    Operator(self._server)("stopVirtualMachine", id=machine)
                except (ReplyLost, Unreachable, OrderRefusedError):
                    self._to_stop.append(machine)
            elif state in ("Stopped", "Starting"):  # until its first start is over
                self._to_stop.append(machine)

    def _tier(self, network: str) -> Row | None:
        with self._server.cloud.lock:
            table = self._server.cloud.table("network")
            found = table.get(network.lower()) or next(iter(table.by("name", network)), None)
        return None if found is None or found.get("vpcid") is None else found

    def _deploy(self, order: Order, tier: Row) -> None:
        """What is missing of an order: a call may have met a fault halfway."""
        api = Operator(self._server)
        given = {
            "zoneid": tier["zoneid"],
            "networkids": tier["id"],
            "serviceofferingid": api.one("listServiceOfferings", name=OFFERING)["id"],
            "templateid": api.one("listTemplates", templatefilter="executable")["id"],
            "startvm": str(order.state != NEW).lower(),
        }
        names = self._free_names(order.name, tier)
        while len(order.ids) < order.count:
            machine = api("deployVirtualMachine", name=next(names), **given)["id"]
            order.ids.append(machine)
            if order.state == STOPPED:
                self._to_stop.append(machine)
            with self._server.cloud.lock:
                nic = self._server.cloud.table("nic").by("vmid", machine)[0]["id"]
            for _ in range(order.secondary):
                api("addIpToNic", nicid=nic)

    def _free_names(self, beginning: str, tier: Row) -> Iterator[str]:
        """A name is given once among the machines of an account."""
        with self._server.cloud.lock:
            taken = {row["name"] for row in self._server.cloud.table("vm").by("accountid", tier["accountid"])}
        return (name for number in count(1) if (name := f"{beginning}-{number}") not in taken)
