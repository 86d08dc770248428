"""What a zone's two systems let Weft do: both logins, the rights behind them, and what there is to choose from.

A look asks a handful of questions, one after the other, and says what came of each as a `Check`:

    verdict    means
    ok         it is as it has to be
    unknown    it cannot be told, and does not stand in the way
    failed     it has to be mended before the zone can be used

After one that failed nothing more is asked of that system. Nothing is written anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal
from uuid import UUID

import httpx
from pydantic import BaseModel, SecretStr

from apps import cloudstack, netris
from apps.cloudstack import COMMANDS, CloudStack
from apps.cloudstack.wire import Offering as CloudStackOffering
from apps.cloudstack.wire import Zone as CloudStackZone
from apps.kernel.errors import Refused
from apps.kernel.remote import Hooks, Rejected, RemoteError, Unauthorized
from apps.netris import Netris
from apps.zones.clouds import refuse_open_transaction
from apps.zones.models import System

LONGEST_URL = 200
#: Names that are told one by one.
TOLD = 8
#: The sections of Netris' permission groups that Weft reads, and those of them that it writes. V-Nets are CIRCUITS
#: (netris-api.md 2.18). Which calls a section covers is inferred from its name.
READS = frozenset(
    [
        "ACL",
        "CIRCUITS",
        "E_BGP",
        "INVENTORY",
        "L4_LOAD_BALANCER",
        "NAT",
        "ROUTES",
        "SITES",
        "SUBNETS",
        "SWITCH_PORTS",
        "TENANTS",
    ]
)
WRITES = frozenset(["ACL", "CIRCUITS", "L4_LOAD_BALANCER", "NAT", "ROUTES", "SUBNETS"])
#: What hides a section with it (inferred).
ABOVE = {
    "SERVICES": frozenset({"ACL", "CIRCUITS", "L4_LOAD_BALANCER"}),
    "NET": frozenset({"E_BGP", "INVENTORY", "NAT", "ROUTES", "SITES", "SUBNETS", "SWITCH_PORTS"}),
    "ACCOUNTS": frozenset({"TENANTS"}),
}

#: What is asked of each, in this order.
QUESTIONS = {
    System.CLOUDSTACK: (
        "It answers, and accepts the keys",
        "The keys may do what is needed",
        "A zone's networks are made by Netris",
        "An enabled offering makes VPCs with Netris",
        "An enabled offering makes tiers with Netris",
    ),
    System.NETRIS: (
        "It answers, and accepts the login",
        "The user may do what is needed",
        "There is a site",
    ),
}
#: The field that is at fault when a login is refused.
SECRET = {System.CLOUDSTACK: "cloudstack_api_key", System.NETRIS: "netris_password"}

Verdict = Literal["ok", "unknown", "failed"]


@dataclass(frozen=True)
class Access:
    """How both systems are reached: a CloudStack root admin's keys and a Netris user of Weft's own."""

    cloudstack_url: str
    cloudstack_api_key: SecretStr
    cloudstack_secret_key: SecretStr
    netris_url: str
    netris_user: str
    netris_password: SecretStr

    @classmethod
    def of(cls, row: object) -> Access:
        """Of whatever has these columns: a zone, a trial, what is to become a zone."""
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})

    def check(self) -> None:
        """Raises `Refused` for what is no address."""
        for field in ("cloudstack_url", "netris_url"):
            _check_url(field, getattr(self, field))


class Check(BaseModel):
    """What came of one question. `field` is what has to be entered differently when it failed."""

    system: System
    title: str
    verdict: Verdict
    text: str
    field: str = ""


class Offering(BaseModel):
    id: str
    name: str
    is_netris: bool = False


class FoundZone(BaseModel):
    """A zone of CloudStack. Of one whose networks are not made by Netris nothing more is asked than its name.

    `public_ranges` as `lint` reads them; `vnis` are the ranges that tiers get their VNIs from, such as 1000000-1999999;
    `controllers` the states of the hosts that stand for network controllers.
    """

    id: str
    name: str
    provider: str = ""
    is_netris: bool = False
    public_ranges: list[dict[str, Any]] = []
    vnis: list[str] = []
    controllers: list[str] = []


class Found(BaseModel):
    """What there is to choose from."""

    zones: list[FoundZone] = []
    vpc_offerings: list[Offering] = []
    tier_offerings: list[Offering] = []
    max_tiers_per_vpc: int | None = None
    sites: list[str] = []

    @property
    def netris_zones(self) -> list[FoundZone]:
        return [zone for zone in self.zones if zone.is_netris]

    def zone_of(self, cloudstack_id: UUID) -> FoundZone | None:
        return next((zone for zone in self.zones if UUID(zone.id) == cloudstack_id), None)


@dataclass(frozen=True)
class Look:
    """All that was asked so far, and what was found. `error` is what broke off the questions to a system."""

    checks: Sequence[Check]
    found: Found
    error: RemoteError | None = None

    @property
    def is_good(self) -> bool:
        return all(check.verdict != "failed" for check in self.checks)


def look_up(access: Access) -> Found:
    """What there is, for whoever can wait. Raises what broke the questions off, or `Refused` for what failed."""
    last = Look((), Found())
    for last in looks(access):
        if last.error is not None:
            raise last.error
    failed = next((check for check in last.checks if check.verdict == "failed"), None)
    if failed is not None:
        raise Refused("zone-unfit", f"{failed.title}: {failed.text}", failed.field or None)
    return last.found


def looks(access: Access) -> Iterator[Look]:
    """After each question, all that is known. The questions are asked as the answers are taken."""
    access.check()
    found, checks = Found(), list[Check]()
    for system, ask in ((System.CLOUDSTACK, _ask_cloudstack), (System.NETRIS, _ask_netris)):
        error = None
        with ExitStack() as stack:
            answers = ask(access, found, stack)
            for title in QUESTIONS[system]:
                try:
                    answer = next(answers)
                except RemoteError as trouble:
                    error = trouble
                    field = SECRET[system] if isinstance(trouble, Unauthorized) else f"{system}_url"
                    answer = Answer(trouble.text, "failed", field)
                checks.append(Check(system=system, title=title, **asdict(answer)))
                yield Look(tuple(checks), found, error)
                if answer.verdict == "failed":
                    break


def _check_url(field: str, text: str) -> None:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or len(text) > LONGEST_URL:
        raise Refused("url-invalid", f"{text[:100]} is no address such as https://cloud.example.net.", field)
    if url.userinfo or url.query or url.fragment:
        raise Refused("url-too-much", "Leave out user, password and whatever follows the path.", field)


#: Weft's calls never wait for a remote while they hold locks.
HOOKS = Hooks(before=lambda _system, _call: refuse_open_transaction())


@dataclass(frozen=True)
class Answer:
    text: str
    verdict: Verdict = "ok"
    field: str = ""


# --- CloudStack -------------------------------------------------------------------------------------------------------


def _ask_cloudstack(access: Access, found: Found, stack: ExitStack) -> Iterator[Answer]:
    keys = (access.cloudstack_api_key, access.cloudstack_secret_key)
    clouds = stack.enter_context(cloudstack.connect(access.cloudstack_url, *keys, hooks=HOOKS))
    yield Answer(f"Release {clouds.capabilities().cloudstackversion or 'unknown'}")
    if missing := sorted(COMMANDS - clouds.permitted_commands()):
        text = f"Not permitted: {_listed(missing)}. The keys have to be a root admin's."
        yield Answer(text, "failed", "cloudstack_api_key")
    yield Answer(f"All {len(COMMANDS)} commands are permitted")
    found.zones += [_zone(clouds, each) for each in clouds.list_zones()]
    others = _listed(zone.name for zone in found.zones if not zone.is_netris) or "no zone at all"
    yield _some((zone.name for zone in found.netris_zones), f"None. There is: {others}.")
    found.vpc_offerings += _offerings(clouds.list_vpc_offerings())
    yield _some((each.name for each in found.vpc_offerings if each.is_netris), "There is none.")
    found.tier_offerings += _offerings(clouds.list_network_offerings())
    most = clouds.setting("vpc.max.networks") or ""
    found.max_tiers_per_vpc = int(most) if most.isdecimal() else None
    yield _some((each.name for each in found.tier_offerings if each.is_netris), "There is none.")


def _zone(clouds: CloudStack, zone: CloudStackZone) -> FoundZone:
    # From 4.21 on CloudStack says who makes a zone's networks; where it does not, nothing speaks against it.
    known = FoundZone(id=zone.id, name=zone.name, provider=zone.provider, is_netris=zone.is_netris or not zone.provider)
    if not known.is_netris:
        return known
    told = {"startip", "endip", "vlan", "provider", "forsystemvms"}
    return known.model_copy(
        update={
            "public_ranges": [each.model_dump(mode="json", include=told) for each in clouds.public_ranges(zone.id)],
            "vnis": [each.vlan for each in clouds.physical_networks(zone.id) if each.vnis],
            "controllers": [host.state for host in clouds.controllers(zone.id)],
        }
    )


def _offerings(rows: Iterable[CloudStackOffering]) -> list[Offering]:
    return [Offering(id=row.id, name=row.name, is_netris=row.is_netris) for row in rows]


# --- Netris -----------------------------------------------------------------------------------------------------------


def _ask_netris(access: Access, found: Found, stack: ExitStack) -> Iterator[Answer]:
    login = (access.netris_user, access.netris_password)
    fabric = stack.enter_context(netris.connect(access.netris_url, *login, hooks=HOOKS))
    fabric.ping()
    yield Answer(f"Release {_release(fabric) or 'unknown'}")
    denied = _denied(fabric, access.netris_user)
    if denied is None:
        yield Answer("Netris does not show this user who has which rights. What is refused is said then.", "unknown")
    elif denied:
        yield Answer(f"Its permission group leaves out: {_listed(denied)}.", "failed", "netris_user")
    else:
        yield Answer("It may read the inventory, and change what lies in VPCs")
    found.sites += [site.name for site in fabric.sites()]
    yield _some(found.sites, "There is none.")


def _release(fabric: Netris) -> str:
    try:
        return fabric.build_version()
    except Rejected:  # of old releases it is unverified that they have this path
        return ""


def _denied(fabric: Netris, name: str) -> list[str] | None:
    """Which of the sections that are needed the user's group hides or keeps from being written; None where that is not
    shown. Without a group one may do everything."""
    try:
        user = next((each for each in fabric.users() if each.name == name), None)
        if user is None:
            return None
        role = next((each for each in fabric.user_roles() if each.id == user.role_id), None)
        group_id = user.perm_id or (role.perm_id if role else None)
        group = next((each for each in fabric.permission_groups() if each.id == group_id), None)
    except Rejected:
        return None
    if group is None:
        return None if group_id else []
    hidden, read_only = _with_those_below(group.hidden), _with_those_below(group.readonly)
    return sorted(READS & hidden) + [f"{each} (may only be read)" for each in sorted(WRITES & read_only - hidden)]


def _with_those_below(sections: Iterable[str]) -> frozenset[str]:
    named = frozenset(sections)
    return named.union(*(ABOVE.get(each, frozenset()) for each in named))


def _some(names: Iterable[str], none: str) -> Answer:
    text = _listed(names)
    return Answer(text) if text else Answer(none, "failed")


def _listed(names: Iterable[str]) -> str:
    found = [*names]
    more = f" and {len(found) - TOLD} more" if len(found) > TOLD else ""
    return ", ".join(found[:TOLD]) + more
