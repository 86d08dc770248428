"""What a load balancer is to be: its row with its members, and what a change of it wants instead. Pure but for reading
the rows' fields.

A change carries only what differs, as JSON; its keys are fields of `Balancer`, and `members`, which is all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any
from uuid import UUID

from apps.acls.rules import EVERYWHERE
from apps.balancers.models import Balancer, Member
from apps.balancers.verdicts import Check, Meant
from apps.balancers.verdicts import Member as Judged

#: How each health check is called on Netris.
CHECKS = {"none": "None", "tcp": "TCP", "http": "HTTP"}


@dataclass(frozen=True)
class SourceRule:
    """A rule of Weft's own in the System VPC."""

    name: str
    action: str
    protocol: str
    source: IPv4Network


@dataclass(frozen=True)
class Wanted:
    name: str
    address: IPv4Address
    protocol: str
    port: int
    member_port: int
    allowed: tuple[IPv4Network, ...]
    check: Check
    #: By the instances' ids: those in rotation.
    active: Mapping[str, IPv4Address]
    #: And those that are not.
    everyone: frozenset[str]

    @classmethod
    def of(cls, row: Balancer, members: Iterable[Mapping[str, Any]], changed: Mapping[str, Any] = {}) -> Wanted:
        values = {name: changed.get(name, getattr(row, name)) for name in FIELDS}
        there = changed.get("members", members)
        return cls(
            name=row.remote_name,
            address=IPv4Address(str(row.address)),
            protocol=values["protocol"],
            port=values["port"],
            member_port=values["member_port"],
            allowed=tuple(map(IPv4Network, values["allowed_cidrs"])),
            check=Check(values["check_kind"], values["check_timeout"] * 1000, values["check_path"]),
            active={each["instance"]: IPv4Address(each["address"]) for each in there if not each["drained"]},
            everyone=frozenset(each["instance"] for each in there),
        )

    @property
    def signature(self) -> str:
        """Of all that is written on Netris beside what the plugin writes."""
        return f"{self.protocol} {self.check.kind} {self.check.timeout} {self.check.path}"

    @property
    def meant(self) -> Meant:
        members = [Judged(str(ip), ip, self.member_port) for ip in self.active.values()]
        return Meant(self.protocol, self.address, self.port, self.check, members)

    def source_rules(self, site_default: str) -> list[SourceRule]:
        """In the order in which they are made: what denies comes first. Where the site lets through what no rule
        matches, a balancer for everybody needs none, but for a UDP one: after each of CloudStack's orders Netris calls
        it TCP until that is mended, and nobody is to come in by TCP meanwhile. Where the site does not, nothing has to
        be denied, and a rule that does might come before those that permit (netris-api.md 2.6), so there are only
        those."""
        sources = self.allowed or (EVERYWHERE,)
        permits = [self._rule("permit", self.protocol, source) for source in sources]
        if site_default == "deny":
            return permits
        denials = [self._rule("deny", "tcp")] if self.protocol == "udp" else []
        if EVERYWHERE in sources:
            return denials
        return [*denials, self._rule("deny", self.protocol), *permits]

    def _rule(self, action: str, protocol: str, source: IPv4Network = EVERYWHERE) -> SourceRule:
        """One name for each protocol, port and source: rules are never changed, only made and deleted."""
        end = "deny" if action == "deny" else str(source)
        return SourceRule(f"{rule_prefix(self.name)}{protocol}-{self.port}-{end}", action, protocol, source)


def rule_prefix(remote_name: str) -> str:
    """What all names of a balancer's rules begin with. No name of the plugin's does."""
    return f"weft-{remote_name}-"


FIELDS = ("protocol", "port", "member_port", "allowed_cidrs", "check_kind", "check_path", "check_timeout")


def members_of(row: Balancer) -> list[dict[str, Any]]:
    """As JSON, as a change wants them. One query."""
    return [as_json(member) for member in row.members.order_by("created_at", "id")]


def as_json(member: Member) -> dict[str, Any]:
    return {
        "id": str(member.pk),
        "instance": str(member.instance_id),
        "name": member.instance_name,
        "address": str(member.guest_address),
        "drained": member.drained,
    }


def take(row: Balancer, wanted: Mapping[str, Any]) -> None:
    """Give the row, and its members, what was wanted."""
    for name in FIELDS:
        if name in wanted:
            setattr(row, name, wanted[name])
    row.save(update_fields=[*(name for name in FIELDS if name in wanted), "search_key"])
    if "members" in wanted:
        _take_members(row, wanted["members"])


def _take_members(row: Balancer, wanted: Sequence[Mapping[str, Any]]) -> None:
    known = {str(member.pk): member for member in row.members.all()}
    row.members.exclude(pk__in=[each["id"] for each in wanted]).delete()
    for each in wanted:
        member = known.get(each["id"])
        if member is None:
            row.members.create(
                pk=UUID(each["id"]),
                instance_id=UUID(each["instance"]),
                instance_name=each["name"],
                guest_address=each["address"],
                drained=each["drained"],
            )
        elif member.drained != each["drained"]:
            member.drained = each["drained"]
            member.save(update_fields=["drained"])
