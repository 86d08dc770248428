"""A load balancer: a rule of CloudStack's with its members, and on Netris what CloudStack cannot say.

The plugin knows no health check, calls every balancer TCP, and leaves it open until its own rules are there; it resets
all that with whatever it does to the balancer (REAL). So Weft asks it for no rules about sources and makes them itself,
in the System VPC, before the balancer is; and what the plugin has written is mended after each of its orders.

One walk makes it as it is wanted, from whatever is there. Each turn sends one call, and looks at everything anew:

    1  rules of sources for this port that are not wanted go, then what is wanted comes, what denies first: so it is
       never open to more than the old sources, or the new ones
    2  CloudStack's rule: one with other ports, or half deleted, goes; where there is none, one is made. Netris does
       not hear of it
    3  members that are to go leave; then all that are to come join, in one order
    4  Netris shows the balancer with its members; health check and protocol are written there and read back
    5  rules of sources for other ports go: their balancer is gone by now

To remove it, the rule goes, then Netris has none, then the rules of its sources go. Members that somebody added in
CloudStack are left alone, and shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

from apps.acls.recipes import default_of
from apps.balancers.models import Balancer
from apps.balancers.verdicts import differences
from apps.balancers.wanted import CHECKS, SourceRule, Wanted, members_of, rule_prefix, take
from apps.cloudstack.calls import is_unknown
from apps.cloudstack.wire import BalancerRule
from apps.instances.queries import GONE
from apps.kernel.remote import Rejected
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.mirror.sweeps import system_vpcs
from apps.netris.wire import Acl
from apps.netris.wire import Balancer as OnNetris
from apps.networks.leftovers import Leftover, clear
from apps.networks.models import Tier
from apps.networks.recipes import hold_in_vpc, need_netris, settle_in_vpc
from apps.operations.orders import fate_of
from apps.operations.parts import Again, BoundPart, Done, Left, Memo, Part, Progress, Recipe, Wait
from apps.operations.state import AT_REST
from apps.zones.clouds import Clouds
from apps.zones.models import System

CREATE, DELETE = "createLoadBalancerRule", "deleteLoadBalancerRule"
JOIN, LEAVE = "assignToLoadBalancerRule", "removeFromLoadBalancerRule"
PERMIT, FORBID = "POST /api/acl", "DELETE /api/acl"
MEND = "PUT /api/v2/l4lb/{id}"
ON_NETRIS = (PERMIT, FORBID, MEND)
CHECKING = "Checking whether the order was received."
ARRIVING = "Making sure that no order is still on its way."


class Step(NamedTuple):
    """The next order: `target` tells it from others of its kind, `notes` are what sending it takes, as JSON."""

    command: str
    target: str
    why: str
    notes: Mapping[str, Any] = {}

    @property
    def memo(self) -> dict[str, Any]:
        return {"command": self.command, "target": self.target, "doing": self.why, **self.notes}


class Place:
    """What both systems have of one balancer. Each is asked once a turn, and only for what is needed."""

    def __init__(self, row: Balancer, clouds: Clouds, memo: Memo) -> None:
        self.row, self.clouds = row, clouds
        self.site: str = memo.get("site") or default_of(clouds).value
        self.system: int = memo.get("system") or system_vpcs(clouds)[0]

    @property
    def kept(self) -> dict[str, Any]:
        return {"site": self.site, "system": self.system}

    def rules(self) -> list[Acl]:
        """Of its sources, for whichever port."""
        prefix = rule_prefix(self.row.remote_name)
        return [rule for rule in self.clouds.netris.acls(self.system) if rule.name.startswith(prefix)]

    def on_address(self) -> list[BalancerRule]:
        return self.clouds.cloudstack.balancer_rules_of(str(self.row.public_ip.cloudstack_id))

    def on_netris(self, port: int) -> OnNetris | None:
        assert self.row.vpc.netris_id is not None, "it is known when the VPC is built"
        there = self.clouds.netris.balancers(self.row.vpc.netris_id)
        return next((each for each in there if (each.ip, each.port) == (self.row.address, port)), None)


class WholeBalancer(Part[Balancer]):
    """`ensure` makes it as it is wanted, `remove` as it was before: nothing, or what the row says."""

    title = "Make the load balancer in CloudStack and on Netris"
    undo_title = "Remove the load balancer from CloudStack and Netris"
    systems = (System.CLOUDSTACK, System.NETRIS)
    deadline = timedelta(minutes=30)
    #: It is not whole without members that are gone from CloudStack.
    wants_everyone = False

    def __init__(self, wanted: Wanted | None, was: Wanted | None) -> None:
        self.wanted, self.was = wanted, was

    def ensure(self, subject: Balancer, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, self.wanted)

    def remove(self, subject: Balancer, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, self.was)

    def _bring(self, subject: Balancer, clouds: Clouds, memo: Memo, target: Wanted | None) -> Progress:
        if subject.public_ip.cloudstack_id is None:  # it was to be acquired for this, just before
            if target is None:
                return Done()
            text = f"The public IP {subject.address} was not acquired, so nothing can answer there. Its operation says "
            raise Rejected(f"{text}why. Take another one.", system=System.CLOUDSTACK, call=CREATE)
        if memo.is_cleared_to_send:
            return self._send(subject, clouds, memo, target)
        if _is_at_work(clouds, memo.way_there):
            return Wait(ARRIVING, **memo.values)
        command = memo.get("command", "")
        fate = fate_of(clouds.cloudstack, memo, command) if command and command not in ON_NETRIS else None
        if fate and fate.is_pending:
            return Wait(memo["doing"], **fate.memo)
        place = Place(subject, clouds, memo)
        step = self._present(place, memo, target) if target else self._absent(place)
        if step is None:
            return Done(site_default=place.site) if target else Done()
        if isinstance(step, Wait):
            return Wait(step.why, **_settled(memo), **place.kept)
        if (command, memo.get("target")) == (step.command, step.target):
            if fate and fate.is_known and fate.refusal and not is_unknown(fate.refusal):
                raise fate.refusal
            if "job" in memo:
                return Wait(f"{step.why[:-1]}, and does not show it yet.", **memo.values)
        elif "intent" in memo:  # that order is carried out, whatever became of its answer
            memo = Memo(_settled(memo), memo.now, memo.fence, memo.there)
        need_netris(clouds)
        mended = {} if step.command in ON_NETRIS else {"mended": ""}
        return memo.before_sending(CHECKING, **(_settled(memo) | place.kept | mended | step.memo))

    def _send(self, subject: Balancer, clouds: Clouds, memo: Memo, target: Wanted | None) -> Progress:
        remote, target_id = clouds.cloudstack, memo["target"]
        match memo["command"]:
            case "createLoadBalancerRule":
                assert target is not None, "it is made because it is wanted"
                job = remote.create_balancer_rule(
                    str(subject.public_ip.cloudstack_id),
                    name=target.name,
                    network_id=str(subject.tier.cloudstack_id),
                    protocol=target.protocol,
                    public_port=target.port,
                    private_port=target.member_port,
                ).job
            case "deleteLoadBalancerRule":
                job = remote.delete_balancer_rule(target_id)
            case "assignToLoadBalancerRule":
                job = remote.assign_members(memo["rule"], memo["instances"])
            case "removeFromLoadBalancerRule":
                job = remote.remove_members(memo["rule"], memo["instances"])
            case _:
                return self._write(subject, clouds, memo, target)
        return Wait(memo["doing"], **memo.values, job=job)

    def _write(self, subject: Balancer, clouds: Clouds, memo: Memo, target: Wanted | None) -> Progress:
        """On Netris, which has done it when it answers."""
        notes = _settled(memo)
        if memo["command"] == FORBID:
            system = clouds.netris.get_vpc(memo["system"])
            tenant = system.admin_tenant.id or 0 if system else 0
            clouds.netris.delete_acl(memo["rule"], netris_tenant_id=tenant)
            return Again(**notes)
        assert target is not None, "only what is wanted is written"
        if memo["command"] == PERMIT:
            rule = next(each for each in target.source_rules(memo["site"]) if each.name == memo["target"])
            clouds.netris.create_acl(
                name=rule.name,
                vpc_id=memo["system"],
                action=rule.action,
                protocol=rule.protocol,
                source=rule.source,
                destination=IPv4Network(target.address),
                port=target.port,
                comment=f"Weft: who may connect to {target.name}.",
            )
            return Again(**notes)
        there = Place(subject, clouds, memo).on_netris(target.port)
        if there is not None:
            check = target.check
            clouds.netris.update_balancer(
                there,
                protocol=target.protocol.upper(),
                check=CHECKS[check.kind],
                timeout=check.timeout,
                path=check.path,
            )
        return Again(**notes | {"mended": memo["target"]})

    # What comes next

    def _present(self, place: Place, memo: Memo, target: Wanted) -> Step | Wait | None:
        rules = place.rules()
        wanted = target.source_rules(place.site)
        if step := _sources(rules, wanted, target):
            return step
        listed = place.on_address()
        if step := self._rule(place, listed, target):
            return step
        rule = next(each for each in listed if each.name == target.name)
        there = {instance.id for instance in place.clouds.cloudstack.members_of(rule.id)}
        gone = self._gone_members(place, there, target)
        left = {instance_id: ip for instance_id, ip in target.active.items() if instance_id not in gone}
        target = replace(target, active=left)
        if step := self._members(rule, there, target):
            return step
        if rest := _mended(place, memo, target) or _gone(rules, wanted):
            return rest
        if gone and self.wants_everyone:
            raise _is_gone(next(iter(gone.values())))
        return None

    def _rule(self, place: Place, listed: Sequence[BalancerRule], target: Wanted) -> Step | None:
        """Raises `Rejected` for somebody else's that is in the way."""
        for rule in listed:
            is_same = (rule.protocol.lower(), rule.publicport, rule.privateport) == (
                target.protocol,
                target.port,
                target.member_port,
            )
            if rule.name == target.name and (not is_same or rule.state == "Deleting"):
                return Step(DELETE, rule.id, "CloudStack is deleting the load balancer's rule.")
            if rule.name != target.name and rule.publicport == target.port and not rule.name.startswith("lb-"):
                text = f"CloudStack has a load balancer at port {rule.publicport} of {target.address}, which was made "
                text += "there. Delete that one there, or take another port."
                raise Rejected(text, system=System.CLOUDSTACK, call=CREATE)
        if any(rule.name == target.name for rule in listed):
            return None
        end = f"{target.protocol} {target.port}"
        return Step(CREATE, end, "CloudStack is making the load balancer's rule.")

    def _gone_members(self, place: Place, there: Collection[str], target: Wanted) -> dict[str, IPv4Address]:
        """Those to be in rotation that CloudStack no longer has. Who was in it before holds nothing up, so that each of
        several can be taken out. Raises `Rejected` for others."""
        gone = {}
        was = self.was.active if self.was else {}
        for instance_id in sorted(set(target.active) - set(there)):
            instance = place.clouds.cloudstack.get_instance(instance_id)
            if instance is None or instance.state in GONE:
                gone[instance_id] = target.active[instance_id]
                if instance_id not in was:
                    raise _is_gone(gone[instance_id])
        return gone

    def _members(self, rule: BalancerRule, there: Collection[str], target: Wanted) -> Step | None:
        """Those that nobody of Weft's row knows are left alone."""
        if leaving := sorted((set(there) & self._known) - set(target.active)):
            notes = {"rule": rule.id, "instances": leaving}
            return Step(LEAVE, ",".join(leaving), "CloudStack is taking members out of rotation.", notes)
        if coming := sorted(set(target.active) - set(there)):
            notes = {"rule": rule.id, "instances": coming}
            return Step(JOIN, ",".join(coming), "CloudStack is adding members.", notes)
        return None

    @property
    def _known(self) -> set[str]:
        return {each for target in (self.wanted, self.was) if target for each in target.everyone}

    def _absent(self, place: Place) -> Step | Wait | None:
        name = place.row.remote_name
        ours = next((rule for rule in place.on_address() if rule.name == name), None)
        if ours is not None:
            return Step(DELETE, ours.id, "CloudStack is deleting the load balancer.")
        for target in (self.wanted, self.was):
            if target and place.on_netris(target.port) is not None:
                return Wait("CloudStack has deleted it, and Netris still has it.")
        return _gone(place.rules(), ())

    def leaves(self, subject: Balancer) -> Sequence[Left]:
        rules = f"the rules {rule_prefix(subject.remote_name)}…"
        return (
            Left(System.CLOUDSTACK, f"the load balancer rule {subject.remote_name} of {subject.address}"),
            Left(System.NETRIS, f"the load balancer …-LB… at {subject.address}:{subject.port}, and {rules}"),
        )


class SourcesGo(Part[Balancer]):
    """With a tier CloudStack takes its balancers along, and with them all but what Weft made itself."""

    title = "Leave its load balancers to themselves"
    undo_title = "Remove the rules of a load balancer's sources from Netris"
    systems = (System.NETRIS,)

    def ensure(self, subject: Balancer, clouds: Clouds, memo: Memo) -> Progress:
        return Done()

    def remove(self, subject: Balancer, clouds: Clouds, memo: Memo) -> Progress:
        system_id = system_vpcs(clouds)[0]
        prefix = rule_prefix(subject.remote_name)
        rules = [rule for rule in clouds.netris.acls(system_id) if rule.name.startswith(prefix)]
        if not rules:
            return Done()
        system = clouds.netris.get_vpc(system_id)
        tenant = system.admin_tenant.id or 0 if system else 0
        clear(
            [
                Leftover(f"the rule {rule.name}", partial(clouds.netris.delete_acl, rule.id, netris_tenant_id=tenant))
                for rule in sorted(rules, key=lambda rule: rule.action == "deny")
            ]
        )
        return Wait("Netris is removing the rules of the load balancer's sources.")

    def leaves(self, subject: Balancer) -> Sequence[Left]:
        return (Left(System.NETRIS, f"the rules {rule_prefix(subject.remote_name)}…"),)


def go_with(tier: Tier) -> Sequence[BoundPart]:
    """Of a tier: what is left of its balancers once it is gone."""
    rows = (
        Balancer.objects.of(tier.vpc.tenant).live().filter(tier=tier).select_related("vpc").order_by("created_at", "id")
    )
    return [BoundPart(SourcesGo(), row, row.name) for row in rows]


class MakeAgain(WholeBalancer):
    """Of what was built before: when that is refused, it stays as it is, and is shown so."""

    wants_everyone = True
    title = "Make what differs again as it is meant"
    undo_title = ""

    def remove(self, subject: Balancer, clouds: Clouds, memo: Memo) -> Progress:
        return Done()


class Changed(WholeBalancer):
    title = "Bring CloudStack and Netris to what is wanted"
    undo_title = "Bring CloudStack and Netris back to what was there"


def _is_gone(address: IPv4Address) -> Rejected:
    text = f"The instance with the address {address} is gone from CloudStack. Take it out of the load balancer."
    return Rejected(text, system=System.CLOUDSTACK, call=JOIN)


def _settled(memo: Memo) -> dict[str, Any]:
    """The notes that outlive an order."""
    return {name: memo[name] for name in ("site", "system", "mended", "order") if name in memo}


def _is_at_work(clouds: Clouds, there: Memo) -> bool:
    """An order of the other direction still pends, or could still take effect."""
    if there.has_lost_an_answer and there.may_take_effect:
        return True
    command = there.get("command", "")
    return bool(command) and command not in ON_NETRIS and fate_of(clouds.cloudstack, there, command).is_pending


def _sources(rules: Sequence[Acl], wanted: Sequence[SourceRule], target: Wanted) -> Step | None:
    names = {rule.name for rule in wanted}
    of_port = f"{rule_prefix(target.name)}{target.protocol}-{target.port}-"
    extra = [rule for rule in rules if rule.name.startswith(of_port) and rule.name not in names]
    # What permits goes before what denies.
    if extra := sorted(extra, key=lambda rule: rule.action == "deny"):
        return _forbid(extra[0])
    there = {rule.name for rule in rules}
    missing = next((rule for rule in wanted if rule.name not in there), None)
    return Step(PERMIT, missing.name, "Netris is being told who may connect.") if missing else None


def _gone(rules: Sequence[Acl], wanted: Sequence[SourceRule]) -> Step | None:
    names = {rule.name for rule in wanted}
    extra = sorted((rule for rule in rules if rule.name not in names), key=lambda rule: rule.action == "deny")
    return _forbid(extra[0]) if extra else None


def _forbid(rule: Acl) -> Step:
    return Step(FORBID, str(rule.id), "Netris is being told who may no longer connect.", {"rule": rule.id})


def _mended(place: Place, memo: Memo, target: Wanted) -> Step | Wait | None:
    """What the plugin cannot say, written on Netris and read back."""
    if not target.active:
        return None
    there = place.on_netris(target.port)
    served = {(each.ip, each.port) for each in there.backends} if there else set()
    if there is None or any((ip, target.member_port) not in served for ip in target.active.values()):
        request_refresh(place.clouds.zone, Kind.NETRIS_BALANCER)
        return Wait("Netris does not have the load balancer with all its members yet.")
    # Of members that somebody added in CloudStack nothing is said here.
    only_ours = there.model_copy(
        update={"backends": tuple(each for each in there.backends if each.ip in target.active.values())}
    )
    troubles = differences(target.meant, only_ours)
    if not troubles:
        return None
    if memo.get("mended") == target.signature:
        return Wait(f"Netris took what was written, and does not show it: {troubles[0]}")
    return Step(MEND, target.signature, "Netris is being told what CloudStack cannot say.")


def parts(row: Balancer) -> Sequence[BoundPart]:
    return [BoundPart(WholeBalancer(Wanted.of(row, members_of(row)), None), row)]


def changes(row: Balancer, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    was = Wanted.of(row, members_of(row))
    if not wanted:
        return [BoundPart(MakeAgain(was, was), row)]
    return [BoundPart(Changed(Wanted.of(row, members_of(row), wanted), was), row)]


def settled(row: Balancer, goal: str, phase: str) -> None:
    settle_in_vpc(row, goal, phase)
    if phase in AT_REST:
        request_refresh(row.vpc.zone, Kind.NETRIS_BALANCER)
        request_refresh(row.vpc.zone, Kind.NETRIS_ACL)


LOAD_BALANCER = Recipe(
    "load-balancer",
    Balancer,
    parts,
    settled,
    hold_in_vpc,
    related=("tenant", "public_ip", "tier", "vpc__tenant", "vpc__zone"),
    changes=changes,
    take=take,
    titles={
        "present": "Create load balancer",
        "absent": "Delete load balancer",
        "changed": "Change load balancer",
    },
)
