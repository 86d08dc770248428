"""What pages show of members and people."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Q, QuerySet

from apps.kernel.errors import Forbidden, Never
from apps.kernel.named import containing
from apps.tenancy.actors import Platform, need_owner, need_write
from apps.tenancy.models import ApiToken, Membership, MembershipQuerySet, Role, Tenant, User


def why_not_write(membership: Membership) -> Never | None:
    """Why a member is not offered any change; None when they are. Every page of the tenant says it, once."""
    return _why_not(need_write, membership)


def why_not_manage(membership: Membership) -> Never | None:
    """Why a member is not offered any change of who belongs to the tenant."""
    return _why_not(need_owner, membership)


def members_of(tenant: Tenant, *, words: str = "") -> MembershipQuerySet:
    """With their people, by user name; those with these words in user name or e-mail address."""
    rows = Membership.objects.filter(tenant=tenant).with_other_owner().select_related("user", "tenant")
    if words:
        rows = rows.filter(containing("user__username_key", words) | Q(user__email__icontains=words))
    return rows.order_by("user__username_key")


def tokens_seen_by(membership: Membership) -> QuerySet[ApiToken]:
    """Owners see all of their tenant's, others their own."""
    rows = ApiToken.objects.of(membership.tenant).kept().select_related("created_by").order_by("name", "created_at")
    return rows if membership.role == Role.OWNER else rows.filter(created_by=membership.user_id)


def tokens_of_platform(by: Platform) -> QuerySet[ApiToken]:
    rows = ApiToken.objects.across(by).filter(tenant=None).kept()
    return rows.select_related("created_by").order_by("name", "created_at")


def search_people(_by: Platform, *, words: str = "") -> QuerySet[User]:
    """Everybody who has an account, with their memberships. The platform sees them all."""
    rows = User.objects.prefetch_related("memberships__tenant").order_by("username_key")
    return rows.filter(containing("username_key", words) | Q(email__icontains=words)) if words else rows


def _why_not(need: Callable[[Membership], None], membership: Membership) -> Never | None:
    try:
        need(membership)
    except Forbidden as refusal:
        return Never(refusal.message)
    return None
