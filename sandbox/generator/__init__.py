"""Makes a site of any size, the same one whenever it is given the same numbers: the fabric, and the tenants on it.

    size = Size.parse("leaves=1000,vpcs=20000")
    world = World(site=site_of(size))
    fill(world, size)

`site_of` draws the fabric: leaves in pods below two spines each, pods below super-spines, SoftGates and hypervisors on
pairs of leaves. Both services plant it as they plant the reference site, whose devices are the first of it. `fill` has
the two services make one tenant with one VPC, through the API, and prints the others from what they wrote: rows on the
CloudStack side, the plugin's own calls on the Netris side. So a printed VPC is like a real one, whatever the services
come to write. Everything repeats but the times: names, numbers, addresses, VNIs, ages and public ids follow the seed.
"""

from sandbox.generator.fabric import site_of
from sandbox.generator.size import Size
from sandbox.generator.tenants import fill

__all__ = ["Size", "fill", "site_of"]
