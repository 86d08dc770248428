"""How a stray goes, and how it is taken on.

A removal looks before it acts, at the thing itself and by its id: it must still have the name it was found by,
and no row may have claimed it. In CloudStack it is deleted as any VPC is, and the plugin takes the Netris side along.
On Netris only that is deleted which CloudStack, asked in the same turn, does not have (see `networks.leftovers`).

Taking on writes an id into a row that has lost its own, and changes nothing in any remote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import models

from apps.accounts.models import Account
from apps.cloudstack import wire as cloudstack
from apps.kernel.locks import hold_row
from apps.kernel.remote import Rejected
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.netris.names import name_in_cloudstack
from apps.networks import sentences
from apps.networks.leftovers import Fabric, Leftover, clear
from apps.networks.models import Tier, Vpc
from apps.networks.recipes import need_netris, order_for, owner, remove_route, send_removal
from apps.operations.orders import fate_of
from apps.operations.parts import BoundPart, Done, Memo, Part, Progress, ReadBack, Recipe, Wait
from apps.strays import attached
from apps.strays.models import Stray
from apps.zones.clouds import Clouds
from apps.zones.models import System

CHECKING = "Checking whether CloudStack received the order."


class StrayPart(Part[Stray]):
    """Only ever taken away."""

    title = ""
    systems: tuple[System, ...] = (System.CLOUDSTACK, System.NETRIS)

    def explain(self, text: str) -> str:
        return sentences.explain(text)

    def ensure(self, subject: Stray, clouds: Clouds, memo: Memo) -> Progress:
        raise AssertionError("a stray is not made")


class InCloudStack(StrayPart):
    """A VPC with its tiers, or one tier. One that instances are in is not touched."""

    undo_title = "Remove it from CloudStack, and Netris with it"

    def remove(self, subject: Stray, clouds: Clouds, memo: Memo) -> Progress:
        removing = f"CloudStack is removing the {subject.noun}."
        if memo.is_cleared_to_send:
            return Wait(removing, **memo.values, job=send_removal(clouds, memo))
        fate = fate_of(clouds.cloudstack, memo, memo.get("command", "deleteNetwork"))
        if fate.is_pending:
            return Wait(removing, **fate.memo)
        vpc, networks = self._found(subject, clouds)
        if vpc is None and not networks:
            return Done()
        refuse_claimed(subject)
        if any(clouds.cloudstack.has_instances(network.id) for network in networks):
            raise _refusal("Instances run in it, or are kept there. Move them away first.", "listVirtualMachines")
        routes = clouds.cloudstack.static_routes_of(vpc.id) if vpc else []
        there = {each.id for each in (vpc, *networks) if each}
        if fate.last_word and memo.get("target") in there:
            raise fate.last_word
        if routes:
            return remove_route(routes[0], clouds, memo, fate)
        need_netris(clouds)
        if networks:
            return memo.before_sending(CHECKING, **order_for("deleteNetwork", networks[0]))
        assert vpc is not None, "there is something"
        return memo.before_sending(CHECKING, **order_for("deleteVPC", vpc))

    def _found(self, subject: Stray, clouds: Clouds) -> tuple[cloudstack.Vpc | None, list[cloudstack.Network]]:
        """What goes: the VPC and all that is in it, or the tier alone."""
        if subject.kind == Kind.CLOUDSTACK_NETWORK:
            network = clouds.cloudstack.get_network(subject.remote_id)
            refuse_renamed(subject, network.name if network else None)
            return None, [network] if network else []
        vpc = clouds.cloudstack.get_vpc(subject.remote_id)
        refuse_renamed(subject, vpc.name if vpc else None)
        return vpc, clouds.cloudstack.networks_of(vpc.id) if vpc else []


@dataclass(frozen=True)
class Named:
    remote_name: str


class InNetris(StrayPart):
    """What CloudStack has forgotten, or does not know: a VPC with all that the plugin has made in it, or a V-Net."""

    undo_title = "Remove it from Netris"

    def remove(self, subject: Stray, clouds: Clouds, memo: Memo) -> Progress:
        left = self._vpc(subject, clouds) if subject.kind == Kind.NETRIS_VPC else self._vnet(subject, clouds)
        if not left:
            return Done()
        refuse_claimed(subject)
        clear(left)
        return Wait(f"Netris is removing the {subject.noun}.")

    def _vpc(self, subject: Stray, clouds: Clouds) -> Sequence[Leftover]:
        found = clouds.netris.get_vpc(int(subject.remote_id))
        refuse_renamed(subject, name_in_cloudstack(found.name) if found else None)
        if found is None:
            return ()
        row = Vpc.unscoped.filter(pk=subject.row_id).first() if subject.row_id else None
        own = str(row.cloudstack_id) if row else ""
        if any(vpc.id != own for vpc in clouds.cloudstack.vpcs_called(subject.remote_name)):
            raise _refusal("CloudStack has a VPC of this name. Remove that one: Netris goes with it.", "listVPCs")
        return Fabric(clouds, found, Named(subject.remote_name)).of_all()

    def _vnet(self, subject: Stray, clouds: Clouds) -> Sequence[Leftover]:
        """The V-Net alone: a subnet that stays is cleared away when its range is wanted."""
        net = clouds.netris.get_vnet(int(subject.remote_id))
        refuse_renamed(subject, name_in_cloudstack(net.name) if net else None)
        if net is None:
            return ()
        row = Tier.unscoped.filter(pk=subject.row_id).first() if subject.row_id else None
        own = str(row.cloudstack_id) if row else ""
        if any(network.id != own for network in clouds.cloudstack.networks_called(subject.remote_name)):
            raise _refusal("CloudStack has a tier of this name. Remove that one: Netris goes with it.", "listNetworks")
        return [Leftover(f"the V-Net {net.name}", partial(clouds.netris.delete_vnet, net.id))]


class Attached(StrayPart):
    """What Weft attached to a VPC on Netris: all that has the name, in the order in which it can go. CloudStack never
    knew of it."""

    undo_title = "Remove it from Netris, with all of its name"
    systems = (System.NETRIS,)

    def remove(self, subject: Stray, clouds: Clouds, memo: Memo) -> Progress:
        deletes = self._found(subject, clouds)
        if not deletes:
            return Done()
        if any(row.is_live for row in attached.rows_called({subject.remote_name}).values()):
            raise _refusal("What it is of is there. Apply that, and it takes it on.", "")
        for delete in deletes:
            delete()
        return Wait(f"Netris is removing the {subject.noun}.")

    def _found(self, subject: Stray, clouds: Clouds) -> list[Callable[[], None]]:
        netris, name = clouds.netris, subject.remote_name
        if subject.kind == Kind.NETRIS_PEERING:
            peering = netris.get_peering(int(subject.remote_id))
            refuse_renamed(subject, peering.name if peering else None)
            return [partial(netris.delete_peering, peering.id)] if peering else []
        vpc_id = self._vpc(subject, clouds)
        if vpc_id is None:
            return []
        sessions = [each for each in netris.ebgp_sessions(vpc_id) if each.name == name]
        vnets = [each for each in netris.vnets(vpc_id) if each.name == name]
        ranges = [each for each in netris.ipam(vpc_id) if each.name == name]
        subnets = [child for each in ranges for child in each.children]
        if any(child.name != name for child in subnets):
            raise _refusal("Something else lies in its allocation. Remove that first.", "GET /api/v2/ipam")
        return [
            *(partial(netris.delete_ebgp, each.id) for each in sessions),
            *(partial(netris.delete_vnet, each.id) for each in vnets),
            *(partial(netris.delete_subnet, each.id) for each in subnets),
            *(partial(netris.delete_allocation, each.id) for each in ranges),
        ]

    def _vpc(self, subject: Stray, clouds: Clouds) -> int | None:
        """Where it lies. There is no call for an allocation: the list knows its VPC. What is gone by itself may have
        left the rest of its name behind, which the next look finds."""
        if subject.kind == Kind.NETRIS_RANGE:
            key = mirror.key_of(subject.zone, Kind.NETRIS_RANGE, subject.remote_id)
            return int(key) if key else None
        get = clouds.netris.get_ebgp if subject.kind == Kind.NETRIS_SESSION else clouds.netris.get_vnet
        found = get(int(subject.remote_id))
        refuse_renamed(subject, found.name if found else None)
        return found.vpc.id if found else None


class Owner(StrayPart):
    """A domain with its accounts, or one account; never with VPCs in it."""

    undo_title = "Remove it from CloudStack"
    systems = (System.CLOUDSTACK,)

    def remove(self, subject: Stray, clouds: Clouds, memo: Memo) -> Progress:
        removing = f"CloudStack is removing the {subject.noun}."
        senders = {"deleteAccount": clouds.cloudstack.delete_account, "deleteDomain": clouds.cloudstack.delete_domain}
        if memo.is_cleared_to_send:
            return Wait(removing, **memo.values, job=senders[memo["command"]](memo["target"]))
        fate = fate_of(clouds.cloudstack, memo, memo.get("command", "deleteDomain"))
        if fate.is_pending:
            return Wait(removing, **fate.memo)
        domain, accounts = self._found(subject, clouds)
        there = {each.id for each in (domain, *accounts) if each}
        if not there:
            return Done()
        refuse_claimed(subject)
        names = {account.name for account in accounts}
        domain_id = domain.id if domain else accounts[0].domainid
        left = [vpc for vpc in clouds.cloudstack.vpcs_in_domain(domain_id) if domain or vpc.account in names]
        if left:
            words = ", ".join(sorted(vpc.name for vpc in left))
            raise _refusal(f"VPCs are in it, which would go too: {words}. Remove them first.", "listVPCs")
        if fate.last_word and memo.get("target") in there:
            raise fate.last_word
        if accounts:
            return memo.before_sending(CHECKING, **order_for("deleteAccount", accounts[0]))
        assert domain is not None, "there is something"
        return memo.before_sending(CHECKING, **order_for("deleteDomain", domain))

    def _found(self, subject: Stray, clouds: Clouds) -> tuple[cloudstack.Domain | None, list[cloudstack.Account]]:
        if subject.kind == Kind.CLOUDSTACK_ACCOUNT:
            account = clouds.cloudstack.get_account(subject.remote_id)
            refuse_renamed(subject, account.name if account else None)
            return None, [account] if account else []
        domain = clouds.cloudstack.get_domain(subject.remote_id)
        refuse_renamed(subject, domain.name if domain else None)
        return domain, clouds.cloudstack.accounts_in(domain.id) if domain else []


class TakeOn(ReadBack[Any]):
    """Writes an id into a row that has lost its own. Its subject is the row."""

    title = "Look whether it is what its row needs"
    systems = (System.CLOUDSTACK, System.NETRIS)

    def __init__(self, stray: Stray) -> None:
        self._stray = stray

    def ensure(self, subject: Any, clouds: Clouds, memo: Memo) -> Progress:
        stray = self._stray
        match stray.kind:
            case Kind.CLOUDSTACK_VPC:
                self._refuse_while_there(
                    subject.cloudstack_id and clouds.cloudstack.get_vpc(str(subject.cloudstack_id))
                )
                vpc = self._known(clouds.cloudstack.get_vpc(stray.remote_id))
                account, domain_id = owner(subject)
                self._same((vpc.name, subject.remote_name), (vpc.cidr, subject.cidr))
                self._same((vpc.account, account), (vpc.domainid, domain_id))
                return Done(cloudstack_id=UUID(vpc.id))
            case Kind.CLOUDSTACK_NETWORK:
                own = subject.cloudstack_id and clouds.cloudstack.get_network(str(subject.cloudstack_id))
                self._refuse_while_there(own)
                net = self._known(clouds.cloudstack.get_network(stray.remote_id))
                self._same((net.name, subject.remote_name), (net.cidr, subject.cidr), (net.gateway, subject.gateway))
                self._same((net.vpcid, str(subject.vpc.cloudstack_id)))
                return Done(cloudstack_id=UUID(net.id), vni=net.vni)
            case Kind.NETRIS_VPC:
                self._refuse_while_there(subject.netris_id and clouds.netris.get_vpc(subject.netris_id))
                twin = self._known(clouds.netris.get_vpc(int(stray.remote_id)))
                ranges = {allocation.prefix for allocation in clouds.netris.ipam(twin.id)}
                self._same((name_in_cloudstack(twin.name), subject.remote_name), (subject.cidr in ranges, True))
                return Done(netris_id=twin.id)
            case _:
                self._refuse_while_there(subject.netris_id and clouds.netris.get_vnet(subject.netris_id))
                vnet = self._known(clouds.netris.get_vnet(int(stray.remote_id)))
                self._same((name_in_cloudstack(vnet.name), subject.remote_name), (vnet.vxlan_id, subject.vni))
                self._same((vnet.vpc.id, subject.vpc.netris_id))
                return Done(netris_id=vnet.id)

    def _refuse_while_there(self, own: object) -> None:
        if own:
            raise _refusal("Its row has its own, which is there.", "")

    def _known(self, found: Any) -> Any:
        if found is None:
            raise _refusal("It is gone.", "")
        return found

    def _same(self, *pairs: tuple[object, object]) -> None:
        for found, wanted in pairs:
            if found != wanted:
                raise _refusal(f"It does not fit its row: {found} where {wanted} is needed.", "")


def refuse_renamed(subject: Stray, name: str | None) -> None:
    """An id may have been given to something else meanwhile."""
    if name is not None and name != subject.remote_name:
        raise _refusal(f"It is called {name} by now, and is not what was found.", "")


def refuse_claimed(subject: Stray) -> None:
    rows: dict[str, models.QuerySet[Any]] = {
        Kind.CLOUDSTACK_VPC: Vpc.unscoped.live().filter(cloudstack_id=_uuid(subject)),
        Kind.CLOUDSTACK_NETWORK: Tier.unscoped.live().filter(cloudstack_id=_uuid(subject)),
        Kind.CLOUDSTACK_DOMAIN: Account.unscoped.live().filter(cloudstack_domain_id=_uuid(subject)),
        Kind.CLOUDSTACK_ACCOUNT: Account.unscoped.live().filter(cloudstack_account_id=_uuid(subject)),
        Kind.NETRIS_VPC: Vpc.unscoped.live().filter(zone=subject.zone, netris_id=_number(subject)),
        Kind.NETRIS_VNET: Tier.unscoped.live().filter(vpc__zone=subject.zone, netris_id=_number(subject)),
    }
    if rows[subject.kind].exists():
        raise _refusal("A row of Weft's has it now. It is a stray no more.", "")


def _uuid(subject: Stray) -> UUID | None:
    return UUID(subject.remote_id) if subject.system == System.CLOUDSTACK else None


def _number(subject: Stray) -> int | None:
    return int(subject.remote_id) if subject.system == System.NETRIS else None


def _refusal(text: str, call: str) -> Rejected:
    return Rejected(text, system=System.CLOUDSTACK, call=call)


REMOVERS: dict[str, type[Part[Stray]]] = {
    Kind.CLOUDSTACK_VPC: InCloudStack,
    Kind.CLOUDSTACK_NETWORK: InCloudStack,
    Kind.CLOUDSTACK_DOMAIN: Owner,
    Kind.CLOUDSTACK_ACCOUNT: Owner,
    Kind.NETRIS_VPC: InNetris,
    Kind.NETRIS_VNET: InNetris,
}


def removal_parts(stray: Stray) -> Sequence[BoundPart]:
    remover = Attached if attached.is_attached(stray.remote_name) else REMOVERS[stray.kind]
    return [BoundPart(remover(), stray)]


def row_of(stray: Stray) -> Vpc | Tier:
    """The row that could take it."""
    assert stray.row_id is not None, "only what a row can take is adopted"
    if stray.kind in (Kind.CLOUDSTACK_VPC, Kind.NETRIS_VPC):
        return Vpc.unscoped.select_related("tenant", "zone").get(pk=stray.row_id)
    return Tier.unscoped.select_related("vpc__tenant", "vpc__zone").get(pk=stray.row_id)


def adoption_parts(stray: Stray) -> Sequence[BoundPart]:
    return [BoundPart(TakeOn(stray), row_of(stray))]


def hold_both(stray: Stray) -> None:
    hold_row(row_of(stray))
    hold_row(stray)


def settle(stray: Stray, _goal: str, _phase: str) -> None:
    """Nothing: whether it is gone, or claimed, is for the next sweep to see."""


REMOVAL = Recipe(
    "removal", Stray, removal_parts, settle, unwinds=False, related=("zone",), titles={"absent": "Remove stray"}
)
ADOPTION = Recipe(
    "adoption", Stray, adoption_parts, settle, hold_both, unwinds=False, related=("zone",), titles={"present": "Adopt"}
)
ALL = (REMOVAL, ADOPTION)
