"""How the network is that a tenant's VPCs lie in, in a few words. Other apps register what they know of it.

A vital is judged from readings that concern the tenant's own things alone, and names none of the provider's unless the
zone lets it (`Zone.names_devices`). What was read too long ago is stale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.kernel import clock
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

STATUSES = "ok", "warning", "critical", "unknown", "stale"


@dataclass(frozen=True)
class Vital:
    """`found` is one of `STATUSES` but the last; `fresh_for` in seconds."""

    kind: str
    label: str
    zone: Zone
    found: str
    words: str
    read_at: datetime | None
    fresh_for: int

    @property
    def fresh_until(self) -> datetime | None:
        return self.read_at + timedelta(seconds=self.fresh_for) if self.read_at else None

    @property
    def is_stale(self) -> bool:
        return self.fresh_until is None or self.fresh_until < clock.now()

    @property
    def status(self) -> str:
        return "stale" if self.is_stale else self.found


Known = Callable[[Tenant], Sequence[Vital]]

_registered: list[Known] = []


def register(known: Known) -> None:
    """Apps call this from `AppConfig.ready`. It asks as many queries as zones need, whatever they hold."""
    if known not in _registered:
        _registered.append(known)


def vitals_of(tenant: Tenant) -> list[Vital]:
    return [vital for known in _registered for vital in known(tenant)]
