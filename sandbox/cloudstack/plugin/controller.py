"""The plugin's line to the Netris controller: one login, lookups by exact name, one error for everything (4.1).

Whatever goes wrong, the caller reads one text; the reason goes to the log.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.cloudstack.plugin.objects import VpcName
from sandbox.cloudstack.protocol.errors import ApiError, ServerStoppedError
from sandbox.kit.store import Row

log = logging.getLogger(__name__)

NAT, COMMON = "nat", "common"


class ControllerError(ApiError):
    """Netris refused, or did not answer. Callers never learn which."""

    status = 431
    class_number = 4350

    def __init__(self) -> None:
        super().__init__("Failed API call to Netris controller")


@dataclass(frozen=True)
class Provider:
    """The zone's provider record. The operator's name for the controller is no part of it."""

    url: str
    user: str
    password: str
    site: str
    tenant: str
    tag: str


class ControllerRefusalError(ControllerError):
    def __init__(self, body: str) -> None:
        super().__init__()
        self.body = body


class Controller:
    #: Seconds. Answers of 7 s are taken, of 10 s not (REAL, W19); where between is unverified.
    read_timeout = 10.0

    def __init__(self, client: httpx.Client, provider: Provider) -> None:
        self.client = client
        self.provider = provider
        self.is_connected = False
        self._is_stopped = False
        self._cookie = ""
        self._site: Row = {}
        self._tenant: Row = {}

    # life of the provider (4.1)

    def connect(self, provider: Provider | None = None) -> None:
        """Log in, find the site and the tenant. This is the only time that credentials are sent."""
        self.is_connected = True
        try:
            self._log_in(provider or self.provider)
        except ControllerError:
            self.is_connected = False
            raise

    def disconnect(self) -> None:
        """Every order fails from now on, and the controller hears of none."""
        self.is_connected = False

    def _log_in(self, provider: Provider) -> None:
        self.provider = provider
        self._cookie = ""
        self.client.cookies.clear()
        login = {"user": self.provider.user, "password": self.provider.password, "authSchemeID": 1}
        response = self._send("POST", "/api/auth", json=login)
        cookies = response.headers.get_list("set-cookie")
        self._cookie = next((each.split(";")[0] for each in cookies if "httponly" in each.lower()), "")
        self._site = self._named(self._get("/api/sites"), self.provider.site)
        self._tenant = self._named(self._get("/api/tenants"), self.provider.tenant)
        self._send("GET", "/api/auth")

    def stop(self) -> None:
        """Say nothing more: the server that this one belongs to has ended."""
        self._is_stopped = True

    def is_healthy(self) -> bool:
        try:
            self._send("GET", "/api/auth")
        except ControllerError:
            return False
        return True

    # the wire

    def _post_subnet(self, name: str, prefix: str, purpose: str, vpc: Row, *, is_routed: bool = False) -> None:
        body: Row = {"name": name, "prefix": prefix, "purpose": purpose, "vpc": vpc}
        body |= {"sites": [self._site], "tenant": self._tenant, **({"globalRouting": True} if is_routed else {})}
        self._write("POST", "/api/v2/ipam/subnet", body)

    def _system_vpc(self) -> Row:
        found = next((row for row in self._get("/api/v2/vpc") if row["isSystem"]), None)
        if found is None:
            raise ControllerError
        return {"id": found["id"], "name": found["name"]}

    def _vpc(self, vpc: VpcName) -> Row:
        found = self._find_vpc(vpc)
        if found is None:
            log.warning("%s is not on the controller", vpc)
            raise ControllerError
        return found

    def _find_vpc(self, vpc: VpcName) -> Row | None:
        name, tenant = str(vpc), self._tenant.get("id")
        rows = self._get("/api/v2/vpc")
        return next(
            (
                {"id": row["id"], "name": row["name"]}
                for row in rows
                if row["name"] == name and row["adminTenant"]["id"] == tenant
            ),
            None,
        )

    @staticmethod
    def _find(rows: list[Row], name: str) -> Row | None:
        return next((row for row in rows if row["name"] == name), None)

    @staticmethod
    def _named(rows: list[Row], name: str) -> Row:
        found = next((row for row in rows if row["name"] == name), None)
        if found is None:
            log.warning("the controller knows no %r", name)
            raise ControllerError
        return {"id": found["id"], "name": found["name"]}

    def _get(self, path: str, **query: Any) -> list[Row]:
        data = read(self._send("GET", path, params=query)).get("data")
        if not isinstance(data, list):
            raise ControllerError
        return data

    def _write(self, method: str, path: str, body: Row) -> Row:
        """A write whose answer carries an object: POST and PUT of everything but L4LB."""
        answer = read(self._send(method, path, json=body))
        data = answer.get("data", answer)
        return data if isinstance(data, dict) else {}

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        if self._is_stopped:
            raise ServerStoppedError
        if not self.is_connected:
            raise ControllerError
        asked_at = time.monotonic()
        try:
            response = self._ask(method, path, **content)
        except httpx.HTTPError as failure:
            log.warning("netris %s %s: %s", method, path, failure)
            raise ControllerError from failure
        if time.monotonic() - asked_at >= self.read_timeout:
            # It was carried out all the same. In process there is no giving up before the answer is there.
            log.warning("netris %s %s: no answer in %s s", method, path, self.read_timeout)
            raise ControllerError
        if not response.is_success:
            log.warning("netris %s %s: %s %s", method, path, response.status_code, response.text[:300])
            raise ControllerRefusalError(response.text)
        return response

    def _ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """The SDK asks a second time when the answer to a POST gets lost (REAL; that it does so once is unverified):
        what the first has made is there by then, and mostly refused as known."""
        headers = {"Cookie": self._cookie}
        try:
            return self.client.request(method, path, headers=headers, **content)
        except (httpx.ReadError, httpx.RemoteProtocolError):
            if method != "POST":
                raise
            return self.client.request(method, path, headers=headers, **content)


def read(response: httpx.Response) -> Row:
    try:
        answer = response.json()
    except ValueError as failure:
        raise ControllerError from failure
    return answer if isinstance(answer, dict) else {}
