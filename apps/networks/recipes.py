"""What a VPC and a tier are made of: objects in CloudStack, and the proof that Netris has them too.

CloudStack makes the Netris side itself, with its Netris plugin, and hides the plugin's reasons. So each thing that is
made in CloudStack is followed by a part that only reads Netris: what is missing there is said by name, and nothing is
called ready before both agree (netris-api.md 4.2 gives the names, 4.5 the join keys).

    VPC     CloudStackVpc    FabricVpc (VPC, allocation)   SourceNat (address, rule)   and its tiers:
    tier    CloudStackTier   FabricTier (subnet, V-Net, gateway, VNI)

A removal walks back over the CloudStack parts alone, and each looks in Netris before it says that it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Interface
from uuid import UUID

from apps.accounts.models import Account
from apps.kernel.remote import Rejected
from apps.netris import wire as fabric
from apps.networks.models import Tier, Vpc
from apps.operations.parts import BoundPart, Done, Memo, Part, Progress, ReadBack, Recipe, Wait, job_under_way
from apps.operations.provisioned import settle
from apps.zones.clouds import Clouds
from apps.zones.models import System

#: How long Netris may take to show what CloudStack says is done. The plugin has finished by then, so this is generous.
AGREEMENT = timedelta(minutes=2)


def owner(vpc: Vpc) -> tuple[str, str]:
    """The name of the CloudStack account that owns the VPC, and the id of its domain."""
    account = Account.objects.of(vpc.tenant).ready().select_related("tenant").get(zone=vpc.zone)
    return account.remote_name, str(account.cloudstack_domain_id)


class CloudStackVpc(Part[Vpc]):
    title = "Create the VPC in CloudStack"
    undo_title = "Remove the VPC from CloudStack, and Netris with it"
    systems = (System.CLOUDSTACK, System.NETRIS)

    def ensure(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        if wait := job_under_way(clouds, memo, "CloudStack is building the VPC and its router."):
            return wait
        account, domain_id = owner(subject)
        if not memo.is_cleared_to_send:
            remote = clouds.cloudstack.find_vpc(subject.remote_name, account=account, domain_id=domain_id)
            if remote is not None and remote.is_pending:
                return Wait("CloudStack is building the VPC and its router.", **memo.values | {"job": remote.jobid})
            if remote is not None and remote.is_enabled:
                return Done(cloudstack_id=UUID(remote.id))
            if remote is not None and memo.is_sent_again:
                need_netris(clouds)
                job = clouds.cloudstack.delete_vpc(remote.id)
                return Wait("CloudStack is clearing away what the failed attempt has left.", job=job)
            if remote is not None:
                text = f"CloudStack shows the VPC as {remote.state}."
                raise Rejected(text, system=System.CLOUDSTACK, call="listVPCs")
            need_netris(clouds)
            return memo.before_sending("Checking whether CloudStack received the order.")
        started = clouds.cloudstack.create_vpc(
            name=subject.remote_name,
            displaytext=subject.label,
            zone_id=str(subject.zone.cloudstack_zone_id),
            offering_id=str(subject.zone.vpc_offering_id),
            cidr=subject.cidr,
            account=account,
            domain_id=domain_id,
        )
        return Wait("CloudStack is building the VPC and its router.", intent=memo["intent"], job=started.job)

    def remove(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        if wait := job_under_way(clouds, memo, "CloudStack is removing the VPC and its router."):
            return wait
        account, domain_id = owner(subject)
        remote = clouds.cloudstack.find_vpc(subject.remote_name, account=account, domain_id=domain_id)
        if remote is None:
            if memo.may_still_arrive():
                return Wait("Making sure that no order is still on its way.")
            if find_fabric_vpc(clouds, subject) is not None:
                return Wait("Netris still has the VPC, though CloudStack has removed it.")
            return Done(cloudstack_id=None, netris_id=None, egress_ip=None)
        if remote.is_pending:
            return Wait("CloudStack is still busy with the VPC.")
        need_netris(clouds)
        return Wait("CloudStack is removing the VPC and its router.", job=clouds.cloudstack.delete_vpc(remote.id))

    def has_got_through(self, subject: Vpc, clouds: Clouds, *, is_removal: bool) -> bool:
        """CloudStack lists a VPC that it could not make only if clearing it away failed as well (W16). A removal takes
        the allocation before the VPC itself."""
        if not is_removal:
            account, domain_id = owner(subject)
            return clouds.cloudstack.find_vpc(subject.remote_name, account=account, domain_id=domain_id) is None
        found = find_fabric_vpc(clouds, subject)
        return found is None or all(each.prefix != subject.cidr for each in clouds.netris.ipam(found.id))


class FabricVpc(ReadBack[Vpc]):
    """The plugin's VPC and allocation. Its name ends in ours, so one list finds it; then its id is known."""

    title = "Find the VPC and its address range in Netris"
    systems = (System.NETRIS,)
    deadline = AGREEMENT

    def ensure(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        found = find_fabric_vpc(clouds, subject)
        if found is None:
            return Wait("Netris has no VPC for it yet.")
        if not any(allocation.prefix == subject.cidr for allocation in clouds.netris.ipam(found.id)):
            return Wait(f"Netris has the VPC, but not yet the range {subject.cidr} in its IPAM.")
        return Done(netris_id=found.id)


class SourceNat(ReadBack[Vpc]):
    """The address that the VPC's traffic leaves with: CloudStack's pool address and the rule in Netris agree."""

    title = "Find the source NAT address and rule"
    systems = (System.CLOUDSTACK, System.NETRIS)
    deadline = AGREEMENT

    def ensure(self, subject: Vpc, clouds: Clouds, memo: Memo) -> Progress:
        addresses = clouds.cloudstack.list_public_ips(str(subject.cloudstack_id))
        rules = [
            rule
            for rule in clouds.netris.nat_rules(vpc_id=subject.netris_id)
            if rule.action == "SNAT" and rule.source_address == subject.cidr
        ]
        if not rules:
            return Wait("Netris has no source NAT rule for the VPC yet.")
        egress = rules[0].snat_to_ip
        # A Netris VPC has two source NAT addresses; the virtual router's is the other one (cloudstack-api.md 5.4).
        if not any(address.ipaddress == egress for address in addresses if address.issourcenat):
            return Wait(f"Netris translates to {egress}, which CloudStack does not list for the VPC.")
        return Done(egress_ip=egress)


class CloudStackTier(Part[Tier]):
    title = "Create the tier in CloudStack"
    undo_title = "Remove the tier from CloudStack, and Netris with it"
    systems = (System.CLOUDSTACK, System.NETRIS)

    def ensure(self, subject: Tier, clouds: Clouds, memo: Memo) -> Progress:
        vpc = subject.vpc
        if not memo.is_cleared_to_send:
            remote = clouds.cloudstack.find_network(subject.remote_name, vpc_id=str(vpc.cloudstack_id))
            if remote is not None:
                return Done(cloudstack_id=UUID(remote.id), vni=remote.vni)
            need_netris(clouds)
            return memo.before_sending("Checking whether CloudStack received the order.")
        account, domain_id = owner(vpc)
        remote = clouds.cloudstack.create_network(
            name=subject.remote_name,
            displaytext=subject.name,
            vpc_id=str(vpc.cloudstack_id),
            zone_id=str(vpc.zone.cloudstack_zone_id),
            offering_id=str(vpc.zone.tier_offering_id),
            gateway=subject.gateway,
            netmask=subject.cidr.netmask,
            account=account,
            domain_id=domain_id,
        )
        return Done(cloudstack_id=UUID(remote.id), vni=remote.vni)

    def remove(self, subject: Tier, clouds: Clouds, memo: Memo) -> Progress:
        if wait := job_under_way(clouds, memo, "CloudStack is removing the tier."):
            return wait
        vpc = subject.vpc
        account, domain_id = owner(vpc)
        parent = clouds.cloudstack.find_vpc(vpc.remote_name, account=account, domain_id=domain_id)
        remote = parent and clouds.cloudstack.find_network(subject.remote_name, vpc_id=parent.id)
        if not remote:
            if memo.may_still_arrive():
                return Wait("Making sure that no order is still on its way.")
            if vpc.netris_id is not None and find_vnet(clouds, vpc.netris_id, subject) is not None:
                return Wait("Netris still has the V-Net, though CloudStack has removed the tier.")
            return Done(cloudstack_id=None, netris_id=None)
        if remote.is_pending:
            return Wait("CloudStack is still busy with the tier.")
        need_netris(clouds)
        return Wait("CloudStack is removing the tier.", job=clouds.cloudstack.delete_network(remote.id))

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
    """The plugin's name ends in `-V<number>-` and our remote name, which holds our id."""
    return next(iter(clouds.netris.vpcs(name_ends=f"-{vpc.remote_name}")), None)


def find_vnet(clouds: Clouds, netris_vpc_id: int, tier: Tier) -> fabric.VNet | None:
    """By name, for when the VNI is not known or no longer ours."""
    return next((net for net in clouds.netris.vnets(netris_vpc_id) if net.name.endswith(f"-{tier.remote_name}")), None)


def vpc_parts(vpc: Vpc) -> Sequence[BoundPart]:
    parts: list[Part[Vpc]] = [CloudStackVpc(), FabricVpc(), SourceNat()]
    bound = [BoundPart(part, vpc) for part in parts]
    for tier in Tier.objects.of(vpc.tenant).live().filter(vpc=vpc).order_by("cidr", "id"):
        tier.vpc = vpc  # the same row: what FabricVpc learns, the tier's parts must see
        bound += tier_parts(tier)
    return bound


def tier_parts(tier: Tier) -> Sequence[BoundPart]:
    return [BoundPart(CloudStackTier(), tier, tier.name), BoundPart(FabricTier(), tier, tier.name)]


def settle_vpc(vpc: Vpc, goal: str, phase: str) -> None:
    settle(Vpc.objects.of(vpc.tenant).filter(pk=vpc.pk), goal, phase)
    settle(Tier.objects.of(vpc.tenant).filter(vpc=vpc), goal, phase)


def settle_tier(tier: Tier, goal: str, phase: str) -> None:
    settle(Tier.objects.of(tier.vpc.tenant).filter(pk=tier.pk), goal, phase)


OF_VPC, OF_TIER = ("tenant", "zone"), ("vpc__tenant", "vpc__zone")

VPC = Recipe(
    "vpc", Vpc, vpc_parts, settle_vpc, related=OF_VPC, titles={"present": "Create VPC", "absent": "Delete VPC"}
)
TIER = Recipe(
    "tier", Tier, tier_parts, settle_tier, related=OF_TIER, titles={"present": "Create tier", "absent": "Delete tier"}
)
ALL = (VPC, TIER)
