"""Registering a zone: what can be found out is asked of the two systems, and nothing is saved before both answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.utils.text import slugify
from pydantic import SecretStr

from apps import cloudstack, netris
from apps.cloudstack.wire import Offering
from apps.kernel.errors import Refused
from apps.zones.models import Zone

O = TypeVar("O", bound=Offering)  # noqa: E741


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


def register_zone(spec: ZoneSpec) -> Zone:
    """Look the zone up in both systems and save it, or bring a saved one up to date.

    Raises `Refused` for what does not exist, `Unavailable` for what does not answer.
    """
    with (
        cloudstack.connect(spec.cloudstack_url, spec.cloudstack_api_key, spec.cloudstack_secret_key) as clouds,
        netris.connect(spec.netris_url, spec.netris_user, spec.netris_password) as fabric,
    ):
        zones = clouds.list_zones()
        found = next((zone for zone in zones if zone.name == spec.name), None)
        if found is None:
            names = ", ".join(zone.name for zone in zones)
            raise Refused("zone-unknown", f"CloudStack has no zone {spec.name}. It has: {names}.", "name")
        vpc_offering = _named(clouds.list_vpc_offerings(), spec.vpc_offering, "vpc_offering")
        tier_offering = _named(clouds.list_network_offerings(), spec.tier_offering, "tier_offering")
        sites = [site.name for site in fabric.sites()]
        if spec.netris_site not in sites:
            raise Refused(
                "site-unknown", f"Netris has no site {spec.netris_site}. It has: {', '.join(sites)}.", "netris_site"
            )
    with transaction.atomic():
        zone, _ = Zone.objects.update_or_create(
            name=spec.name,
            defaults={
                "slug": slugify(spec.name)[:32],
                "cloudstack_url": spec.cloudstack_url,
                "cloudstack_api_key": spec.cloudstack_api_key,
                "cloudstack_secret_key": spec.cloudstack_secret_key,
                "cloudstack_zone_id": UUID(found.id),
                "vpc_offering_id": UUID(vpc_offering.id),
                "tier_offering_id": UUID(tier_offering.id),
                "netris_url": spec.netris_url,
                "netris_user": spec.netris_user,
                "netris_password": spec.netris_password,
                "netris_site": spec.netris_site,
                "calls_per_second": spec.calls_per_second,
            },
        )
    return zone


def _named(offerings: Sequence[O], name: str, field: str) -> O:
    for offering in offerings:
        if offering.name == name:
            return offering
    names = ", ".join(offering.name for offering in offerings)
    raise Refused("offering-unknown", f"CloudStack has no offering {name}. It has: {names}.", field)
