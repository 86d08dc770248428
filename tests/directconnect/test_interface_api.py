"""Virtual interfaces by REST alone: two tenants, and the platform."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydantic import SecretStr

from apps.directconnect.interfaces import services
from apps.directconnect.models import Interface
from apps.directconnect.stages import Stage
from apps.kernel import clock
from apps.mirror.models import Kind
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry, IdempotencyKey, Scope
from apps.tenancy.services import audit
from tests import builders

pytestmark = pytest.mark.django_db

KEY = "a-key-of-both-ends"
ASKED: dict[str, Any] = {"peer_asn": 65010, "announce": ["10.20.0.0/24"], "accept": ["192.168.0.0/16"], "bfd": True}


def client(tenant, scope=Scope.WRITE):
    return Client(headers={"Authorization": f"Bearer {builders.a_token(tenant, scope)}"})


@pytest.fixture
def ours(acme):
    return client(acme)


@pytest.fixture
def theirs(globex):
    return client(globex)


@pytest.fixture
def platform():
    return client(None)


@pytest.fixture
def connection(acme, location):
    port = builders.a_fabric_port(location, remote_id="7", device_id="3")
    return builders.a_connection(acme, location, stage=Stage.IN_SERVICE, port=port)


@pytest.fixture
def vpc(acme, zone):
    return builders.a_vpc(acme, zone, netris_id=7)


@pytest.fixture
def row(connection, vpc):
    return builders.an_interface(connection, vpc, md5=SecretStr(KEY), has_md5=True)


def at(connection, row=None, more=""):
    return f"/api/v1/direct-connects/{connection.pk}/interfaces/" + (f"{row.pk}/" if row else "") + more


def send(who, path, body=None, status=202, method="post", **headers):
    answer = getattr(who, method)(path, body or {}, content_type="application/json", headers=headers)
    assert answer.status_code == status, answer.content
    return answer.json()


def fields(problem):
    return [(each["field"], each["code"]) for each in problem["errors"]]


# --- what there is --------------------------------------------------------------------------------------------------


def test_one_is_made_listed_read_changed_and_deleted(ours, connection, vpc):
    asked = {**ASKED, "vpc": str(vpc.pk), "name": "main", "vlan": 1200, "max_prefixes": 50, "md5": KEY}
    asked["addresses"] = {"local": "10.255.0.1/30", "remote": "10.255.0.2"}
    operation = send(ours, at(connection), asked)
    assert (operation["kind"], operation["phase"]) == ("interface", "queued")

    [listed] = ours.get(at(connection)).json()["results"]
    answer = ours.get(listed["url"])
    shown = answer.json()
    assert listed == shown
    expected = {key: value for key, value in asked.items() if key not in ("vpc", "md5")}
    assert {key: shown[key] for key in expected} == expected
    assert shown["vpc"]["id"] == str(vpc.pk) and shown["connection"] == str(connection.pk)
    assert (shown["has_md5"], shown["md5_shown_at"], shown["status"]) == (True, None, "building")
    assert shown["can"]["change"] == "The virtual interface is still being built."
    assert KEY not in answer.content.decode()

    Operation.unscoped.all().delete()
    Interface.unscoped.update(status=Status.READY)
    path = listed["url"]
    assert send(ours, path, {"bfd": True}, 200, "patch")["status"] == "ready"
    assert send(ours, path, {"name": "other"}, 200, "patch")["name"] == "other"
    assert send(ours, path, {"max_prefixes": 60}, 202, "patch")["title"] == "Change virtual interface"
    Operation.unscoped.all().delete()
    Interface.unscoped.update(status=Status.READY)
    assert send(ours, path, None, 202, "delete")["title"] == "Delete virtual interface"


def test_what_is_left_out_is_given(ours, connection, vpc):
    builders.an_interface(
        connection,
        vpc,
        f"{vpc.name}, vlan 2",
        vlan=7,
        link="10.9.0.0/30",
        local_address="10.9.0.1",
        remote_address="10.9.0.2",
    )
    send(ours, at(connection), {"vpc": str(vpc.pk), "peer_asn": 65010})

    shown = ours.get(at(connection) + "?name=" + f"{vpc.name}, VLAN 2 (2)").json()["results"][0]
    assert (shown["vlan"], shown["announce"], shown["accept"]) == (2, [], [])
    assert shown["addresses"] == {"local": "169.254.192.0/31", "remote": "169.254.192.1"}
    assert (shown["max_prefixes"], shown["bfd"], shown["has_md5"]) == (100, True, False)


def test_our_asn_is_told_with_when_it_was_read_and_not_before(ours, connection, row, zone):
    assert (ours.get(at(connection, row)).json()["our_asn"]) is None
    builders.mirrored(zone, Kind.NETRIS_SITE, [1], data={"name": zone.netris_site, "publicAsn": 64_999})

    shown = ours.get(at(connection, row)).json()
    assert shown["our_asn"] == 64_999
    assert shown["our_asn_read_at"] is not None


def test_lists_are_narrowed_and_paged(ours, acme, zone, connection, row, vpc):
    other = builders.a_vpc(acme, zone, "lab", "10.60.0.0/20")
    ends = {"link": "10.9.0.0/30", "local_address": "10.9.0.1", "remote_address": "10.9.0.2"}
    builders.an_interface(connection, other, "second", vlan=101, status=Status.CHANGING, **ends)

    def names(query):
        return [each["name"] for each in ours.get(at(connection) + query).json()["results"]]

    assert names("?q=SEC") == names("?name=second") == names(f"?vpc={other.pk}") == names("?status=changing")
    assert names("?q=SEC") == ["second"]
    assert (len(names("?limit=1")), len(names(""))) == (1, 2)
    for query, field in (("?vpc=" + str(uuid4()), "vpc"), ("?status=nowhere", "status"), ("?stauts=1", "stauts")):
        problem = ours.get(at(connection) + query)
        assert (problem.status_code, problem.json()["field"]) == (422, field)


# --- whose it is ----------------------------------------------------------------------------------------------------

METHODS: list[tuple[str, str, Any]] = [("get", "", None), ("patch", "", {"bfd": False}), ("delete", "", None)]
METHODS += [("post", each, {}) for each in ("apply/", "test/", "test/end/", "md5/")]


@pytest.mark.parametrize(("method", "more", "body"), METHODS)
def test_anothers_is_not_there_and_neither_is_one_of_another_connection(
    ours, theirs, acme, globex, location, connection, row, method, more, body
):
    beside = builders.a_connection(acme, location, "paris-b", stage=Stage.IN_SERVICE)
    elsewhere = builders.a_connection(globex, location, stage=Stage.IN_SERVICE)
    nobody = type("Row", (), {"pk": uuid4()})
    asked = [(theirs, connection, row), (theirs, elsewhere, row), (ours, beside, row), (ours, elsewhere, row)]
    answers = [
        getattr(who, method)(at(under, which, more), body, content_type="application/json")
        for who, under, which in [*asked, (theirs, connection, nobody)]
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[-1].content)}
    assert not Operation.unscoped.exists() and not AuditEntry.unscoped.filter(object_id=str(row.pk)).exists()


def test_nothing_is_listed_or_made_under_anothers_connection(theirs, globex, zone, connection, row):
    own = builders.a_vpc(globex, zone)
    assert theirs.get(at(connection)).status_code == 404
    send(theirs, at(connection), {**ASKED, "vpc": str(own.pk)}, 404)
    elsewhere = Interface.unscoped.count()
    assert elsewhere == 1


def test_anothers_vpc_is_as_unknown_as_none(ours, globex, zone, connection):
    own = builders.a_vpc(globex, zone)
    told = [send(ours, at(connection), {**ASKED, "vpc": vpc}, 422) for vpc in (str(own.pk), str(uuid4()), "prod")]
    assert [fields(problem) for problem in told] == [[("vpc", "vpc-unknown")]] * 3
    assert told[0] == told[1]


def test_who_may_read_changes_nothing_and_the_platform_only_looks(acme, platform, connection, row):
    for who in (client(acme, Scope.READ), platform):
        assert who.get(at(connection, row)).status_code == 200
        send(who, at(connection), {}, 403)
        send(who, at(connection, row), {"bfd": False}, 403, "patch")
        send(who, at(connection, row, "md5/"), None, 403)
    assert platform.get(at(connection, row)).json()["tenant"]["slug"] == "acme"
    assert "tenant" not in client(acme).get(at(connection, row)).json()


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"vlan": 1}, ("vlan", "min-value")),
        ({"peer_asn": 0}, ("peer_asn", "min-value")),
        ({"peer_asn": "65010"}, ("peer_asn", "wrong-type")),
        ({"peer_asn": 3320}, ("peer_asn", "asn-not-private")),
        ({"announce": ["172.16.0.0/12"]}, ("announce", "prefix-not-own")),
        ({"announce": "10.20.0.0/24"}, ("announce", "wrong-type")),
        ({"accept": ["10.20.0.0/24"]}, ("accept", "prefix-not-acceptable")),
        ({"accept": ["192.168.0.1/16"]}, ("accept", "cidr-host-bits")),
        ({"max_prefixes": 0}, ("max_prefixes", "min-value")),
        ({"bfd": "yes"}, ("bfd", "wrong-type")),
        ({"md5": "short"}, ("md5", "key-malformed")),
        ({"md5": KEY, "make_md5": True}, ("make_md5", "key-twice")),
        ({"addresses": {"local": "10.255.0.1/24", "remote": "10.255.0.2"}}, ("addresses.local", "link-size")),
        ({"addresses": {"local": "10.255.0.1/0310", "remote": "10.255.0.2"}}, ("addresses.local", "link-size")),
        ({"addresses": {"local": "10.255.0.1/30", "remote": "10.255.0.9"}}, ("addresses.remote", "ends-apart")),
        ({"addresses": {"local": "10.255.0.1/30"}}, ("addresses.remote", "remote-missing")),
        ({"name": "x" * 64}, ("name", "name-too-long")),
        ({"vpcs": "x"}, ("vpcs", "unknown-field")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_bad_input_names_its_field_and_makes_nothing(ours, connection, vpc, values, wrong):
    problem = send(ours, at(connection), {**ASKED, "vpc": str(vpc.pk), **values}, 422)
    assert fields(problem) == [wrong]
    assert not Interface.unscoped.exists() and KEY not in str(problem)


def test_all_that_is_wrong_is_said_at_once_and_what_is_missing_too(ours, connection):
    problem = send(ours, at(connection), {"md5": "x", "bfd": 1}, 422)
    assert {("vpc", "vpc-missing"), ("peer_asn", "peer-asn-missing")} <= set(fields(problem))


def test_a_change_leaves_what_is_left_out_and_carries_only_what_differs(ours, connection, row):
    assert send(ours, at(connection, row), {}, 200, "patch")["accept"] == ["192.168.0.0/16"]
    send(ours, at(connection, row), {"accept": ["192.168.0.0/16"], "bfd": False}, 202, "patch")
    assert Operation.unscoped.get().wanted == {"bfd": False}


def test_a_key_is_changed_made_and_taken_away(ours, connection, row):
    for body, has in (({"make_md5": True}, True), ({"md5": "another-key-here"}, True), ({"md5": ""}, False)):
        send(ours, at(connection, row), body, 202, "patch")
        operation = Operation.unscoped.get()
        assert bool(operation.wanted["md5"]) is has
        assert "another-key-here" not in str(operation.wanted)
        operation.delete()
        Interface.unscoped.update(status=Status.READY)


def test_vlan_addresses_and_vpc_stay_and_a_name_goes_alone(ours, connection, row):
    bodies: list[dict[str, Any]] = [{"vlan": 7}, {"addresses": {}}, {"vpc": "x"}]
    for body in bodies:
        problem = send(ours, at(connection, row), body, 422, "patch")
        assert fields(problem) == [(next(iter(body)), "unknown-field")]
    assert send(ours, at(connection, row), {"name": "x", "bfd": False}, 422, "patch")["code"] == "name-alone"
    assert not Operation.unscoped.exists()


def test_a_change_of_what_somebody_else_has_changed_is_refused(ours, connection, row):
    seen = ours.get(at(connection, row))["ETag"]
    send(ours, at(connection, row), {"name": "other"}, 200, "patch")
    answer = ours.patch(
        at(connection, row), {"name": "third"}, content_type="application/json", headers={"If-Match": seen}
    )
    assert answer.status_code == 412


@pytest.mark.parametrize("action", ["change", "delete", "apply", "test", "end_test", "show_key", "rename"])
@pytest.mark.parametrize("scene", ["ready", "building", "changing", "removing", "suspended", "testing", "shown"])
def test_it_offers_what_it_takes_and_refuses_the_rest_in_the_same_words(ours, connection, row, scene, action):
    if scene in ("building", "changing", "removing"):
        Interface.unscoped.update(status=scene)
    elif scene == "suspended":
        type(connection).unscoped.update(stage=Stage.SUSPENDED, held_stage=Stage.IN_SERVICE)
    elif scene == "testing":
        Interface.unscoped.update(test_until=clock.now(), is_enabled=False)
    elif scene == "shown":
        Interface.unscoped.update(md5_shown_at=clock.now())
    path = at(connection, row)
    reason = ours.get(path).json()["can"][action]
    method, more, body = {
        "change": ("patch", "", {"bfd": False}),
        "rename": ("patch", "", {"name": "other"}),
        "delete": ("delete", "", None),
        "apply": ("post", "apply/", {}),
        "test": ("post", "test/", {"minutes": 5}),
        "end_test": ("post", "test/end/", {}),
        "show_key": ("post", "md5/", {}),
    }[action]

    answer = getattr(ours, method)(f"{path}{more}", body, content_type="application/json")

    if reason is None:
        assert answer.status_code in (200, 202), answer.content
    else:
        assert answer.status_code in (409, 422) and answer.json()["detail"] == reason


# --- tests of fail-over ---------------------------------------------------------------------------------------------


def test_a_test_runs_for_so_many_minutes_and_is_ended(ours, connection, row):
    send(ours, at(connection, row, "test/"), {"minutes": 241}, 422)
    send(ours, at(connection, row, "test/end/"), {}, 409)
    send(ours, at(connection, row, "test/"), {"minutes": 30})
    shown = ours.get(at(connection, row)).json()
    assert shown["test_until"] is not None and shown["status"] == "changing"

    Operation.unscoped.all().delete()
    Interface.unscoped.update(status=Status.READY)  # its session was never taken down
    assert send(ours, at(connection, row, "test/end/"), {}, 200)["test_until"] is None
    send(ours, at(connection, row, "test/"), {})
    Operation.unscoped.all().delete()
    Interface.unscoped.update(status=Status.READY, is_enabled=False)
    assert ours.get(at(connection, row)).json()["off"] == "A test of fail-over runs."
    send(ours, at(connection, row, "test/end/"), {}, 202)


# --- the key --------------------------------------------------------------------------------------------------------


def test_the_key_is_shown_once_to_nobodys_cache_and_written_down_without_it(ours, acme, connection, row, caplog):
    caplog.set_level("DEBUG")
    answer = ours.post(at(connection, row, "md5/"), {}, content_type="application/json")
    assert answer.json()["md5"] == KEY
    assert answer["Cache-Control"] == "no-store"

    problem = send(ours, at(connection, row, "md5/"), {}, 409)
    assert problem["detail"].startswith("The key was shown, which happens once. Set a new one")
    assert ours.get(at(connection, row)).json()["md5_shown_at"] == answer.json()["md5_shown_at"]
    assert [entry.action for entry in AuditEntry.objects.of(acme)] == ["interface.show-key"]
    assert KEY not in caplog.text


def test_what_is_sent_again_with_its_key_is_answered_without_the_md5_key(ours, connection, row):
    path, key = at(connection, row, "md5/"), {"Idempotency-Key": "one"}
    assert send(ours, path, {}, 200, **key)["md5"] == KEY
    assert KEY not in str(IdempotencyKey.objects.get().answer)

    again = ours.post(path, {}, content_type="application/json", headers=key)
    assert (again.status_code, again.json()["md5"], again["Cache-Control"]) == (200, None, "no-store")
    assert again["Idempotency-Replayed"] == "true"


def test_no_answer_that_is_kept_has_the_key_that_was_given(ours, connection, vpc):
    asked = {**ASKED, "vpc": str(vpc.pk), "md5": KEY}
    first = send(ours, at(connection), asked, **{"Idempotency-Key": "one"})
    assert send(ours, at(connection), asked, **{"Idempotency-Key": "one"})["id"] == first["id"]
    assert Interface.unscoped.count() == 1
    kept = [*IdempotencyKey.objects.values(), *AuditEntry.unscoped.values(), *Operation.unscoped.values()]
    assert KEY not in str(kept)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_one_gets_the_key(acme, connection, row, monkeypatch):
    begin = threading.Barrier(5)

    def slowly(*told, **options):
        time.sleep(0.2)
        audit(*told, **options)

    monkeypatch.setattr(services, "audit", slowly)
    callers = [client(acme) for _ in range(5)]

    def ask(who):
        begin.wait(30)
        try:
            answer = who.post(at(connection, row, "md5/"), {}, content_type="application/json")
            return answer.status_code, answer.json().get("md5")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as threads:
        assert sorted(threads.map(ask, callers)) == [(200, KEY), *[(409, None)] * 4]


# --- what it costs --------------------------------------------------------------------------------------------------


def test_a_list_costs_as_much_for_one_as_for_many(ours, acme, zone, connection, row, vpc):
    def cost():
        with CaptureQueriesContext(database) as asked:
            assert ours.get(at(connection)).status_code == 200
        return len(asked)

    cost()  # notes that the token was used
    one = cost()
    for number in range(6):
        ends = {"link": f"10.9.{number}.0/30", "local_address": f"10.9.{number}.1"}
        ends["remote_address"] = f"10.9.{number}.2"
        where = builders.a_vpc(acme, zone, f"net-{number}", f"10.{100 + number}.0.0/20")
        builders.an_interface(connection, where, f"if-{number}", vlan=200 + number, **ends)
    assert cost() == one <= 8
