"""What can be ordered: VPC, tier and service offerings, templates (cloudstack-api.md 3.2, 5.2)."""

from __future__ import annotations

import json
from uuid import UUID, uuid5

from sandbox.cloudstack.calls.access import is_below
from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue, PermissionDenied
from sandbox.cloudstack.seed import GATEWAY, ROUTED
from sandbox.cloudstack.state.cloud import Cloud, created, view
from sandbox.kit.store import Row

STATIC, DYNAMIC = "Static", "Dynamic"
TEMPLATE_TYPE, TEMPLATE_FORMAT = "USER", "QCOW2"
STICKINESS_METHODS = {
    "LbCookie": "This is loadbalancer cookie based stickiness method.",
    "AppCookie": "This is App session based sticky method.",
    "SourceBased": "This is source based Stickiness method, it can be used for any type of protocol.",
}
_STICKINESS = json.dumps(
    [
        {"methodname": name, "paramlist": [], "description": description}
        for name, description in STICKINESS_METHODS.items()
    ],
    separators=(",", ":"),
)
_COUNTERS = '[{"methodname":"cpu","paramlist":[]},{"methodname":"memory","paramlist":[]}]'
_CAPABILITIES: dict[str, tuple[tuple[str, str], ...]] = {
    "Lb": (
        ("SupportedLbAlgorithms", "roundrobin,leastconn"),
        ("SupportedLBIsolation", "dedicated"),
        ("SupportedProtocols", "tcp, udp"),
        ("LbSchemes", "Internal,Public"),
        ("SupportedStickinessMethods", _STICKINESS),
        ("AutoScaleCounters", _COUNTERS),
        ("VmAutoScaling", "true"),
        ("ElasticLb", "false"),
        ("InlineMode", "false"),
    ),
    "SourceNat": (("SupportedSourceNatTypes", "peraccount"), ("RedundantRouter", "true")),
    "StaticNat": (("ElasticIp", "false"), ("AssociatePublicIP", "true")),
    "Vpn": (("SupportedVpnTypes", "pptp,l2tp,ipsec"), ("VpnTypes", "s2svpn")),
    "Dns": (("AllowDnsSuffixModification", "true"),),
    "Dhcp": (("DhcpAccrossMultipleSubnets", "true"),),
}
_OF_OFFERINGS = {  # what an offering says of itself; the rest is the provider's, and shown by networks
    "StaticNat": {"ElasticIp", "AssociatePublicIP"},
    "SourceNat": {"SupportedSourceNatTypes", "RedundantRouter"},
    "Lb": {"SupportedLBIsolation", "ElasticLb", "InlineMode", "VmAutoScaling"},
}
_CHOSEN = {"RedundantRouter": "false"}  # unless an offering chooses what its provider could do
_MAY_BE_CHOSEN = {"SupportedSourceNatTypes", "RedundantRouter", "SupportedLBIsolation"}


def services(offering: Row) -> list[Row]:
    """Services with their providers, as a VPC shows them."""
    shown = {name: provider for name, provider in offering["services"].items() if name != GATEWAY}
    return [{"name": name, "provider": [{"name": provider}]} for name, provider in shown.items()]


def services_with_capabilities(offering: Row) -> list[Row]:
    """The same with capabilities, as a network shows them."""
    return [{**service, "capability": _capabilities(offering, service["name"])} for service in services(offering)]


def _services_of_offering(offering: Row) -> list[Row]:
    """The same with what the offering itself says, as it shows them; most services have nothing."""
    shown = []
    for service in services(offering):
        said = _OF_OFFERINGS.get(service["name"], set()) | set(
            offering.get("capabilities", {}).get(service["name"], ())
        )
        capabilities = [
            {**each, "canchooseservicecapability": False}
            for each in _capabilities(offering, service["name"])
            if each["name"] in said
        ]
        shown.append({**service, "capability": capabilities} if capabilities else service)
    return shown


def _capabilities(offering: Row, service: str) -> list[Row]:
    """What the service can do, or what the offering has chosen of that."""
    chosen = {**_CHOSEN, **offering.get("capabilities", {}).get(service, {})}
    return [
        {"name": name, "value": chosen.get(name, value), "canchooseservicecapability": name in _MAY_BE_CHOSEN}
        for name, value in _CAPABILITIES.get(service, ())
    ]


def capability_names(service: str) -> list[Row]:
    """What could be said of the service, whoever provides it."""
    names = possible(service)
    return [{"name": name, "canchooseservicecapability": name in _MAY_BE_CHOSEN} for name in names]


def capability(offering: Row, service: str, name: str) -> list[str]:
    """The single values of a capability of an offering, in lower case."""
    value = offering.get("capabilities", {}).get(service, {}).get(name, possible(service).get(name, ""))
    return [part.strip().lower() for part in value.split(",")]


def possible(service: str) -> dict[str, str]:
    return dict(_CAPABILITIES.get(service, ()))


def routing_mode(offering: Row) -> str | None:
    """How a ROUTED offering gets its routes known: Static or Dynamic."""
    return str(offering.get("routingmode") or STATIC) if offering["networkmode"] == ROUTED else None


def _common_view(cloud: Cloud, offering: Row) -> Row:
    shown = {
        **view(offering, "id", "name", "displaytext", "state", "networkmode"),
        "created": created(offering),
        "fornsx": False,
        "internetprotocol": offering.get("internetprotocol", "IPv4"),
        "specifyasnumber": offering.get("specifyasnumber", False),
        **view(offering, "routingmode"),  # where it was chosen
        **cloud.job_fields(offering),
    }
    for kind in ("domain", "zone"):
        places = [place for each in offering.get(f"{kind}ids", ()) if (place := cloud.table(kind).get(each))]
        if places:
            shown[f"{kind}id"] = ",".join(place["id"] for place in places)
            shown[kind] = ",".join(place["name"] for place in places)
    return shown


def vpc_offering_view(cloud: Cloud, offering: Row) -> Row:
    shown = {"isdefault": False, "distributedvpcrouter": False, "supportsregionLevelvpc": False}
    return {**_common_view(cloud, offering), **shown, "service": services(offering)}


# What tier offerings are like unless they say something else: the stock ones say nothing.
TIER_DEFAULTS: Row = {
    "traffictype": "Guest",
    "isdefault": True,
    "specifyvlan": False,
    "conservemode": False,
    "specifyipranges": False,
    "availability": "Optional",
    "networkrate": 200,
    "guestiptype": "Isolated",
    "forvpc": True,
    "ispersistent": False,
    "egressdefaultpolicy": False,
    "supportsinternallb": False,
}


def network_offering_view(cloud: Cloud, offering: Row) -> Row:
    shown: Row = {"fortungsten": False, "supportsstrechedl2subnet": False, "supportspublicaccess": False}
    shown |= {name: offering.get(name, value) for name, value in TIER_DEFAULTS.items()}
    shown |= {"service": _services_of_offering(offering), "hasannotations": False}
    more = view(offering, "serviceofferingid", "tags", "details", "maxconnections")
    return {**_common_view(cloud, offering), **shown, **more}


def _supporting(rows: list[Row], names: list[str] | None) -> list[Row]:
    wanted = {name.lower() for name in names or ()}
    return [row for row in rows if wanted <= {service.lower() for service in row["services"]}]


# who may use them


def _serves_domain(cloud: Cloud, offering: Row, domain: Row) -> bool:
    """A public offering serves everybody, another its domains with all that is below them."""
    ids = offering.get("domainids")
    owners = [owner for each in ids or () if (owner := cloud.table("domain").get(each))]
    return not ids or any(is_below(owner, domain) for owner in owners)


def _serves_zone(offering: Row, zone: Row) -> bool:
    return zone["id"] in (offering.get("zoneids") or [zone["id"]])


def _visible(call: Call, rows: list[Row]) -> list[Row]:
    """Ordinary users see Enabled offerings that are public or their domain's; `domainid` and `zoneid` ask the same."""
    cloud, caller = call.cloud, call.caller
    if not caller.is_root:
        rows = [row for row in rows if _serves_domain(cloud, row, caller.domain)]
    if not caller.is_admin:
        rows = [row for row in rows if row["state"] == "Enabled"]
    if (domain := call.get("domainid")) is not None:
        caller.check(cloud, "domain", domain)
        rows = [row for row in rows if _serves_domain(cloud, row, domain)]
    if (zone := call.get("zoneid")) is not None:
        rows = [row for row in rows if _serves_zone(row, zone)]
    return rows


def check_usable(call: Call, offering: Row, owner: Row, zone: Row) -> None:
    """Another domain's offering is nobody else's to use; root may use any (unverified)."""
    if not _serves_zone(offering, zone):
        raise InvalidValue(f"The offering {offering['name']} is not available in zone {zone['name']}")
    domain = call.cloud.get("domain", owner["domainid"])
    if not call.caller.is_root and not _serves_domain(call.cloud, offering, domain):
        raise PermissionDenied(f"The offering {offering['name']} is not available to domain {domain['path']}")


@handles("listVPCOfferings")
def list_vpc_offerings(call: Call) -> Row:
    rows = _visible(call, call.narrowed(call.cloud.table("vpcoffering"), "id", "state"))
    if call.get("isdefault"):
        rows = []
    rows = _supporting(call.containing(rows, "name", "displaytext"), call.get("supportedservices"))
    return call.page(call.searched(rows, "name", "displaytext"), lambda row: vpc_offering_view(call.cloud, row))


@handles("listNetworkOfferings")
def list_network_offerings(call: Call) -> Row:
    rows = _visible(call, call.narrowed(call.cloud.table("networkoffering"), "id", "name", "state"))
    for name in ("traffictype", "guestiptype", "availability", "isdefault", "forvpc", "specifyvlan", "specifyipranges"):
        rows = [row for row in rows if _same(call.get(name), row.get(name, TIER_DEFAULTS[name]))]
    rows = [row for row in rows if _same(call.get("routingmode"), routing_mode(row))]
    rows = [row for row in rows if _same(call.get("istagged"), bool(row.get("tags")))]
    rows = [row for row in rows if _same(call.get("sourcenatsupported"), "SourceNat" in row["services"])]
    if "tags" in call:
        rows = [row for row in rows if call["tags"] in (row.get("tags") or "").split(",")]
    rows = _supporting(call.containing(rows, "displaytext"), call.get("supportedservices"))
    return call.page(call.searched(rows, "name", "displaytext"), lambda row: network_offering_view(call.cloud, row))


def _same(wanted: str | bool | None, value: str | bool | None) -> bool:
    """Whether a filter lets a value through: in any letter case, and always when it is not set."""
    return wanted is None or str(wanted).lower() == str(value).lower()


@handles("listServiceOfferings")
def list_service_offerings(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("serviceoffering"), "id", "name", "cpunumber", "cpuspeed", "memory", "state")
    rows = [row for row in rows if bool(row.get("is_system")) == call.get("issystem", False)]
    if call.get("gpuenabled"):
        rows = []
    return call.page(call.searched(rows, "name"), service_offering_view)


def service_offering_view(row: Row) -> Row:
    return {
        **view(row, "id", "name", "cpunumber", "cpuspeed", "memory", "state"),
        "displaytext": row["name"],
        "created": created(row),
        "storagetype": "shared",
        "provisioningtype": "thin",
        "offerha": False,
        "limitcpuuse": False,
        "isvolatile": False,
        "iscustomized": False,
        "issystem": bool(row.get("is_system")),
        "defaultuse": False,
        "rootdisksize": 0,
        "dynamicscalingenabled": True,
        "diskofferingid": str(uuid5(UUID(row["id"]), "disk")),  # each has a disk offering of its own that is not listed
        "diskofferingname": row["name"],
        "diskofferingdisplaytext": row["name"],
        "diskofferingstrictness": False,
        "encryptroot": False,
        "hasannotations": False,
    }


def os_type(cloud: Cloud, template: Row) -> Row:
    return next(row for row in cloud.table("ostype") if row["description"] == template["ostypename"])


@handles("listTemplates")
def list_templates(call: Call) -> Row:
    word = call["templatefilter"].lower()
    if word not in ("featured", "self", "selfexecutable", "sharedexecutable", "executable", "community", "all"):
        raise InvalidValue("Please specify a valid template filter")
    rows = call.narrowed(call.cloud.table("template"), "id", "name", "zoneid")
    if word in ("community", "sharedexecutable"):
        rows = []
    if word in ("self", "selfexecutable"):
        rows = [row for row in rows if row["accountid"] == call.caller.account["id"]]
    if "hypervisor" in call and call["hypervisor"].upper() != "KVM":
        rows = []
    return call.page(call.searched(rows, "name", "displaytext"), lambda row: template_view(call, row))


def template_view(call: Call, row: Row) -> Row:
    zone = call.cloud.get("zone", row["zoneid"])
    where, store = {}, {"datastore": "secondary", "downloadPercent": "100", "downloadState": "DOWNLOADED"}
    if call.caller.is_root:
        where = {"status": "Download Complete", "url": f"http://templates.test/{row['id']}.qcow2"}
        store |= {"datastoreId": str(uuid5(UUID(zone["id"]), "secondary")), "datastoreRole": "Image"}
    return {
        **view(row, "id", "name", "displaytext", "ostypename", "size", "zoneid"),
        **call.cloud.owner_fields(row),
        "zonename": zone["name"],
        "created": created(row),
        "ispublic": True,
        "isready": True,
        "isfeatured": True,
        "isextractable": False,
        "crossZones": True,
        "format": TEMPLATE_FORMAT,
        "hypervisor": "KVM",
        **where,
        "templatetype": TEMPLATE_TYPE,
        "ostypeid": os_type(call.cloud, row)["id"],
        "physicalsize": row["size"],
        "checksum": "",
        "bits": 0,
        "details": {},
        "downloaddetails": [store],
        "directdownload": False,
        "deployasis": False,
        "forcks": False,
        "hasannotations": False,
        "passwordenabled": False,
        "sshkeyenabled": False,
        "isdynamicallyscalable": False,
        "requireshvm": True,
        "arch": "x86_64",
        "tags": [],
    }
