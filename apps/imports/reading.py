"""From a sheet to its rows: each read, checked by its kind, and compared with the others for being about the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from apps.imports.kinds import Cells, Checked, Kind
from apps.kernel.errors import Invalid, Refused
from apps.kernel.limits import DOCUMENTS
from apps.kernel.names import fault_in, tidy
from apps.kernel.sheets import cells_of, columns_of, header_faults, lines_of
from apps.tenancy.actors import Platform

MOST_ROWS = 2_000
MOST_CHARACTERS = DOCUMENTS["sheet"]
#: Of one cell.
LONGEST = 500


@dataclass(frozen=True)
class Line:
    """`number` is its place in the sheet, from 1, the header's."""

    number: int
    cells: Cells
    checked: Checked = field(default_factory=Checked)

    @property
    def is_sound(self) -> bool:
        return not self.checked.faults

    @property
    def says_more(self) -> bool:
        """Than that all is as it is."""
        return bool(self.checked.order) or not self.is_sound


def read(kind: Kind, text: str, by: Platform) -> list[Line]:
    """The rows of a sheet with what is to be said of each. Raises `Refused` for what is no sheet of this kind: of that
    nothing is read."""
    lines = _lines(kind, text)
    checked = iter(kind.check([line.cells for line in lines if line.is_sound], by))
    lines = [replace(line, checked=next(checked)) if line.is_sound else line for line in lines]
    return list(_once(lines))


def _lines(kind: Kind, text: str) -> list[Line]:
    if len(text) > MOST_CHARACTERS:
        message = f"A sheet has at most {MOST_CHARACTERS:,} characters. Bring it in parts."
        raise Refused("sheet-too-large", message, "sheet")
    rows = lines_of(text)
    number, header = next(rows, (1, []))
    columns = columns_of(header)
    known = [*kind.columns, *kind.ignored]
    if problems := header_faults(columns, number, known=known, required=kind.required):
        raise Invalid(problems)
    lines: list[Line] = []
    for number, cells in rows:
        if len(lines) == MOST_ROWS:
            raise Refused("too-many-rows", f"A sheet has at most {MOST_ROWS:,} rows. Bring it in parts.", "sheet")
        lines.append(_line(kind, columns, cells, number))
    if not lines:
        raise Refused("sheet-empty", "There is no row below the first line, which names the columns.", "sheet")
    return lines


def _line(kind: Kind, columns: Sequence[str], row: Sequence[str], number: int) -> Line:
    try:
        found = cells_of(columns, row, number, hint="a cell with a comma in it")
    except Refused as refusal:
        return Line(number, {}, Checked(faults=[Refused(refusal.code, refusal.message)]))
    cells = {name: cell for name, cell in found.items() if name in kind.columns}
    return Line(number, cells, Checked(faults=list(_faults(kind, cells))))


def _faults(kind: Kind, cells: Cells) -> Iterator[Refused]:
    for name in kind.required:
        if name not in cells:
            yield Refused("cell-missing", f"Fill this in. {kind.columns[name]}", name)
    for name, cell in cells.items():
        if len(cell) > LONGEST:
            yield Refused("cell-too-long", f"A cell has at most {LONGEST} characters.", name)
        elif not cell.isprintable() and (fault := fault_in(tidy(cell))):
            yield Refused("cell-unprintable", f"The cell {fault}", name)


def _once(lines: Iterable[Line]) -> Iterator[Line]:
    """Of several rows about the same thing the first may go; which of them is meant is not for Weft to guess. Those
    that leave it as it is agree: a list tells of a thing once for each zone that has its networks from one Netris."""
    first: dict[str, Line] = {}
    for line in lines:
        about = line.checked.about
        if about and (other := first.setdefault(about, line)) is not line and (other.says_more or line.says_more):
            fault = Refused("row-twice", f"Line {other.number} is about the same. Delete one of them.")
            line = replace(line, checked=replace(line.checked, faults=[*line.checked.faults, fault]))
        yield line
