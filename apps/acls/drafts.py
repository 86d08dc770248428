"""A list of rules while somebody writes it: what stands in the form, right or wrong, and what its buttons do to it.

Fields are called as refusals name them, `rules.3.ports`, so a refusal finds its input by its field.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from apps.acls.rules import FIELDS, MOST_RULES, Rule, parse_rules
from apps.kernel.errors import Invalid, Refused

EDITS = ("above", "below", "up", "down", "remove", "add")
_FIELD = re.compile(r"rules\.([0-9]{1,4})\.([a-z_]+)", re.ASCII)
#: A row that somebody has just asked for.
EMPTY = {"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": "", "cidrs": "", "note": ""}

Row = Mapping[str, str]


@dataclass(frozen=True)
class RulesDraft:
    rows: tuple[Row, ...] = ()
    denies_rest: bool = True
    #: What is wrong, by the names of the fields; "" for what is wrong with the whole.
    faults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_rules(cls, rules: Sequence[Rule], *, denies_rest: bool) -> RulesDraft:
        rows = [{**rule.as_json(), "cidrs": " ".join(map(str, rule.cidrs))} for rule in rules]
        return cls(tuple({name: value or "" for name, value in row.items()} for row in rows), denies_rest)

    @classmethod
    def of_form(cls, said: Mapping[str, Any]) -> RulesDraft:
        """Rows in the order of their numbers, whichever those are."""
        rows: dict[int, dict[str, str]] = {}
        for key in said:
            if (found := _FIELD.fullmatch(key)) and found[2] in FIELDS:
                rows.setdefault(int(found[1]), {})[found[2]] = str(said[key])
        ordered = [{**EMPTY, "expires_at": "", **rows[number]} for number in sorted(rows)]
        return cls(tuple(ordered[: MOST_RULES + 1]), "denies_rest" in said)

    def rules(self) -> tuple[Rule, ...]:
        """Raises `Refused` with everything that is wrong."""
        return parse_rules([{**row, "cidrs": re.split(r"[\s,;]+", row["cidrs"].strip())} for row in self.rows])

    @property
    def digest(self) -> str:
        """Says of two drafts whether they ask for the same."""
        said = json.dumps([[dict(row) for row in self.rows], self.denies_rest], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def with_faults(self, refusal: Refused) -> RulesDraft:
        faults: dict[str, str] = {}
        for each in refusal.all if isinstance(refusal, Invalid) else (refusal,):
            name = each.field or ""
            known = _FIELD.match(name)
            key = known[0] if known else ""
            faults[key] = f"{faults[key]} {each.message}" if key in faults else each.message
        return replace(self, faults=faults)

    def edited(self, edit: str, value: str) -> RulesDraft:
        """The draft after a press of one of its buttons. One that asks for what cannot be changes nothing."""
        rows = list(self.rows)
        place = int(value) if value.isascii() and value.isdecimal() and len(value) < 5 else len(rows)
        fresh = {**EMPTY, "expires_at": ""}
        if edit == "add" and len(rows) < MOST_RULES:
            rows.append(fresh)
        if place < len(rows):
            match edit:
                case "above" | "below" if len(rows) < MOST_RULES:
                    rows.insert(place + (edit == "below"), fresh)
                case "up" if place:
                    rows[place - 1 : place + 1] = rows[place], rows[place - 1]
                case "down" if place + 1 < len(rows):
                    rows[place : place + 2] = rows[place + 1], rows[place]
                case "remove":
                    del rows[place]
        return replace(self, rows=tuple(rows), faults={})

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What the rows of the form show."""
        return [
            {
                "place": place,
                "number": place + 1,
                "is_first": place == 0,
                "is_last": place + 1 == len(self.rows),
                "cells": [
                    {
                        "name": name,
                        "key": f"rules.{place}.{name}",
                        "value": row[name],
                        "title": LABELS[name],
                        "label": f"{LABELS[name]} of rule {place + 1}",
                        "options": OPTIONS.get(name),
                        "fault": self.faults.get(f"rules.{place}.{name}"),
                    }
                    for name in FIELDS
                ],
            }
            for place, row in enumerate(self.rows)
        ]


LABELS = {
    "action": "Action",
    "direction": "Direction",
    "protocol": "Protocol",
    "ports": "Ports",
    "cidrs": "CIDRs",
    "note": "Note",
    "expires_at": "Ends at",
}
OPTIONS = {
    "action": ("allow", "deny"),
    "direction": ("ingress", "egress"),
    "protocol": ("tcp", "udp", "icmp", "all"),
}
