"""The fabric as a layered drawing: internet, spines, leaves, SoftGates, hosts, and the out-of-band switch below.

Every device shows its name, its facts and its status in words, as a colour and as a shape. The management plane hangs
like warp threads: each device has one thin line straight down to its out-of-band switch, which lies below as a beam.
Port names appear along a link when it is pointed at. Each device and each link leads to its page. Cables are
solid. Sessions with the internet are no cables: they lie over them in strokes, from the router to who speaks with it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from django.utils.safestring import SafeString

from apps.fabric.layers import LABELS, LANE_NAMES, Device, Link, Session, Topology, lanes_of, natural
from apps.kernel.svg.draw import element, fit, join, mark, number, picture, status_words, text, width_of
from apps.kernel.svg.status import look_of

__all__ = ["Device", "Link", "Session", "Topology", "render_topology"]

WIDTH = 157
HEAD = 52
LINE = 15
GAP = 28
WIDEST_GAP = 56
COLUMNS = 12
ROW_GAP = 28
LANE_TOP = 30
LANE_BOTTOM = 16
LANE_GAP = 62
MARGIN = 10
NARROWEST = 640
BEAM = 40
#: Where the lines through one gap pass, from its middle in parts of its width, in the order of their coming.
SPREAD = (0, -0.125, 0.125, -0.25, 0.25, -0.375, 0.375, -0.5, 0.5)
#: With more links than this the lines are drawn thinner and paler.
DENSE = 80

#: 16 x 16 line drawings, one per role.
ICONS = {
    "isp": "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M1.5 8h13M8 1.5c4 4 4 9 0 13M8 1.5c-4 4-4 9 0 13",
    "softgate": "M8 1.5l5.5 2v4.5c0 3-2.3 5.3-5.5 6.5-3.2-1.2-5.5-3.5-5.5-6.5v-4.5zM5.5 8h5M8.5 6l2 2-2 2",
    "super-spine": "M1.5 5h13v6h-13zM4.5 8h.01M7 8h.01M9.5 8h2.5M5 5v-3M11 5v-3M5 14v-3M11 14v-3",
    "spine": "M1.5 5h13v6h-13zM4.5 8h.01M7 8h.01M9.5 8h2.5M8 5v-3M8 14v-3",
    "leaf": "M1.5 5h13v6h-13zM4.5 8h.01M7 8h.01M9.5 8h2.5M4.5 14v-3M11.5 14v-3",
    "server": "M2.5 2h11v5h-11zM2.5 9h11v5h-11zM5 4.5h.01M5 11.5h.01",
    "hypervisor": "M8 1.5l6.5 3.3-6.5 3.3-6.5-3.3zM1.5 8.2l6.5 3.3 6.5-3.3M1.5 11.3l6.5 3.2 6.5-3.2",
    "other": "M3 3h10v10h-10z",
    "rack": "M3 1.5h10v13h-10zM3 5h10M3 8h10M3 11h10M5.5 3.2h.01M5.5 6.5h.01M5.5 9.5h.01",
    "pod": "M1.5 1.5h5.5v5.5h-5.5zM9 1.5h5.5v5.5h-5.5zM1.5 9h5.5v5.5h-5.5zM9 9h5.5v5.5h-5.5z",
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
    #: The middles of the gaps between and beside its devices. None of several rows: theirs do not meet.
    gaps: Sequence[float] = ()
    #: How wide a gap is.
    room: float = GAP

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True)
class Line:
    """Where a cable or a session is drawn, and the place of its ends among the others at the same side of a device."""

    path: str
    a: tuple[float, float, int]
    b: tuple[float, float, int]


def render_topology(fabric: Topology) -> SafeString:
    drawn = _noted(fabric)
    roles = {device.id: device.role for device in drawn.devices}
    links = [link for link in drawn.links if link.a in roles and link.b in roles and link.a != link.b]
    data = [link for link in links if "oob" not in (roles[link.a], roles[link.b])]
    management = [link for link in links if "oob" in (roles[link.a], roles[link.b])]
    beams = sorted((one for one in drawn.devices if one.role == "oob"), key=lambda one: natural(one.name))

    lanes, spots, width, bottom = _place(lanes_of((one for one in drawn.devices if one.role != "oob"), data))
    sessions = [one for one in drawn.sessions if one.router in spots and one.device in spots]
    pairs = [(link.a, link.b) for link in data] + [(one.router, one.device) for one in sessions]
    lines = _lines(pairs, spots, lanes)
    beam_y = {one.id: bottom + LANE_GAP * (index + 1) - 18 for index, one in enumerate(beams)}
    height = max(beam_y.values(), default=bottom - BEAM) + BEAM + MARGIN
    svg = picture(
        *(_band(lane, width) for lane in lanes.values()),
        *(_warp(link, spots, beam_y) for link in management),
        *(_wire(link, spots, line) for link, line in zip(data, lines[: len(data)], strict=True)),
        *(_session(one, spots, line) for one, line in zip(sessions, lines[len(data) :], strict=True)),
        *(text(MARGIN / 2 + 12, lane.y + 18, lane.name, "topo-lane-name") for lane in lanes.values()),
        *(_beam(one, beam_y[one.id], width) for one in beams),
        *(_device(spot) for spot in spots.values()),
        text(width / 2, 60, "No device yet", "topo-role", anchor="middle") if not drawn.devices else "",
        width=width,
        height=max(height, 120),
        title=drawn.title,
        description=_description(drawn),
        class_=f"topology topology--{drawn.overlay}{' topology--dense' if len(data) > DENSE else ''}",
        is_interactive=any(device.url for device in drawn.devices),
        has_size=True,
    )
    return element("div", svg, class_="topology-frame", tabindex=0, role="region", aria_label=drawn.title)


def words_of_weight(device: Device, overlay: str) -> str:
    """What an overlay says of a device, or of several that are drawn as one."""
    weight = device.weight
    if weight is None:
        return "not known" if overlay == "utilisation" else ""
    match overlay:
        case "links":
            return f"{weight.count} of {weight.of} ports up"
        case "bgp":
            return f"{weight.count} of {weight.of} sessions"
        case "utilisation":
            return f"busiest {weight.count} %"
        case "vni" | "tenant":
            hosts = f" on {weight.of}" if device.holds else ""
            return f"{weight.count} {'instance' if weight.count == 1 else 'instances'}{hosts}"
    return f"{weight.count} of {device.holds}" if device.holds else ""


def _noted(drawn: Topology) -> Topology:
    """With what the overlay says as the last of each device's lines."""
    if drawn.overlay == "health":
        return drawn
    devices = []
    for device in drawn.devices:
        words = words_of_weight(device, drawn.overlay)
        kept = device.lines[:-1] if device.holds or len(device.lines) > 1 else device.lines
        devices.append(replace(device, lines=[*kept, words]) if words else device)
    return replace(drawn, devices=devices)


def _description(fabric: Topology) -> str:
    roles = Counter(device.role for device in fabric.devices)
    states = Counter(look_of(device.status).words for device in fabric.devices)
    wires: Counter[str] = Counter()
    for link in fabric.links:
        wires.update(dict(link.of) or {link.status: 1})
    counted = [f"{roles[role]} x {words}" for role, words in LABELS.items() if roles[role]]
    health = [f"{count} {words.lower()}" for words, count in sorted(states.items())]
    cables = [f"{count} {words}" for words, count in sorted(wires.items())]
    runs = Counter(session.status for session in fabric.sessions)
    spoken = f" Sessions: {', '.join(f'{count} {words}' for words, count in sorted(runs.items()))}." if runs else ""
    return (
        f"{', '.join(counted)}. Devices: {', '.join(health) or 'none'}. Links: {', '.join(cables) or 'none'}.{spoken}"
    )


def _place(order: Sequence[Sequence[Device]]) -> tuple[dict[int, Lane], dict[str, Spot], float, float]:
    """Rows within lanes. More than COLUMNS devices are wrapped, odd rows shifted by half a step so that lines pass."""
    rows_of = [ceil(len(devices) / COLUMNS) for devices in order]
    columns = [ceil(len(devices) / rows) if rows else 0 for devices, rows in zip(order, rows_of, strict=True)]
    halves = [count + 0.5 * (rows > 1) for count, rows in zip(columns, rows_of, strict=True)]
    inner = max([NARROWEST, *(half * (WIDTH + GAP) + GAP for half in halves)])
    lanes: dict[int, Lane] = {}
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
        gaps = [left - gap / 2 + column * step for column in range(count + 1)] if rows == 1 else []
        has_pods = any(device.role == "pod" for device in devices)
        lanes[index] = Lane("LEAVES AND PODS" if has_pods else LANE_NAMES[index], y, height, gaps, gap)
        y += height + LANE_GAP
    return lanes, spots, inner + 2 * MARGIN, max(y - LANE_GAP, 0)


def _band(lane: Lane, width: float) -> SafeString:
    return element("rect", x=MARGIN / 2, y=lane.y, width=width - MARGIN, height=lane.height, rx=10, class_="topo-lane")


def _lines(ends: Sequence[tuple[str, str]], spots: Mapping[str, Spot], lanes: Mapping[int, Lane]) -> list[Line]:
    """Lines leave a device side by side, in the order of where they go, so that they do not run over each other."""
    attached: defaultdict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for index, pair in enumerate(ends):
        for one, other in (pair, pair[::-1]):
            attached[one, _side(spots[one], spots[other])].append((spots[other].centre, index))
    at: dict[tuple[int, str], tuple[float, float, int]] = {}
    for (device_id, side), lines in attached.items():
        spot = spots[device_id]
        step = min(26.0, (WIDTH - 40) / max(1, len(lines) - 1))
        first = spot.centre - step * (len(lines) - 1) / 2
        for place, (_, index) in enumerate(sorted(lines)):
            at[index, device_id] = (first + place * step, spot.bottom if side == "bottom" else spot.y, place)
    taken: Counter[tuple[float, float]] = Counter()
    return [
        Line(_path(at[index, a], at[index, b], _between(spots[a], spots[b], lanes), taken), at[index, a], at[index, b])
        for index, (a, b) in enumerate(ends)
    ]


def _between(one: Spot, other: Spot, lanes: Mapping[int, Lane]) -> list[Lane] | None:
    """The lanes that a line passes on its way down; None within a lane."""
    upper, lower = sorted((one.lane, other.lane))
    return None if upper == lower else [lanes[at] for at in range(upper + 1, lower) if at in lanes]


def _path(
    a: tuple[float, float, int],
    b: tuple[float, float, int],
    passed: Sequence[Lane] | None,
    taken: Counter[tuple[float, float]],
) -> str:
    """Through gaps of the lanes between, each line beside those that are there already: not behind other devices."""
    (x1, y1, _), (x2, y2, _) = sorted((a, b), key=lambda end: end[1])
    if passed is None:
        rise = min(y1, y2) - 20
        arc = f"C{number(x1)} {number(rise)} {number(x2)} {number(rise)} {number(x2)} {number(y2)}"
        return f"M{number(x1)} {number(y1)}{arc}"
    path, x, y = f"M{number(x1)} {number(y1)}", x1, y1
    for lane in passed:
        if not lane.gaps:
            continue
        straight = x1 + (x2 - x1) * (lane.y + lane.height / 2 - y1) / (y2 - y1)
        gap = min(lane.gaps, key=lambda middle: abs(middle - straight))
        key = (lane.y, gap)
        shift = SPREAD[taken[key] % len(SPREAD)] * (lane.room - 6)
        taken[key] += 1
        path += f"{_curve(x, y, gap + shift, lane.y)}V{number(lane.bottom)}"
        x, y = gap + shift, lane.bottom
    return path + _curve(x, y, x2, y2)


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    bend = (y2 - y1) / 2
    return f"C{number(x1)} {number(y1 + bend)} {number(x2)} {number(y2 - bend)} {number(x2)} {number(y2)}"


def _side(one: Spot, other: Spot) -> str:
    return "bottom" if one.lane < other.lane else "top"


def _wire(link: Link, spots: Mapping[str, Spot], line: Line) -> SafeString:
    one, other = spots[link.a], spots[link.b]
    kind = "underlay" if link.underlay else "plain"
    classes = f"topo-link topo-link--{kind}{' topo-link--bundle' * (link.count > 1)}{_standing(link)}{_busy(link)}"
    ports = (_port(link.a_port, line.a, one), _port(link.b_port, line.b, other))
    drawn = join(
        element("title", words_of_link(link, one.device, other.device)),
        element("path", d=line.path, class_="topo-aim") if link.url else "",
        element("path", d=line.path, class_=classes),
        *(ports if link.count == 1 else ()),
        _count(link, line) if link.count > 1 or link.load is not None else "",
    )
    # With the keyboard one goes from device to device: their pages list the links.
    return element(
        "g",
        element("a", drawn, href=link.url, tabindex=-1) if link.url else drawn,
        class_="topo-wire",
        data_a=link.a,
        data_b=link.b,
    )


def words_of_link(link: Link, one: Device, other: Device) -> str:
    """What is told of a line where it is pointed at."""
    load = "" if link.load is None else f", {'the busiest ' * (link.count > 1)}{link.load} % utilised"
    if link.count > 1:
        states = ", ".join(f"{count} {status}" for status, count in link.of)
        return f"{link.count} cables of {one.name} with {other.name}: {states}{load}"
    ends = (f"{one.name} {link.a_port}".strip(), f"{other.name} {link.b_port}".strip())
    return f"{ends[0]} to {ends[1]}, {'underlay' if link.underlay else 'not underlay'}, {link.status}{load}"


#: Netris' own thresholds for how busy a port may be (netris-api.md 3.3).
BUSY, TOO_BUSY = 70, 90


def _busy(link: Link) -> str:
    if link.load is None or link.load < BUSY:
        return ""
    return " topo-link--too-busy" if link.load >= TOO_BUSY else " topo-link--busy"


def _count(link: Link, line: Line) -> SafeString:
    """How busy a line is; how many cables a bundle is of, and how many of them are down. Beside its lower end."""
    x, y, place = line.a if line.a[1] > line.b[1] else line.b
    bad = link.of[0][1] if link.count > 1 and link.status in ("down", "warning") else 0
    words = f"{link.load} %" if link.load is not None else f"{bad} of {link.count}" if bad else f"{link.count} x"
    return text(x, y - 6 - place % 2 * 12, words, "topo-count", anchor="middle")


def _session(session: Session, spots: Mapping[str, Spot], line: Line) -> SafeString:
    router, device = spots[session.router].device.name, spots[session.device].device.name
    return element(
        "g",
        element("title", f"BGP session of {device} with {router}, {session.status}"),
        element("path", d=line.path, class_=f"topo-link topo-link--session{_standing(session)}"),
        class_="topo-wire",
        data_a=session.router,
        data_b=session.device,
    )


def _standing(link: Link | Session) -> str:
    """The classes for what is not well with it."""
    is_weak = link.is_due and link.status in ("down", "warning")
    return "" if link.status == "up" else f" topo-link--{link.status}{' topo-link--due' * is_weak}"


def _port(name: str, end: tuple[float, float, int], spot: Spot) -> SafeString:
    """Neighbouring port names stand on different lines."""
    if not name:
        return SafeString("")
    x, y, place = end
    off = 12 + place % 2 * 13
    down = y + off + 1 if y == spot.bottom else y - off + 7
    return text(x, down, fit(name, 60, 10.5, mono=True), "topo-port", anchor="middle")


def _warp(link: Link, spots: Mapping[str, Spot], beam_y: Mapping[str, float]) -> SafeString:
    beam, device_id = (link.a, link.b) if link.a in beam_y else (link.b, link.a)
    spot = spots.get(device_id)
    if spot is None or beam not in beam_y:
        return SafeString("")
    x = spot.x + WIDTH - 10 - 5 * spot.lane
    status = _standing(link)
    ports = (link.b_port, link.a_port) if link.a in beam_y else (link.a_port, link.b_port)
    words = f"{spot.device.name} {ports[0]} to management {ports[1]}, {link.status}"
    if link.count > 1:
        states = ", ".join(f"{count} {status}" for status, count in link.of)
        words = f"{link.count} cables of {spot.device.name} to management: {states}"
    path = f"M{number(x)} {number(spot.bottom)}V{number(beam_y[beam])}"
    bundle = " topo-link--bundle" * (link.count > 1)
    drawn = join(
        element("title", words),
        element("path", d=path, class_="topo-aim") if link.url else "",
        element("path", d=path, class_=f"topo-link topo-link--management{bundle}{status}"),
    )
    return element(
        "g",
        element("a", drawn, href=link.url, tabindex=-1) if link.url else drawn,
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
        element("title", f"{device.name}, {LABELS.get(device.role, 'Device')}, {look.words}"),
        element("rect", x=x + 4, y=y - 4, width=WIDTH - 4, height=spot.height, rx=8, class_="topo-behind")
        if device.holds
        else "",
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
        text(x + WIDTH - 10, foot, LABELS.get(device.role, "Device"), "topo-role", anchor="end"),
    )
    return _device_group(device, drawn)


def _is_weak(device: Device) -> bool:
    return device.is_due and device.status in ("critical", "warning")


def _lit(device: Device) -> str:
    return {None: "", True: " topo-device--lit", False: " topo-device--faint"}[device.is_lit]


def _device_group(device: Device, drawn: SafeString) -> SafeString:
    fold = device.id if device.opens else None
    return element(
        "g",
        element("a", drawn, href=device.url, data_fold=fold) if device.url else drawn,
        id=f"device-{device.id}",
        class_=f"topo-device topo-device--{device.status}{' topo-device--due' * _is_weak(device)}{_lit(device)}",
        data_device=device.id,
    )
