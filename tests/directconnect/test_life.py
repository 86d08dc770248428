"""A connection from its order to its end by REST alone: a tenant, the platform, the emulated fabric, and the tenant's
router at the far end. And what is left of an MD5 key after it was shown: nothing that could be read anywhere."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection as database
from psycopg import sql

from apps.directconnect.tasks import keep
from apps.fabric.surveys import survey
from apps.mirror.services import refresh, refresh_due, request_refresh
from apps.operations.models import Operation
from apps.zones.models import Zone
from sandbox.netris.routing import routers
from tests import builders
from tests.addresses.conftest import clouds_of, place, watch  # noqa: F401  # fixtures
from tests.api.conftest import Api
from tests.directconnect.test_interface_recipe import is_free
from tests.directconnect.test_interfaces import LISTS

CONNECTIONS = "/direct-connects/"


class Life:
    """Who takes part in it, and what they ask for."""

    def __init__(self, place: Any) -> None:  # noqa: F811
        self.place = place
        self.ours, self.platform = Api(builders.a_token(place.acme)), Api(builders.a_token(None))
        Zone.objects.filter(pk=place.zone.pk).update(netris_site="sv")
        place.zone.refresh_from_db()
        request_refresh(place.zone)
        refresh_due(place.watch.clouds_of)
        survey(place.zone)
        net = place.world.netris.net
        self.port = next(each for each in net.ports if each["name"].endswith("@Leaf-1") and is_free(net, each))

    def ask(self, who: Api, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = who.call(method, path, body)
        assert answer.status_code == status, (path, answer.content)
        return answer.json() if answer.content else None

    def go(self, who: Api, path: str, to: str, **said: str) -> Any:
        return self.ask(who, "POST", f"{path}transition/", {"to": to, **said})

    def done(self) -> None:
        """All that is under way has come to its end."""
        for operation in Operation.unscoped.live():
            self.place.done(operation)

    def later(self, **span: float) -> None:
        """Both ends have had their time, Netris was read, and beat has rung."""
        self.place.clock.shift(timedelta(**(span or {"minutes": 3})))
        for kind in LISTS:
            refresh(self.place.zone, kind, self.place.watch.clouds_of(self.place.zone))
        keep()
        self.done()

    def layers(self, path: str) -> dict[str, str]:
        found = self.ask(self.ours, "GET", f"{path}checks/")
        [one] = found["results"]
        return {check["layer"]: check["verdict"] for check in one["layers"]}

    def ordered(self) -> str:
        """The address of a connection whose cross-connect was reported."""
        offering = {"speed": 10_000, "kind": "dedicated", "price": "on request"}
        facts = {"name": "Lyon 1", "address": "1 rue de la Part-Dieu, Lyon", "room": "MMR 3"}
        said = facts | {"zone": self.place.zone.slug, "offerings": [offering]}
        there = self.ask(self.platform, "POST", "/locations/", said, 201)
        port = {"port": self.port["name"], "kind": "dedicated", "speed": 10_000}
        self.ask(self.platform, "POST", f"/locations/{there['id']}/ports/", port, 201)

        [seen] = self.ask(self.ours, "GET", "/locations/")["results"]
        assert (seen["name"], seen["offerings"][0]["speed"], "ports" in seen) == ("Lyon 1", 10_000, False)
        order = {"name": "lyon-a", "location": "Lyon 1", "speed": 10_000, "kind": "dedicated"}
        row = self.ask(self.ours, "POST", CONNECTIONS, order, 201)
        path = f"{CONNECTIONS}{row['id']}/"
        assert self.go(self.ours, path, "submitted")["owner"] == "platform"
        self.ask(self.platform, "POST", f"/approvals/{row['id']}/decide/", {"verdict": "approve"}, 204)
        assert self.ask(self.ours, "GET", path)["port"] == self.port["name"]
        assert self.go(self.platform, path, "loa-issued")["owner"] == "tenant"
        assert self.ours.get(f"{path}loa/").content.startswith(b"%PDF")
        self.go(self.ours, path, "cross-connect-reported", reference="XC-1")
        return path

    def interface(self, path: str, **values: Any) -> str:
        said = {"vpc": str(self.place.vpc.pk), "peer_asn": 65010, "accept": ["192.168.0.0/16"], "max_prefixes": 50}
        said |= {"announce": [str(self.place.vpc.cidr)], "bfd": True} | values
        self.ask(self.ours, "POST", f"{path}interfaces/", said, 202)
        self.done()
        [row] = self.ask(self.ours, "GET", f"{path}interfaces/")["results"]
        return f"{path}interfaces/{row['id']}/"

    def router(self, one: dict[str, Any], key: str) -> None:
        """The tenant's, set up as the portal tells."""
        length = one["addresses"]["local"].partition("/")[2]
        side = {"vlan": one["vlan"], "address": f"{one['addresses']['remote']}/{length}", "asn": one["peer_asn"]}
        side |= {"password": key, "announces": ["192.168.7.0/24"]}
        routers.set_up(self.place.world.netris.net, self.port, side)


@pytest.fixture
def life(place: Any) -> Life:  # noqa: F811
    return Life(place)


def test_a_whole_life_by_rest_alone(life: Life) -> None:
    path = life.ordered()
    interface = life.interface(path, make_md5=True)
    life.later()
    assert life.ask(life.ours, "GET", path)["stage"] == "cross-connect-reported"
    assert life.layers(path)["light"] == "critical"

    one = life.ask(life.ours, "GET", interface)
    assert (one["status"], one["has_md5"], one["our_asn"]) == ("ready", True, 65001)
    key = life.ask(life.ours, "POST", f"{interface}md5/")["md5"]
    assert life.ask(life.ours, "POST", f"{interface}md5/", status=409)["code"]
    for vendor in ("frr", "cisco-ios-xe", "juniper-junos", "arista-eos"):
        text = life.ours.get(f"{path}router-config/?vendor={vendor}").content.decode()
        assert one["addresses"]["remote"] in text and key not in text
    life.router(one, key)
    life.later()
    assert life.layers(path) == {"light": "ok", "vlan": "ok", "bgp": "ok", "routes": "ok"}
    row = life.ask(life.ours, "GET", path)
    reached = ["light-seen", "vlan-up", "bgp-established", "prefixes-accepted"]
    assert [entry["stage"] for entry in row["history"]][-4:] == reached
    assert life.go(life.ours, path, "in-service")["stage"] == "in-service"

    life.go(life.ours, path, "suspended")
    life.later()
    assert life.layers(path)["bgp"] == "off"
    life.go(life.ours, path, "in-service")
    life.later()
    life.later()
    assert life.layers(path)["bgp"] == "ok"

    life.ask(life.ours, "POST", f"{interface}test/", {"minutes": 10}, 202)
    life.done()
    life.later()
    assert life.layers(path)["bgp"] == "off"
    life.later(days=1)  # nobody was there when it was over
    life.later()
    assert life.layers(path)["bgp"] == "ok"
    assert life.ask(life.ours, "GET", interface)["test_until"] is None

    assert "interface" in life.ours.delete(f"/vpcs/{life.place.vpc.pk}/").json()["detail"]
    life.go(life.ours, path, "closing")
    life.later()
    life.later()
    row = life.ask(life.ours, "GET", path)
    assert (row["stage"], row["port"], row["owner"]) == ("closed", None, None)
    net = life.place.world.netris.net
    shelves = (net.allocations, net.subnets, net.vnets, net.sessions)
    assert not [each for shelf in shelves for each in shelf if each["name"].startswith("weft-dc-")]


def _spellings(key: str) -> set[str]:
    raw = key.encode()
    return {key, raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode().rstrip("=")[:-1]}


def _rows() -> str:
    """All that a dump of the database would say."""
    with database.cursor() as cursor:
        told = []
        for name in database.introspection.table_names(cursor):
            cursor.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name)))
            told += [text for (text,) in cursor.fetchall()]
    return "\n".join(told)


def test_nothing_keeps_a_key_where_it_could_be_read(life: Life, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    path = life.ordered()
    interface = life.interface(path, md5="first-key-of-the-tenant")
    life.router(life.ask(life.ours, "GET", interface), "first-key-of-the-tenant")
    life.later()
    life.ask(life.ours, "PATCH", interface, {"make_md5": True}, 202)
    life.done()
    made = life.ask(life.ours, "POST", f"{interface}md5/")["md5"]
    life.later()

    shown = [
        path,
        interface,
        f"{path}interfaces/",
        f"{path}checks/",
        f"{path}routes/",
        f"{path}router-config/?vendor=frr",
    ]
    answers = [who.get(each) for who in (life.ours, life.platform) for each in (*shown, "/operations/")]
    assert {answer.status_code for answer in answers} == {200}
    told = "".join(answer.content.decode() for answer in answers)
    server = redis.Redis.from_url(settings.REDIS_URL)
    kept = "".join(repr(server.dump(name)) for name in server.scan_iter())
    rows = _rows()
    assert "lyon-a" in rows and "lyon-a" in told, "something was looked at"
    for key in ("first-key-of-the-tenant", made):
        for spelling in _spellings(key):
            for what, text in (("log", caplog.text), ("REST", told), ("database", rows), ("Redis", kept)):
                assert spelling not in text, what
