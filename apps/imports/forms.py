"""A sheet as it is brought, and how the report on it is narrowed."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.imports.kinds import all_kinds
from apps.imports.models import Standing
from apps.imports.reading import MOST_CHARACTERS, MOST_ROWS
from apps.kernel.forms import Choice, ListForm, Options, Refusable, Search


class SheetForm(Refusable):
    """The text of a sheet, pasted. With scripts a file fills the field in (weft.js); nothing is uploaded."""

    kind = forms.ChoiceField(label="What it is of", widget=Options)
    sheet = forms.CharField(
        label="Sheet as CSV",
        strip=False,
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea({"rows": 14, "spellcheck": "false", "maxlength": MOST_CHARACTERS}),
        help_text=(
            f"The first line names the columns. At most {MOST_ROWS:,} rows and {MOST_CHARACTERS:,} characters, "
            "with commas, semicolons or tabs between the cells."
        ),
        error_messages={"required": "Paste a sheet."},
    )

    def __init__(self, data: Any = None, *, kind: str = "") -> None:
        super().__init__(data, initial={"kind": kind})
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.key, each.label) for each in all_kinds()]


class RowListForm(ListForm):
    q = Search("what would be done")
    nothing = "No row is about this, or stands so."
    standing = Choice("standing", Standing.choices)
