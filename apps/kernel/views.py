"""Answers that belong to no app: what is shown when something is not as it should be."""

from __future__ import annotations

from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from apps.kernel.api.problems import MEDIA_TYPE, problem_body
from apps.kernel.errors import Refused
from apps.kernel.pages import wants_part

API = "/api/"


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long, or its cookie is gone. Nothing was changed."""
    return render(request, "403_csrf.html", status=403)


def refusal(
    path: str, status: int, code: str, message: str, *, field: str | None = None, is_part: bool = False
) -> HttpResponse:
    """To a request that cannot be read, in the form of whoever asks: a problem, a part for htmx, or a page."""
    if path.startswith(API):
        body = problem_body(status, [Refused(code, message, field)])
        return JsonResponse(body, status=status, content_type=MEDIA_TYPE)
    template, context = "400.html", {"message": message, "status": status}
    if is_part:
        template, context = "components/callout.html", {"kind": "error", "text": message}
    return HttpResponse(render_to_string(template, context), status=status)


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
    return refusal(request.path, 400, "malformed-request", message, is_part=wants_part(request))
