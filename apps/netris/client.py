"""What Weft reads from a Netris controller, one method each, the few things that it may take away, the one that it
makes, and the one that it changes. V-Nets, sessions and peerings stand in `routing`, what it writes of the inventory in
`inventory`, `ipam` and `sites`, how answers are undone and what is raised in `calls`.

What is deleted is what CloudStack's plugin left behind: which that is, is for its caller to prove. A delete of what is
gone already is done. What is made is a rule of Weft's own in a VPC of CloudStack's, by a name that no plugin gives.
What is changed is what a load balancer of the plugin's cannot say through CloudStack: its health check, and that it is
for UDP.

The lists of a whole controller (`vpcs`, `all_nat_rules`, `devices` ...) grow with the estate, to many seconds on large
ones. They have a time limit of their own, and are for sweeps: work on one VPC asks by its id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from ipaddress import IPv4Network
from itertools import count
from typing import Any

import httpx
from pydantic import SecretStr

from apps.kernel.remote import Channel, Hooks
from apps.netris.auth import SessionAuth
from apps.netris.calls import LONGEST_LIST, SYSTEM, joined, portions, repeated
from apps.netris.inventory import Inventory
from apps.netris.ipam import Ipam
from apps.netris.routing import Routing
from apps.netris.sites import Sites
from apps.netris.wire import (
    Acl,
    Allocation,
    Balancer,
    Build,
    Device,
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
    Vpc,
    VpcResources,
)

PERMISSIONS = "/api/users/permissions"
PORTS_PER_PAGE = 2000


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


class Netris(Inventory, Ipam, Routing, Sites):
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
        return self._list("/api/v2/ipam", Allocation, joined([vpc_id]), subject=vpc_id)

    def ipam_of(self, vpc_ids: Collection[int]) -> Iterator[list[Allocation]]:
        """Those of all these VPCs, a hundred per call."""
        for some in portions(sorted(vpc_ids)):
            yield self._list("/api/v2/ipam", Allocation, joined(some), subject=f"{len(some)} VPCs")

    def subnets(self, vpc_id: int) -> list[Subnet]:
        """The VPC's subnets, flat."""
        return self._list("/api/v2/ipam/subnets", Subnet, joined([vpc_id]), subject=vpc_id)

    def public_subnets(self, system_vpc_id: int) -> list[Subnet]:
        """Those of the System VPC, with a /32 for every public address that any VPC has had a rule for. There is no
        call for one of them."""
        query = joined([system_vpc_id])
        return self._list("/api/v2/ipam/subnets", Subnet, query, subject=system_vpc_id, patience=LONGEST_LIST)

    def nat_rules(self, vpc_id: int) -> list[NatRule]:
        """Those that serve one VPC. The filter is in the vendor's schema; CloudStack's plugin does not use it here, for
        reasons unknown (quirk 50), so that it finds the rules of a tenant's VPC is (unverified)."""
        found = self._list("/api/v2/nat", NatRule, repeated([vpc_id]), subject=vpc_id)
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
        found = self._list("/api/routes", StaticRoute, repeated([vpc_id]), subject=vpc_id)
        return [route for route in found if route.vpc.id == vpc_id]

    def static_routes_of(self, vpc_ids: Collection[int]) -> Iterator[list[StaticRoute]]:
        """Those of all these VPCs, a hundred per call."""
        for some in portions(sorted(vpc_ids)):
            yield self._list("/api/routes", StaticRoute, repeated(some), subject=f"{len(some)} VPCs")

    # The fabric

    def devices(self) -> list[Device]:
        return self._list("/api/v2/hw", Device, patience=LONGEST_LIST)

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

    def delete_nat_rule(self, rule_id: int) -> None:
        self._delete("/api/v2/nat/{id}", rule_id)

    def delete_static_route(self, route_id: int) -> None:
        """The old API wants the id in a body."""
        self._delete("/api/routes", route_id, {"id": route_id})

    def delete_acl(self, acl_id: int, *, netris_tenant_id: int) -> None:
        """The old API wants ids and tenants in a body, as the plugin sends them."""
        self._delete("/api/acl", acl_id, {"id": [acl_id], "tenantsID": str(netris_tenant_id)})
