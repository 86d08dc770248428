"""Whose an instance is, where it is, and what finds it."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Account
from apps.instances import queries
from apps.mirror.models import Item
from apps.networks.models import Tier
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders
from tests.instances.conftest import Place

MANY = 10_000
FILL = """
INSERT INTO mirror_item (zone_id, kind, remote_id, key, name, search_key, data, changed_at)
SELECT %(zone)s, 'cloudstack.instance', md5('vm' || n)::uuid::text, %(owner)s, 'vm-' || n,
    'vm-' || n || E'\\n10.' || n / 65536 || '.' || n / 256 %% 256 || '.' || n %% 256,
    jsonb_build_object('id', md5('vm' || n)::uuid::text, 'state', 'Running', 'created', '2026-03-02T08:00:00Z',
        'nic', jsonb_build_array(jsonb_build_object('id', 'nic', 'isdefault', true, 'ipaddress', '10.20.0.11',
            'vpcid', md5('vpc' || n / 300)::uuid::text, 'networkid', md5('tier' || n / 30)::uuid::text))),
    now()
FROM generate_series(1, %(many)s) AS n;
"""


def names(rows: QuerySet[Item]) -> list[str]:
    return sorted(rows.values_list("name", flat=True))


def test_what_is_another_tenants_or_nobodys_is_not_there(
    acme: Tenant, place: Place, web_1: UUID, secret: UUID, theirs: Place
) -> None:
    gone = Account(pk=uuid4(), tenant=acme, zone=place.account.zone, cloudstack_domain_id=uuid4())
    stray = builders.an_instance(gone)
    domain = {"domainid": str(place.account.cloudstack_domain_id), "account": theirs.account.remote_name}
    half = builders.an_instance(theirs.account, "of their account in our domain", **domain)

    assert names(queries.of(acme)) == ["web-1"]
    assert [queries.find(acme, each) for each in (secret, stray, half, uuid4())] == [None] * 4
    assert names(queries.of(acme, words="secret")) == names(queries.of(acme, words="10.20.0.99")) == []
    assert names(queries.of(acme, vpc=theirs.vpc)) == names(queries.of(acme, tier=theirs.web)) == []
    assert queries.choices(acme, "secret") == []


def test_an_account_that_is_gone_opens_nothing(acme: Tenant, place: Place, web_1: UUID) -> None:
    Account.unscoped.filter(pk=place.account.pk).update(status=Status.DELETED)

    assert names(queries.of(acme)) == []


def test_an_instance_says_where_it_is_and_all_of_its_addresses(acme: Tenant, place: Place, web_1: UUID) -> None:
    found = queries.find(acme, web_1)

    assert found is not None
    assert (found.id, found.name, found.state, found.host) == (web_1, "web-1", "Running", "Server-2")
    assert (found.vpc, found.tier) == (place.vpc, place.web)
    addresses = [(str(each.address), each.is_primary, each.tier) for each in found.addresses]
    assert addresses == [("10.20.0.11", True, place.web), ("10.20.0.12", False, place.web)]


def test_a_machine_outside_of_wefts_tiers_is_in_none(acme: Tenant, place: Place, theirs: Place) -> None:
    nowhere, in_theirs = (builders.an_instance(place.account, tier=tier) for tier in (None, theirs.web))

    for each in (nowhere, in_theirs):
        found = queries.find(acme, each)
        assert found is not None
        assert (found.vpc, found.tier) == (None, None)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("WEB", ["web-1"]),
        ("eb-", ["web-1"]),
        ("10.20.0.11", ["web-1"]),
        ("10.20.0.12", ["web-1"]),
        ("10.20.", ["db-1", "web-1"]),
        ("zebra", []),
        ("\u200b", []),
        ("%", []),
    ],
)
def test_part_of_a_name_or_of_any_address_finds_it(
    words: str, expected: list[str], acme: Tenant, place: Place, web_1: UUID
) -> None:
    builders.an_instance(place.account, "db-1", tier=place.db, address="10.20.1.5", state="Stopped")

    assert names(queries.of(acme, words=words)) == expected


def test_they_are_narrowed_by_zone_vpc_tier_and_state(acme: Tenant, place: Place, web_1: UUID, site: Zone) -> None:
    builders.an_instance(place.account, "db-1", tier=place.db, state="Stopped")
    far = builders.an_account(acme, builders.a_zone("far"))
    builders.an_instance(far, "far-1")

    assert names(queries.of(acme)) == ["db-1", "far-1", "web-1"]
    assert names(queries.of(acme, zone=far.zone)) == ["far-1"]
    assert names(queries.of(acme, vpc=place.vpc)) == ["db-1", "web-1"]
    assert names(queries.of(acme, tier=place.db)) == names(queries.of(acme, state="Stopped")) == ["db-1"]
    unbuilt = builders.a_vpc(acme, site, "unbuilt")
    assert names(queries.of(acme, vpc=unbuilt)) == []


def test_a_picker_offers_few_and_none_that_is_gone(acme: Tenant, place: Place) -> None:
    for state in ("Running", "Stopped", "Destroyed", "Expunging", "Error"):
        for n in range(3):
            builders.an_instance(place.account, f"{state}-{n}", tier=place.web, state=state)

    found = queries.choices(acme, limit=4)

    assert [each.name for each in found] == ["Running-0", "Running-1", "Running-2", "Stopped-0"]


def test_how_old_it_is_is_told_and_not_believed_for_ever(acme: Tenant, place: Place) -> None:
    old = timezone.now() - timedelta(minutes=4)
    instance_id = builders.an_instance(place.account, read_at=old)

    found = queries.find(acme, instance_id)

    assert found is not None
    assert (found.read_at, found.is_stale) == (old, True)
    assert [reading.read_at for reading in queries.readings_of(acme)] == [old]


def test_of_ten_thousand_no_more_is_read_than_is_asked_for(acme: Tenant, place: Place, web_1: UUID) -> None:
    owner = queries.owner_of(place.account)
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"zone": place.vpc.zone_id, "owner": owner, "many": MANY})
        for index in ("instance_by_words", "instance_by_network"):
            cursor.execute("SELECT gin_clean_pending_list(%s)", [index])
        cursor.execute("ANALYZE mirror_item")
    asked = {
        "one": lambda: queries.find(acme, web_1),
        "words of one": lambda: queries.choices(acme, "vm-9999"),
        "an address": lambda: queries.choices(acme, "10.0.39.15"),
        "of a VPC": lambda: list(queries.of(acme, vpc=place.vpc)),
        "of a tier": lambda: list(queries.of(acme, tier=place.web)),
    }
    for name, ask in asked.items():
        with CaptureQueriesContext(connection) as made:
            assert ask(), name
        assert len(made) <= 4, name
        for query in (each["sql"] for each in made.captured_queries if "mirror_item" in each["sql"]):
            assert most_rows(query) < 100, (name, query)
    with CaptureQueriesContext(connection) as made:
        rows = queries.shown(queries.of(acme).order_by("name")[:50], Tier.objects.of(acme))
    assert (len(rows), len(made)) == (50, 4)


def most_rows(sql: str) -> int:
    """How many rows a scan of the mirror has touched."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
        plan = cursor.fetchone()[0]
    waiting = [(json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]]
    most = 0
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        if node.get("Relation Name") == "mirror_item":
            most = max(most, node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    return most
