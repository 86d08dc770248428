"""What the controller remembers: a shelf of rows for each kind of object, and how objects name each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from sandbox.kit.clock import Clock
from sandbox.kit.manners import Manner
from sandbox.kit.store import Field, Row, Store
from sandbox.netris.state.ledger import LAST_VNI, Claim, Claims, Ledger, Owner
from sandbox.netris.state.shelf import Cables, Shelf, Spells, Subset
from sandbox.netris.state.tree import Branch, Tree
from sandbox.netris.wire import MISSING, Call, Fields, Refusal, invalid, not_found, weak_int

LAST_VLAN = 4094
LAST_VPC_VLAN = 3583


def _nobody_knows(vpc: int, ip: str, port: int) -> tuple[Manner, float]:
    """Without a CloudStack beside it, the controller knows of no machines."""
    return Manner.WELL, 0.0


class Controller:
    """`machine_manner` tells how a machine behaves at a port of an address in a VPC, and since when it is well or not
    (`sandbox.living`)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.machine_manner: Callable[[int, str, int], tuple[Manner, float]] = _nobody_knows
        self.unreached: list[Row] | None = None  # reckoned by `fabric`, until something happens
        self.age = 0.0  # seconds by which what is written now is older than it looks: seeds were there before
        self.tree = Tree()
        self.ledger = Ledger(self.tree)
        self.tenants = Shelf(store["tenant"], "name")
        self.sites = Shelf(store["site"], "name")
        self.vpcs = self._shelf("vpc", "name", "isSystem", "isDefault", kind="vrf", claims=_vpc_claims)
        self.allocations = Shelf(store["allocation"], "name", "vpc", follow=(Branch(self.tree, "allocation"),))
        self.subnets = Shelf(store["subnet"], "name", "vpc", follow=(Branch(self.tree, "subnet"),))
        self.vnets = self._shelf("vnet", "name", "vpc", "vxlanID", claims=_vnet_claims)
        self.peerings = Shelf(store["vpcpeering"], "name", "vpcA", "vpcB")
        self.option_sets = Shelf(store["optionset"], "name", "isDefault")
        self.nats = self._shelf("nat", "name", "vpc", ("site", "action", "state"), claims=self._nat_claims)
        self.lbs = self._shelf("l4lb", "name", "vpc", ("site", "status"), claims=self._lb_claims)
        self.acls = Shelf(store["acl"], "name", "vpc")
        self.port_groups = Shelf(store["portgroup"], "name")
        self.static_routes = Shelf(store["route"], "name", "vpc")
        self.profiles = Shelf(store["profile"], "name")
        self.dead_devices = Subset(lambda row: row["killedAt"] is not None)
        self.shaken_devices = Subset(lambda row: bool(row["outages"]))  # that were dead before
        self.maintained = Spells(store["maintained"], clock, lambda row: bool(row.get("maintenanceMode")))
        self.devices = Shelf(
            store["hw"],
            "name",
            "type",
            follow=(
                Claims(self.ledger, "hw", self._device_claims),
                self.dead_devices,
                self.shaken_devices,
                self.maintained,
            ),
        )
        self.member_manners = Shelf(store["membermanner"], "vpc")
        self.last_reports = Shelf(store["lastreport"])
        self.thresholds = Shelf(store["threshold"])
        self.misplugged = Subset(lambda row: bool(row["neighbour"]))
        self.down_ports = Spells(store["downport"], clock, _is_dark)
        self.ports = Shelf(store["port"], "name", "hw", follow=(self.misplugged, self.down_ports))
        self.cables = Cables()
        self.links = Shelf(store["link"], "local", "remote", follow=(self.cables,))
        self.sessions = self._shelf("ebgp", "name", "vpc", "port", "vnet", "hw", kind="bgp", claims=_session_claims)
        self.routers = Shelf(store["peerrouter"], "port")  # of tenants, at the far end (`routing.routers`)
        self.bgp_objects = Shelf(store["bgpobject"], "name")
        self.route_maps = Shelf(store["routemap"], "name")
        self.permission_groups = Shelf(store["permissiongroup"], "name")
        self.user_roles = Shelf(store["userrole"], "name", "group")
        self.users = Shelf(store["user"], "name", "group", "role")
        by_hand = Claims(self.ledger, "", _reserved_claims, _reserved_for)
        self.reservations = Shelf(store["reservation"], follow=(by_hand,))

    def _shelf(self, table: str, *fields: Field, claims: Any, kind: str = "") -> Shelf:
        return Shelf(self.store[table], *fields, follow=(Claims(self.ledger, kind or table, claims),))

    @property
    def shelves(self) -> dict[str, Shelf]:
        return {shelf.table.name: shelf for shelf in vars(self).values() if isinstance(shelf, Shelf)}

    @property
    def scoped(self) -> dict[str, Shelf]:
        """The objects that live in a VPC, by the word for them."""
        return {
            "allocation": self.allocations,
            "subnet": self.subnets,
            "vnet": self.vnets,
            "nat": self.nats,
            "l4lb": self.lbs,
            "ebgp": self.sessions,
            "route": self.static_routes,
            "acl": self.acls,
        }

    @property
    def system_vpc(self) -> int:
        row = self.vpcs.one("isSystem", True)
        return int(row["id"]) if row else 0

    @property
    def default_vpc(self) -> int:
        row = self.vpcs.one("isDefault", True)
        return int(row["id"]) if row else 0

    def is_own(self, vpc: int) -> bool:
        """The System VPC or the default one, and no tenant's."""
        return vpc in (self.system_vpc, self.default_vpc)

    @property
    def is_undisturbed(self) -> bool:
        """No device ever died, no port was ever switched off or lost its cable."""
        return not (self.dead_devices.rows or self.shaken_devices.rows or self.down_ports)

    def stamp(self) -> int:
        """Now, in the milliseconds that the API speaks."""
        return int((self.clock.now() - self.age) * 1000)

    @contextmanager
    def long_ago(self, seconds: float) -> Iterator[None]:
        """What is written in this block looks this old."""
        self.age = seconds
        try:
            yield
        finally:
            self.age = 0.0

    def render_again(self) -> None:
        """A name or a cable changed that rows of other kinds show."""
        self.unreached = None
        for shelf in self.shelves.values():
            shelf.render_again()
        self.tree.render_again()

    def render_vpc_again(self, vpc: int) -> None:
        """The name of a VPC changed, which everything in it shows."""
        for kind, shelf in self.scoped.items():
            rows = shelf.by("vpc", vpc)
            if kind in ("allocation", "subnet"):
                self.tree.render_again(self.tree.nodes[kind, row["id"]] for row in rows)
            else:
                shelf.render_again(rows)

    # References: `{id, name}`, and the id wins (0.2). Go clients write the id that they do not have as 0.

    def resolve(self, shelf: Shelf, value: Any, name: str) -> Row:
        row = None
        if isinstance(value, dict) and value.get("id") in (None, 0):
            text = value.get("name")
            row = shelf.one("name", text) if isinstance(text, str) else None
        else:
            row = shelf.get(weak_int(value.get("id") if isinstance(value, dict) else value))
        if row is None:
            raise Refusal(404, "VPC is not found." if shelf is self.vpcs else "Not found", {name: "Not Found"})
        return row

    def one_of(self, shelf: Shelf, fields: Fields, name: str, default: Any = MISSING) -> int:
        """The id that a reference field names. The default is an id."""
        return int(self.resolve(shelf, fields.raw(name, default), name)["id"])

    def one_or_none(self, shelf: Shelf, fields: Fields, name: str, default: int | None = None) -> int | None:
        """The id that a reference field names, or None: what is empty or all zeroes names nothing."""
        value = fields.raw(name, default)
        if not (value.get("id") or value.get("name") if isinstance(value, dict) else value):
            return None
        return int(self.resolve(shelf, value, name)["id"])

    def by_body(self, shelf: Shelf, call: Call) -> Row:
        """The row that the body of a v1 call names by its `id` (quirk 42)."""
        return self.row(shelf, call.fields.raw("id"))

    def all_by_body(self, shelf: Shelf, call: Call) -> list[Row]:
        """The rows that the body of a v1 call names by its `id`, which may be a list."""
        asked = call.fields.raw("id")
        return [self.row(shelf, number) for number in (asked if isinstance(asked, list) else [asked])]

    def row(self, shelf: Shelf, number: Any) -> Row:
        """The row of that id; 404 without one."""
        row = shelf.get(weak_int(number))
        if row is None:
            raise not_found()
        return row

    def many_of(self, shelf: Shelf, fields: Fields, name: str, default: Any = ()) -> list[int]:
        found = [int(self.resolve(shelf, item, name)["id"]) for item in fields.items(name, default)]
        return list(dict.fromkeys(found))

    def vpc_of(self, fields: Fields) -> int:
        return self.one_of(self.vpcs, fields, "vpc", self.default_vpc)

    @staticmethod
    def ref(shelf: Shelf, key: Any) -> dict[str, Any]:
        row = shelf.get(key)
        return {"id": key, "name": row["name"] if row else ""}

    def refs(self, shelf: Shelf, keys: Iterable[Any]) -> list[dict[str, Any]]:
        return [self.ref(shelf, key) for key in keys]

    def unique_name(self, shelf: Shelf, fields: Fields, was: Row | None = None) -> str:
        name = fields.name(was["name"] if was else MISSING)
        if any(row is not was for row in shelf.by("name", name)):
            raise invalid("name", "An object with this name already exists.")  # unverified
        return name

    # Lists: without a filter some show the Default VPC alone, others every VPC (1.7, quirk 4)

    def scope(self, call: Call) -> Iterable[int]:
        """The VPCs of the filter, else the Default VPC."""
        asked = call.ids("filterByVpc")
        return sorted(asked) if asked is not None else (self.default_vpc,)

    @staticmethod
    def asked(shelf: Shelf, call: Call) -> Iterable[Row]:
        """What lies in the VPCs of the filter, else everything."""
        asked = call.ids("filterByVpc")
        return shelf if asked is None else (row for vpc in sorted(asked) for row in shelf.by("vpc", vpc))

    # Numbers

    def take_vni(self) -> int:
        vni = self.ledger.next_free("vni", 1, LAST_VNI)
        if vni is None:
            raise invalid("vxlanID", "There is no free VXLAN ID.")  # unverified
        return vni

    def take_vlan(self, site: int) -> int:
        vlan = self.ledger.next_free(("vlan", site), 2, LAST_VLAN)
        if vlan is None:
            raise invalid("vlan", "There is no free VLAN in this site.")  # unverified
        return vlan

    def vlans_of_a_new_vpc(self) -> list[Row]:
        """One VLAN of each site with switches of Netris's own, while the share of VPCs lasts.

        A VPC needs its VLAN only on switches that carry its VRF, and tiers that live on hypervisors put it on none.
        So a site that has no VLAN left for VPCs still takes VPCs, without one, and the last few hundred stay for
        V-Nets. What a controller does then is told nowhere (unverified).
        """
        found = []
        for site in self.sites:
            if site["switchFabric"] == "netris":
                vlan = self.ledger.next_free(("vlan", site["id"]), 2, LAST_VPC_VLAN)
                if vlan is not None:
                    found.append({"siteId": site["id"], "vlan": vlan})
        return found

    # Claims on addresses: NAT and load balancers always sit on the System VPC's side (2.1).

    def _nat_claims(self, row: Row) -> Iterable[Claim]:
        public = row["destinationAddress"] if row["action"] == "DNAT" else row["snatToIP"]
        if public:
            yield Claim.ip(self.system_vpc, ip_network(public).network_address, row["action"].lower())

    def _lb_claims(self, row: Row) -> Iterable[Claim]:
        yield Claim.ip(self.system_vpc, ip_address(row["ip"]))

    def _device_claims(self, row: Row) -> Iterable[Claim]:
        for field in ("mainAddress", "mgmtAddress"):
            if row[field]:
                yield Claim.ip(self.system_vpc, ip_address(row[field]), field.removesuffix("Address"))


def _is_dark(port: Row) -> bool:
    """Switched off, or its cable was pulled."""
    return bool(port["adminDown"]) or port["carrier"] is False


def _reserved_for(row: Row) -> Owner:
    consumer = row["consumer"]
    return Owner(consumer["type"], consumer["id"], consumer["name"], row["id"])


def _reserved_claims(row: Row) -> Iterable[Claim]:
    match row["kind"]:
        case "vxlan":
            yield Claim.vni(row["number"])
        case "vlan":
            yield Claim.vlan(row["site"], row["number"])
        case _:
            yield Claim.ip(row["vpc"], ip_address(row["address"]), "reserved")


def _vpc_claims(row: Row) -> Iterable[Claim]:
    yield Claim.vni(row["vni"])
    for reserved in row["vlans"]:
        yield Claim.vlan(reserved["siteId"], reserved["vlan"])


def _vnet_claims(row: Row) -> Iterable[Claim]:
    yield Claim.vni(row["vxlanID"])
    if row["vlan"]:
        for site in row["sites"]:
            yield Claim.vlan(site, row["vlan"])
    for port in row["ports"]:
        yield Claim.port(port["port"], 0 if port["untagged"] else port["vlan"])
    for gateway in row["gateways"]:
        yield Claim.ip(row["vpc"], ip_interface(gateway["prefix"]).ip, "gateway")


def _session_claims(row: Row) -> Iterable[Claim]:
    if row["port"]:
        yield Claim.port(row["port"], 0 if row["untagged"] else row["vlan"])
    yield Claim.ip(row["vpc"], ip_address(row["localIP"]), "local")
    yield Claim.ip(row["vpc"], ip_address(row["remoteIP"]), "remote")
