"""Members of load balancers as the SoftGates see them: each General node checks every member by itself (3.7).

A member is well while the machine at its address is (`sandbox.living`), unless the sandbox was told that it is not, to
all SoftGates or to one. A balancer without a health check does not find out, and says nothing of its members
(unverified). A check probes once in each `timeOut`, and one probe that fails is enough (unverified), a `timeOut` later
if it times out; that a member is well again it finds at once. A 500 is an answer for a check of TCP.

What a SoftGate has found is what it last reported. Of one that was killed the controller keeps that (unverified: 3.1
says "last reported" of all health), until the balancer is changed or the SoftGate is back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sandbox.kit.manners import Manner
from sandbox.kit.store import Row
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import weak_int

# What a SoftGate says of it (unverified), those first that hide the others.
_TEXTS = {
    Manner.TIME_OUT: "connection timed out",
    Manner.REFUSE: "connection refused",
    Manner.ANSWER_500: "HTTP status 500",
}


class Report(NamedTuple):
    """`trouble` is blank while the member is well. `is_last` is one of a SoftGate that has been killed since."""

    gate: Row
    trouble: str
    is_last: bool = False


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


def reports(net: Controller, balancer: Row, member: Row) -> list[Report]:
    """What each SoftGate that balances now has found, and what those last did that were killed."""
    if balancer["healthCheck"] == "None":
        return []
    found = [*_found(net, balancer, member), *_last_words(net, balancer, member)]
    return sorted(found, key=lambda report: report.gate["id"])


def fall_silent(net: Controller, gate: Row) -> None:
    """A SoftGate is about to be killed: what it has found so far stays."""
    is_balancing = gate in balancing(net, gate["site"])
    balancers = [row for row in net.lbs if row["site"] == gate["site"] and row["healthCheck"] != "None"]
    found = {
        str(balancer["id"]): {
            _end(member): report.trouble
            for member in balancer["backendIps"]
            for report in _found(net, balancer, member)
            if report.gate is gate
        }
        for balancer in balancers
        if is_balancing
    }
    net.last_reports.put({"id": gate["id"], "at": net.stamp(), "found": found})


def _found(net: Controller, balancer: Row, member: Row) -> Iterator[Report]:
    period = (weak_int(balancer["timeOut"]) or 2000) / 1000
    failing = [Manner.TIME_OUT, Manner.REFUSE] + [Manner.ANSWER_500] * (balancer["healthCheck"] == "HTTP")
    troubles = [
        (gate, manner)
        for gate, manner, since in _manners(net, balancer["vpc"], member)
        if manner in failing and net.clock.now() >= since + period * (1 + (manner is Manner.TIME_OUT))
    ]
    for gate in balancing(net, balancer["site"]):
        mine = {manner for number, manner in troubles if number in (0, gate["id"])}
        yield Report(gate, next((text for manner, text in _TEXTS.items() if manner in mine), ""))


def _last_words(net: Controller, balancer: Row, member: Row) -> Iterator[Report]:
    for words in net.last_reports:
        gate = net.devices.get(words["id"])
        trouble = words["found"].get(str(balancer["id"]), {}).get(_end(member))
        is_about_this = trouble is not None and balancer["modifiedDate"] <= words["at"]
        if gate is not None and not fabric.is_alive(gate) and is_about_this:
            yield Report(gate, str(trouble), is_last=True)


def _end(member: Row) -> str:
    return f"{member['ip']}:{member['port']}"


def _manners(net: Controller, vpc: int, member: Row) -> Iterator[tuple[int, Manner, float]]:
    """To which SoftGate a member is how, and since when. 0 is all of them."""
    yield 0, *net.machine_manner(vpc, member["ip"], member["port"])
    for row in net.member_manners.by("vpc", vpc):
        if row["ip"] == member["ip"] and row["port"] in (0, member["port"]):
            yield row["gate"], Manner(row["does"]), row["since"]


def manners_at(net: Controller, vpc: int, ip: str, port: int) -> list[Manner]:
    """How it behaves there to everybody, by all that it was told."""
    manners = _manners(net, vpc, {"ip": ip, "port": port})
    return [manner for gate, manner, _ in manners if gate == 0]


def tell(net: Controller, vpc: int, ip: str, manner: Manner, *, port: int = 0, gate: int = 0) -> None:
    """From now on the member is like this. Port 0 is all of them, gate 0 is every SoftGate."""
    since = net.clock.now()
    for row in net.member_manners.by("vpc", vpc):
        if row["ip"] == ip and port in (0, row["port"]) and gate in (0, row["gate"]):
            since = min(since, row["since"])
            net.member_manners.drop(row["id"])
    if manner is not Manner.WELL:
        facts: dict[str, Any] = {"vpc": vpc, "ip": ip, "port": port, "gate": gate}
        net.member_manners.add(**facts, does=manner.value, since=since)
