"""The list of VPCs, the page of one, and what can be done there."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.mirror.models import Item, Kind
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from tests import builders
from tests.web.conftest import words

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/t/acme/vpcs/"


def names(answer):
    return [row["name"] for row in answer.context["rows"]]


def queries_of(browser, path):
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(path).status_code == 200
    return len(asked)


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_shows_ones_own_vpcs_by_name(ann, acme, globex, place):
    builders.a_tier(builders.a_vpc(acme, place, "prod"))
    builders.a_vpc(acme, place, "Archive", "10.30.0.0/20")
    builders.a_vpc(globex, place, "secret")
    builders.a_vpc(acme, place, "gone", status=Status.DELETED)

    answer = ann.get(LIST)

    assert sorted(names(answer)) == ["Archive", "prod"]
    assert {row["name"]: row["tier_count"] for row in answer.context["rows"]} == {"Archive": 0, "prod": 1}
    assert "secret" not in words(answer)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=pro", ["prod"]),
        ("q=10.20.3.7", ["prod"]),
        ("q=10.20.0.0/24", ["prod"]),
        ("q=198.51.100.9", ["lab"]),
        ("status=building", ["lab"]),
        ("zone=zone-1&sort=-name", ["prod", "lab"]),
        ("zone=elsewhere", []),
        ("status=nonsense", []),
        ("sort=cidr", ["lab", "prod"]),
        ("sort=-cidr", ["prod", "lab"]),
        ("sort=created", ["prod", "lab"]),
        ("sort=tenant__slug", ["lab", "prod"]),
        ("q=%00", []),
        ("q=%25", []),
        ("page=-3", ["lab", "prod"]),
        ("page=x", ["lab", "prod"]),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(ann, acme, place, query, found):
    builders.a_vpc(acme, place, "prod", "10.20.0.0/20")
    builders.a_vpc(acme, place, "lab", "10.10.0.0/20", Status.BUILDING, egress_ip="198.51.100.9")

    assert names(ann.get(f"{LIST}?{query}")) == found


def test_fifty_rows_make_a_page(ann, acme, place):
    for number in range(51):
        builders.a_vpc(acme, place, f"vpc-{number:02}", f"10.{number}.0.0/20")

    assert len(names(ann.get(LIST))) == 50
    assert names(ann.get(f"{LIST}?page=2")) == ["vpc-50"]


def test_the_list_costs_the_same_however_long_it_is(ann, acme, place, started):
    def add(number):
        vpc = builders.a_vpc(acme, place, f"vpc-{number}", f"10.{number}.0.0/20", Status.BUILDING)
        builders.a_tier(vpc, cidr=f"10.{number}.0.0/24")
        started(vpc)

    add(0)
    ann.get(LIST)
    alone = queries_of(ann, LIST)
    for number in range(1, 50):
        add(number)

    assert queries_of(ann, LIST) == alone <= 11


def test_an_empty_list_says_how_to_begin(ann, vic, acme, place):
    assert "No VPC yet" in words(ann.get(LIST))
    assert "can look but not change" in words(vic.get(LIST))
    assert "Nothing matches" in words(ann.get(f"{LIST}?q=x"))


def test_htmx_gets_the_rows_alone(ann, acme, place):
    builders.a_vpc(acme, place)

    page = ann.part(LIST).content.decode()

    assert "prod" in page
    assert "<html" not in page


def test_a_list_follows_what_happens_to_the_tenant_with_the_filter_it_has(ann, acme, place):
    builders.a_vpc(acme, place)
    page, part = ann.get(f"{LIST}?q=x&sort=-name"), ann.part(f"{LIST}?q=x&sort=-name")
    for answer in (page, part):
        assert 'data-stream="/events/t/acme"' in answer.content.decode()
        assert 'hx-get="/t/acme/vpcs/?q=x&amp;sort=-name"' in answer.content.decode()


def test_ready_is_grey_until_both_systems_were_read_lately(ann, acme, place):
    builders.a_vpc(acme, place)
    assert "Ready (stale)" in words(ann.get(LIST))

    builders.mirrored(place, Kind.CLOUDSTACK_VPC, [])
    builders.mirrored(place, Kind.NETRIS_VPC, [])
    assert "Ready (stale)" not in words(ann.get(LIST))


def test_the_list_holds_no_markup_of_a_name(ann, acme, place):
    builders.a_vpc(acme, place, "<img src=x>", description="<b>bold</b>")

    page = ann.get(LIST).content.decode()

    assert "<img src=x>" not in page
    assert "<b>bold</b>" not in page


# --- the page of a VPC ------------------------------------------------------------------------------------------------


@pytest.fixture
def prod(acme, place) -> Vpc:
    """A VPC with two tiers that both systems have."""
    old = {"created_at": timezone.now() - timedelta(days=1)}
    vpc = builders.a_vpc(acme, place, egress_ip="198.51.100.17", cloudstack_id=uuid4(), netris_id=7, **old)
    for number, name in enumerate(("web", "db")):
        ids = {"cloudstack_id": uuid4(), "netris_id": 70 + number, "vni": 1000000 + number}
        builders.a_tier(vpc, name, f"10.20.{number}.0/24", **ids, **old)
    return vpc


def tiers_of(vpc):
    return list(Tier.objects.of(vpc.tenant).filter(vpc=vpc))


def mirror_all(prod, *, besides=(), **options):
    builders.truly_mirrored(prod, besides=besides, **options)


def page_of(vpc):
    return f"{LIST}{vpc.pk}/"


def tiers_page_of(vpc):
    return f"{page_of(vpc)}tiers/"


def test_the_page_shows_what_the_vpc_is(ann, prod):
    facts = {
        page_of(prod): "prod 10.20.0.0/20 Zone-1 198.51.100.17",
        tiers_page_of(prod): "prod 10.20.0.0/20 web 10.20.1.0/24 10.20.1.1",
    }
    for page, told in facts.items():
        text = words(ann.get(page))
        assert [fact for fact in told.split() if fact not in text] == []


def test_no_tenant_page_tells_a_vni(ann, prod):
    mirror_all(prod)

    assert "1000000" not in ann.get(page_of(prod)).content.decode()


def test_both_systems_agree(ann, prod):
    mirror_all(prod)

    answer = ann.get(page_of(prod))

    assert answer.context["agreement"].verdict == "agree"
    assert "They agree" in words(answer)


def test_what_a_system_lacks_is_said(ann, prod):
    mirror_all(prod, besides=("db",))

    answer = ann.get(page_of(prod))

    assert "Netris lacks tier db." in words(answer)
    assert [row["status"] for row in ann.get(tiers_page_of(prod)).context["rows"]] == ["ready", "differs"]


def test_a_value_that_differs_is_shown_and_a_vni_told_to_the_platform_alone(ann, prod):
    mirror_all(prod)
    item = Item.objects.get(kind=Kind.NETRIS_VNET, remote_id="70")
    item.data |= {"vxlan_id": 1000099, "gateways": [{"prefix": "10.20.0.9/24"}]}
    item.save()

    answer = ann.get(page_of(prod))
    text = words(answer)

    assert "They differ" in text
    assert "The gateway of tier web is 10.20.0.1 in Weft, 10.20.0.1 in CloudStack, 10.20.0.9 in Netris" in text
    assert "The VNI of tier web is not the same everywhere" in text
    assert "1000099" not in answer.content.decode()
    assert [row["status"] for row in ann.get(tiers_page_of(prod)).context["rows"]] == ["differs", "ready"]


def test_a_list_older_than_the_last_work_proves_nothing(ann, prod, started):
    now = timezone.now()
    started(prod, phase="succeeded", started_at=now, finished_at=now)
    mirror_all(prod, besides=("db",), read_at=now - timedelta(seconds=5))

    assert ann.get(page_of(prod)).context["agreement"].verdict == "unread"


def test_an_old_list_is_stale_and_nothing_is_green(ann, prod):
    mirror_all(prod, read_at=timezone.now() - timedelta(hours=1))

    answer = ann.get(page_of(prod))

    assert answer.context["agreement"].verdict == "stale"
    assert "Ready (stale)" in words(answer)
    assert "tone-sage" not in answer.content.decode().partition("<main")[2]


def test_a_vpc_that_was_never_read_says_so(ann, prod):
    assert "never read" in words(ann.get(page_of(prod)))


def test_a_tier_without_an_instance_is_dormant_and_that_is_normal(ann, prod):
    mirror_all(prod)
    db = tiers_of(prod)[1]
    Item.objects.filter(remote_id=str(db.cloudstack_id)).update(data={"id": "a", "state": "Allocated"})

    answer = ann.get(page_of(prod))

    assert [row["status"] for row in ann.get(tiers_page_of(prod)).context["rows"]] == ["ready", "dormant"]
    assert "1 of 2 tiers dormant: no instance runs in it. Normal." in words(answer)


def test_the_page_costs_the_same_however_many_tiers_and_operations(ann, acme, place, prod, started):
    mirror_all(prod)
    now = timezone.now()
    started(prod, phase="succeeded", started_at=now, finished_at=now)
    ann.get(page_of(prod))
    small = queries_of(ann, page_of(prod))
    for number in range(2, 12):
        builders.a_tier(prod, f"tier-{number}", f"10.20.{number}.0/24", cloudstack_id=uuid4(), netris_id=80 + number)
        started(prod, phase="succeeded", started_at=now, finished_at=now)

    assert queries_of(ann, page_of(prod)) == small <= 30


def test_work_under_way_is_shown_and_followed(ann, acme, place, started):
    vpc = builders.a_vpc(acme, place, status=Status.BUILDING)
    started(vpc, phase="building", cursor=1)

    page = ann.get(page_of(vpc)).content.decode()

    assert "33 %" in page
    assert "The VPC is still being built." in page


def test_work_on_a_tier_is_shown_too(ann, prod, started):
    tier = tiers_of(prod)[0]
    started(prod, kind="tier", resource_type="tier", resource_id=tier.pk, resource_name="web", phase="building")

    assert "Create tier web" in words(ann.get(page_of(prod)))


def test_a_page_follows_the_tenant_also_when_nothing_is_under_way(ann, prod):
    for answer in (ann.get(page_of(prod)), ann.part(page_of(prod))):
        assert 'data-stream="/events/t/acme"' in answer.content.decode()
        assert re.search(r'id="live"[^>]*>prod is ready, with 2 tiers</div>', answer.content.decode())


def test_a_page_says_until_when_its_readings_will_do(ann, prod, place):
    assert "data-fresh-until" not in ann.get(page_of(prod)).content.decode()
    mirror_all(prod)
    page = ann.get(page_of(prod)).content.decode()
    assert page.count("data-fresh-until") == 3
    assert page.count("data-fresh-until") == ann.part(page_of(prod)).content.decode().count("data-fresh-until")
    assert ann.get(LIST).content.decode().count("data-fresh-until") == 1


def test_something_stuck_is_told_with_its_reason(ann, acme, place, started):
    vpc = builders.a_vpc(acme, place, status=Status.STUCK)
    started(vpc, phase="stuck", stopped_in="removing", error="Two instances still run.")

    text = words(ann.get(page_of(vpc)))

    assert "Two instances still run." in text
    assert "“Create VPC prod” is stuck. Retry it first;" in text


def test_an_overlap_is_shown_on_the_page(ann, acme, place, prod):
    builders.a_vpc(acme, place, "office", "10.20.8.0/24")

    assert "they can never be peered" in words(ann.get(page_of(prod)))


def test_a_deleted_vpc_keeps_a_page_with_its_record(ann, acme, place, started):
    vpc = builders.a_vpc(acme, place, status=Status.DELETED)
    started(vpc, phase="rolled_back", error="No address left.")

    text = words(ann.get(page_of(vpc)))

    assert "This VPC is gone" in text
    assert "No address left." in text
    assert ann.get(f"{page_of(vpc)}delete/").url == page_of(vpc)


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_vpc_is_renamed(ann, acme, prod):
    answer = ann.post(f"{page_of(prod)}rename/", {"name": "live", "description": "The shop"}, follow=True)

    prod.refresh_from_db()
    assert (prod.name, prod.description, prod.status) == ("live", "The shop", Status.READY)
    assert answer.redirect_chain == [(page_of(prod), 302)]
    assert "Saved. The name is live." in words(answer)
    assert not Operation.objects.of(acme).exists()


def test_a_rename_to_the_same_changes_nothing_and_says_so(ann, acme, prod):
    answer = ann.post(f"{page_of(prod)}rename/", {"name": "prod", "description": ""}, follow=True)

    assert "Nothing was changed" in words(answer)
    assert not Operation.objects.of(acme).exists()


@pytest.mark.parametrize(("name", "told"), [("", "Give a name."), ("x" * 64, "at most 63"), ("OTHER", "already a VPC")])
def test_a_bad_name_is_told_at_its_field(ann, acme, place, prod, name, told):
    builders.a_vpc(acme, place, "other", "10.99.0.0/20")

    answer = ann.post(f"{page_of(prod)}rename/", {"name": name})

    assert answer.status_code == 422
    assert told in str(answer.context["form"].errors["name"])


def test_the_delete_page_shows_everything_that_goes_and_deletes_nothing(ann, acme, prod):
    text = words(ann.get(f"{page_of(prod)}delete/"))

    for thing in ("prod", "web", "db", "198.51.100.17", "Activity and audit log"):
        assert thing in text
    assert not Operation.objects.of(acme).exists()


def test_the_typed_name_deletes(ann, acme, prod):
    answer = ann.post(f"{page_of(prod)}delete/", {"name": "prod"})

    operation = Operation.objects.of(acme).get()
    assert operation.goal == "absent"
    assert answer.headers["Location"] == f"/t/acme/operations/{operation.pk}/"


@pytest.mark.parametrize("typed", [" prod", "prod\u00a0", "pr\u043ed", "\uff50rod"])
def test_what_one_sees_is_what_one_types_to_delete(ann, acme, prod, typed):
    assert ann.post(f"{page_of(prod)}delete/", {"name": typed}).status_code == 302
    assert Operation.objects.of(acme).get().goal == "absent"


@pytest.mark.parametrize("typed", ["", "Prod", "pro", "prod2"])
def test_another_name_deletes_nothing(ann, acme, prod, typed):
    answer = ann.post(f"{page_of(prod)}delete/", {"name": typed})

    assert answer.status_code == 422
    assert not Operation.objects.of(acme).exists()


def test_what_is_busy_cannot_be_deleted_and_the_page_says_why(ann, prod, started):
    started(prod, goal="absent")

    answer = ann.post(f"{page_of(prod)}delete/", {"name": "prod"})

    assert answer.status_code == 422
    assert "still under way" in words(answer)


def test_a_tier_is_added_where_there_is_room(ann, acme, prod):
    form = ann.get(f"{page_of(prod)}tiers/new/").context["form"]
    assert form["cidr"].initial == "10.20.2.0/24"

    answer = ann.post(f"{page_of(prod)}tiers/new/", {"name": "app", "cidr": "10.20.2.0/24"})

    assert answer.headers["Location"].startswith("/t/acme/operations/")
    assert "app" in [tier.name for tier in tiers_of(prod)]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "", "Give a name."),
        ("name", "WEB", "already a tier"),
        ("cidr", "", "Give a CIDR"),
        ("cidr", "10.20.0.0/25", "overlaps the tier web"),
        ("cidr", "10.99.0.0/24", "not inside"),
        ("cidr", "10.20.0.0/20", "between /22 and /29"),
    ],
)
def test_what_is_wrong_with_a_tier_is_told_at_its_field(ann, prod, field, value, told):
    answer = ann.post(f"{page_of(prod)}tiers/new/", {"name": "app", "cidr": "10.20.2.0/24", field: value})

    assert answer.status_code == 422
    assert told in str(answer.context["form"].errors[field])


def test_the_map_of_a_new_tier_follows_what_is_typed(ann, prod):
    answer = ann.part(f"{page_of(prod)}tiers/new/", {"name": "app", "cidr": "10.20.4.0/24"})

    page = answer.content.decode()
    assert "Tier app: 10.20.4.0/24, gateway 10.20.4.1, planned." in page
    assert "<html" not in page


def test_the_map_of_a_new_tier_tells_of_the_others_what_the_vpcs_own_page_tells(ann, prod):
    own, new = (ann.get(f"{page_of(prod)}{part}").context["picture"] for part in ("", "tiers/new/"))

    assert {tier.name: tier.status for tier in own.tiers}.items() <= {t.name: t.status for t in new.tiers}.items()
    assert {tier.status for tier in own.tiers} != {"ready"}


def test_a_full_vpc_says_so(ann, prod):
    builders.a_tier(prod, "app", "10.20.2.0/24")
    assert "planned" not in ann.get(f"{page_of(prod)}tiers/new/").content.decode()

    answer = ann.post(f"{page_of(prod)}tiers/new/", {"name": "more", "cidr": "10.20.3.0/24"})

    assert answer.status_code == 422
    assert "at most 3 tiers" in words(answer)


def test_a_tier_is_renamed_and_deleted(ann, acme, prod):
    web, db = tiers_of(prod)

    assert ann.post(f"/t/acme/tiers/{web.pk}/rename/", {"name": "front"}).status_code == 302
    web.refresh_from_db()
    assert web.name == "front"
    assert not Operation.objects.of(acme).exists()

    assert "10.20.1.0/24" in words(ann.get(f"/t/acme/tiers/{db.pk}/delete/"))
    assert ann.post(f"/t/acme/tiers/{db.pk}/delete/").status_code == 302
    assert Operation.objects.of(acme).filter(goal="absent").count() == 1


def test_a_tier_of_a_busy_vpc_is_not_deleted_and_the_page_says_why(ann, prod, started):
    started(prod, goal="absent")

    answer = ann.post(f"/t/acme/tiers/{tiers_of(prod)[0].pk}/delete/")

    assert answer.status_code == 422
    assert "still under way" in words(answer)
