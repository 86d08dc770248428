"""Both services in one process, on one clock: mounted in clients by tests, served on ports by the demo.

    world = World()
    client = httpx.Client(transport=world.cloudstack_transport(), base_url="http://cloudstack.test")

In process, jobs run in the thread of whoever calls next; served, a ticker hands them to workers. Either way the plugin
speaks HTTP to Netris, through the same code that answers everyone else.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import httpx

from sandbox.cloudstack.app import CloudStack
from sandbox.kit.clock import Clock
from sandbox.kit.http import Server, serve, transport
from sandbox.kit.store import Store
from sandbox.living import Living
from sandbox.netris.app import Netris
from sandbox.packets import Outcome, Packet, would_pass
from sandbox.site import REFERENCE, Site

log = logging.getLogger(__name__)

TICK_SECONDS = 0.05
STOP_SECONDS = 2.0
WORKERS = 16

# Tables that say nothing about what tenants have: logs, logins, numbers, and what only remembers the past.
_IGNORED = frozenset({"fact", "job", "event", "alert", "removed", "session", "user", "limit", "host", "configuration"})
_IGNORED |= {"downport", "lastreport", "peerrouter", "networkserviceprovider", "traffictype", "ostype", "diskoffering"}
_IGNORED |= {"role", "rolepermission", "vpcoffering", "networkoffering", "physicalnetwork", "asnumberrange", "bgppeer"}
_IGNORED |= {"zoneipv4subnet", "vni"}  # VNIs are never given back


class World:
    """`netris_login` serves everybody: the plugin, the portal, the operators. `site` says how large the pools are."""

    def __init__(
        self,
        *,
        state_dir: Path | None = None,
        site: Site = REFERENCE,
        job_seconds: float = 0.0,
        cloudstack_keys: tuple[str, str] = ("sandbox-api-key", "sandbox-secret-key"),
        netris_login: tuple[str, str] = ("sandbox", "sandbox"),
        netris_session_seconds: float = 365 * 86400.0,
        resume_jobs: bool = False,
    ) -> None:
        self.clock = Clock()
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
        self.stores = [
            Store(None if state_dir is None else state_dir / f"{name}.sqlite3") for name in ("netris", "cloudstack")
        ]
        netris_store, cloudstack_store = self.stores
        user, password = netris_login
        self.netris = Netris(
            netris_store, self.clock, site=site, user=user, password=password, session_seconds=netris_session_seconds
        )
        self._plugin_client = httpx.Client(transport=transport(self.netris), base_url="http://netris.sandbox")
        self.cloudstack = CloudStack(
            cloudstack_store,
            self.clock,
            netris=self._plugin_client,
            netris_login=netris_login,
            keys=cloudstack_keys,
            site=site,
            job_seconds=job_seconds,
            resume_jobs=resume_jobs,
        )
        self.living = self.cloudstack.cloud.living = Living(self.netris.net, cloudstack_store)
        self.cloudstack.connect()
        self._remember_the_start()
        self._servers: list[Server] = []
        self._stopping = threading.Event()
        self._ticker: threading.Thread | None = None

    def cloudstack_transport(self) -> httpx.MockTransport:
        return transport(self.cloudstack)

    def netris_transport(self) -> httpx.MockTransport:
        return transport(self.netris)

    def would_pass(self, packet: Packet) -> Outcome:
        return would_pass(self.living, packet)

    # what tenants have made

    def what_is_left(self) -> list[str]:
        """Every object on either side that was not there at the start: `cloudstack vpc prod`, `netris nat ...`."""
        started = self.stores[1].facts.get("start") or {"rows": {}}
        left = []
        for side, store in zip(("netris", "cloudstack"), self.stores, strict=True):
            with store.lock:
                for table in store.tables:
                    known = set(started["rows"].get(f"{side} {table.name}", ()))
                    left += [
                        f"{side} {table.name} {row.get('name') or row.get('ipaddress') or key}"
                        for key, row in table.rows.items()
                        if table.name not in _IGNORED and _is_taken(table.name, row) and str(key) not in known
                    ]
        return left

    def are_empty(self) -> bool:
        """No VPC, network, address, VNI or Netris object of any tenant. Accounts and domains may stay."""
        return all(left.startswith(("cloudstack account", "cloudstack domain")) for left in self.what_is_left())

    def _remember_the_start(self) -> None:
        facts = self.stores[1].facts
        if facts.get("start") is not None:
            return
        rows = {
            f"{side} {table.name}": [str(key) for key, row in table.rows.items() if _is_taken(table.name, row)]
            for side, store in zip(("netris", "cloudstack"), self.stores, strict=True)
            for table in store.tables
            if table.name not in _IGNORED
        }
        facts.put({"id": "start", "rows": rows})

    # being served

    def serve(self, cloudstack_port: int = 0, netris_port: int = 0) -> tuple[Server, Server]:
        """Serve both on loopback. Jobs now run by themselves, when they are due."""
        servers = serve(self.cloudstack, cloudstack_port), serve(self.netris, netris_port)
        self._servers += servers
        self.cloudstack.runs_jobs_itself = False
        self._ticker = threading.Thread(target=self._tick, name="sandbox-ticker", daemon=True)
        self._ticker.start()
        return servers

    def _tick(self) -> None:
        workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="sandbox-job")
        running: set[Future[None]] = set()
        while not self._stopping.wait(TICK_SECONDS):
            try:
                with self.cloudstack.cloud.lock:
                    jobs = list(self.cloudstack.jobs.claim_due())
                running = {future for future in running if not future.done()}
                running |= {workers.submit(self.cloudstack.run_job, job) for job in jobs}
                self.cloudstack.look_round()
                running |= {
                    workers.submit(service.held_back.let_go)
                    for service in (self.netris, self.cloudstack)
                    if service.held_back.are_due
                }
            except Exception:
                log.exception("a tick failed")
        workers.shutdown(wait=False, cancel_futures=True)
        wait(running, timeout=STOP_SECONDS)

    def close(self) -> None:
        """Stop serving, give running jobs a moment to end, close the stores."""
        self._stopping.set()
        if self._ticker is not None:
            self._ticker.join()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._plugin_client.close()
        for store in self.stores:
            with store.lock:
                store.close()


def _is_taken(table: str, row: dict[str, object]) -> bool:
    """Public addresses are rows from the start: only those that somebody holds count."""
    return table != "publicip" or row["state"] != "Free"
