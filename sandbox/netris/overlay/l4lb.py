"""L4 load balancers. They serve a tenant VPC from an address of the System VPC (2.5)."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import Any

from sandbox.kit.store import Row
from sandbox.netris.overlay import ipam, members
from sandbox.netris.overlay.members import Report
from sandbox.netris.state.controller import Controller
from sandbox.netris.state.ledger import Claim
from sandbox.netris.wire import (
    CREATED,
    DELETED,
    UPDATED,
    Address,
    Call,
    Fields,
    Reply,
    dumps,
    invalid,
    weak_int,
)

CHECKS = ("None", "TCP", "HTTP")
_WELL = "OK"


def render(net: Controller, row: Row) -> dict[str, Any]:
    """The older and the newer shape together."""
    enabled = row["status"] == "enable"
    tenant, site = net.ref(net.tenants, row["tenant"]), net.ref(net.sites, row["site"])
    backends = [_backend_view(net, row, backend) for backend in row["backendIps"]]
    failed = sum(backend["status"] == "failed" for backend in backends)
    word = _label(row, failed)
    timeout = weak_int(row["timeOut"])
    check = {"protocol": row["healthCheck"], "timeout": timeout, "requestPath": row["requestPath"]}
    return {
        **{name: value for name, value in row.items() if name not in ("healthCheck", "timeOut", "requestPath")},
        "tenant": tenant,
        "tenantId": tenant["id"],
        "tenantName": tenant["name"],
        "site": site,
        "siteId": site["id"],
        "siteName": site["name"],
        "vpc": net.ref(net.vpcs, row["vpc"]),
        "backendIps": backends,
        "backend": backends,
        "healthcheck": None if row["healthCheck"] == "None" else check,
        "healthCheck": {} if row["healthCheck"] == "None" else {row["healthCheck"]: _go_check(row)},
        "label": {"status": "success" if enabled and not failed else "danger", "text": word},  # values unverified
        "state": {"label": "Enabled" if enabled else "Disabled", "value": row["status"]},
        "internal": 0,
    }


def _go_check(row: Row) -> dict[str, Any]:
    return {"timeOut": row["timeOut"], "requestPath": row["requestPath"]}


def _label(row: Row, failed: int) -> str:
    """The words are unverified, those of a balancer that nobody probes even more so."""
    if row["status"] != "enable":
        return "Disabled"
    return f"{failed} failed" if failed else "Enabled" if row["healthCheck"] == "None" else "OK"


def _backend_view(net: Controller, row: Row, backend: Row) -> dict[str, Any]:
    """What the SoftGates have found. Without a health check they say nothing, and the words are blank (unverified)."""
    reports = members.reports(net, row, backend)
    status, response = ("", "") if row["healthCheck"] == "None" else _summary(reports)
    return {
        **{name: backend[name] for name in ("id", "ip", "port", "maintenance")},
        "status": status,
        "response": response,
        "stats": [
            {
                "hardware": {"id": report.gate["id"], "name": report.gate["name"]},
                "status": {"label": _word(report).upper(), "value": _word(report)},
                "response": report.trouble or _WELL,
            }
            for report in reports
        ],
    }


def _word(report: Report) -> str:
    return "failed" if report.trouble else "ok"


def _summary(reports: list[Report]) -> tuple[str, str]:
    """The member is well while one of the SoftGates that balance reaches it; of those that were killed, only their last
    words are left (unverified)."""
    heard = [report for report in reports if not report.is_last]
    if not heard:
        return "failed", "no SoftGate"
    best = min(heard, key=lambda report: bool(report.trouble))
    return _word(best), best.trouble or _WELL


def _json(net: Controller, row: Row) -> str:
    """Kept as long as nothing can happen to it by itself: a health check that fails does so in time."""
    show = partial(render, net)
    return net.lbs.json(row, show) if row["healthCheck"] == "None" else dumps(show(row))


def listing(net: Controller, call: Call) -> Reply:
    """Every VPC's when unfiltered (1.7)."""
    sites = call.ids("filterBySites")
    return Reply.rows(_json(net, row) for row in net.asked(net.lbs, call) if sites is None or row["site"] in sites)


def read(net: Controller, call: Call) -> Reply:
    return Reply(_json(net, net.row(net.lbs, call.id)))


def create(net: Controller, call: Call) -> Reply:
    """The answer is a bare number when the caller named the address, an object when not (quirk 7)."""
    fields, now = call.fields, net.stamp()
    row = net.lbs.add(**_facts(net, fields, None), createdDate=now, modifiedDate=now)
    if row["automatic"]:
        return Reply.of({"id": row["id"], "ip": row["ip"]}, CREATED)
    return Reply.of(row["id"], CREATED)


def update(net: Controller, call: Call) -> Reply:
    row = net.row(net.lbs, call.id)
    net.lbs.change(row, **_facts(net, call.fields, row), modifiedDate=net.stamp())
    return Reply.of({"code": 200, "result": UPDATED}, UPDATED)


def delete(net: Controller, call: Call) -> Reply:
    """The Java client reads a list here (1.6)."""
    net.lbs.drop(net.row(net.lbs, call.id)["id"])
    return Reply.of([], DELETED)


def _facts(net: Controller, fields: Fields, was: Row | None) -> dict[str, Any]:
    """Site and tenant are fixed after creation."""
    old = was or {"description": "", "automatic": False, "status": "enable", "healthCheck": "None", "timeOut": "2000"}
    site = was["site"] if was else net.one_of(net.sites, fields, _spelling(fields, "site"))
    tenant = was["tenant"] if was else net.one_of(net.tenants, fields, _spelling(fields, "tenant"))
    facts = {
        "name": net.unique_name(net.lbs, fields, was),
        "description": fields.text("description", old["description"]),
        "vpc": was["vpc"] if was else net.vpc_of(fields),
        "site": site,
        "tenant": tenant,
        "protocol": fields.choice("protocol", ("TCP", "UDP"), *([was["protocol"]] if was else [])),
        "port": fields.integer("port", 1, 65535, *([was["port"]] if was else [])),
        "status": fields.choice("status", ("enable", "disable"), old["status"]),
        "healthCheck": fields.choice("healthCheck", CHECKS, old["healthCheck"]),
        "timeOut": fields.text("timeOut", old["timeOut"]),
        "requestPath": fields.text("requestPath", old.get("requestPath", "")),
        "tags": fields.tags(old.get("tags", ())),
    }
    if facts["protocol"] == "UDP" and facts["healthCheck"] != "None":
        raise invalid("healthCheck", "UDP services have no health check.")  # unverified
    facts |= _front(net, fields, facts, was)
    facts["backendIps"] = _backends(fields, was)
    return facts


def _spelling(fields: Fields, name: str) -> str:
    """References have two older spellings, `siteID` in OpenAPI and `siteId` in the Go SDK."""
    return next((each for each in (name, f"{name}Id", f"{name}ID") if each in fields), name)


def _front(net: Controller, fields: Fields, facts: dict[str, Any], was: Row | None) -> dict[str, Any]:
    automatic = fields.flag("automatic", was["automatic"] if was else False)
    family = fields.choice("ipFamily", ("ipv4", "ipv6"), "") if "ipFamily" in fields else ""
    if automatic:
        version = int(family[-1:] or 0)
        found = was["ip"] if was else ipam.next_address(net, "load-balancer", facts["site"], version=version)
        if found is None:
            raise invalid("ip", "There is no free address in the load-balancer subnets of the site.")  # unverified
        address = ip_address(found)
    else:
        address = fields.address("ip", *([was["ip"]] if was else []))
        if family and family != f"ipv{address.version}":
            raise invalid("ipFamily", "Must be the family of the address.")  # unverified
        _demand_public(net, address, facts, was)
    return {"automatic": automatic, "ip": str(address), "ipFamily": f"ipv{address.version}"}


def _demand_public(net: Controller, address: Address, facts: dict[str, Any], was: Row | None) -> None:
    system = net.system_vpc
    around = net.tree.enclosing(system, address.version, int(address), address.max_prefixlen)
    fitting = (node for node in around if node.kind == "subnet" and node.row["purpose"] == "load-balancer")
    if not any(facts["site"] in node.row["sites"] for node in fitting):
        raise invalid("ip", "IP address is out of any load-balancer subnet.")  # unverified
    mine = was["id"] if was else 0
    for holder in net.ledger.holders(Claim.ip(system, address), but=("l4lb", mine)):
        other = net.lbs.get(holder.id) if holder.kind == "l4lb" else None
        same = other is not None and (other["port"], other["protocol"]) == (facts["port"], facts["protocol"])
        if other is None or same:
            raise invalid("ip", "IP address is already in use with this port.")  # unverified


def _backends(fields: Fields, was: Row | None) -> list[Row]:
    """Both keys of the list are taken (quirk 10); `maintenance` may be absent (quirk 25)."""
    key = "backendIps" if "backendIps" in fields else "backend"
    if key not in fields:
        return list(was["backendIps"]) if was else []
    found: list[Row] = []
    for number, item in enumerate(fields.objects(key), start=1):
        ip, port = str(item.address("ip")), item.integer("port", 1, 65535)
        found.append({"id": number, "ip": ip, "port": port, "maintenance": item.flag("maintenance", False)})
    return found
