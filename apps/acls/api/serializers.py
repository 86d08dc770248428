"""Access lists as they are shown, and the bodies that ask for them. What values make sense is for `rules`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.acls import queries
from apps.acls.evaluator import Answer
from apps.acls.models import ACTIONS, Acl, PastRules, TierAcl
from apps.acls.plans import Line
from apps.acls.ports import MOST_CHARACTERS
from apps.acls.rules import MOST_RULES, NOTE, Direction, Protocol, Rule
from apps.acls.tables import By, Decision
from apps.kernel.api.bodies import Body, Count, Flag, NameText, Text, Texts
from apps.kernel.api.fields import Address, Time
from apps.kernel.api.problems import ProblemRead
from apps.networks.api.serializers import TierChange, TierRead, TierWrite, VpcRef
from apps.networks.specs import CIDR_LENGTH, MOST_CIDRS
from apps.operations.api.serializers import STATUSES, OperationRef
from apps.operations.models import Operation
from apps.tenancy.api.serializers import Read, TenantRef

APPLIED = "Whether both systems have exactly these rules, by a fresh reading; null where that is not known."


class RuleRead(serializers.Serializer[Any]):
    """A rule, in the place in which it stands."""

    action = serializers.ChoiceField(choices=ACTIONS)
    direction = serializers.ChoiceField(choices=[each.value for each in Direction])
    protocol = serializers.ChoiceField(choices=[each.value for each in Protocol])
    ports = serializers.CharField(help_text="`80,443,8000-8010`; blank for every port.")
    cidrs = serializers.ListField(child=serializers.CharField())
    note = serializers.CharField()
    expires_at = serializers.CharField(allow_null=True, help_text="When it leaves the list by itself.")


class AclTier(serializers.Serializer[TierAcl]):
    """A tier that has the list."""

    id = serializers.UUIDField()
    url = Address("api:tier")
    applied = serializers.BooleanField(allow_null=True, source="seen.is_applied", help_text=APPLIED)
    read_at = Time(allow_null=True)


class AclChange(serializers.Serializer[Any]):
    """The rules that a change under way brings."""

    operation = OperationRef()
    rules = RuleRead(many=True)
    denies_rest = serializers.BooleanField()


class AclCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    rename = serializers.CharField(allow_null=True)
    edit = serializers.CharField(allow_null=True)
    assign = serializers.CharField(allow_null=True)
    delete = serializers.CharField(allow_null=True)


class AclRead(Read):
    """Rules for what enters and leaves a tier, in an order of which the first that matches decides."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    url = Address("api:acl")
    tenant = TenantRef(required=False, help_text="For the platform only.")
    vpc = VpcRef()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    version = serializers.IntegerField(help_text="Counts the changes of the rules.")
    rules = RuleRead(many=True)
    denies_rest = serializers.BooleanField(help_text="What no rule allows is denied.")
    changing = serializers.SerializerMethodField(help_text="What is being changed; null if nothing is.")
    tiers = serializers.SerializerMethodField()
    applied = serializers.SerializerMethodField(help_text=APPLIED)
    read_at = serializers.SerializerMethodField(help_text="The oldest of the readings behind `applied`.")
    can = serializers.SerializerMethodField(help_text="Null for what can be done now, or the reason why it cannot.")
    created_at = Time()

    def rows(self, acl: Acl) -> list[TierAcl]:
        found: dict[UUID, list[TierAcl]] = self.context["in_use"]
        return found.get(acl.pk, [])

    def work(self, acl: Acl) -> list[Operation]:
        work: dict[UUID, list[Operation]] = self.context["work"]
        return work.get(acl.vpc_id, [])

    @extend_schema_field(AclChange(allow_null=True))
    def get_changing(self, acl: Acl) -> Any:
        for each in self.work(acl):
            if each.resource_id == acl.pk and each.wanted:
                return AclChange({"operation": each, **each.wanted}, context=self.context).data
        return None

    @extend_schema_field(AclTier(many=True))
    def get_tiers(self, acl: Acl) -> Any:
        return [AclTier(row, context=self.context).data for row in self.rows(acl)]

    @extend_schema_field(serializers.BooleanField(allow_null=True))
    def get_applied(self, acl: Acl) -> bool | None:
        return queries.seen_of(self.rows(acl)).is_applied

    @extend_schema_field(Time(allow_null=True))
    def get_read_at(self, acl: Acl) -> Any:
        read_at = queries.seen_of(self.rows(acl)).read_at
        return Time().to_representation(read_at) if read_at else None

    @extend_schema_field(AclCan)
    def get_can(self, acl: Acl) -> dict[str, str | None]:
        actions = ("rename", "edit", "assign", "delete")
        return {action: acl.why_not(action, self.work(acl), self.rows(acl)) for action in actions}


class RulesRead(serializers.Serializer[Acl | PastRules]):
    """The whole set of rules, with an `ETag` that names it."""

    version = serializers.IntegerField()
    rules = RuleRead(many=True)
    denies_rest = serializers.BooleanField()


class LineRead(serializers.Serializer[Any]):
    """One thing that differs between two lists."""

    change = serializers.ChoiceField(choices=list(Line.KINDS))
    title = serializers.CharField(help_text="The rule in words.")
    place = serializers.IntegerField(allow_null=True, help_text="From 1; of a removed rule, where it was.")
    was = serializers.IntegerField(allow_null=True, help_text="Of a rule that moved.")


class SinceRead(serializers.Serializer[Any]):
    """What others have done to the list since the version that `If-Match` names."""

    seen = serializers.IntegerField(
        allow_null=True,
        help_text="That version; null when it is not remembered any more.",
    )
    authors = serializers.ListField(child=serializers.CharField(), help_text="Who, the latest first.")
    lines = LineRead(many=True, allow_null=True, help_text="Null when it is not known.")


class RulesConflictRead(ProblemRead):
    """Somebody else was faster. Nothing was changed."""

    version = serializers.IntegerField(help_text="That the list has now.")
    since = SinceRead()
    yours = LineRead(many=True, help_text="What your rules would change in the list as it is now.")


class RuleWrite(Body):
    """A rule. Sources of what enters, destinations of what leaves."""

    action = Text(max_length=16, help_text="`allow` or `deny`.")
    direction = Text(max_length=16, help_text="`ingress` or `egress`, seen from the tier.")
    protocol = Text(max_length=16, help_text="`tcp`, `udp`, `icmp` or `all`.")
    ports = Text(required=False, allow_null=True, max_length=MOST_CHARACTERS, help_text="With tcp and udp: `80,443`.")
    cidrs = Texts(child=Text(max_length=CIDR_LENGTH), max_length=MOST_CIDRS, help_text="IPv4, without host bits.")
    note = Text(required=False, allow_null=True, max_length=NOTE.most)
    expires_at = Text(required=False, allow_null=True, max_length=40, help_text="With its zone.")


class AclWrite(Body):
    """A list to be. It is in force nowhere until a tier gets it."""

    vpc = Text(max_length=36, help_text="The id of a VPC.")
    name = NameText()
    rules = RuleWrite(many=True, required=False, max_length=MOST_RULES)  # type: ignore[call-arg]  # of the list
    denies_rest = Flag(required=False, help_text="True unless it is given.")


class AclRename(Body):
    name = NameText(required=False)


class RulesWrite(Body):
    """The whole set, in written order."""

    rules = RuleWrite(many=True, max_length=MOST_RULES)  # type: ignore[call-arg]  # of the list
    denies_rest = Flag(required=False, help_text="Stays as it is unless it is given.")


class PacketWrite(Body):
    """The first packet of a connection. `address` is the far end's."""

    direction = Text(max_length=16, help_text="`ingress` or `egress`, seen from the tier.")
    protocol = Text(max_length=16, help_text="`tcp`, `udp`, `icmp` (a ping), or `all` for any other.")
    port = Count(
        min_value=1,
        max_value=65535,
        required=False,
        allow_null=True,
        help_text="The destination port, with tcp and udp.",
    )
    address = Text(max_length=CIDR_LENGTH)


class DeciderRead(serializers.Serializer[Any]):
    """What happens to the packet, and which rule says so."""

    verdict = serializers.ChoiceField(choices=ACTIONS)
    by = serializers.ChoiceField(
        choices=[each.value for each in By],
        help_text="`deny_all`, `no_match` and `site` are no written rules; `mirror` is one swapped by Netris.",
    )
    rule = serializers.IntegerField(allow_null=True, help_text="Its place in the list, from 1.")
    title = serializers.CharField(allow_null=True, help_text="The rule in words.")


class AnswerRead(serializers.Serializer[Any]):
    written = DeciderRead(help_text="As the list is written: the first rule that matches.")
    effective = DeciderRead(help_text="As Netris decides: by what is more specific, and the site's default.")
    differs = serializers.BooleanField()
    sure = serializers.BooleanField(help_text="False where rules that are equally specific say different things.")


def shown_answer(answer: Answer, rules: tuple[Rule, ...]) -> dict[str, Any]:
    return AnswerRead(
        {
            "written": _shown(answer.written, rules),
            "effective": _shown(answer.effective, rules),
            "differs": answer.differs,
            "sure": answer.is_sure,
        }
    ).data


def _shown(decision: Decision, rules: tuple[Rule, ...]) -> dict[str, Any]:
    place = decision.place
    return {
        "verdict": decision.action.value,
        "by": decision.by.value,
        "rule": None if place is None else place + 1,
        "title": None if place is None else rules[place].title,
    }


class AclRef(serializers.Serializer[Any]):
    """The list that a tier has."""

    id = serializers.UUIDField(source="acl_id")
    url = Address("api:acl", source="acl_id")
    applied = serializers.BooleanField(allow_null=True, source="seen.is_applied", help_text=APPLIED)
    read_at = Time(allow_null=True)


class ListRef(serializers.Serializer[Acl]):
    """The list that a rule stands in."""

    id = serializers.UUIDField()
    url = Address("api:acl")


class TierOfRule(serializers.Serializer[Any]):
    """The tier that has the list."""

    id = serializers.UUIDField()
    url = Address("api:tier")


class TouchingRead(serializers.Serializer[Any]):
    """A rule about packets of the instance: of its own tier's list, or of another tier's that names its address."""

    number = serializers.IntegerField(help_text="Its place in that list, from 1.")
    title = serializers.CharField(help_text="The rule in words.")
    rule = RuleRead()
    acl = ListRef()
    tier = TierOfRule()


class TouchesRead(serializers.Serializer[Any]):
    address = serializers.CharField()
    rules = TouchingRead(many=True, help_text="Those of its own tier first, each list in written order.")


class TierWithAclRead(TierRead):
    """One network of a VPC, with its access list."""

    acl = serializers.SerializerMethodField(help_text="Null without one: then the site's default decides.")

    @extend_schema_field(AclRef(allow_null=True))
    def get_acl(self, tier: Any) -> Any:
        row = self.context["lists"].get(tier.pk)
        return AclRef(row, context=self.context).data if row else None


class TierWithAclWrite(TierWrite):
    """A tier to be. Its range is part of the VPC's, /22 to /29. With `acl` it has that list from its first moment."""

    acl = Text(max_length=36, required=False, allow_null=True, help_text="The id of an access list of the VPC.")


class TierWithAclChange(TierChange):
    """What can be changed of a tier. A new `acl`, or null for none, is an operation; a new name is not."""

    acl = Text(max_length=36, required=False, allow_null=True, help_text="The id of an access list of the VPC.")
