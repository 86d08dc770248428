"""Allocations and subnets as a sheet: what is not there is made, and what is there is changed where a cell says so.

A cell that is empty, like a column that is missing, leaves as it is what is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.fabric.models import Owner, SurveyedSubnet
from apps.imports.kinds import UNKNOWN_ZONE, Cells, Checked, Kind
from apps.ipam import services
from apps.ipam.estate import Estate, why_not_touch
from apps.ipam.models import Block
from apps.ipam.specs import CHANGES, BlockChange, BlockSpec, parse_prefix
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.operations.models import Operation
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

COLUMNS = {
    "zone": "The short name of the zone.",
    "type": "allocation or subnet.",
    "prefix": "Such as 10.20.0.0/16. What has this prefix already is changed; a prefix itself is not.",
    "name": "What it is called.",
    "purpose": "Of a subnet: common, loopback, management, load-balancer, nat, bgp or inactive.",
    "sites": "Of a subnet: the names of its sites, with commas between them; that of the zone where it is empty.",
    "gateway": "Of a subnet for management.",
    "description": "One line.",
    "owner": "platform, or empty. What a tenant's VPC has is CloudStack's: such a row of a sheet stays as it is.",
    "netris_id": "What a row of a tenant's is known by. Of the platform's it says nothing.",
}


def check(rows: Sequence[Cells], _by: Platform) -> list[Checked]:
    """A zone's IPAM is read once, however many rows are of it; of tenants' those rows that the sheet names."""
    zones = {zone.slug: zone for zone in Zone.objects.filter(slug__in={cells["zone"] for cells in rows})}
    estates = {slug: Estate.of(zone) for slug, zone in zones.items()}
    named = SurveyedSubnet.objects.of_vpcs().filter(zone__in=zones.values()).select_related("zone")
    ids = {cells["netris_id"] for cells in rows if "netris_id" in cells}
    theirs = {(row.zone.slug, row.remote_id): row for row in named.filter(remote_id__in=ids)}
    checked: list[Checked] = [Checked()] * len(rows)
    # Subnets are looked at once all allocations of the sheet are known, wherever these stand in it.
    for place in sorted(range(len(rows)), key=lambda place: rows[place]["type"] != Block.ALLOCATION):
        cells = rows[place]
        row = theirs.get((cells["zone"], cells.get("netris_id", "")))
        checked[place] = _left(cells, row) if row else _checked(cells, estates.get(cells["zone"]))
    return checked


def _left(cells: Cells, row: SurveyedSubnet) -> Checked:
    """What is no platform's stays as it is, and a row that has it otherwise is told so."""
    now = {**services.values_of(row), "sites": ", ".join(row.site_names), "type": row.type, "prefix": row.prefix}
    reason = why_not_touch(row)
    alien = [name for name, value in now.items() if name in cells and cells[name].split() != str(value).split()]
    what = f"Leave {row.type} {row.prefix} ({row.whose or row.netris_vpc}) as it is"
    about = f"{cells['zone']} {row.remote_id}"
    return Checked(faults=[Refused("not-changeable", reason or "", name) for name in alien], what=what, about=about)


def _checked(cells: Cells, estate: Estate | None) -> Checked:
    if estate is None:
        return Checked(faults=[UNKNOWN_ZONE])
    if cells.get("owner", Owner.PLATFORM) != Owner.PLATFORM:
        return Checked(
            faults=[Refused("owner-unknown", "It is not there, and only the platform's own are made.", "owner")]
        )
    try:
        prefix = parse_prefix(cells["prefix"], "prefix")
        row = estate.find(cells["type"], prefix)
        found = _creation(cells, estate) if row is None else _change(cells, estate, row)
    except Refused as refusal:
        return Checked(faults=refusal.all)
    about = f"{estate.zone.controller_id} {cells['type']} {prefix}"
    return Checked(**{**found, "about": about, "rank": int(cells["type"] == Block.SUBNET)})


def _creation(cells: Cells, estate: Estate) -> dict[str, Any]:
    spec = BlockSpec.parse(cells, site=estate.zone.netris_site)
    faults = list(estate.faults(spec))
    if not faults:
        estate.plan(spec.type, spec.prefix, spec.name)
    sends = {"name": spec.name, "prefix": str(spec.prefix), "purpose": spec.purpose, "sites": ", ".join(spec.sites)}
    sends |= {"defaultGateway": spec.gateway, "description": spec.description}
    return {
        "faults": faults,
        "what": f"Create {spec.type} {spec.prefix} ({spec.name})",
        "sends": {name: value for name, value in sends.items() if value},
        "order": {"zone": str(estate.zone.pk), "create": dict(cells)},
    }


def _change(cells: Cells, estate: Estate, row: SurveyedSubnet) -> dict[str, Any]:
    now = services.values_of(row)
    change = BlockChange.parse({name: cells[name] for name in CHANGES if name in cells}, now)
    wanted = services.differences(row, change)
    what = f"{row.type} {row.prefix} ({row.name})"
    if not wanted:
        return {"what": f"Leave {what} as it is"}
    reason = why_not_touch(row)
    faults = [Refused("not-changeable", reason)] if reason else services.change_faults(estate, row, wanted)
    if "name" in wanted and not faults:
        estate.plan(row.type, row.prefix, wanted["name"])
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in wanted.items()}
    return {
        "faults": faults,
        "what": f"Change {what}",
        "sends": {name: f"from {_text(now[name])} to {_text(value)}" for name, value in wanted.items()},
        "order": {"block": str(row.pk), "change": values},
    }


def _text(value: object) -> str:
    return (", ".join(value) if isinstance(value, tuple) else str(value)) or "nothing"


def order(values: Mapping[str, Any], by: Platform) -> Operation:
    if "create" in values:
        zone = Zone.objects.get(pk=values["zone"])
        spec = BlockSpec.parse(values["create"], site=zone.netris_site)
        return joined(services.create_block)(zone, spec, by=by)
    row = SurveyedSubnet.objects.select_related("zone").filter(pk=values["block"]).first()
    if row is None:
        raise Refused("gone", "It is not there any more.")
    change = BlockChange.parse(values["change"], services.values_of(row))
    return joined(services.change_block)(row, change, by=by)


SUBNETS = Kind(
    key="subnets",
    label="Subnets",
    columns=COLUMNS,
    required=("zone", "type", "prefix"),
    ignored=("status", "percent", "hosts", "addresses", "netris_tenant", "tenant", "vpc", "netris_vpc", "read_at"),
    check=check,
    order=order,
    sheet="fabric:subnet_sheet",
)
