"""Registering a zone: over HTTP, as an operator does it."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pydantic import SecretStr

from apps.accounts.management.commands.register_zone import SECRETS
from apps.accounts.models import Account
from apps.accounts.services import register_zone
from apps.kernel.errors import Refused
from apps.kernel.remote import Unauthorized, Unavailable
from apps.tenancy.models import AuditEntry
from apps.zones.models import Zone
from apps.zones.services import ZoneSpec
from sandbox.world import World
from tests import builders

KEYS = ("the-api-key", "the-secret-key")
LOGIN = ("weft", "the-password")


@pytest.fixture(scope="module")
def served():
    world = World(cloudstack_keys=KEYS, netris_login=LOGIN)
    cloudstack, netris = world.serve()
    yield world, f"{cloudstack.url}/client/api", netris.url
    world.close()


@pytest.fixture
def spec(served, transactional_db) -> ZoneSpec:
    _, cloudstack_url, netris_url = served
    return ZoneSpec(
        name="zone1",
        cloudstack_url=cloudstack_url,
        cloudstack_api_key=SecretStr(KEYS[0]),
        cloudstack_secret_key=SecretStr(KEYS[1]),
        netris_url=netris_url,
        netris_user=LOGIN[0],
        netris_password=SecretStr(LOGIN[1]),
        netris_site="sv",
    )


def registered(spec: ZoneSpec) -> Zone:
    return register_zone(spec, by=builders.the_platform()).zone


def test_what_can_be_found_out_is_asked(spec):
    zone = registered(spec)

    assert (zone.name, zone.slug, zone.netris_site, zone.max_tiers_per_vpc) == ("zone1", "zone1", "sv", 3)
    assert len({zone.cloudstack_zone_id, zone.vpc_offering_id, zone.tier_offering_id}) == 3
    (entry,) = AuditEntry.unscoped.all()
    assert (entry.action, entry.old, entry.new["netris_user"]) == ("zone.register", {}, "weft")
    assert not [secret for secret in (*KEYS, LOGIN[1]) if secret in str(entry.new)]


def test_a_second_time_only_what_differs_is_told(spec):
    zone = registered(spec)
    assert registered(spec) == zone
    assert AuditEntry.unscoped.count() == 1

    again = registered(replace(spec, calls_per_second=7, netris_password=SecretStr(LOGIN[1])))

    assert (again.pk, Zone.objects.get().calls_per_second) == (zone.pk, 7)
    entry = AuditEntry.unscoped.latest("id")
    assert entry.action == "zone.update"
    assert (entry.old, entry.new) == ({"calls_per_second": "25"}, {"calls_per_second": "7"})


def test_of_a_secret_only_the_change_is_told(spec):
    zone = registered(spec)
    zone.netris_password = SecretStr("another one")
    zone.save()

    registered(spec)

    assert AuditEntry.unscoped.latest("id").new == {"netris_password": "changed"}
    assert Zone.objects.get().netris_password == SecretStr(LOGIN[1])


def test_cloudstacks_limit_of_tiers_is_taken_over(spec, served):
    world = served[0]
    table = world.cloudstack.cloud.table("configuration")
    table.put({"id": "vpc.max.networks", "value": "7"})
    try:
        assert registered(spec).max_tiers_per_vpc == 7
    finally:
        table.drop("vpc.max.networks")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": "zone9"}, "name", "zone-unknown"),
        ({"netris_site": "nowhere"}, "netris_site", "site-unknown"),
        ({"vpc_offering": "Default VPC offering"}, "vpc_offering", "offering-unknown"),
        ({"tier_offering": "nothing"}, "tier_offering", "offering-unknown"),
        ({"cloudstack_url": "cloud.example.net"}, "cloudstack_url", "url-invalid"),
        ({"cloudstack_url": "ftp://cloud.example.net/"}, "cloudstack_url", "url-invalid"),
        ({"cloudstack_url": "https://"}, "cloudstack_url", "url-invalid"),
        ({"netris_url": "https://a:b@netris.example.net"}, "netris_url", "url-too-much"),
        ({"netris_url": "https://netris.example.net/?key=1"}, "netris_url", "url-too-much"),
        ({"netris_url": "http://[::1"}, "netris_url", "url-invalid"),
        ({"calls_per_second": 0}, "calls_per_second", "calls-per-second-invalid"),
        ({"calls_per_second": 1001}, "calls_per_second", "calls-per-second-invalid"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_saved(spec, changes, field, code):
    with pytest.raises(Refused) as refusal:
        registered(replace(spec, **changes))

    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert "a:b" not in str(refusal.value)
    assert not Zone.objects.exists() and not AuditEntry.unscoped.exists()


@pytest.mark.parametrize("secret", ["cloudstack_api_key", "cloudstack_secret_key", "netris_password"])
def test_a_wrong_secret_is_noticed_at_once(spec, secret):
    with pytest.raises(Unauthorized):
        registered(replace(spec, **{secret: SecretStr("wrong")}))
    assert not Zone.objects.exists()


@pytest.mark.parametrize("side", ["cloudstack", "netris"])
def test_nothing_is_saved_while_one_of_them_is_away(spec, served, side):
    faults = getattr(served[0], side).faults
    faults.order("down")
    try:
        with pytest.raises(Unavailable):
            registered(spec)
    finally:
        faults.clear()
    assert not Zone.objects.exists()


def test_a_name_does_not_pass_to_another_zone(spec):
    zone = registered(spec)
    zone.cloudstack_zone_id = uuid4()
    zone.save()

    with pytest.raises(Refused, match="lost sight of"):
        registered(replace(spec, calls_per_second=7))
    assert Zone.objects.get().calls_per_second == 25


def test_two_names_never_share_a_short_one(spec):
    builders.a_zone("Elsewhere", slug="zone1")

    assert registered(spec).slug == "zone1-2"


def test_a_zone_is_not_registered_beside_one_that_is_called_the_same(spec):
    builders.a_zone("Zоne1", slug="other")  # with a Cyrillic letter

    with pytest.raises(Refused, match="Another zone was registered as") as refusal:
        registered(spec)
    assert (refusal.value.code, refusal.value.field) == ("zone-other", "name")


def command(spec: ZoneSpec, monkeypatch, **changes):
    for name, secret in zip(SECRETS, (*KEYS, LOGIN[1]), strict=True):
        monkeypatch.setenv(name, secret)
    urls = {"cloudstack_url": spec.cloudstack_url, "netris_url": spec.netris_url}
    call_command("register_zone", "zone1", netris_user=LOGIN[0], **{**urls, "netris_site": "sv", **changes})


def test_tenants_that_were_there_before_get_their_accounts_once(spec, monkeypatch, capsys):
    tenants = [builders.a_tenant("Acme"), builders.a_tenant("Globex")]

    command(spec, monkeypatch)
    command(spec, monkeypatch)

    assert {account.tenant for account in Account.unscoped.all()} == set(tenants)
    assert Account.unscoped.count() == 2
    printed = capsys.readouterr().out
    assert "Accounts being made there: 2." in printed and "Accounts being made there: 0." in printed


def test_a_zone_that_is_switched_off_gets_none(spec, monkeypatch):
    registered(spec)
    Zone.objects.update(is_enabled=False)
    builders.a_tenant("Acme")

    command(spec, monkeypatch)

    assert not Account.unscoped.exists()


def test_the_command_says_what_is_wrong(spec, monkeypatch):
    with pytest.raises(CommandError, match="It has: sv"):
        command(spec, monkeypatch, netris_site="nowhere")

    monkeypatch.setenv("WEFT_CLOUDSTACK_API_KEY", "")
    with pytest.raises(CommandError, match="Set WEFT_CLOUDSTACK_API_KEY"):
        call_command("register_zone", "zone1", cloudstack_url="x", netris_url="y", netris_user="z", netris_site="sv")


def test_public_ranges_with_different_tags_are_warned_of_until_they_are_alike_w13(served, spec, monkeypatch, capsys):
    world, _, _ = served
    command(spec, monkeypatch)
    assert "tagged vxlan://13, Netris's vlan://untagged" in capsys.readouterr().err

    ranges = world.cloudstack.cloud.table("vlan")
    routers = next(row for row in ranges if not row["provider"] and not row["forsystemvms"])
    before = routers["vlan"]
    try:
        ranges.change(routers, vlan="vlan://untagged")
        command(spec, monkeypatch)
    finally:
        ranges.change(routers, vlan=before)
    assert capsys.readouterr().err == ""
    assert Zone.objects.get().ranges_read_at is not None
