"""AS numbers: ranges of the zone, of which each VPC with dynamic routing takes one (cloudstack-api.md 3.8)."""

from __future__ import annotations

from uuid import UUID, uuid5

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import InvalidValue, NoCapacity
from sandbox.cloudstack.resources.zone.numbers import Numbers, Rows
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

HIGHEST = 2**32 - 1
_RANGE, _TAKEN = "asnumberrange", "asnumber"


@handles("createASNRange")
def create_range(call: Call) -> Row:
    cloud, zone, first, last = call.cloud, call["zoneid"], call["startasn"], call["endasn"]
    if not 1 <= first <= last <= HIGHEST:
        raise InvalidValue(f"Please specify a valid range of AS numbers: {first}-{last}")
    for row in _ranges(cloud, zone):
        if first <= row["endasn"] and row["startasn"] <= last:
            raise InvalidValue(f"The AS numbers {first}-{last} overlap the range {shown_range(row)} of the zone")
    call.row = cloud.new(_RANGE, zoneid=zone["id"], startasn=first, endasn=last)
    return {"asnumberrange": {**view(call.row, "id", "zoneid", "startasn", "endasn"), "created": created(call.row)}}


def _ranges(cloud: Cloud, zone: Row) -> list[Row]:
    return list(cloud.table(_RANGE).where(zoneid=zone["id"]))


def shown_range(row: Row) -> str:
    return f"{row['startasn']}-{row['endasn']}"


def shown_ranges(cloud: Cloud, zone: Row) -> str:
    """As a zone shows them: nothing at all while it has none."""
    return ", ".join(shown_range(row) for row in _ranges(cloud, zone))


def _numbers(rows: list[Row]) -> Numbers:
    return Numbers(range(row["startasn"], row["endasn"] + 1) for row in rows)


def pick(cloud: Cloud, zone: Row, asked: int | None, *, is_asked: bool) -> int:
    """The number that was asked for, where the offering wants one to be; else the lowest free one (unverified)."""
    free = _numbers(_ranges(cloud, zone)).without(row["id"] for row in cloud.table(_TAKEN))
    if is_asked:
        if asked is None:
            raise InvalidValue("AS number is required for the VPC but not passed.")
        if asked not in free:
            raise InvalidValue(f"AS number {asked} is not in a range of zone {zone['name']}, or is in use")
        return asked
    if not free:
        raise NoCapacity(f"Zone {zone['name']} has no free AS number")
    return min(free.ranges, key=lambda each: each.start).start


def take(cloud: Cloud, number: int, vpc: Row) -> None:
    owner = {"accountid": vpc["accountid"], "domainid": vpc["domainid"]}
    cloud.table(_TAKEN).put({"id": number, "vpcid": vpc["id"], "taken": cloud.clock.now(), **owner})


def give_back(cloud: Cloud, vpc: Row) -> None:
    for row in cloud.table(_TAKEN).by("vpcid", vpc["id"]):
        cloud.table(_TAKEN).drop(row["id"])


def vpc_fields(cloud: Cloud, vpc_id: str) -> Row:
    """The number of a VPC, as the VPC and its tiers show it."""
    row = next(iter(cloud.table(_TAKEN).by("vpcid", vpc_id)), None)
    return {} if row is None else {"asnumber": row["id"], "asnumberid": _id(_range_of(cloud, row["id"]), row["id"])}


def _range_of(cloud: Cloud, number: int) -> Row:
    return next(row for row in cloud.table(_RANGE) if row["startasn"] <= number <= row["endasn"])


def _id(range_: Row, number: int) -> str:
    """Free numbers are no rows, yet each has its uuid."""
    return str(uuid5(UUID(range_["id"]), str(number)))


@handles("listASNumbers")
def list_as_numbers(call: Call) -> Row:
    """Ordinary users see what is free, and their own (unverified)."""
    cloud, table = call.cloud, call.cloud.table(_TAKEN)
    ranges = call.narrowed(cloud.table(_RANGE), "zoneid", asnrangeid="id")
    taken = _asked_for(call, list(table))
    is_owned = any(name in call for name in ("vpcid", "networkid", "account", "domainid"))
    if call.get("isallocated") or is_owned:
        kept = _numbers(ranges)
        numbers = Numbers(range(row["id"], row["id"] + 1) for row in taken if row["id"] in kept)
    elif "isallocated" in call:
        numbers = _numbers(ranges).without(row["id"] for row in table)
    else:
        seen = {row["id"] for row in taken}
        numbers = _numbers(ranges).without(row["id"] for row in table if row["id"] not in seen)
    if is_owned and call.get("isallocated") is False:
        numbers = Numbers(())
    if (wanted := call.get("asnumber")) is not None:
        numbers = Numbers([range(wanted, wanted + 1)] if wanted in numbers else ())
    return call.page(Rows(numbers), lambda row: number_view(cloud, row["id"]))  # type: ignore[arg-type]


def _asked_for(call: Call, taken: list[Row]) -> list[Row]:
    """The taken numbers that the caller asks for and may see."""
    if not call.caller.is_root or "account" in call or "domainid" in call:
        accounts = {account["id"] for account in call.accounts_in_scope() or ()}
        taken = [row for row in taken if row["accountid"] in accounts]
    if (vpc := call.get("vpcid")) is not None:
        taken = [row for row in taken if row["vpcid"] == vpc["id"]]
    if (network := call.get("networkid")) is not None:
        taken = [row for row in taken if row["vpcid"] == network.get("vpcid")]
    return taken


def number_view(cloud: Cloud, number: int) -> Row:
    """The sheet lists no fields of an AS number (unverified)."""
    row, range_ = cloud.table(_TAKEN).get(number), _range_of(cloud, number)
    zone = cloud.get("zone", range_["zoneid"])
    shown = {
        "id": _id(range_, number),
        "asnumber": number,
        "asnrangeid": range_["id"],
        "asnrange": shown_range(range_),
        "zoneid": zone["id"],
        "zonename": zone["name"],
        "allocationstate": "Allocated" if row else "Free",
        "created": created(range_),
    }
    if row is not None:
        vpc = cloud.get("vpc", row["vpcid"])
        shown |= {"allocated": wire.date(row["taken"]), "vpcid": vpc["id"], "vpcname": vpc["name"]}
    return {**shown, **cloud.owner_fields(row or {})}
