"""What moves by itself: traffic, NAT sessions, load, members, thresholds (netris-api.md 2.5, 2.16, 3)."""

from __future__ import annotations

import pytest

from sandbox.netris.telemetry.load import wave
from tests.sandbox.controller import SITE, SYSTEM, TENANT, Controller, direct_connect, dnat
from tests.sandbox.netris.bodies import acl


@pytest.fixture
def netris() -> Controller:
    return Controller()


def graph(netris, *targets, since="-3min", until="now"):
    """Each series by its target: 3.5. The answer is a bare list, without an envelope."""
    query = {"format": "json", "from": since, "until": until, "target": list(targets)}
    response = netris.http.post("/api/graphite", params=query)
    assert response.status_code == 200, response.text
    return {row["target"]: row["datapoints"] for row in response.json()}


def last(netris, target):
    ((value, _),) = graph(netris, target)[target][-1:]
    return value


# 3.5 time series


def test_every_documented_series_of_a_switch_and_a_softgate_is_there(netris):
    for metric in (
        "if_octets.rx",
        "if_octets.tx",
        "if_packets.rx",
        "if_errors.tx",
        "if_optic.rx1",
        "if_maccount.count",
    ):
        target = f"collectd.Leaf-1.interface-swp2.{metric}"
        points = graph(netris, target)[target]
        assert len(points) == 3
        assert all(isinstance(value, float | int) and at % 60 == 0 for value, at in points)
    for metric in ("cpu-0.cpu-idle", "cpu-3.cpu-user", "memory.memory-used", "memory.memory-free"):
        assert last(netris, f"collectd.Leaf-1.{metric}") > 0
    for metric in ("conntrack.conntrack", "conntrack.percent-used"):
        assert last(netris, f"collectd.SoftGate-1.{metric}") > 0
        assert graph(netris, f"collectd.Leaf-1.{metric}") == {}
    assert graph(netris, "collectd.Server-1.memory.memory-used") == {}  # a machine without agent


def test_targets_may_hold_wildcards(netris):
    found = graph(netris, "collectd.SoftGate-{1,3}.conntrack.*")
    assert set(found) == {
        f"collectd.SoftGate-{number}.conntrack.{name}" for number in (1, 3) for name in ("conntrack", "percent-used")
    }
    assert len(graph(netris, "collectd.*.memory.memory-used")) == 12
    assert len(graph(netris, "collectd.Leaf-1.interface-*.if_octets.rx")) == 33
    assert graph(netris, "scale(collectd.Leaf-1.cpu-0.cpu-idle,8)", "nonsense", "collectd", "collectd.*") == {}


def test_counters_move_with_the_clock_and_repeat_themselves(netris):
    target = "collectd.Leaf-1.interface-swp2.if_octets.rx"
    first = graph(netris, target, since="-1h")[target]
    assert len({value for value, _ in first}) > 50
    netris.wait(600)
    again = dict(map(reversed, graph(netris, target, since="-1h")[target]))

    assert all(again.get(at, value) == value for value, at in first)


def test_both_ends_of_a_cable_agree(netris):
    def both(one, other):
        return last(netris, f"collectd.{one}"), last(netris, f"collectd.{other}")

    for leaf, far in (
        ("swp2", "Server-2.interface-eth1"),
        ("swp31", "Spine-1.interface-swp1"),
        ("swp9", "SoftGate-1.interface-swp1"),
    ):
        sent, received = both(f"Leaf-1.interface-{leaf}.if_octets.tx", f"{far}.if_octets.rx")
        assert sent == received > 0


def test_every_cable_has_two_ends_that_agree(netris):
    netris.post("/api/v2/link", local={"name": "swp20@Leaf-1"}, remote={"name": "swp20@Leaf-2"}, underlay="disabled")
    series = graph(netris, "collectd.*.interface-*.if_octets.*")

    def flow(end, direction):
        port, _, device = end["name"].partition("@")
        return series.get(f"collectd.{device}.interface-{port}.if_octets.{direction}")

    both = 0
    for link in netris.get("/api/v2/link"):
        for one, other in ((link["local"], link["remote"]), (link["remote"], link["local"])):
            sent, received = flow(one, "tx"), flow(other, "rx")
            if sent and received:  # of a machine without agent nothing is known
                assert sent == received, (one, other)
                both += 1
    assert both > 50
    assert all(value < 50_000 for value, _ in flow({"name": "eth0@Leaf-1"}, "tx"))  # management goes beside the fabric


def test_a_dead_spine_s_traffic_goes_over_the_other_one(netris):
    netris.wait(60)
    before = last(netris, "collectd.Leaf-1.interface-swp32.if_octets.tx")
    netris.order("devices/Spine-1/kill")
    netris.wait(120)

    assert last(netris, "collectd.Leaf-1.interface-swp31.if_octets.tx") == 0
    assert last(netris, "collectd.Spine-1.interface-swp1.if_octets.rx") is None  # it reports nothing any more
    after = last(netris, "collectd.Leaf-1.interface-swp32.if_octets.tx")
    assert after == pytest.approx(2 * before, rel=0.4)


def test_a_dead_device_leaves_a_gap_in_its_series(netris):
    target = "collectd.Leaf-1.memory.memory-used"
    netris.order("devices/Leaf-1/kill")
    netris.wait(600)
    values = [value for value, _ in graph(netris, target, since="-20min")[target]]

    assert None not in values[:9]
    assert set(values[-9:]) == {None}
    netris.order("devices/Leaf-1/revive")
    netris.wait(300)
    assert graph(netris, target)[target][-1][0] is not None


def pull(netris, *ports, carrier=False):
    for name in ports:
        netris.order("change", table="port", id=netris.port(name)["id"], fields={"carrier": carrier})


def test_what_happens_now_leaves_the_past_as_it_was(netris):
    targets = [f"collectd.Leaf-{number}.interface-swp9.if_octets.rx" for number in (1, 2)]
    targets += [f"collectd.SoftGate-{number}.conntrack.conntrack" for number in (1, 2, 3, 4)]
    until = netris.app.clock.now()
    times = {"since": str(int(until - 1800)), "until": str(int(until))}
    before = graph(netris, *targets, **times)
    assert all(value for points in before.values() for value, _ in points)
    netris.wait(1)

    pull(netris, "swp9@Leaf-1")
    netris.put(f"/api/v2/hw/softgate/{netris.device('SoftGate-2')['id']}", name="SoftGate-2", maintenanceMode=True)
    netris.order("devices/SoftGate-4/kill")
    assert graph(netris, *targets, **times) == before

    netris.wait(120)
    pull(netris, "swp9@Leaf-1", carrier=None)
    netris.put(f"/api/v2/hw/softgate/{netris.device('SoftGate-2')['id']}", name="SoftGate-2", maintenanceMode=False)
    netris.wait(120)
    assert graph(netris, *targets, **times) == before
    later = graph(netris, *targets[:1], targets[3], since="-4min")
    assert [value == 0 for value, _ in later[targets[0]]] == [True, True, False, False]
    assert [value == 0 for value, _ in later[targets[3]]] == [True, True, False, False]


def test_one_cable_of_a_softgate_carries_what_two_did(netris):
    port = netris.port("swp9@Leaf-2")["id"]

    def of_a_session():
        """Traffic rises and falls with the sessions and by itself; what is left is the share of the cable."""
        series = ("collectd.Leaf-2.interface-swp9.if_octets.rx", "collectd.SoftGate-1.conntrack.conntrack")
        answer = graph(netris, *series)
        (octets, at), (sessions, _) = (answer[target][-1] for target in series)
        return octets / (sessions * wave(f"port {port} in", at))

    shared = of_a_session()
    pull(netris, "swp1@SoftGate-1")
    netris.wait(60)

    assert of_a_session() == pytest.approx(2 * shared, rel=1e-3)
    pull(netris, "swp2@SoftGate-1")
    netris.wait(60)
    assert last(netris, "collectd.SoftGate-1.conntrack.conntrack") == 0


def test_disabled_rules_and_balancers_carry_no_sessions(netris, balancer):
    series = [f"collectd.SoftGate-{number}.conntrack.conntrack" for number in (1, 3)]
    assert all(last(netris, name) for name in series)

    netris.call(
        "PUT", "/api/v2/nat/bulk", [{"id": row["id"], "state": "disabled"} for row in netris.get("/api/v2/nat")]
    )
    assert [last(netris, name) > 0 for name in series] == [True, False]
    netris.put(f"/api/v2/l4lb/{balancer[1]}", name="lb", status="disable")
    assert [last(netris, name) for name in series] == [0, 0]


def test_nat_sessions_follow_the_rules_and_the_softgates(netris):
    def sessions(number):
        return last(netris, f"collectd.SoftGate-{number}.conntrack.conntrack")

    general, snat = sessions(1), sessions(3)
    for number in range(34, 44):
        netris.post("/api/v2/nat", **dnat(f"r{number}", SYSTEM, f"203.0.113.{number}/32"))
    assert sessions(1) > 5 * general
    assert sessions(3) == pytest.approx(snat, rel=0.2)
    assert last(netris, "collectd.SoftGate-1.conntrack.percent-used") < 100

    def rules_of_the_third():
        """Sessions rise and fall by themselves too; what is left are the rules."""
        ((value, at),) = graph(netris, "collectd.SoftGate-3.conntrack.conntrack").popitem()[1][-1:]
        return value / wave(f"conntrack {third}", at)

    third = netris.device("SoftGate-3")["id"]
    half = rules_of_the_third()
    netris.order("devices/SoftGate-4/kill")
    netris.wait(60)
    assert rules_of_the_third() == pytest.approx(2 * half, rel=0.02)  # its rules are spread over the others (3.7)
    netris.wait(120)
    assert sessions(4) is None
    netris.put(f"/api/v2/hw/softgate/{netris.device('SoftGate-1')['id']}", maintenanceMode=True)
    netris.wait(60)
    assert sessions(1) == 0


@pytest.mark.parametrize("query", ["from=yesterday", "from=-1min&until=-5min", "from=-99y", "from=-1h&until=never"])
def test_times_that_make_no_sense_are_refused(netris, query):
    response = netris.http.post(f"/api/graphite?{query}&target=collectd.Leaf-1.memory.memory-used")

    assert response.status_code == 400
    assert response.json()["isSuccess"] is False


def test_a_question_for_too_much_is_refused_and_a_form_is_read(netris):
    assert netris.http.post("/api/graphite?from=-1d&target=collectd.*.*.*").status_code == 400
    form = {"target": "collectd.Leaf-1.memory.memory-used", "from": "-2min", "format": "json"}
    assert len(netris.http.post("/api/graphite", data=form).json()) == 1
    assert netris.http.post("/api/graphite").json() == []


# 3.3 checks read the same model


def checks(netris, device):
    rows = netris.get("/api/v2/dashboard/hardware-health")
    return {check["check_name"]: check for row in rows if row["name"] == device for check in row["checks"]}


def test_a_lowered_threshold_makes_a_check_warn(netris):
    before = {row["check_name"]: row for row in netris.get("/api/checkthresholds")}
    assert (before["check_disk"]["warning"], before["check_disk"]["critical"]) == (70, 80)
    memory = checks(netris, "Leaf-1")["check_memory"]
    assert memory["status"] == "ok"
    used = memory["properties"][0]["value"]

    netris.call("PUT", "/api/checkthresholds", [{"check_name": "check_memory", "warning": used - 10}])

    assert checks(netris, "Leaf-1")["check_memory"]["status"] == "warning"
    assert netris.get("/api/dashboard/hardwarealarmscount")["warning"] >= 1
    netris.call("PUT", "/api/checkthresholds", {"check_name": "check_memory", "warning": 1, "critical": 2})
    assert checks(netris, "Leaf-1")["check_memory"]["status"] == "critical"
    nonsense: tuple[object, ...] = (
        {"check_name": "check_mood"},
        {"check_name": "check_disk", "warning": 90},
        [],
        "x",
        {},
    )
    for wrong in nonsense:
        assert netris.http.put("/api/checkthresholds", json=wrong).status_code in (400, 403)


def test_the_old_dashboard_counts_what_the_lists_show(netris):
    counts = netris.get("/api/dashboard/totalcounts")

    assert counts["vpcs"] == len(netris.get("/api/v2/vpc"))
    assert counts["switches"] + counts["softgates"] + counts["servers"] == len(netris.get("/api/v2/hw"))
    assert netris.get("/api/dashboard/hardwarealarms") == []
    assert netris.get("/api/dashboard/agentheartbeatscount") == {"ok": 12, "critical": 0}
    netris.order("devices/Leaf-1/kill")
    assert netris.get("/api/dashboard/agentheartbeatscount") == {"ok": 11, "critical": 1}
    assert netris.get("/api/dashboard/hardwarealarmscount")["critical"] > 1
    assert len(netris.get("/api/dashboard/hardwarealarms")) > 1


# 2.5 members of load balancers


@pytest.fixture
def balancer(netris):
    vpc = netris.vpc()
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    body = {"name": "lb", "protocol": "TCP", "site": SITE, "tenant": TENANT, "vpc": vpc, "automatic": False}
    body |= {"ip": "198.51.100.9", "port": 80, "healthCheck": "TCP", "timeOut": "2000"}
    members = [{"ip": "10.1.1.5", "port": 80}, {"ip": "10.1.1.6", "port": 80}]
    return vpc, netris.post("/api/v2/l4lb", **body, backendIps=members)


def seen(netris, number):
    row = netris.get(f"/api/v2/l4lb/{number}")
    return [member["status"] for member in row["backendIps"]], row["label"]


@pytest.mark.parametrize(("does", "seconds"), [("refuse", 2), ("time_out", 4)])
def test_a_member_in_trouble_is_found_at_the_next_probe(netris, balancer, does, seconds):
    """A probe in each `timeOut`, here of two seconds; one that times out ends as much later."""
    vpc, number = balancer
    netris.order("members", vpc="acme", ip="10.1.1.6", does=does)
    netris.wait(seconds - 0.5)
    assert seen(netris, number) == (["ok", "ok"], {"status": "success", "text": "OK"})

    netris.wait(1)

    assert seen(netris, number) == (["ok", "failed"], {"status": "danger", "text": "1 failed"})
    (row,) = netris.get("/api/v2/l4lb", filterByVpc=vpc["id"])
    assert [stat["status"]["value"] for stat in row["backendIps"][1]["stats"]] == ["failed", "failed"]
    netris.order("members", vpc=vpc["id"], ip="10.1.1.6", does="well")
    assert seen(netris, number)[0] == ["ok", "ok"]


def test_a_softgate_without_cables_balances_nothing(netris, balancer):
    _, number = balancer

    def gates():
        member = netris.get(f"/api/v2/l4lb/{number}")["backendIps"][0]
        return [stat["hardware"]["name"] for stat in member["stats"]]

    pull(netris, "swp1@SoftGate-1", "swp2@SoftGate-1")
    assert gates() == ["SoftGate-2"]
    pull(netris, "swp1@SoftGate-1", carrier=None)
    assert gates() == ["SoftGate-1", "SoftGate-2"]


def test_a_member_may_be_silent_to_one_softgate_only(netris, balancer):
    vpc, number = balancer
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", port=80, softgate="SoftGate-2", does="time_out")
    netris.wait(7)

    row = netris.get(f"/api/v2/l4lb/{number}")

    stats = {stat["hardware"]["name"]: stat["status"]["value"] for stat in row["backendIps"][0]["stats"]}
    assert stats == {"SoftGate-1": "ok", "SoftGate-2": "failed"}
    assert row["backendIps"][0]["status"] == "ok"
    netris.order("devices/SoftGate-1/kill")
    assert seen(netris, number)[0] == ["failed", "ok"]
    netris.order("devices/SoftGate-2/kill")
    row = netris.get(f"/api/v2/l4lb/{number}")
    assert {member["response"] for member in row["backendIps"]} == {"no SoftGate"}


def test_without_a_health_check_nobody_finds_out_and_nobody_says_anything(netris, balancer):
    vpc, number = balancer
    netris.put(f"/api/v2/l4lb/{number}", healthCheck="None")
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", does="time_out")
    netris.wait(60)

    assert seen(netris, number) == (["", ""], {"status": "success", "text": "Enabled"})
    members = netris.get(f"/api/v2/l4lb/{number}")["backendIps"]
    assert [(member["response"], member["stats"]) for member in members] == [("", []), ("", [])]


def responses(netris, number):
    """What each SoftGate says of the first member."""
    member = netris.get(f"/api/v2/l4lb/{number}")["backendIps"][0]
    return {stat["hardware"]["name"]: (stat["status"]["value"], stat["response"]) for stat in member["stats"]}


WELL = ("ok", "OK")


@pytest.mark.parametrize(
    ("does", "by_tcp", "by_http"),
    [
        ("refuse", ("failed", "connection refused"), ("failed", "connection refused")),
        ("time_out", ("failed", "connection timed out"), ("failed", "connection timed out")),
        ("answer_500", WELL, ("failed", "HTTP status 500")),
    ],
)
def test_what_a_member_was_told_to_do_is_found_by_checks_that_notice_it(netris, balancer, does, by_tcp, by_http):
    vpc, number = balancer
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", port=80, does=does)
    assert responses(netris, number) == {"SoftGate-1": WELL, "SoftGate-2": WELL}
    netris.wait(7)

    assert responses(netris, number) == {"SoftGate-1": by_tcp, "SoftGate-2": by_tcp}
    netris.put(f"/api/v2/l4lb/{number}", healthCheck="HTTP", requestPath="/up")
    assert responses(netris, number) == {"SoftGate-1": by_http, "SoftGate-2": by_http}
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", does="well")
    assert responses(netris, number) == {"SoftGate-1": WELL, "SoftGate-2": WELL}


def test_orders_about_members_are_listed_and_one_that_goes_on_differently_is_no_new_one(netris, balancer):
    vpc, number = balancer
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", does="time_out")
    netris.wait(7)
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", does="refuse")

    assert responses(netris, number)["SoftGate-1"] == ("failed", "connection refused")
    (row,) = netris.http.get("/_sandbox/members").json()
    assert (row["vpc"], row["softgate"], row["ip"], row["port"], row["does"]) == ("acme", "", "10.1.1.5", 0, "refuse")


def test_a_member_that_is_well_again_on_one_port_is_not_so_on_another(netris, balancer):
    vpc, number = balancer
    for port in (80, 81):
        netris.order("members", vpc=vpc["id"], ip="10.1.1.5", port=port, does="refuse")
    netris.wait(7)
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", port=80, does="well")

    assert responses(netris, number)["SoftGate-1"] == WELL
    assert [row["port"] for row in netris.http.get("/_sandbox/members").json()] == [81]


def test_a_softgate_that_was_killed_reports_nothing_new_until_it_is_back(netris, balancer):
    vpc, number = balancer
    netris.order("devices/SoftGate-2/kill")
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", does="refuse")
    netris.wait(600)
    refused = ("failed", "connection refused")

    assert responses(netris, number) == {"SoftGate-1": refused, "SoftGate-2": WELL}
    assert netris.get(f"/api/v2/l4lb/{number}")["backendIps"][0]["status"] == "failed"
    netris.order("devices/SoftGate-1/kill")
    netris.order("members", vpc=vpc["id"], ip="10.1.1.5", does="well")
    assert responses(netris, number) == {"SoftGate-1": refused, "SoftGate-2": WELL}
    netris.order("devices/SoftGate-1/revive")
    assert responses(netris, number) == {"SoftGate-1": WELL, "SoftGate-2": WELL}


def test_the_last_report_of_a_killed_softgate_is_about_the_balancer_as_it_was(netris, balancer):
    _, number = balancer
    netris.order("devices/SoftGate-2/kill")
    netris.wait(1)
    netris.put(f"/api/v2/l4lb/{number}", timeOut="3000")

    assert responses(netris, number) == {"SoftGate-1": WELL}


@pytest.mark.parametrize(
    "order",
    [
        {},
        [],
        {"vpc": "nowhere", "ip": "10.1.1.5", "does": "refuse"},
        {"vpc": 1, "ip": "x", "does": "well"},
        {"vpc": 1, "ip": "10.1.1.5", "does": "sulk"},
        {"vpc": 1, "ip": "10.1.1.5", "does": ["refuse"]},
        {"vpc": 1, "ip": "10.1.1.5", "does": "refuse", "port": 65536},
        {"vpc": 1},
    ],
)
def test_orders_about_members_that_make_no_sense_are_refused(netris, order):
    assert netris.http.post("/_sandbox/members", json=order).status_code == 400


# 2.16 LAG and freeing


def test_ports_are_bundled_and_unbundled(netris):
    names = [{"name": "swp20@Leaf-1"}, {"name": "swp21@Leaf-1"}]
    body = {"ports": names, "tenant": TENANT, "mtu": 9000, "lacp": "on", "mclagId": 7}
    number = netris.post("/api/v2/ports/lag", **body)["id"]

    lag, member = netris.get(f"/api/v2/ports/{number}"), netris.port("swp20@Leaf-1")

    assert (lag["name"], lag["lacp"], lag["mclagId"]) == ("agg1@Leaf-1", "on", 7)
    assert [port["name"] for port in lag["slavePorts"]] == ["swp20@Leaf-1", "swp21@Leaf-1"]
    assert lag["stateInHierarchy"]["aggregated"] and member["stateInHierarchy"]["lagMember"]
    netris.refused(400, "POST", "/api/v2/ports/lag", body)
    apart = {"ports": [{"name": "swp22@Leaf-1"}, {"name": "swp22@Leaf-2"}], "mclagId": 0}
    netris.refused(400, "POST", "/api/v2/ports/lag", body | apart)
    netris.refused(400, "DELETE", f"/api/v2/ports/{member['id']}")
    netris.delete(f"/api/v2/ports/{number}")
    assert not netris.port("swp20@Leaf-1")["stateInHierarchy"]["lagMember"]


def test_a_lag_is_up_while_a_member_is(netris):
    names = ["swp20@Leaf-1", "swp21@Leaf-1"]
    body = {"ports": [{"name": name} for name in names], "tenant": TENANT, "mtu": 9000}
    netris.refused(400, "POST", "/api/v2/ports/lag", body | {"ports": [{"name": names[0]}] * 2})
    lag = netris.post("/api/v2/ports/lag", **body)["id"]
    member = direct_connect(netris.port(names[0])["id"], SYSTEM)
    assert "port" in netris.refused(400, "POST", "/api/v2/ebgp", member)["errors"]
    vnet = {"name": "n", "tenant": TENANT, "sites": [SITE], "vlan": 50, "ports": [{"name": names[0]}]}
    assert "ports" in netris.refused(400, "POST", "/api/v2/vnet", vnet)["errors"]
    session = netris.post("/api/v2/ebgp", **direct_connect(lag, SYSTEM))["id"]
    netris.wait(120)

    def up():
        return [netris.port(name)["status"]["value"] for name in ("agg1@Leaf-1", *names)]

    def flows():
        series = graph(
            netris, *(f"collectd.Leaf-1.interface-{name}.if_octets.rx" for name in ("agg1", "swp20", "swp21"))
        )
        return [points[-1][0] for points in series.values()]

    assert up() == ["up", "up", "up"]
    assert flows()[0] == pytest.approx(sum(flows()[1:])) and all(flows())
    pull(netris, names[0])
    netris.wait(60)
    assert (up(), netris.session(session)["bgp_state"]) == (["up", "down", "up"], "Established")
    assert flows()[0] == flows()[2] and flows()[1] == 0
    pull(netris, names[1])
    netris.wait(60)
    assert (up(), netris.session(session)["bgp_state"]) == (["down", "down", "down"], "Active")
    assert flows() == [0, 0, 0]
    pull(netris, names[1], carrier=None)
    assert netris.session(session)["bgp_state"] == "Active"
    netris.wait(60)
    assert netris.session(session)["bgp_state"] == "Established"


def test_a_port_carries_traffic_while_a_session_of_it_is_enabled(netris):
    target = "collectd.Leaf-1.interface-swp20.if_octets.rx"
    netris.wait(60)
    session = netris.post("/api/v2/ebgp", **direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM))["id"]
    assert all(value == 0 for value, _ in graph(netris, target)[target])  # nothing before it was there
    netris.wait(120)
    assert last(netris, target) > 0

    netris.put("/api/v2/ebgp/changestatus", id=session, state="disabled")
    netris.wait(60)

    (*_, (before, _), (now, _)) = graph(netris, target)[target]
    assert before > 0 and now == 0


def test_a_freed_port_is_in_no_service(netris):
    port = netris.port("swp20@Leaf-1")["id"]
    session = netris.post("/api/v2/ebgp", **direct_connect(port, SYSTEM))["id"]
    vnet = netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE], vlan=50, ports=[{"id": port}])["id"]
    assert netris.port("swp20@Leaf-1")["inUse"] is True

    netris.put("/api/v2/ports/freeup", ports=[{"id": port}])

    assert netris.port("swp20@Leaf-1")["inUse"] is False
    netris.refused(404, "GET", f"/api/v2/ebgp/{session}")
    assert netris.get(f"/api/v2/vnet/{vnet}")["ports"] == []


# 2.6, the newer ACL API


def test_the_newer_acl_api_has_ids_in_paths(netris):
    body = acl("acl")
    netris.post("/api/v2/acl/check", **body)
    number = netris.post("/api/v2/acl", **body)["id"]
    assert netris.get(f"/api/v2/acl/{number}")["name"] == netris.get("/api/acl")[0]["name"] == "acl"
    netris.refused(400, "POST", "/api/v2/acl/check", body | {"name": "same"})
    netris.put(f"/api/v2/acl/{number}", comment="why")
    netris.put(f"/api/v2/acl/{number}/disable")
    netris.put(f"/api/v2/acl/{number}/reject")
    row = netris.get(f"/api/v2/acl/{number}")
    assert (row["comment"], row["status"], row["approve"]) == ("why", "disabled", "0")
    netris.put("/api/acl/approve", id=[number])
    assert netris.get("/api/acl/approvestate", id=number) == [{"id": number, "approve": 1}]
    assert netris.get("/api/v2/acl/sync-status") == netris.get("/api/acl/syncstatus")
    netris.delete(f"/api/v2/acl/{number}")
    netris.refused(404, "GET", f"/api/v2/acl/{number}")
