"""A zone's SoftGates: what they carry, what is left when one goes, and what may be said when nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.fabric.models import SurveyedDevice, SurveyedPort
from apps.fabric.surveys import survey
from apps.history.series import Point, record
from apps.mirror.models import Item, Kind
from apps.softgates.capacity import AMD
from apps.softgates.queries import Fleet, fleets, tenants_behind
from apps.tenancy.models import Scope
from apps.zones.models import Zone
from tests import builders
from tests.api.conftest import Api
from tests.fabric.conftest import Sweep, browser, order, read, zone  # noqa: F401  # fixtures
from tests.web.conftest import words

URL = "/fabric/softgates/"


@pytest.fixture
def surveyed(zone: Zone, read: Sweep) -> Sweep:  # noqa: F811
    def again() -> None:
        read()
        survey(zone)

    again()
    return again


def the_fleet(**how: Any) -> Fleet:
    [fleet] = fleets(**how)
    return fleet


def rules(zone: Zone, dnat: int, snat: int = 0) -> None:  # noqa: F811
    """So many enabled DNAT rules in ten VPCs, so many VPCs with one for SNAT, and some that are disabled."""
    kinds = [("DNAT", "enabled", n, str(n % 10)) for n in range(dnat)]
    kinds += [("SNAT", "enabled", 100_000 + n, str(n)) for n in range(snat)]
    kinds += [(action, "disabled", 200_000 + n, "77") for n, action in enumerate(("DNAT", "SNAT"))]
    Item.objects.filter(zone=zone, kind=Kind.NETRIS_NAT).delete()
    rows = [
        Item(
            zone=zone,
            kind=Kind.NETRIS_NAT,
            remote_id=str(number),
            key=vpc,
            data={"id": number, "action": action, "state": state},
            changed_at=timezone.now(),
        )
        for action, state, number, vpc in kinds
    ]
    Item.objects.bulk_create(rows)


class TestFleet:
    def test_the_reference_site(self, surveyed):
        fleet = the_fleet()
        assert [(node.line.name, node.role) for node in fleet.nodes] == [
            ("SoftGate-1", "general"),
            ("SoftGate-2", "general"),
            ("SoftGate-3", "snat"),
            ("SoftGate-4", "snat"),
        ]
        assert [(spare.well, spare.status) for spare in (fleet.general, fleet.snat)] == [(2, "ok"), (2, "ok")]
        assert all(len(node.sessions) == 2 for node in fleet.nodes)
        assert {gauge.label: gauge.check.status for gauge in fleet.nodes[0].gauges} == dict.fromkeys(
            ("Load", "Memory", "Disk"), "ok"
        )

    def test_what_is_left_when_one_goes(self, zone, surveyed):  # noqa: F811
        rules(zone, 1_600, 41)
        fleet = the_fleet()
        assert (fleet.rules.dnat, fleet.rules.dnat_vpcs, fleet.rules.snat_vpcs) == (1_600, 10, 41)
        assert fleet.general.words == "When one goes, 10 of 20 Mpps are left. No session is lost."
        assert fleet.snat.words.startswith("When one goes, the sessions of about 21 of 41 VPCs are reset")
        assert fleet.cost.words == "100 more rules cost 0.2 Mpps of each General node."
        assert the_fleet(profile=AMD).place.words == "8.0 Mpps"

    def test_fewer_rules_than_were_measured(self, zone, surveyed):  # noqa: F811
        rules(zone, 5)
        assert the_fleet().general.words == "When one goes, at least 12 of 24 Mpps are left. No session is lost."

    def test_more_rules_than_were_measured(self, zone, surveyed):  # noqa: F811
        rules(zone, 16_700)
        assert "No figures were published for more than 16,666 DNAT rules." in the_fleet().general.words

    def test_the_last_one(self, zone, surveyed, order, clock):  # noqa: F811
        rules(zone, 20, 7)
        for name in ("SoftGate-1", "SoftGate-3"):
            order(f"/devices/{name}/kill")
        clock.shift(150)
        surveyed()
        rules(zone, 20, 7)
        fleet = the_fleet()
        assert (fleet.general.status, fleet.snat.status) == ("warning", "warning")
        assert (
            fleet.general.words == "When the last one goes, 20 DNAT rules and 0 load balancers carry nothing any more."
        )
        assert fleet.snat.words == "When the last one goes, 7 VPCs reach nothing outside any more."
        for name in ("SoftGate-2", "SoftGate-4"):
            order(f"/devices/{name}/kill")
        clock.shift(150)
        surveyed()
        assert the_fleet().general.status == "critical"
        assert the_fleet().general.words == "None is well: nothing is carried."

    def test_nothing_is_said_of_an_old_reading(self, surveyed, clock):
        clock.shift(600)
        fleet = the_fleet()
        assert (fleet.general.status, fleet.snat.status) == ("stale", "stale")
        assert "cannot be said" in fleet.general.words
        assert not any(node.is_well for node in fleet.nodes)

    def test_a_node_in_maintenance_carries_nothing(self, world, surveyed, clock):
        gates = world.netris.net.devices
        gates.change(gates.one("name", "SoftGate-1"), maintenanceMode=True)
        clock.shift(20)
        surveyed()
        fleet = the_fleet()
        assert (fleet.general.well, fleet.nodes[0].is_in_maintenance) == (1, True)

    def test_the_tenants_behind_a_kind_of_rule(self, zone, surveyed, acme, globex):  # noqa: F811
        rules(zone, 10)
        for number, tenant in enumerate((acme, acme, globex)):
            builders.an_account(tenant, zone) if number != 1 else None
            builders.a_vpc(tenant, zone, f"v{number}", netris_id=number)
        builders.a_vpc(globex, builders.a_zone("Other"), netris_id=3)
        assert tenants_behind(zone, "DNAT", builders.the_platform()) == 2
        assert tenants_behind(zone, "SNAT", builders.the_platform()) == 0


class TestLoad:
    def measured(self, zone: Zone, **counts: float) -> None:  # noqa: F811
        ids = dict(SurveyedDevice.objects.filter(zone=zone).values_list("name", "remote_id"))
        for name, count in counts.items():
            gate = ids[name.replace("_", "-")]
            record(
                zone,
                [
                    Point("device", gate, "conntrack", count),
                    Point("device", gate, "conntrack-used", count / 10_000),
                    *(Point("device", gate, "rx", 256e6, part=port) for port in ("swp1", "swp2")),
                ],
            )

    def test_what_is_left_is_compared_with_what_they_carry(self, zone, surveyed):  # noqa: F811
        rules(zone, 1_600)
        assert the_fleet().general.factor is None
        self.measured(zone, SoftGate_1=5_000, SoftGate_2=5_200)
        fleet = the_fleet()
        # Two nodes with two ports of 256 Mbit/s: 1.024 Gbit/s, 2 Mpps of 64 bytes; 10 are left.
        assert fleet.general.factor == pytest.approx(5)
        assert "10 of 20 Mpps are left, at least 5.0 times what they carry now." in fleet.general.words
        assert fleet.general.unlike == ""
        assert fleet.nodes[0].load.conntrack.value == 5_000

    def test_a_node_that_carries_more_than_its_share_is_told(self, zone, surveyed, clock):  # noqa: F811
        self.measured(zone, SoftGate_3=90_000, SoftGate_4=10_000)
        assert the_fleet().snat.unlike == "SoftGate-3 has 1.8 times its share of the NAT sessions."
        clock.shift(120)
        surveyed()
        assert the_fleet().snat.unlike == ""  # nobody has measured it lately

    def test_a_few_sessions_are_no_imbalance(self, zone, surveyed):  # noqa: F811
        self.measured(zone, SoftGate_3=300, SoftGate_4=1)
        assert the_fleet().snat.unlike == ""


class TestPage:
    def test_it_tells_all_of_it(self, zone, surveyed, browser):  # noqa: F811
        rules(zone, 1_600, 41)
        page = browser.get(URL)
        text = words(page)
        assert "2 of 2 well. When one goes, 10 of 20 Mpps are left." in text
        assert "1600 of 10 VPCs" in text and "10.0 Mpps" in text and "The figures behind the curve" in text
        assert 'aria-current="page"' in page.content.decode() and "<svg" in page.content.decode()
        part = browser.get(URL, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part and "SoftGate-1" in part
        assert "one point only" in words(browser.get(f"{URL}?cpu=amd"))

    def test_nonsense_in_the_address(self, surveyed, browser):  # noqa: F811
        assert browser.get(f"{URL}?cpu=arm").status_code == 404
        assert browser.get(f"{URL}?cup=amd").status_code == 400

    def test_a_platform_without_zones(self, db, browser):  # noqa: F811
        assert "No SoftGate has been read yet" in words(browser.get(URL))

    def test_it_costs_the_same_however_many_rules(self, zone, surveyed, browser):  # noqa: F811
        counts = []
        for number in (1, 1, 3_000):
            rules(zone, number)
            with CaptureQueriesContext(connection) as asked:
                browser.get(URL)
            counts.append(len(asked))
        assert counts[1] == counts[2]


class TestApi:
    def test_the_contract(self, zone, surveyed, db):  # noqa: F811
        rules(zone, 1_600, 41)
        api = Api(builders.a_token(None, Scope.READ))
        body = api.get("/fabric/softgates/").json()
        assert [row["role"] for row in body["results"]].count("snat") == 2
        row = next(row for row in body["results"] if row["name"] == "SoftGate-1")
        assert row["headroom"]["mpps"] == 10 and row["headroom"]["next_hundred"] == pytest.approx(0.173, abs=0.001)
        assert (row["nat_rules"]["dnat"], row["nat_rules"]["snat_vpcs"], row["status"]) == (1_600, 41, "ok")
        assert row["spare"]["status"] == "ok" and row["read_at"] and row["last_seen_at"]
        assert api.get(f"/fabric/softgates/{row['id']}/").json() == row
        assert api.get("/fabric/softgates/?zone=nowhere").json()["code"] == "zone-unknown"
        assert len(api.get(f"/fabric/softgates/?zone={zone.slug}&limit=3").json()["results"]) == 3

    def test_it_is_the_platforms(self, surveyed, acme):
        mine = Api(builders.a_token(acme, Scope.WRITE))
        assert mine.get("/fabric/softgates/").status_code == 404
        row = Api(builders.a_token(None, Scope.READ)).get("/fabric/softgates/").json()["results"][0]
        assert mine.get(f"/fabric/softgates/{row['id']}/").status_code == 404


class TestOnePage:
    def url(self, name: str = "SoftGate-1") -> str:
        return f"{URL}{SurveyedDevice.objects.get(name=name).pk}/"

    def test_a_general_node_tells_all_that_is_known_of_it(self, zone, surveyed, browser):  # noqa: F811
        rules(zone, 1_600, 41)
        gate = SurveyedDevice.objects.get(name="SoftGate-1")
        port = SurveyedPort.objects.filter(zone=zone, device_id=gate.remote_id).order_by("sort_key")[0].short_name
        points = [("rx", 1.25e9), ("tx", 4e6), ("errors", 3.0)]
        record(zone, [Point("device", gate.remote_id, metric, value, part=port) for metric, value in points])
        TestLoad().measured(zone, SoftGate_1=5_000)
        text = words(browser.get(self.url()))
        assert "General SoftGate in" in text and "Heartbeat reported" in text
        assert "1,600 of 10 VPCs: every one is on every General node" in text
        assert "5000 , 0.5 % of its table" in text.replace("5000,", "5000 ,")
        assert "Memory OK" in text and "80 % 90 %" in text and "Disk" in text
        assert "Received 1.25 Gbit/s" in text and "Sent 4 Mbit/s" in text and "Errors 3 /s" in text
        assert "10.0 Mpps" in text and "100 more rules cost 0.2 Mpps" in text
        assert "2 of 2 up" in text and "other SoftGates have" not in text
        assert "When one goes, 10 of 20 Mpps are left" in text

    def test_an_snat_node_has_its_share_and_no_curve(self, zone, surveyed, browser):  # noqa: F811
        rules(zone, 1_600, 41)
        page = browser.get(self.url("SoftGate-3"))
        assert "about 21 of 41 VPCs" in words(page) and "Headroom" not in words(page)

    def test_a_session_that_others_have_is_missing(self, zone, world, surveyed, browser, clock):  # noqa: F811
        gone = Item.objects.filter(zone=zone, kind=Kind.NETRIS_BGP, key="SoftGate-1").order_by("remote_id")[0]
        world.netris.net.sessions.drop(int(gone.remote_id))
        clock.shift(30)
        surveyed()
        text = words(browser.get(self.url()))
        assert "1 of 2 up; 1 that other SoftGates have is missing" in text and "Missing" in text

    def test_what_is_old_is_not_called_well(self, surveyed, browser, clock):  # noqa: F811
        clock.shift(600)
        page = browser.get(self.url())
        text = words(page)
        assert "Sessions with the internet Not known: the last reading is too old." in text
        assert "tone-sage" not in page.content.decode().partition("<main")[2].partition("<footer")[0]

    def test_only_softgates_have_one(self, surveyed, browser):  # noqa: F811
        assert browser.get(self.url("Leaf-1")).status_code == 404
        assert browser.get(f"{self.url()}?cpu=amd").status_code == 400

    def test_it_costs_the_same_however_many_rules_and_nodes(self, zone, surveyed, browser):  # noqa: F811
        counts = []
        for number in (1, 1, 2_000):
            rules(zone, number)
            with CaptureQueriesContext(connection) as asked:
                browser.get(self.url())
            counts.append(len(asked))
        assert counts[1] == counts[2]

    def test_list_and_inventory_lead_to_it(self, zone, surveyed, browser):  # noqa: F811
        gate = SurveyedDevice.objects.get(name="SoftGate-1")
        assert self.url() in browser.get(URL).content.decode()
        assert self.url() in browser.get(f"/fabric/devices/{zone.slug}/{gate.remote_id}/").content.decode()


def test_a_tenants_people_are_shown_no_softgate(surveyed, engineer, client: Client):
    client.force_login(engineer)
    gate = SurveyedDevice.objects.get(name="SoftGate-1")
    for path in (URL, f"{URL}{gate.pk}/", f"{URL}{gate.pk}/maintenance/"):
        assert client.get(path).status_code == 404


def test_tens_of_thousands_of_rules_are_counted_out_of_an_index(
    surveyed: Sweep,
    zone: Zone,  # noqa: F811
) -> None:
    rules(zone, 3000, snat=1000)
    with CaptureQueriesContext(connection) as queries:
        fleet = the_fleet()
    assert (fleet.rules.dnat, fleet.rules.dnat_vpcs, fleet.rules.snat_vpcs) == (3000, 10, 1000)
    [counted] = [each["sql"] for each in queries if "COUNT" in each["sql"] and "nat_action" in each["sql"]]
    assert '"data"' not in counted
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mirror_item")
        # As after the next vacuum, which finds all rows visible to all; nothing else is decided by that.
        cursor.execute("UPDATE pg_class SET relallvisible = relpages WHERE relname = 'mirror_item'")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + counted)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Only Scan using nat_rule_by_action" in plan


def test_who_needs_no_counts_asks_for_none(surveyed: Sweep, zone: Zone) -> None:  # noqa: F811
    rules(zone, 20)
    with CaptureQueriesContext(connection) as queries:
        fleet = the_fleet(is_counted=False)
    assert fleet.nodes and not fleet.rules.dnat
    assert not any("COUNT" in each["sql"] or "history_" in each["sql"] for each in queries)
