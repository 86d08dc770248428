"""The map as files: a picture that shows itself, and a graph for Graphviz and for what checks cables against one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.utils.html import escape
from django.utils.safestring import SafeString

from apps.fabric.layers import Topology

#: The colours, in the light theme, and the shapes of maps.
SHEETS = ("weft/css/tokens.css", "weft/css/maps.css")
SVG = re.compile(r"<svg\b.*</svg>", re.DOTALL)


@cache
def _styles() -> str:
    found = [finders.find(name) for name in SHEETS]
    return "\n".join(Path(str(path)).read_text() for path in found if path)


def picture_file(drawn: SafeString, told: str) -> str:
    """An SVG with its colours in it. `told` says what it shows and how old that is."""
    match = SVG.search(drawn)
    if match is None:
        return ""
    head, _, rest = match[0].partition(">")
    # A style sheet is text in SVG; nothing in ours closes the element.
    style = (
        f"<style>{escape(_styles()).replace('&gt;', '>').replace('&quot;', chr(34)).replace('&#x27;', chr(39))}</style>"
    )
    return f"{head}><metadata>{escape(told)}</metadata>{style}{rest}"


def graph_file(whole: Topology, told: str) -> Iterator[str]:
    """Each cable as `"Leaf-1":"swp31" -- "Spine-1":"swp1"`: the form in which a cabling plan is given to what checks
    it (NetQ, Cumulus' PTM). Lanes are ranks; a session with the internet is no cable, and left out."""
    names = {device.id: device.name for device in whole.devices}
    yield f"// {re.sub(r'[^ -~]', ' ', told)}\n"
    yield "graph fabric {\n"
    for device in whole.devices:
        yield f"    {_quoted(device.name)} [function={_quoted(device.role)}]\n"
    for link in whole.links:
        if link.a in names and link.b in names:
            ends = (_port(names[link.a], link.a_port), _port(names[link.b], link.b_port))
            yield f"    {ends[0]} -- {ends[1]}\n"
    yield "}\n"


def _port(device: str, port: str) -> str:
    return f"{_quoted(device)}:{_quoted(port)}" if port else _quoted(device)


def _quoted(words: str) -> str:
    """As Graphviz reads it: in quotes, with none inside, and no end of line."""
    text = words.replace("\\", "/").replace('"', "'")
    return f'"{re.sub(chr(92) + "s+", " ", text)}"'
