"""Hypervisors as the management server knows them: by their pings (cloudstack-api.md 3.10)."""

from __future__ import annotations

from sandbox.cloudstack.protocol.errors import NoCapacity
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row

UP, DOWN, ALERT, DISCONNECTED = "Up", "Down", "Alert", "Disconnected"
PING_SECONDS = 60.0  # ping.interval (unverified)
TIMEOUT_SECONDS = 2.5 * PING_SECONDS  # after the last ping (unverified)


def last_ping(cloud: Cloud, host: Row) -> float:
    """A host pings when it connects and once in an interval from then on, as long as it answers."""
    silent_since = cloud.living.contact(host["name"]).silent_since
    at = cloud.clock.now() if silent_since is None else silent_since
    return float(max(at - (at + 7 * host["number"]) % PING_SECONDS, host["connected"]))


def control_state(host: Row) -> str:
    return "Enabled" if host["state"] == UP else "Offline"  # the other word is unverified


def pick(cloud: Cloud) -> Row:
    """Where to start a machine: on a host that is up, and that answers when it is told to."""
    able = [host for host in cloud.table("host").by("type", "Routing") if host["state"] == UP]
    while able:
        host = cloud.random.choice(able)
        if cloud.living.contact(host["name"]).silent_since is None:
            return host
        able.remove(host)
    raise NoCapacity("Unable to create a deployment: no host of the zone is up")  # unverified
