"""What Weft reads and writes of Netris' routing: V-Nets, E-BGP sessions, VPC peerings (netris-api.md 2.2, 2.10, 2.12).

An update takes the whole thing, so it is read first, and all that is not asked for goes back as it came. What has no id
yet is looked for by its name in its VPC, never in the whole controller.

A session's password is a secret: it is kept out of every text, and out of the refusals that quote it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any

from pydantic import SecretStr

from apps.kernel.remote import Rejected
from apps.netris.calls import LONGEST_LIST, SYSTEM, Calls, joined, portions, repeated
from apps.netris.wire import EBgp, Peering, Ref, VNet

VNETS, SESSIONS, PEERINGS = "/api/v2/vnet", "/api/v2/ebgp", "/api/v2/vpc-peering"
NO_PASSWORD = SecretStr("")
#: A list that lets nothing through. An empty one would mean what Netris thinks of by itself.
NOTHING = "deny 0.0.0.0/0 le 32"
NOTHING_IPV6 = "deny ::/0 le 128"
#: What an update of a V-Net takes, as far as a row shows it under the same name.
VNET_FIELDS = (
    *("name", "tenant", "guestTenants", "sites", "vlan", "vxlanID", "state", "provisioning", "vlanAware", "vlans"),
    *("nativeVlan", "l3vpn", "customAnycastMac", "ipFamily", "portTags", "tags"),
)
GATEWAY_FIELDS = ("prefix", "vlan", "dhcpEnabled", "dhcp")
#: What an update of a session takes besides what is asked for, and how the two dialects of a row call it.
SESSION_FIELDS = {
    "timers": ("timers",),
    "multihop": ("multihop",),
    "neighborAddress": ("neighborAddress", "neighbor_address"),
    "updateSource": ("updateSource", "update_source"),
    "allowAsIn": ("allowAsIn", "allowas_in"),
    "inboundRouteMap": ("inboundRouteMap", "inbound_route_map"),
    "outboundRouteMap": ("outboundRouteMap", "outbound_route_map"),
    "localPreference": ("localPreference", "local_preference"),
    "weight": ("weight",),
    "prependInbound": ("prependInbound", "prepend_inbound"),
    "prependOutbound": ("prependOutbound", "prepend_outbound"),
    "tags": ("tags",),
}


@dataclass(frozen=True)
class Plug:
    """A fabric port in a V-Net, and the tag that it speaks there; None is untagged."""

    port_id: int
    vlan: int | None

    @property
    def body(self) -> dict[str, Any]:
        """As Terraform sends it: "1" stands for untagged."""
        is_untagged = self.vlan is None
        tag = "1" if is_untagged else str(self.vlan)
        return {"id": self.port_id, "vlan": tag, "accessMode": is_untagged, "state": "active"}


@dataclass(frozen=True, kw_only=True)
class Session:
    """What is asked of an E-BGP session. It ends on the gateway of a V-Net, or on a routed port.

    `accepts` and `announces` are prefix lists, an entry a line, such as `permit 10.20.0.0/16 le 24`. An empty one is
    never sent: Netris would announce what it thinks of by itself.
    """

    name: str
    site_id: int
    vpc_id: int
    neighbor_as: int
    local_address: IPv4Address | IPv6Address
    remote_address: IPv4Address | IPv6Address
    prefix_length: int
    accepts: str
    announces: str
    prefix_limit: int  # the session drops above it; 10,000 at most on a switch (unverified)
    bfd: bool
    hardware_id: int | None = None  # Netris chooses
    vnet_id: int | None = None
    port_id: int | None = None
    vlan: int | None = None  # of a routed port; None is untagged, and a V-Net tags by itself
    local_as: int | None = None  # the public AS of the site
    password: SecretStr = field(default=NO_PASSWORD)
    is_enabled: bool = True
    community: str = ""  # a community a line
    description: str = ""

    @property
    def body(self) -> dict[str, Any]:
        version = self.local_address.version
        nothing = NOTHING if version == 4 else NOTHING_IPV6
        port = {} if self.port_id is None else {"port": {"id": self.port_id}}
        return {
            "name": self.name,
            "description": self.description,
            "site": {"id": self.site_id},
            "vpc": {"id": self.vpc_id},
            "hardware": {"id": self.hardware_id or "auto"},
            **port,
            "vnet": {"id": self.vnet_id or "none"},
            "vlan": self.vlan or 0,
            "untagged": self.port_id is not None and self.vlan is None,
            "neighborAS": self.neighbor_as,
            "localAsn": "public-as" if self.local_as is None else str(self.local_as),
            "ipFamily": f"ipv{version}",
            "localIP": str(self.local_address),
            "remoteIP": str(self.remote_address),
            "prefixLength": self.prefix_length,
            "state": _state(self.is_enabled),
            "bgpPassword": self.password.get_secret_value(),
            "bfd": _state(self.bfd),
            "defaultOriginate": "disabled",
            "prefixInboundMax": str(self.prefix_limit),
            "prefixListInbound": self.accepts.strip() or nothing,
            "prefixListOutbound": self.announces.strip() or nothing,
            "bgpCommunity": self.community,
            "removePrivateAs": "enabled",
        }


@dataclass(frozen=True)
class Side:
    """A VPC of a peering, and what it takes from the other: a prefix list, an entry a line; nothing where it is empty.

    Releases differ in how they call the list, and which has which name is unverified (2.12), so it is sent in both
    dialects. Where neither is understood, Netris takes the list for empty, and lets all of the other VPC in: what a
    peering really takes is read back before anybody relies on it.
    """

    vpc_id: int
    accepts: str

    @property
    def body(self) -> dict[str, Any]:
        lines = [line.strip() for line in self.accepts.splitlines() if line.strip()]
        four = "\n".join(line for line in lines if ":" not in line) or NOTHING
        six = "\n".join(line for line in lines if ":" in line) or NOTHING_IPV6
        return {
            "id": self.vpc_id,
            "prefixListInbound": f"{four}\n{six}",
            "prefixListInboundIPv4": four,
            "prefixListInboundIPv6": six,
        }


class Routing(Calls):
    # V-Nets. A filter is always sent: without one the list holds the Default VPC alone.

    def vnets(self, vpc_id: int | None) -> list[VNet]:
        """None is the VPC that is flagged default."""
        query = [] if vpc_id is None else repeated([vpc_id])
        return self._list(VNETS, VNet, query, subject=vpc_id or "")

    def vnets_of(self, vpc_ids: Collection[int]) -> Iterator[list[VNet]]:
        """Those of all these VPCs, a hundred per call. Of none there are none: an empty filter would mean the Default
        VPC."""
        for some in portions(sorted(vpc_ids)):
            yield self._list(VNETS, VNet, repeated(some), subject=f"{len(some)} VPCs")

    def all_vnets(self, vpc_ids: Collection[int]) -> list[VNet]:
        return [vnet for page in self.vnets_of(vpc_ids) for vnet in page]

    def get_vnet(self, vnet_id: int) -> VNet | None:
        return self._get(f"{VNETS}/{{id}}", vnet_id, VNet)

    def find_vnet(self, vpc_id: int, name: str) -> VNet | None:
        return next((each for each in self.vnets(vpc_id) if each.name == name), None)

    def create_vnet(
        self,
        *,
        name: str,
        vpc_id: int,
        tenant: Ref,
        site: Ref,
        gateway: IPv4Interface | IPv6Interface,
        plugs: Sequence[Plug],
        tags: Sequence[str] = (),
    ) -> int:
        """Returns its id. The gateway must lie in a `common` subnet of the VPC, its site and its owner. The V-Net has
        no VLAN of its own, as the plugin makes them, so that each port has one for itself; Netris picks the VNI."""
        body = {
            "name": name,
            "vpc": {"id": vpc_id},
            "tenant": tenant.model_dump(),
            "guestTenants": [],
            "sites": [site.model_dump()],
            "vlan": 0,
            "state": "active",
            "vlanAware": False,
            "l3vpn": False,
            "customAnycastMac": "",
            "nativeVlan": 0,
            "vlans": "",
            "gateways": [_gateway(gateway)],
            "ports": [plug.body for plug in plugs],
            "tags": list(tags),
        }
        return self._create(VNETS, body, subject=name)

    def update_vnet(
        self,
        vnet_id: int,
        *,
        gateway: IPv4Interface | IPv6Interface | None = None,
        plugs: Sequence[Plug] | None = None,
        is_enabled: bool | None = None,
    ) -> None:
        """What is None stays. Raises `Rejected` when there is no such V-Net."""
        path = f"{VNETS}/{{id}}"
        row = self._routed(path, vnet_id)
        body = {name: row[name] for name in VNET_FIELDS if row.get(name) is not None}
        body["gateways"] = [_kept(each, GATEWAY_FIELDS) for each in _rows(row.get("gateways"))]
        body["ports"] = [_port(each) for each in _rows(row.get("ports"))]
        if gateway is not None:
            body["gateways"] = [_gateway(gateway)]
        if plugs is not None:
            body["ports"] = [plug.body for plug in plugs]
        if is_enabled is not None:
            body["state"] = "active" if is_enabled else "disabled"
        self._update(path, vnet_id, body)

    def delete_vnet(self, vnet_id: int) -> None:
        self._delete(f"{VNETS}/{{id}}", vnet_id)

    # E-BGP sessions. A filter is always sent, as for V-Nets.

    def ebgp_sessions(self, vpc_id: int) -> list[EBgp]:
        """Those of one VPC. SoftGates terminate theirs in the System VPC."""
        return self._list(SESSIONS, EBgp, joined([vpc_id]), subject=vpc_id)

    def ebgp_sessions_of(self, vpc_ids: Collection[int]) -> Iterator[list[EBgp]]:
        """Those of all these VPCs, a hundred per call."""
        for some in portions(sorted(vpc_ids)):
            yield self._list(SESSIONS, EBgp, joined(some), subject=f"{len(some)} VPCs")

    def get_ebgp(self, session_id: int) -> EBgp | None:
        return self._get(f"{SESSIONS}/{{id}}", session_id, EBgp)

    def find_ebgp(self, vpc_id: int, name: str) -> EBgp | None:
        return next((each for each in self.ebgp_sessions(vpc_id) if each.name == name), None)

    def create_ebgp(self, session: Session) -> int:
        """Returns its id."""
        with _unquoted(session.password):
            return self._create(SESSIONS, session.body, subject=session.name)

    def update_ebgp(self, session_id: int, session: Session) -> None:
        """Raises `Rejected` when there is no such session. The VPC is sent as it is: that it can be moved is told
        nowhere."""
        path = f"{SESSIONS}/{{id}}"
        row = self._routed(path, session_id)
        kept = {name: _first(row, keys) for name, keys in SESSION_FIELDS.items()}
        body = {name: value for name, value in kept.items() if value is not None}
        with _unquoted(session.password):
            self._update(path, session_id, {**body, **session.body})

    def set_ebgp_state(self, session_id: int, *, is_enabled: bool) -> None:
        """`disabled` takes the session and its addresses off the device."""
        self._update(f"{SESSIONS}/changestatus", session_id, {"id": session_id, "state": _state(is_enabled)})

    def delete_ebgp(self, session_id: int) -> None:
        self._delete(f"{SESSIONS}/{{id}}", session_id)

    # VPC peerings

    def peerings(self, vpc_id: int) -> list[Peering]:
        """Those that a VPC is a side of. That this list has a filter is unverified, so what comes is sifted."""
        found = self._list(PEERINGS, Peering, [("filterByVpc", str(vpc_id))], subject=vpc_id)
        return [each for each in found if vpc_id in (each.a.id, each.b.id)]

    def all_peerings(self) -> list[Peering]:
        """Of all VPCs. That this list is not one of those that show the Default VPC alone is unverified: no source says
        that it is (netris-api.md 1.7)."""
        return self._list(PEERINGS, Peering, patience=LONGEST_LIST)

    def get_peering(self, peering_id: int) -> Peering | None:
        return self._get(f"{PEERINGS}/{{id}}", peering_id, Peering)

    def find_peering(self, vpc_id: int, name: str) -> Peering | None:
        return next((each for each in self.peerings(vpc_id) if each.name == name), None)

    def create_peering(self, *, name: str, a: Side, b: Side) -> int:
        """Returns its id. What a side takes is to be read back (`Side`)."""
        return self._create(PEERINGS, {"name": name, "vpcA": a.body, "vpcB": b.body}, subject=name)

    def update_peering(self, peering_id: int, *, name: str, a: Side, b: Side) -> None:
        """Raises `Rejected` when there is no such peering."""
        self._update(f"{PEERINGS}/{{id}}", peering_id, {"name": name, "vpcA": a.body, "vpcB": b.body})

    def delete_peering(self, peering_id: int) -> None:
        self._delete(f"{PEERINGS}/{{id}}", peering_id)

    def _routed(self, path: str, row_id: int) -> dict[str, Any]:
        """A thing as it came, for an update of it."""
        rows = self._data(path, subject=str(row_id))
        row = rows[0] if isinstance(rows, list) and rows else rows
        if not isinstance(row, dict) or not row:
            raise Rejected("Not found", 404, system=SYSTEM, call=f"PUT {path}")
        return row


@contextmanager
def _unquoted(password: SecretStr) -> Iterator[None]:
    """Takes a password out of what a refusal quotes. What Netris says of the password itself is not repeated at all:
    it may quote a part of it."""
    try:
        yield
    except Rejected as refusal:
        secret = password.get_secret_value()
        if secret and (refusal.field == "bgpPassword" or secret in refusal.text):
            refusal.text = "bgpPassword: Netris does not take it"
            refusal.args = (refusal.text,)  # the same error: another would carry this one along
        raise


def _state(is_on: bool) -> str:
    return "enabled" if is_on else "disabled"


def _gateway(address: IPv4Interface | IPv6Interface) -> dict[str, Any]:
    """Without DHCP; `dhcp` as the plugin sends it then."""
    return {
        "prefix": str(address),
        "dhcpEnabled": False,
        "dhcp": {"start": "", "end": "", "optionSet": {}},
    }


def _rows(value: object) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _kept(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if row.get(name) is not None}


def _port(row: Mapping[str, Any]) -> dict[str, Any]:
    """A port of a V-Net as a row shows it, as an update takes it. Its state is a word there, and wrapped here."""
    state = row.get("state")
    word = state.get("value") if isinstance(state, dict) else state
    is_untagged = bool(row.get("accessMode") or row.get("untagged"))
    facts = {"vlan": str(row.get("vlan") or "1"), "accessMode": is_untagged, "state": word or "active"}
    return {**_kept(row, ("id", "ipv4", "ipv6")), **facts}


def _first(row: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The first of these that a row shows."""
    return next((row[key] for key in keys if row.get(key) is not None), None)
