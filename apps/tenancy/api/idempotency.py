"""`Idempotency-Key`: a POST that is sent again because its answer was lost does not happen twice.

The key's row, the change and the answer are one transaction:

1. The key is inserted. A second request with it waits here until the first one's transaction is over (the unique index
   makes it wait), then finds the first one's answer, or nothing when that was refused.
2. The change is made and the answer noted beside the key.
3. All of it commits, or none: a crash anywhere before leaves neither key nor change, and a refusal leaves no key.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.tenancy.api.callers import caller_of
from apps.tenancy.models import IdempotencyKey

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LENGTH = 255


def once(request: Request, make: Callable[[], Response], *, shown_once: str = "") -> Response:
    """The answer of `make`, called in a transaction; or the earlier answer to the same key.

    `shown_once` is a field of the answer that is kept nowhere, and is null in later answers.

    Whatever depends on rows belongs into `make`: what the first request referred to may be gone when it is repeated.
    """
    key = request.headers.get(HEADER)
    with transaction.atomic(durable=True):
        if key is None:
            return make()
        row, is_new = _claim(request, key)
        if not is_new:
            return _replay(row)
        response = make()
        body = response.data | {shown_once: None} if shown_once else response.data
        row.answer = {"status": response.status_code, "body": body, "location": response.get("Location")}
        row.save(update_fields=["answer"])
        return response


def _claim(request: Request, key: str) -> tuple[IdempotencyKey, bool]:
    """The key's row, and whether it is ours. Raises `Refused` when the key stands for another request."""
    if not 0 < len(key) <= LENGTH or not key.isprintable():
        raise Refused("idempotency-key-invalid", f"An {HEADER} has 1 to {LENGTH} printable characters.", HEADER)
    _forget_old()
    owner, digest = caller_of(request).key, _digest(request)
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(owner=owner, key=key, digest=digest), True
    except IntegrityError:
        row = IdempotencyKey.objects.get(owner=owner, key=key)
    if row.digest != digest:
        raise Refused(
            "idempotency-key-reused",
            "This key was used for another request within the last 24 hours. Take a new key for a new request.",
            HEADER,
        )
    return row, False


def _replay(row: IdempotencyKey) -> Response:
    headers = {"Idempotency-Replayed": "true"}
    if row.answer["location"]:
        headers["Location"] = row.answer["location"]
    return Response(row.answer["body"], status=row.answer["status"], headers=headers)


def _digest(request: Request) -> str:
    """What was asked for, whatever the order and spacing of its JSON. Keyed: a body may hold a secret that somebody who
    has the database could guess."""
    body: Any = json.dumps(request.data, sort_keys=True)
    said = f"{request.method} {request.path.lower()}\n{body}"
    return salted_hmac("weft.idempotency", said, algorithm="sha256").hexdigest()


def _forget_old() -> None:
    """Skips what another request is just forgetting, so that two never wait for each other here."""
    old = IdempotencyKey.objects.filter(created_at__lt=clock.now() - KEPT).order_by("pk")
    rows = list(old.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:500])
    if rows:
        IdempotencyKey.objects.filter(pk__in=rows).delete()
