"""The pages: ranges, what opens out of one, who has which number, one number."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client

from apps.kernel.svg.bar import thousands
from apps.mirror.models import Kind
from apps.vnis.models import BLOCK, VniRange
from tests import builders

RANGES, NUMBERS = "/fabric/vnis/", "/fabric/vnis/numbers/"


@pytest.fixture
def browser(client: Client, admin) -> Client:
    client.force_login(admin)
    return client


def words(answer) -> str:
    html = re.sub(r"<title>.*?</title>", "", answer.content.decode(), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def page_of(row: VniRange, **query: int) -> str:
    return f"{RANGES}ranges/{row.pk}/" + ("?from={first}&to={last}".format(**query) if query else "")


@pytest.fixture
def guest(lists) -> VniRange:
    """A range of 100,000 with a little in it."""
    lists.pool("1000-100999")
    for number in (1001, 1002, 50_000):
        lists.network(f"net-{number}", number, account="ops")
    lists.taken(1003)
    lists.vnet(7, 1001, "D1-A2-Z1-V3-N7-net-1001")
    lists.vnet(8, 60_000, "by hand")
    lists.look()
    return VniRange.objects.get()


def test_ranges_are_listed_with_how_far_they_reach(guest, browser):
    text = words(browser.get(RANGES))
    assert "1000 to 100999" in text and "L2 VNIs of CloudStack's physical network guest" in text
    assert "99 995 free" in text and "known after a week" in text
    assert "1 range" in text


def test_how_full_a_range_of_netris_own_is_nobody_says(lists, browser):
    for number in range(10, 14):
        lists.vnet(number, number, "by hand")
    lists.look()
    assert not VniRange.objects.get().is_configured
    text = words(browser.get(RANGES))
    assert "4 in use" in text and "Unknown" in text and "Netris does not tell its limits" in text
    assert "full" not in text and " OK " not in text


def test_a_list_that_is_too_old_is_grey_and_says_its_age(guest, browser, clock):
    clock.shift(timedelta(hours=1))
    for address in (RANGES, page_of(guest)):
        text = words(browser.get(address))
        assert "stale" in text.lower() and "OK" not in text


def test_a_search_for_a_number_finds_its_range(guest, browser):
    assert "1000 to 100999" in words(browser.get(f"{RANGES}?q=1001"))
    assert "No range has this number" in words(browser.get(f"{RANGES}?q=999"))
    assert "A VNI is a number from 0 to 16777215." in words(browser.get(f"{RANGES}?q=16777216"))


def cells_of(html: str) -> dict[str, str]:
    """The links of a strip, with what they say."""
    return dict(re.findall(r'<a href="([^"]+)" class="vni-cell" aria-label="([^"]+)"', html))


def test_a_range_opens_step_by_step_down_to_a_number(guest, browser):
    answer = browser.get(page_of(guest))
    found = cells_of(answer.content.decode())
    wide = 2 * BLOCK  # 64 cells of a block are not enough for 100,000 numbers
    assert len(found) == -(-100_000 // wide)
    url, text = next(iter(found.items()))
    assert text == f"1000 to {999 + wide}: 2 used, 1 lost, {thousands(wide - 3)} free"

    narrower = cells_of(browser.get(unescape(url)).content.decode())
    assert next(iter(narrower.values())) == f"1000 to 2023: 2 used, 1 lost, {thousands(BLOCK - 3)} free"
    numbers = cells_of(browser.get(unescape(next(iter(narrower)))).content.decode())

    assert list(numbers.values()) == [
        "VNI 1001: Network in CloudStack net-1001 of ops",
        "VNI 1002: Network in CloudStack net-1002 of ops",
        "VNI 1003: Lost",
    ]
    assert "Both systems have it for the same tier." in words(browser.get(next(iter(numbers))))


def test_cells_add_up_to_the_range(guest, browser):
    cells = browser.get(page_of(guest)).context["cells"]
    assert [sum(getattr(cell, part) for cell in cells) for part in ("used", "lost", "reserved")] == [3, 1, 1]


@pytest.mark.parametrize(
    ("first", "last", "here"),
    [
        (1_500, 1_600, "1000 to 1600"),  # from the beginning of its block
        (0, 16_777_215, "1000 to 100999"),
        (50_000, 2_000, "49128 to 50000"),
        (100_900, 100_999, "100328 to 100999"),
    ],
)
def test_what_is_asked_for_in_between_is_shown_as_far_as_it_can_be(guest, browser, first, last, here):
    if last < first:
        last = first
    assert here in words(browser.get(page_of(guest, first=first, last=last)))


@pytest.mark.parametrize("query", ["from=x", "to=-1", "from=9999999999", "form=1"])
def test_nonsense_in_the_address_is_refused(guest, browser, query):
    assert browser.get(f"{page_of(guest)}?{query}").status_code == 400


def test_who_has_which_is_listed_and_narrowed(guest, browser, acme, lists):
    builders.a_claim(lists.zone, 700, "vnet", tenant=acme, owner="Acme")
    assert browser.get(NUMBERS).context["page"].paginator.count == 7
    assert browser.get(f"{NUMBERS}?q=1001").context["page"].paginator.count == 2
    assert browser.get(f"{NUMBERS}?tenant=acme").context["page"].paginator.count == 1
    assert browser.get(f"{NUMBERS}?kind=lost").context["page"].paginator.count == 1
    assert "Nothing has this number" in words(browser.get(f"{NUMBERS}?q=1005"))


def test_duplicates_are_called_so_and_found(guest, browser, lists):
    lists.vnet(9, 1001, "second")
    lists.look()
    answer = browser.get(f"{NUMBERS}?place=duplicate")
    assert answer.context["page"].paginator.count == 1 and "Duplicate" in words(answer)
    assert "2 things have it in Netris" in words(browser.get(f"{RANGES}{lists.zone.slug}/1001/"))


def test_the_page_of_a_number_tells_both_views_and_who_had_it_before(guest, browser, lists):
    lists.forget(Kind.CLOUDSTACK_NETWORK, "net-1001")
    lists.look()
    text = words(browser.get(f"{RANGES}{lists.zone.slug}/1001/"))
    assert "Its tier is gone from CloudStack, and Netris still uses it." in text
    assert "D1-A2-Z1-V3-N7-net-1001" in text
    before = text[text.index("Who had it before") :]
    assert "net-1001" in before and "ops" in before


@pytest.mark.parametrize("vni", [1_004, 16_777_215])
def test_a_number_that_nobody_has_has_a_page_too(guest, browser, vni):
    text = words(browser.get(f"{RANGES}zone-1/{vni}/"))
    assert "Nothing has it." in text


def test_a_number_that_is_no_vni_has_none(guest, browser):
    assert browser.get(f"{RANGES}zone-1/16777216/").status_code == 400
    assert browser.get(f"{RANGES}nowhere/1001/").status_code == 404


def test_pages_cost_the_same_however_much_there_is(guest, browser, lists, django_assert_num_queries):
    # session and user, zones or the range, what is shown, the readings; six of the navigation
    pages = {RANGES: 11, page_of(guest): 11, page_of(guest, first=1000, last=2000): 11, NUMBERS: 11}
    pages[f"{RANGES}zone-1/1001/"] = 13
    costs: dict[str, set[int]] = {page: set() for page in pages}
    for round_ in range(2):
        for address in pages:
            with django_assert_num_queries(30, exact=False) as queries:
                assert browser.get(address).status_code == 200
            costs[address].add(len(queries))
        if round_ == 0:
            for number in range(1100, 1140):
                lists.network(f"net-{number}", number, account=f"account {number}")
            lists.look()
    assert costs == {page: {cost} for page, cost in pages.items()}
