from __future__ import annotations

import os
import sys
from argparse import ArgumentParser

import django
from django.core.management import call_command


def main() -> None:
    parser = ArgumentParser(
        prog="./weft bench", description="What Weft costs, beside what the same work costs without it."
    )
    parser.add_argument("--creations", type=int, default=500, help="VPC creations submitted at once; 0 leaves them out")
    parser.add_argument("--threads", type=int, default=8, help="of the one worker process, and of the bare script")
    parser.add_argument(
        "--vpcs", type=int, default=100_000, help="of the tenant whose pages are asked for; 0 leaves them out"
    )
    parser.add_argument("--rules", type=int, default=1_000_000, help="NAT rules of that tenant")
    parser.add_argument("--balancers", type=int, default=200, help="load balancers of another; 0 leaves them out")
    parser.add_argument("--members", type=int, default=20, help="of each load balancer")
    parser.add_argument("--fabric", action="store_true", help="instead: the map of large fabrics")
    parser.add_argument("--chaos", type=float, metavar="SECONDS", help="instead: everything breaks for so long")
    parser.add_argument("--seed", type=int, help="of the chaos, to repeat a run")
    options = parser.parse_args()
    if options.chaos:
        from tests.chaos.__main__ import main as chaos

        seed = [] if options.seed is None else ["--seed", str(options.seed)]
        sys.exit(chaos(["--seconds", str(options.chaos), *seed]))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    os.environ.setdefault("WEFT_LOG_LEVEL", "WARNING")
    django.setup()
    call_command("migrate", verbosity=0)

    from tests.bench import balancers, creations, evaluator, fabric, pages

    if options.fabric:
        fabric.report()
        return
    if options.creations:
        creations.report(options.creations, options.threads)
    if options.vpcs:
        pages.report(options.vpcs, options.rules)
    if options.balancers:
        balancers.report(options.balancers, options.members)
    evaluator.report()


if __name__ == "__main__":
    main()
