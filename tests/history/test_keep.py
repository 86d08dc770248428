"""Keeping events: what a source tells each time becomes what began, went on and ended."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.history.kinds import Subject
from apps.history.models import Event, Severity, Source
from apps.history.services import Found, Kept, keep
from apps.mirror.models import Kind, Reading
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def zone(clock):
    return builders.a_zone()


def found(number=1, kind="broken", **fields):
    subject = Subject("device", str(number), f"Leaf-{number}")
    return Found(kind, subject, **{"severity": Severity.CRITICAL, "words": "It says nothing.", **fields})


def reading(zone, kind=Kind.NETRIS_DEVICE, ago=0, **fields):
    at = timezone.now() - timedelta(seconds=ago)
    row, _ = Reading.objects.update_or_create(zone=zone, kind=kind, defaults={"read_at": at, "error": "", **fields})
    return row


def test_what_is_told_begins_goes_on_and_ends(zone, clock):
    began = timezone.now()
    assert keep(zone, "test", [found(1), found(2)]) == Kept(began=2)
    clock.shift(15)
    assert keep(zone, "test", [found(1)]) == Kept(went_on=1, ended=1)
    clock.shift(15)
    assert keep(zone, "test", []) == Kept(ended=1)

    first, second = Event.objects.order_by("subject_id")
    assert (first.began_at, first.last_seen_at, first.ended_at) == tuple(
        began + timedelta(seconds=each) for each in (0, 15, 30)
    )
    assert (second.last_seen_at, second.ended_at) == (began, began + timedelta(seconds=15))


def test_what_comes_back_is_another_event(zone, clock):
    for words in ([found()], [], [found()]):
        keep(zone, "test", words)
        clock.shift(15)

    assert [event.is_open for event in Event.objects.all()] == [True, False]


def test_telling_it_twice_changes_nothing(zone):
    keep(zone, "test", [found()])
    before = Event.objects.values().get()

    assert keep(zone, "test", [found(), found()]) == Kept(went_on=1)
    assert Event.objects.values().get() == before


def test_what_changes_while_it_goes_on_is_written_and_found_by_its_new_words(zone):
    keep(zone, "test", [found(severity=Severity.WARNING, words="It stutters.")])
    keep(zone, "test", [found(words="It says nothing, and more than that.")])

    event = Event.objects.get()
    assert (event.severity, event.words) == ("critical", "It says nothing, and more than that.")
    assert "more than that" in event.search_key and "stutters" not in event.search_key


def test_sources_zones_and_kinds_are_apart(zone):
    other = builders.a_zone("Zone-2")
    for where, source, kind in ((zone, "a", "broken"), (zone, "b", "broken"), (other, "a", "broken"), (zone, "a", "x")):
        keep(where, source, [found(kind=kind)])

    assert Event.objects.open().count() == 3  # the last told of source a in the zone that only x is so
    keep(zone, "b", [])
    assert Event.objects.open().count() == 2


def test_it_begins_when_it_began_and_never_later_than_it_was_seen(zone):
    now = timezone.now()
    keep(zone, "test", [found(1, since=now - timedelta(hours=2)), found(2, since=now + timedelta(hours=2))])

    assert [event.began_at for event in Event.objects.order_by("subject_id")] == [now - timedelta(hours=2), now]


@pytest.mark.parametrize("trouble", [{"ago": 46}, {"error": "Netris does not answer."}])
def test_nothing_begins_or_ends_by_a_reading_that_is_stale_or_failed(zone, trouble):
    keep(zone, "test", [found(1)], basis=[reading(zone)])

    assert keep(zone, "test", [found(2)], basis=[reading(zone, **trouble)]) == Kept()
    assert [event.subject_id for event in Event.objects.open()] == ["1"]


def test_a_reading_that_was_never_made_tells_nothing(zone):
    assert keep(zone, "test", [found()], basis=[Reading(zone=zone, kind=Kind.NETRIS_LINK)]) == Kept()
    assert not Event.objects.exists() and not Source.objects.exists()


def test_an_event_begins_with_the_newest_reading_behind_it_and_is_as_old_as_the_oldest(zone):
    now = timezone.now()
    keep(zone, "test", [found()], basis=[reading(zone, ago=5), reading(zone, Kind.NETRIS_LINK, ago=20)])

    event = Event.objects.select_related("source").get()
    assert event.began_at == now - timedelta(seconds=5)
    assert event.last_seen_at == event.source.read_at == now - timedelta(seconds=20)
    assert event.source.fresh_until == now + timedelta(seconds=40)  # the inventory is believed for 45 seconds


def test_an_open_event_grows_stale_with_its_source_and_one_that_is_over_does_not(zone, clock):
    keep(zone, "test", [found(1), found(2)], basis=[reading(zone)])
    clock.shift(1)
    keep(zone, "test", [found(1)], basis=[reading(zone)])
    clock.shift(44)
    assert [event.is_stale for event in Event.objects.order_by("subject_id")] == [False, False]
    clock.shift(2)
    assert [event.is_stale for event in Event.objects.order_by("subject_id")] == [True, False]


def test_who_was_overtaken_writes_nothing(zone):
    """Two workers put a picture together; the slower one writes what was so before."""
    old = [reading(zone, ago=10), reading(zone, Kind.NETRIS_LINK)]
    new = [reading(zone, ago=0), old[1]]
    keep(zone, "test", [], basis=new)

    assert keep(zone, "test", [found()], basis=old) == Kept()
    assert not Event.objects.exists()
    assert keep(zone, "test", [found()], basis=new) == Kept(began=1)


def test_what_nobody_can_tell_of_neither_goes_on_nor_ends_and_is_stale(zone, clock):
    keep(zone, "test", [found(1), found(2)], basis=[reading(zone)])
    clock.shift(15)

    kept = keep(zone, "test", [], basis=[reading(zone)], unknown={("device", "1")})

    assert kept == Kept(ended=1)
    event = Event.objects.open().select_related("source").get()
    assert (event.subject_id, event.is_stale) == ("1", True)
    assert not event.source.is_stale


def test_a_clock_that_was_set_back_keeps_no_event_from_ending(zone, clock):
    keep(zone, "test", [found()])
    clock.shift(-60)

    assert keep(zone, "test", []) == Kept(ended=1)
    event = Event.objects.get()
    assert event.ended_at == event.began_at


def test_whom_it_touches_is_added_to_and_never_taken_away(zone, acme, globex):
    keep(zone, "test", [found()])
    assert not Event.objects.get().is_touch_known
    keep(zone, "test", [found(tenants=[acme.pk])])
    keep(zone, "test", [found(tenants=[globex.pk, uuid4()])])
    keep(zone, "test", [found(tenants=None)])

    event = Event.objects.get()
    assert event.is_touch_known and set(event.touched.all()) == {acme, globex}


def test_that_it_touches_nobody_is_known_too(zone):
    keep(zone, "test", [found(tenants=())])

    assert Event.objects.get().is_touch_known


def test_the_database_refuses_a_second_open_event_of_the_same(zone):
    keep(zone, "test", [found()])
    event = Event.objects.get()
    event.pk = uuid4()
    event._state.adding = True

    with pytest.raises(IntegrityError, match="open_event_is_unique"), transaction.atomic():
        event.save()


def test_a_thousand_cost_as_many_queries_as_one(zone, acme, django_assert_max_num_queries):
    many = [found(number, tenants=[acme.pk]) for number in range(1000)]
    for told in (many, [found(number, tenants=[acme.pk], words="Still.") for number in range(1000)], []):
        with django_assert_max_num_queries(14):
            keep(zone, "test", told)
    assert Event.objects.filter(words="Still.").count() == 1000


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_look_at_once_write_it_once():
    zone = builders.a_zone()
    together, kept = threading.Barrier(2), []

    def work():
        try:
            together.wait()
            kept.append(keep(zone, "test", [found(number) for number in range(50)]))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(kept) == [Kept(went_on=50), Kept(began=50)]
    assert Event.objects.count() == 50
