"""What the plugin says to Netris, operation by operation, with numbers and random values as labels.

`plugin.txt` holds what a real one said. Each operation has a heading and its calls in order, reads on one line as long
as nothing is written between them:

    # createVPC
    POST /api/v2/vpc {"adminTenant":{"id":"tenant1","name":"Admin"},"name":"{V1}-vpc one"}
    GET /api/v2/vpc | GET /api/v2/nat
    POST /api/v2/nat !400 {...}

Labels count from 1 in each operation, in the order in which things appear, so two that are the same thing there are the
same label here. A call that was refused says with which status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

FILE = Path(__file__).with_name("plugin.txt")

# In names: the prefix of a VPC's things, and the numbers of tiers, rules and machines.
_NAMES = re.compile(
    r"D\d+-A\d+-Z\d+-V(?P<vpc>\d+)|(?<=CIDR )V(?P<short>\d+)|(?<=-)(?P<word>N|ACL|LB|VM|DNAT-R)(?P<no>\d+)"
)
_HOST = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?=/32)|^(?:\d{1,3}\.){3}\d{1,3}$")
_PATH_ID = re.compile(r"(?<=/)\d+(?=/|$)")
_FILTER = re.compile(r"(filterByVpc(?:\[\])?=)(\d+)")
_HIDDEN = frozenset({"user", "password"})
_LITERAL = frozenset({"next_hop"})
_KINDS = {"adminTenant": "tenant", "sites": "site"}


@dataclass(frozen=True)
class Call:
    method: str
    path: str  # with its query
    body: Any = None
    status: int = 200


class _Labels:
    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def of(self, kind: str, value: object) -> str:
        key = (kind, str(value))
        number = 1 + sum(known == kind for known, _ in self._known)
        return self._known.setdefault(key, f"{kind}{number}")

    def path(self, path: str) -> str:
        head, _, query = unquote(path).partition("?")
        kind = [part for part in head.split("/") if part and not part.isdigit() and part != "resources"][-1]
        head = _PATH_ID.sub(lambda found: self.of(kind, found[0]), head)
        query = _FILTER.sub(lambda found: found[1] + self.of("vpc", found[2]), query)
        return f"{head}?{query}" if query else head

    def body(self, value: Any, kind: str, name: str = "") -> Any:
        """`kind` is what an `id` in here is one of, `name` the field that this is the value of."""
        if isinstance(value, dict):
            return {key: self.body(value[key], _kind(kind, key), key) for key in sorted(value)}
        if isinstance(value, list):
            return [self.body(each, kind, name) for each in value]
        if name in _HIDDEN:
            return "*"
        if name == "id":
            return self.of(kind, value)
        if name == "vxlanID":
            return self.of("vni", value)
        return self.text(value) if isinstance(value, str) and name not in _LITERAL else value

    def text(self, text: str) -> str:
        text = _HOST.sub(lambda found: self.of("ip", found[0]), text)
        return _NAMES.sub(self._name, text)

    def _name(self, found: re.Match[str]) -> str:
        if number := found["vpc"] or found["short"]:
            return "{" + self.of("V", number) + "}"
        return "{" + self.of(found["word"], found["no"]) + "}"


def _kind(around: str, key: str) -> str:
    """What the objects under a key are: `id` and plain values belong to the object around them."""
    return _KINDS.get(key, key) if key in ("vpc", "site", "sites", "tenant", "adminTenant") else around


def lines(calls: Iterable[Call]) -> list[str]:
    """Calls as the file spells them."""
    labels, found = _Labels(), list[str]()
    is_reading = False
    for call in calls:
        path = labels.path(call.path)
        text = f"{call.method} {path}" + ("" if call.status == 200 else f" !{call.status}")
        if call.body is not None:
            kind = path.partition("?")[0].split("/")[-1].rstrip("0123456789")
            text += " " + json.dumps(labels.body(call.body, kind), separators=(",", ":"))
        if call.method == "GET" and is_reading:
            found[-1] += f" | {text}"
        else:
            found.append(text)
        is_reading = call.method == "GET"
    return found


def recorded() -> dict[str, list[str]]:
    """What the file holds, by operation."""
    return dict(_operations(FILE.read_text().splitlines()))


def _operations(text: list[str]) -> Iterator[tuple[str, list[str]]]:
    starts = [number for number, line in enumerate(text) if line.startswith("# ")]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start][2:], [line for line in text[start + 1 : end] if line]
