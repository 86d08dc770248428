"""What `./weft` can do."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence

from house.browser import Browser
from house.checkout import PYTHON, ROOT, VENV, Busy, Trouble
from house.checks import Check
from house.commands import Command, complete, ending_signals, environment, run_in_foreground
from house.demo import Demo
from house.environment import Environment
from house.supervisor import Supervisor, throwaway_services

Verb = Callable[[list[str]], int]


def demo(arguments: list[str]) -> int:
    if arguments not in ([], ["--reset"]):
        raise Trouble("usage: ./weft demo [--reset]")
    Environment().prepare("demo")
    return Demo().run(reset=bool(arguments))


def manage(arguments: list[str]) -> int:
    Environment().prepare("demo")
    demo = Demo()
    argv = [PYTHON, "manage.py", *arguments]
    try:
        with demo.lock(), Supervisor() as supervisor:
            services = supervisor.start_services(demo.var, durable=True)
            demo.remember(services=services)
            return run_in_foreground(argv, demo.environment(services))
    except Busy:
        return run_in_foreground(argv, demo.environment(demo.state["services"]))


def sandbox(arguments: list[str]) -> int:
    Environment().prepare("demo")
    demo = Demo()
    keys = {name: value for name, value in demo.secrets().items() if name.startswith("SANDBOX_")}
    print("\n".join(f"{name}={value}" for name, value in keys.items()), flush=True)
    argv: Command = [PYTHON, "-m", "sandbox", "--state-dir", demo.var / "sandbox-alone", *arguments]
    return run_in_foreground(argv, {**keys, **environment()})


NARROW = {"-n", "-k", "-x", "-s", "--exitfirst", "--pdb", "--lf", "--last-failed", "--co", "--collect-only"}


#: How many more test processes than cores: those that kill, restart and wait for processes use little of one.
WAITING = 1


def pytest_arguments(arguments: Sequence[str]) -> list[str]:
    """Spread the tests over the cores, unless the arguments pick out a few of them or say how to run them."""
    is_narrow = any(".py" in argument or {argument, argument[:2]} & NARROW for argument in arguments)
    return [
        *([] if is_narrow else ["-n", str(len(os.sched_getaffinity(0)) + WAITING), "--dist", "loadgroup"]),
        *arguments,
    ]


def test(arguments: list[str]) -> int:
    Environment().prepare("dev")
    browser = Browser().environment()
    with throwaway_services() as env:
        # The browser driver keeps an event loop in the test's thread.
        env |= {"DJANGO_ALLOW_ASYNC_UNSAFE": "true", **browser}
        return run_in_foreground([PYTHON, "-m", "pytest", *pytest_arguments(arguments)], env)


def bench(arguments: list[str]) -> int:
    Environment().prepare("dev")
    with throwaway_services() as env:
        return run_in_foreground([PYTHON, "-m", "tests.bench", *arguments], env)


def check(arguments: list[str]) -> int:
    if not set(arguments) <= {"--fast", "--fix"}:
        raise Trouble("usage: ./weft check [--fast] [--fix]")
    is_fixing, is_fast = "--fix" in arguments, "--fast" in arguments
    Environment().prepare("dev")
    browser = {} if is_fast else Browser().environment()
    with throwaway_services() as env:
        check = Check(env)
        if is_fixing:
            check.run("format", "-m", "ruff", "format", ".")
            check.run("fix", "-m", "ruff", "check", "--fix-only", "--quiet", ".")
            complete([PYTHON, "-m", "djlint", "--reformat", "--quiet", "templates"], cwd=ROOT)
        check.run("ruff format", "-m", "ruff", "format", "--check", ".")
        check.run("ruff check", "-m", "ruff", "check", ".")
        check.run("mypy", "-m", "mypy", "weft", "house", "manage.py", "portal", "apps", "sandbox", "tests")
        check.run("imports", VENV / "bin" / "lint-imports", "--no-cache")
        check.run("django", "manage.py", "check", "--deploy", "--fail-level", "WARNING", WEFT_HTTPS="true")
        check.run("migrations", "manage.py", "makemigrations", "--check", "--dry-run")
        check.run("templates: format", "-m", "djlint", "--check", "templates")
        check.run("templates: lint", "-m", "djlint", "--lint", "templates")
        check.schema(write=is_fixing)
        if not is_fast:
            coverage = ("--cov", "--cov-branch", "--cov-report=term:skip-covered")
            check.run("tests", "-m", "pytest", *pytest_arguments(coverage), DJANGO_ALLOW_ASYNC_UNSAFE="true", **browser)
    print(f"{check.failures} failed" if check.failures else "All green")
    return 1 if check.failures else 0


VERBS: dict[str, Verb] = {
    "demo": demo,
    "test": test,
    "check": check,
    "bench": bench,
    "sandbox": sandbox,
    "manage": manage,
}

UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}


def main(argv: Sequence[str], *, about: str) -> int:
    if not argv or argv[0] in ("help", "-h", "--help"):
        print(about)
        return 0
    if argv[0] not in VERBS:
        print(about, file=sys.stderr)
        return 2
    for number in ending_signals():
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        return VERBS[argv[0]](list(argv[1:]))
    except Trouble as trouble:
        print(f"weft: {trouble}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = f"It keeps .venv and var in {ROOT}, and what it needs for a while in {tempfile.gettempdir()}."
        print(f"weft: {error.filename or 'A file'} cannot be written ({error.strerror}). {where}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
