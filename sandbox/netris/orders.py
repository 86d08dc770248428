"""What can be ordered of the Netris sandbox beyond the common orders (see `control`), and what those mean here.

    POST /_sandbox/devices/{name}/kill      the device falls silent and its ports go down
    POST /_sandbox/devices/{name}/revive    it boots; sessions over it come up again after a while
    POST /_sandbox/members  {"vpc", "ip", "does"}       a load balancer's member does what `kit.manners` has words for
                            and "port", "softgate"      ... on one port only, or to one SoftGate only
    GET  /_sandbox/members                              those that are not well by such an order

    POST /_sandbox/routers  {"port"}    a tenant's router is at the far end of a fabric port (`routing.routers`)
        and "light": false              ... whose laser is off; true brings the light back
        and "vlan", "address", "asn", "peer", "peer_asn", "password", "bfd", "announces", "communities"
                                        ... is set up so on this VLAN (0: untagged); what is left out stays
        and "vlan", "flap": true        ... hangs up and calls again; "silent": true says nothing more
    POST /_sandbox/routers/unplug  {"port"}             the cable is out; with "vlan" only that is set up no more
    GET  /_sandbox/routers                              all of them, without their passwords

A restart ends all sessions, as `sessions/end` does, and keeps the state (what else one does is told nowhere).
`duplicate-vni` is about two V-Nets, by id or by name. For `forget` and `change`, tables are: tenant, site, vpc,
vpcpeering, allocation, subnet, vnet, optionset, nat, l4lb, acl, portgroup, route, profile, hw, port, link, ebgp,
bgpobject, routemap, permissiongroup, userrole, user, reservation, membermanner, lastreport, threshold, peerrouter.

A BGP peer of the internet that hangs up is `change {"table": "ebgp", "id": 3, "fields": {"peerState": "Idle"}}`, one
that announces nothing has `peerPrefixes` 0. A cable is pulled with `{"table": "port", ..., "fields": {"carrier":
false}}`; null puts it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.kit.control import Control, nothing_here, order_of
from sandbox.kit.faults import Faults
from sandbox.kit.http import Request, Response
from sandbox.kit.manners import manner_of
from sandbox.kit.pace import Pace
from sandbox.kit.store import Row
from sandbox.netris.auth import Gate
from sandbox.netris.overlay import members
from sandbox.netris.routing import routers
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.state.shelf import Shelf
from sandbox.netris.telemetry import power
from sandbox.netris.wire import Fields, Refusal

ROUTER = ("address", "asn", "peer", "peer_asn", "password", "bfd", "announces", "communities", "flap", "silent")


class Orders(Control):
    def __init__(self, net: Controller, gate: Gate, faults: Faults, pace: Pace) -> None:
        super().__init__("netris", net.store, net.clock, faults, pace)
        self._net = net
        self._gate = gate

    @property
    def tables(self) -> Mapping[str, Shelf]:
        return self._net.shelves

    def end_sessions(self) -> None:
        with self.store.lock:
            self._gate.end_all()

    def restart(self) -> None:
        self.end_sessions()

    def duplicate_vni(self, source: Any, target: Any) -> None:
        first, second = self._named(self._net.vnets, source, "from"), self._named(self._net.vnets, target, "to")
        if first is second:
            raise ValueError("from, to: must be two V-Nets")
        self._net.vnets.change(second, vxlanID=first["vxlanID"])

    def drop(self, table: str, row: Row) -> None:
        self.tables[table].drop(row["id"])

    def changed(self) -> None:
        self._net.render_again()

    def own(self, method: str, path: list[str], request: Request) -> Response:
        match method, path:
            case "POST", ["devices", name, "kill" | "revive" as what]:
                with self.store.lock:
                    return self._switch(name, is_on=what == "revive")
            case "GET", ["members"]:
                return Response.of_json(200, [self._member_view(row) for row in self._net.member_manners])
            case "POST", ["members"]:
                order = order_of(request, "vpc", "ip", "does", optional=("port", "softgate"))
                with self.store.lock:
                    self._tell_member(Fields(order))
                    self.changed()
                return Response.of_json(200, {})
            case "GET", ["routers"]:
                return Response.of_json(200, [routers.shown(self._net, row) for row in self._net.routers])
            case "POST", ["routers"]:
                order = order_of(request, "port", optional=("light", "vlan", *ROUTER))
                with self.store.lock:
                    self._tell_router(order)
                    self.changed()
                return Response.of_json(200, {})
            case "POST", ["routers", "unplug"]:
                order = order_of(request, "port", optional=("vlan",))
                with self.store.lock:
                    routers.unplug(self._net, self._named(self._net.ports, order["port"], "port"), order.get("vlan"))
                    self.changed()
                return Response.of_json(200, {})
        return nothing_here()

    def _tell_router(self, order: dict[str, Any]) -> None:
        """The port by id or by name."""
        net, port = self._net, self._named(self._net.ports, order["port"], "port")
        if fabric.far_end(net, port) is not None:
            raise ValueError(f"port: a cable of the fabric is in {port['name']}")
        if not isinstance(order.get("light", True), bool):
            raise ValueError("light: must be true or false")
        if "vlan" in order:
            routers.set_up(net, port, order)
        elif any(name in order for name in ROUTER):
            raise ValueError("vlan: is required, 0 is untagged")
        routers.plug(net, port)
        if "light" in order:
            routers.light(net, port, is_on=order["light"])

    def _switch(self, name: str, *, is_on: bool) -> Response:
        device = self._net.devices.one("name", name)
        if device is None:
            return Response.of_json(404, {"message": f"no such device: {name}"})
        power.switch(self._net, device, is_on=is_on)
        return Response.of_json(200, {})

    def _tell_member(self, order: Fields) -> None:
        """The VPC and the SoftGate by id or by name."""
        vpc = self._named(self._net.vpcs, order.raw("vpc"), "vpc")["id"]
        gate = self._named(self._net.devices, order.raw("softgate"), "softgate")["id"] if "softgate" in order else 0
        try:
            ip, port = str(order.address("ip")), order.integer("port", 0, 65535, 0)
        except Refusal as refusal:
            raise ValueError(refusal.message) from refusal
        members.tell(self._net, vpc, ip, manner_of(order.raw("does")), port=port, gate=gate)

    def _member_view(self, row: Row) -> dict[str, Any]:
        gate = self._net.ref(self._net.devices, row["gate"])["name"]
        shown = {"vpc": self._net.ref(self._net.vpcs, row["vpc"])["name"], "softgate": gate}
        return {**shown, **{name: row[name] for name in ("ip", "port", "does", "since")}}

    def _named(self, shelf: Shelf, value: Any, name: str) -> Row:
        """The row of this id or of this name."""
        if isinstance(value, int) and not isinstance(value, bool):
            row = shelf.get(value)
        else:
            row = shelf.one("name", value) if isinstance(value, str) else None
        if row is None:
            raise ValueError(f"{name}: must be the id or the name of one that is there")
        return row
