"""How lists of requests for higher limits are narrowed."""

from __future__ import annotations

import django_filters

from apps.quotas.models import QuotaRequest, Stage


class QuotaRequestFilter(django_filters.FilterSet):  # type: ignore[misc]
    stage = django_filters.ChoiceFilter(choices=Stage.choices)

    class Meta:
        model = QuotaRequest
        fields: list[str] = []
