"""How lists of events are narrowed over REST. A reference to what is not there is refused."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from apps.history.kinds import kinds
from apps.history.metrics import metrics
from apps.history.models import Event, Series, Severity
from apps.history.queries import STATES
from apps.kernel.errors import Refused
from apps.kernel.named import containing
from apps.tenancy.models import Tenant
from apps.zones.filters import InZoneFilter


class FindingFilter(InZoneFilter):
    q = django_filters.CharFilter(method="search", help_text="Part of the subject's name or of the words.")
    kind = django_filters.CharFilter(method="of_kind", help_text="Such as `device-silent`, `session-down`.")
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    subject = django_filters.CharFilter(
        field_name="subject_id", help_text="The id of what it is about: a device's in Netris."
    )
    touches = django_filters.CharFilter(method="touching", help_text="The short name of a tenant.")
    began_after = django_filters.IsoDateTimeFilter(field_name="began_at", lookup_expr="gte", help_text="RFC 3339.")
    began_before = django_filters.IsoDateTimeFilter(field_name="began_at", lookup_expr="lt", help_text="RFC 3339.")

    class Meta:
        model = Event
        fields: list[str] = []

    def search(self, rows: QuerySet[Event], _name: str, value: str) -> QuerySet[Event]:
        return rows.filter(containing("search_key", value))

    def of_kind(self, rows: QuerySet[Event], _name: str, value: str) -> QuerySet[Event]:
        known = [kind.key for kind in kinds()]
        if value not in known:
            raise Refused("kind-unknown", f"There is no such kind. Known: {', '.join(known)}.", "kind")
        return rows.filter(kind=value)

    def touching(self, rows: QuerySet[Event], _name: str, value: str) -> QuerySet[Event]:
        tenant = Tenant.objects.filter(slug=value).first()
        if tenant is None:
            raise Refused("tenant-unknown", "There is no tenant with this short name.", "touches")
        return rows.filter(touched=tenant)


class SeriesFilter(InZoneFilter):
    metric = django_filters.CharFilter(method="of_metric", help_text="Such as `cpu`, `rx`, `conntrack`.")
    subject = django_filters.CharFilter(
        field_name="subject_id", help_text="The id of what is measured: a device's in Netris."
    )
    part = django_filters.CharFilter(help_text="What of it is measured: the port of a device, such as `swp1`.")

    class Meta:
        model = Series
        fields: list[str] = []

    def of_metric(self, rows: QuerySet[Series], _name: str, value: str) -> QuerySet[Series]:
        known = [metric.key for metric in metrics()]
        if value not in known:
            raise Refused("metric-unknown", f"There is no such metric. Known: {', '.join(known)}.", "metric")
        return rows.filter(metric=value)


class EventFilter(FindingFilter):
    state = django_filters.ChoiceFilter(choices=[(state, state) for state in STATES], method="in_state")

    def in_state(self, rows: QuerySet[Event], _name: str, value: str) -> QuerySet[Event]:
        return rows.filter(STATES[value])
