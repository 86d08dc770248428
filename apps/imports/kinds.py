"""What can be imported. An app that owns a sheet registers its kind from `AppConfig.ready`.

    register(Kind(
        key="subnets", label="Subnets",
        columns={"zone": "The short name of its zone.", "prefix": "...", ...},     as the sheet taken out calls them
        required=("zone", "prefix"),
        ignored=("status", "read_at"),           columns of the sheet taken out that are only read
        check=check_rows,
        order=order_row,
    ))

`check` gets all rows of a sheet at once, so that it asks the database as often for one as for a thousand. It changes
nothing and asks no remote. `order` gets what `check` has put into `Checked.order`, and has that done, once, in a
transaction that is open already: a service is called as `joined(service)`. It asks all rules again: time has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.kernel.errors import Refused
from apps.operations.models import Operation
from apps.tenancy.actors import Platform

#: The cells of a row that are not empty, by their columns.
Cells = Mapping[str, str]
#: What is said of a row whose zone nobody knows.
UNKNOWN_ZONE = Refused("zone-unknown", "There is no zone of this short name.", "zone")


@dataclass(frozen=True)
class Checked:
    """What is to be said of a row. With faults it is not sent; without faults and without an `order` there is nothing
    to be done, since all is as the row says."""

    #: Each with a column as its field; None for the whole row.
    faults: Sequence[Refused] = ()
    #: What would be done, for people: "Create subnet 10.1.0.0/24 (web)".
    what: str = ""
    #: What would be sent, by the names that the remote has for it; of a change what differs, {"name": "from a to b"}.
    sends: Mapping[str, object] = field(default_factory=dict)
    #: For `Kind.order`, as JSON.
    order: Mapping[str, Any] = field(default_factory=dict)
    #: What the row is about: no two rows of a sheet may be about the same. "" where that is not known.
    about: str = ""
    #: Rows of a higher rank are sent when all of the lower ranks are over: an allocation before its subnets.
    rank: int = 0


@dataclass(frozen=True)
class Kind:
    key: str
    label: str
    #: With what to write there.
    columns: Mapping[str, str]
    required: Sequence[str]
    check: Callable[[Sequence[Cells], Platform], Sequence[Checked]]
    order: Callable[[Mapping[str, Any], Platform], Operation]
    ignored: Sequence[str] = ()
    #: The route of the sheet that is taken out; "" where there is none.
    sheet: str = ""


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    if kind.key in _kinds and _kinds[kind.key] is not kind:
        raise ValueError(f"two kinds of imports are called {kind.key}")
    _kinds[kind.key] = kind


def all_kinds() -> list[Kind]:
    return [_kinds[key] for key in sorted(_kinds)]


def kind_of(key: str) -> Kind:
    """Raises `Refused` for one that nobody has registered."""
    if key not in _kinds:
        raise Refused("kind-unknown", f"There is no such kind. Known: {', '.join(sorted(_kinds))}.", "kind")
    return _kinds[key]
