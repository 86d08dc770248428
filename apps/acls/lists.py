"""A tier's list as both systems have it, and the next order on the way to the one that is wanted.

Each tier has a list of its own in CloudStack, which no other tier ever has. Nothing in it is updated or moved: the
plugin does both wrong (flows.md 1). What is done next follows from what is there alone, so whoever comes after a crash
goes on from it, forward or back:

    the lists differ by             what is done
    a few items                     each is added to the list that the tier has, the denies first; when all of them are
                                    read on Netris, the old ones are removed, the denies last
    many, or the tier has none      a second list is filled, which Netris does not hear of; behind a guard of Weft's own
                                    the tier gets that one, and all of it is read on Netris
    all: nothing is wanted          the items go; of many, all but what denies everything go at once, as above

    then                            the guard goes, and every list that the tier does not have

Each call about a list that a tier has makes the plugin write all its rules anew, about four calls for each (flows.md
1): a few is what costs less than `MOST_WRITTEN` of them.

A guard is two rules on Netris that deny everything in a tier, which the plugin knows nothing of: it leaves them alone.
While the tier's rules are taken away and put back one by one, what is not there yet is denied instead of open. Where
the site denies by itself there is none: denies come first there, so it would close the tier. To a tier without rules
the first list comes without one: everything was open before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

from apps.acls.fabric import ReadBack, RuleName, Site, guard_of, read_back
from apps.acls.items import FIRST_NUMBERS, REST, STEP, Change, Item, Step, change, is_rest, item_of, items_of
from apps.acls.models import TierAcl
from apps.acls.rules import Action, Rule
from apps.cloudstack.wire import AclItem, AclList, Network
from apps.kernel.remote import Rejected
from apps.netris.wire import Acl as FabricRule
from apps.networks.models import Tier
from apps.zones.clouds import Clouds
from apps.zones.models import System

#: Of the rules that the plugin writes anew for a change made item by item; 600 take it about a minute and a half.
MOST_WRITTEN = 600


@dataclass(frozen=True)
class Order:
    """One call that changes something. `notes` are what sending it takes, small and as JSON."""

    command: str
    target: str
    why: str
    notes: Mapping[str, Any]
    #: The plugin has to do something for it.
    needs_plugin: bool = True

    @property
    def memo(self) -> dict[str, Any]:
        return {"command": self.command, "target": self.target, "doing": self.why, **self.notes}


def send(clouds: Clouds, row: TierAcl, memo: Mapping[str, Any]) -> str:
    """Send what `Order.memo` has noted. Gives the job; "" where there is none to wait for."""
    remote = clouds.cloudstack
    match memo["command"]:
        case "createNetworkACLList":
            description = f"The list of the tier {row.tier.remote_name}. Weft writes it."
            vpc_id = str(row.tier.vpc.cloudstack_id)
            return remote.create_acl_list(name=memo["target"], description=description, vpc_id=vpc_id).job
        case "createNetworkACL":
            return remote.create_acl_item(memo["list"], **_arguments(memo["item"])).job
        case "deleteNetworkACL":
            return remote.delete_acl_item(memo["target"])
        case "replaceNetworkACLList":
            return remote.replace_acl_list(memo["target"], network_id=memo["network"])
        case "deleteNetworkACLList":
            return remote.delete_acl_list(memo["target"])
    assert memo["command"] == "POST /api/acl", memo["command"]
    rule = dict(zip(guards_of(row), guard_of(row.tier.cidr), strict=True))[memo["target"]]
    clouds.netris.create_acl(
        name=memo["target"],
        vpc_id=memo["vpc"],
        action="deny",
        protocol=rule.proto,
        source=rule.source,
        destination=rule.destination,
        comment=f"Weft: nothing passes while the list of {row.tier.remote_name} is replaced.",
    )
    return ""


class TiersList:
    """What both systems have of the list of one tier. Each is asked once, and only for what is needed."""

    def __init__(self, row: TierAcl, clouds: Clouds, site: Site) -> None:
        self.row, self.tier, self.clouds, self.site = row, row.tier, clouds, site
        self._items: dict[str, list[AclItem]] = {}

    # --- what is there

    @cached_property
    def network(self) -> Network | None:
        return self.clouds.cloudstack.find_network(self.tier.remote_name, vpc_id=str(self.tier.vpc.cloudstack_id))

    @cached_property
    def lists(self) -> list[AclList]:
        """All that were ever made for the tier and are still there."""
        found = self.clouds.cloudstack.acl_lists_of(str(self.tier.vpc.cloudstack_id))
        return sorted((each for each in found if self._is_ours(each)), key=lambda each: (each.name, each.id))

    def _is_ours(self, each: AclList) -> bool:
        return each.name.rpartition("-")[0] == self.row.remote_name

    @property
    def attached(self) -> AclList | None:
        """The list that the tier has, when it is one of Weft's."""
        aclid = self.network.aclid if self.network else ""
        return next((each for each in self.lists if each.id == aclid), None)

    @property
    def spares(self) -> list[AclList]:
        return [each for each in self.lists if each is not self.attached]

    def items(self, acl: AclList) -> list[AclItem]:
        if acl.id not in self._items:
            self._items[acl.id] = self.clouds.cloudstack.acl_items(acl.id)
        return self._items[acl.id]

    @cached_property
    def _rules(self) -> list[FabricRule]:
        vpc_id = self.tier.vpc.netris_id
        return self.clouds.netris.acls(vpc_id) if vpc_id is not None else []

    @property
    def guards(self) -> list[FabricRule]:
        return [rule for rule in self._rules if rule.name in guards_of(self.row)]

    def checked(self, wanted: Sequence[Item]) -> ReadBack | None:
        """What Netris has of the wanted items, and besides. None while no machine of the tier has run: the plugin has
        written nothing then, and need not have."""
        if self.network is None or self.network.state != "Implemented":
            return None
        return read_back(wanted, self.tier.cidr, [as_row(rule) for rule in self._named])

    @property
    def _named(self) -> list[FabricRule]:
        """Those that the plugin has made for the tier."""
        number = self._network_number
        named = [(rule, RuleName.parse(rule.name)) for rule in self._rules]
        return [rule for rule, name in named if name and name.network == number]

    @cached_property
    def _network_number(self) -> int | None:
        """The tier's number in CloudStack, which no API tells and all names on Netris have: that of its V-Net too."""
        vnet = self.clouds.netris.get_vnet(self.tier.netris_id) if self.tier.netris_id is not None else None
        return number_in(vnet.name, self.tier) if vnet else None

    # --- what comes next

    def items_for(self, rules: Sequence[Rule], *, denies_rest: bool) -> list[Item]:
        """The items of a list. Those that the tier has already keep their numbers."""
        numbers = {item.key: item.number for item in self._known(self.attached)} if self.attached else {}
        return items_of(rules, denies_rest=denies_rest and self.site.wants_deny_all, numbers=numbers)

    def next(self, wanted: Sequence[Item]) -> Order | None:
        """What to do next so that the tier has these items; None when CloudStack has them on it."""
        if self.attached is None:
            return self._replacement(wanted) if wanted else None
        if broken := self._broken(self.attached):
            return self._deletion(broken[0], needs_plugin=True)
        known = self._known(self.attached)
        if len(known) == len(wanted) and {each.key for each in known} == {each.key for each in wanted}:
            return None
        whole = change(known, wanted)
        if self._is_small(whole) or (not wanted and all(is_rest(item) for item in known)):
            return self._step(self.attached, whole, needs_plugin=True)
        return self._replacement(wanted or items_of((), denies_rest=True))

    def missing(self, wanted: Sequence[Item]) -> tuple[Item, ...]:
        """Of the wanted items, those that CloudStack has on the tier and Netris has not."""
        known = {item.key for item in self._known(self.attached)} if self.attached else set()
        checked = self.checked([item for item in wanted if item.key in known])
        return checked.missing if checked else ()

    def replacement(self, acl: AclList) -> Order:
        """The tier gets this list, which may be the one that it has: all its rules are taken off Netris and put there
        anew."""
        assert self.network is not None, "the tier is there"
        if guard := self.guard():
            return guard
        why = "CloudStack is putting the rules on the tier."
        return Order("replaceNetworkACLList", acl.id, why, {"network": self.network.id})

    def guard(self) -> Order | None:
        """The part of the guard that is to be made next; None when it stands or is not wanted."""
        if self.site.default is not Action.ALLOW or self.network is None or not self.network.aclid:
            return None
        there = {rule.name for rule in self.guards}
        for name in guards_of(self.row):
            if name not in there:
                notes = {"vpc": self.tier.vpc.netris_id}
                why = "Netris is closing the tier for the change."
                return Order("POST /api/acl", name, why, notes, needs_plugin=False)
        return None

    def filled(self, wanted: Sequence[Item]) -> Order | None:
        """What to do next so that there is a list with exactly these items that no tier has; None when there is."""
        if not self.spares:
            names = {each.name for each in self.lists}
            name = next(name for n in (1, 2, 3) if (name := f"{self.row.remote_name}-{n}") not in names)
            return Order("createNetworkACLList", name, "CloudStack is making a list.", {}, needs_plugin=False)
        spare = self.spares[0]
        if broken := self._broken(spare):
            return self._deletion(broken[0], needs_plugin=False)
        known = self._known(spare)
        numbers = {item.key: item.number for item in known}
        return self._step(spare, change(known, _numbered(wanted, numbers)), needs_plugin=False)

    def leftover(self) -> Order | None:
        """A list that the tier does not have, to be deleted."""
        for acl in self.spares:
            why = "CloudStack is deleting the list that the tier had before."
            return Order("deleteNetworkACLList", acl.id, why, {}, needs_plugin=False)
        return None

    def clear(self, checked: ReadBack) -> None:
        """Take away what Netris has of the tier beside its list, all of which is there: the plugin leaves a rule behind
        when Netris refuses its removal, and CloudStack knows nothing of that one any more."""
        named = self._named
        self._delete([named[place] for place in checked.extra])

    def open_again(self) -> None:
        """Take the guard away. What is gone already is gone."""
        self._delete(self.guards)

    def _delete(self, rules: Sequence[FabricRule]) -> None:
        if not rules:
            return
        vpc_id = self.tier.vpc.netris_id
        found = self.clouds.netris.get_vpc(vpc_id) if vpc_id is not None else None
        tenant = found.admin_tenant.id or 0 if found else 0
        for rule in rules:
            self.clouds.netris.delete_acl(rule.id, netris_tenant_id=tenant)
        del self._rules

    def _replacement(self, wanted: Sequence[Item]) -> Order:
        return self.filled(wanted) or self.replacement(self.spares[0])

    def _is_small(self, whole: Change) -> bool:
        items = len(whole.keep) + len(whole.add) + len(whole.remove)
        return len(whole.steps) * items <= MOST_WRITTEN

    def _step(self, acl: AclList, whole: Change, *, needs_plugin: bool) -> Order | None:
        for step, item in whole.steps:
            if step is Step.REMOVE:
                return self._removal(acl, item, needs_plugin=needs_plugin)
            notes = {"list": acl.id, "item": _noted(item)}
            why = f"CloudStack is adding {item.key}."
            return Order("createNetworkACL", f"{acl.id} {item.key}", why, notes, needs_plugin=needs_plugin)
        return None

    def _removal(self, acl: AclList, item: Item, *, needs_plugin: bool) -> Order:
        row = next(each for each in self.items(acl) if (known := item_in(each)) and known.key == item.key)
        return self._deletion(row, needs_plugin=needs_plugin)

    def _deletion(self, row: AclItem, *, needs_plugin: bool) -> Order:
        item = item_in(row)
        why = f"CloudStack is removing {item.key if item else 'an item that is not one of ours'}."
        return Order("deleteNetworkACL", row.id, why, {}, needs_plugin=needs_plugin)

    def _known(self, acl: AclList | None) -> list[Item]:
        return [item for row in self.items(acl) if (item := item_in(row))] if acl else []

    def _broken(self, acl: AclList) -> list[AclItem]:
        """Items that a failed call has left half-made or half-removed, and what is none of ours; what allows first.
        Deleted once more, they are gone."""
        seen: set[str] = set()
        found = []
        for row in self.items(acl):
            item = item_in(row)
            if not row.is_active or item is None or item.key in seen:
                found.append(row)
            if item is not None:
                seen.add(item.key)
        return sorted(found, key=lambda row: row.action.lower() != Action.ALLOW)


def stuck_rules(tier: str, missing: Sequence[Item]) -> Rejected:
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    named = ", ".join(item.key for item in missing[:3])
    text = f"CloudStack has put the rules on the tier {tier}, but Netris has not got {named}{more}."
    return Rejected(text, system=System.NETRIS, call="GET /api/acl")


def number_in(vnet: str, tier: Tier) -> int | None:
    """The tier's number in CloudStack, from the name of its V-Net."""
    text = vnet.removesuffix(f"-{tier.remote_name}").rpartition("-N")[2]
    return int(text) if text.isdecimal() else None


def guards_of(row: TierAcl) -> tuple[str, str]:
    """In the order of `guard_of`. No name of the plugin's looks like these."""
    return f"weft-guard-{row.pk.hex[:12]}-in", f"weft-guard-{row.pk.hex[:12]}-out"


def _numbered(items: Iterable[Item], numbers: Mapping[str, int]) -> list[Item]:
    """The same items with numbers for a list of its own: those that are in it keep theirs."""
    taken = {*numbers.values(), *REST.values()}
    free = {
        action: (number for number in count(first, STEP) if number not in taken)
        for action, first in FIRST_NUMBERS.items()
    }
    return [
        item._replace(
            number=numbers.get(item.key) or (REST[item.direction] if is_rest(item) else next(free[item.action]))
        )
        for item in items
    ]


def _noted(item: Item) -> dict[str, Any]:
    return {
        "number": item.number,
        "action": item.action.value,
        "traffic_type": item.direction.value,
        "protocol": item.protocol.value,
        "cidr": str(item.cidr),
        "ports": item.ports,
        "icmp_type": item.icmp_type,
        "reason": item.key,
    }


def _arguments(noted: Mapping[str, Any]) -> dict[str, Any]:
    start, end = noted["ports"] or (None, None)
    arguments = {name: value for name, value in noted.items() if name != "ports"}
    icmp_code = None if noted["icmp_type"] is None else -1
    words = {name: str(noted[name]).capitalize() for name in ("action", "traffic_type")}
    return arguments | words | {"start_port": start, "end_port": end, "icmp_code": icmp_code}


def item_in(row: AclItem) -> Item | None:
    return item_of(row.model_dump(exclude_none=True) | {"cidrlist": ",".join(row.cidrlist)})


def as_row(rule: FabricRule) -> dict[str, object]:
    """As `NetrisRule.of_row` reads it."""
    row: dict[str, object] = {
        "action": rule.action,
        "proto": rule.protocol,
        "src_prefix": str(rule.source),
        "dst_prefix": str(rule.destination),
        "src_port_from": rule.source_port_from,
        "src_port_to": rule.source_port_to,
        "dst_port_from": rule.port_from,
        "dst_port_to": rule.port_to,
        "src_port_group": rule.source_port_group,
        "dst_port_group": rule.port_group,
        "icmp_type": rule.icmp_type,
        "established": int(rule.is_established),
        "reverse": "yes" if rule.is_reversed else "no",
        "status": rule.status.lower(),
    }
    return row
