"""Offerings that the operator makes: VPC offerings and tier offerings (cloudstack-api.md 3.2, 5.2).

Without `enable` they stay Disabled for good: no command of the fact sheet enables an offering later.
"""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import InvalidValue, ServerError
from sandbox.cloudstack.resources.zone import offerings, service_providers
from sandbox.cloudstack.resources.zone.offerings import DYNAMIC, STATIC, TIER_DEFAULTS
from sandbox.cloudstack.seed import (
    GATEWAY,
    NAT_SERVICES,
    NATTED,
    NETRIS,
    ROUTED,
    ROUTER,
    ROUTER_SERVICES,
    TIER_OFFERINGS,
    VPC_OFFERINGS,
)
from sandbox.kit.store import Row

VPC, TIER = "vpcoffering", "networkoffering"
INTERNAL_PROVIDER = "InternalLbVm"
_SERVICES = (*ROUTER_SERVICES, *NAT_SERVICES, GATEWAY, "Firewall", "Connectivity", "SecurityGroup")
_STOCK = {VPC: {mode: services for _, mode, services in VPC_OFFERINGS}}
_STOCK[TIER] = {mode: services for _, mode, services in TIER_OFFERINGS}
_TYPES = ("Isolated", "Shared", "L2")
_AVAILABILITIES = ("Optional", "Required", "Unavailable")


def _word(call: Call, name: str, words: tuple[str, ...], default: str) -> str:
    """An argument that is one of a few words, as they are spelled; the first letter case does not matter."""
    text = str(call.get(name, default))
    found = next((word for word in words if word.lower() == text.lower()), None)
    if found is None:
        raise InvalidValue(f"Invalid value {text} of {name}: it must be one of {', '.join(words)}")
    return found


def _refuse_others(call: Call) -> None:
    """The zone has one external provider."""
    if call.get("fornsx") or call.get("fortungsten"):
        raise InvalidValue("The zone has no provider for NSX or Tungsten offerings")
    if "provider" in call and call["provider"].lower() != NETRIS.lower():
        raise InvalidValue(f"Invalid provider {call['provider']}: the zone's provider is {NETRIS}")


# services


def _service(name: str) -> str:
    found = next((each for each in _SERVICES if each.lower() == name.lower()), None)
    if found is None:
        raise InvalidValue(f"Invalid service name: {name}")
    return found


def _named_providers(call: Call) -> dict[str, str]:
    """`serviceproviderlist` by service. One service has one provider here."""
    found: dict[str, str] = {}
    for entry in call.get("serviceproviderlist", ()):
        if not entry.get("service") or not entry.get("provider"):
            raise InvalidValue("Every entry of serviceproviderlist must have a service and a provider")
        service = _service(entry["service"])
        if found.setdefault(service, entry["provider"]) != entry["provider"]:
            raise InvalidValue(f"Several providers for service {service} are not supported")
    return found


def _services(call: Call, kind: str, mode: str) -> dict[str, str]:
    """The services with their providers. With `provider=Netris` and no list of services they are the stock ones."""
    named, is_netris = _named_providers(call), "provider" in call
    wanted = [_service(name) for name in call.get("supportedservices", ())]
    if wanted and (extra := named.keys() - set(wanted)):
        raise InvalidValue(f"Service {min(extra)} is not in the list of supported services")
    wanted = wanted or list(named)
    if not wanted and not is_netris:
        raise InvalidValue("Supported services list is empty")
    stock = _STOCK[kind][mode]
    wanted = wanted or list(stock)
    if is_netris and GATEWAY in stock:
        wanted.append(GATEWAY)  # it is never shown, so nobody could know to ask for it
    by_netris = NETRIS if is_netris else ""
    router = ROUTER if kind == VPC or call.get("forvpc") else "VirtualRouter"
    found = {}
    for service in wanted:
        usual = router if service in ROUTER_SERVICES else by_netris or router  # (unverified)
        found[service] = named.get(service, usual)
        service_providers.check_able(call.cloud, service, found[service])
    return found


def _capabilities(call: Call, services: dict[str, str]) -> dict[str, dict[str, str]]:
    """What an offering chooses of the capabilities of its services."""
    chosen: dict[str, dict[str, str]] = {}
    for entry in call.get("servicecapabilitylist", ()):
        service = _service(entry.get("service", ""))
        if service not in services:
            raise InvalidValue(f"Capability of service {service}, which is not in the list of supported services")
        wanted, value = entry.get("capabilitytype", ""), entry.get("capabilityvalue", "")
        offered = {name.lower(): (name, text) for name, text in offerings.possible(service).items()}
        if wanted.lower() not in offered:
            raise InvalidValue(f"Capability {wanted} is not supported by service {service}")
        name, text = offered[wanted.lower()]
        if not _fits(value, text):
            raise InvalidValue(f"Invalid value {value} of capability {name} of service {service}: it offers {text}")
        chosen.setdefault(service, {})[name] = value
    return chosen


def _fits(value: str, offered: str) -> bool:
    """Some of the values that are offered; what is true may be switched off."""
    values = {part.strip().lower() for part in offered.split(",")}
    if values == {"true"}:
        values.add("false")
    return {part.strip().lower() for part in value.split(",")} <= values


# what both kinds have


def _common(call: Call, kind: str) -> Row:
    _refuse_others(call)
    mode = _word(call, "networkmode", (NATTED, ROUTED), NATTED)
    services = _services(call, kind, mode)
    size = call.get("serviceofferingid")
    return {
        "name": call["name"],
        "displaytext": call.get("displaytext") or call["name"],
        "state": "Enabled" if call.get("enable") else "Disabled",
        "networkmode": mode,
        **_routing(call, mode),
        "services": services,
        "capabilities": _capabilities(call, services),
        "internetprotocol": _word(call, "internetprotocol", ("IPv4", "DualStack"), "IPv4"),
        "domainids": [row["id"] for row in call.get("domainid", ())],
        "zoneids": [row["id"] for row in call.get("zoneid", ())],
        "serviceofferingid": size["id"] if size else None,
    }


def _routing(call: Call, mode: str) -> Row:
    """Routing is a matter of ROUTED offerings, and AS numbers one of dynamic routing (unverified)."""
    routing = _word(call, "routingmode", (STATIC, DYNAMIC), STATIC)
    if mode != ROUTED and "routingmode" in call:
        raise InvalidValue(f"Routing mode can only be specified for offerings with network mode {ROUTED}")
    if call.get("specifyasnumber") and routing != DYNAMIC:
        raise InvalidValue(f"SpecifyAsNumber is only supported for offerings with routing mode {DYNAMIC}")
    return {"routingmode": routing if mode == ROUTED else None, "specifyasnumber": call.get("specifyasnumber", False)}


# VPC offerings


@creates("createVPCOffering")
def make_vpc_offering(call: Call) -> Row:
    fields = _common(call, VPC)
    if "Firewall" in fields["services"] or "SecurityGroup" in fields["services"]:
        raise InvalidValue("Services Firewall and SecurityGroup are not supported in a VPC offering")
    return call.cloud.new(VPC, **fields)


@handles("createVPCOffering")
def confirm_vpc_offering(call: Call) -> Row:
    return {"vpcoffering": offerings.vpc_offering_view(call.cloud, call.row)}


@undoes("createVPCOffering")
def unmake_vpc_offering(call: Call) -> None:
    call.cloud.remove(VPC, call.row)
    raise ServerError("Failed to create VPC offering")


# tier offerings


@handles("createNetworkOffering")
def create_network_offering(call: Call) -> Row:
    """With `forvpc` it is one of tiers, the only networks that are built here."""
    cloud, is_for_vpc = call.cloud, call.get("forvpc", False)
    given = ("specifyvlan", "specifyipranges", "ispersistent", "egressdefaultpolicy", "networkrate", "maxconnections")
    numbers = [call.get(name, 1) for name in ("networkrate", "maxconnections")]
    if min(numbers) < 0:
        raise InvalidValue("Network rate and maximum of connections cannot be negative")
    fields = {
        **{name: call.get(name, TIER_DEFAULTS.get(name)) for name in given},
        "traffictype": _word(call, "traffictype", ("Guest",), ""),
        "guestiptype": _word(call, "guestiptype", _TYPES, ""),
        "availability": _word(call, "availability", _AVAILABILITIES, "Optional"),
        "conservemode": call.get("conservemode", not is_for_vpc),  # (unverified)
        "isdefault": False,
        "forvpc": is_for_vpc,
        "tags": call.get("tags"),
        "details": (call.get("details") or [None])[0],
    }
    if is_for_vpc and (fields["guestiptype"] != "Isolated" or fields["conservemode"]):
        raise InvalidValue("An offering for VPC tiers must be of guest type Isolated, without conserve mode")
    fields |= _common(call, TIER)
    fields["supportsinternallb"] = _balances_inside(call, fields)
    call.row = cloud.new(TIER, **fields)
    return {"networkoffering": offerings.network_offering_view(cloud, call.row)}


def _balances_inside(call: Call, fields: Row) -> bool:
    """Internal and public load balancers do not mix in one tier (3.4), so its offering says which it has."""
    schemes = fields["capabilities"].get("Lb", {}).get("LbSchemes", "").strip().lower()
    by_vm = fields["services"].get("Lb") == INTERNAL_PROVIDER
    return bool(by_vm or schemes == "internal" or call.get("nsxsupportsinternallb"))
