"""A form that asks for an instance: what it offers, what it takes, and how it works without scripts."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.http import QueryDict
from django.test import Client

from apps.instances.forms import offer_instances
from apps.kernel.pickers import PickerField, PickerForm
from apps.tenancy.models import Role, Tenant
from tests import builders
from tests.instances.conftest import Place

CHOICES = "/t/acme/instances/choices/"


class AForm(PickerForm):
    instance = PickerField("instance", "Search name or address")


@pytest.fixture
def ann(acme: Tenant) -> Client:
    client = Client()
    client.force_login(builders.a_member(acme, Role.ENGINEER))
    return client


def form(tenant: Tenant, sent: str | None = None, place: Place | None = None) -> AForm:
    one = AForm(None if sent is None else QueryDict(sent))
    offer_instances(one, tenant, place.vpc if place else None)
    return one


def test_what_is_chosen_is_the_instance(acme: Tenant, web_1: UUID) -> None:
    one = form(acme, f"instance={web_1}&instance_words=web")

    assert one.is_valid()
    assert one.cleaned_data["instance"].id == web_1


def test_what_is_not_offered_cannot_be_chosen(acme: Tenant, place: Place, secret: UUID) -> None:
    gone = builders.an_instance(place.account, state="Destroyed", tier=place.web)
    elsewhere = builders.an_instance(place.account, "in no tier")

    for key in (secret, uuid4(), gone, "nonsense"):
        one = form(acme, f"instance={key}")
        assert one.errors == {"instance": ["There is no such instance any more. Search again."]}, key
    assert not form(acme, f"instance={elsewhere}", place).is_valid()
    assert form(acme, f"instance={elsewhere}").is_valid()


def test_nothing_chosen_is_told_with_the_way_out(acme: Tenant, web_1: UUID) -> None:
    assert "take the instance from the list" in str(form(acme, "instance=&instance_words=web").errors["instance"])


def test_without_scripts_a_search_shows_the_form_again_with_what_matches(
    acme: Tenant, place: Place, web_1: UUID
) -> None:
    builders.an_instance(place.account, "db-1", tier=place.db, address="10.20.1.5")
    one = form(acme, "instance=&instance_words=web&search=instance")

    drawn = str(one["instance"])

    assert (one.is_valid(), one.errors) == (False, {})
    assert f'value="{web_1}"' in drawn
    assert "web-1, web in prod, 10.20.0.11" in drawn
    assert "db-1" not in drawn
    assert 'value="web"' in drawn


def test_what_was_chosen_stays_chosen_when_the_form_is_shown_again(acme: Tenant, web_1: UUID) -> None:
    assert f'value="{web_1}" data-label="web-1"' in str(form(acme, f"instance={web_1}")["instance"])
    assert " selected" in str(form(acme, f"instance={web_1}")["instance"])


def test_names_are_words_and_no_markup(acme: Tenant, place: Place, ann: Client) -> None:
    builders.an_instance(place.account, '"><script>alert(1)</script>')

    for drawn in (str(form(acme)["instance"]), ann.get(CHOICES).content.decode()):
        assert "<script>" not in drawn
        assert "&quot;&gt;&lt;script&gt;" in drawn


def test_the_script_is_told_what_matches_of_ones_own(
    ann: Client, place: Place, web_1: UUID, theirs: Place, secret: UUID
) -> None:
    def told(query: str) -> str:
        answer = ann.get(f"{CHOICES}?{query}")
        assert answer.status_code == 200
        return answer.content.decode()

    assert str(web_1) in told("words=web")
    assert str(web_1) in told(f"words=10.20.0.12&vpc={place.vpc.pk}")
    assert told("words=secret") == told("words=zebra") == ""
    assert ann.get(f"{CHOICES}?vpc={theirs.vpc.pk}").status_code == 404
    assert ann.get(f"{CHOICES}?vpc=nonsense").status_code == 404
    assert ann.get(f"{CHOICES}?zebra=1").status_code == 400


def test_no_more_is_told_than_one_can_read(ann: Client, place: Place) -> None:
    for n in range(25):
        builders.an_instance(place.account, f"vm-{n}")

    assert ann.get(CHOICES).content.decode().count("<option") == 20
