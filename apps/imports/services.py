"""Bringing a sheet, having its rows sent, and stopping that.

bring()    a row for each line, with what is wrong with it or what would be sent; one transaction, nothing is sent
send()     marks it, and rings
go_on()    1. one row at a time is ordered: row and operation are bound in one transaction, so it happens once
           2. not more than `AT_WORK` of one import are at work; a higher rank waits for the lower ones
           3. over when nothing is left and nothing is at work

Beat rings for `go_on` as well, so whatever breaks it off, the next one goes on where it stopped.
"""

from __future__ import annotations

import logging
from typing import Any

import redis
from celery import current_app
from django.db import InterfaceError, OperationalError, connection, transaction
from kombu.exceptions import OperationalError as NoBroker

from apps.imports.kinds import kind_of
from apps.imports.models import Import, Row, Standing
from apps.imports.queries import counts
from apps.imports.reading import Line, read
from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.kernel.locks import is_lost, try_again
from apps.operations.models import Priority
from apps.tenancy.actors import Platform
from apps.tenancy.services import audit

logger = logging.getLogger("weft.imports")

TASK = "imports.go_on"
#: Operations of one import at a time: people who do a single thing beside it do not wait for a long sheet.
AT_WORK = 50
#: Imports that wait to be sent.
MOST_KEPT = 100
BATCH = 500


@transaction.atomic(durable=True)
def bring(kind: str, sheet: str, *, by: Platform) -> Import:
    """Keep a sheet with its report. Nothing is sent. Raises `Refused` for what is no sheet of this kind."""
    lines = read(kind_of(kind), sheet, by)
    if Import.objects.filter(sent_at=None).count() >= MOST_KEPT:
        raise Refused("too-many-imports", f"{MOST_KEPT} imports wait to be sent already. Send some of them first.")
    imported = Import.objects.create(kind=kind, by=by.actor.name)
    Row.objects.bulk_create([_row(imported, line) for line in lines], batch_size=BATCH)
    audit(by.actor, "import.bring", imported, tenant=None, new={"rows": len(lines)})
    return imported


def _row(imported: Import, line: Line) -> Row:
    checked = line.checked
    faults = [{"code": each.code, "message": each.message, "column": each.field or ""} for each in checked.faults]
    standing = Standing.FAULTY if faults else Standing.READY if checked.order else Standing.SAME
    return Row(
        id=Row.id_of(imported, line.number),
        imported=imported,
        line=line.number,
        rank=checked.rank,
        standing=standing,
        what=checked.what[:300],
        cells=dict(line.cells),
        sends=dict(checked.sends),
        order=dict(checked.order),
        faults=faults,
    )


@transaction.atomic(durable=True)
def send(imported: Import, *, by: Platform) -> Import:
    """Have the rows sent that are right and were not sent yet, in the name of whoever says so."""
    imported = _held(imported)
    _need(imported, "send")
    imported.sender, imported.sender_user, imported.sender_token = by.actor.name, by.actor.user, by.actor.token
    imported.sent_at, imported.stopped_at, imported.stopped_for, imported.over_at = clock.now(), None, "", None
    imported.save()
    audit(by.actor, "import.send", imported, tenant=None)
    transaction.on_commit(_ring)
    return imported


@transaction.atomic(durable=True)
def stop(imported: Import, *, by: Platform) -> Import:
    """What is at work comes to its end; nothing more is sent."""
    imported = _held(imported)
    _need(imported, "stop")
    imported.stopped_at = clock.now()
    imported.save(update_fields=["stopped_at"])
    audit(by.actor, "import.stop", imported, tenant=None)
    return imported


def _held(imported: Import) -> Import:
    return Import.objects.select_for_update(no_key=True, of=("self",)).get(pk=imported.pk)


def _need(imported: Import, action: str) -> None:
    if reason := imported.why_not(action, counts(imported)):
        raise Refused("not-now", reason)


def _ring() -> None:
    """Have it done at once; without a broker the next beat does it."""
    try:
        current_app.send_task(TASK, retry=False, ignore_result=True)
    except (NoBroker, redis.RedisError, OSError) as error:
        logger.warning("the doorbell is out of order: %s", error)


def go_on() -> int:
    """Order what may be ordered now, of every import. Gives how many rows were. What one import cannot do keeps no
    other from going; it is tried again by the next ring."""
    count = 0
    for imported in Import.objects.sending().order_by("sent_at").values_list("pk", flat=True):
        try:
            while try_again(lambda pk=imported: _order_next(pk)):  # type: ignore[misc]
                count += 1
        except Exception:
            logger.exception("import %s does not go on", imported)
    return count


@transaction.atomic(durable=True)
def _order_next(pk: Any) -> bool:
    """One row, unless another worker is at it."""
    imported = Import.objects.sending().select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(pk=pk)
    found = imported.select_related("sender_user", "sender_token").first()
    if found is None:
        return False
    at_work = found.rows.at_work()
    row = found.rows.filter(standing=Standing.READY).order_by("rank", "line").first()
    if row is None:
        if not at_work.exists():
            found.over_at = clock.now()
            found.save(update_fields=["over_at"])
        return False
    if at_work.count() >= AT_WORK or at_work.filter(rank__lt=row.rank).exists():
        return False
    if (platform := found.platform) is None:
        found.stopped_at, found.stopped_for = clock.now(), f"{found.sender} may not do this any more."
        found.save(update_fields=["stopped_at", "stopped_for"])
        return False
    _order(found, row, platform)
    return True


def _order(imported: Import, row: Row, by: Platform) -> None:
    """Row and operation are written together. What one row cannot do keeps no other from going."""
    try:
        with transaction.atomic():
            operation = kind_of(imported.kind).order(row.order, by)
            operation.priority = Priority.BULK
            operation.save(update_fields=["priority"])
            connection.check_constraints()  # else only at the commit, which is the whole import's
    except Refused as refusal:
        row.standing = Standing.REFUSED
        row.faults = [{"code": each.code, "message": each.message, "column": each.field or ""} for each in refusal.all]
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError) and (is_lost(error) or not connection.is_usable()):
            raise
        logger.exception("import %s, line %s", imported.pk, row.line)
        row.standing = Standing.REFUSED
        row.faults = [
            {"code": "our-mistake", "message": "Something went wrong on our side. It is logged.", "column": ""}
        ]
    else:
        row.standing, row.operation = Standing.ORDERED, operation
    row.save(update_fields=["standing", "operation", "faults"])
