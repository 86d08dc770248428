from __future__ import annotations

from typing import Any

import pytest

from apps.fabric.roles import role_of
from apps.netris.wire import Device


@pytest.mark.parametrize(
    ("facts", "neighbours", "role"),
    [
        ({"name": "gw", "type": "softgate"}, [], "softgate"),
        ({"name": "dc1-spine-01", "type": "switch"}, ["softgate"], "spine"),
        ({"name": "Leaf-1", "type": "switch"}, [], "leaf"),
        ({"name": "tor-7", "type": "switch"}, [], "leaf"),
        ({"name": "sw-1", "type": "switch"}, ["switch", "server"], "leaf"),
        ({"name": "sw-2", "type": "switch"}, ["switch"], "spine"),
        ({"name": "sw-3", "type": "switch"}, [], "other"),
        ({"name": "OOB-1", "type": "switch"}, ["server"], "oob"),
        ({"name": "sw_mgmt", "type": "switch"}, [], "oob"),
        ({"name": "sw-4", "type": "switch", "description": "Out-of-band management"}, [], "oob"),
        ({"name": "kvm", "type": "server", "asn": 65001, "mainAddress": "10.0.8.2"}, ["switch"], "hypervisor"),
        ({"name": "kvm", "type": "server", "asn": 65001}, ["switch"], "server"),
        ({"name": "manager", "type": "server"}, ["switch"], "server"),
        ({"name": "netris", "type": "controller"}, [], "other"),
        ({"name": "", "type": ""}, [], "other"),
    ],
)
def test_a_role_is_derived_from_what_netris_says(facts: dict[str, Any], neighbours: list[str], role: str) -> None:
    assert role_of(Device.model_validate({"id": 1, **facts}), neighbours) == role
