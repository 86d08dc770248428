"""Answers that belong to no app: what is shown when something is not as it should be.

Each is one of three, by who asks: a problem for the API, a part for htmx, a page for everybody else.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from apps.kernel.api.problems import MEDIA_TYPE, MISTAKE, passing_trouble, problem_body
from apps.kernel.errors import Refused
from apps.kernel.pages import notice, wants_part

API = "/api/"


def refusal(
    path: str,
    status: int,
    code: str,
    message: str,
    *,
    field: str | None = None,
    is_part: bool = False,
    template: str = "400.html",
    **context: Any,
) -> HttpResponse:
    """In the form of whoever asks. Nothing here needs the database, a session, or a request that can be read."""
    if path.startswith(API):
        body = problem_body(status, [Refused(code, message, field)])
        return JsonResponse(body, status=status, content_type=MEDIA_TYPE)
    if is_part:
        return notice(status, code, message)
    page = render_to_string(template, {"message": message, "status": status, **context})
    return HttpResponse(page, status=status)


def refused(request: HttpRequest, status: int, code: str, message: str, template: str) -> HttpResponse:
    return refusal(request.path, status, code, message, is_part=wants_part(request), template=template, request=request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long, or its cookie is gone. A part brings the page a new token along."""
    message = "This page was opened before you last signed in. Nothing was changed; press once more."
    return refused(request, 403, "stale-form", message, "403_csrf.html")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """To whoever may look but not do this. `exception` says why."""
    return refused(request, 403, "forbidden", str(exception), "403.html")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    message = "This is not here any more, or it belongs to another tenant. Reload the page to see what there is."
    return refused(request, 404, "not-found", message, "404.html")


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while the exception is handled, which tells whether it is Weft's mistake."""
    if passing := passing_trouble(sys.exception()):
        reason, seconds = passing
        response = refused(request, 503, reason.code, reason.message, "503.html")
        response.headers["Retry-After"] = str(seconds)
        return response
    return refused(request, 500, MISTAKE.code, MISTAKE.message, "500.html")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses by itself, and what a page says it cannot read (`BadRequest`)."""
    match exception:
        case BadRequest():
            message = str(exception)
        case DisallowedHost():
            message = "Weft is not at home under this host name."
        case RequestDataTooBig():
            message = "The request's body is too large."
        case _:
            message = "Something in the request is malformed."
    return refused(request, 400, "malformed-request", message, "400.html")
