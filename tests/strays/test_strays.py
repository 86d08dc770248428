"""What the emulated systems have under our names and no row claims: found, and taken away or taken on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.models import Account
from apps.kernel.errors import Busy, Refused
from apps.mirror.models import Kind, Reading
from apps.mirror.services import refresh
from apps.networks.models import Tier, Vpc
from apps.networks.services import create_vpc, delete_vpc
from apps.operations import engine
from apps.operations.provisioned import Status
from apps.strays.finder import look
from apps.strays.models import Stray
from apps.strays.services import adopt, remove
from apps.tenancy.models import AuditEntry
from tests import builders
from tests.builders import BY, a_vpc_spec

pytestmark = pytest.mark.usefixtures("accounts")

PLATFORM = builders.the_platform()


@pytest.fixture
def vpc(acme, zone, run) -> Vpc:
    assert run(create_vpc(acme, a_vpc_spec(zone), by=BY)).phase == "succeeded"
    return Vpc.unscoped.select_related("zone", "tenant").get()


@pytest.fixture
def search(zone, clouds_of, clock) -> Any:
    """The sweeps, and a look through what they have read: the strays that are there."""

    def all_of_it() -> list[Stray]:
        clock.shift(timedelta(seconds=1))
        for kind in (*Kind, Kind.NETRIS_VPC, Kind.CLOUDSTACK_ADDRESS):
            refresh(zone, kind, clouds_of(zone))
        look(zone)
        return list(Stray.objects.there().order_by("kind"))

    return all_of_it


def forget_rows() -> None:
    """As after the backup of a database was put back, in which the VPC is gone."""
    Tier.unscoped.update(status=Status.DELETED)
    Vpc.unscoped.update(status=Status.DELETED)


def second_vpc(vpc: Vpc, clouds_of: Any, clock: Any) -> str:
    """A createVPC that took effect a second time."""
    account = Account.unscoped.get(tenant=vpc.tenant)
    cloudstack = clouds_of(vpc.zone).cloudstack
    started = cloudstack.create_vpc(
        name=vpc.remote_name,
        displaytext="late",
        zone_id=str(vpc.zone.cloudstack_zone_id),
        offering_id=str(vpc.zone.vpc_offering_id),
        cidr=vpc.cidr,
        account=account.remote_name,
        domain_id=str(account.cloudstack_domain_id),
    )
    clock.shift(timedelta(seconds=5))
    assert cloudstack.check_job(started.job)
    return started.id


def test_what_rows_have_is_no_stray(vpc, search):
    assert search() == []


def test_a_vpc_whose_row_is_gone_is_found_once_with_all_that_is_in_it_and_goes(
    vpc, zone, search, run, world, clouds_of
):
    forget_rows()

    [stray] = search()

    assert (stray.kind, stray.remote_id, stray.is_double) == (Kind.CLOUDSTACK_VPC, str(vpc.cloudstack_id), False)
    assert (stray.name, stray.row_id, stray.facts["cidr"]) == (vpc.remote_name, vpc.pk, "10.20.0.0/20")
    assert stray.why_not_adopt
    operation = run(remove(stray, confirmed=stray.name, by=PLATFORM))
    assert operation.phase == "succeeded", operation.steps
    assert world.are_empty()
    assert search() == []
    assert AuditEntry.unscoped.get(action="stray.remove").new["remote_id"] == stray.remote_id


def test_a_double_is_told_from_the_one_that_the_row_has_and_goes_alone(vpc, search, run, clouds_of, zone, clock):
    late = second_vpc(vpc, clouds_of, clock)

    [stray] = search()

    assert (stray.remote_id, stray.is_double) == (late, True)
    with pytest.raises(Refused):
        adopt(stray, confirmed=stray.name, by=PLATFORM)
    assert run(remove(stray, confirmed=stray.name, by=PLATFORM)).phase == "succeeded"
    assert search() == []
    assert clouds_of(zone).cloudstack.get_vpc(str(vpc.cloudstack_id))
    assert clouds_of(zone).netris.get_vpc(vpc.netris_id)


def test_what_is_being_made_or_removed_is_no_stray(acme, zone, vpc, search, run, clouds_of):
    operation = create_vpc(acme, a_vpc_spec(zone, name="new"), by=BY)
    engine.turn(clouds_of)
    assert search() == []
    run(operation)
    removal = delete_vpc(vpc, by=BY)
    engine.turn(clouds_of)
    assert search() == []
    run(removal)
    assert search() == []


def test_a_reading_from_before_the_end_of_the_work_makes_no_stray(vpc, zone, run, search, clouds_of):
    search()
    run(delete_vpc(vpc, by=BY))
    look(zone)
    assert not Stray.objects.exists()


def test_a_stale_list_neither_finds_nor_closes(vpc, zone, search, clock):
    forget_rows()
    [stray] = search()
    clock.shift(timedelta(hours=1))
    Vpc.unscoped.update(status=Status.READY)
    look(zone)
    stray.refresh_from_db()
    assert stray.gone_at is None


def test_what_a_row_claims_again_is_a_stray_no_more_and_keeps_when_it_was_created_at(vpc, search, clock):
    forget_rows()
    [stray] = search()
    clock.shift(timedelta(minutes=10))
    [again] = search()
    assert (again.pk, again.created_at) == (stray.pk, stray.created_at)
    assert again.last_seen > stray.last_seen
    Vpc.unscoped.update(status=Status.READY)
    Tier.unscoped.update(status=Status.READY)
    assert search() == []


def test_what_only_netris_has_goes_there(vpc, search, run, world):
    forget_rows()
    cloud = world.cloudstack.cloud
    for table in ("network", "router", "vpc"):
        for row in list(cloud.table(table)):
            cloud.table(table).drop(row["id"])

    [stray] = search()

    assert (stray.kind, stray.remote_id, stray.remote_name) == (Kind.NETRIS_VPC, str(vpc.netris_id), vpc.remote_name)
    assert run(remove(stray, confirmed=stray.name, by=PLATFORM)).phase == "succeeded"
    assert [left for left in world.what_is_left() if left.startswith(("netris vpc", "netris vnet", "netris nat"))] == []


def test_a_tier_and_a_v_net_without_a_row_go_each_for_itself(vpc, search, run, zone, clouds_of, world):
    web, db = vpc.tiers.order_by("cidr")
    Tier.unscoped.filter(pk=web.pk).update(status=Status.DELETED)
    [stray] = search()
    assert (stray.kind, stray.remote_id) == (Kind.CLOUDSTACK_NETWORK, str(web.cloudstack_id))
    assert run(remove(stray, confirmed=stray.name, by=PLATFORM)).phase == "succeeded"
    assert search() == []

    Tier.unscoped.filter(pk=db.pk).update(status=Status.DELETED)
    table = world.cloudstack.cloud.table("network")
    table.drop(next(row["id"] for row in table if row["name"] == db.remote_name))
    [stray] = search()
    assert (stray.kind, stray.remote_id) == (Kind.NETRIS_VNET, str(db.netris_id))
    assert run(remove(stray, confirmed=stray.name, by=PLATFORM)).phase == "succeeded"
    assert clouds_of(zone).netris.vnets(vpc.netris_id) == []
    assert search() == []


def test_one_with_instances_in_it_is_not_touched(vpc, search, run, zone, clouds_of):
    forget_rows()
    [stray] = search()
    cloudstack = clouds_of(zone).cloudstack
    network = cloudstack.networks_of(stray.remote_id)[0]
    offering, template = (
        cloudstack._read(command, listall=True, templatefilter="all")[key][0]["id"]
        for command, key in (("listServiceOfferings", "serviceoffering"), ("listTemplates", "template"))
    )
    where = {"zoneid": network.zoneid, "account": network.account, "domainid": network.domainid}
    what = {"serviceofferingid": offering, "templateid": template, "networkids": network.id}
    cloudstack._write("deployVirtualMachine", **what, **where)

    operation = run(remove(stray, confirmed=stray.name, by=PLATFORM))

    assert operation.phase == "stuck"
    assert "Instances" in operation.error
    assert len(cloudstack.networks_of(stray.remote_id)) == 2


def test_one_that_a_row_has_claimed_meanwhile_is_not_touched(vpc, search, run, zone, clouds_of):
    forget_rows()
    [stray] = search()
    operation = remove(stray, confirmed=stray.name, by=PLATFORM)
    Vpc.unscoped.update(status=Status.READY)

    assert run(operation).phase == "stuck"
    assert len(clouds_of(zone).cloudstack.networks_of(stray.remote_id)) == 2


def test_a_row_that_has_lost_its_own_takes_it_on(vpc, search, run):
    lost = {"cloudstack_id": vpc.cloudstack_id, "netris_id": vpc.netris_id}
    Vpc.unscoped.update(cloudstack_id=uuid4(), netris_id=4711)

    for kind in (Kind.CLOUDSTACK_VPC, Kind.NETRIS_VPC):
        [stray] = search()
        assert (stray.kind, stray.is_double, stray.why_not_adopt) == (kind, False, "")
        assert run(adopt(stray, confirmed=stray.name, by=PLATFORM)).phase == "succeeded"
    vpc.refresh_from_db()
    assert {"cloudstack_id": vpc.cloudstack_id, "netris_id": vpc.netris_id} == lost
    assert search() == []


def test_what_does_not_fit_its_row_is_not_taken_on_and_stays(vpc, search, run, zone, clouds_of, world):
    Vpc.unscoped.update(cloudstack_id=uuid4())
    [stray] = search()
    operation = adopt(stray, confirmed=stray.name, by=PLATFORM)
    table = world.cloudstack.cloud.table("vpc")
    table.change(next(iter(table)), cidr="10.99.0.0/20")

    assert run(operation).phase == "stuck"
    assert clouds_of(zone).cloudstack.get_vpc(stray.remote_id)


def test_its_name_is_typed_and_nothing_happens_while_its_row_is_worked_on(vpc, search, clouds_of, clock):
    second_vpc(vpc, clouds_of, clock)
    [stray] = search()
    with pytest.raises(Refused, match="This is not its name"):
        remove(stray, confirmed="vpc", by=PLATFORM)
    delete_vpc(vpc, by=BY)
    with pytest.raises(Busy):
        remove(stray, confirmed=stray.name, by=PLATFORM)


def test_a_domain_whose_account_is_gone_goes_with_its_accounts(globex, search, run, world):
    Account.unscoped.filter(tenant=globex).update(status=Status.DELETED)

    [stray] = search()

    assert (stray.kind, stray.why_not_adopt) == (Kind.CLOUDSTACK_DOMAIN, "Only VPCs and tiers can be adopted.")
    assert run(remove(stray, confirmed=stray.name, by=PLATFORM)).phase == "succeeded"
    assert search() == []


def test_a_domain_with_a_vpc_in_it_stays(acme, vpc, search, run):
    Account.unscoped.filter(tenant=acme).update(status=Status.DELETED)
    [stray] = search()
    operation = run(remove(stray, confirmed=stray.name, by=PLATFORM))
    assert operation.phase == "stuck"
    assert vpc.remote_name in operation.error


def test_an_address_whose_vpc_is_gone_is_told_and_left_to_netris(vpc, search, run, world):
    run(delete_vpc(vpc, by=BY))
    assert search() == []
    shelf = world.netris.net.shelves["subnet"]
    pool = next(row for row in shelf if row["prefix"] == "198.51.100.0/25")
    shelf.put(
        {**pool, "id": 9999, "name": "D4-A6-Z1-V99-198.51.100.77/32", "prefix": "198.51.100.77/32", "purpose": "nat"}
    )

    [stray] = search()

    assert (stray.kind, stray.name) == (Kind.NETRIS_ADDRESS, "D4-A6-Z1-V99-198.51.100.77/32")
    with pytest.raises(Refused, match="Remove it in Netris"):
        remove(stray, confirmed=stray.name, by=PLATFORM)


def test_looking_costs_as_many_queries_for_many_as_for_one(vpc, zone, search, django_assert_max_num_queries):
    search()
    with django_assert_max_num_queries(30):
        look(zone)
    assert Reading.objects.filter(zone=zone).count() == len(Kind)
