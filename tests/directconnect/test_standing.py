"""How connections in service do: never better than what was read lately says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.directconnect.checks import Check, Layer, Verdict
from apps.directconnect.stages import Party, Stage
from apps.directconnect.standing import KINDS, NOTHING, standing_of
from tests.addresses.conftest import clouds_of, place, watch
from tests.directconnect.test_interface_recipe import connection
from tests.directconnect.test_interfaces import made, moved, read, router
from tests.directconnect.test_pages import person, text

__all__ = ["clouds_of", "connection", "place", "watch"]  # fixtures

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
WELL = [Check(layer, Verdict.OK, "Fine.", read_at=AT) for layer in Layer]


def test_all_layers_of_all_interfaces_decide():
    assert standing_of([]) is NOTHING
    well = standing_of([("a", WELL), ("b", WELL)])
    assert (well.word, well.sentence) == ("up", "")
    assert well.fresh_until == min(AT + kind.fresh_for for kind in KINDS.values())


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (Verdict.WARNING, "warning"),
        (Verdict.OFF, "warning"),
        (Verdict.UNKNOWN, "stale"),
        (Verdict.CRITICAL, "critical"),
        (Verdict.WAITING, "stale"),
    ],
)
def test_one_layer_that_is_not_well_is_named(verdict, word):
    bad = [*WELL[:2], Check(Layer.BGP, verdict, "It is so.", read_at=AT), WELL[3]]
    found = standing_of([("a", WELL), ("b", bad)])
    assert (found.word, found.sentence) == (word, "b: It is so.")


def test_what_is_down_is_told_before_what_nobody_knows():
    down = [Check(Layer.LIGHT, Verdict.CRITICAL, "Dark.", read_at=AT), *WELL[1:]]
    unread = [Check(Layer.LIGHT, Verdict.UNKNOWN, "Not read.")]
    found = standing_of([("a", unread), ("b", down)])
    assert (found.word, found.sentence, found.fresh_until) == ("critical", "b: Dark.", None)


@pytest.mark.django_db
def test_the_list_says_in_service_in_green_only_while_readings_say_so(place, connection):
    moved(connection, Stage.LOA_ISSUED, Party.PLATFORM)
    moved(connection, Stage.CROSS_CONNECT_REPORTED, reference="XC-1")
    row = made(place, connection)
    type(connection).unscoped.filter(pk=connection.pk).update(stage=Stage.IN_SERVICE)
    ann = person(connection.tenant)
    path = f"/t/{connection.tenant.slug}/direct-connects/"

    def badge() -> str:
        return ann.get(path).content.decode().partition('data-label="Stage"')[2].partition("</td>")[0]

    page = f"{path}{connection.pk}/"
    read(place)
    assert "tone-madder" in badge()
    assert "No light comes in at the port. See that your port is switched on" in text(ann, page)
    assert f"{row.name}: No light comes in at the port." in text(ann, path)
    router(place, row)
    read(place)
    assert "tone-sage" in badge()
    place.clock.shift(timedelta(hours=2))
    assert "tone-linen" in badge()
    assert "too old to tell" in text(ann, path)
    assert "too old to tell" in text(ann, page)
    assert "Ready" not in text(ann, page)
