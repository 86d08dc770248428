"""What every answer carries: the content security policy; for htmx, what it can place in a page; how it is sent.

What comes in is judged in `apps.kernel.intake`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from apps.kernel.pages import SOMEBODY_ELSE, address_shown, notice, wants_part
from apps.kernel.views import refused

NO_PAGE = "There is no page at this address: it is where a form is sent to, or it cannot be written to."
Next = Callable[[HttpRequest], HttpResponse]

#: The words of a time, which the page keeps true by itself, and a token, which is masked anew each time.
PASSING = re.compile(rb"""(<time\b[^>]*>).*?</time>|(?<=name="csrfmiddlewaretoken" value=")[^"]*""", re.DOTALL)

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Compression(GZipMiddleware):
    """Compresses what was asked for with GET and without a query.

    Who can see how long an answer is, and has somebody's browser ask for one with guesses in its address, finds out
    what else stands in it: the closer the guess, the shorter the answer (BREACH). So nothing is compressed in which
    something of the request comes back: searches, forms that were refused, pages of errors. The token in every form
    would not be found that way in any case, because it is masked anew for each answer; a secret that is shown once
    answers a POST. What has an `ETag` goes as it is: compressed, its tag would no longer do for `If-Match`.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_plain = not request.META.get("QUERY_STRING") or getattr(response, "echoes_nothing", False)
        is_asked_plainly = request.method == "GET" and is_plain
        if not is_asked_plainly or response.status_code != 200 or response.streaming or response.has_header("ETag"):
            return response
        return super().process_response(request, response)


class ContentSecurityPolicy:
    """Only our own files run. A view that needs more (the API's documentation) sets the header itself."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class WrongMethods:
    """Says in words what Django refuses without any: an address that only takes presses was opened, or the reverse."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or response.content:
            return response
        worded = refused(request, 405, "method-not-allowed", NO_PAGE, "405.html")
        worded.headers["Allow"] = response.headers["Allow"]
        return worded


class Parts:
    """Whatever htmx asks for, it gets a part or something that it obeys: never a page inside the page.

        the answer is                   htmx is told
        a way to the sign-in page       a notice, 401: the page and what has been typed stay
        another redirect                to open that address
        a whole page about this one     to load the page anew: it has become another, such as that of a deleted VPC
        another whole page              to open it, if it was asked for with GET; else a notice
        an error                        the notice that its view has made (`apps.kernel.views`)

    What an open page has already is not sent again: it names in the header `Weft-Seen` the part that it was given last,
    by the digest that came with it as `Weft-Part`, and is told 204 as long as that is what it would get.

    It says in the header `Weft-CSRF` which token counts now: who signs in again, in another tab, gets a new one, and a
    form that was open all the time must not be refused for the old. The page of somebody else is not told.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not wants_part(request):
            return response
        response = self._unless_seen(request, self._obeyed(request, response))
        if "CSRF_COOKIE" in request.META and response.headers.get("Weft-Notice") != SOMEBODY_ELSE:
            response.headers["Weft-CSRF"] = get_token(request)
        return response

    @staticmethod
    def _unless_seen(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        seen = request.headers.get("Weft-Seen")
        if seen is None or response.status_code != 200 or not response.content:
            return response
        digest = _digest(response.content)
        if digest == seen:
            response = _with_cookies(HttpResponse(status=204), response)
        response.headers["Weft-Part"] = digest
        return response

    @staticmethod
    def _obeyed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        shown = address_shown(request)
        if location := response.headers.get("Location"):
            if urlsplit(location).path == resolve_url(settings.LOGIN_URL):
                return _signed_out(shown)
            return _with_cookies(HttpResponseClientRedirect(location), response)
        if not _is_page(response):
            return response
        if response.status_code >= 400 or request.method != "GET":
            return notice(response.status_code, "no-part", "This could not be shown. Reload the page and try again.")
        if shown.partition("?")[0] == request.path:
            return _with_cookies(HttpResponseClientRefresh(), response)
        return _with_cookies(HttpResponseClientRedirect(request.get_full_path()), response)


def _signed_out(shown: str) -> HttpResponse:
    following = urlencode({"next": shown})
    message = "You are signed out. What you have typed is still here."
    return notice(
        401, "signed-out", message, url=f"{resolve_url(settings.LOGIN_URL)}?{following}", label="Sign in again"
    )


def _digest(part: bytes) -> str:
    """The same for parts that differ in nothing but what changes by itself: how long ago something was, and the masks
    of the tokens in forms."""
    return sha256(PASSING.sub(rb"\1", part)).hexdigest()[:32]


def _is_page(response: HttpResponse) -> bool:
    return not response.streaming and b"<html" in response.content[:1000].lower()


def _with_cookies(response: HttpResponse, origin: HttpResponse) -> HttpResponse:
    response.cookies = origin.cookies
    return response
