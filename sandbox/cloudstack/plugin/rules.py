"""What the plugin writes inside a VPC: NAT, load balancers, ACLs, static routes (netris-api.md 4.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sandbox.cloudstack.plugin.controller import NAT, Controller, ControllerError, ControllerRefusalError
from sandbox.cloudstack.plugin.objects import (
    AclRule,
    Balancer,
    PortForward,
    StaticNat,
    Tier,
    VpcName,
    acl_body,
    acl_name,
    balancer_acls,
    balancer_body,
    port_range,
)
from sandbox.kit.store import Row

ANYWHERE = "0.0.0.0/0"
_SUFFIX = re.compile(r"(?<=\d)-\d+$", re.ASCII)  # of a rule for one of several CIDRs
LOAD_BALANCER = "load-balancer"


class RulePlugin(Controller):
    # NAT

    def set_source_nat(self, vpc: VpcName, cidr: str, address: str) -> None:
        found = self._vpc(vpc)
        self._ensure_public_subnet(vpc, address, NAT)
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

    def _ensure_public_subnet(self, vpc: VpcName, address: str, purpose: str) -> None:
        """The /32 of a public address lives in the System VPC."""
        name, system = f"{vpc.prefix}-{address}/32", self._system_vpc()
        present = self._find(self._get("/api/v2/ipam/subnets"), name)
        if present is None:
            self._post_subnet(name, f"{address}/32", purpose, system)
        elif present["purpose"] != purpose:
            body: Row = {"name": name, "prefix": f"{address}/32", "purpose": purpose}
            body |= {"tenant": self._tenant, "sites": [self._site], "vpc": system}
            self._write("PUT", f"/api/v2/ipam/subnet/{present['id']}", body)

    def release_address(self, address: str) -> None:
        """Drop the /32 of a public address, if it has one."""
        self._system_vpc()
        for row in self._get("/api/v2/ipam/subnets"):
            if row["prefix"] == f"{address}/32":
                self._send("DELETE", f"/api/v2/ipam/subnet/{row['id']}")
                return

    def add_port_forward(self, rule: PortForward) -> None:
        """A rule of that name is left as it is. Netris takes a single private port, so a range breaks the client."""
        found = self._vpc(rule.vpc)
        self._ensure_public_subnet(rule.vpc, rule.address, NAT)
        if self._find(self._get("/api/v2/nat"), rule.name) is not None:
            return
        if rule.private[0] != rule.private[1]:
            raise ControllerError
        body = self._destination_nat(rule.name, rule.protocol, rule.address, rule.machine, found)
        body |= {"destinationPort": port_range(rule.public), "dnatToPort": rule.private[0], "sourcePort": "1-65535"}
        self._write("POST", "/api/v2/nat", body)

    def remove_port_forward(self, rule: PortForward) -> None:
        self._delete_nat(rule.name)

    def add_static_nat(self, rule: StaticNat) -> None:
        """Nothing is looked for first (quirk 24)."""
        found = self._vpc(rule.vpc)
        self._ensure_public_subnet(rule.vpc, rule.address, NAT)
        self._write("POST", "/api/v2/nat", self._destination_nat(rule.name, "all", rule.address, rule.machine, found))

    def remove_static_nat(self, rule: StaticNat) -> None:
        """The /32 is looked up without its `/32`: it is never found, and stays (quirk 46)."""
        self._vpc(rule.vpc)
        self._delete_nat(rule.name)
        name = f"{rule.vpc.prefix}-{rule.address}"
        subnet = self._find(self._get("/api/v2/ipam/subnets"), name)
        if subnet is not None:
            self._send("DELETE", f"/api/v2/ipam/subnet/{subnet['id']}")

    def _destination_nat(self, name: str, protocol: str, address: str, machine: str, vpc: Row) -> Row:
        return {
            "name": name,
            "action": "DNAT",
            "protocol": protocol,
            "state": "enabled",
            "sourceAddress": ANYWHERE,
            "destinationAddress": f"{address}/32",
            "dnatToIP": f"{machine}/32",
            "site": self._site,
            "vpc": vpc,
            "comment": f"DNAT rule {name}",
        }

    def _delete_nat(self, name: str) -> None:
        rule = self._find(self._get("/api/v2/nat"), name)
        if rule is not None:
            self._send("DELETE", f"/api/v2/nat/{rule['id']}")

    # load balancers

    def apply_balancer(self, balancer: Balancer) -> None:
        """Written anew with the full list of members; then its sources, in the System VPC."""
        found = self._vpc(balancer.vpc)
        self._ensure_public_subnet(balancer.vpc, balancer.address, LOAD_BALANCER)
        body = balancer_body(balancer) | {"site": self._site, "siteID": self._site["id"], "tenant": self._tenant}
        body |= {"vpc": {"id": found["id"]}}
        present = self._find(self._balancers(), balancer.name)
        if present is None:
            self._write("POST", "/api/v2/l4lb", body)
        else:
            self._write("PUT", f"/api/v2/l4lb/{present['id']}", body)
        rules, system = balancer_acls(balancer), self._system_vpc()
        names = {rule["name"] for rule in rules}
        self._drop_acls([row["id"] for row in self._acls_of(balancer, system) if row["name"] not in names])
        for rule in rules:
            self._put_acl(rule, system)

    def remove_balancer(self, balancer: Balancer) -> None:
        self._vpc(balancer.vpc)
        present = self._find(self._balancers(), balancer.name)
        if present is not None:
            self._send("DELETE", f"/api/v2/l4lb/{present['id']}")
        self._drop_acls([row["id"] for row in self._acls_of(balancer, self._system_vpc())])

    def _balancers(self) -> list[Row]:
        """Those of all VPCs: the SDK drops the filters that it is given, here and for subnets."""
        return self._get("/api/v2/l4lb")

    def _acls_of(self, balancer: Balancer, system: Row) -> list[Row]:
        head, tail = balancer.acl_name("*").split("*", 1)
        rows = (row for row in self._acls(system) if row["name"].startswith(head) and row["name"].endswith(tail))
        return [row for row in rows if row["name"][len(head) : -len(tail)].isdigit()]

    # static routes

    def apply_routes(self, vpc: VpcName, routes: Mapping[str, str]) -> None:
        """`routes` are next hops by CIDR, all that CloudStack knows of. What else Netris has in the VPC is deleted."""
        found = self._vpc(vpc)
        present = {row["name"]: row for row in self._routes(found)}
        for cidr, hop in routes.items():
            row = present.get(cidr)
            if row is None:
                self._write("POST", "/api/routes", self._route(vpc, found, cidr, hop))
            elif row["next_hop"] != hop:
                raise ControllerError
        for cidr, row in present.items():
            if cidr not in routes:
                self._send("DELETE", "/api/routes", json={"id": row["id"]})

    def _route(self, vpc: VpcName, found: Row, cidr: str, hop: str) -> Row:
        return {
            "prefix": cidr,
            "next_hop": hop,
            "site_id": self._site["id"],
            "stateStatus": "active",
            "switches": [],
            "vpc": {**found, "isDefault": False, "isSystem": False},
            "description": vpc.prefix,
        }

    def _routes(self, vpc: Row) -> list[Row]:
        return self._get("/api/routes", filterBySites=self._site["id"], filterByVpc=vpc["id"])

    # ACLs

    def apply_acl(self, tier: Tier, rules: Iterable[AclRule]) -> None:
        vpc = self._vpc(tier.vpc)
        for rule in rules:
            self._put_acl(acl_body(tier, rule), vpc)

    def revoke_acl(self, tier: Tier, rules: Iterable[AclRule]) -> None:
        """All that an item has, however many CIDRs it had when it was written (unverified)."""
        vpc = self._vpc(tier.vpc)
        names = {acl_name(tier, replace(rule, suffix="")) for rule in rules}
        self._drop_acls([row["id"] for row in self._acls(vpc) if _SUFFIX.sub("", row["name"]) in names])

    def _put_acl(self, rule: Row, vpc: Row) -> None:
        body = rule | {"vpc": {"id": vpc["id"]}}
        present = self._find(self._acls(vpc), body["name"])
        if present is None:
            self._write("POST", "/api/acl", body)
            return
        try:
            self._write("PUT", "/api/acl", body | {"id": present["id"]})
        except ControllerRefusalError as refusal:
            if "This kind of acl already exists" not in refusal.body:
                raise

    def _drop_acls(self, ids: list[int]) -> None:
        if ids:
            self._send("DELETE", "/api/acl", json={"id": ids, "tenantsID": str(self._tenant["id"])})

    def _acls(self, vpc: Row) -> list[Row]:
        return self._get("/api/acl", **{"filterBySites[]": self._site["id"], "filterByVpc[]": vpc["id"]})
