"""Sites in the browser, over REST, and as a sheet that was taken out and is brought back."""

from __future__ import annotations

from typing import Any

import pytest

from apps.fabric.models import SurveyedSite
from apps.imports import services as imports
from apps.imports.models import Import
from apps.operations.models import Operation
from apps.sites.models import Site
from apps.tenancy.models import Scope, User
from tests import builders
from tests.api.conftest import Api
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.sites.test_recipes import again, another, row, there  # noqa: F401  # fixtures
from tests.softgates.test_fleet import surveyed  # noqa: F401  # fixtures
from tests.web.conftest import words

URL = "/fabric/sites/"
A_SITE = {"name": "la", "public_asn": "65100", "acl_policy": "permit", "switch_fabric": "netris", "vlan_range": ""}


@pytest.fixture(autouse=True)
def _fabric(surveyed):  # noqa: F811
    """As it was read."""


def page(zone: Any, name: str = "sv") -> str:  # noqa: F811
    return f"{URL}{zone.slug}/{row(name).remote_id}/"


class TestPages:
    def test_the_list_tells_what_is_in_each(self, zone, browser, world, again):  # noqa: F811
        another(world, name="la", publicAsn=65100, aclPolicy="deny")
        again()
        text = words(browser.get(URL))
        devices = len([*world.netris.net.devices])
        assert f"sv 65001 Permit {devices} {zone}" in text and "la 65100 Deny 0" in text

    def test_one_is_made_and_then_has_a_page(self, zone, browser, run, again):  # noqa: F811
        answer = browser.post(f"{URL}new/", {**A_SITE, "zone": zone.slug})
        assert answer.status_code == 302, words(answer)
        assert "Create site la" in words(browser.get(answer["Location"]))
        run(Operation.unscoped.get())
        again()
        text = words(browser.get(page(zone, "la")))
        for told in ("Site in", "Public ASN 65100", "Access policy Permit", "Used by No zone", "Create site la"):
            assert told in text, told

    def test_it_is_changed_and_deleted(self, zone, browser, run, world, again):  # noqa: F811
        another(world, name="la", publicAsn=65100)
        again()
        url = page(zone, "la")
        assert 'value="65100"' in browser.get(f"{url}change/").content.decode()
        assert browser.post(f"{url}change/", {**A_SITE, "name": "los-angeles"}).status_code == 302
        run(Operation.unscoped.get(goal="changed"))
        assert there(world, "los-angeles")[0]["publicAsn"] == 65100
        again()
        assert browser.post(f"{url}delete/").status_code == 302
        run(Operation.unscoped.get(goal="absent"))
        assert there(world, "los-angeles") == []

    def test_what_is_wrong_stands_at_its_field(self, zone, browser):  # noqa: F811
        answer = browser.post(f"{URL}new/", {**A_SITE, "zone": zone.slug, "public_asn": "x", "vlan_range": "x"})
        text = words(answer)
        assert answer.status_code == 422 and "such as 65001" in text and "Give a range between 2 and 4094" in text
        values = {**A_SITE, "name": "sv", "public_asn": "65001", "acl_policy": "deny"}
        answer = browser.post(f"{page(zone)}change/", values)
        assert answer.status_code == 422
        assert "what tenants' access lists let through would be turned round" in words(answer)
        assert not Operation.unscoped.exists()

    def test_what_a_zone_builds_in_says_so_before_one_tries(self, zone, browser):  # noqa: F811
        for url in (page(zone), f"{page(zone)}delete/"):
            assert f"The zone {zone} builds in it." in words(browser.get(url))
        answer = browser.post(f"{page(zone)}delete/")
        assert answer.status_code == 422 and not Operation.unscoped.exists()
        text = words(browser.get(page(zone)))
        assert "Devices in it" in text and "SoftGate-1" in text and "Subnets of it" in text and "10.99.0.0/21" in text

    def test_an_old_reading_is_grey(self, zone, browser, clock):  # noqa: F811
        clock.shift(3600)
        text = words(browser.get(page(zone)))
        assert "Leaf-1 Leaf Stale" in text and "Leaf-1 Leaf OK" not in text
        assert "the last reading is too old" in text

    @pytest.fixture
    def la(self, world, again):  # noqa: F811
        another(world, name="la", publicAsn=65100)
        again()

    def test_pages_ask_as_often_whatever_is_in_it(self, la, zone, browser, django_assert_num_queries):  # noqa: F811
        part = {"HX-Request": "true"}
        for name, most in (("sv", 11), ("la", 10)):  # without devices nothing is asked of them
            browser.get(page(zone, name), headers=part)
            with django_assert_num_queries(most):
                browser.get(page(zone, name), headers=part)
        for count in (2, 40):
            for number in range(SurveyedSite.objects.count(), count):
                builders.a_site(zone, f"site-{number}", str(1000 + number))
            browser.get(URL, headers=part)
            with django_assert_num_queries(7):
                browser.get(URL, headers=part)


class TestRest:
    @pytest.fixture
    def api(self):
        return Api(builders.a_token(None, Scope.WRITE))

    def test_one_is_made_changed_and_deleted(self, zone, api, run, world, again):  # noqa: F811
        body = {"zone": zone.slug, "name": "la", "public_asn": 65100}
        first, second = (api.post("/fabric/sites/", body, Idempotency_Key="one") for _ in range(2))
        assert first.status_code == 202 and second["Idempotency-Replayed"] == "true"
        run(Operation.unscoped.get())
        again()
        url = f"/fabric/sites/{row().pk}/"
        told = api.get(url).json()
        assert (told["public_asn"], told["acl_policy"], told["devices"], told["used_by"]) == (65100, "permit", 0, [])
        assert [each["name"] for each in api.get("/fabric/sites/?q=sv").json()["results"]] == ["sv"]
        answer = api.patch(url, {"public_asn": 65101})
        assert answer.status_code == 202, answer.json()
        assert api.patch(url, {"public_asn": 65102}).status_code == 409
        run(Operation.unscoped.get(goal="changed"))
        assert there(world)[0]["publicAsn"] == 65101
        assert api.delete(url).status_code == 202
        run(Operation.unscoped.get(goal="absent"))
        assert there(world) == []

    @pytest.mark.parametrize(
        ("values", "code", "field"),
        [
            ({"name": ""}, "name-missing", "name"),
            ({"zone": "nowhere"}, "zone-unknown", "zone"),
            ({"public_asn": "65100"}, "wrong-type", "public_asn"),
            ({"public_asn": 2**32}, "max-value", "public_asn"),
            ({"acl_policy": "maybe"}, "policy-unknown", "acl_policy"),
            ({"colour": "red"}, "unknown-field", "colour"),
        ],
    )
    def test_what_does_not_fit_is_refused_with_its_field(self, values, code, field, zone, api):  # noqa: F811
        answer = api.post("/fabric/sites/", {"zone": zone.slug, "name": "la", "public_asn": 65100, **values})
        assert answer.status_code in (400, 422)
        assert (answer.json()["errors"][0]["code"], answer.json()["errors"][0]["field"]) == (code, field)
        assert not Site.objects.exists()

    def test_what_a_zone_builds_in_stays(self, zone, api):  # noqa: F811
        url = f"/fabric/sites/{row('sv').pk}/"
        assert [each["name"] for each in api.get(url).json()["used_by"]] == [zone.name]
        answer = api.delete(url)
        assert answer.json()["code"] == "not-deletable" and "builds in it" in answer.json()["detail"]
        assert api.patch(url, {"name": "sv-2"}).json()["errors"][0]["code"] == "name-in-use"


def brought(sheet: str) -> Import:
    return imports.bring("sites", sheet, by=builders.the_platform())


def told(imported: Import) -> list[tuple[str, str]]:
    return [(row.standing, row.what or row.faults[0]["code"]) for row in imported.rows.order_by("line")]


class TestSheets:
    def test_what_was_taken_out_comes_back_with_nothing_to_do(self, browser):  # noqa: F811
        sheet = browser.get(f"{URL}sheet/").content.decode()
        assert told(brought(sheet)) == [("same", "Leave site sv as it is")]

    def test_what_differs_is_changed_what_is_new_made(self, zone, browser, run, world, again):  # noqa: F811
        another(world, name="ny", publicAsn=65200)
        again()
        rows = ["la,65100,", "ny,65201,deny", "ny,65202,", "sv,,deny", "tx,,", "az,65300,maybe"]
        imported = brought("zone,name,public_asn,acl_policy\n" + "".join(f"{zone.slug},{each}\n" for each in rows))
        assert told(imported) == [
            ("ready", "Create site la"),
            ("ready", "Change site ny"),
            ("faulty", "Change site ny"),
            ("faulty", "Change site sv"),
            ("faulty", "asn-malformed"),
            ("faulty", "policy-unknown"),
        ]
        assert imported.rows.get(line=3).sends == {
            "publicAsn": "from 65200 to 65201",
            "aclPolicy": "from permit to deny",
        }
        imports.send(imported, by=builders.platform_of_user(User.objects.get(is_platform_admin=True)))
        imports.go_on()
        for operation in Operation.unscoped.running():
            assert run(operation).phase == "succeeded", operation.error
        assert there(world)[0]["publicAsn"] == 65100
        assert (there(world, "ny")[0]["publicAsn"], there(world, "ny")[0]["aclPolicy"]) == (65201, "deny")
        assert there(world, "sv")[0]["aclPolicy"] == "permit"

    def test_many_rows_ask_no_more_than_one(self, zone, django_assert_num_queries):  # noqa: F811
        from apps.sites.sheets import check

        for count in (1, 300):
            sites = [builders.a_site(zone, f"site-{count}-{number}", f"{count}{number}") for number in range(count)]
            rows = [{"zone": zone.slug, "name": site.name, "acl_policy": "deny"} for site in sites]
            new = [{"zone": zone.slug, "name": f"new-{number}", "public_asn": "65000"} for number in range(count)]
            with django_assert_num_queries(5):
                checked = check(rows + new, builders.the_platform())
            assert len(checked) == 2 * count and not any(each.faults for each in checked)
