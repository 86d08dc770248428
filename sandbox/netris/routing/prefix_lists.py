"""Prefix lists as text: one `permit 10.0.0.0/8 le 24` or `deny ...` on each line (2.10, 2.11, 2.12)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network

from sandbox.netris.wire import Network, invalid

_LINE = re.compile(r"(permit|deny)\s+(\S+)(?:\s+ge\s+(\d{1,3}))?(?:\s+le\s+(\d{1,3}))?")


def demand(name: str, text: str, *versions: int) -> str:
    """The text as it came, if each of its lines is empty or an entry of one of these IP versions."""
    for line in entries(text):
        if not _is_entry(line, versions):
            raise invalid(name, f"Invalid prefix list entry: {line[:80]}")  # unverified
    return text


def entries(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_entry(line: str, versions: tuple[int, ...]) -> bool:
    match = _LINE.fullmatch(line)
    if match is None:
        return False
    if match[2] == "any":
        return True
    try:
        network = ip_network(match[2])
    except ValueError:
        return False
    bounds = [int(each) for each in match.groups()[2:] if each]
    lengths = [network.prefixlen, *bounds, network.max_prefixlen]
    return network.version in versions and lengths == sorted(lengths)


def permitting(networks: Iterable[Network]) -> str:
    """The list that lets these networks and their parts through."""
    return "\n".join(f"permit {network} le {network.max_prefixlen}" for network in networks)


def permits(text: str, network: Network) -> bool:
    """The first entry that the prefix fits decides; where none does it stays out. An empty list keeps nothing out."""
    lines = entries(text)
    for action, prefix, shortest, longest in map(parts, lines):
        if prefix is not None and (network.version != prefix.version or not network.subnet_of(prefix)):  # type: ignore[arg-type]
            continue
        if shortest <= network.prefixlen <= longest:
            return action == "permit"
    return not lines


def parts(entry: str) -> tuple[str, Network | None, int, int]:
    """Action, prefix (None is any), and the shortest and longest lengths that an entry is about."""
    match = _LINE.fullmatch(entry)
    assert match is not None, "kept as it was demanded"
    action, text, least, most = match.groups()
    if text == "any":
        return action, None, int(least or 0), int(most or 128)
    prefix = ip_network(text)
    shortest = int(least or prefix.prefixlen)
    return action, prefix, shortest, int(most or (prefix.max_prefixlen if least else shortest))
