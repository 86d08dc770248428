"""Kinds of events that no app registers, so that tests know them all."""

from __future__ import annotations

import pytest

from apps.history import kinds
from apps.history.kinds import EventKind
from apps.mirror.models import Kind
from apps.mirror.queries import name_of


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", {})
    monkeypatch.setattr(kinds, "_pages", {})
    monkeypatch.setattr(kinds, "_names", {})
    kinds.register(EventKind("broken", "Broken"), EventKind("double", "Double", is_finding=True))
    kinds.register_page("device", lambda zone, device: f"/fabric/devices/{zone.slug}/{device}/")
    kinds.register_name("device", lambda zone, device: name_of(zone, Kind.NETRIS_DEVICE, device))
