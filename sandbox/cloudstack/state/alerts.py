"""What the management server says of itself, asked by nobody: alerts and its own events (cloudstack-api.md 3.11)."""

from __future__ import annotations

from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row

HOST, USER_VM, ROUTER = "ALERT.COMPUTE.HOST", "ALERT.USERVM", "ALERT.SERVICE.DOMAINROUTER"  # names unverified
_TYPES = {HOST: 7, USER_VM: 8, ROUTER: 9}
RECONNECT, ROUTER_STOP, VM_STOP = "HOST.RECONNECT", "ROUTER.STOP", "VM.STOP"
EVENTS = frozenset({HOST, RECONNECT, ROUTER_STOP, VM_STOP})
_INSTANCES = {HOST: "Host", RECONNECT: "Host", ROUTER_STOP: "DomainRouter", VM_STOP: "VirtualMachine"}


def send(cloud: Cloud, name: str, text: str) -> None:
    cloud.new("alert", type=_TYPES[name], name=name, description=text)


def note(cloud: Cloud, type_: str, row: Row, text: str, *, level: str = "WARN") -> None:
    """An event about a row, for its owner."""
    user = cloud.table("user").find(username="system") or {}
    about = {"resourceid": row["id"], "resourcetype": _INSTANCES[type_], "resourcename": row["name"]}
    cloud.event(type_, text, user=user, state="Completed", level=level, accountid=row.get("accountid"), **about)
