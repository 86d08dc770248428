"""Virtual interfaces from the first to the last: what is asked for, what is refused, and what happens by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.directconnect import attention
from apps.directconnect.interfaces import services, tending
from apps.directconnect.interfaces.queries import checks
from apps.directconnect.interfaces.specs import InterfaceSpec, change_of
from apps.directconnect.models import Connection, FabricPort, Interface, PortKind, StageEntry
from apps.directconnect.services import keeping
from apps.directconnect.services.orders import transition
from apps.directconnect.stages import Party, Stage
from apps.directconnect.tasks import keep
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.mirror.models import Kind
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.state import Phase
from apps.tenancy.models import AuditEntry
from sandbox.netris.routing import routers
from tests import builders
from tests.addresses.conftest import clouds_of, place, watch  # noqa: F401  # fixtures
from tests.builders import BY
from tests.directconnect.test_interface_recipe import KEY, a_connection, connection, there  # noqa: F401  # fixtures

LISTS = (Kind.NETRIS_PORT, Kind.NETRIS_VNET, Kind.NETRIS_SESSION)


def spec(**values: Any) -> InterfaceSpec:
    asked = {
        "name": "main",
        "vpc": "prod",
        "peer_asn": 65010,
        "accept": ["192.168.0.0/16"],
        "announce": ["10.20.0.0/16"],
    }
    return InterfaceSpec.parse(asked | values)


def live() -> Interface:
    rows = Interface.unscoped.live().select_related("tenant", "vpc__zone", "connection__location__zone", "port")
    return rows.get()


def made(place: Any, connection: Connection, **values: Any) -> Interface:  # noqa: F811
    asked = spec(announce=[str(place.vpc.cidr)], **values) if "announce" not in values else spec(**values)
    place.done(services.create_interface(connection, place.vpc, asked, by=BY))
    return live()


def run_all(place: Any) -> None:  # noqa: F811
    for operation in Operation.unscoped.live():
        place.done(operation)


def router(place: Any, row: Interface, **facts: Any) -> None:  # noqa: F811
    """The tenant's own, as it was told to set it up."""
    net = place.world.netris.net
    side = {
        "vlan": row.vlan,
        "address": f"{row.remote_address}/{row.prefix_length}",
        "asn": row.peer_asn,
        "password": row.md5.get_secret_value() if row.has_md5 else "",
        "announces": ["192.168.7.0/24"],
    }
    routers.set_up(net, net.ports.one("name", row.port.name), side | facts)


def read(place: Any) -> dict[str, str]:  # noqa: F811
    """Both ends have had their time, and the mirror has read."""
    place.clock.shift(timedelta(minutes=3))
    for kind in LISTS:
        from apps.mirror.services import refresh

        refresh(place.zone, kind, place.watch.clouds_of(place.zone))
    row = live()
    return {check.layer.value: check.verdict.value for check in checks([row])[row.pk]}


def stage(connection: Connection) -> str:  # noqa: F811
    return str(Connection.unscoped.get(pk=connection.pk).stage)


def moved(connection: Connection, to: Stage, party: Party = Party.TENANT, **said: Any) -> None:  # noqa: F811
    row = Connection.unscoped.select_related("tenant", "location__zone").get(pk=connection.pk)
    transition(row, to, said, party=party, by=BY)


def test_from_the_first_light_to_service_by_what_is_read(place, connection):  # noqa: F811
    moved(connection, Stage.LOA_ISSUED, Party.PLATFORM)
    moved(connection, Stage.CROSS_CONNECT_REPORTED, reference="XC-1")
    row = made(place, connection, md5=KEY)
    assert read(place) == {"light": "critical", "vlan": "waiting", "bgp": "waiting", "routes": "waiting"}
    assert tending.bring_on() == 0

    router(place, row)
    assert read(place) == {"light": "ok", "vlan": "ok", "bgp": "ok", "routes": "ok"}
    assert tending.bring_on() == 4
    assert stage(connection) == "prefixes-accepted"
    moved(connection, Stage.IN_SERVICE)
    assert stage(connection) == "in-service"


@pytest.mark.parametrize(
    ("facts", "layer", "word"),
    [
        ({"announces": ["172.30.0.0/16"]}, "routes", "192.168.0.0/16"),
        ({"announces": ["0.0.0.0/0"]}, "routes", "192.168.0.0/16"),
        ({"announces": ["10.20.0.0/24"]}, "routes", "192.168.0.0/16"),
        ({"announces": [f"192.168.{n}.0/24" for n in range(12)]}, "bgp", "more than 10"),
        ({"asn": 65011}, "bgp", "65010"),
        ({"password": "another-key-here"}, "bgp", "MD5"),
        ({"vlan": 3999}, "bgp", "VLAN"),
    ],
    ids=["outside", "default", "a tier's own", "too many", "asn", "key", "vlan"],
)
def test_what_is_wrong_at_the_far_end_shows_in_its_layer_with_what_to_do(place, connection, facts, layer, word):  # noqa: F811
    row = made(place, connection, md5=KEY, max_prefixes=10)
    router(place, row, **facts)
    found = read(place)
    assert found[layer] == "critical"
    first = next(check for check in checks([live()])[row.pk] if check.verdict != "ok")
    assert (first.layer, word in first.advice) == (layer, True)


def test_how_many_it_took_last_tells_that_it_fell_by_its_limit(place, connection):  # noqa: F811
    row = made(place, connection, max_prefixes=10)
    router(place, row, announces=[f"192.168.{n}.0/24" for n in range(10)])
    assert read(place)["routes"] == "warning"
    assert (tending.note_taken(), tending.note_taken(), live().took_last) == (1, 0, 10)

    router(place, row, announces=[f"192.168.{n}.0/24" for n in range(12)])
    assert read(place)["bgp"] == "critical"
    assert (tending.note_taken(), live().took_last) == (0, 10)
    bgp = next(check for check in checks([live()])[row.pk] if check.layer == "bgp")
    assert "It took 10 prefixes when it was up last, and falls at more than 10." in bgp.advice


def test_a_session_that_flaps_is_up_again_with_a_short_life(place, connection):  # noqa: F811
    row = made(place, connection)
    router(place, row)
    assert read(place)["bgp"] == "ok"
    net = place.world.netris.net
    routers.light(net, net.ports.one("name", row.port.name), is_on=False)
    assert read(place)["light"] == "critical"
    routers.light(net, net.ports.one("name", row.port.name), is_on=True)
    assert read(place) == dict.fromkeys(("light", "vlan", "bgp", "routes"), "ok")


def test_a_session_that_falls_while_light_stays_is_red_at_bgp_and_moves_no_order(place, connection):  # noqa: F811
    row = made(place, connection)
    router(place, row)
    assert set(read(place).values()) == {"ok"}
    Connection.unscoped.filter(pk=connection.pk).update(stage=Stage.IN_SERVICE, **LETTER)
    told = StageEntry.unscoped.filter(connection=connection).count()
    for _ in range(2):
        router(place, row, silent=True)
        assert read(place) == {"light": "ok", "vlan": "ok", "bgp": "critical", "routes": "waiting"}
        bgp = checks([live()])[row.pk][2]
        assert (bgp.sentence, "does not answer" in bgp.advice) == ("The session is not up: Active.", True)
        [need] = attention.broken(place.acme, None)
        assert (need.subject, need.sentence) == ("Interface main", f"{bgp.sentence} {bgp.advice}")
        assert need.read_at == bgp.read_at
        keep()
        assert stage(connection) == "in-service"

        router(place, row, silent=False)
        assert set(read(place).values()) == {"ok"}
        assert attention.broken(place.acme, None) == []
        up = checks([live()])[row.pk][2].sentence
        assert up.startswith("The session is established for 0"), "the short life tells that it fell"
    keep()
    assert StageEntry.unscoped.filter(connection=connection).count() == told, "history is of orders, not of sessions"


def test_only_what_was_freshly_read_needs_somebody(place, connection):  # noqa: F811
    row = made(place, connection)
    router(place, row)
    Connection.unscoped.filter(pk=connection.pk).update(stage=Stage.IN_SERVICE, **LETTER)
    read(place)
    assert attention.broken(place.acme, None) == []
    routers.light(place.world.netris.net, place.world.netris.net.ports.one("name", row.port.name), is_on=False)
    read(place)
    [need] = attention.broken(place.acme, None)
    assert need.sentence.startswith("No light comes in at the port.")
    assert [each.resource_id for each in attention.broken(place.acme, place.vpc)] == [row.pk]
    assert attention.broken(builders.a_tenant("Initech"), None) == []
    elsewhere = builders.a_vpc(place.acme, place.zone, "elsewhere", "10.91.0.0/20")
    assert attention.broken(place.acme, elsewhere) == []

    place.clock.shift(timedelta(hours=1))
    assert attention.broken(place.acme, None) == []
    read(place)
    Connection.unscoped.filter(pk=connection.pk).update(stage=Stage.SUSPENDED, held_stage=Stage.IN_SERVICE)
    assert attention.broken(place.acme, None) == []


def test_nothing_is_said_to_be_well_when_nobody_has_read_for_long(place, connection):  # noqa: F811
    row = made(place, connection)
    router(place, row)
    read(place)
    place.clock.shift(timedelta(hours=1))
    assert {check.verdict for check in checks([live()])[row.pk]} == {"unknown"}


def test_a_suspended_connection_takes_its_sessions_down_and_a_resumed_one_up(place, connection):  # noqa: F811
    row = made(place, connection)
    Connection.unscoped.filter(pk=connection.pk).update(stage=Stage.IN_SERVICE, **LETTER)
    moved(connection, Stage.SUSPENDED)
    assert tending.tend() == 1
    assert tending.tend() == 0, "it is under way"
    run_all(place)
    assert there(place)["session"][0]["state"] == "disabled"
    assert read(place)["bgp"] == "off"
    with pytest.raises(Refused):
        services.change_interface(live(), change_of({"bfd": False}), by=BY)
    moved(connection, Stage.IN_SERVICE)
    tending.tend()
    run_all(place)
    assert there(place)["session"][0]["state"] == "enabled"
    assert live().pk == row.pk


def test_a_test_of_fail_over_ends_by_itself_however_late_somebody_comes(place, connection):  # noqa: F811
    row = made(place, connection)
    place.done(services.start_test(row, 15, by=BY))
    assert there(place)["session"][0]["state"] == "disabled"
    with pytest.raises(Refused, match="runs already"):
        services.start_test(live(), 15, by=BY)
    assert tending.tend() == 0
    place.clock.shift(timedelta(days=1))
    assert tending.tend() == 1
    run_all(place)
    assert there(place)["session"][0]["state"] == "enabled"
    assert (live().test_until, live().is_enabled) == (None, True)


def test_what_netris_refuses_is_tried_again_by_itself_and_not_at_every_turn(place, connection):  # noqa: F811
    made(place, connection)
    Connection.unscoped.update(stage=Stage.SUSPENDED, held_stage=Stage.IN_SERVICE, **LETTER)
    assert tending.tend() == 1
    failed = Operation.unscoped.live()
    failed.update(phase=Phase.ROLLED_BACK, finished_at=clock.now())
    Interface.unscoped.update(status="ready")

    place.clock.shift(timedelta(seconds=30))
    assert tending.tend() == 0
    place.clock.shift(timedelta(minutes=5))
    assert tending.tend() == 1


def test_a_connection_that_closes_takes_its_interfaces_down_and_frees_its_port(place, connection):  # noqa: F811
    made(place, connection)
    moved(connection, Stage.CLOSING)
    keeping.close()
    assert stage(connection) == "closing", "something is left"
    tending.tend()
    run_all(place)
    keeping.close()
    assert stage(connection) == "closed"
    assert [len(rows) for rows in there(place).values()] == [0, 0, 0, 0]


def test_a_vlan_is_had_again_only_when_its_rest_is_over(place, connection):  # noqa: F811
    row = made(place, connection, vlan=1200)
    place.done(services.delete_interface(row, by=BY))
    with pytest.raises(Refused) as caught:
        services.create_interface(connection, place.vpc, spec(vlan=1200, announce=[]), by=BY)
    assert (caught.value.code, caught.value.field) == ("vlan-taken", "vlan")
    place.clock.shift(timedelta(hours=25))
    keeping.release_vlans()
    assert made(place, connection, vlan=1200).vlan == 1200


def test_a_vlan_rests_also_when_its_port_changes_hands_and_is_free_when_beat_comes_late(place, connection, globex):  # noqa: F811
    """The connection is closed, another tenant gets its port, and meanwhile nobody rang for more than a day."""
    row, port = made(place, connection, vlan=1200), connection.port
    moved(connection, Stage.CLOSING)
    tending.tend()
    run_all(place)
    keep()
    assert stage(connection) == "closed"
    ended = Interface.unscoped.get(pk=row.pk)
    assert (ended.status, ended.holds_vlan, ended.port_id) == (Status.DELETED, True, port.pk)
    after = builders.a_connection(globex, connection.location, "after", Stage.PORT_RESERVED, port=port)
    vpc = builders.a_vpc(globex, place.zone, "theirs", "10.90.0.0/20", netris_id=90)

    def asked(vlan: int | None) -> Operation:
        wanted = spec(vlan=vlan, announce=[], name=f"vlan-{vlan}")
        return services.create_interface(after, vpc, wanted, by=BY)

    for hours in (0, 23):
        place.clock.shift(timedelta(hours=hours))
        keep()
        with pytest.raises(Refused) as caught:
            asked(1200)
        assert (caught.value.code, caught.value.field) == ("vlan-taken", "vlan")
        assert connection.tenant.name not in caught.value.message
    asked(None)
    assert Interface.objects.of(globex).get().vlan != 1200, "nor is it given to who leaves it out"

    place.clock.shift(timedelta(days=2))
    with pytest.raises(Refused):
        asked(1200)
    keeping.release_vlans()
    asked(1200)
    assert Interface.objects.of(globex).live().filter(vlan=1200, port=port).count() == 1


def test_on_a_shared_port_a_vlan_is_given_and_tells_nothing_of_others(place, connection):  # noqa: F811
    FabricPort.objects.filter(pk=connection.port.pk).update(kind=PortKind.HOSTED)
    Connection.unscoped.filter(pk=connection.pk).update(kind=PortKind.HOSTED)
    for vlan in (7, 4000):
        with pytest.raises(Refused) as caught:
            services.create_interface(connection, place.vpc, spec(vlan=vlan, announce=[]), by=BY)
        assert caught.value.code == "vlan-is-given"
    assert 2 <= made(place, connection, announce=[]).vlan <= 4094


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"announce": ["172.16.0.0/12"]}, "announce", "prefix-not-own"),
        ({"accept": ["10.0.0.0/8"]}, "accept", "prefix-not-acceptable"),
        ({"addresses": {"local": "10.20.0.1/30", "remote": "10.20.0.2"}}, "addresses", "link-overlaps"),
    ],
)
def test_what_does_not_fit_into_the_vpc_is_refused_and_changes_nothing(place, connection, values, field, code):  # noqa: F811
    with pytest.raises(Refused) as caught:
        services.create_interface(connection, place.vpc, spec(**{"announce": [], **values}), by=BY)
    assert (caught.value.field, caught.value.code) == (field, code)
    assert not Interface.unscoped.exists()


def test_what_another_vpc_tells_of_is_taken_from_no_router_too(place, connection):  # noqa: F811
    other = builders.a_vpc(place.acme, place.zone, "lab", cidr="172.20.0.0/24")
    builders.a_peering(place.vpc, other)
    with pytest.raises(Refused, match="the peering") as caught:
        services.create_interface(connection, place.vpc, spec(accept=["172.20.0.0/24"], announce=[]), by=BY)
    assert caught.value.field == "accept"


def test_where_a_static_route_leads_no_router_leads_too(place, connection):  # noqa: F811
    builders.a_static_route(place.vpc.tiers.first() or builders.a_tier(place.vpc), "172.20.7.0/24")
    with pytest.raises(Refused, match="the VPC learns from its static route") as caught:
        services.create_interface(connection, place.vpc, spec(accept=["172.20.0.0/16"], announce=[]), by=BY)
    assert caught.value.field == "accept"


def test_what_a_change_lets_in_counts_before_it_is_done(place, connection):  # noqa: F811
    from apps.networks.learned import learned_by

    services.change_interface(made(place, connection), change_of({"accept": ["172.20.0.0/24"]}), by=BY)
    assert [str(each.prefix) for each in learned_by(place.vpc)] == ["192.168.0.0/16", "172.20.0.0/24"]


def test_of_two_interfaces_that_take_the_same_neither_changes_to_a_part_of_it(place, connection):  # noqa: F811
    first = made(place, connection)
    place.done(services.create_interface(connection, place.vpc, spec(name="spare", announce=[]), by=BY))
    for row in (first, Interface.unscoped.get(name="spare")):
        with pytest.raises(Refused, match="the longer prefix would win"):
            services.change_interface(row, change_of({"accept": ["192.168.4.0/24"]}), by=BY)


def test_our_own_asn_is_no_peers(place, connection):  # noqa: F811
    net = place.world.netris.net
    site = net.sites.one("name", place.zone.netris_site)
    from apps.mirror.services import refresh

    refresh(place.zone, Kind.NETRIS_SITE, place.watch.clouds_of(place.zone))
    with pytest.raises(Refused) as caught:
        services.create_interface(connection, place.vpc, spec(peer_asn=site["publicAsn"], announce=[]), by=BY)
    assert caught.value.code == "asn-ours"


def test_a_key_is_in_no_audit_entry_and_no_operation(place, connection):  # noqa: F811
    row = made(place, connection, md5=KEY)
    place.done(services.change_interface(row, change_of({"md5": "another-key-here"}), by=BY))
    assert services.change_interface(live(), change_of({"md5": "another-key-here"}), by=BY) is None
    assert there(place)["session"][0]["bgpPassword"] == "another-key-here"
    kept: list[Any] = [*AuditEntry.objects.of(place.acme).values_list("old", "new")]
    kept += [*Operation.unscoped.values_list("wanted", "steps", "error")]
    assert KEY not in str(kept)
    assert "another-key-here" not in str(kept)


@pytest.mark.parametrize("at", [Stage.CLOSING, Stage.ON_HOLD])
def test_nothing_is_made_on_a_connection_that_does_not_carry_any(place, connection, at):  # noqa: F811
    held = Stage.PORT_RESERVED if at == Stage.ON_HOLD else ""
    Connection.unscoped.filter(pk=connection.pk).update(stage=at, held_stage=held)
    with pytest.raises(Refused) as caught:
        services.create_interface(connection, place.vpc, spec(announce=[]), by=BY)
    assert caught.value.code == "connection-not-ready"


def test_its_vpc_waits_for_it(place, connection):  # noqa: F811
    from apps.networks.services import delete_vpc

    row = made(place, connection)
    place.vpc.refresh_from_db()
    with pytest.raises(Refused, match="attached"):
        delete_vpc(place.vpc, by=BY)
    place.done(services.delete_interface(row, by=BY))
    place.vpc.refresh_from_db()
    assert place.vpc.why_not("delete", []) is None


def test_a_tier_may_not_overlap_what_a_router_tells_of(place, connection):  # noqa: F811
    from apps.networks.learned import learned_by

    made(place, connection)
    [learned] = learned_by(place.vpc)
    assert (str(learned.prefix), learned.source) == ("192.168.0.0/16", "the interface main")


LETTER = {"loa_number": "LOA-1", "loa_issued_at": "2026-03-01T00:00:00Z", "loa_valid_until": "2026-09-01T00:00:00Z"}
