"""Functions that put rows into the world, with defaults for everything a test does not care about."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network
from typing import Any
from uuid import uuid4

from django.utils import timezone

from apps.accounts.models import Account
from apps.mirror.models import Item, Kind, Reading
from apps.networks.models import Tier, Vpc
from apps.networks.specs import TierSpec, VpcSpec
from apps.operations.provisioned import Status
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.models import ApiToken, Membership, Role, Scope, Tenant, User
from apps.zones.models import Zone

PASSWORD = "a long enough password"


def a_user(username: str, **fields: Any) -> User:
    user = User(username=username, email=f"{username}@example.net", **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def a_platform_admin(username: str = "root") -> User:
    return a_user(username, is_platform_admin=True)


def the_platform() -> Platform:
    return Platform(Actor.system("test"))


def a_tenant(name: str, **fields: Any) -> Tenant:
    return Tenant.objects.create(name=name, slug=name.lower().replace(" ", "-"), **fields)


def a_member(tenant: Tenant, role: Role = Role.ENGINEER, username: str = "") -> User:
    user = a_user(username or f"{tenant.slug}-{role}")
    Membership.objects.create(user=user, tenant=tenant, role=role)
    return user


def a_token(tenant: Tenant | None, scope: Scope = Scope.WRITE, **fields: Any) -> str:
    """The secret of a new token; of the platform when `tenant` is None."""
    secret = ApiToken.new_secret()
    ApiToken.unscoped.create(tenant=tenant, name="test", digest=ApiToken.hash(secret), scope=scope, **fields)
    return secret


def a_zone(name: str = "Zone-1", **fields: Any) -> Zone:
    """A zone that nobody can reach; tests that build for real take the fixture `zone`."""
    defaults: dict[str, Any] = {
        "slug": name.lower(),
        "cloudstack_url": "http://cloudstack.invalid/client/api",
        "cloudstack_api_key": "key",
        "cloudstack_secret_key": "secret",
        "cloudstack_zone_id": uuid4(),
        "vpc_offering_id": uuid4(),
        "tier_offering_id": uuid4(),
        "netris_url": "http://netris.invalid",
        "netris_user": "weft",
        "netris_password": "secret",
        "netris_site": "Site-1",
        "calls_per_second": 1000,
    }
    return Zone.objects.get(pk=Zone.objects.create(name=name, **(defaults | fields)).pk)


def an_account(tenant: Tenant, zone: Zone, status: Status = Status.READY, **fields: Any) -> Account:
    ids = {"cloudstack_domain_id": uuid4(), "cloudstack_account_id": uuid4()}
    return Account.unscoped.create(tenant=tenant, zone=zone, status=status, **(ids | fields))


def a_vpc(
    tenant: Tenant,
    zone: Zone,
    name: str = "prod",
    cidr: str = "10.20.0.0/20",
    status: Status = Status.READY,
    **fields: Any,
) -> Vpc:
    return Vpc.unscoped.create(tenant=tenant, zone=zone, name=name, cidr=IPv4Network(cidr), status=status, **fields)


def a_tier(
    vpc: Vpc, name: str = "web", cidr: str = "10.20.0.0/24", status: Status = Status.READY, **fields: Any
) -> Tier:
    return Tier.unscoped.create(vpc=vpc, vpc_cidr=vpc.cidr, name=name, cidr=IPv4Network(cidr), status=status, **fields)


def a_vpc_spec(zone: Zone | str = "Zone-1", name: str = "prod", cidr: str = "10.20.0.0/20", **fields: Any) -> VpcSpec:
    tiers = (TierSpec("web", IPv4Network("10.20.0.0/24")), TierSpec("db", IPv4Network("10.20.1.0/24")))
    defaults: dict[str, Any] = {"description": "", "tiers": tiers}
    reference = zone if isinstance(zone, str) else zone.name
    return VpcSpec(name=name, zone=reference, cidr=IPv4Network(cidr), **(defaults | fields))


def mirrored(zone: Zone, kind: Kind, remote_ids: Iterable[object], *, read_at: Any = None, data: Any = None) -> None:
    """Let the mirror list some objects of a zone, read at a given time."""
    read_at = read_at or timezone.now()
    Reading.objects.update_or_create(zone=zone, kind=kind, defaults={"read_at": read_at})
    for remote_id in remote_ids:
        Item.objects.create(zone=zone, kind=kind, remote_id=str(remote_id), data=data or {}, changed_at=read_at)


BY = Actor.system("test")
