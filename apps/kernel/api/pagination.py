"""Pages by cursor: `{"next", "previous", "results"}`, newest first.

A cursor names the row at the edge of a page by what it is ordered by, and the direction. Rows that come or go meanwhile
shift nothing, rows of the same moment are told apart by their ids, and no page costs more than another. (REST
framework's own cursors name the moment alone, and skip rows when turning back among rows that share one.)
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from django.db.models import Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from apps.kernel.errors import Refused

LIMIT = 500
USUAL = 50


@dataclass(frozen=True)
class Cursor:
    """The rows older than this one, or, backwards, those newer."""

    is_backwards: bool
    created_at: datetime
    id: UUID

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError or OverflowError."""
        direction, moment, row_id = urlsafe_b64decode(text.encode("ascii")).decode("ascii").split(" ")
        if direction not in ("older", "newer"):
            raise ValueError(direction)
        return cls(direction == "newer", datetime.fromisoformat(moment).replace(tzinfo=UTC), UUID(row_id))

    def __str__(self) -> str:
        moment = self.created_at.astimezone(UTC).replace(tzinfo=None)
        text = f"{'newer' if self.is_backwards else 'older'} {moment.isoformat()} {self.id}"
        return urlsafe_b64encode(text.encode("ascii")).decode("ascii")

    def narrow(self, rows: Any, moment: str, identity: str) -> Any:
        """The condition on the moment alone is implied by the other one; it is what the index serves."""
        way = "gt" if self.is_backwards else "lt"
        same = Q(**{moment: self.created_at, f"{identity}__{way}": self.id})
        found = rows.filter(Q(**{f"{moment}__{way}": self.created_at}) | same, **{f"{moment}__{way}e": self.created_at})
        return found.order_by(moment, identity) if self.is_backwards else found


class CursorPages(BasePagination):
    """For rows with a moment and a UUID; `moment` and `identity` are the names of these columns."""

    moment = "created_at"
    identity = "id"
    next_cursor: Cursor | None = None
    previous_cursor: Cursor | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.address = request.build_absolute_uri()
        limit, cursor = _limit(request), _cursor(request)
        rows = queryset.order_by(f"-{self.moment}", f"-{self.identity}")
        found = list((cursor.narrow(rows, self.moment, self.identity) if cursor else rows)[: limit + 1])
        has_more, page = len(found) > limit, found[:limit]
        is_backwards = cursor is not None and cursor.is_backwards
        if is_backwards:
            page.reverse()
        if page and (has_more or is_backwards):
            self.next_cursor = self._at(page[-1], is_backwards=False)
        if page and (has_more if is_backwards else cursor):
            self.previous_cursor = self._at(page[0], is_backwards=True)
        return page

    def _at(self, row: Any, *, is_backwards: bool) -> Cursor:
        return Cursor(is_backwards, getattr(row, self.moment), getattr(row, self.identity))

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self._link(self.next_cursor), "previous": self._link(self.previous_cursor)}
        return Response({**links, "results": data})

    def _link(self, cursor: Cursor | None) -> str | None:
        bare = remove_query_param(self.address, "cursor")
        return None if cursor is None else replace_query_param(bare, "cursor", str(cursor))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        cursor = "Where to go on: part of the address in `next` or `previous`, to be taken as it is."
        limit = f"How many to return: {USUAL} if not given, and never more than {LIMIT}."
        number = {"type": "integer", "minimum": 1, "maximum": LIMIT, "default": USUAL}
        return [
            {"name": "cursor", "in": "query", "required": False, "description": cursor, "schema": {"type": "string"}},
            {"name": "limit", "in": "query", "required": False, "description": limit, "schema": number},
        ]


def _limit(request: Request) -> int:
    wanted = request.query_params.get("limit", str(USUAL))
    if not (wanted.isascii() and wanted.isdecimal() and wanted.strip("0")):
        raise Refused("limit-invalid", f"Give a number from 1 to {LIMIT}.", "limit")
    return LIMIT if len(wanted) > 9 else min(int(wanted), LIMIT)


def _cursor(request: Request) -> Cursor | None:
    text = request.query_params.get("cursor")
    try:
        return None if text is None else Cursor.parse(text)
    except (ValueError, OverflowError) as error:
        message = "This cursor leads nowhere. Take `next` and `previous` as they are, or start without a cursor."
        raise Refused("cursor-invalid", message, "cursor") from error
