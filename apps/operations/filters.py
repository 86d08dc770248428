"""How lists of operations are narrowed, on pages and in the API."""

from __future__ import annotations

import django_filters

from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase

#: What a row of something provisioned can be while it is listed at all.
LIVE_STATUSES = [choice for choice in Status.choices if choice[0] != Status.DELETED]
PHASES = [(str(phase), phase.replace("_", " ").capitalize()) for phase in Phase]


class OperationFilter(django_filters.FilterSet):  # type: ignore[misc]
    phase = django_filters.MultipleChoiceFilter(choices=PHASES, help_text="May be given several times.")
    kind = django_filters.CharFilter(help_text="Such as `vpc`, `tier`, `account`.")
    resource = django_filters.UUIDFilter("resource_id", help_text="The id of what it works on.")

    class Meta:
        model = Operation
        fields: list[str] = []
