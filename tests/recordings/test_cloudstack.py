"""The sandbox answers as a real CloudStack 4.22 did, call by call.

`python -m tests.recordings STEP` shows where it does not.
"""

from __future__ import annotations

import pytest

from tests.recordings import exceptions
from tests.recordings.replay import Difference, differences, read

# How many steps still differ that no exception explains. These numbers only fall.
MAXIMA = {"errors": 8, "texts": 8, "keys": 0, "headers": 0}
EXCEPTIONS = {"errors": exceptions.ERRORS, "texts": exceptions.ERRORS, "keys": exceptions.KEYS, "headers": {}}


@pytest.fixture(scope="module")
def found() -> list[Difference]:
    return differences()


def test_the_recording_is_read_whole() -> None:
    assert sum(step.answer is not None for step in read()) == 637


@pytest.mark.parametrize("kind", MAXIMA)
def test_the_sandbox_answers_as_a_real_cloudstack_did(kind: str, found: list[Difference]) -> None:
    here = [each for each in found if getattr(each, kind) and each.step.name not in EXCEPTIONS[kind]]

    assert len(here) <= MAXIMA[kind], "\n".join(map(str, here))


@pytest.mark.parametrize("kind", ["errors", "keys"])
def test_an_exception_is_a_step_that_differs(kind: str, found: list[Difference]) -> None:
    differing = {each.step.name for each in found if getattr(each, kind)}

    assert not EXCEPTIONS[kind].keys() - differing
