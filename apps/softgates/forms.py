from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from apps.kernel.forms import Refusable


class ConfirmForm(Refusable):
    """The name is asked for where what the node carries would stop."""

    confirm = forms.CharField(
        required=False, max_length=255, widget=forms.TextInput({"autocomplete": "off", "autofocus": True})
    )

    def __init__(self, data: Mapping[str, Any] | None, *, name: str, is_asked: bool) -> None:
        super().__init__(data)
        self.fields["confirm"].label = f"Type its name to confirm: {name}"
        if not is_asked:
            del self.fields["confirm"]
