"""No way around the tenant door: who may read without a tenant is listed here, and the list only shrinks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.apps import apps

from apps.acls.models import PastRules, TierAcl
from apps.addresses.models import Holding, PublicIp
from apps.tenancy.door import Door
from tests import builders

ROOT = Path(__file__).resolve().parent.parent
WORDS = {"unscoped", "_default_manager", "_base_manager"}

#: module -> why it may
ALLOWED = {
    "apps/tenancy/door.py": "it is the door",
    "apps/kernel/locks.py": "locks the row it was given",
    "apps/tenancy/api/authentication.py": "finds a token before anybody knows whose it is",
    "apps/tenancy/services/members.py": "finds an invitation by its link, and the caller's own token again",
    "apps/strays/finder.py": "looks through all tenants' rows for what a remote has",
    "apps/strays/recipes.py": "asks whether anybody's row has claimed it",
    "apps/operations/engine.py": "works for all tenants",
    "apps/operations/services.py": "locks the operation it was given",
    "apps/networks/queries.py": "looks up what the operations are done to that the caller may see",
    "apps/acls/tasks.py": "looks for rules whose time is over and compares lists, whoever's they are",
    "apps/directconnect/interfaces/queries.py": "reads the tiers of VPCs that interfaces lead into, whoever's they are",
    "apps/directconnect/interfaces/services.py": "gives no VLAN of a port to two tenants",
    "apps/strays/attached.py": "asks whether anybody's row has what stands in a VPC on Netris",
    "apps/directconnect/interfaces/tending.py": "does what comes due, whoever's it is",
    "apps/directconnect/queries.py": "counts who waits for a port before one, and tells nothing else of them",
    "apps/directconnect/services/keeping.py": "does what comes due, whoever's it is",
    "apps/directconnect/services/reservations.py": "gives no port to two tenants",
    "apps/directconnect/services/orders.py": "gives no number to two letters",
    "apps/balancers/tasks.py": "puts back what CloudStack took, whoever's it was",
    "apps/peering/tasks.py": "ends peerings at their time and compares them, whoever's they are",
    "apps/fabric/overlays.py": "lays over the map where a VNI or a tenant is, for the platform",
    "apps/fabric/ranges.py": "tells the platform whose VPC a range in Netris is",
    "apps/fabric/naming.py": "gives a name of a controller once, whoever asks",
    "apps/ipam/services.py": "finds the operations of the platform that are at work on blocks of a controller",
    "apps/ipam/estate.py": "counts blocks that the platform makes in a zone, whoever asks",
    "apps/fabric/changes.py": "finds the operations of the platform that were at work on a device",
    "apps/softgates/blast.py": "finds the SoftGates that are on their way into maintenance, the platform's alone",
    "apps/fabric/happenings.py": "finds out whom a silent hypervisor touches, whoever they are",
    "apps/operations/tasks.py": "sweeps for all tenants",
    "apps/addresses/tasks.py": "compares what leads to instances, whoever's it is",
    "apps/addresses/pool.py": "gives no address to two tenants",
    "apps/vnis/findings.py": "judges numbers, whoever has them",
    "portal/retention.py": "forgets for all tenants",
    "apps/demo/management/commands/seed_demo.py": "fills an empty demo",
}


def modules_that_say_so() -> set[str]:
    found = set()
    for path in [*ROOT.glob("apps/**/*.py"), *ROOT.glob("portal/**/*.py")]:
        if "migrations" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        # A model declares its managers by assignment in its class body; that is no use of them.
        uses = (node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
        if WORDS & set(uses):
            found.add(str(path.relative_to(ROOT)))
    return found


def test_only_the_listed_modules_read_without_a_tenant():
    assert modules_that_say_so() == set(ALLOWED)


def scoped_models():
    return [model for model in apps.get_models() if isinstance(getattr(model, "objects", None), Door)]


def test_every_row_that_belongs_to_a_tenant_is_behind_the_door():
    owned = {
        model.__name__
        for model in apps.get_models()
        if model._meta.app_label in ("operations", "accounts", "networks", "addresses", "acls", "balancers")
        or any(field.name == "tenant" for field in model._meta.fields)
    }
    # Turn holds no more than a time; Membership is read from the user's side.
    assert owned - {model.__name__ for model in scoped_models()} == {"Turn", "Membership"}


@pytest.mark.parametrize("model", scoped_models(), ids=lambda model: model.__name__)
def test_a_door_has_no_way_round_the_tenant(model):
    for name in ("all", "get", "filter", "create", "first", "count"):
        assert not hasattr(model.objects, name)
    for key in (None, "acme", 1):
        with pytest.raises(TypeError):
            model.objects.of(key)
        with pytest.raises(TypeError):
            model.objects.across(key)


def test_each_tenant_finds_its_own_behind_the_door(acme, globex):
    zone = builders.a_zone()
    for number, tenant in enumerate((acme, globex)):
        tier = builders.a_tier(builders.a_vpc(tenant, zone))
        for_nat, for_forward = (builders.a_public_ip(tier.vpc, f"198.51.100.{each}{number}") for each in (2, 3))
        builders.a_static_nat(for_nat, tier)
        builders.a_static_route(tier)
        builders.a_port_forward(for_forward, tier)
        builders.a_balancer(builders.a_public_ip(tier.vpc, f"198.51.100.4{number}"), tier)
        acl = builders.an_acl(tier.vpc)
        TierAcl.unscoped.create(id=tier.pk, tier=tier, tenant=tenant, acl=acl)
        PastRules.unscoped.create(acl=acl, version=1, rules=[], denies_rest=True)
    for model in (m for m in scoped_models() if m._meta.app_label in ("networks", "addresses", "acls", "balancers")):
        count = 3 if model in (PublicIp, Holding) else 1
        assert model.objects.of(acme).count() == model.objects.of(globex).count() == count
        assert not model.objects.of(acme).intersection(model.objects.of(globex)).exists()
        assert model.objects.across(builders.the_platform()).count() == 2 * count
