"""Every combination of what may be known of a member, a SoftGate and a reading, against a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import product

import pytest

from apps.balancers.verdicts import (
    ALL_GATES,
    Cell,
    Check,
    Configured,
    Gate,
    Meant,
    Member,
    Reading,
    Seen,
    Working,
    configured,
    differences,
    minutes,
)
from apps.netris.wire import Balancer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FRESH = timedelta(seconds=45)
TCP = Check("tcp", 2000)
WEB = Member("web-1", IPv4Address("10.20.0.5"), 8080, state="Running", is_allowed=True)

#: Of a reading: when it was made, and when the balancer's last operation came to rest, in seconds before now.
READINGS = {
    "never": (None, 600),
    "old": (46, 600),
    "before": (10, 5),
    "at work": (10, None),
    "at once": (10, 10),
    "fresh": (10, 600),
    "just fresh": (45, 600),
}
WANTED = {"none": Check("none"), "tcp": TCP}
THERE = ("no balancer", "no member", "no check", "check")
PROBES = ("ok", "failed", "odd", "missing", "old ok", "old failed", "old odd")

#: The first row that fits tells the cell; * fits all, and a | b two.
TABLE = """
drained  wanted  reading                      there                   gate     probe       is
yes      *       *                            *                       *        *           drained
no       none    *                            *                       *        *           unprobed
no       tcp     never|old|before|at_once     *                       *        *           stale
no       tcp     at_work                      *                       *        *           stale
no       tcp     fresh|just_fresh             no_balancer|no_member   *        *           unknown
no       tcp     fresh|just_fresh             no_check                *        *           unprobed
no       tcp     fresh|just_fresh             check                   *        old_ok      healthy
no       tcp     fresh|just_fresh             check                   *        old_failed  down
no       tcp     fresh|just_fresh             check                   *        old_odd     unknown
no       tcp     fresh|just_fresh             check                   dead     *           stale
no       tcp     fresh|just_fresh             check                   unknown  *           stale
no       tcp     fresh|just_fresh             check                   alive    ok          healthy
no       tcp     fresh|just_fresh             check                   alive    failed      down
no       tcp     fresh|just_fresh             check                   alive    odd         unknown
no       tcp     fresh|just_fresh             check                   alive    missing     unknown
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()[1:]]
ALIVE = {"alive": True, "dead": False, "unknown": None}
COMBINATIONS = list(product(("yes", "no"), WANTED, READINGS, THERE, ALIVE, PROBES))


def fitting(combination):
    """The number of the first row that fits."""
    words = [word.replace(" ", "_") for word in combination]
    return next(
        number
        for number, row in enumerate(ROWS)
        if all(cell == "*" or word in cell.split("|") for cell, word in zip(row, words, strict=False))
    )


def a_reading(name, row):
    seconds, settled = READINGS[name]
    read_at = None if seconds is None else NOW - timedelta(seconds=seconds)
    return Reading(row, read_at, FRESH, None if settled is None else NOW - timedelta(seconds=settled))


def a_balancer(there="check", *backends, **more):
    if there == "no balancer":
        return None
    check = {} if there == "no check" else {"TCP": {"timeOut": "2000", "requestPath": ""}}
    facts = {"id": 1, "protocol": "TCP", "ip": "198.51.100.4", "port": 80, "status": "enable", "healthCheck": check}
    return Balancer.model_validate(facts | {"backendIps": [] if there == "no member" else list(backends)} | more)


def a_backend(*stats, address="10.20.0.5", **more):
    said = [{"hardware": {"name": name}, "status": status, "response": text} for name, status, text in stats]
    return {"ip": address, "port": 8080, "stats": said, **more}


def probed(probe):
    status, text = {"ok": ("ok", "OK"), "failed": ("failed", "connection refused"), "odd": ("amber", "")}.get(
        probe.removeprefix("old "), ("", "")
    )
    if probe.startswith("old"):
        return a_backend(status=status, response=text)
    # Another SoftGate says something in any case: the newer shape is told by that.
    own = [("SoftGate-1", status, text)] if probe != "missing" else []
    return a_backend(*own, ("SoftGate-2", "ok", "OK"))


def seen_with(combination):
    drained, wanted, reading, there, gate, probe = combination
    member = Member(WEB.name, WEB.address, WEB.port, drained == "yes", "Running", is_allowed=True)
    row = a_balancer(there, probed(probe))
    gates = (Gate("SoftGate-1", ALIVE[gate]), Gate("SoftGate-2", ALIVE[gate]))
    return Seen(a_reading(reading, row), WANTED[wanted], gates, (member,))


def test_each_combination_of_inputs_has_the_cell_of_the_table():
    used = set()
    for combination in COMBINATIONS:
        [line] = seen_with(combination).lines(NOW)
        number = fitting(combination)
        used.add(number)
        assert line.cells[0].verdict == ROWS[number][-1], combination
        assert line.cells[0].reason or line.cells[0].verdict == Cell.UNKNOWN, combination

    assert used == set(range(len(ROWS)))
    assert len(COMBINATIONS) == 2 * 2 * 7 * 4 * 3 * 7


def test_healthy_only_ever_comes_from_a_fresh_probe_that_succeeded():
    for combination in COMBINATIONS:
        drained, wanted, reading, there, gate, probe = combination
        seen = seen_with(combination)
        is_proved = (drained, wanted, there) == ("no", "tcp", "check") and reading in ("fresh", "just fresh")
        is_proved &= probe == "old ok" or (gate, probe) == ("alive", "ok")
        told = {cell.verdict for line in seen.lines(NOW) for cell in line.cells}
        assert (seen.lines(NOW)[0].cells[0].verdict == Cell.HEALTHY) == is_proved, combination
        assert (seen.working(NOW).verdict == Working.HEALTHY) == (told == {Cell.HEALTHY}), combination


def test_what_was_healthy_goes_grey_by_time_alone():
    seen = seen_with(("no", "tcp", "fresh", "check", "alive", "ok"))
    assert seen.working(NOW).verdict == Working.HEALTHY
    later = NOW + timedelta(minutes=10)
    told = seen.working(later)
    assert (told.verdict, told.read_at) == (Working.UNKNOWN, seen.reading.read_at)
    assert told.sentence == "The reading of Netris' load balancers is 10 minutes old."
    assert {cell.verdict for line in seen.lines(later) for cell in line.cells} == {Cell.STALE}


# --- the worst of several members -------------------------------------------------------------------------------------

GATES = (Gate("SoftGate-1", True), Gate("SoftGate-2", True))
OTHER = Member("web-2", IPv4Address("10.20.0.6"), 8080, state="Running", is_allowed=True)
UP, REFUSED = ("ok", "OK"), ("failed", "connection refused")
LATE = ("failed", "connection timed out")


def seen_of(*said, members=(WEB, OTHER), check=TCP, gates=GATES, there="check"):
    backends = [
        a_backend(
            *((gate.name, *cell) for gate, cell in zip(gates, cells, strict=True)),
            address=str(member.address),
        )
        for member, cells in zip(members, said, strict=True)
    ]
    return Seen(a_reading("fresh", a_balancer(there, *backends)), check, gates, members)


@pytest.mark.parametrize(
    ("said", "verdict", "sentence"),
    [
        (((UP, UP), (UP, UP)), "healthy", "Every member answers every SoftGate."),
        (
            ((UP, REFUSED), (UP, UP)),
            "degraded",
            "SoftGate-2 gets “connection refused” from web-1; the instance runs, the list allows it: look at the "
            "service.",
        ),
        (
            ((UP, UP), (UP, LATE)),
            "degraded",
            "SoftGate-2 gets “connection timed out” from web-2; the instance runs, the list allows it: others reach "
            "it, so look at SoftGate-2.",
        ),
        (
            ((REFUSED, REFUSED), (UP, UP)),
            "degraded",
            "SoftGate-1 and SoftGate-2 get “connection refused” from web-1; the instance runs, the list allows it: "
            "look at the service.",
        ),
        (
            ((LATE, LATE), (LATE, LATE)),
            "down",
            "No member answers. SoftGate-1 and SoftGate-2 get “connection timed out” from web-1; the instance runs, "
            "the list allows it: look at the service.",
        ),
        (
            ((UP, LATE), (REFUSED, REFUSED)),
            "degraded",
            "SoftGate-1 and SoftGate-2 get “connection refused” from web-2; the instance runs, the list allows it: "
            "look at the service.",
        ),
        (((UP, ("amber", "?")), (UP, UP)), "unknown", "Not every probe is known: ?."),
        (
            ((UP, ("amber", "")), (UP, UP)),
            "unknown",
            "Not every probe is known: Netris says nothing that is understood.",
        ),
    ],
)
def test_the_worst_member_speaks_for_all(said, verdict, sentence):
    told = seen_of(*said).working(NOW)
    assert (told.verdict, told.sentence, told.read_at) == (verdict, sentence, NOW - timedelta(seconds=10))


def test_a_softgate_that_is_gone_greys_its_column_alone():
    seen = seen_of((UP, UP), (UP, UP), gates=(GATES[0], Gate("SoftGate-2", False)))
    assert [[cell.verdict for cell in line.cells] for line in seen.lines(NOW)] == [["healthy", "stale"]] * 2
    assert seen.working(NOW).verdict == Working.UNKNOWN
    assert seen.working(NOW).sentence == "Not every probe is known: SoftGate-2 is silent."


def test_a_softgate_that_the_inventory_does_not_know_is_shown_and_not_believed():
    row = a_balancer("check", a_backend(("SoftGate-9", *UP)))
    [line] = Seen(a_reading("fresh", row), TCP, GATES, (WEB,)).lines(NOW)
    assert [(cell.gate, cell.verdict) for cell in line.cells] == [
        ("SoftGate-1", "unknown"),
        ("SoftGate-2", "unknown"),
        ("SoftGate-9", "stale"),
    ]


def test_members_out_of_rotation_say_nothing_of_the_balancer():
    drained = Member("web-2", OTHER.address, OTHER.port, is_drained=True)
    seen = seen_of((UP, UP), (REFUSED, REFUSED), members=(WEB, drained))
    assert seen.working(NOW).verdict == Working.HEALTHY
    assert {cell.verdict for cell in seen.lines(NOW)[1].cells} == {Cell.DRAINED}
    empty = seen_of((UP, UP), members=(drained,)).working(NOW)
    assert (empty.verdict, empty.sentence) == (Working.EMPTY, "No member is in rotation: nothing answers.")


@pytest.mark.parametrize(
    ("check", "there", "sentence"),
    [
        (Check("none"), "check", "Nobody checks these members: set a health check to know whether they answer."),
        (TCP, "no check", "Nobody checks these members: Netris does not have the health check."),
    ],
)
def test_where_nothing_probes_it_says_so(check, there, sentence):
    told = seen_of((UP, UP), (UP, UP), check=check, there=there).working(NOW)
    assert (told.verdict, told.sentence) == (Working.UNPROBED, sentence)


def test_one_word_of_an_older_release_is_for_all_softgates():
    row = a_balancer("check", a_backend(status="failed", response="connection refused"))
    seen = Seen(a_reading("fresh", row), TCP, GATES, (WEB,))
    assert [(cell.gate, cell.verdict) for cell in seen.lines(NOW)[0].cells] == [(ALL_GATES, "down")]
    assert seen.working(NOW).sentence.startswith("No member answers. all SoftGates get “connection refused” from web-1")


# --- what to look at --------------------------------------------------------------------------------------------------

ADVICE = """
instance  list     softgates  reason   look_at
Stopped   *        *          *        instance
*         *        *          refused  service
*         *        *          500      service
*         blocks   *          timeout  list
*         *        one        timeout  SoftGate-2
unknown   *        all        timeout  instance
Running   allows   all        timeout  service
Running   unknown  all        timeout  list
"""
ADVISED = [line.split() for line in ADVICE.strip().splitlines()[1:]]
ALLOWED = {"allows": True, "blocks": False, "unknown": None}
REASONS = {"refused": "connection refused", "500": "HTTP status 500", "timeout": "connection timed out"}


@pytest.mark.parametrize(
    "combination", list(product(("Running", "Stopped", "unknown"), ALLOWED, ("one", "all"), REASONS)), ids="-".join
)
def test_one_sentence_says_what_to_look_at(combination):
    state, listed, gates, reason = combination
    member = Member("web-1", WEB.address, 8080, False, state.replace("unknown", ""), ALLOWED[listed])
    failed = ("failed", REASONS[reason])
    [line] = seen_of((failed if gates == "all" else UP, failed), members=(member,)).lines(NOW)

    row = next(row for row in ADVISED if all(a in ("*", b) for a, b in zip(row, combination, strict=False)))
    assert line.sentence.endswith(f"look at {row[-1]}." if row[-1] == "SoftGate-2" else f"look at the {row[-1]}.")
    assert f"get{'' if gates == 'all' else 's'} “{REASONS[reason]}” from web-1; " in line.sentence
    assert ("is not known" in line.sentence) == ("unknown" in (state, listed))


# --- configured? ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["building", "changing", "removing", "stuck", "ready"])
@pytest.mark.parametrize("troubles", [(), ("Netris does not have it.",)])
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("sources", [True, False, None])
@pytest.mark.parametrize("is_asleep", [True, False])
def test_configured_is_said_of_what_was_read_since_the_last_change_alone(status, troubles, reading, sources, is_asleep):
    told = configured(status, troubles, a_reading(reading, None), NOW, are_sources_right=sources, is_asleep=is_asleep)

    if status == "stuck":
        expected = Configured.STUCK
    elif status != "ready":
        expected = Configured.CHANGING
    elif reading not in ("fresh", "just fresh"):
        expected = Configured.UNKNOWN
    elif is_asleep and troubles:
        expected = Configured.DORMANT
    else:
        expected = Configured.DIFFERS if troubles or sources is False else Configured.CONFIGURED
    assert told.verdict == expected
    assert told.sentence
    if status == "stuck":  # one that is being undone cannot be cancelled
        assert told.sentence == "An operation on it is stuck: retry it first."
    # Of CloudStack nothing was read, and here Netris has none.
    assert expected == Configured.DORMANT or "CloudStack" not in told.sentence
    assert "has it as it is meant" not in told.sentence
    if expected == Configured.CONFIGURED:
        assert ("was not read" in told.sentence) == (sources is None)
    assert told.read_at == a_reading(reading, None).read_at


MEANT = Meant("tcp", IPv4Address("198.51.100.4"), 80, TCP, (WEB,))
BACKEND = a_backend(("SoftGate-1", *UP))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (a_balancer("check", BACKEND), []),
        (None, ["Netris does not have it."]),
        (a_balancer("no check", BACKEND), ["Netris has no health check, and TCP is meant."]),
        (a_balancer("check", BACKEND, protocol="UDP"), ["Netris calls it UDP, and it is TCP."]),
        (a_balancer("check", BACKEND, status="disable"), ["It is disabled on Netris."]),
        (a_balancer("check", BACKEND, port=81), ["On Netris it answers at 198.51.100.4:81."]),
        (a_balancer("check"), ["Netris sends nothing to web-1."]),
        (a_balancer("check", BACKEND | {"maintenance": True}), ["Netris sends nothing to web-1."]),
        (a_balancer("check", BACKEND, a_backend(address="10.20.0.9")), ["Netris also sends to 10.20.0.9:8080."]),
        (
            a_balancer("check", BACKEND, healthCheck={"TCP": {"timeOut": "9000"}}),
            ["The health check on Netris has another path or timeout."],
        ),
        (a_balancer("check", BACKEND, healthCheck={"HTTP": {}}), ["Netris has HTTP, and TCP is meant."]),
    ],
)
def test_each_difference_is_named(row, told):
    assert differences(MEANT, row) == told


def test_another_path_of_a_check_is_a_difference_and_a_check_nobody_wants_too():
    http = Meant("tcp", MEANT.address, 80, Check("http", 2000, "/up"), (WEB,))
    there = {"HTTP": {"timeOut": "2000", "requestPath": "/up"}}
    assert differences(http, a_balancer("check", BACKEND, healthCheck=there)) == []
    there["HTTP"]["requestPath"] = "/"
    assert differences(http, a_balancer("check", BACKEND, healthCheck=there)) != []
    none = Meant("tcp", MEANT.address, 80, Check("none"), (WEB,))
    assert differences(none, a_balancer("check", BACKEND)) == ["Netris has TCP, and no health check is meant."]


@pytest.mark.parametrize("row", [None, a_balancer("no member"), a_balancer("no check", protocol="UDP")])
def test_without_members_in_rotation_netris_may_have_none_or_an_empty_one(row):
    drained = Member("web-1", WEB.address, WEB.port, is_drained=True)
    assert differences(Meant("tcp", MEANT.address, 80, TCP, (drained,)), row) == []


def test_one_that_is_out_of_rotation_and_still_served_is_a_difference():
    drained = Member("web-1", WEB.address, WEB.port, is_drained=True)
    meant = Meant("tcp", MEANT.address, 80, TCP, (drained,))
    assert differences(meant, a_balancer("check", BACKEND)) == ["Netris also sends to 10.20.0.5:8080."]


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (725, "12 minutes")]
)
def test_ages_are_told_in_words(seconds, words):
    assert minutes(timedelta(seconds=seconds)) == words
