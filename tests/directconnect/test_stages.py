"""The life of an order over all pairs of stages, by whosever hand."""

from __future__ import annotations

from itertools import product

import pytest

from apps.directconnect import stages
from apps.directconnect.stages import FACTS, MOVES, PATH, Evidence, Illegal, Order, Party, Stage

#: Who may move from where to where: each letter is a party (t, p, w), everything left out is illegal.
TABLE = """
    draft                   submitted t, closed t
    submitted               approved p, rejected p, draft t, expired w, on-hold p
    approved                port-reserved wp, expired w, on-hold p, closing tp
    port-reserved           loa-issued p, on-hold p, closing tp
    loa-issued              cross-connect-reported t, expired w, on-hold p, closing tp
    cross-connect-reported  light-seen w, on-hold p, closing tp
    light-seen              vlan-up w, on-hold p, closing tp
    vlan-up                 bgp-established w, on-hold p, closing tp
    bgp-established         prefixes-accepted w, on-hold p, closing tp
    prefixes-accepted       in-service t, on-hold p, closing tp
    in-service              suspended tp, closing tp
    suspended               in-service tp, closing tp
    rejected                draft t, closed t
    expired                 loa-issued p, closing tp
    closing                 closed w
    closed
"""
OF = {"t": Party.TENANT, "p": Party.PLATFORM, "w": Party.WEFT}


def allowed() -> set[tuple[Stage, Stage, Party]]:
    found = set()
    for line in TABLE.strip().splitlines():
        at, _, moves = line.strip().partition(" ")
        for move in filter(None, (each.strip() for each in moves.split(","))):
            to, letters = move.split()
            found |= {(Stage(at), Stage(to), OF[letter]) for letter in letters}
    return found


def order_at(stage: Stage, held: Stage | None = None) -> Order:
    """As the database can have it: with a port where it may have one."""
    if stage is Stage.SUSPENDED:
        held = Stage.IN_SERVICE
    return Order(stage, held, has_port=stage not in stages.WITHOUT_PORT)


def test_an_order_goes_its_way_when_nothing_is_wrong():
    hands = "tpwptwwwwt"

    for at, to, hand in zip(PATH, PATH[1:], hands, strict=False):
        assert order_at(at).move(to, OF[hand]).to is to


def test_every_pair_of_stages_is_moved_by_whom_the_table_says_and_by_nobody_else():
    found = set()
    for at, to, party in product(set(Stage) - {Stage.ON_HOLD}, Stage, Party):
        try:
            order_at(at).move(to, party)
        except Illegal:
            continue
        found.add((at, to, party))

    assert found == allowed()


def test_what_is_on_hold_goes_back_to_where_it_was_by_the_platform_or_is_closed():
    for held, to, party in product(stages.HOLDABLE, Stage, Party):
        order = Order(Stage.ON_HOLD, held, has_port=held not in stages.WITHOUT_PORT)
        is_legal = (to is held and party is Party.PLATFORM) or (to is Stage.CLOSING and party is not Party.WEFT)
        if is_legal:
            assert order.move(to, party).to is to
        else:
            with pytest.raises(Illegal):
                order.move(to, party)


def test_what_expired_without_a_port_gets_no_letter_and_its_tenant_closes_it():
    early = Order(Stage.EXPIRED, has_port=False)

    with pytest.raises(Illegal):
        early.move(Stage.LOA_ISSUED, Party.PLATFORM)
    assert [move.to for move in early.moves_of(Party.TENANT)] == [Stage.CLOSING]
    assert early.facts.owner is Party.TENANT
    assert Order(Stage.EXPIRED, has_port=True).facts.owner is Party.PLATFORM


def test_every_stage_has_its_facts_and_leads_somewhere_but_for_the_last():
    assert set(FACTS) == set(MOVES) == set(Stage)
    assert [stage for stage in Stage if not MOVES[stage]] == [Stage.CLOSED]
    assert {stage for stage in Stage if not FACTS[stage].next_action} == {Stage.IN_SERVICE, Stage.CLOSED}


def test_whose_turn_it_is_can_do_something():
    for stage in set(Stage) - {Stage.CLOSED, Stage.IN_SERVICE}:
        owner = FACTS[stage].owner
        # What the tenant does about a light or a session is seen by Weft, which then makes the move.
        may = {party for move in MOVES[stage].values() for party in move.by}
        assert owner in may, stage


def test_only_what_may_expire_expires():
    ends = {stage for stage in Stage if FACTS[stage].expires}

    assert ends == {stage for stage in Stage if Stage.EXPIRED in MOVES[stage]}


def test_every_stage_can_be_reached_from_a_draft():
    reached, ahead = set(), [Stage.DRAFT]
    while ahead:
        stage = ahead.pop()
        if stage not in reached:
            reached.add(stage)
            ahead += MOVES[stage]

    assert reached == set(Stage)


def test_from_everywhere_there_is_a_way_out_by_somebodys_hand():
    """No order is caught: whatever happens, tenant or platform can bring it to its end."""
    for stage in set(Stage) - {Stage.CLOSED, Stage.CLOSING}:
        ways = [move.to for move in MOVES[stage].values() if move.by & {Party.TENANT, Party.PLATFORM}]
        assert ways, stage


@pytest.mark.parametrize(
    ("at", "to", "evidence"),
    [
        (Stage.SUBMITTED, Stage.REJECTED, {Evidence.REASON}),
        (Stage.APPROVED, Stage.PORT_RESERVED, {Evidence.PORT}),
        (Stage.PORT_RESERVED, Stage.LOA_ISSUED, {Evidence.NUMBER, Evidence.VALID_UNTIL}),
        (Stage.LOA_ISSUED, Stage.CROSS_CONNECT_REPORTED, {Evidence.REFERENCE}),
        (Stage.CROSS_CONNECT_REPORTED, Stage.LIGHT_SEEN, {Evidence.READING}),
        (Stage.BGP_ESTABLISHED, Stage.PREFIXES_ACCEPTED, {Evidence.READING}),
        (Stage.LIGHT_SEEN, Stage.ON_HOLD, {Evidence.REASON}),
    ],
)
def test_moves_ask_for_their_evidence(at, to, evidence):
    assert set(MOVES[at][to].evidence) == evidence
