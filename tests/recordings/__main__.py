"""`python -m tests.recordings [STEP ...]`: where the sandbox differs from what was recorded."""

import sys

from tests.recordings.replay import KINDS, differences, read


def main(families: list[str]) -> None:
    found = differences()
    for each in found:
        if not families or each.step.name.startswith(tuple(families)):
            print(each)
    counts = ", ".join(f"{sum(bool(getattr(each, what)) for each in found)} in {what}" for what in KINDS)
    recorded = sum(step.answer is not None for step in read())
    print(f"of {recorded} steps differ {counts}")


main(sys.argv[1:])
