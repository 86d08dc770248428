from __future__ import annotations

import pytest

from apps.fabric.surveys import survey
from apps.zones.models import Zone
from tests.fabric.conftest import Sweep


@pytest.fixture
def surveyed(zone: Zone, read: Sweep) -> Sweep:
    """Read all lists now, and survey what they have."""

    def look() -> None:
        read()
        survey(zone)

    look()
    return look
