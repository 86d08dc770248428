"""`ETag` of one object and `If-Match` on its change, so that nobody overwrites what they have not seen.

The tag is a digest of the object as this caller sees it: whatever changes in the answer changes the tag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.problems import ChangedMeanwhile


def etag_of(data: Any) -> str:
    return f'"{hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'


def tagged(request: Request, data: Any) -> Response:
    """The object with its tag; 304 without it when the caller has this very state (`If-None-Match`)."""
    etag = etag_of(data)
    headers = {"ETag": etag}
    known = [tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))]
    if etag in known or "*" in known:
        return Response(status=304, headers=headers)
    return Response(data, headers=headers)


def check(request: Request, show: Callable[[], Any]) -> None:
    """Raises `ChangedMeanwhile` when the caller names a state in `If-Match` and `show()` is another by now."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and wanted.strip() != "*" and etag_of(show()) not in parse_etags(wanted):
        raise ChangedMeanwhile
