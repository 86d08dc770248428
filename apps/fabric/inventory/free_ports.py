"""The ports that Direct Connect asks for (`directconnect.inventory`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from django.db.models import QuerySet

from apps.directconnect.inventory import Port
from apps.fabric.models import Part, Survey, SurveyedDevice, SurveyedPort
from apps.fabric.roles import LEAF
from apps.kernel.named import containing
from apps.zones.models import Zone


class FreePorts:
    def free(self, zone: Zone, words: str, most: int) -> Sequence[Port]:
        """Two queries."""
        rows = self._of_leaves(zone).filter(is_used=False, link_id="").order_by("sort_key", "id")
        if words:
            rows = rows.filter(containing("search_key", words))
        return self._told(rows[:most], self._surveys([zone]))

    def called(self, zone: Zone, reference: str) -> Port | None:
        """Two queries."""
        rows = self._of_leaves(zone)
        found = rows.filter(name=reference).first()
        with suppress(ValueError):
            found = found or rows.filter(pk=UUID(reference)).first()
        return next(iter(self._told([found], self._surveys([zone]))), None) if found else None

    def states(self, zones: Iterable[Zone], remote_ids: Iterable[str]) -> Mapping[tuple[UUID, str], Port]:
        """Two queries."""
        listed = list(zones)
        rows = SurveyedPort.objects.filter(zone__in=listed, remote_id__in=list(remote_ids))
        found = list(rows)
        told = self._told(found, self._surveys(listed))
        return {(row.zone_id, row.remote_id): port for row, port in zip(found, told, strict=True)}

    def _of_leaves(self, zone: Zone) -> QuerySet[SurveyedPort]:
        leaves = SurveyedDevice.objects.filter(zone=zone, role=LEAF).values("remote_id")
        return SurveyedPort.objects.filter(zone=zone, device_id__in=leaves)

    def _surveys(self, zones: Sequence[Zone]) -> Mapping[UUID, Survey]:
        return {survey.zone_id: survey for survey in Survey.objects.filter(zone__in=zones)}

    def _told(self, rows: Iterable[SurveyedPort], surveys: Mapping[UUID, Survey]) -> list[Port]:
        return [_port(row, surveys.get(row.zone_id) or Survey(zone_id=row.zone_id)) for row in rows]


def _port(row: SurveyedPort, survey: Survey) -> Port:
    return Port(
        id=row.pk,
        remote_id=row.remote_id,
        name=row.name,
        device=row.device,
        device_id=row.device_id,
        speed=int(row.speed) if row.speed.isdecimal() and int(row.speed) else None,
        status=survey.word_of(row),
        is_free=not row.is_used and not row.link_id,
        read_at=survey.read_at(Part.PORT),
    )
