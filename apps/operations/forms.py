"""The filters of the pages that list operations."""

from __future__ import annotations

from apps.kernel.forms import Choice, ListForm
from apps.operations.queries import PHASES


class ActivityForm(ListForm):
    phase = Choice("status", [(key, label) for key, (label, _) in PHASES.items()])

    @property
    def phase_wanted(self) -> str:
        return self.said("phase")


class RetryForm(ListForm):
    """Which of the stuck operations are tried again: those that the page's filter shows."""

    also = ("csrfmiddlewaretoken",)
