"""Who is to reach whom, as somebody asks it: one set of rules for the form and for REST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import AddressValueError, IPv4Address
from typing import Any
from uuid import UUID

from apps.acls.rules import PORTED, Protocol
from apps.addresses.models import LAST_PORT, PublicIp
from apps.balancers.models import Balancer
from apps.instances import queries as instances
from apps.instances.queries import Instance
from apps.kernel.errors import Invalid, Refused, collect
from apps.reachability.facts import Beyond, Outside, Traffic
from apps.tenancy.models import Tenant

SOURCES = ("internet", "address", "instance")
TARGETS = ("instance", "public_ip", "load_balancer", "address")
PROTOCOLS = (Protocol.TCP, Protocol.UDP, Protocol.ICMP)


@dataclass(frozen=True)
class Question:
    source: Outside | Instance
    target: Instance | PublicIp | Balancer | Beyond
    traffic: Traffic

    @classmethod
    def parse(cls, tenant: Tenant, values: Mapping[str, Any]) -> Question:
        """From parsed JSON or cleaned form data: `from` and `to` are objects with one name each. Raises `Invalid` with
        everything that is wrong; what is another tenant's is as unknown as what never was."""
        problems: list[Refused] = []
        source = _end(problems, values.get("from"), "from", SOURCES)
        target = _end(problems, values.get("to"), "to", TARGETS)
        found = collect(problems, partial(_source, tenant), source, "from") if source else None
        aim = collect(problems, partial(_target, tenant), target, "to") if target else None
        if isinstance(aim, Beyond) and isinstance(found, Outside):
            text = "Weft follows what an instance sends to an address. Choose the instance that it comes from."
            problems.append(Refused("from-unfit", text, "from"))
        if isinstance(aim, Balancer) and values.get("port") in (None, "") and values.get("protocol") == aim.protocol:
            values = {**values, "port": aim.port}
        traffic = collect(problems, _traffic, values, "protocol")
        if problems or not found or not aim or traffic is None:
            raise Invalid(problems)
        return cls(found, aim, traffic)


def _end(problems: list[Refused], value: Any, field: str, names: tuple[str, ...]) -> tuple[str, Any] | None:
    given = [(name, value[name]) for name in names if value.get(name)] if isinstance(value, Mapping) else []
    unknown = sorted(str(name)[:63] for name in value if name not in names) if isinstance(value, Mapping) else []
    if len(given) == 1 and not unknown:
        return given[0]
    words = " or ".join([", ".join(names[:-1]), names[-1]])
    problems.append(Refused(f"{field}-unclear", f"Say one of {words}, and nothing else.", field))
    return None


def _source(tenant: Tenant, given: Any, field: str) -> Outside | Instance:
    name, value = given
    if name == "internet":
        if value is not True:
            raise Refused("internet-true", "Write true for the internet.", f"{field}.internet")
        return Outside()
    if name == "instance":
        return _instance(tenant, value, f"{field}.instance")
    return Outside(_address(value, f"{field}.address"))


def _address(value: Any, field: str) -> IPv4Address:
    try:
        return IPv4Address(str(value).strip())
    except AddressValueError:
        message = f"“{str(value)[:50]}” is no IPv4 address. Write one such as 203.0.113.7."
        raise Refused("address-malformed", message, field) from None


def _target(tenant: Tenant, given: Any, field: str) -> Instance | PublicIp | Balancer | Beyond:
    name, value = given
    if name == "address":
        return Beyond(_address(value, f"{field}.address"))
    if name == "instance":
        return _instance(tenant, value, f"{field}.instance")
    if name == "load_balancer":
        return _balancer(tenant, value, f"{field}.load_balancer")
    try:
        rows = PublicIp.objects.of(tenant).live().select_related("vpc__zone", "vpc__tenant", "tenant")
        return rows.get(pk=UUID(str(value)))
    except (PublicIp.DoesNotExist, ValueError):
        raise Refused("public-ip-unknown", "There is no such public IP.", f"{field}.public_ip") from None


def _balancer(tenant: Tenant, value: Any, field: str) -> Balancer:
    try:
        rows = Balancer.objects.of(tenant).live().select_related("public_ip__vpc__zone", "public_ip__vpc__tenant")
        return rows.get(pk=UUID(str(value)))
    except (Balancer.DoesNotExist, ValueError):
        raise Refused("load-balancer-unknown", "There is no such load balancer.", field) from None


def _instance(tenant: Tenant, value: Any, field: str) -> Instance:
    try:
        found = instances.find(tenant, UUID(str(value)))
    except ValueError:
        found = None
    if found is None:
        raise Refused("instance-unknown", "There is no such instance.", field)
    if not any(each.tier and found.vpc and each.tier.vpc_id == found.vpc.pk for each in found.addresses):
        text = f"{found.name} is in no tier of Weft's, or was never started. Choose another instance."
        raise Refused("instance-elsewhere", text, field)
    return found


def _traffic(values: Any, field: str) -> Traffic:
    text = str(values.get("protocol") or "").strip().lower()
    if text not in PROTOCOLS:
        raise Refused("protocol-unknown", "Choose the protocol: tcp, udp or icmp.", field)
    protocol, port = Protocol(text), values.get("port")
    if protocol not in PORTED:
        if port not in (None, ""):
            raise Refused("port-not-taken", "Only TCP and UDP have ports. Leave it empty.", "port")
        return Traffic(protocol)
    if isinstance(port, str) and port.strip().isdecimal() and len(port) <= len(str(LAST_PORT)):
        port = int(port)
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= LAST_PORT:
        raise Refused("port-missing", f"Give the port, 1 to {LAST_PORT}.", "port")
    return Traffic(protocol, port)
