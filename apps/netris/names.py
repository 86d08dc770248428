"""How CloudStack's plugin names what it makes on Netris (netris-api.md 4.2)."""

from __future__ import annotations

import re

#: Of everything in a VPC. The numbers are CloudStack's own, which its API does not tell.
PREFIX = re.compile(r"D\d+-A\d+-Z\d+-V\d+")
_NAMED = re.compile(rf"{PREFIX.pattern}(?:-N\d+)?-(.+)", re.DOTALL)


def name_in_cloudstack(name: str) -> str:
    """The name of the VPC or network that the plugin made this VPC or V-Net for; "" for what it did not name."""
    match = _NAMED.fullmatch(name)
    return match[1] if match else ""
