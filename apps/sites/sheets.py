"""Sites as a sheet: what is not there is made, and what is there is changed where a cell says so. A cell that is empty,
like a column that is missing, leaves as it is what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.fabric.inventory.queries import SiteLine, Surveys, site_lines
from apps.fabric.models import SurveyedSite
from apps.imports.kinds import UNKNOWN_ZONE, Cells, Checked, Kind
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.operations.models import Operation
from apps.sites import services
from apps.sites.models import FACTS
from apps.sites.queries import facts_of, why_not_change, why_not_make
from apps.sites.recipes import NAMES
from apps.sites.specs import SiteChange, SiteSpec
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

COLUMNS = {
    "zone": "The short name of the zone.",
    "name": "What has this name already is changed; a name itself is not.",
    "public_asn": "A number, such as 65001.",
    "acl_policy": "permit or deny: what it does with packets that no rule speaks of. permit, if it is empty.",
    "switch_fabric": "netris or dot1q_trunk. netris, if it is empty.",
    "vlan_range": "Such as 2-4094, which it is if it is empty.",
}


def check(rows: Sequence[Cells], _by: Platform) -> list[Checked]:
    """Five queries, however many rows there are."""
    zones = {zone.slug: zone for zone in Zone.objects.filter(slug__in={cells["zone"] for cells in rows})}
    found = SurveyedSite.objects.filter(zone__in=zones.values())
    sites = {(line.zone.slug, line.row.name): line for line in site_lines(found, Surveys.read())}
    return [_checked(cells, zones.get(cells["zone"]), sites.get((cells["zone"], cells["name"]))) for cells in rows]


def _checked(cells: Cells, zone: Zone | None, line: SiteLine | None) -> Checked:
    if zone is None:
        return Checked(faults=[UNKNOWN_ZONE])
    try:
        found = _creation(cells, zone) if line is None else _change(cells, line)
    except Refused as refusal:
        return Checked(faults=refusal.all)
    return Checked(**{**found, "about": f"{zone.controller_id} {cells['name']}"})


def _creation(cells: Cells, zone: Zone) -> dict[str, Any]:
    spec = SiteSpec.parse(cells)
    reason = why_not_make(zone)
    return {
        "faults": [Refused("zone-disabled", reason, "zone")] if reason else [],
        "what": f"Create site {spec.name}",
        "sends": {NAMES[name]: getattr(spec, name) for name in FACTS},
        "order": {"zone": str(zone.pk), "create": dict(cells)},
    }


def _change(cells: Cells, line: SiteLine) -> dict[str, Any]:
    row = line.row
    now = facts_of(row)
    wanted = SiteChange.parse(cells, now).values
    if not wanted:
        return {"what": f"Leave site {row.name} as it is"}
    reason = why_not_change(row)
    return {
        "faults": [Refused("not-changeable", reason)] if reason else services.change_faults(line, wanted),
        "what": f"Change site {row.name}",
        "sends": {NAMES[name]: f"from {now[name] or 'nothing'} to {value}" for name, value in wanted.items()},
        "order": {"site": str(row.pk), "change": dict(wanted)},
    }


def order(values: Mapping[str, Any], by: Platform) -> Operation:
    if "create" in values:
        zone = Zone.objects.get(pk=values["zone"])
        return joined(services.create_site)(zone, SiteSpec.parse(values["create"]), by=by)
    row = SurveyedSite.objects.select_related("zone__survey").filter(pk=values["site"]).first()
    if row is None:
        raise Refused("gone", "It is not there any more.")
    return joined(services.change_site)(row, SiteChange.parse(values["change"], facts_of(row)), by=by)


SITES = Kind(
    key="sites",
    label="Sites",
    columns=COLUMNS,
    required=("zone", "name"),
    ignored=("netris_id", "devices", "read_at"),
    check=check,
    order=order,
    sheet="fabric:site_sheet",
)
