"""The key of a name as a column: filled from the columns that it folds whenever its row is saved.

`save(update_fields=[...])` writes it only when it is named there, and `update()` never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from django.db import models
from django.db.models import Count, Q

from apps.kernel.names import key_of


class Key(models.TextField[str, str]):
    """`of` are columns of the same row. Their keys stand on lines of their own, so nothing is found across two."""

    def __init__(self, *of: str, **options: Any) -> None:
        self.of = of
        ours: dict[str, Any] = {"editable": False, "default": ""}
        super().__init__(**(ours | options))

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, _, options = super().deconstruct()
        return str(name), path, list(self.of), options

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = joined(getattr(model_instance, name) for name in self.of)
        setattr(model_instance, self.attname, key)
        return key


def joined(values: Iterable[object]) -> str:
    return "\n".join(key_of(str(value)) for value in values)


def containing(column: str, words: str) -> Q:
    """Rows whose key holds the words, folded as the key is. Words that fold to nothing are found nowhere."""
    wanted = key_of(words)
    return Q(**{f"{column}__contains": wanted}) if wanted else Q(pk__in=())


# --- for migrations, whose models have rows from before ---


def fill(rows: models.QuerySet[Any], column: str, *, batch: int = 2000) -> None:
    """Write the keys of rows that have none yet."""
    key = rows.model._meta.get_field(column)
    assert isinstance(key, Key)
    last = None
    while page := list((rows.filter(pk__gt=last) if last else rows).order_by("pk").only(*key.of)[:batch]):
        for row in page:
            setattr(row, column, joined(getattr(row, name) for name in key.of))
        rows.bulk_update(page, [column], batch_size=batch)
        last = page[-1].pk


def number_the_same(
    rows: models.QuerySet[Any], column: str, *, within: Sequence[str] = (), name: str = "", most: int = 0
) -> list[tuple[Any, str]]:
    """Tell apart rows whose keys are equal `within` the same values: the oldest keeps its key, the others get ` (2)`,
    ` (3)`. With `name` they are renamed so, and told with their old names; else the key alone is numbered."""
    renamed = []
    age = ["created_at"] * any(field.name == "created_at" for field in rows.model._meta.fields)
    groups = rows.order_by().values(*within, column).annotate(how_many=Count("pk")).filter(how_many__gt=1)
    for group in list(groups):
        group.pop("how_many")
        beside = rows.filter(**{one: group[one] for one in within})
        for row in beside.filter(**{column: group[column]}).order_by(*age, "pk")[1:]:
            old = getattr(row, name or column)
            taken = set(beside.values_list(column, flat=True))
            numbered = (f"{old[: most - 5] if name else old} ({number})" for number in count(2))
            new = next(each for each in numbered if key_of(each) not in taken)
            changes = {column: key_of(new)} | ({name: new} if name else {})
            rows.filter(pk=row.pk).update(**changes)
            renamed += [(row, old)] if name else []
    return renamed
