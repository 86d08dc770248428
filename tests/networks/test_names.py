"""One rule for names: the key that Python makes is the key that PostgreSQL keeps, compares and searches."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import TextField, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.kernel.errors import Refused
from apps.kernel.named import Key, containing, joined
from apps.kernel.names import NAME, key_of
from apps.networks import services
from apps.networks.models import Tier, Vpc
from apps.networks.specs import VpcSpec
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.queries import search_across, search_audit
from apps.tenancy.models import AuditEntry, Tenant, User
from apps.zones.models import Zone
from tests import builders
from tests.kernel.test_names import ODD, anything

pytestmark = pytest.mark.django_db

#: Few letters, so that two names are often the same.
alike = st.text(st.sampled_from("aAаsßS ſ-–i\u0307İ" + ODD[:4]), min_size=1, max_size=5)
in_one_world = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def kept(text):
    try:
        return NAME.parse(text, "name")
    except Refused:
        return None


@in_one_world
@given(text=anything)
def test_a_key_comes_back_from_postgresql_as_it_went(acme, text):
    with transaction.atomic(), suppress(IntegrityError):
        found = Tenant.objects.annotate(sent=Value(key_of(text), output_field=TextField())).get(pk=acme.pk)
        assert found.sent == key_of(text)
        if name := kept(text):
            row = Tenant.objects.create(name=name, slug="x")
            assert Tenant.objects.get(pk=row.pk).name_key == key_of(name)
            assert Tenant.objects.get(name_key=key_of(text)) == row
            row.delete()


@in_one_world
@given(one=alike, other=alike)
def test_postgresql_refuses_the_second_of_two_names_exactly_when_they_look_the_same(acme, one, other):
    names = [kept(one), kept(other)]
    if None in names:
        return
    zone = Zone.objects.first() or builders.a_zone()
    with transaction.atomic():
        builders.a_vpc(acme, zone, names[0])
        try:
            with transaction.atomic():
                builders.a_vpc(acme, zone, names[1])
            is_refused = False
        except IntegrityError as error:
            is_refused = "vpc_name_is_unique" in str(error)
        assert is_refused == (key_of(names[0]) == key_of(names[1]))
        transaction.set_rollback(True)


def test_the_longest_key_fits_its_index(acme):
    vpc = builders.a_vpc(acme, builders.a_zone(), NAME.parse("\ufdfa" * 63, "name"))
    assert len(vpc.name_key) == 18 * 63


def test_every_key_is_filled_when_its_row_is_saved(acme):
    vpc = builders.a_vpc(acme, builders.a_zone(), "Straße", description="Groß")
    assert (vpc.name_key, vpc.search_key) == ("strasse", "strasse\ngross\n10.20.0.0/20")
    services.rename_vpc(vpc, name="Gasse", description="Klein", by=builders.BY)
    services.rename_tier(tier := builders.a_tier(vpc), name="ÖL", by=builders.BY)
    for row, keys in ((vpc, ("name_key", "search_key")), (tier, ("name_key", "search_key"))):
        row.refresh_from_db()
        for key in keys:
            assert getattr(row, key) == joined(getattr(row, of) for of in row._meta.get_field(key).of)


def test_a_second_name_that_looks_the_same_is_taken(acme, zone, accounts):
    services.create_vpc(acme, builders.a_vpc_spec(zone, "Straße"), by=builders.BY)
    for name in ("STRASSE", "strаsse", "ｓtrasse"):
        with pytest.raises(Refused) as refusal:
            services.create_vpc(acme, builders.a_vpc_spec(zone, name, "10.99.0.0/20", tiers=()), by=builders.BY)
        assert (refusal.value.code, refusal.value.field) == ("name-taken", "name")
    with pytest.raises(Refused, match="already a tier"):
        VpcSpec.parse(
            {"name": "x", "zone": "z", "cidr": "10.0.0.0/16"}
            | {"tiers": [{"name": "ß", "cidr": "10.0.0.0/24"}, {"name": "SS", "cidr": "10.0.1.0/24"}]}
        )


@pytest.mark.parametrize("words", ["strasse", "STRASSE", " straße ", "tras", "strаße"])
def test_a_search_folds_as_names_do(acme, words):
    zone = builders.a_zone("Straße")
    vpc = builders.a_vpc(acme, zone, "Straße 7")
    builders.a_vpc(acme, zone, "other")
    assert list(Vpc.unscoped.filter(containing("search_key", words))) == [vpc]
    assert services.find_zone(zone.name.upper()) == zone
    Operation.unscoped.create(
        tenant=acme, zone=zone, resource_id=vpc.pk, resource_name=vpc.name, size=1, kind="vpc", lock_key="x"
    )
    assert search_across(Operation.unscoped.all(), words=words, phase="").count() == 1
    services.rename_vpc(vpc, name="Straße 8", description="", by=builders.BY)
    assert search_audit(AuditEntry.unscoped.all(), Operation.unscoped.all(), words=words).count() == 1


@pytest.mark.parametrize("words", ["\u200b", "\u00ad\u200d", "\u0000"])
def test_a_search_for_what_nobody_sees_finds_nothing(acme, words):
    builders.a_vpc(acme, builders.a_zone())
    assert not Vpc.unscoped.filter(containing("search_key", words)).exists()


def test_a_search_finds_nothing_across_a_name_and_a_description(acme):
    builders.a_vpc(acme, builders.a_zone(), "web", description="shop")
    assert not Vpc.unscoped.filter(containing("search_key", "web shop")).exists()


def test_a_person_is_known_by_a_name_that_looks_like_theirs(db):
    ann = builders.a_user("Ann")
    assert User.objects.get_by_natural_key("аnn") == ann
    with pytest.raises(IntegrityError, match="user_name_is_unique"):
        builders.a_user("ANN")


# --- rows from before ---


def migrate(app, name):
    import_module(f"apps.{app}.migrations.{name}").fill_keys(apps, None)


def test_rows_from_before_get_their_keys_and_the_same_are_numbered(acme, globex):
    zone = builders.a_zone()
    names = ["prod", "Prod", "PROD (2)", "x" * 63, "X" * 63]
    with connection.cursor() as cursor:
        for index in ("vpc_name_is_unique", "tier_name_is_unique"):
            cursor.execute(f"DROP INDEX {index}")
    vpcs = [builders.a_vpc(acme, zone, name, description="The Shop") for name in names]
    gone = builders.a_vpc(acme, zone, "prod", status=Status.DELETED)
    other = builders.a_vpc(globex, zone, "PROD")
    tiers = [builders.a_tier(vpcs[0], name, cidr) for name, cidr in (("ß", "10.20.0.0/24"), ("SS", "10.20.1.0/24"))]
    Vpc.unscoped.update(name_key="", search_key="")
    Tier.unscoped.update(name_key="")

    migrate("networks", "0006_fill_the_keys_of_names")

    now = [Vpc.unscoped.get(pk=vpc.pk) for vpc in [*vpcs, gone, other]]
    assert [vpc.name for vpc in now] == ["prod", "Prod (3)", "PROD (2)", "x" * 63, "X" * 58 + " (2)", "prod", "PROD"]
    assert {vpc.name_key == key_of(vpc.name) for vpc in now} == {True}
    assert {vpc.search_key == joined((vpc.name, vpc.description, vpc.cidr)) for vpc in now} == {True}
    assert [Tier.unscoped.get(pk=tier.pk).name for tier in tiers] == ["ß", "SS (2)"]
    entries = AuditEntry.unscoped.filter(actor="upgrade").order_by("pk")
    assert {(each.action, each.old["name"], each.new["name"]) for each in entries} == {
        ("vpc.rename", "Prod", "Prod (3)"),
        ("vpc.rename", "X" * 63, "X" * 58 + " (2)"),
        ("tier.rename", "SS", "SS (2)"),
    }


def test_people_and_zones_from_before_keep_their_names_and_tenants_are_numbered(db):
    with connection.cursor() as cursor:
        for table, name in (("tenancy_user", "user"), ("tenancy_tenant", "tenant"), ("zones_zone", "zone")):
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}_name_is_unique")
    people = [builders.a_user(name) for name in ("ann", "Ann")]
    zones = [builders.a_zone(name, slug=name) for name in ("one", "One")]
    tenants = [Tenant.objects.create(name=name, slug=slug) for name, slug in (("Ä", "a"), ("ä", "b"))]
    for model, key in ((User, "username_key"), (Zone, "name_key"), (Tenant, "name_key")):
        model.objects.update(**{key: ""})

    migrate("tenancy", "0005_fill_the_keys_of_names")
    migrate("zones", "0005_fill_the_keys_of_names")

    checks: list[tuple[Any, ...]] = [
        (people, User, "username_key", ["ann", "ann (2)"]),
        (zones, Zone, "name_key", ["one", "one (2)"]),
        (tenants, Tenant, "name_key", ["ä", "ä (2)"]),
    ]
    for rows, model, key, names in checks:
        assert [getattr(model.objects.get(pk=row.pk), key) for row in rows] == names
    assert [User.objects.get_by_natural_key(user.username) for user in people] == people
    assert [Zone.objects.get(pk=zone.pk).name for zone in zones] == ["one", "One"]
    assert [Tenant.objects.get(pk=tenant.pk).name for tenant in tenants] == ["Ä", "ä (2)"]


def test_every_key_of_the_schema_was_tried_here():
    keys = {f"{m.__name__}.{f.name}" for m in apps.get_models() for f in m._meta.fields if isinstance(f, Key)}
    assert keys == {
        *("User.username_key", "Tenant.name_key", "Zone.name_key", "Vpc.name_key", "Vpc.search_key", "Tier.name_key"),
        *("Tier.search_key", "Operation.search_key", "AuditEntry.search_key", "Invitation.email_key"),
        # Rows of younger tables have had their keys from the first.
        *("PublicIp.search_key", "StaticNat.search_key", "PortForward.search_key", "Acl.name_key", "Acl.search_key"),
        *("StaticRoute.search_key", "Balancer.search_key", "Event.search_key"),
        *("Location.name_key", "Location.search_key", "Connection.name_key", "Connection.search_key"),
        *("Interface.name_key", "Peering.name_key"),
    }
