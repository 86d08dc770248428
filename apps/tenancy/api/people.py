"""Everybody who has an account, for the platform alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api import etag
from apps.kernel.api.fields import Address, Time
from apps.kernel.api.pagination import CursorPages
from apps.kernel.api.transactions import joined
from apps.kernel.shortcuts import get_or_404
from apps.tenancy import services
from apps.tenancy.api.callers import caller_of
from apps.tenancy.api.serializers import TenantRef
from apps.tenancy.api.views import List, One, PlatformRows
from apps.tenancy.links import link_of
from apps.tenancy.models import Role, User
from apps.tenancy.services.people import why_not_disable


class PersonTenant(serializers.Serializer[Any]):
    """A tenant that somebody is in, and as what."""

    tenant = TenantRef()
    role = serializers.ChoiceField(choices=Role.choices)


class PersonCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    disable = serializers.SerializerMethodField()
    enable = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "nullable": True})
    def get_disable(self, user: User) -> str | None:
        caller = caller_of(self.context.get("request"))
        return why_not_disable(user, caller.actor)

    @extend_schema_field({"type": "string", "nullable": True})
    def get_enable(self, user: User) -> str | None:
        return "They can sign in already." if user.is_active else None


class PersonRead(serializers.Serializer[Any]):
    """Somebody who has an account."""

    id = serializers.UUIDField(source="uuid")
    url = Address("api:person", source="uuid")
    user = serializers.CharField(source="username", help_text="The user name.")
    email = serializers.CharField(help_text="Empty when none is known.")
    is_active = serializers.BooleanField(help_text="Whether they can sign in.")
    is_platform_admin = serializers.BooleanField()
    tenants = PersonTenant(many=True, source="memberships.all")
    created_at = Time(source="date_joined")
    last_signed_in_at = Time(source="last_login", allow_null=True)
    can = PersonCan(source="*")


class PasswordLink(serializers.Serializer[Any]):
    """A link with which somebody sets a new password."""

    user = serializers.CharField(help_text="The user name.")
    link = serializers.CharField(
        allow_null=True,
        help_text="Give it to the person: who holds it gets what they have. It is shown this once; null when repeated.",
    )


class PeoplePages(CursorPages):
    moment = "date_joined"
    identity = "uuid"


class PersonRows(PlatformRows[User]):
    serializer_class = PersonRead
    filter_backends = []
    pagination_class = PeoplePages

    def get_queryset(self) -> QuerySet[User]:
        return User.objects.prefetch_related("memberships__tenant")


@extend_schema(summary="List people")
class PersonList(PersonRows, List[User]):
    pass


@extend_schema(summary="Read a person")
class PersonOne(PersonRows, One[User]):
    def get(self, request: Request, pk: str) -> Response:
        return etag.tagged(request, self.show(get_or_404(self.get_queryset(), uuid=pk)))


class PersonVerb(PersonRows):
    def act(self, pk: str, service: Callable[..., None]) -> Response:
        return self.once(lambda: self._acted(pk, service))

    def _acted(self, pk: str, service: Callable[..., None]) -> Response:
        joined(service)(get_or_404(self.get_queryset(), uuid=pk), by=self.platform)
        return Response(self.show(get_or_404(self.get_queryset(), uuid=pk)))


class PersonDisable(PersonVerb):
    @extend_schema(summary="Disable a person", operation_id="people_disable", request=None, responses={200: PersonRead})
    def post(self, request: Request, pk: str) -> Response:
        """They are signed out everywhere, cannot sign in, and their tokens open nothing, until enabled again."""
        return self.act(pk, services.disable_person)


class PersonPassword(PersonRows):
    @extend_schema(
        summary="Make a link for a new password",
        operation_id="people_password_link",
        request=None,
        responses={201: PasswordLink},
    )
    def post(self, request: Request, pk: str) -> Response:
        """For who has forgotten theirs. It works once, for a day, and not any more once they have signed in."""
        return self.once(lambda: self._offer(request, pk), shown_once="link")

    def _offer(self, request: Request, pk: str) -> Response:
        user = get_or_404(self.get_queryset(), uuid=pk)
        secret = joined(services.offer_password)(user, by=self.platform)
        link = link_of(request._request, secret, to="new-password")
        return Response({"user": user.username, "link": link}, status=201)


class PersonEnable(PersonVerb):
    @extend_schema(summary="Enable a person", operation_id="people_enable", request=None, responses={200: PersonRead})
    def post(self, request: Request, pk: str) -> Response:
        """They can sign in again, and their tokens open what they did."""
        return self.act(pk, services.enable_person)
