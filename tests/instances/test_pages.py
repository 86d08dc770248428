"""The pages of instances. Who may open them is in tests/test_access.py."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.tenancy.models import Membership, Role, Tenant, User
from tests import builders
from tests.instances.conftest import Place

LIST = "/t/acme/instances/"


#: The same in every process that collects the tests.
NOBODYS = "3ef48760-0a8a-4132-b5d8-127f31df69d2"


@pytest.fixture
def ann(acme: Tenant) -> Client:
    client = Client()
    client.force_login(builders.a_member(acme, Role.VIEWER))
    return client


def text(client: Client, path: str = LIST, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_shows_state_addresses_tier_and_age(ann: Client, place: Place, web_1: UUID, secret: UUID) -> None:
    page = text(ann)

    for words in (f'href="{web_1}/"', "Running", "10.20.0.11", "10.20.0.12", "secondary", "\nweb\n", "read "):
        assert words in page, words
    assert f"/t/acme/vpcs/{place.vpc.pk}/" in page
    assert "secret" not in page
    assert "Server-2" not in page


def test_an_empty_list_says_where_instances_are_made(ann: Client, place: Place) -> None:
    assert "Instances are made in CloudStack" in text(ann)


def test_what_is_typed_and_chosen_narrows_the_list(ann: Client, place: Place, web_1: UUID) -> None:
    builders.an_instance(place.account, "db-1", tier=place.db, address="10.20.1.5", state="Stopped")
    for query in ("q=web", f"tier={place.web.pk}", "state=Running", f"vpc={place.vpc.pk}&q=0.12"):
        part = text(ann, f"{LIST}?{query}", HX_Request="true")
        assert ("web-1" in part, "db-1" in part) == (True, False), query
        assert "<html" not in part


def test_the_tiers_of_the_chosen_vpc_are_offered_with_each_part(ann: Client, place: Place) -> None:
    assert f'value="{place.db.pk}"' not in text(ann, LIST, HX_Request="true")

    part = text(ann, f"{LIST}?vpc={place.vpc.pk}", HX_Request="true")

    assert f'value="{place.db.pk}"' in part
    assert 'hx-swap-oob="morph"' in part


@pytest.mark.parametrize("query", ["vpc=nonsense", f"tier={NOBODYS}", "state=Flying", "q=a&q=b", f"q={'x' * 101}"])
def test_a_filter_that_can_match_nothing_lists_nothing_and_says_why(query: str, ann: Client, web_1: UUID) -> None:
    page = text(ann, f"{LIST}?{query}")

    assert "Nothing matches" in page
    assert "web-1" not in page


def test_anothers_vpc_is_as_unknown_as_one_that_never_was(
    ann: Client, web_1: UUID, theirs: Place, secret: UUID
) -> None:
    def said(reference: object) -> str:
        return text(ann, f"{LIST}?vpc={reference}", HX_Request="true").replace(str(reference), "-")

    assert said(theirs.vpc.pk) == said(uuid4())


def test_the_list_is_sorted_by_its_heads(ann: Client, place: Place) -> None:
    for name, state in (("a", "Stopped"), ("b", "Running")):
        builders.an_instance(place.account, f"{name}-1", state=state)
    for sort, first in (("name", "a-1"), ("-name", "b-1"), ("state", "b-1"), ("-state", "a-1"), ("zebra", "a-1")):
        page = text(ann, f"{LIST}?sort={sort}")
        assert min(("a-1", "b-1"), key=page.index) == first, sort


def test_a_page_of_it_costs_the_same_with_one_and_with_many(ann: Client, place: Place) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as made:
            text(ann)
        return len(made)

    builders.an_instance(place.account, tier=place.web)
    cost()
    alone = cost()
    for n in range(60):
        builders.an_instance(place.account, f"vm-{n}", tier=place.db)

    assert cost() == alone
    assert "vm-59" in text(ann, f"{LIST}?page=2&sort=name")


def test_the_page_of_one_shows_addresses_and_keeps_the_host_to_the_platform(
    ann: Client, acme: Tenant, admin: User, web_1: UUID
) -> None:
    page = text(ann, f"{LIST}{web_1}/")
    Membership.objects.create(tenant=acme, user=admin, role=Role.VIEWER)
    root = Client()
    root.force_login(admin)

    for words in ("web-1", "Running", "10.20.0.11", "primary", "10.20.0.12", "secondary", "web in prod", "read "):
        assert words in page, words
    assert "Server-2" not in page
    assert "Server-2" in text(root, f"{LIST}{web_1}/")


def test_an_old_reading_is_grey_and_says_so(ann: Client, place: Place) -> None:
    builders.an_instance(place.account, read_at=timezone.now() - timedelta(minutes=4))

    assert "Running (stale)" in text(ann)
