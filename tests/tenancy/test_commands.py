"""How the first people and tokens come to be, where there is no page for it."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.tenancy.models import ApiToken, AuditEntry, Membership, Role, User


def said(command: str, *arguments: str, **options: object) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue().strip()


def test_a_new_member_gets_a_password_that_works(acme):
    password = said("add_member", "acme", "ann", "engineer").rpartition(" ")[2]
    user = User.objects.get(username="ann")
    assert user.check_password(password)
    assert Membership.objects.get(user=user).role == Role.ENGINEER
    assert password not in str(list(AuditEntry.objects.of(acme).values()))


def test_a_member_can_be_given_another_role(acme):
    said("add_member", "acme", "ann", "engineer")
    assert "Password" not in said("add_member", "acme", "ann", "viewer")
    assert Membership.objects.get().role == Role.VIEWER


def test_an_issued_token_is_kept_as_its_hash(acme):
    secret = said("issue_token", "acme", "deploy", "--days", "90")
    token = ApiToken.objects.of(acme).get()
    assert token.digest == ApiToken.hash(secret)
    assert timedelta(days=89) < token.expires_at - timezone.now() <= timedelta(days=90)
    assert secret not in str(list(AuditEntry.objects.of(acme).values()))


def test_a_platform_token_belongs_to_no_tenant(db):
    said("issue_token", "deploy", platform=True)
    assert ApiToken.unscoped.get().tenant is None


@pytest.mark.parametrize("arguments", [("add_member", "nobody", "ann", "owner"), ("issue_token", "nobody", "x")])
def test_an_unknown_tenant_is_an_error(db, arguments):
    with pytest.raises(CommandError, match="no tenant nobody"):
        said(*arguments)


def test_a_superuser_is_a_platform_admin(db):
    assert User.objects.create_superuser("root", "root@example.net", "a long enough password").is_platform_admin


@pytest.mark.parametrize(
    "arguments", [("add_member", "acme", "a\u202enn", "owner"), ("issue_token", "acme", "a\u200b")]
)
def test_a_name_that_cannot_be_is_an_error_in_words(acme, arguments):
    with pytest.raises(CommandError, match="a character that is not seen"):
        said(*arguments)
    assert not User.objects.exists() and not ApiToken.objects.of(acme).exists()


def test_a_member_is_found_whatever_the_case_of_the_name(acme):
    said("add_member", "acme", "Ann", "engineer")
    assert "Password" not in said("add_member", "acme", "ann", "viewer")
    assert User.objects.get().username == "Ann"
