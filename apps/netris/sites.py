"""What Weft writes of Netris' sites (netris-api.md 2.17).

An update takes the whole thing, so all that is not asked for goes back as it came, also what newer releases do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.kernel.remote import Rejected
from apps.netris.calls import SYSTEM, Calls
from apps.netris.wire import Site, bare

PATH = "/api/v2/sites"
#: What an update takes, as far as a row shows it under the same name. The logins of a provider are never shown.
UPDATES = (
    *("name", "publicAsn", "aclPolicy", "switchFabric", "vlanRange", "vlanRangeAutoAssign", "vlanRangeSysReserved"),
    *("siteMesh", "rohAsn", "vmAsn", "rohProfile"),
)
#: How the older call spells some of them, and what may come wrapped as {label, value}.
SPELT = {"publicAsn": "publicASN", "aclPolicy": "acl_policy", "rohAsn": "rohASN", "vmAsn": "vmASN"}
WORDS = ("aclPolicy", "switchFabric", "vlanRange")
#: The schema wants these, though they mean nothing any more: as Terraform sends them.
OBSOLETE = {"siteMesh": {"value": "disabled"}, "rohAsn": 0, "vmAsn": 0}


class Sites(Calls):
    def get_site(self, site_id: int) -> Site | None:
        return self._get(f"{PATH}/{{id}}", site_id, Site)

    def find_site(self, name: str) -> Site | None:
        """By its name, as CloudStack looks for one. A controller has few."""
        return next((each for each in self._list(PATH, Site) if each.name == name), None)

    def create_site(self, body: Mapping[str, Any]) -> int:
        """Returns its id."""
        return self._create(PATH, {**OBSOLETE, **body}, subject=str(body["name"]))

    def update_site(self, site_id: int, changes: Mapping[str, Any]) -> None:
        """Raises `Rejected` when there is no such site. What VLANs are taken from goes with the range, where it was all
        of it."""
        path = f"{PATH}/{{id}}"
        rows = self._data(path, subject=str(site_id))
        row = rows[0] if isinstance(rows, list) and rows else rows
        if not isinstance(row, dict) or not row:
            raise Rejected("Not found", 404, system=SYSTEM, call=f"PUT {path}")
        spelt = {name: name if row.get(name) is not None else SPELT.get(name, name) for name in UPDATES}
        told = {name: row.get(other) for name, other in spelt.items()}
        body = {name: bare(value) if name in WORDS else value for name, value in told.items() if value is not None}
        if "vlanRange" in changes and row.get("vlanRangeAutoAssign") == row.get("vlanRange"):
            body["vlanRangeAutoAssign"] = changes["vlanRange"]
        self._update(path, site_id, {**body, **changes})

    def delete_site(self, site_id: int) -> None:
        self._delete(f"{PATH}/{{id}}", site_id)
