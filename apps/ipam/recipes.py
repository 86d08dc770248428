"""How an allocation or a subnet is made, changed and deleted on Netris.

It is found by its type and prefix, of which a VPC has one (netris-api.md 2.3). What somebody else has made under the
same prefix is not taken for Weft's own: a creation is refused, and its undoing leaves it alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.fabric.recipes import Changed, read_again
from apps.ipam.estate import PublicIps
from apps.ipam.models import Block
from apps.kernel.remote import Rejected
from apps.kernel.words import counted
from apps.mirror.models import Kind
from apps.netris.wire import Allocation, Subnet
from apps.operations.models import Operation
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, Recipe, Wait
from apps.zones.clouds import Clouds
from apps.zones.models import System

Found = Allocation | Subnet
#: What a row calls what Netris calls otherwise.
NAMES = {"gateway": "defaultGateway"}
AT_WORK = "Netris is at work on it."

#: What its history calls it (`fabric.changes`).
CALLED = {"name": "Name", "purpose": "Purpose", "gateway": "Gateway"}


def find(block: Block, clouds: Clouds) -> Found | None:
    return clouds.netris.find_block(int(block.vpc["id"]), block.type, block.prefix)


def body_of(block: Block, values: Mapping[str, Any]) -> dict[str, Any]:
    """These values as Netris takes them; an allocation has fewer."""
    wanted = ("name", "description") if block.type == Block.ALLOCATION else tuple(values)
    return {NAMES.get(name, name): values[name] for name in wanted if name in values}


def values_of(block: Block) -> dict[str, Any]:
    return {name: getattr(block, name) for name in ("name", "description", "purpose", "sites", "gateway")}


def shown(found: Found) -> dict[str, Any]:
    """What Netris shows, by the names of a row; sites by their ids."""
    values: dict[str, Any] = {"name": found.name, "description": found.description}
    if isinstance(found, Subnet):
        gateway = str(found.default_gateway or "")
        values |= {"purpose": found.purpose, "gateway": gateway, "sites": sorted(site.id or 0 for site in found.sites)}
    return values


def is_as(found: Found, values: Mapping[str, Any]) -> bool:
    told = shown(found)
    wanted = {**values, "sites": sorted(int(site["id"]) for site in values["sites"])} if "sites" in values else values
    return all(told[name] == value for name, value in wanted.items() if name in told)


class InNetris(Part[Block]):
    title = "Create it in Netris"
    undo_title = "Delete it in Netris"
    systems = (System.NETRIS,)

    def ensure(self, subject: Block, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            body = body_of(subject, values_of(subject))
            body |= {"prefix": str(subject.prefix), "vpc": subject.vpc, "tenant": subject.netris_tenant}
            return Done(netris_id=clouds.netris.create_block(subject.type, body))
        found = find(subject, clouds)
        if found is None:
            return memo.before_sending(AT_WORK)
        if found.id == subject.netris_id or ("intent" in memo and found.name == subject.name):
            return Done(netris_id=found.id)
        text = f"Netris has {subject.prefix} already, as {found.name or 'something without a name'}."
        raise Rejected(text, system=System.NETRIS, call=f"POST /ipam/{subject.type}")

    def remove(self, subject: Block, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            delete = (
                clouds.netris.delete_allocation if subject.type == Block.ALLOCATION else clouds.netris.delete_subnet
            )
            delete(int(memo["id"]))
            return Wait(AT_WORK, **memo.answered())
        found = find(subject, clouds)
        if found is None:
            return Wait(AT_WORK, **memo.values) if memo.may_still_arrive() else Done(netris_id=None)
        if found.id != subject.netris_id and not ("intent" in memo.there and found.name == subject.name):
            return Done(netris_id=None)  # somebody else's: it was never made here, or has gone and come again
        if reason := _carries(found) or _hands_out(subject):
            raise Rejected(reason, system=System.NETRIS, call=f"DELETE /ipam/{subject.type}/{{id}}")
        return memo.before_sending(AT_WORK, id=found.id)

    def leaves(self, subject: Block) -> Sequence[Left]:
        return [Left(System.NETRIS, f"the {subject.type} {subject.prefix}")]


def _carries(found: Found) -> str:
    """Why it is not deleted: whatever lies in it would be, too."""
    inside = len(found.children)
    if inside:
        return (
            f"{inside:,} subnet{'s lie' if inside != 1 else ' lies'} in it by now, which Netris would delete with it."
        )
    hosts = found.hosts_count if isinstance(found, Subnet) else 0
    return f"{hosts:,} of its addresses are in use by now." if hosts else ""


def _hands_out(block: Block) -> str:
    """Why one that was there before is not deleted: CloudStack may have public IPs of it, of which Netris knows none
    before they are used. What nobody has ever read is not taken for none."""
    if block.netris_id is None:
        return ""
    known = PublicIps.of(block.zone)
    if count := known.addresses.within(block.prefix):
        return f"CloudStack has {counted(count, 'public IP')} of it by now."
    return known.unknown if known.never else ""


class BlockChanged(Changed[Block]):
    def differs(self, subject: Block, clouds: Clouds, target: Mapping[str, Any]) -> bool:
        found = find(subject, clouds)
        if found is None or found.id != subject.netris_id:
            text = f"Netris has no {subject.type} {subject.prefix} any more."
            raise Rejected(text, system=System.NETRIS, call=f"PUT /ipam/{subject.type}/{{id}}")
        return not is_as(found, target)

    def write(self, subject: Block, clouds: Clouds, target: Mapping[str, Any]) -> None:
        clouds.netris.update_block(int(subject.vpc["id"]), subject.type, subject.prefix, body_of(subject, target))

    def leaves(self, subject: Block) -> Sequence[Left]:
        return [Left(System.NETRIS, f"the {subject.type} {subject.prefix}, as it was to be")]


def parts_of(block: Block) -> Sequence[BoundPart]:
    return [BoundPart(InNetris(), block)]


def changes_of(block: Block, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    return [BoundPart(BlockChanged(wanted, values_of(block)), block)]


def facts_written(operation: Operation) -> dict[str, str]:
    """What a change writes of it, as its history says it (`fabric.changes`); of its description and its sites that
    tells nothing."""
    return {CALLED[name]: str(value) for name, value in operation.wanted.items() if name in CALLED}


def _recipe(kind: str) -> Recipe[Block]:
    titles = {"present": f"Create {kind}", "absent": f"Delete {kind}", "changed": f"Change {kind}"}
    return Recipe(
        kind, Block, parts_of, read_again(Kind.NETRIS_BLOCK), related=("zone",), changes=changes_of, titles=titles
    )


RECIPES = (_recipe(Block.ALLOCATION), _recipe(Block.SUBNET))
