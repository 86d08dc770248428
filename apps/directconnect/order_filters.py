"""How lists of orders are narrowed."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from apps.directconnect.models import STAGES, Connection
from apps.kernel.named import containing
from apps.networks.filters import words


class ConnectionFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = words("the name, the letter's number or the carrier's reference")
    stage = django_filters.ChoiceFilter(choices=STAGES)

    class Meta:
        model = Connection
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(containing("search_key", value))
