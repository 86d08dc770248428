"""The filters of the pages that list operations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from apps.kernel.forms import Choice, ListForm, Search
from apps.operations.queries import PHASES


class OfVpcForm(ListForm):
    """What was done with one VPC and its tiers, by its id: its name may have changed since. Nobody types it."""

    vpc = forms.UUIDField(
        required=False, widget=forms.HiddenInput, error_messages={"invalid": "There is no VPC with this id."}
    )

    @property
    def vpc_wanted(self) -> UUID | None:
        self.is_valid()
        return self.cleaned_data.get("vpc")

    @property
    def wanted(self) -> dict[str, Any]:
        """As `queries.search` takes it."""
        return {"words": self.words, "vpc": self.vpc_wanted}

    @property
    def summary(self) -> str:
        return "Of one VPC and its tiers alone" if self.vpc_wanted else ""


class ChangesForm(OfVpcForm):
    q = Search("person, action or name")
    nothing = "No entry has these words."


class ActivityForm(OfVpcForm):
    q = Search("name or person")
    nothing = "No operation has these words or this status."
    phase = Choice("status", [(key, label) for key, (label, _) in PHASES.items()])

    @property
    def wanted(self) -> dict[str, Any]:
        return super().wanted | {"phase": self.said("phase")}


class PlatformActivityForm(ActivityForm):
    q = Search("name, person or tenant")


class RetryForm(OfVpcForm):
    """Which of the stuck operations are tried again: those that the page's filter shows."""

    also = ("csrfmiddlewaretoken",)
