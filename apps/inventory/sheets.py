"""Devices and links as sheets: what is not there is made, and what is there is changed where a cell says so.

A cell that is empty, like a column that is missing, leaves what is there as it is; `none` takes an address or a number
away. A row of a sheet that was taken out goes in as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.fabric.models import SurveyedDevice, SurveyedLink, SurveyedPort
from apps.imports.kinds import UNKNOWN_ZONE, Cells, Checked, Kind
from apps.inventory.bodies import LABELS, values_of
from apps.inventory.queries import Known, known_devices, underlay_links
from apps.inventory.services import devices, links
from apps.inventory.specs import CHANGEABLE, DeviceSpec, parse_changes, parse_port
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.mirror import queries as mirror
from apps.mirror.models import Kind as List
from apps.netris import wire
from apps.operations.models import Operation
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

DEVICE_COLUMNS = {
    "zone": "The short name of the zone.",
    "name": "As a host is called. A device that is there already is changed.",
    "role": "spine, leaf, softgate, hypervisor, server or oob. It is not changed.",
    "softgate_role": "Of a new SoftGate: general or snat.",
    "description": "One line.",
    "loopback": "An address, or none; auto for a new device.",
    "management_address": "An address, or none; auto for a new device.",
    "asn": "A number, or none; auto for a new device.",
    "port_count": "Of a new switch or server.",
    "system": "Of a new switch, such as cumulus_linux.",
    "profile": "Of a new switch or SoftGate: the name of one that another has.",
    "tags": "With blanks between them.",
    "custom_data": "Of a server: any text.",
    "links": "Of a new device: eth1=swp5@Leaf-1 eth2=swp5@Leaf-2, with the underlay on.",
}
LINK_COLUMNS = {
    "zone": "The short name of the zone.",
    "a_device": "One device.",
    "a_port": "Its port.",
    "b_device": "The other device.",
    "b_port": "Its port.",
    "plane": "As taken out. The border's cables are no links of Netris': their rows are left alone.",
    "underlay": "on or off: whether the fabric's own traffic goes over it. On for a new link unless this says off.",
}


@dataclass
class Estate:
    """What a zone has, read once for a whole sheet. What earlier rows would take is added to it."""

    zone: Zone
    devices: Mapping[str, tuple[SurveyedDevice, wire.Device | None]]
    known: list[Known]
    ports: links.PortsKnown
    #: Links of the underlay, by device; only for a sheet that takes some off it.
    underlay: Counter[str] = field(default_factory=Counter)


def _estates(rows: Sequence[Cells], ports: Iterable[str], by: Platform) -> dict[str, Estate]:
    """By the short names of their zones; seven queries for each."""
    found, names = {}, {cells.get("name", "").lower() for cells in rows}
    for zone in Zone.objects.filter(slug__in={cells["zone"] for cells in rows}):
        listed = [row for row in SurveyedDevice.objects.filter(zone=zone) if row.name.lower() in names]
        sent = mirror.rows_by_id(List.NETRIS_DEVICE, [(zone.pk, row.remote_id) for row in listed])
        there = {row.name.lower(): (row, sent.get((zone.pk, row.remote_id))) for row in listed}
        found[zone.slug] = Estate(zone, there, known_devices(zone, by), links.PortsKnown.of(zone, ports, by))
    return found


# --- devices ------------------------------------------------------------------------------------------------------


def check_devices(rows: Sequence[Cells], by: Platform) -> list[Checked]:
    far = [port for cells in rows for _, port in _uplinks(cells)]
    estates = _estates(rows, far, by)
    return [_device(cells, estates.get(cells["zone"])) for cells in rows]


def _uplinks(cells: Cells) -> list[tuple[str, str]]:
    pairs = (word.partition("=") for word in cells.get("links", "").split())
    return [(port, far) for port, _, far in pairs]


def _device(cells: Cells, estate: Estate | None) -> Checked:
    if estate is None:
        return Checked(faults=[UNKNOWN_ZONE])
    row, sent = estate.devices.get(cells["name"].lower(), (None, None))
    try:
        found = _creation(cells, estate) if row is None else _change(cells, estate, row, sent)
    except Refused as refusal:
        return Checked(faults=[_at_column(each) for each in refusal.all])
    return Checked(**{**found, "about": f"{estate.zone.slug} {cells['name'].lower()}"})


def _at_column(refusal: Refused) -> Refused:
    """What is wrong with one link is told of their column."""
    column = (refusal.field or "").partition(".")[0] or None
    return Refused(refusal.code, refusal.message, column)


def _values(cells: Cells) -> dict[str, Any]:
    values: dict[str, Any] = {name: text for name, text in cells.items() if name not in ("zone", "links")}
    return values | ({"links": _uplinks(cells)} if "links" in cells else {})


def _creation(cells: Cells, estate: Estate) -> dict[str, Any]:
    spec = DeviceSpec.parse(_values(cells))
    far = [link.far_port for link in spec.links]
    faults = devices.taken(spec, estate.known)
    faults += links.port_faults(far, ["links"] * len(far), estate.ports)
    if not faults:
        estate.known.append(Known.planned(spec.values))
        estate.ports.taken.update(port.lower() for port in far)
    told = {name: value for name, value in spec.values.items() if value and name not in ("role", "links")}
    sends = {LABELS.get(name, name): _text(value) for name, value in told.items()}
    cables = {f"{link.port}@{spec.name}": f"linked to {link.far_port}" for link in spec.links}
    return {
        "faults": faults,
        "what": f"Create {spec.role} {spec.name}",
        "sends": sends | cables,
        "order": {"zone": str(estate.zone.pk), "create": _values(cells)},
    }


def _change(cells: Cells, estate: Estate, row: SurveyedDevice, sent: wire.Device | None) -> dict[str, Any]:
    if sent is None or sent.type.lower() not in CHANGEABLE:
        raise Refused("not-changeable", "Netris does not list it any more, or it is not changed from here.", "name")
    if cells.get("role", row.role) != row.role:
        raise Refused("role-fixed", f"It is there already, as {row.role}. What it is cannot be changed.", "role")
    kind = sent.type.lower()
    raw = {name: cells[name] for name in CHANGEABLE[kind] if name in cells and name != "name"}
    now, given = values_of(sent), parse_changes(kind, raw)
    wanted = {name: value for name, value in given.items() if now[name] != value}
    if not wanted:
        return {"what": f"Leave {row.role} {row.name} as it is"}
    faults = devices.taken_by_others(row.remote_id, kind, wanted, estate.known)
    if not faults:
        estate.known.append(Known.planned(now | wanted, row.remote_id))
    return {
        "faults": faults,
        "what": f"Change {row.role} {row.name}",
        "sends": {LABELS[name]: f"{_text(now[name])} → {_text(value)}" for name, value in wanted.items()},
        "order": {"device": str(row.pk), "change": wanted},
    }


def _text(value: object) -> str:
    return (" ".join(value) if isinstance(value, list) else str(value)) or "nothing"


def order_device(values: Mapping[str, Any], by: Platform) -> Operation:
    if "create" in values:
        zone = Zone.objects.get(pk=values["zone"])
        return joined(devices.create_device)(zone, DeviceSpec.parse(values["create"]), by=by)
    row = SurveyedDevice.objects.select_related("zone__survey").filter(pk=values["device"]).first()
    if row is None:
        raise Refused("gone", "It is not there any more.")
    return joined(devices.change_device)(row, values["change"], by=by)


# --- links --------------------------------------------------------------------------------------------------------


def check_links(rows: Sequence[Cells], by: Platform) -> list[Checked]:
    ports = [_end(cells, end) for cells in rows for end in "ab"]
    estates = _estates(rows, ports, by)
    for slug in {cells["zone"] for cells in rows if cells.get("underlay", "").lower() == "off"} & estates.keys():
        estates[slug].underlay = underlay_links(estates[slug].zone, by)
    sent = {
        slug: {cable.id: cable.underlay for cable in mirror.cables(estate.zone)} for slug, estate in estates.items()
    }
    return [_link(cells, estates.get(cells["zone"]), sent.get(cells["zone"], {})) for cells in rows]


def _end(cells: Cells, end: str) -> str:
    return f"{cells.get(f'{end}_port', '')}@{cells[f'{end}_device']}"


def _link(cells: Cells, estate: Estate | None, underlays: Mapping[str, bool]) -> Checked:
    if estate is None:
        return Checked(faults=[UNKNOWN_ZONE])
    if cells.get("plane") == "border":
        return Checked(what=f"Leave the cable between {cells['a_device']} and {cells['b_device']} as it is")
    wanted = cells.get("underlay", "").lower()
    if wanted not in ("", "on", "off"):
        return Checked(faults=[Refused("not-a-switch", "Write on or off, or nothing.", "underlay")])
    try:
        one, other = (parse_port(_end(cells, end), f"{end}_port") for end in "ab")
    except Refused as refusal:
        return Checked(faults=refusal.all)
    name, ends = f"{one} - {other}", sorted((one.lower(), other.lower()))
    about = f"{estate.zone.slug} {' '.join(ends)}"
    port = estate.ports.there.get(one)
    if port is not None and port.link_id and f"{port.far_port}@{port.far_device}" == other:
        return _there(estate, name, about, port, wanted, underlays)
    faults = links.port_faults((one, other), ("a_port", "b_port"), estate.ports)
    if cells["a_device"].lower() == cells["b_device"].lower():
        faults.append(Refused("same-device", "A link joins two devices.", "b_device"))
    if not faults:
        estate.ports.taken.update(ends)
    return Checked(
        faults=faults,
        what=f"Create link {name}",
        sends={"Underlay": wanted or "on"},
        order={"zone": str(estate.zone.pk), "local": one, "remote": other, "underlay": wanted != "off"},
        about=about,
    )


def _there(
    estate: Estate, name: str, about: str, port: SurveyedPort, wanted: str, underlays: Mapping[str, bool]
) -> Checked:
    """One that is there: only whether it is of the underlay can be changed. The border's is none of Netris'."""
    is_on = underlays.get(port.link_id)
    if not wanted or is_on is None or is_on is (wanted == "on"):
        return Checked(what=f"Leave link {name} as it is", about=about)
    return Checked(
        faults=_last_ones(estate, port) if is_on else (),
        what=f"Change link {name}",
        sends={"Underlay": f"{'on' if is_on else 'off'} → {wanted}"},
        order={"link": str(SurveyedLink.id_of(estate.zone, port.link_id)), "underlay": wanted == "on"},
        about=about,
    )


def _last_ones(estate: Estate, port: SurveyedPort) -> list[Refused]:
    """A device that a row would take off the underlay: nobody confirms that in a sheet. Without one the link goes."""
    ends = {port.device_id: port.device, port.far_device_id: port.far_device}
    if unknown := links.why_unknown(estate.zone):
        return [Refused("not-confirmed", f"{unknown} Switch it off on its own page.", "underlay")]
    if cut := [name for device, name in ends.items() if estate.underlay[device] <= 1]:
        text = f"{links.cut_off(cut)} Switch it off on its own page."
        return [Refused("not-confirmed", text, "underlay")]
    estate.underlay.subtract(ends.keys())
    return []


def order_link(values: Mapping[str, Any], by: Platform) -> Operation:
    if "zone" in values:
        zone = Zone.objects.get(pk=values["zone"])
        return joined(links.create_link)(zone, values["local"], values["remote"], underlay=values["underlay"], by=by)
    row = SurveyedLink.objects.select_related("zone__survey").filter(pk=values["link"]).first()
    if row is None:
        raise Refused("gone", "It is not there any more.")
    return joined(links.change_link)(row, underlay=values["underlay"], by=by)


READ_ONLY = ("netris_id", "status", "because", "read_at")
DEVICES = Kind(
    key="devices",
    label="Devices",
    columns=DEVICE_COLUMNS,
    required=("zone", "name", "role"),
    ignored=(*READ_ONLY, "pair", "maintenance", "agent_version", "host_id"),
    check=check_devices,
    order=order_device,
    sheet="fabric:device_sheet",
)
LINKS = Kind(
    key="links",
    label="Links",
    columns=LINK_COLUMNS,
    required=("zone", "a_device", "b_device"),
    ignored=(*READ_ONLY, "name"),
    check=check_links,
    order=order_link,
    sheet="fabric:link_sheet",
)
