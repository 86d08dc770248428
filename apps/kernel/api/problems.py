"""The one shape in which the API says no: `application/problem+json` (RFC 9457) with `code`, `field` and `errors`.

    raised                          status   code
    Refused                         422      its own; 409 when `Busy` or `not-now`, 403 when `Forbidden`
    ValidationError                 422      what is wrong with the field: `name-missing`, `wrong-type`, `unknown-field`
    ParseError                      400      malformed-json
    Http404                         404      not-found, in the same words for what is not there and what is another's
    Throttled                       429      throttled, with `Retry-After`
    the database is away            503      unavailable, with `Retry-After`
    two changes met                 503      try-again, with `Retry-After`
    anything unexpected             500      internal-error; logged with its traceback

`errors` lists everything that is wrong, up to a number, and then how many more; `code`, `detail` and `field` repeat its
first line.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.response import Response

from apps.kernel.errors import Busy, Forbidden, Refused, shortened
from apps.kernel.locks import is_lost

logger = logging.getLogger("weft.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5

MISTAKE = Refused("internal-error", "Weft made a mistake. It has been noted; try again later.")

#: Refusals that are about the state of a thing and not about the request.
CONFLICTS = {"not-now"}

CODES = {
    "parse_error": "malformed-json",
    "null": "wrong-type",
    "invalid": "wrong-type",
    "not_a_list": "wrong-type",
    "null_characters_not_allowed": "{leaf}-unprintable",
    "surrogate_characters_not_allowed": "{leaf}-unprintable",
    "required": "{leaf}-missing",
    "max_length": "{leaf}-too-long",
}


class ErrorRead(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField(help_text="What is wrong, for programs.")
    field = serializers.CharField(allow_null=True, help_text="The input at fault, such as `tiers.0.cidr`.")
    detail = serializers.CharField(help_text="What is wrong and what to do, for people.")


class ProblemRead(serializers.Serializer[Any]):
    """A refusal (RFC 9457)."""

    type = serializers.CharField(help_text="Always `about:blank`; look at `code`.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong and what to do, for people.")
    code = serializers.CharField(help_text="What is wrong, for programs.")
    field = serializers.CharField(allow_null=True, help_text="The input at fault, null when it is the whole request.")
    errors = ErrorRead(  # type: ignore[assignment]  # the property of this name is for input
        many=True, help_text="Everything that is wrong; the fields above repeat the first."
    )


class ChangedMeanwhile(exceptions.APIException):
    """`members` are what the answer says beside that (RFC 9457 calls them extensions)."""

    members: Mapping[str, Any] = {}
    status_code = 412
    default_code = "changed-meanwhile"
    default_detail = (
        "It has changed since you read it. Read it again, then decide whether your change still makes sense."
    )


class NotChanged(exceptions.APIException):
    status_code = 412
    default_code = "not-changed"
    default_detail = "It is still in a state that If-None-Match excludes. Leave that header out to change it."


def answer(error: Exception, context: Mapping[str, Any]) -> Response:
    """The exception handler of REST framework."""
    match error:
        case Refused():
            return problem(_status_of(error), error.all)
        case exceptions.ValidationError():
            return problem(422, list(flatten(error.detail)))
        case Http404():
            return problem(404, [Refused("not-found", str(error) or "There is no such thing.")])
        case PermissionDenied():
            return problem(403, [Refused("forbidden", str(error) or "You may not do this.")])
        case exceptions.APIException():
            return _of_framework(error)
    if passing := passing_trouble(error):
        refusal, seconds = passing
        return problem(503, [refusal], **{"Retry-After": str(seconds)})
    logger.error("unexpected: %s", error, exc_info=error)
    got_request_exception.send(sender=answer, request=context.get("request"))
    return problem(500, [MISTAKE])


def passing_trouble(error: BaseException | None) -> tuple[Refused, int] | None:
    """What to say, and after how many seconds to try again, when nothing is wrong with the request or with Weft."""
    match error:
        case OperationalError() if is_lost(error):
            logger.error("a request has lost against another", exc_info=error)
            lost = Refused("try-again", "Another change was made at the same moment. Nothing was changed; try again.")
            return lost, 1
        case OperationalError() | InterfaceError():
            logger.error("the database is away", exc_info=error)
            away = Refused("unavailable", "Weft cannot reach its database. Nothing was changed; try again in a moment.")
            return away, RETRY_AFTER
    return None


def problem(status: int, refusals: Sequence[Refused], **headers: str) -> Response:
    return Response(problem_body(status, refusals), status=status, headers=headers, content_type=MEDIA_TYPE)


def problem_body(status: int, refusals: Sequence[Refused]) -> dict[str, Any]:
    first = refusals[0]
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": first.message,
        "code": first.code,
        "field": first.field,
        "errors": [{"code": one.code, "field": one.field, "detail": one.message} for one in shortened(refusals)],
    }


def flatten(detail: Any, path: str = "") -> Iterator[Refused]:
    """REST framework's nest of dicts and lists as refusals, whose fields are written `tiers.0.cidr`."""
    if isinstance(detail, Mapping):
        for name, below in detail.items():
            is_whole = name == "non_field_errors"
            yield from flatten(below, path if is_whole else f"{path}.{name}".lstrip("."))
    elif isinstance(detail, list):
        for number, below in enumerate(detail):
            is_row = isinstance(below, Mapping)
            yield from flatten(below, f"{path}.{number}".lstrip(".") if is_row else path)
    else:
        code = getattr(detail, "code", "invalid")
        leaf = path.rpartition(".")[2] or "value"
        text = f"“{leaf}” is missing." if code == "required" else str(detail)
        yield Refused(CODES.get(code, code).format(leaf=leaf).replace("_", "-"), text, path or None)


def _status_of(refusal: Refused) -> int:
    if isinstance(refusal, Forbidden):
        return 403
    return 409 if isinstance(refusal, Busy) or refusal.code in CONFLICTS else 422


def _of_framework(error: exceptions.APIException) -> Response:
    headers = {"WWW-Authenticate": error.auth_header} if hasattr(error, "auth_header") else {}
    if wait := getattr(error, "wait", None):  # of one that is throttled
        headers["Retry-After"] = str(wait)
    answered = problem(error.status_code, list(flatten(error.detail)), **headers)
    if isinstance(error, ChangedMeanwhile):
        answered.data |= error.members
    return answered
