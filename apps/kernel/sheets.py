"""Sheets of comma-separated values, as spreadsheets read and write them.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it, which is taken off again. What
comes in may have commas, semicolons or tabs between its cells, and a byte order mark. The first line names the columns,
in any order.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from apps.kernel.errors import Invalid, Refused

#: What begins a formula in one spreadsheet or another: also behind a semicolon, at which some part the cells of any
#: sheet, quoted or not. Apostrophes before it count, so that taking one off is safe.
_FORMULA = r"(?=[ \"']*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_ARMED = re.compile(rf"(^|;){_FORMULA}")
_DISARMED = re.compile(rf"(^|;)'{_FORMULA}")


def written(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lines ended as RFC 4180 has it. None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    for row in rows:
        writer.writerow(["" if cell is None else disarmed(str(cell)) for cell in row])
    return out.getvalue()


def disarmed(cell: str) -> str:
    return _ARMED.sub(r"\1'", cell)


def armed(cell: str) -> str:
    """What was meant by a cell that `disarmed` has written."""
    return _DISARMED.sub(r"\1", cell)


# --- what comes in ----------------------------------------------------------------------------------------------------

SEPARATORS = ",;\t"
#: What is no text of one line: control characters, and what stands where bytes were no UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


class Faulty(Refused):
    """A cell, by the line it stands in (from 1, the header's) and the name of its column ("" for the whole line)."""

    def __init__(self, code: str, message: str, line: int, column: str = "") -> None:
        where = f"Line {line}, {column}" if column else f"Line {line}"
        super().__init__(code, f"{where}: {message}", f"lines.{line}{'.' if column else ''}{column}")
        self.line = line
        self.column = column


def lines_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not blank, each with the number of its first one in the text. Raises `Invalid`."""
    text = text.removeprefix("\ufeff")
    if found := _UNPRINTABLE.search(text):
        message = "There is a character that is no text. Save the sheet as CSV in UTF-8."
        raise Invalid([Faulty("sheet-unprintable", message, text.count("\n", 0, found.start()) + 1)])
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


def columns_of(header: Sequence[str]) -> list[str]:
    return [armed(name.strip()).lower() for name in header]


def header_faults(columns: Sequence[str], line: int, *, known: Sequence[str], required: Sequence[str]) -> list[Refused]:
    if missing := [name for name in required if name not in columns]:
        message = f"The first line names the columns: {','.join(known)}. There is no {missing[0]}."
        return [Faulty("column-missing", message, line)]
    problems: list[Refused] = []
    for place, name in enumerate(columns):
        if name not in known:
            shown = name[:63]
            message = f"There is no such column. Take {', '.join(known)}."
            problems.append(Faulty("column-unknown", message, line, shown or f"column {place + 1}"))
        elif name in columns[:place]:
            problems.append(Faulty("column-twice", "This column is there twice. Delete one.", line, name))
    return problems


def cells_of(columns: Sequence[str], cells: Sequence[str], line: int, *, hint: str) -> Mapping[str, str]:
    """The cells that are not empty, by their columns. Raises `Faulty` for one that has no column."""
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        message = f"There are {len(cells)} cells for {len(columns)} columns. Put quotes around {hint}."
        raise Faulty("too-many-cells", message, line)
    return {name: armed(cell.strip()) for name, cell in zip(columns, cells, strict=False) if cell.strip()}
