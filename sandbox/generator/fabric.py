"""The fabric of a generated site, and the CloudStack zone on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sandbox.generator.size import LEAVES_OF_A_POD, SERVERS_OF_A_PAIR, SOFTGATES_OF_A_PAIR, Size
from sandbox.site import ISPS, REFERENCE, Device, Fabric, Hypervisor, IspSession, Link, Site, isp_port

SERVER_PORTS = (*range(1, 9), *range(13, 21))  # of a leaf; 9-12 SoftGates, 21-28 free, 29-32 ISP routers, spines


def site_of(size: Size) -> Site:
    fabric, zone = REFERENCE.fabric, REFERENCE.zone
    devices, links = list(_devices(size)), list(_links(size))
    sessions = tuple(_isp_sessions(range(5, size.softgates + 1)))
    hypervisors = tuple(
        Hypervisor(device.name, _address("10.100", _number(device) + 256))
        for device in devices
        if device.role == "hyperv_cs"
    )
    fabric = replace(
        fabric,
        devices=(*fabric.devices, *devices),
        links=(*fabric.links, *links),
        isp_sessions=(*fabric.isp_sessions, *sessions),
    )
    if hypervisors:
        fabric = _with_room_for_hypervisors(fabric)
        zone = replace(zone, hypervisors=(*zone.hypervisors, *hypervisors), pod_netmask="255.255.0.0")
    return _with_addresses(Site(fabric, zone, seed=size.seed), size)


def _with_room_for_hypervisors(fabric: Fabric) -> Fabric:
    """The guide's network of hypervisors holds 2,000: make it a /16."""
    wide = {"10.100.0.0/21": "10.100.0.0/16", "10.100.0.1/21": "10.100.0.1/16"}
    return replace(
        fabric,
        subnets=tuple(replace(each, prefix=wide.get(each.prefix, each.prefix)) for each in fabric.subnets),
        nat_rules=tuple(replace(each, source=wide.get(each.source, each.source)) for each in fabric.nat_rules),
        vnets=tuple(replace(each, gateway=wide.get(each.gateway, each.gateway)) for each in fabric.vnets),
    )


def _with_addresses(site: Site, size: Size) -> Site:
    """Pools for what the VPCs will need, of the virtual routers' range and of the Netris range."""
    if not size.vpcs:
        return site
    routers, public = _length_for(size.vpcs), _length_for(size.public_addresses)
    block = "198.18.0.0" if public >= 15 else "100.80.0.0"  # the block of benchmarks is a /15
    return site.sized(router_pool=(f"100.64.0.0/{routers}",), public_pool=(f"{block}/{public}",))


def _length_for(addresses: int) -> int:
    """The prefix length of a block with that many addresses, a tenth more, and the first and last few."""
    return 32 - (addresses * 11 // 10 + 16).bit_length()


def _devices(size: Size) -> Iterator[Device]:
    """What stands beside the devices of the reference site, whose numbers come first."""
    for number in range(3, size.leaves + 1):
        yield _switch(f"Leaf-{number}", "leaf", number)
    pods = _pods(size)
    for number in range(3, 2 * pods + 1):
        yield _switch(f"Spine-{number}", "spine", 4096 + number)
    if pods > 1:
        for number in range(1, 5):
            yield _switch(f"Super-Spine-{number}", "super-spine", 6144 + number, ports=64)
    for number in range(5, size.softgates + 1):
        role = "general" if (number - 1) % 4 < 2 else "snat"
        management = _address("10.10", 8192 + number)
        yield Device(
            f"SoftGate-{number}", "softgate", role, _address("10.0", 8192 + number), management, 4200000020 + number, 2
        )
    tags = next(device.tags for device in REFERENCE.fabric.devices if device.role == "hyperv_cs")
    for number in range(5, size.hypervisors + 2):
        main, management = _address("10.0", 16384 + number), _address("10.10", 16384 + number)
        name, asn = f"Server-{number}", 4210000000 + number
        yield Device(name, "server", "hyperv_cs", main, management, asn, 4, tags)


def _switch(name: str, role: str, place: int, ports: int = 32) -> Device:
    """Above the addresses and numbers of the reference site, which lie below 2,048 of each block."""
    main, management = _address("10.0", 32768 + place), _address("10.10", 32768 + place)
    return Device(name, "switch", role, main, management, 4220000000 + place, ports)


def _address(block: str, place: int) -> str:
    return f"{block}.{place >> 8}.{place & 255}"


def _number(device: Device) -> int:
    return int(device.name.rpartition("-")[2])


def _pods(size: Size) -> int:
    return -(-size.leaves // LEAVES_OF_A_POD)


def _links(size: Size) -> Iterator[Link]:
    for leaf in range(3, size.leaves + 1):
        pod, place = divmod(leaf - 1, LEAVES_OF_A_POD)
        for plane in (1, 2):
            yield Link(f"swp{place + 1}@Spine-{2 * pod + plane}", f"swp{30 + plane}@Leaf-{leaf}", underlay=True)
    if _pods(size) > 1:
        for pod in range(_pods(size)):
            for plane in (1, 2):
                for above in (1, 2):
                    top = f"swp{pod + 1}@Super-Spine-{2 * (plane - 1) + above}"
                    yield Link(top, f"swp{24 + above}@Spine-{2 * pod + plane}", underlay=True)
    for gate in range(5, size.softgates + 1):
        pair, place = divmod(gate - 1, SOFTGATES_OF_A_PAIR)
        yield from _dual_homed(size, pair, 9 + place, "swp", f"SoftGate-{gate}")
    for server in range(5, size.hypervisors + 2):
        pair, place = divmod(server - 1, SERVERS_OF_A_PAIR)
        yield from _dual_homed(size, pair, SERVER_PORTS[place], "eth", f"Server-{server}")


def _dual_homed(size: Size, pair: int, port: int, prefix: str, name: str) -> Iterator[Link]:
    for nic in (1, 2):
        leaf = 2 * pair + nic
        if leaf <= size.leaves:
            yield Link(f"swp{port}@Leaf-{leaf}", f"{prefix}{nic}@{name}", underlay=True)


def _isp_sessions(softgates: range) -> Iterator[IspSession]:
    for isp in ISPS:
        for gate in softgates:
            yield IspSession(
                name=f"ISP-{isp}-SoftGate-{gate}",
                device=f"SoftGate-{gate}",
                port=isp_port(isp, leaf=isp),
                vlan=100 * isp + gate,
                local_address=f"100.127.{isp}.{2 * gate}/31",
                remote_address=f"100.127.{isp}.{2 * gate + 1}/31",
                remote_asn=64496 + isp,
            )
