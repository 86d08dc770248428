"""The filters of the pages that list operations and audit entries."""

from __future__ import annotations

from django import forms

from apps.operations.queries import PHASES


class ActivityForm(forms.Form):
    """Nonsense in an address filters nothing."""

    q = forms.CharField(required=False, max_length=200)
    phase = forms.ChoiceField(
        required=False,
        label="Status",
        choices=[("", "Any status"), *((key, label) for key, (label, _) in PHASES.items())],
    )

    @property
    def words(self) -> str:
        return self._said("q")

    @property
    def phase_wanted(self) -> str:
        return self._said("phase")

    @property
    def is_filtered(self) -> bool:
        return bool(self.words or self.phase_wanted)

    def _said(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name, "")).strip().replace("\0", "")
