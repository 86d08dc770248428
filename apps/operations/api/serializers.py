"""An operation as scripts follow it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.urls import NoReverseMatch
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from apps.kernel.api.fields import Address, Time
from apps.operations.filters import LIVE_STATUSES
from apps.operations.models import Operation
from apps.operations.state import Phase
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


class OperationRead(Read):
    """One attempt to make something real, or to take it away."""

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
    error = serializers.SerializerMethodField(help_text="Why it is stuck, or was undone.")
    own_words = serializers.CharField(
        required=False, help_text="For the platform only: what the remote system said, where `error` puts it otherwise."
    )
    created_at = Time()
    started_at = Time(allow_null=True)
    finished_at = Time(allow_null=True)

    @extend_schema_field(ResourceRef)
    def get_resource(self, operation: Operation) -> dict[str, Any]:
        url = None
        with suppress(NoReverseMatch):  # an account has no address
            url = reverse(
                f"api:{operation.resource_type}", [operation.resource_id], request=self.context.get("request")
            )
        return {"type": operation.resource_type, "id": str(operation.resource_id), "url": url}

    def get_error(self, operation: Operation) -> str | None:
        return operation.error or None
