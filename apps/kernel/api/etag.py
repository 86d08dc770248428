"""`ETag` of one object, and the conditions that name it (RFC 9110): nobody overwrites what they have not seen.

    header          on GET                              on a change
    If-None-Match   304 when the object is as named     412 when it is as named
    If-Match                                            412 when it is not as named

The tag is a digest of the object as this caller sees it: whatever changes in the answer changes the tag, but for when
something was read. A newer reading that says the same is no other state, and nobody's condition fails for it. The tag
of an object that counts its versions ends with the number: "...-v7".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.http import parse_etags
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api.problems import ChangedMeanwhile, NotChanged

#: How fields end that tell when something was read.
READ_AT = "read_at"
VERSIONED = re.compile(r'"[0-9a-f]{32}-v([0-9]{1,9})"')


def etag_of(data: Any) -> str:
    version = data.get("version") if isinstance(data, Mapping) else None
    suffix = f"-v{version}" if isinstance(version, int) else ""
    return f'"{hashlib.sha256(JSONRenderer().render(_state(data))).hexdigest()[:32]}{suffix}"'


def _state(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _state(value) for key, value in data.items() if not str(key).endswith(READ_AT)}
    return [_state(each) for each in data] if isinstance(data, list | tuple) else data


def tagged(request: Request, data: Any) -> Response:
    """The object with its tag; 304 without it for a reader who has this very state."""
    etag = etag_of(data)
    headers = {"ETag": etag}
    if request.method in SAFE_METHODS and _is_known(request, etag):
        return Response(status=304, headers=headers)
    return Response(data, headers=headers)


def check(request: Request, show: Callable[[], Any]) -> None:
    """Raises `ChangedMeanwhile` or `NotChanged` when `show()` is not in the state that the caller makes a condition."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and wanted.strip() != "*" and etag_of(show()) not in parse_etags(wanted):
        raise ChangedMeanwhile
    if "If-None-Match" in request.headers and _is_known(request, etag_of(show())):
        raise NotChanged


def version_seen(request: Request) -> int | None:
    """The latest version that `If-Match` names. None where its tags are of no version."""
    named = map(VERSIONED.fullmatch, parse_etags(request.headers.get("If-Match", "")))
    return max((int(found[1]) for found in named if found), default=None)


def _is_known(request: Request, etag: str) -> bool:
    known = [tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))]
    return etag in known or "*" in known
