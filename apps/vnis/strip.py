"""A range of numbers drawn as a strip of cells, each of which can be opened.

A cell of many numbers is filled as high as they are taken; a cell of one is a square of a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from apps.kernel.svg.bar import thousands
from apps.kernel.svg.draw import element, join, picture

#: Cells of a row.
COLUMNS = 64
WIDTH, HEIGHT, SQUARE = 10, 40, 10
#: What is there at all is seen: the least height of a part.
LEAST = 1.5
PARTS = ("used", "lost", "reserved")


@dataclass(frozen=True)
class Cell:
    start: int
    end: int
    used: int
    lost: int
    reserved: int
    #: What it opens into; blank for one that is free.
    url: str
    #: Of a single number: who has it.
    holder: str = ""

    @property
    def size(self) -> int:
        return self.end - self.start + 1

    @property
    def free(self) -> int:
        return self.size - self.used - self.lost - self.reserved

    @property
    def label(self) -> str:
        return f"{self.start}" if self.start == self.end else f"{self.start} to {self.end}"

    @property
    def words(self) -> str:
        if self.size == 1:
            return f"VNI {self.label}: {self.holder or 'free'}"
        told = [f"{thousands(getattr(self, part))} {part}" for part in PARTS if getattr(self, part)]
        return f"{self.label}: {', '.join([*told, f'{thousands(self.free)} free'])}"


def render_strip(cells: Sequence[Cell], title: str) -> SafeString:
    """Of what can be opened each cell is a link with its figures as its name; a table beside it says the same."""
    is_grid = bool(cells) and cells[0].size == 1
    drawn = [_square(cell, index) if is_grid else _column(cell, index) for index, cell in enumerate(cells)]
    rows = -(-len(cells) // COLUMNS) if is_grid else 1
    return picture(
        *drawn,
        width=WIDTH * (min(len(cells), COLUMNS) or 1),
        height=SQUARE * rows if is_grid else HEIGHT,
        title=title,
        description="Each cell is filled as far as its numbers are taken." if not is_grid else "Each cell is a number.",
        class_="vni-grid" if is_grid else "vni-strip",
        is_interactive=any(cell.url for cell in cells),
    )


def _linked(cell: Cell, *shapes: SafeString) -> SafeString:
    inside = join(element("title", cell.words), *shapes)
    if not cell.url:
        return element("g", inside)
    return element("a", inside, href=cell.url, class_="vni-cell", aria_label=cell.words)


def _column(cell: Cell, index: int) -> SafeString:
    x, y = index * WIDTH, float(HEIGHT)
    parts = []
    for part in PARTS:
        many = getattr(cell, part)
        height = max(HEIGHT * many / cell.size, LEAST) if many else 0
        if height:
            y = max(y - height, 0)
            parts.append(element("rect", x=x, y=y, width=WIDTH - 1, height=float(height), class_=f"vni-{part}"))
    ground = element("rect", x=x, y=0, width=WIDTH - 1, height=HEIGHT, class_="vni-free")
    return _linked(cell, ground, *parts)


def _square(cell: Cell, index: int) -> SafeString:
    x, y = index % COLUMNS * SQUARE, index // COLUMNS * SQUARE
    state = next((part for part in PARTS if getattr(cell, part)), "free")
    return _linked(cell, element("rect", x=x, y=y, width=SQUARE - 1, height=SQUARE - 1, class_=f"vni-{state}"))
