"""The Netris plugin: what CloudStack 4.22 says to the Netris controller, call by call (netris-api.md section 4).

Same calls, same order, same names, same leniencies as the real one, including the ones that look like mistakes:

- it logs in once and never again; when that session ends, every write fails until the provider is connected anew
- objects are found by the exact name made from CloudStack's internal numbers; there is no memory of Netris ids
- a step that fails leaves the steps before it in place
- whatever goes wrong, the caller reads one text; the reason goes to the log
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

import httpx

from sandbox.cloudstack.errors import ApiError
from sandbox.cloudstack.netris_objects import AclRule, Tier, VpcName, acl_body, acl_name, covering, vnet_body
from sandbox.site import PublicRange
from sandbox.store import Row

log = logging.getLogger(__name__)

NAT, COMMON = "nat", "common"


class ControllerError(ApiError):
    """Netris refused, or did not answer. Callers never learn which."""

    status = 530
    class_number = 4250
    is_masked = True

    def __init__(self) -> None:
        super().__init__("Failed API call to Netris controller")


@dataclass(frozen=True)
class Provider:
    """The zone's provider record. The operator's name for the controller is no part of it."""

    url: str
    user: str
    password: str
    site: str
    tenant: str
    tag: str


class NetrisPlugin:
    def __init__(self, client: httpx.Client, provider: Provider) -> None:
        self.client = client
        self.provider = provider
        self.is_connected = False
        self._cookie = ""
        self._site: Row = {}
        self._tenant: Row = {}

    # life of the provider (4.1)

    def connect(self, provider: Provider | None = None) -> None:
        """Log in, find the site and the tenant. This is the only time that credentials are sent."""
        self.is_connected = False
        self.provider = provider or self.provider
        self._cookie = ""
        self.client.cookies.clear()
        login = {"user": self.provider.user, "password": self.provider.password, "authSchemeID": 1}
        response = self._send("POST", "/api/auth", json=login)
        cookies = response.headers.get_list("set-cookie")
        self._cookie = next((each.split(";")[0] for each in cookies if "httponly" in each.lower()), "")
        self._site = self._named(self._get("/api/sites"), self.provider.site)
        self._tenant = self._named(self._get("/api/tenants"), self.provider.tenant)
        self._send("GET", "/api/auth")
        self.is_connected = True

    def is_healthy(self) -> bool:
        try:
            self._send("GET", "/api/auth")
        except ControllerError:
            return False
        return True

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
            if not self._has_common_subnet(exact, int(allocation["id"]), system):
                self._post_subnet(f"Z{zone}-{exact}", str(exact), COMMON, system)

    def _allocation_around(self, block: IPv4Network, vpc: Row) -> Row | None:
        rows = self._get("/api/v2/ipam", filterBySites=self._site["id"], filterByVpc=vpc["id"])
        return next(
            (row for row in rows if ":" not in row["prefix"] and block.subnet_of(IPv4Network(row["prefix"]))), None
        )

    def _has_common_subnet(self, exact: IPv4Network, allocation: int, vpc: Row) -> bool:
        return any(
            row["allocationID"] == allocation and row["prefix"] == str(exact) and row["purpose"] == COMMON
            for row in self._get("/api/v2/ipam/subnets", filterByVpc=vpc["id"])
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
        found = self._find_vpc(vpc)
        if found is None:
            log.info("%s is not on the controller", vpc)
            return
        self._delete_nat(f"{vpc.prefix}-SNAT")
        resources = self._get(f"/api/v2/vpc/{found['id']}/resources")
        name = f"{vpc.prefix}-{cidr}".lower()
        for allocation in resources[0]["allocation"]:
            if allocation["name"].lower() == name:
                self._send("DELETE", f"/api/v2/ipam/allocation/{allocation['id']}")
        response = self._send("DELETE", f"/api/v2/vpc/{found['id']}")
        if not _read(response).get("isSuccess"):
            raise ControllerError

    def set_source_nat(self, vpc: VpcName, cidr: str, address: str) -> None:
        found = self._vpc(vpc)
        self._ensure_public_subnet(vpc, found, address, NAT)
        name = f"{vpc.prefix}-SNAT"
        rule = {
            "name": name,
            "action": "SNAT",
            "protocol": "all",
            "sourceAddress": cidr,
            "destinationAddress": "0.0.0.0/0",
            "snatToIP": f"{address}/32",
            "site": self._site,
            "vpc": found,
        }
        present = self._find(self._get("/api/v2/nat"), name)
        if present is not None:
            self._write("PUT", f"/api/v2/nat/{present['id']}", rule)
        else:
            rule |= {"state": "enabled", "sourcePort": "1-65535", "comment": f"Source NAT rule for {vpc}"}
            self._write("POST", "/api/v2/nat", rule)

    def _ensure_public_subnet(self, vpc: VpcName, found: Row, address: str, purpose: str) -> None:
        """The /32 of a public address lives in the System VPC, yet is looked for under the tenant's."""
        name, system = f"{vpc.prefix}-{address}/32", self._system_vpc()
        present = self._find(self._get("/api/v2/ipam/subnets", filterByVpc=found["id"]), name)
        if present is None:
            self._post_subnet(name, f"{address}/32", purpose, system)
        elif present["purpose"] != purpose:
            body: Row = {"name": name, "prefix": f"{address}/32", "purpose": purpose}
            body |= {"tenant": self._tenant, "sites": [self._site], "vpc": system}
            self._write("PUT", f"/api/v2/ipam/subnet/{present['id']}", body)

    def release_address(self, address: str) -> None:
        """Drop the /32 of a public address, if it has one."""
        system = self._system_vpc()
        for row in self._get("/api/v2/ipam/subnets", filterByVpc=system["id"]):
            if row["prefix"] == f"{address}/32":
                self._send("DELETE", f"/api/v2/ipam/subnet/{row['id']}")
                return

    # tiers

    def create_tier(self, tier: Tier) -> None:
        vpc = self._vpc(tier.vpc)
        self._post_subnet(tier.subnet_name, str(tier.cidr), COMMON, vpc, is_routed=tier.is_routed)
        gateway = f"{tier.gateway}/{tier.cidr.prefixlen}"
        body: Row = {"name": tier.vnet_name, "vpc": vpc, "tenant": self._tenant, "sites": [self._site]}
        self._write("POST", "/api/v2/vnet", body | vnet_body([gateway], tier.vni, [self.provider.tag]))

    def rename_tier(self, tier: Tier, name: str) -> None:
        """The V-Net is written anew: ports, guest tenants and DHCP that others have added are gone."""
        vpc = self._vpc(tier.vpc)
        present = self._find(self._get("/api/v2/vnet", filterByVpc=vpc["id"]), tier.vnet_name)
        if present is None:
            raise ControllerError
        gateways = [gateway["prefix"] for gateway in present["gateways"][:2]]
        body: Row = {"name": f"{tier.vpc.prefix}-N{tier.network}-{name}", "vpc": vpc, "tenant": self._tenant}
        body |= {"sites": [self._site], **vnet_body(gateways, present["vxlanID"], present["tags"])}
        self._write("PUT", f"/api/v2/vnet/{present['id']}", body)

    def delete_tier(self, tier: Tier) -> None:
        vpc = self._vpc(tier.vpc)
        vnet = self._find(self._get("/api/v2/vnet", filterByVpc=vpc["id"]), tier.vnet_name)
        if vnet is not None:
            self._send("DELETE", f"/api/v2/vnet/{vnet['id']}")
        subnet = self._find(self._get("/api/v2/ipam/subnets", filterByVpc=vpc["id"]), tier.subnet_name)
        if subnet is not None:
            self._send("DELETE", f"/api/v2/ipam/subnet/{subnet['id']}")

    # ACLs

    def apply_acl(self, tier: Tier, rules: Iterable[AclRule]) -> None:
        vpc = self._vpc(tier.vpc)
        for rule in rules:
            body = acl_body(tier, rule) | {"vpc": {"id": vpc["id"]}}
            present = self._find(self._acls(vpc), body["name"])
            if present is None:
                self._write("POST", "/api/acl", body)
                continue
            try:
                self._write("PUT", "/api/acl", body | {"id": present["id"]})
            except ControllerRefusalError as refusal:
                if "This kind of acl already exists" not in refusal.body:
                    raise

    def revoke_acl(self, tier: Tier, rules: Iterable[AclRule]) -> None:
        vpc = self._vpc(tier.vpc)
        names = {acl_name(tier, rule) for rule in rules}
        ids = [row["id"] for row in self._acls(vpc) if row["name"] in names]
        if ids:
            self._send("DELETE", "/api/acl", json={"id": ids, "tenantsID": str(self._tenant["id"])})

    def _acls(self, vpc: Row) -> list[Row]:
        return self._get("/api/acl", **{"filterBySites[]": self._site["id"], "filterByVpc[]": vpc["id"]})

    # the wire

    def _post_subnet(self, name: str, prefix: str, purpose: str, vpc: Row, *, is_routed: bool = False) -> None:
        body: Row = {"name": name, "prefix": prefix, "purpose": purpose, "vpc": vpc}
        body |= {"sites": [self._site], "tenant": self._tenant, **({"globalRouting": True} if is_routed else {})}
        self._write("POST", "/api/v2/ipam/subnet", body)

    def _delete_nat(self, name: str) -> None:
        rule = self._find(self._get("/api/v2/nat"), name)
        if rule is not None:
            self._send("DELETE", f"/api/v2/nat/{rule['id']}")

    def _system_vpc(self) -> Row:
        found = next((row for row in self._get("/api/v2/vpc") if row["isSystem"]), None)
        if found is None:
            raise ControllerError
        return {"id": found["id"], "name": found["name"]}

    def _vpc(self, vpc: VpcName) -> Row:
        found = self._find_vpc(vpc)
        if found is None:
            log.warning("%s is not on the controller", vpc)
            raise ControllerError
        return found

    def _find_vpc(self, vpc: VpcName) -> Row | None:
        name, tenant = str(vpc), self._tenant.get("id")
        rows = self._get("/api/v2/vpc")
        return next(
            (
                {"id": row["id"], "name": row["name"]}
                for row in rows
                if row["name"] == name and row["adminTenant"]["id"] == tenant
            ),
            None,
        )

    @staticmethod
    def _find(rows: list[Row], name: str) -> Row | None:
        return next((row for row in rows if row["name"] == name), None)

    @staticmethod
    def _named(rows: list[Row], name: str) -> Row:
        found = next((row for row in rows if row["name"] == name), None)
        if found is None:
            log.warning("the controller knows no %r", name)
            raise ControllerError
        return {"id": found["id"], "name": found["name"]}

    def _get(self, path: str, **query: Any) -> list[Row]:
        data = _read(self._send("GET", path, params=query)).get("data")
        if not isinstance(data, list):
            raise ControllerError
        return data

    def _write(self, method: str, path: str, body: Row) -> Row:
        """A write whose answer carries an object: POST and PUT of everything but L4LB."""
        answer = _read(self._send(method, path, json=body))
        data = answer.get("data", answer)
        return data if isinstance(data, dict) else {}

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            response = self.client.request(method, path, headers={"Cookie": self._cookie}, **content)
        except httpx.HTTPError as failure:
            log.warning("netris %s %s: %s", method, path, failure)
            raise ControllerError from failure
        if not response.is_success:
            log.warning("netris %s %s: %s %s", method, path, response.status_code, response.text[:300])
            raise ControllerRefusalError(response.text)
        return response


class ControllerRefusalError(ControllerError):
    def __init__(self, body: str) -> None:
        super().__init__()
        self.body = body


def _read(response: httpx.Response) -> Row:
    try:
        answer = response.json()
    except ValueError as failure:
        raise ControllerError from failure
    return answer if isinstance(answer, dict) else {}
