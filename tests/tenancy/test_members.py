"""Who belongs to a tenant: links to join with, roles, removal. What a link can do, and what it cannot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from apps.accounts.services import disable_tenant
from apps.kernel.errors import Forbidden, Refused
from apps.tenancy import services
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.models import ApiToken, AuditEntry, Invitation, Membership, Role, Scope, Tenant, User
from apps.tenancy.services.members import standing_invitation
from tests import builders

pytestmark = pytest.mark.django_db

PASSWORD = "warp and weft and a shuttle"


@pytest.fixture
def boss(acme: Tenant) -> User:
    return builders.a_member(acme, Role.OWNER, "olive")


@pytest.fixture
def by(boss: User) -> Actor:
    return Actor.of_user(boss)


def membership_of(user: User, tenant: Tenant) -> Membership:
    return Membership.objects.get(user=user, tenant=tenant)


def refusal_of(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.code


# --- links ------------------------------------------------------------------------------------------------------------


def test_who_holds_a_link_makes_an_account_and_joins(acme, by):
    _, secret = services.invite(acme, "Ann@Example.net", Role.ENGINEER, by=by)
    user = services.join_as_new(secret, PASSWORD)

    assert user.email == "Ann@example.net"
    assert user.username.startswith("ann-")
    assert user.check_password(PASSWORD)
    assert membership_of(user, acme).role == Role.ENGINEER


@pytest.mark.parametrize("loss", ["removed", "an owner no more", "disabled"])
def test_with_the_right_to_invite_go_the_links_that_were_made_with_it(acme, by, admin, loss):
    second = builders.a_member(acme, Role.OWNER, "second")
    token, _ = services.issue_token(acme, name="deploy", by=Actor.of_user(second))
    secrets = [
        services.invite(acme, f"{name}@example.net", Role.OWNER, by=actor)[1]
        for name, actor in (("one", Actor.of_user(second)), ("two", Actor.of_token(token)))
    ]
    theirs = services.invite(acme, "three@example.net", Role.OWNER, by=by)[1]
    for secret in (*secrets, theirs):
        assert standing_invitation(secret).tenant == acme
    match loss:
        case "removed":
            services.remove_member(membership_of(second, acme), by=by)
        case "an owner no more":
            services.change_role(membership_of(second, acme), Role.ENGINEER, by=by)
        case _:
            services.disable_person(second, by=Platform(Actor.of_user(admin)))

    for secret in secrets:
        assert refusal_of(partial(services.join_as_new, secret, PASSWORD)) == "link-void"
        assert refusal_of(partial(services.join, secret, second)) == "link-void"
    assert [row.email for row in Invitation.objects.of(acme).standing()] == ["three@example.net"]
    assert services.join_as_new(theirs, PASSWORD).email == "three@example.net"


def test_a_link_that_was_used_a_moment_ago_is_not_said_to_be_withdrawn(acme, by):
    invitation, secret = services.invite(acme, "ann@example.net", Role.VIEWER, by=by)
    services.join_as_new(secret, PASSWORD)

    assert refusal_of(lambda: services.withdraw(invitation, by=by)) == "not-now"
    assert not AuditEntry.objects.of(acme).filter(action="member.withdraw").exists()


def test_who_has_an_account_joins_with_it(acme, globex, by, stranger):
    _, secret = services.invite(acme, stranger.email, Role.VIEWER, by=by)
    before = stranger.password
    services.join(secret, stranger)

    assert {each.tenant.slug for each in stranger.memberships.all()} == {"acme", "globex"}
    stranger.refresh_from_db()
    assert stranger.password == before


def test_a_link_works_once(acme, by, stranger):
    _, secret = services.invite(acme, "ann@example.net", Role.OWNER, by=by)
    services.join_as_new(secret, PASSWORD)

    assert refusal_of(lambda: services.join_as_new(secret, PASSWORD)) == "link-void"
    assert refusal_of(lambda: services.join(secret, stranger)) == "link-void"
    assert User.objects.filter(email="ann@example.net").count() == 1


@pytest.mark.parametrize("how", ["expired", "tampered", "withdrawn", "made anew", "its tenant disabled", "empty"])
def test_a_link_that_is_not_good_any_more_opens_nothing(how, acme, by, clock):
    invitation, secret = services.invite(acme, "ann@example.net", Role.OWNER, by=by)
    match how:
        case "expired":
            clock.shift(timedelta(hours=24, seconds=1))
        case "tampered":
            secret = secret[:-1] + ("A" if secret[-1] != "A" else "B")
        case "withdrawn":
            services.withdraw(invitation, by=by)
        case "made anew":
            services.invite(acme, "ANN@example.net", Role.OWNER, by=by)
        case "its tenant disabled":
            disable_tenant(acme, by=builders.the_platform())
        case "empty":
            secret = ""
    before = User.objects.count()

    assert refusal_of(lambda: services.join_as_new(secret, PASSWORD)) == "link-void"
    assert User.objects.count() == before


def test_a_link_is_good_for_a_day(acme, by, clock):
    _, secret = services.invite(acme, "ann@example.net", Role.VIEWER, by=by)
    clock.shift(timedelta(hours=23, minutes=59))

    services.join_as_new(secret, PASSWORD)


def test_whether_an_address_has_an_account_makes_no_difference(acme, by, stranger):
    """Not to who invites, nor to who opens the link: the same fields, and a user name with chance at its end."""
    known, known_secret = services.invite(acme, stranger.email, Role.VIEWER, by=by)
    unknown, unknown_secret = services.invite(acme, "new@example.net", Role.VIEWER, by=by)

    assert known.username.rpartition("-")[0] == "bob"
    assert unknown.username.rpartition("-")[0] == "new"
    joined = [services.join_as_new(known_secret, PASSWORD), services.join_as_new(unknown_secret, PASSWORD)]
    assert stranger not in joined
    assert [user.email for user in joined] == [stranger.email, "new@example.net"]


def test_an_address_that_is_a_members_is_not_invited_again(acme, by, engineer):
    code = refusal_of(lambda: services.invite(acme, engineer.email.upper(), Role.OWNER, by=by))

    assert code == "already-member"


def test_a_member_does_not_climb_by_a_link(acme, by, engineer):
    _, secret = services.invite(acme, "other@example.net", Role.OWNER, by=by)

    assert refusal_of(lambda: services.join(secret, engineer)) == "already-member"
    assert membership_of(engineer, acme).role == Role.ENGINEER
    assert Invitation.objects.of(acme).count() == 1


@pytest.mark.parametrize(
    "address",
    ["", "ann", "ann@", "@example.net", "a nn@example.net", "änn@example.net", "a@b@c.de", "x" * 250 + "@a.de"],
)
def test_what_is_no_address_is_refused(address, acme, by):
    assert refusal_of(lambda: services.invite(acme, address, Role.VIEWER, by=by)).startswith("email-")


def test_a_user_name_that_is_taken_meanwhile_is_made_anew(acme, by):
    invitation, secret = services.invite(acme, "ann@example.net", Role.VIEWER, by=by)
    builders.a_user(invitation.username.upper())

    user = services.join_as_new(secret, PASSWORD)

    assert user.username != invitation.username
    assert user.username.startswith("ann-")


def test_invitations_have_an_end(acme, by):
    rows = [builders.an_invitation(acme, f"n{number}@example.net")[0] for number in range(200)]

    assert refusal_of(lambda: services.invite(acme, "one@example.net", Role.VIEWER, by=by)) == "too-many-invitations"
    services.withdraw(rows[0], by=by)
    assert services.invite(acme, "one@example.net", Role.VIEWER, by=by)


# --- roles and removal ------------------------------------------------------------------------------------------------


def test_the_last_owner_stays(acme, by, boss, engineer):
    mine = membership_of(boss, acme)

    assert refusal_of(lambda: services.remove_member(mine, by=by)) == "last-owner"
    assert refusal_of(lambda: services.change_role(mine, Role.VIEWER, by=by)) == "last-owner"
    services.change_role(membership_of(engineer, acme), Role.OWNER, by=by)
    services.remove_member(mine, by=Actor.of_user(engineer))
    assert not Membership.objects.filter(user=boss).exists()


def test_an_owner_who_cannot_sign_in_is_none_to_rely_on(acme, by, boss):
    other = builders.a_member(acme, Role.OWNER, "otto")
    services.disable_person(other, by=builders.the_platform())

    assert refusal_of(lambda: services.remove_member(membership_of(boss, acme), by=by)) == "last-owner"
    services.remove_member(membership_of(other, acme), by=by)  # is no loss


def test_who_was_an_owner_a_moment_ago_changes_nothing(acme, by, boss, engineer):
    builders.a_member(acme, Role.OWNER, "otto")
    Membership.objects.filter(user=boss).update(role=Role.ENGINEER)
    theirs = membership_of(engineer, acme)

    for act in (
        lambda: services.invite(acme, "x@example.net", Role.OWNER, by=by),
        lambda: services.change_role(theirs, Role.OWNER, by=by),
        lambda: services.remove_member(theirs, by=by),
    ):
        with pytest.raises(Forbidden):
            act()


def test_with_a_member_go_their_tokens_of_this_tenant_and_no_others(acme, globex, by, engineer):
    Membership.objects.create(user=engineer, tenant=globex, role=Role.ENGINEER)
    actor = Actor.of_user(engineer)
    here, _ = services.issue_token(acme, name="here", by=actor)
    there, _ = services.issue_token(globex, name="there", by=actor)
    other, _ = services.issue_token(acme, name="other", by=by)

    services.remove_member(membership_of(engineer, acme), by=by)
    assert {token.pk for token in ApiToken.unscoped.usable()} == {there.pk, other.pk}

    Membership.objects.create(user=engineer, tenant=acme, role=Role.OWNER)  # come back, they stay dead
    assert here not in ApiToken.unscoped.usable()


def test_a_token_is_never_more_than_its_person_is_now(acme, engineer, by):
    token, _ = services.issue_token(acme, name="deploy", by=Actor.of_user(engineer))
    assert ApiToken.unscoped.usable().get(pk=token.pk).role == Role.ENGINEER

    services.change_role(membership_of(engineer, acme), Role.VIEWER, by=by)
    assert ApiToken.unscoped.usable().get(pk=token.pk).role == Role.VIEWER

    services.disable_person(engineer, by=builders.the_platform())
    assert not ApiToken.unscoped.usable().filter(pk=token.pk).exists()
    services.enable_person(engineer, by=builders.the_platform())
    assert ApiToken.unscoped.usable().filter(pk=token.pk).exists()


def test_a_viewer_has_tokens_that_look(acme):
    vic = Actor.of_user(builders.a_member(acme, Role.VIEWER, "vic"))

    assert refusal_of(lambda: services.issue_token(acme, name="x", by=vic)) == "scope-too-wide"
    assert services.issue_token(acme, name="x", scope=Scope.READ, by=vic)


def test_a_token_made_with_a_token_is_the_same_persons(acme, engineer, by):
    first, _ = services.issue_token(acme, name="first", by=Actor.of_user(engineer))
    second, _ = services.issue_token(acme, name="second", by=Actor.of_token(first))
    assert second.created_by == engineer

    services.remove_member(membership_of(engineer, acme), by=by)
    assert not ApiToken.unscoped.usable().exists()


def test_a_token_made_with_a_token_does_not_outlast_it(clock, acme, engineer):
    first, _ = services.issue_token(acme, name="first", days=30, by=Actor.of_user(engineer))
    clock.shift(timedelta(days=10))
    with_first = Actor.of_token(first)

    assert refusal_of(lambda: services.issue_token(acme, name="longer", days=21, by=with_first)) == "days-invalid"
    assert services.issue_token(acme, name="shorter", days=19, by=with_first)[0].expires_at < first.expires_at
    assert services.issue_token(acme, name="as long", by=with_first)[0].expires_at == first.expires_at


def test_a_token_of_nobodys_makes_no_others(acme):
    builders.a_token(acme)

    with pytest.raises(Forbidden):
        services.issue_token(acme, name="x", by=Actor.of_token(ApiToken.objects.of(acme).get()))


def test_everything_is_in_the_audit_log_and_no_secret_is_in_the_database(acme, by, caplog):
    caplog.set_level("DEBUG")
    invitation, first = services.invite(acme, "gone@example.net", Role.VIEWER, by=by)
    services.withdraw(invitation, by=by)
    _, second = services.invite(acme, "ann@example.net", Role.VIEWER, by=by)
    ann = services.join_as_new(second, PASSWORD)
    services.change_role(membership_of(ann, acme), Role.ENGINEER, by=by)
    token, third = services.issue_token(acme, name="deploy", days=30, by=Actor.of_user(ann))
    services.revoke_token(token, by=by)
    services.change_password(ann, PASSWORD * 2, keep=None, by=Actor.of_user(ann))
    services.remove_member(membership_of(ann, acme), by=by)

    told = list(AuditEntry.objects.of(acme).order_by("id").values_list("action", "actor", "object_name"))
    assert [action for action, *_ in told] == [
        *("member.invite", "member.withdraw", "member.invite", "member.join", "member.set"),
        *("token.issue", "token.revoke", "member.remove"),
    ]
    assert told[0] == ("member.invite", "olive", "gone@example.net")
    assert told[3][1] == ann.username
    everything = caplog.text
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - the name of a table
            everything += str(cursor.fetchall())
    assert "gone@example.net" in everything
    for secret in (first, second, third, PASSWORD):
        assert secret not in everything and secret.removeprefix("weft_") not in everything


# --- at the same time -------------------------------------------------------------------------------------------------


def both(*acts: Callable[[], object]) -> list[str]:
    """What becomes of acts that begin at the same moment: "done", or the code of the refusal."""
    gate = threading.Barrier(len(acts))

    def begin(act: Callable[[], object]) -> str:
        try:
            gate.wait(10)
            act()
        except Refused as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(acts)) as threads:
        return sorted(threads.map(begin, acts))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["remove", "demote"])
def test_two_owners_who_remove_each_other_leave_one(act, acme, boss):
    otto = builders.a_member(acme, Role.OWNER, "otto")

    def against(whom: User, by: User) -> Callable[[], object]:
        theirs = membership_of(whom, acme)
        if act == "remove":
            return lambda: services.remove_member(theirs, by=Actor.of_user(by))
        return lambda: services.change_role(theirs, Role.VIEWER, by=Actor.of_user(by))

    for _ in range(5):
        Membership.objects.filter(tenant=acme).delete()
        for user in (boss, otto):
            Membership.objects.create(user=user, tenant=acme, role=Role.OWNER)
        assert both(against(otto, boss), against(boss, otto)) == ["done", "forbidden"]
        assert Membership.objects.filter(tenant=acme, role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_leave_one(acme, boss):
    otto = builders.a_member(acme, Role.OWNER, "otto")
    leaving = [
        lambda user=user: services.remove_member(membership_of(user, acme), by=Actor.of_user(user))
        for user in (boss, otto)
    ]

    assert both(*leaving) == ["done", "last-owner"]


@pytest.mark.django_db(transaction=True)
def test_a_link_that_two_use_at_once_lets_one_in(acme, boss):
    _, secret = services.invite(acme, "ann@example.net", Role.VIEWER, by=Actor.of_user(boss))

    assert both(*[lambda: services.join_as_new(secret, PASSWORD)] * 3) == ["done", "link-void", "link-void"]
    assert User.objects.filter(email="ann@example.net").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_password_link_that_is_used_twice_at_once_sets_one_password(boss):
    secret = services.offer_password(boss, by=builders.the_platform())

    outcomes = both(*(lambda new=new: services.set_password_with_link(secret, new) for new in ("a" * 20, "b" * 20)))

    assert outcomes == ["done", "link-void"]


def test_a_password_link_goes_with_its_makers_right_to_make_it(boss, admin):
    other = Platform(Actor.of_user(builders.a_platform_admin("other")))
    secret = services.offer_password(boss, by=Platform(Actor.of_user(admin)))
    services.disable_person(admin, by=other)
    assert refusal_of(lambda: services.set_password_with_link(secret, PASSWORD)) == "link-void"

    theirs = secret.replace(admin.uuid.hex, other.actor.user.uuid.hex)
    assert refusal_of(lambda: services.set_password_with_link(theirs, PASSWORD)) == "link-void"
    for by in (other, builders.the_platform()):
        assert services.set_password_with_link(services.offer_password(boss, by=by), PASSWORD) == boss


@pytest.mark.django_db(transaction=True)
def test_two_platform_admins_who_disable_each_other_leave_one(db):
    ada, bea = builders.a_platform_admin("ada"), builders.a_platform_admin("bea")

    outcomes = both(
        lambda: services.disable_person(bea, by=Platform(Actor.of_user(ada))),
        lambda: services.disable_person(ada, by=Platform(Actor.of_user(bea))),
    )

    assert outcomes == ["done", "forbidden"]
    assert User.objects.filter(is_active=True).count() == 1
