"""The VNI pool of the physical network: a million numbers, of which only the taken ones are kept as rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import InternalError, InvalidValue
from sandbox.cloudstack.resources.zone.numbers import Numbers, Rows
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row

HIGHEST = 16777214
_RANGE = re.compile(r"(\d{1,8})-(\d{1,8})", re.ASCII)


class Pool(Numbers):
    """The numbers of `1000-1999,5000-5999`."""

    def __init__(self, text: str) -> None:
        ranges = []
        for part in text.split(","):
            match = _RANGE.fullmatch(part.strip())
            if match is None or not int(match[1]) <= int(match[2]) <= HIGHEST:
                raise InvalidValue(f"Please provide a valid vnet range: {text}")
            ranges.append(range(int(match[1]), int(match[2]) + 1))
        super().__init__(ranges)


def pool(cloud: Cloud) -> Pool:
    return Pool(cloud.physical_network["vlan"])


@contextmanager
def held(cloud: Cloud, network: Row) -> Iterator[None]:
    """Nobody else gets the tier's number while its transaction is open. What fails in it has never taken the number."""
    number = network["vni"]
    _put(cloud, network)
    try:
        yield
    except BaseException:
        cloud.table("vni").drop(number)
        raise


def take(cloud: Cloud, network: Row) -> None:
    """Write down that the tier has its number, for the first time or again after the collector came by."""
    _put(cloud, network)
    _tell(cloud, network, f"Assigned Zone vNet: {network['vni']} Network Id: {network['number']}", "VXLAN.ASSIGN")


def _put(cloud: Cloud, network: Row) -> None:
    row = {"id": network["vni"], "networkid": network["id"], "accountid": network["accountid"]}
    cloud.table("vni").put({**row, "taken": cloud.clock.now()})


def pick(cloud: Cloud, network: Row) -> int:
    """A random free number: of the account's own ranges when it has any, never of another's."""
    account = network["accountid"]
    dedicated = [(row["accountid"], Pool(row["vlanrange"])) for row in cloud.table("guestrange")]
    mine = [numbers for owner, numbers in dedicated if owner == account]
    foreign = [numbers for owner, numbers in dedicated if owner != account]
    taken = cloud.table("vni").rows
    numbers: Sequence[int] = [number for each in mine for number in each] or pool(cloud)

    def is_free(number: int) -> bool:
        return number not in taken and not any(number in each for each in foreign)

    for _ in range(32):
        number: int = numbers[cloud.random.randrange(len(numbers))]
        if is_free(number):
            return number
    free = [number for number in numbers if is_free(number)]
    if not free:
        raise InternalError("Failed to allocate VXLAN for Netris guest Network null")
    return cloud.random.choice(free)


def give_back(cloud: Cloud, network: Row) -> None:
    """An event says so, yet the pool never has the number again: it stays taken, by nobody (5.3)."""
    for row in cloud.table("vni").by("networkid", network["id"]):
        cloud.table("vni").change(row, networkid=None, accountid=None)
        _tell(cloud, network, f"Released Zone Vnet: {row['id']} for Network: {network['number']}", "VLAN.RELEASE")


def _tell(cloud: Cloud, network: Row, text: str, what: str) -> None:
    """The events that leak the network's internal number to its owner (5.3)."""
    user = cloud.table("user").by("username", "system")[0]
    cloud.event(f"ZONE.{what}", text, user=user, state="Completed", accountid=network["accountid"])


@handles("listGuestVlans")
def list_guest_vlans(call: Call) -> Row:
    cloud, table = call.cloud, call.cloud.table("vni")
    physical = cloud.physical_network
    numbers: Sequence[int] = pool(cloud)
    if call.get("allocatedonly"):
        numbers = sorted((int(row["id"]) for row in table), key=str)
    if (wanted := call.get("vnet")) is not None:
        numbers = [int(wanted)] if wanted.isdigit() and int(wanted) in numbers else []
    if "id" in call:
        numbers = [call["id"]] if call["id"] in numbers else []
    if call.get("physicalnetworkid", physical)["id"] != physical["id"]:
        numbers = []

    dedicated = [Pool(each["vlanrange"]) for each in cloud.table("guestrange")]

    def shown(row: Row) -> Row:
        taken = table.get(row["id"])
        fields = {
            "id": row["id"],
            "vlan": str(row["id"]),
            "zoneid": cloud.zone["id"],
            "zonename": cloud.zone["name"],
            "physicalnetworkid": physical["id"],
            "physicalnetworkname": physical["name"],
            "isdedicated": any(row["id"] in each for each in dedicated),
            "allocationstate": "Allocated" if taken else "Free",
            "network": [],  # nor an account: not even of a tier that has the number
        }
        return {**fields, "taken": wire.date(taken["taken"])} if taken else fields

    return call.page(Rows(numbers), shown)  # type: ignore[arg-type]
