"""What a VPC and a tier are made of: objects in CloudStack, and the proof that Netris has them too.

CloudStack makes the Netris side itself, with its Netris plugin, and hides the plugin's reasons. So each thing that is
made in CloudStack is followed by a part that only reads Netris: what is missing there is said by name, and nothing is
called ready before both agree (netris-api.md 4.2 gives the names, 4.5 the join keys).

    VPC     CloudStackVpc    FabricVpc (VPC, allocation)   SourceNat (address, rule)   and its tiers:
    tier    CloudStackTier   FabricTier (subnet, V-Net, gateway, VNI)

A removal walks back over the CloudStack parts alone. Each ends with nothing left on either side: what CloudStack has
forgotten and Netris still has is taken away there (`leftovers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Interface
from typing import Any
from uuid import UUID

from apps.accounts.models import Account
from apps.cloudstack import oldest
from apps.cloudstack import wire as cloudstack
from apps.cloudstack.wire import Entity, StaticRoute
from apps.kernel import clock
from apps.kernel.locks import hold_row, hold_rows
from apps.kernel.remote import Rejected
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.netris import wire as fabric
from apps.networks import alongside, sentences
from apps.networks.leftovers import Fabric, Leftover, clear, nat_rules_of
from apps.networks.models import Tier, Vpc
from apps.networks.readings import read_again_when_over
from apps.operations.orders import Fate, fate_of
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, ReadBack, Recipe, S, Wait
from apps.operations.provisioned import settle
from apps.operations.state import AT_REST
from apps.quotas.services import hold_use
from apps.zones.clouds import Clouds
from apps.zones.models import System
from apps.zones.turnstile import Held, Hold

#: How long Netris may take to show what CloudStack says is done. The plugin has finished by then, so this is generous.
AGREEMENT = timedelta(minutes=2)
#: How long createNetwork may go on once it has begun: a few calls of the plugin, each given up after ten seconds, some
#: made twice (unverified). Until then a tier that is not listed may still appear.
CREATION_LASTS = timedelta(minutes=2)
#: How soon the mirror has the list of VPCs, as a rule.
LIST_COMES = timedelta(seconds=10)
#: How long a VPC may be listed before its job is.
JOB_APPEARS = timedelta(seconds=10)


def owner(vpc: Vpc) -> tuple[str, str]:
    """The name of the CloudStack account that owns the VPC, and the id of its domain."""
    account = Account.objects.of(vpc.tenant).ready().select_related("tenant").get(zone=vpc.zone)
    return account.remote_name, str(account.cloudstack_domain_id)


class CloudStackPart(Part[S]):
    """A thing that CloudStack makes, and its plugin on Netris."""

    systems = (System.CLOUDSTACK, System.NETRIS)

    def explain(self, text: str) -> str:
        return sentences.explain(text)


class CloudStackVpc(CloudStackPart[Vpc]):
    title = "Create the VPC in CloudStack"
    undo_title = "Remove the VPC from CloudStack, and Netris with it"

    def ensure(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        building = "CloudStack is building the VPC and its router."
        if memo.is_cleared_to_send:
            return Wait(building, **memo.values, job=self._create(subject, clouds))
        fate = fate_of(clouds.cloudstack, memo, "createVPC")
        if fate.is_known and fate.is_pending:
            return Wait(building, **fate.memo)
        if fate.is_known and fate.refusal:
            raise fate.refusal
        account, domain_id = owner(subject)
        remote = clouds.cloudstack.find_vpc(subject.remote_name, account=account, domain_id=domain_id)
        if remote is None:
            if fate.is_pending:
                return Wait(building, **fate.memo)
            if "seen" in memo:
                # It was there, and is gone: its job has failed and cleaned up.
                raise fate.refusal or _given_up("CloudStack could not build the VPC, and its reason is not known")
            need_netris(clouds)
            return memo.before_sending("Checking whether CloudStack received the order.")
        if remote.is_enabled and fate.has_made("vpc", remote.id):
            return self._made(remote)
        notes = {"seen": memo.now.isoformat(), **memo.values, **fate.memo}
        return self._judge(remote, clouds, replace(memo, values=notes), fate)

    def _create(self, subject: Vpc, clouds: Clouds) -> str:
        account, domain_id = owner(subject)
        return clouds.cloudstack.create_vpc(
            name=subject.remote_name,
            displaytext=subject.label,
            zone_id=str(subject.zone.cloudstack_zone_id),
            offering_id=str(subject.zone.vpc_offering_id),
            cidr=subject.cidr,
            account=account,
            domain_id=domain_id,
        ).job

    def _judge(self, remote: cloudstack.Vpc, clouds: Clouds, memo: Memo, fate: Fate) -> Progress:
        """There it is, and no job is known to have made it. It says Enabled whatever became of the job, but its router
        runs only after all else went well."""
        building = Wait("CloudStack is building the VPC and its router.", **memo.values)
        states = {router.state for router in clouds.cloudstack.routers_of(remote.id)} if remote.has_router else set()
        if remote.is_enabled and "Running" in states:
            return self._made(remote)
        if fate.is_pending:
            return building
        if not remote.is_enabled and memo.is_sent_again:
            need_netris(clouds)
            job = clouds.cloudstack.delete_vpc(remote.id)
            return Wait("CloudStack is clearing away what the failed attempt has left.", job=job)
        if not remote.is_enabled:
            raise fate.refusal or _given_up(f"CloudStack shows the VPC as {remote.state}")
        if not remote.has_router:
            return self._made(remote)
        is_new = memo.now < datetime.fromisoformat(memo["seen"]) + JOB_APPEARS
        if "Starting" in states or (memo.has_lost_an_answer and is_new):
            return building
        shown = f"shows its router as {states.pop()}" if states else "shows no router for it"
        raise fate.refusal or _given_up(f"CloudStack stopped building the VPC before it was done: it {shown}")

    def _made(self, remote: cloudstack.Vpc) -> Progress:
        return Done(cloudstack_id=UUID(remote.id))

    def remove(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        removing = "CloudStack is removing the VPC and its router."
        if memo.is_cleared_to_send:
            return Wait(removing, **memo.values, job=send_removal(clouds, memo))
        if creation_pends(clouds, memo, "createVPC"):
            return Wait("CloudStack is still building the VPC, which is removed when that is over.", **memo.values)
        fate = fate_of(clouds.cloudstack, memo, memo.get("command", "deleteVPC"))
        if fate.is_pending:
            return Wait(removing, **fate.memo)
        account, domain_id = owner(subject)
        remote = clouds.cloudstack.find_vpc(subject.remote_name, account=account, domain_id=domain_id)
        if remote is None:
            if memo.may_still_arrive():
                return Wait("Making sure that no order is still on its way.")
            return self._forget(subject, clouds, memo)
        routes = clouds.cloudstack.static_routes_of(remote.id)
        if fate.last_word and memo.get("command") == "deleteVPC":
            raise fate.last_word
        if routes:
            return remove_route(routes[0], clouds, memo, fate)
        found = None if clouds.cloudstack.networks_of(remote.id) else find_fabric_vpc(clouds, subject)
        # What its tiers left on Netris would keep CloudStack from deleting the VPC there, and no tier claims it now.
        if found and (left := Fabric(clouds, found, subject).of_tiers()):
            clear(left)
            return Wait("Netris is removing what the tiers left behind.")
        need_netris(clouds)
        return memo.before_sending("Checking whether CloudStack received the order.", **order_for("deleteVPC", remote))

    def _forget(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        """CloudStack has no such VPC. Netris may still have what its plugin could not take away. Its id there stays
        known: by it one sees that it is gone."""
        found = find_fabric_vpc(clouds, subject)
        if found is None and (
            waits := wait_for_list(clouds, subject, memo, "Making sure that Netris has nothing of it.")
        ):
            return waits
        if found is None:
            return Done(cloudstack_id=None, egress_ip=None)
        clear(Fabric(clouds, found, subject).of_all())
        return Wait("Netris is removing what CloudStack left of the VPC.")

    def leaves(self, subject: Vpc) -> Sequence[Left]:
        address = f" and the source NAT rule of {subject.egress_ip}" if subject.egress_ip else ""
        there = f"the VPC …-{subject.remote_name} with the range {subject.cidr}{address}"
        return Left(System.CLOUDSTACK, f"the VPC {subject.remote_name}"), Left(System.NETRIS, there)

    def has_got_through(self, subject: Vpc, clouds: Clouds, *, is_removal: bool) -> bool:
        """CloudStack lists a VPC that it could not make only if clearing it away failed as well (W16). A removal takes
        the allocation before the VPC itself."""
        if not is_removal:
            account, domain_id = owner(subject)
            return clouds.cloudstack.find_vpc(subject.remote_name, account=account, domain_id=domain_id) is None
        found = find_fabric_vpc(clouds, subject)
        if found is None and subject.netris_id is None:
            return bool(mirror.hint(clouds.zone, Kind.NETRIS_VPC, subject.remote_name).read_at)
        return found is None or all(each.prefix != subject.cidr for each in clouds.netris.ipam(found.id))


class FabricVpc(ReadBack[Vpc]):
    """The plugin's VPC and allocation. Its name ends in ours, by which the mirror finds it; then its id is known."""

    title = "Find the VPC and its CIDR in Netris"
    systems = (System.NETRIS,)
    deadline = AGREEMENT

    def ensure(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        found = find_fabric_vpc(clouds, subject)
        if found is None:
            why = "Netris has no VPC for it yet."
            # In the list it is not: it is read anew.
            return wait_for_list(clouds, subject, memo, why) or Wait(why, asked=memo.now.isoformat())
        if not any(allocation.prefix == subject.cidr for allocation in clouds.netris.ipam(found.id)):
            return Wait(f"Netris has the VPC, but not yet the range {subject.cidr} in its IPAM.")
        return Done(netris_id=found.id)


class SourceNat(ReadBack[Vpc]):
    """The address that the VPC's traffic leaves with: CloudStack's pool address and the rule in Netris agree."""

    title = "Find the source NAT IP and its rule"
    systems = (System.CLOUDSTACK, System.NETRIS)
    deadline = AGREEMENT

    def ensure(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        addresses = clouds.cloudstack.list_public_ips(str(subject.cloudstack_id))
        assert subject.netris_id is not None, "FabricVpc comes before it"
        rules = [
            rule
            for rule in nat_rules_of(clouds, subject.netris_id)
            if rule.action == "SNAT" and rule.source_address == subject.cidr
        ]
        if not rules:
            request_refresh(clouds.zone, Kind.NETRIS_NAT)
            return Wait("Netris has no source NAT rule for the VPC yet.")
        egress = rules[0].snat_to_ip
        # A Netris VPC has two source NAT IPs; the virtual router's is the other one (cloudstack-api.md 5.4).
        if not any(address.ipaddress == egress for address in addresses if address.issourcenat):
            return Wait(f"Netris translates to {egress}, which CloudStack does not list for the VPC.")
        return Done(egress_ip=egress)


class CloudStackTier(CloudStackPart[Tier]):
    """CloudStack makes a tier while its caller waits, and shows it only when all went well."""

    title = "Create the tier in CloudStack"
    undo_title = "Remove the tier from CloudStack, and Netris with it"

    def ensure(self, subject: Tier, clouds: Clouds, memo: Memo) -> Progress:
        vpc = subject.vpc
        if memo.is_cleared_to_send:
            return self._made(self._create(subject, clouds))
        networks = clouds.cloudstack.networks_of(str(vpc.cloudstack_id))
        if remote := tier_among(networks, subject):
            return self._made(remote)
        assert vpc.netris_id is not None, "FabricVpc comes before the tiers"
        is_taken = any(subnet.prefix == subject.cidr for subnet in clouds.netris.subnets(vpc.netris_id))
        if is_taken and (left := self._left_behind(subject, clouds, networks)):
            notes = {"left": memo.now.isoformat(), **memo.values}
            if memo.has_lost_an_answer and memo.now < datetime.fromisoformat(notes["left"]) + CREATION_LASTS:
                return Wait("CloudStack may still be building the tier.", **notes)
            clear(left)
            return Wait("Netris is removing what an earlier attempt left behind.", **notes)
        need_netris(clouds)
        return memo.before_sending("Checking whether CloudStack received the order.")

    def _create(self, subject: Tier, clouds: Clouds) -> cloudstack.Network:
        vpc = subject.vpc
        account, domain_id = owner(vpc)
        return clouds.cloudstack.create_network(
            name=subject.remote_name,
            displaytext=subject.name,
            vpc_id=str(vpc.cloudstack_id),
            zone_id=str(vpc.zone.cloudstack_zone_id),
            offering_id=str(vpc.zone.tier_offering_id),
            gateway=subject.gateway,
            netmask=subject.cidr.netmask,
            account=account,
            domain_id=domain_id,
            acl_id=alongside.list_of(subject),
        )

    def _made(self, remote: cloudstack.Network) -> Progress:
        return Done(cloudstack_id=UUID(remote.id), vni=remote.vni)

    def _left_behind(self, subject: Tier, clouds: Clouds, networks: Sequence[cloudstack.Network]) -> Sequence[Leftover]:
        """What Netris has of a tier that CloudStack does not have: nothing, as long as a network claims the range."""
        found = find_fabric_vpc(clouds, subject.vpc)
        if found is None or any(each.cidr and each.cidr.overlaps(subject.cidr) for each in networks):
            return ()
        return Fabric(clouds, found, subject.vpc).of_tier(subject)

    def remove(self, subject: Tier, clouds: Clouds, memo: Memo) -> Progress:
        removing = "CloudStack is removing the tier."
        if memo.is_cleared_to_send:
            return Wait(removing, **memo.values, job=send_removal(clouds, memo))
        fate = fate_of(clouds.cloudstack, memo, memo.get("command", "deleteNetwork"))
        if fate.is_pending:
            return Wait(removing, **fate.memo)
        vpc = subject.vpc
        account, domain_id = owner(vpc)
        parent = clouds.cloudstack.find_vpc(vpc.remote_name, account=account, domain_id=domain_id)
        networks = clouds.cloudstack.networks_of(parent.id) if parent else []
        remote = tier_among(networks, subject)
        if parent is None or remote is None:
            left = self._left_behind(subject, clouds, networks)
            if memo.may_still_arrive(CREATION_LASTS if left else timedelta()):
                return Wait("Making sure that no order is still on its way.")
            if not left:
                return Done(cloudstack_id=None, netris_id=None)
            clear(left)
            return Wait("Netris is removing what CloudStack left of the tier.")
        routes = [route for route in clouds.cloudstack.static_routes_of(parent.id) if route.nexthop in subject.cidr]
        if fate.last_word and memo.get("command") == "deleteNetwork":
            raise fate.last_word
        if routes:
            return remove_route(routes[0], clouds, memo, fate)
        need_netris(clouds)
        order = order_for("deleteNetwork", remote)
        return memo.before_sending("Checking whether CloudStack received the order.", **order)

    def leaves(self, subject: Tier) -> Sequence[Left]:
        there = f"the V-Net …-{subject.remote_name} and the subnet {subject.cidr}"
        return Left(System.CLOUDSTACK, f"the network {subject.remote_name}"), Left(System.NETRIS, there)

    def has_got_through(self, subject: Tier, clouds: Clouds, *, is_removal: bool) -> bool:
        """The plugin makes the subnet first and takes the V-Net away first. A tier with instances in it is refused
        without a word to the plugin."""
        vpc = subject.vpc
        if vpc.netris_id is None:
            return False
        if not is_removal:
            return any(subnet.prefix == subject.cidr for subnet in clouds.netris.subnets(vpc.netris_id))
        if find_vnet(clouds, vpc.netris_id, subject) is None:
            return True
        remote = clouds.cloudstack.find_network(subject.remote_name, vpc_id=str(vpc.cloudstack_id))
        return remote is not None and clouds.cloudstack.has_instances(remote.id)


class FabricTier(ReadBack[Tier]):
    """The tier's subnet and V-Net in Netris, joined by the VNI, with the gateway that CloudStack promised."""

    title = "Find the tier's subnet, V-Net and VNI in Netris"
    systems = (System.NETRIS,)
    deadline = AGREEMENT

    def ensure(self, subject: Tier, clouds: Clouds, memo: Memo) -> Progress:
        vpc_id = subject.vpc.netris_id
        assert vpc_id is not None, "FabricVpc comes before the tiers"
        if not any(subnet.prefix == subject.cidr for subnet in clouds.netris.subnets(vpc_id)):
            return Wait(f"Netris has no subnet {subject.cidr} in the VPC yet.")
        vnet = next((net for net in clouds.netris.vnets(vpc_id) if net.vxlan_id == subject.vni), None)
        if vnet is None:
            # Tenants read this: which VNI it is, is the platform's business.
            return Wait("Netris has no V-Net with the tier's VNI in the VPC yet.")
        gateway = IPv4Interface((subject.gateway, subject.cidr.prefixlen))
        if not any(promised.prefix == gateway for promised in vnet.gateways):
            return Wait(f"The tier's V-Net in Netris lacks the gateway {gateway}.")
        return Done(netris_id=vnet.id)


def need_netris(clouds: Clouds) -> None:
    """To be called before each order that CloudStack's plugin has to carry out. Raises `Unavailable` while Netris is
    away, `Held` while the plugin is, or while Netris is too slow for it: the plugin would give up at once and fail the
    whole order, or forget what it could not remove."""
    assert clouds.turnstile is not None, "orders are sent by operations alone"
    clouds.turnstile.enter(clouds.netris)


def find_fabric_vpc(clouds: Clouds, vpc: Vpc) -> fabric.Vpc | None:
    """The plugin's name ends in `-V<number>-` and our remote name, which holds our id. Once found, its id is known.

    Netris finds no VPC by its name: there is only the list of all, which takes longer the more there are. So the mirror
    reads it, once for however many operations wait for it, and tells the id to ask about. It is never believed."""
    ids = [vpc.netris_id] if vpc.netris_id is not None else _hinted(clouds, Kind.NETRIS_VPC, vpc.remote_name)
    for netris_id in ids:
        known = clouds.netris.get_vpc(netris_id)
        if known and known.name.endswith(f"-{vpc.remote_name}"):
            return known
    return None


def wait_for_list(clouds: Clouds, vpc: Vpc, memo: Memo, why: str) -> Wait | None:
    """Of a VPC that was not found: None when Netris surely has none. Without an id it takes a list that was asked for
    after this wait began, and in which it is not. That such a list is long in coming is no fault of the VPC's: the time
    does not count."""
    if vpc.netris_id is not None:
        return None
    asked = datetime.fromisoformat(memo.get("asked", memo.now.isoformat()))
    hint = mirror.hint(clouds.zone, Kind.NETRIS_VPC, vpc.remote_name)
    if hint.is_later_than(asked) and not hint.remote_ids:
        return None
    request_refresh(clouds.zone, Kind.NETRIS_VPC)
    if memo.now > asked + LIST_COMES:
        raise Held(Hold.LISTS, memo.now + LIST_COMES)
    return Wait(why, asked=asked.isoformat())


def _hinted(clouds: Clouds, kind: Kind, key: object) -> list[int]:
    return [int(each) for each in mirror.hint(clouds.zone, kind, key).remote_ids]


def find_vnet(clouds: Clouds, netris_vpc_id: int, tier: Tier) -> fabric.VNet | None:
    """By name, for when the VNI is not known or no longer ours."""
    return next((net for net in clouds.netris.vnets(netris_vpc_id) if net.name.endswith(f"-{tier.remote_name}")), None)


def tier_among(networks: Sequence[cloudstack.Network], tier: Tier) -> cloudstack.Network | None:
    return oldest([each for each in networks if each.name == tier.remote_name])


def creation_pends(clouds: Clouds, memo: Memo, command: str) -> bool:
    """The order that a removal takes back is still at work, or may be: what it makes would come after the removal."""
    return fate_of(clouds.cloudstack, memo.way_there, command).is_pending


def order_for(command: str, remote: Entity) -> dict[str, str]:
    """What a removal notes before it sends."""
    return {"command": command, "target": remote.id}


def send_removal(clouds: Clouds, memo: Memo) -> str:
    """Send what `order_for` has noted. Gives the job."""
    senders = {
        "deleteVPC": clouds.cloudstack.delete_vpc,
        "deleteNetwork": clouds.cloudstack.delete_network,
        "deleteStaticRoute": clouds.cloudstack.delete_static_route,
    }
    return senders[memo["command"]](memo["target"])


def remove_route(route: StaticRoute, clouds: Clouds, memo: Memo, fate: Fate) -> Progress:
    """Take away a static route: neither its tier nor the VPC can go before it. One at a time: the plugin
    would otherwise undo what another call does. Raises `Rejected` when CloudStack has tried this one in vain."""
    if fate.last_word and memo.get("target") == route.id:
        text = f"CloudStack could not remove the static route {route}: {fate.last_word.text}"
        raise Rejected(text, fate.last_word.code, system=System.CLOUDSTACK, call="deleteStaticRoute")
    need_netris(clouds)
    order = order_for("deleteStaticRoute", route)
    return memo.before_sending("Checking whether CloudStack received the order.", **order)


def _given_up(text: str) -> Rejected:
    return Rejected(f"{text}.", system=System.CLOUDSTACK, call="createVPC")


def vpc_parts(vpc: Vpc) -> Sequence[BoundPart]:
    parts: list[Part[Vpc]] = [CloudStackVpc(), FabricVpc(), SourceNat()]
    bound = [BoundPart(part, vpc) for part in parts]
    for tier in Tier.objects.of(vpc.tenant).live().filter(vpc=vpc).order_by("cidr", "id"):
        tier.vpc = vpc  # the same row: what FabricVpc learns, the tier's parts must see
        bound += tier_parts(tier)
    return bound


def tier_parts(tier: Tier) -> Sequence[BoundPart]:
    parts = [BoundPart(CloudStackTier(), tier, tier.name), BoundPart(FabricTier(), tier, tier.name)]
    return alongside.around(tier, parts)


def settle_vpc(vpc: Vpc, goal: str, phase: str) -> None:
    settle(Vpc.objects.of(vpc.tenant).filter(pk=vpc.pk), goal, phase)
    tiers = list(Tier.objects.of(vpc.tenant).live().filter(vpc=vpc).values_list("pk", flat=True))
    settle(Tier.objects.of(vpc.tenant).filter(vpc=vpc), goal, phase)
    alongside.settle(vpc, tiers, goal, phase, is_of_vpc=True)
    read_again_when_over(vpc, phase)


def settle_tier(tier: Tier, goal: str, phase: str) -> None:
    settle(Tier.objects.of(tier.vpc.tenant).filter(pk=tier.pk), goal, phase)
    alongside.settle(tier.vpc, [tier.pk], goal, phase)
    read_again_when_over(tier.vpc, phase)


def hold_vpc(vpc: Vpc) -> None:
    hold_use(vpc.tenant)
    hold_row(vpc)
    hold_rows(Tier.objects.of(vpc.tenant).filter(vpc=vpc))


def hold_tier(tier: Tier) -> None:
    hold_use(tier.vpc.tenant)
    hold_row(tier)


def hold_in_vpc(row: Any) -> None:
    """Of something that lies in a VPC, and knows its `vpc` and its `tenant`."""
    hold_use(row.tenant)
    hold_rows(Vpc.objects.of(row.tenant).filter(pk=row.vpc_id))
    hold_row(row)


def settle_in_vpc(row: Any, goal: str, phase: str) -> None:
    """The same, of what remembers when it came to rest."""
    rows = type(row).objects.of(row.tenant).filter(pk=row.pk)
    settle(rows, goal, phase)
    if phase in AT_REST:
        rows.update(settled_at=clock.now())
    read_again_when_over(row.vpc, phase)


OF_VPC, OF_TIER = ("tenant", "zone"), ("vpc__tenant", "vpc__zone")

VPC = Recipe(
    "vpc",
    Vpc,
    vpc_parts,
    settle_vpc,
    hold_vpc,
    related=OF_VPC,
    titles={"present": "Create VPC", "absent": "Delete VPC"},
)
TIER = Recipe(
    "tier",
    Tier,
    tier_parts,
    settle_tier,
    hold_tier,
    related=OF_TIER,
    titles={"present": "Create tier", "absent": "Delete tier"},
)
ALL = (VPC, TIER)
