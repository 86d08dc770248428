"""What can be ordered of the CloudStack sandbox beyond the common orders (see `control`), and what those mean here.

    POST /_sandbox/reconnect        the provider's host is reconnected: the plugin logs in to Netris again
    POST /_sandbox/instances        {"network", "count", "state", "secondary", "name", "wait"}: machines move into
                                    a tier (see `inhabitants`); the answer has their "ids"
    POST /_sandbox/manners          {"instance", "does", "port"}: what a machine, by uuid or name, does with those who
                                    come to a port, or to any without one (see `kit.manners` for the words)
    GET  /_sandbox/manners          the machines that do not answer as they should, by such an order
    POST /_sandbox/would-pass       {"to", "protocol", "port", "source", "instance", "router"}: what becomes of such a
                                    packet now (see `packets`); without "instance", a uuid or a name, and "router" it is
                                    one of the internet
    POST /_sandbox/devices/{name}/kill, /revive     the same order as on Netris's side, about the same device

A restart is one of the management server: jobs in flight are lost (status 2, no result), what they had half done stays
as it is or falls back to a state at rest (cloudstack-api.md 2.2), browser sessions end, calls in flight get no answer,
and the plugin logs in. Orders in force stay.

`duplicate-vni` is about two tiers, by uuid, and does what the tier collector's bug leads to (5.3): the tier `to` has
the number of `from`, its own is lost to the pool. Netris is told nothing: there its V-Net has the number it had.

Tables are the kinds of rows, ids are uuids (of `vni`, the number). A forgotten row is gone as if it had been removed,
while what belongs to it stays and still shows its name; Netris is told nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.cloudstack.inhabitants import Inhabitants, Order
from sandbox.cloudstack.resources.networks import vnis
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit import manners
from sandbox.kit.control import Control, nothing_here, order_of
from sandbox.kit.faults import Faults
from sandbox.kit.http import Request, Response
from sandbox.kit.manners import Manner, manner_of, port_of
from sandbox.kit.pace import Pace
from sandbox.kit.store import Row, Table
from sandbox.packets import Packet, would_pass

_INTERNAL = frozenset({"fact", "removed", "session"})
_NEEDED = frozenset({"zone", "physicalnetwork", "managementserver"})


class Orders(Control):
    def __init__(
        self,
        cloud: Cloud,
        faults: Faults,
        pace: Pace,
        *,
        restart: Callable[[], None],
        reconnect: Callable[[], None],
        inhabitants: Inhabitants,
    ) -> None:
        super().__init__("cloudstack", cloud.store, cloud.clock, faults, pace)
        self._cloud = cloud
        self._restart = restart
        self._reconnect = reconnect
        self._inhabitants = inhabitants

    @property
    def tables(self) -> Mapping[str, Table]:
        return {table.name: table for table in self.store.tables if table.name not in _INTERNAL}

    def end_sessions(self) -> None:
        with self.store.lock:
            for session in self.store["session"]:
                self.store["session"].drop(session["id"])

    def restart(self) -> None:
        self._restart()

    def duplicate_vni(self, source: Any, target: Any) -> None:
        first, second = self._tier(source, "from"), self._tier(target, "to")
        if first is second:
            raise ValueError("from, to: must be two tiers")
        vnis.give_back(self._cloud, second)
        self._cloud.change("network", second, vni=first["vni"])
        if second["has_vni"] and not first["has_vni"]:  # a collected tier leaves its number to whoever takes it
            vnis.take(self._cloud, second)

    def drop(self, table: str, row: Row) -> None:
        if table in _NEEDED or row.get("is_system") or row.get("isdefault"):
            raise ValueError("id: nothing works without this row")
        self._cloud.forget(table, row)

    def changed(self) -> None:
        """Nothing is derived from these rows."""

    def own(self, method: str, path: list[str], request: Request) -> Response:
        match method, path:
            case "POST", ["reconnect"]:
                self._reconnect()
            case "POST", ["instances"]:
                asked = order_of(request, "network", optional=("count", "state", "secondary", "name", "wait"))
                return Response.of_json(201, {"ids": self._inhabitants.move_in(Order(**asked))})
            case "GET", ["manners"]:
                return Response.of_json(200, self._manners())
            case "POST", ["manners"]:
                order = order_of(request, "instance", "does", optional=("port",))
                with self.store.lock:
                    self._tell(order["instance"], port_of(order.get("port", 0)), manner_of(order["does"]))
            case "POST", ["would-pass"]:
                packet = order_of(request, "to", "protocol", optional=("port", "source", "instance", "router"))
                return Response.of_json(200, self._would_pass(packet))
            case "POST", ["devices", name, "kill" | "revive" as what]:
                if not self._cloud.living.switch(name, is_on=what == "revive"):
                    return Response.of_json(404, {"message": f"no such device: {name}"})
            case _:
                return nothing_here()
        return Response.of_json(200, {})

    def _tell(self, instance: Any, port: int, manner: Manner) -> None:
        vm = self._machine(instance)
        self._cloud.change("vm", vm, manners=manners.told(vm["manners"], port, manner, self.clock.now()))

    def _manners(self) -> list[dict[str, Any]]:
        return [
            {"instance": vm["id"], "name": vm["name"], "port": int(port), "does": does, "since": since}
            for vm in self.store["vm"]
            for port, (does, since) in vm["manners"].items()
        ]

    def _would_pass(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "instance" in asked:
            asked["instance"] = self._machine(asked["instance"])["id"]
        return would_pass(self._cloud.living, Packet(**asked)).as_json()

    def _machine(self, value: Any) -> Row:
        vms = self.store["vm"]
        found = [vm for vm in vms if value in (vm["id"], vm["name"])] if isinstance(value, str) else []
        if len(found) != 1:
            reason = "several machines have this name" if found else "must be the uuid or the name of a machine"
            raise ValueError(f"instance: {reason}")
        return found[0]

    def _tier(self, value: Any, name: str) -> Row:
        row = self.store["network"].get(value) if isinstance(value, str) else None
        if row is None or row.get("vni") is None:
            raise ValueError(f"{name}: must be the uuid of a tier")
        return row
