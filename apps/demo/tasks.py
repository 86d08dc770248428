"""What the seed of the demo sets going."""

from __future__ import annotations

from celery import shared_task

from apps.demo import fabric, links, services

EVERY_SECONDS = 3
#: For so many rounds: what could not be asked for within a quarter of an hour comes with the next start.
MOST_ROUNDS = 300


@shared_task(name="demo.furnish")
def furnish(rounds: int = MOST_ROUNDS) -> None:
    is_more = [services.furnish(), fabric.furnish(), links.furnish()]
    if any(is_more) and rounds > 1:
        furnish.apply_async((rounds - 1,), countdown=EVERY_SECONDS)
