"""Points in time as people read them: how long ago first, and to the second with day and zone.

The zone is the person's own: weft.js names it in a cookie, and `OwnTimeZone` has pages written in it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format

COOKIE = "weft_zone"
#: Longer ago than this one wants the day. weft.js leaves such words as they are.
MONTH = 30 * 86400


class OwnTimeZone:
    """Middleware. The API keeps to its own zone, whoever asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(COOKIE, "")
        if request.path.startswith("/api/") or name not in known_zones():
            return self.get_response(request)
        with timezone.override(ZoneInfo(name)):
            return self.get_response(request)


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def ago(seconds: int, at: datetime) -> str:
    """ "12 s ago", "in 3 h", and from a month on the day."""
    if abs(seconds) >= MONTH:
        return date_format(timezone.localtime(at), "j M Y")
    if seconds <= -5:
        return f"in {lasting(-seconds)}"
    return "just now" if seconds < 5 else f"{lasting(seconds)} ago"


def lasting(seconds: int) -> str:
    for unit, length, ceiling in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86400)):
        if seconds < ceiling:
            return f"{seconds // length} {unit}"
    return f"{seconds // 86400} d"


def exact(at: datetime) -> str:
    """ "27 Nov 2026, 14:02:11 CET"."""
    return _exact(at, timezone.get_current_timezone_name())


@lru_cache(maxsize=4096)
def _exact(at: datetime, zone: str) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i:s T")


def on_the_clock(at: datetime, today: date) -> str:
    """For lines that follow each other within seconds: "14:02:11 CET", with the day where it is another."""
    here = timezone.localtime(at)
    day = "" if here.date() == today else "j M, " if here.year == today.year else "j M Y, "
    return date_format(here, f"{day}H:i:s T")
