"""Letting a service take part in a transaction of the API's.

Services are `transaction.atomic(durable=True)`: each is a transaction of its own and refuses to run inside another. The
API has two things that belong into the same transaction as the change: nobody else changes the object between the check
of `If-Match` and the change, and an idempotency key is noted if and only if the change is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def joined(service: Callable[P, T]) -> Callable[P, T]:
    """The service without its own transaction, for a caller that has one open."""
    bare = inspect.unwrap(service)
    if bare is service:
        raise TypeError(f"{service!r} has no transaction to leave out")
    return cast(Callable[P, T], bare)
