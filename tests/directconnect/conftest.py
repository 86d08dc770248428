from __future__ import annotations

from datetime import timedelta

import pytest

from tests import builders


@pytest.fixture
def location(zone):
    return builders.a_location(zone)


@pytest.fixture
def vpc(acme, zone):
    return builders.a_vpc(acme, zone)


@pytest.fixture
def later(clock):
    """Moves the clock: `later(days=1)`, also back."""
    return lambda **span: clock.shift(timedelta(**span))
