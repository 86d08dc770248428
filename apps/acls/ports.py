"""Ports as people write them: "80,443,8000-8010".

They are kept as ranges in order, apart and not touching, so that one set of ports has one text. `()` stands for every
port, which is how a rule without ports is kept and how "1-65535" is read: on Netris the two are the same rule
(netris-api.md 4.3). Port 0 exists nowhere: Netris takes 1 to 65535.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.kernel.errors import Refused

#: The first and the last port of a range.
Range = tuple[int, int]

FIRST, LAST = 1, 65535
#: Each range becomes a rule of its own on every tier.
MOST_RANGES = 50
#: The longest way to write so many.
MOST_CHARACTERS = MOST_RANGES * len("65535 - 65535, ")


def parse_ports(value: object, field: str) -> tuple[Range, ...]:
    """Ranges in order, with a gap between any two; `()` for every port. Raises `Refused`."""
    text = "" if value is None else value
    if not isinstance(text, str):
        raise Refused("ports-malformed", "Write ports as text, such as 80,443,8000-8010.", field)
    if len(text) > MOST_CHARACTERS:
        raise Refused("ports-too-long", f"Ports take at most {MOST_CHARACTERS} characters. Write fewer ranges.", field)
    if not text.strip():
        return ()
    ranges = merged(_range(part.strip(), field) for part in text.split(","))
    if len(ranges) > MOST_RANGES:
        message = f"A rule has at most {MOST_RANGES} port ranges; these are {len(ranges)}. Make it two rules."
        raise Refused("too-many-ports", message, field)
    return () if ranges == ((FIRST, LAST),) else ranges


def ports_text(ranges: Iterable[Range]) -> str:
    """The one way to write them: "80,443,8000-8010". Empty for every port."""
    return ",".join(range_text(each) for each in ranges)


def range_text(ports: Range) -> str:
    first, last = ports
    return str(first) if first == last else f"{first}-{last}"


def merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same numbers in order, each once, neighbours made one range."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)


def _range(text: str, field: str) -> Range:
    if not text:
        raise Refused("ports-malformed", "There is a comma without a port. Write ports such as 80,443.", field)
    first, dash, last = (part.strip() for part in text.partition("-"))
    start, end = _port(first, text, field), _port(last if dash else first, text, field)
    if start > end:
        raise Refused("ports-reversed", f"{text} ends before it begins. Did you mean {end}-{start}?", field)
    return start, end


def _port(text: str, whole: str, field: str) -> int:
    if not text.isascii() or not text.isdecimal():
        shown = whole[:50]
        message = f"“{shown}” is no port and no range of ports. Write 443, or 8000-8010."
        raise Refused("ports-malformed", message, field)
    # Leading zeros would have "080" and "80" be one port with two names.
    if len(text) > 5 or not FIRST <= int(text) <= LAST or text[0] == "0":
        raise Refused("port-out-of-range", f"{text[:20]} is no port: ports are {FIRST} to {LAST}.", field)
    return int(text)
