"""Port forwards: one rule of CloudStack's for each port, made and deleted one after the other.

Rules are never updated: a refused update takes the rule away on Netris and shows the new one (REAL). What differs is
deleted and made anew. `step` compares all that CloudStack has on the address with what is wanted, and tells the next
order; so wherever a walk was broken off, it goes on from what is there.

    CloudStack                  Netris        then
    -                           -             create
    Active, ours                the rule      nothing
    Active, ours                no rule       delete and create, once: whoever had it made again asked for that
    Add, Deleting               -             delete: an order that was refused half way, or broken off (REAL)
    of somebody else's          -             refused: it was made in CloudStack
    -                           a rule        deleted there, if it has the plugin's name
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from apps.addresses.models import PortForward
from apps.addresses.recipes.shared import (
    CHECKING,
    RELATED,
    address_of,
    clear_remains,
    refusal,
    rules_in,
)
from apps.addresses.ways import Way, lacking, ways_of
from apps.cloudstack.wire import PortForward as Remote
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.networks.recipes import AGREEMENT, hold_in_vpc, need_netris, settle_in_vpc
from apps.operations.orders import fate_of
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, ReadBack, Recipe, Wait
from apps.zones.clouds import Clouds
from apps.zones.models import System

CREATE, DELETE = "createPortForwardingRule", "deletePortForwardingRule"
MAKE = "Make the forwards in CloudStack"
CLEAR = "Delete the forwards in CloudStack, and on Netris with them"
#: All that CloudStack says when its plugin could not make one, an instance that was never started among the reasons
#: (REAL).
NOT_APPLIED = "failed to apply port forwarding rule"


class Step(NamedTuple):
    """The next order: to create the forward of a public port, or to delete a rule by its id."""

    command: str
    target: str

    @property
    def notes(self) -> dict[str, str]:
        return {"command": self.command, "target": self.target}


class CloudStackForwards(Part[PortForward]):
    """`ensure` makes it as it is wanted, `remove` as it was: both are the one walk, `_bring`."""

    systems = (System.CLOUDSTACK, System.NETRIS)
    #: Every port is an order of its own.
    deadline = timedelta(hours=1)

    def __init__(self, *, is_on: bool, was_on: bool) -> None:
        self.is_on, self.was_on = is_on, was_on
        self.title, self.undo_title = (MAKE if is_on else CLEAR), (MAKE if was_on else CLEAR)

    def ensure(self, subject: PortForward, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, is_on=self.is_on)

    def remove(self, subject: PortForward, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, is_on=self.was_on)

    def _bring(self, subject: PortForward, clouds: Clouds, memo: Memo, *, is_on: bool) -> Progress:
        if memo.is_cleared_to_send:
            return Wait(told(subject, memo), **memo.values, job=self._send(subject, clouds, memo))
        there = memo.way_there
        if "command" in there and fate_of(clouds.cloudstack, there, there["command"]).is_pending:
            return Wait("CloudStack is still at work on the last order.", **memo.values)
        fate = fate_of(clouds.cloudstack, memo, memo.get("command", CREATE))
        if fate.is_pending:
            return Wait(told(subject, memo), **fate.memo)
        if is_on and "renew" not in memo:
            need_room(subject, clouds)
        listed = clouds.cloudstack.port_forwards_of(str(subject.public_ip.cloudstack_id))
        renew = self._to_renew(subject, clouds, memo, listed) if is_on else []
        step = next_step(subject, listed, is_on=is_on, renew=renew)
        if step is None:
            if memo.may_still_arrive():
                return Wait("Making sure that no order is still on its way.", **memo.values)
            if is_on:
                return wait_for_netris(subject, clouds) or Done()
            return clear_remains(subject, unclaimed(subject, listed), clouds) or Done()
        if memo.get("command") == step.command and memo.get("target") == step.target:
            if fate.is_known and fate.refusal:
                raise fate.refusal
        elif "intent" in memo:  # that order is carried out, whatever became of its answer
            memo = Memo({"order": memo.get("order", {})}, memo.now, memo.fence, memo.there)
        if memo.may_still_arrive():
            return Wait("Making sure that no order is still on its way.", **memo.values)
        need_netris(clouds)
        return memo.before_sending(CHECKING, **step.notes, renew=renew)

    def _send(self, subject: PortForward, clouds: Clouds, memo: Memo) -> str:
        if memo["command"] == DELETE:
            return clouds.cloudstack.delete_port_forward(memo["target"])
        port = int(memo["target"])
        return clouds.cloudstack.create_port_forward(
            str(subject.public_ip.cloudstack_id),
            instance_id=str(subject.instance_id),
            network_id=str(subject.tier.cloudstack_id),
            protocol=subject.protocol,
            public_port=port,
            private_port=port - subject.public_first + subject.private_first,
        ).job

    def _to_renew(self, subject: PortForward, clouds: Clouds, memo: Memo, listed: Iterable[Remote]) -> list[str]:
        """Those that Netris lacked at the first look. What is made after that has another id."""
        if "renew" in memo:
            renew: list[str] = memo["renew"]
            return renew
        missing = {way.public_port for way in lacking(ways_of(subject), rules_in(subject, clouds))}
        return sorted(rule.id for rule in listed if is_ours(subject, rule) and rule.publicport in missing)

    def leaves(self, subject: PortForward) -> Sequence[Left]:
        what = f"{subject.protocol} {subject.public_ports} of {subject.address}"
        return (
            Left(System.CLOUDSTACK, f"port forwards for {what}"),
            Left(System.NETRIS, f"rules …-DNAT-R… for {what}"),
        )

    def has_got_through(self, subject: PortForward, clouds: Clouds, *, is_removal: bool) -> bool:
        """What could not be made leaves no trace. For an instance that does not run the reason is likely its own."""
        instance = clouds.cloudstack.get_instance(str(subject.instance_id))
        return not is_removal and (instance is None or not instance.is_running)

    def explain(self, text: str) -> str:
        if NOT_APPLIED in text.lower():
            return (
                "CloudStack could not make the forward on Netris. To an instance that was never started none can be "
                "made: start it once in CloudStack, then try again."
            )
        return text


class MakeAgain(CloudStackForwards):
    """Of what was built before: when that is refused, it stays as it is, and is shown so."""

    title = "Make what is missing again"
    undo_title = ""

    def __init__(self) -> None:
        self.is_on = self.was_on = True

    def remove(self, subject: PortForward, clouds: Clouds, memo: Memo) -> Progress:
        return Done()


class FabricForwards(ReadBack[PortForward]):
    title = "Find every rule on Netris"
    systems = (System.NETRIS,)
    deadline = AGREEMENT

    def ensure(self, subject: PortForward, clouds: Clouds, memo: Memo) -> Progress:
        return wait_for_netris(subject, clouds) or Done()


def need_room(subject: PortForward, clouds: Clouds) -> None:
    """Raises `Rejected` for what CloudStack would refuse in words that help nobody."""
    if address_of(subject, clouds, CREATE).isstaticnat:
        text = (
            f"{subject.address} has static NAT in CloudStack, which was made there. Disable it there, or take another"
        )
        raise refusal(f"{text} address.", CREATE)
    if clouds.cloudstack.get_instance(str(subject.instance_id)) is None:
        raise refusal(f"The instance {subject.instance_name} is gone from CloudStack.", CREATE)


def wait_for_netris(subject: PortForward, clouds: Clouds) -> Wait | None:
    missing = lacking(ways_of(subject), rules_in(subject, clouds))
    if not missing:
        return None
    request_refresh(clouds.zone, Kind.NETRIS_NAT)
    return Wait(f"Netris does not have {named(missing)} yet.")


def named(ways: Sequence[Way]) -> str:
    shown = ", ".join(way.shown for way in ways[:5])
    return shown if len(ways) <= 5 else f"{shown} and {len(ways) - 5} more"


def next_step(
    subject: PortForward, listed: Sequence[Remote], *, is_on: bool, renew: Collection[str] = ()
) -> Step | None:
    """What to order next; None when CloudStack has it as it should be. Raises `Rejected` for somebody else's."""
    here = [rule for rule in listed if _touches(subject, rule)]
    for rule in here:
        if not _is_ours_somehow(subject, rule):
            if not is_on:
                continue
            text = f"CloudStack forwards {rule.protocol.lower()} {rule.publicport} of {subject.address} already, by a "
            raise refusal(f"{text}rule that was made there. Delete that one there, or take other ports.", CREATE)
        if not is_on or rule.id in renew or not is_ours(subject, rule) or not rule.is_active:
            return Step(DELETE, rule.id)
    if not is_on:
        return None
    made = {rule.publicport for rule in here}
    missing = (way.public_port for way in ways_of(subject) if way.public_port not in made)
    return next((Step(CREATE, str(port)) for port in missing), None)


def is_ours(subject: PortForward, rule: Remote) -> bool:
    """It forwards one port of ours where ours is to lead."""
    port = rule.publicport
    return (
        _touches(subject, rule)
        and _is_ours_somehow(subject, rule)
        and rule.publicendport in (None, port)
        and rule.privateport == port - subject.public_first + subject.private_first
    )


def _is_ours_somehow(subject: PortForward, rule: Remote) -> bool:
    return rule.virtualmachineid == str(subject.instance_id)


def _touches(subject: PortForward, rule: Remote) -> bool:
    last = rule.publicendport or rule.publicport
    is_apart = last < subject.public_first or rule.publicport > subject.public_last
    return rule.protocol.lower() == subject.protocol and not is_apart


def unclaimed(subject: PortForward, listed: Sequence[Remote]) -> list[Way]:
    """Ways that nothing of CloudStack's begins at."""
    taken = [(rule.publicport, rule.publicendport or rule.publicport) for rule in listed if _touches(subject, rule)]
    return [way for way in ways_of(subject) if not any(a <= way.public_port <= b for a, b in taken)]


def told(subject: PortForward, memo: Memo) -> str:
    if memo["command"] == DELETE:
        return "CloudStack is deleting a forward."
    return f"CloudStack is making {subject.protocol} {memo['target']} of {subject.public_ports}."


def parts(row: PortForward) -> Sequence[BoundPart]:
    return _parts(row, is_on=row.enabled, was_on=False)


def changes(row: PortForward, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    """Switched on or off; with nothing wanted, made again as it should be."""
    if "enabled" in wanted:
        return _parts(row, is_on=wanted["enabled"], was_on=row.enabled)
    return [BoundPart(MakeAgain(), row), BoundPart(FabricForwards(), row)]


def _parts(row: PortForward, *, is_on: bool, was_on: bool) -> Sequence[BoundPart]:
    bound = [BoundPart(CloudStackForwards(is_on=is_on, was_on=was_on), row)]
    return [*bound, BoundPart(FabricForwards(), row)] if is_on else bound


PORT_FORWARD = Recipe(
    "port-forward",
    PortForward,
    parts,
    settle_in_vpc,
    hold_in_vpc,
    related=RELATED,
    changes=changes,
    titles={"present": "Create port forward", "absent": "Delete port forward", "changed": "Change port forward"},
)
