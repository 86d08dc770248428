"""What is said of one number: the claims of both systems beside each other, without a database.

status      says
ok          a network of CloudStack has it, and at most one V-Net of Netris
critical    several have it
differs     both have it, and under names that are not one tier's
warning     the two systems differ: Netris uses what CloudStack has lost, or never gave out
lost        allocated in CloudStack, which gives nothing back, and nothing has it
new         allocated a moment ago
free        nothing has it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from apps.netris.names import name_in_cloudstack


class Held(Protocol):
    """Of a claim, what its number is judged by."""

    kind: str
    name: str
    holder: str


@dataclass(frozen=True)
class Verdict:
    status: str
    text: str


def judge(cloudstack: Sequence[Held], netris: Sequence[Held], *, is_in_pool: bool) -> Verdict:
    """`is_in_pool`: it lies in a range that CloudStack hands out."""
    for system, claims in (("CloudStack", cloudstack), ("Netris", netris)):
        if len(claims) > 1:
            return Verdict("critical", f"{len(claims)} things have it in {system}: their traffic may mix.")
    ours, theirs = next(iter(cloudstack), None), next(iter(netris), None)
    if ours is None:
        if theirs is None:
            return Verdict("free", "Nothing has it.")
        if is_in_pool:
            return Verdict("warning", "CloudStack calls it free and may give it to a new tier, but Netris uses it.")
        return Verdict("ok", "Netris has handed it out by itself.")
    if ours.kind == "taken":
        return Verdict("new", "It has just been taken; the next list of networks will tell by what.")
    if ours.kind == "lost":
        if theirs is None:
            return Verdict("lost", "No network has it any more. CloudStack never gives back a number.")
        return Verdict("warning", "Its tier is gone from CloudStack, and Netris still uses it.")
    if theirs is not None and theirs.kind == "vpc":
        return Verdict("critical", "CloudStack uses it for a network, and Netris for a VPC.")
    named = name_in_cloudstack(theirs.name) if theirs else ""
    if theirs is not None and named != ours.name:
        return Verdict("differs", f"CloudStack has it for {ours.name or ours.holder}, Netris for {theirs.name}.")
    if theirs is None:
        return Verdict("ok", "A network in CloudStack has it; Netris has no V-Net for it, as while a tier sleeps.")
    return Verdict("ok", "Both systems have it for the same tier.")
