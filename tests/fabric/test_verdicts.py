from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.fabric import verdicts
from apps.netris.wire import Device, EBgp

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def a_device(**facts: Any) -> Device:
    return Device.model_validate({"id": 1, "name": "Leaf-1", "status": "ok", "lastSeen": NOW.isoformat(), **facts})


@pytest.mark.parametrize(
    ("facts", "is_stale", "status"),
    [
        ({}, False, "ok"),
        ({"status": "OK"}, False, "ok"),
        ({"status": "warning"}, False, "warning"),
        ({"status": "critical"}, False, "critical"),
        ({"status": "purple"}, False, "unknown"),
        ({"hardwareHealth": [{"check_name": "check_fan", "status": "CRITICAL"}]}, False, "warning"),
        ({"hardwareHealth": [{"check_name": "check_fan", "status": "unknown"}]}, False, "ok"),
        ({"health": {"ok": 9, "warning": 1}}, False, "warning"),
        ({"status": "critical", "health": {"warning": 1}}, False, "critical"),
        ({"status": ""}, False, "unknown"),
        ({"lastSeen": 0}, False, "unknown"),
        ({"lastSeen": (NOW - timedelta(seconds=119)).isoformat()}, False, "ok"),
        ({"lastSeen": (NOW - timedelta(seconds=121)).isoformat()}, False, "stale"),
        ({"lastSeen": (NOW - timedelta(hours=1)).isoformat(), "status": "critical"}, False, "critical"),
        ({"lastSeen": (NOW - timedelta(hours=1)).isoformat(), "status": "warning"}, False, "stale"),
        ({"maintenanceMode": True}, False, "maintenance"),
        ({}, True, "stale"),
        ({"maintenanceMode": True}, True, "stale"),
        ({"status": "critical"}, True, "stale"),
    ],
)
def test_nothing_is_well_without_a_fresh_sign_of_life(facts: dict[str, Any], is_stale: bool, status: str) -> None:
    assert verdicts.device_status(a_device(**facts), NOW, is_stale=is_stale) == status


@pytest.mark.parametrize(("state", "status"), [("Established", "unknown"), ("Active", "down"), ("", "unknown")])
def test_a_session_is_not_up_because_a_device_said_so_that_nobody_hears_of(state: str, status: str) -> None:
    session = EBgp.model_validate({"id": 1, "name": "ISP-1", "bgp_state": state, "bgp_prefixes": "3"})
    assert verdicts.session_status(session, is_stale=False, is_silent=True) == status


def test_port_checks_speak_for_links() -> None:
    checks = [
        {"check_name": "check_port", "status": "OK", "port": "swp1"},
        {"check_name": "check_port", "status": "critical", "port": "swp2@Leaf-1"},
        {"check_name": "check_port", "status": "unknown", "port": "swp3"},
        {"check_name": "check_fan", "status": "ok", "port": "swp4"},
    ]

    ports = verdicts.port_statuses([a_device(hardwareHealth=checks)])

    assert ports == {"swp1@Leaf-1": "up", "swp2@Leaf-1": "down"}


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (("up", "up"), "up"),
        (("up", None), "up"),
        (("up", "down"), "down"),
        (("warning", "up"), "warning"),
        ((None, None), "unknown"),
    ],
)
def test_a_link_is_as_well_as_its_worse_end(ends: tuple[str | None, ...], status: str) -> None:
    assert verdicts.link_status(ends) == status


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"bgp_state": "Established", "bgp_prefixes": "30"}, "up"),
        ({"bgp_state": "Established", "bgp_prefixes": "0"}, "warning"),
        ({"bgp_state": "Established"}, "warning"),
        ({"bgp_state": "Active"}, "down"),
        ({"bgp_state": "unknown"}, "unknown"),
        ({}, "unknown"),
        ({"bgp_state": "", "status": "disabled"}, "disabled"),
    ],
)
def test_a_session_is_judged_by_netris_own_thresholds(facts: dict[str, Any], status: str) -> None:
    session = EBgp.model_validate({"id": 1, **facts})
    assert verdicts.session_status(session, is_stale=False) == status
    assert verdicts.session_status(session, is_stale=True) == "unknown"


@pytest.mark.parametrize(
    ("sessions", "status"),
    [
        (("up", "up"), "ok"),
        (("up", "disabled"), "ok"),
        (("up", "down"), "warning"),
        (("down", "down"), "critical"),
        (("warning",), "warning"),
        (("unknown", "disabled"), "unknown"),
        ((), "unknown"),
    ],
)
def test_a_router_is_known_by_its_sessions(sessions: tuple[str, ...], status: str) -> None:
    assert verdicts.router_status(sessions, is_stale=False) == status
    assert verdicts.router_status(sessions, is_stale=True) == "stale"
