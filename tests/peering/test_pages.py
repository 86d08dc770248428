"""The pages of peerings: both views of one, forms with what would pass, and what needs somebody."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.mirror.models import Item, Kind, Reading
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.peering.exchange import list_of
from apps.peering.models import Peering
from apps.peering.recipes import exchange_of
from apps.peering.tasks import keep_all
from apps.tenancy.models import Tenant
from tests import builders
from tests.peering.test_services import accept, ask, here, nobody, settle, there

__all__ = ["here", "nobody", "there"]  # fixtures


def person(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.a_member(tenant, username=f"of-{tenant.slug}"))
    return client


@pytest.fixture
def ann(here: Vpc) -> Client:
    return person(here.tenant)


@pytest.fixture
def bob(there: Vpc) -> Client:
    return person(there.tenant)


def text(client: Client, path: str, status: int = 200, **data: Any) -> str:
    answer = client.post(path, data) if data else client.get(path)
    assert answer.status_code == status, answer.content.decode()
    main = answer.content.decode().partition("<main")[2] or answer.content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def netris_has(row: Peering, *, lists: tuple[str, str] | None = None) -> None:
    """The mirror read so a moment ago."""
    row.refresh_from_db()
    Item.objects.filter(kind=Kind.NETRIS_PEERING).delete()
    Reading.objects.filter(kind=Kind.NETRIS_PEERING).delete()
    meant = exchange_of(row)
    accepts = lists or (list_of(meant.learned), list_of(meant.peer_learned))
    assert row.peer_vpc is not None
    ends = zip((row.vpc.netris_id, row.peer_vpc.netris_id), accepts, strict=True)
    a, b = ({"id": netris_id, "prefixListInbound": each} for netris_id, each in ends)
    data = {"name": row.remote_name, "vpcA": a, "vpcB": b}
    builders.mirrored(row.vpc.zone, Kind.NETRIS_PEERING, [7], read_at=timezone.now(), data=data)


def test_each_side_has_its_own_view_and_a_third_none(here: Vpc, there: Vpc, ann: Client, bob: Client) -> None:
    row = ask(here, "globex")
    third = person(builders.a_tenant("Initech"))
    for slug, client in (("acme", ann), ("globex", bob)):
        assert "shop of Acme" in text(client, f"/t/{slug}/peerings/")
    assert "It waits for your answer" in text(bob, f"/t/globex/peerings/{row.pk}/")
    assert "It waits for your answer" not in text(ann, f"/t/acme/peerings/{row.pk}/")
    assert "shop of Acme" not in text(third, "/t/initech/peerings/")
    for verb in ("", "accept/", "edit/", "revoke/"):
        assert third.get(f"/t/initech/peerings/{row.pk}/{verb}").status_code == 404
        assert third.get(f"/t/acme/peerings/{row.pk}/{verb}").status_code == 404
    for verb in ("accept/", "reject/", "apply/", "revoke/", "edit/"):
        assert third.post(f"/t/initech/peerings/{row.pk}/{verb}").status_code == 404


def test_no_page_tells_one_side_of_the_other(here: Vpc, there: Vpc, ann: Client, bob: Client) -> None:
    builders.a_tier(here, name="secret-here", cidr="10.20.0.0/24")
    builders.a_tier(there, name="secret-there", cidr="10.30.0.0/24")
    row = ask(here, "globex")
    seen_before = text(bob, f"/t/globex/peerings/{row.pk}/") + text(bob, f"/t/globex/peerings/{row.pk}/accept/")
    assert here.name not in seen_before.replace("shop of Acme", "")
    settle(accept(row, there))
    pages = ("", f"{row.pk}/", f"{row.pk}/edit/", f"{row.pk}/revoke/")
    for client, slug, words in ((ann, "acme", ("stock", "secret-there")), (bob, "globex", ("front", "secret-here"))):
        other = there if slug == "acme" else here
        for page in pages:
            shown = client.get(f"/t/{slug}/peerings/{page}").content.decode()
            for word in (*words, str(other.pk), str(other.tenant.pk)):
                assert word not in shown, (page, word)


def test_the_form_shows_what_would_pass_before_anything_is_sent(here: Vpc, ann: Client) -> None:
    lab = builders.a_vpc(here.tenant, here.zone, "lab", "10.40.0.0/20", netris_id=4)
    alike = builders.a_vpc(here.tenant, here.zone, "alike", "10.20.0.0/20", netris_id=5)
    builders.a_tier(here, name="web", cidr="10.20.0.0/24")
    path = f"/t/acme/peerings/new/?vpc={here.pk}&prefixes=10.20.0.0/25&kind=own&peer_prefixes=&peer_vpc="
    shown = text(ann, f"{path}{lab.pk}")
    assert "Your VPC learns 10.40.0.0/20" in shown
    assert "The other VPC learns 10.20.0.0/25" in shown
    assert "web 10.20.0.0/24" in shown
    assert "Ranges that overlap cannot be peered" in text(ann, f"{path}{alike.pk}")
    assert not Peering.unscoped.exists()


def test_a_form_says_what_is_wrong_with_it(here: Vpc, there: Vpc, ann: Client) -> None:
    body = {"vpc": str(here.pk), "prefixes": "10.20.0.0/24", "kind": "other", "tenant": "no body", "name": "x"}
    body |= {"peer_vpc": "", "peer_prefixes": "", "expires_at": ""}
    assert "This is no short name of a tenant" in text(ann, "/t/acme/peerings/new/", 422, **body)
    assert "is not part of the VPC's range" in text(
        ann, "/t/acme/peerings/new/", 422, **body | {"prefixes": "10.99.0.0/24", "tenant": "globex"}
    )
    assert not Peering.unscoped.exists()
    answer = ann.post("/t/acme/peerings/new/", body | {"tenant": "globex"})
    assert answer.headers["Location"] == f"/t/acme/peerings/{Peering.unscoped.get().pk}/"


def test_a_request_is_answered_on_its_page(here: Vpc, there: Vpc, bob: Client) -> None:
    row, other = ask(here, "globex"), ask(here, "globex", "another")
    assert "Another tenant asks to peer a VPC with one of yours" in text(bob, "/t/globex/")
    bob.post(f"/t/globex/peerings/{other.pk}/reject/")
    other.refresh_from_db()
    assert other.stage == "rejected"
    path = f"/t/globex/peerings/{row.pk}/accept/"
    body = {"vpc": str(there.pk), "prefixes": "10.30.0.0/24", "accept": ["10.20.0.0/16"]}
    assert bob.post(path, body).status_code == 302
    row.refresh_from_db()
    assert (row.stage, row.peer_offered, row.peer_accepted) == ("accepted", ["10.30.0.0/24"], ["10.20.0.0/16"])
    assert "Another tenant asks" not in text(bob, "/t/globex/")


def test_ready_is_said_of_what_was_just_read_alone(here: Vpc, there: Vpc, ann: Client, bob: Client, clock: Any) -> None:
    row = ask(here, "globex")
    settle(accept(row, there))
    path = f"/t/acme/peerings/{row.pk}/"
    assert "Stale" in text(ann, path)
    clock.shift(1)
    netris_has(row)
    assert "Netris has it as both sides have said." in text(ann, path)
    netris_has(row, lists=("permit 0.0.0.0/0 le 32", "deny 0.0.0.0/0 le 32"))
    assert "Netris lets other prefixes through." in text(ann, path)
    keep_all()
    for client, slug in ((ann, "acme"), (bob, "globex")):
        assert "Netris lets other prefixes through." in text(client, f"/t/{slug}/")
    clock.shift(3600)
    assert "Stale" in text(ann, path)


def test_what_the_other_side_is_at_is_said_and_nobody_named(here: Vpc, there: Vpc, ann: Client, bob: Client) -> None:
    row = ask(here, "globex")
    settle(accept(row, there))
    bob.post(f"/t/globex/peerings/{row.pk}/edit/", {"prefixes": "10.30.0.0/24", "accept": ""})
    row.refresh_from_db()
    assert row.status == Status.CHANGING
    shown = text(ann, f"/t/acme/peerings/{row.pk}/")
    assert "An operation of the other side on it is under way" in shown
    assert "of-globex" not in shown
    assert not Operation.objects.of(here.tenant).exists()


def test_nobody_asks_who_takes_no_requests(here: Vpc, there: Vpc, ann: Client, bob: Client) -> None:
    bob.post("/t/globex/peerings/requests/", {"take": "off"})
    body = {"vpc": str(here.pk), "prefixes": "10.20.0.0/24", "kind": "other", "tenant": "globex", "name": "x"}
    body |= {"peer_vpc": "", "peer_prefixes": "", "expires_at": ""}
    assert "Nobody can ask you for a peering." in text(bob, "/t/globex/peerings/")
    assert ann.post("/t/acme/peerings/new/", body).status_code == 302
    assert "No peering yet" in text(bob, "/t/globex/peerings/")
    bob.post("/t/globex/peerings/requests/", {"take": "on"})
    assert ann.post("/t/acme/peerings/new/", body | {"name": "another"}).status_code == 302
    assert "another asked of you" in text(bob, "/t/globex/peerings/")


def test_the_pages_of_a_request_to_nobody_are_those_of_one_that_waits(
    here: Vpc, there: Vpc, nobody: str, ann: Client, bob: Client, clock: Any
) -> None:
    builders.a_tier(here, name="web", cidr="10.20.0.0/24")

    def shown(client: Client, path: str, slug: str, pk: str) -> str:
        page = client.get(path, follow=True)
        assert page.status_code == 200
        without_tokens = re.sub(r"[A-Za-z0-9]{64}|(?:data-key=.|why-)[0-9a-f]{8}", "", page.content.decode())
        return without_tokens.replace(pk, "<pk>").replace(slug, "<peer>")

    def life(slug: str) -> list[str]:
        body = {"vpc": str(here.pk), "prefixes": "10.20.0.0/24", "kind": "other", "tenant": slug, "name": "x"}
        body |= {"peer_vpc": "", "peer_prefixes": "", "expires_at": ""}
        answer = ann.post("/t/acme/peerings/new/", body)
        row = Peering.unscoped.live().get()
        assert answer.headers["Location"] == f"/t/acme/peerings/{row.pk}/"
        pages = [f"/t/acme/peerings/{page}" for page in (f"{row.pk}/", "", f"{row.pk}/edit/", f"{row.pk}/revoke/")]
        found = [shown(ann, page, slug, str(row.pk)) for page in [*pages, "/t/acme/"]]
        assert ann.post(f"/t/acme/peerings/{row.pk}/revoke/").status_code == 302
        found += [shown(ann, page, slug, str(row.pk)) for page in pages]
        Peering.unscoped.filter(pk=row.pk).update(deleted_at="2001-01-01T00:00Z")  # no longer listed
        return found

    life("globex")  # what is said once is said
    waits, vain = life("globex"), life(nobody)
    for left, right in zip(waits, vain, strict=True):
        assert left.splitlines() == right.splitlines()
    assert "<peer>" in waits[0]
    assert "No peering yet" in text(bob, "/t/globex/peerings/")


ENDINGS = [
    ({"stage": "rejected"}, "It was rejected by the other side. Nothing of it was made."),
    ({"stage": "withdrawn"}, "It was taken back by the other side. Nothing of it was made."),
    ({"stage": "expired", "ended_by": None}, "It was not answered in time. Nothing of it was made."),
]


@pytest.mark.parametrize(("fields", "words"), ENDINGS)
def test_one_that_is_over_says_why_and_is_asked_for_again(
    here: Vpc, there: Vpc, ann: Client, bob: Client, fields: Any, words: str
) -> None:
    row = ask(here, "globex")
    over = {"status": Status.DELETED, "deleted_at": timezone.now(), "ended_by": there.tenant} | fields
    Peering.unscoped.filter(pk=row.pk).update(**over)
    path = f"peerings/{row.pk}/"
    shown = text(ann, f"/t/acme/{path}")
    assert words in shown
    assert "never read" not in shown
    assert words.replace("the other side", "you") in text(bob, f"/t/globex/{path}")
    assert "Ask again" not in text(bob, f"/t/globex/{path}")

    link = re.search(r'href="([^"]+/peerings/new/[^"]+)"', ann.get(f"/t/acme/{path}").content.decode())
    assert link is not None
    form = ann.get(html.unescape(link[1])).context["form"]
    assert form.initial == {
        "vpc": str(here.pk),
        "prefixes": "10.20.0.0/16",
        "kind": "other",
        "tenant": "globex",
        "name": "shop of Acme",
    }


def test_one_that_ended_passes_nothing_more(here: Vpc, there: Vpc, ann: Client) -> None:
    over = {"status": Status.DELETED, "deleted_at": timezone.now()}
    row = builders.a_peering(here, there, stage="revoked", ended_by=there.tenant, **over)
    assert "It was revoked by the other side: nothing passes any more." in text(ann, f"/t/acme/peerings/{row.pk}/")
    listed = text(ann, "/t/acme/peerings/")
    assert "Revoked nothing" in listed
    assert "10.30.0.0/16" not in listed
    Peering.unscoped.filter(pk=row.pk).update(stage="expired", ended_by=None)
    assert "Its time was over: nothing passes any more." in text(ann, f"/t/acme/peerings/{row.pk}/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "building"}, "It is being made on Netris."),
        ({"status": "changing"}, "It is being changed on Netris."),
        ({"status": "removing", "ends_as": "revoked"}, "It is being taken off Netris."),
        ({"status": "stuck"}, "An operation of the other side on it is stuck."),
        ({"status": "changing", "ends_as": "revoked"}, "It was revoked by you: it is removed as soon as"),
        ({"status": "changing", "ends_as": "expired", "ended_by": None}, "Its time is over: it is removed as soon as"),
    ],
)
def test_what_is_under_way_says_what_it_is(here: Vpc, there: Vpc, ann: Client, fields: Any, words: str) -> None:
    row = builders.a_peering(here, there, **({"ended_by": here.tenant} | fields))
    assert words in text(ann, f"/t/acme/peerings/{row.pk}/")


def test_a_request_is_taken_back_and_never_revoked(here: Vpc, there: Vpc, ann: Client) -> None:
    row = ask(here, "globex", expires_at=timezone.now() + timedelta(days=1))
    shown = text(ann, f"/t/acme/peerings/{row.pk}/")
    assert "Take this request back" in shown
    assert "Revoke" not in shown
    assert "The other side takes of it" not in shown
    shown = text(ann, f"/t/acme/peerings/{row.pk}/revoke/")
    assert "Nobody can answer it then." in shown
    assert "Request shop of Acme" in shown


def test_pages_cost_the_same_with_one_and_with_many(here: Vpc, ann: Client) -> None:
    lab = builders.a_vpc(here.tenant, here.zone, "lab", "10.40.0.0/20", netris_id=4)
    row = builders.a_peering(here, lab, name="first")
    builders.mirrored(here.zone, Kind.NETRIS_PEERING, [])
    routes = f"/t/acme/vpcs/{here.pk}/routes/"
    paths = ("/t/acme/peerings/", f"/t/acme/peerings/{row.pk}/", "/t/acme/peerings/new/", routes)

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
        other = builders.a_vpc(here.tenant, here.zone, f"v{number}", f"10.{100 + number}.0.0/20", netris_id=50 + number)
        builders.a_peering(here, other, name=f"p{number}")
    assert costs() == few
