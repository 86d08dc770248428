"""How the rows of an import are narrowed over REST."""

from __future__ import annotations

import django_filters

from apps.imports.models import Row, Standing


class RowFilter(django_filters.FilterSet):  # type: ignore[misc]
    standing = django_filters.ChoiceFilter(choices=Standing.choices)

    class Meta:
        model = Row
        fields: list[str] = []
