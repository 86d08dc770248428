"""Bringing a sheet in the browser and over REST, and following what comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from apps.imports import services
from apps.imports.models import Import
from apps.kernel.limits import DOCUMENTS
from apps.operations.models import Operation
from apps.tenancy.models import Scope
from tests import builders
from tests.api.conftest import Api
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.softgates.test_fleet import surveyed  # noqa: F401  # fixtures
from tests.web.conftest import words

SHEET = "name,maintenance\r\nSoftGate-1,on\r\nNo-1,on\r\nSoftGate-4,off\r\nSoftGate-3,on\r\n"
URL = "/fabric/imports/"


@pytest.fixture(autouse=True)
def _site(surveyed):  # noqa: F811
    """With SoftGates."""


def bring(browser: Client, sheet: str = SHEET, **fields: str) -> Any:  # noqa: F811
    return browser.post(f"{URL}new/", {"kind": "maintenance", "sheet": sheet, **fields})


class TestPages:
    def test_from_the_sheet_to_what_came_of_it(self, browser, run):  # noqa: F811
        assert "No import yet" in words(browser.get(URL))
        text = words(browser.get(f"{URL}new/?kind=maintenance"))
        assert "The name of a SoftGate." in text and "may stay in the sheet: status" in text
        answer = bring(browser)
        assert answer.status_code == 302 and not Operation.unscoped.exists()
        page = answer["Location"]
        text = words(browser.get(page))
        for told in (
            "2 to be sent, 1 faulty, 1 with nothing to do",
            "Switch SoftGate-1",
            "maintenanceMode True",
            "name : There is no such SoftGate.",
            "Leave SoftGate-4 as it is",
        ):
            assert told in text, told
        assert browser.post(f"{page}send/")["Location"] == page
        services.go_on()
        assert "2 at work" in words(browser.get(page)) and "Stop" in words(browser.get(page))
        for operation in Operation.unscoped.all():
            run(operation)
        services.go_on()
        text = words(browser.get(page))
        assert "2 done" in text and "No row is left to be sent." in text
        assert "2 done" in words(browser.get(URL))

    def test_a_part_follows_while_it_is_sent(self, browser):  # noqa: F811
        page = bring(browser)["Location"]
        assert "every 30s" in browser.get(page).content.decode()
        browser.post(f"{page}send/")
        part = browser.get(page, headers={"HX-Request": "true"}).content.decode()
        assert "every 5s" in part and "<html" not in part

    def test_the_report_is_narrowed(self, browser):  # noqa: F811
        page = bring(browser)["Location"]
        assert "Switch" not in words(browser.get(f"{page}?standing=faulty")).partition("Line")[2]
        assert "No-1" not in words(browser.get(f"{page}?q=SoftGate-3"))
        assert "Nothing matches" in words(browser.get(f"{page}?q=nothing"))

    def test_what_is_no_sheet_is_shown_again_with_the_reason(self, browser):  # noqa: F811
        answer = bring(browser, "name\nx\n")
        assert answer.status_code == 422 and "There is no maintenance." in words(answer)
        assert "name\nx" in answer.content.decode().replace("\r", "")
        assert bring(browser, "").status_code == bring(browser, kind="cows").status_code == 422
        assert not Import.objects.exists()

    def test_what_cannot_be_sent_says_so(self, browser):  # noqa: F811
        page = bring(browser, "name,maintenance\nNo-1,on\n")["Location"]
        assert "There is no row to be sent." in words(browser.get(page))
        answer = browser.post(f"{page}send/", follow=True)
        assert "There is no row to be sent." in words(answer) and not Import.objects.sending().exists()
        assert "It is not being sent." in words(browser.post(f"{page}stop/", follow=True))

    def test_a_long_report_asks_no_more_than_a_short_one(self, browser, django_assert_num_queries):  # noqa: F811
        short = bring(browser, "name,maintenance\nNo-1,on\n")["Location"]
        long = bring(browser, "name,maintenance\n" + "".join(f"No-{n},on\n" for n in range(300)))["Location"]
        for page in (short, long):
            browser.get(page)
            with django_assert_num_queries(6):
                browser.get(page, headers={"HX-Request": "true"})

    def test_what_a_cell_says_is_text(self, browser):  # noqa: F811
        page = bring(browser, "name,maintenance\n<script>x</script>,on\n")["Location"]
        assert "<script>x" not in browser.get(page).content.decode()


class TestRest:
    @pytest.fixture
    def api(self):
        return Api(builders.a_token(None, Scope.WRITE))

    def test_from_the_sheet_to_what_came_of_it(self, api, run):
        answer = api.post("/fabric/imports/", {"kind": "maintenance", "sheet": SHEET})
        body = answer.json()
        assert answer.status_code == 201 and answer["Location"] == body["url"]
        assert (body["standing"], body["rows"]["ready"], body["rows"]["faulty"]) == ("checked", 2, 1)
        assert body["can"] == {"send": None, "stop": "It is not being sent."}
        rows = api.get(body["rows_url"]).json()["results"]
        assert [row["line"] for row in rows] == [2, 3, 4, 5]
        assert rows[0]["sends"] == {"maintenanceMode": True} and rows[0]["operation"] is None
        assert rows[1]["faults"] == [
            {"code": "device-unknown", "message": "There is no such SoftGate.", "column": "name"}
        ]
        [faulty] = api.get(f"{body['rows_url']}?standing=faulty").json()["results"]
        assert faulty["line"] == 3

        assert api.post(f"{body['url']}send/").json()["standing"] == "sending"
        services.go_on()
        for operation in Operation.unscoped.all():
            run(operation)
        services.go_on()
        body = api.get(body["url"]).json()
        assert (body["standing"], body["rows"]["done"]) == ("over", 2)
        row = api.get(body["rows_url"]).json()["results"][0]
        assert (row["phase"], row["operation"]["title"]) == ("succeeded", "Put into maintenance: SoftGate-1")
        assert api.post(f"{body['url']}send/").json()["code"] == "not-now"

    def test_it_is_stopped(self, api):
        body = api.post("/fabric/imports/", {"kind": "maintenance", "sheet": SHEET}).json()
        api.post(f"{body['url']}send/")
        assert api.post(f"{body['url']}stop/").json()["standing"] == "stopped"

    def test_what_is_no_sheet_is_refused(self, api):
        for body, code in (
            ({"kind": "cows", "sheet": SHEET}, "kind-unknown"),
            ({"kind": "maintenance", "sheet": "name\n"}, "column-missing"),
            ({"kind": "maintenance", "sheet": "name,maintenance\nx\0,on\n"}, "unprintable"),
        ):
            answer = api.post("/fabric/imports/", body)
            assert answer.status_code in (400, 422) and code in json.dumps(answer.json()), answer.json()
        answer = api.post("/fabric/imports/", {"kind": "maintenance", "sheet": "x" * (DOCUMENTS["sheet"] + 1)})
        assert answer.status_code == 422
        assert not Import.objects.exists()

    def test_a_sheet_that_is_sent_twice_with_its_key_is_brought_once(self, api):
        first, second = (
            api.post("/fabric/imports/", {"kind": "maintenance", "sheet": SHEET}, Idempotency_Key="one")
            for _ in range(2)
        )
        assert first.json()["id"] == second.json()["id"] and Import.objects.count() == 1

    def test_tenants_learn_nothing_of_it(self, api, acme):
        body = api.post("/fabric/imports/", {"kind": "maintenance", "sheet": SHEET}).json()
        mine = Api(builders.a_token(acme, Scope.WRITE))
        assert {mine.get(body[name]).status_code for name in ("url", "rows_url")} == {404}
        assert mine.post(f"{body['url']}send/").status_code in (403, 404)
        assert not Import.objects.sending().exists()
