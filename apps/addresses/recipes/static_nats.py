"""Static NAT: one order in CloudStack, whose plugin names the rule on Netris after the instance alone.

CloudStack       Netris     then
not static       -          enable, unless the instance has another static NAT anywhere
static           the rule   done: a lost answer, or an order that was refused although it had been carried out
static           no rule    an enabling that was refused half way (REAL): disable, and enable anew. Not if the
                            instance has another one: to disable this would take that one's rule away (REAL)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from apps.addresses.models import StaticNat
from apps.addresses.recipes.shared import (
    CHECKING,
    RELATED,
    address_of,
    clear_remains,
    refusal,
    rules_in,
)
from apps.addresses.ways import DNAT, lacking, remaining, ways_of
from apps.cloudstack.wire import PublicIp as RemoteIp
from apps.kernel.remote import Rejected
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.networks.recipes import AGREEMENT, hold_in_vpc, need_netris, settle_in_vpc
from apps.operations.orders import Fate, fate_of
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, ReadBack, Recipe, Wait
from apps.zones.clouds import Clouds
from apps.zones.models import System

ENABLE, DISABLE = "enableStaticNat", "disableStaticNat"
#: How long enableStaticNat may go on once it has begun: a few calls of the plugin, each given up after ten seconds
#: (unverified).
ENABLING_LASTS = timedelta(minutes=2)


class CloudStackStaticNat(Part[StaticNat]):
    title = "Enable static NAT in CloudStack"
    undo_title = "Disable static NAT in CloudStack, and on Netris with it"
    systems = (System.CLOUDSTACK, System.NETRIS)

    def ensure(self, subject: StaticNat, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send and memo["command"] == ENABLE:
            return self._enable(subject, clouds)
        if memo.is_cleared_to_send:
            return _disabling(subject, clouds, memo)
        fate = fate_of(clouds.cloudstack, memo, DISABLE) if memo.get("command") == DISABLE else Fate()
        if fate.is_pending:
            return Wait("CloudStack is clearing away what the failed attempt has left.", **fate.memo)
        if disabling_pends(clouds, memo.way_there):
            return Wait("CloudStack is still disabling it, and it is enabled when that is over.", **memo.values)
        shown = address_of(subject, clouds, ENABLE)
        if shown.hasrules:
            text = f"{subject.address} has port forwards or a load balancer in CloudStack, which were made there. "
            raise refusal(f"{text}Remove them there, or take another address.", ENABLE)
        if not shown.isstaticnat:
            need_alone(subject, clouds)
            need_netris(clouds)
            return memo.before_sending(CHECKING, command=ENABLE)
        need_ours(subject, shown)
        if leads_as_wanted(subject, shown) and not lacking(ways_of(subject), rules_in(subject, clouds)):
            return Done()
        if memo.has_lost_an_answer and memo["command"] == ENABLE and memo.now < memo.given_up_at + ENABLING_LASTS:
            return Wait("CloudStack may still be enabling it.", **memo.values)
        if fate.last_word:
            raise fate.last_word
        need_alone(subject, clouds)
        need_netris(clouds)
        return memo.before_sending(CHECKING, command=DISABLE)

    def _enable(self, subject: StaticNat, clouds: Clouds) -> Progress:
        try:
            clouds.cloudstack.enable_static_nat(
                str(subject.public_ip.cloudstack_id),
                instance_id=str(subject.instance_id),
                network_id=str(subject.tier.cloudstack_id),
                guest_address=subject.guest_address,
            )
        except Rejected:
            # The plugin says so as well when only Netris' answer was lost (REAL).
            shown = address_of(subject, clouds, ENABLE)
            if not leads_as_wanted(subject, shown) or lacking(ways_of(subject), rules_in(subject, clouds)):
                raise
        return Done()

    def remove(self, subject: StaticNat, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            return _disabling(subject, clouds, memo)
        fate = fate_of(clouds.cloudstack, memo, DISABLE)
        if fate.is_pending:
            return Wait("CloudStack is disabling static NAT.", **fate.memo)
        if disabling_pends(clouds, memo.way_there):
            return Wait("CloudStack is still at work on it.", **memo.values)
        shown = clouds.cloudstack.get_public_ip(str(subject.public_ip.cloudstack_id))
        is_ours = shown is not None and shown.isstaticnat and shown.virtualmachineid == str(subject.instance_id)
        if shown is None or not is_ours:
            is_free = shown is None or (not shown.isstaticnat and not shown.hasrules)
            remains = remaining(ways_of(subject), rules_in(subject, clouds)) if is_free else []
            if memo.may_still_arrive(ENABLING_LASTS if remains else timedelta()):
                return Wait("Making sure that no order is still on its way.")
            return (clear_remains(subject, ways_of(subject), clouds) if remains else None) or Done()
        if memo.may_still_arrive(ENABLING_LASTS) and lacking(ways_of(subject), rules_in(subject, clouds)):
            return Wait("CloudStack may still be enabling it.")
        if fate.last_word:
            raise fate.last_word
        self._need_harmless(subject, clouds)
        need_netris(clouds)
        return memo.before_sending(CHECKING, command=DISABLE)

    def _need_harmless(self, subject: StaticNat, clouds: Clouds) -> None:
        """Both would have the one name on Netris, so that to disable this one deletes whichever is there."""
        others = {other.ipaddress for other in others_of(subject, clouds)}
        rules = [rule for rule in rules_in(subject, clouds) if rule.action == DNAT and rule.destination_address]
        for rule in rules:
            assert rule.destination_address is not None
            if (address := rule.destination_address.network_address) in others:
                text = f"{subject.instance_name} also has static NAT from {address}, which was made in CloudStack. "
                text += f"To disable {subject.address} would delete that one's rule on Netris. Disable {address} in "
                raise refusal(f"{text}CloudStack first, then retry; it can be enabled again after that.", DISABLE)

    def leaves(self, subject: StaticNat) -> Sequence[Left]:
        return (
            Left(System.CLOUDSTACK, f"static NAT of {subject.address} to {subject.instance_name}"),
            Left(System.NETRIS, f"the rule …-VM…-STATICNAT from {subject.address} to {subject.guest_address}"),
        )

    def has_got_through(self, subject: StaticNat, clouds: Clouds, *, is_removal: bool) -> bool:
        return is_removal and not remaining(ways_of(subject), rules_in(subject, clouds))


class EnableAgain(CloudStackStaticNat):
    """Of what was built before: when that is refused, it stays as it is, and is shown so."""

    title = "Enable static NAT in CloudStack again"
    undo_title = ""

    def remove(self, subject: StaticNat, clouds: Clouds, memo: Memo) -> Progress:
        return Done()


class FabricStaticNat(ReadBack[StaticNat]):
    title = "Find the rule in CloudStack and on Netris"
    systems = (System.CLOUDSTACK, System.NETRIS)
    deadline = AGREEMENT

    def ensure(self, subject: StaticNat, clouds: Clouds, memo: Memo) -> Progress:
        shown = address_of(subject, clouds, ENABLE)
        if not leads_as_wanted(subject, shown):
            return Wait(f"CloudStack does not show {subject.address} as leading to {subject.guest_address}.")
        rules = rules_in(subject, clouds)
        if not lacking(ways_of(subject), rules):
            return Done()
        request_refresh(clouds.zone, Kind.NETRIS_NAT)
        if there := next(iter(remaining(ways_of(subject), rules)), None):
            return Wait(f"On Netris {subject.address} leads to {there.dnat_to_ip}, not to {subject.guest_address}.")
        return Wait(f"Netris has no rule for {subject.address} yet.")


def _disabling(subject: StaticNat, clouds: Clouds, memo: Memo) -> Progress:
    job = clouds.cloudstack.disable_static_nat(str(subject.public_ip.cloudstack_id))
    return Wait("CloudStack is disabling static NAT.", **memo.values, job=job)


def disabling_pends(clouds: Clouds, there: Memo) -> bool:
    """An order of the other direction is still at work."""
    return there.get("command") == DISABLE and fate_of(clouds.cloudstack, there, DISABLE).is_pending


def leads_as_wanted(subject: StaticNat, shown: RemoteIp) -> bool:
    is_ours = shown.isstaticnat and shown.virtualmachineid == str(subject.instance_id)
    return is_ours and shown.vmipaddress == subject.guest_address


def need_ours(subject: StaticNat, shown: RemoteIp) -> None:
    if shown.virtualmachineid != str(subject.instance_id):
        text = f"In CloudStack {subject.address} has static NAT to another instance already, which was made there. "
        raise refusal(f"{text}Disable it there, or take another address.", ENABLE)


def others_of(subject: StaticNat, clouds: Clouds) -> list[RemoteIp]:
    """The instance's static NAT from other addresses, in every VPC that it has a NIC in."""
    instance = clouds.cloudstack.get_instance(str(subject.instance_id))
    if instance is None:
        return []
    found = [
        address
        for vpc_id in sorted({nic.vpcid for nic in instance.nic if nic.vpcid})
        for address in clouds.cloudstack.list_public_ips(vpc_id)
    ]
    ours = str(subject.public_ip.cloudstack_id)
    return [each for each in found if each.isstaticnat and each.virtualmachineid == instance.id and each.id != ours]


def need_alone(subject: StaticNat, clouds: Clouds) -> None:
    """A second one of the instance would fail half way, and undoing that would take the first one's rule away."""
    if others := others_of(subject, clouds):
        text = f"{subject.instance_name} has static NAT from {others[0].ipaddress} in CloudStack, and an instance can "
        raise refusal(f"{text}have one alone. Disable that one first, or use port forwards.", ENABLE)
    if clouds.cloudstack.get_instance(str(subject.instance_id)) is None:
        raise refusal(f"The instance {subject.instance_name} is gone from CloudStack.", ENABLE)


def parts(row: StaticNat) -> Sequence[BoundPart]:
    return [BoundPart(CloudStackStaticNat(), row), BoundPart(FabricStaticNat(), row)]


def again(row: StaticNat, _wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    return [BoundPart(EnableAgain(), row), BoundPart(FabricStaticNat(), row)]


STATIC_NAT = Recipe(
    "static-nat",
    StaticNat,
    parts,
    settle_in_vpc,
    hold_in_vpc,
    related=RELATED,
    changes=again,
    titles={"present": "Enable static NAT", "absent": "Disable static NAT", "changed": "Apply static NAT again"},
)
