"""What Weft reads from a Netris controller, one method each, the few things that it may take away, the one that it
makes, and the one that it changes.

What is deleted is what CloudStack's plugin left behind: which that is, is for its caller to prove. A delete of what is
gone already is done. What is made is a rule of Weft's own in a VPC of CloudStack's, by a name that no plugin gives.
What is changed is what a load balancer of the plugin's cannot say through CloudStack: its health check, and that it is
for UDP.

A method answers with our types, with None for "there is no such thing", or raises:

    Unauthorized    the login is refused, or a fresh session is answered with 401
    Unavailable     timeouts, broken connections, 5xx, redirects, and answers that are no JSON of the expected kind
    Rejected        any other 4xx: 400 (validation, conflict), 403 (permission, missing property), 404 on a list;
                    also a 200 whose envelope says `isSuccess: false`

A read is tried a second time when the connection breaks. A delete is not: whoever asked for it looks again.

The lists of a whole controller (`vpcs`, `all_nat_rules`, `devices` ...) grow with the estate, to many seconds on large
ones. They have a time limit of their own, and are for sweeps: work on one VPC asks by its id.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from itertools import count
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr, ValidationError

from apps.kernel.remote import Channel, Client, Hooks, Rejected, Unauthorized, Unavailable, Wire
from apps.netris.auth import SessionAuth
from apps.netris.wire import (
    Acl,
    Allocation,
    Balancer,
    Build,
    Device,
    EBgp,
    Link,
    NatRule,
    PermissionGroup,
    Port,
    Series,
    Site,
    StaticRoute,
    Subnet,
    Tenant,
    User,
    UserRole,
    VNet,
    Vpc,
    VpcResources,
    new_id,
)

SYSTEM = "netris"
#: Seconds that the list of a whole controller may take.
LONGEST_LIST = 180.0
#: What an update of a SoftGate takes, as far as a row shows it under the same name (2.13).
SOFTGATE_FIELDS = ("name", "description", "mainAddress", "mgmtAddress", "profile", "tags", "sgFlavor", "sgRole")
PERMISSIONS = "/api/users/permissions"
PORTS_PER_PAGE = 2000
VPCS_PER_CALL = 100  # keeps the address below the two thousand characters that every proxy takes

Row = TypeVar("Row", bound=Wire)
Query = Sequence[tuple[str, str]]


def connect(
    url: str,
    user: str,
    password: SecretStr,
    *,
    transport: httpx.BaseTransport | None = None,
    hooks: Hooks | None = None,
    read_timeout: float = 30.0,
) -> Netris:
    """A client for the controller at `url` (`https://host`, without `/api`). It logs in with its first request."""
    url = url.rstrip("/")
    auth = SessionAuth(f"{url}/api/auth", user, password)
    return Netris(url, Channel(SYSTEM, auth=auth, transport=transport, hooks=hooks, read_timeout=read_timeout))


class Netris(Client):
    """One controller. Threads may share it, and with it one session."""

    def ping(self) -> None:
        """Returns if the controller answers and accepts the session."""
        self._data("/api/auth")

    def build_version(self) -> str:
        """The release, such as 4.15.0; "" where the controller does not tell it."""
        return self._decode(PERMISSIONS, self._data(PERMISSIONS) or {}, Build).build_version

    def users(self) -> list[User]:
        return self._list("/api/users", User)

    def user_roles(self) -> list[UserRole]:
        return self._list("/api/userroles", UserRole)

    def permission_groups(self) -> list[PermissionGroup]:
        return self._list("/api/permissiongroups", PermissionGroup)

    def sites(self) -> list[Site]:
        return self._list("/api/sites", Site)

    def tenants(self) -> list[Tenant]:
        return self._list("/api/tenants", Tenant)

    # VPCs and what is in them. A filter is always sent: without one such a list holds the Default VPC alone, or all.

    def vpcs(self) -> list[Vpc]:
        """All of them: the list has no filter."""
        return self._list("/api/v2/vpc", Vpc, patience=LONGEST_LIST)

    def get_vpc(self, vpc_id: int) -> Vpc | None:
        return self._get("/api/v2/vpc/{id}", vpc_id, Vpc)

    def resources_of_vpc(self, vpc_id: int) -> VpcResources | None:
        return self._get("/api/v2/vpc/{id}/resources", vpc_id, VpcResources)

    def ipam(self, vpc_id: int) -> list[Allocation]:
        """The VPC's allocations with their subnets below them."""
        return self._list("/api/v2/ipam", Allocation, _joined([vpc_id]), subject=vpc_id)

    def ipam_of(self, vpc_ids: Collection[int]) -> Iterator[list[Allocation]]:
        """Those of all these VPCs, a hundred per call."""
        for some in _portions(sorted(vpc_ids)):
            yield self._list("/api/v2/ipam", Allocation, _joined(some), subject=f"{len(some)} VPCs")

    def subnets(self, vpc_id: int) -> list[Subnet]:
        """The VPC's subnets, flat."""
        return self._list("/api/v2/ipam/subnets", Subnet, _joined([vpc_id]), subject=vpc_id)

    def public_subnets(self, system_vpc_id: int) -> list[Subnet]:
        """Those of the System VPC, with a /32 for every public address that any VPC has had a rule for. There is no
        call for one of them."""
        query = _joined([system_vpc_id])
        return self._list("/api/v2/ipam/subnets", Subnet, query, subject=system_vpc_id, patience=LONGEST_LIST)

    def vnets(self, vpc_id: int | None) -> list[VNet]:
        """None is the VPC that is flagged default."""
        query = [] if vpc_id is None else _repeated([vpc_id])
        return self._list("/api/v2/vnet", VNet, query, subject=vpc_id or "")

    def vnets_of(self, vpc_ids: Collection[int]) -> Iterator[list[VNet]]:
        """Those of all these VPCs, a hundred per call. Of none there are none: an empty filter would mean the Default
        VPC."""
        for some in _portions(sorted(vpc_ids)):
            yield self._list("/api/v2/vnet", VNet, _repeated(some), subject=f"{len(some)} VPCs")

    def all_vnets(self, vpc_ids: Collection[int]) -> list[VNet]:
        return [vnet for page in self.vnets_of(vpc_ids) for vnet in page]

    def get_vnet(self, vnet_id: int) -> VNet | None:
        return self._get("/api/v2/vnet/{id}", vnet_id, VNet)

    def nat_rules(self, vpc_id: int) -> list[NatRule]:
        """Those that serve one VPC. The filter is in the vendor's schema; CloudStack's plugin does not use it here, for
        reasons unknown (quirk 50), so that it finds the rules of a tenant's VPC is (unverified)."""
        found = self._list("/api/v2/nat", NatRule, _repeated([vpc_id]), subject=vpc_id)
        return [rule for rule in found if rule.vpc.id == vpc_id]

    def all_nat_rules(self) -> list[NatRule]:
        """Of all VPCs: the plugin counts on that, too (inferred)."""
        return self._list("/api/v2/nat", NatRule, patience=LONGEST_LIST)

    def get_nat_rule(self, rule_id: int) -> NatRule | None:
        return self._get("/api/v2/nat/{id}", rule_id, NatRule)

    def acls(self, vpc_id: int) -> list[Acl]:
        """Those of one VPC."""
        return self._list("/api/acl", Acl, [("filterByVpc[]", str(vpc_id))], subject=vpc_id)

    def all_acls(self) -> list[Acl]:
        """Of all VPCs: the vendor's Go SDK counts on that, too (netris-api.md 1.7)."""
        return self._list("/api/acl", Acl, patience=LONGEST_LIST)

    def balancers(self, vpc_id: int) -> list[Balancer]:
        """Those that serve one VPC. The vendor's SDK drops this filter (REAL), so what comes is sifted."""
        found = self._list("/api/v2/l4lb", Balancer, [("filterByVpc[]", str(vpc_id))], subject=vpc_id)
        return [each for each in found if each.vpc.id == vpc_id]

    def all_balancers(self) -> list[Balancer]:
        """Of all VPCs: the plugin counts on that (REAL)."""
        return self._list("/api/v2/l4lb", Balancer, patience=LONGEST_LIST)

    def get_balancer(self, balancer_id: int) -> Balancer | None:
        return self._get("/api/v2/l4lb/{id}", balancer_id, Balancer)

    def static_routes(self, vpc_id: int) -> list[StaticRoute]:
        """Those of one VPC."""
        found = self._list("/api/routes", StaticRoute, _repeated([vpc_id]), subject=vpc_id)
        return [route for route in found if route.vpc.id == vpc_id]

    def static_routes_of(self, vpc_ids: Collection[int]) -> Iterator[list[StaticRoute]]:
        """Those of all these VPCs, a hundred per call."""
        for some in _portions(sorted(vpc_ids)):
            yield self._list("/api/routes", StaticRoute, _repeated(some), subject=f"{len(some)} VPCs")

    def ebgp_sessions(self, vpc_id: int) -> list[EBgp]:
        """Those of one VPC. SoftGates terminate theirs in the System VPC."""
        return self._list("/api/v2/ebgp", EBgp, _joined([vpc_id]), subject=vpc_id)

    # The fabric

    def devices(self) -> list[Device]:
        return self._list("/api/v2/hw", Device, patience=LONGEST_LIST)

    def get_device(self, device_id: int) -> Device | None:
        return self._get("/api/v2/hw/{id}", device_id, Device)

    def set_maintenance(self, softgate_id: int, *, is_on: bool) -> None:
        """Switch a SoftGate's maintenance mode. An update takes the whole device (2.13), so it is read first, and all
        that is not asked for goes back as it came. Raises `Rejected` when there is no such SoftGate."""
        path = "/api/v2/hw/softgate/{id}"
        rows = self._data("/api/v2/hw/{id}", subject=str(softgate_id))
        row = rows[0] if isinstance(rows, list) and rows else rows
        if not isinstance(row, dict):
            raise Rejected("Not found", 404, system=SYSTEM, call=f"PUT {path}")
        body = {name: row[name] for name in SOFTGATE_FIELDS if row.get(name) is not None}
        self._update(path, softgate_id, {**body, "maintenanceMode": is_on})

    def links(self) -> list[Link]:
        return self._list("/api/v2/link", Link, patience=LONGEST_LIST)

    def port_pages(self) -> Iterator[list[Port]]:
        """All of them, a page at a time: the one list that can be paged (netris-api.md 1.7). They are asked for in
        the order of their ids, so that none slips from one page to another (that it sorts by this is unverified). A
        controller that sends more than it was asked for has sent them all; one that sends the same again has no more.
        """
        seen: set[int] = set()
        for page in count(1):
            query = [("limit", str(PORTS_PER_PAGE)), ("page", str(page)), ("sortBy", "id"), ("order", "asc")]
            rows = self._list("/api/v2/ports", Port, query, subject=f"page {page}", patience=LONGEST_LIST)
            found = [row for row in rows if row.id not in seen]
            seen.update(row.id for row in found)
            if found:
                yield found
            if not found or len(rows) != PORTS_PER_PAGE:
                return

    def ports(self) -> list[Port]:
        """All of them: the list can be paged, but is whole when nobody asks for a page (as the vendor's SDK does)."""
        return self._list("/api/v2/ports", Port, patience=LONGEST_LIST)

    def series(self, targets: Sequence[str], *, since: str = "-3min") -> list[Series]:
        """The points of these targets of the collector since then, such as `collectd.Leaf-1.cpu-*.cpu-idle`. It is a
        POST that reads, and answers with a bare list (netris-api.md 3.5); how many targets one call may have is
        unverified, so the caller keeps their address short."""
        call = "POST /api/graphite"
        query = [("format", "json"), ("from", since), ("until", "now"), *(("target", target) for target in targets)]
        url, subject = f"{self._url}/api/graphite", f"{len(targets)} targets"
        response = self._channel.send("POST", url, call=call, subject=subject, is_read=True, query=query)
        rows = self._undo(call, response)
        return [self._decode("/api/graphite", row, Series) for row in (rows if isinstance(rows, list) else [])]

    # What is made

    def create_acl(
        self,
        *,
        name: str,
        vpc_id: int,
        action: str,
        protocol: str,
        source: IPv4Network,
        destination: IPv4Network,
        port: int | None = None,
        comment: str = "",
    ) -> int:
        """A rule about one port of the destination, or all; as the plugin writes them, for TCP with what answers, and
        for the rest in both directions. Returns its id. A rule of the same match and action as one in the VPC is
        refused with 400."""
        body = {
            "name": name,
            "comment": comment,
            "action": action,
            "proto": protocol,
            "src_prefix": str(source),
            "dst_prefix": str(destination),
            "src_port_from": 1,
            "src_port_to": 65535,
            "dst_port_from": port or 1,
            "dst_port_to": port or 65535,
            **({"established": 1} if protocol == "tcp" else {"reverse": "yes"}),
            "vpc": {"id": vpc_id},
        }
        return self._create("/api/acl", body, subject=name)

    # What is changed

    def update_balancer(
        self, balancer: Balancer, *, protocol: str, check: str, timeout: int | None = None, path: str = ""
    ) -> None:
        """The balancer as it was read, with this protocol (TCP, UDP) and check (None, TCP, HTTP; `timeout` in
        milliseconds). The plugin undoes it with whatever it writes next (REAL), and a member that joined since
        `balancer` was read is lost: the caller holds the VPC's lane, and reads back.

        With UDP the check must be None (2.5).
        """
        body: dict[str, Any] = {
            "name": balancer.name,
            "protocol": protocol,
            "automatic": False,
            "ip": str(balancer.ip),
            "ipFamily": f"ipv{balancer.ip.version}" if balancer.ip else "ipv4",
            "port": balancer.port,
            "status": "enable" if balancer.is_enabled else "disable",
            "siteID": balancer.site.id,
            "site": balancer.site.model_dump(),
            "tenant": balancer.tenant.model_dump(),
            "vpc": {"id": balancer.vpc.id},
            "healthCheck": check,
            "backendIps": [
                {"ip": str(each.ip), "port": each.port, "maintenance": each.maintenance} for each in balancer.backends
            ],
        }
        if check != "None":
            body |= {"timeOut": str(timeout), "requestPath": path}
        self._update("/api/v2/l4lb/{id}", balancer.id, body)

    # What is taken away. An allocation or a subnet takes everything along that lies in it (quirk 3).

    def delete_vpc(self, vpc_id: int) -> None:
        self._delete("/api/v2/vpc/{id}", vpc_id)

    def delete_allocation(self, allocation_id: int) -> None:
        self._delete("/api/v2/ipam/allocation/{id}", allocation_id)

    def delete_subnet(self, subnet_id: int) -> None:
        self._delete("/api/v2/ipam/subnet/{id}", subnet_id)

    def delete_vnet(self, vnet_id: int) -> None:
        self._delete("/api/v2/vnet/{id}", vnet_id)

    def delete_nat_rule(self, rule_id: int) -> None:
        self._delete("/api/v2/nat/{id}", rule_id)

    def delete_static_route(self, route_id: int) -> None:
        """The old API wants the id in a body."""
        self._delete("/api/routes", route_id, {"id": route_id})

    def delete_acl(self, acl_id: int, *, netris_tenant_id: int) -> None:
        """The old API wants ids and tenants in a body, as the plugin sends them."""
        self._delete("/api/acl", acl_id, {"id": [acl_id], "tenantsID": str(netris_tenant_id)})

    # How answers are undone

    def _create(self, path: str, body: Mapping[str, Any], *, subject: str) -> int:
        call = f"POST {path}"
        response = self._channel.send("POST", self._url + path, call=call, subject=subject, is_read=False, json=body)
        try:
            return new_id(self._undo(call, response))
        except ValueError as error:
            raise Unavailable(f"Netris answered {call} without an id", system=SYSTEM, call=call) from error

    def _update(self, path: str, row_id: int, body: Mapping[str, Any]) -> None:
        """Returns when it is written. What an update answers with differs and means nothing (1.6)."""
        call, subject = f"PUT {path}", str(row_id)
        url = self._url + path.replace("{id}", subject)
        self._undo(call, self._channel.send("PUT", url, call=call, subject=subject, is_read=False, json=body))

    def _delete(self, path: str, row_id: int, body: Mapping[str, Any] | None = None) -> None:
        """Returns when it is gone. What a delete answers with differs and means nothing (1.6)."""
        call, subject = f"DELETE {path}", str(row_id)
        url = self._url + path.replace("{id}", subject)
        response = self._channel.send("DELETE", url, call=call, subject=subject, is_read=False, json=body)
        if response.status_code != 404:
            self._undo(call, response)

    def _list(
        self,
        path: str,
        model: type[Row],
        query: Query = (),
        *,
        subject: object = "",
        patience: float | None = None,
    ) -> list[Row]:
        data = self._data(path, query, subject=str(subject), patience=patience)
        rows = data if isinstance(data, list) else [data] if data else []  # {} and null are empty lists too
        return [self._decode(path, row, model) for row in rows]

    def _get(self, path: str, row_id: int, model: type[Row]) -> Row | None:
        """By id. The answer is an object or a list of one, depending on the endpoint and the release."""
        try:
            rows = self._list(path, model, subject=row_id)
        except Rejected as refusal:
            if refusal.code == 404:
                return None
            raise
        return rows[0] if rows else None

    def _data(self, path: str, query: Query = (), *, subject: str = "", patience: float | None = None) -> Any:
        call = f"GET {path}"
        url = self._url + path.replace("{id}", subject)
        response = self._channel.send(
            "GET", url, call=call, subject=subject, is_read=True, query=query, read_timeout=patience
        )
        return self._undo(call, response)

    def _undo(self, call: str, response: httpx.Response) -> Any:
        """`data` of the envelope, or the whole body where there is none (e-BGP and tenants in some releases)."""
        status = response.status_code
        if status == 401:
            text = "Netris does not accept a session that it has just opened"
            raise Unauthorized(text, system=SYSTEM, call=call)
        try:
            body = json.loads(response.content, strict=False)
        except ValueError:
            body = None
        envelope = body if isinstance(body, dict) else {}
        if 400 <= status < 500 or (status == 200 and envelope.get("isSuccess") is False):
            raise _rejected(call, status, envelope)
        if status != 200 or not isinstance(body, dict | list):
            raise Unavailable(f"Netris answered {call} with HTTP {status} and nothing usable", system=SYSTEM, call=call)
        return envelope.get("data", body)

    def _decode(self, path: str, row: Any, model: type[Row]) -> Row:
        try:
            return model.model_validate(row)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, part["loc"])) or "all of it" for part in error.errors()}))
            text = f"Netris answered GET {path} with a {model.__name__} that cannot be read: {fields}"
            raise Unavailable(text, system=SYSTEM, call=f"GET {path}") from error


def _repeated(vpc_ids: Sequence[int]) -> Query:
    """The spelling for vnet, nat, routes and link (of the vendor's Java SDK)."""
    return [("filterByVpc", str(vpc_id)) for vpc_id in vpc_ids]


def _joined(vpc_ids: Sequence[int]) -> Query:
    """The spelling for ipam, ipam/subnets and ebgp."""
    return [("filterByVpc", ",".join(map(str, vpc_ids)))]


def _portions(vpc_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(vpc_ids), VPCS_PER_CALL):
        yield vpc_ids[start : start + VPCS_PER_CALL]


def _rejected(call: str, status: int, envelope: dict[str, Any]) -> Rejected:
    """`message` sums up; `errors` names the property at fault: {"prefix": "IP prefix is out of any allocation"}."""
    message = str(envelope.get("message") or envelope.get("error") or "")
    errors = envelope.get("errors")
    details = errors if isinstance(errors, dict) else {}
    parts = [message, *(f"{name}: {text}" for name, text in details.items() if text)]
    text = "; ".join(part for part in parts if part) or f"Netris refused {call} with HTTP {status}"
    return Rejected(text, status, next(iter(details), None), system=SYSTEM, call=call)
