"""A tenant's account in CloudStack: made once, whatever happens on the way."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction

from apps.accounts.models import Account
from apps.accounts.services import create_tenant, open_account
from apps.kernel.errors import Refused
from apps.operations.provisioned import Status
from apps.operations.services import retry, start
from apps.operations.state import Goal, Phase
from apps.tenancy.models import Tenant
from tests.builders import BY, the_platform
from tests.questions import Watch, at_every_call, every_part_twice
from tests.sandbox.cloudstack.client import root_of


@pytest.fixture
def watch(world) -> Watch:
    return Watch(world)


@pytest.fixture
def clouds_of(watch):
    return watch.clouds_of


def owners(world) -> list[str]:
    return sorted(left for left in world.what_is_left() if left.startswith(("cloudstack account", "cloudstack domain")))


def test_a_new_tenant_gets_a_domain_and_an_account_in_every_zone(zone, run, world):
    tenant, operations = create_tenant(name="Acme Hosting", by=the_platform())
    assert [run(operation).phase for operation in operations] == [Phase.SUCCEEDED]
    account = Account.objects.of(tenant).get()
    assert account.status == Status.READY
    name = account.remote_name
    assert owners(world) == [f"cloudstack account {name}", f"cloudstack domain {name}"]
    assert tenant.slug == "acme-hosting"


@pytest.fixture
def scene(run, watch, clock):
    return SimpleNamespace(run=run, watch=watch, clock=clock)


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late", "refused"])
def test_a_disturbance_at_any_call_leaves_one_account_or_none(acme, zone, world, scene, how):
    def one_or_none() -> None:
        assert len(owners(world)) == 2 * Account.unscoped.exclude(status=Status.DELETED).count()

    def ready() -> Any:
        return partial(open_account, acme, zone, by=the_platform())

    for operation, _ in at_every_call(scene, ready, how, one_or_none):
        assert operation.phase == Phase.SUCCEEDED or (how == "refused" and operation.phase == Phase.ROLLED_BACK)
    assert len(scene.watch.calls) > 4


def test_each_part_run_twice_makes_one_account(acme, zone, run, world):
    with every_part_twice("account"):
        assert run(open_account(acme, zone, by=the_platform())).phase == Phase.SUCCEEDED
    assert len(owners(world)) == 2


def close(account):
    by = the_platform().actor
    given = {"tenant": account.tenant, "zone": account.zone, "lock_key": f"account:{account.pk}", "by": by}
    with transaction.atomic():
        return start("account", account, Goal.ABSENT, **given)


@pytest.mark.parametrize("how", ["killed before", "killed after", "reply lost", "late", "refused"])
def test_a_disturbance_at_any_call_of_a_closing_is_got_over(acme, zone, world, scene, how):
    world.cloudstack.jobs.seconds = 60

    def ready() -> Any:
        assert scene.run(open_account(acme, zone, by=the_platform())).phase == Phase.SUCCEEDED
        return lambda: close(Account.objects.of(acme).get())

    def none() -> None:
        assert owners(world) == []

    for operation, call in at_every_call(scene, ready, how, none):
        if operation.phase == Phase.STUCK:
            assert how == "refused"
            operation = scene.run(retry(operation, by=BY))
        assert operation.phase == Phase.SUCCEEDED, (call, operation.steps)
        orders = [call for _, call in scene.watch.calls if call.startswith("delete")]
        assert len(orders) == 2 or how != "reply lost", "a removal whose answer is lost is under way all the same"
    none()
    assert len(scene.watch.calls) > 4


def test_an_account_that_cloudstack_calls_removed_is_not_while_its_vpc_is_there_w21(acme, zone, run, world, clock):
    assert run(open_account(acme, zone, by=the_platform())).phase == Phase.SUCCEEDED
    account = Account.objects.of(acme).get()
    owner = {"account": account.remote_name, "domainid": str(account.cloudstack_domain_id)}
    root, offering = root_of(world), str(zone.vpc_offering_id)
    root("createVPC", name="made-by-hand", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=offering, **owner)
    clock.shift(timedelta(seconds=10))
    assert [each["state"] for each in root.list("listVPCs", **owner)] == ["Enabled"]
    world.netris.faults.order("refuse", "DELETE /api/v2/vpc/{id}")

    operation = run(close(account))

    assert operation.phase == Phase.STUCK
    assert operation.error.startswith("CloudStack has removed the account, but not its VPC made-by-hand.")
    assert Account.objects.of(acme).get().cloudstack_account_id is not None
    world.netris.faults.clear()
    clock.shift(timedelta(days=2))
    operation = run(retry(operation, by=BY))
    assert (operation.phase, operation.error) == (Phase.SUCCEEDED, operation.error)
    assert owners(world) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"name": "Acme", "slug": "Not a slug"}, "slug"),
        ({"name": "!!!"}, "slug"),
        ({"name": "New"}, "slug"),
        ({"name": "ACME"}, "name"),
        ({"name": "Other", "slug": "acme"}, "slug"),
    ],
)
def test_a_bad_tenant_is_refused_by_its_field(acme, values, field):
    with pytest.raises(Refused) as refusal:
        create_tenant(**values, by=the_platform())
    assert refusal.value.field == field
    assert Tenant.objects.count() == 1
