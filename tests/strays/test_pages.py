"""Strays for people and for scripts: the platform's alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.mirror.models import Kind
from apps.operations.models import Operation
from apps.strays.models import Stray
from apps.tenancy.models import Scope
from tests import builders

pytestmark = pytest.mark.django_db

LIST = "/platform/strays/"


@pytest.fixture
def stray() -> Stray:
    seen = timezone.now() - timedelta(hours=3)
    return builders.a_stray(builders.a_zone(), created_at=seen, facts={"cidr": "10.20.0.0/20"})


@pytest.fixture
def root(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def script() -> Client:
    return Client(headers={"Authorization": f"Bearer {builders.a_token(None, Scope.WRITE)}"})


def test_the_page_lists_them_and_the_navigation_counts_them(root, stray):
    page = root.get(LIST)

    assert stray.name in page.content.decode()
    [place] = [each for each in page.context["nav"] if each.label == "Strays"]
    assert place.count == 1
    Stray.objects.update(gone_at=timezone.now())
    assert stray.name not in root.get(LIST).content.decode()


def test_no_strays_is_said(root):
    assert "No strays" in root.get(LIST).content.decode()


def test_a_removal_is_confirmed_by_the_name_and_leads_to_its_operation(root, stray):
    url = reverse("strays:remove", args=[stray.pk])
    assert stray.name in root.get(url).content.decode()
    assert root.post(url, {"name": "vpc"}).status_code == 422
    assert not Operation.unscoped.exists()

    answer = root.post(url, {"name": stray.name})

    operation = Operation.unscoped.get()
    assert (operation.kind, operation.goal, operation.tenant) == ("removal", "absent", None)
    assert answer.headers["Location"] == reverse("operations:platform_detail", args=[operation.pk])
    page = root.get(answer.headers["Location"])
    assert f"Remove stray {stray.name}" in page.content.decode()
    assert reverse("operations:platform_detail", args=[operation.pk]) in root.get(LIST).content.decode()


def test_what_cannot_be_adopted_says_why_and_offers_nothing(root, stray):
    assert reverse("strays:adopt", args=[stray.pk]) not in root.get(LIST).content.decode()
    page = root.post(reverse("strays:adopt", args=[stray.pk]), {"name": stray.name})
    assert page.status_code == 422
    assert "No row is left." in page.content.decode()


def test_a_list_of_many_costs_as_many_queries_as_one_of_few(root, stray, django_assert_num_queries):
    root.get(LIST)
    for count in (1, 30):
        for number in range(count):
            builders.a_stray(stray.zone, f"vpc-{count:06x}{number:06x}")
        with django_assert_num_queries(10):
            root.get(LIST)


def test_what_is_known_of_one_does_not_run_together(root, stray):
    stray.facts |= {"state": "Enabled"}
    stray.save()

    assert "10.20.0.0/20 · Enabled" in root.get(f"{LIST}{stray.pk}/remove/").content.decode()


def test_over_rest_they_are_listed_read_and_removed(script, stray):
    [row] = script.get("/api/v1/strays/").json()["results"]

    assert (row["name"], row["kind"], row["system"], row["facts"]) == (
        stray.name,
        "VPC",
        "cloudstack",
        {"cidr": "10.20.0.0/20"},
    )
    assert row["can"] == {"remove": None, "adopt": "No row is left."}
    assert script.get(row["url"]).json() == row
    url = f"/api/v1/strays/{stray.pk}/remove/"
    assert script.post(url, {"name": "x"}, content_type="application/json").status_code == 422
    answer = script.post(url, {"name": stray.name}, content_type="application/json")
    assert answer.status_code == 202
    assert answer.json()["resource"] == {"type": "stray", "id": str(stray.pk), "url": answer.json()["resource"]["url"]}
    assert script.post(url, {"name": stray.name}, content_type="application/json").status_code == 409


def test_an_address_is_told_and_not_offered(script, stray):
    builders.a_stray(stray.zone, "D1-A1-Z1-V9-198.51.100.7/32", Kind.NETRIS_ADDRESS, remote_name="")
    row = script.get("/api/v1/strays/").json()["results"][0]
    assert "Remove it in Netris" in row["can"]["remove"]


def test_to_tenants_there_is_no_such_thing(acme, stray):
    tenant = Client(headers={"Authorization": f"Bearer {builders.a_token(acme)}"})
    for path in ("", f"{stray.pk}/"):
        assert tenant.get(f"/api/v1/strays/{path}").status_code == 404
    person = Client()
    person.force_login(builders.a_member(acme))
    for path in ("", f"{stray.pk}/remove/", f"{stray.pk}/adopt/"):
        assert person.get(f"{LIST}{path}").status_code == 404
