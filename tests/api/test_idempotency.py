"""A POST that is sent again because its answer was lost does not happen twice."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from apps.addresses.models import PublicIp
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.tenancy.models import IdempotencyKey, Membership, Tenant, User
from tests import builders
from tests.api.conftest import Api, problem_of
from tests.api.test_networks import a_body


def test_the_same_request_again_gets_the_same_answer(api):
    first = api.post("/vpcs/", a_body(), Idempotency_Key="k-1")
    Operation.unscoped.update(phase="building")

    again = api.post("/vpcs/", a_body(), Idempotency_Key="k-1")

    assert (again.status_code, again.json(), again["Location"]) == (202, first.json(), first["Location"])
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Vpc.unscoped.count() == Operation.unscoped.count() == 1


def test_the_order_of_a_bodys_fields_makes_no_difference(api):
    api.post("/vpcs/", a_body(), Idempotency_Key="k")

    assert "Idempotency-Replayed" in api.post("/vpcs/", dict(reversed(a_body().items())), Idempotency_Key="k")


def test_a_key_stands_for_one_request(api, vpc):
    api.post("/vpcs/", a_body(name="a"), Idempotency_Key="k")

    other_body = api.post("/vpcs/", a_body(name="b"), Idempotency_Key="k")
    other_route = api.post("/tiers/", {"vpc": str(vpc.pk), "name": "x", "cidr": "10.20.9.0/24"}, Idempotency_Key="k")

    for response in (other_body, other_route):
        assert problem_of(response, 422)["code"] == "idempotency-key-reused"
    assert (Vpc.unscoped.count(), Operation.unscoped.count()) == (2, 1)


def test_what_is_kept_of_a_body_cannot_be_guessed_from_the_database(api):
    api.post("/vpcs/", a_body(), Idempotency_Key="k")
    said = f"POST /api/v1/vpcs/\n{json.dumps(a_body(), sort_keys=True)}"

    assert IdempotencyKey.objects.get().digest != hashlib.sha256(said.encode()).hexdigest()


def test_every_post_takes_a_key(api, platform, vpc):
    operation = api.post("/tiers/", {"vpc": str(vpc.pk), "name": "x", "cidr": "10.20.9.0/24"}, Idempotency_Key="1")
    cancel = f"/operations/{operation.json()['id']}/cancel/"

    first, again = (api.post(cancel, Idempotency_Key="2") for _ in range(2))
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    first, again = (platform.post("/tenants/", {"name": "Initech"}, Idempotency_Key="3") for _ in range(2))
    assert first.json() == again.json()
    assert again["Location"] == first["Location"]
    assert Tenant.objects.filter(name="Initech").count() == 1


def test_a_repeated_request_is_answered_whatever_has_become_of_what_it_referred_to(api, platform, vpc, site):
    """Tenants, too, are made once, though the owner they were to have has left."""
    tier = {"vpc": str(vpc.pk), "name": "x", "cidr": "10.20.9.0/24"}
    builders.a_user("eve")
    tenant = {"name": "Initech", "owner": "eve"}
    made = [
        api.post("/tiers/", tier, Idempotency_Key="1"),
        platform.post("/tenants/", tenant, Idempotency_Key="1"),
        platform.post(f"/zones/{site.pk}/reconnect/", Idempotency_Key="2"),
    ]
    cancel = f"/operations/{made[0].json()['id']}/cancel/"
    made.append(api.post(cancel, Idempotency_Key="2"))
    assert [answer.status_code for answer in made] == [202] * 4

    User.objects.filter(username="eve").delete()
    Membership.objects.all().delete()
    Operation.unscoped.all().delete()
    Tier.unscoped.all().delete()
    PublicIp.unscoped.all().delete()
    Vpc.unscoped.all().delete()
    again = [
        api.post("/tiers/", tier, Idempotency_Key="1"),
        platform.post("/tenants/", tenant, Idempotency_Key="1"),
        platform.post(f"/zones/{str(site.pk).upper()}/reconnect/", Idempotency_Key="2"),
        api.post(cancel, Idempotency_Key="2"),
    ]

    for first, second in zip(made, again, strict=True):
        assert (second.status_code, second.json(), second["Location"]) == (202, first.json(), first["Location"])
        assert second["Idempotency-Replayed"] == "true"


def test_callers_do_not_share_their_keys(api, other, acme, engineer):
    colleague = Api(builders.a_token(acme))
    person = Api(None)
    person.client.force_login(engineer)

    answers = [
        api.post("/vpcs/", a_body(name="a"), Idempotency_Key="k"),
        other.post("/vpcs/", a_body(name="a"), Idempotency_Key="k"),
        colleague.post("/vpcs/", a_body(name="b"), Idempotency_Key="k"),
        person.post("/vpcs/", a_body(name="c"), Idempotency_Key="k", Weft_Tenant="acme"),
    ]

    assert [answer.status_code for answer in answers] == [202] * 4
    assert Vpc.unscoped.count() == 4


def test_a_refusal_uses_no_key_up(api, vpc):
    body = a_body(name="prod", cidr="10.40.0.0/20", tiers=[])
    assert problem_of(api.post("/vpcs/", body, Idempotency_Key="k"), 422)["code"] == "name-taken"
    Vpc.unscoped.update(name="other", name_key="other")

    assert api.post("/vpcs/", body, Idempotency_Key="k").status_code == 202


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\there"])
def test_what_is_no_key_is_refused(key, api):
    problem = problem_of(api.post("/vpcs/", a_body(), Idempotency_Key=key), 422)

    assert (problem["code"], problem["field"]) == ("idempotency-key-invalid", "Idempotency-Key")
    assert not Vpc.unscoped.exists()


def test_a_key_is_forgotten_after_a_day(acme, clock):
    api = Api(builders.a_token(acme))
    api.post("/vpcs/", a_body(name="a"), Idempotency_Key="k")
    clock.shift(timedelta(hours=23, minutes=59))
    assert "Idempotency-Replayed" in api.post("/vpcs/", a_body(name="a"), Idempotency_Key="k")
    clock.shift(timedelta(minutes=2))

    assert api.post("/vpcs/", a_body(name="b"), Idempotency_Key="k").status_code == 202
    assert IdempotencyKey.objects.count() == 1


def test_a_crash_before_the_end_leaves_neither_key_nor_change(api):
    """Noting the answer is the last thing before the commit; the connection is lost just there."""

    def lost(execute, sql, params, many, context):
        if sql.startswith('UPDATE "tenancy_idempotencykey"'):
            raise OperationalError("the connection is lost")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(lost):
        problem_of(api.post("/vpcs/", a_body(), Idempotency_Key="k"), 503)

    assert not Vpc.unscoped.exists()
    assert not IdempotencyKey.objects.exists()
    assert api.post("/vpcs/", a_body(), Idempotency_Key="k").status_code == 202


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    @pytest.fixture(autouse=True)
    def _accounts(self, transactional_db):
        """Rows that other connections see."""
        self.zone = builders.a_zone("Zone-1")
        self.tenant = builders.a_tenant("Acme", max_vpcs=3)
        builders.an_account(self.tenant, self.zone)
        self.token = builders.a_token(self.tenant)

    def all_at_once(self, calls):
        def one(call):
            try:
                return call(Api(self.token))
            finally:
                connection.close()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(one, calls))

    def test_one_key_makes_one_vpc(self):
        answers = self.all_at_once([lambda api: api.post("/vpcs/", a_body(), Idempotency_Key="k")] * 8)

        assert [answer.status_code for answer in answers] == [202] * 8
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sum("Idempotency-Replayed" in answer for answer in answers) == 7
        assert (Vpc.unscoped.count(), Tier.unscoped.count(), Operation.unscoped.count()) == (1, 2, 1)

    def test_one_key_with_two_bodies_makes_one_vpc(self):
        answers = self.all_at_once([
            lambda api, name=name: api.post("/vpcs/", a_body(name=name), Idempotency_Key="k") for name in "abcd"
        ])  # fmt: skip

        assert sorted(answer.status_code for answer in answers) == [202, 422, 422, 422]
        assert Vpc.unscoped.count() == 1

    def test_without_keys_names_and_quotas_still_hold(self):
        same = self.all_at_once([lambda api: api.post("/vpcs/", a_body())] * 4)
        assert sorted(answer.status_code for answer in same) == [202, 422, 422, 422]

        others = self.all_at_once([
            lambda api, name=name: api.post("/vpcs/", a_body(name=name)) for name in "abcdef"
        ])  # fmt: skip
        assert sum(answer.status_code == 202 for answer in others) == 2
        assert Vpc.unscoped.count() == 3

    def test_a_seen_state_is_changed_once(self):
        vpc = builders.a_vpc(self.tenant, self.zone)
        etag = Api(self.token).get(f"/vpcs/{vpc.pk}/")["ETag"]

        answers = self.all_at_once([
            lambda api, name=name: api.patch(f"/vpcs/{vpc.pk}/", {"name": name}, If_Match=etag) for name in "abcd"
        ])  # fmt: skip

        assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
