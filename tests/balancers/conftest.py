from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.addresses.conftest import clouds_of, place, watch

__all__ = ["clouds_of", "place", "tell", "watch"]


@pytest.fixture
def tell(place: Any) -> Callable[..., None]:
    """Has an instance behave so on a port: `tell(id, "refuse", port=8443)`. The words are the sandbox's."""
    control = httpx.Client(transport=place.world.cloudstack_transport(), base_url="http://cloudstack.test")

    def tell(instance: object, does: str, **more: int) -> None:
        control.post("/_sandbox/manners", json={"instance": str(instance), "does": does, **more}).raise_for_status()

    return tell
