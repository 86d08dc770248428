"""What beat runs in the sweeps' processes: surveying the fabrics of which something was read."""

from __future__ import annotations

from celery import shared_task

from apps.fabric import surveys


@shared_task(name=surveys.TASK)
def survey() -> None:
    surveys.survey_all()
