"""What is in a site, and what that keeps from being done to it. A line tells the zones that build in it, and how many
devices it has (`fabric.inventory.queries`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from apps.fabric.inventory.queries import SiteLine, Surveys, site_lines
from apps.fabric.models import Part, SurveyedDevice, SurveyedSite, SurveyedSubnet
from apps.kernel.words import counted
from apps.sites.models import FACTS
from apps.sites.specs import FABRICS
from apps.zones.models import Zone


def line_of(row: SurveyedSite) -> SiteLine:
    """Two queries, where it came with the survey of its zone."""
    [line] = site_lines([row], Surveys({row.zone_id: row.zone.survey}))
    return line


def devices_of(row: SurveyedSite) -> QuerySet[SurveyedDevice]:
    """A device tells the name of its site."""
    return SurveyedDevice.objects.filter(zone=row.zone_id, facts__Site=row.name)


def subnets_of(row: SurveyedSite) -> QuerySet[SurveyedSubnet]:
    return SurveyedSubnet.objects.of_platform().filter(zone=row.zone_id, sites__contains=[{"id": int(row.remote_id)}])


def facts_of(row: SurveyedSite) -> Mapping[str, Any]:
    return {name: getattr(row, name) for name in FACTS}


def why_not_make(zone: Zone) -> str | None:
    return None if zone.is_enabled else f"{zone} is disabled. Nothing is made there."


def why_not_change(row: SurveyedSite) -> str | None:
    """Why it cannot be changed from here at all; None when it can."""
    if row.switch_fabric not in FABRICS:
        return f"Its fabric is {row.switch_fabric or 'not known'}: Netris needs its provider's login with every change."
    return None


def why_it_stays(line: SiteLine, name: str) -> str | None:
    """What of it stays while something is in it."""
    if name == "name" and line.used_by:
        return f"{_zones(line.used_by)} in it, and it is found by its name: the name stays."
    if name == "acl_policy" and line.used_by:
        return f"{_zones(line.used_by)} in it: what tenants' access lists let through would be turned round."
    if name == "switch_fabric" and line.devices:
        return f"It still has {counted(line.devices, 'device')}: their fabric stays."
    return None


def why_not_delete(line: SiteLine, subnets: int) -> str | None:
    if any(line.survey.is_stale(part) for part in (Part.SITE, Part.DEVICE, Part.SUBNET)):
        return "What is in it is not known: the last reading is too old."
    return what_is_in_it(line, subnets)


def what_is_in_it(line: SiteLine, subnets: int) -> str | None:
    """Why it is not deleted, as the inventory was last read. Of V-Nets Netris tells itself when it is asked to."""
    if line.used_by:
        them = "it" if len(line.used_by) == 1 else "them"
        return f"{_zones(line.used_by)} in it. Register {them} with another site first."
    found = ((line.devices, "device"), (subnets, "subnet"))
    words = " and ".join(counted(number, noun) for number, noun in found if number)
    return f"It still has {words}. Delete them first, or have them in another site." if words else None


def _zones(zones: Sequence[Zone]) -> str:
    names = ", ".join(zone.name for zone in zones)
    return f"The zone {names} builds" if len(zones) == 1 else f"The zones {names} build"
