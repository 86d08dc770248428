"""What the page of a connection shows of its virtual interfaces (`directconnect/_interfaces.html`)."""

from __future__ import annotations

from typing import Any

from apps.directconnect.models import Connection, Interface
from apps.tenancy.actors import TenantRequest

#: As many as a connection may have.
SHOWN = 50


def of_connection(_request: TenantRequest, row: Connection) -> dict[str, Any]:
    """What stands in the context of the page, besides the connection. One query."""
    rows = Interface.objects.of(row.tenant).live().filter(connection=row).select_related("vpc")
    return {"interfaces": list(rows.order_by("name", "id")[:SHOWN])}
