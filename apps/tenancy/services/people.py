"""Somebody's own password and sessions, and who may sign in at all. None of this belongs to a tenant."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.hashers import make_password
from django.db import transaction

from apps.kernel.errors import Forbidden, Refused
from apps.kernel.locks import hold_row, hold_rows
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.models import Session, User
from apps.tenancy.passwordlinks import make_secret, person_of
from apps.tenancy.services.record import audit, tell_of_rights
from apps.tenancy.sessions import name_of

ONESELF = "You would lock yourself out. Another platform admin can do this."


def change_password(user: User, password: str, *, keep: str | None, by: Actor) -> None:
    """Set a new one. All sessions end but that with the key `keep`."""
    hashed = make_password(password)  # takes its time, with no row held
    with transaction.atomic(durable=True):
        user.password = hashed
        user.save(update_fields=["password"])
        ended = _end(user, lambda session: session.session_key != keep)
        audit(by, "password.change", user, tenant=None, new={"sessions_ended": ended})


@transaction.atomic(durable=True)
def offer_password(user: User, *, by: Platform) -> str:
    """For who has forgotten theirs: the secret of a link with which a new one is set, once and within a day. It says
    nothing any more once they have signed in. For platform admins alone: it opens whatever the person has."""
    user = _held(user, by)
    if not user.is_active:
        raise Refused("not-now", "They are disabled. Enable them first.")
    audit(by.actor, "password.link", user, tenant=None)
    return make_secret(user, by=by.actor.person)


def set_password_with_link(secret: str, password: str) -> User:
    """Raises `Refused` when the link opens nothing any more."""
    hashed = make_password(password)  # takes its time, with no row held
    with transaction.atomic(durable=True):
        hold_row(person_of(secret))
        user = person_of(secret)  # whoever was a moment faster has used it up
        user.password = hashed
        user.save(update_fields=["password"])
        ended = _end(user, lambda _session: True)
        new = {"sessions_ended": ended, "with": "a link"}
        audit(Actor.of_user(user), "password.change", user, tenant=None, new=new)
    return user


@transaction.atomic(durable=True)
def end_sessions(user: User, name: str | None, *, keep: str | None, by: Actor) -> int:
    """The one that goes by this name (`sessions.name_of`), or without a name all but `keep`. Returns how many."""
    ended = _end(user, lambda each: name_of(each.session_key) == name if name else each.session_key != keep)
    if ended:
        audit(by, "session.end", user, tenant=None, new={"sessions_ended": ended})
    return ended


@transaction.atomic(durable=True)
def disable_person(user: User, *, by: Platform) -> None:
    """They are signed out everywhere and cannot sign in, and their tokens open nothing, until enabled again."""
    user = _held(user, by)
    if by.actor.person == user:
        raise Refused("not-oneself", ONESELF)
    if user.is_active:
        user.is_active = False
        user.save(update_fields=["is_active"])
        ended = _end(user, lambda _session: True)
        audit(by.actor, "person.disable", user, tenant=None, new={"sessions_ended": ended})


def why_not_disable(user: User, by: Actor) -> str | None:
    if not user.is_active:
        return "They are disabled already."
    return ONESELF if by.person == user else None


@transaction.atomic(durable=True)
def enable_person(user: User, *, by: Platform) -> None:
    user = _held(user, by)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        audit(by.actor, "person.enable", user, tenant=None)


def _held(user: User, by: Platform) -> User:
    """Admins who disable each other are one after the other: the second is an admin no more."""
    admins = User.objects.filter(is_platform_admin=True)
    hold_rows(admins | User.objects.filter(pk=user.pk))
    person = by.actor.person
    if person is not None and not admins.filter(pk=person.pk, is_active=True).exists():
        raise Forbidden("Only a platform admin may do this.")
    return User.objects.get(pk=user.pk)


def _end(user: User, is_meant: Callable[[Session], bool]) -> int:
    keys = [session.session_key for session in user.sessions.only("session_key") if is_meant(session)]
    user.sessions.filter(pk__in=keys).delete()
    tell_of_rights(user)
    return len(keys)
