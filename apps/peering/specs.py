"""What somebody asks for, checked before anything is written or sent. One set of rules for forms and for REST."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.kernel import clock
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import NAME
from apps.networks.addressing import overlaps
from apps.networks.specs import parse_cidr
from apps.peering.exchange import MOST_PREFIXES
from apps.tenancy.models import SLUG_LENGTH, is_slug

#: How long a request waits for an answer.
REQUEST_LASTS = timedelta(days=14)
#: No peering is planned to end later than this.
LONGEST = timedelta(days=3650)


def parse_prefixes(value: object, field: str) -> tuple[IPv4Network, ...]:
    """Sorted, each once; from a list, or from text with blanks or commas between them. Raises `Refused`."""
    if value in (None, ""):
        return ()
    given = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(given, Sequence):
        raise Refused("prefixes-malformed", "Give a list of prefixes, such as 10.20.0.0/16.", field)
    if len(given) > MOST_PREFIXES:
        raise Refused("too-many-prefixes", f"At most {MOST_PREFIXES} prefixes can be given: take wider ones.", field)
    found = sorted({parse_cidr(each, field) for each in given})
    if clashes := overlaps(found):
        inner, outer = next(iter(clashes.items()))
        raise Refused("prefix-twice", f"{found[inner]} overlaps {found[outer]}. Give each range once.", field)
    return tuple(found)


def parse_offer(value: object, field: str) -> tuple[IPv4Network, ...]:
    """At least one prefix. Raises `Refused`."""
    found = parse_prefixes(value, field)
    if not found:
        raise Refused("prefixes-missing", "Give at least one prefix of the VPC, such as 10.20.0.0/24.", field)
    return found


def parse_end(value: object, field: str) -> datetime | None:
    """A moment that is to come, in UTC where it names no zone. Raises `Refused`."""
    if value in (None, ""):
        return None
    at = value if isinstance(value, datetime) else None
    if isinstance(value, str):
        try:
            at = parse_datetime(value.strip())
        except ValueError:
            at = None
    if at is None:
        raise Refused("time-malformed", "Write the time as 2027-01-31T18:00:00Z.", field)
    if timezone.is_naive(at):
        at = at.replace(tzinfo=UTC)
    now = clock.now()
    if at <= now:
        raise Refused("time-past", "This time is over already. Give one that is to come, or none.", field)
    if at > now + LONGEST:
        raise Refused("time-too-far", "That is more than ten years ahead. Give an earlier time, or none.", field)
    return at


def parse_slug(value: object, field: str) -> str:
    """What may be the short name of a tenant. Whether it is one is nothing to refuse for. Raises `Refused`."""
    text = value.strip().lower() if isinstance(value, str) else ""
    try:
        is_slug(text)
    except ValidationError:
        text = ""
    if not 0 < len(text) <= SLUG_LENGTH:
        words = "This is no short name of a tenant: those are like globex or globex-2. Ask the other side for its own."
        raise Refused("tenant-malformed", words, field)
    return text


@dataclass(frozen=True)
class PeerSpec:
    """Who is asked: a VPC of the own tenant, or another tenant under a name that it knows."""

    vpc: UUID | None = None
    #: What the own VPC at the other end offers; None is all of it.
    prefixes: tuple[IPv4Network, ...] | None = None
    tenant: str = ""
    name: str = ""

    @classmethod
    def parse(cls, value: object) -> PeerSpec:
        """Raises `Refused`."""
        given = value if isinstance(value, Mapping) else {}
        reference, slug = given.get("vpc"), given.get("tenant")
        if bool(reference) == bool(slug):
            text = "Name the other side: one of your VPCs by its id as vpc, or another tenant and a name that it knows."
            raise Refused("peer-missing" if not reference else "peer-twice", text, "peer")
        if reference:
            return cls._own(reference, given)
        if given.get("prefixes"):
            text = "What another tenant offers, it says itself when it accepts. Leave these prefixes out."
            raise Refused("prefixes-not-yours", text, "peer.prefixes")
        problems: list[Refused] = []
        tenant = collect(problems, parse_slug, slug, "peer.tenant")
        name = collect(problems, NAME.parse, given.get("name", ""), "peer.name")
        if problems:
            raise Invalid(problems)
        assert tenant is not None
        assert name is not None
        return cls(tenant=tenant, name=name)

    @classmethod
    def _own(cls, reference: object, given: Mapping[str, object]) -> PeerSpec:
        try:
            pk = UUID(str(reference))
        except ValueError:
            raise Refused("vpc-unknown", "There is no such VPC.", "peer.vpc") from None
        prefixes = parse_offer(given["prefixes"], "peer.prefixes") if given.get("prefixes") else None
        name = NAME.parse(given["name"], "peer.name") if given.get("name") else ""
        return cls(vpc=pk, prefixes=prefixes, name=name)


@dataclass(frozen=True)
class PeeringSpec:
    peer: PeerSpec
    prefixes: tuple[IPv4Network, ...]
    expires_at: datetime | None = None

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> PeeringSpec:
        """Raises `Invalid` with all that is wrong."""
        problems: list[Refused] = []
        peer = collect(problems, lambda value, _field: PeerSpec.parse(value), values.get("peer"), "peer")
        prefixes = collect(problems, parse_offer, values.get("prefixes"), "prefixes")
        expires_at = collect(problems, parse_end, values.get("expires_at"), "expires_at")
        if problems:
            raise Invalid(problems)
        assert peer is not None
        assert prefixes is not None
        return cls(peer, prefixes, expires_at)


@dataclass(frozen=True)
class AnswerSpec:
    """How a request is accepted: what the own VPC offers, and what it takes of what was offered; None is all of it."""

    prefixes: tuple[IPv4Network, ...]
    accept: tuple[IPv4Network, ...] | None = None

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> AnswerSpec:
        problems: list[Refused] = []
        prefixes = collect(problems, parse_prefixes, values.get("prefixes"), "prefixes")
        accept = values.get("accept")
        chosen = None if accept is None else collect(problems, parse_prefixes, accept, "accept")
        if problems:
            raise Invalid(problems)
        assert prefixes is not None
        return cls(prefixes, chosen)


def offer_faults(prefixes: Iterable[IPv4Network], vpc_cidr: IPv4Network, field: str) -> list[Refused]:
    """Why a VPC cannot offer these."""
    return [
        Refused("prefix-not-own", f"{each} is not part of the VPC's range {vpc_cidr}. Offer what is its own.", field)
        for each in prefixes
        if not each.subnet_of(vpc_cidr)
    ]


def choice_faults(chosen: Iterable[IPv4Network], offered: Sequence[IPv4Network], field: str) -> list[Refused]:
    """Why these cannot be taken of what was offered."""
    return [
        Refused("prefix-not-offered", f"{each} was not offered. Take what is, or a part of it.", field)
        for each in chosen
        if not any(each.subnet_of(offer) for offer in offered)
    ]
