"""The one table of commands: what each is called, who may run it, what it takes. Read from commands.txt at import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_PARAMETER = re.compile(r"(?P<name>\w+)(?P<required>!?)(?P<type>(?:@@?|:)\w+)?(?P<new>\+?)(?P<root>\^?)", re.ASCII)

_GROUPS = {
    "PAGE": "keyword page:int pagesize:int",
    "SCOPE": "account domainid@domain isrecursive:bool listall:bool",
    "OWNER": "account domainid@domain",
    "PROJECT": "projectid@project",
}


@dataclass(frozen=True)
class Parameter:
    """`type` is str, int, long, bool, date, list, map, uuid or uuids; `kind` says what a uuid names.

    Where a parameter is as old as its command, a uuid may be an internal number instead (1.4).
    """

    name: str
    type: str = "str"
    kind: str = ""
    max_length: int = 255
    is_required: bool = False
    is_for_root: bool = False
    is_newer: bool = False

    @classmethod
    def parse(cls, text: str) -> Parameter:
        match = _PARAMETER.fullmatch(text)
        if match is None:
            raise ValueError(f"commands.txt: {text!r} is no parameter")
        type_, kind, length = "str", "", 255
        given = match["type"] or ""
        if given.startswith("@"):
            type_, kind = ("uuids" if given.startswith("@@") else "uuid"), given.lstrip("@")
        elif given[1:].isdigit():
            length = int(given[1:])
        elif given:
            type_ = given[1:]
        return cls(match["name"], type_, kind, length, bool(match["required"]), bool(match["root"]), bool(match["new"]))


@dataclass(frozen=True)
class Command:
    name: str
    kind: str
    roles: frozenset[str]
    key: str
    package: str
    options: dict[str, str]
    parameters: dict[str, Parameter] = field(default_factory=dict)

    @property
    def envelope(self) -> str:
        return self.options.get("envelope", f"{self.name.lower()}response")

    @property
    def is_async(self) -> bool:
        return self.kind.startswith("async")

    @property
    def is_list(self) -> bool:
        return self.kind == "list"

    @property
    def event(self) -> str:
        return self.options.get("event", "")

    @property
    def queue(self) -> list[str]:
        return [name for name in self.options.get("queue", "").split(",") if name]

    @property
    def words(self) -> str:
        """`createVPC` as a person would say it: create VPC."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name)

    def java_class(self, *, by_root: bool) -> str:
        name = self.options.get("class", f"{self.name[0].upper()}{self.name[1:]}Cmd")
        package = self.package
        if by_root and "byadmin" in self.options:
            package, name = package.replace("user.", "admin.", 1), f"{name}ByAdmin"
        return f"org.apache.cloudstack.api.command.{package}.{name}"


def _parameters(words: list[str]) -> dict[str, Parameter]:
    spelled = " ".join(_GROUPS.get(word, word) for word in words).split()
    return {parameter.name: parameter for parameter in map(Parameter.parse, spelled)}


def _read(text: str) -> Iterator[Command]:
    package, head = "", list[str]()
    words: list[str] = []

    def command() -> Command:
        name, kind, roles, key, *rest = head
        options = {name: value for name, _, value in (option.partition("=") for option in rest)}
        return Command(name, kind, frozenset(roles.strip("-")), key.strip("-"), package, options, _parameters(words))

    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith(" "):
            words += line.split()
            continue
        if head:
            yield command()
        head, words = [], []
        if line.startswith("["):
            package = line.strip("[]")
        else:
            head = line.split()
    if head:
        yield command()


CATALOGUE = {command.name: command for command in _read(Path(__file__).with_name("commands.txt").read_text())}
