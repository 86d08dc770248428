"""What platform admins see: tenants and everybody's operations."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Account
from apps.accounts.services import slug_of
from apps.operations.models import Operation
from apps.quotas.resources import TIER, VPC, resources
from apps.tenancy.models import AuditEntry, Tenant
from tests import builders
from tests.web.conftest import words

pytestmark = pytest.mark.django_db(transaction=True)

TENANTS = "/platform/tenants/"
OPERATIONS = "/platform/operations/"


def cost(browser, path):
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(path).status_code == 200
    return len(asked)


def test_a_tenant_is_made_with_its_owner_and_an_account_in_every_zone(root, place):
    builders.a_user("olga")

    answer = root.post(
        f"{TENANTS}new/", {"name": "Initech Ltd", "owner": "olga", "max_vpcs": "5", "max_tiers": "9"}, follow=True
    )

    tenant = Tenant.objects.get(slug="initech-ltd")
    assert builders.limits_of(tenant, VPC, TIER) == [5, 9]
    assert AuditEntry.objects.of(tenant).get(action="tenant.create").new["max_vpcs"] == 5
    assert "5 VPCs, 9 tiers" in words(root.get(f"{TENANTS}?q=initech"))
    assert tenant.memberships.get().user.username == "olga"
    assert Account.objects.of(tenant).count() == 1
    assert answer.redirect_chain[-1][0] == f"{TENANTS}initech-ltd/"
    assert "Its accounts are created in 1 zone." in words(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 64),
        ("name", "ACME"),
        ("name", "!!!"),
        ("slug", "Not A Slug"),
        ("slug", "globex"),
        ("owner", "nobody"),
        ("max_vpcs", "-1"),
        ("max_vpcs", "many"),
        ("max_tiers", "99999999999999"),
    ],
)
def test_what_is_wrong_is_told(root, acme, globex, field, value):
    good = {"name": "Initech", "slug": "initech", "max_vpcs": "5", "max_tiers": "9"}

    answer = root.post(f"{TENANTS}new/", {**good, "slug": "" if field == "name" else "initech", field: value})

    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert Tenant.objects.count() == 2


def test_the_list_shows_every_tenant_with_its_accounts(root, acme, globex, place):
    assert "Acme acme Zone-1 Ready" in words(root.get(TENANTS))
    assert "Globex" not in words(root.get(f"{TENANTS}?q=acm"))
    assert "Nothing matches" in words(root.get(f"{TENANTS}?q=zzz"))


def test_the_list_costs_the_same_however_many_tenants(root, acme, place):
    root.get(TENANTS)
    few = cost(root, TENANTS)
    for number in range(40):
        builders.an_account(builders.a_tenant(f"T{number}"), place)

    assert cost(root, TENANTS) == few <= 11


def test_a_tenants_page_shows_members_accounts_and_quotas(root, acme, engineer, place):
    text = words(root.get(f"{TENANTS}acme/"))

    assert "ann Network engineer ann@example.net" in text
    assert "Zone-1" in text
    assert "VPCs 0 of 20 20 free" in text
    assert root.get(f"{TENANTS}no-such/").status_code == 404


def test_a_tenants_page_follows_the_tenant(root, acme):
    for answer in (root.get(f"{TENANTS}acme/"), root.part(f"{TENANTS}acme/")):
        assert 'data-stream="/events/t/acme"' in answer.content.decode()


def test_all_operations_stand_there_the_stuck_ones_first(root, acme, globex, place, started):
    started(builders.a_vpc(acme, place, "old"), phase="stuck", error="Two instances still run.")
    started(builders.a_vpc(globex, place, "new"), phase="building")

    answer = root.get(OPERATIONS)

    text = words(answer)
    assert text.index("Create VPC old") < text.index("Create VPC new")
    assert [str(operation) for operation in answer.context["stuck"]] == ["Create VPC old"]
    assert "Globex" in text
    assert len(root.get(f"{OPERATIONS}?q=globex").context["page"]) == 1
    assert len(root.get(f"{OPERATIONS}?phase=running").context["page"]) == 1


def test_the_operations_cost_the_same_however_many(root, acme, place, started):
    vpc = builders.a_vpc(acme, place)
    started(vpc, phase="succeeded")
    root.get(OPERATIONS)
    few = cost(root, OPERATIONS)
    for _ in range(60):
        started(vpc, phase="succeeded")

    assert cost(root, OPERATIONS) == few <= 11


def test_a_platform_admin_retries_and_cancels_for_a_tenant(root, acme, place, started):
    stuck = started(builders.a_vpc(acme, place), phase="stuck", goal="absent", stopped_in="removing", cursor=1)
    queued = started(builders.a_vpc(acme, place, "lab"))

    assert "Acme" in words(root.get(f"{OPERATIONS}{stuck.pk}/"))
    root.post(f"{OPERATIONS}{stuck.pk}/retry/")
    root.post(f"{OPERATIONS}{queued.pk}/cancel/")

    phases = dict(Operation.objects.of(acme).values_list("pk", "phase"))
    assert phases == {stuck.pk: "removing", queued.pk: "cancelled"}


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Acme Hosting B.V.", "acme-hosting-b-v"), ("Straße & Söhne", "strasse-sohne"), ("ÎLE", "ile"), ("東京", "")],
)
def test_a_short_name_is_made_from_the_letters_that_an_address_may_have(name, slug):
    assert slug_of(name) == slug


def test_one_form_has_the_limits_of_all_resources(root, acme, globex):
    page = f"{TENANTS}acme/quotas/"
    assert list(root.get(page).context["form"].fields) == [resource.field for resource in resources()]

    assert "The quotas are changed." in words(root.post(page, {"max_vpcs": "3"}, follow=True))
    assert builders.limits_of(acme, VPC, TIER) == [3, 60]
    assert "VPCs 0 of 3" in words(root.get(f"{TENANTS}acme/"))
    assert root.get(page).context["form"]["max_vpcs"].value() == 3
    assert "Nothing was changed" in words(root.post(page, {"max_vpcs": "3"}, follow=True))
    root.post(page, {"max_vpcs": "", "max_tiers": "0"})
    assert builders.limits_of(acme, VPC, TIER) == [20, 0]
    assert "Tiers 0 of 0 full" in words(root.get(f"{TENANTS}acme/"))
    assert builders.limits_of(globex, VPC, TIER) == [20, 60]
