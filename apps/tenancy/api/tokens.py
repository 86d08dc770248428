"""Tokens: everybody's own, in a tenant. Owners see and revoke all of their tenant's; the platform sees them all."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.bodies import Body, Count, NameText, Text
from apps.kernel.api.fields import Address, Time
from apps.kernel.api.transactions import joined
from apps.kernel.errors import Refused
from apps.tenancy import services
from apps.tenancy.api.serializers import Read, TenantRef
from apps.tenancy.api.views import List, One, Rows
from apps.tenancy.models import ApiToken, Role, Scope
from apps.tenancy.services.tokens import LONGEST_DAYS


class TokenRead(Read):
    """A key for automation. It may what its person may, within its scope."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    url = Address("api:token")
    tenant = TenantRef(required=False, allow_null=True, help_text="For the platform only; null for a token of its own.")
    name = serializers.CharField()
    scope = serializers.ChoiceField(choices=Scope.choices)
    user = serializers.CharField(
        source="created_by.username",
        default=None,
        allow_null=True,
        help_text="Whose it is; null for the command line's.",
    )
    created_at = Time()
    expires_at = Time(allow_null=True, help_text="Null when it never runs out.")
    last_used_at = Time(allow_null=True, help_text="To the minute; null when it never was.")


class TokenIssued(TokenRead):
    """A new token, with its secret."""

    secret = serializers.CharField(
        allow_null=True,
        help_text="Send it as `Authorization: Bearer`. It is shown this once; null in a repeated answer.",
    )


@extend_schema_field({"type": "string", "maxLength": 8, "example": "read"})
class ScopeText(Text):
    pass


class TokenWrite(Body):
    """A token to be, of the person who asks."""

    name = NameText()
    scope = ScopeText(required=False, max_length=8, help_text="`read`, which it is if not given, or `write`.")
    days = Count(
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        help_text="How long it lasts. Without, it never runs out, or when the token does that it was asked for with.",
    )


class TokenRows(Rows[ApiToken]):
    serializer_class = TokenRead
    tenant_path = "tenant"
    written_by = "member"

    def get_queryset(self) -> QuerySet[ApiToken]:
        rows = self.caller.through(ApiToken.objects).kept().select_related("tenant", "created_by")
        if self.caller.role in (None, Role.OWNER):
            return rows
        actor = self.caller.actor
        itself = actor.token.pk if actor.token else None
        return rows.filter(Q(pk=itself) | Q(created_by=actor.person, created_by__isnull=False))


@extend_schema(summary="List tokens")
class TokenList(TokenRows, List[ApiToken]):
    @extend_schema(summary="Issue a token", request=TokenWrite, responses={201: TokenIssued})
    def post(self, request: Request) -> Response:
        """It is the person's who asks, also when they ask with a token, and ends when they leave the tenant."""
        values = TokenWrite.of(request)
        return self.once(lambda: self._issue(values), shown_once="secret")

    def _issue(self, values: dict[str, Any]) -> Response:
        scope = parse_scope(values.pop("scope", Scope.READ))
        token, secret = joined(services.issue_token)(self.caller.tenant, **values, scope=scope, by=self.caller.actor)
        token.secret = secret  # type: ignore[attr-defined]
        data = TokenIssued(token, context=self.get_serializer_context()).data
        return Response(data, status=201, headers={"Location": data["url"]})


@extend_schema(summary="Read a token")
class TokenOne(TokenRows, One[ApiToken]):
    @extend_schema(summary="Revoke a token", request=None, responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """It opens nothing from the next request on."""
        with self.changing(pk) as token:
            joined(services.revoke_token)(token, by=self.caller.actor)
        return Response(status=204)


def parse_scope(value: str) -> Scope:
    try:
        return Scope(value)
    except ValueError as error:
        raise Refused("scope-unknown", f"There is no such scope. Known: {', '.join(Scope.values)}.", "scope") from error
