"""What can be ordered: VPC, tier and service offerings, templates (cloudstack-api.md 3.2, 5.2)."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudstack.call import Call, handles
from sandbox.cloudstack.cloud import created, view
from sandbox.cloudstack.errors import InvalidValue
from sandbox.cloudstack.seed import ROUTED
from sandbox.store import Row

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
    ),
    "SourceNat": (("SupportedSourceNatTypes", "peraccount"), ("RedundantRouter", "true")),
    "Dns": (("AllowDnsSuffixModification", "true"),),
    "Dhcp": (("DhcpAccrossMultipleSubnets", "true"),),
}


def services(offering: Row) -> list[Row]:
    """Services with their providers, as a VPC shows them."""
    return [{"name": name, "provider": [{"name": provider}]} for name, provider in offering["services"].items()]


def services_with_capabilities(offering: Row) -> list[Row]:
    """The same with capabilities, as a network and the offerings show them."""
    return [{**service, "capability": capabilities(service["name"])} for service in services(offering)]


def capabilities(service: str) -> list[Row]:
    return [
        {"name": name, "value": value, "canchooseservicecapability": False}
        for name, value in _CAPABILITIES.get(service, ())
    ]


def vpc_offering_view(offering: Row) -> Row:
    return {
        **view(offering, "id", "name", "displaytext", "state", "networkmode"),
        "created": created(offering),
        "isdefault": False,
        "distributedvpcrouter": False,
        "supportsregionLevelvpc": False,
        "fornsx": False,
        "internetprotocol": "IPv4",
        "specifyasnumber": False,
        "service": services_with_capabilities(offering),
        **({"routingmode": "Static"} if offering["networkmode"] == ROUTED else {}),
    }


def network_offering_view(offering: Row) -> Row:
    is_nat = offering["networkmode"] != ROUTED
    return {
        **view(offering, "id", "name", "displaytext", "state", "networkmode", "serviceofferingid"),
        "created": created(offering),
        "traffictype": "Guest",
        "isdefault": True,
        "specifyvlan": False,
        "conservemode": False,
        "specifyipranges": False,
        "availability": "Optional",
        "networkrate": 200,
        "guestiptype": "Isolated",
        "forvpc": True,
        "fornsx": False,
        "fortungsten": False,
        "ispersistent": False,
        "egressdefaultpolicy": False,
        "maxconnections": 4096,
        "supportsstrechedl2subnet": False,
        "supportspublicaccess": False,
        "supportsinternallb": False,
        "internetprotocol": "IPv4",
        "specifyasnumber": False,
        "service": services_with_capabilities(offering),
        **({} if is_nat else {"routingmode": "Static"}),
    }


def _supporting(rows: list[Row], names: list[str] | None) -> list[Row]:
    wanted = {name.lower() for name in names or ()}
    return [row for row in rows if wanted <= {service.lower() for service in row["services"]}]


@handles("listVPCOfferings")
def list_vpc_offerings(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("vpcoffering"), "id", "state")
    if call.get("isdefault"):
        rows = []
    rows = _supporting(call.containing(rows, "name", "displaytext"), call.get("supportedservices"))
    return call.page(call.searched(rows, "name", "displaytext"), vpc_offering_view)


@handles("listNetworkOfferings")
def list_network_offerings(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("networkoffering"), "id", "name", "state")
    shared: dict[str, Any] = {
        "traffictype": "guest",
        "guestiptype": "isolated",
        "availability": "optional",
        "isdefault": True,
        "forvpc": True,
        "specifyvlan": False,
        "specifyipranges": False,
        "istagged": False,
    }
    for name, value in shared.items():
        if name in call and (call[name].lower() if isinstance(value, str) else call[name]) != value:
            rows = []
    if "sourcenatsupported" in call:
        rows = [row for row in rows if ("SourceNat" in row["services"]) == call["sourcenatsupported"]]
    if "tags" in call:
        rows = []
    rows = _supporting(call.containing(rows, "displaytext"), call.get("supportedservices"))
    return call.page(call.searched(rows, "name", "displaytext"), network_offering_view)


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
        "encryptroot": False,
        "hasannotations": False,
    }


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

    def shown(row: Row) -> Row:
        zone = call.cloud.get("zone", row["zoneid"])
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
            "format": "QCOW2",
            "hypervisor": "KVM",
            "status": "Download Complete",
            "templatetype": "USER",
            "passwordenabled": False,
            "sshkeyenabled": False,
            "isdynamicallyscalable": False,
            "requireshvm": True,
            "arch": "x86_64",
            "tags": [],
        }

    return call.page(call.searched(rows, "name", "displaytext"), shown)
