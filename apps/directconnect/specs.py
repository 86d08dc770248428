"""What is said of locations and orders, read from whatever a form or a script says. Nothing here asks the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.directconnect.models import FASTEST, LETTER_LENGTH, PRICE_LENGTH, REFERENCE_LENGTH, PortKind
from apps.directconnect.stages import Evidence, Move, Stage
from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import DESCRIPTION, NAME, Line, tidy

ADDRESS = Line("address", DESCRIPTION.most)
ROOM = Line("room", NAME.most)
PRICE = Line("price", PRICE_LENGTH, may_be_empty=True)
REASON = Line("reason", 500)
REFERENCE = Line("reference", REFERENCE_LENGTH)
MOST_OFFERINGS = 20
LONGEST_LETTER_DAYS = 365


def parse_speed(value: object, field: str) -> int:
    text = str("" if value is None else value).strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 7 or not 1 <= int(text) <= FASTEST:
        raise Refused("speed-malformed", "Give a speed in Mbit/s, such as 10000 for 10 Gbit/s.", field)
    return int(text)


def parse_kind(value: object, field: str) -> str:
    text = str(value or "").strip().lower()
    if text not in PortKind.values:
        raise Refused("kind-unknown", "Say dedicated or hosted.", field)
    return text


def parse_stage(value: object, field: str) -> Stage:
    try:
        return Stage(str(value))
    except ValueError:
        raise Refused("stage-unknown", f"There is no such stage. There are: {', '.join(Stage)}.", field) from None


def parse_days(value: object, field: str) -> int:
    text = str("" if value is None else value).strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= LONGEST_LETTER_DAYS:
        raise Refused("days-malformed", f"Give a number of days from 1 to {LONGEST_LETTER_DAYS}.", field)
    return int(text)


def parse_letter(value: object, field: str) -> str:
    """Lines of text, each as a description may be. None is fine."""
    if not isinstance(value, str):
        raise Refused("wrong-type", "Expected a string.", field)
    if len(value) > LETTER_LENGTH:
        raise Refused("text-too-long", f"At most {LETTER_LENGTH:,} characters; these are {len(value):,}.", field)
    line = Line("text", LETTER_LENGTH, may_be_empty=True)
    return "\n".join(line.parse(each, field) for each in tidy_lines(value))


def tidy_lines(text: str) -> list[str]:
    lines = [tidy(each) for each in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def parse_flag(value: object, _field: str) -> bool:
    return value in (True, "true", "on", "1")


def parse_moment(value: object, field: str) -> datetime:
    """A date, or a moment with its zone. A date alone means until its end, in UTC."""
    if isinstance(value, datetime):
        return value
    text = str(value or "").strip()
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise Refused("moment-malformed", "Give a date such as 2026-12-31.", field) from None
    if len(text) == len("2026-12-31"):
        moment = moment.replace(hour=23, minute=59, second=59, tzinfo=UTC)
    if moment.tzinfo is None:
        raise Refused("moment-malformed", "Say in which time zone: end it with Z for UTC.", field)
    return moment


Parsers = Mapping[str, Any]

OF_OFFERINGS: Parsers = {"speed": parse_speed, "kind": parse_kind, "price": PRICE.parse, "is_open": parse_flag}


def _parsed(parsers: Parsers, values: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    """Raises `Invalid` with all that is wrong."""
    problems: list[Refused] = []
    found = {name: collect(problems, parsers[name], value, f"{within}{name}") for name, value in values.items()}
    if problems:
        raise Invalid(problems)
    return found


@dataclass(frozen=True)
class OfferingSpec:
    speed: int
    kind: str
    price: str = ""
    is_open: bool = True

    @classmethod
    def parse(cls, values: Mapping[str, Any], within: str = "") -> OfferingSpec:
        said = {"speed": values.get("speed"), "kind": values.get("kind"), "price": values.get("price") or ""}
        return cls(**_parsed(OF_OFFERINGS, {**said, "is_open": values.get("is_open", True)}, within))


def parse_offerings(value: Sequence[Mapping[str, Any]], field: str) -> tuple[OfferingSpec, ...]:
    problems: list[Refused] = []
    found: list[OfferingSpec] = []
    for number, each in enumerate(value):
        if spec := collect(problems, lambda said, within: OfferingSpec.parse(said, within), each, f"{field}.{number}."):  # type: ignore[arg-type]  # collect knows no more of what it passes on
            found.append(spec)
    for number, spec in enumerate(found):
        if any((spec.speed, spec.kind) == (other.speed, other.kind) for other in found[:number]):
            problems.append(Refused("offering-twice", "Each speed of a kind once.", f"{field}.{number}.speed"))
    if len(value) > MOST_OFFERINGS:
        problems.append(Refused("too-many-offerings", f"At most {MOST_OFFERINGS} offerings.", field))
    if problems:
        raise Invalid(problems)
    return tuple(found)


OF_LOCATIONS: Parsers = {
    "name": NAME.parse,
    "address": ADDRESS.parse,
    "room": ROOM.parse,
    "loa_text": parse_letter,
    "loa_days": parse_days,
    "is_open": parse_flag,
    "offerings": parse_offerings,
}


@dataclass(frozen=True)
class LocationSpec:
    name: str
    address: str
    room: str
    loa_text: str = ""
    loa_days: int = 60
    is_open: bool = True
    offerings: tuple[OfferingSpec, ...] = ()

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> LocationSpec:
        """Raises `Invalid` with all that is wrong."""
        needed = {name: values.get(name) for name in ("name", "address", "room")}
        said = {name: values[name] for name in OF_LOCATIONS if values.get(name) not in (None, "")}
        return cls(**_parsed(OF_LOCATIONS, {**needed, **said}))


def location_change(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is left out stays. Raises `Invalid` with all that is wrong."""
    return _parsed(OF_LOCATIONS, {name: values[name] for name in OF_LOCATIONS if name in values})


def _reference(value: object, field: str) -> str:
    if not (text := str(value or "").strip()):
        raise Refused("location-missing", "Choose a location.", field)
    return text


OF_ORDERS: Parsers = {"name": NAME.parse, "location": _reference, "speed": parse_speed, "kind": parse_kind}


@dataclass(frozen=True)
class OrderSpec:
    """`location` and `apart_from` are references, for services to find."""

    name: str
    location: str
    speed: int
    kind: str
    apart_from: str = ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> OrderSpec:
        """Raises `Invalid` with all that is wrong."""
        said = {name: values.get(name) for name in OF_ORDERS}
        return cls(**_parsed(OF_ORDERS, said), apart_from=str(values.get("apart_from") or ""))


#: How what is told with a move is read. What a move does not ask for is refused by its name.
EVIDENCE: Mapping[Evidence, Any] = {
    Evidence.REASON: REASON.parse,
    Evidence.REFERENCE: REFERENCE.parse,
    Evidence.NUMBER: Line("LOA number", REFERENCE_LENGTH).parse,
    Evidence.VALID_UNTIL: parse_moment,
    Evidence.PORT: lambda value, _field: str(value or ""),
}
#: What Weft fills in where nothing is said of it.
FILLED = frozenset({Evidence.NUMBER, Evidence.VALID_UNTIL})


def parse_evidence(move: Move, values: Mapping[str, Any]) -> dict[Evidence, Any]:
    """What was told with a move. Raises `Invalid` for what is missing, is wrong, or was not asked for."""
    said = {name: value for name, value in values.items() if value not in (None, "")}
    problems = [
        Refused("evidence-unknown", f"“{move.verb}” takes no {name.replace('_', ' ')}.", name)
        for name in said
        if name not in move.evidence
    ]
    found = {
        each: collect(problems, EVIDENCE[each], said.get(each), each.value)
        for each in move.evidence
        if each in said or each not in FILLED
    }
    if problems:
        raise Invalid(problems)
    return found
