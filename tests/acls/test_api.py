"""Access lists over REST: what scripts rely on."""

from __future__ import annotations

from typing import Any

import pytest

from apps.acls import services
from apps.acls.models import Acl, TierAcl
from apps.acls.recipes import take_rules
from apps.acls.rules import parse_rules
from apps.kernel import clock
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.actors import Actor
from tests import builders
from tests.acls.scene import allow, deny
from tests.api.conftest import Api, problem_of

WEB = [allow("80,443"), deny("80", "192.0.2.0/24")]
#: What a refusal says besides to who is second.
CONFLICT = ("version", "since", "yours")


@pytest.fixture
def api(acme: Any) -> Api:
    return Api(builders.a_token(acme))


@pytest.fixture
def vpc(acme: Any) -> Vpc:
    zone = builders.a_zone()
    builders.an_account(acme, zone)
    return builders.a_vpc(acme, zone)


@pytest.fixture
def acl(vpc: Vpc) -> Acl:
    return builders.an_acl(vpc, rules=WEB)


@pytest.fixture
def tier(vpc: Vpc) -> Tier:
    return builders.a_tier(vpc)


def put(api: Api, path: str, body: Any, **headers: str) -> Any:
    return api.call("PUT", path, body, **headers)


def over() -> None:
    """Let nothing be under way any more."""
    Operation.unscoped.update(phase="succeeded", finished_at="2026-03-02T09:00:00Z")
    Acl.unscoped.update(status=Status.READY)


def test_a_list_is_asked_for_and_read(api, vpc):
    answer = api.post("/acls/", {"vpc": str(vpc.pk), "name": "web", "rules": WEB})
    assert answer.status_code == 202, answer.content

    acl = Acl.unscoped.get()
    read = api.get(f"/acls/{acl.pk}/").json()
    assert [rule["ports"] for rule in read["rules"]] == ["80,443", "80"]
    assert (read["applied"], read["read_at"], read["denies_rest"], read["tiers"]) == (None, None, True, [])
    assert "still being made" in read["can"]["edit"]
    assert [row["id"] for row in api.get(f"/acls/?vpc={vpc.pk}").json()["results"]] == [str(acl.pk)]


def test_the_whole_set_is_replaced_by_who_has_seen_it(api, acl):
    path = f"/acls/{acl.pk}/rules/"
    etag = api.get(path).headers["ETag"]
    Acl.unscoped.update(version=2)
    problem_of(put(api, path, {"rules": []}, If_Match=etag), 412, *CONFLICT)
    assert not Operation.unscoped.exists()

    etag = api.get(path).headers["ETag"]
    answer = put(api, path, {"rules": [allow("8080")]}, If_Match=etag)
    assert answer.status_code == 202, answer.content
    read = api.get(f"/acls/{acl.pk}/").json()
    assert read["changing"]["rules"][0]["ports"] == "8080" and read["rules"][0]["ports"] == "80,443"
    assert read["status"] == "changing"


def test_who_is_second_is_told_what_was_changed_since_and_what_theirs_would_change(api, acl):
    path = f"/acls/{acl.pk}/rules/"
    etag = api.get(path).headers["ETag"]
    operation = services.change_rules(acl, parse_rules([WEB[0], allow("22")]), by=Actor.system("bea"))
    take_rules(acl, operation.wanted)
    over()

    problem = problem_of(put(api, path, {"rules": [WEB[0], allow("8080")]}, If_Match=etag), 412, *CONFLICT)
    assert (problem["code"], problem["version"]) == ("changed-meanwhile", 2)
    assert (problem["since"]["seen"], problem["since"]["authors"]) == (1, ["bea"])
    assert [(line["change"], line["title"], line["place"]) for line in problem["since"]["lines"]] == [
        ("removed", "deny tcp 80 from 192.0.2.0/24", 2),
        ("added", "allow tcp 22 from 0.0.0.0/0", 2),
    ]
    assert [(line["change"], line["title"]) for line in problem["yours"]] == [
        ("removed", "allow tcp 22 from 0.0.0.0/0"),
        ("added", "allow tcp 8080 from 0.0.0.0/0"),
    ]
    assert Operation.unscoped.count() == 1

    problem = problem_of(put(api, path, {"rules": []}, If_Match='"of long ago"'), 412, *CONFLICT)
    assert problem["since"] == {"seen": None, "authors": [], "lines": None}


def test_the_tag_of_the_list_itself_tells_what_was_changed_since_too(api, acl, tier):
    """Whatever else of the list was another then: the rules that its reader saw are those of its version."""
    path = f"/acls/{acl.pk}/rules/"
    etag = api.get(f"/acls/{acl.pk}/").headers["ETag"]
    TierAcl.unscoped.create(id=tier.pk, tier=tier, tenant=tier.tenant, acl=acl, status=Status.READY)
    problem = problem_of(put(api, path, {"rules": []}, If_Match=etag), 412, *CONFLICT)
    assert problem["since"] == {"seen": 1, "authors": [], "lines": []}

    operation = services.change_rules(acl, parse_rules([WEB[0], allow("22")]), by=Actor.system("bea"))
    take_rules(acl, operation.wanted)
    over()
    problem = problem_of(put(api, path, {"rules": []}, If_Match=etag), 412, *CONFLICT)
    assert (problem["since"]["seen"], problem["since"]["authors"]) == (1, ["bea"])
    assert [line["change"] for line in problem["since"]["lines"]] == ["removed", "added"]


def test_the_tag_of_the_list_itself_will_do(api, acl):
    etag = api.get(f"/acls/{acl.pk}/").headers["ETag"]
    assert put(api, f"/acls/{acl.pk}/rules/", {"rules": []}, If_Match=etag).status_code == 202


def test_a_sheet_is_taken_too_and_each_fault_has_its_line(api, acl):
    path = f"/acls/{acl.pk}/rules/"
    faulty = "action,direction,protocol,ports,cidrs\nallow,ingress,tcp,99999,10.0.0.0/8\n"
    problem = problem_of(put(api, path, faulty, Content_Type="text/csv"), 422)
    assert problem["errors"][0]["field"] == "lines.2.ports"
    sheet = "action,direction,protocol,ports,cidrs\nallow,ingress,tcp,81,10.0.0.0/8\n"
    assert put(api, path, sheet, Content_Type="text/csv").status_code == 202
    assert Operation.unscoped.get().wanted["rules"][0]["ports"] == "81"


def test_a_sheet_in_another_encoding_says_so(api, acl):
    sheet = "action,direction,protocol,cidrs,note\nallow,ingress,tcp,10.0.0.0/8,B\u00fcro\n".encode("latin-1")
    problem = problem_of(put(api, f"/acls/{acl.pk}/rules/", sheet, Content_Type="text/csv"), 400)
    assert "UTF-8" in problem["detail"]
    assert not Operation.unscoped.exists()


@pytest.mark.parametrize("word", ["no", "off", 0, 1, "true"])
def test_a_yes_or_no_is_no_other_word(api, vpc, word):
    body = {"vpc": str(vpc.pk), "name": "web", "denies_rest": word}
    assert problem_of(api.post("/acls/", body), 422)["field"] == "denies_rest"
    assert not Acl.unscoped.exists()


@pytest.mark.parametrize("status", [Status.CHANGING, Status.STUCK])
def test_while_rules_are_being_changed_or_stuck_nothing_says_that_the_old_ones_are_there(api, acl, tier, status):
    now = clock.now()
    row = TierAcl.unscoped.create(
        id=tier.pk, tier=tier, tenant=tier.tenant, acl=acl, status=Status.READY, is_applied=True, read_at=now
    )
    assert api.get(f"/acls/{acl.pk}/").json()["applied"] is True
    Acl.unscoped.update(status=status)
    read = api.get(f"/acls/{acl.pk}/").json()
    assert (read["applied"], read["tiers"][0]["applied"]) == (None, None)
    assert api.get(f"/tiers/{tier.pk}/").json()["acl"]["applied"] is None

    Acl.unscoped.update(status=Status.READY)
    TierAcl.unscoped.filter(pk=row.pk).update(status=status)
    assert api.get(f"/tiers/{tier.pk}/").json()["acl"]["applied"] is None


def test_a_tier_is_given_a_list_and_loses_it(api, acl, tier):
    path = f"/tiers/{tier.pk}/"
    assert api.get(path).json()["acl"] is None
    assert api.patch(path, {"acl": str(acl.pk)}).status_code == 202
    TierAcl.unscoped.update(status=Status.READY, is_applied=True, read_at=clock.now())
    over()
    read = api.get(path).json()
    assert (read["acl"]["id"], read["acl"]["applied"]) == (str(acl.pk), True)
    assert api.get(f"/acls/{acl.pk}/").json()["applied"] is True
    assert api.patch(path, {"acl": None}).status_code == 202
    assert api.patch(path, {"name": "front"}).status_code == 200


def test_a_tier_is_made_with_its_list(api, vpc, acl):
    body = {"vpc": str(vpc.pk), "name": "new", "cidr": "10.20.3.0/24", "acl": str(acl.pk)}
    assert api.post("/tiers/", body).status_code == 202
    assert TierAcl.unscoped.get().acl == acl
    titles = [step["title"] for step in Operation.unscoped.get().steps]
    assert titles[0] == "Make the tier's list in CloudStack: new" and len(titles) == 4


def test_a_packet_is_asked_about_in_both_orders(api, acl):
    packet = {"direction": "ingress", "protocol": "tcp", "port": 80, "address": "192.0.2.7"}
    answer = api.post(f"/acls/{acl.pk}/evaluate/", packet).json()
    assert (answer["written"]["verdict"], answer["written"]["rule"]) == ("allow", 1)
    assert (answer["effective"]["verdict"], answer["effective"]["rule"]) == ("deny", 2)
    assert answer["differs"] is True


def test_the_rules_that_touch_an_instance_are_told_with_their_lists(api, vpc, acl, tier):
    other = builders.a_tier(vpc, "db", "10.20.1.0/24")
    of_db = builders.an_acl(vpc, "db", [allow("5432", "10.20.0.11/32"), allow("5432", "10.20.0.12/32")])
    for each, chosen in ((tier, acl), (other, of_db)):
        TierAcl.unscoped.create(id=each.pk, tier=each, tenant=each.tenant, acl=chosen, status=Status.READY)

    read = api.get(f"/tiers/{tier.pk}/rules/?address=10.20.0.11").json()
    assert [(rule["number"], rule["title"], rule["acl"]["id"], rule["tier"]["id"]) for rule in read["rules"]] == [
        (1, "allow tcp 80,443 from 0.0.0.0/0", str(acl.pk), str(tier.pk)),
        (2, "deny tcp 80 from 192.0.2.0/24", str(acl.pk), str(tier.pk)),
        (1, "allow tcp 5432 from 10.20.0.11/32", str(of_db.pk), str(other.pk)),
    ]
    assert read["rules"][2]["rule"]["ports"] == "5432"
    for address, code in (("", "address-malformed"), ("x", "address-malformed"), ("10.20.1.5", "address-outside")):
        asked = f"?address={address}" if address else ""
        assert problem_of(api.get(f"/tiers/{tier.pk}/rules/{asked}"), 422)["code"] == code


def test_a_list_in_use_stays(api, acl, tier):
    TierAcl.unscoped.create(id=tier.pk, tier=tier, tenant=tier.tenant, acl=acl, status=Status.READY)
    assert "in use on web" in problem_of(api.delete(f"/acls/{acl.pk}/"), 409)["detail"]
    assert api.get(f"/acls/{acl.pk}/").json()["can"]["delete"]


def test_another_tenants_list_is_as_unknown_as_none(globex, acl, tier):
    other = Api(builders.a_token(globex))
    for method, path in (("get", ""), ("put", "rules/"), ("delete", "")):
        answer = other.call(method.upper(), f"/acls/{acl.pk}/{path}", {"rules": []} if method == "put" else None)
        assert answer.status_code == 404
    assert other.get("/acls/").json()["results"] == []
    assert problem_of(other.get(f"/acls/?vpc={acl.vpc_id}"), 422)["errors"][0]["code"] == "vpc-unknown"


def test_a_list_of_lists_costs_the_same_however_many(api, vpc, django_assert_max_num_queries):
    for number in range(30):
        tier = builders.a_tier(vpc, f"t{number}", f"10.20.{number // 16}.{number % 16 * 16}/28")
        acl = builders.an_acl(vpc, f"list {number}", WEB)
        TierAcl.unscoped.create(id=tier.pk, tier=tier, tenant=tier.tenant, acl=acl, status=Status.READY)
    with django_assert_max_num_queries(8):
        assert len(api.get("/acls/").json()["results"]) == 30
