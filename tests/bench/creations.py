"""Many VPC creations at once: through Weft with one worker process, and by a bare script that makes the same calls."""

from __future__ import annotations

import heapq
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import product
from pathlib import Path

import httpx
from pydantic import SecretStr

from tests.processes import SANDBOX_ENV, cpu_seconds, running, sandbox

#: Addresses and VNIs for far more VPCs than the reference site has.
POOLS = ("--public-pool", "198.18.0.0/17", "--router-pool", "198.18.128.0/17")
JOB_SECONDS = 5.0
BLOCK = IPv4Network("10.20.0.0/20")
POLLS = (1.0, 1.5, 2.25, 3.375, 5.0625)


@dataclass(frozen=True)
class Result:
    seconds: float
    calls: int
    cpu_seconds: float


def through_weft(count: int, threads: int) -> Result:
    """Submit `count` creations for a twentieth as many tenants, and wait until a worker has finished them all."""
    from apps.accounts.services import create_tenant, register_zone
    from apps.networks.services import create_vpc
    from apps.networks.specs import VpcSpec
    from apps.operations import doorbell, engine
    from apps.operations.models import Operation
    from apps.quotas.resources import VPC
    from apps.tenancy.actors import Actor, Platform
    from apps.zones.services import ZoneSpec

    by = Actor.system("bench")
    with tempfile.TemporaryDirectory() as name, sandbox(Path(name), job_seconds=JOB_SECONDS, options=POOLS) as urls:
        zone = register_zone(zone_spec(ZoneSpec, urls), by=Platform(by)).zone
        tenants = [
            create_tenant(name=f"Bench {n}", limits={VPC: 100}, by=Platform(by))[0] for n in range(count // 20 or 1)
        ]
        while engine.turn() is not None:
            pass
        log = Path(name) / "worker.log"
        worker = ["-m", "celery", "-A", "portal", "worker", "-P", "threads", "-c", str(threads)]
        worker += ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
        sweeps = [*worker[:7], "-c", "4", "-Q", "sweeps", "-n", "sweeps@%h", *worker[9:]]
        with (
            running(*worker, log=log, WEFT_DB_POOL=str(threads)) as child,
            running(*sweeps, log=log.with_name("sweeps.log"), WEFT_DB_POOL="4"),
        ):
            wait_for_worker()
            before, cpu_before = calls_of(urls), cpu_seconds(child.pid)
            started = time.monotonic()
            for number in range(count):
                create_vpc(tenants[number % len(tenants)], VpcSpec(f"vpc-{number}", "", zone.name, BLOCK), by=by)
            print(f"  submitted in {time.monotonic() - started:.1f} s", flush=True)
            while (left := Operation.unscoped.running().count()) and time.monotonic() - started < 600:
                if not left % 100:
                    doorbell.ring(times=Operation.unscoped.due().count())
                time.sleep(0.2)
            seconds = time.monotonic() - started
            failed = Operation.unscoped.exclude(phase="succeeded").count()
            if failed:
                raise RuntimeError(f"{failed} operations did not succeed:\n{log.read_text()[-3000:]}")
            return Result(seconds, calls_of(urls) - before, cpu_seconds(child.pid) - cpu_before)


def zone_spec(kind: type, urls: tuple[str, str]):
    return kind(
        name=zone_name(urls),
        cloudstack_url=f"{urls[0]}/client/api",
        cloudstack_api_key=SecretStr(SANDBOX_ENV["SANDBOX_CLOUDSTACK_API_KEY"]),
        cloudstack_secret_key=SecretStr(SANDBOX_ENV["SANDBOX_CLOUDSTACK_SECRET_KEY"]),
        netris_url=urls[1],
        netris_user=SANDBOX_ENV["SANDBOX_NETRIS_USER"],
        netris_password=SecretStr(SANDBOX_ENV["SANDBOX_NETRIS_PASSWORD"]),
        netris_site="sv",
        calls_per_second=1000,
    )


def zone_name(urls: tuple[str, str]) -> str:
    return cloudstack_of(urls).list_zones()[0].name


def cloudstack_of(urls: tuple[str, str]):
    from apps import cloudstack

    return cloudstack.connect(
        f"{urls[0]}/client/api",
        SecretStr(SANDBOX_ENV["SANDBOX_CLOUDSTACK_API_KEY"]),
        SecretStr(SANDBOX_ENV["SANDBOX_CLOUDSTACK_SECRET_KEY"]),
    )


def calls_of(urls: tuple[str, str]) -> int:
    """Calls to CloudStack. Those to Netris cannot be told from the plugin's own; there are four an operation."""
    made: dict[str, int] = httpx.get(f"{urls[0]}/_sandbox/calls").json()
    return sum(made.values())


def wait_for_worker() -> None:
    from apps.health.models import Kind, Process

    Process.objects.filter(kind=Kind.WORKER).delete()
    give_up_at = time.monotonic() + 30
    while not Process.objects.filter(kind=Kind.WORKER).exists():
        if time.monotonic() > give_up_at:
            raise RuntimeError("the worker did not come up")
        time.sleep(0.1)


def by_bare_script(count: int, threads: int) -> Result:
    """The same calls in the same order, without a database, an engine or a queue."""
    from apps import netris
    from apps.cloudstack.wire import ResourceType

    with tempfile.TemporaryDirectory() as name, sandbox(Path(name), job_seconds=JOB_SECONDS, options=POOLS) as urls:
        cloudstack = cloudstack_of(urls)
        fabric = netris.connect(
            urls[1],
            SANDBOX_ENV["SANDBOX_NETRIS_USER"],
            SecretStr(SANDBOX_ENV["SANDBOX_NETRIS_PASSWORD"]),
        )
        zone = cloudstack.list_zones()[0]
        offering = next(o for o in cloudstack.list_vpc_offerings() if o.name.endswith("NAT Mode"))
        domain = cloudstack.create_domain("bench")
        account = cloudstack.create_account(
            name="bench",
            domain_id=domain.id,
            email="bench@weft.invalid",
            first_name="B",
            last_name="B",
            password=SecretStr("bench-password"),
        )
        for owner, kind in product((None, account.name), (ResourceType.VPC, ResourceType.PUBLIC_IP)):
            cloudstack.update_resource_limit(account=owner, domain_id=domain.id, resource_type=kind, maximum=-1)

        def one(number: int) -> Iterator[float]:
            vpc_name = f"vpc-{number:012x}"
            cloudstack.find_vpc(vpc_name, account=account.name, domain_id=domain.id)
            fabric.ping()
            started = cloudstack.create_vpc(
                name=vpc_name,
                displaytext=vpc_name,
                zone_id=zone.id,
                offering_id=offering.id,
                cidr=BLOCK,
                account=account.name,
                domain_id=domain.id,
            )
            for pause in POLLS:
                yield pause
                if cloudstack.check_job(started.job):
                    break
            cloudstack.find_vpc(vpc_name, account=account.name, domain_id=domain.id)
            found = next(vpc for vpc in fabric.vpcs() if vpc.name.endswith(f"-{vpc_name}"))
            fabric.ipam(found.id)
            cloudstack.list_public_ips(started.id)
            fabric.nat_rules(found.id)

        before, cpu_before, started_at = calls_of(urls), time.process_time(), time.monotonic()
        interleave([one(number) for number in range(count)], threads)
        return Result(time.monotonic() - started_at, calls_of(urls) - before, time.process_time() - cpu_before)


def interleave(jobs: list[Iterator[float]], threads: int) -> None:
    """Run generators on a pool of threads; what a generator yields is how long it wants to be left alone."""
    ready: list[tuple[float, int]] = [(0.0, number) for number in range(len(jobs))]
    lock, left = threading.Condition(), len(jobs)

    def work() -> None:
        nonlocal left
        while True:
            with lock:
                while left and (not ready or ready[0][0] > time.monotonic()):
                    lock.wait(max(ready[0][0] - time.monotonic(), 0.001) if ready else 0.05)
                if not left:
                    return
                _, number = heapq.heappop(ready)
            pause = next(jobs[number], None)
            with lock:
                if pause is None:
                    left -= 1
                else:
                    heapq.heappush(ready, (time.monotonic() + pause, number))
                lock.notify()

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work) for _ in range(threads)]:
            future.result()


def report(count: int, threads: int, *, say: Callable[[str], None] = print) -> None:
    say(f"{count} VPC creations at once, CloudStack jobs of {JOB_SECONDS:.0f} s, one worker process, {threads} threads")
    weft = through_weft(count, threads)
    bare = by_bare_script(count, threads)
    say(f"  Weft          {weft.seconds:7.1f} s   {count / weft.seconds:6.1f} operations/s")
    say(f"  bare script   {bare.seconds:7.1f} s   {count / bare.seconds:6.1f} operations/s")
    say(f"  ratio         {weft.seconds / bare.seconds:7.2f}     (aim: at most 1.5)")
    weft_cpu, bare_cpu = (1000 * result.cpu_seconds / count for result in (weft, bare))
    say(f"  worker CPU    {weft_cpu:7.1f} ms per operation (bare: {bare_cpu:.1f} ms)")
    say(f"  remote calls  {weft.calls / count:7.1f} to CloudStack per operation (bare: {bare.calls / count:.1f})")
