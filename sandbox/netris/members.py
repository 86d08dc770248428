"""Members of load balancers as the SoftGates see them: each General node checks every member by itself (3.7).

A member answers while the machine at its address does (`sandbox.living`), unless the sandbox was told that it does not,
to all SoftGates or to one. A balancer without a health check does not find out. One with a check does after three
attempts (unverified), each as long as its `timeOut`; that a member is back it finds at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.netris import fabric
from sandbox.netris.controller import Controller
from sandbox.netris.wire import weak_int
from sandbox.store import Row

ATTEMPTS = 3


def balancing(net: Controller, site: int) -> list[Row]:
    """The SoftGates that carry the balancers of a site: General ones, alive and not in maintenance."""
    return [
        gate
        for gate in net.devices.by("type", "softgate")
        if gate["site"] == site
        and gate["sgRole"] == "general"
        and fabric.is_alive(gate)
        and not gate["maintenanceMode"]
    ]


def answers(net: Controller, balancer: Row, member: Row, gate: Row) -> bool:
    if balancer["healthCheck"] == "None":
        return True
    patience = ATTEMPTS * (weak_int(balancer["timeOut"]) or 2000) / 1000
    return all(net.clock.now() < since + patience for since in _silences(net, balancer["vpc"], member, gate))


def _silences(net: Controller, vpc: int, member: Row, gate: Row) -> Iterator[float]:
    """Since when a member does not answer a SoftGate, for each reason that there is."""
    since = net.machine_silent_since(vpc, member["ip"])
    if since is not None:
        yield since
    for row in net.silent_members.by("vpc", vpc):
        if row["ip"] == member["ip"] and row["port"] in (0, member["port"]) and row["gate"] in (0, gate["id"]):
            yield row["since"]


def silence(net: Controller, vpc: int, ip: str, *, port: int = 0, gate: int = 0) -> None:
    """From now on the member does not answer. Port 0 is all of them, gate 0 is every SoftGate."""
    rows = net.silent_members.by("vpc", vpc)
    if not any((row["ip"], row["port"], row["gate"]) == (ip, port, gate) for row in rows):
        net.silent_members.add(vpc=vpc, ip=ip, port=port, gate=gate, since=net.clock.now())


def restore(net: Controller, vpc: int, ip: str) -> None:
    for row in net.silent_members.by("vpc", vpc):
        if row["ip"] == ip:
            net.silent_members.drop(row["id"])
