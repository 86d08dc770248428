"""Makes a site of any size, the same one whenever it is given the same numbers: the fabric, and the tenants on it.

    size = Size.parse("leaves=1000,vpcs=20000")
    world = World(site=site_of(size))
    fill(world, size)

`site_of` draws the fabric: leaves in pods below two spines each, pods below super-spines, SoftGates and hypervisors on
pairs of leaves. Both services plant it as they plant the reference site, whose devices are the first of it. `fill` has
the two services make one tenant with one VPC, through the API, and prints the others from what they wrote: rows on the
CloudStack side, the plugin's own calls on the Netris side. So a printed VPC is like a real one, whatever the services
come to write. Names, numbers, addresses, VNIs and ages repeat; public ids do not, since a world draws its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

import httpx

from sandbox.http import Request
from sandbox.netris.shelf import in_one_go
from sandbox.netris.wire import Call, Refusal
from sandbox.site import REFERENCE, CloudStackZone, Device, Fabric, Hypervisor, IspSession, Link, Site
from sandbox.store import Row

if TYPE_CHECKING:
    from sandbox.cloudstack.cloud import Cloud
    from sandbox.world import World

LEAVES_OF_A_POD, PODS = 24, 64
SERVERS_OF_A_PAIR, SOFTGATES_OF_A_PAIR = 16, 4
SERVER_PORTS = (*range(1, 9), *range(13, 21))  # of a leaf; 9-12 SoftGates, 21-28 free, 29 an ISP router, 31-32 spines
VPCS_OF_A_TENANT, TIERS_OF_A_VPC = 20, 3
TIER_NAMES = ("web", "app", "db")
MONTH = 30 * 86400.0


@dataclass(frozen=True)
class Size:
    """How many of everything. `tiers`, `rules` (of the ACL list) and `forwards` (ports) are those of each VPC."""

    leaves: int = 2
    softgates: int = 4
    hypervisors: int = 3
    tenants: int = 0
    vpcs: int = 0
    tiers: int = 1
    rules: int = 2
    forwards: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        pairs = (self.leaves + 1) // 2
        most = {
            "leaves": LEAVES_OF_A_POD * PODS,
            "softgates": min(64, SOFTGATES_OF_A_PAIR * pairs),
            "hypervisors": SERVERS_OF_A_PAIR * pairs - 1,
            "tenants": 100_000,
            "vpcs": 100_000,
            "tiers": TIERS_OF_A_VPC,
            "rules": 100,
            "forwards": 100,
            "seed": 2**63,
        }
        least = {"leaves": 2, "softgates": 4, "hypervisors": 3}
        for name, highest in most.items():
            if not least.get(name, 0) <= getattr(self, name) <= highest:
                raise ValueError(f"{name}: must lie between {least.get(name, 0)} and {highest}")

    @classmethod
    def parse(cls, text: str) -> Size:
        """`leaves=1000,vpcs=20000`; what is left out is that of the reference site."""
        known = {field.name for field in fields(cls)}
        given = {}
        for part in filter(None, text.replace(" ", "").split(",")):
            name, _, number = part.partition("=")
            if name not in known or not number.isdecimal():
                raise ValueError(f"{part}: expected one of {', '.join(sorted(known))} and a number, as in leaves=100")
            given[name] = int(number)
        return cls(**given)

    @property
    def accounts(self) -> int:
        """An account may have 20 VPCs."""
        return max(self.tenants, -(-self.vpcs // VPCS_OF_A_TENANT))


# The fabric


def site_of(size: Size) -> Site:
    fabric, zone = REFERENCE.fabric, REFERENCE.zone
    devices, links = list(_devices(size)), list(_links(size))
    sessions = tuple(_isp_sessions(range(5, size.softgates + 1)))
    hypervisors = tuple(
        Hypervisor(device.name, _address("10.100", _number(device) + 256))
        for device in devices
        if device.role == "hyperv_cs"
    )
    fabric = replace(
        fabric,
        devices=(*fabric.devices, *devices),
        links=(*fabric.links, *links),
        isp_sessions=(*fabric.isp_sessions, *sessions),
    )
    if hypervisors:
        fabric = _with_room_for_hypervisors(fabric)
        zone = replace(zone, hypervisors=(*zone.hypervisors, *hypervisors), pod_netmask="255.255.0.0")
    return _with_addresses(Site(fabric, zone), size)


def _with_room_for_hypervisors(fabric: Fabric) -> Fabric:
    """The guide's network of hypervisors holds 2,000: make it a /16."""
    wide = {"10.100.0.0/21": "10.100.0.0/16", "10.100.0.1/21": "10.100.0.1/16"}
    return replace(
        fabric,
        subnets=tuple(replace(each, prefix=wide.get(each.prefix, each.prefix)) for each in fabric.subnets),
        nat_rules=tuple(replace(each, source=wide.get(each.source, each.source)) for each in fabric.nat_rules),
        vnets=tuple(replace(each, gateway=wide.get(each.gateway, each.gateway)) for each in fabric.vnets),
    )


def _with_addresses(site: Site, size: Size) -> Site:
    """Pools for what the VPCs will need: one address of the routers' range each, two of the Netris range."""
    if not size.vpcs:
        return site
    routers, public = _length_for(size.vpcs), _length_for(2 * size.vpcs)
    return site.sized(router_pool=(f"100.64.0.0/{routers}",), public_pool=(f"198.18.0.0/{public}",))


def _length_for(addresses: int) -> int:
    """The prefix length of a block with that many addresses, a tenth more, and the first and last few."""
    return 32 - (addresses * 11 // 10 + 16).bit_length()


def _devices(size: Size) -> Iterator[Device]:
    """What stands beside the devices of the reference site, whose numbers come first."""
    for number in range(3, size.leaves + 1):
        yield _switch(f"Leaf-{number}", "leaf", number)
    pods = _pods(size)
    for number in range(3, 2 * pods + 1):
        yield _switch(f"Spine-{number}", "spine", 4096 + number)
    if pods > 1:
        for number in range(1, 5):
            yield _switch(f"Super-Spine-{number}", "super-spine", 6144 + number, ports=64)
    for number in range(5, size.softgates + 1):
        role = "general" if (number - 1) % 4 < 2 else "snat"
        management = _address("10.10", 8192 + number)
        yield Device(
            f"SoftGate-{number}", "softgate", role, _address("10.0", 8192 + number), management, 4200000020 + number, 2
        )
    tags = next(device.tags for device in REFERENCE.fabric.devices if device.role == "hyperv_cs")
    for number in range(5, size.hypervisors + 2):
        main, management = _address("10.0", 16384 + number), _address("10.10", 16384 + number)
        name, asn = f"Server-{number}", 4210000000 + number
        yield Device(name, "server", "hyperv_cs", main, management, asn, 4, tags)


def _switch(name: str, role: str, place: int, ports: int = 32) -> Device:
    """Above the addresses and numbers of the reference site, which lie below 2,048 of each block."""
    main, management = _address("10.0", 32768 + place), _address("10.10", 32768 + place)
    return Device(name, "switch", role, main, management, 4220000000 + place, ports)


def _address(block: str, place: int) -> str:
    return f"{block}.{place >> 8}.{place & 255}"


def _number(device: Device) -> int:
    return int(device.name.rpartition("-")[2])


def _pods(size: Size) -> int:
    return -(-size.leaves // LEAVES_OF_A_POD)


def _links(size: Size) -> Iterator[Link]:
    for leaf in range(3, size.leaves + 1):
        pod, place = divmod(leaf - 1, LEAVES_OF_A_POD)
        for plane in (1, 2):
            yield Link(f"swp{place + 1}@Spine-{2 * pod + plane}", f"swp{30 + plane}@Leaf-{leaf}", underlay=True)
    if _pods(size) > 1:
        for pod in range(_pods(size)):
            for plane in (1, 2):
                for above in (1, 2):
                    top = f"swp{pod + 1}@Super-Spine-{2 * (plane - 1) + above}"
                    yield Link(top, f"swp{24 + above}@Spine-{2 * pod + plane}", underlay=True)
    for gate in range(5, size.softgates + 1):
        pair, place = divmod(gate - 1, SOFTGATES_OF_A_PAIR)
        yield from _dual_homed(size, pair, 9 + place, f"SoftGate-{gate}")
    for server in range(5, size.hypervisors + 2):
        pair, place = divmod(server - 1, SERVERS_OF_A_PAIR)
        yield from _dual_homed(size, pair, SERVER_PORTS[place], f"Server-{server}")


def _dual_homed(size: Size, pair: int, port: int, name: str) -> Iterator[Link]:
    for nic in (1, 2):
        leaf = 2 * pair + nic
        if leaf <= size.leaves:
            yield Link(f"swp{port}@Leaf-{leaf}", f"eth{nic}@{name}", underlay=True)


def _isp_sessions(softgates: range) -> Iterator[IspSession]:
    for isp in (1, 2):
        for gate in softgates:
            yield IspSession(
                name=f"ISP-{isp}-SoftGate-{gate}",
                softgate=f"SoftGate-{gate}",
                port=f"swp29@Leaf-{isp}",
                vlan=100 * isp + gate,
                local_address=f"100.127.{isp}.{2 * gate}/31",
                remote_address=f"100.127.{isp}.{2 * gate + 1}/31",
                remote_asn=64496 + isp,
            )


# The tenants


def fill(world: World, size: Size) -> None:
    """Tenants and their VPCs. A world that was filled before, and kept, is left alone."""
    facts = world.cloudstack.cloud.store.facts
    if not size.accounts or facts.get("generated") is not None:
        return
    cloud, net = world.cloudstack.cloud, world.netris.net
    with cloud.store.lock, net.store.lock, in_one_go(cloud.store), in_one_go(net.store):
        _Printer(world, size).run()
        facts.put({"id": "generated", **{field.name: getattr(size, field.name) for field in fields(size)}})


class _Operator:
    """The root admin, who orders the sample through the API."""

    def __init__(self, world: World) -> None:
        self._cloudstack = world.cloudstack
        user = world.cloudstack.cloud.table("user").find(username="admin")
        if user is None:
            raise LookupError("the cloud has lost its root admin")
        self._key, self._secret = user["apikey"], user["secretkey"]

    def __call__(self, command: str, **parameters: Any) -> Row:
        sent = {name: str(value) for name, value in parameters.items()}
        sent |= {"command": command, "response": "json", "apikey": self._key}
        text = "&".join(f"{name}={quote(sent[name], safe='*-._')}" for name in sorted(sent)).lower()
        digest = hmac.new(self._secret.encode(), text.encode(), hashlib.sha1).digest()
        query = urlencode(sent | {"signature": base64.b64encode(digest).decode()})
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        response = self._cloudstack.handle(Request("GET", "/client/api", pairs, {}, b"", query))
        (body,) = json.loads(response.body).values()
        if response.status != 200:
            raise RuntimeError(f"{command}: {body}")
        return dict(body)

    def one(self, command: str, **parameters: Any) -> Row:
        """The object of a synchronous command, or the first of a list."""
        body = self(command, **parameters)
        found = next(value for name, value in body.items() if name != "count")
        return dict(found[0] if isinstance(found, list) else found)

    def done(self, command: str, **parameters: Any) -> Row:
        job = self("queryAsyncJobResult", jobid=self(command, **parameters)["jobid"])
        if job["jobstatus"] != 1:
            raise RuntimeError(f"{command}: {job['jobresult']}")
        return next((dict(each) for each in job["jobresult"].values() if isinstance(each, dict)), {})


_LOGS = frozenset({"fact", "job", "event", "removed", "publicip"})
_SEQUENCES = {"router": "vm", "portforwardingrule": "firewallrule", "loadbalancer": "firewallrule"}
_TIMES = ("created", "allocated", "taken")


class _Stencil:
    """A JSON text with holes: where a token of the sample stood, each print has its own."""

    def __init__(self, value: Any, tokens: re.Pattern[str]) -> None:
        self._parts = tokens.split(json.dumps(value))

    def print(self, words: dict[str, str]) -> Any:
        """Every other part is a token."""
        parts = self._parts
        return json.loads("".join(words[part] if at % 2 else part for at, part in enumerate(parts)))


class _Printer:
    def __init__(self, world: World, size: Size) -> None:
        self._world = world
        self._size = size
        self._random = Random(size.seed)
        self._cloud = world.cloudstack.cloud
        self._net = world.netris.net
        self._store = self._cloud.store
        self._calls: list[tuple[str, Any]] = []

    def run(self) -> None:
        drawn, self._cloud.random = self._cloud.random, self._random  # type: ignore[assignment]
        seconds, self._world.cloudstack.jobs.seconds = self._world.cloudstack.jobs.seconds, 0.0
        hooks = self._cloud.plugin.client.event_hooks
        self._cloud.plugin.client.event_hooks = {"request": [self._overhear]}
        try:
            self._run()
        finally:
            self._cloud.random = drawn
            self._world.cloudstack.jobs.seconds = seconds
            self._cloud.plugin.client.event_hooks = hooks

    def _overhear(self, request: httpx.Request) -> None:
        if request.method != "GET":
            if request.method != "POST":
                raise RuntimeError(f"a {request.method} of the plugin cannot be printed")
            self._calls.append((request.url.path, json.loads(request.read())))

    def _run(self) -> None:
        api = _Operator(self._world)
        account = self._new_rows(lambda: self._tenant(api))
        sample = next(row for kind, row in account if kind == "account")
        tenants = [sample, *self._print_tenants(account, sample)]
        if self._size.vpcs:
            self._calls.clear()
            rows = self._new_rows(lambda: self._vpc(api, sample))
            owned = self._store["publicip"].by("accountid", sample["id"])
            self._print_vpcs(rows, owned, tenants)

    def _new_rows(self, make: Callable[[], None]) -> list[tuple[str, Row]]:
        before = {table.name: set(table.rows) for table in self._store.tables}
        make()
        return [
            (table.name, row)
            for table in self._store.tables
            if table.name not in _LOGS
            for key, row in table.rows.items()
            if key not in before.get(table.name, ())
        ]

    # the sample

    def _tenant(self, api: _Operator) -> None:
        domain = api.one("createDomain", name="generated")
        api(
            "createAccount",
            account=_tenant_name(1),
            username=_tenant_name(1),
            password=f"{_tenant_name(1)}-password",
            firstname=_tenant_name(1),
            lastname="generated",
            email=f"{_tenant_name(1)}@example.net",
            accounttype=0,
            domainid=domain["id"],
        )

    def _vpc(self, api: _Operator, account: Row) -> None:
        zone = api.one("listZones")["id"]
        owner = {"account": account["name"], "domainid": account["domainid"]}
        offering = api.one("listVPCOfferings", name="VPC offering with Netris - NAT Mode")["id"]
        vpc = api.done(
            "createVPC", name=_vpc_name(1), cidr=f"{_SAMPLE_BLOCK}0.0/16", zoneid=zone, vpcofferingid=offering, **owner
        )["id"]
        acl = api("createNetworkACLList", name=f"{_vpc_name(1)}-acl", vpcid=vpc)
        api("queryAsyncJobResult", jobid=acl["jobid"])
        for number in range(1, self._size.rules + 1):
            self._acl_rule(api, acl["id"], number)
        offering = api.one("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")["id"]
        placed = {"zoneid": zone, "vpcid": vpc, "networkofferingid": offering, "aclid": acl["id"]}
        machine = {
            "zoneid": zone,
            "serviceofferingid": api.one("listServiceOfferings")["id"],
            "templateid": api.one("listTemplates", templatefilter="executable")["id"],
        }
        machines = []
        for number, name in enumerate(TIER_NAMES[: self._size.tiers], start=1):
            gateway = f"{_SAMPLE_BLOCK}{number}.1"
            tier = api.one("createNetwork", name=name, gateway=gateway, netmask="255.255.255.0", **placed)["id"]
            machines.append(
                api.done("deployVirtualMachine", name=f"{_vpc_name(1)}-{name}", networkids=tier, **machine, **owner)
            )
        if self._size.forwards and machines:
            self._forwards(api, vpc, machines[0]["id"])

    @staticmethod
    def _acl_rule(api: _Operator, acl: str, number: int) -> None:
        rule = {"aclid": acl, "number": number, "protocol": "tcp", "action": "allow", "cidrlist": "0.0.0.0/0"}
        side = "ingress" if number % 2 else "egress"
        api.done("createNetworkACL", traffictype=side, startport=440 + number, endport=440 + number, **rule)

    def _forwards(self, api: _Operator, vpc: str, machine: str) -> None:
        netris = next(row for row in self._store["vlan"] if row["provider"])
        address = next(iter(self._store["publicip"].by("pool", f"{netris['id']}:Free")))["ipaddress"]
        public = api.done("associateIpAddress", vpcid=vpc, ipaddress=address)["id"]
        networks = self._store["nic"].by("vmid", machine)
        for number in range(self._size.forwards):
            api.done(
                "createPortForwardingRule",
                ipaddressid=public,
                virtualmachineid=machine,
                networkid=networks[0]["networkid"],
                protocol="tcp",
                publicport=8000 + number,
                privateport=8000 + number,
                openfirewall="false",
            )

    # the prints

    def _print_tenants(self, rows: list[tuple[str, Row]], sample: Row) -> Iterator[Row]:
        rows = [(kind, row) for kind, row in rows if kind != "domain"]
        tokens = _tokens({_tenant_name(1), *(row["id"] for _, row in rows)})
        stencils = [(kind, _Stencil(row, tokens)) for kind, row in rows]
        for number in range(2, self._size.accounts + 1):
            words = {row["id"]: self._uuid() for _, row in rows} | {_tenant_name(1): _tenant_name(number)}
            printed = [self._put(kind, stencil.print(words)) for kind, stencil in stencils]
            yield next(row for row, (kind, _) in zip(printed, stencils, strict=True) if kind == "account")

    def _print_vpcs(self, rows: list[tuple[str, Row]], owned: list[Row], tenants: list[Row]) -> None:
        sample = _Sample(self._cloud, rows, owned)
        stencils = [(kind, _Stencil(row, sample.tokens)) for kind, row in rows]
        public = [_Stencil(row, sample.tokens) for row in owned]
        calls = [(self._handler(path), path, _Stencil(body, sample.tokens)) for path, body in self._calls]
        netris_vpc = self._net.vpcs.one("name", next(body["name"] for path, body in self._calls if path == _VPC_PATH))
        ranges = {row["vlanid"] for row in owned}
        pools = {vlan: iter(self._store["publicip"].by("pool", f"{vlan}:Free")) for vlan in ranges}
        vnis = self._free_vnis(len(sample.vnis) * (self._size.vpcs - 1))
        hosts = [row["id"] for row in self._store["host"] if row["type"] == "Routing"]
        for number in range(2, self._size.vpcs + 1):
            tenant = tenants[(number - 1) // VPCS_OF_A_TENANT % len(tenants)]
            age = self._random.uniform(0, MONTH)
            free = [next(pools[row["vlanid"]]) for row in owned]
            numbers = {row["id"]: self._next(kind) for kind, row in rows if "number" in row}
            taken = [next(vnis) for _ in sample.vnis]
            words = sample.words(number, tenant, numbers, free, self._uuid)
            words |= {host: self._random.choice(hosts) for host in sample.hosts}
            vni_of = dict(zip(sample.vnis, taken, strict=True))
            for (kind, old), (_, stencil) in zip(rows, stencils, strict=True):
                row = stencil.print(words)
                self._put(kind, row, age, number=numbers.get(old["id"]), vnis=vni_of)
            for row, stencil in zip(free, public, strict=True):
                self._occupy(row, stencil.print(words), age)
            self._net.age = age
            self._replay(calls, words, netris_vpc, vni_of)
        self._net.age = 0.0

    def _replay(
        self, calls: list[tuple[Any, str, _Stencil]], words: dict[str, str], sample: Row | None, vnis: dict[int, int]
    ) -> None:
        """What the plugin said of the sample, said of the print. Its VPC is the one that the first call made."""
        made: int | None = None
        for handler, path, stencil in calls:
            body = stencil.print(words)
            if sample is not None and isinstance(body.get("vpc"), dict) and body["vpc"]["id"] == sample["id"]:
                body["vpc"]["id"] = made
            if "vxlanID" in body:
                body["vxlanID"] = vnis[body["vxlanID"]]
            call = Call(Request("POST", path, (), {}, b""))
            call.__dict__["body"] = body  # read already
            try:
                handler(self._net, call)
            except Refusal as refusal:
                raise RuntimeError(f"{path}: {refusal.message}: {body}") from refusal
            if path == _VPC_PATH:
                row = self._net.vpcs.one("name", body["name"])
                made = row["id"] if row else None

    def _handler(self, path: str) -> Any:
        handler = self._world.netris.handler("POST", path)
        if handler is None:
            raise LookupError(path)
        return handler

    def _put(
        self, kind: str, row: Row, age: float = 0.0, *, number: int | None = None, vnis: dict[int, int] | None = None
    ) -> Row:
        row.pop("jobid", None)
        if "number" in row:
            row["number"] = number or self._next(kind)
        for name in _TIMES:
            if isinstance(row.get(name), float):
                row[name] -= age
        if vnis:
            for name in ("id", "vni"):
                if isinstance(row.get(name), int):
                    row[name] = vnis[row[name]]
        return self._store[kind].put(row)

    def _occupy(self, free: Row, like: Row, age: float) -> None:
        """A free address comes to stand where the sample's stands."""
        own = {name: free[name] for name in ("id", "number", "created", "ipaddress", "vlanid", "zoneid")}
        like.pop("jobid", None)
        self._store["publicip"].change(free, **{**like, **own, "allocated": like["allocated"] - age})

    def _next(self, kind: str) -> int:
        return self._store[_SEQUENCES.get(kind, kind)].next_id()

    def _uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _free_vnis(self, count: int) -> Iterator[int]:
        zone: CloudStackZone = self._cloud.zone_facts
        taken = self._store["vni"].rows
        numbers = self._random.sample(range(zone.vni_first, zone.vni_last + 1), count + len(taken))
        return (number for number in numbers if number not in taken)


_VPC_PATH = "/api/v2/vpc"
_SAMPLE_BLOCK = "10.77."


def _tenant_name(number: int) -> str:
    return f"tenant-{number:05}"


def _vpc_name(number: int) -> str:
    return f"vpc-{number:05}"


def _tokens(texts: set[str]) -> re.Pattern[str]:
    """Longer ones first, and none that is part of a longer number."""
    whole = [
        f"{'(?<![0-9.])' if text[0].isdigit() else ''}{re.escape(text)}{'(?![0-9])' if text[-1].isdigit() else ''}"
        for text in sorted(texts, key=len, reverse=True)
    ]
    return re.compile(f"({'|'.join(whole)})")


class _Sample:
    """What of the sample's texts differs from print to print."""

    def __init__(self, cloud: Cloud, rows: list[tuple[str, Row]], owned: list[Row]) -> None:
        self._cloud = cloud
        self._rows = rows
        self._owned = owned
        self._account: Row = cloud.get("account", owned[0]["accountid"])
        self.vnis = [row["id"] for kind, row in rows if kind == "vni"]
        self.hosts = {row["hostid"] for kind, row in rows if row.get("hostid")}
        numbers = {row["id"]: row["number"] for _, row in rows if "number" in row}
        same = self.words(1, self._account, numbers, owned, str)
        self.tokens = _tokens(set(same) | self.hosts)

    def words(
        self, number: int, tenant: Row, numbers: dict[str, int], free: list[Row], uuid: Callable[[], str]
    ) -> dict[str, str]:
        """Each token of the sample, and what a print has in its place."""
        domain, zone = self._cloud.get("domain", tenant["domainid"])["number"], self._cloud.zone["number"]
        old, new = self._account, tenant
        vpc = next(row for kind, row in self._rows if kind == "vpc")
        found = {row["id"]: uuid() for _, row in self._rows if isinstance(row["id"], str)}
        found |= {old["id"]: new["id"], old["name"]: new["name"]}
        for mine, its in zip(self._owned, free, strict=True):
            found |= {mine["id"]: its["id"], mine["ipaddress"]: its["ipaddress"]}
        found |= {_vpc_name(1): _vpc_name(number), _SAMPLE_BLOCK: f"10.{1 + (number - 1) % 250}."}
        found[f"-Z{zone}-V{vpc['number']}"] = f"-Z{zone}-V{numbers[vpc['id']]}"
        found[f"D{domain}-A{old['number']}"] = f"D{domain}-A{new['number']}"
        found[f"cs{old['number']:x}."] = f"cs{new['number']:x}."
        for kind, row in self._rows:
            before, after = row.get("number"), numbers.get(row["id"])
            if kind == "network":
                found[f"-N{before}"] = f"-N{after}"
            elif kind == "networkacl":
                found[f"-ACL{before}"] = f"-ACL{after}"
            elif kind == "portforwardingrule":
                found[f"-DNAT-R{before}"] = f"-DNAT-R{after}"
            elif kind == "router":
                found[f"r-{before}-VM"] = f"r-{after}-VM"
            elif kind == "vm":
                found[f"i-{old['number']}-{before}-VM"] = f"i-{new['number']}-{after}-VM"
                found[_mac(before)] = _mac(after)
        return found


def _mac(number: int | None) -> str:
    """The part of a NIC's address that is the machine's number."""
    text = f"{number or 0:06x}"
    return f":{text[:2]}:{text[2:4]}:{text[4:]}"
