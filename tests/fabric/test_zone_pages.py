"""Registering, changing and disabling zones in the browser and over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import Account
from apps.kernel import clock
from apps.tenancy.models import AuditEntry, Scope
from apps.zones import trials
from apps.zones.models import Trial, Zone
from sandbox.world import World
from tests import builders
from tests.api.conftest import Api
from tests.web.conftest import words

HTMX = {"HX-Request": "true"}
KEYS = ("the-api-key", "the-secret-key")
LOGIN = ("weft", "the-password")
SECRETS = (*KEYS, LOGIN[1])


@pytest.fixture(scope="module")
def entered():
    world = World(cloudstack_keys=KEYS, netris_login=LOGIN)
    cloudstack, netris = world.serve()
    yield {
        "cloudstack_url": f"{cloudstack.url}/client/api",
        "cloudstack_api_key": KEYS[0],
        "cloudstack_secret_key": KEYS[1],
        "netris_url": netris.url,
        "netris_user": LOGIN[0],
        "netris_password": LOGIN[1],
    }
    world.close()


@pytest.fixture
def platform(transactional_db) -> Api:
    return Api(builders.a_token(None, Scope.WRITE))


@pytest.fixture
def browser(transactional_db, client: Client) -> Client:
    client.force_login(builders.a_platform_admin())
    return client


CHOSEN = {
    "name": "zone1",
    "netris_site": "sv",
    "vpc_offering": "VPC offering with Netris - NAT Mode",
    "tier_offering": "DefaultNATNetrisNetworkOfferingForVpc",
    "description": "In Ghent",
    "calls_per_second": "30",
}


class TestPages:
    def test_a_zone_is_registered_from_the_first_form_to_the_last(self, browser, entered):
        builders.a_tenant("Acme")
        answer = browser.post("/platform/zones/new/", entered)
        [trial] = Trial.objects.all()
        assert (answer.status_code, answer["Location"]) == (302, f"/platform/zones/trials/{trial.pk}/")

        page = browser.get(answer["Location"]).content.decode()
        assert "every 1s" in page and "Register zone" not in page
        trials.run_due()
        answer = browser.get(answer["Location"], headers=HTMX)
        part = answer.content.decode()
        assert "<html" not in part and "every 1s" not in part
        text = words(answer)
        assert "All 52 commands are permitted" in text and "1000000-2000000" in text and "Register zone" in text
        assert 'value="zone1"' in part and "selected" in part
        assert not [secret for secret in SECRETS if secret in part + page]

        answer = browser.post(f"/platform/zones/trials/{trial.pk}/", CHOSEN)

        assert (answer.status_code, answer["Location"]) == (302, "/platform/zones/")
        zone = Zone.objects.get()
        assert (zone.name, zone.netris_site, zone.description, zone.calls_per_second) == ("zone1", "sv", "In Ghent", 30)
        assert Account.unscoped.count() == 1
        assert "zone1 is saved. Accounts being made there: 1." in words(browser.get("/platform/zones/"))
        assert "It was used already." in words(browser.get(f"/platform/zones/trials/{trial.pk}/"))
        assert browser.post(f"/platform/zones/trials/{trial.pk}/", CHOSEN).status_code == 422

    def test_what_is_wrong_stands_at_its_field_and_no_secret_comes_back(self, browser, entered):
        wrong = {**entered, "cloudstack_url": "cloud.example.net", "netris_password": ""}
        answer = browser.post("/platform/zones/new/", {**wrong, "cloudstack_secret_key": ""})
        text = answer.content.decode()
        assert answer.status_code == 422 and not Trial.objects.exists()
        assert text.count("Give it.") >= 2 and KEYS[0] not in text

        answer = browser.post("/platform/zones/new/", {**entered, "cloudstack_url": "cloud.example.net"})
        assert "is no address such as" in words(answer) and not Trial.objects.exists()

    def test_a_failed_one_leads_back_to_what_was_entered(self, browser, entered):
        browser.post("/platform/zones/new/", {**entered, "netris_password": "wrong"})
        trials.run_due()
        [trial] = Trial.objects.all()
        page = browser.get(f"/platform/zones/trials/{trial.pk}/")
        assert "It cannot be used like this" in words(page) and "Register zone" not in words(page)
        again = f"/platform/zones/new/?trial={trial.pk}"
        assert again in page.content.decode()
        assert entered["netris_url"] in browser.get(again).content.decode()

        kept = {**entered, "cloudstack_api_key": "", "cloudstack_secret_key": ""}
        assert browser.post(again, kept).status_code == 302
        trials.run_due()
        assert Trial.objects.first().status == "good"

    def test_a_connection_that_is_changed_offers_what_the_zone_has(self, browser):
        zone = builders.a_zone(description="In Ghent")
        form = browser.get(f"/platform/zones/{zone.pk}/connection/").content.decode()
        assert zone.cloudstack_url in form and "Left empty, it stays as it is." in form and 'value="secret"' not in form
        kept = {"cloudstack_url": zone.cloudstack_url, "netris_url": zone.netris_url, "netris_user": "other"}
        assert browser.post(f"/platform/zones/{zone.pk}/connection/", kept).status_code == 302
        answer = browser.post(f"/platform/zones/{zone.pk}/connection/", {**kept, "netris_url": "https://x.example"})
        assert "not sent to another address" in words(answer)

        trial = builders.a_trial(zone, netris_user="other")
        url = f"/platform/zones/trials/{trial.pk}/"
        page = browser.get(url).content.decode()
        assert "Save the connection" in page and "In Ghent" in page
        assert browser.post(url, {**CHOSEN, "name": "Zone-1", "netris_site": "nowhere"}).status_code == 422
        chosen = {**CHOSEN, "name": "Zone-1", "netris_site": "Site-1", "vpc_offering": "with Netris"}
        assert browser.post(url, {**chosen, "tier_offering": "with Netris"}).status_code == 302
        zone.refresh_from_db()
        assert zone.netris_user == "other"

    @pytest.mark.parametrize("path", ["/platform/zones/trials/{}/", "/platform/zones/new/?trial={}"])
    def test_one_that_is_forgotten_is_404(self, browser, path):
        assert browser.get(path.format(uuid4())).status_code == 404

    def test_nonsense_in_the_address(self, browser):
        assert browser.get("/platform/zones/new/?trial=nonsense").status_code == 404
        assert browser.get("/platform/zones/new/?tril=x").status_code == 400

    def test_settings_and_disabling(self, browser):
        zone = builders.a_zone()
        url = f"/platform/zones/{zone.pk}"
        assert browser.post(f"{url}/settings/", {"description": "x", "calls_per_second": "0"}).status_code == 422
        answer = browser.post(f"{url}/settings/", {"description": "x", "calls_per_second": "9"})
        assert answer.status_code == 302, words(answer)
        builders.a_vpc(builders.a_tenant("Acme"), zone)
        assert "1 go on as they are" in words(browser.get(f"{url}/disable/"))

        browser.post(f"{url}/disable/")
        text = words(browser.get("/platform/zones/"))
        assert "Zone-1 is disabled." in text and "Nothing new can be built here" in text and "Enable" in text
        assert "It is disabled already." in words(browser.get(f"{url}/disable/"))
        browser.post(f"{url}/enable/")
        zone.refresh_from_db()
        assert (zone.is_enabled, zone.description, zone.calls_per_second) == (True, "x", 9)

    def test_the_page_of_a_trial_costs_the_same_whatever_was_found(self, browser):
        zones = [{"id": str(uuid4()), "name": f"z{n}", "is_netris": True, "public_ranges": []} for n in range(50)]
        few, many = builders.a_trial(), builders.a_trial()
        Trial.objects.filter(pk=many.pk).update(found={**many.found, "zones": zones})
        counts = []
        for trial in (few, few, many):
            with CaptureQueriesContext(connection) as queries:
                browser.get(reverse("zones:trial", args=[trial.pk]))
            counts.append(len(queries))
        assert counts[1] == counts[2] <= 10


class TestApi:
    def test_the_whole_way(self, platform, entered):
        builders.a_tenant("Acme")
        answer = platform.post("/zones/trials/", entered)
        assert answer.status_code == 202 and answer.json()["status"] == "waiting"
        where = answer["Location"]
        assert platform.get(where).json()["reason"].startswith("It is still being tried")
        trials.run_due()
        body = platform.get(where).json()
        assert (body["status"], body["reason"], body["found"]["sites"]) == ("good", None, ["sv"])
        assert not [secret for secret in SECRETS if secret in str(body)]

        answer = platform.post("/zones/", {"trial": body["id"], "name": "zone1", "netris_site": "sv"})

        assert (answer.status_code, len(answer.json()["operations"])) == (202, 1)
        assert answer.json()["reached"]["netris_user"] == "weft"
        again = platform.post("/zones/", {"trial": body["id"], "name": "zone1", "netris_site": "sv"})
        assert (again.status_code, again.json()["code"]) == (422, "trial-taken")
        assert [entry.action for entry in AuditEntry.unscoped.filter(object_type="zone")] == ["zone.register"]

    def test_a_repeated_request_registers_once(self, platform):
        trial = builders.a_trial()
        chosen = {"trial": str(trial.pk), "name": "Zone-9", "netris_site": "Site-1", "vpc_offering": "with Netris"}
        body = {**chosen, "tier_offering": "with Netris"}
        first, second = (platform.post("/zones/", body, Idempotency_Key="one") for _ in range(2))
        assert (first.status_code, second.status_code, second["Idempotency-Replayed"]) == (201, 201, "true")
        assert Zone.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "field", "code"),
        [
            ({"netris_site": "nowhere"}, "netris_site", "site-unknown"),
            ({"name": "nowhere"}, "name", "zone-unknown"),
            ({"vpc_offering": "none"}, "vpc_offering", "offering-unknown"),
            ({"calls_per_second": 0}, "calls_per_second", None),
            ({"trial": str(uuid4())}, "trial", "trial-unknown"),
            ({"trial": "x"}, "trial", "trial-unknown"),
            ({"nam": "x"}, "nam", None),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_its_field(self, platform, change, field, code):
        trial = builders.a_trial()
        body = {"trial": str(trial.pk), "name": "Zone-9", "netris_site": "Site-1", "vpc_offering": "with Netris"}
        answer = platform.post("/zones/", {**body, "tier_offering": "with Netris", **change})
        assert answer.status_code in (400, 422)
        assert field in str(answer.json()) and (code is None or answer.json()["code"] == code)
        assert not Zone.objects.exists() and trial.status == "good"

    def test_a_trial_of_one_zone_is_no_other_zones(self, platform):
        zone, other = builders.a_zone(), builders.a_zone("Other")
        trial = builders.a_trial(other)
        answer = platform.patch(f"/zones/{zone.pk}/", {"trial": str(trial.pk)})
        assert (answer.status_code, answer.json()["code"]) == (422, "trial-of-another")
        body = {"trial": str(trial.pk), "name": "Other", "netris_site": "Site-1"}
        assert platform.post("/zones/", body).json()["code"] == "trial-of-another"
        answer = platform.patch(f"/zones/{zone.pk}/", {"netris_site": "x"})
        assert (answer.json()["code"], answer.json()["field"]) == ("trial-missing", "netris_site")

    def test_a_zone_is_changed(self, platform):
        zone = builders.a_zone(calls_per_second=7)
        trial = builders.a_trial(zone, netris_user="other")
        found = trial.found
        found["vpc_offerings"][0]["id"], found["tier_offerings"][0]["id"] = (
            str(zone.vpc_offering_id),
            str(zone.tier_offering_id),
        )
        Trial.objects.filter(pk=trial.pk).update(found=found)
        before = platform.get(f"/zones/{zone.pk}/")
        answer = platform.patch(f"/zones/{zone.pk}/", {"trial": str(trial.pk)}, If_Match=before["ETag"])
        assert (answer.status_code, answer.json()["reached"]["netris_user"]) == (200, "other")
        assert answer.json()["reached"]["calls_per_second"] == 7
        assert platform.patch(f"/zones/{zone.pk}/", {"description": "x"}, If_Match=before["ETag"]).status_code == 412
        assert platform.patch(f"/zones/{zone.pk}/", {"description": "x"}).json()["description"] == "x"
        assert platform.post(f"/zones/{zone.pk}/disable/").json()["is_enabled"] is False
        assert platform.post(f"/zones/{zone.pk}/enable/").json()["is_enabled"] is True

    def test_an_expired_one_says_what_to_do(self, platform):
        trial = builders.a_trial(finished_at=clock.now() - Trial.GOOD_FOR - timedelta(minutes=1))
        assert platform.get(f"/zones/trials/{trial.pk}/").json()["status"] == "expired"

    def test_tenants_see_nothing_of_it(self, platform, acme: Any):
        zone = builders.a_zone()
        mine = Api(builders.a_token(acme, Scope.WRITE))
        assert "reached" not in mine.get(f"/zones/{zone.pk}/").json()
        assert mine.post("/zones/trials/", {}).status_code == 403
        assert mine.get(f"/zones/trials/{builders.a_trial().pk}/").status_code == 404
