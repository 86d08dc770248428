"""What should stand on Netris for what CloudStack has, worked out from the fact sheets' names alone, and what does.

`differences(world)` is empty while the two agree (cloudstack-api.md 5.3, 5.4, netris-api.md 4.2, 4.3). An object is a
line: its kind, its name and its facts. `contradictions(world)` is empty while they agree about what is alive, once
everybody has had the time to notice.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.sandbox.cloudstack.client import root_of
from tests.sandbox.controller import netris_of

TAG = "CS-Cloud1-Compute"
_WORDS = ("tcp", "udp", "icmp", "all")  # numbers are lost


def differences(world) -> list[str]:
    """`-` is missing on Netris, `+` is too many there."""
    cloud, wanted, allowed = world.cloudstack.cloud, set(), set()
    with cloud.lock:
        for vpc in cloud.table("vpc"):
            must, may = _Vpc(cloud, vpc, world.netris.net.lbs).objects()
            wanted |= must
            allowed |= may
    found = set(_on_netris(world))
    return sorted(f"- {line}" for line in wanted - found) + sorted(f"+ {line}" for line in found - wanted - allowed)


class _Vpc:
    def __init__(self, cloud, vpc, balancers):
        self.cloud = cloud
        self.balancers = list(balancers)
        self.vpc = vpc
        domain, account = cloud.get("domain", vpc["domainid"]), cloud.get("account", vpc["accountid"])
        zone = cloud.get("zone", vpc["zoneid"])
        self.stem = f"D{domain['number']}-A{account['number']}-Z{zone['number']}-V{vpc['number']}"
        self.name = f"{self.stem}-{vpc['name']}"

    def objects(self) -> tuple[set[str], set[str]]:
        """What must be there, and what may be left there of what was: see `_may`."""
        if not self.vpc["is_started"]:
            return set(), set()
        must = {_line("vpc", self.name), _line("allocation", f"{self.stem}-{self.vpc['cidr']}", self.name)}
        for part in (self._tiers, self._addresses, self._routes):
            must |= set(part())
        rules = [line for part in (self._static_nats, self._forwards, self._balancers) for line in part()]
        must |= {line for network, line in rules if self._is_up(network)}
        return must, set(self._may()) | {line for _, line in rules}

    def _is_up(self, network) -> bool:
        """Of a tier without machines the collector takes all rules away, and new ones are written all the same."""
        return self.cloud.get("network", network)["state"] == "Implemented"

    def _rows(self, kind):
        return self.cloud.table(kind).where(vpcid=self.vpc["id"])

    def _tiers(self) -> Iterator[str]:
        for tier in self._rows("network"):
            name = f"{self.stem}-N{tier['number']}-{tier['name']}"
            length = tier["cidr"].partition("/")[2]
            yield _line("subnet", f"{self.stem}-{tier['cidr']}", self.name, tier["cidr"], "common")
            yield _line("vnet", name, self.name, tier["vni"], f"{tier['gateway']}/{length}", TAG)
            if tier["state"] == "Implemented":
                yield from self._acls(tier)

    def _acls(self, tier) -> Iterator[str]:
        for item in self.cloud.table("networkacl").by("aclid", tier["aclid"]):
            cidrs, word = item["cidrlist"].split(","), item["protocol"]
            word = word if word in _WORDS else "ip"
            for index, cidr in enumerate(cidrs, 1):
                suffix = f"-{index}" if len(cidrs) > 1 else ""
                ends = (cidr, tier["cidr"]) if item["traffictype"] == "Ingress" else (tier["cidr"], cidr)
                ports = 0, 0  # where they mean nothing
                if word in ("tcp", "udp"):
                    ports = item.get("startport") or 1, item.get("endport") or item.get("startport") or 65535
                yield _acl(
                    f"{self.stem}-N{tier['number']}-ACL{item['number']}{suffix}",
                    self.name,
                    "permit" if item["action"] == "Allow" else "deny",
                    word,
                    *ends,
                    *ports,
                )

    def _addresses(self) -> Iterator[str]:
        for row in self._rows("publicip"):
            address = row["ipaddress"]
            if row["issourcenat"] and row["forprovider"] and not self._is_routed():
                yield _line("nat", f"{self.stem}-SNAT", self.name, "SNAT", "all", self.vpc["cidr"], f"{address}/32")
                yield self._public(address, "nat")

    def _static_nats(self) -> Iterator[tuple[str, str]]:
        for row in self._rows("publicip"):
            if row.get("isstaticnat"):
                number, address = self.cloud.get("vm", row["vmid"])["number"], row["ipaddress"]
                name = f"{self.stem}-VM{number}-STATICNAT"
                facts = f"{address}/32", "1-65535", f"{row['vmguestip']}/32", None
                yield row["networkid"], _line("nat", name, self.name, "DNAT", "all", *facts)
                yield row["networkid"], self._public(address, "nat")

    def _forwards(self) -> Iterator[tuple[str, str]]:
        for rule in self._rows("portforwardingrule"):
            address = self.cloud.get("publicip", rule["ipaddressid"])["ipaddress"]
            first, end = rule["publicport"], rule["publicendport"]
            ports = str(first) if first == end else f"{first}-{end}"
            name, target = f"{self.stem}-DNAT-R{rule['number']}", self._target(rule)
            facts = rule["protocol"], f"{address}/32", ports, target, rule["privateport"]
            yield rule["networkid"], _line("nat", name, self.name, "DNAT", *facts)
            yield rule["networkid"], self._public(address, "nat")

    def _target(self, row) -> str:
        """The NIC's own address: port forwards to secondary ones lead there (5.6)."""
        nics = self.cloud.table("nic").by("vmid", row["vmid"])
        return next(f"{nic['ipaddress']}/32" for nic in nics if nic["networkid"] == row["networkid"])

    def _balancers(self) -> Iterator[tuple[str, str]]:
        """UDP is TCP there. One that has lost its last member stays."""
        for rule in self._rows("loadbalancer"):
            address, network = self.cloud.get("publicip", rule["ipaddressid"])["ipaddress"], rule["networkid"]
            rows = self.cloud.table("lbmember").by("ruleid", rule["id"])
            members = sorted(f"{row['ipaddress']}:{rule['privateport']}" for row in rows)
            name = f"{self.stem}-LB{rule['number']}"
            is_there = rule["state"] == "Active"
            if not is_there and not any(row["name"] == name for row in self.balancers):
                continue
            yield network, _line("l4lb", name, self.name, "TCP", address, rule["publicport"], *members)
            yield network, self._public(address, "load-balancer")
            sources = rule["cidrlist"].split(",") if rule["cidrlist"] else []
            for index, source in enumerate(["0.0.0.0/0", *sources] if sources else []):
                name, action = f"{self.stem}-LBACL{index}-{rule['name']}", "permit" if index else "deny"
                ports = rule["publicport"], rule["publicport"]
                yield network, _acl(name, "System", action, "tcp", source, f"{address}/32", *ports)

    def _routes(self) -> Iterator[str]:
        for route in self._rows("staticroute"):
            yield _line("route", route["cidr"], self.name, route["nexthop"])

    def _may(self) -> Iterator[str]:
        """An address's /32 stays until it is released (5.4); rules reach a tier without machines when they change."""
        for row in self._rows("publicip"):
            for purpose in ("nat", "load-balancer"):
                yield self._public(row["ipaddress"], purpose)
        for tier in self._rows("network"):
            yield from self._acls(tier)

    def _public(self, address, purpose) -> str:
        return _line("subnet", f"{self.stem}-{address}/32", "System", f"{address}/32", purpose)

    def _is_routed(self) -> bool:
        return self.cloud.get("vpcoffering", self.vpc["vpcofferingid"])["networkmode"] == "ROUTED"


def _on_netris(world) -> Iterator[str]:
    """Everything that was not there when the world began."""
    net = world.netris.net
    started = world.cloudstack.cloud.store.facts.get("start")["rows"]

    def new(shelf):
        known = set(started.get(f"netris {shelf.table.name}", ()))
        return (row for row in shelf if str(row["id"]) not in known)

    def vpc_of(row):
        return "System" if row["vpc"] == net.system_vpc else net.vpcs.get(row["vpc"])["name"]

    with net.store.lock:
        for row in new(net.vpcs):
            yield _line("vpc", row["name"])
        for row in new(net.allocations):
            yield _line("allocation", row["name"], vpc_of(row))
        for row in new(net.subnets):
            yield _line("subnet", row["name"], vpc_of(row), row["prefix"], row["purpose"])
        for row in new(net.vnets):
            gateways = [gateway["prefix"] for gateway in row["gateways"]]
            yield _line("vnet", row["name"], vpc_of(row), row["vxlanID"], *gateways, *row["tags"])
        for row in new(net.nats):
            facts = [row["sourceAddress"], row["snatToIP"]]
            if row["action"] == "DNAT":
                facts = [row["destinationAddress"], row["destinationPort"], row["dnatToIP"], row["dnatToPort"]]
            yield _line("nat", row["name"], vpc_of(row), row["action"], row["protocol"], *facts)
        for row in new(net.lbs):
            members = sorted(f"{member['ip']}:{member['port']}" for member in row["backendIps"])
            yield _line("l4lb", row["name"], vpc_of(row), row["protocol"], row["ip"], row["port"], *members)
        for row in new(net.acls):
            ends = row["src_prefix"], row["dst_prefix"], row["dst_port_from"], row["dst_port_to"]
            yield _acl(row["name"], vpc_of(row), row["action"], row["proto"], *ends)
        for row in new(net.static_routes):
            yield _line("route", row["name"], vpc_of(row), row["next_hop"])
        for shelf in (net.peerings, net.sessions, net.port_groups, net.devices, net.links, net.ports, net.tenants):
            for row in new(shelf):
                yield _line(shelf.table.name, row.get("name", row["id"]))


def _line(kind, name, *facts) -> str:
    return " | ".join(["" if each is None else str(each) for each in (kind, name, *facts)])


def _acl(name, vpc, action, protocol, source, target, first, end) -> str:
    return _line("acl", name, vpc, action, protocol, source, target, first, end)


def contradictions(world) -> list[str]:
    """Where hosts, machines and routers tell another story than devices, ports and members do."""
    cloud, net = root_of(world), netris_of(world)
    devices = {row["name"]: row["status"] == "ok" for row in net("/api/v2/hw")}
    ports = net("/api/v2/ports")
    reached = {row["switchName"] for row in ports if row["bgp"]["state"] and row["status"]["value"] == "up"}
    hosts = {row["id"]: row for row in cloud.list("listHosts", type="Routing")}
    wrong = []
    for host in hosts.values():
        name = host["name"]
        state = "Down" if not devices[name] else "Up" if name in reached else "Alert"
        is_down_until_reached = host["state"] == "Down" and state == "Alert"
        if host["state"] != state and not is_down_until_reached:
            wrong.append(f"host {name} is {host['state']}, its device says {state}")
    machines = cloud.list("listVirtualMachines", listall="true")
    for row in (*machines, *cloud.list("listRouters", listall="true")):
        place = hosts[row["hostid"]]["state"] if "hostid" in row else None
        if (row["state"] == "Running") != (place is not None) or place == "Down":
            wrong.append(f"{row['name']} is {row['state']} on a host that is {place}")
    answering = {
        (nic["networkid"], address)
        for vm in machines
        if vm["state"] == "Running" and hosts[vm["hostid"]]["state"] == "Up"
        for nic in vm["nic"]
        for address in (nic["ipaddress"], *(each["ipaddress"] for each in nic["secondaryip"]))
    }
    return wrong + list(_wrong_members(world, net, answering))


def _wrong_members(world, net, answering) -> Iterator[str]:
    tiers = {row["id"]: row for row in root_of(world).list("listNetworks", listall="true")}
    rules = root_of(world).list("listLoadBalancerRules", listall="true")
    tier_of = {(rule["publicip"], int(rule["publicport"])): tiers[rule["networkid"]]["id"] for rule in rules}
    vpcs = ",".join(str(row["id"]) for row in net("/api/v2/vpc"))
    for balancer in net("/api/v2/l4lb", filterByVpc=vpcs):
        for member in balancer["backendIps"]:
            is_alive = (tier_of[balancer["ip"], balancer["port"]], member["ip"]) in answering
            seen = member["response"] != "no SoftGate" and balancer["healthcheck"] is not None
            if seen and (member["status"] == "ok") != is_alive:
                wrong = f"member {member['ip']} of {balancer['name']} is {member['status']}"
                yield f"{wrong}, its machine {'answers' if is_alive else 'does not'}"
