"""`./weft` while it installs something for ever, for test_commands."""

import sys

from house import verbs
from house.commands import environment, run


def install(_arguments: list[str]) -> int:
    run("Installing", ["sh", "-c", "(trap '' TERM INT HUP; sleep 600; true) & sleep 600; true"], env=environment())
    return 0


if __name__ == "__main__":
    verbs.VERBS["install"] = install
    sys.exit(verbs.main(["install"], about=""))
