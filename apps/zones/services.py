"""Registering a zone: what can be found out is asked of the two systems, and nothing is saved before both answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import httpx
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from pydantic import SecretStr

from apps import cloudstack, netris
from apps.cloudstack.wire import Offering
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.names import NAME, key_of, tidy
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit
from apps.zones.models import Zone

O = TypeVar("O", bound=Offering)  # noqa: E741

#: What the audit log tells of a zone. Of a secret it tells that it is another one.
TOLD = (
    *("cloudstack_url", "cloudstack_zone_id", "vpc_offering_id", "tier_offering_id", "max_tiers_per_vpc"),
    *("netris_url", "netris_user", "netris_site", "calls_per_second"),
)
SECRETS = ("cloudstack_api_key", "cloudstack_secret_key", "netris_password")


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


@dataclass(frozen=True)
class _Found:
    """What the two systems say of a zone."""

    zone_id: UUID
    vpc_offering_id: UUID
    tier_offering_id: UUID
    max_tiers_per_vpc: int
    public_ranges: list[dict[str, Any]]


def register_zone(spec: ZoneSpec, *, by: Platform) -> Zone:
    """Look the zone up in both systems and save it, or bring a saved one up to date.

    Raises `Refused` for what is no address or does not exist there, `Unavailable` for what does not answer.
    """
    name = NAME.parse(spec.name, "name")
    for field in ("cloudstack_url", "netris_url"):
        _check_url(field, getattr(spec, field))
    found = _look_up(spec)
    with transaction.atomic():
        zone = Zone.objects.select_for_update(no_key=True).filter(name_key=key_of(name)).first()
        if zone is None:
            zone, old, action = Zone(name=name, slug=_free_slug(name)), {}, "zone.register"
        else:
            old, action = _told(zone), "zone.update"
            if zone.cloudstack_zone_id != found.zone_id:
                text = f"Another zone was registered as {zone.name}; what was built there would be lost sight of."
                raise Refused("zone-other", text, "name")
        secrets = {} if zone._state.adding else {name: getattr(zone, name) for name in SECRETS}
        _fill(zone, spec, found)
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


def _check_url(field: str, text: str) -> None:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or len(text) > 200:
        raise Refused("url-invalid", f"{text[:100]} is no address such as https://cloud.example.net.", field)
    if url.userinfo or url.query or url.fragment:
        raise Refused("url-too-much", "Leave out user, password and whatever follows the path.", field)


def _look_up(spec: ZoneSpec) -> _Found:
    with (
        cloudstack.connect(spec.cloudstack_url, spec.cloudstack_api_key, spec.cloudstack_secret_key) as clouds,
        netris.connect(spec.netris_url, spec.netris_user, spec.netris_password) as fabric,
    ):
        zones = clouds.list_zones()
        zone = next((zone for zone in zones if tidy(zone.name) == tidy(spec.name)), None)
        if zone is None:
            names = ", ".join(zone.name for zone in zones)
            raise Refused("zone-unknown", f"CloudStack has no zone {spec.name}. It has: {names}.", "name")
        if zone.provider and not zone.is_netris:
            raise Refused("zone-not-netris", f"The networks of {spec.name} are made by {zone.provider}.", "name")
        sites = [site.name for site in fabric.sites()]
        if spec.netris_site not in sites:
            text = f"Netris has no site {spec.netris_site}. It has: {', '.join(sites)}."
            raise Refused("site-unknown", text, "netris_site")
        ranges = clouds.public_ranges(zone.id)
        most = clouds.setting("vpc.max.networks") or ""
        return _Found(
            zone_id=UUID(zone.id),
            vpc_offering_id=_named(clouds.list_vpc_offerings(), spec.vpc_offering, "vpc_offering"),
            tier_offering_id=_named(clouds.list_network_offerings(), spec.tier_offering, "tier_offering"),
            public_ranges=[
                each.model_dump(mode="json", include={"startip", "endip", "vlan", "provider", "forsystemvms"})
                for each in ranges
            ],
            max_tiers_per_vpc=int(most) if most.isdecimal() else Zone._meta.get_field("max_tiers_per_vpc").default,
        )


def _named(offerings: Sequence[O], name: str, field: str) -> UUID:
    offering = next((offering for offering in offerings if offering.name == name), None)
    if offering is None or not offering.is_netris:
        names = ", ".join(offering.name for offering in offerings if offering.is_netris)
        text = f"CloudStack has no enabled offering {name} with Netris. It has: {names}."
        raise Refused("offering-unknown", text, field)
    return UUID(offering.id)


def _fill(zone: Zone, spec: ZoneSpec, found: _Found) -> None:
    zone.cloudstack_url, zone.netris_url = spec.cloudstack_url, spec.netris_url
    zone.cloudstack_api_key, zone.cloudstack_secret_key = spec.cloudstack_api_key, spec.cloudstack_secret_key
    zone.netris_user, zone.netris_password = spec.netris_user, spec.netris_password
    zone.netris_site = spec.netris_site
    zone.cloudstack_zone_id = found.zone_id
    zone.vpc_offering_id, zone.tier_offering_id = found.vpc_offering_id, found.tier_offering_id
    zone.max_tiers_per_vpc = found.max_tiers_per_vpc
    zone.public_ranges, zone.ranges_read_at = found.public_ranges, clock.now()
    zone.calls_per_second = spec.calls_per_second
    try:
        zone.full_clean(exclude=("cloudstack_url", "netris_url"), validate_unique=False)
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
