"""What became of an order that CloudStack works off as a job.

Only the job tells. The rows of VPCs and networks never say that somebody works on them: a VPC is Enabled while it is
built, and stays so when the building was broken off (cloudstack-api.md 2.2). And the jobs do not say whose they are:
those of VPCs and networks name no object.

    what is known           what is looked at
    the job                 the job
    that its answer was     the jobs of the same command that Weft's account had pending around then: one of them is it,
    lost                    if it arrived. They are suspects, noted and followed until the last of them is over

What a suspect that failed says is believed only where no other can be meant. CloudStack forgets a job after a day, over
or not; nothing is waited for any longer than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from apps.cloudstack import CloudStack, refusal_of
from apps.cloudstack.wire import Job, JobStatus
from apps.kernel.remote import Rejected
from apps.operations.parts import Memo

#: The longest that CloudStack knows a job, over or not: its setting `job.expire.minutes`.
JOB_LASTS = timedelta(days=1)
#: What Weft's clock and CloudStack's may differ by. Its dates have whole seconds.
CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True)
class Fate:
    #: Something that is the order, or may be, is still at work.
    is_pending: bool = False
    #: What to note for the next look.
    memo: Mapping[str, Any] = field(default_factory=dict)
    #: The jobs that are over, as far as CloudStack remembers them.
    over: tuple[Job, ...] = ()
    #: The job is the order's own, not only a suspect.
    is_known: bool = False

    @property
    def refusal(self) -> Rejected | None:
        """Why it failed, if it did and it is sure which of the jobs says so."""
        failed = [job for job in self.over if job.status is JobStatus.FAILED]
        return refusal_of(failed[0]) if len(failed) == 1 else None

    @property
    def last_word(self) -> Rejected | None:
        """A refusal that would be the same if a removal were ordered again: not that the job was broken off."""
        return self.refusal if self.is_known and all(job.answer is not None for job in self.over) else None

    def has_made(self, key: str, row_id: str) -> bool:
        """A job has succeeded with this very object as its result."""
        results = [job.result.get(key) for job in self.over if job.status is JobStatus.SUCCEEDED]
        return any(isinstance(made, dict) and made.get("id") == row_id for made in results)


def fate_of(cloudstack: CloudStack, notes: Memo, command: str) -> Fate:
    """What a memo's order has come to. Nothing was ordered, and nothing pends, when the memo is empty."""
    if "job" in notes:
        job = cloudstack.job(notes["job"])
        is_pending = job is not None and job.status is JobStatus.PENDING
        return Fate(is_pending, notes.values, (job,) if job and not is_pending else (), is_known=True)
    if "intent" not in notes:
        return Fate()
    earliest = datetime.fromisoformat(notes["intent"]["at"]) - CLOCKS_DIFFER
    latest = notes.given_up_at + settings.REQUEST_HELD + CLOCKS_DIFFER
    if notes.now > latest + JOB_LASTS:
        return Fate()
    jobs = cloudstack.pending_jobs(command)
    pending = {job.id for job in jobs if job.created is None or earliest <= job.created <= latest}
    known = [*notes.get("suspects", ()), *(pending - set(notes.get("suspects", ())))]
    ended = [job for job in map(cloudstack.job, (each for each in known if each not in pending)) if job is not None]
    # One may have been pending a moment ago, beyond the window of the list; it is requested by its id.
    over = tuple(job for job in ended if job.status is not JobStatus.PENDING)
    return Fate(len(over) < len(ended) or bool(pending), {**notes.values, "suspects": known}, over)
