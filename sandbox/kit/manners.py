"""How whatever listens at an address deals with those who come to a port: what can be told of a machine or a member.

    well            it answers
    refuse          the connection is refused
    time_out        nothing comes back
    answer_500      the connection is taken, and each request of HTTP's answered with a 500

A record of it is `{port: [manner, since]}`, as JSON has it: ports are texts, "0" is all that are not named. What is
well and not named needs no entry.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

Manners = dict[str, list[Any]]
ALL_PORTS = "0"


class Manner(StrEnum):
    WELL = "well"
    REFUSE = "refuse"
    TIME_OUT = "time_out"
    ANSWER_500 = "answer_500"


def manner_of(value: Any) -> Manner:
    """ValueError names those that there are."""
    if value not in list(Manner):
        raise ValueError(f"does: must be one of {', '.join(Manner)}")
    return Manner(value)


def port_of(value: Any) -> int:
    """0 is all of them. ValueError for what is no port."""
    if type(value) is not int or not 0 <= value <= 65535:
        raise ValueError("port: must be a port, or 0 for all of them")
    return value


def told(manners: Manners, port: int, manner: Manner, now: float) -> Manners:
    """As it is after one more order. One about all ports makes the earlier ones void."""
    key = str(port)
    since = _since(manners, port, manner, now)
    left = {} if key == ALL_PORTS else {name: entry for name, entry in manners.items() if name != key}
    if manner is Manner.WELL and ALL_PORTS not in left:
        return left
    return left | {key: [manner.value, since]}


def at(manners: Manners, port: int) -> tuple[Manner, float]:
    """What it does at a port, and since when it is well or not."""
    manner, since = manners.get(str(port)) or manners.get(ALL_PORTS) or (Manner.WELL, 0.0)
    return Manner(manner), float(since)


def _since(manners: Manners, port: int, manner: Manner, now: float) -> float:
    """Who was not well before, and is not now, has been so all the time, whatever it was."""
    was, since = at(manners, port)
    return since if Manner.WELL not in (was, manner) else now
