"""Lists, filters and references keep tenants apart. Every single route is in tests/test_access.py."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from apps.accounts.models import Account
from apps.acls.models import Acl, TierAcl
from apps.addresses.models import PortForward, PublicIp, StaticNat
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant
from tests import builders
from tests.api.conftest import Api, problem_of
from tests.api.test_networks import a_body

SEARCHED = ["/vpcs/", "/tiers/", "/public-ips/", "/static-nats/", "/port-forwards/", "/acls/", "/instances/"]
SEARCHED += ["/static-routes/", "/load-balancers/"]
OF_TENANTS = [*SEARCHED, "/operations/"]
MANY = [*OF_TENANTS, "/tenants/", "/quotas/"]


class Estate(NamedTuple):
    """One of everything that a tenant has in a VPC."""

    vpc: UUID
    tier: UUID
    instance: UUID
    public_ip: UUID
    static_nat: UUID
    static_route: UUID
    load_balancer: UUID
    forward: UUID
    acl: UUID


def an_estate(vpc: Vpc, name: str, number: int) -> Estate:
    """All that leads anywhere leads from one address each; `number` is the first one's."""
    account = Account.unscoped.get(tenant=vpc.tenant)
    Vpc.unscoped.filter(pk=vpc.pk).update(cloudstack_id=uuid4(), netris_id=number)
    tier = vpc.tiers.get()
    Tier.unscoped.filter(pk=tier.pk).update(cloudstack_id=uuid4())
    tier = Tier.unscoped.select_related("vpc__zone", "tenant").get(pk=tier.pk)
    acl = builders.an_acl(vpc, name)
    TierAcl.unscoped.create(id=tier.pk, tier=tier, tenant=vpc.tenant, acl=acl, status=Status.READY)
    free, static, forwarded = (builders.a_public_ip(vpc, f"198.51.100.{number + each}", name=name) for each in range(3))
    balanced = builders.a_public_ip(vpc, f"198.51.100.{number + 3}", name=name)
    balancer = builders.a_balancer(balanced, tier, name=name, members=0)
    to = {"instance_id": builders.an_instance(account, name, tier=tier, address=str(tier.cidr[11]))}
    nat, forward = builders.a_static_nat(static, tier, **to), builders.a_port_forward(forwarded, tier, **to)
    route = builders.a_static_route(tier, f"192.168.{number}.0/24")
    return Estate(vpc.pk, tier.pk, to["instance_id"], free.pk, nat.pk, route.pk, balancer.pk, forward.pk, acl.pk)


@pytest.fixture
def mine(vpc: Vpc) -> Estate:
    return an_estate(vpc, "own", 20)


@pytest.fixture
def theirs(secret: Vpc) -> Estate:
    return an_estate(secret, "hidden", 120)


@pytest.fixture
def ids(theirs: Estate, other: Api, globex: Tenant, site: Any) -> dict[str, Any]:
    """Things of globex's."""
    operation = other.delete(f"/public-ips/{theirs.public_ip}/").json()["id"]
    return {**theirs._asdict(), "operation": operation, "tenant": globex.pk, "zone": site.pk}


@pytest.mark.parametrize("path", MANY)
def test_lists_hold_only_the_callers_own(path: str, ids: dict[str, Any], api: Api, mine: Estate) -> None:
    api.delete(f"/public-ips/{mine.public_ip}/")

    answer = api.get(path)

    assert len(answer.json()["results"]) == {"/public-ips/": 5}.get(path, 1)
    hidden = (*(str(each) for name, each in ids.items() if name != "zone"), "Globex", "hidden", "198.51.100.12")
    assert not [one for one in hidden if one in answer.content.decode()]


def test_no_search_finds_what_is_anothers(theirs: Estate, api: Api, mine: Estate) -> None:
    for path in SEARCHED:
        for words in ("hidden", "198.51.100.12", "10.99."):
            assert api.get(f"{path}?q={words}").json()["results"] == [], path


FILTERS = [("vpc", each) for each in ("tiers", "public-ips", "static-nats", "port-forwards", "acls", "instances")]
FILTERS += [("vpc", "static-routes"), ("vpc", "load-balancers"), ("public_ip", "load-balancers")]
FILTERS += [("tier", "instances")]
FILTERS += [(name, each) for name in ("public_ip", "instance") for each in ("static-nats", "port-forwards")]


@pytest.mark.parametrize("path", OF_TENANTS)
def test_no_list_is_narrowed_to_another_tenant(path: str, theirs: Estate, api: Api, mine: Estate) -> None:
    problem = problem_of(api.get(f"{path}?tenant=globex"), 422)
    assert problem == problem_of(api.get(f"{path}?tenant=nobody"), 422)
    assert problem["code"] == "tenant-unknown"
    assert api.get(f"{path}?tenant=acme").status_code == 200


def test_no_filter_leads_to_what_is_anothers(theirs: Estate, api: Api, mine: Estate) -> None:
    for name, kind in FILTERS:
        problem = problem_of(api.get(f"/{kind}/?{name}={getattr(theirs, name)}"), 422)
        assert problem == problem_of(api.get(f"/{kind}/?{name}={uuid4()}"), 422)
        assert problem["code"] == f"{name.replace('_', '-')}-unknown"
        assert api.get(f"/{kind}/?{name}={getattr(mine, name)}").status_code == 200


def test_operations_are_not_told_of_what_is_anothers(ids: dict[str, Any], api: Api) -> None:
    for what in (*Estate._fields, "operation"):
        problem = problem_of(api.get(f"/operations/?resource={ids[what]}"), 422)
        assert problem == problem_of(api.get(f"/operations/?resource={uuid4()}"), 422), what
        assert problem["code"] == "resource-unknown"


PORTS = {"protocol": "tcp", "public_ports": "443"}
#: What is asked for, and in which field another's thing is named.
ASKED: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/public-ips/", {}, "vpc"),
    ("POST", "/static-routes/", {"destination": "192.168.50.0/24", "next_hop": "10.20.0.9"}, "vpc"),
    ("POST", "/acls/", {"name": "new", "rules": []}, "vpc"),
    ("POST", "/static-nats/", {"instance": "mine"}, "public_ip"),
    ("POST", "/static-nats/", {"public_ip": "mine"}, "instance"),
    ("POST", "/port-forwards/", {"instance": "mine", **PORTS}, "public_ip"),
    ("POST", "/port-forwards/", {"public_ip": "mine", **PORTS}, "instance"),
    ("POST", "/tiers/", {"vpc": "mine", "name": "new", "cidr": "10.20.9.0/24"}, "acl"),
    ("PATCH", "/tiers/{tier}/", {}, "acl"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), ASKED)
def test_nothing_is_led_to_what_is_anothers(
    method: str, path: str, body: dict[str, Any], field: str, theirs: Estate, api: Api, mine: Estate, site: Any
) -> None:
    builders.a_pool(site)
    own = {name: str(getattr(mine, name)) if value == "mine" else value for name, value in body.items()}

    def refused(reference: UUID) -> dict[str, Any]:
        answer = api.call(method, path.format(**mine._asdict()), own | {field: str(reference)})
        return problem_of(answer, 422)

    problem = refused(getattr(theirs, field))
    assert problem == refused(uuid4())
    assert (problem["code"], problem["field"]) == (f"{field.replace('_', '-')}-unknown", field)
    assert not Operation.unscoped.exists()


def test_an_address_that_is_taken_does_not_say_by_whom(theirs: Estate, api: Api, mine: Estate, site: Any) -> None:
    builders.a_pool(site, taken=[101])
    held = str(PublicIp.unscoped.get(pk=theirs.public_ip).address)
    by_them, outside = (
        problem_of(api.post("/public-ips/", {"vpc": str(mine.vpc), "address": each}), 422)
        for each in (held, "198.51.100.101")
    )
    assert by_them == outside
    assert by_them["code"] == "address-taken"


def test_two_tenants_lists_forwards_and_addresses_may_be_called_the_same(
    theirs: Estate, api: Api, other: Api, mine: Estate, site: Any
) -> None:
    builders.a_pool(site)
    for who, estate in ((api, mine), (other, theirs)):
        assert who.post("/acls/", {"vpc": str(estate.vpc), "name": "web", "rules": []}).status_code == 202
        assert who.post("/public-ips/", {"vpc": str(estate.vpc), "name": "shop"}).status_code == 202
    for model in (Acl, PublicIp):
        assert model.unscoped.filter(name__in=("web", "shop")).values("tenant").distinct().count() == 2


def test_what_one_tenant_uses_up_is_not_missing_to_the_other(theirs: Estate, api: Api, mine: Estate) -> None:
    [before] = api.get("/quotas/").json()["results"]
    forward, nat = PortForward.unscoped.get(pk=theirs.forward), StaticNat.unscoped.get(pk=theirs.static_nat)
    builders.an_acl(nat.vpc, "another", [])
    builders.a_port_forward(forward.public_ip, forward.tier, 9000)
    [after] = api.get("/quotas/").json()["results"]
    assert before == after


def test_a_tier_cannot_be_put_into_anothers_vpc(api, secret):
    def refused(vpc):
        return problem_of(api.post("/tiers/", {"vpc": str(vpc), "name": "mine", "cidr": "10.99.5.0/24"}), 422)

    theirs, nobodys = refused(secret.pk), refused(uuid4())

    assert theirs == nobodys
    assert (theirs["code"], theirs["field"]) == ("vpc-unknown", "vpc")
    assert not Operation.unscoped.exists()


def test_two_tenants_use_the_same_names_and_ranges_without_noticing(api, other):
    assert api.post("/vpcs/", a_body()).status_code == other.post("/vpcs/", a_body()).status_code == 202


def test_the_platform_sees_everybodys(platform, vpc, secret, acme, mine, theirs):
    assert {row["name"] for row in platform.get("/vpcs/").json()["results"]} == {"prod", "secret"}
    assert {row["name"] for row in platform.get("/tiers/").json()["results"]} == {"web", "hidden"}
    assert [row["name"] for row in platform.get("/vpcs/?tenant=acme").json()["results"]] == ["prod"]
    assert [row["name"] for row in platform.get("/tiers/?tenant=globex").json()["results"]] == ["hidden"]
    assert platform.get(f"/vpcs/{secret.pk}/").json()["tenant"]["slug"] == "globex"
    assert {row["slug"] for row in platform.get("/tenants/").json()["results"]} == {"acme", "globex"}
    for path in OF_TENANTS[2:-1]:
        whose = {row["tenant"]["slug"] for row in platform.get(path).json()["results"]}
        assert whose == {"acme", "globex"}, path
        narrowed = platform.get(f"{path}?tenant=globex").json()["results"]
        assert {row["tenant"]["slug"] for row in narrowed} == {"globex"}, path


@pytest.mark.parametrize("slug", ["nobody", "Acme"])
def test_the_platform_hears_when_it_misspells_a_tenant(slug, platform):
    problem = problem_of(platform.get(f"/vpcs/?tenant={slug}"), 422)

    assert (problem["code"], problem["field"]) == ("tenant-unknown", "tenant")


def test_the_platform_hears_whose_token_is_needed(platform, secret):
    problem = problem_of(platform.patch(f"/vpcs/{secret.pk}/", {"name": "mine"}), 403)

    assert problem["code"] == "tenant-token-needed"
    assert "owner of the tenant" in problem["detail"]


def test_who_may_only_look_hears_why(reader, vpc):
    assert problem_of(reader.delete(f"/vpcs/{vpc.pk}/"), 403)["code"] == "read-only"


def test_who_has_no_token_hears_what_is_expected(anonymous):
    response = anonymous.get("/vpcs/")

    assert problem_of(response, 401)["code"] == "not-authenticated"
    assert response["WWW-Authenticate"] == 'Bearer realm="Weft"'
