import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from house.browser import Browser
from house.checkout import ROOT, Trouble
from house.checks import Check
from house.commands import environment
from house.verbs import VERBS, pytest_arguments
from tests.house import SCRIPT


def run(*arguments, **env):
    argv = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(argv, env=os.environ | env, capture_output=True, text=True, check=False)


def test_alone_it_says_what_it_can_do():
    done = run()

    assert done.returncode == 0
    assert all(f"./weft {verb}" in done.stdout for verb in VERBS)


def test_it_runs_on_a_python_with_nothing_installed():
    done = subprocess.run([sys.executable, "-S", "-E", SCRIPT], cwd="/", capture_output=True, text=True)
    modules = "house.verbs, sys; print(*{name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    loaded = subprocess.run(
        [sys.executable, "-S", "-E", "-c", f"import {modules}"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert set(loaded.stdout.split()) == {"house", "__main__"} - sys.stdlib_module_names


@pytest.mark.parametrize("verb", [["demo"], ["test"], ["manage", "check"], ["sandbox"], ["check"]])
def test_a_folder_that_it_cannot_write_is_named_in_a_sentence(directory, verb):
    copy = directory / "weft"
    copy.mkdir()
    shutil.copy(SCRIPT, copy)
    shutil.copytree(ROOT / "house", copy / "house")
    copy.chmod(0o555)
    somebody: Any = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable

    done = subprocess.run([python, copy / "weft", *verb], capture_output=True, text=True, **somebody)
    copy.chmod(0o755)

    assert done.returncode == 1
    assert done.stderr.startswith(f"weft: {copy}/var cannot be written (Permission denied). It keeps")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["dmeo"], ["check", "--quick"], ["demo", "--rest"]])
def test_what_it_cannot_do_is_an_error(arguments):
    assert run(*arguments).returncode != 0


def test_a_test_run_passes_arguments_and_status_on_and_leaves_nothing(tmp_path):
    nowhere = {"WEFT_NO_BROWSER": "not asked for", "TMPDIR": str(tmp_path), "CI": "", "WEFT_REQUIRE_BROWSER": ""}

    good, bad = run("test", "--version", **nowhere), run("test", "-n0", "no-such-directory", **nowhere)

    assert "pytest" in good.stdout
    assert (good.returncode, bad.returncode) == (0, 4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["tests/web"], ["--timeout=5"], ["--cov"], ["-m", "not browser"]])
def test_many_tests_are_spread_over_the_cores(arguments):
    spread = ["-n", str(len(os.sched_getaffinity(0)) + 1), "--dist", "loadgroup"]
    assert pytest_arguments(arguments) == [*spread, *arguments]


@pytest.mark.parametrize(
    "arguments", [["-n0"], ["-n", "4"], ["tests/a.py"], ["tests/a.py::test_b"], ["-k", "c"], ["-x"]]
)
def test_few_tests_run_in_one_process(arguments):
    assert pytest_arguments(arguments) == arguments


def test_a_check_shows_the_output_of_failures_alone(capsys):
    check = Check(environment())
    check.run("quiet", "-c", "print('never seen')")
    check.run("loud", "-c", "print('what went wrong'); exit(1)")

    shown = capsys.readouterr().out
    assert check.failures == 1
    assert "never seen" not in shown
    assert "what went wrong" in shown


def test_without_a_browser_the_tests_learn_why(monkeypatch):
    for name in ("CI", "WEFT_REQUIRE_BROWSER", "WEFT_NO_BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WEFT_CHROMIUM", "/no/such/browser")

    assert "/no/such/browser" in Browser().environment()["WEFT_NO_BROWSER"]


@pytest.mark.parametrize("name", ["CI", "WEFT_REQUIRE_BROWSER"])
def test_without_a_browser_that_is_required_the_run_fails(monkeypatch, name):
    monkeypatch.setenv(name, "true")
    monkeypatch.setenv("WEFT_NO_BROWSER", "none here")

    with pytest.raises(Trouble, match="none here"):
        Browser().environment()
