"""What a virtual interface is to be on Netris: its row, and what a change of it wants instead.

A change carries only what differs, as JSON; its keys are those of `FIELDS`, and `md5`, which is sealed in it as in the
row. Nothing here asks anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from pydantic import SecretStr

from apps.directconnect.filters import list_of
from apps.directconnect.models import Interface
from apps.kernel.seal import Sealed, SealedField
from apps.netris.routing import NO_PASSWORD, Session
from apps.netris.wire import EBgp, VNet

#: What a change can be about. VLAN, addresses and VPC never change: another interface takes the place of one.
FIELDS = ("peer_asn", "announce", "accept", "max_prefixes", "bfd", "is_enabled")


def seal(secret: SecretStr) -> str:
    """As it may lie in an operation; blank for none."""
    return SealedField().get_prep_value(secret) or "" if secret.get_secret_value() else ""


@dataclass(frozen=True)
class Wanted:
    name: str
    vlan: int
    local: IPv4Interface
    remote: IPv4Address
    peer_asn: int
    announces: str
    accepts: str
    max_prefixes: int
    password: SecretStr
    bfd: bool
    is_enabled: bool
    port_id: int
    device_id: int
    netris_vpc_id: int

    @classmethod
    def of(cls, row: Interface, changed: Mapping[str, Any] = {}) -> Wanted:
        """Of one that has a port, in a VPC that is built."""
        assert row.port is not None, "live ones have a port"
        assert row.vpc.netris_id is not None, "the VPC is built"
        values = {name: changed.get(name, getattr(row, name)) for name in FIELDS}
        return cls(
            name=row.remote_name,
            vlan=row.vlan,
            local=IPv4Interface((str(row.local_address), row.prefix_length)),
            remote=IPv4Address(str(row.remote_address)),
            peer_asn=values["peer_asn"],
            announces=list_of(map(IPv4Network, values["announce"])),
            accepts=list_of(map(IPv4Network, values["accept"])),
            max_prefixes=values["max_prefixes"],
            password=_password(row, changed),
            bfd=values["bfd"],
            is_enabled=values["is_enabled"],
            port_id=int(row.port.remote_id),
            device_id=int(row.port.device_id),
            netris_vpc_id=row.vpc.netris_id,
        )

    @property
    def link(self) -> IPv4Network:
        return self.local.network

    def session(self, *, site_id: int, vnet_id: int) -> Session:
        """It ends on the gateway of the V-Net, at the switch that has the cable."""
        return Session(
            name=self.name,
            site_id=site_id,
            vpc_id=self.netris_vpc_id,
            neighbor_as=self.peer_asn,
            local_address=self.local.ip,
            remote_address=self.remote,
            prefix_length=self.link.prefixlen,
            accepts=self.accepts,
            announces=self.announces,
            prefix_limit=self.max_prefixes,
            bfd=self.bfd,
            hardware_id=self.device_id,
            vnet_id=vnet_id,
            password=self.password,
            is_enabled=self.is_enabled,
        )


def vnet_faults(wanted: Wanted, found: VNet) -> list[str]:
    """What of the V-Net is not as it is meant, for the middle of a sentence. In a list it says at most how many ports
    it has; which, and how they are tagged, shows one that was read by its id."""
    faults = []
    if found.vpc.id not in (None, wanted.netris_vpc_id):
        faults.append("it is in another VPC")
    if found.state.lower() == "disabled":
        faults.append("it is disabled")
    if [gateway.prefix for gateway in found.gateways] != [wanted.local]:
        faults.append(f"its gateway is not {wanted.local}")
    if not found.ports and found.ports_count in (None, 1):
        return faults
    plug = next((port for port in found.ports if port.id == wanted.port_id), None)
    if plug is None or len(found.ports) != 1:
        faults.append("the port is not in it" if plug is None else "other ports are in it")
    elif plug.is_untagged or plug.vlan != wanted.vlan:
        faults.append(f"its tag on the port is not {wanted.vlan}")
    return faults


def session_faults(wanted: Wanted, found: EBgp, vnet_id: int | None) -> list[str]:
    """The same of the session. What a release does not show is not held against it; of the key it is only said that it
    differs."""
    facts = (
        ("neighbour", found.neighbor_as, wanted.peer_asn),
        ("local address", found.local_address, wanted.local.ip),
        ("remote address", found.remote_address, wanted.remote),
        ("prefix limit", found.prefix_limit, wanted.max_prefixes),
        ("V-Net", found.vnet.id, vnet_id),
        ("VPC", found.vpc.id, wanted.netris_vpc_id),
    )
    faults = [f"its {name} is not {meant}" for name, shown, meant in facts if shown is not None and shown != meant]
    if found.accepts != wanted.accepts:
        faults.append("it accepts other prefixes")
    if found.announces != wanted.announces:
        faults.append("it announces other prefixes")
    if (shown := found.password.get_secret_value()) and shown != wanted.password.get_secret_value():
        faults.append("its MD5 key differs")
    if found.bfd != wanted.bfd:
        faults.append(f"BFD is {'off' if wanted.bfd else 'on'}")
    if found.is_enabled != wanted.is_enabled:
        faults.append("it is disabled" if wanted.is_enabled else "it is enabled")
    return faults


def take(row: Interface, wanted: Mapping[str, Any]) -> None:
    """Give the row what was wanted."""
    fields = [name for name in FIELDS if name in wanted]
    for name in fields:
        setattr(row, name, wanted[name])
    if "md5" in wanted:
        row.md5 = _password(row, wanted)
        row.has_md5 = bool(wanted["md5"])
        row.md5_shown_at = None
        fields += ["md5", "has_md5", "md5_shown_at"]
    if fields:
        row.save(update_fields=fields)


def _password(row: Interface, changed: Mapping[str, Any]) -> SecretStr:
    if "md5" not in changed:
        return row.md5 if row.has_md5 else NO_PASSWORD
    return Sealed(changed["md5"]) if changed["md5"] else NO_PASSWORD
