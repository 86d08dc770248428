"""What Weft writes of Netris' IPAM: allocations, and the subnets in them (netris-api.md 2.3).

There is no call for one of them, so one is looked for in the tree of its VPC, by its type and its prefix, of which a
VPC has one. A prefix never changes. An update takes the whole thing, so all that is not asked for goes back as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.kernel.inet import network_of
from apps.kernel.remote import Rejected
from apps.netris.calls import SYSTEM, Calls
from apps.netris.wire import Allocation, Subnet, bare

ALLOCATION, SUBNET = "allocation", "subnet"
#: What an update takes, as far as a row shows it under the same name.
COMMON = ("name", "description", "tenant", "prefix", "vpc")
UPDATES = {
    ALLOCATION: COMMON,
    SUBNET: (*COMMON, "sites", "purpose", "defaultGateway", "globalRouting", "tags"),
}


class Ipam(Calls):
    def find_block(self, vpc_id: int, type_: str, prefix: object) -> Allocation | Subnet | None:
        row = self._block(vpc_id, type_, prefix)
        if row is None:
            return None
        model: type[Allocation] | type[Subnet] = Allocation if type_ == ALLOCATION else Subnet
        return self._decode("/api/v2/ipam", row, model)

    def create_block(self, type_: str, body: Mapping[str, Any]) -> int:
        """Returns its id."""
        return self._create(f"/api/v2/ipam/{type_}", body, subject=str(body["prefix"]))

    def update_block(self, vpc_id: int, type_: str, prefix: object, changes: Mapping[str, Any]) -> None:
        """Raises `Rejected` when there is no such block."""
        path = f"/api/v2/ipam/{type_}/{{id}}"
        row = self._block(vpc_id, type_, prefix)
        if row is None:
            raise Rejected("Not found", 404, system=SYSTEM, call=f"PUT {path}")
        body = {name: row[name] for name in UPDATES[type_] if row.get(name) is not None}
        if "purpose" in body:
            body["purpose"] = bare(body["purpose"])
        self._update(path, int(row["id"]), {**body, **changes})

    def _block(self, vpc_id: int, type_: str, prefix: object) -> dict[str, Any] | None:
        """As it came."""
        data = self._data("/api/v2/ipam", [("filterByVpc", str(vpc_id))], subject=str(vpc_id))
        rows = data if isinstance(data, list) else []
        found = (row for row in _walked(rows) if str(bare(row.get("type"))).lower() == type_)
        return next((row for row in found if _is(row.get("prefix"), str(prefix))), None)


def _walked(rows: list[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if isinstance(row, dict):
            yield row
            yield from _walked(row.get("children") or [])


def _is(text: object, prefix: str) -> bool:
    """However an IPv6 prefix is spelt."""
    try:
        return str(network_of(str(text))) == prefix
    except ValueError:
        return False
