"""One search over everything: each kind by what people have in hand, and never another's to a tenant."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.kernel.errors import Refused
from apps.mirror.models import Item, Kind
from apps.operations.models import Operation
from apps.search.finders import FINDERS, MOST, Words, search
from apps.tenancy.models import Scope
from apps.zones.models import Zone
from tests import builders
from tests.api.conftest import Api
from tests.web.conftest import words

URL = "/fabric/search/"


@pytest.fixture
def there(acme: Any) -> dict[str, Any]:
    """One of everything, in one zone."""
    zone = builders.a_zone()
    account = builders.an_account(acme, zone)
    vpc = builders.a_vpc(acme, zone, "shop", cloudstack_id=uuid4())
    tier = builders.a_tier(vpc, "web")
    instance = builders.an_instance(account)
    item = Item.objects.get(kind=Kind.CLOUDSTACK_INSTANCE, remote_id=instance)
    item.data["nic"][0]["macaddress"] = "02:01:00:aa:bb:cc"
    item.save()
    return {
        "zone": zone,
        "vpc": vpc,
        "tier": tier,
        "instance": item,
        "ip": builders.a_public_ip(vpc, "198.51.100.77"),
        **builders.whatever_a_fabric_has(zone),
    }


@pytest.fixture
def browser(client: Client, admin: Any) -> Client:
    client.force_login(admin)
    return client


def found(text: object) -> set[tuple[str, str]]:
    return {(hit.kind, hit.name) for group in search(str(text), builders.the_platform()) for hit in group.hits}


class TestFinders:
    def test_names_by_a_part_of_them_whatever_their_case(self, there, acme):
        assert ("vpc", "shop") in found("SHO")
        assert ("tenant", acme.name) in found(acme.name.upper()[:4])
        assert {("device", "Leaf-1"), ("device", "SoftGate-1")} <= found("leaf") | found("gate-1")
        assert ("port", "swp1@Leaf-1") in found("swp1@leaf")
        assert ("zone", "Zone-1") in found("zone-1")
        assert ("site", there["zone"].netris_site) in found(there["zone"].netris_site)
        assert ("site", there["zone"].netris_site) in found(there["fabsite"])
        assert found("nothing of the kind") == set()

    def test_ids(self, there):
        operation = Operation.unscoped.create(
            tenant=there["vpc"].tenant,
            zone=there["zone"],
            kind="vpc",
            goal="present",
            resource_type="vpc",
            resource_id=there["vpc"].pk,
            resource_name="shop",
            lock_key=str(uuid4()),
            requested_by="ann",
            size=1,
        )
        assert ("vpc", "shop") in found(there["vpc"].pk)
        assert ("vpc", "shop") in found(there["vpc"].cloudstack_id)
        assert [kind for kind, _ in found(operation.pk)] == ["operation"]
        assert "operation" in {kind for kind, _ in found(there["vpc"].pk)}
        assert ("tier", "web") in found(there["tier"].pk)
        assert ("instance", there["instance"].name) in found(there["instance"].remote_id)
        assert ("device", "Leaf-1") in found(there["fabdevice"])
        assert found(uuid4()) == set()

    def test_addresses(self, there):
        assert ("public IP", "198.51.100.77") in found("198.51.100.77")
        address = there["instance"].data["nic"][0]["ipaddress"]
        assert ("instance", there["instance"].name) in found(address)

    @pytest.mark.parametrize("text", ["02:01:00:aa:bb:cc", "02-01-00-AA-BB-CC", "0201.00aa.bbcc", "020100aabbcc"])
    def test_a_mac_however_it_is_written(self, there, text):
        assert ("instance", there["instance"].name) in found(text)
        assert found("02:01:00:aa:bb:cd") == set()

    def test_an_instance_names_its_tenant(self, there, acme):
        [group] = [each for each in search("02:01:00:aa:bb:cc", builders.the_platform()) if each.label == "Instances"]
        assert f"of {acme.name}" in group.hits[0].detail and group.hits[0].url.endswith(f"/tenants/{acme.slug}/")

    def test_what_is_too_short_or_too_long(self, db):
        for text in ("ab", "", " a "):
            with pytest.raises(Refused, match="at least 3"):
                Words.of(text)
        with pytest.raises(Refused, match="at most"):
            Words.of("x" * 101)
        assert Words.of("7").vni == 7 and Words.of("16777216").vni is None

    def test_more_than_a_few_are_not_told_one_by_one(self, there):
        for number in range(20, 40):
            builders.a_device(there["zone"], f"rack-{number}", str(number))
        [devices] = [group for group in search("rack-", builders.the_platform()) if group.label == "Devices"]
        assert (len(devices.hits), devices.has_more) == (MOST, True)
        assert devices.more_url == "/fabric/devices/?q=rack-"

    def test_what_people_type_is_no_pattern(self, there):
        assert found("%%%") == set() and found("___") == set() and found("'; --") == set()

    def test_it_costs_the_same_however_much_is_found(self, there):
        def cost(text: str) -> int:
            with CaptureQueriesContext(connection) as asked:
                found(text)
            return len(asked)

        before = cost("leaf")
        for number in range(20, 60):
            builders.a_device(there["zone"], f"leaf-{number}", str(number))
        assert cost("leaf") == before <= len(FINDERS)


class TestPageAndApi:
    def test_the_page(self, there, browser):
        assert "Search everything" in words(browser.get(URL))
        page = browser.get(URL, {"q": "leaf-1"})
        assert "Devices" in words(page) and f"/fabric/devices/{there['device']}/" in page.content.decode()
        assert "Nothing was found" in words(browser.get(URL, {"q": "nowhere at all"}))
        assert "Give at least 3 characters" in words(browser.get(URL, {"q": "x"}))
        assert browser.get(URL, {"query": "x"}).status_code == 400
        assert (
            "<script>"
            not in browser.get(URL, {"q": "<script>alert(1)</script>"}).content.decode().partition("<main")[2]
        )

    def test_over_rest(self, there):
        api = Api(builders.a_token(None, Scope.READ))
        body = api.get("/fabric/search/?q=leaf-1").json()
        hit = next(row for row in body["results"] if row["kind"] == "device")
        assert hit["name"] == "Leaf-1" and hit["page"].endswith(f"/fabric/devices/{there['device']}/")
        assert body["more"] == []
        for path, code in (("", "q-missing"), ("?q=ab", "q-too-short")):
            answer = api.get(f"/fabric/search/{path}")
            assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, "q")

    def test_tenants_find_nothing(self, there, acme, client, engineer):
        assert Api(builders.a_token(acme, Scope.WRITE)).get("/fabric/search/?q=shop").status_code == 404
        client.force_login(engineer)
        assert client.get(URL, {"q": "shop"}).status_code == 404


def test_what_two_zones_have_under_one_name_is_found_in_both(there):
    other = builders.a_zone("Zone-2")
    builders.a_device(other, "Leaf-1", "77")
    [devices] = [group for group in search("leaf-1", builders.the_platform()) if group.label == "Devices"]
    places = (there["device"], f"{other.slug}/77")
    assert {hit.url for hit in devices.hits} == {f"/fabric/devices/{place}/" for place in places}
    assert Zone.objects.count() == 2
