"""What the frame of every page shows: where one can go, and as which tenant. Nothing is asked before it is drawn.

Fragments for htmx have no frame, so they pay nothing. A whole page pays one query for the memberships and, for platform
admins, one each for the findings, what waits for approval, the operations that wait for somebody, the zones in trouble
and the strays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from apps.fabric.zones.queries import in_trouble
from apps.history.queries import open_findings
from apps.operations.models import Operation
from apps.strays.models import Stray
from apps.tenancy import approvals
from apps.tenancy.actors import Platform
from apps.tenancy.models import Membership, Tenant
from apps.tenancy.queries import why_not_write


@dataclass(frozen=True)
class Place:
    """One line of the navigation. `count` is what waits there."""

    section: str
    label: str
    icon: str
    url: str
    current: bool = False
    count: int = 0


def shell(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    membership = getattr(request, "membership", None)
    memberships = getattr(request, "memberships", None) or user.memberships.select_related("tenant")
    return {
        "nav": SimpleLazyObject(lambda: places(request, memberships)),
        "memberships": memberships,
        "tenant_switch_url": reverse("switch-tenant"),
        "session_url": reverse("tenant-session", args=[membership.tenant.slug]) if membership else reverse("session"),
        "why_only_looking": why_not_write(membership) if membership else None,
    }


def places(request: HttpRequest, memberships: Iterable[Membership] = ()) -> list[Place]:
    """A page of one's own belongs to no tenant: from there one goes to all that one is a member of."""
    tenant: Tenant | None = getattr(request, "tenant", None)
    platform: Platform | None = getattr(request, "platform", None)
    if tenant is None and platform is None:
        return [_home_of(membership.tenant) for membership in memberships]
    of_tenant = _of_tenant(tenant, request.path) if tenant else []
    return of_tenant + (_of_platform(platform, request.path) if platform else [])


def _home_of(tenant: Tenant) -> Place:
    return Place("Your tenants", tenant.name, "house", reverse("networks:overview", args=[tenant.slug]))


def _of_tenant(tenant: Tenant, path: str) -> list[Place]:
    def place(label: str, icon: str, name: str, *also: str) -> Place:
        url = reverse(name, kwargs={"tenant_slug": tenant.slug})
        is_home = name == "networks:overview"
        below = (url, *(f"/t/{tenant.slug}/{part}/" for part in also))
        return Place("Tenant", label, icon, url, path == url if is_home else path.startswith(below))

    return [
        place("Overview", "house", "networks:overview"),
        place("VPCs", "network", "networks:vpc_list", "tiers", "static-routes"),
        place("Instances", "server", "instances:list"),
        place("Public IPs", "globe", "addresses:list"),
        place("Static NAT", "arrow-left-right", "nat:static_nat_list"),
        place("Port forwards", "arrow-right", "nat:port_forward_list"),
        place("Load balancers", "split", "balancers:list"),
        place("Peerings", "handshake", "peering:list"),
        place("Direct Connect", "cable", "directconnect:connection_list"),
        place("Access lists", "shield", "acls:list"),
        place("Reachability", "route", "reachability:ask"),
        place("Activity", "history", "operations:list", "operations"),
        place("Quotas", "gauge", "quotas:list"),
        place("Members", "users", "members"),
        place("Tokens", "key-round", "tokens"),
    ]


def _of_platform(platform: Platform, path: str) -> list[Place]:
    def place(section: str, label: str, icon: str, name: str, count: int = 0) -> Place:
        url = reverse(name)
        return Place(section, label, icon, url, path.startswith(url), count)

    fabric, admin = partial(place, "Fabric"), partial(place, "Platform")
    stuck = Operation.objects.across(platform).stuck().count()
    return [
        replace(fabric("Overview", "gauge", "overview:fabric"), current=path == reverse("overview:fabric")),
        fabric("Search", "search", "search:everything"),
        fabric("Topology", "waypoints", "fabric:topology"),
        fabric("Devices", "server", "fabric:device_list"),
        fabric("Ports", "ethernet-port", "fabric:port_list"),
        fabric("Links", "cable", "fabric:link_list"),
        fabric("Sessions", "arrow-left-right", "fabric:session_list"),
        fabric("Sites", "warehouse", "fabric:site_list"),
        fabric("Subnets", "network", "fabric:subnet_list"),
        fabric("SoftGates", "shield", "softgates:list"),
        fabric("VNIs", "hash", "vnis:range_list"),
        fabric("Events", "calendar-clock", "history:events"),
        fabric("Imports", "file-up", "imports:list"),
        fabric("Findings", "search-check", "history:findings", open_findings()),
        admin("Approvals", "clipboard-check", "approvals", approvals.count(platform)),
        admin("Connections", "cable", "directconnect:platform_list"),
        admin("Locations", "map-pinned", "directconnect:location_list"),
        admin("Zones", "map-pin", "zones:list", in_trouble()),
        admin("Addresses", "globe", "addresses:pools"),
        admin("Tenants", "building-2", "accounts:tenant_list"),
        admin("People", "users", "people"),
        admin("Tokens", "key-round", "platform-tokens"),
        admin("Operations", "list-checks", "operations:platform_list", stuck),
        admin("Strays", "unlink", "strays:list", Stray.objects.there().count()),
        admin("Health", "heart-pulse", "health:health"),
    ]
