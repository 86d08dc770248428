"""What was used, per object and day (cloudstack-api.md 3.11). Records end at the last midnight, as the job runs daily.

Approximate on purpose (unverified): a machine counts as running for as long as it has existed, if it runs now, and an
address only while it is held. Objects that are gone are counted up to their removal. Of bytes there are no records.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.cloudstack import wire
from sandbox.cloudstack.call import SUCCESS, Call, handles
from sandbox.cloudstack.cloud import Cloud
from sandbox.cloudstack.errors import InvalidValue
from sandbox.store import Row

DAY = 86400.0
TYPES = {
    1: "Running Vm Usage",
    2: "Allocated Vm Usage",
    3: "IP Address Usage",
    4: "Network Usage (Bytes Sent)",
    5: "Network Usage (Bytes Received)",
    6: "Volume Usage",
    7: "Template Usage",
    8: "ISO Usage",
    9: "Snapshot Usage",
    10: "Security Group Usage",
    11: "Load Balancer Usage",
    12: "Port Forwarding Usage",
    13: "Network Offering Usage",
    14: "VPN users usage",
    21: "VM Disk usage(I/O Read)",
    22: "VM Disk usage(I/O Write)",
    23: "VM Disk usage(Bytes Read)",
    24: "VM Disk usage(Bytes Write)",
    25: "VM Snapshot storage usage",
    26: "Volume on secondary storage usage",
    27: "VM Snapshot on primary storage usage",
    28: "Backup storage usage",
    29: "Bucket storage usage",
    30: "Network usage",
    31: "VPC usage",
}
_KINDS = {"vm": 2, "publicip": 3, "volume": 6, "loadbalancer": 11, "portforwardingrule": 12, "network": 30, "vpc": 31}
_WORDS = {2: "allocated", 1: "running time", 3: "IPAddress", 6: "Volume", 11: "Load Balancer", 12: "Port Forwarding"}


def _lives(cloud: Cloud) -> Iterator[tuple[int, Row, float, float]]:
    """Usage type, object, and when it began and ended."""
    now = cloud.clock.now()
    for kind, type_ in _KINDS.items():
        for row in cloud.table(kind):
            if row.get("accountid") is None or row.get("is_system"):
                continue
            since = row.get("allocated") if kind == "publicip" else row["created"]
            yield type_, row, since or now, now
            if kind == "vm" and row["state"] == "Running":
                yield 1, row, row["created"], now
    for row in cloud.table("removed"):
        if row["kind"] in _KINDS and "removed" in row:
            yield _KINDS[row["kind"]], row, row["created"], row["removed"]


@handles("listUsageTypes")
def list_usage_types(call: Call) -> Row:
    return {
        "count": len(TYPES),
        "usagetype": [
            {"id": type_, "usagetypeid": type_, "name": text, "description": text} for type_, text in TYPES.items()
        ],
    }


@handles("generateUsageRecords")
def generate_usage_records(call: Call) -> Row:
    """Records are computed when they are listed."""
    return SUCCESS


@handles("listUsageRecords")
def list_usage_records(call: Call) -> Row:
    if call["startdate"] > call["enddate"]:
        raise InvalidValue("Incorrect Date Range. Start date is after end date")
    accounts = {row["id"] for row in _accounts(call)}
    last = min(call["enddate"], call.cloud.clock.now() // DAY * DAY)
    rows = []
    for type_, row, since, until in _lives(call.cloud):
        if row["accountid"] not in accounts or call.get("type", type_) != type_:
            continue
        if call.get("usageid", row["id"]) == row["id"]:
            rows += [(type_, row, *piece) for piece in _days(max(since, call["startdate"]), min(until, last))]
    rows.sort(key=lambda record: (record[2], record[0]))
    return call.page([{"record": record} for record in rows], lambda row: record_view(call, *row["record"]))


def _accounts(call: Call) -> list[Row]:
    table, domain = call.cloud.table("account"), call.get("domainid") or call.caller.domain
    call.caller.check(call.cloud, "domain", domain)
    if (project := call.get("projectid")) is not None:
        return [row for row in table if row.get("projectid") == project["id"]]
    if (account := call.get("accountid")) is not None:
        call.caller.check(call.cloud, "account", account)
        return [account]
    if "account" in call:
        return [call.account_named(call["account"], domain)]
    is_all = call.get("isrecursive") or "domainid" not in call
    domains = call.cloud.subtree(domain) if is_all else [domain]
    return [account for each in domains for account in table.by("domainid", each["id"])]


def _days(since: float, until: float) -> Iterator[tuple[float, float, float]]:
    """The days that a span touches: start and end of the day, and the hours that fall into it."""
    start = since // DAY * DAY
    while start < until:
        hours = (min(until, start + DAY) - max(since, start)) / 3600
        yield start, start + DAY - 1, hours
        start += DAY


def record_view(call: Call, type_: int, row: Row, start: float, end: float, hours: float) -> Row:
    cloud, zone = call.cloud, call.cloud.zone
    name = row.get("name") or row.get("ipaddress") or row["id"]
    identifier = f"Id:{row['number']}" if call.get("oldformat") else name
    owner = cloud.owner_fields(row)
    shown = {
        **owner,
        "accountid": row["accountid"],
        "zoneid": zone["id"],
        "description": f"{_WORDS.get(type_, TYPES[type_].split()[0])} usage for {identifier} in zone {zone['name']}",
        "usage": f"{hours:.6f} Hrs",
        "usagetype": type_,
        "rawusage": f"{hours:.6f}",
        "name": name,
        "usageid": row["id"],
        "startdate": wire.date(start),
        "enddate": wire.date(end),
    }
    if type_ in (1, 2):
        shown |= {"virtualmachineid": row["id"]}
        if offering := cloud.table("serviceoffering").get(row.get("serviceofferingid")):
            shown |= {"offeringid": offering["id"], "type": "KVM"}
            shown |= {field: offering[field] for field in ("cpunumber", "cpuspeed", "memory")}
    if type_ == 3:
        shown |= {"issourcenat": bool(row.get("issourcenat")), "issystem": False}
    if type_ == 30:
        shown["networkid"] = row["id"]
    if type_ == 31:
        shown["vpcid"] = row["id"]
    if call.get("includetags"):
        shown["tags"] = cloud.tags_of(row)
    return shown
