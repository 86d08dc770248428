"""The reference site, read into the mirror."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client

from apps.mirror.services import refresh_due as sweep
from apps.mirror.services import request_refresh
from apps.tenancy.models import User
from apps.zones.clouds import OpenClouds
from apps.zones.models import Zone
from sandbox.kit.http import Request
from sandbox.world import World

Order = Callable[..., None]
Sweep = Callable[[], None]


@pytest.fixture
def zone(zone: Zone) -> Zone:
    Zone.objects.filter(pk=zone.pk).update(netris_site="sv")
    zone.refresh_from_db()
    return zone


@pytest.fixture
def read(zone: Zone, clouds_of: OpenClouds) -> Sweep:
    """Read all lists now."""

    def refresh() -> None:
        request_refresh(zone)
        sweep(clouds_of)

    return refresh


@pytest.fixture
def order(world: World) -> Order:
    """Have something happen in the fabric: `order("/devices/Leaf-2/kill")`."""

    def send(path: str, **body: object) -> None:
        request = Request("POST", f"/_sandbox{path}", (), {}, json.dumps(body).encode())
        assert world.netris.handle(request).status == 200

    return send


@pytest.fixture
def browser(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client
