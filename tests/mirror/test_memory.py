"""A process that sweeps holds one page of a list at a time, however long the list is."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import httpx

from apps.mirror.models import Item, Kind
from apps.mirror.services import refresh
from apps.netris.client import PORTS_PER_PAGE
from apps.zones.clouds import Clouds
from apps.zones.models import Zone
from tests.mirror.conftest import Answer

#: Characters that each port brings along, as checks and descriptions do.
WEIGHT = 500


def held(work: Callable[[], object]) -> int:
    """The most bytes that it holds at a time, above what there was before."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def ports(pages: int) -> Answer:
    def answer(request: httpx.Request) -> list[dict[str, Any]]:
        page = int(request.url.params["page"])
        if page > pages:
            return []
        first = (page - 1) * PORTS_PER_PAGE
        return [
            {"id": number, "name": f"swp{number}@Leaf-1", "description": f"{number} ".ljust(WEIGHT, "x")}
            for number in range(first + 1, first + PORTS_PER_PAGE + 1)
        ]

    return answer


def test_what_a_sweep_holds_does_not_grow_with_the_list(
    scripted: Callable[[Answer], Clouds], scripted_zone: Zone
) -> None:
    def sweep(pages: int) -> int:
        clouds = scripted(ports(pages))
        return held(lambda: refresh(scripted_zone, Kind.NETRIS_PORT, clouds))

    sweep(1)  # what is loaded once
    two, eight = sweep(2), sweep(8)
    assert Item.objects.filter(kind=Kind.NETRIS_PORT).count() == 8 * PORTS_PER_PAGE
    print(f"two pages: {two / 1e6:.1f} MB, eight: {eight / 1e6:.1f} MB")
    # The ids alone of all that was found are kept to the end: a hundred bytes of each, and no row of it.
    assert eight - two < 6 * PORTS_PER_PAGE * WEIGHT / 2
    assert eight < 1.5 * two
