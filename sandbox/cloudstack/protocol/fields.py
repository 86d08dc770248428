"""What the objects of answers consist of, as `listApis` describes them. Read from fields.txt at import.

Objects that the fact sheet does not describe have no fields here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.cloudstack.protocol.catalogue import Command

_FIELD = re.compile(r"(?P<name>\w+)(?::(?P<type>\w+))?(?::(?P<object>\w+))?(?P<root>\^?)", re.ASCII)

# What a key holds, where it is not called what the object is called.
_OBJECT_OF_KEY = {
    "ipaddress": "publicipaddress",
    "vlan": "vlaniprange",
    "loadbalancer": "loadbalancerrule",
    "loadbalancerruleinstance": "virtualmachine",
}
_INTERNAL = {"createLoadBalancer", "listLoadBalancers"}  # their `loadbalancer` is what it is called


@dataclass(frozen=True)
class Field:
    """`object` is what a list or a set holds, if that is described."""

    name: str
    type: str = "string"
    object: str = ""
    is_for_root: bool = False

    @classmethod
    def parse(cls, text: str) -> Field:
        match = _FIELD.fullmatch(text)
        if match is None:
            raise ValueError(f"fields.txt: {text!r} is no field")
        return cls(match["name"], match["type"] or "string", match["object"] or "", bool(match["root"]))


def _read(text: str) -> Iterator[tuple[str, list[Field]]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    heads = [number for number, line in enumerate(lines) if not line.startswith(" ")]
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        yield lines[start], [Field.parse(word) for line in lines[start + 1 : end] for word in line.split()]


OBJECTS = dict(_read(Path(__file__).with_name("fields.txt").read_text()))
_OF_SUCCESS = (Field("success", "boolean"), Field("displaytext"))
_OF_JOB = (Field("jobid"), Field("jobstatus", "integer"))


def describe(command: Command, *, is_root: bool) -> list[dict[str, Any]]:
    """The fields of what a command answers, or of each of what it lists."""
    if command.key == "success":
        found = [*_OF_SUCCESS]
    else:
        name = command.key if command.name in _INTERNAL else _OBJECT_OF_KEY.get(command.key, command.key)
        found = [*OBJECTS.get(name, ())]
    return _described([*found, *_OF_JOB] if found else [], is_root=is_root)


def _described(fields: list[Field], *, is_root: bool) -> list[dict[str, Any]]:
    described = []
    for field in fields:
        if field.is_for_root and not is_root:
            continue
        shown: dict[str, Any] = {"name": field.name, "description": field.name, "type": field.type}
        if field.object:
            shown["response"] = _described(OBJECTS[field.object], is_root=is_root)
        described.append(shown)
    return described
