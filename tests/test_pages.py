"""What holds of every page: it can be read without eyes, styled and scripted by files, and costs no more with more.

The pages are those of the table in tests/test_access.py, so a new one is looked at by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Account
from apps.addresses.models import PortForward, PublicIp, StaticNat
from apps.balancers.models import Balancer
from apps.directconnect.models import Connection, FabricPort, Interface, Location
from apps.directconnect.stages import Stage
from apps.fabric.models import SurveyedDevice, SurveyedLink, SurveyedPort, SurveyedSite, SurveyedSubnet
from apps.fabric.surveys import survey
from apps.history.models import Event as Happening
from apps.instances.queries import theirs
from apps.mirror.models import Item, Kind
from apps.mirror.services import refresh_due, request_refresh
from apps.networks.models import StaticRoute, Vpc
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Status
from apps.peering.models import Peering
from apps.tenancy import services
from apps.tenancy.models import ApiToken, AuditEntry, Membership, Role, Tenant, User
from apps.vnis.models import VniRange
from apps.vnis.services import look
from apps.zones.models import Zone
from tests import builders
from tests.test_access import ROWS, Row

pytestmark = pytest.mark.django_db

SHEETS = {f"fabric:{noun}_sheet" for noun in ("device", "link", "session", "port", "subnet", "site")}
#: They are for other programs to read: probes, and a sheet that a browser saves.
NO_PAGES = {
    "healthz",
    "readyz",
    "acls:sheet",
    "directconnect:connection_loa",
    "directconnect:platform_loa",
    "directconnect:interface_config",
    *SHEETS,
    "fabric:topology_svg",
    "fabric:topology_dot",
}
PAGES = [row for row in ROWS if row.method == "GET" and not row.view.startswith("api:") and row.view not in NO_PAGES]
TENANT_PAGES = [row for row in PAGES if row.answers["engineer"] == "200"]
PLATFORM_PAGES = [row for row in PAGES if row.answers["admin"] == "200"]
#: A part for htmx, even when it is opened by hand.
PARTS = {"/t/acme/vpcs/new/map/", "/t/acme/instances/choices/", "/t/acme/public-ips/choices/"}


RULES = [{"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": "443", "cidrs": ["0.0.0.0/0"]}]

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
FIELDS = {"input", "select", "textarea"}


class Page(HTMLParser):
    """Reads a page and writes down in `faults` what is wrong with it."""

    def __init__(self, html: str, *, is_part: bool = False) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: Counter[str] = Counter()
        self.words = {"title": "", "h1": ""}
        self._count: Counter[str] = Counter()
        self._open: list[tuple[str, dict[str, str]]] = []
        self._inside: list[str] = []
        self._named: set[str] = set()
        self._wanted: list[tuple[str, str]] = []
        self._fields: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()
        self._judge(is_part)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._look(tag, attributes)
        if tag not in VOID:
            self._open.append((tag, attributes))
            self._inside.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        (opened, attributes), words = self._open.pop(), self._inside.pop()
        if opened != tag:
            self.faults.append(f"<{opened}> is closed by </{tag}> in line {self.getpos()[0]}")
        if tag in self.words and "svg" not in [name for name, _ in self._open]:
            self._count[tag] += 1
            self.words[tag] = words.strip()
        if tag in ("a", "button", "label", "th", "summary") and not (words.strip() or attributes.get("aria-label")):
            self.faults.append(f"<{tag}> without words: {attributes}")
        if self._inside:
            self._inside[-1] += words

    def handle_data(self, data: str) -> None:
        if self._inside:
            self._inside[-1] += data

    def _look(self, tag: str, attributes: dict[str, str]) -> None:
        where = f"<{tag}> in line {self.getpos()[0]}"
        if "id" in attributes:
            self.ids[attributes["id"]] += 1
        if tag == "label":
            self._named.add(attributes.get("for", ""))
        if tag in FIELDS and attributes.get("type") != "hidden":
            self._fields.append((where, attributes | {"in": " ".join(name for name, _ in self._open)}))
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            self._wanted += [(where, each) for each in attributes.get(name, "").split()]
        if attributes.get("href", "").startswith("#"):
            self._wanted.append((where, attributes["href"][1:]))
        if tag == "style" or (tag == "script" and "src" not in attributes):
            self.faults.append(f"{where} is inline")
        if tag == "img" and "alt" not in attributes:
            self.faults.append(f"{where} without alt")
        if tag == "th" and "scope" not in attributes:
            self.faults.append(f"{where} without scope")
        if "table-wrap" in attributes.get("class", "").split() and not {"tabindex", "aria-label"} <= attributes.keys():
            self.faults.append(f"{where} scrolls sideways, but not by keyboard")
        for name, value in attributes.items():
            if name == "style" or name.startswith(("on", "hx-on")) or value.strip().startswith(("javascript:", "js:")):
                self.faults.append(f"{where} has {name}={value}")

    def _judge(self, is_part: bool) -> None:
        if not is_part:
            self.faults += [f"{self._count[tag]} <{tag}>" for tag in ("h1", "title") if self._count[tag] != 1]
            self.faults += [f"<{tag}> is empty" for tag, words in self.words.items() if not words.strip(" ·Weft\n")]
        self.faults += [f"<{tag}> is never closed" for tag, _ in self._open]
        self.faults += [f"{count} elements are called #{name}" for name, count in self.ids.items() if count > 1]
        self.faults += [
            f"{where} points at #{name}, which is not there" for where, name in self._wanted if not self.ids[name]
        ]
        for where, field in self._fields:
            if not (field.get("aria-label") or field.get("id") in self._named or "label" in field["in"].split()):
                self.faults.append(f"{where} without a label: {field.get('name')}")


@pytest.fixture
def site(acme, globex, zone, clouds_of):
    """The reference site, read into the mirror. Both tenants may build in it."""
    zone.netris_site = "sv"
    zone.save()
    for tenant in (acme, globex):
        builders.an_account(tenant, zone)
    request_refresh(zone)
    refresh_due(clouds_of)
    survey(zone)
    look(zone)
    return zone


@pytest.fixture
def busy(acme, site):
    """A VPC in every state, with an operation in every phase."""
    cases = [
        (Status.READY, "succeeded"),
        (Status.BUILDING, "queued"),
        (Status.BUILDING, "building"),
        (Status.REMOVING, "removing"),
        (Status.STUCK, "stuck"),
        (Status.READY, "cancelled"),
        (Status.DELETED, "rolled_back"),
    ]
    vpcs = [a_vpc_with_everything(acme, site, n, status, phase) for n, (status, phase) in enumerate(cases)]
    overlap = a_vpc_with_everything(acme, site, len(cases), Status.READY, "succeeded", cidr="10.0.0.0/16")
    return [*vpcs, overlap]


def a_vpc_with_everything(tenant, zone, number, status, phase, *, cidr=""):
    cidr = cidr or f"10.{number}.0.0/20"
    vpc = builders.a_vpc(tenant, zone, f"vpc-{number}", cidr, status, description="The shop", egress_ip="198.51.100.7")
    for row, block in enumerate(vpc.cidr.subnets(new_prefix=24)):
        if row < 2:
            builders.a_tier(vpc, f"tier-{row}", str(block), status)
    states = {"building": ("done", "running", "waiting"), "stuck": ("undone", "failed")}.get(phase, ("done",))
    steps = [{"title": one, "state": one, "detail": "Hm.", "started_at": None, "finished_at": None} for one in states]
    what = {"kind": "vpc", "goal": "present", "resource_type": "vpc", "resource_id": vpc.pk, "resource_name": vpc.name}
    operation = Operation.unscoped.create(
        tenant=tenant, zone=zone, **what, lock_key=vpc.lane, requested_by="ann", size=1, steps=steps, phase=phase
    )
    Event.unscoped.create(operation=operation, text="Requested by ann.")
    whose = {"object_type": "vpc", "object_id": vpc.pk, "object_name": vpc.name, "old": {"name": "x"}, "new": {}}
    AuditEntry.unscoped.create(tenant=tenant, actor="ann", action="vpc.create", **whose)
    return vpc


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def addresses(pages: list[Row], vpcs: list[Vpc]) -> list[str]:
    """Every address of these pages, about each of the VPCs."""
    found: set[str] = set()
    people = whoever_is_there(vpcs[0].tenant)
    for vpc in vpcs:
        operation = Operation.unscoped.get(resource_id=vpc.pk)
        ids = {"vpc": vpc.pk, "tier": vpc.tiers.first().pk, "operation": operation.pk, "zone": vpc.zone_id}
        ids["acl"] = (vpc.acls.first() or builders.an_acl(vpc, rules=RULES)).pk
        ids |= {"trial": builders.a_trial().pk, "gate": gate_of(vpc.zone)}
        ids |= {"stray": builders.a_stray(vpc.zone).pk, "instance": an_instance_of(vpc.tenant), **people}
        ids |= {
            "device": device_of(vpc.zone),
            "link": link_of(vpc.zone),
            "port": port_of(vpc.zone),
            "block": block_of(vpc.zone),
            "site": site_of(vpc.zone),
            "import": builders.an_import().pk,
            "event": an_event_of(vpc),
        }
        ids |= {"vnirange": VniRange.objects.filter(zone=vpc.zone)[0].pk, "vni": vpc.zone.slug}
        ids["past"] = f"{vpc.zone.slug}/device/{vpc.pk}"
        ids |= {"publicip": a_public_ip_of(vpc), **what_leads_into(vpc), **what_is_ordered_for(vpc)}
        found |= {page.path(ids) for page in pages}
    return sorted(found)


def what_is_ordered_for(vpc: Vpc) -> dict[str, Any]:
    row = Connection.unscoped.filter(tenant=vpc.tenant, stage=Stage.SUBMITTED).first()
    if row is None:
        location = Location.objects.filter(zone=vpc.zone).first() or builders.a_location(vpc.zone)
        row = builders.a_connection(vpc.tenant, location, stage=Stage.SUBMITTED)
    port = FabricPort.objects.filter(location=row.location).first() or builders.a_fabric_port(row.location)
    carried = Interface.unscoped.filter(tenant=vpc.tenant).first()
    if carried is None:
        carrying = builders.a_connection(vpc.tenant, row.location, "paris-b", Stage.IN_SERVICE)
        carried = builders.an_interface(carrying, vpc)
    ids = {"dclocation": row.location_id, "connection": row.pk, "dcport": port.pk}
    return ids | {"carrying": carried.connection_id, "interface": carried.pk}


def device_of(zone: Zone) -> str:
    return f"{zone.slug}/{SurveyedDevice.objects.get(zone=zone, name='SoftGate-1').remote_id}"


def gate_of(zone: Zone) -> Any:
    return SurveyedDevice.objects.get(zone=zone, name="SoftGate-1").pk


def link_of(zone: Zone) -> str:
    return f"{zone.slug}/{SurveyedLink.objects.filter(zone=zone, plane='border')[0].remote_id}"


def block_of(zone: Zone) -> str:
    return f"{zone.slug}/{SurveyedSubnet.objects.filter(zone=zone).order_by('sort_key')[0].remote_id}"


def site_of(zone: Zone) -> str:
    return f"{zone.slug}/{SurveyedSite.objects.filter(zone=zone)[0].remote_id}"


def port_of(zone: Zone) -> str:
    return f"{zone.slug}/{SurveyedPort.objects.filter(zone=zone).order_by('sort_key')[0].remote_id}"


def an_event_of(vpc: Vpc) -> Any:
    """One for each VPC; the same when asked again."""
    found = Happening.objects.filter(subject_id=str(vpc.pk)).first()
    return (found or builders.an_event(vpc.zone, subject_id=str(vpc.pk), touched=[vpc.tenant])).pk


def a_public_ip_of(vpc: Vpc) -> Any:
    """With what leads from it where there is a tier; the same when asked again."""
    if found := PublicIp.unscoped.filter(vpc=vpc).exclude(purpose="source_nat").first():
        return found.pk
    made = builders.a_public_ip(vpc, f"198.51.100.{100 + PublicIp.unscoped.count()}", name="shop", notes="The door")
    if vpc.status != Status.DELETED:
        builders.a_port_forward(made, vpc.tiers.all()[0], 8000, 8010)
    return made.pk


def what_leads_into(vpc: Vpc) -> dict[str, Any]:
    """The same when asked again."""
    tier = vpc.tiers.all()[0]
    nat = StaticNat.unscoped.filter(vpc=vpc).first()
    forward = PortForward.unscoped.filter(vpc=vpc).first()
    ends = [builders.a_public_ip(vpc, f"203.0.113.{PublicIp.unscoped.count() + n}") for n in (1, 2)] if not nat else []
    route = StaticRoute.unscoped.filter(vpc=vpc).first() or builders.a_static_route(tier)
    balancer = Balancer.unscoped.filter(vpc=vpc).first()
    balancer = balancer or builders.a_balancer(
        builders.a_public_ip(vpc, f"192.0.2.{PublicIp.unscoped.count() + 1}"), tier, members=2
    )
    peering = Peering.unscoped.filter(vpc=vpc).first()
    peering = peering or builders.a_peering(vpc, None, peer_tenant=vpc.tenant)
    return {
        "peering": peering.pk,
        "quotarequest": builders.a_quota_request(vpc.tenant).pk,
        "balancer": balancer.pk,
        "lbmember": balancer.members.all()[0].pk,
        "route": route.pk,
        "staticnat": (nat or builders.a_static_nat(ends[0], tier)).pk,
        "forward": (forward or builders.a_port_forward(ends[1], tier, 22)).pk,
    }


def an_instance_of(tenant: Tenant) -> Any:
    """The same when asked again."""
    found = Item.objects.filter(theirs(Account.objects.of(tenant)), kind=Kind.CLOUDSTACK_INSTANCE).first()
    return found.remote_id if found else builders.an_instance(Account.objects.of(tenant)[0], secondary=["10.20.0.12"])


def whoever_is_there(tenant: Tenant) -> dict[str, Any]:
    """Somebody of the tenant's, with all that people have; the same when asked again."""
    if not Membership.objects.filter(user__username=f"{tenant.slug}-boss").exists():
        return builders.whoever_belongs_to(tenant)
    return {
        "member": Membership.objects.get(user__username=f"{tenant.slug}-idle").pk,
        "invitation": tenant.invitations.earliest("created_at").pk,
        "person": User.objects.get(username="elsewhere").uuid,
        "platform_token": ApiToken.unscoped.filter(tenant=None).earliest("created_at").pk,
        "token": User.objects.get(username=f"{tenant.slug}-boss").tokens.get().pk,
    }


def faults_of(browser: Client, pages: Iterable[str], *, method: str = "GET", body: str = "") -> set[str]:
    looked_at, found = 0, set()
    for path in pages:
        answer = browser.generic(method, path, body, "application/x-www-form-urlencoded")
        if answer.content and answer.headers["Content-Type"].startswith("text/html"):
            looked_at += 1
            found |= {f"{path}: {fault}" for fault in Page(answer.content.decode(), is_part=path in PARTS).faults}
    assert looked_at
    return found


def test_every_page_of_a_tenant_is_well_made(engineer, globex, busy):
    Membership.objects.create(user=engineer, tenant=globex, role=Role.VIEWER)

    assert faults_of(browser_of(engineer), addresses(TENANT_PAGES, busy)) == set()


def test_what_an_owner_sees_is_well_made(acme, busy):
    pages = [row for row in PAGES if row.answers.get("owner", row.answers["engineer"]) == "200"]
    paths = addresses(pages, busy[:1])
    owner = browser_of(builders.a_member(acme, Role.OWNER, "olive"))
    builders.a_token(acme, name="the command line's")

    assert faults_of(owner, paths) == set()
    shown = {
        "/t/acme/members/new/": "email=x@example.net&role=viewer",
        "/t/acme/tokens/new/": "name=x&scope=read&days=",
    }
    for path, body in shown.items():
        assert faults_of(owner, [path], method="POST", body=body) == set()
        assert faults_of(owner, [path], method="POST", body="email=&role=&name=&scope=") == set()


def test_what_a_link_opens_is_well_made(acme, engineer):
    """To who is new, to who has an account, with nothing filled in, and when it is void."""
    _, code = builders.an_invitation(acme)

    for browser in (Client(), browser_of(engineer)):
        assert faults_of(browser, ["/join/", "/join/new/"], method="POST", body=f"code={code}") == set()
        assert faults_of(browser, ["/join/", "/join/new/", "/join/known/"], method="POST", body="code=x") == set()
        forgotten = services.offer_password(engineer, by=builders.the_platform())
        for code_of_password in (forgotten, "x"):
            body = f"code={code_of_password}"
            assert faults_of(browser, ["/new-password/", "/new-password/set/"], method="POST", body=body) == set()
    assert faults_of(Client(), ["/join/known/"], method="POST", body=f"code={code}") == set()


def test_every_page_of_the_platform_is_well_made(admin, acme, busy):
    Membership.objects.create(user=admin, tenant=acme, role=Role.OWNER)

    assert faults_of(browser_of(admin), addresses(PLATFORM_PAGES, busy)) == set()


def test_what_a_viewer_sees_is_well_made(acme, busy):
    viewer = browser_of(builders.a_member(acme, Role.VIEWER))
    bare = builders.a_vpc(acme, busy[0].zone, "bare", "172.16.0.0/20")

    assert faults_of(viewer, addresses(TENANT_PAGES, busy)) == set()
    assert faults_of(viewer, [f"/t/acme/vpcs/{bare.pk}/"]) == set()


def test_pages_with_nothing_on_them_are_well_made(acme, admin, engineer):
    """The same with a search that finds nothing."""
    lists = {page.path({}) for page in (*TENANT_PAGES, *PLATFORM_PAGES) if page.of in ("-", "tenant", "slug")}
    searches = {f"{path}?q=zzz" for path in lists - PARTS}
    pages = ["/", "/login/", "/no/such/page/", *sorted(lists | searches)]
    people = [engineer, builders.a_member(acme, Role.VIEWER), admin, builders.a_user("new")]

    for browser in (*map(browser_of, people), Client()):
        assert faults_of(browser, pages) == set()


def test_forms_with_errors_are_well_made(acme, engineer, admin, busy):
    """Also for who may not send them."""
    forms = [row for row in ROWS if row.method == "POST" and (row.of in ("vpc", "tier") or row.view.endswith("create"))]
    pages = addresses([row for row in forms if not row.view.startswith("api:")], busy[:1])

    for browser in (browser_of(builders.a_member(acme, Role.VIEWER)), browser_of(engineer), browser_of(admin)):
        assert faults_of(browser, pages, method="POST", body="name=&cidr=x&owner=nobody") == set()


def test_no_page_asks_the_database_more_often_when_there_is_more(engineer, admin, acme, site):
    vpc = a_vpc_with_everything(acme, site, 1, Status.READY, "succeeded")
    pages = {browser_of(engineer): addresses(TENANT_PAGES, [vpc]), browser_of(admin): addresses(PLATFORM_PAGES, [vpc])}

    def costs() -> dict[str, int]:
        found = {}
        for browser, paths in pages.items():
            for path in paths:
                with CaptureQueriesContext(connection) as asked:
                    assert browser.get(path).status_code == 200
                found[path] = len(asked)
        return found

    costs()  # what is asked once per process is asked now
    with_one = costs()
    for number in range(2, 31):
        a_vpc_with_everything(acme, site, number, Status.READY, "succeeded")

    assert costs() == with_one


def test_the_reader_of_these_tests_finds_what_is_wrong():
    """Each of these is told: the tests above would pass if nothing was ever found."""
    page = """<html><head><title> · Weft</title></head><body style="x"><h1></h1><h1>x</h1><p id="a"><b id="a"></b></p>
        <input name="q"><script>x</script><a href="#b"><i></i></a><button onclick="x">x</button><img src="x">
        <i class="table-wrap"></i><div>"""

    found = " ".join(Page(page).faults)

    told = ["<title> is empty", "style=x", "2 <h1>", "#a", "label: q", "inline", "#b", "onclick", "out alt", "sideways"]
    assert [fault for fault in told if fault not in found] == []
    assert "<a> without words" in found and "<div> is never closed" in found
    whole = '<title>x</title><h1>x</h1><label for="a">x</label><input id="a"><label>y <select></select></label>'
    assert Page(whole).faults == []
