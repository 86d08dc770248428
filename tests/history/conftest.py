"""Kinds of events that no app registers, so that tests know them all."""

from __future__ import annotations

import pytest

from apps.history import kinds
from apps.history.kinds import EventKind


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", {})
    monkeypatch.setattr(kinds, "_pages", {})
    kinds.register(EventKind("broken", "Broken"), EventKind("double", "Double", is_finding=True))
    kinds.register_page("device", lambda zone, device: f"/fabric/devices/{zone.slug}/{device}/")
