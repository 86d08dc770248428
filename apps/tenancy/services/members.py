"""Who belongs to a tenant, and as what.

An owner invites a person and gets a link; who opens it joins with an account of their own, or makes one. So a tenant
learns nothing about other tenants' people: whether an address has an account makes no difference to any answer. And it
gains nothing by a wrong address: a link makes its holder a member, and touches no account that is there.

A tenant keeps an owner who can sign in. All changes to who belongs to it hold the tenant's row first, so two owners who
remove each other are one after the other: the second is an owner no more.
"""

from __future__ import annotations

import secrets

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, models, transaction

from apps.kernel import clock
from apps.kernel.errors import Forbidden, Refused
from apps.kernel.locks import hold_row
from apps.kernel.names import USERNAME
from apps.tenancy.actors import Actor
from apps.tenancy.emails import parse_email, username_for
from apps.tenancy.models import (
    ApiToken,
    Invitation,
    Membership,
    MembershipQuerySet,
    Role,
    Scope,
    Tenant,
    User,
    digest_of,
)
from apps.tenancy.services.record import audit, tell_of_rights

#: Of one tenant at a time.
MOST_INVITATIONS = 200


@transaction.atomic(durable=True)
def invite(tenant: Tenant, email: str, role: Role, *, by: Actor) -> tuple[Invitation, str]:
    """Make a link for somebody to join with. Returns its secret, which is shown once. An earlier link for the same
    address is void from then on."""
    email = parse_email(email, "email")
    _hold(tenant, by)
    if Membership.objects.filter(tenant=tenant, user__email__iexact=email).exists():
        raise Refused("already-member", f"A member of {tenant} has this address.", "email")
    before = Invitation.objects.of(tenant)
    if before.standing().count() >= MOST_INVITATIONS:
        message = f"{MOST_INVITATIONS} invitations stand open. Withdraw some, or wait until they run out."
        raise Refused("too-many-invitations", message)
    secret, now = Invitation.new_secret(), clock.now()
    invitation = Invitation(
        tenant=tenant,
        email=email,
        role=role,
        username=username_for(email),
        digest=digest_of(secret),
        invited_by=by.name,
        created_by=by.person,
        created_at=now,
        expires_at=now + Invitation.LIFE,
    )
    before.filter(email_key=Invitation._meta.get_field("email_key").pre_save(invitation, add=True)).delete()
    invitation.save(force_insert=True)
    audit(by, "member.invite", invitation, tenant=tenant, new={"email": email, "role": role})
    return invitation, secret


@transaction.atomic(durable=True)
def withdraw(invitation: Invitation, *, by: Actor) -> None:
    """The link opens nothing any more. Raises `Refused` when it was used a moment ago."""
    tenant = invitation.tenant
    _hold(tenant, by)
    if not Invitation.objects.of(tenant).filter(pk=invitation.pk).select_for_update(no_key=True).exists():
        raise Refused("not-now", "This link was used or withdrawn a moment ago. Look again at who is a member.")
    audit(by, "member.withdraw", invitation, tenant=tenant, old={"email": invitation.email, "role": invitation.role})
    invitation.delete()


def standing_invitation(secret: str) -> Invitation:
    """What a link is for. Raises `Refused` when it opens nothing any more."""
    return _found(secret, Invitation.unscoped.all())


def join_as_new(secret: str, password: str) -> User:
    """Use a link, and make an account for it. Raises `Refused` when the link opens nothing any more."""
    password = make_password(password)  # takes its time, with no row held
    with transaction.atomic(durable=True):
        invitation = _take(secret)
        user = _new_user(invitation, password)
        audit(Actor.of_user(user), "person.create", user, tenant=None, new={"email": user.email})
        _enter(user, invitation)
    return user


@transaction.atomic(durable=True)
def join(secret: str, user: User) -> Membership:
    """Use a link as somebody who has an account. Raises `Refused` when the link opens nothing any more."""
    invitation = _take(secret)
    if user.memberships.filter(tenant=invitation.tenant).exists():
        message = f"You are a member of {invitation.tenant} already. An owner can change your role there."
        raise Refused("already-member", message)
    return _enter(user, invitation)


@transaction.atomic(durable=True)
def change_role(membership: Membership, role: Role, *, by: Actor) -> Membership:
    """From the next request on. Raises `Refused` for the last owner."""
    membership = _held(membership, by)
    if reason := membership.why_not_part if role != Role.OWNER else None:
        raise Refused("last-owner", reason, "role")
    _set_role(membership, role, by=by)
    return membership


@transaction.atomic(durable=True)
def remove_member(membership: Membership, *, by: Actor) -> None:
    """At once: whatever the person has open of this tenant ends, and their tokens for it. The account stays, and what
    it has with other tenants. Raises `Refused` for the last owner."""
    _end(_held(membership, by), "member.remove", by=by)


@transaction.atomic(durable=True)
def leave(tenant: Tenant, *, by: Actor) -> None:
    """What removal is, by oneself and whatever one's role. Raises `Refused` for the last owner, and for a token that is
    nobody's own."""
    hold_row(tenant)
    if by.person is None:
        raise Refused("nobody", f"This token is nobody's own, so nobody can leave {tenant} with it.")
    if by.token is not None and not ApiToken.unscoped.usable().filter(pk=by.token.pk, scope=Scope.WRITE).exists():
        raise Forbidden("This token opens nothing any more.")
    membership = _locked().filter(tenant=tenant, user=by.person).first()
    if membership is None:
        raise Refused("not-now", f"You are no member of {tenant} any more.")
    _end(membership, "member.leave", by=by)


def _end(membership: Membership, action: str, *, by: Actor) -> None:
    if reason := membership.why_not_part:
        raise Refused("last-owner", reason)
    user, tenant = membership.user, membership.tenant
    tokens = ApiToken.objects.of(tenant).kept().filter(created_by=user)
    names = sorted(tokens.values_list("name", flat=True))
    tokens.update(revoked_at=clock.now())
    old = {"user": user.username, "role": membership.role} | ({"tokens": names} if names else {})
    audit(by, action, membership, tenant=tenant, old=old)
    membership.delete()
    tell_of_rights(user)


@transaction.atomic(durable=True)
def add_member(tenant: Tenant, username: str, role: Role, *, by: Actor) -> str | None:
    """Make somebody a member, or give a member another role: for the command line. Returns the password of a user made
    for it, else None.

    Raises `Refused` for what is no user name, and for the last owner."""
    username = USERNAME.parse(username, "username")
    _hold(tenant, by)
    password = None
    try:
        user = User.objects.get_by_natural_key(username)
    except User.DoesNotExist:
        password = secrets.token_urlsafe(16)
        user = User.objects.create_user(username, password=password)
    membership = Membership.objects.with_other_owner().filter(user=user, tenant=tenant).first()
    if membership is None:
        membership = Membership.objects.create(user=user, tenant=tenant, role=role)
        audit(by, "member.set", membership, tenant=tenant, new={"user": user.username, "role": role})
        tell_of_rights(user)
        return password
    if role != Role.OWNER and (reason := membership.why_not_part):
        raise Refused("last-owner", reason)
    _set_role(membership, role, by=by)
    return password


def may_manage(tenant: Tenant, by: Actor) -> bool:
    """Whether somebody is, now, an owner of the tenant or the platform."""
    if by.is_unbound:
        return True
    if by.token is not None:
        token = ApiToken.unscoped.usable().filter(pk=by.token.pk, scope=Scope.WRITE).first()
        return token is not None and token.tenant_id in (None, tenant.pk) and token.role in (None, Role.OWNER)
    person = User.objects.filter(pk=by.user.pk, is_active=True) if by.user else User.objects.none()
    owners = Membership.objects.active_owners().filter(tenant=tenant)
    return person.filter(is_platform_admin=True).exists() or owners.filter(user__in=person).exists()


def _hold(tenant: Tenant, by: Actor) -> None:
    """Nobody else changes who belongs to the tenant until the transaction ends. Raises `Forbidden` for who could a
    moment ago, and cannot any more."""
    hold_row(tenant)
    if not may_manage(tenant, by):
        raise Forbidden(f"Only an owner of {tenant} may do this.")


def _held(membership: Membership, by: Actor) -> Membership:
    _hold(membership.tenant, by)
    found = _locked().filter(pk=membership.pk).first()
    if found is None:
        raise Refused("not-now", f"{membership.user} is no member of {membership.tenant} any more.")
    return found


def _locked() -> MembershipQuerySet:
    rows = Membership.objects.with_other_owner().select_related("user", "tenant")
    return rows.select_for_update(of=("self",), no_key=True)  # who makes a token of the tenant holds it, too


def _set_role(membership: Membership, role: Role, *, by: Actor) -> None:
    old = membership.role
    membership.role = role
    membership.save(update_fields=["role"])
    new = {"user": membership.user.username, "role": role}
    audit(by, "member.set", membership, tenant=membership.tenant, old={"role": old}, new=new)
    tell_of_rights(membership.user)


def _take(secret: str) -> Invitation:
    """The invitation behind a link, which nobody else can use from now on."""
    return _found(secret, Invitation.unscoped.select_for_update(of=("self",), no_key=True))


def _found(secret: str, rows: models.QuerySet[Invitation]) -> Invitation:
    invitation = rows.filter(digest=digest_of(secret), tenant__disabled_at=None).select_related("tenant").first()
    if invitation is None or not Invitation.unscoped.standing().filter(pk=invitation.pk).exists():
        why = "it was used or withdrawn, is older than 24 hours, or was made by somebody who may not any more"
        raise Refused("link-void", f"This link opens nothing: {why}.")
    return invitation


def _enter(user: User, invitation: Invitation) -> Membership:
    tenant, role = invitation.tenant, invitation.role
    membership = Membership.objects.create(user=user, tenant=tenant, role=role)
    new = {"user": user.username, "role": role, "invited": invitation.email, "by": invitation.invited_by}
    audit(Actor.of_user(user), "member.join", membership, tenant=tenant, new=new)
    invitation.delete()
    tell_of_rights(user)
    return membership


def _new_user(invitation: Invitation, password: str) -> User:
    """Named as the invitation says; otherwise, should somebody have that name by now, in the same manner."""
    username = invitation.username
    while True:
        user = User(username=username, email=invitation.email, password=password)
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError:
            username = username_for(invitation.email)
        else:
            return user
