"""One search over everything, for platform admins: by name, address, MAC, VNI or id.

Each finder looks in one place, by an index, and gives the first few; where there are more, the list of that place tells
them. A name is found by a part of it, whatever its case; an id, a VNI and a MAC by the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode

from apps.accounts.models import Account
from apps.addresses.models import Holding, PublicIp
from apps.fabric.models import (
    SurveyedDevice,
    SurveyedLink,
    SurveyedPort,
    SurveyedSession,
    SurveyedSite,
    SurveyedSubnet,
)
from apps.kernel.errors import Refused
from apps.kernel.named import containing
from apps.mirror.models import Item, Kind
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.tenancy.actors import Platform
from apps.tenancy.models import Tenant
from apps.vnis.models import LAST_VNI, Claim
from apps.zones.models import Zone

#: So many of a kind are told; the list of the kind has the others.
MOST = 5
#: Fewer characters are in too much, and no index finds them.
SHORTEST, LONGEST = 3, 100

_MAC = re.compile(r"(?:[0-9a-f]{2}[:.-]?){5}[0-9a-f]{2}", re.IGNORECASE)


@dataclass(frozen=True)
class Words:
    """What is looked for, and what else it may be than a part of a name."""

    text: str

    @classmethod
    def of(cls, text: str) -> Words:
        """Raises `Refused`."""
        text = text.strip()
        words = cls(text)
        if len(text) > LONGEST:
            raise Refused("q-too-long", f"A search has at most {LONGEST} characters.", "q")
        if len(text) < SHORTEST and words.vni is None:
            raise Refused("q-too-short", f"Give at least {SHORTEST} characters, or a VNI.", "q")
        return words

    @cached_property
    def id(self) -> UUID | None:
        with suppress(ValueError):
            return UUID(self.text) if len(self.text) in (32, 36) else None
        return None

    @cached_property
    def vni(self) -> int | None:
        is_number = self.text.isascii() and self.text.isdecimal() and len(self.text) < 9
        return int(self.text) if is_number and int(self.text) <= LAST_VNI else None

    @cached_property
    def address(self) -> IPv4Address | None:
        with suppress(ValueError):
            return IPv4Address(self.text)
        return None

    @cached_property
    def mac(self) -> str:
        """As CloudStack writes it, or ""."""
        digits = re.sub(r"[:.-]", "", self.text.lower())
        return ":".join(re.findall("..", digits)) if _MAC.fullmatch(self.text) else ""


@dataclass(frozen=True)
class Hit:
    """`url` is "" where there is no page of it; `zone` where it is in none."""

    kind: str
    name: str
    detail: str = ""
    url: str = ""
    zone: str = ""


@dataclass(frozen=True)
class Group:
    """What was found of one kind. `more_url` leads to the rest, where there is more and a list of it."""

    label: str
    hits: Sequence[Hit]
    has_more: bool = False
    more_url: str = ""


Finder = Callable[[Words, Platform], Iterator[Hit]]


def search(text: str, by: Platform) -> list[Group]:
    """What there is, kind by kind. Raises `Refused` for what cannot be looked for. A query or two for each kind."""
    words = Words.of(text)
    groups = []
    for label, list_name, finder in FINDERS:
        hits = list(finder(words, by))
        if hits:
            has_more = len(hits) > MOST
            url = f"{reverse(list_name)}?{urlencode({'q': words.text})}" if list_name and has_more else ""
            groups.append(Group(label, hits[:MOST], has_more, url))
    return groups


def _first(rows: Any) -> Any:
    return rows[: MOST + 1]


# --- who builds -------------------------------------------------------------------------------------------------------


def _tenant_url(tenant: Tenant) -> str:
    return reverse("accounts:tenant_detail", args=[tenant.slug])


def _tenants(words: Words, _by: Platform) -> Iterator[Hit]:
    meant = containing("name_key", words.text) | Q(slug=words.text.lower())
    for tenant in _first(Tenant.objects.filter(meant | Q(pk=words.id)).order_by("name", "id")):
        yield Hit("tenant", tenant.name, tenant.slug, _tenant_url(tenant))


def _vpcs(words: Words, by: Platform) -> Iterator[Hit]:
    meant = containing("search_key", words.text)
    if words.id:
        meant = Q(pk=words.id) | Q(cloudstack_id=words.id)
    rows = Vpc.objects.across(by).live().filter(meant).select_related("tenant", "zone").order_by("name", "id")
    for vpc in _first(rows):
        yield Hit("vpc", vpc.name, f"{vpc.cidr}, of {vpc.tenant}", _tenant_url(vpc.tenant), str(vpc.zone))


def _tiers(words: Words, by: Platform) -> Iterator[Hit]:
    meant = containing("search_key", words.text)
    if words.id:
        meant = Q(pk=words.id) | Q(cloudstack_id=words.id)
    rows = (
        Tier.objects.across(by).live().filter(meant).select_related("vpc__tenant", "vpc__zone").order_by("name", "id")
    )
    for tier in _first(rows):
        detail = f"{tier.cidr} in {tier.vpc}, of {tier.vpc.tenant}"
        yield Hit("tier", tier.name, detail, _tenant_url(tier.vpc.tenant), str(tier.vpc.zone))


def _instances(words: Words, by: Platform) -> Iterator[Hit]:
    rows = Item.objects.filter(kind=Kind.CLOUDSTACK_INSTANCE).select_related("zone")
    if words.id:
        rows = rows.filter(remote_id=str(words.id))
    elif words.mac:
        # By the index of what nests in an instance.
        rows = rows.filter(data__contains={"nic": [{"macaddress": words.mac}]})
    else:
        rows = rows.filter(containing("search_key", words.text))
    found = list(_first(rows.order_by("name", "pk")))
    owners = _owners(found, by)
    for item in found:
        addresses = ", ".join(nic["ipaddress"] for nic in item.data.get("nic", ()) if nic.get("ipaddress"))
        tenant = owners.get((item.zone_id, item.key))
        whose = f"of {tenant}" if tenant else "of no tenant"
        detail = ", ".join(filter(None, (addresses, whose)))
        yield Hit("instance", item.name, detail, _tenant_url(tenant) if tenant else "", str(item.zone))


def _owners(items: Sequence[Item], by: Platform) -> dict[tuple[UUID, str], Tenant]:
    """Whose account has them; the key of an instance is that of its account."""
    if not items:
        return {}
    names = {item.key.partition("/")[2] for item in items}
    rows = Account.objects.across(by).live().filter(zone__in={item.zone_id for item in items}).select_related("tenant")
    return {
        (account.zone_id, f"{account.cloudstack_domain_id}/{account.remote_name}"): account.tenant
        for account in rows
        if account.remote_name in names
    }


def _public_ips(words: Words, by: Platform) -> Iterator[Hit]:
    meant = Q(pk=words.id) if words.id else Q(address=words.address) if words.address else Q(pk__in=())
    rows = PublicIp.objects.across(by).live().filter(meant).select_related("vpc__tenant", "vpc__zone")
    for row in _first(rows.order_by("address", "id")):
        url = f"{reverse('addresses:pools')}?{urlencode({'q': str(row.address)})}"
        yield Hit("public IP", str(row.address), f"{row.vpc}, of {row.vpc.tenant}", url, str(row.vpc.zone))


def _holders(words: Words, by: Platform) -> Iterator[Hit]:
    if words.address is None:
        return
    rows = Holding.objects.across(by).filter(address=words.address).exclude(held_until=None)
    for row in _first(rows.select_related("tenant", "zone").order_by("-held_from")):
        url = f"{reverse('addresses:pools')}?{urlencode({'q': str(row.address)})}"
        until = f"{row.held_until:%Y-%m-%d %H:%M}" if row.held_until else ""
        yield Hit("past holder", str(row.address), f"{row.tenant}, until {until}", url, str(row.zone))


# --- the fabric -------------------------------------------------------------------------------------------------------


def _devices(words: Words, _by: Platform) -> Iterator[Hit]:
    for row in _surveyed(SurveyedDevice, words):
        url = reverse("fabric:device_detail", args=[row.zone.slug, row.remote_id])
        yield Hit("device", row.name, row.role, url, str(row.zone))


def _ports(words: Words, _by: Platform) -> Iterator[Hit]:
    for row in _surveyed(SurveyedPort, words):
        yield Hit("port", row.name, "", f"{reverse('fabric:port_list')}?{urlencode({'q': row.name})}", str(row.zone))


def _links(words: Words, _by: Platform) -> Iterator[Hit]:
    for row in _surveyed(SurveyedLink, words):
        url = reverse("fabric:link_detail", args=[row.zone.slug, row.remote_id])
        yield Hit("link", row.name, row.plane, url, str(row.zone))


def _sessions(words: Words, _by: Platform) -> Iterator[Hit]:
    for row in _surveyed(SurveyedSession, words):
        url = f"{reverse('fabric:session_list')}?{urlencode({'q': row.name})}"
        yield Hit("session", row.name, f"{row.device} with {row.router}", url, str(row.zone))


def _subnets(words: Words, _by: Platform) -> Iterator[Hit]:
    for row in _surveyed(SurveyedSubnet, words):
        url = reverse("ipam:detail", args=[row.zone.slug, row.remote_id])
        whose = row.whose or row.netris_vpc
        detail = f"{row.prefix or ''}, of {whose}" if whose else str(row.prefix or "")
        yield Hit("subnet", row.name, detail, url, str(row.zone))


def _sites(words: Words, _by: Platform) -> Iterator[Hit]:
    for row in _surveyed(SurveyedSite, words):
        asn = f"ASN {row.public_asn}" if row.public_asn else ""
        yield Hit("site", row.name, asn, reverse("sites:detail", args=[row.zone.slug, row.remote_id]), str(row.zone))


def _surveyed(model: Any, words: Words) -> Any:
    meant = Q(pk=words.id) if words.id else containing("search_key", words.text)
    return _first(model.objects.filter(meant).select_related("zone").order_by("sort_key", "id"))


def _vnis(words: Words, by: Platform) -> Iterator[Hit]:
    if words.vni is None:
        return
    rows = Claim.objects.across(by).now().of_number(words.vni).select_related("zone")
    for row in _first(rows.order_by("zone__name", "system", "-began_at")):
        url = reverse("vnis:vni_detail", args=[row.zone.slug, words.vni])
        yield Hit("VNI", str(words.vni), f"{row.get_kind_display()} {row.name}".strip(), url, str(row.zone))


# --- the platform -----------------------------------------------------------------------------------------------------


def _operations(words: Words, by: Platform) -> Iterator[Hit]:
    if words.id is None:
        return
    for row in _first(Operation.objects.across(by).filter(Q(pk=words.id) | Q(resource_id=words.id))):
        yield Hit("operation", str(row), "", reverse("operations:platform_detail", args=[row.pk]), str(row.zone or ""))


def _zones(words: Words, _by: Platform) -> Iterator[Hit]:
    for zone in _first(Zone.objects.filter(containing("name_key", words.text) | Q(pk=words.id))):
        yield Hit("zone", zone.name, zone.description, reverse("zones:list"))


#: What is called how, the list that has the rest, and who finds it: in the order of the page.
FINDERS: tuple[tuple[str, str, Finder], ...] = (
    ("Tenants", "accounts:tenant_list", _tenants),
    ("VPCs", "", _vpcs),
    ("Tiers", "", _tiers),
    ("Instances", "", _instances),
    ("Public IPs", "", _public_ips),
    ("Who had it before", "addresses:pools", _holders),
    ("VNIs", "vnis:vni_list", _vnis),
    ("Devices", "fabric:device_list", _devices),
    ("Ports", "fabric:port_list", _ports),
    ("Links", "fabric:link_list", _links),
    ("Sessions", "fabric:session_list", _sessions),
    ("Subnets", "fabric:subnet_list", _subnets),
    ("Sites", "fabric:site_list", _sites),
    ("Operations", "", _operations),
    ("Zones", "", _zones),
)
