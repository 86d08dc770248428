"""Changes of what exists: the row has its old values until the remotes have accepted the new ones."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from time_machine import Traveller

from apps.accounts.models import Account
from apps.kernel.errors import Refused
from apps.kernel.remote import Rejected, Unavailable
from apps.operations import engine, services
from apps.operations.models import Event, Operation
from apps.operations.parts import Memo, Wait
from apps.operations.provisioned import Status
from apps.operations.sentences import notices, sentence
from apps.operations.state import Goal, Phase
from apps.tenancy.actors import platform_of
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders
from tests.operations.test_engine import Start, cancelling, clouds_of, fresh, nobody, start, toys, zone

__all__ = ["clouds_of", "start", "toys", "zone"]  # fixtures

OLD, NEW = UUID(int=1), UUID(int=2)


@pytest.fixture
def account(acme: Tenant, zone: Zone) -> Account:
    return builders.an_account(acme, zone, cloudstack_account_id=OLD)


@pytest.fixture
def change(clock: Traveller, start: Start, account: Account) -> Operation:
    return start(Goal.CHANGED, account=account, lock_key="toy", wanted={"cloudstack_account_id": str(NEW)})


def row() -> tuple[UUID | None, str]:
    account = Account.unscoped.get()
    return account.cloudstack_account_id, account.status


def test_the_row_takes_what_is_wanted_when_the_remotes_have_accepted_it(toys, change, run):
    toys[2].script += [Wait("working")]
    assert row() == (OLD, Status.CHANGING)
    engine.turn(nobody)
    assert (row(), toys.remote) == ((OLD, Status.CHANGING), ["one", "two"])
    assert fresh(change).wanted == {"cloudstack_account_id": str(NEW)}

    operation = run(change)

    assert (operation.phase, operation.title, row()) == (Phase.SUCCEEDED, "Change toys", (NEW, Status.READY))
    assert [line["title"] for line in operation.steps] == ["Make one", "Make two", "Make three"]


def test_one_that_is_refused_is_put_back_and_the_row_never_had_it(toys, change, run):
    toys[2].script += [Rejected("no room")]
    operation = run(change)
    assert (operation.phase, operation.error) == (Phase.ROLLED_BACK, "no room")
    assert (row(), toys.remote) == ((OLD, Status.READY), [])
    assert sentence(operation) == "Refused; everything is as it was before"


@pytest.mark.parametrize("index", [0, 1, 2])
def test_one_that_is_cancelled_is_put_back_wherever_it_is_also_at_its_end(toys, change, run, index):
    toys[index].script += [cancelling(change)]
    assert run(change).phase == Phase.CANCELLED
    assert (row(), toys.remote) == ((OLD, Status.READY), [])


def test_one_that_nobody_has_begun_is_cancelled_at_once(change):
    services.cancel(change, by=builders.BY)
    assert (fresh(change).phase, row()) == (Phase.CANCELLED, (OLD, Status.READY))


@pytest.fixture
def stuck(toys, change, run):
    """Refused at its third part, and putting back the second is refused as well."""
    toys[2].script += [Rejected("no room")]
    toys[1].script += [None, Rejected("in use")]
    toys[1].script[0] = lambda memo: None
    operation = run(change)
    assert (operation.phase, row(), toys.remote) == (Phase.STUCK, (OLD, Status.STUCK), ["one", "two"])
    return operation


def test_one_whose_way_back_is_stuck_names_what_is_not_as_it_was(stuck):
    (notice, *_) = notices(stuck)
    because = "It is undone because it was refused: no room."
    assert notice.text == f"in use. {because} Not put back yet: “Make one”, “Make two”."
    assert (stuck.why_not("retry"), stuck.why_not("apply")) == (None, None)


def test_a_retry_goes_on_putting_back(stuck, toys, run):
    services.retry(stuck, by=builders.BY)
    operation = run(stuck)
    assert (operation.phase, row(), toys.remote) == (Phase.ROLLED_BACK, (OLD, Status.READY), [])
    assert operation.error == "no room"


def test_the_change_can_be_tried_anew_instead(stuck, toys, run):
    services.apply(stuck, by=builders.BY)
    assert [line["state"] for line in fresh(stuck).steps] == ["running", "waiting", "waiting"]
    assert row() == (OLD, Status.CHANGING)
    operation = run(stuck)
    assert (operation.phase, operation.error, row()) == (Phase.SUCCEEDED, "", (NEW, Status.READY))
    assert toys.remote == ["one", "two", "three"]
    assert Event.unscoped.filter(operation=operation, text__contains="tried anew").exists()


def test_nothing_else_can_be_tried_anew(toys, start, run):
    toys[1].script.append(Rejected("in use"))
    operation = run(start(Goal.ABSENT))
    with pytest.raises(Refused, match="Only a change"):
        services.apply(operation, by=builders.BY)


def test_the_way_back_and_the_way_anew_know_of_orders_whose_answer_was_lost(toys, change, run):
    """A write of the way back may take effect while the change is made anew, and the other way round."""
    seen: list[dict[str, Any]] = []

    def lose(memo: Memo) -> None:
        raise Unavailable("lost", maybe_sent=True)

    def look(memo: Memo) -> None:
        seen.append(dict(memo.there))

    toys[0].script += [look, lambda memo: memo.before_sending("checking"), lose, Rejected("in use"), look]
    toys[1].script += [Rejected("no room")]
    operation = run(change)
    assert operation.phase == Phase.STUCK
    services.apply(operation, by=builders.BY)
    assert run(operation).phase == Phase.SUCCEEDED
    assert seen[0] == {} and "intent" in seen[1]


def test_one_that_is_given_up_leaves_the_row_as_it_was(stuck, admin):
    operation = services.give_up(stuck, confirmed=[], by=platform_of(admin))
    assert (operation.phase, row()) == (Phase.GIVEN_UP, (OLD, Status.READY))


def test_a_worker_that_is_killed_between_the_last_part_and_the_end_changes_nothing_twice(toys, change, run, clock):
    late = engine.claim()
    clock.shift(91)
    assert run(change).phase == Phase.SUCCEEDED
    Account.unscoped.update(cloudstack_account_id=uuid4())
    before = row()
    engine.advance(late, nobody)
    assert row() == before
