"""Pools of numbers that are too many to be written down: VNIs, AS numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sandbox.kit.store import Row


class Numbers(Sequence[int]):
    """The numbers of several ranges, one range after the other."""

    def __init__(self, ranges: Iterable[range]) -> None:
        self.ranges = list(ranges)

    def __len__(self) -> int:
        return sum(map(len, self.ranges))

    def __contains__(self, number: object) -> bool:
        return any(number in each for each in self.ranges)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        for each in self.ranges:
            if index < len(each):
                return each[index]
            index -= len(each)
        raise IndexError(index)

    def overlaps(self, other: Numbers) -> bool:
        return any(
            mine.start < theirs.stop and theirs.start < mine.stop for mine in self.ranges for theirs in other.ranges
        )

    def without(self, gone: Iterable[int]) -> Numbers:
        ranges = self.ranges
        for number in gone:
            ranges = [part for each in ranges for part in _split(each, number)]
        return Numbers(ranges)


def _split(numbers: range, gone: int) -> list[range]:
    if gone not in numbers:
        return [numbers]
    return [each for each in (range(numbers.start, gone), range(gone + 1, numbers.stop)) if each]


class Rows(Sequence[Row]):
    """Numbers dressed as rows, made when they are looked at."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return [{"id": number} for number in self.numbers[index]]
