"""What the recipes of public IPs, static NAT and port forwards share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from apps.addresses.models import OnPublicIp, PortForward, StaticNat
from apps.addresses.ways import PLUGINS, Way, remaining
from apps.cloudstack.wire import PublicIp as RemoteIp
from apps.kernel.remote import Rejected
from apps.netris.wire import NatRule
from apps.networks.leftovers import Leftover, clear, nat_rules_of
from apps.operations.parts import Progress, Wait
from apps.zones.clouds import Clouds
from apps.zones.models import System

R = TypeVar("R", StaticNat, PortForward)

CHECKING = "Checking whether CloudStack received the order."
RELATED = ("tenant", "public_ip", "tier", "vpc__tenant", "vpc__zone")


def refusal(text: str, call: str) -> Rejected:
    return Rejected(text, system=System.CLOUDSTACK, call=call)


def address_of(row: OnPublicIp, clouds: Clouds, call: str) -> RemoteIp:
    """As CloudStack shows the public IP. Raises `Rejected` when it is no longer the VPC's."""
    shown = clouds.cloudstack.get_public_ip(str(row.public_ip.cloudstack_id))
    if shown is None or shown.is_free or shown.vpcid != str(row.vpc.cloudstack_id):
        text = f"CloudStack no longer gives {row.address} to this VPC. Release the address here, and take another one."
        raise refusal(text, call)
    return shown


def rules_in(row: OnPublicIp, clouds: Clouds) -> list[NatRule]:
    """The rules of the VPC, whose id is known: no list of the whole controller's."""
    assert row.vpc.netris_id is not None, "it is known when the VPC is built"
    return nat_rules_of(clouds, row.vpc.netris_id)


def clear_remains(row: OnPublicIp, ways: Sequence[Way], clouds: Clouds) -> Progress | None:
    """What Netris still has of these ways, though CloudStack has just shown that nothing of its leads over them. None
    when there is nothing. Raises `Rejected` for a rule that CloudStack did not make."""
    left = remaining(ways, rules_in(row, clouds))
    for rule in left:
        if PLUGINS.fullmatch(rule.name) is None:
            text = f"Netris still has the NAT rule {rule.name or rule.id}, which CloudStack did not make. "
            text += "It has to be removed there first."
            raise Rejected(text, system=System.NETRIS, call="DELETE /api/v2/nat/{id}")
    clear([Leftover(f"the NAT rule {rule.name}", partial(clouds.netris.delete_nat_rule, rule.id)) for rule in left])
    return Wait("Netris is removing what CloudStack left of it.") if left else None
