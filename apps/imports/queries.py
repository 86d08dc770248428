"""What is read of imports beside their rows."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, Q

from apps.imports.models import Counts, Import, Row, Standing
from apps.operations.state import RUNNING, Phase

_AT_WORK = Q(operation__phase__in=sorted(RUNNING))
_DONE = Q(operation__phase=Phase.SUCCEEDED) | Q(standing=Standing.ORDERED, operation=None)  # long ago: forgotten
#: As `Counts` has them.
_STANDS = {
    "ready": Q(standing=Standing.READY),
    "at_work": _AT_WORK,
    "done": _DONE,
    "failed": Q(standing=Standing.ORDERED) & ~_AT_WORK & ~_DONE,
    "refused": Q(standing=Standing.REFUSED),
    "faulty": Q(standing=Standing.FAULTY),
    "same": Q(standing=Standing.SAME),
}


def counts_of(imports: Iterable[Import]) -> dict[UUID, Counts]:
    """One query for all of them."""
    ids = [each.pk for each in imports]
    told = {name: Count("pk", filter=condition) for name, condition in _STANDS.items()}
    rows = Row.objects.filter(imported__in=ids).order_by().values("imported").annotate(**told)
    found = {pk: Counts(*figures) for pk, *figures in rows.values_list("imported", *_STANDS)}
    return {pk: found.get(pk, Counts()) for pk in ids}


def counts(imported: Import) -> Counts:
    return counts_of([imported])[imported.pk]
