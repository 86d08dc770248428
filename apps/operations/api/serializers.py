"""An operation as scripts follow it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.urls import NoReverseMatch
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from apps.kernel.api.bodies import Body, Text, Texts
from apps.kernel.api.fields import Address, Time
from apps.operations import queries, sentences
from apps.operations.filters import LIVE_STATUSES
from apps.operations.models import Operation
from apps.operations.state import Phase
from apps.tenancy.api.callers import caller_of
from apps.tenancy.api.serializers import Read, TenantRef

STATUSES = [str(value) for value, _label in LIVE_STATUSES]
STEP_STATES = ("waiting", "running", "done", "failed", "undoing", "undone", "cancelled")


class ResourceRef(serializers.Serializer[Any]):
    """What an operation works on."""

    type = serializers.CharField(help_text="`vpc`, `tier`, `account` or `zone`.")
    id = serializers.UUIDField()
    url = serializers.URLField(allow_null=True, help_text="Null for what has no address in the API.")


class StepRead(serializers.Serializer[Any]):
    """One line of an operation's timeline."""

    title = serializers.CharField()
    state = serializers.ChoiceField(choices=STEP_STATES)
    started_at = Time(allow_null=True)
    finished_at = Time(allow_null=True)
    detail = serializers.CharField(help_text="What it waits for, or the remote system's own words when it failed.")


class OperationCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    cancel = serializers.CharField(allow_null=True)
    retry = serializers.CharField(allow_null=True)
    apply = serializers.CharField(allow_null=True)
    give_up = serializers.CharField(allow_null=True)
    dismiss = serializers.CharField(allow_null=True)


class GivenUp(serializers.Serializer[Any]):
    """That a removal was ended by a platform admin, although something may be left."""

    by = serializers.CharField()
    left = serializers.ListField(child=serializers.CharField(), help_text="What may be left: `CloudStack: the VPC …`.")


class OperationRef(serializers.Serializer[Any]):
    """An operation, by its title."""

    id = serializers.UUIDField()
    url = Address("api:operation")
    title = serializers.CharField(source="__str__", help_text="What it does, for people: `Delete tier web`.")


class WaitsFor(serializers.Serializer[Any]):
    """What was asked for before in the same VPC, and has to be over first."""

    operation = OperationRef(allow_null=True, source="first", help_text="The one at work; null for the provider's own.")
    more = serializers.IntegerField(help_text="How many wait between the two.")


class OperationRead(Read):
    """One attempt to make something real, or to take it away. The view puts what others wait for into the context."""

    for_platform = ("tenant", "own_words")

    id = serializers.UUIDField()
    url = Address("api:operation")
    tenant = TenantRef(
        required=False, allow_null=True, help_text="For the platform only; null for what the platform does itself."
    )
    kind = serializers.CharField()
    title = serializers.CharField(help_text="What it does, for people: `Create VPC`.")
    phase = serializers.ChoiceField(
        choices=[str(phase) for phase in Phase],
        help_text="Over when `succeeded`, `rolled_back` or `cancelled`; `stuck` waits until somebody decides.",
    )
    resource = serializers.SerializerMethodField()
    steps = StepRead(many=True, source="visible_steps")
    progress = serializers.IntegerField(min_value=0, max_value=100, help_text="Percent.")
    sentence = serializers.SerializerMethodField(help_text="Where it stands, in words.")
    waits_for = serializers.SerializerMethodField(help_text="Null when it is its turn, or it is over.")
    error = serializers.SerializerMethodField(help_text="Why it is stuck, or was undone or given up.")
    was_stuck = serializers.SerializerMethodField(
        help_text="Why it was stuck when it was last retried; null if it never was."
    )
    given_up = serializers.SerializerMethodField(help_text="Null unless `phase` is `given_up`.")
    can = serializers.SerializerMethodField(help_text="Null for what can be done now, or the reason why it cannot.")
    own_words = serializers.CharField(
        required=False, help_text="For the platform only: what the remote system said, where `error` puts it otherwise."
    )
    created_at = Time()
    started_at = Time(allow_null=True)
    finished_at = Time(allow_null=True)
    dismissed_at = Time(allow_null=True, help_text="When somebody had seen enough of how it ended; null if nobody has.")

    @extend_schema_field(ResourceRef)
    def get_resource(self, operation: Operation) -> dict[str, Any]:
        url = None
        for route in (f"api:{operation.resource_type}", f"api:fabric-{operation.resource_type}"):
            with suppress(NoReverseMatch):  # an account has no address
                url = url or reverse(route, [operation.resource_id], request=self.context.get("request"))
        return {"type": operation.resource_type, "id": str(operation.resource_id), "url": url}

    def get_sentence(self, operation: Operation) -> str:
        return sentences.sentence(operation, self._ahead(operation))

    @extend_schema_field(WaitsFor(allow_null=True))
    def get_waits_for(self, operation: Operation) -> Any:
        ahead = self._ahead(operation)
        return ahead and WaitsFor(ahead, context=self.context).data

    def _ahead(self, operation: Operation) -> queries.Ahead | None:
        ahead: dict[UUID, queries.Ahead] = self.context.get("ahead", {})
        return ahead.get(operation.pk)

    def get_error(self, operation: Operation) -> str | None:
        return operation.error or None

    def get_was_stuck(self, operation: Operation) -> str | None:
        return operation.stuck_by.get("error") or None

    @extend_schema_field(GivenUp(allow_null=True))
    def get_given_up(self, operation: Operation) -> dict[str, Any] | None:
        left = list(map(str, sentences.left_of(operation)))
        return {"by": operation.given_up["by"], "left": left} if operation.given_up else None

    @extend_schema_field(OperationCan)
    def get_can(self, operation: Operation) -> dict[str, str | None]:
        can = {
            action.replace(" ", "_"): operation.why_not(action)
            for action in ("cancel", "retry", "apply", "give up", "dismiss")
        }
        if caller_of(self.context.get("request")).platform is None:
            can["give_up"] = can["give_up"] or "Only your provider can give it up."
        return can


class LeftRead(serializers.Serializer[Any]):
    """What giving an operation up would mean."""

    reason = serializers.CharField(allow_null=True, help_text="Why it cannot be given up now; null when it can.")
    left = serializers.ListField(child=serializers.CharField(), help_text="What may then be left in each system.")


class GiveUpWrite(Body):
    """The confirmation: exactly what the same address says to GET."""

    left = Texts(max_length=500)


class StuckWrite(Body):
    """Which of the stuck operations; all that the caller may see, without any field."""

    kind = Text(required=False, help_text="Such as `vpc`, `tier`, `account`.")
    tenant = Text(required=False, help_text="For the platform: the short name of a tenant.")


class RetriedRead(serializers.Serializer[Any]):
    """What became of one of them."""

    id = serializers.UUIDField(source="operation.pk")
    title = serializers.CharField(source="operation.__str__")
    reason = serializers.CharField(allow_null=True, help_text="Why it was not retried; null when it was.")


class StuckRetried(serializers.Serializer[Any]):
    """Each that was tried, and how many more are stuck: call again for those."""

    results = RetriedRead(many=True)
    more = serializers.IntegerField()
