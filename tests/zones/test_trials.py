"""Trying a connection before anything is saved: what is said of it, who may use it, and what becomes of its secrets."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import connection
from pydantic import SecretStr

from apps.accounts import services
from apps.accounts.models import Account
from apps.cloudstack import COMMANDS
from apps.kernel.errors import Refused
from apps.tenancy.models import AuditEntry
from apps.zones import access, trials
from apps.zones.models import Trial, Zone
from apps.zones.services import change_settings
from portal.retention import forget
from sandbox.world import World
from tests import builders
from tests.sandbox.cloudstack.client import root_of

KEYS = ("the-api-key", "the-secret-key")
LOGIN = ("weft", "the-password")
CLIENTS = Path(__file__).resolve().parents[2] / "apps" / "cloudstack"
CHOSEN = {"name": "zone1", "netris_site": "sv"}


@pytest.fixture(scope="module")
def served():
    world = World(cloudstack_keys=KEYS, netris_login=LOGIN)
    cloudstack, netris = world.serve()
    yield world, f"{cloudstack.url}/client/api", netris.url
    world.close()


@pytest.fixture
def entered(served, transactional_db) -> dict[str, Any]:
    _, cloudstack_url, netris_url = served
    return {
        "cloudstack_url": cloudstack_url,
        "cloudstack_api_key": SecretStr(KEYS[0]),
        "cloudstack_secret_key": SecretStr(KEYS[1]),
        "netris_url": netris_url,
        "netris_user": LOGIN[0],
        "netris_password": SecretStr(LOGIN[1]),
    }


def tried(entered: dict[str, Any], **how: Any) -> Trial:
    trial = trials.begin(entered, by=builders.the_platform(), **how)
    assert trials.run_due() == 1
    trial.refresh_from_db()
    return trial


def verdicts(trial: Trial) -> list[str]:
    return [check["verdict"] for check in trial.checks]


def taken(trial: Trial, **chosen: Any) -> Zone:
    return services.take(trial, {**CHOSEN, **chosen}, by=builders.the_platform()).zone


def test_the_commands_that_are_asked_for_are_those_that_are_given():
    written = set()
    for path in CLIENTS.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args:
                first = call.args[0]
                if call.func.attr in ("_read", "_write", "_list", "_pages", "_get", "_started", "_call"):
                    written |= {first.value} if isinstance(first, ast.Constant) else set()
    assert written == COMMANDS


def test_what_was_found_is_told_question_by_question(entered):
    trial = trials.begin(entered, by=builders.the_platform())
    assert (trial.status, trial.checks) == ("waiting", [])

    seen = [len(look.checks) for look in access.looks(access.Access.of(trial))]
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]

    trials.run_due()
    trial.refresh_from_db()
    assert trial.status == "good"
    assert verdicts(trial) == ["ok"] * 8
    found = access.Found.model_validate(trial.found)
    assert [zone.name for zone in found.netris_zones] == ["zone1"]
    assert (found.sites, found.netris_zones[0].controllers) == (["sv"], ["Up"])
    assert found.netris_zones[0].vnis == ["1000000-2000000"]


def test_a_zone_is_registered_by_it_once_and_its_secrets_are_forgotten(entered):
    tenants = [builders.a_tenant("Acme"), builders.a_tenant("Globex")]
    trial = tried(entered)

    zone = taken(trial, description="In Ghent")

    assert (zone.name, zone.netris_site, zone.description) == ("zone1", "sv", "In Ghent")
    assert zone.cloudstack_api_key == SecretStr(KEYS[0]) and zone.netris_password == SecretStr(LOGIN[1])
    assert {account.tenant for account in Account.unscoped.all()} == set(tenants)
    trial.refresh_from_db()
    assert (trial.status, trial.zone) == ("taken", zone)
    assert not trial.cloudstack_secret_key.get_secret_value() and not trial.netris_password.get_secret_value()
    with pytest.raises(Refused, match="used already"):
        taken(trial)
    assert [entry.action for entry in AuditEntry.unscoped.filter(object_type="zone")] == ["zone.register"]


@pytest.mark.parametrize(
    ("secret", "field", "expected"),
    [
        ("cloudstack_api_key", "cloudstack_api_key", ["failed", "ok", "ok", "ok"]),
        ("netris_password", "netris_password", ["ok"] * 5 + ["failed"]),
    ],
)
def test_a_refused_login_is_said_of_its_system_alone(entered, secret, field, expected):
    trial = tried({**entered, secret: SecretStr("wrong")})

    assert (trial.status, verdicts(trial)) == ("failed", expected)
    [failed] = [check for check in trial.checks if check["verdict"] == "failed"]
    assert failed["field"] == field
    with pytest.raises(Refused, match="has to be mended"):
        taken(trial)
    assert not Zone.objects.exists()


@pytest.mark.parametrize("side", ["cloudstack", "netris"])
def test_one_that_is_away_is_said_and_the_other_is_tried(entered, served, side):
    faults = getattr(served[0], side).faults
    faults.order("down")
    try:
        trial = tried(entered)
    finally:
        faults.clear()
    [failed] = [check for check in trial.checks if check["verdict"] == "failed"]
    assert (failed["system"], failed["field"]) == (side, f"{side}_url")
    assert "ok" in verdicts(trial)


def a_user(served, **rights: list[str]) -> dict[str, Any]:
    """Somebody with a permission group of their own, as an operator of Netris makes them."""
    name, password = f"weft-{uuid4().hex[:6]}", "a-password"
    with httpx.Client(base_url=served[2]) as http:

        def send(method: str, path: str, **body: Any) -> Any:
            return http.request(method, f"/api/{path}", json=body).raise_for_status().json()["data"]

        send("POST", "auth", user=LOGIN[0], password=LOGIN[1])
        group = send("POST", "permissiongroups", name=name, **{"hidden": [], "readOnly": [], **rights})["id"]
        groups = {"userRole": {"id": 0, "name": ""}, "permissionGroup": {"id": group}}
        user = send("POST", "users", name=name, email="w@example.net", tenants=[], **groups)["id"]
        send("PUT", "users/setpassword", id=user, password=password)
    return {"netris_user": name, "netris_password": SecretStr(password)}


@pytest.mark.parametrize(
    ("rights", "verdict", "text"),
    [
        ({}, "ok", "It may read the inventory"),
        ({"hidden": ["LOOKING_GLASS"], "readOnly": ["INVENTORY"]}, "ok", "It may read the inventory"),
        ({"hidden": ["INVENTORY"]}, "failed", "leaves out: INVENTORY."),
        ({"readOnly": ["NAT"]}, "failed", "leaves out: NAT (may only be read)."),
        ({"hidden": ["SERVICES"], "readOnly": ["ACL"]}, "failed", "leaves out: ACL, CIRCUITS, L4_LOAD_BALANCER."),
        ({"hidden": ["USERS"]}, "unknown", "does not show"),
        ({"hidden": ["USERS", "SITES"]}, "unknown", "does not show"),
    ],
)
def test_rights_that_a_user_lacks_in_netris_are_named(entered, served, rights, verdict, text):
    trial = tried({**entered, **a_user(served, **rights)})

    [check] = [check for check in trial.checks if check["title"] == "The user may do what is needed"]
    assert check["verdict"] == verdict and text in check["text"]
    assert (trial.status == "good") is (verdict != "failed" and "SITES" not in str(rights))


def test_keys_of_less_than_a_root_admin_are_not_enough(entered, served):
    root = root_of(served[0])
    acme = root.account("acme", root.domain("acme"))
    keys = {"cloudstack_api_key": SecretStr(acme.key), "cloudstack_secret_key": SecretStr(acme.secret)}

    trial = tried({**entered, **keys})

    [failed] = [check for check in trial.checks if check["verdict"] == "failed"]
    assert failed["text"].startswith("Not permitted: createAccount, createDomain,")
    assert (failed["system"], failed["field"]) == ("cloudstack", "cloudstack_api_key")


def test_a_secret_is_sent_nowhere_else_than_where_it_was_given_for(entered):
    zone = taken(tried(entered))
    kept = {**entered, "cloudstack_api_key": None, "cloudstack_secret_key": None, "netris_password": None}

    trial = tried(kept, before=zone)
    assert (trial.status, trial.zone) == ("good", zone)

    for url, field in (("cloudstack_url", "cloudstack_api_key"), ("netris_url", "netris_password")):
        with pytest.raises(Refused, match="not sent to another address") as refusal:
            trials.begin({**kept, url: "https://elsewhere.example.net"}, before=zone, by=builders.the_platform())
        assert refusal.value.field == field
    with pytest.raises(Refused) as refusal:
        trials.begin({**kept, "netris_user": ""}, by=builders.the_platform())
    assert refusal.value.field == "netris_user"


def test_a_changed_connection_keeps_the_zone_and_takes_over_its_new_name(entered, served):
    zone = taken(tried(entered))
    Zone.objects.filter(pk=zone.pk).update(name="an old name", name_key="an old name")
    zone.refresh_from_db()

    again = taken(tried(entered, before=zone), calls_per_second=7, name="whatever is sent")

    assert (again.pk, again.name, again.calls_per_second, again.slug) == (zone.pk, "zone1", 7, zone.slug)
    assert Zone.objects.count() == 1


def test_a_connection_to_another_cloudstack_does_not_become_this_zones(entered):
    zone = taken(tried(entered))
    Zone.objects.filter(pk=zone.pk).update(cloudstack_zone_id=uuid4())

    with pytest.raises(Refused, match="lost sight of"):
        taken(tried(entered, before=Zone.objects.get()))


def test_a_second_registration_of_a_zone_is_refused_with_the_way_out(entered):
    taken(tried(entered))
    with pytest.raises(Refused, match="Change its connection instead") as refusal:
        taken(tried(entered))
    assert refusal.value.field == "name"


def test_what_was_found_long_ago_is_not_gone_by(entered):
    trial = tried(entered)
    Trial.objects.update(finished_at=trial.finished_at - Trial.GOOD_FOR - timedelta(seconds=1))
    trial.refresh_from_db()

    assert trial.status == "expired"
    with pytest.raises(Refused, match="too long ago"):
        taken(trial)


def test_a_killed_worker_is_followed_by_another_one_three_times(entered, monkeypatch):
    trial = trials.begin(entered, by=builders.the_platform())

    def killed(_access: access.Access) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trials, "looks", killed)
        for attempt in range(1, Trial.TRIES + 1):
            with pytest.raises(KeyboardInterrupt):
                trials.run_due()
            assert trials.run_due() == 0  # somebody has its lease
            trial.refresh_from_db()
            assert (trial.status, trial.fence) == ("looking", attempt)
            Trial.objects.update(lease_until=None)
    assert trials.run_due() == 1
    trial.refresh_from_db()
    assert trial.status == "failed" and "stopped half way" in trial.checks[0]["text"]


def test_a_late_worker_writes_nothing(entered, monkeypatch):
    trial = trials.begin(entered, by=builders.the_platform())
    asked = access.looks

    def slow(told: access.Access) -> Any:
        for number, look in enumerate(asked(told)):
            if number == 2:
                Trial.objects.update(fence=9)
            yield look

    monkeypatch.setattr(trials, "looks", slow)
    trials.run_due()
    trial.refresh_from_db()
    assert (len(trial.checks), trial.finished_at) == (2, None)


def test_a_fault_of_our_own_is_said_and_ends_it(entered, monkeypatch):
    def broken(_access: access.Access) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(trials, "looks", broken)
    assert tried(entered).status == "failed"


def test_only_so_many_are_tried_at_once(entered):
    for _ in range(trials.MOST):
        trials.begin(entered, by=builders.the_platform())
    with pytest.raises(Refused, match="being tried already"):
        trials.begin(entered, by=builders.the_platform())


def test_they_are_forgotten_with_their_secrets(entered):
    trial = tried(entered)
    forget()
    assert Trial.objects.exists()
    Trial.objects.update(created_at=trial.created_at - Trial.KEPT - timedelta(seconds=1))
    forget()
    assert not Trial.objects.exists()


def test_nothing_secret_stands_in_the_row_or_in_the_audit_log(entered):
    taken(tried(entered))
    tried(entered, before=Zone.objects.get())
    rows = str([*Trial.objects.values("checks", "found", "cloudstack_url", "netris_user", "asked_by")])
    rows += str([*AuditEntry.unscoped.values()])
    assert not [secret for secret in (*KEYS, LOGIN[1]) if secret in rows]
    with connection.cursor() as cursor:
        cursor.execute("SELECT cloudstack_secret_key, netris_password FROM zones_trial")
        assert not [secret for secret in (KEYS[1], LOGIN[1]) if secret in str(cursor.fetchall())]


class TestSettings:
    def test_they_are_changed_without_asking_anybody(self, entered):
        zone = taken(tried(entered))

        change_settings(zone, {"description": "In Ghent", "calls_per_second": 7}, by=builders.the_platform())

        zone.refresh_from_db()
        assert (zone.description, zone.calls_per_second) == ("In Ghent", 7)
        assert AuditEntry.unscoped.latest("id").new == {"description": "In Ghent", "calls_per_second": "7"}
        with pytest.raises(Refused) as refusal:
            change_settings(zone, {"calls_per_second": 0}, by=builders.the_platform())
        assert refusal.value.field == "calls_per_second"

    def test_a_disabled_zone_gets_no_accounts_until_it_is_enabled(self, entered):
        zone = taken(tried(entered))
        services.disable_zone(zone, by=builders.the_platform())
        builders.a_tenant("Acme")
        assert not Account.unscoped.exists()

        assert len(services.enable_zone(zone, by=builders.the_platform()).operations) == 1
        assert not services.enable_zone(zone, by=builders.the_platform()).operations
        actions = AuditEntry.unscoped.filter(object_type="zone").order_by("id").values_list("action", flat=True)
        assert list(actions) == ["zone.register", "zone.disable", "zone.enable"]


def test_a_zone_without_public_ranges_is_registered_as_well(entered, served):
    trial = tried(entered)
    trial.found["zones"][0]["public_ranges"] = []
    trial.save()
    assert taken(trial).public_ranges == []
