"""The check vectors come from an independent implementation of the server's rule."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl

import cs
import httpx
import pytest
from pydantic import SecretStr

from apps.cloudstack.auth import KeyAuth, signature, string_to_sign

LIST_VMS = {"apiKey": "foo", "command": "listVirtualMachines", "listall": "true", "response": "json"}
PROD_VPC = {
    "apikey": "demoApiKey-0123456789_AbCdEf",
    "command": "createVPC",
    "response": "json",
    "zoneid": "1a2b3c4d-0000-4000-8000-000000000001",
    "name": "Prod VPC",
    "displaytext": "Café & bar: 50% (a+b) *x",
    "cidr": "10.10.0.0/16",
    "vpcofferingid": "1a2b3c4d-0000-4000-8000-000000000002",
    "signatureversion": "3",
    "expires": "2026-01-02T03:04:05+0000",
}
DEPLOY = {
    "apikey": "foo",
    "command": "deployVirtualMachine",
    "details[0].cpunumber": "2",
    "iptonetworklist[0].ip": "10.1.1.5",
    "iptonetworklist[0].networkid": "n1",
    "response": "json",
}
LIST_NETWORKS = {"apiKey": "foo", "command": "listNetworks", "Zone": "1", "account": "x", "response": "json"}

VECTORS = [
    pytest.param(
        LIST_VMS,
        "bar",
        "apikey=foo&command=listvirtualmachines&listall=true&response=json",
        "B0d6hBsZTcFVCiioSxzwKA9Pke8=",
        id="A",
    ),
    pytest.param(
        PROD_VPC,
        "demoSecretKey-9876543210_zYxWvU",
        "apikey=demoapikey-0123456789_abcdef&cidr=10.10.0.0%2f16&command=createvpc"
        "&displaytext=caf%c3%a9%20%26%20bar%3a%2050%25%20%28a%2bb%29%20*x&expires=2026-01-02t03%3a04%3a05%2b0000"
        "&name=prod%20vpc&response=json&signatureversion=3&vpcofferingid=1a2b3c4d-0000-4000-8000-000000000002"
        "&zoneid=1a2b3c4d-0000-4000-8000-000000000001",
        "BOK2Evrw99YvykVdbwVVCPBnBOg=",
        id="B",
    ),
    pytest.param(
        DEPLOY,
        "bar",
        "apikey=foo&command=deployvirtualmachine&details[0].cpunumber=2&iptonetworklist[0].ip=10.1.1.5"
        "&iptonetworklist[0].networkid=n1&response=json",
        "T83WEn0c+dZMn04JLbMM0WeU77g=",
        id="C",
    ),
    pytest.param(
        LIST_VMS | {"name": "a~b"},
        "bar",
        "apikey=foo&command=listvirtualmachines&listall=true&name=a%7eb&response=json",
        "dR2+G8mZoBmk2aqg0tRKIg8xIhg=",
        id="D",
    ),
    pytest.param(
        LIST_NETWORKS,
        "bar",
        "zone=1&account=x&apikey=foo&command=listnetworks&response=json",
        "zf70+Aj8wg6NeWcXyMjDmCL5aAU=",
        id="E",
    ),
]


@pytest.mark.parametrize(("parameters", "secret", "text", "expected"), VECTORS)
def test_the_check_vectors_are_met(parameters, secret, text, expected):
    assert string_to_sign(parameters) == text
    assert signature(parameters, SecretStr(secret)) == expected


def test_an_independent_client_signs_alike():
    dice = random.Random(7)
    other = cs.CloudStack("https://cloud.example/client/api", key="k", secret="s")
    for _ in range(50):
        # `cs` leaves `~` bare, which is the trap of vector D.
        value = "".join(dice.choice("aZ09 +/=&%*._-()[]:é€\n") for _ in range(12))
        parameters = {"apikey": "k", "command": "listVPCs", "name": value, "tags[0].key": value}
        signed = dict(parameters)
        other._sign(signed)

        assert signature(parameters, SecretStr("s")) == signed["signature"]


def signed_form(request, now):
    [sent] = KeyAuth(SecretStr("key"), SecretStr("secret"), now=lambda: now).sync_auth_flow(request)
    assert int(sent.headers["Content-Length"]) == len(sent.content)
    return sent, dict(parse_qsl(sent.content.decode()))


def test_everything_travels_in_the_signed_body_of_a_post():
    request = httpx.Request(
        "POST",
        "https://cloud.example/client/api",
        data={"command": "listVPCs", "name": "a b+c~é"},
        extensions={"call": "x"},
    )

    sent, form = signed_form(request, datetime(2026, 1, 2, 2, 54, 5, tzinfo=UTC))

    claimed = form.pop("signature")
    assert form == {
        "command": "listVPCs",
        "name": "a b+c~é",
        "apikey": "key",
        "response": "json",
        "signatureversion": "3",
        "expires": "2026-01-02T03:04:05+0000",
    }
    assert claimed == signature(form, SecretStr("secret"))
    assert str(sent.url) == "https://cloud.example/client/api"
    assert sent.extensions == {"call": "x"}


def test_a_signature_expires_ten_minutes_from_now_in_utc():
    request = httpx.Request("POST", "https://cloud.example/client/api", data={"command": "listVPCs"})
    in_delhi = datetime(2026, 1, 2, 8, 30, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    _, form = signed_form(request, in_delhi)

    assert form["expires"] == "2026-01-02T03:10:00+0000"


def test_the_keys_do_not_show():
    auth = KeyAuth(SecretStr("hunter2"), SecretStr("hunter3"))

    assert "hunter" not in repr(auth) + repr(vars(auth))
