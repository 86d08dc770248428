"""What the page of a connection shows of its virtual interfaces (`directconnect/_interfaces.html`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.directconnect.checks import Check, worst_of
from apps.directconnect.interfaces.queries import checks
from apps.directconnect.models import Connection, Interface
from apps.directconnect.standing import Standing, standing_of
from apps.operations.provisioned import Status
from apps.tenancy.actors import TenantRequest

#: As many as a connection may have.
SHOWN = 50


@dataclass(frozen=True)
class Shown:
    row: Interface
    checks: Sequence[Check]

    @property
    def standing(self) -> Standing:
        return standing_of([(self.row.name, self.checks)])

    @property
    def word(self) -> str:
        """Well is only said of what was read lately."""
        return self.standing.word if self.row.status == Status.READY else self.row.status

    @property
    def worst(self) -> Check | None:
        """What to look at first."""
        return worst_of(self.checks)


def of_connection(_request: TenantRequest, row: Connection) -> dict[str, Any]:
    """What stands in the context of the page, besides the connection. One query, and five if it has any."""
    rows = Interface.objects.of(row.tenant).live().filter(connection=row)
    found = list(rows.select_related("connection", "port", "vpc__zone").order_by("name", "id")[:SHOWN])
    told = checks(found)
    return {"interfaces": [Shown(each, told[each.pk]) for each in found]}
