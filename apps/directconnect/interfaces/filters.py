"""How lists of virtual interfaces are narrowed. A reference to what is not there is refused."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from apps.directconnect.models import Interface
from apps.kernel.api.filters import NameFilter
from apps.kernel.named import containing
from apps.networks.filters import InVpcFilter, words


class InterfaceFilter(InVpcFilter):
    q = words("the name")
    name = NameFilter()

    class Meta:
        model = Interface
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(containing("name_key", value))
