"""Every call that is answered: method and path to handler, and how a path finds its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.kit.http import Request
from sandbox.netris.inventory import inventory, lag, links, pick_lists, ports, profiles, sites
from sandbox.netris.overlay import acl, dhcp, ipam, l4lb, nat, port_groups, reservations, static_routes, vnet, vpc
from sandbox.netris.people import people, tenants
from sandbox.netris.routing import bgp_objects, ebgp, peering, route_maps
from sandbox.netris.state.controller import Controller
from sandbox.netris.telemetry import dashboard, graphite, health, thresholds
from sandbox.netris.wire import Call, Reply

Handler = Callable[[Controller, Call], Reply]

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/api/tenants", tenants.listing),
    ("POST", "/api/tenants", tenants.create),
    ("PUT", "/api/tenants", tenants.update),
    ("DELETE", "/api/tenants", tenants.delete),
    ("GET", "/api/permissiongroups", people.list_groups),
    ("POST", "/api/permissiongroups", people.create_group),
    ("PUT", "/api/permissiongroups", people.update_group),
    ("DELETE", "/api/permissiongroups", people.delete_group),
    ("GET", "/api/userroles", people.list_roles),
    ("POST", "/api/userroles", people.create_role),
    ("PUT", "/api/userroles", people.update_role),
    ("DELETE", "/api/userroles", people.delete_role),
    ("GET", "/api/users", people.list_users),
    ("POST", "/api/users", people.create_user),
    ("PUT", "/api/users", people.update_user),
    ("DELETE", "/api/users", people.delete_user),
    ("GET", "/api/users/permissions", people.own_permissions),
    ("PUT", "/api/users/setpassword", people.set_password),
    ("POST", "/api/users/sendpassword", people.send_password),
    ("GET", "/api/sites", sites.old_listing),
    ("POST", "/api/sites", sites.create),
    ("PUT", "/api/sites", sites.update),
    ("DELETE", "/api/sites", sites.delete),
    ("PUT", "/api/sites/{id}", sites.update),
    ("DELETE", "/api/sites/{id}", sites.delete),
    ("GET", "/api/v2/sites", sites.listing),
    ("POST", "/api/v2/sites", sites.create),
    ("GET", "/api/v2/sites/{id}", sites.read),
    ("PUT", "/api/v2/sites/{id}", sites.update),
    ("DELETE", "/api/v2/sites/{id}", sites.delete),
    ("GET", "/api/v2/vpc", vpc.listing),
    ("POST", "/api/v2/vpc", vpc.create),
    ("GET", "/api/v2/vpc/{id}", vpc.read),
    ("PUT", "/api/v2/vpc/{id}", vpc.update),
    ("DELETE", "/api/v2/vpc/{id}", vpc.delete),
    ("GET", "/api/v2/vpc/{id}/resources", vpc.resources),
    ("PUT", "/api/v2/vpc/{id}/make-default", vpc.make_default),
    ("GET", "/api/v2/vpc-peering", peering.listing),
    ("POST", "/api/v2/vpc-peering", peering.create),
    ("GET", "/api/v2/vpc-peering/{id}", peering.read),
    ("PUT", "/api/v2/vpc-peering/{id}", peering.update),
    ("DELETE", "/api/v2/vpc-peering/{id}", peering.delete),
    ("GET", "/api/v2/dhcp-option-set", dhcp.listing),
    ("POST", "/api/v2/dhcp-option-set", dhcp.create),
    ("GET", "/api/v2/dhcp-option-set/{id}", dhcp.read),
    ("PUT", "/api/v2/dhcp-option-set/{id}", dhcp.update),
    ("DELETE", "/api/v2/dhcp-option-set/{id}", dhcp.delete),
    ("PUT", "/api/v2/dhcp-option-set/{id}/make-default", dhcp.make_default),
    ("GET", "/api/v2/vnet", vnet.listing),
    ("POST", "/api/v2/vnet", vnet.create),
    ("GET", "/api/v2/vnet/{id}", vnet.read),
    ("PUT", "/api/v2/vnet/{id}", vnet.update),
    ("DELETE", "/api/v2/vnet/{id}", vnet.delete),
    ("GET", "/api/v2/ipam", ipam.tree),
    ("GET", "/api/v2/ipam/subnets", ipam.subnets),
    ("GET", "/api/v2/ipam/hosts/{id}", ipam.hosts),
    ("POST", "/api/v2/ipam/allocation", ipam.create_allocation),
    ("PUT", "/api/v2/ipam/allocation/{id}", ipam.update_allocation),
    ("DELETE", "/api/v2/ipam/allocation/{id}", ipam.delete_allocation),
    ("POST", "/api/v2/ipam/subnet", ipam.create_subnet),
    ("PUT", "/api/v2/ipam/subnet/{id}", ipam.update_subnet),
    ("DELETE", "/api/v2/ipam/subnet/{id}", ipam.delete_subnet),
    ("GET", "/api/v2/nat", nat.listing),
    ("POST", "/api/v2/nat", nat.create),
    ("PUT", "/api/v2/nat/bulk", nat.update_many),
    ("DELETE", "/api/v2/nat/bulk", nat.delete_many),
    ("GET", "/api/v2/nat/meta/address", nat.addresses),
    ("GET", "/api/v2/nat/meta/pgroup", port_groups.listing),
    ("GET", "/api/v2/nat/meta/vpc", nat.vpcs),
    ("GET", "/api/v2/nat/{id}", nat.read),
    ("PUT", "/api/v2/nat/{id}", nat.update),
    ("DELETE", "/api/v2/nat/{id}", nat.delete),
    ("GET", "/api/v2/l4lb", l4lb.listing),
    ("POST", "/api/v2/l4lb", l4lb.create),
    ("GET", "/api/v2/l4lb/{id}", l4lb.read),
    ("PUT", "/api/v2/l4lb/{id}", l4lb.update),
    ("DELETE", "/api/v2/l4lb/{id}", l4lb.delete),
    ("GET", "/api/acl", acl.listing),
    ("POST", "/api/acl", acl.create),
    ("PUT", "/api/acl", acl.update),
    ("DELETE", "/api/acl", acl.delete),
    ("PUT", "/api/acl/enable", acl.enable),
    ("PUT", "/api/acl/disable", acl.disable),
    ("PUT", "/api/acl/approve", acl.approve),
    ("PUT", "/api/acl/reject", acl.reject),
    ("POST", "/api/acl/check", acl.check),
    ("GET", "/api/acl/syncstatus", acl.sync_status),
    ("GET", "/api/acl/approvestate", acl.approval_state),
    ("GET", "/api/v2/acl", acl.listing),
    ("POST", "/api/v2/acl", acl.create_in_envelope),
    ("POST", "/api/v2/acl/check", acl.check),
    ("GET", "/api/v2/acl/sync-status", acl.sync_status),
    ("GET", "/api/v2/acl/{id}", acl.read),
    ("PUT", "/api/v2/acl/{id}", acl.update),
    ("DELETE", "/api/v2/acl/{id}", acl.delete),
    ("PUT", "/api/v2/acl/{id}/enable", acl.enable),
    ("PUT", "/api/v2/acl/{id}/disable", acl.disable),
    ("PUT", "/api/v2/acl/{id}/approve", acl.approve),
    ("PUT", "/api/v2/acl/{id}/reject", acl.reject),
    ("GET", "/api/aclportgroups", port_groups.listing),
    ("POST", "/api/aclportgroups", port_groups.create),
    ("PUT", "/api/aclportgroups", port_groups.update),
    ("DELETE", "/api/aclportgroups", port_groups.delete),
    ("GET", "/api/routes", static_routes.listing),
    ("POST", "/api/routes", static_routes.create),
    ("PUT", "/api/routes", static_routes.update),
    ("DELETE", "/api/routes", static_routes.delete),
    ("GET", "/api/ebgpobjects", bgp_objects.listing),
    ("POST", "/api/ebgpobjects", bgp_objects.create),
    ("PUT", "/api/ebgpobjects", bgp_objects.update),
    ("DELETE", "/api/ebgpobjects", bgp_objects.delete),
    ("GET", "/api/ebgproutemaps", route_maps.listing),
    ("POST", "/api/ebgproutemaps", route_maps.create),
    ("PUT", "/api/ebgproutemaps", route_maps.update),
    ("DELETE", "/api/ebgproutemaps", route_maps.delete),
    ("GET", "/api/ebgproutemaps/ebgpobjects", bgp_objects.listing),
    ("GET", "/api/v2/ebgp", ebgp.listing),
    ("POST", "/api/v2/ebgp", ebgp.create),
    ("PUT", "/api/v2/ebgp", ebgp.update_by_body),
    ("PUT", "/api/v2/ebgp/changestatus", ebgp.change_state),
    ("POST", "/api/v2/ebgp/asnvalidation", ebgp.validate_asn),
    ("GET", "/api/v2/ebgp/check", ebgp.check),
    ("GET", "/api/v2/ebgp/hardwares", pick_lists.ebgp_hardwares),
    ("GET", "/api/v2/ebgp/routemaps", route_maps.choices),
    ("GET", "/api/v2/ebgp/ports", pick_lists.ebgp_ports),
    ("GET", "/api/v2/ebgp/updatesources", pick_lists.ebgp_update_sources),
    ("GET", "/api/v2/ebgp/sites", pick_lists.ebgp_sites),
    ("GET", "/api/v2/ebgp/v-nets", pick_lists.ebgp_vnets),
    ("GET", "/api/v2/ebgp/offloaders", pick_lists.ebgp_offloaders),
    ("GET", "/api/v2/ebgp/switches", pick_lists.ebgp_switches),
    ("GET", "/api/v2/ebgp/{id}", ebgp.read),
    ("PUT", "/api/v2/ebgp/{id}", ebgp.update),
    ("DELETE", "/api/v2/ebgp/{id}", ebgp.delete),
    ("GET", "/api/inventoryProfiles", profiles.listing),
    ("POST", "/api/inventoryProfiles", profiles.create),
    ("PUT", "/api/inventoryProfiles", profiles.update),
    ("DELETE", "/api/inventoryProfiles", profiles.delete),
    ("GET", "/api/v2/hw/profiles", profiles.choices),
    ("GET", "/api/v2/hw", inventory.listing),
    ("GET", "/api/v2/hw/nos", inventory.nos),
    ("GET", "/api/v2/hw/subnets", inventory.subnets),
    ("GET", "/api/v2/hw/usedips", reservations.used_ips),
    ("GET", "/api/v2/hw/{id}", inventory.read),
    ("POST", "/api/v2/hw/switch", inventory.create_switch),
    ("PUT", "/api/v2/hw/switch/{id}", inventory.update_switch),
    ("DELETE", "/api/v2/hw/switch/{id}", inventory.delete_switch),
    ("POST", "/api/v2/hw/softgate", inventory.create_softgate),
    ("PUT", "/api/v2/hw/softgate/{id}", inventory.update_softgate),
    ("DELETE", "/api/v2/hw/softgate/{id}", inventory.delete_softgate),
    ("POST", "/api/v2/hw/server", inventory.create_server),
    ("PUT", "/api/v2/hw/server/{id}", inventory.update_server),
    ("DELETE", "/api/v2/hw/server/{id}", inventory.delete_server),
    ("POST", "/api/v2/hw/controller", inventory.create_controller),
    ("PUT", "/api/v2/hw/controller/{id}", inventory.update_controller),
    ("DELETE", "/api/v2/hw/controller/{id}", inventory.delete_controller),
    ("GET", "/api/v2/link", links.listing),
    ("POST", "/api/v2/link", links.create),
    ("DELETE", "/api/v2/link", links.delete_by_body),
    ("GET", "/api/v2/link/{id}", links.read),
    ("PUT", "/api/v2/link/{id}", links.update),
    ("DELETE", "/api/v2/link/{id}", links.delete),
    ("GET", "/api/v2/ports", ports.listing),
    ("PUT", "/api/v2/ports", ports.update_many),
    ("DELETE", "/api/v2/ports", lag.delete_many),
    ("GET", "/api/v2/ports/extensions", ports.extensions),
    ("GET", "/api/v2/ports/aggregatedports", lag.listing),
    ("GET", "/api/v2/ports/{id}", ports.read),
    ("PUT", "/api/v2/ports/{id}", ports.update),
    ("POST", "/api/v2/ports/lag", lag.create),
    ("PUT", "/api/v2/ports/freeup", lag.free_up),
    ("DELETE", "/api/v2/ports/{id}", lag.delete),
    ("GET", "/api/v2/reservation/ip", reservations.ip),
    ("POST", "/api/v2/reservation/ip", reservations.reserve_ip),
    ("GET", "/api/v2/reservation/ip/{id}", reservations.one_ip),
    ("DELETE", "/api/v2/reservation/ip/{id}", reservations.release_ip),
    ("GET", "/api/v2/reservation/vlan", reservations.vlan),
    ("POST", "/api/v2/reservation/vlan", reservations.reserve_vlan),
    ("GET", "/api/v2/reservation/vlan/{id}", reservations.vlan),
    ("DELETE", "/api/v2/reservation/vlan/{id}/{id}", reservations.release_vlan),
    ("GET", "/api/v2/reservation/vxlan", reservations.vxlan),
    ("POST", "/api/v2/reservation/vxlan", reservations.reserve_vxlan),
    ("GET", "/api/v2/reservation/vxlan/{id}", reservations.vxlan),
    ("DELETE", "/api/v2/reservation/vxlan/{id}", reservations.release_vxlan),
    ("GET", "/api/checkthresholds", thresholds.listing),
    ("PUT", "/api/checkthresholds", thresholds.update),
    ("POST", "/api/graphite", graphite.query),
    ("GET", "/api/dashboard/totalcounts", dashboard.total_counts),
    ("GET", "/api/dashboard/hardwarealarms", health.alarms),
    ("GET", "/api/dashboard/hardwarealarmscount", dashboard.alarms_count),
    ("GET", "/api/dashboard/agentheartbeatscount", dashboard.heartbeats_count),
    ("GET", "/api/v2/dashboard/hardware-health", health.hardware_health),
    ("GET", "/api/v2/dashboard/agent-heartbeats", health.heartbeats),
    ("GET", "/api/v2/dashboard/hardware-alarms", health.alarms),
)
# The calls whose id may be a prefix, with a slash in it that a client may or may not have escaped.
TAKES_PREFIX = ("/api/v2/ipam/allocation/", "/api/v2/ipam/subnet/")


@dataclass(frozen=True)
class Match:
    name: str
    handler: Handler
    target: str


class Routes:
    """Paths as a tree of their parts; a literal part wins over an id. Two ids stand in the target as in the path."""

    def __init__(self, routes: Iterable[tuple[str, str, Handler]]) -> None:
        self._tree: dict[str, Any] = {}
        for method, path, handler in routes:
            branch = self._tree
            for part in path.strip("/").split("/"):
                branch = branch.setdefault(part, {})
            branch[f" {method}"] = Match(f"{method} {path}", handler, "")  # a blank cannot begin a part of a path

    def match(self, request: Request) -> Match | None:
        branch, target = self._tree, ""
        for part in self._parts(request):
            if part in branch and not part.startswith(" "):
                branch = branch[part]
            elif "{id}" in branch:
                branch, target = branch["{id}"], f"{target}/{part}" if target else part
            else:
                return None
        found = branch.get(f" {request.method}")
        return Match(found.name, found.handler, target) if found else None

    @staticmethod
    def _parts(request: Request) -> list[str]:
        if request.method == "DELETE":
            for start in TAKES_PREFIX:
                if request.path.startswith(start):
                    return [*start.strip("/").split("/"), request.path.removeprefix(start)]
        return request.path.strip("/").split("/")
