"""A zone whose controller answers with whatever a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from apps import cloudstack, netris
from apps.zones.clouds import Clouds
from apps.zones.models import Zone
from tests import builders

Answer = Callable[[httpx.Request], Any]


@pytest.fixture
def zone(zone: Zone) -> Zone:
    """As it comes from the database, with its credentials sealed and opened."""
    zone.refresh_from_db()
    return zone


@pytest.fixture
def scripted_zone(db: None) -> Zone:
    return builders.a_zone()


@pytest.fixture
def scripted(scripted_zone: Zone) -> Callable[[Answer], Clouds]:
    """Clients of which Netris answers a list with what the function returns."""

    def clouds(answer: Answer) -> Clouds:
        def handle(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/api/auth":
                return httpx.Response(200, headers={"Set-Cookie": "connect.sid=s; Path=/"}, json={})
            return httpx.Response(200, json={"data": answer(request), "isSuccess": True})

        transport = httpx.MockTransport(handle)
        secret = SecretStr("secret")
        return Clouds(
            scripted_zone,
            cloudstack.connect("http://cloudstack.invalid", secret, secret, transport=transport),
            netris.connect("http://netris.invalid", "weft", secret, transport=transport),
        )

    return clouds
