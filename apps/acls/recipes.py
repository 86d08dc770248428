"""What access lists are made of elsewhere: a copy for each tier that has one, in CloudStack and from there on Netris.

    list            SiteDefault (how Netris decides), and of a change of its rules: the copy of each tier that has it
    tier's list     TierRules
    a new tier      TierList (its list, before it is made), the tier, TierRules

What a copy goes through is told in `lists`. Each turn sends one call at most and looks at everything anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.acls.fabric import Site
from apps.acls.items import Item
from apps.acls.lists import Order, TiersList, send, stuck_rules
from apps.acls.models import Acl, PastRules, TierAcl, TierAclQuerySet
from apps.acls.rules import Action, Rule, in_force, next_expiry, parse_rules
from apps.cloudstack.calls import is_unknown
from apps.kernel import clock
from apps.kernel.locks import hold_row, hold_rows
from apps.kernel.remote import Rejected
from apps.networks.models import Tier, Vpc
from apps.networks.recipes import AGREEMENT, CloudStackPart, need_netris
from apps.operations.orders import fate_of
from apps.operations.parts import Again, BoundPart, Done, Left, Memo, Progress, ReadBack, Recipe, Wait
from apps.operations.provisioned import Status, settle, status_after
from apps.operations.state import Phase
from apps.quotas.services import hold_use
from apps.zones.clouds import Clouds
from apps.zones.models import System

#: How long what CloudStack says is done may be missing on Netris before it is put there anew.
SETTLES = timedelta(seconds=20)
POLICIES = {"permit": Action.ALLOW, "deny": Action.DENY}


@dataclass(frozen=True)
class Wanted:
    """The rules that a tier is to have. Those whose time is over are not among them."""

    rules: tuple[Rule, ...]
    denies_rest: bool

    @classmethod
    def of(cls, acl: Acl) -> Wanted:
        return cls(acl.written, acl.denies_rest)


#: No list at all: the site's default decides.
NOTHING = Wanted((), denies_rest=False)


def default_of(clouds: Clouds) -> Action:
    """The ACL default policy of the zone's site."""
    policies = [site.acl_policy for site in clouds.netris.sites() if site.name == clouds.zone.netris_site]
    if not policies or policies[0] not in POLICIES:
        text = f"Netris does not say which ACL default policy the site {clouds.zone.netris_site} has."
        raise Rejected(text, system=System.NETRIS, call="GET /api/sites")
    return POLICIES[policies[0]]


class SiteDefault(ReadBack[Acl]):
    """In which order Netris decides follows from the site's default."""

    title = "Ask Netris what it does with what no rule matches"
    systems = (System.NETRIS,)

    def ensure(self, subject: Acl, clouds: Clouds, memo: Memo) -> Progress:
        return Done(site_default=default_of(clouds).value)


class OrdersPart(CloudStackPart[TierAcl]):
    """One call after the other, each announced before it is sent and looked for after it."""

    #: The longest lists take an hour to be filled: an item of a list is a job of its own.
    deadline = timedelta(hours=3)

    def at_work(self, subject: TierAcl, clouds: Clouds, memo: Memo) -> Progress | None:
        """What has to be waited for, or is to be sent, before anything is looked at."""
        if memo.is_cleared_to_send:
            job = send(clouds, subject, memo.values)
            if job:
                return Wait(memo["doing"], **memo.values, job=job)
            return Again(**_kept(memo))
        there = memo.way_there
        if self._pends(clouds, there) or (there.has_lost_an_answer and there.may_take_effect):
            return Wait("Making sure that no order is still on its way.", **memo.values)
        if not (command := memo.get("command")) or command.startswith("POST"):
            return None
        fate = fate_of(clouds.cloudstack, memo, command)
        if fate.is_pending:
            return Wait(memo["doing"], **fate.memo)
        if fate.is_known and fate.refusal and not is_unknown(fate.refusal):
            raise fate.refusal
        return None

    def _pends(self, clouds: Clouds, notes: Memo) -> bool:
        command = notes.get("command", "")
        return (
            bool(command) and not command.startswith("POST") and fate_of(clouds.cloudstack, notes, command).is_pending
        )

    def announce(self, order: Order, clouds: Clouds, memo: Memo, **notes: Any) -> Progress:
        is_same = (memo.get("command"), memo.get("target")) == (order.command, order.target)
        if not (is_same and memo.has_lost_an_answer):
            memo = replace(memo, values=_kept(memo))
        elif memo.may_take_effect:
            return Wait("Checking whether the order was received.", **memo.values)
        if order.needs_plugin:
            need_netris(clouds)
        kept = _kept(memo) | notes
        return memo.before_sending("Checking whether the order was received.", **order.memo, **kept)

    def site(self, clouds: Clouds, memo: Memo) -> Site:
        return Site(Action(memo["site"]) if "site" in memo else default_of(clouds))


def _kept(memo: Memo) -> dict[str, Any]:
    """The notes that outlive a call."""
    return {name: memo[name] for name in ("site", "since", "is_anew") if name in memo}


class TierList(OrdersPart):
    """The list that a tier is made with: CloudStack takes it with the tier, and gives it no other way at once."""

    title = "Make the tier's list in CloudStack"
    undo_title = "Remove the tier's lists from CloudStack"
    systems = (System.CLOUDSTACK, System.NETRIS)

    def ensure(self, subject: TierAcl, clouds: Clouds, memo: Memo) -> Progress:
        if subject.status == Status.DELETED:
            return Done()
        if progress := self.at_work(subject, clouds, memo):
            return progress
        site = self.site(clouds, memo)
        there = TiersList(subject, clouds, site)
        if there.attached:
            return Done(cloudstack_id=UUID(there.attached.id))
        wanted = Wanted.of(subject.acl)
        items = there.items_for(in_force(wanted.rules, memo.now), denies_rest=wanted.denies_rest)
        if order := there.filled(items):
            return self.announce(order, clouds, memo, site=site.default.value)
        return Done(cloudstack_id=UUID(there.spares[0].id))

    def remove(self, subject: TierAcl, clouds: Clouds, memo: Memo) -> Progress:
        if progress := self.at_work(subject, clouds, memo):
            return progress
        if subject.tier.vpc.cloudstack_id is None:
            return Done(cloudstack_id=None)
        there = TiersList(subject, clouds, Site(Action.ALLOW))
        there.open_again()
        if order := there.leftover():
            return self.announce(order, clouds, memo)
        return Done(cloudstack_id=None, is_applied=None, read_at=None)

    def leaves(self, subject: TierAcl) -> Sequence[Left]:
        return (Left(System.CLOUDSTACK, f"the access list {subject.remote_name}-…"),)


class TierRules(OrdersPart):
    """A tier has exactly the wanted rules, in CloudStack and, once a machine has run in it, on Netris."""

    title = "Bring the rules to the tier, and read them on Netris"
    undo_title = "Bring back the rules that the tier had"
    systems = (System.CLOUDSTACK, System.NETRIS)

    def __init__(self, wanted: Wanted | None = None, before: Wanted = NOTHING, *, goes_with_tier: bool = False) -> None:
        self.wanted = wanted
        self.before = before
        #: The tier goes before its list does: nothing has to be brought back.
        self.goes_with_tier = goes_with_tier

    def ensure(self, subject: TierAcl, clouds: Clouds, memo: Memo) -> Progress:
        return self._bring(self.wanted or Wanted.of(subject.acl), subject, clouds, memo)

    def remove(self, subject: TierAcl, clouds: Clouds, memo: Memo) -> Progress:
        if self.goes_with_tier:
            return Done()
        return self._bring(self.before, subject, clouds, memo)

    def _bring(self, wanted: Wanted, subject: TierAcl, clouds: Clouds, memo: Memo) -> Progress:
        if subject.status == Status.DELETED:
            return Done()
        if progress := self.at_work(subject, clouds, memo):
            return progress
        site = self.site(clouds, memo)
        there = TiersList(subject, clouds, site)
        if there.network is None:
            raise Rejected("CloudStack has no such tier any more.", system=System.CLOUDSTACK, call="listNetworks")
        items = there.items_for(in_force(wanted.rules, memo.now), denies_rest=wanted.denies_rest)
        notes = {"site": site.default.value}
        order = there.next(items)
        if order is None:
            return self._proved(there, items, clouds, memo, notes)
        is_first_removal = order.command == "deleteNetworkACL" and order.needs_plugin
        if is_first_removal and (missing := there.missing(items)):
            since = memo.get("since", memo.now.isoformat())
            if memo.now > datetime.fromisoformat(since) + AGREEMENT:
                raise stuck_rules(subject.name, missing)
            return Wait("Netris has not got all of the new rules yet.", **_kept(memo) | notes | {"since": since})
        return self.announce(order, clouds, memo, **notes)

    def _proved(
        self, there: TiersList, items: Sequence[Item], clouds: Clouds, memo: Memo, notes: dict[str, Any]
    ) -> Progress:
        checked = there.checked(items)
        if checked and checked.missing and there.attached:
            since = memo.get("since", memo.now.isoformat())
            if memo.now < datetime.fromisoformat(since) + SETTLES:
                return Wait("Netris has not got all of the rules yet.", **_kept(memo) | notes | {"since": since})
            if "is_anew" in memo and memo.now > datetime.fromisoformat(since) + AGREEMENT:
                raise stuck_rules(there.tier.name, checked.missing)
            if "is_anew" in memo:
                return Wait("Netris has not got all of the rules yet.", **_kept(memo) | notes)
            anew = there.replacement(there.attached)
            is_last = {"is_anew": True} if anew.command == "replaceNetworkACLList" else {}
            return self.announce(anew, clouds, memo, **notes, since=since, **is_last)
        if checked and checked.extra:
            there.clear(checked)
            checked = there.checked(items)
        there.open_again()
        if order := there.leftover():
            return self.announce(order, clouds, memo, **notes)
        return Done(
            cloudstack_id=UUID(there.attached.id) if there.attached else None,
            is_applied=checked.is_applied if checked else None,
            read_at=memo.now if checked else None,
        )

    def leaves(self, subject: TierAcl) -> Sequence[Left]:
        what = f"the rules of the tier {subject.tier.remote_name}, and the guard weft-guard-{subject.pk.hex[:12]}-…"
        return Left(System.CLOUDSTACK, f"the access list {subject.remote_name}-…"), Left(System.NETRIS, what)


def acl_parts(acl: Acl) -> Sequence[BoundPart]:
    return [BoundPart(SiteDefault(), acl)]


def acl_changes(acl: Acl, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    """`wanted` names the tiers that had the list when the change was asked for: none joins or leaves them meanwhile."""
    after = Wanted(parse_rules(wanted["rules"]), wanted["denies_rest"])
    parts: list[BoundPart] = [BoundPart(SiteDefault(), acl)]
    for row in rows_of(acl).filter(pk__in=wanted["tiers"]).order_by("pk"):
        parts.append(BoundPart(TierRules(after, Wanted.of(acl)), row, row.tier.name))
    return parts


def rows_of(acl: Acl) -> Any:
    return TierAcl.objects.of(acl.tenant).select_related("acl", "tier__vpc__tenant", "tier__vpc__zone")


def take_rules(acl: Acl, wanted: Mapping[str, Any]) -> None:
    past = PastRules.objects.of(acl.tenant).filter(acl=acl)
    past.create(acl=acl, version=acl.version, rules=acl.rules, denies_rest=acl.denies_rest)
    past.filter(version__lte=acl.version - PastRules.MOST).delete()
    acl.rules, acl.denies_rest, acl.version = wanted["rules"], wanted["denies_rest"], acl.version + 1
    acl.next_expiry_at = next_expiry(acl.written)
    acl.save(update_fields=["rules", "denies_rest", "version", "next_expiry_at"])


def settle_acl(acl: Acl, goal: str, phase: str) -> None:
    rows = Acl.objects.of(acl.tenant).filter(pk=acl.pk)
    settle(rows, goal, phase)
    if status_after(goal, phase) == Status.READY:
        rows.exclude(reserved=0).update(reserved=0)
        _settled(TierAcl.objects.of(acl.tenant).filter(acl=acl), phase)


def hold_acl(acl: Acl) -> None:
    hold_use(acl.tenant)
    hold_row(acl)
    hold_rows(TierAcl.objects.of(acl.tenant).filter(acl=acl))


def tier_acl_parts(row: TierAcl) -> Sequence[BoundPart]:
    return [BoundPart(TierRules(), row, row.tier.name)]


def tier_acl_changes(row: TierAcl, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    acl = Acl.objects.of(row.tenant).get(pk=wanted["acl_id"])
    return [BoundPart(TierRules(Wanted.of(acl), Wanted.of(row.acl)), row, row.tier.name)]


def take_acl(row: TierAcl, wanted: Mapping[str, Any]) -> None:
    row.acl_id = UUID(wanted["acl_id"])
    row.save(update_fields=["acl"])


def _settled(rows: TierAclQuerySet, phase: str) -> None:
    """What was read until now says nothing of them any more (`applied`). The parts have told what they saw in the end,
    but for what was given up half-way."""
    unknown = {"is_applied": None, "read_at": None} if phase == Phase.GIVEN_UP else {}
    rows.update(mark="", compared_at=clock.now(), **unknown)


def settle_tier_acl(row: TierAcl, goal: str, phase: str) -> None:
    rows = TierAcl.objects.of(row.tenant).filter(pk=row.pk)
    settle(rows, goal, phase)
    _settled(rows, phase)


ACL = Recipe(
    "acl",
    Acl,
    acl_parts,
    settle_acl,
    hold_acl,
    related=("tenant", "vpc__tenant", "vpc__zone"),
    changes=acl_changes,
    take=take_rules,
    titles={"present": "Create access list", "absent": "Delete access list", "changed": "Change access list"},
)
TIER_ACL = Recipe(
    "tier_acl",
    TierAcl,
    tier_acl_parts,
    settle_tier_acl,
    related=("tenant", "acl", "tier__vpc__tenant", "tier__vpc__zone"),
    changes=tier_acl_changes,
    take=take_acl,
    titles={"present": "Assign access list", "absent": "Take off access list", "changed": "Assign access list"},
)
ALL = (ACL, TIER_ACL)


# --- with a tier ------------------------------------------------------------------------------------------------------


def _row_of(tier: Tier) -> TierAcl | None:
    """Also one that is gone: its list may still be there."""
    row = TierAcl.objects.of(tier.vpc.tenant).select_related("acl").filter(pk=tier.pk).first()
    if row is not None:
        row.tier = tier
    return row


def before(tier: Tier) -> Sequence[BoundPart]:
    row = _row_of(tier)
    return [BoundPart(TierList(), row, tier.name)] if row else []


def after(tier: Tier) -> Sequence[BoundPart]:
    row = _row_of(tier)
    return [BoundPart(TierRules(goes_with_tier=True), row, tier.name)] if row else []


def list_of(tier: Tier) -> str | None:
    row = _row_of(tier)
    return str(row.cloudstack_id) if row and row.cloudstack_id else None


def settle_with_tiers(vpc: Vpc, tiers: Iterable[UUID], goal: str, phase: str, is_of_vpc: bool) -> None:
    rows = TierAcl.objects.of(vpc.tenant).filter(pk__in=list(tiers))
    settle(rows, goal, phase)
    _settled(rows, phase)
    if is_of_vpc and status_after(goal, phase) == Status.DELETED:
        settle(Acl.objects.of(vpc.tenant).filter(vpc=vpc), goal, phase)
