"""The tenants of a generated site: a sample that the services make, and its prints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from sandbox.generator.operator import Operator
from sandbox.generator.sample import Sample, make_tenant, make_vpc, tenant_name, tokens_of
from sandbox.generator.size import VPCS_OF_A_TENANT, Size
from sandbox.http import Request
from sandbox.netris.wire import Call, Refusal
from sandbox.site import CloudStackZone
from sandbox.store import Row

if TYPE_CHECKING:
    from sandbox.world import World

MONTH = 30 * 86400.0
_VPC_PATH = "/api/v2/vpc"
_LOGS = frozenset({"fact", "job", "event", "removed", "publicip"})
_SEQUENCES = {"router": "vm", "portforwardingrule": "firewallrule", "loadbalancer": "firewallrule"}
_TIMES = ("created", "allocated", "taken")


def fill(world: World, size: Size) -> None:
    """Tenants and their VPCs. A world that was filled before, and kept, is left alone."""
    facts = world.cloudstack.cloud.store.facts
    if not size.accounts or facts.get("generated") is not None:
        return
    cloud, net = world.cloudstack.cloud, world.netris.net
    with cloud.store.lock, net.store.lock, cloud.store.in_one_go(), net.store.in_one_go():
        _Printer(world, size).run()
        facts.put({"id": "generated", **{field.name: getattr(size, field.name) for field in fields(size)}})


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
        api = Operator(self._world.cloudstack)
        account = self._new_rows(lambda: make_tenant(api))
        sample = next(row for kind, row in account if kind == "account")
        tenants = [sample, *self._print_tenants(account, sample)]
        if self._size.vpcs:
            self._calls.clear()
            rows = self._new_rows(lambda: make_vpc(api, self._store, self._size, sample))
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

    def _print_tenants(self, rows: list[tuple[str, Row]], sample: Row) -> Iterator[Row]:
        rows = [(kind, row) for kind, row in rows if kind != "domain"]
        tokens = tokens_of({tenant_name(1), *(row["id"] for _, row in rows)})
        stencils = [(kind, _Stencil(row, tokens)) for kind, row in rows]
        for number in range(2, self._size.accounts + 1):
            words = {row["id"]: self._uuid() for _, row in rows} | {tenant_name(1): tenant_name(number)}
            printed = [self._put(kind, stencil.print(words)) for kind, stencil in stencils]
            yield next(row for row, (kind, _) in zip(printed, stencils, strict=True) if kind == "account")

    def _print_vpcs(self, rows: list[tuple[str, Row]], owned: list[Row], tenants: list[Row]) -> None:
        sample = Sample(self._cloud, rows, owned)
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
