from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from apps.kernel.forms import Refusable
from apps.kernel.names import as_seen
from apps.strays.models import Stray


class ConfirmForm(Refusable):
    """Whoever removes or adopts something types its name."""

    name = forms.CharField(max_length=255, widget=forms.TextInput({"autocomplete": "off", "autofocus": True}))

    def __init__(self, stray: Stray, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.expected = stray.name
        self.fields["name"].label = f"Type its name to confirm: {stray.name}"
        self.fields["name"].widget.attrs["size"] = len(stray.name) + 4

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if as_seen(name) != as_seen(self.expected):
            raise forms.ValidationError(f"This is not its name. Type {self.expected}, or leave it.")
        return name
