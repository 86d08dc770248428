"""Who may listen to which live updates, and whether they still may. Asked outside Django's request, in threads.

A pass remembers what it was given for: the session, the password that the session was made with, the tenant. It is good
as long as all of that is so.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.db import connection
from django.http import HttpRequest

from apps.kernel.channels import tenant_channel
from apps.operations import doorbell
from apps.operations.models import Operation
from apps.tenancy.actors import platform_of
from apps.tenancy.models import Membership, Session, Tenant, User

Scope = MutableMapping[str, Any]

PREFIX = "/events/"

GOOD = f"""
    SELECT asked.number
    FROM unnest(%s::int[], %s::text[], %s::bigint[], %s::text[], %s::uuid[])
        AS asked (number, session, person, password, tenant)
    JOIN {Session._meta.db_table} session ON session.session_key = asked.session AND session.expire_date > now()
    JOIN {User._meta.db_table} person
        ON person.id = asked.person AND person.is_active AND person.password = asked.password
    LEFT JOIN {Tenant._meta.db_table} tenant ON tenant.id = asked.tenant
    LEFT JOIN {Membership._meta.db_table} membership
        ON membership.user_id = person.id AND membership.tenant_id = tenant.id
    WHERE (membership.id IS NOT NULL AND tenant.disabled_at IS NULL)
        OR (person.is_platform_admin AND (asked.tenant IS NULL OR tenant.id IS NOT NULL))
"""  # noqa: S608 - the names of tables


@dataclass(frozen=True)
class Pass:
    channel: str
    user_id: int
    session_key: str
    password: str
    tenant_id: UUID | None


def good_of(passes: Sequence[Pass]) -> list[bool]:
    """Which of them are still good. One query, however many they are."""
    columns = (
        list(range(len(passes))),
        [one.session_key for one in passes],
        [one.user_id for one in passes],
        [one.password for one in passes],
        [one.tenant_id for one in passes],
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(GOOD, columns)
            good = {number for (number,) in cursor.fetchall()}
    finally:
        _close()
    return [number in good for number in range(len(passes))]


def pass_for(scope: Scope) -> Pass | None:
    """For the person behind a session, to what a path names; None for strangers."""
    if scope["method"] != "GET":
        return None
    path = scope["path"].removeprefix(PREFIX)
    try:
        session_key = _session_key(scope)
        user = _user(session_key) if session_key else None
        if user is None:
            return None
        found = None
        if match := re.fullmatch(r"operations/([0-9a-fA-F-]{36})", path):
            found = _operation_channel(user, match[1])
        elif match := re.fullmatch(r"t/([a-z0-9-]{1,32})", path):
            found = _tenant_channel(user, match[1])
        return Pass(found[0], user.pk, session_key, user.password, found[1]) if found else None
    finally:
        _close()


def _close() -> None:
    """The thread would keep its connection for as long as it lives."""
    if not connection.in_atomic_block:
        connection.close()


def _session_key(scope: Scope) -> str:
    cookies: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            with contextlib.suppress(CookieError):
                cookies.load(value.decode("latin-1"))
    morsel = cookies.get(settings.SESSION_COOKIE_NAME)
    return morsel.value if morsel else ""


def _user(session_key: str) -> User | None:
    """As Django's middleware does it, the check of the session's hash included."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def _operation_channel(user: User, text: str) -> tuple[str, UUID | None] | None:
    try:
        operation_id = UUID(text)
    except ValueError:
        return None
    if platform := platform_of(user):
        visible = Operation.objects.across(platform)
    else:
        tenants = Tenant.objects.filter(memberships__user=user, disabled_at=None)
        if not tenants:
            return None
        visible = functools.reduce(operator.or_, (Operation.objects.of(tenant) for tenant in tenants))
    operation = visible.filter(pk=operation_id).only("tenant_id").first()
    return (doorbell.channel(operation_id), operation.tenant_id) if operation else None


def _tenant_channel(user: User, slug: str) -> tuple[str, UUID] | None:
    tenants = Tenant.objects.filter(slug=slug)
    if platform_of(user) is None:
        tenants = tenants.filter(memberships__user=user, disabled_at=None)
    tenant = tenants.first()
    return (tenant_channel(tenant.pk), tenant.pk) if tenant else None
