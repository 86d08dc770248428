"""The fact sheet of the Netris API as tests read it: its sections, its tables, and the words it sets in code."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[3] / "docs" / "facts" / "netris-api.md").read_text()

Cells = list[str]


def section(number: str) -> str:
    """What stands below a heading, such as 2.1, up to the next one."""
    start = re.search(rf"^#+ {re.escape(number)}\.? .*$", TEXT, re.MULTILINE)
    assert start, number
    end = re.search(r"^#+ ", TEXT[start.end() :], re.MULTILINE)
    return TEXT[start.end() : start.end() + end.start()] if end else TEXT[start.end() :]


def tables(number: str) -> list[list[Cells]]:
    """The tables of a section: the cells of each row, the heading first."""
    found: list[list[Cells]] = [[]]
    for line in section(number).splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not set("".join(cells)) <= set("-: "):
                found[-1].append(cells)
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def words(text: str) -> list[str]:
    """What is set in code."""
    return re.findall(r"`([^`]+)`", text)


def names(text: str) -> set[str]:
    """The fields in a text in code, such as `{id, state on|off, switch{id,type}}`: the first word of each part."""
    pieces = (piece for word in words(text) if "/api" not in word for piece in re.split(r"[{}\[\],:]", word))
    found = (re.match(r"\s*([A-Za-z_]\w*)", piece) for piece in pieces)
    return {match[1] for match in found if match}


def rows(number: str, heading: str) -> dict[str, Cells]:
    """A table by the first words of its heading; its rows by each word in code of their first cell, without `[]`."""
    (table,) = (table for table in tables(number) if table[0][0] == heading)
    return {word.removesuffix("[]"): cells for cells in table[1:] for word in words(cells[0]) or [cells[0]]}
