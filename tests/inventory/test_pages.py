"""The pages and routes on which the inventory is changed."""

from __future__ import annotations

from typing import Any

import pytest

from apps.inventory.models import Device
from apps.inventory.services.links import delete_link
from apps.operations.models import Operation
from apps.tenancy.models import Scope
from tests import builders
from tests.api.conftest import Api
from tests.inventory.conftest import device, link, made, on_netris, port
from tests.web.conftest import words

NEW = "/fabric/devices/new/"


@pytest.fixture
def api(surveyed: Any) -> Api:
    return Api(builders.a_token(None, Scope.WRITE))


class TestNewDevice:
    def test_a_hypervisor_is_offered_all_it_needs(self, surveyed, browser, run, world):
        page = browser.get(NEW)
        form = page.context["form"]
        offered = {name: form.initial[name] for name in ("name", "loopback", "management_address", "port_1", "port_2")}
        assert offered == {
            "name": "Server-5",
            "loopback": "10.0.8.5",
            "management_address": "10.10.10.5",
            "port_1": "swp5@Leaf-1",
            "port_2": "swp5@Leaf-2",
        }
        assert "swp2@Leaf-1" not in str(page.content), "what something hangs on is not offered"
        answer = browser.post(NEW, {name: form.initial.get(name, "") for name in form.fields})
        assert answer.status_code == 302 and "/platform/operations/" in answer["Location"]
        assert run(Operation.unscoped.get(kind="device")).phase == "succeeded"
        assert on_netris(world, "Server-5")["mainAddress"] == "10.0.8.5"

    def test_what_is_wrong_stands_at_its_field(self, zone, surveyed, browser):
        form = browser.get(NEW).context["form"]
        values = {name: form.initial.get(name, "") for name in form.fields}
        made(zone, name="Other", loopback="10.0.8.77", management_address="10.10.10.77")
        answer = browser.post(NEW, values)
        assert answer.status_code == 422
        taken = ["Something hangs on this port by now. Take another one."]
        assert answer.context["form"].errors == {"port_1": taken, "port_2": taken}
        free = {"port_1": "swp6@Leaf-1", "port_2": ""}
        answer = browser.post(NEW, values | free | {"loopback": "10.0.8.77"})
        told = answer.context["form"].errors
        assert told.keys() == {"loopback", "asn"} and told["loopback"] == ["Other has this address."]
        answer = browser.post(NEW, values | free | {"asn": "none", "tags": "a b/c"})
        assert answer.context["form"].errors.keys() == {"asn", "tags"}
        assert Operation.unscoped.filter(kind="device").count() == 1

    @pytest.mark.parametrize("role", ["spine", "leaf", "oob", "softgate", "server"])
    def test_each_kind_has_its_form(self, role, surveyed, browser):
        page = browser.get(f"{NEW}?role={role}")
        fields = set(page.context["form"].fields)
        assert ("system" in fields) is (role in ("spine", "leaf", "oob"))
        assert ("softgate_role" in fields) is (role == "softgate")
        assert ("custom_data" in fields) is (role == "server")

    def test_the_form_of_a_change_leaves_that_of_new_ones_alone(self, surveyed, browser):
        before = {field.name: field.help_text for field in browser.get(NEW).context["form"]}
        row = device("Server-2")
        browser.get(f"/fabric/devices/{row.zone.slug}/{row.remote_id}/change/")
        assert {field.name: field.help_text for field in browser.get(NEW).context["form"]} == before

    def test_no_such_place(self, surveyed, browser):
        for query in ("?role=boat", "?zone=none", "?pair=Leaf-7"):
            page = browser.get(f"{NEW}{query}")
            assert page.status_code == 200 and "No such place" in words(page)
        assert browser.get(f"{NEW}?x=1").status_code == 400


class TestDevicePages:
    def test_the_page_offers_what_can_be_done_and_says_why_not(self, surveyed, browser):
        row = device("Server-2")
        text = words(browser.get(f"/fabric/devices/{row.zone.slug}/{row.remote_id}/"))
        assert "Change" in text and "It has 3 links" in text

    def test_change(self, surveyed, browser, run, world):
        row = device("Server-2")
        url = f"/fabric/devices/{row.zone.slug}/{row.remote_id}/change/"
        form = browser.get(url).context["form"]
        values = {name: form.initial[name] for name in form.fields}
        assert browser.post(url, values).status_code == 422  # it is like this already
        assert browser.post(url, values | {"loopback": "10.0.8.3"}).context["form"].errors == {
            "loopback": ["Server-3 has this address."]
        }
        assert browser.post(url, values | {"description": "Row 4"}).status_code == 302
        assert run(Operation.unscoped.get(kind="device")).phase == "succeeded"
        assert on_netris(world, "Server-2")["description"] == "Row 4"

    def test_delete(self, zone, surveyed, browser, run, world):
        row = device("Server-2")
        url = f"/fabric/devices/{row.zone.slug}/{row.remote_id}/delete/"
        assert "Not now" in words(browser.get(url))
        assert browser.post(url).status_code == 422
        run(made(zone, "server", name="Spare-1"))
        surveyed()
        row = device("Spare-1")
        url = f"/fabric/devices/{row.zone.slug}/{row.remote_id}/delete/"
        assert "Not now" not in words(browser.get(url))
        assert browser.post(url, {"confirm": "x"}).status_code == 422
        assert browser.post(url, {"confirm": "Spare-1"}).status_code == 302


class TestLinkAndPortPages:
    def test_a_link_between_ports_that_are_searched(self, zone, surveyed, browser, run):
        found = browser.get(f"/fabric/ports/choices/?zone={zone.slug}&words=swp7").content.decode()
        assert "swp7@Leaf-1" in found and browser.get(f"/fabric/ports/choices/?zone={zone.slug}&words=swp2%40Leaf-1")
        ids = {end: port(f"swp7@Leaf-{number}").remote_id for number, end in enumerate(("local", "remote"), start=1)}
        page = browser.get(f"/fabric/links/new/?zone={zone.slug}&local=swp7%40Leaf-1")
        assert page.context["form"].initial["local"] == ids["local"]
        assert browser.post("/fabric/links/new/", {"local": ids["local"], "search": "x"}).status_code == 200
        assert browser.post("/fabric/links/new/", ids | {"underlay": "on"}).status_code == 302
        assert run(Operation.unscoped.get(kind="link")).phase == "succeeded"

    def test_change_and_delete(self, surveyed, browser):
        row = link("eth0@Server-4")
        url = f"/fabric/links/{row.zone.slug}/{row.remote_id}"
        assert "is cut off" in words(browser.get(f"{url}/delete/"))
        assert browser.post(f"{url}/delete/", {"confirm": "no"}).status_code == 422
        assert browser.post(f"{url}/change/", {}).status_code == 422  # it is off already
        assert browser.post(f"{url}/change/", {"underlay": "on"}).status_code == 302
        last, other = link("eth1@Server-3"), link("eth2@Server-3")
        url = f"/fabric/links/{row.zone.slug}/{last.remote_id}/change/"
        assert browser.get(url).context["form"].fields.keys() == {"underlay"}
        delete_link(other, by=builders.the_platform())
        assert "Server-3 would have no link of this kind" in words(browser.get(url))
        assert browser.post(url, {}).context["form"].errors.keys() == {"confirm"}
        assert browser.post(url, {"confirm": last.name}).status_code == 302
        border = link("swp29@Leaf-1")
        text = words(browser.get(f"/fabric/links/{border.zone.slug}/{border.remote_id}/"))
        assert "Netris lists no cable of an ISP's router" in text

    def test_a_port(self, surveyed, browser):
        row = port("swp2@Leaf-1")
        url = f"/fabric/ports/{row.zone.slug}/{row.remote_id}/change/"
        form = browser.get(url).context["form"]
        values = {name: form.initial.get(name) or "" for name in form.fields if name != "is_enabled"}
        assert browser.post(url, values).context["form"].errors.keys() == {"confirm"}
        assert browser.post(url, values | {"is_enabled": "on", "mtu": "70000"}).context["form"].errors.keys() == {"mtu"}
        assert browser.post(url, values | {"confirm": row.name}).status_code == 302


class TestApi:
    def test_a_device_from_its_suggestion_to_its_end(self, api, zone, surveyed, run):
        offered = api.get(f"/fabric/devices/suggestion/?zone={zone.slug}&role=server").json()
        body = {
            "zone": zone.slug,
            **{name: value for name, value in offered.items() if name not in ("system", "profile")},
        }
        body = {name: value for name, value in body.items() if name != "softgate_role"} | {"name": "Spare-1"}
        answers = [api.post("/fabric/devices/", body, Idempotency_Key="one") for _ in range(2)]
        assert answers[0].status_code == 202, answers[0].json()
        assert answers[1]["Idempotency-Replayed"] == "true"
        url = answers[0].json()["resource"]["url"].partition("/api/v1")[2]
        assert api.get(url).status_code == 404
        run(Operation.unscoped.get(kind="device"))
        surveyed()
        shown = api.get(url).json()
        assert (shown["name"], shown["id"]) == ("Spare-1", str(Device.objects.get().seen_id))
        url = f"/fabric/devices/{shown['id']}/"
        changed = api.patch(url, {"description": "x"})
        assert changed.status_code == 202 and changed.json()["resource"]["type"] == "device"
        assert api.delete(url).status_code == 409
        run(Operation.unscoped.get(pk=changed.json()["id"]))
        assert api.delete(url).status_code == 202

    def test_what_is_refused(self, api, zone, surveyed):
        pk = device("Server-2").pk
        for answer, code, field in (
            (api.delete(f"/fabric/devices/{pk}/"), "in-use", None),
            (api.post("/fabric/devices/", {"zone": "x", "role": "leaf", "name": "a"}), "zone-unknown", "zone"),
            (api.post("/fabric/devices/", {"zone": zone.slug, "role": "x", "name": "a"}), "role-unknown", "role"),
            (api.patch(f"/fabric/devices/{pk}/", {"loopback": "10.0.8.3"}), "address-taken", "loopback"),
            (api.get(f"/fabric/devices/suggestion/?zone={zone.slug}&role=x"), "role-unknown", "role"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (422, code), answer.json()
            assert not field or field in str(answer.json()["errors"])

    def test_links_and_ports(self, api, zone, surveyed):
        body = {"zone": zone.slug, "local": "swp7@Leaf-1", "remote": "swp7@Leaf-2", "underlay": False}
        assert api.post("/fabric/links/", body).status_code == 202
        assert api.post("/fabric/links/", body).json()["code"] == "port-taken"
        row = link("eth1@Server-4")
        assert api.patch(f"/fabric/links/{row.pk}/", {"underlay": False}).status_code == 202
        assert api.delete(f"/fabric/links/{row.pk}/").status_code == 409
        pk = port("swp2@Leaf-1").pk
        assert api.patch(f"/fabric/ports/{pk}/", {"is_enabled": False}).json()["code"] == "not-confirmed"
        assert api.patch(f"/fabric/ports/{pk}/", {"is_enabled": False, "confirm": "swp2@Leaf-1"}).status_code == 202

    def test_tenants_learn_nothing_of_it(self, surveyed, acme):
        mine = Api(builders.a_token(acme, Scope.WRITE))
        pk = device("Server-2").pk
        assert mine.get("/fabric/devices/suggestion/?zone=x&role=leaf").status_code == 404
        assert mine.post("/fabric/devices/", {}).status_code == 403
        assert mine.patch(f"/fabric/devices/{pk}/", {}).status_code == 403
