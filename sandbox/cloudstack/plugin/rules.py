"""What the plugin writes inside a VPC: NAT, load balancers, ACLs, static routes (netris-api.md 4.3).

It looks the same things up again and again: each lookup below is a call that the real one makes at that place.
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.cloudstack.plugin.controller import NAT, Controller, ControllerError, ControllerRefusalError
from sandbox.cloudstack.plugin.objects import (
    AclRule,
    Balancer,
    PortForward,
    Route,
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
LOAD_BALANCER = "load-balancer"


class RulePlugin(Controller):
    # NAT

    def set_source_nat(self, vpc: VpcName, cidr: str, address: str) -> None:
        found = self._vpc(vpc)
        self._look_for_subnets()
        self._ensure_nat_subnet(vpc, address)
        name = f"{vpc.prefix}-SNAT"
        rule = {
            "name": name,
            "action": "SNAT",
            "protocol": "all",
            "sourceAddress": cidr,
            "destinationAddress": ANYWHERE,
            "snatToIP": f"{address}/32",
            "site": self._site,
        }
        present = self._find(self._get("/api/v2/nat"), name)
        rule["vpc"] = self._vpc(vpc)
        if present is not None:
            self._write("PUT", f"/api/v2/nat/{present['id']}", rule)
        else:
            comment = f"NAT rule for {found['name']} with action SNAT"
            self._write("POST", "/api/v2/nat", rule | {"state": "enabled", "sourcePort": "1-65535", "comment": comment})

    def _look_for_subnets(self) -> None:
        """A check whether the /32 may be made, which is always passed."""
        self._system_vpc()
        self._get("/api/v2/ipam/subnets")

    def _ensure_nat_subnet(self, vpc: VpcName, address: str) -> None:
        """The /32 of a public address lives in the System VPC."""
        name = f"{vpc.prefix}-{address}/32"
        present = self._find(self._get("/api/v2/ipam/subnets"), name)
        if present is None:
            self._post_subnet(name, f"{address}/32", NAT, self._system_vpc())
        elif present["purpose"] != NAT:
            self._put_subnet(present, NAT, self._system_vpc())

    def _put_subnet(self, present: Row, purpose: str, system: Row) -> None:
        body: Row = {"name": present["name"], "prefix": present["prefix"], "purpose": purpose, "vpc": system}
        self._write(
            "PUT", f"/api/v2/ipam/subnet/{present['id']}", body | {"tenant": self._tenant, "sites": [self._site]}
        )

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
        self._look_for_subnets()
        self._ensure_nat_subnet(rule.vpc, rule.address)
        if self._find(self._get("/api/v2/nat"), rule.name) is not None:
            return
        if rule.private[0] != rule.private[1]:
            raise ControllerError
        comment = f"NAT rule for {found['name']} with action DNAT"
        body = self._destination_nat(rule.name, rule.protocol, rule.address, rule.machine, comment)
        body |= {"destinationPort": port_range(rule.public), "dnatToPort": rule.private[0], "sourcePort": "1-65535"}
        self._write("POST", "/api/v2/nat", body | {"vpc": self._vpc(rule.vpc)})

    def remove_port_forward(self, rule: PortForward) -> None:
        self._vpc(rule.vpc)
        self._delete_nat(rule.name)

    def add_static_nat(self, rule: StaticNat) -> None:
        """Nothing is looked for first (quirk 24)."""
        found = self._vpc(rule.vpc)
        self._ensure_nat_subnet(rule.vpc, rule.address)
        comment = f"Static NAT rule for {found['name']}"
        body = self._destination_nat(rule.name, "all", rule.address, rule.machine, comment)
        self._write("POST", "/api/v2/nat", body | {"vpc": found})

    def remove_static_nat(self, rule: StaticNat) -> None:
        """The /32 is looked for without its `/32`: it is never found, and stays (quirk 46)."""
        self._vpc(rule.vpc)
        if self._delete_nat(rule.name):
            subnet = self._find(self._get("/api/v2/ipam/subnets"), f"{rule.vpc.prefix}-{rule.address}")
            if subnet is not None:
                self._send("DELETE", f"/api/v2/ipam/subnet/{subnet['id']}")

    def _destination_nat(self, name: str, protocol: str, address: str, machine: str, comment: str) -> Row:
        return {
            "name": name,
            "action": "DNAT",
            "protocol": protocol,
            "state": "enabled",
            "sourceAddress": ANYWHERE,
            "destinationAddress": f"{address}/32",
            "dnatToIP": f"{machine}/32",
            "site": self._site,
            "comment": comment,
        }

    def _delete_nat(self, name: str) -> bool:
        rule = self._find(self._get("/api/v2/nat"), name)
        if rule is not None:
            self._send("DELETE", f"/api/v2/nat/{rule['id']}")
        return rule is not None

    # load balancers

    def apply_balancer(self, balancer: Balancer) -> None:
        """Written anew with the full list of members; then its sources, in the System VPC, for which none is looked
        through: what an earlier list of sources has left there stays."""
        found = self._vpc(balancer.vpc)
        self._ensure_balancer_subnet(balancer)
        body = balancer_body(balancer) | {"site": self._site, "siteID": self._site["id"], "tenant": self._tenant}
        body |= {"vpc": {"id": found["id"]}}
        present = self._present_balancer(balancer)
        if present is None:
            self._write("POST", "/api/v2/l4lb", body)
        else:
            self._write("PUT", f"/api/v2/l4lb/{present['id']}", body)
        for rule in balancer_acls(balancer):
            self._put_acl(rule, self._system_vpc())

    def _ensure_balancer_subnet(self, balancer: Balancer) -> None:
        name = f"{balancer.vpc.prefix}-{balancer.address}/32"
        present = self._find(self._get("/api/v2/ipam/subnets"), name)
        system = self._system_vpc()
        if present is None:
            self._post_subnet(name, f"{balancer.address}/32", LOAD_BALANCER, system)
        elif present["purpose"] != LOAD_BALANCER:
            self._put_subnet(present, LOAD_BALANCER, system)

    def _present_balancer(self, balancer: Balancer) -> Row | None:
        self._vpc(balancer.vpc)
        return self._find(self._get("/api/v2/l4lb"), balancer.name)

    def remove_balancer(self, balancer: Balancer) -> None:
        """Where there is no balancer, nobody asks for its ACLs."""
        present = self._present_balancer(balancer)
        if present is None:
            return
        self._send("DELETE", f"/api/v2/l4lb/{present['id']}")
        for rule in balancer_acls(balancer):
            self._system_vpc()
            self._drop_acls({rule["name"]}, self._system_vpc())

    # static routes

    def apply_routes(self, vpc: VpcName, routes: Iterable[Route]) -> None:
        """`routes` are all that CloudStack knows of. What else Netris has in the VPC is deleted."""
        found = self._find_vpc(vpc)
        before = self._routes(found) if found is not None else []
        known = set()
        for route in routes:
            known.add(route.cidr)
            if route.is_new:
                self._add_route(vpc, route)
            elif route.is_revoked:
                self._delete_route(vpc, route.cidr, route.hop)
        for row in before:
            if row["name"] not in known:
                self._delete_route(vpc, row["name"], None)

    def _add_route(self, vpc: VpcName, route: Route) -> None:
        found = self._vpc(vpc)
        present = next((row for row in self._routes(found) if row["name"] == route.cidr), None)
        if present is None:
            body = {
                "prefix": route.cidr,
                "next_hop": route.hop,
                "site_id": self._site["id"],
                "stateStatus": "active",
                "switches": [],
                "vpc": {**found, "isDefault": False, "isSystem": False},
                "description": vpc.prefix,
            }
            self._write("POST", "/api/routes", body)
        elif present["next_hop"] != route.hop:
            raise ControllerError

    def _delete_route(self, vpc: VpcName, cidr: str, hop: str | None) -> None:
        for row in self._routes(self._vpc(vpc)):
            if row["name"] == cidr and hop in (None, row["next_hop"]):
                self._send("DELETE", "/api/routes", json={"id": row["id"]})
                return

    def _routes(self, vpc: Row) -> list[Row]:
        return self._get("/api/routes", filterBySites=self._site["id"], filterByVpc=vpc["id"])

    # ACLs

    def apply_acl(self, tier: Tier, rules: Iterable[AclRule]) -> None:
        """Each rule by itself, by the name that it has now."""
        for rule in rules:
            self._put_acl(acl_body(tier, rule), self._vpc(tier.vpc))

    def revoke_acl(self, tier: Tier, rules: Iterable[AclRule]) -> None:
        """All rules at once, by the names that they have now: what had another name before stays."""
        if names := {acl_name(tier, rule) for rule in rules}:
            self._drop_acls(names, self._vpc(tier.vpc))

    def _put_acl(self, rule: Row, vpc: Row) -> None:
        """The VPC is looked up once more, by its name, before its rules are."""
        self._get("/api/v2/vpc")
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

    def _drop_acls(self, names: set[str], vpc: Row) -> None:
        if ids := [row["id"] for row in self._acls(vpc) if row["name"] in names]:
            self._send("DELETE", "/api/acl", json={"id": ids, "tenantsID": str(self._tenant["id"])})

    def _acls(self, vpc: Row) -> list[Row]:
        return self._get("/api/acl", **{"filterBySites[]": self._site["id"], "filterByVpc[]": vpc["id"]})
