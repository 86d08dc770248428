"""What a public IP is made of: an address of CloudStack's pool that it gives to the VPC.

CloudStack gives an address without a word to Netris: there the first rule that uses it makes its /32. That /32 goes
with the address's release alone. Where Netris refuses to delete it, CloudStack has freed the address all the same, and
whoever gets it next could make no rule (REAL): so no release is over before a list of Netris shows that the /32 is
gone, and one that was left behind is deleted there.

Which address it is, is said before anything is sent: after a lost reply the same one is found again, and it is ours
when it belongs to our VPC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from apps.addresses import pool
from apps.addresses.models import PublicIp
from apps.cloudstack import wire as cloudstack
from apps.kernel.remote import Rejected
from apps.mirror import queries as mirror
from apps.mirror.models import Item, Kind
from apps.mirror.services import request_refresh
from apps.networks.leftovers import Leftover, clear
from apps.networks.readings import read_again_when_over
from apps.networks.recipes import LIST_COMES, creation_pends, find_fabric_vpc, hold_in_vpc, need_netris
from apps.operations.orders import fate_of
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, ReadBack, Recipe, Wait
from apps.operations.provisioned import settle
from apps.zones.clouds import Clouds
from apps.zones.models import System
from apps.zones.turnstile import Held, Hold

#: How many of the addresses that seem free are looked at, before somebody has to ask again.
LOOKED_AT = 5
TAKEN = "{} has been taken outside Weft, or CloudStack does not have it any more. Ask for another one."
#: CloudStack's word for an address that nobody else has, while a job is at work on it.
ALLOCATED = "Allocated"


class FreeAddress(ReadBack[PublicIp]):
    """The address is free still, or ours already. Where any will do another is taken when it is not."""

    title = "Find the address in CloudStack's pool"

    def ensure(self, subject: PublicIp, clouds: Clouds, memo: Memo) -> Progress:
        found = find_address(subject, clouds)
        if found is not None and (found.is_free or is_ours(found, subject)):
            return Done()
        request_refresh(clouds.zone, Kind.CLOUDSTACK_ADDRESS)
        if subject.is_chosen:
            raise _taken(subject)
        zone_id = str(clouds.zone.cloudstack_zone_id)
        for address in pool.open_to(subject.tenant, clouds.zone, most=LOOKED_AT):
            other = clouds.cloudstack.find_public_ip(address, zone_id=zone_id)
            if other is not None and other.is_free:
                return Done(address=address, search_key="")
        raise _taken(subject)


class CloudStackAddress(Part[PublicIp]):
    title = "Acquire the address in CloudStack"
    undo_title = "Release the address in CloudStack, and its /32 in Netris"
    systems = (System.CLOUDSTACK,)

    def ensure(self, subject: PublicIp, clouds: Clouds, memo: Memo) -> Progress:
        acquiring = "CloudStack is assigning the address to the VPC."
        if memo.is_cleared_to_send:
            return Wait(acquiring, **memo.values, job=self._acquire(subject, clouds))
        fate = fate_of(clouds.cloudstack, memo, "associateIpAddress")
        if fate.is_pending:
            return Wait(acquiring, **fate.memo)
        if fate.is_known and fate.refusal:
            raise fate.refusal
        found = find_address(subject, clouds)
        if found is None or not (found.is_free or is_ours(found, subject)):
            raise _taken(subject)
        if found.is_free:
            return memo.before_sending("Checking whether CloudStack received the order.")
        if found.state != ALLOCATED:
            return Wait(acquiring, **memo.values)
        return Done(cloudstack_id=UUID(found.id), acquired_at=subject.acquired_at or memo.now)

    def _acquire(self, subject: PublicIp, clouds: Clouds) -> str:
        vpc_id = str(subject.vpc.cloudstack_id)
        return clouds.cloudstack.acquire_public_ip(subject.address, vpc_id=vpc_id).job

    def remove(self, subject: PublicIp, clouds: Clouds, memo: Memo) -> Progress:
        releasing = "CloudStack is releasing the address."
        if memo.is_cleared_to_send:
            return Wait(releasing, **memo.values, job=clouds.cloudstack.release_public_ip(memo["target"]))
        if creation_pends(clouds, memo, "associateIpAddress"):
            return Wait(
                "CloudStack is still assigning the address, which is released when that is over.", **memo.values
            )
        fate = fate_of(clouds.cloudstack, memo, "disassociateIpAddress")
        if fate.is_pending:
            return Wait(releasing, **fate.memo)
        found = find_address(subject, clouds)
        if found is None or not is_ours(found, subject):
            if memo.may_still_arrive():
                return Wait("Making sure that no order is still on its way.", **memo.values)
            return self._forget(subject, clouds, memo)
        if fate.last_word:
            raise fate.last_word
        need_netris(clouds)
        return memo.before_sending("Checking whether CloudStack received the order.", target=found.id)

    def _forget(self, subject: PublicIp, clouds: Clouds, memo: Memo) -> Progress:
        """CloudStack has freed it. Netris tells its /32 in a list of all alone, which the mirror reads for everybody:
        one that was asked for after this."""
        if subject.cloudstack_id is None:
            return Done()  # nothing can have used it
        asked = datetime.fromisoformat(memo.get("asked", memo.now.isoformat()))
        reading = mirror.reading(clouds.zone, Kind.NETRIS_ADDRESS)
        if reading.read_at is None or reading.read_at <= asked:
            request_refresh(clouds.zone, Kind.NETRIS_ADDRESS)
            if memo.now > asked + LIST_COMES:
                raise Held(Hold.LISTS, memo.now + LIST_COMES)
            why = "Making sure that Netris has nothing of it."
            return Wait(why, **{**memo.values, "asked": asked.isoformat()})
        if not (left := left_in_netris(subject, clouds)):
            return Done(cloudstack_id=None)
        clear(left)
        why = "Netris is removing the /32 that CloudStack left there."
        return Wait(why, **{**memo.values, "asked": memo.now.isoformat()})

    def leaves(self, subject: PublicIp) -> Sequence[Left]:
        return (
            Left(System.CLOUDSTACK, f"the public IP {subject.address} of the VPC {subject.vpc.remote_name}"),
            Left(System.NETRIS, f"the subnet {subject.address}/32"),
        )

    def has_got_through(self, subject: PublicIp, clouds: Clouds, *, is_removal: bool) -> bool:
        """The plugin deletes the /32 last, when CloudStack has freed the address already (REAL)."""
        found = find_address(subject, clouds)
        return is_removal and (found is None or not is_ours(found, subject))

    def explain(self, text: str) -> str:
        if "insufficient address capacity" in text.lower():
            return "The address was taken outside Weft a moment ago. Ask for another one."
        return text


def find_address(subject: PublicIp, clouds: Clouds) -> cloudstack.PublicIp | None:
    return clouds.cloudstack.find_public_ip(subject.address, zone_id=str(clouds.zone.cloudstack_zone_id))


def is_ours(found: cloudstack.PublicIp, subject: PublicIp) -> bool:
    """It belongs to our VPC, and so to our account. The VPC's own address is not ours to give back."""
    return not found.is_free and found.vpcid == str(subject.vpc.cloudstack_id) and not found.issourcenat


def left_in_netris(subject: PublicIp, clouds: Clouds) -> list[Leftover]:
    """The /32 under the plugin's name for it and this VPC, as the mirror has it. Of another VPC's it is the new
    owner's."""
    twin = find_fabric_vpc(clouds, subject.vpc)
    if twin is None:
        return []
    name = f"{twin.name.removesuffix(f'-{subject.vpc.remote_name}')}-{subject.address}/32".lower()
    found = Item.objects.filter(zone=clouds.zone, kind=Kind.NETRIS_ADDRESS, key=str(subject.address))
    return [
        Leftover(f"the subnet {item.name}", partial(clouds.netris.delete_subnet, int(item.remote_id)))
        for item in found
        if item.name.lower() == name
    ]


def _taken(subject: PublicIp) -> Rejected:
    return Rejected(TAKEN.format(subject.address), system=System.CLOUDSTACK, call="listPublicIpAddresses")


def public_ip_parts(row: PublicIp) -> Sequence[BoundPart]:
    return [BoundPart(FreeAddress(), row), BoundPart(CloudStackAddress(), row)]


def settle_public_ip(row: PublicIp, goal: str, phase: str) -> None:
    settle(PublicIp.objects.of(row.tenant).filter(pk=row.pk), goal, phase)
    read_again_when_over(row.vpc, phase)


PUBLIC_IP = Recipe(
    "public-ip",
    PublicIp,
    public_ip_parts,
    settle_public_ip,
    hold_in_vpc,
    related=("tenant", "zone", "vpc__tenant", "vpc__zone"),
    titles={"present": "Acquire public IP", "absent": "Release public IP"},
)
