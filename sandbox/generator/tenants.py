"""The tenants of a generated site: a sample that the services make, and its prints."""

from __future__ import annotations

import gc
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from sandbox.cloudstack.calls.access import hashed
from sandbox.cloudstack.operator import Operator
from sandbox.generator.sample import make_domain, make_tenant, make_vpc, password_of, tenant_name
from sandbox.generator.size import VPCS_OF_A_TENANT, Size
from sandbox.generator.stencil import Stencil, Words, stencil_of, tokens_of
from sandbox.generator.words import Vocabulary
from sandbox.kit.http import Request
from sandbox.kit.store import Row
from sandbox.netris.wire import Call, Refusal
from sandbox.site import CloudStackZone

if TYPE_CHECKING:
    from sandbox.world import World

MONTH = 30 * 86400.0
_VPC_PATH, _PEERING_PATH = "/api/v2/vpc", "/api/v2/vpc-peering"
_LOGS = frozenset({"fact", "job", "event", "removed", "publicip"})
_SEQUENCES = {"router": "vm", "portforwardingrule": "firewallrule", "loadbalancer": "firewallrule"}
_TIMES = ("created", "allocated", "taken", "started", "stopped")


def fill(world: World, size: Size) -> None:
    """Tenants and their VPCs. A world that was filled before, and kept, is left alone."""
    facts = world.cloudstack.cloud.store.facts
    if not size.accounts or facts.get("generated") is not None:
        return
    cloud, net = world.cloudstack.cloud, world.netris.net
    with cloud.store.lock, net.store.lock, cloud.store.in_one_go(), net.store.in_one_go(), _collector_paused():
        _Printer(world, size).run()
        facts.put({"id": "generated", **{field.name: getattr(size, field.name) for field in fields(size)}})


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of rows are made and none is dropped: looking for garbage among them would take as long again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Printer:
    def __init__(self, world: World, size: Size) -> None:
        self._world = world
        self._size = size
        self._random = Random(size.seed)
        self._cloud = world.cloudstack.cloud
        self._net = world.netris.net
        self._store = self._cloud.store
        self._calls: list[tuple[str, Any]] = []
        self._vpcs_of: dict[str, list[int]] = defaultdict(list)  # Netris's ids by account

    def run(self) -> None:
        jobs, client = self._world.cloudstack.jobs, self._cloud.plugin.client
        seconds, jobs.seconds = jobs.seconds, 0.0
        hooks, client.event_hooks = client.event_hooks, {"request": [self._overhear]}
        try:
            with self._cloud.drawing_from(self._random):
                self._run()
        finally:
            jobs.seconds, client.event_hooks = seconds, hooks

    def _overhear(self, request: httpx.Request) -> None:
        if request.method != "GET":
            if request.method != "POST":
                raise RuntimeError(f"a {request.method} of the plugin cannot be printed")
            self._calls.append((request.url.path, json.loads(request.read())))

    def _run(self) -> None:
        api = Operator(self._world.cloudstack)
        domain = make_domain(api)
        account = self._new_rows(lambda: make_tenant(api, domain, self._size))
        sample = next(row for kind, row in account if kind == "account")
        tenants = [sample, *self._print_tenants(account, sample)]
        if self._size.vpcs:
            self._calls.clear()
            rows = self._new_rows(lambda: make_vpc(api, self._store, self._size, sample))
            owned = self._store["publicip"].by("accountid", sample["id"])
            self._print_vpcs(rows, owned, tenants)
            self._peer()

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

    # tenants

    def _print_tenants(self, rows: list[tuple[str, Row]], sample: Row) -> Iterator[Row]:
        secret = hashed(password_of(1))
        tokens = tokens_of([tenant_name(1), secret, *(row["id"] for _, row in rows)])
        stencils = [(kind, stencil_of(row, tokens)) for kind, row in rows]
        for number in range(2, self._size.accounts + 1):
            words = {row["id"]: self._uuid() for _, row in rows}
            words |= {tenant_name(1): tenant_name(number), secret: hashed(password_of(number))}
            printed = [self._put(kind, stencil(words)) for kind, stencil in stencils]
            yield next(row for row, (kind, _) in zip(printed, stencils, strict=True) if kind == "account")

    # VPCs

    def _print_vpcs(self, rows: list[tuple[str, Row]], owned: list[Row], tenants: list[Row]) -> None:
        vocabulary = Vocabulary(self._cloud, rows, owned)
        tokens = vocabulary.tokens
        stencils = [(kind, row, stencil_of(row, tokens)) for kind, row in rows]
        public = [stencil_of(row, tokens) for row in owned]
        calls = [(self._handler(path), path, stencil_of(body, tokens)) for path, body in self._calls]
        name = next(body["name"] for path, body in self._calls if path == _VPC_PATH)
        first = self._netris_vpc(name)
        self._vpcs_of[tenants[0]["id"]].append(first)
        pools = {
            vlan: iter(self._store["publicip"].by("pool", f"{vlan}:Free")) for vlan in {row["vlanid"] for row in owned}
        }
        vnis = self._free_vnis(len(vocabulary.vnis) * (self._size.vpcs - 1))
        hosts = [row["id"] for row in self._store["host"] if row["type"] == "Routing"]
        for number in range(2, self._size.vpcs + 1):
            tenant = tenants[(number - 1) // VPCS_OF_A_TENANT % len(tenants)]
            age = self._random.uniform(0, MONTH)
            free = [next(pools[row["vlanid"]]) for row in owned]
            numbers = {row["id"]: self._next(kind) for kind, row in rows if "number" in row}
            words = vocabulary.words(number, tenant, numbers, free, self._uuid)
            words |= {host: self._random.choice(hosts) for host in vocabulary.hosts}
            vni_of = {vni: next(vnis) for vni in vocabulary.vnis}
            for kind, old, stencil in stencils:
                self._put(kind, stencil(words), age, number=numbers.get(old["id"]), vnis=vni_of)
            for row, stencil in zip(free, public, strict=True):
                self._occupy(row, stencil(words), age)
            self._net.age = age
            self._vpcs_of[tenant["id"]].append(self._replay(calls, words, first, vni_of))
        self._net.age = 0.0

    def _replay(self, calls: list[tuple[Any, str, Stencil]], words: Words, sample: int, vnis: dict[int, int]) -> int:
        """What the plugin said of the sample, said of the print; the id of the VPC that the first call makes."""
        made = 0
        for handler, path, stencil in calls:
            body = stencil(words)
            if isinstance(body.get("vpc"), dict) and body["vpc"]["id"] == sample:
                body["vpc"]["id"] = made
            if "vxlanID" in body:
                body["vxlanID"] = vnis[body["vxlanID"]]
            self._tell(handler, path, body)
            if path == _VPC_PATH:
                made = self._netris_vpc(body["name"])
        return made

    def _netris_vpc(self, name: str) -> int:
        row = self._net.vpcs.one("name", name)
        if row is None:
            raise LookupError(f"{name} is not on the controller")
        return int(row["id"])

    def _peer(self) -> None:
        """Pairs of a tenant's VPCs, which the operator of the fabric peers: CloudStack knows of no such thing."""
        handler, made = self._handler(_PEERING_PATH), 0
        for vpcs in self._vpcs_of.values():
            pairs = list(zip(vpcs[::2], vpcs[1::2], strict=False))[: self._size.peerings]
            for one, other in pairs:
                made += 1
                body = {"name": f"peering-{made:05}", "vpcA": {"id": one}, "vpcB": {"id": other}}
                self._tell(handler, _PEERING_PATH, body)

    def _tell(self, handler: Any, path: str, body: Any) -> None:
        call = Call(Request("POST", path, (), {}, b""))
        call.__dict__["body"] = body  # read already
        try:
            handler(self._net, call)
        except Refusal as refusal:
            raise RuntimeError(f"{path}: {refusal.message}: {body}") from refusal

    def _handler(self, path: str) -> Any:
        handler = self._world.netris.handler("POST", path)
        if handler is None:
            raise LookupError(path)
        return handler

    # rows

    def _put(
        self, kind: str, row: Row, age: float = 0.0, *, number: int | None = None, vnis: dict[int, int] | None = None
    ) -> Row:
        row.pop("jobid", None)
        if "number" in row:
            row["number"] = number or self._next(kind)
        for name in _TIMES:
            if row.get(name):
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
