"""What people and programs ask for most, of a tenant with very many VPCs: over real HTTP from one web process, and as
multiples of what an empty view costs there."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import httpx

from tests.processes import free_port, running, wait_for_http

#: How many times each is asked for alone, and how long by all clients at once.
TIMES = 25
SECONDS = 4.0
CLIENTS = 8
#: What the list may cost, in empty views.
MOST_OF_LIST = 4

Headers = dict[str, str]


@dataclass(frozen=True)
class Ask:
    """Something to ask for. A creation has a name of its own each time."""

    what: str
    path: str
    headers: Headers
    creates: bool = False

    def by(self, client: httpx.Client) -> None:
        if self.creates:
            vpc = {"name": f"new {next(_numbers)}", "zone": "Zone-1", "cidr": "10.7.0.0/16", "tiers": []}
            answer = client.post(self.path, json=vpc, headers=self.headers)
        else:
            answer = client.get(self.path, headers=self.headers)
        answer.raise_for_status()


_numbers = count(1)


def asked_for(many: int, rules: int) -> list[Ask]:
    """Fills the database, and says what is asked for; the empty view comes first."""
    from apps.tenancy.models import Scope
    from tests import builders, crowds

    crowd = crowds.a_crowd(many)
    member, admin = session_of(builders.a_member(crowd)), session_of(builders.a_platform_admin())
    program = {"Authorization": f"Bearer {builders.a_token(crowd)}"}
    platform = {"Authorization": f"Bearer {builders.a_token(None, Scope.READ)}"}
    few = f"q=net+{many - 1}"
    crowds.forwards_of(crowd, rules)
    full = crowds.a_full_vpc(crowd)
    return [
        Ask("empty view", "/empty/", member),
        Ask("VPC list", "/t/crowd/vpcs/", member),
        Ask("create form", "/t/crowd/vpcs/new/", member),
        Ask("REST create", "/api/v1/vpcs/", program, creates=True),
        Ask("VPC page", f"/t/crowd/vpcs/{crowds.vpc_of_crowd(many // 2)}/", member),
        Ask("page of a full VPC", f"/t/crowd/vpcs/{full.pk}/", member),
        Ask("overview", "/t/crowd/", member),
        Ask("port forwards", "/t/crowd/port-forwards/", member),
        Ask("port forwards, found", "/t/crowd/port-forwards/?q=web-7", member),
        Ask("REST port forwards", "/api/v1/port-forwards/", program),
        Ask("platform's search", f"/platform/operations/?{few}", admin),
        Ask("platform's REST search", f"/api/v1/vpcs/?{few}", platform),
    ]


def session_of(user: object) -> Headers:
    from django.test import Client

    client = Client()
    client.force_login(user)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


def milliseconds(url: str, ask: Ask) -> tuple[float, float]:
    """How long one takes with nothing beside it: the median, and what 95 of 100 do not exceed."""
    took = []
    with httpx.Client(base_url=url, timeout=60) as client:
        for _ in range(TIMES):
            started = time.perf_counter()
            ask.by(client)
            took.append(1000 * (time.perf_counter() - started))
    return median(took), quantiles(took, n=20)[-1]


def rate(url: str, ask: Ask, *, seconds: float = SECONDS) -> float:
    """Requests per second of several clients that ask without a pause."""
    stop_at = time.monotonic() + seconds

    def work() -> int:
        done = 0
        with httpx.Client(base_url=url, timeout=60) as client:
            while time.monotonic() < stop_at:
                ask.by(client)
                done += 1
        return done

    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        total = sum(future.result() for future in [pool.submit(work) for _ in range(CLIENTS)])
    return total / (time.monotonic() - started)


def report(many: int, rules: int, *, say: Callable[[str], None] = print) -> None:
    say(f"a tenant with {many} VPCs and {rules} NAT rules, one web process")
    tell(asked_for(many, rules), say)


@contextmanager
def web_process() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its address, and itself. It answers when this begins, and has done nothing else yet."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "web.log"
        command = ["-m", "uvicorn", "portal.asgi:application", "--port", str(port), "--no-access-log"]
        with running(*command, log=log, DJANGO_SETTINGS_MODULE="tests.bench.settings", WEFT_DB_POOL="8") as child:
            url = f"http://127.0.0.1:{port}"
            wait_for_http(f"{url}/empty/", child, log)
            yield url, child


def tell(asked: Sequence[Ask], say: Callable[[str], None]) -> float:
    """A line of each, the empty view first. Gives how long that takes with nothing beside it, in milliseconds."""
    with web_process() as (url, _):
        for ask in asked:
            rate(url, ask, seconds=0.5)
        say(f"  {'':24}   one alone      p95   {CLIENTS} clients   times the empty view")
        empty, all_alone = rate(url, asked[0]), milliseconds(url, asked[0])[0]
        for ask in asked:
            (alone, slow), each = milliseconds(url, ask), empty if ask is asked[0] else rate(url, ask)
            aim = f"   (aim: at most {MOST_OF_LIST})" if ask.what == "VPC list" else ""
            say(f"  {ask.what:24} {alone:8.1f} ms {slow:8.1f} {each:8.1f}/s   {empty / each:8.2f}{aim}")
    return all_alone
