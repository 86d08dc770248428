"""The Netris plugin: what CloudStack 4.22 says to the Netris controller, call by call (netris-api.md section 4).

Same calls, same order, same names, same leniencies as the real one, including the ones that look like mistakes:

- it logs in once and never again; when that session ends, every write fails until the provider is connected anew
- objects are found by the exact name made from CloudStack's internal numbers; there is no memory of Netris ids
- a step that fails leaves the steps before it in place
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from sandbox.cloudstack.plugin.controller import COMMON, ControllerError, read
from sandbox.cloudstack.plugin.objects import Tier, VpcName, covering, vnet_body
from sandbox.cloudstack.plugin.rules import RulePlugin
from sandbox.kit.store import Row
from sandbox.site import PublicRange

log = logging.getLogger(__name__)


class NetrisPlugin(RulePlugin):
    """Public ranges, VPCs and tiers; what stands inside of them comes from `RulePlugin`."""

    # zone public ranges

    def push_ranges(self, zone: int, ranges: Iterable[PublicRange]) -> None:
        """Make sure that each range has its allocation and its subnet in the System VPC."""
        for each in ranges:
            block = IPv4Interface(f"{each.gateway}/{each.prefix_length}").network
            exact = covering(IPv4Address(each.start), IPv4Address(each.end))
            system = self._system_vpc()
            allocation = self._allocation_around(block, system)
            if allocation is None:
                body = {"name": f"Z{zone}-{block}", "prefix": str(block), "tenant": self._tenant, "vpc": system}
                allocation = self._write("POST", "/api/v2/ipam/allocation", body)
            if not self._has_common_subnet(exact, int(allocation["id"])):
                self._post_subnet(f"Z{zone}-{exact}", str(exact), COMMON, system)

    def _allocation_around(self, block: IPv4Network, vpc: Row) -> Row | None:
        rows = self._get("/api/v2/ipam", filterBySites=self._site["id"], filterByVpc=vpc["id"])
        return next(
            (row for row in rows if ":" not in row["prefix"] and block.subnet_of(IPv4Network(row["prefix"]))), None
        )

    def _has_common_subnet(self, exact: IPv4Network, allocation: int) -> bool:
        return any(
            row["allocationID"] == allocation and row["prefix"] == str(exact) and row["purpose"] == COMMON
            for row in self._get("/api/v2/ipam/subnets")
        )

    # VPCs

    def create_vpc(self, vpc: VpcName, cidr: str, source_nat: str | None) -> None:
        """The Netris VPC, its allocation and, for NATTED offerings, its source NAT. Nothing is looked for first."""
        made = self._write("POST", "/api/v2/vpc", {"name": str(vpc), "adminTenant": self._tenant})
        reference = {"id": made["id"], "name": made["name"]}
        body = {"name": f"{vpc.prefix}-{cidr}", "prefix": cidr, "tenant": self._tenant, "vpc": reference}
        self._write("POST", "/api/v2/ipam/allocation", body)
        if source_nat is not None:
            self.set_source_nat(vpc, cidr, source_nat)

    def rename_vpc(self, vpc: VpcName, name: str | None) -> None:
        """A missing new name is sent as the text `null`: the plugin does so whenever updateVPC omits it (5.6)."""
        found = self._vpc(vpc)
        body = {"name": f"{vpc.prefix}-{'null' if name is None else name}", "adminTenant": self._tenant}
        self._write("PUT", f"/api/v2/vpc/{found['id']}", body)

    def delete_vpc(self, vpc: VpcName, cidr: str) -> None:
        """SNAT rule, allocation, VPC. A VPC that Netris does not have counts as deleted."""
        self._delete_nat(f"{vpc.prefix}-SNAT")
        found = self._find_vpc(vpc)
        if found is None:
            log.info("%s is not on the controller", vpc)
            return
        resources = self._get(f"/api/v2/vpc/{found['id']}/resources")
        name = f"{vpc.prefix}-{cidr}".lower()
        for allocation in resources[0]["allocation"]:
            if allocation["name"].lower() == name:
                self._send("DELETE", f"/api/v2/ipam/allocation/{allocation['id']}")
        response = self._send("DELETE", f"/api/v2/vpc/{found['id']}")
        if not read(response).get("isSuccess"):
            raise ControllerError

    # tiers

    def create_tier(self, tier: Tier) -> None:
        vpc = self._vpc(tier.vpc)
        self._post_subnet(tier.subnet_name, str(tier.cidr), COMMON, vpc, is_routed=tier.is_routed)
        gateway = f"{tier.gateway}/{tier.cidr.prefixlen}"
        body: Row = {"name": tier.vnet_name, "vpc": vpc, "tenant": self._tenant, "sites": [self._site]}
        self._write("POST", "/api/v2/vnet", body | vnet_body([gateway], tier.vni, [self.provider.tag]))

    def update_tier(self, tier: Tier, name: str) -> None:
        """The V-Net is written anew, whatever has changed: ports, guest tenants and DHCP of others are gone."""
        vpc = self._vpc(tier.vpc)
        present = self._find(self._get("/api/v2/vnet", filterByVpc=vpc["id"]), tier.vnet_name)
        if present is None:
            raise ControllerError
        gateways = [gateway["prefix"] for gateway in present["gateways"][:2]]
        body: Row = {"name": f"{tier.vpc.prefix}-N{tier.network}-{name}", "vpc": vpc, "tenant": self._tenant}
        body |= {"sites": [self._site], **vnet_body(gateways, present["vxlanID"], present["tags"])}
        del body["customAnycastMac"]
        self._write("PUT", f"/api/v2/vnet/{present['id']}", body)

    def delete_tier(self, tier: Tier) -> None:
        vpc = self._vpc(tier.vpc)
        vnet = self._find(self._get("/api/v2/vnet", filterByVpc=vpc["id"]), tier.vnet_name)
        if vnet is not None:
            self._send("DELETE", f"/api/v2/vnet/{vnet['id']}")
        subnet = self._find(self._get("/api/v2/ipam/subnets"), tier.subnet_name)
        if subnet is not None:
            self._send("DELETE", f"/api/v2/ipam/subnet/{subnet['id']}")
