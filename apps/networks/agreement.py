"""Do both systems agree? What CloudStack and Netris listed last of a VPC, beside what Weft knows of it.

finding     means
there       the list of that system has it, read after the last work on the VPC, and the list is fresh
missing     a list that began after the last work on the VPC does not have it
unread      nothing has been read since that work ended, or it has not: nothing can be said yet
stale       the list is too old to go by
none        Weft knows no id there: it was never made, or it is being made

What both have is compared value by value: name, state, range, gateway, VNI and source NAT. A value that was not read
since the last work, or not lately, is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import Any, Literal
from uuid import UUID

from apps.kernel import clock
from apps.mirror import queries as mirror
from apps.mirror.models import Kind
from apps.mirror.queries import Picture, Wanted
from apps.netris.names import name_in_cloudstack
from apps.networks.models import Tier, Vpc
from apps.operations.provisioned import Status

FINDINGS = ("there", "missing", "unread", "stale", "none")
VERDICTS = ("agree", "differ", "stale", "unread")
ABOUT = ("name", "state", "CIDR", "gateway", "VNI", "source NAT", "VPC")
#: CloudStack's word for a network in which no instance has run yet: it is made real when the first one starts.
ALLOCATED = "Allocated"
#: The others of a network that is as it should be, or on its way there and back as instances come and go.
SOUND = (ALLOCATED, "Setup", "Implementing", "Implemented", "Shutdown")
NONE = "none"
#: How the names begin of what Weft makes on Netris for itself.
ATTACHED = "weft-"


@dataclass(frozen=True)
class Finding:
    word: str

    @property
    def label(self) -> str:
        words = {"there": "Present", "missing": "Missing", "unread": "Not read yet", "stale": "Present when last read"}
        return words.get(self.word, "Not created")

    @property
    def status(self) -> str:
        """The word that the design language has for it."""
        return {"there": "ok", "missing": "critical"}.get(self.word, "unknown")


@dataclass(frozen=True)
class Difference:
    """A value that is not the same everywhere. None: that system does not tell it."""

    what: str
    about: str
    weft: str | None
    cloudstack: str | None
    netris: str | None
    cloudstack_read_at: datetime | None
    netris_read_at: datetime | None

    @property
    def is_the_platforms(self) -> bool:
        """Tenants are told that it differs; which VNI it is, is the platform's business."""
        return self.about == "VNI"

    @property
    def words(self) -> str:
        """ "The gateway of tier web is 10.0.0.1 in Weft, 10.0.0.1 in CloudStack, 10.0.0.9 in Netris" """
        named = (("Weft", self.weft), ("CloudStack", self.cloudstack), ("Netris", self.netris))
        values = ", ".join(f"{value} in {system}" for system, value in named if value is not None)
        return f"The {self.about} of {self.what} is {values}"

    @property
    def words_for_all(self) -> str:
        return f"The {self.about} of {self.what} is not the same everywhere" if self.is_the_platforms else self.words


@dataclass(frozen=True)
class Line:
    type: Literal["vpc", "tier"]
    #: The id of the VPC or of the tier.
    pk: UUID
    name: str
    cloudstack: Finding
    netris: Finding
    #: Sleeps: CloudStack makes the ports of its V-Net when the first instance starts. None when that is not known.
    is_dormant: bool | None
    differences: Sequence[Difference] = ()

    @property
    def what(self) -> str:
        return _what(self.type, self.name)

    @property
    def is_at_odds(self) -> bool:
        return bool(self.differences) or "missing" in (self.cloudstack.word, self.netris.word)


@dataclass(frozen=True)
class Source:
    """How far one system's lists may be believed: as far as the older of them."""

    read_at: datetime | None
    is_stale: bool
    error: str
    #: Seconds.
    fresh_for: int


@dataclass(frozen=True)
class Agreement:
    lines: Sequence[Line]
    cloudstack: Source
    netris: Source

    @property
    def dormant(self) -> frozenset[UUID]:
        """The ids of the tiers that sleep."""
        return frozenset(line.pk for line in self.lines if line.is_dormant)

    @property
    def is_stale(self) -> bool:
        return self.cloudstack.is_stale or self.netris.is_stale

    @property
    def fresh_until(self) -> datetime | None:
        """When the older of them will be too old; None when it is already."""
        if self.is_stale:
            return None
        sources = (self.cloudstack, self.netris)
        return min((each.read_at + timedelta(seconds=each.fresh_for) for each in sources if each.read_at), default=None)

    @property
    def missing(self) -> list[str]:
        """In words: "Netris lacks tier web"."""
        lacks = [f"CloudStack lacks {line.what}" for line in self.lines if line.cloudstack.word == "missing"]
        return lacks + [f"Netris lacks {line.what}" for line in self.lines if line.netris.word == "missing"]

    @property
    def differences(self) -> list[Difference]:
        return [difference for line in self.lines for difference in line.differences]

    @property
    def trouble(self) -> list[str]:
        return self.missing + [difference.words_for_all for difference in self.differences]

    @property
    def trouble_words(self) -> str:
        return f"{'; '.join(self.trouble)}. Traffic may not pass there. Tell your provider if it stays so."

    def is_at_odds(self, pk: UUID) -> bool:
        return any(line.is_at_odds for line in self.lines if line.pk == pk)

    @property
    def is_proven(self) -> bool:
        return all(line.cloudstack.word == line.netris.word == "there" for line in self.lines)

    @property
    def verdict(self) -> str:
        if self.trouble:
            return "differ"
        return "agree" if self.is_proven else "stale" if self.is_stale else "unread"


def agreement_of(vpc: Vpc, tiers: Sequence[Tier], *, settled_at: datetime | None) -> Agreement:
    """One query. `settled_at` is when the last work on the VPC ended; older lists prove nothing about it, and while it
    is built or taken away none does."""
    ready = [tier for tier in tiers if tier.status == Status.READY]
    found = mirror.pictures(vpc.zone, _wanted(vpc, ready))
    since = max(filter(None, (settled_at, *(row.created_at for row in (vpc, *ready)))))
    if vpc.status in (Status.BUILDING, Status.REMOVING):
        since = clock.now()
    view = _View(vpc, found, since)
    lines = [view.vpc_line(), *(view.tier_line(tier) for tier in ready)]
    return Agreement(
        lines,
        _source(found, Kind.CLOUDSTACK_VPC, Kind.CLOUDSTACK_NETWORK),
        _source(found, Kind.NETRIS_VPC, Kind.NETRIS_VNET),
    )


def _wanted(vpc: Vpc, tiers: Sequence[Tier]) -> dict[Kind, Wanted]:
    wanted = {
        Kind.CLOUDSTACK_VPC: Wanted(ids=[vpc.cloudstack_id]),
        Kind.NETRIS_VPC: Wanted(ids=[vpc.netris_id]),
        Kind.CLOUDSTACK_ADDRESS: Wanted(keys=[vpc.cloudstack_id]),
        Kind.NETRIS_RANGE: Wanted(keys=[vpc.netris_id]),
        Kind.NETRIS_NAT: Wanted(keys=[vpc.netris_id]),
    }
    if tiers:
        wanted[Kind.CLOUDSTACK_NETWORK] = Wanted(ids=[tier.cloudstack_id for tier in tiers])
        # By VNI as well: another V-Net may have the same.
        vnets = Wanted([tier.netris_id for tier in tiers], [tier.vni for tier in tiers])
        wanted[Kind.NETRIS_VNET] = vnets
    return wanted


class _View:
    """What the mirror has of one VPC, as far as it says something about the time after `since`."""

    def __init__(self, vpc: Vpc, found: Mapping[Kind, Picture], since: datetime) -> None:
        self._vpc = vpc
        self._found = found
        self._since = since

    # lines

    def vpc_line(self) -> Line:
        vpc = self._vpc
        both = self._finding(Kind.CLOUDSTACK_VPC, vpc.cloudstack_id), self._finding(Kind.NETRIS_VPC, vpc.netris_id)
        compare = _Comparison("vpc", vpc.name)
        cloudstack = self._row(Kind.CLOUDSTACK_VPC, vpc.cloudstack_id)
        if netris := self._row(Kind.NETRIS_VPC, vpc.netris_id):
            netris = netris._replace(row=name_in_cloudstack(netris.row.name) or netris.row.name)
        compare("name", vpc.remote_name, cloudstack, netris, lambda remote: remote.name, lambda name: name)
        compare("state", "Enabled", cloudstack, None, lambda remote: remote.state)
        ranges = self._rows(Kind.NETRIS_RANGE)
        compare("CIDR", vpc.cidr, cloudstack, ranges, lambda remote: remote.cidr, self._range_in_netris)
        if vpc.egress_ip is not None:
            addresses, rules = self._rows(Kind.CLOUDSTACK_ADDRESS), self._rows(Kind.NETRIS_NAT)
            compare("source NAT", vpc.egress_ip, addresses, rules, self._egress_in_cloudstack, self._egress_in_netris)
        return Line("vpc", vpc.pk, vpc.name, *both, None, compare.found)

    def tier_line(self, tier: Tier) -> Line:
        networks, vnets = Kind.CLOUDSTACK_NETWORK, Kind.NETRIS_VNET
        both = self._finding(networks, tier.cloudstack_id), self._finding(vnets, tier.netris_id)
        compare = _Comparison("tier", tier.name)
        network, vnet = self._row(networks, tier.cloudstack_id), self._row(vnets, tier.netris_id)
        known = self._found[networks].get(tier.cloudstack_id)
        is_dormant = None
        if known and known.row.state and not self._found[networks].is_stale:
            is_dormant = known.row.state == ALLOCATED
        if network and network.row.state not in SOUND:
            compare("state", "Implemented", network, None, lambda remote: remote.state)
        compare("state", "active", None, vnet, None, lambda remote: remote.state.lower() or None)
        gateways = _gateways
        compare("CIDR", tier.cidr, network, vnet, lambda remote: remote.cidr, lambda net: gateways(net, "network"))
        compare("gateway", tier.gateway, network, vnet, lambda remote: remote.gateway, lambda net: gateways(net, "ip"))
        if tier.vni is not None:
            compare("VNI", tier.vni, network, vnet, lambda remote: remote.vni, lambda net: self._vni(net, tier))
        compare("VPC", self._vpc.netris_id, None, vnet, None, lambda net: net.vpc.id)
        return Line("tier", tier.pk, tier.name, *both, is_dormant, compare.found)

    # what counts

    def _finding(self, kind: Kind, remote_id: object) -> Finding:
        picture = self._found[kind]
        if remote_id is None:
            return Finding("none")
        seen = picture.get(remote_id)
        if seen is not None and not self._is_late_enough(seen.at):
            return Finding("unread")
        if seen is not None:
            return Finding("stale" if picture.is_stale else "there")
        return Finding("missing" if self._is_late_enough(picture.read_at) else "unread")

    def _row(self, kind: Kind, remote_id: object) -> mirror.Seen | None:
        """One thing, unless what is known of it is too old."""
        picture = self._found[kind]
        seen = picture.get(remote_id)
        return seen if seen and not picture.is_stale and self._is_late_enough(seen.at) else None

    def _rows(self, kind: Kind) -> mirror.Seen | None:
        """All that a list has of the VPC, unless it is too old. An empty one says something, too."""
        picture = self._found[kind]
        times = [seen.at for seen in picture.seen.values()] or [picture.read_at]
        if picture.is_stale or not all(map(self._is_late_enough, times)):
            return None
        return mirror.Seen([seen.row for seen in picture.seen.values()], min(filter(None, times)))

    def _is_late_enough(self, at: datetime | None) -> bool:
        return at is not None and at > self._since

    # values

    def _range_in_netris(self, allocations: Iterable[Any]) -> str:
        """Of CloudStack's making: what Weft itself attaches to a VPC lies outside of its range."""
        theirs = (each.prefix for each in allocations if not each.name.startswith(ATTACHED))
        return _listed(prefix for prefix in theirs if isinstance(prefix, IPv4Network))

    def _egress_in_cloudstack(self, addresses: Iterable[Any]) -> str:
        """A Netris VPC has two; the virtual router's is the other one (cloudstack-api.md 5.4)."""
        return _listed(each.ipaddress for each in addresses if each.issourcenat and each.forprovider)

    def _egress_in_netris(self, rules: Iterable[Any]) -> str:
        mine = [rule for rule in rules if rule.action == "SNAT" and rule.source_address == self._vpc.cidr]
        off = " (disabled)" if any(rule.state == "disabled" for rule in mine) else ""
        return _listed(rule.snat_to_ip for rule in mine) + off

    def _vni(self, net: Any, tier: Tier) -> str | None:
        """With a word on others that have the same: their traffic would meet."""
        others = [
            seen.row
            for seen in self._found[Kind.NETRIS_VNET].seen.values()
            if seen.row.id != net.id and seen.row.vxlan_id in (tier.vni, net.vxlan_id)
        ]
        if not others:
            return None if net.vxlan_id is None else str(net.vxlan_id)
        also = ", ".join(sorted(f"{each.name or each.id} of VPC {each.vpc.name or each.vpc.id}" for each in others))
        return f"{net.vxlan_id} (and that of {also})"


class _Comparison:
    def __init__(self, kind: str, name: str) -> None:
        self._what = _what(kind, name)
        self.found: list[Difference] = []

    def __call__(
        self,
        about: str,
        ours: object,
        cloudstack: mirror.Seen | None,
        netris: mirror.Seen | None,
        of_cloudstack: Callable[[Any], object] | None = None,
        of_netris: Callable[[Any], object] | None = None,
    ) -> None:
        theirs = _value(cloudstack, of_cloudstack), _value(netris, of_netris)
        if any(value not in (None, str(ours)) for value in theirs):
            at = (cloudstack and cloudstack.at, netris and netris.at)
            self.found.append(Difference(self._what, about, str(ours), theirs[0], theirs[1], at[0], at[1]))


def _value(seen: mirror.Seen | None, of: Callable[[Any], object] | None) -> str | None:
    value = None if seen is None or of is None else of(seen.row)
    return None if value in (None, "") else str(value)


def _what(kind: str, name: str) -> str:
    return f"{'VPC' if kind == 'vpc' else 'tier'} {name}"


def _gateways(net: Any, part: str) -> str:
    return _listed(getattr(each.prefix, part) for each in net.gateways if each.prefix and each.prefix.version == 4)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(sorted({str(value) for value in values if value is not None})) or NONE


def _source(found: Mapping[Kind, Picture], *kinds: Kind) -> Source:
    """Of those kinds that were asked for. One never read counts as the oldest."""
    asked = [kind for kind in kinds if kind in found]
    oldest = min(asked, key=lambda kind: at.timestamp() if (at := found[kind].read_at) else 0.0)
    picture = found[oldest]
    is_stale = any(found[kind].is_stale for kind in asked)
    return Source(picture.read_at, is_stale, picture.error, int(3 * oldest.interval.total_seconds()))
