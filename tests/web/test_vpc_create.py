"""The create form: suggestions, edits without JavaScript, the map beside it, and what it says when it will not do."""

from __future__ import annotations

import re

import pytest

from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from tests import builders
from tests.web.conftest import words

pytestmark = [pytest.mark.django_db(transaction=True)]

NEW = "/t/acme/vpcs/new/"


def filled(zone, /, **changes):
    tiers = {
        "tiers.0.name": "web",
        "tiers.0.cidr": "10.20.0.0/24",
        "tiers.1.name": "db",
        "tiers.1.cidr": "10.20.1.0/24",
    }
    return {"name": "prod", "description": "", "zone": str(zone.pk), "cidr": "10.20.0.0/20", **tiers, **changes}


def value_of(answer, field):
    """What stands in an input of the page."""
    tag = re.search(rf'<input[^>]*name="{re.escape(field)}"[^>]*>', answer.content.decode())
    assert tag, f"no input {field}"
    found = re.search(r'value="([^"]*)"', tag[0])
    return found[1] if found else ""


def test_a_filled_form_makes_a_vpc_and_leads_to_its_operation(ann, acme, place):
    answer = ann.post(NEW, filled(place))

    operation = Operation.objects.of(acme).get()
    assert answer.headers["Location"] == f"/t/acme/operations/{operation.pk}/"
    assert Vpc.objects.of(acme).get().name == "prod"
    assert [str(tier.cidr) for tier in Tier.objects.of(acme)] == ["10.20.0.0/24", "10.20.1.0/24"]


def test_a_vpc_may_be_made_without_a_tier(ann, acme, place):
    ann.post(NEW, {"name": "prod", "zone": str(place.pk), "cidr": "10.20.0.0/20"})

    assert Tier.objects.of(acme).count() == 0
    assert Vpc.objects.of(acme).count() == 1


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "", "Give a name."),
        ("name", "x" * 64, "at most 63 characters"),
        ("name", "a\x00b", "control character"),
        ("cidr", "", "Give a CIDR"),
        ("cidr", "10.20.0.0", "prefix length"),
        ("cidr", "10.20.0.1/20", "Did you mean 10.20.0.0/20?"),
        ("cidr", "8.8.8.0/24", "not a private CIDR"),
        ("cidr", "10.0.0.0/29", "between /8 and /28"),
        ("cidr", "<script>alert(1)</script>/20", "is no CIDR"),
        ("cidr", "fd00::/64", "IPv6"),
        ("zone", "", "Choose a zone."),
        ("zone", "nowhere", "There is no zone"),
        ("tiers.0.name", "", "Give a name."),
        ("tiers.1.name", "WEB", "already a tier called WEB"),
        ("tiers.0.cidr", "", "Give a CIDR"),
        ("tiers.1.cidr", "10.20.0.128/25", "overlaps the tier web"),
        ("tiers.1.cidr", "10.99.0.0/24", "not inside the VPC"),
        ("tiers.1.cidr", "10.20.0.0/20", "between /22 and /29"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(ann, acme, place, field, value, told):
    answer = ann.post(NEW, filled(place, **{field: value}))

    assert answer.status_code == 422
    assert any(told in error for error in answer.context["form"].errors[field])
    assert f'href="#id_{field}"' in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert not Vpc.objects.of(acme).exists()


def test_everything_that_is_wrong_is_told_at_once(ann, place):
    answer = ann.post(NEW, filled(place, name="", cidr="x", **{"tiers.0.cidr": "y"}))

    assert set(answer.context["form"].errors) == {"name", "cidr", "tiers.0.cidr"}


def test_a_name_that_is_taken_is_told_at_its_field(ann, acme, place):
    builders.a_vpc(acme, place, "Prod")

    answer = ann.post(NEW, filled(place))

    assert answer.status_code == 422
    assert "already a VPC called prod" in str(answer.context["form"].errors["name"])


def test_a_full_quota_is_told(ann, acme, place):
    builders.limit(acme, vpc=0)

    answer = ann.post(NEW, filled(place))

    assert answer.status_code == 422
    assert "0 of 0 VPCs are in use" in words(answer)


def test_too_many_tiers_for_the_zone_are_told(ann, place):
    more = {
        f"tiers.{n}.{field}": value for n in (2, 3) for field, value in (("name", f"t{n}"), ("cidr", f"10.20.{n}.0/24"))
    }

    answer = ann.post(NEW, filled(place, **more))

    assert answer.status_code == 422
    assert "at most 3 tiers" in words(answer)


@pytest.mark.parametrize(
    "junk",
    [
        {"tiers.99999999999.name": "x"},
        {"tiers.-1.name": "x"},
        {"tiers.x.name": "x"},
        {"tiers..name": "x"},
        {"tiers.7.elsewhere": "x"},
        {"remove_tier": "99"},
        {"next_free": "-1"},
        {"next_free": "x"},
    ],
)
def test_junk_among_the_fields_breaks_nothing(ann, place, junk):
    assert ann.post(NEW, filled(place) | junk).status_code in (200, 302, 422)


# --- suggestions ------------------------------------------------------------------------------------------------------


def test_a_fresh_form_suggests_a_free_range_with_two_tiers(ann, acme, place):
    builders.a_vpc(acme, place, cidr="10.0.0.0/16")

    answer = ann.get(NEW)

    assert value_of(answer, "cidr") == "10.1.0.0/20"
    assert value_of(answer, "tiers.0.name") == "web"
    assert value_of(answer, "tiers.0.cidr") == "10.1.0.0/24"
    assert value_of(answer, "tiers.1.cidr") == "10.1.1.0/24"


def test_what_is_suggested_can_be_made_as_it_stands(ann, acme, place):
    form = ann.get(NEW).context["form"]

    ann.post(NEW, form.initial | {"name": "prod"})

    assert Vpc.objects.of(acme).count() == 1


def test_another_tenants_ranges_do_not_matter(ann, globex, place):
    builders.a_vpc(globex, place, cidr="10.0.0.0/16")

    assert value_of(ann.get(NEW), "cidr") == "10.0.0.0/20"


def test_only_zones_with_a_ready_account_are_offered(ann, acme, place):
    builders.a_zone("Closed", is_enabled=False)
    builders.an_account(acme, builders.a_zone("Soon"), Status.BUILDING)

    assert [name for _, name in ann.get(NEW).context["form"].fields["zone"].widget.choices] == ["Zone-1"]


def test_without_a_zone_the_form_says_what_is_missing(ann, acme):
    answer = ann.get(NEW)

    assert "your account is still being created" in words(answer)
    assert 'aria-disabled="true"' in answer.content.decode()


# --- buttons that need no JavaScript ----------------------------------------------------------------------------------


def test_add_a_tier_gives_a_row_with_the_next_free_range(ann, acme, place):
    answer = ann.post(NEW, filled(place, name="", add_tier="1"))

    assert answer.status_code == 200
    assert value_of(answer, "tiers.2.cidr") == "10.20.2.0/24"
    assert not answer.context["form"].errors
    assert not Vpc.objects.of(acme).exists()


def test_a_row_can_be_removed(ann, place):
    answer = ann.post(NEW, filled(place, remove_tier="0"))

    assert value_of(answer, "tiers.0.name") == "db"
    assert "tiers.1.name" not in answer.context["form"].fields


def test_next_free_keeps_the_size_and_leaves_the_other_rows(ann, place):
    answer = ann.post(NEW, filled(place, next_free="1", **{"tiers.1.cidr": "10.20.0.128/25"}))

    assert value_of(answer, "tiers.1.cidr") == "10.20.1.0/25"
    assert value_of(answer, "tiers.0.cidr") == "10.20.0.0/24"


def test_suggest_moves_the_tiers_along(ann, acme, place):
    builders.a_vpc(acme, place, cidr="10.0.0.0/16")

    answer = ann.post(NEW, filled(place, suggest="1", cidr="192.168.0.0/22"))

    assert value_of(answer, "cidr") == "10.1.0.0/22"
    assert value_of(answer, "tiers.1.cidr") == "10.1.1.0/24"


def test_fit_moves_the_tiers_into_a_range_that_was_typed(ann, place):
    answer = ann.post(NEW, filled(place, fit="1", cidr="172.16.0.0/24"))

    assert value_of(answer, "tiers.0.cidr") == "172.16.0.0/24"


def test_the_last_tier_that_a_zone_allows_takes_the_button_away(ann, place):
    answer = ann.post(NEW, filled(place, add_tier="1"))

    assert "has at most 3 tiers" in words(answer)
    assert 'name="add_tier"' not in answer.content.decode()


def test_htmx_gets_the_form_and_its_map_alone(ann, place):
    answer = ann.post(NEW, filled(place, add_tier="1"), headers={"HX-Request": "true"})

    page = answer.content.decode()
    assert page.strip().startswith("<div")
    assert 'id="builder"' in page
    assert 'id="plan"' in page
    assert "<html" not in page


@pytest.mark.parametrize("path", [NEW, f"{NEW}map/"])
def test_more_rows_than_the_form_ever_has_are_refused(ann, acme, place, path):
    rows = {f"tiers.{number}.cidr": "10.20.0.0/24" for number in range(25)}

    answer = ann.post(path, filled(place) | rows) if path == NEW else ann.part(path, filled(place) | rows)

    assert answer.status_code == 400
    assert "at most 24 tiers" in words(answer)
    assert not Vpc.objects.of(acme).exists()


def test_no_more_of_a_name_is_drawn_than_a_name_may_have(ann, place):
    answer = ann.part(f"{NEW}map/", filled(place, name="m" * 1_900, **{"tiers.0.name": "w" * 1_900}))

    page = answer.content.decode()
    assert "m" * 63 in page and "m" * 64 not in page
    assert "w" * 63 in page and "w" * 64 not in page
    assert "at most 63 characters; this one has 1900" in words(answer)


# --- the map beside it ------------------------------------------------------------------------------------------------


def test_the_map_shows_what_has_been_typed_and_writes_nothing(ann, acme, place):
    answer = ann.part(f"{NEW}map/", filled(place))

    picture = answer.context["plan"].picture
    assert [str(tier.cidr) for tier in picture.tiers] == ["10.20.0.0/24", "10.20.1.0/24"]
    assert "<html" not in answer.content.decode()
    assert not Vpc.objects.of(acme).exists()


@pytest.mark.parametrize("cidr", ["", "x", "10.20.0.1/20", "0.0.0.0/0", "fd00::/64"])
def test_the_map_takes_half_a_form(ann, place, cidr):
    answer = ann.part(f"{NEW}map/", filled(place, cidr=cidr))

    assert answer.status_code == 200
    assert answer.context["plan"].picture.cidr is None


def test_the_map_says_what_is_wrong_but_not_what_is_merely_missing(ann, place):
    answer = ann.part(f"{NEW}map/", filled(place, name="", **{"tiers.1.cidr": "10.99.0.0/24"}))

    assert [problem.code for problem in answer.context["problems"]] == ["cidr-outside-vpc"]


def test_an_overlap_with_ones_own_vpcs_is_a_warning_and_no_error(ann, acme, globex, place):
    builders.a_vpc(acme, place, "office", "10.20.8.0/24")
    builders.a_vpc(acme, place, "far", "172.16.0.0/24")
    builders.a_vpc(globex, place, "secret", "10.20.0.0/16")

    text = words(ann.part(f"{NEW}map/", filled(place)))

    assert "they can never be peered" in text
    assert "office 10.20.8.0/24" in text
    assert "far" not in text
    assert "secret" not in text
    assert ann.post(NEW, filled(place)).status_code == 302


def test_a_crowd_of_overlaps_is_counted(ann, acme, place):
    for number in range(7):
        builders.a_vpc(acme, place, f"vpc-{number}", f"10.20.{number}.0/24")

    assert "and 2 more" in words(ann.part(f"{NEW}map/", filled(place)))


def test_the_quota_is_shown_as_it_will_be(ann, acme, place):
    builders.a_tier(builders.a_vpc(acme, place, "office", "10.99.0.0/20"), cidr="10.99.0.0/24")

    assert "VPCs 1 → 2 of 20, tiers 1 → 3 of 60" in words(ann.part(f"{NEW}map/", filled(place)))


def test_a_viewer_is_told_why_there_is_no_form(vic, acme, place):
    answer = vic.get(NEW)

    assert answer.status_code == 403
    assert "<form" not in answer.content.decode()
    assert "can look but not change" in words(answer)
    assert vic.post(NEW, filled(place)).status_code == 403
    assert not Vpc.objects.of(acme).exists()
