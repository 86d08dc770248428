"""What both clients share, tried on the CloudStack client."""

from __future__ import annotations

import logging
import pickle

import httpx
import pytest
from pydantic import SecretStr

from apps.cloudstack import connect
from apps.kernel.remote import Hooks, Rejected, Unauthorized, Unavailable
from tests.cloudstack.scripted import API_KEY, SECRET_KEY, URL, Scripted, refusal

EMPTY: dict[str, object] = {"listvpcsresponse": {}}
STARTED = {"deletevpcresponse": {"jobid": "j1"}}


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")]
)
def test_a_write_that_never_left_says_so(error):
    with pytest.raises(Unavailable) as caught:
        Scripted(error).client().delete_vpc("v1")

    assert not caught.value.maybe_sent


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("gone"),
    ],
)
def test_a_write_whose_answer_is_lost_may_have_happened_and_is_not_repeated(error):
    cloud = Scripted(error)

    with pytest.raises(Unavailable) as caught:
        cloud.client().delete_vpc("v1")

    assert caught.value.maybe_sent
    assert len(cloud.forms) == 1


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadError("x"), httpx.RemoteProtocolError("x")])
def test_a_read_is_tried_once_more_when_the_connection_breaks(error):
    cloud = Scripted(error, EMPTY)

    assert cloud.client().all_vpcs() == []
    assert len(cloud.forms) == 2


def test_a_read_is_not_tried_a_third_time():
    cloud = Scripted(httpx.ReadError("reset"))

    with pytest.raises(Unavailable):
        cloud.client().all_vpcs()

    assert len(cloud.forms) == 2


def test_a_read_that_timed_out_is_not_repeated():
    cloud = Scripted(httpx.ReadTimeout("slow"))

    with pytest.raises(Unavailable, match="in time"):
        cloud.client().all_vpcs()

    assert len(cloud.forms) == 1


@pytest.mark.parametrize("url", ["cloud.example", "ftp://cloud.example", "https://cloud.example:nonsense"])
def test_an_address_that_cannot_be_called_sends_nothing(url):
    with pytest.raises(Unavailable) as caught:
        connect(url, SecretStr("k"), SecretStr("s")).delete_vpc("v1")

    assert not caught.value.maybe_sent


def test_every_request_has_explicit_timeouts():
    cloud = Scripted(EMPTY)

    cloud.client().all_vpcs()

    assert cloud.requests[0].extensions["timeout"] == {"connect": 5.0, "read": 60.0, "write": 60.0, "pool": 60.0}


def test_hooks_see_every_request_with_its_outcome():
    seen = []
    hooks = Hooks(
        before=lambda *facts: seen.append(("before", *facts)),
        after=lambda system, call, status, _: seen.append(("after", system, call, status)),
    )

    Scripted(httpx.ReadError("reset"), EMPTY).client(hooks).all_vpcs()

    assert seen == [
        ("before", "cloudstack", "listVPCs"),
        ("after", "cloudstack", "listVPCs", None),
        ("before", "cloudstack", "listVPCs"),
        ("after", "cloudstack", "listVPCs", 200),
    ]


def test_a_hook_can_stop_a_call_before_anything_is_sent():
    def refuse(system, call):
        raise RuntimeError(f"a transaction is open: {call}")

    cloud = Scripted(STARTED)

    with pytest.raises(RuntimeError, match="deleteVPC"):
        cloud.client(Hooks(before=refuse)).delete_vpc("v1")

    assert cloud.forms == []


def test_one_line_is_logged_per_call(caplog):
    caplog.set_level(logging.INFO, "weft.remote")

    Scripted(STARTED).client().delete_vpc("v1")

    [record] = [record for record in caplog.records if record.name == "weft.remote"]
    assert record.getMessage().startswith("cloudstack deleteVPC 'v1' 200 ")


def test_secrets_stand_in_no_log_line_no_exception_and_no_repr(caplog):
    # httpx's own lines name the address, and nothing secret is in it.
    caplog.set_level(logging.DEBUG)
    cloud = Scripted(refusal(431, "no"))
    client = cloud.client()

    with pytest.raises(Rejected) as caught:
        client.create_account(
            name="acme",
            domain_id="d1",
            email="it@acme.example",
            first_name="Ada",
            last_name="Lovelace",
            password=SecretStr("hunter2"),
        )

    told = caplog.text + repr(caught.value) + str(vars(caught.value)) + repr(client) + repr(vars(client))
    sent = cloud.forms[0]
    assert sent["password"] == "hunter2"
    for secret in (API_KEY, SECRET_KEY, "hunter2", sent["signature"]):
        assert secret not in told
        assert secret not in str(cloud.requests[0].url)


def test_a_broken_connection_is_told_without_secrets(caplog):
    caplog.set_level(logging.DEBUG)

    with pytest.raises(Unavailable) as caught:
        Scripted(httpx.LocalProtocolError(f"Illegal header value {SECRET_KEY}")).client().delete_vpc("v1")

    assert SECRET_KEY not in caplog.text + str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("later", maybe_sent=False, system="netris", call="GET /api/v2/vpc"),
        Unauthorized("mend me", system="netris", call="POST /api/auth"),
        Rejected("no", 431, "cidr", system="cloudstack", call="createVPC"),
    ],
)
def test_errors_travel_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own words

    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_a_client_closes_its_connections():
    with Scripted(EMPTY).client() as client:
        client.all_vpcs()

    with pytest.raises(RuntimeError, match="closed"):
        client.all_vpcs()


def test_a_control_character_in_a_name_cannot_forge_a_log_line(caplog):
    caplog.set_level(logging.INFO, "weft.remote")

    Scripted({"listvpcsresponse": {}}).client().find_vpc("a\nb", account="acme", domain_id="d1")

    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_the_read_timeout_is_configurable():
    seen = {}

    def answer(request):
        seen.update(request.extensions["timeout"])
        return httpx.Response(200, json=EMPTY)

    connect(URL, SecretStr("k"), SecretStr("s"), transport=httpx.MockTransport(answer), read_timeout=7).all_vpcs()

    assert (seen["connect"], seen["read"]) == (5.0, 7)
