"""Serve both emulators on loopback: `python -m sandbox --state-dir var/sandbox`. SIGTERM or Ctrl-C stops them.

It ends with status 2 when another version of the sandbox has written the state.
"""

from __future__ import annotations

import argparse
import gc
import os
import secrets
import signal
import sys
import threading
from pathlib import Path

from sandbox import generator
from sandbox.kit.store import OtherSchemaError
from sandbox.site import REFERENCE
from sandbox.world import World


def main() -> None:
    options = _options()
    keys, login = _credentials()
    site = generator.site_of(options.generate) if options.generate else REFERENCE
    if options.public_pool or options.router_pool:
        site = site.sized(public_pool=tuple(options.public_pool), router_pool=tuple(options.router_pool))
    gc.disable()  # millions of rows may be read or made that all stay
    try:
        world = World(
            state_dir=options.state_dir,
            site=site,
            job_seconds=options.job_seconds,
            cloudstack_keys=keys,
            netris_login=login,
            resume_jobs=options.resume_jobs,
        )
    except OtherSchemaError as refusal:
        print(f"python -m sandbox: {refusal}", file=sys.stderr)
        sys.exit(2)
    sys.setswitchinterval(0.0005)  # hundreds of callers share one interpreter: let none of them wait for seconds
    if options.generate:
        generator.fill(world, options.generate)
    gc.freeze()  # nor need the collector walk over them for every list
    gc.enable()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    cloudstack, netris = world.serve(options.cloudstack_port, options.netris_port)
    print(f"CloudStack {cloudstack.url}/client/api", flush=True)
    print(f"Netris     {netris.url}", flush=True)
    stop.wait()
    world.close()
    os._exit(0)  # a job that waits for a slow controller must not hold up the end; its state is written already


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--state-dir", type=Path, help="keep the state here; without it, it is gone with the process")
    parser.add_argument("--cloudstack-port", type=int, default=8096)
    parser.add_argument("--netris-port", type=int, default=8097)
    parser.add_argument("--job-seconds", type=float, default=2.0, help="how long building a VPC takes")
    parser.add_argument("--public-pool", nargs="+", default=(), metavar="CIDR", help="public addresses for Netris")
    parser.add_argument("--router-pool", nargs="+", default=(), metavar="CIDR", help="addresses for virtual routers")
    parser.add_argument("--generate", type=_size, metavar="SIZE", help="a larger site: leaves=1000,vpcs=20000")
    parser.add_argument("--resume-jobs", action="store_true", help="go on with jobs that a stop interrupted")
    return parser.parse_args()


def _size(text: str) -> generator.Size:
    try:
        return generator.Size.parse(text)
    except ValueError as mistake:
        raise argparse.ArgumentTypeError(str(mistake)) from mistake


def _credentials() -> tuple[tuple[str, str], tuple[str, str]]:
    """From the environment; what is not there is made up and printed."""
    found = []
    for name in ("CLOUDSTACK_API_KEY", "CLOUDSTACK_SECRET_KEY", "NETRIS_USER", "NETRIS_PASSWORD"):
        value = os.environ.get(f"SANDBOX_{name}", "")
        if not value:
            value = secrets.token_urlsafe(24)
            print(f"SANDBOX_{name}={value}", flush=True)
        found.append(value)
    api_key, secret_key, user, password = found
    return (api_key, secret_key), (user, password)


if __name__ == "__main__":
    main()
