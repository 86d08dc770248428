"""What the management server does unasked, by the clock: watch hosts, collect idle tiers, expunge VMs, try again."""

from __future__ import annotations

import logging

from sandbox.cloudstack import agents
from sandbox.cloudstack.calls.jobs import Jobs
from sandbox.cloudstack.protocol.errors import ApiError
from sandbox.cloudstack.resources.addresses import addresses
from sandbox.cloudstack.resources.machines import machines, nics, states
from sandbox.cloudstack.resources.networks import networks, vpcs
from sandbox.cloudstack.resources.owners import accounts
from sandbox.cloudstack.resources.zone import configuration, providers
from sandbox.cloudstack.state.cloud import Cloud

log = logging.getLogger(__name__)

INTERVAL = 60.0
IDLE_SECONDS = 600.0  # network.gc.wait; the collector comes by every network.gc.interval, which is 600 s too
RETRY_SECONDS = 3600.0
ACCOUNT_SECONDS = 86400.0  # account.cleanup.interval


def run(cloud: Cloud, jobs: Jobs) -> None:
    """Look round: at hosts often, at the rest at most once a minute. Call with the store locked."""
    agents.watch(cloud)
    providers.scan(cloud)
    now, facts = cloud.clock.now(), cloud.store.facts
    row = facts.get("chores") or facts.put({"id": "chores", "at": now, "retried": now, "accounts_retried": now})
    if now - row["at"] < INTERVAL:
        return
    facts.change(row, at=now)
    _collect_tiers(cloud, now)
    _expunge_machines(cloud, now)
    jobs.cancel_blocked(60 * configuration.number(cloud, "job.cancel.threshold.minutes"))
    jobs.expunge(60 * configuration.number(cloud, "job.expire.minutes"))
    if now - row["retried"] >= RETRY_SECONDS:
        facts.change(row, retried=now)
        _retry(cloud)
    if now - row["accounts_retried"] >= ACCOUNT_SECONDS:
        facts.change(row, accounts_retried=now)
        accounts.retry(cloud)
    providers.watch(cloud)


def _collect_tiers(cloud: Cloud, now: float) -> None:
    for network in cloud.table("network"):
        if network["state"] != networks.IMPLEMENTED or now - network["idle_since"] < IDLE_SECONDS:
            continue
        if cloud.get("networkoffering", network["networkofferingid"]).get("ispersistent"):
            continue
        owners = (cloud.table("vm").get(nic["vmid"]) for nic in cloud.table("nic").by("networkid", network["id"]))
        if not any(vm is not None and vm["state"] == states.RUNNING for vm in owners):
            _attempt(cloud, "network", network["id"])


def _expunge_machines(cloud: Cloud, now: float) -> None:
    delay = configuration.number(cloud, "expunge.delay")
    for vm in cloud.table("vm"):
        is_over = vm["state"] in (states.DESTROYED, states.ERROR)
        if is_over and now - (vm.get("destroyed") or vm["created"]) >= delay:  # in Error: from its making (unverified)
            _attempt(cloud, "vm", vm["id"])


def _retry(cloud: Cloud) -> None:
    """VPCs and addresses whose removal Netris did not accept."""
    for vpc in cloud.table("vpc"):
        if vpc["state"] == vpcs.INACTIVE and not cloud.job_fields(vpc):
            _attempt(cloud, "vpc", vpc["id"])
    for address in cloud.table("publicip"):
        if address["state"] == addresses.RELEASING and not cloud.job_fields(address):
            _attempt(cloud, "publicip", address["id"])


def _attempt(cloud: Cloud, kind: str, identifier: str) -> None:
    row = cloud.table(kind).get(identifier)
    if row is None:
        return
    try:
        if kind == "vpc":
            vpcs.destroy(cloud, row)
        elif kind == "vm":
            machines.expunge(cloud, row)
        elif kind == "network":
            networks.shut_down(cloud, row)
        else:
            addresses.release(cloud, row)
    except (ApiError, LookupError) as error:
        log.warning("%s %s is still not removed: %s", kind, identifier, error)


def settle_after_restart(cloud: Cloud) -> None:
    """Put what a killed server left half-way back into a stable state (2.2)."""
    for vm in cloud.table("vm"):
        if vm["state"] == states.STARTING:
            cloud.change("vm", vm, state=states.STOPPED)
    for network in cloud.table("network"):
        if network["state"] in (networks.IMPLEMENTING, nics.DESTROY):
            cloud.change("network", network, state=networks.SHUTDOWN)
    for router in cloud.table("router"):
        if router["state"] == "Starting":
            cloud.change("router", router, state="Stopped", hostid=None)
