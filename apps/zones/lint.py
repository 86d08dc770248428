"""What is dangerous about how a zone is set up in CloudStack. Read when it is registered; said, never mended."""

from __future__ import annotations

from apps.zones.models import Zone

RESTART_VPC = (
    "Do not restart VPCs with clean-up in CloudStack (restartVPC cleanup=true): here it fails, and the VPC's router "
    "does not start again. Its tenant would be cut off."
)


def warnings_of(zone: Zone) -> list[str]:
    """Each in two sentences: what was found, and what would come of it."""
    routers = {each["vlan"] for each in zone.public_ranges if not each["provider"] and not each["forsystemvms"]}
    netris = {each["vlan"] for each in zone.public_ranges if each["provider"]}
    if not routers or not netris or routers == netris:
        return []
    tags = f"The virtual routers' public range is tagged {_all(routers)}, Netris's {_all(netris)}."
    return [f"{tags} {RESTART_VPC}"]


def _all(tags: set[str]) -> str:
    return " and ".join(sorted(tags))
