"""A packet's way through the fabric, step by step. What each step rests on is told in the package."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network

from sandbox.kit.manners import Manner
from sandbox.kit.store import Row
from sandbox.living import Living, router_address
from sandbox.netris.overlay import members
from sandbox.netris.routing import ebgp, routers
from sandbox.netris.state import fabric
from sandbox.netris.state.ledger import Claim
from sandbox.packets import routes, rules
from sandbox.packets.packet import End, Outcome, Packet, Stop, Why
from sandbox.packets.routes import Hop

_TOLD = {Manner.REFUSE: Why.REFUSED, Manner.TIME_OUT: Why.TIMED_OUT}


class _StoppedError(Exception):
    def __init__(self, what: Why, name: str, machine: str = "") -> None:
        super().__init__(what, name)
        self.stop = Stop(what, name)
        self.machine = machine


def would_pass(living: Living, packet: Packet) -> Outcome:
    """What becomes of a packet now. ValueError for a source that is not there."""
    return _Walk(living, packet).outcome()


class _Walk:
    def __init__(self, living: Living, packet: Packet) -> None:
        self._living = living
        self._net = living.net
        self._tables = living.tables
        self._packet = packet
        self._via: list[str] = []
        self._doubts: list[str] = []

    def outcome(self) -> Outcome:
        packet = self._packet
        try:
            if packet.router:
                start = self._from_a_router()
            else:
                start = self._from_a_machine() if packet.instance else self._from_the_internet()
            ends = tuple(start)
        except _StoppedError as stopped:
            ends = (End(packet.to, packet.port, stopped.machine, stopped.stop),)
        return Outcome(ends, tuple(self._via), tuple(self._doubts))

    # from outside

    def _from_the_internet(self) -> Iterator[End]:
        self._demand_an_uplink()
        return self._at_the_edge(self._packet.source)

    def _demand_an_uplink(self) -> None:
        """Some session with the internet is up, on a SoftGate. A fabric without any is taken to have another way."""
        net = self._net
        uplinks = [
            session
            for session in net.sessions.by("vpc", net.system_vpc)
            if (net.devices.get(session["hw"]) or {}).get("type") == "softgate"
        ]
        if uplinks and not any(ebgp.seen(net, session).state == "Established" for session in uplinks):
            raise _StoppedError(Why.NO_UPLINK, uplinks[0]["name"])

    def _at_the_edge(self, source: str) -> Iterator[End]:
        """At a SoftGate, for an address of the site's."""
        net, to, port = self._net, self._packet.to, self._packet.port
        balancer, rule, routed = self._balancer(), self._dnat(source), self._routed_subnet()
        if balancer is None and rule is None and routed is None:
            raise self._nothing_there()
        self._filter(net.system_vpc, None, source, to, port)
        if balancer is not None:
            self._via.append(f"l4lb {balancer['name']}")
            yield from self._balance(balancer, source)
        elif rule is not None:
            self._via.append(f"nat {rule['name']}")
            self._demand_softgates(rule["site"], "general")
            yield self._into(rule["vpc"], source, _host(rule["dnatToIP"]), rule["dnatToPort"] or port)
        elif routed is not None:
            self._demand_softgates(routed["sites"][0], "general")
            yield self._into(routed["vpc"], source, to, port)

    def _nothing_there(self) -> _StoppedError:
        if routes.way(self._net, self._net.system_vpc, self._packet.to) is not None:
            self._doubts.append("what answers in the System VPC's own V-Nets is not known")
        return _StoppedError(Why.NO_SERVICE, self._packet.to)

    def _balancer(self) -> Row | None:
        packet = self._packet
        for row in self._net.lbs:
            is_asked = (row["ip"], row["port"], row["protocol"].lower()) == (packet.to, packet.port, packet.protocol)
            if is_asked and row["status"] == "enable":
                return row
        return None

    def _dnat(self, source: str) -> Row | None:
        """A forward of the port comes before a rule for the whole address; if both are there, that is a doubt."""
        found = [row for row in self._net.nats if row["action"] == "DNAT" and self._is_for(row, source)]
        found.sort(key=lambda row: row["protocol"] == "all")
        if len({(row["vpc"], row["dnatToIP"], row["dnatToPort"]) for row in found}) > 1:
            self._doubts.append(f"several NAT rules are for {self._packet.to}")
        return found[0] if found else None

    def _is_for(self, rule: Row, source: str) -> bool:
        packet = self._packet
        if rule["state"] != "enabled" or _host(rule["destinationAddress"]) != packet.to:
            return False
        if not _is_in(rule["sourceAddress"], source):
            return False
        if rule["protocol"] == "all":
            return True
        if rule["protocol"] != packet.protocol:
            return False
        if packet.protocol == "icmp":
            return True
        group = self._net.port_groups.get(rule["portGroup"])
        wanted = rules.ranges_of({"ports": [rule["destinationPort"]]} if group is None else group)
        senders = rules.ranges_of({"ports": [rule["sourcePort"]]})
        return any(first <= packet.port <= last for first, last in wanted) and any(
            first <= packet.source_port <= last for first, last in senders
        )

    def _routed_subnet(self) -> Row | None:
        """Of a tier whose addresses are the internet's (ROUTED)."""
        return next((row for row in self._net.subnets if row["globalRouting"] and self._is_to(row["prefix"])), None)

    def _is_to(self, prefix: str) -> bool:
        return _is_in(prefix, self._packet.to)

    def _balance(self, balancer: Row, source: str) -> Iterator[End]:
        """To each member that a SoftGate has in rotation. Without a check that is each of them (3.7, 2.5)."""
        gates = members.balancing(self._net, balancer["site"])
        if not gates:
            raise _StoppedError(Why.NO_SOFTGATE, balancer["name"])
        rotation = [member for member in balancer["backendIps"] if not member["maintenance"]]
        well = {member["id"]: self._gates_that_find_it_well(balancer, member, gates) for member in rotation}
        for gate in gates:
            if not any(gate["id"] in found for found in well.values()):
                yield End(balancer["ip"], balancer["port"], stop=Stop(Why.NO_MEMBER, balancer["name"]))
                break
        for member in rotation:
            if well[member["id"]]:
                yield self._to_a_member(balancer, member, source)

    def _gates_that_find_it_well(self, balancer: Row, member: Row, gates: list[Row]) -> set[int]:
        if balancer["healthCheck"] == "None":
            return {gate["id"] for gate in gates}
        found = members.reports(self._net, balancer, member)
        return {report.gate["id"] for report in found if not report.trouble and not report.is_last}

    def _to_a_member(self, balancer: Row, member: Row, source: str) -> End:
        try:
            return self._into(balancer["vpc"], source, member["ip"], member["port"])
        except _StoppedError as stopped:
            return End(member["ip"], member["port"], stopped.machine, stopped.stop)

    def _demand_softgates(self, site: int, role: str) -> None:
        net = self._net
        gates = [gate for gate in net.devices.by("type", "softgate") if (gate["site"], gate["sgRole"]) == (site, role)]
        if not any(
            fabric.is_alive(gate) and not gate["maintenanceMode"] and fabric.cut_off_since(net, gate) is None
            for gate in gates
        ):
            raise _StoppedError(Why.NO_SOFTGATE, role)

    # in a VPC

    def _into(self, vpc: int, source: str, to: str, port: int) -> End:
        """From a SoftGate to an address of the VPC."""
        hop = self._way(vpc, to)
        if hop is None:
            raise _StoppedError(Why.NO_ROUTE, self._net.ref(self._net.vpcs, vpc)["name"])
        return self._over(hop, vpc, source, to, port)

    def _way(self, vpc: int, to: str) -> Hop | None:
        hop = routes.way(self._net, vpc, to)
        if hop is not None and hop.via:
            self._via.append(hop.via)
        if hop is not None and hop.is_doubtful:
            self._doubts.append(f"{hop.via} is on some switches only")
        if hop is not None and hop.session is not None and not hop.network.prefixlen and vpc != self._net.system_vpc:
            self._doubts.append("whether a learned default route comes before the SoftGates' is told nowhere")
        return hop

    def _over(self, hop: Hop, vpc: int, source: str, to: str, port: int) -> End:
        """Through the lists of the VPC, and of the one that it is peered with, to whoever is there."""
        if hop.session is not None:
            return self._to_a_router(hop.session, vpc, source, to, port)
        assert hop.vnet is not None, "only sessions lead out of the fabric"
        if hop.peering is not None and not routes.is_let_back(self._net, hop.peering, vpc, source):
            raise _StoppedError(Why.NO_WAY_BACK, hop.peering["name"])
        for each in dict.fromkeys((vpc, hop.vnet["vpc"])):
            self._filter(each, hop.vnet, source, to, port)
        return self._deliver(hop, to, port)

    def _to_a_router(self, session: Row, vpc: int, source: str, to: str, port: int) -> End:
        """What is behind it is the tenant's own: whoever is there answers, by a route that the VPC announced."""
        self._filter(vpc, self._net.vnets.get(session["vnet"]), source, to, port)
        if not routes.is_announced(self._net, session, source):
            raise _StoppedError(Why.NO_WAY_BACK, session["name"])
        return End(to, port)

    def _filter(self, vpc: int, vnet: Row | None, source: str, to: str, port: int) -> None:
        packet = self._packet
        seen = rules.Seen(source, to, packet.protocol, packet.source_port, port, packet.icmp_type)
        line, doubt = rules.decide(self._net, vpc, seen)
        if doubt:
            self._doubts.append(doubt)
        if line is not None:
            self._via.append(f"acl {line.rule['name']}")
            if line.rule["action"] == "deny":
                raise _StoppedError(Why.RULE, line.rule["name"])
            return
        sites = list(self._net.sites) if vnet is None else [self._net.sites.get(number) for number in vnet["sites"]]
        denying = [site for site in sites if site is not None and site["aclPolicy"] == "deny"]
        if denying and vpc == self._net.system_vpc:
            self._doubts.append("whether the site's default holds in the System VPC")
        elif denying:
            raise _StoppedError(Why.DEFAULT, denying[0]["name"])

    def _deliver(self, hop: Hop, to: str, port: int) -> End:
        vnet, address = hop.vnet, hop.address
        assert vnet is not None, "only sessions lead out of the fabric"
        if vnet["state"] == "disabled":
            raise _StoppedError(Why.VNET_OFF, vnet["name"])
        tiers = self._tables["network"].by("vni", vnet["vxlanID"])
        machine = next((vm for tier in tiers for vm in self._living.holders(tier, address)), None)
        if machine is None and (tiers or address in routes.gateways_of(vnet)):
            self._doubt_what_is_no_machine(tiers, vnet, address)
            raise _StoppedError(Why.NOBODY, address)
        if machine is None and not self._is_at_a_port(vnet, address):
            raise _StoppedError(Why.NOBODY, address)
        if machine is not None and self._living.silent_since(machine) is not None:
            raise _StoppedError(Why.MACHINE_OFF, machine["name"], machine["id"])
        number = machine["id"] if machine else ""
        if address != to or self._packet.protocol not in ("tcp", "udp"):  # it goes on from there, or has no port
            return End(address, port, number)
        told = [manner for manner in self._manners(vnet["vpc"], address, port) if manner in _TOLD]
        if told:
            raise _StoppedError(_TOLD[told[0]], machine["name"] if machine else address, number)
        return End(address, port, number)

    def _is_at_a_port(self, vnet: Row, address: str) -> bool:
        """Whether a tenant's router may have an address: it may be anybody's where no port waits for one."""
        net = self._net
        ends = [(net.ports.get(entry["port"]), 0 if entry["untagged"] else entry["vlan"]) for entry in vnet["ports"]]
        awaiting = [(port, tag) for port, tag in ends if port and fabric.far_end(net, port) is None]
        if net.is_own(vnet["vpc"]) or not awaiting:
            return True
        return any(
            side["vlan"] == tag and str(ip_interface(side["address"]).ip) == address
            for port, tag in awaiting
            if fabric.is_port_up(net, port)
            for router in net.routers.by("port", port["id"])
            for side in router["sides"]
        )

    def _manners(self, vpc: int, address: str, port: int) -> list[Manner]:
        return members.manners_at(self._net, vpc, address, port)

    def _doubt_what_is_no_machine(self, tiers: list[Row], vnet: Row, address: str) -> None:
        others = set(routes.gateways_of(vnet)) | {str(router_address(tier)) for tier in tiers}
        for tier in tiers:
            rows = self._tables["loadbalancer"].by("sourceipaddressnetworkid", tier["id"])
            others |= {row["sourceipaddress"] for row in rows}
        if address in others:
            self._doubts.append(f"what {address} answers, which is no machine's, is not known")

    # from behind a tenant's router

    def _from_a_router(self) -> Iterator[End]:
        """Only to what the VPC announces over the session that is up there, and never on to a peer or a router."""
        net, packet = self._net, self._packet
        session, side = self._met_at(*self._setup())
        link = ip_interface(side["address"]).network
        if not routes.is_announced(net, session, packet.to):
            raise _StoppedError(Why.NO_ROUTE, packet.router)
        known = [link, *routers.imported(session, side)]
        if not any(ip_address(packet.source) in network for network in known):
            raise _StoppedError(Why.NO_WAY_BACK, session["name"])
        hop = self._way(session["vpc"], packet.to)
        if hop is None or hop.session is not None or hop.peering is not None:
            raise _StoppedError(Why.NO_ROUTE, net.ref(net.vpcs, session["vpc"])["name"])
        yield self._over(hop, session["vpc"], packet.source, packet.to, packet.port)

    def _setup(self) -> tuple[Row, int]:
        """The port and the VLAN that the packet names."""
        name, _, vlan = self._packet.router.rpartition("/")
        port = self._net.ports.one("name", name)
        router = self._net.routers.one("port", port["id"]) if port else None
        tags = [side["vlan"] for side in router["sides"]] if router else []
        if port is None or not vlan.isdecimal() or int(vlan) not in tags:
            raise ValueError("router: must be the port and the VLAN of one that is set up: swp7@Leaf-1/1200")
        return port, int(vlan)

    def _met_at(self, port: Row, vlan: int) -> tuple[Row, Row]:
        """The session that is up on this VLAN of a port."""
        net = self._net
        owners = net.ledger.holders(Claim.port(port["id"], vlan))
        vpcs = [
            row["vpc"] for own in owners if (row := (net.vnets if own.kind == "vnet" else net.sessions).get(own.id))
        ]
        for session, side in (met for vpc in vpcs for met in routes.up(net, vpc)):
            if any((end["id"], tag) == (port["id"], vlan) for end, tag in routers.ends(net, session)):
                return session, side
        raise _StoppedError(Why.NO_SESSION, self._packet.router)

    # from inside

    def _from_a_machine(self) -> Iterator[End]:
        packet = self._packet
        vm, source, vnet = self._sender()
        if self._living.silent_since(vm) is not None:
            raise _StoppedError(Why.SOURCE_OFF, vm["name"], vm["id"])
        if packet.to == source:
            yield self._deliver(Hop(ip_network(source), vnet, source), source, packet.port)
            return
        if vnet["state"] == "disabled":
            raise _StoppedError(Why.VNET_OFF, vnet["name"])
        address = ip_address(packet.to)
        if any(address in network for network in routes.networks_of(vnet)):
            yield self._deliver(Hop(ip_network(packet.to), vnet, packet.to), packet.to, packet.port)
            return
        hop = self._way(vnet["vpc"], packet.to)
        if hop is None:
            yield from self._out(vnet, source)
        else:
            yield self._over(hop, vnet["vpc"], source, packet.to, packet.port)

    def _sender(self) -> tuple[Row, str, Row]:
        """The machine, the address that it sends from, and the V-Net of that."""
        packet = self._packet
        vm = self._tables["vm"].get(packet.instance)
        if vm is None:
            raise ValueError("instance: must be the uuid of a machine")
        held = [
            (row["ipaddress"], self._tables["network"].get(row["networkid"]))
            for kind in ("nic", "nicsecondaryip")
            for row in self._tables[kind].where(vmid=vm["id"])
        ]
        for address, tier in held:
            vnet = None if tier is None else self._net.vnets.one("vxlanID", tier["vni"])
            if vnet is not None and packet.source in ("", address):
                return vm, address, vnet
        raise ValueError("source: must be an address of the machine, in a tier that Netris has")

    def _out(self, vnet: Row, source: str) -> Iterator[End]:
        """By the default route, through SNAT, to the internet or back to a public address of the site's."""
        net, packet, vpc = self._net, self._packet, vnet["vpc"]
        unknown = [session for session in net.sessions.by("vpc", vpc) if routers.side_of(net, session) is None]
        if any(ebgp.seen(net, session).state == "Established" for session in unknown):
            self._doubts.append("what the VPC's own sessions have learned is not known")
        self._demand_a_default_route(vpc)
        self._demand_softgates(vnet["sites"][0], "general")
        self._filter(vpc, vnet, source, packet.to, packet.port)
        outer = self._translated(vnet, source)
        if self._is_ours():
            self._doubts.append("whether a SoftGate turns it back to a public address is told nowhere")
            yield from self._at_the_edge(outer)
            return
        self._demand_an_uplink()
        yield End(packet.to, packet.port)

    def _demand_a_default_route(self, vpc: int) -> None:
        """General nodes give a VPC one only when it has a NAT or L4LB service (3.7)."""
        net = self._net
        if any(subnet["globalRouting"] for subnet in net.subnets.by("vpc", vpc)):
            return
        if not (any(rule["state"] == "enabled" for rule in net.nats.by("vpc", vpc)) or net.lbs.by("vpc", vpc)):
            raise _StoppedError(Why.NO_DEFAULT_ROUTE, net.ref(net.vpcs, vpc)["name"])

    def _translated(self, vnet: Row, source: str) -> str:
        """The address that it leaves with: that of a NAT of the whole address, which is 1:1, else of SNAT (2.4)."""
        net = self._net
        found = [rule for rule in net.nats.by("vpc", vnet["vpc"]) if rule["state"] == "enabled"]
        for rule in found:
            if (rule["action"], rule["protocol"]) == ("DNAT", "all") and _host(rule["dnatToIP"]) == source:
                self._via.append(f"nat {rule['name']}")
                return _host(rule["destinationAddress"])
        if any(_is_in(row["prefix"], source) for row in net.subnets.by("vpc", vnet["vpc"]) if row["globalRouting"]):
            return source
        fitting = [rule for rule in found if rule["action"] != "DNAT" and self._is_translated_by(rule, source)]
        if not fitting or any(rule["action"] == "ACCEPT_SNAT" for rule in fitting):
            raise _StoppedError(Why.NO_SOURCE_NAT, net.ref(net.vpcs, vnet["vpc"])["name"])
        self._demand_softgates(vnet["sites"][0], "snat")
        self._via.append(f"nat {fitting[0]['name']}")
        return _host(fitting[0]["snatToIP"] or fitting[0]["snatToPool"])

    def _is_translated_by(self, rule: Row, source: str) -> bool:
        is_asked = _is_in(rule["sourceAddress"], source) and self._is_to(rule["destinationAddress"])
        return is_asked and rule["protocol"] in ("all", self._packet.protocol)

    def _is_ours(self) -> bool:
        """A public address that something of the System VPC stands around."""
        return any(self._is_to(row["prefix"]) for row in self._net.subnets.by("vpc", self._net.system_vpc))


def _host(prefix: str) -> str:
    return prefix.partition("/")[0]


def _is_in(prefix: str, address: str) -> bool:
    return ip_address(address) in ip_network(prefix, strict=False)
