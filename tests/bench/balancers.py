"""Many load balancers with many members: their lists, and one sweep of Netris' with what follows it, as multiples of
what an empty view costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr

from tests.bench.pages import TIMES, Ask, session_of, tell


def report(many: int, size: int, *, say: Callable[[str], None] = print) -> None:
    from apps.balancers.models import Balancer
    from apps.balancers.tasks import keep_all
    from apps.kernel.api.pagination import LIMIT
    from apps.mirror.models import Kind
    from apps.mirror.services import refresh
    from tests import builders, crowds

    say(f"{many} load balancers of {size} members, {crowds.GATES} SoftGates")
    tenant, zone = builders.a_tenant("Balanced", max_load_balancers=many), builders.a_zone("Zone-lb")
    vpc = builders.a_vpc(tenant, zone, "shop", "10.220.0.0/16", cloudstack_id=uuid4(), netris_id=7)
    tier = builders.a_tier(vpc, "web", "10.220.1.0/24", cloudstack_id=uuid4())
    rows = crowds.balancers_of(vpc, tier, many, size)
    member = session_of(builders.a_member(tenant, username="lb-member"))
    program = {"Authorization": f"Bearer {builders.a_token(tenant)}"}
    asks = [
        Ask("empty view", "/empty/", member),
        Ask("load balancers", f"/t/{tenant.slug}/load-balancers/", member),
        Ask("REST load balancers", f"/api/v1/load-balancers/?limit={min(many, LIMIT)}", program),
        Ask("REST, what needs somebody", "/api/v1/attention/", program),
    ]
    empty = tell(asks, say)
    for ask in asks[1:]:
        say(f"  {ask.what:24} {queries_of(partial(get, ask)):4} queries")

    ends = [{"guest_address": str(each.guest_address)} for each in rows[0].members.all()]
    listed = [crowds.balanced_on_netris(vpc, row, number, ends) for number, row in enumerate(rows)]
    clouds = Answers(zone, listed)

    def changed() -> None:
        """Each of them has news."""
        for row in listed:
            for backend in row["backendIps"]:
                backend["stats"] = [each | {"response": f"{time.monotonic()}"} for each in backend["stats"]]
        refresh(zone, Kind.NETRIS_BALANCER, clouds)

    refresh(zone, Kind.NETRIS_BALANCER, clouds)
    assert keep_all() == []
    assert not Balancer.unscoped.filter(differs_since__isnull=False).exists()
    for what, work in (
        ("a sweep, nothing new", lambda: refresh(zone, Kind.NETRIS_BALANCER, clouds)),
        ("a sweep, all of it new", changed),
        ("the comparison after it", keep_all),
    ):
        each, slow = milliseconds(work)
        say(
            f"  {what:24} {each:8.1f} ms {slow:8.1f}   {queries_of(work):4} queries   {slow / empty:8.2f} times as slow"
        )


class Answers:
    """The clouds of a zone whose Netris answers with a list at once, over the client that Weft has for it."""

    def __init__(self, zone: Any, listed: list[dict[str, Any]]) -> None:
        from apps import netris

        self.zone, self._listed = zone, listed
        self.netris = netris.connect(
            "http://netris.invalid", "bench", SecretStr("bench"), transport=httpx.MockTransport(self._answer)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/auth":
            return httpx.Response(200, json={"isSuccess": True, "data": {}}, headers={"Set-Cookie": "connect.sid=1"})
        return httpx.Response(200, json={"isSuccess": True, "data": self._listed})


def get(ask: Ask) -> bytes:
    from django.test import Client

    answer = Client(headers=ask.headers | {"host": "127.0.0.1"}).get(ask.path)
    assert answer.status_code in (200, 204), answer.content[:500]
    return answer.content


def queries_of(work: Callable[[], object]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    work()
    with CaptureQueriesContext(connection) as queries:
        work()
    return len(queries)


def milliseconds(work: Callable[[], object]) -> tuple[float, float]:
    """The median, and what 95 of 100 do not exceed."""
    took = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - started))
    return median(took), quantiles(took, n=20)[-1]
