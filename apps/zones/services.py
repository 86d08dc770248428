"""Writing down a zone as both systems have told of it, and what of it is for the platform to choose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from pydantic import SecretStr

from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.names import NAME, key_of, tidy
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones.access import Found, FoundZone, Offering
from apps.zones.models import Zone
from apps.zones.trials import SECRETS

#: What the audit log tells of a zone. Of a secret it tells that it is another one.
TOLD = (
    "name",
    *("cloudstack_url", "cloudstack_zone_id", "vpc_offering_id", "tier_offering_id", "max_tiers_per_vpc"),
    *("netris_url", "netris_user", "netris_site", "calls_per_second", "description", "names_devices"),
)


@dataclass(frozen=True)
class ZoneSpec:
    """How to reach a zone. `name` is the zone's name in CloudStack; offerings are given by name too."""

    name: str
    cloudstack_url: str
    cloudstack_api_key: SecretStr
    cloudstack_secret_key: SecretStr
    netris_url: str
    netris_user: str
    netris_password: SecretStr
    netris_site: str
    vpc_offering: str = "VPC offering with Netris - NAT Mode"
    tier_offering: str = "DefaultNATNetrisNetworkOfferingForVpc"
    calls_per_second: int = 25
    #: None leaves the description as it is.
    description: str | None = None
    #: None leaves it as it is.
    names_devices: bool | None = None


#: What can be chosen without asking either system.
SETTINGS = ("description", "calls_per_second", "names_devices")


def save_zone(spec: ZoneSpec, found: Found, *, zone: Zone | None = None, by: Platform) -> Zone:
    """Save a zone as it was found, in the caller's transaction. Without `zone`, the one that is registered under the
    name is brought up to date. Raises `Refused` for what does not exist there."""
    name = NAME.parse(spec.name, "name")
    there = _zone_called(name, found)
    if spec.netris_site not in found.sites:
        text = f"Netris has no site {spec.netris_site}. It has: {', '.join(found.sites)}."
        raise Refused("site-unknown", text, "netris_site")
    rows = Zone.objects.select_for_update(no_key=True)
    is_known = zone is not None
    zone = rows.filter(name_key=key_of(name)).first() if zone is None else rows.get(pk=zone.pk)
    if zone is None:
        zone, old, action = Zone(name=name, slug=_free_slug(name)), {}, "zone.register"
    else:
        old, action = _told(zone), "zone.update"
        if zone.cloudstack_zone_id != UUID(there.id):
            text = f"Another zone was registered as {zone.name}; what was built there would be lost sight of."
            raise Refused("zone-other", text, "name")
    if is_known and zone.name != name:
        _rename(zone, name)
    secrets = {} if zone._state.adding else {name: getattr(zone, name) for name in SECRETS}
    _fill(zone, spec, found, there)
    new = _told(zone)
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    changed |= {name: "changed" for name, secret in secrets.items() if secret != getattr(zone, name)}
    if not changed:
        ranges = {"public_ranges": zone.public_ranges, "ranges_read_at": zone.ranges_read_at}
        Zone.objects.filter(pk=zone.pk).update(**ranges)
    else:
        zone.save()
        before = {name: old[name] for name in changed if name in old}
        audit(by.actor, action, zone, tenant=None, old=before, new=changed)
    return zone


@transaction.atomic
def change_settings(zone: Zone, values: Mapping[str, Any], *, by: Platform) -> Zone:
    """Change some of `SETTINGS`. Raises `Refused` with the field at fault."""
    zone = Zone.objects.select_for_update(no_key=True).get(pk=zone.pk)
    old = _told(zone)
    for name in SETTINGS:
        setattr(zone, name, values.get(name, getattr(zone, name)))
    _check(zone)
    changed = {name: value for name, value in _told(zone).items() if old[name] != value}
    if changed:
        zone.save(update_fields=[*SETTINGS, "updated_at"])
        audit(by.actor, "zone.update", zone, tenant=None, old={name: old[name] for name in changed}, new=changed)
    return zone


@transaction.atomic
def set_enabled(zone: Zone, is_enabled: bool, *, by: Platform) -> Zone:
    """In a zone that is disabled nothing new is built and no list is read; what is under way comes to its end."""
    zone = Zone.objects.select_for_update(no_key=True).get(pk=zone.pk)
    if zone.is_enabled != is_enabled:
        zone.is_enabled = is_enabled
        zone.save(update_fields=["is_enabled", "updated_at"])
        audit(by.actor, "zone.enable" if is_enabled else "zone.disable", zone, tenant=None)
    return zone


def _rename(zone: Zone, name: str) -> None:
    """CloudStack calls it differently now. Its short name stays: it stands in addresses."""
    if Zone.objects.filter(name_key=key_of(name)).exclude(pk=zone.pk).exists():
        raise Refused("zone-other", f"Another zone is registered as {name}.", "name")
    zone.name = name


def _zone_called(name: str, found: Found) -> FoundZone:
    there = next((zone for zone in found.zones if tidy(zone.name) == tidy(name)), None)
    if there is None:
        names = ", ".join(zone.name for zone in found.zones)
        raise Refused("zone-unknown", f"CloudStack has no zone {name}. It has: {names}.", "name")
    if not there.is_netris:
        raise Refused("zone-not-netris", f"The networks of {name} are made by {there.provider}.", "name")
    return there


def _named(offerings: Sequence[Offering], name: str, field: str) -> UUID:
    offering = next((offering for offering in offerings if offering.name == name), None)
    if offering is None or not offering.is_netris:
        names = ", ".join(offering.name for offering in offerings if offering.is_netris)
        text = f"CloudStack has no enabled offering {name} with Netris. It has: {names}."
        raise Refused("offering-unknown", text, field)
    return UUID(offering.id)


def _fill(zone: Zone, spec: ZoneSpec, found: Found, there: FoundZone) -> None:
    zone.cloudstack_url, zone.netris_url = spec.cloudstack_url, spec.netris_url
    zone.cloudstack_api_key, zone.cloudstack_secret_key = spec.cloudstack_api_key, spec.cloudstack_secret_key
    zone.netris_user, zone.netris_password = spec.netris_user, spec.netris_password
    zone.netris_site = spec.netris_site
    zone.cloudstack_zone_id = UUID(there.id)
    zone.vpc_offering_id = _named(found.vpc_offerings, spec.vpc_offering, "vpc_offering")
    zone.tier_offering_id = _named(found.tier_offerings, spec.tier_offering, "tier_offering")
    zone.max_tiers_per_vpc = found.max_tiers_per_vpc or Zone._meta.get_field("max_tiers_per_vpc").default
    zone.public_ranges, zone.ranges_read_at = there.public_ranges, clock.now()
    zone.calls_per_second = spec.calls_per_second
    zone.description = zone.description if spec.description is None else spec.description
    zone.names_devices = zone.names_devices if spec.names_devices is None else spec.names_devices
    _check(zone)


#: What nobody enters, and addresses, which have been looked at already.
UNCHECKED = ("cloudstack_url", "netris_url", "public_ranges", "ranges_read_at")


def _check(zone: Zone) -> None:
    try:
        zone.full_clean(exclude=UNCHECKED, validate_unique=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(f"{field.replace('_', '-')}-invalid", " ".join(messages), field) from error


def _told(zone: Zone) -> dict[str, str]:
    return {name: str(getattr(zone, name)) for name in TOLD}


def _free_slug(name: str) -> str:
    """`Zone 1` -> `zone-1`, or `zone-1-2` where that is taken."""
    base = re.sub(r"[^a-z0-9]+", "-", slugify(name))[:28].strip("-") or "zone"
    taken = set(Zone.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, 1000))) if slug not in taken)
