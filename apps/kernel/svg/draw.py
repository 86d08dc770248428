"""The pencil: escaped SVG elements, numbers short enough to read, and an honest guess at how wide a text will be."""

from __future__ import annotations

import zlib
from html import escape
from itertools import accumulate, takewhile

from django.utils.safestring import SafeString

from apps.kernel.svg.status import Look, look_of

#: Advance of a glyph in em. The portal draws with whatever sans font the reader's machine has: these are the widths
#: that Helvetica, Arial, Liberation Sans and Segoe UI roughly share. What is not listed is taken for a digit.
NARROW = dict.fromkeys("ijl|'.,:;!()[]{} ftrI/-", 0.31)
WIDE = dict.fromkeys("mwMW@%", 0.86) | dict.fromkeys("ABCDEFGHKNOPQRSTUVXYZ&", 0.69)
GLYPHS = NARROW | WIDE
DIGIT = 0.56
MONO = 0.605


def number(value: float) -> str:
    """At most one decimal and no trailing zero."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0", 1)
        if abs(value) < 0.05
        else f"{value:.1f}".removesuffix(".0")
    )


def element(name: str, *children: str, **attributes: object) -> SafeString:
    """`element("rect", x=1, class_="node")`. Strings among the children are escaped, SafeStrings are not; an attribute
    that is None is left out; `font_size` is written font-size."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{number(value) if isinstance(value, float) else escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = join(*children)
    # Safe: every attribute and every child that was not safe has just been escaped.
    return SafeString(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")


def join(*children: str) -> SafeString:
    # Safe: what was not safe already has just been escaped.
    return SafeString("".join(child if isinstance(child, SafeString) else escape(child) for child in children))


def text(x: float, y: float, words: object, class_: str, *, anchor: str | None = None) -> SafeString:
    return element("text", str(words), x=float(x), y=float(y), class_=class_, text_anchor=anchor)


def width_of(words: str, size: float, *, mono: bool = False) -> float:
    """About how wide the words will be, a little on the generous side."""
    if mono:
        return len(words) * size * MONO
    return sum(GLYPHS.get(letter, DIGIT) for letter in words) * size * 1.02


def fit(words: str, width: float, size: float, *, mono: bool = False) -> str:
    """The words, or as much of their beginning as fits with an ellipsis behind it."""
    if width_of(words, size, mono=mono) <= width:
        return words
    room = width - width_of("…", size, mono=mono)
    ends = accumulate(width_of(letter, size, mono=mono) for letter in words)
    kept = sum(1 for _ in takewhile(lambda end: end <= room, ends))
    return f"{words[: max(kept, 1)].rstrip()}…"


def mark(shape: str, x: float, y: float, tone: str, *, size: float = 5) -> SafeString:
    """The small shape that says a status without colour. `x`, `y` is its middle."""
    common = {"class_": f"mark tone-{tone}"}
    match shape:
        case "disc":
            return element("circle", cx=float(x), cy=float(y), r=float(size), **common)
        case "triangle":
            points = f"{number(x)},{number(y - size)} {number(x + size * 1.1)},{number(y + size * 0.85)}"
            points += f" {number(x - size * 1.1)},{number(y + size * 0.85)}"
            return element("polygon", points=points, **common)
        case "square":
            side = float(size * 1.8)
            return element("rect", x=x - side / 2, y=y - side / 2, width=side, height=side, rx=1, **common)
        case "cross":
            arm = size * 0.8
            path = f"M{number(x - arm)} {number(y - arm)}L{number(x + arm)} {number(y + arm)}"
            path += f"M{number(x + arm)} {number(y - arm)}L{number(x - arm)} {number(y + arm)}"
            return element("path", d=path, class_=f"mark mark--open tone-{tone}")
        case "dot-ring":
            ring = element("circle", cx=float(x), cy=float(y), r=size - 0.5, class_=f"mark mark--open tone-{tone}")
            return join(ring, element("circle", cx=float(x), cy=float(y), r=size * 0.4, **common))
    return element("circle", cx=float(x), cy=float(y), r=size - 0.5, class_=f"mark mark--open tone-{tone}")


def status_words(look: Look, x: float, y: float, class_: str, *, anchor: str | None = None) -> SafeString:
    """The words of a status beside its mark. What says that all is well says "Stale" on an open page, once what it is
    known from is too old: maps.css shows one of the two."""
    if look.tone != "sage":
        return text(x, y, look.words, f"{class_} tone-{look.tone}", anchor=anchor)
    return join(
        text(x, y, look.words, f"{class_} tone-{look.tone} when-fresh", anchor=anchor),
        text(x, y, look_of("stale").words, f"{class_} when-stale", anchor=anchor),
    )


def picture(
    *children: str,
    width: float,
    height: float,
    title: str,
    description: str,
    class_: str,
    is_interactive: bool,
    has_size: bool = False,
) -> SafeString:
    """The <svg> around a drawing. A picture is one image to a screen reader; with links in it, a group of them."""
    key = f"{zlib.crc32(f'{class_} {title} {description}'.encode()):08x}"
    return element(
        "svg",
        element("title", title, id=f"t{key}"),
        element("desc", description, id=f"d{key}"),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=number(width) if has_size else None,
        height=number(height) if has_size else None,
        class_=class_,
        role="group" if is_interactive else "img",
        aria_labelledby=f"t{key}",
        aria_describedby=f"d{key}",
    )
