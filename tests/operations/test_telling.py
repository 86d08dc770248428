"""Whom a change is told: the open pages of its tenant, in one place, and those of the operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from apps.networks import services
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.tenancy.actors import Actor
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard(acme: Tenant) -> Iterator[Any]:
    """What was said since it was asked last, to anybody of acme's. Other tests share the broker, but no ids."""
    with cache._cache.get_client(write=True).pubsub() as pubsub:  # type: ignore[attr-defined]
        pubsub.psubscribe("weft:*")
        pubsub.get_message(timeout=1)

        def said() -> set[str]:
            found = set()
            while message := pubsub.get_message(timeout=0.2):
                found.add(message["channel"].decode())
            mine = {str(pk) for pk in (acme.pk, *Operation.unscoped.values_list("pk", flat=True))}
            return {channel for channel in found if channel.rpartition(":")[2] in mine}

        yield said


def test_what_is_asked_for_is_told_at_once_and_not_when_a_worker_takes_it_up(
    acme: Tenant, zone: Zone, heard: Any
) -> None:
    by = Actor("ann")
    builders.an_account(acme, zone)
    vpc = builders.a_vpc(acme, zone)
    tenant = f"weft:tenant:{acme.pk}"
    heard()

    services.rename_vpc(vpc, name="other", description="", by=by)
    assert heard() == {tenant}
    operation = services.delete_vpc(vpc, by=by)
    assert heard() == {tenant}
    Operation.unscoped.filter(pk=operation.pk).update(goal="present", phase="building")
    operations.cancel(operation, by=by)
    assert heard() == {tenant, f"weft:operation:{operation.pk}"}
