"""Filters that lists of several apps share."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from apps.kernel.names import key_of


class NameFilter(django_filters.CharFilter):  # type: ignore[misc]
    """The whole name, which is the same as another when it looks the same: as for the rule that names are unique."""

    def __init__(self) -> None:
        super().__init__(help_text="The whole name, whatever the case of its letters.")

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(name_key=key_of(value)) if value else qs
