"""Who belongs to a tenant, and who is asked to. Owners change it; the platform sees all of it, and invites."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.bodies import Body, Text
from apps.kernel.api.fields import Address, Time
from apps.kernel.api.transactions import joined
from apps.kernel.locks import hold_row
from apps.tenancy import services
from apps.tenancy.api.callers import caller_of
from apps.tenancy.api.serializers import Read, TenantRef
from apps.tenancy.api.views import ApiView, List, One, Rows, tenant_named
from apps.tenancy.emails import MOST
from apps.tenancy.links import link_of
from apps.tenancy.models import Invitation, Membership, Role
from apps.tenancy.roles import parse_role

ROLES = "`owner`, `engineer` or `viewer`."
OWNERS_ONLY = "Only an owner of the tenant may do this."


class MemberCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    change_role = serializers.SerializerMethodField()
    remove = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "nullable": True})
    def get_change_role(self, membership: Membership) -> str | None:
        return self._why_not(membership)

    @extend_schema_field({"type": "string", "nullable": True})
    def get_remove(self, membership: Membership) -> str | None:
        return self._why_not(membership)

    def _why_not(self, membership: Membership) -> str | None:
        return why_not_owner(self.context.get("request")) or membership.why_not_part


def why_not_owner(request: Request | None) -> str | None:
    caller = caller_of(request)
    return None if caller.role == Role.OWNER and caller.may_write else OWNERS_ONLY


class MemberRead(Read):
    """A person in a tenant."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    url = Address("api:member")
    tenant = TenantRef(required=False, help_text="For the platform only.")
    user = serializers.CharField(source="user.username", help_text="The user name.")
    email = serializers.CharField(source="user.email", help_text="Empty when none is known.")
    role = serializers.ChoiceField(choices=Role.choices)
    is_active = serializers.BooleanField(
        source="user.is_active", help_text="False when the provider has disabled the person: they cannot sign in."
    )
    created_at = Time()
    can = MemberCan(source="*")


@extend_schema_field({"type": "string", "maxLength": 16, "example": "engineer"})
class RoleText(Text):
    pass


class MemberChange(Body):
    """What a member is from now on."""

    role = RoleText(max_length=16, help_text=ROLES)


class MemberRows(Rows[Membership]):
    serializer_class = MemberRead
    tenant_path = "tenant"
    written_by = "owner"

    def get_queryset(self) -> QuerySet[Membership]:
        rows = Membership.objects.filter(tenant__in=self.caller.tenants)
        return rows.with_other_owner().select_related("user", "tenant")

    def hold_first(self, row: Membership) -> None:
        hold_row(row.tenant)


@extend_schema(summary="List members")
class MemberList(MemberRows, List[Membership]):
    pass


@extend_schema(summary="Read a member")
class MemberOne(MemberRows, One[Membership]):
    @extend_schema(summary="Change a member's role", request=MemberChange, responses=MemberRead)
    def patch(self, request: Request, pk: str) -> Response:
        """From their next request on. A tenant keeps an owner."""
        values = MemberChange.of(request)
        with self.changing(pk) as membership:
            role = parse_role(values["role"])
            joined(services.change_role)(membership, role, by=self.caller.actor)
        return self.shown(pk)

    @extend_schema(summary="Remove a member", request=None, responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """At once: what they have open of the tenant ends, and their tokens for it. Their account stays."""
        with self.changing(pk) as membership:
            joined(services.remove_member)(membership, by=self.caller.actor)
        return Response(status=204)


class MemberOwn(ApiView):
    written_by = "member"

    @extend_schema(summary="Leave the tenant", request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """What an owner's removal is, by the person whose token or session it is. A tenant keeps an owner."""
        if self.caller.tenant is None:
            raise PermissionDenied("The platform is no member of a tenant.", "tenant-token-needed")
        services.leave(self.caller.tenant, by=self.caller.actor)
        return Response(status=204)


class InvitationCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    withdraw = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "nullable": True})
    def get_withdraw(self, _invitation: Invitation) -> str | None:
        return why_not_owner(self.context.get("request"))


class InvitationRead(Read):
    """A link with which one person can join a tenant, once."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    url = Address("api:invitation")
    tenant = TenantRef(required=False, help_text="For the platform only.")
    email = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    invited_by = serializers.CharField()
    created_at = Time()
    expires_at = Time(help_text="A day after it was made. Then the link opens nothing.")
    can = InvitationCan(source="*")


class Invited(InvitationRead):
    """A new invitation, with its link."""

    link = serializers.CharField(
        allow_null=True,
        help_text="Give it to the person: who holds it can join. It is shown this once; null in a repeated answer.",
    )


class InvitationWrite(Body):
    """Whom to invite, as what."""

    email = Text(max_length=MOST, help_text="For whom the link is. Whether they have an account makes no difference.")
    role = RoleText(max_length=16, help_text=ROLES)
    tenant = Text(required=False, max_length=32, help_text="For the platform: the short name of the tenant.")


class InvitationRows(Rows[Invitation]):
    serializer_class = InvitationRead
    tenant_path = "tenant"
    written_by = "owners"

    def get_queryset(self) -> QuerySet[Invitation]:
        """To who cannot invite there are none: a link's address is nobody else's business."""
        rows = self.caller.through(Invitation.objects).select_related("tenant")
        return rows if self.caller.role in (None, Role.OWNER) else rows.none()

    def hold_first(self, row: Invitation) -> None:
        hold_row(row.tenant)


@extend_schema(summary="List invitations")
class InvitationList(InvitationRows, List[Invitation]):
    @extend_schema(summary="Invite a person", request=InvitationWrite, responses={201: Invited})
    def post(self, request: Request) -> Response:
        """Makes a link, valid for a day, with which its holder joins. An earlier one for the same address is void."""
        values = InvitationWrite.of(request)
        return self.once(lambda: self._invite(request, values), shown_once="link")

    def _invite(self, request: Request, values: dict[str, Any]) -> Response:
        tenant = tenant_named(self.caller, values.get("tenant"))
        role = parse_role(values["role"])
        invitation, secret = joined(services.invite)(tenant, values["email"], role, by=self.caller.actor)
        invitation.link = link_of(request._request, secret)  # type: ignore[attr-defined]
        data = Invited(invitation, context=self.get_serializer_context()).data
        return Response(data, status=201, headers={"Location": data["url"]})


@extend_schema(summary="Read an invitation")
class InvitationOne(InvitationRows, One[Invitation]):
    @extend_schema(summary="Withdraw an invitation", request=None, responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Its link opens nothing any more."""
        with self.changing(pk) as invitation:
            joined(services.withdraw)(invitation, by=self.caller.actor)
        return Response(status=204)
