"""The pages of load balancers. Who may open them is in tests/test_access.py."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.addresses.models import PublicIp, Purpose
from apps.balancers import choices
from apps.balancers.models import Balancer, Member
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.quotas.resources import LOAD_BALANCER
from apps.quotas.services import set_limits
from tests import builders
from tests.api.conftest import Api
from tests.balancers.test_api import done, made, read, see

LIST = "/t/acme/load-balancers/"


@pytest.fixture
def ann(engineer: Any) -> Client:
    client = Client()
    client.force_login(engineer)
    return client


@pytest.fixture
def api(acme: Any) -> Api:
    return Api(builders.a_token(acme))


def text(client: Client, path: str, status: int = 200, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status, answer
    return answer.content.decode()


def seen(html: str) -> str:
    """What one reads, without the markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# --- on the emulated systems ------------------------------------------------------------------------------------------


def test_one_is_made_in_the_browser_watched_drained_and_put_back(place, ann, api):
    new = f"{LIST}new/"
    page = text(ann, new)
    assert "web-1" in page and "web-2" in page and "Acquire a new one" in page
    ip = place.public_ip()
    said = {
        "name": "shop",
        "protocol": "tcp",
        "port": "443",
        "member_port": "8443",
        "tier": str(place.tier.pk),
        "public_ip": str(ip.pk),
        "members": [str(each) for each in place.ids],
        "allowed_cidrs": "192.0.2.0/24, 198.51.100.0/25",
        "check_type": "http",
        "check_path": "/up",
        "check_timeout": "3",
    }
    answer = ann.post(new, said)
    operation = Operation.unscoped.get(resource_id=Balancer.unscoped.get().pk)
    assert answer.url == f"/t/acme/operations/{operation.pk}/"
    place.done(operation)
    row = Balancer.unscoped.get()
    assert (row.check_kind, row.check_path, row.check_timeout) == ("http", "/up", 3)
    assert row.allowed_cidrs == ["192.0.2.0/24", "198.51.100.0/25"]
    see(place)

    one = f"{LIST}{row.pk}/"
    page = seen(text(ann, one))
    assert "Netris has it as it is meant." in page
    assert "CloudStack and Netris have it" not in page
    assert "Every member answers every SoftGate." in page
    assert page.count("Healthy") == 1 + 2 * 2
    assert "Nobody is checking these members" not in page
    for words in ("Healthy", "all answer", f"tcp {ip.address}:443"):
        assert words in seen(text(ann, LIST)), words

    member = row.members.get(instance_name="web-1")
    assert ann.post(f"{one}members/{member.pk}/drain/", {"to": "out"}).url == one
    assert "is-moving" in text(ann, one) or "Change load balancer" in text(ann, one)
    place.done(Operation.unscoped.running().get())
    see(place)
    page = seen(text(ann, one, HX_Request="true"))
    assert page.count("Drained") == 2
    assert "Put back" in page
    assert "1 drained" in seen(text(ann, LIST))
    ann.post(f"{one}members/{member.pk}/drain/", {"to": "in"})
    place.done(Operation.unscoped.running().get())
    assert not Member.unscoped.get(pk=member.pk).drained


def test_a_reset_is_shown_and_can_be_put_right(place, ann, api):
    made(place, api)
    see(place)
    netris = place.watch.clouds_of(place.zone).netris
    [there] = netris.balancers(place.vpc.netris_id)
    netris.update_balancer(there, protocol="TCP", check="None", timeout=0, path="")
    see(place)
    row = Balancer.unscoped.get()
    page = seen(text(ann, f"{LIST}{row.pk}/"))
    assert "Netris has no health check, and TCP is meant." in page
    assert "Nobody checks these members: Netris does not have the health check." in page
    assert ann.post(f"{LIST}{row.pk}/apply/").url == f"{LIST}{row.pk}/"
    place.done(Operation.unscoped.running().get())
    see(place)
    assert "Every member answers every SoftGate." in text(ann, f"{LIST}{row.pk}/")


def test_nothing_stays_green_when_nobody_reads(place, ann, api):
    made(place, api)
    see(place)
    row = Balancer.unscoped.get()
    place.clock.shift(timedelta(minutes=10))
    for path in (f"{LIST}{row.pk}/", LIST, f"/t/acme/vpcs/{row.vpc_id}/load-balancers/"):
        page = text(ann, path)
        main = page[page.index("<main") :].partition('id="activity"')[0]
        assert "Healthy" not in main and "Configured<" not in main, path
        assert "tone-sage" not in re.sub(r"<svg.*?</svg>", "", main, flags=re.DOTALL), path
        assert "read 10 min" in seen(main), path
    assert "10 minutes old" in text(ann, f"{LIST}{row.pk}/")


def test_more_members_are_added_at_once_and_one_is_removed_after_a_look(place, ann, api):
    made(place, api, members=[{"instance": str(place.ids[0])}])
    row = Balancer.unscoped.get()
    add = f"{LIST}{row.pk}/members/new/"
    page = seen(text(ann, add))
    assert "web-2" in page
    assert "web-1," not in page
    assert "Choose at least one" in ann.post(add).content.decode()
    assert ann.post(add, {"members": [str(place.ids[1])]}).status_code == 302
    place.done(Operation.unscoped.running().get())
    first = row.members.get(instance_name="web-1")
    remove = f"{LIST}{row.pk}/members/{first.pk}/remove/"
    assert "with 1 member in rotation" in seen(text(ann, remove))
    assert ann.post(remove).status_code == 302
    place.done(Operation.unscoped.running().get())
    assert [each["instance"]["name"] for each in read(api)["members"]] == ["web-2"]
    [last] = row.members.all()
    assert "the last one in rotation: nothing answers then" in text(ann, f"{LIST}{row.pk}/members/{last.pk}/remove/")
    done(place, api.delete(f"/load-balancers/{row.pk}/"))


# --- where nothing has to be real -------------------------------------------------------------------------------------


@pytest.fixture
def vpc(acme: Any, db: None) -> Vpc:
    zone = builders.a_zone()
    builders.an_account(acme, zone)
    return builders.a_vpc(acme, zone, "prod", cloudstack_id=uuid4(), netris_id=7)


@pytest.fixture
def tier(vpc: Vpc) -> Tier:
    return builders.a_tier(vpc, cloudstack_id=uuid4())


@pytest.fixture
def web(vpc: Vpc, tier: Tier) -> Any:
    return builders.an_instance(vpc.tenant.accounts.get(), "web-1", tier=tier, address="10.20.0.11")


@pytest.fixture
def row(vpc: Vpc, tier: Tier) -> Balancer:
    return builders.a_balancer(builders.a_public_ip(vpc), tier, members=2)


def form_of(of: Tier, *members: Any, **more: Any) -> dict[str, Any]:
    said = {"name": "shop", "protocol": "tcp", "port": "443", "tier": str(of.pk), "check_type": "none"}
    return said | {"members": [str(each) for each in members]} | more


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": ""}, "name", "Give"),
        ({"port": "0"}, "port", "Give one port"),
        ({"port": "http"}, "port", "Give one port"),
        ({"member_port": "70000"}, "member_port", "Give one port"),
        ({"protocol": "tls"}, "protocol", "Select a valid choice"),
        ({"protocol": "udp", "check_type": "tcp"}, "check_type", "cannot be checked"),
        ({"check_type": "http", "check_path": "up"}, "check_type", "begins with /"),
        ({"check_type": "tcp", "check_timeout": "90"}, "check_type", "between 1 and 60 seconds"),
        ({"allowed_cidrs": "192.0.2.1/24"}, "allowed_cidrs", "is no IPv4 range"),
        ({"members": []}, "members", "at least one"),
        ({"members": ["x"]}, "members", "at least one"),
        ({"members": [str(uuid4())]}, "members", "no such instance"),
        ({"tier": "x"}, "tier", "no such tier"),
        ({"public_ip": str(uuid4())}, "public_ip", "Choose another one"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(change, field, words, ann, tier, web):
    answer = ann.post(f"{LIST}new/", form_of(tier, web, **change))
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[field]), answer.context["form"].errors
    if "name" not in change:
        assert 'value="shop"' in answer.content.decode()
    if not {"members", "tier"} & set(change):
        assert re.search(rf'value="{web}"[^>]*checked', answer.content.decode())
    assert not Balancer.unscoped.exists()


def test_a_members_port_that_was_left_out_is_not_wrong(ann, tier, web):
    answer = ann.post(f"{LIST}new/", form_of(tier, web, port="0"))
    assert set(answer.context["form"].errors) == {"port"}


def test_what_the_tier_decides_is_a_part_and_what_is_ticked_stays_while_one_searches(ann, vpc, tier, web, acme):
    other = builders.a_tier(vpc, "db", "10.20.1.0/24", cloudstack_id=uuid4())
    one = builders.an_instance(vpc.tenant.accounts.get(), "db-1", tier=other, address="10.20.1.11")
    builders.an_instance(vpc.tenant.accounts.get(), "db-2", tier=other, address="10.20.1.12")
    part = text(ann, f"{LIST}new/?tier={other.pk}", HX_Request="true")
    assert "<html" not in part and "db-1" in part and "web-1" not in part
    part = text(ann, f"{LIST}new/?tier={other.pk}&find=db-2&members={one}", HX_Request="true")
    assert re.search(rf'value="{one}"[^>]*checked', part) and "db-2" in part
    # Without scripts the same is a button, and nothing is complained about.
    answer = ann.post(f"{LIST}new/", form_of(other, search="all", name=""))
    assert answer.status_code == 200
    assert len(re.findall(r'<input type="checkbox"[^>]* checked', answer.content.decode())) == 2
    assert "error" not in answer.content.decode().lower().split("<main")[1].replace("error-summary", "")
    text(ann, f"{LIST}new/?nonsense=1", 400)


def test_another_tier_leaves_the_public_ip_chosen_where_it_is_of_the_same_vpc(ann, vpc, tier, web, acme):
    ip = builders.a_public_ip(vpc)
    near = builders.a_tier(vpc, "db", "10.20.1.0/24", cloudstack_id=uuid4())
    another = builders.a_vpc(acme, vpc.zone, "far", "10.99.0.0/20", cloudstack_id=uuid4())
    far = builders.a_tier(another, "web", "10.99.0.0/24", cloudstack_id=uuid4())
    builders.an_instance(acme.accounts.get(), "far-1", tier=far, address="10.99.0.11")
    page = text(ann, f"{LIST}new/?public_ip={ip.pk}")
    [select] = re.findall(r'<select name="tier"[^>]*>', page)
    assert 'hx-include="[name=public_ip]"' in select
    asked = {"tier": near.pk, "public_ip": ip.pk}
    part = ann.get(f"{LIST}new/", asked, headers={"HX-Request": "true"}).content.decode()
    assert f'<option value="{ip.pk}" selected' in part
    part = ann.get(f"{LIST}new/", asked | {"tier": far.pk}, headers={"HX-Request": "true"}).content.decode()
    assert "far-1" in part and str(ip.pk) not in part


def test_instances_beyond_the_first_are_found_by_words(ann, vpc, tier, monkeypatch):
    monkeypatch.setattr(choices, "OFFERED", 3)
    account = vpc.tenant.accounts.get()
    for number in range(6):
        builders.an_instance(account, f"web-{number}", tier=tier, address=f"10.20.0.{number + 20}")
    page = text(ann, f"{LIST}new/")
    assert "web-2" in page and "web-5" not in page and "The first 3 are shown" in page
    assert "web-5" in text(ann, f"{LIST}new/?tier={tier.pk}&find=web-5", HX_Request="true")


def test_an_instance_whose_first_address_is_in_another_tier_is_not_offered(ann, vpc, tier, web):
    other = builders.a_tier(vpc, "db", "10.20.1.0/24", cloudstack_id=uuid4())
    assert [each.name for each in choices.instances_in(tier)] == ["web-1"]
    assert choices.instances_in(other) == []


def test_a_public_ip_that_serves_nat_is_not_offered_and_one_with_load_balancers_is(ann, vpc, tier, web, row):
    builders.a_static_nat(builders.a_public_ip(vpc, "198.51.100.40"), tier)
    page = text(ann, f"{LIST}new/")
    assert str(row.address) in page and "198.51.100.40" not in page
    said = form_of(tier, web, public_ip=str(row.public_ip_id))
    answer = ann.post(f"{LIST}new/", said)
    assert "answers at port 443 of" in answer.content.decode()
    assert ann.post(f"{LIST}new/", said | {"port": "80"}).status_code == 302
    assert Balancer.unscoped.filter(public_ip=row.public_ip).count() == 2


def test_the_public_ip_s_page_leads_to_its_load_balancers(ann, row):
    page = text(ann, f"/t/acme/public-ips/{row.public_ip_id}/")
    assert f"/t/acme/load-balancers/?q={row.address}" in page
    assert f"/t/acme/load-balancers/new/?public_ip={row.public_ip_id}" in page
    text(ann, f"{LIST}new/?public_ip={row.public_ip_id}")


def test_a_protocol_or_port_is_replaced_and_nothing_else_is(ann, row):
    page = seen(text(ann, f"{LIST}{row.pk}/replace/"))
    assert "For some seconds nothing answers" in page
    assert "Nothing was changed" in ann.post(f"{LIST}{row.pk}/replace/", follow=True, data=ports(row)).content.decode()
    assert ann.post(f"{LIST}{row.pk}/replace/", ports(row, port="444")).status_code == 302
    assert Operation.unscoped.get().wanted == {"port": 444}


def ports(row: Balancer, **more: str) -> dict[str, str]:
    return {"protocol": row.protocol, "port": str(row.port), "member_port": str(row.member_port)} | more


def test_udp_instead_of_a_checked_tcp_says_where_the_check_is_taken_away(ann, row):
    Balancer.unscoped.update(check_kind="tcp", check_timeout=2)
    answer = ann.post(f"{LIST}{row.pk}/replace/", ports(row, protocol="udp"))
    [said] = answer.context["form"].errors["protocol"]
    assert "Set the check to none first, under “Edit sources and check”." in said
    assert "Edit sources and check" in text(ann, f"{LIST}{row.pk}/")
    Balancer.unscoped.update(check_kind="none", check_timeout=0)
    assert ann.post(f"{LIST}{row.pk}/replace/", ports(row, protocol="udp")).status_code == 302


def test_sources_and_check_are_edited_with_what_is_there_filled_in(ann, row):
    Balancer.unscoped.update(allowed_cidrs=["192.0.2.0/24"], check_kind="http", check_path="/up", check_timeout=3)
    page = text(ann, f"{LIST}{row.pk}/edit/")
    for value in ("192.0.2.0/24", "/up", "3"):
        assert f'value="{value}"' in page
    said = {"allowed_cidrs": "192.0.2.0/24", "check_type": "tcp", "check_path": "/up", "check_timeout": "3"}
    assert ann.post(f"{LIST}{row.pk}/edit/", said).status_code == 302
    assert Operation.unscoped.get().wanted == {"check_kind": "tcp", "check_path": ""}


def test_a_name_changes_at_once(ann, row):
    assert ann.post(f"{LIST}{row.pk}/rename/", {"name": "store"}).status_code == 302
    assert Balancer.unscoped.get().name == "store"
    assert not Operation.unscoped.exists()
    assert "called so already" in ann.post(f"{LIST}{row.pk}/rename/", {"name": "store"}, follow=True).content.decode()


def test_what_goes_is_shown_before_it_goes(ann, row, vpc):
    builders.a_static_nat(builders.a_public_ip(vpc, "198.51.100.41"), row.tier)
    assert "198.51.100.41 to " in text(ann, f"/t/acme/tiers/{row.tier_id}/delete/")
    for path in (f"{LIST}{row.pk}/delete/", f"/t/acme/tiers/{row.tier_id}/delete/", f"/t/acme/vpcs/{vpc.pk}/delete/"):
        assert "TCP 443 of" in text(ann, path), path
    assert ann.post(f"{LIST}{row.pk}/delete/").status_code == 302
    assert "is being removed" in text(ann, f"{LIST}{row.pk}/delete/")


def test_an_instance_that_is_ticked_twice_becomes_no_member_at_all(ann, row, web):
    answer = ann.post(f"{LIST}{row.pk}/members/new/", {"members": [str(web), str(web)]})
    assert "An instance can be a member once." in answer.content.decode()
    assert not Operation.unscoped.exists()


def test_while_something_is_under_way_the_buttons_say_why_not(ann, row):
    ann.post(f"{LIST}{row.pk}/replace/", ports(row, port="444"))
    page = text(ann, f"{LIST}{row.pk}/")
    assert page.count('aria-disabled="true"') >= 8
    again = ann.post(f"{LIST}{row.pk}/members/{row.members.all()[0].pk}/drain/", {"to": "out"}, follow=True)
    assert Operation.unscoped.count() == 1
    assert "message" in again.content.decode()


def test_one_that_is_gone_is_not_there(ann, row):
    Balancer.unscoped.update(status=Status.DELETED)
    text(ann, f"{LIST}{row.pk}/", 404)
    assert "No load balancer yet" in text(ann, LIST)


def test_no_more_than_the_quota(ann, row, acme):
    set_limits(acme, {LOAD_BALANCER: 1})
    assert "1 of 1 load balancers" in seen(text(ann, LIST))
    assert 'aria-disabled="true"' in text(ann, LIST)


def test_the_map_draws_them_between_the_internet_and_their_tier(ann, row, vpc):
    PublicIp.unscoped.update(purpose=Purpose.LOAD_BALANCER)
    page = text(ann, f"/t/acme/vpcs/{vpc.pk}/")
    assert f"Public IP {row.address}: load balancer shop in web" in page
    assert f"/t/acme/load-balancers/{row.pk}/" in page
    builders.a_balancer(row.public_ip, row.tier, 80)
    page = text(ann, f"/t/acme/vpcs/{vpc.pk}/")
    assert f"Public IP {row.address}: 2 load balancers in web" in page
    assert f"/t/acme/vpcs/{vpc.pk}/load-balancers/" in page


def test_pages_cost_the_same_with_one_and_with_many(ann, row, vpc, web):
    paths = (
        LIST,
        f"{LIST}{row.pk}/",
        f"/t/acme/vpcs/{vpc.pk}/load-balancers/",
        f"{LIST}new/",
        f"/t/acme/vpcs/{vpc.pk}/",
    )

    def costs() -> list[int]:
        found = []
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                text(ann, path)
            found.append(len(queries))
        return found

    costs()
    few = costs()
    for number in range(10):
        ip = builders.a_public_ip(vpc, f"198.51.100.{100 + number}", purpose=Purpose.LOAD_BALANCER)
        for port in (80, 443):
            builders.a_balancer(ip, row.tier, port, members=5)
    for number in range(8):
        row.members.create(instance_id=uuid4(), instance_name=f"x-{number}", guest_address=f"10.20.0.{100 + number}")
    assert costs() == few
    assert few == [18, 15, 25, 14, 39]
