"""What was used, per object and day (cloudstack-api.md 3.11). Records end at the last midnight, as the job runs daily.

Approximate on purpose (unverified): a machine counts as running for as long as it has existed, if it runs now, and an
address only while it is held. Objects that are gone are counted up to their removal. Of bytes there are no records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from operator import itemgetter

from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import InvalidValue
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row, Table

Life = tuple[int, Row, float, float]

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


def _lives(cloud: Cloud, accounts: list[Row], first: float, last: float) -> Iterator[Life]:
    """Usage type, object, and when it began and ended, as far as that lies between the two moments."""
    now, owners = cloud.clock.now(), {row["id"] for row in accounts}
    end = now if now < last else last
    for kind, type_ in _KINDS.items():
        began = "allocated" if kind == "publicip" else "created"
        for row in _owned(cloud.table(kind), accounts):
            if row.get("accountid") not in owners or row.get("is_system"):
                continue
            since = row.get(began) or now
            since = since if since > first else first
            yield type_, row, since, end
            if kind == "vm" and row["state"] == "Running":
                yield 1, row, since, end
    for row in cloud.table("removed"):
        if row["kind"] in _KINDS and "removed" in row and row.get("accountid") in owners:
            yield _KINDS[row["kind"]], row, max(row["created"], first), min(row["removed"], last)


def _owned(table: Table, accounts: list[Row]) -> Iterable[Row]:
    """Rows by their numbers: those of one account, or those of everybody."""
    if len(accounts) != 1:
        return table.rows.values()
    return sorted(table.by("accountid", accounts[0]["id"]), key=itemgetter("number"))


@handles("listUsageTypes")
def list_usage_types(call: Call) -> Row:
    return {
        "count": len(TYPES),
        "usagetype": [{"id": type_, "name": text, "description": text} for type_, text in TYPES.items()],
    }


@handles("generateUsageRecords")
def generate_usage_records(call: Call) -> Row:
    """Records are computed when they are listed."""
    return SUCCESS


@handles("listUsageRecords")
def list_usage_records(call: Call) -> Row:
    if call["startdate"] > call["enddate"]:
        raise InvalidValue("Incorrect Date Range. Start date is after end date")
    wanted, subject = call.get("type"), call.get("usageid")
    lives = _lives(call.cloud, _accounts(call), call["startdate"], min(call["enddate"], _last_midnight(call.cloud)))
    if wanted is not None:
        lives = (life for life in lives if life[0] == wanted)
    if subject is not None:
        lives = (life for life in lives if life[1]["id"] == subject)
    return call.page(_Records(lives), lambda row: record_view(call, *row["record"]))  # type: ignore[arg-type]


def _last_midnight(cloud: Cloud) -> float:
    return cloud.clock.now() // DAY * DAY


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


class _Records(Sequence[Row]):
    """A row for each day that a life touches, by day and then by type. Rows are made when they are looked at."""

    def __init__(self, lives: Iterable[Life]) -> None:
        """Days are counted from the epoch. What ends before it begins lies outside of what was asked for."""
        self._lives = [life for life in lives if life[2] <= life[3] and life[2] // DAY * DAY < life[3]]
        self._lives.sort(key=itemgetter(0))
        begins = Counter([since // DAY for _, _, since, _ in self._lives])
        ends = Counter([-(-until // DAY) for _, _, _, until in self._lives])
        days = range(int(min(begins, default=0)), int(max(ends, default=0)))
        self._lengths = list(zip(days, accumulate(begins[day] - ends[day] for day in days), strict=True))

    def __len__(self) -> int:
        return sum(length for _, length in self._lengths)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        """Only pages are asked for."""
        start, stop, _ = index.indices(len(self))
        found: list[Row] = []
        for day, length in self._lengths:
            if start < length and stop > 0:
                found += [{"record": record} for record in islice(self._of_day(day), max(start, 0), stop)]
            start, stop = start - length, stop - length
        return found

    def _of_day(self, day: int) -> Iterator[tuple[int, Row, float, float, float]]:
        """Type, object, start and end of the day, and the hours that fall into it."""
        start, end = day * DAY, (day + 1) * DAY
        for type_, row, since, until in self._lives:
            if since < end and start < until:
                yield type_, row, start, end - 1, (min(until, end) - max(since, start)) / 3600


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
