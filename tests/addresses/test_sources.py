"""From where a forward may be used: the access list of the tier says so, and takes what somebody asks for as a rule."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.acls import services as acls
from apps.acls.models import Acl, TierAcl
from apps.acls.specs import AclSpec
from apps.addresses.models import PortForward, PublicIp
from apps.addresses.ports import ForwardSpec
from apps.addresses.services.port_forwards import create_port_forward
from apps.networks.models import Tier
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from apps.quotas.resources import ACL_RULE
from apps.quotas.services import set_limits
from apps.tenancy.models import Role, Tenant
from tests import builders
from tests.addresses.place import Place
from tests.addresses.test_nat_api import Estate
from tests.api.conftest import Api, problem_of
from tests.builders import BY

OFFICE, HOME = "203.0.113.0/24", "198.51.100.7/32"
SSH = {"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": "22", "cidrs": ["0.0.0.0/0"]}


def a_list_on(tier: Tier, *rules: dict[str, Any], **fields: Any) -> Acl:
    acl = builders.an_acl(tier.vpc, "web", rules, **fields)
    TierAcl.unscoped.create(pk=tier.pk, tier=tier, tenant=tier.tenant, acl=acl, status=Status.READY)
    return acl


def allow(ports: str, *cidrs: str, **more: Any) -> dict[str, Any]:
    return SSH | {"ports": ports, "cidrs": list(cidrs)} | more


@pytest.fixture
def estate(acme: Any, site: Any) -> Estate:
    return Estate(acme, site)


# --- on the emulated systems ------------------------------------------------------------------------------------------


def with_a_list(place: Place) -> Acl:
    spec = AclSpec.parse({"vpc": str(place.vpc.pk), "name": "web", "rules": [SSH]})
    place.done(acls.create_acl(place.acme, spec, by=BY))
    acl = Acl.unscoped.get()
    place.done(acls.assign(place.tier, str(acl.pk), by=BY))
    return acl


def asked(place: Place, ip: PublicIp, *cidrs: str) -> tuple[Operation, Operation]:
    """The operation on the list, and that on the forward."""
    values = {"protocol": "tcp", "public_ports": "8443", "private_ports": "443", "allowed_cidrs": list(cidrs)}
    forward = create_port_forward(ip, place.instance(), ForwardSpec.parse(values), by=BY)
    return Operation.unscoped.exclude(pk=forward.pk).latest("created_at"), forward


def let_in_on_netris(place: Place) -> list[str]:
    """From where the tier's HTTPS is reached, by what permits it there."""
    rules = place.watch.clouds_of(place.zone).netris.acls(place.vpc.netris_id or 0)
    return [str(rule.source) for rule in rules if rule.action == "permit" and rule.port_from == 443]


def test_sources_are_a_rule_of_the_list_before_the_forward_leads_in(place: Place) -> None:
    acl, ip = with_a_list(place), place.public_ip()
    on_list, on_forward = asked(place, ip, OFFICE, HOME)
    assert (on_list.kind, on_list.lane, on_forward.lane) == ("acl", place.vpc.lane, place.vpc.lane)
    assert on_list.place < on_forward.place

    place.done(on_list)
    assert (sorted(let_in_on_netris(place)), place.leads()) == ([HOME, OFFICE], [])
    place.done(on_forward)
    assert place.leads() == [(ip.address, place.instance().addresses[0].address)]
    acl.refresh_from_db()
    assert [rule.title for rule in acl.written] == [
        f"allow tcp 443 from {OFFICE}, {HOME}",
        "allow tcp 22 from 0.0.0.0/0",
    ]
    assert acl.written[0].note == f"For {ip} tcp 8443"


def test_when_the_list_does_not_take_it_the_forward_lets_nobody_in(place: Place) -> None:
    with_a_list(place)
    ip = place.public_ip()
    on_list, on_forward = asked(place, ip, OFFICE)
    place.world.cloudstack.faults.order("refuse", "createNetworkACL", times=50)
    assert place.run(on_list).phase == Phase.ROLLED_BACK
    place.done(on_forward)

    assert let_in_on_netris(place) == []
    [row] = Api(builders.a_token(place.acme)).get("/port-forwards/").json()["results"]
    assert row["sources"] == {"acl": str(Acl.unscoped.get().pk), "cidrs": [], "exact": True}


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(api: Api, estate: Estate, cidrs: object) -> dict[str, Any]:
    before = (Operation.unscoped.count(), [acl.rules for acl in Acl.unscoped.all()])
    problem = problem_of(api.post("/port-forwards/", estate.forward(allowed_cidrs=cidrs)), 422)
    assert (Operation.unscoped.count(), [acl.rules for acl in Acl.unscoped.all()]) == before
    assert not PortForward.unscoped.exists()
    return problem


def test_without_a_list_nothing_can_limit_it(api: Api, estate: Estate) -> None:
    problem = refused(api, estate, [OFFICE])
    assert (problem["code"], problem["field"]) == ("no-list", "allowed_cidrs")
    assert "Give it one first" in problem["detail"]


def test_a_list_that_leaves_the_rest_to_the_site_limits_nothing(api: Api, estate: Estate) -> None:
    a_list_on(estate.tier, denies_rest=False)
    assert refused(api, estate, [OFFICE])["code"] == "list-denies-no-rest"


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        (allow("8000-8002", "0.0.0.0/0"), 2),
        (allow("8001", "203.0.112.0/23"), 2),
        (allow("", OFFICE, protocol="all"), 0),
    ],
)
def test_a_list_that_lets_in_more_is_named_with_its_rule(
    api: Api, estate: Estate, rule: dict[str, Any], number: int
) -> None:
    a_list_on(estate.tier, SSH, rule)
    if not number:
        assert api.post("/port-forwards/", estate.forward(allowed_cidrs=[OFFICE])).status_code == 202
        return
    problem = refused(api, estate, [OFFICE])
    assert problem["code"] == "list-lets-in-more"
    assert f"by rule {number}. Narrow that first" in problem["detail"]


def test_a_more_specific_rule_that_keeps_them_out_is_said(api: Api, estate: Estate) -> None:
    a_list_on(estate.tier, allow("8001", "203.0.113.64/26", action="deny"))
    assert refused(api, estate, [OFFICE])["code"] == "list-keeps-out"


def test_a_list_that_is_being_changed_takes_no_rule(api: Api, estate: Estate) -> None:
    acl = a_list_on(estate.tier, SSH)
    acls.change_rules(acl, [], by=BY)
    problem = refused(api, estate, [OFFICE])
    assert problem["field"] == "allowed_cidrs"
    assert problem["detail"].startswith("The list web cannot take a rule for them now:")


def test_one_rule_too_many_is_said_before_anything_is_sent(api: Api, estate: Estate, acme: Tenant) -> None:
    a_list_on(estate.tier, SSH)
    set_limits(acme, {ACL_RULE: 1})
    problem = refused(api, estate, [OFFICE])
    assert problem["field"] == "allowed_cidrs"


@pytest.mark.parametrize(
    ("cidrs", "field"),
    [
        ([], "allowed_cidrs"),
        ("0.0.0.0/0", "allowed_cidrs"),
        (["203.0.113.1/24"], "allowed_cidrs.0"),
        ([OFFICE, "2001:db8::/32"], "allowed_cidrs.1"),
        ([OFFICE, OFFICE], "allowed_cidrs.1"),
        ([OFFICE, 7], "allowed_cidrs.1"),
        ([OFFICE, None], "allowed_cidrs.1"),
        (["198.51.100.7"], "allowed_cidrs.0"),
        ([f"203.0.{number}.0/24" for number in range(51)], "allowed_cidrs"),
        ({"cidr": OFFICE}, "allowed_cidrs"),
    ],
)
def test_what_is_no_list_of_cidrs_is_refused_with_its_place(
    api: Api, estate: Estate, cidrs: object, field: str
) -> None:
    a_list_on(estate.tier, SSH)
    assert refused(api, estate, cidrs)["field"] == field


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_what_the_list_lets_in_already_needs_no_rule(api: Api, estate: Estate) -> None:
    acl = a_list_on(estate.tier, allow("8000-8002", OFFICE))
    assert api.post("/port-forwards/", estate.forward(allowed_cidrs=[OFFICE])).status_code == 202
    assert [each.kind for each in Operation.unscoped.all()] == ["port-forward"]
    [row] = api.get("/port-forwards/").json()["results"]
    assert row["sources"] == {"acl": str(acl.pk), "cidrs": [OFFICE], "exact": True}


def test_what_some_of_the_ports_let_in_is_not_said_of_all(api: Api, estate: Estate) -> None:
    acl = a_list_on(estate.tier, allow("8001", OFFICE), allow("8000-8002", HOME))
    builders.a_port_forward(estate.ip, estate.tier, 8000, 8002)
    [row] = api.get("/port-forwards/").json()["results"]
    assert row["sources"] == {"acl": str(acl.pk), "cidrs": [HOME], "exact": False}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (None, "as the site&#x27;s default has it"),
        ([], "nobody"),
        ([allow("8000", "0.0.0.0/0")], "everybody"),
        ([allow("8000", OFFICE, HOME)], f"{HOME}, {OFFICE}"),
        ([allow("8000", *(f"10.{number}.0.0/24" for number in range(5)))], "10.2.0.0/24 and 2 more"),
    ],
)
def test_pages_say_from_where_it_may_be_used_and_what_stays_when_it_goes(
    estate: Estate, acme: Tenant, rules: list[dict[str, Any]] | None, words: str
) -> None:
    if rules is not None:
        a_list_on(estate.tier, *rules)
    row = builders.a_port_forward(estate.ip, estate.tier, 8000)
    browser = Client()
    browser.force_login(builders.a_member(acme, Role.ENGINEER))

    html = browser.get("/t/acme/port-forwards/").content.decode()
    cell = html.split('data-label="Allowed sources"')[1].split("</td>")[0]
    assert words in cell and f'href="/t/acme/tiers/{estate.tier.pk}/acl/"' in cell
    preview = browser.get(f"/t/acme/port-forwards/{row.pk}/delete/").content.decode()
    assert ("of the list web" in preview) is bool(rules)


def test_the_form_takes_them_as_people_write_them(estate: Estate, acme: Tenant) -> None:
    acl = a_list_on(estate.tier, SSH)
    browser = Client()
    browser.force_login(builders.a_member(acme, Role.ENGINEER))
    said = estate.forward(public_ports="443", private_ports="", allowed_cidrs=f"{OFFICE},{HOME} 10.9.0.1/24")
    wrong = browser.post("/t/acme/port-forwards/new/", said)
    assert wrong.status_code == 422 and "10.9.0.0/24" in wrong.content.decode()

    answer = browser.post("/t/acme/port-forwards/new/", said | {"allowed_cidrs": f"{OFFICE}, {HOME}"})
    assert answer.status_code == 302, answer.content.decode()
    change = Operation.unscoped.get(resource_id=acl.pk)
    assert change.wanted["rules"][0]["cidrs"] == [OFFICE, HOME]
    assert change.wanted["rules"][0]["ports"] == "443"


def test_others_lists_are_not_told(estate: Estate, globex: Tenant, api: Api, acme: Tenant) -> None:
    a_list_on(estate.tier, allow("8000", OFFICE))
    builders.a_port_forward(estate.ip, estate.tier, 8000)
    assert Api(builders.a_token(globex)).get("/port-forwards/").json()["results"] == []
    [row] = Api(builders.a_token(None)).get("/port-forwards/").json()["results"]
    assert row["sources"]["cidrs"] == [OFFICE]


def test_a_list_page_costs_one_query_more_however_many_forwards(estate: Estate, acme: Tenant, api: Api) -> None:
    a_list_on(estate.tier, allow("8000-8040", OFFICE))
    counts = []
    for number in range(20):
        builders.a_port_forward(estate.ip, estate.tier, 8000 + number)
        if number in (1, 19):
            api.get("/port-forwards/")
            with CaptureQueriesContext(connection) as queries:
                api.get("/port-forwards/")
            counts.append(len(queries))
    assert counts[0] == counts[1], counts
