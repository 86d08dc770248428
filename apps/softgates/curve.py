"""The published curve as a drawing, with the place of the nodes on it."""

from __future__ import annotations

from math import log10

from django.utils.safestring import SafeString

from apps.kernel.svg.draw import element, mark, number, picture, text
from apps.softgates.capacity import Place, Profile

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 20, 16, 40
FEWEST, MOST = 500, 20_000
HIGHEST = 14
TICKS = (800, 1_600, 3_333, 16_666)


def _x(rules: float) -> float:
    """Rules on a logarithmic scale; what is beyond its ends stands at them."""
    inside = min(max(rules, FEWEST), MOST)
    return LEFT + (WIDTH - LEFT - RIGHT) * (log10(inside) - log10(FEWEST)) / (log10(MOST) - log10(FEWEST))


def _y(mpps: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - mpps / HIGHEST)


def render_curve(profile: Profile, vpcs: int, place: Place) -> SafeString:
    """One line for each published number of VPCs, that which counts here stronger; and where the nodes are now."""
    counting = next((most for most in sorted(profile.columns) if vpcs <= most), None)
    lines = []
    for most, column in sorted(profile.columns.items(), key=lambda item: item[0] == counting):
        points = [(_x(rules), _y(mpps)) for rules, mpps in sorted(column.items())]
        path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
        lines.append(element("path", d=path, class_=f"curve__line{' curve__line--counting' * (most == counting)}"))
        lines += [element("circle", cx=x, cy=y, r=2.5, class_="curve__point") for x, y in points]
    here = []
    if place.mpps is not None:
        x, y = _x(place.rules), _y(place.mpps)
        anchor = "end" if x > WIDTH * 0.7 else "start"
        here = [
            mark("disc", x, y, "indigo", size=6),
            text(x + (-10 if anchor == "end" else 10), y + 18, place.words, "curve__here", anchor=anchor),
        ]
    return picture(
        *(
            element("line", x1=float(LEFT), x2=float(WIDTH - RIGHT), y1=_y(at), y2=_y(at), class_="curve__grid")
            for at in (0, 4, 8, 12)
        ),
        *(text(LEFT - 8, _y(at) + 4, at, "curve__tick", anchor="end") for at in (0, 4, 8, 12)),
        *(text(_x(at), HEIGHT - BOTTOM + 18, f"{at:,}", "curve__tick", anchor="middle") for at in TICKS),
        text(WIDTH - RIGHT, HEIGHT - 4, "DNAT rules in total", "curve__tick", anchor="end"),
        text(LEFT, 10, "Mpps of each node", "curve__tick"),
        *lines,
        *here,
        width=WIDTH,
        height=HEIGHT,
        title=f"What a General SoftGate carries ({profile.label})",
        description=f"{place.rules:,} DNAT rules: {place.words}",
        class_="curve",
        is_interactive=False,
    )
