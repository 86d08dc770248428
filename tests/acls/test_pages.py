"""The pages of access lists: written, reviewed, applied; in both orders; as CSV; on a tier."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.acls import services
from apps.acls.models import FRESH_FOR, Acl, PastRules, TierAcl
from apps.acls.recipes import take_rules
from apps.acls.rules import parse_rules
from apps.kernel import clock
from apps.networks.models import Tier
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.actors import Actor
from tests import builders
from tests.acls.scene import allow, deny, ports

WEB = [allow("80,443", note="Web"), deny("80", "192.0.2.0/24")]


@pytest.fixture
def browser(engineer: Any) -> Client:
    client = Client()
    client.force_login(engineer)
    return client


@pytest.fixture
def acl(acme: Any) -> Acl:
    zone = builders.a_zone()
    builders.an_account(acme, zone)
    return builders.an_acl(builders.a_vpc(acme, zone), rules=WEB)


@pytest.fixture
def tier(acl: Acl) -> Tier:
    return builders.a_tier(acl.vpc)


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content[:2000]
    return " ".join(answer.content.decode().split())


def rows(rules: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The fields of the form, as a browser sends them."""
    said = {"denies_rest": "1", "version": "1", **more}
    for place, rule in enumerate(rules):
        said |= {f"rules.{place}.{name}": value for name, value in rule.items() if name != "cidrs"}
        said[f"rules.{place}.cidrs"] = " ".join(rule["cidrs"])
    return said


def digest_in(page: str) -> str:
    return page.partition('name="reviewed" value="')[2].partition('"')[0]


def test_a_list_is_begun_with_presets(browser, acl):
    said = {"vpc": acl.vpc_id, "name": "new", "presets": ["web", "ssh"], "address": "203.0.113.7", "denies_rest": "on"}
    answer = browser.post("/t/acme/acls/new/", said)
    assert answer.status_code == 302
    made = Acl.unscoped.get(name="new")
    assert [rule.title for rule in made.written] == [
        "allow tcp 80,443 from 0.0.0.0/0",
        "allow tcp 22 from 203.0.113.7/32",
    ]
    assert "one IPv4 address" in text(browser.post("/t/acme/acls/new/", said | {"address": "here"}), 422)


def test_both_orders_stand_side_by_side_and_a_pair_that_differs_has_a_packet(browser, acl):
    page = text(browser.get(f"/t/acme/acls/{acl.pk}/"))
    assert "deny tcp 80 from 192.0.2.0/24" in page and "deny the rest" in page
    assert "Where the two differ" in page and "tcp 80 from 192.0.2.1" in page
    assert "allow by rule 1" in page and "deny by rule 2" in page
    # The packet leads to the answer about itself.
    asked = "?direction=ingress&amp;protocol=tcp&amp;address=192.0.2.1&amp;port=80"
    assert f'href="{asked}#ask"' in page
    assert "The two differ" in text(browser.get(f"/t/acme/acls/{acl.pk}/{asked.replace('&amp;', '&')}"))


def test_a_packet_is_asked_about(browser, acl):
    asked = {"direction": "ingress", "protocol": "tcp", "port": "80", "address": "192.0.2.9"}
    page = text(browser.get(f"/t/acme/acls/{acl.pk}/", asked))
    assert "It passes, by rule 1" in page and "It does not pass, by rule 2" in page and "The two differ" in page
    assert "one IPv4 address" in text(browser.get(f"/t/acme/acls/{acl.pk}/", asked | {"address": "x"}), 422)


def test_the_buttons_of_the_form_edit_its_rows_and_send_nothing(browser, acl):
    path = f"/t/acme/acls/{acl.pk}/edit/"
    page = text(browser.post(path, rows(WEB, up="1")))
    assert page.index("192.0.2.0/24") < page.index("80,443")
    assert 'name="rules.2.cidrs"' in text(browser.post(path, rows(WEB, above="0")))
    assert 'name="rules.1.cidrs"' not in text(browser.post(path, rows(WEB, remove="0")))
    assert not Operation.unscoped.exists()


def test_many_rules_are_one_change_after_a_look_at_what_differs(browser, acl):
    path = f"/t/acme/acls/{acl.pk}/edit/"
    new = [WEB[0], *(allow(str(port), "10.0.0.0/8") for port in ports(60))]
    page = text(browser.post(path, rows(new, apply="1")))
    assert "What differs" in page and "Removed" in page and not Operation.unscoped.exists()

    answer = browser.post(path, rows(new, apply="1", reviewed=digest_in(page)))
    assert answer.status_code == 302
    assert len(Operation.unscoped.get().wanted["rules"]) == 61


def test_somebody_elses_edit_meanwhile_is_shown_and_not_overwritten(browser, acl):
    path = f"/t/acme/acls/{acl.pk}/edit/"
    page = text(browser.post(path, rows([WEB[0]], review="1")))
    acl.rules, acl.version = [*acl.rules, allow("22", "203.0.113.7/32")], 2
    acl.save()

    page = text(browser.post(path, rows([WEB[0]], apply="1", reviewed=digest_in(page))), 409)
    assert "Somebody else has changed the rules meanwhile" in page
    assert "allow tcp 22 from 203.0.113.7/32" in page and 'name="version" value="2"' in page
    assert not Operation.unscoped.exists()


def changed(acl: Acl, rules: list[dict[str, Any]]) -> None:
    """Somebody else has changed the rules."""
    operation = services.change_rules(acl, parse_rules(rules), by=Actor.system("bea"))
    take_rules(acl, operation.wanted)
    Operation.unscoped.update(phase="succeeded", finished_at="2026-03-02T09:00:00Z")
    Acl.unscoped.update(status=Status.READY, reserved=0)


def test_who_is_second_is_told_what_was_changed_since_beside_what_their_rows_would_change(browser, acl):
    path = f"/t/acme/acls/{acl.pk}/edit/"
    mine = [WEB[0], allow("8080")]
    changed(acl, [*WEB, allow("22", "203.0.113.7/32")])

    # Buttons that edit the rows say nothing of it yet, and forget nothing either.
    assert 'name="version" value="1"' in text(browser.post(path, rows(mine, up="1")))
    page = text(browser.post(path, rows(mine, review="1")), 409)
    since, yours = page.split("What your rows would change in the list as it is now")
    since = since.partition("What was changed since you read it")[2]
    assert "by bea" in since and "Added" in since and "allow tcp 22 from 203.0.113.7/32" in since
    assert "192.0.2.0/24" not in since
    yours = yours.partition("Rules in written order")[0]
    assert "allow tcp 8080" in yours and "deny tcp 80 from 192.0.2.0/24" in yours
    assert "allow tcp 22 from 203.0.113.7/32" in yours

    # Knowing that, they may mean it.
    answer = browser.post(path, rows(mine, apply="1", reviewed=digest_in(page), version="2"))
    assert answer.status_code == 302
    assert [rule["ports"] for rule in Operation.unscoped.get(phase="queued").wanted["rules"]] == ["80,443", "8080"]


def test_a_version_that_is_not_remembered_is_no_reason_to_overwrite(browser, acl):
    changed(acl, [allow("22")])
    PastRules.unscoped.all().delete()
    page = text(browser.post(f"/t/acme/acls/{acl.pk}/edit/", rows(WEB, review="1")), 409)
    assert "too long ago to tell" in page


def test_a_sheet_that_was_made_of_an_older_version_is_no_less_late(browser, acl):
    path = f"/t/acme/acls/{acl.pk}/import/"
    assert 'name="version" value="1"' in text(browser.get(path))
    changed(acl, [allow("22")])
    sheet = "action,direction,protocol,ports,cidrs\nallow,ingress,tcp,81,10.0.0.0/8\n"
    page = text(browser.post(path, {"sheet": sheet, "version": "1"}), 409)
    assert "What was changed since you read it" in page and "allow tcp 81 from 10.0.0.0/8" in page


def test_only_the_latest_versions_are_remembered(acl):
    for port in range(1000, 1000 + PastRules.MOST + 2):
        changed(acl, [allow(str(port))])
    known = list(acl.past.values_list("version", flat=True))
    assert known == list(range(acl.version - 1, acl.version - 1 - PastRules.MOST, -1))


def test_what_is_wrong_stands_at_its_field(browser, acl):
    wrong = [allow("99999", "10.0.0.1/8")]
    page = text(browser.post(f"/t/acme/acls/{acl.pk}/edit/", rows(wrong, review="1")), 422)
    assert "99999 is no port" in page and "10.0.0.0/8" in page and 'href="#rules.0.ports"' in page


def test_rules_go_out_as_csv_and_come_in_with_an_error_for_each_line(browser, acl):
    sheet = browser.get(f"/t/acme/acls/{acl.pk}/rules.csv")
    assert sheet.headers["Content-Type"].startswith("text/csv") and "attachment" in sheet.headers["Content-Disposition"]
    path = f"/t/acme/acls/{acl.pk}/import/"
    page = text(
        browser.post(path, {"sheet": sheet.content.decode() + "allow,ingress,tcp,81,10.0.0.0/8,,\n", "version": "1"})
    )
    assert "What differs" in page and "allow tcp 81 from 10.0.0.0/8" in page and not Operation.unscoped.exists()
    faulty = "action,direction,protocol,ports,cidrs\nallow,ingress,tcp,0,10.0.0.0/8\nmaybe,ingress,tcp,1,10.0.0.0/8\n"
    page = text(browser.post(path, {"sheet": faulty}), 422)
    assert "Line 2, ports" in page and "Line 3, action" in page


def test_a_tier_gets_a_list_and_tells_which_rules_touch_an_instance(browser, acl, tier):
    path = f"/t/acme/tiers/{tier.pk}/acl/"
    assert "None. The tier has no rules" in text(browser.get(path))
    assert browser.post(path, {"acl": str(acl.pk)}).status_code == 302
    TierAcl.unscoped.update(status=Status.READY, is_applied=False, read_at=clock.now())
    Operation.unscoped.update(phase="succeeded", finished_at="2026-03-02T09:00:00Z")
    page = text(browser.get(f"{path}?address=10.20.0.11"))
    assert "Not applied" in page and "Apply again" in page and "allow tcp 80,443 from 0.0.0.0/0" in page
    assert "is not in 10.20.0.0/24" in text(browser.get(f"{path}?address=10.20.9.1"), 422)
    assert browser.post(f"{path}again/").status_code == 302
    assert Operation.unscoped.filter(kind="tier_acl", goal="changed").exists()


def test_whether_a_list_is_applied_is_told_with_the_age_of_the_reading(browser, acl, tier):
    row = TierAcl(id=tier.pk, tier=tier, tenant=tier.tenant, acl=acl, status=Status.READY, is_applied=True)
    pages = [
        f"/t/acme/{path}" for path in (f"tiers/{tier.pk}/acl/", f"acls/{acl.pk}/", "acls/", f"vpcs/{acl.vpc_id}/acls/")
    ]
    for seconds, told, age in ((60, "Applied", "read 1 min ago"), (FRESH_FOR.seconds + 60, "not known", "ago, stale")):
        row.read_at = clock.now() - timedelta(seconds=seconds)
        row.save()
        for page in pages:
            assert told in text(browser.get(page)) and age in text(browser.get(page)), page
    row.is_applied, row.read_at = False, clock.now()
    row.save()
    for page in pages:
        assert "Not applied" in text(browser.get(page)), page


def test_a_list_that_no_tier_has_is_in_force_nowhere(browser, acl):
    for path in ("acls/", f"vpcs/{acl.vpc_id}/acls/"):
        page = text(browser.get(f"/t/acme/{path}"))
        assert "in force nowhere" in page and "not known" not in page, path


def test_the_page_of_a_long_list_costs_the_same_queries(browser, acl, django_assert_max_num_queries):
    acl.rules = [dict(rule.as_json()) for rule in parse_rules([allow(str(port)) for port in ports(400)])]
    acl.save()
    with django_assert_max_num_queries(14):
        text(browser.get(f"/t/acme/acls/{acl.pk}/"))


def test_the_lists_are_narrowed_to_a_vpc_and_say_how_many_there_may_be(browser, acl, acme):
    other = builders.an_acl(builders.a_vpc(acme, acl.vpc.zone, "lab"), "of the lab")
    page = text(browser.get("/t/acme/acls/"))
    assert acl.name in page and other.name in page and "2 of 40 access lists" in page
    page = text(browser.get(f"/t/acme/acls/?vpc={other.vpc_id}"))
    assert f"acl-{other.pk}" in page and f"acl-{acl.pk}" not in page
    builders.limit(acme, acl=2)
    assert "2 of 2 access lists are in use" in text(browser.get("/t/acme/acls/"))
