"""How often somebody may try to sign in. Nobody can keep another person out by trying in their name.

    who tries                           for           may fail      then one in
    a browser that has signed in        that account  10 times      30 s
    an address                          one account   5 times       2 min
    the same, of an account in trouble  one account   once          10 min
    an address                          all accounts  30 times      20 s
    an address                          one-time links  30 times    20 s
    a tenant                            peering requests  20 times    1 min

A lock on the account alone, as libraries offer it (django-axes can count by name, by address or by both, with one limit
for all), gives whoever knows a user name the power to lock its owner out. So nothing here counts an account's failures
*against* it, however many there are:

1. A browser in which somebody has signed in keeps a signed cookie that says so. It has a count of its own, which nobody
   else can use up: neither from elsewhere nor from behind the same address. (OWASP: device cookies.)
2. Without the cookie, each address has a count for each account. One address cannot use up another's.
3. Many addresses that try one account put it in trouble after 20 failures. Then each address that is new to it may
   fail once only, and less often. It may always try that once: the owner, in a new place and with the right password,
   gets in.
4. An address that tries one name after the other is stopped over all of them. Its colleagues behind the same address
   are let in by their cookies.

What remains: who shares an address with the attacker, and is new in this browser, may have to wait for the minutes
above. The waits do not grow, so they are never a lock.

A try is counted before the password is looked at, in one transaction, and given back when the password was right. So
sixty at once are as many as sixty in a row, on one web process or ten, and what is over the limit is never hashed. The
counts live in PostgreSQL: a flush of Redis forgets none. Names that do not exist are counted like others, and so the
answer tells nothing about them. Only digests are stored.

Each count is one time, `full_at`: how far the tries made are ahead of those that are allowed (a leaky bucket, GCRA).
"""

from __future__ import annotations

import ipaddress
import logging
import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from apps.kernel import clock
from apps.kernel.locks import try_again
from apps.kernel.names import key_of
from apps.tenancy.models import Tries

logger = logging.getLogger("weft.signing-in")

COOKIE = "weft_browser"
COOKIE_AGE = timedelta(days=365)
#: What is full no longer is as if it had never been; so many of them are deleted with each try.
FORGOTTEN_AT_ONCE = 100


@dataclass(frozen=True)
class Limit:
    burst: int
    every: timedelta

    @property
    def room(self) -> timedelta:
        return self.burst * self.every


BROWSER = Limit(10, timedelta(seconds=30))
PAIR = Limit(5, timedelta(minutes=2))
PAIR_IN_TROUBLE = Limit(1, timedelta(minutes=10))
SOURCE = Limit(30, timedelta(seconds=20))
ACCOUNT = Limit(20, timedelta(minutes=3))


class TooManyTries(Exception):  # noqa: N818 - it says what to do: wait
    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.seconds = max(1, math.ceil(wait.total_seconds()))


@dataclass(frozen=True)
class Attempt:
    """A try that is counted already. `own` is the count that a right password empties."""

    account: str
    own: str
    spent: dict[str, timedelta]

    def undo(self) -> None:
        """It was not tried after all."""
        _give_back(self.spent)

    def succeed(self, response: HttpResponse) -> None:
        """The password was right, and the browser is known from now on."""
        _give_back(self.spent)
        Tries.objects.filter(pk=self.own).delete()
        response.set_signed_cookie(
            COOKIE,
            f"{secrets.token_hex(16)}.{self.account}",
            max_age=int(COOKIE_AGE.total_seconds()),
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )


def attempt(request: HttpRequest, username: str) -> Attempt:
    """Count a try to sign in under a name. Raises `TooManyTries`; then nothing is counted."""
    account, source = _digest("account", key_of(username)), source_of(request)
    try:
        if browser := _known_browser(request, account):
            limits = {_digest("browser", browser): BROWSER}
            return Attempt(account, next(iter(limits)), _spend(limits))
        pair, everywhere = _digest("pair", account, source), _digest("source", source)
        return Attempt(account, pair, _spend({pair: PAIR, everywhere: SOURCE}, account=account))
    except TooManyTries as refusal:
        logger.warning("tries to sign in from %s are held back for %d s", source, refusal.seconds)
        raise
    finally:
        _forget_old()


def attempt_with_secret(request: HttpRequest) -> Attempt:
    """Count a try of a one-time link: by address alone, since nobody's account stands behind a wrong one. `undo` it
    when the link is right. Raises `TooManyTries`."""
    key = _digest("secret", source_of(request))
    return Attempt("", key, _spend({key: SOURCE}))


def count(what: str, *whose: str, limit: Limit) -> None:
    """Count one try of something else, which nothing gives back: in a transaction of its own, so that it stays counted
    when what was tried is refused. Raises `TooManyTries`."""
    _spend({_digest(what, *whose): limit})


def source_of(request: HttpRequest) -> str:
    """The caller's address; of IPv6 the network, whose addresses are all one caller's.

    It is what the web server says: that of the connection, or with a proxy that it trusts (`--forwarded-allow-ips`, the
    machine itself unless told otherwise) the last in `X-Forwarded-For` that is not such a proxy."""
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def _known_browser(request: HttpRequest, account: str) -> str | None:
    try:
        value = request.get_signed_cookie(COOKIE, default=None, max_age=COOKIE_AGE)
    except signing.BadSignature:
        return None
    return value if value and value.endswith(f".{account}") else None


def _spend(limits: dict[str, Limit], *, account: str = "") -> dict[str, timedelta]:
    """Count one try in each, or in none. The account's own count only makes the first of the limits narrower."""

    @transaction.atomic
    def spend() -> dict[str, timedelta]:
        now = clock.now()
        wanted = limits | ({account: ACCOUNT} if account else {})
        rows = _held(wanted, now)
        if account and rows[account].full_at + ACCOUNT.every > now + ACCOUNT.room:
            wanted[next(iter(limits))] = PAIR_IN_TROUBLE
        full = {key: max(rows[key].full_at, now) + limit.every for key, limit in wanted.items()}
        waits = [full[key] - now - wanted[key].room for key in limits]
        if max(waits) > timedelta():
            raise TooManyTries(max(waits))
        for key, row in rows.items():
            row.full_at = min(full[key], now + wanted[key].room)
        Tries.objects.bulk_update(rows.values(), ["full_at"])
        return {key: limit.every for key, limit in wanted.items()}

    return try_again(spend)


def _held(keys: Iterable[str], now: datetime) -> dict[str, Tries]:
    """Their rows, made where there are none, and locked. One may be forgotten between the two: then again."""
    rows: dict[str, Tries] = {}
    while not rows.keys() >= set(keys):
        Tries.objects.bulk_create([Tries(pk=key, full_at=now) for key in sorted(keys)], ignore_conflicts=True)
        held = Tries.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True)
        rows = {row.pk: row for row in held}
    return rows


def _give_back(spent: dict[str, timedelta]) -> None:
    for key, time in spent.items():
        Tries.objects.filter(pk=key).update(full_at=F("full_at") - time)


def _forget_old() -> None:
    """Skips what somebody else holds."""
    old = (
        Tries.objects.filter(full_at__lt=clock.now())
        .order_by("full_at")
        .select_for_update(no_key=True, skip_locked=True)
    )
    with transaction.atomic():
        keys = list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
        if keys:
            Tries.objects.filter(pk__in=keys).delete()


def _digest(*parts: str) -> str:
    return salted_hmac("weft.tries", "\0".join(parts), algorithm="sha256").hexdigest()
