"""Members, invitations, tokens and people over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.tenancy.models import ApiToken, AuditEntry, IdempotencyKey, Invitation, Membership, Role, Scope, Tenant, User
from tests import builders
from tests.api.conftest import Api, problem_of
from tests.api.test_networks import HOST, TIME

PASSWORD = "warp and weft and a shuttle"


@pytest.fixture
def olive(acme: Tenant) -> User:
    return builders.a_member(acme, Role.OWNER, "olive")


@pytest.fixture
def owner(acme: Tenant, olive: User) -> Api:
    """A script of an owner of acme's."""
    return Api(builders.a_token(acme, created_by=olive, name="olive's"))


def of_person(user: User) -> Api:
    """Somebody with a browser."""
    api = Api(None)
    api.client.force_login(user)
    return api


def codes(answer: Any, status: int = 422) -> set[tuple[str, str | None]]:
    return {(each["code"], each["field"]) for each in problem_of(answer, status)["errors"]}


def test_members_are_listed_with_what_can_be_done_to_them(owner, engineer, acme):
    ann, olive = owner.get("/members/").json()["results"]

    assert TIME.fullmatch(ann.pop("created_at"))
    assert ann == {
        "id": str(engineer.memberships.get().pk),
        "url": f"{HOST}/members/{engineer.memberships.get().pk}/",
        "user": "ann",
        "email": "ann@example.net",
        "role": "engineer",
        "is_active": True,
        "can": {"change_role": None, "remove": None},
    }
    reason = "Acme needs an owner. Make somebody else one first."
    assert olive["can"] == {"change_role": reason, "remove": reason}


def test_who_is_no_owner_is_told_so_in_can(api, engineer, olive):
    answer = api.get("/members/").json()["results"]

    assert {each["can"]["remove"] for each in answer} == {"Only an owner of the tenant may do this."}


def test_a_role_is_changed_and_a_member_removed(owner, engineer, acme):
    address = f"/members/{engineer.memberships.get().pk}/"
    seen = owner.get(address)
    assert owner.patch(address, {"role": "viewer"}, If_Match=seen["ETag"]).json()["role"] == "viewer"
    assert owner.delete(address, If_Match=seen["ETag"]).status_code == 412

    assert owner.delete(address).status_code == 204
    assert not engineer.memberships.exists()
    assert owner.delete(address).status_code == 404


def test_who_is_no_owner_leaves_by_themselves(engineer, olive, acme):
    script = Api(builders.a_token(acme, created_by=engineer))
    assert script.delete("/members/me/").status_code == 204
    assert not engineer.memberships.exists()
    assert script.get("/members/").status_code == 401

    viewer = builders.a_member(acme, Role.VIEWER)
    assert of_person(viewer).delete("/members/me/", Weft_Tenant="acme").status_code == 204
    assert not viewer.memberships.exists()


def test_the_last_owner_and_a_token_that_is_nobodys_own_do_not_leave(api, owner, olive):
    assert codes(owner.delete("/members/me/")) == {("last-owner", None)}
    assert codes(api.delete("/members/me/")) == {("nobody", None)}
    assert olive.memberships.exists()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {("role-missing", "role")}),
        ({"role": "king"}, {("role-unknown", "role")}),
        ({"role": 1}, {("wrong-type", "role")}),
        ({"role": "owner", "user": "x"}, {("unknown-field", "user")}),
    ],
)
def test_what_is_no_change_of_a_role_is_refused(body, found, owner, engineer):
    assert codes(owner.patch(f"/members/{engineer.memberships.get().pk}/", body)) == found


def test_the_last_owner_stays(owner, olive):
    mine = f"/members/{olive.memberships.get().pk}/"

    assert codes(owner.delete(mine)) == {("last-owner", None)}
    assert codes(owner.patch(mine, {"role": "viewer"})) == {("last-owner", "role")}


def test_an_invitation_shows_its_link_once(owner, acme, client):
    body = {"email": "new@example.net", "role": "viewer"}
    made = owner.post("/invitations/", body, Idempotency_Key="k")
    assert made.status_code == 201
    invitation = made.json()
    link = invitation.pop("link")
    assert made["Location"] == invitation["url"]
    assert link.startswith("http://testserver/join/#weft_join_")

    again = owner.post("/invitations/", body, Idempotency_Key="k")
    assert (again.status_code, again.json()) == (201, {**invitation, "link": None})
    assert again["Idempotency-Replayed"] == "true"
    secret = link.partition("#")[2]
    assert secret not in str(list(IdempotencyKey.objects.values())) + str(list(Invitation.unscoped.values()))
    assert owner.get(invitation["url"]).json() == invitation

    client.post("/join/new/", {"code": secret, "password": PASSWORD, "again": PASSWORD})
    assert Membership.objects.get(user__email="new@example.net").role == Role.VIEWER
    assert owner.get(invitation["url"]).status_code == 404


def test_a_known_address_gets_the_same_answer(owner, stranger):
    def shape(email: str) -> Any:
        answer = owner.post("/invitations/", {"email": email, "role": "viewer"})
        return answer.status_code, sorted(answer.json()), answer.json()["role"], answer.json()["can"]

    assert shape(stranger.email) == shape("nobody@example.net")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {("email-missing", "email"), ("role-missing", "role")}),
        ({"email": "x", "role": "viewer"}, {("email-invalid", "email")}),
        ({"email": "", "role": "viewer"}, {("email-missing", "email")}),
        ({"email": "x@example.net", "role": ""}, {("role-unknown", "role")}),
        ({"email": "olive@example.net", "role": "viewer"}, {("already-member", "email")}),
        ({"email": "x@example.net", "role": "viewer", "tenant": "globex"}, {("tenant-unknown", "tenant")}),
    ],
)
def test_what_is_no_invitation_is_refused(body, found, owner, globex):
    assert codes(owner.post("/invitations/", body)) == found
    assert not Invitation.unscoped.exists()


def test_the_platform_invites_a_tenants_first_owner(platform, acme):
    body = {"email": "olive@example.net", "role": "owner"}
    assert codes(platform.post("/invitations/", body)) == {("tenant-missing", "tenant")}

    made = platform.post("/invitations/", {**body, "tenant": "acme"})
    assert made.status_code == 201
    assert made.json()["tenant"]["slug"] == "acme"
    assert [each["email"] for each in platform.get("/invitations/?tenant=acme").json()["results"]] == [body["email"]]
    assert platform.delete(made["Location"]).status_code == 204


def test_who_is_no_owner_sees_no_invitations(api, acme, vpc):
    builders.an_invitation(acme)

    assert api.get("/invitations/").json()["results"] == []


def test_a_token_is_issued_used_listed_and_revoked(acme, engineer):
    ann = of_person(engineer)
    made = ann.post(
        "/tokens/", {"name": "deploy", "scope": "write", "days": 30}, Weft_Tenant="acme", Idempotency_Key="k"
    )
    assert made.status_code == 201
    token = made.json()
    secret = token.pop("secret")
    again = ann.post(
        "/tokens/", {"name": "deploy", "scope": "write", "days": 30}, Weft_Tenant="acme", Idempotency_Key="k"
    )
    assert again.json() == {**token, "secret": None}
    assert secret not in str(list(IdempotencyKey.objects.values()))

    script = Api(secret)
    (listed,) = script.get("/tokens/").json()["results"]
    assert listed["user"] == "ann" and listed["last_used_at"] is not None
    assert script.delete(token["url"]).status_code == 204
    assert problem_of(script.get("/tokens/"), 401)["code"] == "token-invalid"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {("name-missing", "name")}),
        ({"name": "x", "scope": "all"}, {("scope-unknown", "scope")}),
        ({"name": "x", "days": 0}, {("min-value", "days")}),
        ({"name": "x", "days": "7"}, {("wrong-type", "days")}),
        ({"name": "a\u202eb"}, {("name-unprintable", "name")}),
        ({"name": "x", "tenant": "globex"}, {("unknown-field", "tenant")}),
    ],
)
def test_what_is_no_token_to_be_is_refused(body, found, owner):
    before = ApiToken.unscoped.count()

    assert codes(owner.post("/tokens/", body)) == found
    assert ApiToken.unscoped.count() == before


def test_a_viewer_issues_a_token_that_reads_but_a_token_that_reads_issues_none(acme):
    vic = builders.a_member(acme, Role.VIEWER, "vic")
    browser = of_person(vic)
    assert codes(browser.post("/tokens/", {"name": "x", "scope": "write"}, Weft_Tenant="acme")) == {
        ("scope-too-wide", "scope")
    }
    secret = browser.post("/tokens/", {"name": "x"}, Weft_Tenant="acme").json()["secret"]

    assert Api(secret).get("/vpcs/").status_code == 200
    assert problem_of(Api(secret).post("/tokens/", {"name": "y"}), 403)["code"] == "read-only"
    assert problem_of(Api(secret).post("/vpcs/", {}), 403)["code"] == "read-only"


def test_a_token_with_the_scope_to_write_looks_when_its_person_becomes_a_viewer(acme, engineer):
    script = Api(builders.a_token(acme, Scope.WRITE, created_by=engineer))
    Membership.objects.filter(user=engineer).update(role=Role.VIEWER)

    assert problem_of(script.post("/vpcs/", {}), 403)["code"] == "read-only"


def test_a_removed_members_token_opens_nothing(owner, acme, globex, engineer):
    Membership.objects.create(user=engineer, tenant=globex, role=Role.ENGINEER)
    here, there = (Api(builders.a_token(tenant, created_by=engineer)) for tenant in (acme, globex))

    owner.delete(f"/members/{engineer.memberships.get(tenant=acme).pk}/")

    assert problem_of(here.get("/vpcs/"), 401)["code"] == "token-invalid"
    assert there.get("/vpcs/").status_code == 200


def test_an_engineers_token_changes_nobody(acme, engineer, olive):
    script = Api(builders.a_token(acme, created_by=engineer))
    theirs = f"/members/{olive.memberships.get().pk}/"

    for answer in (
        script.patch(theirs, {"role": "viewer"}),
        script.delete(theirs),
        script.post("/invitations/", {"email": "x@example.net", "role": "owner"}),
    ):
        assert problem_of(answer, 403)["code"] == "owner-needed"


def test_lists_go_by_pages(owner, platform, acme):
    for number in range(5):
        builders.a_member(acme, Role.VIEWER, f"n{number}")
    for caller, path in ((owner, "/members/"), (platform, "/members/"), (platform, "/people/")):
        names, address = [], f"{path}?limit=2"
        while address:
            page = caller.get(address).json()
            names += [each["user"] for each in page["results"]]
            address = page["next"]
        assert names == ["n4", "n3", "n2", "n1", "n0", "olive"]
        last = caller.get(f"{path}?limit=5").json()
        assert caller.get(caller.get(last["next"]).json()["previous"]).json()["results"] == last["results"]


def test_the_platform_disables_a_person_and_a_tenant_and_changes_quotas(platform, acme, engineer):
    (person,) = [each for each in platform.get("/people/").json()["results"] if each["user"] == "ann"]
    assert [(each["tenant"]["slug"], each["role"]) for each in person["tenants"]] == [("acme", "engineer")]
    disabled = platform.post(f"{person['url']}disable/").json()
    assert (disabled["is_active"], disabled["can"]["disable"]) == (False, "They are disabled already.")
    assert platform.post(f"{person['url']}enable/").json()["can"] == {
        "disable": None,
        "enable": "They can sign in already.",
    }

    tenant = f"/tenants/{acme.pk}/"
    assert platform.patch(tenant, {"max_vpcs": 2}).json()["max_vpcs"] == 2
    assert platform.get(tenant).json()["max_tiers"] == 60
    assert codes(platform.patch(tenant, {"max_vpcs": -1})) == {("min-value", "max_vpcs")}
    assert platform.post(f"{tenant}disable/").json()["is_disabled"] is True
    assert platform.post(f"{tenant}enable/").json()["is_disabled"] is False
    told = AuditEntry.objects.of(acme).order_by("id").values_list("action", "old", "new")
    assert list(told) == [
        ("tenant.quotas", {"max_vpcs": 20}, {"max_vpcs": 2}),
        ("tenant.disable", {}, {}),
        ("tenant.enable", {}, {}),
    ]


def test_lists_ask_the_database_no_more_when_there_is_more(owner, platform, acme):
    def costs() -> list[int]:
        found = []
        for caller, path in [
            (owner, "/members/"),
            (owner, "/tokens/"),
            (owner, "/invitations/"),
            (platform, "/people/"),
        ]:
            with CaptureQueriesContext(connection) as asked:
                assert caller.get(path).status_code == 200
            found.append(len(asked))
        return found

    costs()
    before = costs()
    for number in range(10):
        builders.a_token(acme, created_by=builders.a_member(acme, Role.VIEWER, f"n{number}"))
        builders.an_invitation(acme, f"i{number}@example.net")

    assert costs() == before


def test_the_platform_makes_a_link_for_a_new_password(platform, engineer):
    path = f"/people/{engineer.uuid}/password-link/"
    made = platform.post(path, Idempotency_Key="k")

    assert made.status_code == 201
    assert made.json()["link"].startswith("http://testserver/new-password/#weft_password_")
    assert platform.post(path, Idempotency_Key="k").json() == {"user": "ann", "link": None}
    assert made.json()["link"].partition("#")[2] not in str(list(IdempotencyKey.objects.values()))


def test_a_platform_admin_issues_a_token_of_the_platform_and_revokes_anybodys(admin, acme, engineer, platform):
    root = of_person(admin)
    made = root.post("/tokens/", {"name": "ops", "scope": "write"}).json()
    assert made["tenant"] is None
    builders.a_token(acme, created_by=engineer)
    anns = ApiToken.objects.of(acme).get()

    assert Api(made["secret"]).delete(f"/tokens/{anns.pk}/").status_code == 204
    assert not ApiToken.objects.of(acme).kept().exists()
    assert problem_of(platform.post("/tokens/", {"name": "x"}), 403)["code"] == "forbidden"
