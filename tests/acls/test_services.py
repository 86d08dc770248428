"""What may be asked of access lists, and what is refused, without a remote."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.acls import services, tasks
from apps.acls.models import Acl, TierAcl
from apps.acls.recipes import settle_acl
from apps.acls.rules import parse_rules
from apps.acls.specs import AclSpec
from apps.acls.tasks import expire_due
from apps.kernel import clock
from apps.kernel.errors import Busy, Refused
from apps.mirror.queries import UNREAD
from apps.networks.models import Tier, Vpc
from apps.networks.services import delete_tier
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.services import cancel
from apps.operations.state import Goal, Phase
from apps.quotas.queries import quotas_of
from apps.quotas.resources import ACL_RULE
from apps.quotas.services import set_limits
from apps.tenancy.models import AuditEntry
from portal.retention import forget
from tests import builders
from tests.acls.scene import allow, ports
from tests.builders import BY


@pytest.fixture
def vpc(acme: Any) -> Vpc:
    return builders.a_vpc(acme, builders.a_zone())


@pytest.fixture
def tier(vpc: Vpc) -> Tier:
    return builders.a_tier(vpc)


def an_acl(vpc: Vpc, name: str = "web", rules: Any = None, **fields: Any) -> Acl:
    return builders.an_acl(vpc, name, rules if rules is not None else [allow("80")], **fields)


def has(tier: Tier, acl: Acl) -> TierAcl:
    return TierAcl.unscoped.create(id=tier.pk, tier=tier, tenant=tier.tenant, acl=acl, status=Status.READY)


def refusal(act: Any, *args: Any, **options: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*args, **options)
    return caught.value


def test_a_list_is_reserved_and_its_operation_stands_in_the_vpcs_lane(acme, vpc):
    spec = AclSpec.parse({"vpc": str(vpc.pk), "name": "web", "rules": [allow("80,443")]})
    operation = services.create_acl(acme, spec, by=BY)

    acl = Acl.unscoped.get()
    assert (operation.lane, operation.goal, acl.status) == (vpc.lane, Goal.PRESENT, Status.BUILDING)
    assert [rule.title for rule in acl.written] == ["allow tcp 80,443 from 0.0.0.0/0"]
    assert AuditEntry.unscoped.get(action="acl.create").new["rules"] == ["allow tcp 80,443 from 0.0.0.0/0"]


def test_another_tenants_vpc_is_as_unknown_as_none(globex, vpc):
    for reference in (str(vpc.pk), "nonsense"):
        spec = AclSpec.parse({"vpc": reference, "name": "web"})
        assert refusal(services.create_acl, globex, spec, by=BY).code == "vpc-unknown"


def test_two_lists_of_a_vpc_have_two_names(acme, vpc):
    an_acl(vpc, "Web")
    spec = AclSpec.parse({"vpc": str(vpc.pk), "name": "web"})
    assert refusal(services.create_acl, acme, spec, by=BY).code == "name-taken"


def test_what_is_wrong_with_rules_is_all_told_with_its_field():
    rules = [allow("99999", "10.0.0.1/8"), {"action": "maybe"}]
    found = refusal(AclSpec.parse, {"vpc": "", "name": "", "rules": rules})
    fields = {each.field for each in found.all}
    assert {"name", "rules.0.ports", "rules.0.cidrs.0", "rules.1.action", "rules.1.cidrs"} <= fields


def test_who_has_seen_an_older_version_changes_nothing(vpc):
    acl = an_acl(vpc, version=4)
    found = refusal(services.change_rules, acl, parse_rules([allow("81")]), seen=3, by=BY)
    assert isinstance(found, services.ChangedMeanwhile) and "version 3, this is 4" in found.message
    assert not Operation.unscoped.exists()


def test_a_list_keeps_its_rules_until_the_change_has_succeeded(vpc, tier):
    acl = an_acl(vpc)
    has(tier, acl)
    operation = services.change_rules(acl, parse_rules([allow("81")]), by=BY)
    acl.refresh_from_db()
    assert acl.rules[0]["ports"] == "80" and acl.status == Status.CHANGING
    assert operation.wanted["rules"][0]["ports"] == "81" and operation.wanted["tiers"] == [str(tier.pk)]
    assert isinstance(refusal(services.change_rules, acl, parse_rules([allow("82")]), by=BY), Busy)


def test_rules_that_wait_to_be_written_count_already_until_their_change_is_over(acme, vpc):
    set_limits(acme, {ACL_RULE: 5})
    one, other = an_acl(vpc, "one"), an_acl(vpc, "other")
    waiting = services.change_rules(one, parse_rules([allow(str(port)) for port in ports(4)]), by=BY)

    two = parse_rules([allow(str(port)) for port in ports(2)])
    refused = refusal(services.change_rules, other, two, by=BY)
    assert (refused.code, refused.field) == ("quota-acl-rules", "rules")
    assert "5 of 5 access list rules are in use" in str(refused)
    spec = AclSpec.parse({"vpc": str(vpc.pk), "name": "third", "rules": [allow("80")]})
    assert refusal(services.create_acl, acme, spec, by=BY).code == "quota-acl-rules"

    cancel(waiting, by=BY)
    assert quotas_of(acme).of(ACL_RULE).used == 2
    services.change_rules(other, two, by=BY)
    assert quotas_of(acme).of(ACL_RULE).used == 3


def test_of_a_change_to_fewer_rules_the_old_ones_count_until_it_is_over(acme, vpc):
    acl = an_acl(vpc, rules=[allow(str(port)) for port in ports(4)])
    services.change_rules(acl, parse_rules([allow("80")]), by=BY)
    assert quotas_of(acme).of(ACL_RULE).used == 4


def test_the_rules_that_a_list_has_are_no_change(vpc):
    acl = an_acl(vpc)
    assert refusal(services.change_rules, acl, acl.written, by=BY).code == "nothing-changed"


def test_a_tier_takes_lists_of_its_own_vpc_alone(acme, globex, vpc, tier):
    other = builders.a_vpc(acme, vpc.zone, "other")
    theirs = builders.a_vpc(globex, vpc.zone)
    for acl in (an_acl(other), an_acl(theirs)):
        assert refusal(services.assign, tier, str(acl.pk), by=BY).code == "acl-unknown"
    assert refusal(services.assign, tier, "nonsense", by=BY).code == "acl-unknown"


def test_a_list_in_use_cannot_go_and_says_where_it_is(vpc, tier):
    acl = an_acl(vpc)
    has(tier, acl)
    assert "in use on web" in refusal(services.delete_acl, acl, by=BY).message


def test_a_tier_waits_for_its_list_and_a_list_for_its_tiers(vpc, tier):
    acl, other = an_acl(vpc), an_acl(vpc, "other")
    services.assign(tier, str(acl.pk), by=BY)

    assert isinstance(refusal(delete_tier, tier, by=BY), Busy)
    assert isinstance(refusal(services.assign, tier, str(other.pk), by=BY), Busy)
    assert isinstance(refusal(services.change_rules, acl, (), by=BY), Busy)
    assert isinstance(refusal(services.delete_acl, acl, by=BY), Busy)


def test_a_list_that_a_tier_is_about_to_get_is_not_changed_meanwhile(vpc, tier):
    acl, other = an_acl(vpc), an_acl(vpc, "other", [allow("22")])
    has(tier, acl)
    services.assign(tier, str(other.pk), by=BY)
    assert isinstance(refusal(services.change_rules, other, (), by=BY), Busy)


def test_rules_whose_time_is_over_leave_the_list_by_themselves(vpc, tier):
    soon = clock.now() + timedelta(minutes=1)
    rules = [allow("80"), allow("22", expires_at=soon.isoformat())]
    acl = an_acl(vpc, rules=rules, next_expiry_at=soon)
    an_acl(vpc, "for ever")
    has(tier, acl)
    assert expire_due() == []

    acl.next_expiry_at = clock.now() - timedelta(seconds=1)
    acl.save()
    assert expire_due() == []  # no rule is over yet: nothing changes
    acl.rules[1]["expires_at"] = (clock.now() - timedelta(seconds=1)).isoformat()
    acl.save()
    (operation,) = expire_due()

    assert [rule["ports"] for rule in operation.wanted["rules"]] == ["80"]
    assert operation.requested_by == "expiry"
    assert expire_due() == []  # it is under way


def test_lists_that_wait_for_somebody_do_not_keep_others_from_losing_their_rules(acme, vpc, tier, monkeypatch):
    monkeypatch.setattr(tasks, "MOST_AT_ONCE", 1)
    over = clock.now() - timedelta(minutes=2)
    rules = [allow("22", expires_at=over.isoformat())]
    has(tier, an_acl(vpc, "of a stuck tier", rules, next_expiry_at=over))
    TierAcl.unscoped.update(status=Status.STUCK)
    other = builders.a_vpc(acme, vpc.zone, name="stuck", cidr="10.40.0.0/20", status=Status.STUCK)
    an_acl(other, "of a stuck VPC", rules, next_expiry_at=over)
    due = an_acl(vpc, "due", rules, next_expiry_at=over + timedelta(minutes=1))

    assert [operation.resource_id for operation in expire_due()] == [due.pk]


def test_after_a_change_that_was_given_up_nobody_knows_what_a_tier_has(vpc, tier):
    acl = an_acl(vpc)
    has(tier, acl)
    TierAcl.unscoped.update(is_applied=True, read_at=clock.now())
    settle_acl(acl, Goal.CHANGED, Phase.GIVEN_UP)
    assert TierAcl.unscoped.get().seen == UNREAD


def test_a_rename_is_at_once_and_sends_nothing(vpc):
    acl = an_acl(vpc)
    assert services.rename_acl(acl, name="Web servers", by=BY)
    assert Acl.unscoped.get().name == "Web servers"
    assert not Operation.unscoped.exists()


def test_what_is_long_gone_is_forgotten_with_its_vpc_and_not_while_its_tier_lives(vpc, tier):
    long_ago = {"status": Status.DELETED, "deleted_at": clock.now() - timedelta(days=4000)}
    has(tier, an_acl(vpc))
    TierAcl.unscoped.update(**long_ago)
    Acl.unscoped.update(**long_ago)
    forget()
    assert TierAcl.unscoped.exists() and Acl.unscoped.exists()

    Tier.unscoped.update(**long_ago)
    Vpc.unscoped.update(**long_ago)
    forget()
    assert not any(rows.exists() for rows in (TierAcl.unscoped, Acl.unscoped, Tier.unscoped, Vpc.unscoped))
