"""What of a zone's map somebody looks at. It stands in the address, so it can be sent to others and is found again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from apps.kernel.errors import Refused
from apps.vnis.models import LAST_VNI

#: As many folds may be open at once; who opens one more closes the first.
MOST_OPEN = 12
FOLDS = re.compile(r"(?:pod|rack|loose|oob)(?:-\d{1,19})?(?:,(?:pod|rack|loose|oob)(?:-\d{1,19})?)*\Z")


OVERLAYS = {
    "health": "Health",
    "links": "Links",
    "bgp": "BGP",
    "utilisation": "Utilisation",
    "vni": "VNI",
    "tenant": "Tenant",
    "maintenance": "Maintenance",
}


@dataclass(frozen=True)
class Sight:
    zone: str
    #: The folds that are open (`apps.fabric.folds`), in the order in which they were opened.
    opened: tuple[str, ...] = ()
    overlay: str = "health"
    #: Whose footprint is looked for: that of a VNI, or of the tenant with this short name.
    vni: int | None = None
    tenant: str = ""
    #: What is wrong with what was typed.
    fault: str = ""

    @classmethod
    def of(cls, zone: str, address: QueryDict) -> Sight:
        """Raises `Refused`, with the parameter, for what no map can show."""
        overlay = address.get("overlay") or "health"
        if overlay not in OVERLAYS:
            text = f"There is no overlay “{overlay[:32]}”. There are: {', '.join(OVERLAYS)}."
            raise Refused("overlay-unknown", text, "overlay")
        vni, tenant = _vni(address.get("vni", "").strip()), address.get("tenant", "").strip()[:64]
        return cls(
            zone,
            _folds(address.get("open", "")),
            overlay,
            vni if overlay == "vni" else None,
            tenant if overlay == "tenant" else "",
        )

    @property
    def query(self) -> str:
        """Its part of the address, behind the question mark."""
        said = {
            "zone": self.zone,
            "overlay": "" if self.overlay == "health" else self.overlay,
            "vni": self.vni,
            "tenant": self.tenant,
            "open": ",".join(self.opened),
        }
        return urlencode({name: value for name, value in said.items() if value}, safe=",")

    def under(self, overlay: str) -> Sight:
        return replace(self, overlay=overlay, vni=None, tenant="", fault="")

    def opening(self, fold: str) -> Sight:
        return replace(self, opened=(*self.opened, fold)[-MOST_OPEN:])

    def closing(self, fold: str) -> Sight:
        return replace(self, opened=tuple(one for one in self.opened if one != fold))

    @property
    def folded(self) -> Sight:
        return replace(self, opened=())


def _folds(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    opened = tuple(dict.fromkeys(text[:2000].split(",")))
    if not FOLDS.match(text) or len(opened) > MOST_OPEN:
        told = f"It names up to {MOST_OPEN} parts of the map that are open, as the map's own links do."
        raise Refused("open-unknown", told, "open")
    return opened


def _vni(text: str) -> int | None:
    number = int(text) if re.fullmatch("[0-9]{1,8}", text) else 0
    if text and not 0 < number <= LAST_VNI:
        raise Refused("vni-unknown", f"A VNI is a number from 1 to {LAST_VNI}, and “{text[:32]}” is none.", "vni")
    return number or None
