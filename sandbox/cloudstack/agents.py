"""What the management server makes of hypervisors that fall silent and come back (cloudstack-api.md 3.10, 4.5).

A host that has not pinged for the ping time-out is Down when it is dead; its machines and routers are then Stopped. One
that runs but cannot be reached is in Alert, and its machines stay Running, since nobody knows. Nothing is started
elsewhere, and nothing starts by itself when a host comes back: what did not live through it is Stopped at last then.
That an investigator can tell the two from each other, and the words of events and alerts, are unverified.
"""

from __future__ import annotations

import logging

from sandbox.cloudstack.resources.machines import machines
from sandbox.cloudstack.resources.networks import routers
from sandbox.cloudstack.state import alerts, hosts
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.cloudstack.state.hosts import ALERT, DOWN, UP
from sandbox.kit.store import Row

log = logging.getLogger(__name__)

INTERVAL = 1.0


def watch(cloud: Cloud) -> None:
    """Look at the hosts that are or were in trouble, once a second at most. Call with the store locked."""
    now, table = cloud.clock.now(), cloud.table("host")
    if now < cloud.next_watch:
        return
    cloud.next_watch = now + INTERVAL
    found = [host for state in (DOWN, ALERT) for host in table.by("state", state)]
    found += [host for name in cloud.living.unsteady() for host in table.by("name", name)]
    for host in {host["id"]: host for host in found if host["type"] == "Routing"}.values():
        try:
            _judge(cloud, host, now)
        except LookupError as error:  # rows were forgotten on order
            log.warning("what became of host %s is not settled: %s", host["name"], error)


def _judge(cloud: Cloud, host: Row, now: float) -> None:
    contact = cloud.living.contact(host["name"])
    if contact.silent_since is None:
        if host["state"] != UP:
            _connect(cloud, host, now)
        _bury(cloud, host)
    elif now >= hosts.last_ping(cloud, host) + hosts.TIMEOUT_SECONDS:
        _lose(cloud, host, is_down=contact.is_down)


def _connect(cloud: Cloud, host: Row, now: float) -> None:
    cloud.change("host", host, state=UP, connected=now)
    alerts.note(cloud, alerts.RECONNECT, host, f"Host {host['name']} is connected again", level="INFO")


def _lose(cloud: Cloud, host: Row, *, is_down: bool) -> None:
    """A host in Alert that dies is Down. One that is Down stays so until it answers."""
    state = DOWN if is_down else ALERT
    if host["state"] in (state, DOWN):
        return
    cloud.change("host", host, state=state)
    word = "down" if is_down else "disconnected"
    text = f"Host is {word}, name: {host['name']} (id:{host['id']}), availability zone: {cloud.zone['name']}"
    alerts.send(cloud, alerts.HOST, text)
    alerts.note(cloud, alerts.HOST, host, text)
    if is_down:
        _bury(cloud, host)


def _bury(cloud: Cloud, host: Row) -> None:
    """Stop what died with the host, last time it died."""
    for vm in cloud.table("vm").by("hostid", host["id"]):
        if _is_lost(cloud, host, vm):
            machines.power_off(cloud, vm, host)
    for router in cloud.table("router").by("hostid", host["id"]):
        if _is_lost(cloud, host, router):
            routers.power_off(cloud, router, host)


def _is_lost(cloud: Cloud, host: Row, row: Row) -> bool:
    return row["state"] == "Running" and cloud.living.lost_at(host["name"], row["started"]) is not None
