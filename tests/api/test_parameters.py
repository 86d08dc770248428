"""One rule for every parameter of every address of the API, as its description names them: nothing lists by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from apps.kernel.api.views import description
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.search.finders import SHORTEST
from apps.tenancy.models import Role
from tests import builders
from tests.api.conftest import ROOT, Api, problem_of


def lists() -> Iterator[tuple[str, dict[str, Any]]]:
    """The path of every list, with the parameters that it takes."""
    for path, methods in description()["paths"].items():
        if "{" not in path and "get" in methods:
            yield (
                path.removeprefix(ROOT),
                {one["name"]: one["schema"] for one in methods["get"]["parameters"] if one["in"] == "query"},
            )


PARAMETERS = [(path, name, schema) for path, parameters in lists() for name, schema in parameters.items()]
#: What only the platform reads.
PLATFORMS = {"/strays/", "/fabric/", "/people/", "/address-pools/", "/address-holders/", "/approvals/"}
#: Parameters that refer to something, or choose from something.
REFERENCES = {"vpc", "tier", "zone", "tenant", "resource", "kind", "status", "state", "phase"}
REFERENCES |= {"stage", "role", "pair", "plane", "device", "use", "type", "metric"}
REFERENCES |= {"severity", "touches", "began_after", "began_before"}
REFERENCES |= {"address", "public_ip", "purpose", "instance", "protocol", "vni", "at"}
#: Those that look for something, and may well find nothing.
REFERENCES |= {"overlay", "vni", "folded", "open", "owner"}
SEARCHES = {"q", "name", "subject", "part"}


@pytest.fixture
def everything(acme, site, vpc):
    fields = {"tenant": acme, "zone": site, "resource_type": "vpc", "resource_id": vpc.pk, "size": 1}
    return Operation.unscoped.create(kind="vpc", goal="present", lock_key=vpc.lane, **fields)


def test_there_are_parameters_to_try():
    assert {path for path, _, _ in PARAMETERS} == {
        "/vpcs/",
        "/tiers/",
        "/operations/",
        "/zones/",
        "/tenants/",
        "/quotas/",
        "/quota-requests/",
        "/strays/",
        "/fabric/devices/",
        "/fabric/devices/suggestion/",
        "/fabric/links/",
        "/fabric/sessions/",
        "/fabric/ports/",
        "/fabric/subnets/",
        "/fabric/sites/",
        "/fabric/topology/",
        "/fabric/softgates/",
        "/fabric/search/",
        "/fabric/events/",
        "/fabric/findings/",
        "/fabric/series/",
        "/fabric/imports/",
        "/members/",
        "/invitations/",
        "/tokens/",
        "/people/",
        "/instances/",
        "/peerings/",
        "/locations/",
        "/direct-connects/",
        "/public-ips/",
        "/static-nats/",
        "/static-routes/",
        "/load-balancers/",
        "/port-forwards/",
        "/acls/",
        "/address-pools/",
        "/address-holders/",
        "/attention/",
        "/network-health/",
        "/fabric/vni-ranges/",
        "/fabric/vnis/",
    }
    assert {name for _, name, _ in PARAMETERS} == REFERENCES | SEARCHES | {"cursor", "limit"}


@pytest.mark.parametrize(("path", "name", "schema"), PARAMETERS)
@pytest.mark.parametrize("who", ["api", "platform"])
def test_an_empty_parameter_lists_nothing(who, path, name, schema, request, everything):
    for empty in ("", "%20"):
        problem = problem_of(request.getfixturevalue(who).get(f"{path}?{name}={empty}"), 422)

        assert (problem["code"], problem["field"]) == ("parameter-empty", name)


@pytest.mark.parametrize(("path", "name", "schema"), PARAMETERS)
def test_a_parameter_given_twice_lists_nothing(path, name, schema, api, everything):
    answer = api.get(f"{path}?{name}=ready&{name}=building")

    problem = problem_of(answer, 422)
    if schema["type"] == "array":
        assert problem["field"] == name  # may be repeated, and neither word is one of its own
        assert api.get(f"{path}?{name}=queued&{name}=stuck").status_code == 200
    else:
        assert (problem["code"], problem["field"]) == ("parameter-repeated", name)


@pytest.mark.parametrize(("path", "name", "schema"), PARAMETERS)
@pytest.mark.parametrize("who", ["api", "platform"])
def test_a_value_that_refers_to_nothing_is_refused_and_a_search_finds_nothing(
    who, path, name, schema, request, everything
):
    caller = request.getfixturevalue("platform" if path.startswith(tuple(PLATFORMS)) else who)
    for value in ("nowhere", str(uuid4()), "' OR 1=1 --", "🦆"):
        answer = caller.get(f"{path}?{urlencode({name: value})}")

        if name in SEARCHES and path == "/fabric/search/" and len(value) < SHORTEST:
            assert problem_of(answer, 422)["code"] == "q-too-short"
        elif name in SEARCHES:
            assert answer.json()["results"] == []
        else:
            assert problem_of(answer, 422)["field"] == name


def test_an_unknown_parameter_is_refused_everywhere(api, platform, everything, vpc, acme):
    owner = Api(builders.a_token(acme, created_by=builders.a_member(acme, Role.OWNER)))
    ids = {"vpcs": vpc.pk, "tiers": vpc.tiers.get().pk, "operations": everything.pk, "zones": vpc.zone_id}
    tried = 0
    for path, methods in description()["paths"].items():
        noun = path.removeprefix(f"{ROOT}/").split("/")[0]
        address = path.removeprefix(ROOT).replace("{id}", str(ids.get(noun, vpc.tenant_id)))
        address = address.replace("{member}", str(vpc.tenant_id))
        address = address.replace("{interface}", str(vpc.tenant_id))
        address = address.replace("{port}", str(vpc.tenant_id))
        for method in methods:
            is_platforms = {"reconnect", "give-up"} & set(path.split("/")) or f"/{noun}/" in PLATFORMS
            is_platforms = is_platforms or (noun in ("tenants", "zones", "locations") and method != "get")
            caller = platform if is_platforms else owner if noun in ("members", "invitations") else api
            body: Any = {} if method in ("post", "patch") else None
            problem = problem_of(caller.call(method.upper(), f"{address}?stauts=ready", body), 422)
            assert (problem["code"], problem["field"]) == ("unknown-parameter", "stauts"), (method, path)
            tried += 1
    assert tried > 15
    assert Vpc.unscoped.get().status == Status.READY


def test_the_description_takes_no_other_parameter_either(anonymous):
    assert problem_of(anonymous.get("/schema/?formt=json"), 422)["field"] == "formt"
    assert problem_of(anonymous.get("/schema/?format="), 422)["field"] == "format"
    problem_of(anonymous.get("/schema/?format=docx"), 404)
    problem_of(anonymous.get("/schema/", Accept="image/png"), 406)


def test_everything_that_is_wrong_with_parameters_is_said_at_once(api):
    problem = problem_of(api.get("/vpcs/?stauts=ready&zone=&limit=1&limit=2"), 422)

    assert [error["field"] for error in problem["errors"]] == ["stauts", "zone", "limit"]


# --- looking something up ---------------------------------------------------------------------------------------------


def test_a_whole_name_finds_what_is_called_so_and_nothing_else(api, platform, acme, site, vpc):
    builders.a_vpc(acme, site, "Straße", "10.40.0.0/20")
    builders.a_vpc(acme, site, "production", "10.50.0.0/20")

    def names(path, name, caller=api):
        return [row["name"] for row in caller.get(f"{path}?{urlencode({'name': name})}").json()["results"]]

    assert names("/vpcs/", "PROD") == ["prod"]
    assert names("/vpcs/", "STRASSE") == ["Straße"]
    assert names("/vpcs/", "pro") == names("/vpcs/", "shop") == names("/vpcs/", "p%") == []
    assert names("/tiers/", "Web") == ["web"]
    assert names("/zones/", "zone-1") == ["Zone-1"]
    assert names("/zones/", "zone") == []
    assert names("/tenants/", "GLOBEX", platform) == ["Globex"]
    assert names("/tenants/", "globex") == []


def test_a_name_that_is_taken_is_found_by_that_name(api, vpc, site):
    """Whoever hears that a name is taken can look up by whom."""
    for name in ("prod", "PROD", " prod ", "\uff50rod"):
        body = {"name": name, "zone": site.name, "cidr": "10.60.0.0/20"}
        assert problem_of(api.post("/vpcs/", body), 422)["code"] == "name-taken"
        assert [row["id"] for row in api.get(f"/vpcs/?{urlencode({'name': name})}").json()["results"]] == [str(vpc.pk)]


def test_the_tiers_of_a_vpc_that_is_gone_are_none(api, vpc):
    vpc.tiers.update(status=Status.DELETED)
    Vpc.unscoped.update(status=Status.DELETED)

    assert api.get(f"/tiers/?vpc={vpc.pk}").json()["results"] == []


def test_an_id_is_the_same_in_capital_letters(api, vpc, everything):
    tier, upper = vpc.tiers.get(), str(vpc.pk).upper()

    assert api.get(f"/vpcs/{upper}/").json()["id"] == str(vpc.pk)
    assert api.get(f"/vpcs/{upper}/agreement/").status_code == 200
    assert api.patch(f"/tiers/{str(tier.pk).upper()}/", {"name": "front"}).json()["name"] == "front"
    assert api.get(f"/operations/{str(everything.pk).upper()}/").status_code == 200
    assert [row["id"] for row in api.get(f"/tiers/?vpc={upper}").json()["results"]] == [str(tier.pk)]
    assert len(api.get(f"/operations/?resource={upper}").json()["results"]) == 1
    assert len(api.get(f"/vpcs/?zone={str(vpc.zone_id).upper()}").json()["results"]) == 1


def test_no_route_takes_ids_in_small_letters_alone():
    from tests.test_access import routes

    assert [path for _, path in routes() if "<uuid:" in path] == []
