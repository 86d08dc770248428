"""The order in which rows are locked, and what is done when a transaction loses nevertheless.

    1. an idempotency key
    2. what the tenant uses of its quotas, of all resources, before whatever changes that
    3. a VPC, then its tiers by id
    4. any other row that an operation makes real (an account, a zone)
    5. a name that an operation is to give, then its lanes by their names, for whoever takes a place in them
    6. the operation

Who belongs to a tenant is changed under the tenant's row, then the membership's; none of those above comes after them.

Who needs several of them takes them in this order, whatever it writes first. An operation comes last because to start
one may mean to wait for another: its index lets one live operation hold a lock key, so an insert waits for whoever is
just ending the operation that holds it, and that one needs the rows.

Rows are locked `FOR NO KEY UPDATE`: nothing changes their keys, and a stronger lock would hold up every insert that
refers to them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection, models

logger = logging.getLogger("weft.locks")

T = TypeVar("T")

#: What PostgreSQL says to a transaction that it has ended for the sake of another: nothing of it was kept.
LOST = frozenset({"40P01", "40001"})
TRIES = 5


def is_lost(error: Exception) -> bool:
    """The transaction met another's, and may simply be tried again."""
    return getattr(error.__cause__, "sqlstate", None) in LOST


def try_again(transaction: Callable[[], T], *, waits: Sequence[float] = ()) -> T:
    """Run a whole transaction, again and at once when it loses against another.

    `waits` are for one whose content is known nowhere else: the seconds after which it is tried again when the database
    does not answer. It may then have been committed already, and has to find that out itself.
    """
    pauses = iter(waits)
    losses = 0
    while True:
        try:
            return transaction()
        except (OperationalError, InterfaceError) as error:
            if is_lost(error) and (losses := losses + 1) < TRIES:
                logger.warning("a transaction has lost against another, and is tried again: %s", error)
                continue
            if is_lost(error) or (pause := next(pauses, None)) is None:
                raise
            logger.warning("the database does not answer; tried again in %s s: %s", pause, error)
            connection.close()
            time.sleep(pause)


def hold_rows(rows: models.QuerySet[models.Model]) -> None:
    """Lock these rows until the transaction ends, by their ids."""
    list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def hold_name(name: str) -> None:
    """Lock what has no row of its own until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def hold_names(names: Iterable[str]) -> None:
    """Lock several of them, in the order of the alphabet."""
    for name in sorted(names):
        hold_name(name)


def hold_row(row: models.Model) -> None:
    hold_rows(type(row)._default_manager.filter(pk=row.pk))
