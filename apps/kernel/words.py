"""How a sentence says a number of things."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """1 link, 2,048 links."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
