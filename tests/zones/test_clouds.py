"""Opening a zone's clients, and what watches over their calls."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from apps.zones.clouds import TransactionOpenError, open_clouds
from apps.zones.models import Zone
from tests import builders


def test_a_call_with_an_open_transaction_is_refused(zone, clouds_of):
    with transaction.atomic(), pytest.raises(TransactionOpenError):
        clouds_of(zone).cloudstack.list_zones()
    assert clouds_of(zone).cloudstack.list_zones()


def test_a_zones_clients_are_opened_once_until_the_zone_changes(db):
    zone = builders.a_zone()
    first = open_clouds(zone)
    assert open_clouds(Zone.objects.get(pk=zone.pk)) is first
    zone.netris_user = "other"
    zone.save()
    assert open_clouds(zone) is not first


def test_secrets_are_sealed_in_the_database_and_silent_in_python(db):
    zone = builders.a_zone(cloudstack_secret_key="very secret")
    with connection.cursor() as cursor:
        cursor.execute("SELECT cloudstack_secret_key FROM zones_zone")
        assert "very secret" not in cursor.fetchone()[0]
    again = Zone.objects.get(pk=zone.pk)
    assert again.cloudstack_secret_key.get_secret_value() == "very secret"
    assert "very secret" not in f"{again.cloudstack_secret_key!r} {again.__dict__}"
