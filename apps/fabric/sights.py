"""What of a zone's map somebody looks at. It stands in the address, so it can be sent to others and is found again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import QueryDict

#: As many folds may be open at once; who opens one more closes the first.
MOST_OPEN = 12
FOLDS = re.compile(r"(?:pod|rack|loose|oob)(?:-\d{1,19})?(?:,(?:pod|rack|loose|oob)(?:-\d{1,19})?)*\Z")


@dataclass(frozen=True)
class Sight:
    zone: str
    #: The folds that are open (`apps.fabric.folds`), in the order in which they were opened.
    opened: tuple[str, ...] = ()

    @classmethod
    def of(cls, zone: str, address: QueryDict) -> Sight:
        """Raises `BadRequest` for what no map can show."""
        return cls(zone, _folds(address.get("open", "")))

    @property
    def query(self) -> str:
        """Its part of the address, behind the question mark."""
        said = {"zone": self.zone, "open": ",".join(self.opened)}
        return urlencode({name: value for name, value in said.items() if value}, safe=",")

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
        raise BadRequest(f"“open” names up to {MOST_OPEN} parts of the map that are open, as the map's own links do.")
    return opened
