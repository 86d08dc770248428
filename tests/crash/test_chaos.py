"""Everything breaks at random under twenty clients, each thing at least once; `./weft bench --chaos` goes on longer."""

from __future__ import annotations

import pytest

from tests.chaos.run import run
from tests.chaos.town import Town

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("chaos"), pytest.mark.timeout(600)]


def test_nothing_is_lost_doubled_left_over_or_untrue_after_everything_went_wrong():
    with Town() as town:
        result = run(town, seconds=30, seed=8)
        assert not result.findings, f"{result}\n{town.logs()}"
    assert len(result.kinds) > 15 and set(result.kinds) == set(result.troubles), result
    assert result.operations["succeeded"] > 10, result


def test_an_order_that_is_believed_lost_too_soon_is_found():
    """What the run above would say if Weft sent again what may still be on its way."""
    with Town(held=0, latest=30) as town:  # so late that on a busy machine, too, it was sent again long before
        result = run(town, seconds=10, seed=2, only="late", callers=4)
    assert any(finding.startswith("doubled: CloudStack's VPCs") for finding in result.findings), result
