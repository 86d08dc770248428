"""The fabric as a layered drawing: internet, SoftGates and spines, leaves, hosts, and the out-of-band switch below.

Every device shows its name, its facts and its status in words, as a colour and as a shape. The management plane hangs
like warp threads: each device has one thin line straight down to its out-of-band switch, which lies below as a beam.
Port names appear along a link when it is pointed at; the page shows the same links as a table under the map.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from django.utils.safestring import SafeString

from apps.fabric.layers import LANE_NAMES, ROLES, Device, Link, Topology, fold, lanes_of, natural
from apps.kernel.svg.draw import element, fit, join, mark, number, picture, status_words, text, width_of
from apps.kernel.svg.status import look_of

__all__ = ["Device", "Link", "Topology", "render_topology"]

WIDTH = 157
HEAD = 52
LINE = 15
GAP = 16
WIDEST_GAP = 56
COLUMNS = 12
ROW_GAP = 28
LANE_TOP = 30
LANE_BOTTOM = 16
LANE_GAP = 62
MARGIN = 10
NARROWEST = 640
BEAM = 40
#: With more links than this the lines are drawn thinner and paler.
DENSE = 80

#: 16 x 16 line drawings, one per role.
ICONS = {
    "isp": "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M1.5 8h13M8 1.5c4 4 4 9 0 13M8 1.5c-4 4-4 9 0 13",
    "softgate": "M8 1.5l5.5 2v4.5c0 3-2.3 5.3-5.5 6.5-3.2-1.2-5.5-3.5-5.5-6.5v-4.5zM5.5 8h5M8.5 6l2 2-2 2",
    "spine": "M1.5 5h13v6h-13zM4.5 8h.01M7 8h.01M9.5 8h2.5M8 5v-3M8 14v-3",
    "leaf": "M1.5 5h13v6h-13zM4.5 8h.01M7 8h.01M9.5 8h2.5M4.5 14v-3M11.5 14v-3",
    "server": "M2.5 2h11v5h-11zM2.5 9h11v5h-11zM5 4.5h.01M5 11.5h.01",
    "hypervisor": "M8 1.5l6.5 3.3-6.5 3.3-6.5-3.3zM1.5 8.2l6.5 3.3 6.5-3.3M1.5 11.3l6.5 3.2 6.5-3.2",
    "other": "M3 3h10v10h-10z",
}


@dataclass(frozen=True)
class Spot:
    """Where a device is drawn."""

    device: Device
    lane: int
    x: float
    y: float
    height: float

    @property
    def centre(self) -> float:
        return self.x + WIDTH / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True)
class Lane:
    name: str
    y: float
    height: float


def render_topology(fabric: Topology) -> SafeString:
    drawn = fold(fabric)
    roles = {device.id: device.role for device in drawn.devices}
    links = [link for link in drawn.links if link.a in roles and link.b in roles and link.a != link.b]
    data = [link for link in links if "oob" not in (roles[link.a], roles[link.b])]
    management = [link for link in links if "oob" in (roles[link.a], roles[link.b])]
    beams = sorted((one for one in drawn.devices if one.role == "oob"), key=lambda one: natural(one.name))

    lanes, spots, width, bottom = _place(lanes_of((one for one in drawn.devices if one.role != "oob"), data))
    beam_y = {one.id: bottom + LANE_GAP * (index + 1) - 18 for index, one in enumerate(beams)}
    height = max(beam_y.values(), default=bottom - BEAM) + BEAM + MARGIN
    svg = picture(
        *(_band(lane, width) for lane in lanes),
        *(_warp(link, spots, beam_y) for link in management),
        *_wires(data, spots),
        *(text(MARGIN / 2 + 12, lane.y + 18, lane.name, "topo-lane-name") for lane in lanes),
        *(_beam(one, beam_y[one.id], width) for one in beams),
        *(_device(spot) for spot in spots.values()),
        text(width / 2, 60, "No device yet", "topo-role", anchor="middle") if not drawn.devices else "",
        width=width,
        height=max(height, 120),
        title=fabric.title,
        description=_description(fabric),
        class_=f"topology{' topology--dense' if len(data) > DENSE else ''}",
        is_interactive=any(device.url for device in drawn.devices),
        has_size=True,
    )
    return element("div", svg, class_="topology-frame", tabindex=0, role="region", aria_label=fabric.title)


def _description(fabric: Topology) -> str:
    roles = Counter(device.role for device in fabric.devices)
    states = Counter(look_of(device.status).words for device in fabric.devices)
    wires = Counter(link.status for link in fabric.links)
    counted = [f"{roles[role]} x {words}" for role, words in ROLES.items() if roles[role]]
    health = [f"{count} {words.lower()}" for words, count in sorted(states.items())]
    cables = [f"{count} {words}" for words, count in sorted(wires.items())]
    return f"{', '.join(counted)}. Devices: {', '.join(health) or 'none'}. Links: {', '.join(cables) or 'none'}."


def _place(order: Sequence[Sequence[Device]]) -> tuple[list[Lane], dict[str, Spot], float, float]:
    """Rows within lanes. More than COLUMNS devices are wrapped, odd rows shifted by half a step so that lines pass."""
    rows_of = [ceil(len(devices) / COLUMNS) for devices in order]
    columns = [ceil(len(devices) / rows) if rows else 0 for devices, rows in zip(order, rows_of, strict=True)]
    halves = [count + 0.5 * (rows > 1) for count, rows in zip(columns, rows_of, strict=True)]
    inner = max([NARROWEST, *(half * (WIDTH + GAP) + GAP for half in halves)])
    lanes: list[Lane] = []
    spots: dict[str, Spot] = {}
    y = float(MARGIN)
    for index, devices in enumerate(order):
        if not devices:
            continue
        rows, count = rows_of[index], columns[index]
        gap = max(GAP, min(WIDEST_GAP, (inner - halves[index] * WIDTH) / (halves[index] + 1)))
        step = WIDTH + gap
        shift = step / 2 if rows > 1 else 0
        left = MARGIN + (inner - (count * step - gap + shift)) / 2
        tall = HEAD + LINE * max(len(device.lines) for device in devices)
        for place, device in enumerate(devices):
            column, row = divmod(place, rows)
            x = left + column * step + (shift if row % 2 else 0)
            spots[device.id] = Spot(device, index, x, y + LANE_TOP + row * (tall + ROW_GAP), tall)
        height = LANE_TOP + rows * (tall + ROW_GAP) - ROW_GAP + LANE_BOTTOM
        lanes.append(Lane(LANE_NAMES[index], y, height))
        y += height + LANE_GAP
    return lanes, spots, inner + 2 * MARGIN, max(y - LANE_GAP, 0)


def _band(lane: Lane, width: float) -> SafeString:
    return element("rect", x=MARGIN / 2, y=lane.y, width=width - MARGIN, height=lane.height, rx=10, class_="topo-lane")


def _wires(links: Sequence[Link], spots: Mapping[str, Spot]) -> Iterable[SafeString]:
    """Links leave a device side by side, in the order of where they go, so that they do not run over each other."""
    ends: defaultdict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for index, link in enumerate(links):
        for one, other in ((link.a, link.b), (link.b, link.a)):
            ends[one, _side(spots[one], spots[other])].append((spots[other].centre, index))
    at: dict[tuple[int, str], tuple[float, int]] = {}
    for (device_id, _), attached in ends.items():
        room = WIDTH - 40
        step = min(26.0, room / max(1, len(attached) - 1))
        first = spots[device_id].centre - step * (len(attached) - 1) / 2
        for place, (_, index) in enumerate(sorted(attached)):
            at[index, device_id] = (first + place * step, place)
    for index, link in enumerate(links):
        yield _wire(link, spots, at[index, link.a], at[index, link.b])


def _side(one: Spot, other: Spot) -> str:
    return "bottom" if one.lane < other.lane else "top"


def _wire(link: Link, spots: Mapping[str, Spot], a: tuple[float, int], b: tuple[float, int]) -> SafeString:
    one, other = spots[link.a], spots[link.b]
    (x1, place1), (x2, place2) = a, b
    y1 = one.bottom if _side(one, other) == "bottom" else one.y
    y2 = other.bottom if _side(other, one) == "bottom" else other.y
    if one.lane == other.lane:
        rise = min(y1, y2) - 20
        path = f"M{number(x1)} {number(y1)}C{number(x1)} {number(rise)} {number(x2)} {number(rise)} "
    else:
        bend = (y2 - y1) / 2
        path = f"M{number(x1)} {number(y1)}C{number(x1)} {number(y1 + bend)} {number(x2)} {number(y2 - bend)} "
    path += f"{number(x2)} {number(y2)}"
    kind = "underlay" if link.underlay else "plain"
    status = _standing(link)
    names = (f"{one.device.name} {link.a_port}".strip(), f"{other.device.name} {link.b_port}".strip())
    return element(
        "g",
        element("title", f"{names[0]} to {names[1]}, {'underlay' if link.underlay else 'not underlay'}, {link.status}"),
        element("path", d=path, class_=f"topo-link topo-link--{kind}{status}"),
        _port(link.a_port, x1, y1, y1 == one.bottom, place1),
        _port(link.b_port, x2, y2, y2 == other.bottom, place2),
        class_="topo-wire",
        data_a=link.a,
        data_b=link.b,
    )


def _standing(link: Link) -> str:
    """The classes for what is not well with it."""
    is_weak = link.is_due and link.status in ("down", "warning")
    return "" if link.status == "up" else f" topo-link--{link.status}{' topo-link--due' * is_weak}"


def _port(name: str, x: float, y: float, is_below: bool, place: int) -> SafeString:
    """Neighbouring port names stand on different lines."""
    if not name:
        return SafeString("")
    off = 12 + place % 2 * 13
    return text(
        x, y + off + 1 if is_below else y - off + 7, fit(name, 60, 10.5, mono=True), "topo-port", anchor="middle"
    )


def _warp(link: Link, spots: Mapping[str, Spot], beam_y: Mapping[str, float]) -> SafeString:
    beam, device_id = (link.a, link.b) if link.a in beam_y else (link.b, link.a)
    spot = spots.get(device_id)
    if spot is None or beam not in beam_y:
        return SafeString("")
    x = spot.x + WIDTH - 10 - 5 * spot.lane
    status = _standing(link)
    ports = (link.b_port, link.a_port) if link.a in beam_y else (link.a_port, link.b_port)
    return element(
        "g",
        element("title", f"{spot.device.name} {ports[0]} to management {ports[1]}, {link.status}"),
        element(
            "path",
            d=f"M{number(x)} {number(spot.bottom)}V{number(beam_y[beam])}",
            class_=f"topo-link topo-link--management{status}",
        ),
        class_="topo-wire",
        data_a=link.a,
        data_b=link.b,
    )


def _beam(device: Device, y: float, width: float) -> SafeString:
    look = look_of(device.status)
    facts = "   ".join(device.lines)
    right = width - MARGIN / 2 - 14
    drawn = join(
        element("rect", x=MARGIN / 2, y=y, width=width - MARGIN, height=BEAM, rx=8, class_="topo-box topo-oob"),
        element("rect", x=MARGIN / 2, y=y + 8, width=3, height=BEAM - 16, rx=1.5, class_=f"topo-edge tone-{look.tone}"),
        text(MARGIN / 2 + 14, y + 25, device.name, "topo-name"),
        text(MARGIN / 2 + 26 + width_of(device.name, 13.5), y + 25, f"Out of band   {facts}", "topo-line"),
        status_words(look, right - 15, y + 25, "topo-status", anchor="end"),
        mark(look.shape, right - 5, y + 21, look.tone),
    )
    return _device_group(device, drawn)


def _device(spot: Spot) -> SafeString:
    device, x, y = spot.device, spot.x, spot.y
    look = look_of(device.status)
    foot = spot.bottom - 13
    drawn = join(
        element("title", f"{device.name}, {ROLES.get(device.role, 'Device')}, {look.words}"),
        element("rect", x=x, y=y, width=WIDTH, height=spot.height, rx=8, class_="topo-box"),
        element("rect", x=x, y=y + 9, width=3, height=spot.height - 18, rx=1.5, class_=f"topo-edge tone-{look.tone}"),
        text(x + 14, y + 21, fit(device.name, WIDTH - 46, 13.5), "topo-name"),
        element(
            "path",
            d=ICONS.get(device.role, ICONS["other"]),
            transform=f"translate({number(x + WIDTH - 26)} {number(y + 8)})",
            class_="topo-icon",
        ),
        *(
            text(x + 14, y + 37 + LINE * index, fit(line, WIDTH - 22, 11, mono=True), "topo-line topo-mono")
            for index, line in enumerate(device.lines)
        ),
        mark(look.shape, x + 19, foot - 4, look.tone),
        status_words(look, x + 29, foot, "topo-status"),
        text(x + WIDTH - 10, foot, ROLES.get(device.role, "Device"), "topo-role", anchor="end"),
    )
    return _device_group(device, drawn)


def _is_weak(device: Device) -> bool:
    return device.is_due and device.status in ("critical", "warning")


def _device_group(device: Device, drawn: SafeString) -> SafeString:
    return element(
        "g",
        element("a", drawn, href=device.url) if device.url else drawn,
        id=f"device-{device.id}",
        class_=f"topo-device topo-device--{device.status}{' topo-device--due' * _is_weak(device)}",
        data_device=device.id,
    )
