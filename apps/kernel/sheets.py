"""Sheets of comma-separated values, as spreadsheets read and write them.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it, which is taken off again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

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
