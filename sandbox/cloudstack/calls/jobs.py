"""Asynchronous jobs: when each is due, in which order they run, and what is told about them (cloudstack-api.md 2.2).

A job is due `duration` after its turn comes. Jobs of one network or VPC wait for each other where the command says so.
Nothing sleeps: whoever calls `claim_due` gets the jobs whose time has come, each of them once.

    pending (0) ──▶ succeeded (1)
            └─────▶ failed (2)
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

from sandbox.cloudstack.calls.call import HASTENERS, Call
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import ApiError
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

PENDING, SUCCEEDED, FAILED = 0, 1, 2

# How long a command takes, as a multiple of `job_seconds`: router and controller work against database work.
_WEIGHTS = {"createVPC": 1.0, "restartVPC": 1.0, "deleteVPC": 0.75, "deployVirtualMachine": 1.0, "createTags": 0.1}
_USUAL_WEIGHT = 0.5

# The sheet names six of these; the others are spelled alike (unverified).
_INSTANCE_TYPES = {
    "vpc": "Vpc",
    "network": "Network",
    "publicip": "IpAddress",
    "vm": "VirtualMachine",
    "account": "Account",
    "domain": "Domain",
    "physicalnetwork": "PhysicalNetwork",
    "networkacllist": "NetworkAcl",
    "networkacl": "NetworkAclItem",
    "portforwardingrule": "FirewallRule",
    "loadbalancer": "FirewallRule",
    "staticroute": "StaticRoute",
    "project": "Project",
    "privategateway": "PrivateGateway",
    "nicsecondaryip": "IpAddress",
}


# Jobs about these never say which one they are about, and the rows never say that a job is about them.
UNNAMED = frozenset({"vpc", "network", "networkacllist", "networkacl", "domain"})

# Commands whose jobs do not even say what kind of thing they are about.
_UNTYPED = {
    *("updatePortForwardingRule", "deletePortForwardingRule", "updateLoadBalancerRule", "deleteLoadBalancerRule"),
    *("assignToLoadBalancerRule", "removeFromLoadBalancerRule", "deleteStaticRoute", "deletePrivateGateway"),
    *("replaceNetworkACLList", "moveNetworkAclItem", "disableStaticNat", "createTags"),
}


def instance_type(kind: str) -> str:
    """How jobs and events spell a kind of thing."""
    return _INSTANCE_TYPES.get(kind, kind)


class Jobs:
    def __init__(self, cloud: Cloud, seconds: float) -> None:
        self.cloud = cloud
        self.seconds = seconds
        self._ready: list[tuple[float, int, str]] = []
        self._queues: dict[str, deque[str]] = defaultdict(deque)

    def start(self, call: Call, sent: dict[str, str], *, kind: str = "", row: Row | None = None) -> Row:
        """Take on the job of a call. `row` is the object it is about; most show the job until that is over."""
        queue = self._queue_of(call)
        job = self.cloud.new(
            "job",
            command=call.command.name,
            cmd=call.command.java_class(by_root=call.caller.is_root),
            sent=sent,
            userid=call.caller.user["id"],
            accountid=call.caller.account["id"],
            domainid=call.caller.domain["id"],
            status=PENDING,
            resultcode=0,
            queue=queue,
            instancekind=kind,
            instanceid=row["id"] if row else None,
        )
        if row is not None and self.cloud.is_there(kind, row):
            self.cloud.change(kind, row, jobid=job["id"])
        hastens = HASTENERS.get(call.command.name)
        self._enqueue(job, at_once=hastens is not None and hastens(call))
        return job

    def claim_due(self) -> Iterator[Row]:
        """Jobs whose time has come. Call with the store locked; whoever gets a job runs it."""
        now = self.cloud.clock.now()
        while self._ready and self._ready[0][0] <= now:
            yield self.cloud.get("job", heapq.heappop(self._ready)[2])

    def has_due(self) -> bool:
        return bool(self._ready) and self._ready[0][0] <= self.cloud.clock.now()

    def finish(self, job: Row, result: Any = None, error: ApiError | None = None) -> None:
        done: Row = {"status": SUCCEEDED, "resultcode": 0, "result": _without_job(result)}
        if error is not None:
            result = {"errorcode": error.status, "errortext": error.text}
            done = {"status": FAILED, "resultcode": error.status, "result": result}
        self.cloud.change("job", job, completed=self.cloud.clock.now(), **done)
        self._show_done(job)
        if job["queue"]:
            queue = self._queues[job["queue"]]
            queue.popleft()
            if queue:
                self._schedule(self.cloud.get("job", queue[0]))
            else:
                del self._queues[job["queue"]]

    def recover(self, *, resume: bool) -> None:
        """After a restart: what was running has failed, with no result to show; or it goes on, when told to."""
        self._ready.clear()
        self._queues.clear()
        for job in self.cloud.table("job").where(status=PENDING):
            if resume:
                self._enqueue(job)
                continue
            self.cloud.change("job", job, status=FAILED, resultcode=530, completed=self.cloud.clock.now())
            self._show_done(job)

    def _queue_of(self, call: Call) -> str:
        """What the job must wait for: `network:<id>` or `vpc:<id>`."""
        for name in call.command.queue:
            row = call.get(name)
            if row is None:
                continue
            if row["id"] in self.cloud.table("network").rows:
                return f"network:{row['id']}"
            if row["id"] in self.cloud.table("vpc").rows:
                return f"vpc:{row['id']}"
            return f"vpc:{row['vpcid']}" if row.get("vpcid") else ""
        return ""

    def _enqueue(self, job: Row, *, at_once: bool = False) -> None:
        if job["queue"]:
            self._queues[job["queue"]].append(job["id"])
            if len(self._queues[job["queue"]]) > 1:
                return
        self._schedule(job, at_once=at_once)

    def _schedule(self, job: Row, *, at_once: bool = False) -> None:
        seconds = 0.0 if at_once else self.seconds
        due = self.cloud.clock.now() + seconds * _WEIGHTS.get(job["command"], _USUAL_WEIGHT)
        heapq.heappush(self._ready, (due, job["number"], job["id"]))

    def _show_done(self, job: Row) -> None:
        if job["instancekind"]:
            row = self.cloud.table(job["instancekind"]).get(job["instanceid"])
            if row is not None and row.get("jobid") == job["id"]:
                del row["jobid"]
                self.cloud.table(job["instancekind"]).put(row)

    def expunge(self, seconds: float) -> None:
        """Forget the jobs that finished so long ago. The oldest come first; one that lives on keeps those after it."""
        table = self.cloud.table("job")
        horizon = self.cloud.clock.now() - seconds
        for job in list(table):
            if job["status"] == PENDING or job["completed"] > horizon:
                return
            table.drop(job["id"])

    def cancel_blocked(self, seconds: float) -> None:
        """Jobs that have waited behind others for so long have failed, with code 0 and no result (2.2).

        What their create phase made is left as it is (unverified).
        """
        horizon = self.cloud.clock.now() - seconds
        for queue in self._queues.values():
            waiting = [self.cloud.get("job", identifier) for identifier in list(queue)[1:]]
            for job in (each for each in waiting if each["created"] <= horizon):
                queue.remove(job["id"])
                self.cloud.change("job", job, status=FAILED, completed=self.cloud.clock.now())
                self._show_done(job)


def _without_job(result: Any) -> Any:
    """In its job's result a thing does not say that the job is about it, as it does in lists; only machines do."""
    if not isinstance(result, dict):
        return result
    hidden = ("jobid", "jobstatus")
    return {
        key: {name: each for name, each in value.items() if name not in hidden}
        if isinstance(value, dict) and key != "virtualmachine"
        else value
        for key, value in result.items()
    }


def shown(cloud: Cloud, job: Row) -> Row:
    """A job as `queryAsyncJobResult` and `listAsyncJobs` tell it."""
    account = cloud.table("account").get(job["accountid"]) or {"name": "removed"}
    domain = cloud.table("domain").get(job["domainid"]) or {"path": "removed"}
    fields = {
        "accountid": job["accountid"],
        "account": account["name"],
        "domainid": job["domainid"],
        "domainpath": domain["path"],
        "userid": job["userid"],
        "cmd": job["cmd"],
        "jobstatus": job["status"],
        "jobprocstatus": 0,
        "jobresultcode": job["resultcode"],
    }
    if job.get("result") is not None:
        fields |= {"jobresulttype": "object", "jobresult": job["result"]}
    fields |= _subject(cloud, job)
    if job["status"] == PENDING:
        server = next(iter(cloud.table("managementserver").rows.values()))
        fields |= {"managementserverid": server["id"], "managementservername": server["name"]}
    fields |= {"created": created(job), "jobid": job["id"]}
    return fields | ({"completed": wire.date(job["completed"])} if "completed" in view(job, "completed") else {})


def _subject(cloud: Cloud, job: Row) -> Row:
    kind, identifier = job["instancekind"], job["instanceid"]
    if job["command"] == "createVPC":
        return {"jobinstancetype": "None"}
    if identifier is None or job["command"] in _UNTYPED:
        return {}
    if kind in UNNAMED or (job["status"] == FAILED and cloud.table(kind).get(identifier) is None):
        return {"jobinstancetype": instance_type(kind)}
    return {"jobinstancetype": instance_type(kind), "jobinstanceid": identifier}
