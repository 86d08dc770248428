"""What is read late or never, what is known to few, zones that are disabled, and rows of one sheet that meet."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from apps.fabric.models import SurveyedSite, SurveyedSubnet
from apps.imports import services as imports
from apps.imports.models import Import
from apps.ipam.estate import carried_by
from apps.ipam.ranges import Addresses, Prefixes
from apps.ipam.services import change_block, delete_block
from apps.ipam.sheets import check
from apps.ipam.specs import BlockChange
from apps.kernel.errors import Busy, Refused
from apps.kernel.inet import network_of
from apps.mirror.models import Item, Kind, Reading
from apps.operations.models import Operation
from apps.tenancy.models import User
from tests import builders
from tests.fabric.conftest import browser, order, read, zone  # noqa: F401  # fixtures
from tests.ipam.test_pages import brought, page, told
from tests.ipam.test_recipes import AN_ALLOCATION, changed, created, deleted, lab, row, there  # noqa: F401  # fixtures
from tests.sites.test_recipes import changed as changed_site
from tests.sites.test_recipes import created as created_site
from tests.softgates.test_fleet import surveyed  # noqa: F401  # fixtures
from tests.web.conftest import words


@pytest.fixture(autouse=True)
def _site(surveyed, browser):  # noqa: F811
    """As it was read, with an admin."""


def sent(zone: Any, *rows: str) -> Import:  # noqa: F811
    head = "zone,type,prefix,name,purpose,gateway\n"
    imported = brought(head + "".join(f"{zone.slug},{each}\n" for each in rows))
    return imports.send(imported, by=builders.platform_of_user(User.objects.get(is_platform_admin=True)))


class TestOneSheet:
    def test_what_lies_in_an_allocation_does_not_wait_for_it_to_be_read(self, zone, run):  # noqa: F811
        imported = sent(zone, "allocation,172.20.0.0/16,Labs,,", "subnet,172.20.1.0/24,web,common,")
        for _ in range(2):
            imports.go_on()
            for operation in Operation.unscoped.running():
                assert run(operation).phase == "succeeded", operation.error
        assert [each.standing for each in imported.rows.all()] == ["ordered", "ordered"]

    def test_one_that_is_not_there_yet_is_not_built_upon(self, zone, run):  # noqa: F811
        operation = created(zone, AN_ALLOCATION)
        with pytest.raises(Refused, match="lies in no allocation"):
            created(zone, prefix="172.20.1.0/24")
        assert run(operation).phase == "succeeded"
        with pytest.raises(Refused, match="overlaps the allocation"):
            created(zone, AN_ALLOCATION, prefix="172.20.0.0/15", name="Around")
        created(zone, prefix="172.20.1.0/24")

    def test_two_of_one_name_do_not_both_go(self, zone):  # noqa: F811
        head = "zone,type,prefix,name,purpose\n"
        rows = ["10.77.0.0/24,lab,common", "10.77.1.0/24,lab,common", "10.99.0.0/21,lab,", "10.77.2.0/24,lab 2,common"]
        imported = brought(head + "".join(f"{zone.slug},subnet,{each}\n" for each in rows))
        assert [standing for standing, _ in told(imported)] == ["ready", "faulty", "faulty", "ready"]
        assert imported.rows.get(line=3).faults[0]["message"] == "10.77.0.0/24 is to be called so."

    def test_many_changes_ask_no_more_than_one(self, zone, django_assert_num_queries):  # noqa: F811
        prefixes = [str(each.prefix) for each in SurveyedSubnet.objects.of_platform().filter(type="subnet")]
        for count in (1, len(prefixes)):
            cells = [{"zone": zone.slug, "type": "subnet", "prefix": each} for each in prefixes[:count]]
            with django_assert_num_queries(9):
                found = check([{**each, "purpose": "bgp"} for each in cells], builders.the_platform())
            assert all("Change subnet" in each.what for each in found)

    def test_four_times_the_rows_are_four_times_the_work(self, zone):  # noqa: F811
        def calls(count: int) -> int:
            made = 0

            def counted(_frame: object, event: str, _what: object) -> None:
                nonlocal made
                made += event == "call"

            cells = [
                {
                    "zone": zone.slug,
                    "type": "allocation",
                    "prefix": f"172.{16 + n // 256}.{n % 256}.0/24",
                    "name": f"{n}",
                }
                for n in range(count)
            ]
            sys.setprofile(counted)
            try:
                found = check(cells, builders.the_platform())
            finally:
                sys.setprofile(None)
            assert not any(each.faults for each in found)
            return made

        calls(1)  # what is made once
        few, many = calls(500), calls(2_000)
        assert many < 4.2 * few


class TestDisabledZones:
    @pytest.mark.parametrize("make", [created, created_site])
    def test_nothing_is_made_there(self, make, zone):  # noqa: F811
        zone.is_enabled = False
        zone.save()
        with pytest.raises(Refused, match="is disabled"):
            make(zone)
        assert not Operation.unscoped.exists()

    @pytest.mark.parametrize(
        ("kind", "sheet"),
        [
            ("subnets", "zone,type,prefix,name,purpose\n{},subnet,10.77.0.0/24,lab,common\n"),
            ("sites", "zone,name,public_asn\n{},lab,65001\n"),
        ],
    )
    def test_a_sheet_says_so_beside_its_row(self, kind, sheet, zone):  # noqa: F811
        zone.is_enabled = False
        zone.save()
        imported = imports.bring(kind, sheet.format(zone.slug), by=builders.the_platform())
        assert [each["code"] for each in imported.rows.get().faults] == ["zone-disabled"]


class TestWhatIsNotKnown:
    def test_nothing_is_deleted_by_an_old_reading(self, lab, clock, browser, zone):  # noqa: F811
        clock.shift(3600)
        with pytest.raises(Refused, match="the last reading is too old"):
            delete_block(row(), by=builders.the_platform())
        assert "the last reading is too old" in words(browser.get(page(zone, "10.77.0.0/24")))

    @pytest.mark.parametrize(("act", "facts"), [(deleted, {}), (changed, {"purpose": "nat"})])
    def test_nor_before_public_ips_were_read(self, act, facts, lab):  # noqa: F811
        Reading.objects.filter(kind=Kind.CLOUDSTACK_ADDRESS).update(read_at=None)
        with pytest.raises(Refused, match="were never read"):
            act(**facts)

    def test_nor_when_those_of_one_more_zone_of_its_netris_were_not(self, lab, zone):  # noqa: F811
        other = builders.a_zone(name="Second", slug="second", netris_url=zone.netris_url)
        with pytest.raises(Refused, match="the public IPs of Second were never read"):
            deleted()
        builders.mirrored(
            other, Kind.CLOUDSTACK_ADDRESS, ["7"], data={"id": "7", "ipaddress": "10.77.0.9", "state": "Free"}
        )
        with pytest.raises(Refused, match="1 public IP of CloudStack"):
            deleted()

    def test_what_came_to_be_meanwhile_is_seen_before_it_goes(self, lab, run, world, zone):  # noqa: F811
        operation = deleted()
        Item.objects.filter(zone=zone, kind=Kind.CLOUDSTACK_ADDRESS).update(name="10.77.0.9")
        operation = run(operation)
        assert operation.phase == "stuck" and "public IPs of it by now" in operation.error
        assert there(world)

    def test_nothing_goes_while_public_ips_were_never_read(self, lab, run, world):  # noqa: F811
        operation = deleted()
        Reading.objects.filter(kind=Kind.CLOUDSTACK_ADDRESS).delete()
        operation = run(operation)
        assert operation.phase == "stuck" and "were never read" in operation.error
        assert there(world)

    def test_what_it_is_for_stays_while_cloudstack_hands_out_of_it(self, zone):  # noqa: F811
        found = row("198.51.100.0/25")
        found.hosts = found.addresses = 0
        found.save()
        assert carried_by(found).public_ips
        with pytest.raises(Refused, match="public IPs of CloudStack: what it is for stays"):
            changed("198.51.100.0/25", purpose="inactive")


class TestOneNetris:
    """Several zones may have their networks from it."""

    @pytest.fixture
    def other(self, zone):  # noqa: F811
        return builders.a_second_zone(zone, SurveyedSubnet, SurveyedSite)

    @pytest.mark.parametrize("make", [created, created_site])
    def test_the_same_is_not_made_for_two_zones_at_once(self, make, zone, other):  # noqa: F811
        make(zone)
        with pytest.raises(Busy, match="still under way"):
            make(other)

    def test_nor_changed(self, zone, other):  # noqa: F811
        first, second = SurveyedSubnet.objects.select_related("zone").filter(prefix="10.99.0.0/21")
        change = BlockChange.parse({"description": "busy"})
        change_block(first, change, by=builders.the_platform())
        with pytest.raises(Busy, match="still under way"):
            change_block(second, change, by=builders.the_platform())


class TestMeeting:
    """What lies in an allocation goes with it."""

    @pytest.fixture(autouse=True)
    def _allocation(self, zone, run, clock, surveyed):  # noqa: F811
        run(created(zone, AN_ALLOCATION))
        clock.shift(150)
        surveyed()

    def test_nothing_is_made_in_an_allocation_that_goes(self, zone):  # noqa: F811
        deleted(AN_ALLOCATION["prefix"])
        with pytest.raises(Busy, match="still under way"):
            created(zone, prefix="172.20.1.0/24", name="inside")
        created(zone, prefix="10.79.0.0/24", name="elsewhere")

    def test_none_goes_while_something_is_made_in_it(self, zone):  # noqa: F811
        created(zone, prefix="172.20.1.0/24", name="inside")
        with pytest.raises(Busy, match="still under way"):
            deleted(AN_ALLOCATION["prefix"])

    def test_one_goes_while_something_is_made_elsewhere(self, zone):  # noqa: F811
        created(zone, prefix="10.79.0.0/24", name="elsewhere")
        deleted(AN_ALLOCATION["prefix"])

    def test_nor_from_two_zones_of_one_netris(self, zone):  # noqa: F811
        other = builders.a_second_zone(zone, SurveyedSubnet, SurveyedSite)
        created(other, prefix="172.20.1.0/24", name="inside")
        with pytest.raises(Busy, match="still under way"):
            delete_block(
                SurveyedSubnet.objects.select_related("zone").get(zone=zone, prefix=AN_ALLOCATION["prefix"]),
                by=builders.the_platform(),
            )


class TestNames:
    def test_a_block_is_not_called_as_one_that_is_being_made(self, zone, run):  # noqa: F811
        operation = created(zone)
        with pytest.raises(Busy, match="still under way"):
            changed("10.99.0.0/21", name="lab")
        with pytest.raises(Busy, match="still under way"):
            created(zone, prefix="10.77.1.0/24")
        assert run(operation).phase == "succeeded"
        changed("10.99.0.0/21", name="lab 2")

    def test_nor_made_as_one_is_being_called_or_was(self, zone):  # noqa: F811
        was = row("10.99.0.0/21").name
        changed("10.99.0.0/21", name="lab")
        SurveyedSubnet.objects.filter(prefix="10.99.0.0/21").update(name="lab 3")  # as if it were read meanwhile
        for name in ("lab", was):
            with pytest.raises(Busy, match="still under way"):
                created(zone, name=name)
        created(zone, name="lab 2")
        created(zone, AN_ALLOCATION, name="lab")

    def test_what_is_not_renamed_claims_no_name(self, zone):  # noqa: F811
        changed("10.99.0.0/21", description="busy")
        created(zone)

    def test_a_site_is_not_called_as_one_that_is_being_made(self, zone, run, clock, surveyed):  # noqa: F811
        run(created_site(zone))
        clock.shift(330)
        surveyed()
        created_site(zone, name="ny", public_asn="65101")
        with pytest.raises(Busy, match="still under way"):
            changed_site(name="ny")
        changed_site(name="tx")
        with pytest.raises(Busy, match="still under way"):
            created_site(zone, name="tx", public_asn="65102")


def test_the_page_says_what_is_no_prefix(zone, browser):  # noqa: F811
    facts = {"zone": zone.slug, "type": "allocation", "prefix": "fe80::%1/64", "name": "Bad", "purpose": "common"}
    answer = browser.post("/fabric/subnets/new/?type=allocation", facts)
    assert answer.status_code == 422 and "is no prefix" in words(answer)


def test_prefixes_are_found_by_what_is_around_and_what_overlaps():
    known = Prefixes(map(network_of, ("10.0.0.0/8", "10.1.0.0/16", "192.168.4.0/24", "fd00::/64")))
    around = {"10.2.0.0/24": "10.0.0.0/8", "10.0.0.0/8": "10.0.0.0/8", "192.168.0.0/16": None, "fd01::/64": None}
    for text, found in around.items():
        assert str(known.around(network_of(text))) == str(found), text
    overlapping = {
        "192.168.0.0/16": "192.168.4.0/24",
        "192.168.4.8/29": "192.168.4.0/24",
        "192.168.5.0/24": None,
        "fd00::/8": "fd00::/64",
        "0.0.0.0/0": "10.0.0.0/8",
    }
    for text, found in overlapping.items():
        assert str(known.overlapping(network_of(text))) == str(found), text


def test_addresses_are_counted_in_a_prefix():
    known = Addresses(["10.0.0.0", "10.0.0.255", "10.0.1.0", "10.0.0.7", "10.0.0.7/32", "fd00::1", ""])
    counts = {"10.0.0.0/24": 3, "10.0.1.0/24": 1, "10.0.2.0/24": 0, "fd00::/64": 1}
    assert {text: known.within(network_of(text)) for text in counts} == counts
    assert known.within(None) == 0
