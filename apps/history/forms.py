"""The filters of the pages that list events."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from apps.history.kinds import kinds
from apps.history.models import Severity
from apps.history.queries import STATES
from apps.kernel.forms import Choice, ListForm, Search
from apps.zones.models import Zone


class FindingForm(ListForm):
    q = Search("subject or words")
    nothing = "No finding has these words, or is of this zone, kind or severity."
    are_findings = True
    zone = Choice("zone")
    kind = Choice("kind")
    severity = Choice("severity", Severity.choices)

    def __init__(self, address: QueryDict) -> None:
        super().__init__(address)
        self.zones = {zone.slug: zone for zone in Zone.objects.all()}
        self._offer("zone", [(slug, zone.name) for slug, zone in self.zones.items()])
        self._offer("kind", [(kind.key, kind.label) for kind in kinds(are_findings=self.are_findings)])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, Choice)
        field.offer(choices)

    @property
    def wanted(self) -> dict[str, Any]:
        """As `queries.search` takes it."""
        narrowed: dict[str, Any] = {name: self.said(name) for name in self.fields if name not in ("q", "zone")}
        return {"words": self.words, "zone": self.zones.get(self.said("zone")), **narrowed}


class EventForm(FindingForm):
    nothing = "No event has these words, or is of this zone, kind, severity or state."
    are_findings = False
    state = Choice("state", [(state, state.capitalize()) for state in STATES])
