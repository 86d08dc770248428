"""Generated worlds for tests, and how to ask their Netris controller."""

from __future__ import annotations

from sandbox.generator import Size, fill, site_of
from sandbox.world import World


def world_of(text, state_dir=None):
    size = Size.parse(text)
    world = World(site=site_of(size), state_dir=state_dir)
    fill(world, size)
    return world


def every_vpc(netris):
    """The filter that has lists show all VPCs."""
    return ",".join(str(row["id"]) for row in netris("/api/v2/vpc"))
