"""A real web server takes bodies in pieces, and stops reading one that is too long."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from apps.networks.models import Vpc
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)

MB = 1_000_000


@pytest.fixture
def api(web, acme):
    zone = builders.a_zone("Zone-1")
    builders.an_account(acme, zone)
    builders.a_vpc(acme, zone)
    headers = {"Authorization": f"Bearer {builders.a_token(acme)}", "Content-Type": "application/json"}
    with httpx.Client(base_url=f"{web.url}/api/v1", headers=headers, timeout=30) as client:
        yield client


def pieces(body):
    content = json.dumps(body).encode()
    return (content[start : start + 5] for start in range(0, len(content), 5))


def test_a_change_in_pieces_takes_effect(api):
    vpc = Vpc.unscoped.get()

    answer = api.patch(f"/vpcs/{vpc.pk}/", content=pieces({"name": "shop"}))

    assert (answer.status_code, answer.json()["name"]) == (200, "shop")
    vpc.refresh_from_db()
    assert vpc.name == "shop"


def test_what_is_asked_for_in_pieces_is_made(api):
    answer = api.post("/vpcs/", content=pieces({"name": "lab", "zone": "Zone-1", "cidr": "10.30.0.0/20"}))

    assert answer.status_code == 202, answer.text
    assert Vpc.unscoped.filter(name="lab").exists()


@pytest.mark.parametrize("path", ["/vpcs/", "/no/such/address/"])
def test_a_body_without_end_is_cut_off(path, api):
    sent = 0

    def endless():
        nonlocal sent
        while sent < 300 * MB:
            sent += 64 * 1024
            yield b"x" * 64 * 1024

    answer = api.post(path, content=endless())

    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert sent < 20 * MB  # what the sockets of both sides hold, and no more


def test_a_socket_that_is_to_be_upgraded_is_refused(web):
    parts = urlsplit(web.url)
    lines = ["GET / HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]

    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        line.sendall("\r\n".join(lines).encode())
        assert line.recv(4096).split(b" ")[1] == b"403"
