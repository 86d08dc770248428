"""What somebody asks for, parsed and checked without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.acls.rules import Rule, parse_rules
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import NAME


@dataclass(frozen=True)
class AclSpec:
    """A list to be. `vpc` is the id of its VPC."""

    vpc: str
    name: str
    rules: tuple[Rule, ...] = ()
    denies_rest: bool = True

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> AclSpec:
        """Raises `Invalid` with everything that is wrong."""
        problems: list[Refused] = []
        name = collect(problems, NAME.parse, values.get("name"), "name")
        rules: tuple[Rule, ...] = ()
        try:
            rules = parse_rules(values.get("rules") or ())
        except Refused as refusal:
            problems.extend(refusal.all)
        if problems or name is None:
            raise Invalid(problems)
        return cls(str(values.get("vpc") or ""), name, rules, bool(values.get("denies_rest", True)))
