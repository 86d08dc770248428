"""A virtual interface on Netris: four objects of Weft's own, all under one name, in the VPC of the tenant.

    1  an allocation for the link, outside of all that CloudStack has in the VPC: what lies in its range goes with it
    2  a subnet in it, from which the gateway of a V-Net may be taken
    3  a V-Net, with the port, its tag and our address as gateway
    4  the session, with both filters, a limit, and its key

They are removed in reverse, and all of them before the VPC can go (the other way round CloudStack would lose the VPC's
source NAT and fail). No V-Net of CloudStack's is touched: a session on one would keep its tier from being changed.

What is found under the name is Weft's own, since the name is made of the interface's id. A change writes the session
alone; what is missing of the rest is made again, and what is otherwise put right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from apps.directconnect.interfaces.wanted import Wanted, session_faults, take, vnet_faults
from apps.directconnect.models import Interface
from apps.kernel import clock
from apps.kernel.remote import Rejected
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.netris.routing import Plug, Session
from apps.netris.wire import Allocation, Ref, Site, Subnet
from apps.networks.recipes import hold_in_vpc, settle_in_vpc
from apps.operations.parts import Again, BoundPart, Done, Left, Memo, Part, Progress, Recipe, Wait
from apps.operations.provisioned import Status
from apps.operations.state import AT_REST
from apps.zones.clouds import Clouds
from apps.zones.models import System

AT_WORK = "Netris is at work on it."
KIND = "interface"
#: How long a VLAN rests before a port may have it again.
REST = timedelta(days=1)


class Made(Part[Interface]):
    """One of the objects. Its id is kept in the row's `fact`, by which it is known that it is there."""

    systems = (System.NETRIS,)
    fact: ClassVar[str]
    what: ClassVar[str]

    def __init__(self, wanted: Wanted, *, stays: bool = False) -> None:
        """`stays`: it was there before, so undoing leaves it."""
        self.wanted, self.stays = wanted, stays

    def ensure(self, subject: Interface, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            return self._send(subject, clouds, memo)
        found = self.find(subject, clouds)
        if found is None:
            return memo.before_sending(AT_WORK, id=0)
        if self.differs(found, clouds):
            return memo.before_sending(AT_WORK, id=found)
        return Done(**{self.fact: found})

    def _send(self, subject: Interface, clouds: Clouds, memo: Memo) -> Progress:
        if memo["id"]:
            self.mend(subject, clouds, int(memo["id"]))
            return Wait(AT_WORK, **memo.answered())
        return Done(**{self.fact: self.create(subject, clouds)})

    def remove(self, subject: Interface, clouds: Clouds, memo: Memo) -> Progress:
        if self.stays:
            return Done()
        if memo.is_cleared_to_send:
            self.delete(clouds, int(memo["id"]))
            return Wait(AT_WORK, **memo.answered())
        found = self.find(subject, clouds)
        if found is None:
            return Wait(AT_WORK, **memo.values) if memo.may_still_arrive() else Done(**{self.fact: None})
        return memo.before_sending(AT_WORK, id=found)

    def leaves(self, subject: Interface) -> Sequence[Left]:
        return [] if self.stays else [Left(System.NETRIS, f"the {self.what} {subject.remote_name}")]

    def find(self, subject: Interface, clouds: Clouds) -> int | None:
        raise NotImplementedError

    def create(self, subject: Interface, clouds: Clouds) -> int:
        raise NotImplementedError

    def delete(self, clouds: Clouds, row_id: int) -> None:
        raise NotImplementedError

    def differs(self, row_id: int, clouds: Clouds) -> bool:
        return False

    def mend(self, subject: Interface, clouds: Clouds, row_id: int) -> None:
        raise NotImplementedError


class Block(Made):
    """What somebody else has under the same prefix is in the way, and left alone."""

    type_: ClassVar[str]

    def find(self, subject: Interface, clouds: Clouds) -> int | None:
        found = self._there(clouds)
        return found.id if found and found.name == self.wanted.name else None

    def _there(self, clouds: Clouds) -> Allocation | Subnet | None:
        return clouds.netris.find_block(self.wanted.netris_vpc_id, self.type_, self.wanted.link)

    def body(self, clouds: Clouds) -> dict[str, Any]:
        vpc_id = self.wanted.netris_vpc_id
        return {
            "name": self.wanted.name,
            "description": "",
            "prefix": str(self.wanted.link),
            "vpc": {"id": vpc_id},
            "tenant": owner_of(vpc_id, clouds).model_dump(),
        }

    def create(self, subject: Interface, clouds: Clouds) -> int:
        if found := self._there(clouds):
            text = f"Netris has {self.wanted.link} in the VPC already, as {found.name or 'something without a name'}."
            raise Rejected(text, system=System.NETRIS, call=f"POST /ipam/{self.type_}")
        return clouds.netris.create_block(self.type_, self.body(clouds))


class LinkAllocation(Block):
    title = "Set the link's addresses aside in Netris"
    undo_title = "Give the link's addresses back in Netris"
    fact, what, type_ = "allocation_id", "allocation", "allocation"

    def delete(self, clouds: Clouds, row_id: int) -> None:
        clouds.netris.delete_allocation(row_id)


class LinkSubnet(Block):
    title = "Make the link's subnet in Netris"
    undo_title = "Remove the link's subnet from Netris"
    fact, what, type_ = "subnet_id", "subnet", "subnet"

    def body(self, clouds: Clouds) -> dict[str, Any]:
        return super().body(clouds) | {
            "purpose": "common",
            "sites": [site_of(clouds).model_dump(include={"id", "name"})],
        }

    def delete(self, clouds: Clouds, row_id: int) -> None:
        clouds.netris.delete_subnet(row_id)


class LinkVNet(Made):
    """A session holds the address of the gateway, and the V-Net cannot be changed while it does (by the emulator; that
    a controller refuses it is unverified). So it goes before that, and is made again by the part after this one; where
    it does not come to that, by undoing this one."""

    title = "Put the VLAN on the port in Netris"
    undo_title = "Take the VLAN off the port in Netris"
    fact, what = "vnet_id", "V-Net"

    def __init__(self, wanted: Wanted, *, stays: bool = False, was: Wanted | None = None) -> None:
        """`was`: what its session is brought back to."""
        super().__init__(wanted, stays=stays)
        self.was = was or wanted

    def ensure(self, subject: Interface, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send and memo.get("session"):
            clouds.netris.delete_ebgp(int(memo["session"]))
            return Wait(AT_WORK, **memo.answered() | {"session": 0})
        progress = super().ensure(subject, clouds, memo)
        if not (isinstance(progress, Again) and progress.memo.get("id")):
            return progress
        session = clouds.netris.find_ebgp(self.wanted.netris_vpc_id, self.wanted.name)
        return Again(**progress.memo | {"session": session.id if session else 0})

    def remove(self, subject: Interface, clouds: Clouds, memo: Memo) -> Progress:
        if not self.stays:
            return super().remove(subject, clouds, memo)
        is_there = self.find(subject, clouds) is not None
        return LinkSession(self.was).ensure(subject, clouds, memo) if is_there else Done()

    def find(self, subject: Interface, clouds: Clouds) -> int | None:
        found = clouds.netris.find_vnet(self.wanted.netris_vpc_id, self.wanted.name)
        return found.id if found else None

    def create(self, subject: Interface, clouds: Clouds) -> int:
        site = site_of(clouds)
        return clouds.netris.create_vnet(
            name=self.wanted.name,
            vpc_id=self.wanted.netris_vpc_id,
            tenant=owner_of(self.wanted.netris_vpc_id, clouds),
            site=Ref(id=site.id, name=site.name),
            gateway=self.wanted.local,
            plugs=[self._plug],
        )

    def differs(self, row_id: int, clouds: Clouds) -> bool:
        found = clouds.netris.get_vnet(row_id)
        return found is not None and bool(vnet_faults(self.wanted, found))

    def mend(self, subject: Interface, clouds: Clouds, row_id: int) -> None:
        clouds.netris.update_vnet(row_id, gateway=self.wanted.local, plugs=[self._plug], is_enabled=True)

    def delete(self, clouds: Clouds, row_id: int) -> None:
        clouds.netris.delete_vnet(row_id)

    @property
    def _plug(self) -> Plug:
        return Plug(self.wanted.port_id, self.wanted.vlan)


class LinkSession(Made):
    title = "Make the BGP session in Netris"
    undo_title = "Remove the BGP session from Netris"
    fact, what = "ebgp_id", "E-BGP session"

    def find(self, subject: Interface, clouds: Clouds) -> int | None:
        found = clouds.netris.find_ebgp(self.wanted.netris_vpc_id, self.wanted.name)
        return found.id if found else None

    def create(self, subject: Interface, clouds: Clouds) -> int:
        return clouds.netris.create_ebgp(session_for(subject, self.wanted, clouds))

    def delete(self, clouds: Clouds, row_id: int) -> None:
        clouds.netris.delete_ebgp(row_id)


class SessionAs(Part[Interface]):
    """The session as it is wanted; undone, as it was."""

    title = "Bring the BGP session to what is wanted"
    undo_title = "Bring the BGP session back to what it was"
    systems = (System.NETRIS,)

    def __init__(self, wanted: Wanted, was: Wanted) -> None:
        self.wanted, self.was = wanted, was
        #: Whether it has come through nobody can tell where Netris does not show it.
        self.has_other_key = wanted.password != was.password

    def ensure(self, subject: Interface, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, self.wanted)

    def remove(self, subject: Interface, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(subject, clouds, memo, self.was)

    def _bring(self, subject: Interface, clouds: Clouds, memo: Memo, target: Wanted) -> Progress:
        if memo.is_cleared_to_send:
            clouds.netris.update_ebgp(int(memo["id"]), session_for(subject, target, clouds))
            return Wait(AT_WORK, **memo.answered(), written=True)
        found = clouds.netris.find_ebgp(target.netris_vpc_id, target.name)
        if found is None:
            text = f"Netris has no session {target.name} any more."
            raise Rejected(text, system=System.NETRIS, call="PUT /ebgp/{id}")
        hides_key = self.has_other_key and not found.password.get_secret_value() and "written" not in memo
        if not hides_key and not session_faults(target, found, subject.vnet_id):
            return Wait(AT_WORK, **memo.values) if memo.may_still_arrive() else Done()
        return memo.before_sending(AT_WORK, id=found.id)

    def leaves(self, subject: Interface) -> Sequence[Left]:
        return [Left(System.NETRIS, f"the E-BGP session {subject.remote_name}, as it was to be")]


def session_for(row: Interface, wanted: Wanted, clouds: Clouds) -> Session:
    assert row.vnet_id is not None, "the V-Net comes before it"
    return wanted.session(site_id=site_of(clouds).id, vnet_id=row.vnet_id)


def site_of(clouds: Clouds) -> Site:
    """The zone's site in Netris."""
    name = clouds.zone.netris_site
    if site := clouds.netris.find_site(name):
        return site
    raise Rejected(f"Netris has no site {name}.", system=System.NETRIS, call="GET /api/sites")


def owner_of(vpc_id: int, clouds: Clouds) -> Ref:
    """Whose the VPC is in Netris: what stands in it is theirs as well."""
    if vpc := clouds.netris.get_vpc(vpc_id):
        return vpc.admin_tenant
    raise Rejected("Netris has no such VPC any more.", 404, system=System.NETRIS, call="GET /api/v2/vpc/{id}")


MAKES: tuple[type[Made], ...] = (LinkAllocation, LinkSubnet, LinkVNet, LinkSession)


def parts_of(row: Interface) -> Sequence[BoundPart]:
    wanted = Wanted.of(row)
    return [BoundPart(part(wanted), row) for part in MAKES]


def changes_of(row: Interface, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    """What somebody has taken away or changed in Netris meanwhile is made right as well."""
    was, target = Wanted.of(row), Wanted.of(row, wanted)
    there: list[Part[Interface]] = [
        LinkVNet(target, stays=True, was=was) if part is LinkVNet else part(target, stays=True) for part in MAKES
    ]
    return [BoundPart(part, row) for part in (*there, SessionAs(target, was))]


def settle(row: Interface, goal: str, phase: str) -> None:
    settle_in_vpc(row, goal, phase)
    if phase in AT_REST:
        rest(row)
        request_refresh(row.vpc.zone, Kind.NETRIS_BGP)


def rest(row: Interface) -> None:
    """The VLAN of one that is gone rests: what still comes tagged with it must not end in somebody else's VPC."""
    rows = Interface.objects.of(row.tenant).filter(pk=row.pk, holds_vlan=True, rests_until=None)
    rows.filter(status=Status.DELETED).update(rests_until=clock.now() + REST)


INTERFACE: Recipe[Interface] = Recipe(
    KIND,
    Interface,
    parts_of,
    settle,
    hold_in_vpc,
    related=("tenant", "connection", "port", "vpc__tenant", "vpc__zone"),
    changes=changes_of,
    take=take,
    titles={
        "present": "Create virtual interface",
        "absent": "Delete virtual interface",
        "changed": "Change virtual interface",
    },
)
