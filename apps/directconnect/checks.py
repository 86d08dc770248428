"""What may be said of a virtual interface now, layer by layer, from what was read and when. Nothing here asks anybody.

    layer    asks                                          read from
    light    does the port see the other side              Netris' list of ports
    vlan     is the V-Net there, with port, tag, gateway    the V-Nets of the VPC
    bgp      is the session established                    the sessions of the VPC
    routes   does it take prefixes, and announce any       the same, and the filters

    verdict  when
    ok       a fresh reading says so
    warning  it works, and not with all that is wanted
    critical a fresh reading says that it does not
    waiting  a layer below is not well: it can't work before that is
    off      it was switched off: suspended, or a test of fail-over
    unknown  not read since the last change, too long ago, or what was read says nothing

Netris tells a session's state and how many prefixes it takes: not which, nor why a session is down. So a sentence names
what is likely, the likeliest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network

from apps.directconnect.filters import announced


class Layer(StrEnum):
    LIGHT = "light"
    VLAN = "vlan"
    BGP = "bgp"
    ROUTES = "routes"


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    WAITING = "waiting"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    layer: Layer
    verdict: Verdict
    sentence: str
    #: What to do; blank where nothing is.
    advice: str = ""
    read_at: datetime | None = None
    #: How many prefixes are taken, where it is about routes.
    takes: int = 0


@dataclass(frozen=True)
class Reading:
    """How far what was read may be believed."""

    read_at: datetime | None
    fresh_for: timedelta
    #: When something was last changed; None while an operation is at work.
    settled_at: datetime | None

    def why_silent(self, now: datetime) -> str:
        """Why nothing follows from it now; blank when something does."""
        if self.read_at is None:
            return "It was not read yet."
        if self.settled_at is None or self.read_at <= self.settled_at:
            return "It was not read since its last change."
        if now - self.read_at > self.fresh_for:
            return "What was read last is too old to tell."
        return ""


@dataclass(frozen=True)
class Port:
    reading: Reading
    #: None: Netris has no such port, or says nothing of its link.
    is_up: bool | None
    is_switched_off: bool = False


@dataclass(frozen=True)
class VNet:
    reading: Reading
    #: What of it is not as it is meant, such as "its tag is 12"; None: Netris has no such V-Net.
    faults: Sequence[str] | None


@dataclass(frozen=True)
class Session:
    reading: Reading
    is_there: bool
    #: FRR's word, as Netris passes it on; blank for a new or disabled session.
    state: str = ""
    #: None: Netris does not say.
    prefixes: int | None = None
    uptime: str = ""
    #: How many it took when it was up last.
    took_last: int | None = None
    #: What of it is not as it is meant, such as "it accepts other prefixes".
    faults: Sequence[str] = ()


@dataclass(frozen=True)
class Wanted:
    vlan: int
    peer_asn: int
    announce: Sequence[IPv4Network]
    accept: Sequence[IPv4Network]
    max_prefixes: int
    has_key: bool
    bfd: bool
    tiers: Sequence[IPv4Network]
    #: Why it is switched off; blank while it is not.
    off: str = ""


def checks_of(port: Port, vnet: VNet, session: Session, wanted: Wanted, now: datetime) -> list[Check]:
    """One for each layer, from the cable up."""
    found = [_light(port, now)]
    found.append(_below(Layer.VLAN, found, vnet.reading) or _vlan(vnet, wanted, now))
    off = _off(Layer.BGP, wanted, session)
    found.append(off or _below(Layer.BGP, found, session.reading) or _bgp(session, wanted, now))
    off = _off(Layer.ROUTES, wanted, session)
    found.append(off or _below(Layer.ROUTES, found, session.reading) or _routes(session, wanted, now))
    return found


def light_of(port: Port, now: datetime) -> Check:
    """Of a port over which no interface runs yet."""
    return _light(port, now)


def session_of(session: Session, wanted: Wanted, now: datetime) -> Check:
    """The session by itself, whatever is below it, and whether it is meant to be up or not."""
    return _bgp(session, wanted, now)


def worst_of(checks: Sequence[Check]) -> Check | None:
    """The lowest layer that is not well: what to look at first. None when all are."""
    return next((check for check in checks if check.verdict != Verdict.OK), None)


def _below(layer: Layer, lower: Sequence[Check], reading: Reading) -> Check | None:
    """Waiting for the lowest that is not well; None where all are, or nobody can tell."""
    first = next((check for check in lower if check.verdict == Verdict.CRITICAL), None)
    return (
        Check(layer, Verdict.WAITING, f"It waits for {_CALLED[first.layer]}.", read_at=reading.read_at)
        if first
        else None
    )


_CALLED = {Layer.LIGHT: "light on the port", Layer.VLAN: "the VLAN", Layer.BGP: "the session", Layer.ROUTES: "routes"}


def _off(layer: Layer, wanted: Wanted, session: Session) -> Check | None:
    return Check(layer, Verdict.OFF, wanted.off, read_at=session.reading.read_at) if wanted.off else None


def _light(port: Port, now: datetime) -> Check:
    at = port.reading.read_at
    if silent := port.reading.why_silent(now):
        return Check(Layer.LIGHT, Verdict.UNKNOWN, silent, read_at=at)
    if port.is_up is None:
        return Check(Layer.LIGHT, Verdict.UNKNOWN, "Netris says nothing of the port's link.", read_at=at)
    if port.is_switched_off:
        return Check(Layer.LIGHT, Verdict.CRITICAL, "The port is switched off.", "Ask the data centre why.", at)
    if port.is_up:
        return Check(Layer.LIGHT, Verdict.OK, "The port sees the other side.", read_at=at)
    advice = (
        "See that your port is switched on and the cross-connect is patched. Then swap the two fibres at one end, look "
        "whether both sides have the same optics, speed and FEC, and clean the connectors."
    )
    return Check(Layer.LIGHT, Verdict.CRITICAL, "No light comes in at the port.", advice, at)


def _vlan(vnet: VNet, wanted: Wanted, now: datetime) -> Check:
    at = vnet.reading.read_at
    if silent := vnet.reading.why_silent(now):
        return Check(Layer.VLAN, Verdict.UNKNOWN, silent, read_at=at)
    if vnet.faults is None:
        return Check(Layer.VLAN, Verdict.CRITICAL, "Netris does not have it.", "Apply the interface again.", at)
    if vnet.faults:
        text = f"Netris has it otherwise: {', '.join(vnet.faults)}."
        return Check(Layer.VLAN, Verdict.CRITICAL, text, "Apply the interface again.", at)
    return Check(Layer.VLAN, Verdict.OK, f"VLAN {wanted.vlan} is on the port, with our address in it.", read_at=at)


def _bgp(session: Session, wanted: Wanted, now: datetime) -> Check:
    at = session.reading.read_at
    if silent := session.reading.why_silent(now):
        return Check(Layer.BGP, Verdict.UNKNOWN, silent, read_at=at)
    if not session.is_there:
        return Check(Layer.BGP, Verdict.CRITICAL, "Netris does not have it.", "Apply the interface again.", at)
    state = session.state.strip().lower()
    if state == "established":
        since = f" for {session.uptime}" if session.uptime else ""
        return Check(Layer.BGP, Verdict.OK, f"The session is established{since}.", read_at=at)
    if state in _SILENT_WORDS:
        return Check(Layer.BGP, Verdict.UNKNOWN, "Netris says nothing of the session.", read_at=at)
    return Check(
        Layer.BGP, Verdict.CRITICAL, f"The session is not up: {session.state}.", _why_down(state, session, wanted), at
    )


#: Up to 4.14 a healthy session may be called unknown (netris-api.md 3.4).
_SILENT_WORDS = ("", "unknown")
_ANSWERS = ("opensent", "openconfirm")


def _why_down(state: str, session: Session, wanted: Wanted) -> str:
    key = (
        " The MD5 key differs, or only one side has one."
        if wanted.has_key
        else " It may want an MD5 key: none is set here."
    )
    if state in _ANSWERS:
        return (
            f"Your router answers, and the two do not agree. See that it calls itself {wanted.peer_asn}, has our ASN "
            "right, and speaks IPv4 unicast."
        )
    if state == "idle" and session.took_last is not None and session.took_last * 10 >= wanted.max_prefixes * 9:
        return (
            f"It took {session.took_last} prefixes when it was up last, and falls at more than {wanted.max_prefixes}. "
            "Announce fewer, or larger ones; or raise the limit."
        )
    if state == "idle":
        return (
            f"One side has ended it: your router is shut, more than {wanted.max_prefixes} prefixes were announced, or "
            f"the ASN is not {wanted.peer_asn}. Look into your router's log first."
        )
    return (
        f"Your router does not answer. Ping our address from it: without an answer, its VLAN is not {wanted.vlan} or "
        f"its address differs. With one, look for a filter on TCP port 179.{key}"
    )


def _routes(session: Session, wanted: Wanted, now: datetime) -> Check:
    at = session.reading.read_at
    if silent := session.reading.why_silent(now):
        return Check(Layer.ROUTES, Verdict.UNKNOWN, silent, read_at=at)
    if session.prefixes is None:
        return Check(Layer.ROUTES, Verdict.UNKNOWN, "Netris does not say how many prefixes it takes.", read_at=at)
    if session.faults:
        text = f"Netris has it otherwise: {', '.join(session.faults)}."
        verdict = Verdict.CRITICAL if wanted.accept and not session.prefixes else Verdict.WARNING
        return Check(Layer.ROUTES, verdict, text, "Apply the interface again.", at, session.prefixes)
    if not wanted.accept:
        return _outward(wanted, session, "Nothing is taken from your router: the filter accepts nothing.")
    if session.prefixes == 0:
        advice = (
            f"Announce one of {_listed(wanted.accept)}, or a part of it, with the community 0:7. What else your router "
            "announces is not taken; change the filter where it should be."
        )
        return Check(Layer.ROUTES, Verdict.CRITICAL, "The session is up, and takes none of its prefixes.", advice, at)
    text = f"{session.prefixes} of at most {wanted.max_prefixes} prefixes are taken."
    if session.prefixes * 10 >= wanted.max_prefixes * 9:
        advice = "The session falls when there are more. Announce fewer, or raise the limit."
        return Check(Layer.ROUTES, Verdict.WARNING, text, advice, at, session.prefixes)
    return _outward(wanted, session, text)


def _outward(wanted: Wanted, session: Session, inward: str) -> Check:
    at, takes = session.reading.read_at, session.prefixes or 0
    count = len(announced(wanted.tiers, wanted.announce))
    if not count:
        advice = (
            "Add the range of a tier to what is announced, or make a tier in what is."
            if wanted.announce
            else ("Choose what of the VPC your router may hear of.")
        )
        return Check(Layer.ROUTES, Verdict.WARNING, f"{inward} No tier is announced.", advice, at, takes)
    tiers = "1 tier is" if count == 1 else f"{count} tiers are"
    verdict = Verdict.OK if wanted.accept else Verdict.WARNING
    return Check(Layer.ROUTES, verdict, f"{inward} {tiers} announced.", read_at=at, takes=takes)


def _listed(prefixes: Sequence[IPv4Network]) -> str:
    shown = ", ".join(str(each) for each in prefixes[:3])
    return shown if len(prefixes) <= 3 else f"{shown} and {len(prefixes) - 3} more"
