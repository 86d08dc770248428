"""What the management server remembers: rows by kind, who owns them, what happened. No HTTP, no parameters.

Every row has a public `id` (uuid) and an internal `number`, which is what Netris object names are made of. Rows of
tenants carry `accountid` and `domainid`. A removed row leaves its uuid behind, which still resolves (1.4).
"""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from sandbox.cloudstack.plugin.netris_plugin import NetrisPlugin
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import InvalidValue, ServerStoppedError
from sandbox.cloudstack.protocol.throttling import Throttle
from sandbox.kit.clock import Clock
from sandbox.kit.store import Field, Row, Store, Table
from sandbox.living import Living
from sandbox.site import CloudStackZone, Site

EVENTS_KEPT = 20_000

# Rows that CloudStack's database drops: their ids are unknown from then on. The second line is (unverified).
_LEAVES_NO_TRACE = {"networkacl", "portforwardingrule", "loadbalancer", "staticroute"}
_LEAVES_NO_TRACE |= {"networkacllist", "stickinesspolicy", "nicsecondaryip"}

_INDEXES: dict[str, tuple[Field, ...]] = {
    "domain": ("parentdomainid",),
    "account": ("domainid", "name", "accountid"),
    "user": ("accountid", "username", "apikey"),
    "vpc": ("accountid", "name"),
    "host": ("name", "state", "type"),
    "network": ("accountid", "vpcid", "name", "aclid", "vni"),
    "publicip": ("accountid", "vpcid", "pool", "ipaddress", "networkid", "vmid"),
    "router": ("vpcid", "accountid", "hostid"),
    "vm": ("accountid", "hostid"),
    "nic": ("networkid", "vmid", ("networkid", "ipaddress")),
    "nicsecondaryip": ("networkid", "nicid", ("networkid", "ipaddress")),
    "networkacl": ("aclid",),
    "networkacllist": ("vpcid",),
    "vni": ("networkid",),
    "volume": ("accountid", "vmid"),
    "project": ("accountid",),
    "portforwardingrule": ("accountid", "ipaddressid", "networkid", "vmid"),
    "loadbalancer": ("accountid", "ipaddressid", "networkid", "sourceipaddressnetworkid"),
    "lbmember": ("ruleid", "vmid"),
    "stickinesspolicy": ("ruleid",),
    "staticroute": ("accountid", "vpcid"),
    "privategateway": ("accountid", "vpcid"),
    "vpngateway": ("accountid", "vpcid", "ipaddressid"),
    "vpncustomergateway": ("accountid",),
    "vpnconnection": ("accountid", "s2svpngatewayid"),
    "job": ("accountid",),
    "event": ("accountid",),
    "tag": ("resourceid", "accountid"),
    "limit": ("ownerid",),
    "rolepermission": ("roleid",),
    "asnumber": ("vpcid",),
    "removed": ("needs_cleanup",),
}


class Cloud:
    def __init__(self, store: Store, clock: Clock, site: Site) -> None:
        self.store = store
        self.clock = clock
        self.site = site
        self.throttle: Throttle
        self.living: Living
        self.next_watch = 0.0  # when hypervisors are looked at again
        self.plugin: NetrisPlugin
        self.random: Random = secrets.SystemRandom()
        for kind, fields in _INDEXES.items():
            store[kind].index(*fields)

    @property
    def zone_facts(self) -> CloudStackZone:
        return self.site.zone

    @property
    def lock(self) -> threading.RLock:
        return self.store.lock

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Let go of the store while talking to Netris. Rows may have changed or gone when this ends."""
        plugin = self.plugin
        self.store.lock.release()
        try:
            yield
        finally:
            self.store.lock.acquire()
            if self.plugin is not plugin:
                raise ServerStoppedError

    @contextmanager
    def drawing_from(self, source: Random) -> Iterator[None]:
        """Draw ids and choices from a source that can be repeated, or from one that cannot."""
        drawn, self.random = self.random, source
        try:
            yield
        finally:
            self.random = drawn

    def table(self, kind: str) -> Table:
        return self.store[kind]

    def new(self, kind: str, sequence: str = "", /, **fields: Any) -> Row:
        return self.store[kind].put(self.draft(kind, sequence, **fields))

    def draft(self, kind: str, sequence: str = "", /, **fields: Any) -> Row:
        """A row that nobody sees until it is put into its table, as in a transaction that is still open."""
        number = self.store[sequence or kind].next_id()
        public = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        return {"id": public, "number": number, "created": self.clock.now(), **fields}

    def change(self, kind: str, row: Row, **fields: Any) -> Row:
        """What somebody has removed while the store was let go stays removed: 431."""
        if row.get("is_forgotten"):
            return self.store["removed"].change(row, **fields)
        if not self.is_there(kind, row):
            raise InvalidValue(f"Unable to find {kind} with id {row['id']}")
        return self.store[kind].change(row, **fields)

    def remove(self, kind: str, row: Row) -> None:
        """Drop a row, its tags with it. Its uuid goes on resolving, to a row that says it is removed."""
        self.store[kind].drop(row["id"])
        self.untag(row)
        names = ("id", "number", "name", "accountid", "domainid", "created")
        kept: Row = {name: row[name] for name in names if name in row}
        self.store["removed"].put({**kept, "kind": kind, "is_removed": True, "removed": self.clock.now()})

    def forget(self, kind: str, row: Row, **more: Any) -> None:
        """Remove a row so that those that refer to it still find it as it was, as in a database."""
        self.remove(kind, row)
        self.change("removed", self.store["removed"].rows[row["id"]], **row, is_forgotten=True, **more)

    def rename(self, kind: str, row: Row, identifier: str) -> None:
        """Give a row the uuid that `customid` asks for. Rows that refer to it are the caller's business."""
        try:
            wanted = str(uuid.UUID(identifier))
        except ValueError:
            raise InvalidValue(f"Custom ID {identifier} is not in the correct format") from None
        if self.resolve(kind, wanted) not in (None, row):
            raise InvalidValue(f"Custom ID {identifier} is already in use")
        rows = list(self.store[kind])
        for each in rows:  # all of them are put down anew, as their order may count
            self.store[kind].drop(each["id"])
        row["id"] = wanted
        for each in rows:
            self.store[kind].put(each)
        if job := self.store["job"].get(row.get("jobid")):
            self.store["job"].change(job, instanceid=wanted)

    def discard(self, kind: str, row: Row) -> None:
        """Remove a row that others may have removed while the store was let go."""
        if self.is_there(kind, row):
            self.remove(kind, row)

    def is_there(self, kind: str, row: Row) -> bool:
        """Whether a row is still a row: others may have removed it while the store was let go."""
        return self.store[kind].get(row["id"]) is row

    def resolve(self, kind: str, identifier: str) -> Row | None:
        row = self.store[kind].get(identifier.lower())
        if row is not None:
            return row
        removed = self.store["removed"].get(identifier.lower())
        return removed if removed is not None and removed["kind"] == kind and kind not in _LEAVES_NO_TRACE else None

    def get(self, kind: str, identifier: str | None) -> Row:
        """A row that must be there, because another row refers to it, or that was forgotten since."""
        row = self._find(kind, identifier)
        if row is None:
            raise LookupError(f"{kind} {identifier} is gone")
        return row

    def _find(self, kind: str, identifier: str | None) -> Row | None:
        removed = self.store["removed"].get(identifier) or {}
        return self.store[kind].get(identifier) or (removed if removed.get("is_forgotten") else None)

    def left_behind(self) -> list[Row]:
        """Accounts that are gone, and that something is left of."""
        return self.store["removed"].by("needs_cleanup", True)

    @property
    def zone(self) -> Row:
        return next(iter(self.store["zone"].rows.values()))

    @property
    def physical_network(self) -> Row:
        return next(iter(self.store["physicalnetwork"].rows.values()))

    # ownership

    def domain_path(self, domain_id: str) -> str:
        return str(self.get("domain", domain_id)["path"])

    def subtree(self, domain: Row) -> list[Row]:
        """The domain and everything below it."""
        found = [domain]
        for each in found:
            found += self.store["domain"].by("parentdomainid", each["id"])
        return found

    def owner_fields(self, row: Row) -> Row:
        account = self._find("account", row.get("accountid"))  # one that is gone is still named (unverified)
        if account is None:
            return {}
        domain = self.get("domain", account["domainid"])
        project = self.store["project"].get(account.get("projectid"))
        owner = {"account": account["name"]}
        if project is not None:
            owner = {"projectid": project["id"], "project": project["name"]}
        return {
            **owner,
            "domainid": domain["id"],
            "domain": domain["name"],
            "domainpath": domain["path"],
        }

    def job_fields(self, row: Row) -> Row:
        """The pending job of an object, if it has one."""
        job = self.store["job"].get(row.get("jobid"))
        return {"jobid": job["id"], "jobstatus": 0} if job is not None and job["status"] == 0 else {}

    def untag(self, row: Row) -> None:
        for tag in self.store["tag"].by("resourceid", row["id"]):
            self.store["tag"].drop(tag["id"])

    def tags_of(self, row: Row) -> list[Row]:
        """As most objects show theirs; of other kinds than VPCs that is unverified."""
        return [view(tag, "key", "value") for tag in self.store["tag"].by("resourceid", row["id"])]

    def tags_in_full(self, row: Row) -> list[Row]:
        return [self.tag_view(tag) for tag in self.store["tag"].by("resourceid", row["id"])]

    def tag_view(self, tag: Row) -> Row:
        view = {name: tag[name] for name in ("key", "value", "resourcetype", "resourceid", "customer") if tag.get(name)}
        return {**view, **self.owner_fields(tag)}

    # the past

    def event(
        self, type_: str, text: str, *, user: Row, state: str, level: str = "INFO", parent: str = "", **more: Any
    ) -> Row:
        """`more`: accountid of the owner, resourceid, resourcetype, resourcename.

        What an account did that is deleted since is told to the system's (unverified).
        """
        accounts = self.store["account"]
        account = accounts.get(more.get("accountid")) or accounts.get(user["accountid"]) or accounts.find(name="system")
        if account is None:
            raise LookupError("account system is gone")
        table = self.store["event"]
        if len(table) >= EVENTS_KEPT:
            table.drop(next(iter(table.rows)))
        owner = {"accountid": account["id"], "domainid": account["domainid"]}
        fields = {"type": type_, "description": text, "state": state, "level": level, "username": user["username"]}
        return self.new("event", **{**fields, **more, **owner, **({"parentid": parent} if parent else {})})


def view(row: Row, *names: str) -> Row:
    """The fields of a row that are set. No field of the API is ever null (1.1)."""
    return {name: row[name] for name in names if row.get(name) is not None}


def created(row: Row) -> str:
    return wire.date(row["created"])


View = Callable[[Row], Row]
