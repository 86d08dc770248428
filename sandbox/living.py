"""What is alive, for both services: one model, made of the rows that each of them keeps anyway.

Netris's devices, ports and cables say which hypervisors run and can be reached; CloudStack's machines say what runs on
which, and what they were told. A hypervisor is the same thing on both sides when device and host have one name. Netris
asks how the machine at an address behaves, CloudStack since when a hypervisor is silent; both follow from rows and
clock whenever somebody asks. So a killed device, a pulled cable and a stopped machine show on both sides, after a
restart too.

Locks: whoever holds CloudStack's store may take Netris's, never the other way round. Questions take no lock at all.
They look single rows up in the other store, each with one step of the interpreter, so they see a row as it was before a
change or after it; and the two never wait for each other, however slow a list of either is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import NamedTuple

from sandbox.kit import manners
from sandbox.kit.manners import Manner
from sandbox.kit.store import Row, Store
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.telemetry import power

BOOT_SECONDS = 60.0  # until a hypervisor's agent is back (unverified)
REBOOT_SECONDS = 30.0  # of a machine (unverified)


class Contact(NamedTuple):
    """`silent_since` is None while a hypervisor answers. One that is down has lost its machines."""

    silent_since: float | None
    is_down: bool


class Living:
    def __init__(self, net: Controller, tables: Store) -> None:
        self.net = net
        self.tables = tables
        net.machine_manner = self.machine_manner

    # hypervisors, for CloudStack

    def contact(self, name: str) -> Contact:
        """A host that is no device of Netris answers: nobody knows better."""
        device = self._device(name)
        if device is None:
            return Contact(None, is_down=False)
        down, cut = self._down_since(device), fabric.cut_off_since(self.net, device)
        reasons = [since for since in (down, cut) if since is not None]
        return Contact(min(reasons, default=None), is_down=down is not None)

    def lost_at(self, name: str, started: float) -> float | None:
        """When a machine on this hypervisor died with it, if it did."""
        device = self._device(name)
        return None if device is None else fabric.died_after(device, started)

    def unsteady(self) -> set[str]:
        """The names of the devices that something has happened to, and of those they are plugged into."""
        net = self.net
        dead, shaken = list(net.dead_devices.rows.values()), list(net.shaken_devices.rows.values())
        ports = [port for device in dead for port in net.ports.by("hw", device["id"])]
        ports += [port for number in net.down_ports.ids if (port := net.ports.get(number))]
        ends = (end for port in ports for end in (port, fabric.far_end(net, port)) if end is not None)
        neighbours = (net.devices.get(end["hw"]) for end in ends)
        return {device["name"] for device in (*dead, *shaken, *neighbours) if device is not None}

    def switch(self, name: str, *, is_on: bool) -> bool:
        """Kill a device, or have it boot. False when there is none of that name."""
        with self.net.store.lock:
            device = self._device(name)
            if device is not None:
                power.switch(self.net, device, is_on=is_on)
        return device is not None

    def _device(self, name: str) -> Row | None:
        return self.net.devices.one("name", name)

    def _down_since(self, device: Row) -> float | None:
        """Since when a device is dead, or boots."""
        if device["killedAt"] is not None:
            return float(device["killedAt"])
        if not device["outages"] or self.net.clock.now() >= device["bootedAt"] + BOOT_SECONDS:
            return None
        return float(device["outages"][-1][0])

    # machines, for Netris

    def machine_manner(self, vpc: int, ip: str, port: int) -> tuple[Manner, float]:
        """How whatever is at an address of a Netris VPC behaves at a port, and since when it is well or not.

        Where no machine answers nothing comes back, for ever where there never was one. Addresses outside CloudStack's
        tiers are well: there anything may be. In a tier there are none but CloudStack's machines. Both sides know a
        tier by its VNI.
        """
        tiers = list(self._tiers(vpc))
        for tier in tiers:
            for vm in self.holders(tier, ip):
                since = self.silent_since(vm)
                return manners.at(vm["manners"], port) if since is None else (Manner.TIME_OUT, since)
        return (Manner.TIME_OUT if any(_is_in(tier["cidr"], ip) for tier in tiers) else Manner.WELL), 0.0

    def _tiers(self, vpc: int) -> Iterator[Row]:
        for vnet in self.net.vnets.by("vpc", vpc):
            yield from self.tables["network"].by("vni", vnet["vxlanID"])

    def holders(self, tier: Row, ip: str) -> Iterator[Row]:
        for kind in ("nic", "nicsecondaryip"):
            for row in self.tables[kind].by(("networkid", "ipaddress"), (tier["id"], ip)):
                vm = self.tables["vm"].get(row["vmid"])
                if vm is not None:
                    yield vm

    def silent_since(self, vm: Row) -> float | None:
        host = self.tables["host"].get(vm["hostid"])
        if vm["state"] != "Running" or host is None:
            return float(vm["stopped"])
        reasons = [self.contact(host["name"]).silent_since, self.lost_at(host["name"], vm["started"])]
        if self.net.clock.now() < vm["rebooted"] + REBOOT_SECONDS:
            reasons.append(vm["rebooted"])
        return min((since for since in reasons if since is not None), default=None)


def router_address(tier: Row) -> IPv4Address:
    """The gateway is Netris's; the router has the next address, where a real one draws its own (9)."""
    cidr, gateway = IPv4Network(tier["cidr"]), IPv4Address(tier["gateway"])
    return next(host for host in cidr.hosts() if host != gateway)


@lru_cache(65536)
def _is_in(cidr: str, ip: str) -> bool:
    return ip_address(ip) in IPv4Network(cidr)
