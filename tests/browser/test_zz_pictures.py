from __future__ import annotations
from datetime import timedelta
import pytest
from playwright.sync_api import sync_playwright
from apps.directconnect.models import Connection
from apps.directconnect.services import orders
from apps.directconnect.stages import READ, Party, Stage
from apps.directconnect.models import StageEntry
from apps.kernel import clock
from apps.tenancy.actors import Actor
from apps.tenancy.models import Membership, Role
from tests import builders
from tests.browser.test_axe import AXE, RUN, TABLES
from tests.browser.test_long_words import WIDER, cookies_of
from tests.chromium import launched, needs_chromium
from tests.portal.conftest import WebServer, valkey, web
from tests.directconnect.test_pages import an_order
__all__ = ["valkey", "web"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), needs_chromium]
P = Actor.system("carol")

def go(row, to, party=Party.PLATFORM, **said):
    orders.transition(row, to, said, party=party, by=P if party == Party.PLATFORM else Actor.system("ann"))
    row.refresh_from_db()

def read(row, to, said):
    at = clock.now()
    StageEntry(connection=row, from_stage=row.stage, to_stage=to, at=at, party=Party.WEFT, actor="Weft", evidence={"said": said, "read_at": at.isoformat()}).save()
    row.stage = to
    row.stage_since = at
    row.save()

@pytest.mark.timeout(900)
def test_pictures(acme, globex, engineer, web, valkey, zone):
    from apps.directconnect.specs import OrderSpec
    viewer = builders.a_member(acme, Role.VIEWER)
    Membership.objects.create(user=engineer, tenant=globex, role=Role.ENGINEER)
    from apps.quotas.models import Limit
    Limit.unscoped.create(tenant=acme, resource="direct_connect", most=40)
    location = builders.a_location(zone, speeds=(10_000, 25_000, 100_000))
    builders.a_location(zone, "Lyon 1", speeds=(1_000,))
    for n in range(12):
        builders.a_fabric_port(location, f"swp{n}@Leaf-{n % 2 + 1}")
    rows = {}
    def make(name):
        row = orders.order(acme, OrderSpec(name, str(location.pk), 10_000, "dedicated"), by=Actor.system("ann"))
        rows[name] = row
        return row
    until = list(Stage)[:11]
    for stage in until:
        row = make(f"at-{stage}")
        for step in until[1: until.index(stage) + 1]:
            if step == Stage.SUBMITTED: go(row, step, Party.TENANT)
            elif step == Stage.APPROVED: go(row, step)
            elif step == Stage.PORT_RESERVED: row.refresh_from_db()
            elif step == Stage.LOA_ISSUED: go(row, step)
            elif step == Stage.CROSS_CONNECT_REPORTED: go(row, step, Party.TENANT, reference="XC-104711")
            elif step == Stage.IN_SERVICE: go(row, step, Party.TENANT)
            else: read(row, step, {"light-seen": "The port sees the other side.", "vlan-up": "VLAN 100 is on the port, with our address in it.", "bgp-established": "The session is established for 02:11:09.", "prefixes-accepted": "12 of at most 100 prefixes are taken. 2 tiers are announced."}[step])
    vpc = builders.a_vpc(acme, zone)
    builders.an_interface(rows["at-in-service"], vpc)
    for name, to, said in (("held", Stage.ON_HOLD, {"reason": "We wait for optics until the middle of next week."}), ("rejected", Stage.REJECTED, {"reason": "This meet-me room has no fibre to your cage."})):
        row = make(name); go(row, Stage.SUBMITTED, Party.TENANT); go(row, to, **said)
    row = make("suspended"); row.refresh_from_db()
    s = builders.a_connection(acme, location, "susp", stage=Stage.SUSPENDED)
    for n in range(3):
        builders.a_connection(globex, location, f"g{n}", stage=Stage.APPROVED)
    rows["queued"] = builders.a_connection(acme, location, "queued", stage=Stage.APPROVED, speed=25_000)
    rows["expired"] = builders.a_connection(acme, location, "expired", stage=Stage.EXPIRED)
    rows["overdue"] = builders.a_connection(acme, location, "overdue", stage=Stage.PORT_RESERVED, due_at=clock.now() - timedelta(days=2))
    rows["closing"] = builders.a_connection(acme, location, "closing", stage=Stage.CLOSING, port=builders.a_fabric_port(location, "swp77@Leaf-1"))
    rows["closed"] = builders.a_connection(acme, location, "closed", stage=Stage.CLOSED)
    rows["long"] = builders.a_connection(acme, location, "W" * 60, stage=Stage.LOA_ISSUED, loa_number="W" * 64, reference="W" * 64, loa_facts={"number": "x"})
    rows["susp"] = s
    base = "/t/acme/direct-connects/"
    paths = {"list": base, "new": base + "new/", "none": "/t/globex/direct-connects/new/"}
    paths |= {name: f"{base}{row.pk}/" for name, row in rows.items()}
    paths |= {"close": f"{base}{rows['at-in-service'].pk}/close/", "suspend": f"{base}{rows['at-in-service'].pk}/suspend/", "edit": f"{base}{rows['at-draft'].pk}/edit/"}
    cookies = cookies_of(engineer, web)
    faults = []
    with sync_playwright() as playwright:
        browser = launched(playwright)
        with browser.new_context(base_url=web.url, reduced_motion="reduce") as context:
            context.add_cookies(cookies)
            page = context.new_page()
            for name, path in paths.items():
                page.goto(path)
                page.evaluate(AXE)
                for width in (390, 768, 1440):
                    page.set_viewport_size({"width": width, "height": 900})
                    if wide := page.evaluate(WIDER): faults.append(f"{name} {width}: {wide}")
                    for theme in ("light", "dark"):
                        page.emulate_media(color_scheme=theme)
                        faults += [f"{name} {width} {theme} {f}" for f in page.evaluate(RUN, [])]
                        if (width, theme) in ((390, "dark"), (1440, "light"), (768, "light")):
                            page.screenshot(path=f"/tmp/orders/{name}-{width}-{theme}.png", full_page=True)
                    if width == 768: faults += [f"{name} {t}" for t in page.evaluate(TABLES)]
        browser.close()
    assert not faults, "\n".join(faults)
