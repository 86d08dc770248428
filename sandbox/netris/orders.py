"""What can be ordered of the Netris sandbox beyond the common faults.

    POST /_sandbox/devices/{name}/kill      the device falls silent and its ports go down
    POST /_sandbox/devices/{name}/revive    it boots; sessions over it come up again after a while
    POST /_sandbox/members  {"vpc", "ip", "up"}         a load balancer's member falls silent, or answers again
                            and "port", "softgate"      ... on one port only, or to one SoftGate only
    POST /_sandbox/pace     {"seconds"}                 lists take so long for each object in them (see `pace`)
    POST /_sandbox/forget   {"table", "id"}             a row is gone, and nothing else
    POST /_sandbox/change   {"table", "id", "fields"}   a row is other than anybody left it, unchecked

Tables: tenant, site, vpc, vpcpeering, allocation, subnet, vnet, optionset, nat, l4lb, acl, portgroup, route, profile,
hw, port, link, ebgp, bgpobject, routemap, permissiongroup, userrole, user, reservation, silentmember, threshold. A
second V-Net with a VNI that is taken is `change {"table": "vnet", "id": 7, "fields": {"vxlanID": 12}}`. A BGP peer
that hangs up is `change {"table": "ebgp", "id": 3, "fields": {"peerState": "Idle"}}`, one that announces nothing has
`peerPrefixes` 0.
A cable is pulled with `{"table": "port", ..., "fields": {"carrier": false}}`; null puts it back.
"""

from __future__ import annotations

from typing import Any

from sandbox.control import PREFIX, Control
from sandbox.faults import Faults
from sandbox.http import Request, Response
from sandbox.netris import members
from sandbox.netris.auth import Gate
from sandbox.netris.controller import Controller
from sandbox.netris.pace import Pace
from sandbox.netris.shelf import Shelf
from sandbox.netris.wire import Fields, Refusal
from sandbox.store import Row


class Orders(Control):
    def __init__(self, net: Controller, gate: Gate, faults: Faults, pace: Pace) -> None:
        super().__init__("netris", net.clock, faults, gate.end_all)
        self._net = net
        self._pace = pace

    def _route(self, request: Request) -> Response:
        with self._net.store.lock:
            match (request.method, request.path.removeprefix(PREFIX).strip("/").split("/")):
                case ("POST", ["devices", name, "kill" | "revive" as what]):
                    return self._switch(name, is_on=what == "revive")
                case ("GET" | "POST" | "DELETE" as method, ["pace"]):
                    return self._set_pace(method, request)
                case ("POST", ["members"]):
                    self._tell_member(request)
                case ("POST", ["forget"]):
                    shelf, row, _ = self._aim(request)
                    shelf.drop(row["id"])
                case ("POST", ["change"]):
                    shelf, row, fields = self._aim(request)
                    shelf.change(row, **fields)
                case _:
                    return super()._route(request)
            self._net.render_again()
            return Response.of_json(200, {})

    def _switch(self, name: str, *, is_on: bool) -> Response:
        device, now = self._net.devices.one("name", name), self._net.clock.now()
        if device is None:
            return Response.of_json(404, {"message": f"no such device: {name}"})
        if is_on and device["killedAt"] is not None:
            self._net.devices.change(device, killedAt=None, bootedAt=now)
        elif not is_on and device["killedAt"] is None:
            self._net.devices.change(device, killedAt=now)
        self._net.render_again()
        return Response.of_json(200, {})

    def _set_pace(self, method: str, request: Request) -> Response:
        if method == "POST":
            self._pace.order(request.json())
        elif method == "DELETE":
            self._pace.clear()
        return Response.of_json(200, self._pace.seconds)

    def _tell_member(self, request: Request) -> None:
        """The VPC and the SoftGate by id or by name."""
        order = Fields(request.json() if isinstance(request.json(), dict) else {})
        try:
            vpc = self._named(self._net.vpcs, order.raw("vpc"), "vpc")
            gate = self._named(self._net.devices, order.raw("softgate"), "softgate") if "softgate" in order else 0
            ip, port = str(order.address("ip")), order.integer("port", 0, 65535, 0)
            is_up = order.flag("up")
        except Refusal as refusal:
            raise ValueError(refusal.message) from refusal
        if is_up:
            members.restore(self._net, vpc, ip)
        else:
            members.silence(self._net, vpc, ip, port=port, gate=gate)

    def _named(self, shelf: Shelf, value: Any, name: str) -> int:
        return int(self._net.resolve(shelf, value if isinstance(value, int) else {"name": value}, name)["id"])

    def _aim(self, request: Request) -> tuple[Shelf, Row, dict[str, Any]]:
        order = request.json()
        if not isinstance(order, dict):
            raise ValueError("an object is required")
        shelf = self._net.shelves.get(str(order.get("table")))
        row = shelf.get(order.get("id")) if shelf and isinstance(order.get("id"), int) else None
        fields = order.get("fields", {})
        if shelf is None or row is None:
            raise ValueError(f"table, id: no such row; tables are {', '.join(self._net.shelves)}")
        if not isinstance(fields, dict) or not set(fields) <= set(row) or "id" in fields:
            raise ValueError(f"fields: known are {', '.join(name for name in row if name != 'id')}")
        return shelf, row, fields
