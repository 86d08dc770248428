"""People at their browsers, in two tenants that both may build in one zone. Nothing here reaches a remote."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.tenancy.models import Role, Tenant, User
from apps.zones.models import Zone
from tests import builders


class Browser(Client):
    """A client that is signed in; `part` asks as htmx does."""

    def part(self, path: str, data: dict[str, Any] | None = None) -> HttpResponse:
        return self.get(path, data, headers={"HX-Request": "true"})


def browser_of(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.fixture
def place(acme: Tenant, globex: Tenant) -> Zone:
    """A zone in which both tenants have an account. Nobody can reach it."""
    zone = builders.a_zone(max_tiers_per_vpc=3)
    for tenant in (acme, globex):
        builders.an_account(tenant, zone)
    return zone


@pytest.fixture
def ann(engineer: User) -> Browser:
    """An engineer of Acme."""
    return browser_of(engineer)


@pytest.fixture
def bob(stranger: User) -> Browser:
    """An engineer of Globex."""
    return browser_of(stranger)


@pytest.fixture
def vic(acme: Tenant) -> Browser:
    """A viewer of Acme."""
    return browser_of(builders.a_member(acme, Role.VIEWER, "vic"))


@pytest.fixture
def root(admin: User) -> Browser:
    return browser_of(admin)


@pytest.fixture
def started() -> Callable[[Vpc], Operation]:
    """The operation that creates a VPC, written down as if its form had just been sent."""

    def start(vpc: Vpc, **changes: Any) -> Operation:
        steps = [
            {"title": title, "state": "waiting", "started_at": None, "finished_at": None, "detail": ""}
            for title in ("Create the VPC in CloudStack", "Find the VPC in Netris", "Find the source NAT IP")
        ]
        fields = {"kind": "vpc", "goal": "present", "resource_type": "vpc", "size": 3, "steps": steps}
        whose = {"tenant": vpc.tenant, "zone": vpc.zone, "resource_id": vpc.pk, "resource_name": vpc.name}
        return Operation.unscoped.create(**fields | whose | {"lock_key": vpc.lane, "requested_by": "ann"} | changes)

    return start


def words(response: Any) -> str:
    """What a reader sees of the page, on one line."""
    text = re.sub(r"<(script|style|svg|template)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
