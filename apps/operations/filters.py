"""How lists of operations are narrowed, on pages and in the API."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet

from apps.kernel.errors import Refused
from apps.operations.models import Operation
from apps.operations.parts import kinds
from apps.operations.provisioned import Status
from apps.operations.state import Phase

#: What a row of something provisioned can be while it is listed at all.
LIVE_STATUSES = [choice for choice in Status.choices if choice[0] != Status.DELETED]
PHASES = [(str(phase), phase.replace("_", " ").capitalize()) for phase in Phase]


class OperationFilter(django_filters.FilterSet):  # type: ignore[misc]
    phase = django_filters.MultipleChoiceFilter(choices=PHASES, help_text="May be given several times.")
    kind = django_filters.CharFilter(method="of_kind", help_text="Such as `vpc`, `tier`, `account`.")
    resource = django_filters.UUIDFilter(method="on_resource", help_text="The id of what it works on.")

    class Meta:
        model = Operation
        fields: list[str] = []

    def of_kind(self, rows: QuerySet[Operation], _name: str, value: str) -> QuerySet[Operation]:
        if value not in kinds():
            raise Refused("kind-unknown", f"There is no such kind. Known: {', '.join(kinds())}.", "kind")
        return rows.filter(kind=value)

    def on_resource(self, rows: QuerySet[Operation], _name: str, value: UUID) -> QuerySet[Operation]:
        """Whatever exists was made by an operation, so an id without any is a slip."""
        if not self.queryset.filter(resource_id=value).exists():
            raise Refused("resource-unknown", "There is no such resource, or nothing was ever done to it.", "resource")
        return rows.filter(resource_id=value)
