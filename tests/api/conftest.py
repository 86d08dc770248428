"""Callers of the API, and the two tenants with a VPC each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from apps.networks.models import Vpc
from apps.tenancy.models import Scope, Tenant
from apps.zones.models import Zone
from tests import builders

ROOT = "/api/v1"


class Api:
    """Somebody who calls with a token, or with none."""

    def __init__(self, token: str | None) -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """`body` is sent as JSON; bytes and strings are sent as they are. Header names are written with underscores."""
        content = body if isinstance(body, bytes | str) else b"" if body is None else json.dumps(body)
        content_type = headers.pop("Content_Type", "application/json")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = path if path.startswith("http") else f"{ROOT}{path}"
        return self.client.generic(method, address, content, content_type, headers=self.headers | named)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.call("DELETE", path, **headers)


@pytest.fixture
def site(db: None) -> Zone:
    """A zone that nothing reaches: requests never wait for it."""
    return builders.a_zone("Zone-1", description="The first one")


@pytest.fixture(autouse=True)
def _accounts(acme: Tenant, globex: Tenant, site: Zone) -> None:
    for tenant in (acme, globex):
        builders.an_account(tenant, site)


@pytest.fixture
def api(acme: Tenant) -> Api:
    """A script of acme's."""
    return Api(builders.a_token(acme))


@pytest.fixture
def reader(acme: Tenant) -> Api:
    return Api(builders.a_token(acme, Scope.READ))


@pytest.fixture
def other(globex: Tenant) -> Api:
    """A script of the other tenant's."""
    return Api(builders.a_token(globex))


@pytest.fixture
def platform(db: None) -> Api:
    return Api(builders.a_token(None))


@pytest.fixture
def anonymous(db: None) -> Api:
    return Api(None)


@pytest.fixture
def vpc(acme: Tenant, site: Zone) -> Vpc:
    """A ready VPC of acme's with one tier."""
    vpc = builders.a_vpc(acme, site, description="The shop", egress_ip="198.51.100.7")
    builders.a_tier(vpc, vni=1000001)
    return vpc


@pytest.fixture
def secret(globex: Tenant, site: Zone) -> Vpc:
    """A ready VPC of globex's with one tier."""
    vpc = builders.a_vpc(globex, site, "secret", "10.99.0.0/20")
    builders.a_tier(vpc, "hidden", "10.99.0.0/24")
    return vpc


def problem_of(response: Any, status: int, *members: str) -> dict[str, Any]:
    """The problem in an answer, after making sure that it has the one shape, and these members besides."""
    assert response.status_code == status, (response.status_code, response.content[:500])
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.content)
    assert set(problem) == {"type", "title", "status", "detail", "code", "field", "errors", *members}
    assert problem["status"] == status
    assert problem["errors"][0] == {key: problem[key] for key in ("code", "field", "detail")}
    return problem
