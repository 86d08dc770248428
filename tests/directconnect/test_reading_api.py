"""What REST tells of a connection: configuration for its router, checks layer by layer, what passes over it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from apps.directconnect.models import Connection, Interface
from apps.directconnect.routers import VENDORS
from apps.directconnect.stages import Stage
from apps.mirror.models import Kind
from apps.operations.provisioned import Status
from tests import builders
from tests.addresses.conftest import clouds_of, place, watch  # noqa: F401  # fixtures
from tests.directconnect.test_interface_api import KEY, client
from tests.directconnect.test_interface_recipe import connection  # noqa: F401  # a fixture
from tests.directconnect.test_interfaces import made, read, router

pytestmark = pytest.mark.django_db


def get(who: Any, connection: Connection, what: str, status: int = 200, **headers: str) -> Any:  # noqa: F811
    answer = who.get(f"/api/v1/direct-connects/{connection.pk}/{what}", headers=headers)
    assert answer.status_code == status, answer.content
    return answer if answer["Content-Type"].startswith("text/plain") else answer.json()


@pytest.fixture
def ours(place):  # noqa: F811
    return client(place.acme)


def layers(found: Any, row: Interface) -> dict[str, str]:
    [of_it] = [each for each in found["results"] if each["interface"]["id"] == str(row.pk)]
    return {each["layer"]: each["verdict"] for each in of_it["layers"]}


# --- checks ---------------------------------------------------------------------------------------------------------


def test_before_there_is_an_interface_light_is_told_alone(place, connection, ours):  # noqa: F811
    told = get(ours, connection, "checks/")
    assert (told["results"], told["light"]["verdict"], told["light"]["age_seconds"]) == ([], "unknown", None)
    Connection.unscoped.update(stage=Stage.CLOSED, port=None)
    assert get(ours, connection, "checks/") == {"light": None, "results": []}


def test_each_layer_is_told_with_its_age_and_what_to_do(place, connection, ours):  # noqa: F811
    row = made(place, connection, md5=KEY)
    assert read(place)["light"] == "critical"
    told = get(ours, connection, "checks/")
    assert layers(told, row) == {"light": "critical", "vlan": "waiting", "bgp": "waiting", "routes": "waiting"}
    [result] = told["results"]
    assert result["worst"] == "light" and "fibres" in result["layers"][0]["advice"]
    assert result["interface"]["name"] == "main" and told["light"]["verdict"] == "critical"

    router(place, row)
    read(place)
    place.clock.shift(timedelta(seconds=20))
    told = get(ours, connection, "checks/")
    assert set(layers(told, row).values()) == {"ok"}
    assert told["results"][0]["worst"] is None
    ages = [each["age_seconds"] for each in told["results"][0]["layers"]]
    assert all(20 <= age <= 60 for age in ages)

    place.clock.shift(timedelta(hours=2))
    told = get(ours, connection, "checks/")
    assert set(layers(told, row).values()) == {"unknown"} and told["light"]["verdict"] == "unknown"


def test_one_interface_of_several_and_none_of_elsewhere(place, connection, ours):  # noqa: F811
    row = made(place, connection)
    for what in ("checks/", "routes/"):
        [told] = get(ours, connection, f"{what}?interface={row.pk}")["results"]
        assert told["interface"]["id"] == str(row.pk)
        for reference in (uuid4(), "main", "' OR 1=1 --"):
            problem = get(ours, connection, f"{what}?interface={reference}", 422)
            assert (problem["code"], problem["field"]) == ("interface-unknown", "interface")


def test_however_many_interfaces_there_are_it_asks_as_often(place, connection, ours):  # noqa: F811
    made(place, connection)
    read(place)

    def costs() -> list[int]:
        found = []
        for what in ("checks/", "routes/", "router-config/?vendor=frr"):
            with CaptureQueriesContext(database) as asked:
                get(ours, connection, what)
            found.append(len(asked))
        return found

    costs()  # notes that the token was used
    one = costs()
    for number in range(5):
        ends = {"link": f"10.9.{number}.0/30", "local_address": f"10.9.{number}.1", "port": connection.port}
        ends["remote_address"] = f"10.9.{number}.2"
        builders.an_interface(connection, place.vpc, f"if-{number}", 200 + number, vnet_id=900, ebgp_id=900, **ends)
    assert costs() == one
    assert one == [10, 8, 4]


# --- routes ---------------------------------------------------------------------------------------------------------


def test_what_passes_is_counted_and_what_netris_does_not_tell_is_said(place, connection, ours):  # noqa: F811
    row = made(place, connection, max_prefixes=10)
    [before] = get(ours, connection, "routes/")["results"]
    assert before["received"] == {"filter": ["192.168.0.0/16"], "count": None, "last_count": None, "limit": 10}

    router(place, row, announces=["192.168.7.0/24", "192.168.8.0/24", "172.16.0.0/12"])
    read(place)
    told = get(ours, connection, "routes/")
    assert "lists no routes" in told["note"]
    [found] = told["results"]
    assert (found["verdict"], found["received"]["count"]) == ("ok", 2)
    tiers = sorted(str(tier.cidr) for tier in place.vpc.tiers.all())
    assert found["advertised"] == {"filter": [str(place.vpc.cidr)], "prefixes": tiers, "count": len(tiers)}
    assert tiers and found["age_seconds"] is not None

    place.clock.shift(timedelta(hours=1))
    [stale] = get(ours, connection, "routes/")["results"]
    assert (stale["verdict"], stale["received"]["count"]) == ("unknown", None)


# --- configuration --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_configuration_is_text_with_all_there_is_to_know_but_the_key(place, connection, ours, vendor):  # noqa: F811
    row = made(place, connection, md5=KEY)
    builders.mirrored(place.zone, Kind.NETRIS_SITE, [1], data={"name": place.zone.netris_site, "publicAsn": 64_999})
    answer = get(ours, connection, f"router-config/?vendor={vendor}", Accept="text/plain")
    text = answer.content.decode()
    for word in (str(row.vlan), str(row.local_address), str(row.remote_address), "64999", "65010", "<your MD5 key>"):
        assert word in text, word
    assert KEY not in text
    assert answer["Content-Type"] == "text/plain; charset=utf-8" and answer["Cache-Control"] == "private, no-cache"


def test_several_stand_one_after_the_other_and_one_that_goes_not_at_all(place, connection, ours):  # noqa: F811
    row = made(place, connection)
    ends = {"link": "10.9.0.0/30", "local_address": "10.9.0.1", "remote_address": "10.9.0.2", "port": connection.port}
    second = builders.an_interface(connection, place.vpc, "second", 200, **ends)

    def text(more: str = "") -> str:
        return str(get(ours, connection, f"router-config/?vendor=frr{more}").content.decode())

    assert row.remote_name in text() and second.remote_name in text()
    assert row.remote_name not in text(f"&interface={second.pk}")
    Interface.unscoped.filter(pk=second.pk).update(status=Status.REMOVING)
    assert second.remote_name not in text()


def test_a_vendor_is_one_of_those_there_are(place, connection, ours):  # noqa: F811
    made(place, connection)
    for query, code in (("", "vendor-missing"), ("?vendor=nokia", "vendor-unknown"), ("?vendor=", "parameter-empty")):
        problem = get(ours, connection, f"router-config/{query}", 422, Accept="text/plain")
        assert (problem["code"], problem["field"]) == (code, "vendor")
        assert code == "parameter-empty" or all(vendor in problem["detail"] for vendor in VENDORS)


def test_without_an_interface_there_is_nothing_to_write(place, connection, ours):  # noqa: F811
    problem = get(ours, connection, "router-config/?vendor=frr", 409)
    assert "Create one first" in problem["detail"]


# --- whose it is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["checks/", "routes/", "router-config/?vendor=frr"])
def test_two_tenants_on_one_shared_port_see_nothing_of_each_other(acme, globex, location, zone, what):
    port = builders.a_fabric_port(location, remote_id="7", device_id="3", kind="hosted")
    own, other = (
        builders.an_interface(
            builders.a_connection(tenant, location, stage=Stage.IN_SERVICE, kind="hosted", port=port),
            builders.a_vpc(tenant, zone, netris_id=number),
            f"of-{tenant.slug}",
            vlan=vlan,
            peer_asn=asn,
        )
        for tenant, number, vlan, asn in ((acme, 7, 1234, 65_101), (globex, 8, 2345, 65_202))
    )
    ours = client(acme)
    answer = ours.get(f"/api/v1/direct-connects/{own.connection_id}/{what}")
    text = answer.content.decode()
    assert answer.status_code == 200 and str(own.pk.hex)[:8] in text.replace("-", "")
    for word in ("2345", "65202", "of-globex", str(other.pk), other.pk.hex):
        assert word not in text
    theirs = ours.get(f"/api/v1/direct-connects/{other.connection_id}/{what}")
    nobodys = ours.get(f"/api/v1/direct-connects/{uuid4()}/{what}")
    assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    if "?" not in what:
        assert ours.get(f"/api/v1/direct-connects/{own.connection_id}/{what}?interface={other.pk}").status_code == 422


def test_the_platform_reads_all_of_it(acme, location, zone):
    row = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    for what in ("checks/", "routes/"):
        assert get(client(None), row, what)["results"] == []
