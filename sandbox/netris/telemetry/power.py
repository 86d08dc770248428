"""Devices that are killed and boot again, with all that goes with it."""

from __future__ import annotations

from sandbox.kit.store import Row
from sandbox.netris.overlay import members
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller


def switch(net: Controller, device: Row, *, is_on: bool) -> None:
    """Kill a device, or have it boot."""
    if device["type"] == "softgate" and not is_on and fabric.is_alive(device):
        members.fall_silent(net, device)
    fabric.switch(net, device, is_on=is_on)
