"""A zone whose lists the tests write themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apps.mirror.models import Item, Kind, Reading
from apps.mirror.sweeps import SWEEPS
from apps.vnis.feed import LISTS
from apps.vnis.models import Claim
from apps.vnis.services import look
from apps.zones.models import Zone
from tests import builders

LATER = timedelta(seconds=30)


class Lists:
    """What both systems list, and a look through it that comes half a minute after the one before."""

    def __init__(self, zone: Zone, clock: time_machine.Traveller) -> None:
        self.zone, self._clock = zone, clock

    def pool(self, vlan: str, name: str = "guest", network: str = "pn-1") -> None:
        self._put(Kind.CLOUDSTACK_POOL, network, {"name": name, "vlan": vlan})

    def network(self, holder: str, vni: int, **data: Any) -> None:
        """A network of CloudStack with its number, which is taken out of the pool."""
        self.taken(vni)
        self._put(Kind.CLOUDSTACK_NETWORK, holder, {"name": holder, "details": {"netrisvxlanid": str(vni)}} | data)

    def taken(self, vni: int, **data: Any) -> None:
        self._put(Kind.CLOUDSTACK_VNI, f"pn-1:{vni}", {"vlan": str(vni), "physicalnetworkid": "pn-1"} | data)

    def vnet(self, number: int, vni: int, name: str = "") -> None:
        self._put(Kind.NETRIS_VNET, number, {"name": name or f"D1-A2-Z1-V3-N{number}-tier", "vxlanID": vni})

    def vpc(self, number: int, vni: int) -> None:
        self._put(Kind.NETRIS_VPC, number, {"name": f"D1-A2-Z1-V{number}-vpc", "vni": vni})

    def forget(self, kind: Kind, remote_id: object) -> None:
        Item.objects.get(zone=self.zone, kind=kind, remote_id=remote_id).delete()

    def look(self) -> bool:
        """All lists are read a moment later, and then looked through."""
        self.pass_by()
        self.read()
        self._clock.shift(timedelta(seconds=1))
        return look(self.zone)

    def pass_by(self) -> None:
        self._clock.shift(LATER)

    def read(self, *kinds: Kind) -> None:
        for kind in kinds or LISTS:
            Reading.objects.update_or_create(zone=self.zone, kind=kind, defaults={"read_at": timezone.now()})

    def _put(self, kind: Kind, remote_id: object, data: dict[str, Any]) -> None:
        row = SWEEPS[kind].row_of({"id": remote_id, "zoneid": "z"} | data)
        [columns] = SWEEPS[kind].columns_of([row]).values()
        Item.objects.update_or_create(
            zone=self.zone, kind=kind, remote_id=str(remote_id), defaults={"changed_at": timezone.now(), **columns}
        )


@pytest.fixture
def site(db: None) -> Zone:
    return builders.a_zone("Zone-1")


@pytest.fixture
def lists(site: Zone, clock: time_machine.Traveller) -> Lists:
    return Lists(site, clock)


@pytest.fixture
def held() -> Callable[..., list[tuple[Any, ...]]]:
    """Who has a number now: system, kind, holder, and whether it is the first."""

    def of(vni: int) -> list[tuple[Any, ...]]:
        rows = Claim.unscoped.now().of_number(vni).order_by("system", "-is_first", "holder")
        return list(rows.values_list("system", "kind", "holder", "is_first"))

    return of
