"""What Weft writes of Netris' inventory: devices, links and ports.

An update takes the whole thing (netris-api.md 2.13, 2.16), so it is read first, and all that is not asked for goes back
as it came. What a row shows under another name than an update takes is left out, and with it stays as it is
(unverified).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.kernel.remote import Rejected
from apps.netris.calls import LONGEST_LIST, SYSTEM, Calls
from apps.netris.wire import Device, Link, Nos, Port

#: What an update of a device takes, kind by kind, as far as a row shows it under the same name (2.13).
COMMON = ("name", "description", "mainAddress", "mgmtAddress", "tags")
UPDATES = {
    "switch": (*COMMON, "asn", "nos", "profile", "macAddress", "swRole", "maintenanceMode"),
    "softgate": (*COMMON, "profile", "sgFlavor", "sgRole", "maintenanceMode"),
    "server": (*COMMON, "asn", "customData", "srvRole"),
}
#: Of a port. The speed that somebody wants is shown as `desiredSpeed`, and sent as `speed`.
PORT_FIELDS = ("tenant", "description", "mtu", "autoNeg", "duplex", "adminDown", "breakout", "fec")


class Inventory(Calls):
    def get_device(self, device_id: int) -> Device | None:
        return self._get("/api/v2/hw/{id}", device_id, Device)

    def find_device(self, name: str) -> Device | None:
        """By its name, which no two devices share: a device may be deleted by it (2.13). It takes the list of the whole
        inventory, so it is for what has no id yet."""
        path = "/api/v2/hw"
        rows = self._data(path, patience=LONGEST_LIST)
        found = [row for row in rows if isinstance(row, dict) and row.get("name") == name]
        return self._decode(path, found[0], Device) if found else None

    def systems(self) -> list[Nos]:
        """The operating systems that a switch may have here."""
        return self._list("/api/v2/hw/nos", Nos)

    def create_device(self, kind: str, body: Mapping[str, Any]) -> int:
        """`kind` is switch, softgate or server. Returns its id."""
        return self._create(f"/api/v2/hw/{kind}", body, subject=str(body["name"]))

    def update_device(self, kind: str, device_id: int, changes: Mapping[str, Any]) -> None:
        """Raises `Rejected` when there is no such device."""
        path = f"/api/v2/hw/{kind}/{{id}}"
        row = self._row("/api/v2/hw/{id}", device_id, path)
        body = {name: row[name] for name in UPDATES[kind] if row.get(name) is not None}
        self._update(path, device_id, {**body, **changes})

    def set_maintenance(self, softgate_id: int, *, is_on: bool) -> None:
        self.update_device("softgate", softgate_id, {"maintenanceMode": is_on})

    def delete_device(self, kind: str, device_id: int) -> None:
        self._delete(f"/api/v2/hw/{kind}/{{id}}", device_id)

    # Links join two ports, named in full: swp1@Leaf-1

    def get_link(self, link_id: int) -> Link | None:
        return self._get("/api/v2/link/{id}", link_id, Link)

    def find_link(self, one: str, other: str) -> Link | None:
        """The link between two ports. It takes the list of them all, so it is for one whose id is not known."""
        found = self._list("/api/v2/link", Link, patience=LONGEST_LIST)
        return next((each for each in found if {each.local.name, each.remote.name} == {one, other}), None)

    def create_link(self, local: str, remote: str, *, underlay: bool) -> int:
        body = {"local": {"name": local}, "remote": {"name": remote}, "underlay": _switch(underlay)}
        return self._create("/api/v2/link", body, subject=f"{local} {remote}")

    def update_link(self, link_id: int, *, underlay: bool) -> None:
        """Its addresses go back as they came."""
        path = "/api/v2/link/{id}"
        row = self._row(path, link_id, path)
        ends = {name: row[name] for name in ("local", "remote", "mclagPeerLink") if row.get(name) is not None}
        self._update(path, link_id, {**ends, "underlay": _switch(underlay)})

    def delete_link(self, link_id: int) -> None:
        self._delete("/api/v2/link/{id}", link_id)

    def get_port(self, port_id: int) -> Port | None:
        return self._get("/api/v2/ports/{id}", port_id, Port)

    def update_port(self, port_id: int, changes: Mapping[str, Any]) -> None:
        path = "/api/v2/ports/{id}"
        row = self._row(path, port_id, path)
        speed = row.get("desiredSpeed") or row.get("speed")
        body = {name: row[name] for name in PORT_FIELDS if row.get(name) is not None} | {"speed": speed}
        self._update(path, port_id, {**body, **changes})

    def _row(self, path: str, row_id: int, call: str) -> dict[str, Any]:
        """A thing as it came, for an update of it."""
        rows = self._data(path, subject=str(row_id))
        row = rows[0] if isinstance(rows, list) and rows else rows
        if not isinstance(row, dict) or not row:
            raise Rejected("Not found", 404, system=SYSTEM, call=f"PUT {call}")
        return row


def _switch(is_on: bool) -> str:
    return "enabled" if is_on else "disabled"
