"""A VPC with a tier in which a machine runs, a list, and what both systems have of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apps.acls import services
from apps.acls.fabric import NetrisRule, Site, read_back
from apps.acls.items import items_of
from apps.acls.lists import as_row, item_in
from apps.acls.models import Acl, TierAcl
from apps.acls.rules import Action, parse_rules
from apps.acls.specs import AclSpec
from apps.acls.tables import Table, netris_table
from apps.networks.models import Tier, Vpc
from apps.networks.services import create_vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from sandbox.cloudstack.inhabitants import Order
from tests.builders import BY, a_vpc_spec

SITE = Site(Action.ALLOW)


def allow(ports: str = "", *cidrs: str, **more: Any) -> dict[str, Any]:
    rule = {"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": ports}
    return rule | {"cidrs": list(cidrs) or ["0.0.0.0/0"]} | more


def deny(ports: str = "", *cidrs: str, **more: Any) -> dict[str, Any]:
    return allow(ports, *cidrs, **({"action": "deny"} | more))


def ports(many: int, start: int = 2000) -> list[int]:
    """With gaps between them."""
    return list(range(start, start + 2 * many, 2))


class Scene:
    def __init__(self, acme: Any, zone: Any, run: Any, world: Any, watch: Any, clock: Any) -> None:
        self.tenant, self.zone, self.run, self.world, self.watch, self.clock = acme, zone, run, world, watch, clock
        self.succeeds(create_vpc(acme, a_vpc_spec(zone), by=BY))
        self.number = 0

    @property
    def vpc(self) -> Vpc:
        return Vpc.unscoped.select_related("tenant", "zone").get(name="prod")

    @property
    def tier(self) -> Tier:
        return Tier.unscoped.select_related("vpc__tenant", "vpc__zone", "tenant").get(name="web")

    @property
    def acl(self) -> Acl:
        return Acl.unscoped.select_related("tenant", "vpc__tenant", "vpc__zone").get(name=f"list {self.number}")

    @property
    def row(self) -> TierAcl:
        return TierAcl.unscoped.select_related("acl", "tier__vpc").get(pk=self.tier.pk)

    @property
    def clouds(self) -> Any:
        return self.watch.clouds_of(self.zone)

    @property
    def cloudstack(self) -> Any:
        return self.clouds.cloudstack

    def succeeds(self, operation: Operation) -> bool:
        operation = self.run(operation)
        assert operation.phase == Phase.SUCCEEDED, (operation.phase, operation.error, operation.steps)
        return True

    def live(self, tier: str = "web") -> None:
        """A machine runs in the tier: until then the plugin writes nothing."""
        name = Tier.unscoped.get(name=tier).remote_name
        self.world.cloudstack.inhabitants.move_in(Order(network=name))
        for _ in range(5):
            self.clock.shift(timedelta(seconds=10))
            self.world.cloudstack.run_due_jobs()

    def made(self, rules: list[dict[str, Any]], **more: Any) -> Acl:
        self.number += 1
        spec = AclSpec.parse({"vpc": str(self.vpc.pk), "name": f"list {self.number}", "rules": rules, **more})
        self.succeeds(services.create_acl(self.tenant, spec, by=BY))
        return self.acl

    def assigned(self, rules: list[dict[str, Any]], *, runs: bool = True, **more: Any) -> None:
        if runs:
            self.live()
        self.made(rules, **more)
        self.succeeds(services.assign(self.tier, str(self.acl.pk), by=BY))

    # --- what is there

    def rules(self) -> list[dict[str, Any]]:
        """Every row on Netris in the VPC."""
        return [as_row(rule) for rule in self.clouds.netris.acls(self.vpc.netris_id)]

    def on_netris(self) -> set[str]:
        return {f"{row['action']} {row['proto']} {row['dst_port_from']}" for row in self.rules()}

    def table(self) -> Table:
        """What Netris does to the tier's packets, without asking through a client."""
        rows = list(self.world.netris.net.shelves["acl"])
        return netris_table([rule for row in rows if (rule := NetrisRule.of_row(row))], self.tier.cidr, SITE)

    def agrees(self, *, among_others: bool = False) -> bool:
        """Both systems have exactly the list that Weft says the tier has, in one list, without a guard."""
        row = self.row
        wanted = items_of(row.acl.written, denies_rest=row.acl.denies_rest)
        lists = self.cloudstack.acl_lists_of(str(self.vpc.cloudstack_id))
        if among_others:
            lists = [each for each in lists if each.name.startswith(row.remote_name)]
        assert [each.id for each in lists] == [str(row.cloudstack_id)], lists
        network = self.cloudstack.find_network(self.tier.remote_name, vpc_id=str(self.vpc.cloudstack_id))
        assert network.aclid == str(row.cloudstack_id)
        items = self.cloudstack.acl_items(network.aclid)
        assert {item_in(each).key for each in items} == {item.key for item in wanted}
        assert all(each.is_active for each in items)
        assert read_back(wanted, self.tier.cidr, self.rules()).is_applied, self.rules()
        assert row.status == Status.READY
        return True


__all__ = ["Scene", "allow", "deny", "parse_rules", "ports"]
