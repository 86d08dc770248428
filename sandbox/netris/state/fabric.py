"""What is alive, derived from the clock whenever somebody asks: nothing in here ticks.

One model for all signals. A device was booted at some time and may have been killed at another; from that follow its
heartbeat, the status of its ports and of those at the other end of its cables, and every BGP session over them. What
CloudStack makes of a hypervisor follows from the same rows (`sandbox.living`).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller

OUTAGES_KEPT = 32


def switch(net: Controller, device: Row, *, is_on: bool) -> None:
    """Kill a device, or have it boot. Its last outages are remembered: from when to when it was dead."""
    now, killed = net.clock.now(), device["killedAt"]
    if is_on and killed is not None:
        outages = [*device["outages"], [killed, now]][-OUTAGES_KEPT:]
        net.devices.change(device, killedAt=None, bootedAt=now, outages=outages)
    elif not is_on and killed is None:
        net.devices.change(device, killedAt=now)
    net.render_again()


def died_after(device: Row, at: float) -> float | None:
    """When a device died that was alive then; None when it has lived ever since."""
    killed: float | None = next((since for since, _ in device["outages"] if since >= at), device["killedAt"])
    return killed


def is_alive(device: Row | None) -> bool:
    return device is not None and device["killedAt"] is None


def last_seen(net: Controller, device: Row) -> int:
    """When the agent reported last, in ms (unverified). Agents report every 10 to 15 s, a machine without one never."""
    if not device["hasAgent"]:
        return 0
    at = net.clock.now() if device["killedAt"] is None else device["killedAt"]
    period = 10 + device["id"] % 6
    return int((at - (at + 3.7 * device["id"]) % period) * 1000)


def uptime(net: Controller, device: Row) -> str:
    if not device["hasAgent"] or not is_alive(device):
        return ""
    return long_span(net.clock.now() - device["bootedAt"])


def span(seconds: float) -> str:
    """HH:MM:SS, the hours beyond 99 if need be."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"


def long_span(seconds: float) -> str:
    return f"{int(seconds) // 86400}d {span(seconds % 86400)}"


def link_of(net: Controller, port: Row) -> Row | None:
    return net.cables.rows.get(port["id"])


def far_end(net: Controller, port: Row) -> Row | None:
    """The port at the other end of the cable."""
    link = link_of(net, port)
    if link is None:
        return None
    return net.ports.get(link["remote"] if link["local"] == port["id"] else link["local"])


def is_port_up(net: Controller, port: Row) -> bool:
    """Up needs both ends. A port that carries a service of the fabric's own but no known cable is taken to have one in
    it; one that carries a tenant's is dark without a router (`routing.routers`).

    A LAG is up while one of its members is; they carry what it carries.
    """
    members = members_of(net, port)
    if port["adminDown"] or not any(is_alive(net.devices.get(each["hw"])) for each in members or [port]):
        return False
    if port["carrier"] is not None:
        return bool(port["carrier"])
    if members:
        return any(is_port_up(net, member) for member in members)
    far = far_end(net, port)
    if far is not None:
        is_lit = not far["adminDown"] and far["carrier"] is not False
        return is_lit and is_alive(net.devices.get(far["hw"]))
    return is_uplink(net, port) or net.routers.one("port", service_port(port)) is not None


def is_uplink(net: Controller, port: Row) -> bool:
    """Whether a V-Net or a session of the System VPC goes through a port."""
    shelves = {"bgp": net.sessions, "vnet": net.vnets}
    owners = net.ledger.owners(("port", service_port(port)))
    return any(row is not None and net.is_own(row["vpc"]) for row in (shelves[own.kind].get(own.id) for own in owners))


def was_plugged(net: Controller, port: Row, at: float) -> bool:
    """Whether a port without a known cable had one then."""
    router = net.routers.one("port", service_port(port))
    return bool(port["carrier"]) or is_uplink(net, port) or (router is not None and router["pluggedAt"] <= at)


def members_of(net: Controller, port: Row) -> list[Row]:
    """The ports of a LAG; none of any other port."""
    return [member for number in port.get("members") or () if (member := net.ports.get(number))]


def service_port(port: Row) -> int:
    """The port that has the services which go through this one: of a LAG's member, the LAG."""
    return int(port.get("lag") or port["id"])


def lit_since(net: Controller, port: Row) -> float | None:
    """Since when a port is up; None while it is down."""
    if not is_port_up(net, port):
        return None
    ends = [port] if (far := far_end(net, port)) is None else [port, far]
    lit = [until for end in ends for _, until in net.down_ports.of(end)]
    members = [since for member in members_of(net, port) if (since := lit_since(net, member)) is not None]
    booted = [device["bootedAt"] for end in ends if (device := net.devices.get(end["hw"]))]
    plugged = [router["pluggedAt"] for router in net.routers.by("port", service_port(port))] if far is None else []
    latest: float = max([*lit, min(members), *plugged] if members else [*lit, *booted, *plugged])
    return latest


def is_in_use(net: Controller, port: Row) -> bool:
    return net.ledger.is_used(("port", port["id"])) or link_of(net, port) is not None


def labelled_ports(net: Controller, vnet: Row) -> Iterator[tuple[Row, Row]]:
    """Ports that join a V-Net through a label: those facing a server NIC tagged `iface.<nic>=<label>`.

    Underlay cables are passed over, and so are VLAN-aware V-Nets and L3VPNs (2.2).
    """
    if vnet["vlanAware"] or vnet["l3vpn"]:
        return
    for label in vnet["portTags"]:
        for server in net.devices.by("type", "server"):
            for tag in server["tags"]:
                nic, _, value = tag.removeprefix("iface.").partition("=")
                if not tag.startswith("iface.") or value != label["name"]:
                    continue
                port = net.ports.one("name", f"{nic}@{server['name']}")
                link = link_of(net, port) if port else None
                far = far_end(net, port) if port else None
                if link and far and link["underlay"] != "enabled":
                    yield far, label


def underlay_neighbours(net: Controller, device: Row) -> Iterator[tuple[Row, Row, Row]]:
    """Port, far port and far device of every underlay cable."""
    for port in net.ports.by("hw", device["id"]):
        link = link_of(net, port)
        far = far_end(net, port)
        other = net.devices.get(far["hw"]) if far else None
        if link and link["underlay"] == "enabled" and far and other:
            yield port, far, other


def cut_off_since(net: Controller, device: Row) -> float | None:
    """Since when no underlay cable of a device leads anywhere; None while one does, or when it has none.

    Its own death is no reason.
    """
    dark = [_dark_since(net, *cable) for cable in underlay_neighbours(net, device)]
    return max((since for since in dark if since is not None), default=None) if None not in dark else None


def _dark_since(net: Controller, port: Row, far: Row, other: Row) -> float | None:
    """Since when a cable carries nothing, for another reason than the death of the device at this end."""
    ends = [net.down_ports.since(port), net.down_ports.since(far), other["killedAt"]]
    return min((since for since in ends if since is not None), default=None)


def reached_since(net: Controller, device: Row) -> float | None:
    """Since when an underlay cable of a device led anywhere without a break; None while it is cut off.

    0 when it never was, and for one without such cables.
    """
    cables = [_dark_spells(net, *cable) for cable in underlay_neighbours(net, device)]
    ends = {until for spells in cables for _, until in spells}
    for end in sorted(ends, reverse=True):
        if all(any(since < end <= until for since, until in spells) for spells in cables):
            return None if end == inf else end
    return 0.0


def unreached(net: Controller) -> list[Row]:
    """The devices with a loopback that the others do not learn: the dead ones and those that are cut off."""
    if net.unreached is None:
        ports = [port for device in net.dead_devices.rows.values() for port in net.ports.by("hw", device["id"])]
        ports += [port for number in net.down_ports.ids if (port := net.ports.get(number))]
        ends = {end["hw"] for port in ports for end in (port, far_end(net, port)) if end is not None}
        net.unreached = [
            device
            for number in sorted(ends | set(net.dead_devices.rows))
            if (device := net.devices.get(number)) and device["mainAddress"] and device["asn"]
            if not is_alive(device) or cut_off_since(net, device) is not None
        ]
    return net.unreached


def is_reached(net: Controller, device: Row, at: float) -> bool:
    """Whether an underlay cable led anywhere then. Asked for every point of a series."""
    if net.is_undisturbed:
        return True
    cables = [_dark_spells(net, *cable) for cable in underlay_neighbours(net, device)]
    return not cables or not all(any(since <= at < until for since, until in spells) for spells in cables)


def _dark_spells(net: Controller, port: Row, far: Row, other: Row) -> list[tuple[float, float]]:
    """From when to when a cable carried nothing, for another reason than the death of the device at this end."""
    dead = [(since, until) for since, until in other["outages"]]
    if other["killedAt"] is not None:
        dead.append((other["killedAt"], inf))
    return [*net.down_ports.of(port), *net.down_ports.of(far), *dead]


def port_bgp(net: Controller, port: Row) -> dict[str, Any]:
    """The underlay session of a fabric port, as the port list shows it."""
    link, far = link_of(net, port), far_end(net, port)
    if link is None or far is None or link["underlay"] != "enabled":
        return {"state": "", "prefix": "", "time": ""}
    lit = lit_since(net, port)
    since = max(link["createdDate"] / 1000, lit or 0.0) + 20
    if lit is None or net.clock.now() < since:
        return {"state": "Active", "prefix": "0", "time": ""}
    return {"state": "Established", "prefix": str(len(net.devices) - 1), "time": span(net.clock.now() - since)}
