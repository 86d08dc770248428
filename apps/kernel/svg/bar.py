"""A utilisation bar of three segments: in use, reserved, free."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from apps.kernel.svg.draw import element

NEARLY_FULL = 75
FULL = 90


@dataclass(frozen=True)
class Usage:
    """In percent (a unit that begins with "%") the total is 100, and goes without saying."""

    used: int
    total: int
    reserved: int = 0
    unit: str = ""

    def __post_init__(self) -> None:
        if min(self.used, self.total, self.reserved) < 0:
            raise ValueError("a usage counts from zero")

    @property
    def free(self) -> int:
        return max(0, self.total - self.used - self.reserved)

    @property
    def percent(self) -> int:
        """Of the total that is not free. Rounded down: 100 % is said of nothing that has room."""
        return min(100, (self.used + self.reserved) * 100 // self.total) if self.total else 100

    @property
    def tone(self) -> str:
        return "madder" if self.percent >= FULL else "weld" if self.percent >= NEARLY_FULL else "indigo"

    @property
    def words(self) -> str:
        if not self.free:
            return "full"
        return "nearly full" if self.percent >= FULL else "filling up" if self.percent >= NEARLY_FULL else ""

    @property
    def figures(self) -> str:
        reserved = f", {thousands(self.reserved)} reserved" if self.reserved else ""
        if self.is_in_percent:
            return f"{self.used} {self.unit}{reserved}"
        return f"{thousands(self.used)} of {thousands(self.total)} {self.unit}".rstrip() + reserved

    @property
    def is_in_percent(self) -> bool:
        return self.unit.startswith("%")

    @property
    def rest(self) -> str:
        free = f"{thousands(self.free)} {'% ' if self.is_in_percent else ''}free"
        return f"{self.words}, {free}" if self.words and self.free else self.words or free


def thousands(count: int) -> str:
    """With thin spaces between the thousands, which no country reads as a decimal point."""
    return f"{count:,}".replace(",", "\u2009")


def render_bar(usage: Usage) -> SafeString:
    """Only the bar: the numbers stand beside it as text, so the picture says nothing to a screen reader."""
    used = min(100.0, 100 * usage.used / usage.total) if usage.total else 100.0
    reserved = min(100.0 - used, 100 * usage.reserved / usage.total) if usage.total else 0.0
    return element(
        "svg",
        element("rect", width=100, height=8, class_="bar-free"),
        element("rect", x=used, width=reserved, height=8, class_="bar-reserved") if reserved else "",
        element("rect", width=used, height=8, class_="bar-used") if used else "",
        xmlns="http://www.w3.org/2000/svg",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        class_=f"usage__bar tone-{usage.tone}",
        aria_hidden="true",
    )
