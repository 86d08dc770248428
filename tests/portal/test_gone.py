"""What is gone is forgotten after a year, when nothing speaks of it any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from apps.accounts.models import Account
from apps.addresses.models import Holding, PublicIp
from apps.kernel import clock
from apps.mirror.models import Kind
from apps.networks.models import Tier, Vpc
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Provisioned, Status
from apps.operations.state import Phase
from apps.quotas.models import Usage
from apps.strays.finder import look
from apps.strays.models import Stray
from apps.tenancy.models import AuditEntry, Tenant
from apps.vnis.models import Claim, numbers
from apps.zones.models import Plugin, Zone
from portal import retention
from tests import builders

pytestmark = pytest.mark.django_db

OLD, YOUNG = 366, 364


@pytest.fixture
def zone() -> Zone:
    return builders.a_zone()


def ago(days: float) -> Any:
    return clock.now() - timedelta(days=days)


def a_gone_vpc(tenant: Tenant, zone: Zone, *, days: float = OLD, **fields: Any) -> Vpc:
    return builders.a_vpc(tenant, zone, status=Status.DELETED, deleted_at=ago(days), **fields)


def a_gone_tier(vpc: Vpc, *, days: float = OLD, **fields: Any) -> Tier:
    return builders.a_tier(vpc, status=Status.DELETED, deleted_at=ago(days), **fields)


def a_gone_account(tenant: Tenant, zone: Zone) -> Account:
    return builders.an_account(tenant, zone, Status.DELETED, deleted_at=ago(OLD))


def an_operation(about: Provisioned | Stray | Zone, zone: Zone, **fields: Any) -> Operation:
    operation = the_operation(about, zone, **fields)
    operation.save()
    return operation


def the_operation(
    about: Provisioned | Stray | Zone, zone: Zone, *, days: float = OLD, phase: Phase = Phase.SUCCEEDED, **fields: Any
) -> Operation:
    is_over = phase not in (Phase.STUCK, Phase.QUEUED)
    kind = str(about._meta.model_name)
    defaults: dict[str, Any] = {
        "tenant": getattr(about, "tenant", None), "kind": {"zone": "reconnect", "stray": "removal"}.get(kind, kind),
        "goal": "absent", "lock_key": f"{kind}:{about.pk}", "lane": f"{kind}:{about.pk}", "created_at": ago(days),
        "finished_at": ago(days) if is_over else None,
    }  # fmt: skip
    return Operation(
        zone=zone, resource_type=kind, resource_id=about.pk, resource_name="prod", requested_by="alice", phase=phase,
        size=1, **(defaults | fields),
    )  # fmt: skip


def there(*rows: Any) -> list[bool]:
    return [type(row)._default_manager.filter(pk=row.pk).exists() for row in rows]


def test_a_vpc_goes_a_year_after_its_end_with_its_tiers_its_operations_and_their_events(acme: Tenant, zone: Zone):
    vpc = a_gone_vpc(acme, zone)
    tier = a_gone_tier(vpc)
    operations = [an_operation(vpc, zone), an_operation(tier, zone, lock_key=vpc.lane)]
    event = Event.unscoped.create(operation=operations[0], text="Done.")

    retention.forget()

    assert not any(there(vpc, tier, event, *operations))


def test_what_ended_less_than_a_year_ago_stays_with_all_that_was_done_to_it(acme: Tenant, zone: Zone):
    vpc = a_gone_vpc(acme, zone, days=YOUNG)
    kept = [vpc, a_gone_tier(vpc, days=YOUNG), an_operation(vpc, zone, days=999)]

    retention.forget()

    assert all(there(*kept))


def test_what_lives_stays_however_old_with_all_that_was_done_to_it(acme: Tenant, zone: Zone):
    vpc, account = builders.a_vpc(acme, zone), builders.an_account(acme, zone)
    tier = builders.a_tier(vpc)
    came_back = builders.a_vpc(acme, zone, name="back", deleted_at=ago(OLD))
    kept = [vpc, account, tier, came_back, *(an_operation(row, zone, days=999) for row in (vpc, account, tier))]

    retention.forget()

    assert all(there(*kept))


def test_a_tier_goes_while_its_vpc_lives(acme: Tenant, zone: Zone):
    vpc = builders.a_vpc(acme, zone)
    gone, live = a_gone_tier(vpc), builders.a_tier(vpc)

    retention.forget()

    assert there(vpc, gone, live) == [True, False, True]


def test_a_vpc_stays_as_long_as_one_of_its_tiers(acme: Tenant, zone: Zone):
    vpc = a_gone_vpc(acme, zone)
    old, young = a_gone_tier(vpc), a_gone_tier(vpc, days=YOUNG, name="db")

    retention.forget()

    assert there(vpc, old, young) == [True, False, True]


def test_public_ips_and_what_led_from_them_go_before_the_vpc_that_they_were_in(acme: Tenant, zone: Zone):
    gone = {"status": Status.DELETED, "deleted_at": ago(OLD)}
    vpc = builders.a_vpc(acme, zone, egress_ip="198.51.100.9")
    tier, row, other = builders.a_tier(vpc), builders.a_public_ip(vpc), builders.a_public_ip(vpc, "198.51.100.21")
    rows = [builders.a_port_forward(row, tier, **gone), builders.a_static_nat(other, tier, **gone)]
    for each in (row, other, tier, vpc):
        type(each)._default_manager.filter(pk=each.pk).update(**gone)
    operations = [an_operation(each, zone) for each in (row, *rows)]

    retention.forget()

    assert not any(there(*operations, *rows, row, other, tier, vpc))
    assert not PublicIp.unscoped.exists()
    assert Holding.unscoped.count() == 3


def test_a_public_ip_stays_as_long_as_what_led_from_it(acme: Tenant, zone: Zone):
    vpc = builders.a_vpc(acme, zone)
    tier, row = builders.a_tier(vpc), builders.a_public_ip(vpc)
    forward = builders.a_port_forward(row, tier, status=Status.DELETED, deleted_at=ago(YOUNG))
    for each in (row, tier, vpc):
        type(each)._default_manager.filter(pk=each.pk).update(status=Status.DELETED, deleted_at=ago(OLD))

    retention.forget()

    assert there(forward, row, tier, vpc) == [True] * 4


def test_who_had_an_address_is_forgotten_with_the_audit_log(acme: Tenant, zone: Zone, settings: Any):
    vpc = builders.a_vpc(acme, zone)
    holders = [builders.a_public_ip(vpc, f"198.51.100.{number}") for number in (20, 21, 22)]
    for row, days in zip(holders, (settings.AUDIT_DAYS + 1, settings.AUDIT_DAYS - 1), strict=False):
        PublicIp.unscoped.filter(pk=row.pk).update(status=Status.DELETED, deleted_at=ago(days))

    retention.forget()

    assert {str(each.address) for each in Holding.unscoped.all()} == {"198.51.100.21", "198.51.100.22"}


def test_who_had_a_vni_is_forgotten_with_the_audit_log(zone: Zone, settings: Any):
    common = {"zone": zone, "system": "netris", "kind": "vnet", "is_first": True, "seen_at": ago(OLD)}
    for number, days in enumerate((settings.AUDIT_DAYS + 1, settings.AUDIT_DAYS - 1, None)):
        times = {"began_at": ago(settings.AUDIT_DAYS + 2), "ended_at": days and ago(days)}
        Claim.unscoped.create(vnis=numbers(number, number), holder=number, **common, **times)

    retention.forget()

    assert sorted(Claim.unscoped.values_list("holder", flat=True)) == ["1", "2"]


@pytest.mark.parametrize("phase", [Phase.STUCK, Phase.QUEUED, Phase.REMOVING])
def test_what_is_worked_on_stays(acme: Tenant, zone: Zone, phase: Phase):
    vpc, account = a_gone_vpc(acme, zone), a_gone_account(acme, zone)
    listed(zone)
    tier = a_gone_tier(vpc)
    kept = [
        vpc, tier, account, an_operation(tier, zone, phase=phase, finished_at=ago(OLD)),
        an_operation(account, zone, phase=phase, finished_at=ago(OLD)),
    ]  # fmt: skip

    retention.forget()

    assert all(there(*kept))


def test_a_row_stays_as_long_as_the_last_operation_that_tells_of_it(acme: Tenant, zone: Zone):
    vpc = a_gone_vpc(acme, zone)
    old, young = an_operation(vpc, zone), an_operation(vpc, zone, days=YOUNG)

    retention.forget()

    assert there(vpc, old, young) == [True, False, True]


@pytest.mark.parametrize(("gone_at", "is_kept"), [(None, True), (YOUNG, True), (OLD, False)])
def test_what_left_a_stray_stays_until_that_is_gone_for_a_year(
    acme: Tenant, zone: Zone, gone_at: int | None, is_kept: bool
):
    vpc = a_gone_vpc(acme, zone)
    tier, account = a_gone_tier(vpc), a_gone_account(acme, zone)
    listed(zone)
    rows = (vpc, tier, account)
    moment = None if gone_at is None else ago(gone_at)
    strays = [builders.a_stray(zone, row_id=row.pk, gone_at=moment) for row in rows]
    operations = [
        *(an_operation(row, zone, phase=Phase.GIVEN_UP) for row in rows),
        *(an_operation(stray, zone) for stray in strays),
    ]

    retention.forget()

    assert there(*rows, *operations) == [is_kept] * 9


def test_a_stray_goes_a_year_after_its_end_and_not_before_what_tells_of_it(zone: Zone):
    told_of, old, young, there_still = (builders.a_stray(zone, gone_at=at) for at in (ago(OLD), ago(OLD), ago(1), None))
    an_operation(told_of, zone, days=YOUNG)

    retention.forget()

    assert there(told_of, old, young, there_still) == [True, False, True, True]


def test_a_row_stays_as_long_as_the_removal_of_a_stray_that_tells_of_it(acme: Tenant, zone: Zone):
    vpc = a_gone_vpc(acme, zone)
    stray = builders.a_stray(zone, row_id=vpc.pk, gone_at=ago(OLD))
    operation = an_operation(stray, zone, days=YOUNG, lock_key=vpc.lane)

    retention.forget()

    assert there(vpc, operation) == [True, True]


def test_a_reconnection_goes_when_a_later_one_has_taken_its_place(zone: Zone):
    first, last = an_operation(zone, zone, days=999), an_operation(zone, zone, days=998)
    elsewhere = builders.a_zone("Zone-2")
    only = an_operation(elsewhere, elsewhere, days=999)

    retention.forget()

    assert there(first, last, only) == [False, True, True]


def test_an_operation_that_is_shown_as_evidence_against_a_plugin_stays(acme: Tenant, zone: Zone):
    operation = an_operation(a_gone_vpc(acme, zone), zone)
    Plugin.objects.create(zone=zone, suspected_at=ago(OLD), evidence=[{"operation": str(operation.pk)}])

    retention.forget()

    assert there(operation) == [True]


def listed(zone: Zone, *, name: str = "", age: timedelta = timedelta(0)) -> None:
    """The sweeps have read the zone's owners, and seen a domain of this name among them."""
    for kind in (Kind.CLOUDSTACK_DOMAIN, Kind.CLOUDSTACK_ACCOUNT):
        found = [f"{kind}-1"] if name and kind == Kind.CLOUDSTACK_DOMAIN else []
        builders.mirrored(zone, kind, found, read_at=clock.now() - age, data={"name": name, "path": f"ROOT/{name}"})


def test_an_account_goes_when_cloudstack_lists_nothing_of_its_name(acme: Tenant, zone: Zone):
    account = a_gone_account(acme, zone)
    listed(zone, name="somebody-else")

    retention.forget()

    assert there(account) == [False]


def test_an_account_stays_while_its_domain_is_listed_so_that_the_finder_knows_it(acme: Tenant, zone: Zone):
    account = a_gone_account(acme, zone)
    listed(zone, name=account.remote_name)

    retention.forget()

    assert there(account) == [True]
    look(zone)
    assert Stray.objects.there().get().row_id == account.pk


@pytest.mark.parametrize("age", [timedelta(hours=1), None])
def test_an_account_stays_while_nobody_knows_what_cloudstack_lists(acme: Tenant, zone: Zone, age: timedelta | None):
    account = a_gone_account(acme, zone)
    if age is not None:
        listed(zone, age=age)

    retention.forget()

    assert there(account) == [True]


def test_a_vpc_that_comes_back_after_its_row_is_forgotten_is_found_all_the_same(acme: Tenant, zone: Zone):
    vpc = a_gone_vpc(acme, zone)
    retention.forget()

    builders.mirrored(zone, Kind.CLOUDSTACK_VPC, ["late"], data={"name": vpc.remote_name, "cidr": "10.20.0.0/20"})
    look(zone)

    stray = Stray.objects.there().get()
    assert (stray.name, stray.row_id, stray.why) == (vpc.remote_name, None, "Its row is gone.")


def an_entry(tenant: Tenant, days: float) -> AuditEntry:
    return AuditEntry.unscoped.create(
        tenant=tenant, actor="alice", action="vpc.delete", object_type="vpc", object_id="1", at=ago(days)
    )


def test_what_was_done_is_told_for_three_years_by_the_audit_log(acme: Tenant, zone: Zone):
    vpc = a_gone_vpc(acme, zone)
    old, young = an_entry(acme, 1096), an_entry(acme, 1094)
    own = AuditEntry.unscoped.create(
        tenant=acme, actor="alice", action="vpc.delete", object_type="vpc", object_id=str(vpc.pk), at=ago(OLD)
    )

    retention.forget()

    assert there(vpc, old, young, own) == [False, False, True, True]


def test_the_audit_log_is_kept_for_good_where_that_is_wanted(acme: Tenant, settings: Any):
    settings.AUDIT_DAYS = 0
    entry = an_entry(acme, 9999)

    retention.forget()

    assert there(entry) == [True]


def test_all_of_it_goes_in_batches_and_changes_nothing_of_what_the_tenant_uses(
    acme: Tenant, zone: Zone, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "BATCH", 2)
    live = builders.a_tier(builders.a_vpc(acme, zone, name="live"))
    for number in range(5):
        vpc = a_gone_vpc(acme, zone, name=f"old{number}")
        an_operation(a_gone_tier(vpc), zone)

    retention.forget()

    assert list(Vpc.unscoped.all()) == [live.vpc]
    assert list(Tier.unscoped.all()) == [live]
    assert not Operation.unscoped.exists()
    assert {each.resource: each.used for each in Usage.unscoped.filter(tenant=acme)} == {"vpc": 1, "tier": 1}


@pytest.mark.django_db(transaction=True)
def test_what_somebody_holds_is_left_for_the_next_hour_and_not_waited_for():
    acme, zone = builders.a_tenant("Acme"), builders.a_zone()
    held, free = a_gone_vpc(acme, zone), a_gone_vpc(acme, zone, name="free")
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM networks_vpc WHERE id = %s FOR NO KEY UPDATE", [held.pk])
        with connections["default"].cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")

        retention.forget()

        assert there(held, free) == [True, False]
        other.rollback()
        retention.forget()
        assert there(held) == [False]
    finally:
        other.close()
        with connections["default"].cursor() as cursor:
            cursor.execute("RESET lock_timeout")


class Effort:
    """How many rows PostgreSQL touches and compares to find what goes: `with connection.execute_wrapper(effort)`."""

    def __init__(self) -> None:
        self.rows = 0.0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            with context["connection"].connection.cursor() as own:
                own.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
                (((plan,),),) = own.fetchall()
            self.rows += self._of(plan["Plan"])
        return execute(sql, params, many, context)

    def _of(self, node: dict[str, Any]) -> float:
        kinds = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
        own = node["Actual Loops"] * sum(node.get(kind, 0) for kind in kinds)
        return float(own + sum(map(self._of, node.get("Plans", ()))))


def test_finding_what_goes_takes_no_longer_for_each_row_the_more_there_is(acme, zone, monkeypatch):
    """What may go is not looked for in each batch anew, nor are all strays for each row."""
    many, strays = 2000, 200
    monkeypatch.setattr(retention, "BATCH", 100)
    gone: dict[str, Any] = {"tenant": acme, "cidr": "10.20.0.0/20", "status": Status.DELETED, "deleted_at": ago(OLD)}
    vpcs = Vpc.unscoped.bulk_create(Vpc(zone=zone, name=f"v{number}", **gone) for number in range(many))
    Tier.unscoped.bulk_create(Tier(vpc=vpc, vpc_cidr=vpc.cidr, name="web", **gone) for vpc in vpcs)
    Operation.unscoped.bulk_create(the_operation(vpc, zone) for vpc in vpcs)
    kept = {"zone": zone, "kind": Kind.NETRIS_VPC, "gone_at": ago(YOUNG)}
    Stray.objects.bulk_create(Stray(remote_id=str(n), row_id=uuid4(), **kept) for n in range(strays))
    effort, connection = Effort(), connections["default"]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    with connection.execute_wrapper(effort):
        retention.forget()

    left = [model._default_manager.count() for model in (Vpc, Tier, Operation, Stray)]
    assert left == [0, 0, 0, strays]
    assert effort.rows < 300 * many
