"""Pages by cursor: `{"next", "previous", "results"}`, newest first. Rows that come or go meanwhile shift nothing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from apps.kernel.errors import Refused

LIMIT = 500


class CursorPages(CursorPagination):
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = LIMIT
    page_size_query_description = f"How many to return, at most {LIMIT}; 50 if not given."
    cursor_query_description = "Where to go on: part of the address in `next` or `previous`, to be taken as it is."
    ordering = ("-created_at", "-id")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValidationError, ValueError, OverflowError) as error:
            message = "This cursor leads nowhere. Take `next` and `previous` as they are, or start without a cursor."
            raise Refused("cursor-invalid", message, "cursor") from error

    def get_page_size(self, request: Request) -> int:
        wanted = request.query_params.get("limit")
        if wanted is None:
            return self.page_size
        if not (wanted.isascii() and wanted.isdecimal() and int(wanted[:9])):
            raise Refused("limit-invalid", f"Give a number from 1 to {LIMIT}.", "limit")
        return min(int(wanted[:9]), LIMIT)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }
