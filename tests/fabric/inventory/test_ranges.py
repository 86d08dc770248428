"""What tenants' VPCs have of their own, among the subnets: whose it is, and that nobody changes it from here."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.fabric.models import SurveyedSubnet
from apps.fabric.surveys import survey
from apps.imports import services as imports
from apps.kernel import clock as now
from apps.mirror.models import Item, Kind, Reading
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders
from tests.api.conftest import Api

ZONE_LIST = reverse("fabric:subnet_list")


def a_range(zone: Zone, vpc_id: int, prefix: str, *tiers: str, **at: Any) -> None:
    """An allocation of a VPC in Netris, with a subnet for each tier, as the plugin calls them."""
    name = f"D1-A2-Z1-V{vpc_id}-vpc"
    nets = [
        {"id": vpc_id * 10 + n, "name": f"{name}-T{n}", "prefix": tier, "purpose": "common", "hosts_count": n}
        for n, tier in enumerate(tiers, 1)
    ]
    data = {"name": name, "prefix": prefix, "vpc": {"id": vpc_id, "name": name}, "children": nets}
    data["utilization"] = {"percent": 95}
    builders.mirrored(zone, Kind.NETRIS_RANGE, [vpc_id + 500], data=data, **at)


@pytest.fixture
def prod(zone: Zone, acme: Tenant) -> Vpc:
    return builders.a_vpc(acme, zone, "prod", cidr="10.20.0.0/20", netris_id=7)


def read_again(zone: Zone) -> None:
    reading = Reading.objects.get(zone=zone, kind=Kind.NETRIS_RANGE)
    assert reading.read_at is not None
    reading.read_at += timedelta(seconds=1)
    reading.save()


@pytest.fixture
def surveyed(zone: Zone, prod: Vpc) -> None:
    a_range(zone, 7, "10.20.0.0/20", "10.20.0.0/24", "10.20.1.0/24")
    a_range(zone, 8, "10.30.0.0/20")
    survey(zone)
    builders.a_subnet(zone, "Loopbacks", prefix="10.0.0.0/16")


def rows(**which: Any) -> list[tuple[str, str, str]]:
    found = SurveyedSubnet.objects.of_vpcs().filter(**which).order_by("sort_key")
    return [(str(row.prefix), row.owner, row.whose) for row in found]


MINE = [(prefix, "tenant", "prod of Acme") for prefix in ("10.20.0.0/20", "10.20.0.0/24", "10.20.1.0/24")]
THEIRS = [("10.30.0.0/20", "nobody", "")]


class TestSurvey:
    def test_each_range_is_told_with_whose_it_is(self, surveyed: None, prod: Vpc) -> None:
        assert rows() == MINE + THEIRS
        row = SurveyedSubnet.objects.get(prefix="10.20.1.0/24")
        assert (row.vpc, row.parent_id, row.hosts, row.purpose) == (prod, "allocation-507", 2, "common")
        assert SurveyedSubnet.objects.get(prefix="10.20.0.0/20").status == "ok", "full, which is the tenant's affair"

    def test_what_is_as_it_was_is_not_looked_at_again(self, zone: Zone, surveyed: None) -> None:
        read_again(zone)
        survey(zone)
        read_again(zone)
        with CaptureQueriesContext(connection) as queries:
            survey(zone)
        written = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "DELETE", "UPDATE"))]
        assert [sql for sql in written if "surveyedsubnet" in sql] == []
        assert not any("mirror_item" in query["sql"] and '"data"' in query["sql"] for query in queries)

    def test_what_has_another_name_or_owner_now_is_told(self, zone: Zone, surveyed: None, prod: Vpc) -> None:
        Vpc.unscoped.filter(pk=prod.pk).update(name="live")
        builders.a_vpc(builders.a_tenant("Beta"), zone, "theirs", cidr="10.30.0.0/20", netris_id=8)
        read_again(zone)
        survey(zone)
        assert {whose for _, _, whose in rows()} == {"live of Acme", "theirs of Beta"}
        Vpc.unscoped.filter(pk=prod.pk).update(status=Status.DELETED, deleted_at=now.now())
        read_again(zone)
        survey(zone)
        assert {owner for _, owner, _ in rows(netris_vpc_id=7)} == {"nobody"}

    def test_what_is_gone_in_netris_goes(self, zone: Zone, surveyed: None) -> None:
        Item.objects.filter(zone=zone, remote_id="508").delete()
        item = Item.objects.get(zone=zone, remote_id="507")
        item.data["children"].pop()
        item.changed_at = now.now()
        item.save()
        read_again(zone)
        survey(zone)
        assert rows() == MINE[:2]
        assert SurveyedSubnet.objects.filter(name="Loopbacks").exists()

    def test_a_second_zone_of_the_same_netris_does_not_tell_them_twice(
        self, zone: Zone, surveyed: None, acme: Tenant
    ) -> None:
        other = builders.a_zone("Zone-2", netris_url=zone.netris_url)
        a_range(other, 7, "10.20.0.0/20", "10.20.0.0/24")
        a_range(other, 9, "10.40.0.0/20")
        survey(other)
        assert rows(zone=other) == [("10.40.0.0/20", "nobody", "")]


@pytest.fixture
def platform(db: None) -> Api:
    return Api(builders.a_token(None))


class TestList:
    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("", 5),
            ("?owner=platform", 1),
            ("?owner=tenant", 3),
            ("?owner=nobody", 1),
            ("?tenant=acme", 3),
            ("?q=prod", 3),
            ("?q=acme", 3),
            ("?q=10.20.1", 1),
            ("?q=acme&type=allocation", 1),
            ("?status=ok&owner=tenant", 1),
            ("?status=warning", 0),
        ],
    )
    def test_it_is_narrowed(self, browser: Client, platform: Api, surveyed: None, query: str, count: int) -> None:
        page = browser.get(f"{ZONE_LIST}{query}")
        assert len(page.context["rows"]) == count
        assert len(platform.get(f"/fabric/subnets/{query}").json()["results"]) == count
        sheet = browser.get(f"{reverse('fabric:subnet_sheet')}{query}").content.decode()
        assert len(list(csv.DictReader(io.StringIO(sheet)))) == count

    def test_it_names_the_owner_and_leads_there(
        self, browser: Client, platform: Api, surveyed: None, prod: Vpc, acme: Tenant
    ) -> None:
        html = browser.get(f"{ZONE_LIST}?q=10.20.1").content.decode()
        assert reverse("accounts:tenant_detail", args=[acme.slug]) in html and "VPC prod" in html
        assert "of tenants" in html, "how old it is, apart from the platform's own"
        [row] = platform.get("/fabric/subnets/?q=10.20.1").json()["results"]
        assert (row["owner"], row["tenant"]["slug"]) == ("tenant", "acme")
        assert (row["vpc"]["id"], row["vpc"]["name"]) == (str(prod.pk), "prod")
        [row] = platform.get("/fabric/subnets/?owner=nobody").json()["results"]
        assert (row["tenant"], row["vpc"], row["netris_vpc"]) == (None, None, "D1-A2-Z1-V8-vpc")

    def test_an_unknown_tenant_is_refused(self, platform: Api, surveyed: None) -> None:
        answer = platform.get("/fabric/subnets/?tenant=nobody")
        assert answer.json()["errors"][0]["field"] == "tenant"

    def test_its_age_is_that_of_its_own_list(self, zone: Zone, platform: Api, surveyed: None) -> None:
        moments = {"subnets_read_at": now.now(), "ranges_read_at": now.now() - timedelta(hours=1)}
        type(zone.survey).objects.filter(zone=zone).update(**moments)
        found = {row["owner"]: row["status"] for row in platform.get("/fabric/subnets/").json()["results"]}
        assert found == {"platform": "ok", "tenant": "stale", "nobody": "stale"}
        assert len(platform.get("/fabric/subnets/?status=stale").json()["results"]) == 4

    def test_it_costs_the_same_however_many_owners_there_are(
        self, browser: Client, zone: Zone, surveyed: None, django_assert_num_queries: Any
    ) -> None:
        for n in range(30):
            vpc = builders.a_vpc(
                builders.a_tenant(f"T{n}"), zone, f"v{n}", cidr=f"10.{n + 100}.0.0/20", netris_id=n + 50
            )
            a_range(zone, n + 50, str(vpc.cidr))
        read_again(zone)
        survey(zone)
        with django_assert_num_queries(5):
            page = browser.get(ZONE_LIST, headers={"HX-Request": "true"})
        assert len(page.context["rows"]) == 35


class TestReadOnly:
    @pytest.mark.parametrize(("prefix", "word"), [("10.20.1.0/24", "prod of Acme"), ("10.30.0.0/20", "not Weft")])
    def test_why_it_cannot_be_changed_is_said_and_asked_for_it_is_refused(
        self, zone: Zone, browser: Client, platform: Api, surveyed: None, prefix: str, word: str
    ) -> None:
        row = SurveyedSubnet.objects.get(prefix=prefix)
        args = [zone.slug, row.remote_id]
        assert word in browser.get(reverse("ipam:detail", args=args)).content.decode()
        for name, body in (("change", {"name": "mine"}), ("delete", {})):
            answer = browser.post(reverse(f"ipam:{name}", args=args), body)
            assert answer.status_code == 422 and word in answer.content.decode(), name
        url = f"/fabric/subnets/{row.pk}/"
        answer = platform.patch(url, {"name": "mine"})
        assert (answer.status_code, answer.json()["code"]) == (422, "not-changeable")
        answer = platform.delete(url)
        assert (answer.status_code, answer.json()["code"]) == (422, "not-deletable") and word in answer.json()["detail"]
        assert not Operation.unscoped.exists()

    def test_the_platform_may_have_the_same_prefix(self, zone: Zone, surveyed: None) -> None:
        from apps.ipam.estate import Estate

        estate = Estate.of(zone)
        assert [row.name for row in estate.blocks] == ["Loopbacks"]


class TestSheet:
    def test_what_was_taken_out_comes_back_with_nothing_to_do(self, browser: Client, surveyed: None) -> None:
        sheet = browser.get(f"{reverse('fabric:subnet_sheet')}?owner=tenant").content.decode()
        imported = imports.bring("subnets", sheet, by=builders.the_platform())
        assert {(row.standing, row.what.split()[0]) for row in imported.rows.all()} == {("same", "Leave")}
        assert imported.rows.count() == 3

    def test_a_cell_that_says_otherwise_is_refused_where_it_stands(self, browser: Client, surveyed: None) -> None:
        sheet = browser.get(f"{reverse('fabric:subnet_sheet')}?q=10.20.1").content.decode()
        imported = imports.bring("subnets", sheet.replace("-T2", "-T9"), by=builders.the_platform())
        [row] = imported.rows.all()
        assert (row.standing, row.faults[0]["code"], row.faults[0]["column"]) == ("faulty", "not-changeable", "name")

    def test_none_is_made_from_a_sheet(self, zone: Zone, surveyed: None) -> None:
        sheet = (
            f"zone,type,prefix,name,owner,netris_id\n{zone.slug},allocation,10.90.0.0/20,x,tenant,{uuid4().hex[:8]}\n"
        )
        [row] = imports.bring("subnets", sheet, by=builders.the_platform()).rows.all()
        assert (row.standing, row.faults[0]["column"]) == ("faulty", "owner")
