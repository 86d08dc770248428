"""Lists as CSV, in and out: one rule a line, in written order.

    action,direction,protocol,ports,cidrs,note,expires_at
    allow,ingress,tcp,"80,443",0.0.0.0/0,Web,
    allow,ingress,tcp,22,203.0.113.7/32 198.51.100.0/24,,2027-01-31T18:00:00+01:00

The first line names the columns, in any order; `ports`, `note` and `expires_at` may be missing. CIDRs are parted by
blanks. Commas, semicolons or tabs between the cells, with or without a byte order mark: as spreadsheets write them.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it, which is taken off again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from apps.acls.rules import FIELDS, MOST_RULES, Rule, clashes
from apps.kernel.errors import Invalid, Refused
from apps.kernel.sheets import armed, written

#: Of a whole sheet; 500 rules with notes and a few CIDRs each are a quarter of it.
MOST_CHARACTERS = 256 * 1024
REQUIRED = ("action", "direction", "protocol", "cidrs")
SEPARATORS = ",;\t"


class Faulty(Refused):
    """A cell, by the line it stands in (from 1, the header's) and the name of its column ("" for the whole line)."""

    def __init__(self, code: str, message: str, line: int, column: str = "") -> None:
        where = f"Line {line}, {column}" if column else f"Line {line}"
        super().__init__(code, f"{where}: {message}", f"lines.{line}{'.' if column else ''}{column}")
        self.line = line
        self.column = column


def sheet_of(rules: Sequence[Rule]) -> str:
    """The list as CSV with a header, lines ended as RFC 4180 has it. `parse_sheet` reads the same rules in it."""
    cells = ({**rule.as_json(), "cidrs": " ".join(str(cidr) for cidr in rule.cidrs)} for rule in rules)
    return written(FIELDS, ([row[name] or "" for name in FIELDS] for row in cells))


def parse_sheet(text: str) -> tuple[Rule, ...]:
    """The rules of a sheet. Raises `Invalid` with a `Faulty` for each fault: nothing is read of a faulty sheet."""
    if len(text) > MOST_CHARACTERS:
        message = f"A sheet has at most {MOST_CHARACTERS // 1024} KiB. A list has at most {MOST_RULES} rules."
        raise Refused("sheet-too-large", message)
    lines = _lines(text.removeprefix("\ufeff"))
    line, header = next(lines, (1, []))
    columns = [name.strip().lower() for name in header]
    if problems := _header_problems(columns, line):
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


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not blank, each with the number of its first one in the text."""
    first = text.partition("\n")[0]
    separator = next((each for each in SEPARATORS if each in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        message = "This is no CSV: a quote is not closed, or stands inside a cell without being doubled."
        raise Invalid([Faulty("sheet-malformed", message, line)]) from None


def _header_problems(columns: Sequence[str], line: int) -> list[Refused]:
    if missing := [name for name in REQUIRED if name not in columns]:
        message = f"The first line names the columns: {','.join(FIELDS)}. There is no {missing[0]}."
        return [Faulty("column-missing", message, line)]
    problems: list[Refused] = []
    for place, name in enumerate(columns):
        if name not in FIELDS:
            shown = name[:63]
            message = f"There is no such column. Take {', '.join(FIELDS)}."
            problems.append(Faulty("column-unknown", message, line, shown or f"column {place + 1}"))
        elif name in columns[:place]:
            problems.append(Faulty("column-twice", "This column is there twice. Delete one.", line, name))
    return problems


def _rule(columns: Sequence[str], cells: Sequence[str], line: int) -> Rule:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        message = f"There are {len(cells)} cells for {len(columns)} columns. Put quotes around ports such as 80,443."
        raise Faulty("too-many-cells", message, line)
    values: dict[str, object] = {
        name: armed(cell.strip()) for name, cell in zip(columns, cells, strict=False) if cell.strip()
    }
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
