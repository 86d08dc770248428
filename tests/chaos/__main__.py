from __future__ import annotations

import random
import sys
from argparse import ArgumentParser

from tests.chaos.run import run
from tests.chaos.town import HELD_SECONDS, Town


def main(arguments: list[str] | None = None) -> int:
    parser = ArgumentParser(prog="./weft bench --chaos", description="Everything breaks, and is compared afterwards.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--only", default="", help="these troubles alone, separated by commas")
    parser.add_argument("--held", type=float, default=HELD_SECONDS, help="seconds; 0 takes a mend out, to be found out")
    options = parser.parse_args(arguments)
    with Town(held=options.held) as town:
        try:
            result = run(town, seconds=options.seconds, seed=options.seed, only=options.only)
        except BaseException:
            print(town.logs())
            raise
        if result.findings:
            print(town.logs())
    print(result)
    return 1 if result.findings else 0


if __name__ == "__main__":
    sys.exit(main())
