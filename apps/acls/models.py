"""Access lists, and which tier has which. A list is Weft's own; each tier gets a copy of it in CloudStack.

constraint              says
acl_name_is_unique      one live list of a name per VPC; what looks the same is the same (`kernel.names`)
tier_acl_is_its_tiers   the row of a tier's list has the tier's id, so whatever asks for work on the tier finds it
past_rules_of_...       each version of a list's rules was one set
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from apps.acls.fabric import Site
from apps.acls.rules import Action, Rule, in_force, parse_rules
from apps.kernel import clock
from apps.kernel.named import Key
from apps.kernel.names import NAME
from apps.mirror.models import Kind
from apps.mirror.queries import UNREAD, Applied
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Provisioned, ProvisionedQuerySet, Status
from apps.tenancy.door import TenantDoor
from apps.tenancy.models import Tenant

LIVE = ~models.Q(status=Status.DELETED)
#: How old a reading may be and still be believed.
FRESH_FOR = Kind.NETRIS_ACL.fresh_for
ACTIONS = [(action.value, action.value) for action in Action]


class AclQuerySet(ProvisionedQuerySet["Acl"]):
    pass


class Acl(Provisioned):
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    vpc = models.ForeignKey(Vpc, on_delete=models.PROTECT, related_name="acls")
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    search_key = Key("name")
    #: In written order, each as `Rule.as_json` has it.
    rules: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    #: What no rule allows is denied. Without it, the site's default decides.
    denies_rest = models.BooleanField(default=True)
    #: Counts the changes of the rules: who edits them says which ones they have seen.
    version = models.PositiveIntegerField(default=1)
    #: While a change waits, the rules that the list will have if those are more: they count already.
    reserved = models.PositiveIntegerField(default=0)
    #: When the first of the rules ends; null when none does.
    next_expiry_at = models.DateTimeField(null=True)
    #: The ACL default policy of the zone's Netris site, as it was read last.
    site_default = models.CharField(max_length=8, choices=ACTIONS, default=Action.ALLOW.value)

    unscoped: ClassVar[models.Manager[Acl]] = AclQuerySet.as_manager()
    objects = TenantDoor[AclQuerySet]("tenant")

    class Meta:
        verbose_name = "access list"
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=("vpc", "name_key"), condition=LIVE, name="acl_name_is_unique"),
        ]
        indexes = [
            models.Index(fields=("tenant", "name", "id"), condition=LIVE, name="acl_by_name"),
            models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="acl_by_age"),
            models.Index(fields=("-created_at", "-id"), condition=LIVE, name="acl_newest"),
            models.Index(fields=("next_expiry_at",), condition=LIVE, name="acl_by_expiry"),
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], condition=LIVE, name="acl_by_words"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def written(self) -> tuple[Rule, ...]:
        """All rules in written order, also those whose time is over."""
        return parse_rules(self.rules)

    def in_force(self, now: datetime) -> tuple[Rule, ...]:
        return in_force(self.written, now)

    @property
    def site(self) -> Site:
        return Site(Action(self.site_default))

    @property
    def lock_key(self) -> str:
        return f"acl:{self.pk}"

    def why_not(self, action: str, work: Sequence[Operation], tiers: Sequence[TierAcl] = ()) -> str | None:
        """Why `edit`, `assign`, `rename` or `delete` is not offered now; None when it is. `work` is all that is under
        way or stuck in its VPC, `tiers` are those that have the list."""
        match self.status:
            case Status.DELETED:
                return "The list is gone."
            case Status.REMOVING:
                return "The list is being removed."
            case _ if action == "rename":
                return None
            case Status.BUILDING:
                return "The list is still being made."
        ids = {self.pk, self.vpc_id, *(each.pk for each in tiers)}
        for each in work:
            if each.resource_id in ids or each.wanted.get("acl_id") == str(self.pk):
                return each.in_the_way
        if action == "delete" and tiers:
            names = ", ".join(each.tier.name for each in tiers)
            return f"The list is in use on {names}. Give {'it' if len(tiers) == 1 else 'them'} another list first."
        return None


class PastRules(models.Model):
    """What a list was before a change, for whoever still has that version in front of them."""

    #: Of a list, the latest.
    MOST: ClassVar[int] = 20

    id = models.BigAutoField(primary_key=True)
    acl = models.ForeignKey(Acl, db_index=False, on_delete=models.CASCADE, related_name="past")
    version = models.PositiveIntegerField()
    rules: models.JSONField[list[dict[str, Any]]] = models.JSONField()
    denies_rest = models.BooleanField()

    unscoped = models.Manager()
    objects = TenantDoor[models.QuerySet["PastRules"]]("acl__tenant")

    class Meta:
        verbose_name = "rules that a list had"
        ordering = ("-version",)
        constraints = [
            models.UniqueConstraint(fields=("acl", "version"), name="past_rules_of_a_version_are_one"),
        ]

    def __str__(self) -> str:
        return f"version {self.version} of {self.acl}"

    @property
    def written(self) -> tuple[Rule, ...]:
        return parse_rules(self.rules)


class TierAclQuerySet(ProvisionedQuerySet["TierAcl"]):
    pass


class TierAcl(Provisioned):
    """The list of a tier: which of Weft's it has, and what was last seen of its copy. Its id is the tier's."""

    tier = models.OneToOneField(Tier, on_delete=models.PROTECT, related_name="acl")
    tenant = models.ForeignKey(Tenant, db_index=False, on_delete=models.PROTECT, related_name="+")
    acl = models.ForeignKey(Acl, on_delete=models.PROTECT, related_name="tiers")
    #: The tier's own list in CloudStack.
    cloudstack_id = models.UUIDField(null=True)
    #: Whether both systems had all rules of the list and no others, at the last look. Null: no machine of the tier has
    #: run yet, so there is nothing on Netris to look at.
    is_applied = models.BooleanField(null=True)
    read_at = models.DateTimeField(null=True)
    #: What it was compared with last (`applied`), and what was read until when says nothing of it.
    mark = models.CharField(max_length=32, blank=True)
    compared_at = models.DateTimeField(null=True)

    unscoped: ClassVar[models.Manager[TierAcl]] = TierAclQuerySet.as_manager()
    objects = TenantDoor[TierAclQuerySet]("tenant")

    class Meta:
        verbose_name = "list of a tier"
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(condition=models.Q(id=models.F("tier")), name="tier_acl_is_its_tiers"),
        ]
        indexes = [models.Index(fields=("tenant", "id"), condition=LIVE, name="tier_acl_by_tenant")]

    def __str__(self) -> str:
        return f"list of {self.tier.name}"

    @property
    def name(self) -> str:
        """What operations call it."""
        return self.tier.name

    @property
    def seen(self) -> Applied:
        """Whether both systems have it, by a fresh reading. What a change has brought so far is not what the list says,
        so nothing is known while one is under way or stuck. Its list comes with it."""
        if self.read_at is None:
            return UNREAD
        fresh_until = self.read_at + FRESH_FOR
        is_known = self.status == self.acl.status == Status.READY and clock.now() <= fresh_until
        return Applied(self.is_applied if is_known else None, self.read_at, fresh_until)

    @property
    def remote_name(self) -> str:
        """What all lists of the tier in CloudStack begin with."""
        return f"acl-{self.pk.hex[:12]}"
