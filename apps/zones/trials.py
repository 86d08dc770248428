"""Trying a connection before it is saved, in a worker: no request waits for a remote.

    begin()      a row with what was entered; a ring on commit
    run_due()    1. claim   one UPDATE takes the lease and raises the fence        (compare and swap)
                 2. look    one question after the other                           (no transaction)
                 3. tell    what is known so far, after each; only if the fence is still ours

A look changes nothing in either system, so a worker that is killed half way is followed by another one. After `TRIES`
of them it is given up, with a sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.tenancy.actors import Platform
from apps.zones.access import QUESTIONS, Access, Check, looks
from apps.zones.models import System, Trial, Zone

logger = logging.getLogger("weft.zones")

TASK = "zones.try"
#: Longer than one question: a call may take a minute, and is tried twice when its connection breaks.
LEASE = timedelta(minutes=3)
#: Trials that may wait at once.
MOST = 20

SECRETS = ("cloudstack_api_key", "cloudstack_secret_key", "netris_password")
#: Which address each secret is sent to.
SENT_TO = {
    "cloudstack_api_key": "cloudstack_url",
    "cloudstack_secret_key": "cloudstack_url",
    "netris_password": "netris_url",
}
OPEN = ("cloudstack_url", "netris_url", "netris_user")


@transaction.atomic(durable=True)
def begin(entered: dict[str, Any], *, before: Zone | Trial | None = None, by: Platform) -> Trial:
    """Start trying a connection. `entered` has the fields of `Access`; a secret that is None is that of `before`, which
    is the zone whose connection it is to become, or a trial that is tried again with something else.

    Raises `Refused` for what is no address, for a secret that is missing, and for one that would be sent elsewhere than
    to where it was given for.
    """
    access = Access(**{name: entered[name] or _kept(name, entered, before) for name in (*OPEN, *SECRETS)})
    access.check()
    zone = before if isinstance(before, Zone) else before.zone if before else None
    if Trial.objects.filter(finished_at=None).count() >= MOST:
        text = f"{MOST} connections are being tried already. Wait until one of them is over."
        raise Refused("too-many-trials", text)
    trial = Trial.objects.create(zone=zone, asked_by=by.actor.name, **vars(access))
    transaction.on_commit(_ring)
    return trial


def _kept(name: str, entered: dict[str, Any], before: Zone | Trial | None) -> Any:
    if before is None or name not in SENT_TO:
        raise Refused("missing", "Give this.", name)
    url = SENT_TO[name]
    if entered[url].rstrip("/") != getattr(before, url).rstrip("/"):
        raise Refused("secret-needed", "Give it again: it is not sent to another address than it was given for.", name)
    return getattr(before, name)


def _ring() -> None:
    """Have it done at once; without a broker the next beat does it."""
    try:
        current_app.send_task(TASK, retry=False, ignore_result=True)
    except (OperationalError, redis.RedisError, OSError) as error:
        logger.warning("a trial waits for the next beat: %s", error)


def why_not_take(trial: Trial) -> str | None:
    """Why no zone can be registered or changed by it; None when one can."""
    return {
        "waiting": "It is still being tried. Wait until both systems have answered.",
        "looking": "It is still being tried. Wait until both systems have answered.",
        "failed": "What failed has to be mended first. Then try it again.",
        "expired": "It was tried too long ago. Try it again.",
        "taken": "It was used already.",
    }.get(trial.status)


@dataclass(frozen=True)
class Step:
    """A question as the list of steps shows it: done, failed, unknown, now or waiting."""

    title: str
    state: str
    detail: str = ""


STATES = {"ok": "done", "unknown": "unknown", "failed": "failed"}


def steps_of(trial: Trial) -> dict[System, list[Step]]:
    """What came of the questions to each system, and which are to come. After one that failed none are."""
    steps = {}
    is_asked = trial.status == "looking"
    for system in System:
        checks = [check for check in trial.checks if check["system"] == system]
        steps[system] = [Step(each["title"], STATES[each["verdict"]], each["text"]) for each in checks]
        if trial.finished_at is not None or any(each["verdict"] == "failed" for each in checks):
            continue
        for title in QUESTIONS[system][len(checks) :]:
            steps[system].append(Step(title, "now" if is_asked else "waiting"))
            is_asked = False
    return steps


def run_due() -> int:
    """Try all that wait. Gives how many were begun."""
    return sum(_run(trial) for trial in Trial.objects.due().order_by("created_at"))


def _run(trial: Trial) -> bool:
    as_seen = Trial.objects.filter(pk=trial.pk, fence=trial.fence, lease_until=trial.lease_until, finished_at=None)
    if not as_seen.update(fence=trial.fence + 1, lease_until=_lease(), checks=[], found={}):
        return False
    ours = Trial.objects.filter(pk=trial.pk, fence=trial.fence + 1, finished_at=None)
    if trial.fence >= Trial.TRIES:
        given_up = _broken("The workers that tried it were stopped half way. Try it again.")
        ours.update(checks=_told([given_up]), finished_at=clock.now(), lease_until=None)
        return True
    checks: list[Check] = []
    try:
        for look in looks(Access.of(trial)):
            checks = [*look.checks]
            if not ours.update(checks=_told(checks), found=look.found.model_dump(mode="json"), lease_until=_lease()):
                logger.warning("a trial was overtaken")
                return True
    except Exception:
        logger.exception("a trial of %s", trial)
        checks.append(_broken("Something went wrong on our side. It is logged."))
    ours.update(checks=_told(checks), finished_at=clock.now(), lease_until=None)
    return True


def _lease() -> datetime:
    return clock.now() + LEASE


def _told(checks: Iterable[Check]) -> list[dict[str, Any]]:
    return [check.model_dump(mode="json") for check in checks]


def _broken(text: str) -> Check:
    return Check(system=System.CLOUDSTACK, title="It could be tried", verdict="failed", text=text)
