"""Allocations and subnets in the browser, over REST, and as a sheet that was taken out and is brought back."""

from __future__ import annotations

from typing import Any

import pytest

from apps.fabric.models import SurveyedSubnet
from apps.imports import services as imports
from apps.imports.models import Import
from apps.ipam.models import Block
from apps.operations.models import Operation
from apps.tenancy.models import Scope, User
from tests import builders
from tests.api.conftest import Api
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.ipam.test_recipes import another, row, there
from tests.softgates.test_fleet import surveyed  # noqa: F401  # fixtures
from tests.web.conftest import words

URL = "/fabric/subnets/"
A_SUBNET = {"type": "subnet", "prefix": "10.77.0.0/24", "name": "lab", "purpose": "common"}


@pytest.fixture(autouse=True)
def _site(surveyed):  # noqa: F811
    """As it was read."""


def page(zone: Any, prefix: str) -> str:  # noqa: F811
    return f"{URL}{zone.slug}/{row(prefix).remote_id}/"


class TestPages:
    def test_one_is_made_and_then_has_a_page(self, zone, browser, run, surveyed, clock):  # noqa: F811
        assert "Import" in words(browser.get(URL))
        answer = browser.post(f"{URL}new/", {**A_SUBNET, "zone": zone.slug})
        assert answer.status_code == 302, words(answer)
        assert "Create subnet lab" in words(browser.get(answer["Location"]))
        run(Operation.unscoped.get())
        clock.shift(150)
        surveyed()
        text = words(browser.get(page(zone, "10.77.0.0/24")))
        for told in ("Subnet lab in", "Purpose common", "Sites sv", "Lies in 10.0.0.0/8", "Create subnet lab"):
            assert told in text, told

    def test_it_is_changed_and_deleted(self, zone, browser, run, world):  # noqa: F811
        url = page(zone, "10.99.0.0/21")
        assert 'value="10.99' not in browser.get(f"{url}change/").content.decode()
        values = {"name": "Nodes", "purpose": "common", "sites": "sv", "description": "", "gateway": ""}
        assert browser.post(f"{url}change/", values).status_code == 302
        run(Operation.unscoped.get())
        assert there(world, "10.99.0.0/21")[0]["name"] == "Nodes"

    def test_what_only_netris_would_call_so_stays_beside_what_is_changed(self, zone, browser, run, world):  # noqa: F811
        name = "Nodes " * 20
        SurveyedSubnet.objects.filter(prefix="10.99.0.0/21").update(name=name, purpose="ztp")
        url = page(zone, "10.99.0.0/21")
        assert '<option value="ztp" selected>' in browser.get(f"{url}change/").content.decode()
        values = {"name": name, "purpose": "ztp", "sites": "sv", "description": "Racks", "gateway": ""}
        answer = browser.post(f"{url}change/", values)
        assert answer.status_code == 302, words(answer)
        assert Operation.unscoped.get().wanted == {"description": "Racks"}

    def test_what_is_wrong_stands_at_its_field(self, zone, browser):  # noqa: F811
        answer = browser.post(f"{URL}new/", {**A_SUBNET, "zone": zone.slug, "prefix": "10.77.0.0/8", "sites": "moon"})
        assert answer.status_code == 422 and "Did you mean 10.0.0.0/8?" in words(answer)
        answer = browser.post(f"{URL}new/", {**A_SUBNET, "zone": zone.slug, "prefix": "172.31.0.0/24", "sites": "moon"})
        text = words(answer)
        assert "It lies in no allocation." in text and "Netris has no site “moon”. It has" in text
        assert not Operation.unscoped.exists()

    def test_what_carries_something_says_so_before_one_tries(self, zone, browser):  # noqa: F811
        for url in (page(zone, "10.0.0.0/8"), f"{page(zone, '10.0.0.0/8')}delete/"):
            assert "subnets. Netris would delete whatever lies in it along with it." in words(browser.get(url))
        answer = browser.post(f"{page(zone, '10.0.0.0/8')}delete/")
        assert answer.status_code == 422 and not Operation.unscoped.exists()
        text = words(browser.get(page(zone, "10.0.0.0/8")))
        assert "Subnets in it" in text and "10.100.0.0/21" in text

    def test_an_old_reading_is_grey(self, zone, browser, clock):  # noqa: F811
        clock.shift(3600)
        text = words(browser.get(page(zone, "10.0.0.0/8")))
        assert "Used Stale" in text and "Used OK" not in text

    def test_a_page_asks_as_often_whatever_lies_in_it(self, zone, browser, django_assert_num_queries):  # noqa: F811
        part = {"HX-Request": "true"}
        for prefix in ("10.0.0.0/8", "203.0.113.0/24"):
            browser.get(page(zone, prefix), headers=part)
            with django_assert_num_queries(11):
                browser.get(page(zone, prefix), headers=part)


class TestRest:
    @pytest.fixture
    def api(self):
        return Api(builders.a_token(None, Scope.WRITE))

    def test_one_is_made_changed_and_deleted(self, zone, api, run, world, surveyed, clock):  # noqa: F811
        body = {**A_SUBNET, "zone": zone.slug, "sites": ["sv"]}
        first, second = (api.post("/fabric/subnets/", body, Idempotency_Key="one") for _ in range(2))
        assert first.status_code == 202 and second["Idempotency-Replayed"] == "true"
        run(Operation.unscoped.get())
        clock.shift(150)
        surveyed()
        url = f"/fabric/subnets/{row().pk}/"
        assert api.get(url).json()["sites"] == ["sv"]
        answer = api.patch(url, {"name": "Lab 2"})
        assert answer.status_code == 202, answer.json()
        assert api.patch(url, {"name": "Lab 3"}).status_code == 409
        run(Operation.unscoped.get(goal="changed"))
        assert there(world)[0]["name"] == "Lab 2"
        assert api.delete(url).status_code == 202
        run(Operation.unscoped.get(goal="absent"))
        assert there(world) == []

    @pytest.mark.parametrize(
        ("values", "code", "field"),
        [
            ({"prefix": "10.77.0.0"}, "prefix-malformed", "prefix"),
            ({"zone": "nowhere"}, "zone-unknown", "zone"),
            ({"purpose": "fun"}, "purpose-unknown", "purpose"),
            ({"sites": ["moon"]}, "site-unknown", "sites"),
            ({"sites": "sv"}, "wrong-type", "sites"),
            ({"colour": "red"}, "unknown-field", "colour"),
        ],
    )
    def test_what_does_not_fit_is_refused_with_its_field(self, values, code, field, zone, api):  # noqa: F811
        answer = api.post("/fabric/subnets/", {**A_SUBNET, "zone": zone.slug, **values})
        assert answer.status_code in (400, 422)
        assert (answer.json()["errors"][0]["code"], answer.json()["errors"][0]["field"]) == (code, field)
        assert not Block.objects.exists()

    def test_what_carries_something_stays(self, api):
        answer = api.delete(f"/fabric/subnets/{row('10.0.0.0/16').pk}/")
        assert answer.json()["code"] == "not-deletable" and "in use" in answer.json()["detail"]


def brought(sheet: str) -> Import:
    return imports.bring("subnets", sheet, by=builders.the_platform())


def told(imported: Import) -> list[tuple[str, str]]:
    return [(row.standing, row.what or row.faults[0]["code"]) for row in imported.rows.order_by("line")]


class TestSheets:
    def test_what_was_taken_out_comes_back_with_nothing_to_do(self, browser):  # noqa: F811
        sheet = browser.get(f"{URL}sheet/").content.decode()
        standings = {standing for standing, _ in told(brought(sheet))}
        assert standings == {"same"} and len(sheet.splitlines()) == SurveyedSubnet.objects.count() + 1

    def test_so_does_what_only_netris_would_call_so(self, zone, browser):  # noqa: F811
        odd: dict[str, Any] = {"name": "Nodes " * 20, "purpose": "ztp", "description": "Racks " * 50}
        odd["sites"] = [{"id": 1, "name": "sv, the first"}]
        SurveyedSubnet.objects.filter(prefix="10.99.0.0/21").update(**odd)
        imported = brought(browser.get(f"{URL}sheet/").content.decode())
        assert {standing for standing, _ in told(imported)} == {"same"}

    def test_what_differs_is_changed_what_is_new_made(self, zone, browser, run, world, surveyed, clock):  # noqa: F811
        head = "zone,type,prefix,name,purpose\n"
        rows = [
            "subnet,172.20.1.0/24,web,common",
            "allocation,172.20.0.0/16,Labs,",
            "subnet,10.99.0.0/21,Nodes,",
            "subnet,10.99.0.0/21,Twice,",
            "subnet,172.21.0.0/24,none,common",
            "subnet,10.88.0.0/24,,common",
            "cow,10.89.0.0/24,x,common",
        ]
        imported = brought(
            head + "".join(f"{zone.slug},{each}\n" for each in rows) + "nowhere,subnet,10.1.0.0/24,x,nat\n"
        )
        assert told(imported) == [
            ("ready", "Create subnet 172.20.1.0/24 (web)"),
            ("ready", "Create allocation 172.20.0.0/16 (Labs)"),
            ("ready", f"Change subnet 10.99.0.0/21 ({row('10.99.0.0/21').name})"),
            ("faulty", f"Change subnet 10.99.0.0/21 ({row('10.99.0.0/21').name})"),
            ("faulty", "Create subnet 172.21.0.0/24 (none)"),
            ("faulty", "name-missing"),
            ("faulty", "type-unknown"),
            ("faulty", "zone-unknown"),
        ]
        change = imported.rows.get(line=4)
        assert change.sends == {"name": "from CloudStack Management Nodes to Nodes"}
        admin = User.objects.filter(is_platform_admin=True).get()
        imports.send(imported, by=builders.platform_of_user(admin))
        for _ in range(4):
            imports.go_on()
            for operation in Operation.unscoped.running():
                assert run(operation).phase == "succeeded", operation.error
            clock.shift(150)
            surveyed()
        assert there(world, "172.20.0.0/16") and there(world, "172.20.1.0/24")
        assert there(world, "10.99.0.0/21")[0]["name"] == "Nodes"
        imported.refresh_from_db()
        assert imported.standing == "over"
        assert {each.standing for each in imported.rows.exclude(standing="faulty")} == {"ordered"}

    def test_what_has_come_meanwhile_is_told_beside_its_row(self, zone, browser, world, surveyed, clock):  # noqa: F811
        imported = brought(f"zone,type,prefix,name,purpose\n{zone.slug},subnet,10.77.0.0/24,lab,common\n")
        another(world, "10.99.0.0/21", prefix="10.77.0.0/24", name="theirs")
        clock.shift(150)
        surveyed()
        imports.send(imported, by=builders.platform_of_user(User.objects.get(is_platform_admin=True)))
        imports.go_on()
        [found] = imported.rows.all()
        assert (found.standing, found.faults[0]["column"]) == ("refused", "prefix")

    def test_many_rows_ask_no_more_than_one(self, zone, django_assert_num_queries):  # noqa: F811
        from apps.ipam.sheets import check

        for count in (1, 500):
            rows = [
                {"zone": zone.slug, "type": "subnet", "prefix": f"10.77.{n // 16}.{n % 16 * 16}/28", "name": f"n{n}"}
                for n in range(count)
            ]
            with django_assert_num_queries(6):
                assert len(check([{**each, "purpose": "common"} for each in rows], builders.the_platform())) == count
