"""Ready-made rules to begin a list with. They open what they name and nothing else: deny-all is part of a list.

preset     opens                                            asks for
web        HTTP and HTTPS into the tier                     sources, everywhere unless given
database   one database's port into the tier                the tier that uses it, and the database
ssh        SSH into the tier                                one address: that of the person
ping       ICMP into the tier                               sources, everywhere unless given
dns        questions of the tier's machines, UDP and TCP    the servers, everywhere unless given
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from apps.acls.rules import EVERYWHERE, Action, Direction, Protocol, Rule
from apps.kernel.errors import Refused

#: Names for people, by the port that each database listens on unless it is told otherwise.
DATABASES = {5432: "PostgreSQL", 3306: "MySQL", 1433: "SQL Server", 27017: "MongoDB", 6379: "Redis"}

Cidrs = tuple[IPv4Network, ...]


def web(sources: Cidrs = (EVERYWHERE,)) -> tuple[Rule, ...]:
    return (_allow(Direction.INGRESS, Protocol.TCP, sources, (80, 443), "Web"),)


def database(tier: IPv4Network, port: int = 5432) -> tuple[Rule, ...]:
    """`tier` is the CIDR of the machines that use the database. Raises `Refused` for a port of none (`DATABASES`)."""
    if port not in DATABASES:
        ports = ", ".join(f"{each} ({name})" for each, name in DATABASES.items())
        raise Refused("database-unknown", f"Choose the database by its port: {ports}.", "port")
    return (_allow(Direction.INGRESS, Protocol.TCP, (tier,), (port,), f"{DATABASES[port]} from {tier}"),)


def ssh(address: IPv4Address) -> tuple[Rule, ...]:
    """From one address. One that is not public is the far end of a tunnel or a proxy, which is the caller's to know."""
    return (_allow(Direction.INGRESS, Protocol.TCP, (IPv4Network(address),), (22,), f"SSH from {address}"),)


def ping(sources: Cidrs = (EVERYWHERE,)) -> tuple[Rule, ...]:
    return (_allow(Direction.INGRESS, Protocol.ICMP, sources, (), "Ping"),)


def dns(servers: Cidrs = (EVERYWHERE,)) -> tuple[Rule, ...]:
    """TCP as well: long answers come by it."""
    return tuple(_allow(Direction.EGRESS, protocol, servers, (53,), "DNS") for protocol in (Protocol.UDP, Protocol.TCP))


def _allow(direction: Direction, protocol: Protocol, cidrs: Cidrs, ports: tuple[int, ...], note: str) -> Rule:
    return Rule(Action.ALLOW, direction, protocol, cidrs, tuple((port, port) for port in ports), note)
