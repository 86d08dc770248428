"""Lists as CSV, in and out: one rule a line, in written order.

    action,direction,protocol,ports,cidrs,note,expires_at
    allow,ingress,tcp,"80,443",0.0.0.0/0,Web,
    allow,ingress,tcp,22,203.0.113.7/32 198.51.100.0/24,,2027-01-31T18:00:00+01:00

The first line names the columns, in any order; `ports`, `note` and `expires_at` may be missing. CIDRs are parted by
blanks. Commas, semicolons or tabs between the cells, with or without a byte order mark: as spreadsheets write them.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it, which is taken off again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from apps.acls.rules import FIELDS, MOST_RULES, Rule, clashes
from apps.kernel.errors import Invalid, Refused
from apps.kernel.limits import DOCUMENTS
from apps.kernel.sheets import Faulty, cells_of, columns_of, header_faults, lines_of, written

#: Of a whole sheet; 500 rules with notes and a few CIDRs each are a quarter of it.
MOST_CHARACTERS = DOCUMENTS["sheet"]
REQUIRED = ("action", "direction", "protocol", "cidrs")


def sheet_of(rules: Sequence[Rule]) -> str:
    """The list as CSV with a header, lines ended as RFC 4180 has it. `parse_sheet` reads the same rules in it."""
    cells = ({**rule.as_json(), "cidrs": " ".join(str(cidr) for cidr in rule.cidrs)} for rule in rules)
    return written(FIELDS, ([row[name] or "" for name in FIELDS] for row in cells))


def parse_sheet(text: str) -> tuple[Rule, ...]:
    """The rules of a sheet. Raises `Invalid` with a `Faulty` for each fault: nothing is read of a faulty sheet."""
    if len(text) > MOST_CHARACTERS:
        message = f"A sheet has at most {MOST_CHARACTERS:,} characters. A list has at most {MOST_RULES} rules."
        raise Refused("sheet-too-large", message)
    lines = lines_of(text)
    line, header = next(lines, (1, []))
    columns = columns_of(header)
    if problems := header_faults(columns, line, known=FIELDS, required=REQUIRED):
        raise Invalid(problems)
    rules: list[Rule] = []
    places: list[int] = []
    for line, cells in lines:
        if len(places) == MOST_RULES:
            raise Invalid([Faulty("too-many-rules", f"A list has at most {MOST_RULES} rules.", line)])
        places.append(line)
        try:
            rules.append(_rule(columns, cells, line))
        except Refused as refusal:
            problems.extend(refusal.all)
    if not places and not problems:
        problems.append(Faulty("sheet-empty", "There is no rule below the header.", line))
    if not problems:
        problems.extend(_at_line(each, places) for each in clashes(rules))
    if problems:
        raise Invalid(problems)
    return tuple(rules)


def _rule(columns: Sequence[str], cells: Sequence[str], line: int) -> Rule:
    values: dict[str, object] = {**cells_of(columns, cells, line, hint="ports such as 80,443")}
    values["cidrs"] = re.split(r"[\s,;]+", str(values["cidrs"])) if "cidrs" in values else []
    try:
        return Rule.parse(values)
    except Refused as refusal:
        raise Invalid(
            [Faulty(each.code, each.message, line, (each.field or "").partition(".")[0]) for each in refusal.all]
        ) from None


def _at_line(refusal: Refused, places: Sequence[int]) -> Refused:
    """A fault of the whole list, whose field is "rules" or "rules.3.cidrs.0"."""
    _, *path = (refusal.field or "").split(".")
    return Faulty(refusal.code, refusal.message, places[int(path[0])], path[1]) if path else refusal
