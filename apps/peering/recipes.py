"""A peering: one object on Netris, with a list for each of the two VPCs of what it takes from the other.

One walk makes it as it is wanted, from whatever is there; each turn sends one call, and looks at everything anew:

Netris                     then
-                          create
another one of the pair    refused: somebody has made it there
ours, with other lists     update, which takes all of it
ours, as it is wanted      done

It is known by its id, and before that by its name, which holds our id. A list is always sent: one that is empty is
filled by Netris with all that the other VPC has (netris-api.md 2.12). What a list says is read back, since which of its
keys a release knows is unverified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction

from apps.kernel import clock
from apps.kernel.channels import publish, tenant_channel
from apps.kernel.locks import hold_row, hold_rows
from apps.kernel.remote import Rejected
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.netris.routing import Side
from apps.netris.wire import Peering as Remote
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, Recipe, Wait, take_values
from apps.operations.provisioned import Status, settle
from apps.operations.state import AT_REST, Goal, Phase
from apps.peering.exchange import FIELDS, Exchange, lets_the_same, list_of, networks
from apps.peering.models import Peering, Stage
from apps.zones.clouds import Clouds
from apps.zones.models import System

MAKE, CHANGE = "POST /api/v2/vpc-peering", "PUT /api/v2/vpc-peering/{id}"
TAKEN = "Netris has a peering of these two VPCs already, which Weft did not make. Your provider has to remove it first."
#: What Netris itself says may name the other tenant's VPC: the platform alone reads it.
REFUSED = "Netris refuses the peering. Your provider can see why."
AT_WORK = "Netris is at work on the peering."
ARRIVING = "Making sure that no order is still on its way."


def exchange_of(row: Peering, changed: Mapping[str, Any] = {}) -> Exchange:
    """What is to pass, as the row says or as a change wants it."""
    return Exchange(**{name: tuple(networks(changed.get(name, getattr(row, name)))) for name in FIELDS})


def find(row: Peering, clouds: Clouds) -> Remote | None:
    if row.netris_id is not None:
        known = clouds.netris.get_peering(row.netris_id)
        if known is not None and known.name == row.remote_name:
            return known
    return clouds.netris.find_peering(_netris_ids(row)[0], row.remote_name)


def _netris_ids(row: Peering) -> tuple[int, int]:
    assert row.peer_vpc is not None, "a peering that is agreed on has two VPCs"
    here, there = row.vpc.netris_id, row.peer_vpc.netris_id
    assert here is not None, "both VPCs are built"
    assert there is not None, "both VPCs are built"
    return here, there


def trouble_of(row: Peering, meant: Exchange, found: Remote | None) -> str:
    """How Netris has it otherwise than it is meant; blank where it does not. Said to both tenants: it names neither."""
    if found is None:
        return "Netris does not have it."
    here, there = _netris_ids(row)
    accepts = {side.id: side.accepts for side in (found.a, found.b)}
    if set(accepts) != {here, there}:
        return "Netris joins other VPCs with it."
    if not lets_the_same(list_of(meant.learned), accepts[here]) or not lets_the_same(
        list_of(meant.peer_learned), accepts[there]
    ):
        return "Netris lets other prefixes through."
    return ""


def sides_of(row: Peering, meant: Exchange) -> dict[str, Side]:
    here, there = _netris_ids(row)
    return {"a": Side(here, list_of(meant.learned)), "b": Side(there, list_of(meant.peer_learned))}


class OnNetris(Part[Peering]):
    """`ensure` makes it as it is wanted, `remove` takes it away."""

    title = "Peer the two VPCs on Netris"
    undo_title = "Take the peering off Netris"
    systems = (System.NETRIS,)

    def __init__(self, wanted: Exchange) -> None:
        self.wanted = wanted

    def ensure(self, subject: Peering, clouds: Clouds, memo: Memo) -> Progress:
        return _present(subject, clouds, memo, self.wanted)

    def remove(self, subject: Peering, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            clouds.netris.delete_peering(int(memo["id"]))
            return Wait(AT_WORK, **memo.answered())
        found = find(subject, clouds)
        if found is None:
            return Wait(ARRIVING, **memo.values) if memo.may_still_arrive() else Done(netris_id=None)
        return memo.before_sending(AT_WORK, id=found.id)

    def explain(self, text: str) -> str:
        return text if text == TAKEN else REFUSED

    def leaves(self, subject: Peering) -> Sequence[Left]:
        return [Left(System.NETRIS, f"the VPC peering {subject.remote_name}")]


class Changed(OnNetris):
    """Of what was built before: it is walked back to what it was."""

    title = "Bring the peering on Netris to what is wanted"
    undo_title = "Bring the peering on Netris back to what it was"

    def __init__(self, wanted: Exchange, was: Exchange) -> None:
        super().__init__(wanted)
        self.was = was

    def remove(self, subject: Peering, clouds: Clouds, memo: Memo) -> Progress:
        return _present(subject, clouds, memo, self.was)


class MakeAgain(OnNetris):
    """When that is refused, it stays as it is, and is shown so."""

    title = "Make the peering on Netris again as it is meant"
    undo_title = ""

    def remove(self, subject: Peering, clouds: Clouds, memo: Memo) -> Progress:
        return Done()


def _present(row: Peering, clouds: Clouds, memo: Memo, target: Exchange) -> Progress:
    sides = sides_of(row, target)
    if memo.is_cleared_to_send:
        if memo["command"] == MAKE:
            clouds.netris.create_peering(name=row.remote_name, **sides)
        else:
            clouds.netris.update_peering(int(memo["id"]), name=row.remote_name, **sides)
        return Wait(AT_WORK, **memo.answered(), sent=memo["command"])
    found = find(row, clouds)
    trouble = trouble_of(row, target, found)
    if not trouble:
        assert found is not None, "it would be a trouble"
        return Wait(ARRIVING, **memo.values) if memo.may_still_arrive() else Done(netris_id=found.id)
    if found is None:
        return _made(row, clouds, memo)
    if memo.get("sent") == CHANGE:
        return Wait(f"Netris took the lists, and does not show them: {trouble}", **memo.values)
    if "intent" in memo and memo.get("command") == MAKE:  # that order is carried out, whatever became of its answer
        memo = replace(memo, values={})
    return memo.before_sending(AT_WORK, command=CHANGE, id=found.id)


def _made(row: Peering, clouds: Clouds, memo: Memo) -> Progress:
    """Raises `Rejected` when the two VPCs are peered already, by somebody else."""
    if memo.get("sent") == MAKE:
        return Wait("Netris has taken the peering, and does not show it yet.", **memo.values)
    here, there = _netris_ids(row)
    if any({each.a.id, each.b.id} == {here, there} for each in clouds.netris.peerings(here)):
        raise Rejected(TAKEN, system=System.NETRIS, call=MAKE)
    return memo.before_sending(AT_WORK, command=MAKE)


def parts(row: Peering) -> Sequence[BoundPart]:
    return [BoundPart(OnNetris(exchange_of(row)), row)]


def changes(row: Peering, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    if not wanted:
        return [BoundPart(MakeAgain(exchange_of(row)), row)]
    return [BoundPart(Changed(exchange_of(row, wanted), exchange_of(row)), row)]


def hold(row: Peering) -> None:
    """Both VPCs, then the row."""
    hold_rows(row.vpcs_of_owners.filter(pk__in=[row.vpc_id, row.peer_vpc_id]))
    hold_row(row)


def settled(row: Peering, goal: str, phase: str) -> None:
    rows = Peering.objects.of(row.tenant).filter(pk=row.pk)
    settle(rows, goal, phase)
    # The engine tells whoever has asked for it; the other one's pages are to look again as well.
    channels = [tenant_channel(each.pk) for each in row.owners]
    transaction.on_commit(lambda: publish(*channels))
    if phase not in AT_REST:
        return
    rows.update(settled_at=clock.now(), differs_since=None)
    transaction.on_commit(lambda: request_refresh(row.vpc.zone, Kind.NETRIS_PEERING))
    row.refresh_from_db(fields=["status", "ends_as"])
    if row.status == Status.DELETED:
        _over(row, rows, goal)
    elif goal == Goal.ABSENT and phase == Phase.CANCELLED:
        rows.update(ends_as="", ended_by=None)


def _over(row: Peering, rows: Any, goal: str) -> None:
    """A request that could not be made real waits for an answer again, which may be another one; unless whoever asked
    has asked the same anew."""
    if row.ends_as:
        rows.update(stage=row.ends_as)
    elif goal == Goal.ABSENT:
        rows.update(stage=Stage.REVOKED)
    elif row.is_within_tenant:
        rows.update(stage=Stage.FAILED)
    else:
        unanswered: dict[str, Any] = {"peer_vpc": None, "peer_offered": [], "accepted": [], "peer_accepted": []}
        waits = {"stage": Stage.REQUESTED, "status": Status.BUILDING, "deleted_at": None, "netris_id": None}
        try:
            with transaction.atomic():
                rows.update(**waits, **unanswered)
        except IntegrityError:  # it was asked for once more meanwhile
            rows.update(stage=Stage.FAILED)


PEERING = Recipe(
    "peering",
    Peering,
    parts,
    settled,
    hold,
    related=("tenant", "peer_tenant", "vpc__tenant", "vpc__zone", "peer_vpc__tenant", "peer_vpc__zone"),
    changes=changes,
    take=take_values,
    titles={"present": "Create peering", "absent": "Remove peering", "changed": "Change peering"},
)
