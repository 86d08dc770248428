"""Members of load balancers as the SoftGates see them: each General node checks every member by itself (3.7).

A member answers while the machine at its address does (`sandbox.living`), unless the sandbox was told that it does not,
to all SoftGates or to one. A balancer without a health check does not find out. One with a check does after three
attempts (unverified), each as long as its `timeOut`; that a member is back it finds at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.kit.store import Row
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import weak_int

ATTEMPTS = 3


def balancing(net: Controller, site: int) -> list[Row]:
    """The SoftGates that carry the balancers of a site: General ones, alive, in reach and not in maintenance."""
    return [
        gate
        for gate in net.devices.by("type", "softgate")
        if gate["site"] == site
        and gate["sgRole"] == "general"
        and fabric.is_alive(gate)
        and not gate["maintenanceMode"]
        and fabric.cut_off_since(net, gate) is None
    ]


def found(net: Controller, balancer: Row, member: Row) -> list[tuple[Row, bool]]:
    """Each SoftGate that balances now, and whether the member is well as far as that one knows."""
    gates = balancing(net, balancer["site"])
    if balancer["healthCheck"] == "None":
        return [(gate, True) for gate in gates]
    patience = ATTEMPTS * (weak_int(balancer["timeOut"]) or 2000) / 1000
    noticed = net.clock.now() - patience
    deaf = {gate for gate, since in _silences(net, balancer["vpc"], member) if since <= noticed}
    return [(gate, deaf.isdisjoint((0, gate["id"]))) for gate in gates]


def _silences(net: Controller, vpc: int, member: Row) -> Iterator[tuple[int, float]]:
    """Which SoftGate a member does not answer, and since when. 0 is all of them."""
    since = net.machine_silent_since(vpc, member["ip"])
    if since is not None:
        yield 0, since
    for row in net.silent_members.by("vpc", vpc):
        if row["ip"] == member["ip"] and row["port"] in (0, member["port"]):
            yield row["gate"], row["since"]


def silence(net: Controller, vpc: int, ip: str, *, port: int = 0, gate: int = 0) -> None:
    """From now on the member does not answer. Port 0 is all of them, gate 0 is every SoftGate."""
    rows = net.silent_members.by("vpc", vpc)
    if not any((row["ip"], row["port"], row["gate"]) == (ip, port, gate) for row in rows):
        net.silent_members.add(vpc=vpc, ip=ip, port=port, gate=gate, since=net.clock.now())


def restore(net: Controller, vpc: int, ip: str) -> None:
    for row in net.silent_members.by("vpc", vpc):
        if row["ip"] == ip:
            net.silent_members.drop(row["id"])
