"""Jobs and events: what was asked for, and what came of it (cloudstack-api.md 2.2, 3.11)."""

from __future__ import annotations

from sandbox.cloudstack.calls import jobs
from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from sandbox.cloudstack.state import alerts
from sandbox.cloudstack.state.cloud import created, view
from sandbox.kit.store import Row

_UNASKED = {"USER.LOGIN", "USER.LOGOUT", "ZONE.VXLAN.ASSIGN", "ZONE.VLAN.RELEASE", *alerts.EVENTS}


@handles("queryAsyncJobResult")
def query_async_job_result(call: Call) -> Row:
    return jobs.shown(call.cloud, call["jobid"])


@handles("listAsyncJobs")
def list_async_jobs(call: Call) -> Row:
    """Those that are not over yet."""
    rows = call.searched([job for job in call.visible("job") if job["status"] == jobs.PENDING], "cmd")
    if "startdate" in call:
        rows = [row for row in rows if row["created"] >= call["startdate"]]
    return call.page(rows, lambda job: jobs.shown(call.cloud, job))


@handles("listEvents")
def list_events(call: Call) -> Row:
    rows = call.narrowed(call.visible("event"), "level", "type", "resourceid", "resourcetype", "state")
    if (first := call.get("startid")) is not None:
        rows = [row for row in rows if first["id"] in (row["id"], row.get("parentid"))]
    if "startdate" in call:
        rows = [row for row in rows if row["created"] >= call["startdate"]]
    if "enddate" in call:
        rows = [row for row in rows if row["created"] <= call["enddate"]]
    if "entrytime" in call and "duration" in call:
        rows = _unfinished(call, rows)
    if call.get("archived"):
        rows = []
    rows = call.searched(rows, "type", "description", "username", "level")

    def shown(row: Row) -> Row:
        fields = view(row, "id", "username", "type", "level", "description", "state", "parentid")
        fields |= view(row, "resourceid", "resourcetype", "resourcename")
        return {**fields, **call.cloud.owner_fields(row), "created": created(row)}

    return call.page(rows[::-1], shown)


def _unfinished(call: Call, rows: list[Row]) -> list[Row]:
    """Events that started in the window but did not complete within `duration` seconds."""
    since = call.cloud.clock.now() - call["entrytime"]
    done = {row.get("parentid"): row["created"] for row in rows if row["state"] == "Completed"}
    return [
        row
        for row in rows
        if row["state"] == "Scheduled"
        and row["created"] >= since
        and done.get(row["id"], float("inf")) - row["created"] > call["duration"]
    ]


@handles("listEventTypes")
def list_event_types(call: Call) -> Row:
    names = sorted({command.event for command in CATALOGUE.values() if command.event} | _UNASKED)
    return {"count": len(names), "eventtype": [{"name": name} for name in names]}


@handles("listAlerts")
def list_alerts(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("alert"), "id", "name")
    if (wanted := call.get("type")) is not None:
        rows = [row for row in rows if str(row["type"]) == wanted]

    def shown(row: Row) -> Row:
        return {**view(row, "id", "type", "name", "description"), "sent": created(row)}

    return call.page(call.searched(rows, "description", "name")[::-1], shown)
